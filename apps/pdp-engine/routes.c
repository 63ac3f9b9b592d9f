/* SPDX-License-Identifier: BSD-3-Clause */
/* Maps the routes of the VR's control plane for the plugin, read-only. Engine thread, once, before
 * the plugin is loaded. */
#include "runtime.h"

int rt_fib_attach(struct pdp_vr *vr, int fd, int qs_fd, char *err, size_t err_size)
{
	const int rc = pdp_fib_attach(&vr->fib, fd, qs_fd, vr->region->engine, err, err_size);

	vr->has_fib = rc == 0;
	return rc;
}
