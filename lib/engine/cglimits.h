/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How much memory and how many threads a sealed engine may have, by the kernel's control groups:
 * version 1 (controllers `memory` and `pids`) or 2, whichever can be had. A group for each engine,
 * which its processes join before they do anything:
 *
 *   version 1: <the primary's own group>/pdp-PREFIX-sealed/red.0, in both hierarchies
 *   version 2: the same, below the nearest group that gives memory and pids to groups below it.
 *              The primary's own cannot: it has processes. CPU shares of sealed engines are kept
 *              there too (limits_shares()), since a process is in one group only.
 *
 * Thread: control.
 */
#ifndef CGLIMITS_H
#define CGLIMITS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "shares.h"

#define LIMITS_TREES 2 /**< at most: version 1 has memory and pids apart */

struct limits;

/** The groups of one engine; "": none. Owner: the caller embeds it. */
struct limits_group {
	struct shares_group groups[LIMITS_TREES];
};

/**
 * Find trees with the controllers and make the node's groups in them. What a killed primary of the
 * same name left there is removed.
 * @param proc  SHARES_PROC; tests give a folder of their own
 * @param name  of the node's groups; no slash
 * @param why   out, on failure: where was looked, why it is no good, and what to do
 * @return NULL with errno: ENOENT (no such controllers), EACCES, EROFS, ENOMEM, ...
 */
struct limits *limits_open(const char *proc, const char *name, char *why, size_t why_size);

/** Remove the node's groups. NULL: nothing. */
void limits_close(struct limits *l);

/** @return "cgroup v1 at ... and ..." */
const char *limits_where(const struct limits *l);

/**
 * Make the groups of one engine.
 * @param memory_mb  of all its processes together, the kernel's and bubblewrap's part included
 * @param tasks      processes and threads, bubblewrap's two included
 * @return 0 or -errno; nothing is left then
 */
int limits_make(struct limits *l, struct limits_group *g, const char *name, unsigned int memory_mb,
		unsigned int tasks);

/** @return the i-th file that a process joins by, written to out; NULL: there are no more */
const char *limits_members(const struct limits *l, const struct limits_group *g, unsigned int i,
			   char out[PATH_MAX]);

/** @return the folder of the node's groups in tree i, written to out; NULL: there are no more */
const char *limits_path(const struct limits *l, unsigned int i, char out[PATH_MAX]);

/** Whether the kernel has killed a process of the group for memory. */
bool limits_memory_hit(const struct limits *l, const struct limits_group *g);

/**
 * End what is left in the groups of one engine, which is gone, and remove them. A bubblewrap that
 * was killed while it started leaves another of it, which waits for the first for ever.
 */
void limits_remove(struct limits *l, struct limits_group *g);

/** @return the tree that has the CPU shares of sealed engines too, or NULL: it is another one */
struct shares *limits_shares(struct limits *l);

#endif /* CGLIMITS_H */
