/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which lcore id and which CPU an engine gets, and whether it may poll there. Two processes never
 * share an lcore id (mempool caches are indexed by it), but several ids may share a CPU. Control
 * thread.
 */
#include <errno.h>

#include <rte_lcore.h>

#include "engine_priv.h"

static int take_lcore(struct pdp_engines *all, uint32_t *lcore)
{
	/* From the top: the primary's are at the bottom by habit. */
	for (uint32_t id = RTE_MAX_LCORE; id-- > 0;) {
		if (all->lcore_used[id] || rte_lcore_is_enabled(id))
			continue;
		all->lcore_used[id] = true;
		*lcore = id;
		return 0;
	}
	return -ENOSPC;
}

static bool known_cpu(const struct pdp_engines *all, int cpu)
{
	for (unsigned int i = 0; i < all->p.n_cpus; i++) {
		if (all->p.cpus[i] == cpu)
			return true;
	}
	return false;
}

int place_take(struct pdp_engines *all, int wanted_cpu, uint32_t *lcore, uint32_t *cpu)
{
	unsigned int best = 0;
	int rc;

	if (wanted_cpu >= 0 && !known_cpu(all, wanted_cpu))
		return -EINVAL;
	rc = take_lcore(all, lcore);
	if (rc != 0)
		return rc;
	/* The CPU with the fewest engines, the nearest of those. */
	for (unsigned int i = 1; i < all->p.n_cpus; i++) {
		if (all->cpu_engines[all->p.cpus[i]] < all->cpu_engines[all->p.cpus[best]])
			best = i;
	}
	*cpu = wanted_cpu >= 0 ? (uint32_t)wanted_cpu : all->p.cpus[best];
	all->cpu_engines[*cpu]++;
	return 0;
}

void place_give(struct pdp_engines *all, uint32_t lcore, uint32_t cpu)
{
	all->lcore_used[lcore] = false;
	all->cpu_engines[cpu]--;
}

struct may_sleep {
	struct engine *e;
	bool value;
};

static void set_may_sleep(struct pdp_md *md, void *arg)
{
	struct may_sleep *m = arg;
	struct pdp_chan *ch = pdp_md_engine_chan(md, m->e->vr, m->e->index);

	if (ch != NULL)
		ch->may_sleep = m->value;
}

/* The MD looks for sleepers before the engine may be one, and stops only after it may not. */
static void set_poll(struct engine *e, bool busy)
{
	struct pdp_status *status = pdp_region_status(e->region);
	struct may_sleep m = {.e = e, .value = !busy};

	if (e->busy_poll == busy)
		return;
	e->busy_poll = busy;
	if (busy) {
		/* Awake after this, and it looks at busy_poll before it sleeps again. */
		__atomic_store_n(&status->busy_poll, 1, __ATOMIC_SEQ_CST);
		pdp_status_wake(status);
	}
	for (unsigned int i = 0; i < e->all->p.n_md; i++) {
		if (pdp_md_call(e->all->p.mds[i], set_may_sleep, &m) != 0 && !busy) {
			/* That lcore would not wake it: it goes on polling. */
			e->busy_poll = true;
			return;
		}
	}
	if (!busy)
		__atomic_store_n(&status->busy_poll, 0, __ATOMIC_SEQ_CST);
}

void place_poll_modes(struct pdp_engines *all)
{
	for (unsigned int v = 0; v < all->p.n_vrs; v++) {
		for (unsigned int i = 0; i < PDP_ENGINES_MAX; i++) {
			struct engine *e = all->by_vr[v][i];
			enum pdp_engine_poll poll = all->p.vrs[v].poll;

			if (e == NULL || e->state != PDP_ENGINE_RUNNING)
				continue;
			set_poll(e,
				 poll == PDP_ENGINE_POLL_BUSY ||
					 (poll == PDP_ENGINE_POLL_AUTO && !all->p.shares_md_cpu &&
					  all->cpu_engines[e->cpu] == 1));
		}
	}
}
