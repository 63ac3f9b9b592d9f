/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CPU shares: engines that share a CPU are held to their slices by weights of the kernel's control
 * groups, version 1 or 2, whichever has the `cpu` controller. Work-conserving: what one leaves idle
 * the others may use; a quota (`strict`) takes even that away.
 *
 *   <the primary's own group>/pdp-PREFIX       as heavy as one ordinary task on every engine CPU,
 * so that a node starves nobody else there /red.0         one for each engine, weight by its slice
 *                               /md            the primary itself, where it shares CPUs with
 * engines
 *
 * Weights are version 2's: 1..10000, where an ordinary group has 100. A group's weight counts for
 * all CPUs together and the kernel divides it among those on which its members run; an engine runs
 * on one, so its weight is its weight there.
 *
 * Threads with a real-time policy (chrt) are not subject to weights: version 1 refuses to move them
 * here (a new group's cpu.rt_runtime_us is 0), and so it refuses SCHED_FIFO to members.
 *
 * Thread: control. Files of a few bytes are read and written; the first move of a process may take
 * some 20 ms (the kernel waits for its readers), others 15 us.
 */
#ifndef SHARES_H
#define SHARES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SHARES_PROC	  "/proc/self"
#define SHARES_WEIGHT_MIN 1u
#define SHARES_WEIGHT_MAX 10000u
#define SHARES_ORDINARY	  100u	 /**< weight of a group that nobody has changed */
#define SHARES_PERIOD_US  10000u /**< of quotas */

struct shares;

/** A group that exists, or ("") does not. Owner: the caller embeds it. */
struct shares_group {
	char name[64];
	unsigned int weight; /**< as written last; 0: not yet */
	unsigned int quota_pct;
};

/**
 * Find a cgroup tree with the `cpu` controller and make the node's group in it. Groups that a
 * killed primary of the same name left there are removed.
 * @param proc    SHARES_PROC; tests give a folder with `mountinfo` and `cgroup` of their own
 * @param name    of the group; no slash
 * @param n_cpus  CPUs that its members run on
 * @param why     out, on failure: where was looked, why it is no good, and what to do
 * @return NULL with errno: ENOENT (no tree with that controller), EACCES, EROFS, ENOMEM, ...
 */
struct shares *shares_open(const char *proc, const char *name, unsigned int n_cpus, char *why,
			   size_t why_size);

/** Move what is still in the node's groups to where the primary was, and remove them. NULL:
 * nothing. */
void shares_close(struct shares *s);

/** @return "cgroup v1 at /sys/fs/cgroup/cpu/pdp-lab" */
const char *shares_where(const struct shares *s);

/** @return the folder of the node's group */
const char *shares_folder(const struct shares *s);

/** Its members run on another number of CPUs from now on. */
void shares_cpus(struct shares *s, unsigned int n_cpus);

/**
 * Make a group, or take over one that is left from a killed primary.
 * @param g     out
 * @param name  no slash
 * @return 0 or -errno; g->name is "" then
 */
int shares_make(struct shares *s, struct shares_group *g, const char *name);

/** Move a process with all its threads into a group. @return 0 or -errno: EINVAL (it has real-time
 * threads), ESRCH (it is gone), ... */
int shares_move(struct shares *s, const struct shares_group *g, pid_t pid);

/** Set a weight; cut to what the kernel takes. Free where it is the old one. @return 0 or -errno */
int shares_weight(struct shares *s, struct shares_group *g, unsigned int weight);

/**
 * Allow so many percent of one CPU in every period, and no more. Below 10 % the period is longer,
 * since the kernel counts out 1 ms at least.
 * @param pct  1..99; 0 or 100 and more: no quota
 * @return 0 or -errno
 */
int shares_quota(struct shares *s, struct shares_group *g, unsigned int pct);

/** Remove a group; what is still in it goes to where the primary was. A group that the kernel still
 * finds busy is left for shares_close(). g->name "": nothing. */
void shares_remove(struct shares *s, struct shares_group *g);

#endif /* SHARES_H */
