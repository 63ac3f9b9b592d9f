/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sandbox of one sealed engine, as the primary knows it: part of struct engine. Control thread.
 */
#ifndef BOX_H
#define BOX_H

#include <stdbool.h>
#include <sys/types.h>

#include "cglimits.h"

struct engine;
struct pdp_engines;

struct box {
	pid_t launcher; /* bubblewrap, the primary's child; 0: none. Its pidfd is engine.pidfd */
	int pidfd;	/* of the engine itself, from its first message on; -1: none */
	struct limits_group groups;
	int log; /* what it writes to standard output and error is read here; -1: none */
	unsigned int log_left;
	struct pdp_watch *log_watch;
	struct pdp_timer *log_timer;
	char line[512]; /* the beginning of one whose end has not come yet */
	unsigned int line_len;
	char said[256]; /* its last line before its first message: why there is none */
};

/* See that sealed engines can be had at all; with sealed VRs only. @return 0, or -errno with err */
int boxes_open(struct pdp_engines *all, char *err, size_t err_size);
void boxes_close(struct pdp_engines *all);

/* @param sock  the engine's end of its socket, borrowed @return 0, or -errno with err */
int box_start(struct engine *e, int sock, char *err, size_t err_size);
/* Its first message came. @return 0, -EPERM (it is not who was started), -errno */
int box_met(struct engine *e, pid_t pid, uid_t uid);
/* Whether the engine itself is still there, though bubblewrap is not. */
bool box_lives(const struct engine *e);
/* The engine, or what is on the way to become one. */
void box_kill(const struct engine *e);
/* What bubblewrap's end (end_code, end_status) says of the engine's, in words, and as if it had
 * been the primary's own child. */
void box_how(struct engine *e, char *how, size_t size);
/* It ended before it said anything: its last line is why. */
void box_explain(struct engine *e);
/* Gone, or never started. What is left in its groups ends. */
void box_free(struct engine *e);

#endif /* BOX_H */
