/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pid file: one primary of a file prefix at a time. Its lock goes with the process, and one
 * that was just killed may take a while to go: that is waited for. Main thread.
 */
#include <bsd/libutil.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "node.h"

#define DYING_MS    5000
#define LOOK_MS	    5
#define PF_EXITING  0x4u /* of the kernel's include/linux/sched.h: field `flags` of stat */
#define KILL_SIGNAL (UINT64_C(1) << (SIGKILL - 1))

/* A field of /proc/PID/status, hexadecimal. */
static uint64_t pending(int pid)
{
	char path[64], line[256];
	unsigned long long set = 0, one;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "SigPnd: %llx", &one) == 1 ||
		    sscanf(line, "ShdPnd: %llx", &one) == 1)
			set |= one;
	}
	if (f != NULL)
		fclose(f);
	return set;
}

/* Gone, a zombie, on its way out, or killed and not yet aware of it. */
static bool is_dying(int pid)
{
	char path[64], line[1024] = "", state = 'X';
	unsigned int flags = 0;
	const char *at;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return true;
	if (fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	fclose(f);
	at = strrchr(line, ')');
	if (at == NULL || sscanf(at + 1, " %c %*d %*d %*d %*d %*d %u", &state, &flags) != 2)
		return true;
	return state == 'Z' || state == 'X' || flags & PF_EXITING || pending(pid) & KILL_SIGNAL;
}

int pidfile_init(void)
{
	const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000};
	char path[200];
	pid_t other = 0;

	snprintf(path, sizeof(path), "%s/pdp-%s.pid", getuid() == 0 ? "/var/run" : "/tmp",
		 node.file_prefix);
	for (unsigned int ms = 0; ms < DYING_MS; ms += LOOK_MS) {
		node.pidfile = pidfile_open(path, 0600, &other);
		/* -1: it has not written its id yet, or was killed before. */
		if (node.pidfile != NULL || errno != EEXIST || (other > 0 && !is_dying(other)))
			break;
		nanosleep(&pause, NULL);
	}
	if (node.pidfile == NULL && errno == EEXIST)
		return complain("process %d runs with file prefix \"%s\" already; stop it (pdp-ctl "
				"--file-prefix %s "
				"stop) or use another --file-prefix",
				other, node.file_prefix, node.file_prefix);
	if (node.pidfile == NULL)
		return complain("cannot write %s: %s", path, strerror(errno));
	pidfile_write(node.pidfile);
	return 0;
}

void pidfile_fini(void)
{
	pidfile_remove(node.pidfile);
}
