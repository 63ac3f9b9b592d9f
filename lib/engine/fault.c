/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VRs whose engines die in a loop, by their own fault: after `deaths_max` of them in a row no more
 * are started, until somebody releases the VR. Those that are left go on. Control thread.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <rte_cycles.h>

#include "engine_priv.h"
#include "pdp_log.h"

#define FORGOTTEN_S 60 /* after that long without one, faults are counted from the beginning */

/* SIGKILL and the like come from outside: the node's own have a reason in `fault`. */
bool fault_own(const struct engine *e)
{
	const int sig = e->end_status;

	if (e->fault[0] != '\0' || e->failed || e->end_code == CLD_EXITED)
		return true;
	if (e->status != NULL && __atomic_load_n(&e->status->crash.signal, __ATOMIC_ACQUIRE) != 0)
		return e->status->crash.own != 0;
	return sig != SIGKILL && sig != SIGTERM && sig != SIGINT && sig != SIGHUP;
}

static void forget_waiting(struct pdp_engines *all, unsigned int vr)
{
	for (unsigned int i = 0; i < all->pools[vr].top; i++) {
		struct engine *e = all->by_vr[vr][i];

		if (e == NULL || e->state != PDP_ENGINE_WAITING)
			continue;
		engine_forget_timer(e);
		e->state = PDP_ENGINE_NONE;
	}
}

static void quarantine(struct engine *e)
{
	struct pool *pool = &e->all->pools[e->vr];

	pool->quarantined = true;
	snprintf(pool->reason, sizeof(pool->reason), "engine " ENGINE_FMT ": %s", ENGINE_ARG(e),
		 e->failed ? e->error : e->last_death);
	forget_waiting(e->all, e->vr);
	PDP_LOG(ERR,
		"VR %s is quarantined: %u of its engines failed in a row, and no more are started; "
		"when that is mended: pdp-ctl vr release %s",
		e->all->p.vrs[e->vr].name, pool->n_faults, e->all->p.vrs[e->vr].name);
}

void fault_count(struct engine *e)
{
	const uint32_t max = e->all->p.vrs[e->vr].deaths_max;
	struct pool *pool = &e->all->pools[e->vr];
	const uint64_t now = rte_rdtsc();

	if (now - pool->fault_tsc > FORGOTTEN_S * rte_get_tsc_hz())
		pool->n_faults = 0;
	pool->fault_tsc = now;
	pool->n_faults++;
	if (!pool->quarantined && (e->lied || (max != 0 && pool->n_faults >= max)))
		quarantine(e);
}

bool pdp_engines_release(struct pdp_engines *all, unsigned int vr)
{
	struct pool *pool = &all->pools[vr];
	const bool was = pool->quarantined;

	pool->quarantined = false;
	pool->reason[0] = '\0';
	pool->n_faults = 0;
	for (unsigned int i = 0; i < pool->top; i++) {
		struct engine *e = all->by_vr[vr][i];

		if (e == NULL)
			continue;
		e->backoff_ms = 0;
		/* Those that wait are tried now. */
		if (e->state == PDP_ENGINE_WAITING && !all->stopping) {
			engine_forget_timer(e);
			engine_start(e);
		}
	}
	resize_settle(all, vr);
	return was;
}

const char *pdp_engines_quarantined(const struct pdp_engines *all, unsigned int vr)
{
	return all->pools[vr].quarantined ? all->pools[vr].reason : NULL;
}
