/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long an engine without packets polls before it sleeps. To wake it costs the MD several us
 * where another engine runs on its CPU, which is longer than that one polls with nothing to do: it
 * would fall asleep meanwhile, and have to be woken next. So an engine polls longer than its
 * minimum, but only for as long as it has been busy: what it takes from others on its CPU by that
 * is never more than its work. Pure.
 */
#ifndef IDLE_H
#define IDLE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>

/* All in TSC cycles. */
struct rt_idle {
	uint64_t free;	 /* may be polled any time */
	uint64_t most;	 /* that may be saved up besides */
	uint64_t saved;	 /* what it has been busy, less what was polled for that */
	uint64_t polled; /* since there were packets, or it slept */
};

/* A turn with packets. */
static inline void rt_idle_busy(struct rt_idle *idle, uint64_t tsc)
{
	idle->saved = RTE_MIN(idle->saved + tsc, idle->most);
	idle->polled = 0;
}

/* A turn without. @return whether to poll on; false: it sleeps now */
static inline bool rt_idle_polls(struct rt_idle *idle, uint64_t tsc)
{
	idle->polled += tsc;
	if (idle->polled <= idle->free)
		return true;
	idle->saved -= RTE_MIN(tsc, idle->saved);
	if (idle->saved != 0)
		return true;
	idle->polled = 0;
	return false;
}

#endif /* IDLE_H */
