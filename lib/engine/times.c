/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long changes took: from the decision until an engine was let in, had served its first
 * packets, was parked. The engine itself notes when it served first (pdp_status.first_tsc); the
 * control thread looks for that a few times. Control thread.
 */
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "engine_priv.h"
#include "pdp_log.h"

#define FIRST_LOOK_US 1000
#define LOOKS	      6 /* each 4 times as late as the one before: 1.4 s in all */

const char *pdp_engines_time_name(enum pdp_engines_time which)
{
	static const char *const names[PDP_ENGINES_N_TIMES] = {
		[PDP_ENGINES_LET_IN] = "let_in",   [PDP_ENGINES_REACTION] = "reaction",
		[PDP_ENGINES_COLD] = "cold_start", [PDP_ENGINES_DRAIN] = "drain",
		[PDP_ENGINES_DETECT] = "detect",   [PDP_ENGINES_OUTAGE] = "outage",
	};

	return names[which];
}

void pdp_times_add(struct pdp_times *times, uint64_t us)
{
	const uint32_t value = (uint32_t)RTE_MIN(us, (uint64_t)UINT32_MAX);

	times->us[times->count++ % PDP_TIMES_KEPT] = value;
	times->last_us = value;
	times->max_us = RTE_MAX(times->max_us, value);
}

static int by_value(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

uint32_t pdp_times_percentile(const struct pdp_times *times, unsigned int pct)
{
	const unsigned int n = (unsigned int)RTE_MIN(times->count, (uint64_t)PDP_TIMES_KEPT);
	uint32_t sorted[PDP_TIMES_KEPT];

	if (n == 0)
		return 0;
	memcpy(sorted, times->us, n * sizeof(sorted[0]));
	qsort(sorted, n, sizeof(sorted[0]), by_value);
	return sorted[(n * pct + 99) / 100 - 1];
}

const struct pdp_times *pdp_engines_times(const struct pdp_engines *all, unsigned int vr,
					  enum pdp_engines_time which)
{
	return &all->pools[vr].times[which];
}

uint64_t times_add(const struct engine *e, enum pdp_engines_time which, uint64_t from_tsc,
		   uint64_t to_tsc)
{
	/* An heir may be faster than whoever decides. */
	const uint64_t us = to_tsc > from_tsc ? (to_tsc - from_tsc) * 1000000 / rte_get_tsc_hz()
					      : 0;

	pdp_times_add(&e->all->pools[e->vr].times[which], us);
	return us;
}

static uint64_t add(struct engine *e, enum pdp_engines_time which, uint64_t tsc)
{
	return times_add(e, which, e->decided_tsc, tsc);
}

/* @return true: its first packets are served, or it is no use to look again */
static bool look(struct engine *e)
{
	const struct pdp_status *s = e->status;
	uint64_t us;

	if (__atomic_load_n(&s->served, __ATOMIC_ACQUIRE) != s->activation)
		return ++e->first_looks == LOOKS;
	us = add(e, PDP_ENGINES_REACTION, s->first_tsc);
	if (e->outage_tsc != 0)
		times_add(e, PDP_ENGINES_OUTAGE, e->outage_tsc, s->first_tsc);
	PDP_LOG(INFO,
		"engine " ENGINE_FMT ": served its first packets %" PRIu64 " us after the decision",
		ENGINE_ARG(e), us);
	return true;
}

static void on_look(void *arg)
{
	struct engine *e = arg;

	e->first_timer = NULL;
	if (!look(e))
		e->first_timer = pdp_loop_timer(e->all->p.loop, FIRST_LOOK_US << 2 * e->first_looks,
						0, on_look, e);
}

void times_let_in(struct engine *e, uint64_t now)
{
	const bool cold = e->ready_tsc > e->decided_tsc;
	uint64_t us;

	if (e->decided_tsc == 0)
		return;
	us = add(e, cold ? PDP_ENGINES_COLD : PDP_ENGINES_LET_IN, now);
	PDP_LOG(INFO, "engine " ENGINE_FMT ": let in %" PRIu64 " us after the decision%s",
		ENGINE_ARG(e), us, cold ? ", newly started" : "");
	if (cold && e->outage_tsc == 0)
		return;
	e->first_looks = 0;
	e->first_timer = pdp_loop_timer(e->all->p.loop, FIRST_LOOK_US, 0, on_look, e);
}

void times_parked(struct engine *e)
{
	uint64_t us;

	if (e->decided_tsc == 0)
		return;
	us = add(e, PDP_ENGINES_DRAIN, rte_rdtsc());
	PDP_LOG(INFO, "engine " ENGINE_FMT ": parked %" PRIu64 " us after the decision",
		ENGINE_ARG(e), us);
}

void times_forget(struct engine *e)
{
	if (e->first_timer == NULL)
		return;
	pdp_timer_remove(e->first_timer);
	e->first_timer = NULL;
	/* It leaves before the next look was due. */
	if (e->status != NULL)
		look(e);
}
