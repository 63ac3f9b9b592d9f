/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which lcore id and which CPU an engine gets, and whether it may poll there. Two processes never
 * share an lcore id (mempool caches are indexed by it), but several ids may share a CPU. Control
 * thread.
 */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_lcore.h>

#include "engine_priv.h"
#include "pdp_log.h"

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

bool place_known(const struct pdp_engines *all, int cpu)
{
	for (unsigned int i = 0; i < all->p.n_cpus; i++) {
		if (all->p.cpus[i] == cpu)
			return true;
	}
	return false;
}

/* @return the online CPU of a list with the fewest engines, the nearest of those, or NO_CPU */
static uint32_t least_used(const struct pdp_engines *all, const uint16_t *cpus, unsigned int n)
{
	uint32_t best = NO_CPU;

	for (unsigned int i = 0; i < n; i++) {
		if (!all->cpu_offline[cpus[i]] &&
		    (best == NO_CPU || all->cpu_engines[cpus[i]] < all->cpu_engines[best]))
			best = cpus[i];
	}
	return best;
}

/* One of the VR's; where all of those are offline another of the node's. */
uint16_t place_best(const struct pdp_engines *all, unsigned int vr)
{
	const struct pdp_engines_vr *conf = &all->p.vrs[vr];
	uint32_t cpu = least_used(all, conf->cpus, conf->n_cpus);

	if (cpu == NO_CPU)
		cpu = least_used(all, all->p.cpus, all->p.n_cpus);
	return cpu != NO_CPU ? (uint16_t)cpu : all->p.cpus[0];
}

uint32_t place_for(const struct engine *e, uint16_t wanted)
{
	if (wanted != PDP_ENGINES_ANY_CPU && !e->all->cpu_offline[wanted])
		return wanted;
	return e->on_cpu && !e->all->cpu_offline[e->cpu] ? e->cpu : place_best(e->all, e->vr);
}

int place_take(struct pdp_engines *all, unsigned int vr, int wanted_cpu, uint32_t *lcore,
	       uint32_t *cpu)
{
	int rc;

	if (wanted_cpu >= 0 && !place_known(all, wanted_cpu))
		return -EINVAL;
	*lcore = NO_LCORE;
	/* Sealed engines know nothing of EAL. */
	rc = all->p.vrs[vr].sealed ? 0 : take_lcore(all, lcore);
	if (rc != 0)
		return rc;
	*cpu = wanted_cpu >= 0 ? (uint32_t)wanted_cpu : place_best(all, vr);
	return 0;
}

void place_give(struct pdp_engines *all, uint32_t lcore)
{
	if (lcore != NO_LCORE)
		all->lcore_used[lcore] = false;
}

static cpu_set_t only(uint32_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return set;
}

/* The other threads of a process follow its first, where they were bound to the same CPU, or were
 * before the kernel let them go. */
static void pin_others(pid_t pid, uint32_t old_cpu, uint32_t cpu)
{
	const cpu_set_t from = only(old_cpu != NO_CPU ? old_cpu : cpu), to = only(cpu);
	const struct dirent *d;
	char path[32];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir != NULL && (d = readdir(dir)) != NULL) {
		pid_t tid = (pid_t)atoi(d->d_name);
		cpu_set_t set;

		if (tid > 0 && tid != pid && sched_getaffinity(tid, sizeof(set), &set) == 0 &&
		    (old_cpu == NO_CPU || CPU_EQUAL(&set, &from)))
			sched_setaffinity(tid, sizeof(to), &to);
	}
	if (dir != NULL)
		closedir(dir);
}

/* Its loop's thread at once; place_apply() does the rest. @return the CPU where it is now */
static uint32_t pin(struct engine *e, uint32_t cpu)
{
	const cpu_set_t to = only(cpu);

	if (sched_setaffinity(e->pid, sizeof(to), &to) == 0) {
		e->unpinned = false;
		return cpu;
	}
	PDP_LOG(WARNING, "engine " ENGINE_FMT " stays on CPU %u; CPU %u: %s", ENGINE_ARG(e), e->cpu,
		cpu, strerror(errno));
	return e->cpu;
}

void place_enter(struct engine *e, uint32_t cpu, uint32_t pct)
{
	const bool free = e->unpinned;

	place_leave(e);
	if (e->pid != 0 && (cpu != e->cpu || free))
		cpu = pin(e, cpu);
	e->moved = e->moved || cpu != e->cpu || pct != e->pct || free;
	if (!e->moved)
		e->old_cpu = cpu;
	else if (free)
		e->old_cpu = NO_CPU;
	e->cpu = cpu;
	e->pct = pct;
	e->on_cpu = true;
	e->all->n_cpus_used += e->all->cpu_engines[cpu]++ == 0;
}

/*
 * The one place where an engine's CPU and its share of it (e->cpu, e->pct) are applied to the
 * process as a whole. It may take its time: packets come already.
 */
void place_apply(struct engine *e)
{
	weigh_apply(e);
	if (!e->moved)
		return;
	e->moved = false;
	if (e->cpu != e->old_cpu)
		pin_others(e->pid, e->old_cpu, e->cpu);
	e->old_cpu = e->cpu;
}

/* It sleeps from now on, or is gone. */
void place_leave(struct engine *e)
{
	if (e->on_cpu)
		e->all->n_cpus_used -= --e->all->cpu_engines[e->cpu] == 0;
	e->on_cpu = false;
}

/* @return engines that were on it */
static unsigned int goes_offline(struct pdp_engines *all, uint32_t cpu)
{
	unsigned int n = 0;

	for (unsigned int v = 0; v < all->p.n_vrs; v++) {
		for (unsigned int i = 0; i < all->pools[v].top; i++) {
			struct engine *e = all->by_vr[v][i];

			if (e == NULL || e->pid == 0 || e->cpu != cpu)
				continue;
			e->unpinned = true;
			n += e->on_cpu;
			if (e->by_hand)
				place_enter(e, place_for(e, PDP_ENGINES_ANY_CPU), e->pct);
		}
	}
	return n;
}

unsigned int pdp_engines_set_online(struct pdp_engines *all, const cpu_set_t *online)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < all->p.n_cpus; i++) {
		const uint16_t cpu = all->p.cpus[i];
		const bool was = all->cpu_offline[cpu];

		all->cpu_offline[cpu] = !CPU_ISSET(cpu, online);
		if (!was && all->cpu_offline[cpu])
			n += goes_offline(all, cpu);
	}
	for (unsigned int v = 0; v < all->p.n_vrs; v++) {
		if (all->pools[v].top != 0)
			resize_settle(all, v);
	}
	return n;
}

static bool should_poll(const struct engine *e)
{
	const struct pdp_engines *all = e->all;
	enum pdp_engine_poll poll = all->p.vrs[e->vr].poll;

	if (e->state != PDP_ENGINE_RUNNING && e->state != PDP_ENGINE_DRAINING)
		return false;
	return poll == PDP_ENGINE_POLL_BUSY ||
	       (poll == PDP_ENGINE_POLL_AUTO && !all->p.shares_md_cpu &&
		all->cpu_engines[e->cpu] == 1);
}

/* @return the engines whose mode changes, with the new one in busy_poll */
static struct engine *changes(struct pdp_engines *all)
{
	struct engine *list = NULL;

	for (unsigned int v = 0; v < all->p.n_vrs; v++) {
		for (unsigned int i = 0; i < all->pools[v].top; i++) {
			struct engine *e = all->by_vr[v][i];

			if (e == NULL || e->status == NULL || e->state < PDP_ENGINE_PARKED ||
			    e->state > PDP_ENGINE_DRAINING || e->busy_poll == should_poll(e))
				continue;
			e->busy_poll = !e->busy_poll;
			e->next_change = list;
			list = e;
		}
	}
	return list;
}

/* The MD looks for sleepers before an engine may be one, and stops only after it may not. */
void place_poll_modes(struct pdp_engines *all)
{
	struct engine *list = changes(all);
	int rc;

	for (struct engine *e = list; e != NULL; e = e->next_change) {
		struct pdp_status *status = e->status;

		if (!e->busy_poll)
			continue;
		/* Awake after this, and it looks at busy_poll before it sleeps again. */
		__atomic_store_n(&status->busy_poll, 1, __ATOMIC_SEQ_CST);
		pdp_status_wake(status);
	}
	if (list == NULL)
		return;
	rc = mds_may_sleep(all, list);
	for (struct engine *e = list; e != NULL; e = e->next_change) {
		/* An lcore that was not told would not wake it: then it goes on polling. */
		if (rc == 0 && !e->busy_poll)
			__atomic_store_n(&e->status->busy_poll, 0, __ATOMIC_SEQ_CST);
		else if (rc != 0)
			e->busy_poll = true;
	}
}
