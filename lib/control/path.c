/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the control socket is: the one rule that pdp-primary and pdp-ctl share. It follows
 * eal_create_runtime_dir().
 */
#include "pdp_control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int pdp_control_path(char *out, size_t size, const char *prefix)
{
	const char *folder = getenv("RUNTIME_DIRECTORY");
	int n;

	if (prefix == NULL)
		prefix = "rte";
	if (prefix[0] == '\0' || strchr(prefix, '/') != NULL)
		return -EINVAL;
	if (folder == NULL && getuid() == 0)
		folder = "/var/run";
	else if (folder == NULL)
		folder = getenv("XDG_RUNTIME_DIR");
	if (folder == NULL)
		folder = "/tmp";
	n = snprintf(out, size, "%s/dpdk/%s/pdp.sock", folder, prefix);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}
