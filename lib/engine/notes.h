/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a primary writes down for the next one of its file prefix, in case it is killed: the
 * processes that it started or let join, and the folders of control groups that it made. Text, a
 * line each, in its runtime folder:
 *
 *   pdp-left 1 BOOT_ID
 *   process PID START_TIME       overwritten in place when the process is gone (0 0) or another
 *   group PATH
 *
 * The next primary ends what is left of it (pdp_engines_end_old()). A process id alone names nobody
 * after a while: it is killed only if its start time and the machine's boot are those written down.
 *
 * Thread: control. A note costs two or three system calls; a note that cannot be written (disk
 * full) is left out, as engines end with their primary by themselves (PR_SET_PDEATHSIG).
 */
#ifndef NOTES_H
#define NOTES_H

#include <stddef.h>
#include <sys/types.h>

#define NOTES_FILE "pdp-left"

/** Of one primary. Owner: the caller embeds it. */
struct notes {
	char path[160];
	int fd; /**< -1: not open */
};

/**
 * Begin anew in a folder; what an earlier primary wrote there has been read.
 * @return 0 or -errno
 */
int notes_open(struct notes *n, const char *dir);

/** All of it is gone: remove the file. Not open: nothing. */
void notes_close(struct notes *n);

/**
 * Note a process.
 * @param at   in/out: where its line is; 0: none yet
 * @param pid  0: the one that was noted there is gone
 */
void notes_process(struct notes *n, off_t *at, pid_t pid);

/** Note a control group's folder; those below it are found. */
void notes_group(struct notes *n, const char *path);

/**
 * When a process was started, clock ticks since boot.
 * @return 0: there is no such process
 */
unsigned long long notes_start_time(pid_t pid);

#endif /* NOTES_H */
