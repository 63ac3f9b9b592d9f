/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The two files that a sealed engine gets, where its user can reach them: bound below a small file
 * system that hides /run, in a mount namespace of this process. It is gone with the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox_priv.h"

#define STAGE "/run"

static void bind_file(const char *from, const char *folder, char out[PATH_MAX])
{
	const char *name = strrchr(from, '/');
	int fd;

	snprintf(out, PATH_MAX, STAGE "/%s/%s", folder, name != NULL ? name + 1 : from);
	fd = open(out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
	if (fd < 0)
		die("%s: %s", out, strerror(errno));
	close(fd);
	if (mount(from, out, NULL, MS_BIND, NULL) != 0)
		die("cannot bind %s: %s", from, strerror(errno));
}

void stage(struct staged *s, const char *program, const char *plugin)
{
	*s = (struct staged){.program_from = program, .plugin_from = plugin};
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		die("cannot make a mount namespace: %s; a sealed engine takes CAP_SYS_ADMIN in "
		    "the primary",
		    strerror(errno));
	umask(0022);
	if (mount("pdp", STAGE, "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,mode=0755") != 0 ||
	    mkdir(STAGE "/program", 0755) != 0 || mkdir(STAGE "/plugin", 0755) != 0)
		die("cannot mount a file system on " STAGE ": %s", strerror(errno));
	bind_file(program, "program", s->program);
	if (plugin != NULL)
		bind_file(plugin, "plugin", s->plugin);
}
