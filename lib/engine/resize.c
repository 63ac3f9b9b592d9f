/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who gets packets: the engines of a VR are brought into line with its plan whenever the plan, or
 * what there is of engines, has changed. Nothing here waits for an engine: who has packets left is
 * asked again by a timer. Control thread.
 */
#include <errno.h>
#include <string.h>

#include <rte_cycles.h>

#include "engine_priv.h"
#include "pdp_log.h"

#define AGAIN_US      100000 /* each try waits a second for an lcore that is away */
#define DRAIN_LOOK_US 200
#define DRAIN_STEP_US 1000

/* Those that get packets, cheapest first: they do already, they have not quite stopped to, they
 * are ready to. With the lowest indexes, so that the highest go first. */
static unsigned int choose(const struct pdp_engines *all, unsigned int vr, struct engine **chosen)
{
	static const enum pdp_engine_state order[] = {PDP_ENGINE_RUNNING, PDP_ENGINE_RUNNING,
						      PDP_ENGINE_DRAINING, PDP_ENGINE_PARKED};
	const struct pool *pool = &all->pools[vr];
	unsigned int n = 0;

	for (size_t k = 0; k < RTE_DIM(order); k++) {
		for (unsigned int i = 0; i < pool->top && n < pool->plan.n; i++) {
			struct engine *e = all->by_vr[vr][i];

			if (e == NULL || e->by_hand || e->state != order[k])
				continue;
			/* Whoever stood in for it goes. */
			if (k > 1 || e->returned == (k == 0))
				chosen[n++] = e;
		}
	}
	return n;
}

static void let_in(struct engine *e, struct pool *pool)
{
	const uint64_t decided_tsc = pool->decided_tsc;
	struct pdp_status *status = e->status;

	if (e->state == PDP_ENGINE_PARKED) {
		e->decided_tsc = decided_tsc;
		e->outage_tsc = pool->outage_tsc;
		pool->outage_tsc = 0;
		e->let_in = true;
		__atomic_store_n(&status->parked, 0, __ATOMIC_RELAXED);
		/* An heir may be at work already. */
		if (!e->heir)
			__atomic_fetch_add(&status->activation, 1, __ATOMIC_RELEASE);
		e->heir = false;
	}
	engine_forget_timer(e);
	e->state = PDP_ENGINE_RUNNING;
}

/* The chosen ones take their places; all others leave theirs. */
static void take_places(struct pdp_engines *all, unsigned int vr)
{
	struct pool *pool = &all->pools[vr];
	struct plan_engine engines[PDP_ENGINES_MAX] = {0};
	struct engine *chosen[PDP_ENGINES_MAX];
	uint8_t places[PDP_ENGINES_MAX];
	unsigned int n = choose(all, vr, chosen);

	for (unsigned int i = 0; i < n; i++)
		engines[i] = (struct plan_engine){.index = chosen[i]->index,
						  .settled = chosen[i]->on_cpu,
						  .cpu = (uint16_t)chosen[i]->cpu,
						  .pct = (uint16_t)chosen[i]->pct};
	plan_match(&pool->plan, engines, n, places);
	for (unsigned int i = 0; i < n; i++) {
		const struct pdp_engines_place *at = &pool->plan.at[places[i]];

		place_enter(chosen[i], place_for(chosen[i], at->cpu), at->pct);
		chosen[i]->weight = at->weight != 0 ? at->weight : at->pct;
		let_in(chosen[i], pool);
	}
	for (unsigned int i = 0; i < n; i++)
		chosen[i]->returned = false;
	for (unsigned int i = 0; i < pool->top; i++) {
		struct engine *e = all->by_vr[vr][i];
		bool stays = e == NULL || e->by_hand || e->state != PDP_ENGINE_RUNNING;

		for (unsigned int k = 0; k < n && !stays; k++)
			stays = chosen[k] == e;
		if (!stays)
			resize_drain(e);
	}
}

static void on_again(void *arg)
{
	struct pool *pool = arg;

	pool->again = NULL;
	resize_settle(pool->all, (unsigned int)(pool - pool->all->pools));
}

/* All MD lcores know: from now on packets come. */
static void told(struct pdp_engines *all, unsigned int vr)
{
	const uint64_t now = rte_rdtsc();

	for (unsigned int i = 0; i < all->pools[vr].top; i++) {
		struct engine *e = all->by_vr[vr][i];

		if (e == NULL || e->state != PDP_ENGINE_RUNNING)
			continue;
		if (e->let_in) {
			/* It may share this thread's CPU: not before the MD lcores know. */
			pdp_status_wake(e->status);
			times_let_in(e, now);
		}
		e->let_in = false;
		place_apply(e);
	}
}

void resize_replace(struct pdp_engines *all, unsigned int vr)
{
	struct pool *pool = &all->pools[vr];

	if (all->stopping)
		return;
	deaths_look(all, vr);
	take_places(all, vr);
	place_poll_modes(all);
	if (mds_apply(all, vr) == 0)
		told(all, vr);
	else if (pool->again == NULL)
		pool->again = pdp_loop_timer(all->p.loop, AGAIN_US, 0, on_again, pool);
}

void resize_settle(struct pdp_engines *all, unsigned int vr)
{
	if (all->stopping)
		return;
	if (!all->booting) {
		resize_replace(all, vr);
		pool_trim(all, vr);
	}
	pool_refill(all);
}

static void park(struct engine *e)
{
	place_leave(e);
	e->state = PDP_ENGINE_PARKED;
	place_poll_modes(e->all);
	__atomic_store_n(&e->status->parked, 1, __ATOMIC_RELAXED);
	times_parked(e);
	mds_apply(e->all, e->vr); /* it may be the heir */
	pool_trim(e->all, e->vr);
}

static void on_drain(void *arg);

static void look_later(struct engine *e, uint64_t us)
{
	e->timer = pdp_loop_timer(e->all->p.loop, us, 0, on_drain, e);
}

/* An lcore that was not told in time is told again. */
static void on_drain(void *arg)
{
	struct engine *e = arg;
	unsigned int n_out;
	const int rc = mds_drain(e, &n_out);
	const bool empty = rc == 0 && n_out == 0;

	e->timer = NULL;
	if (e->state == PDP_ENGINE_STOPPING && (empty || rte_rdtsc() > e->deadline_tsc)) {
		engine_leave(e);
	} else if (e->state == PDP_ENGINE_DRAINING && empty) {
		park(e);
	} else {
		look_later(e, rc == 0 ? DRAIN_STEP_US : AGAIN_US);
	}
}

void resize_drain(struct engine *e)
{
	if (e->state == PDP_ENGINE_RUNNING) {
		e->state = PDP_ENGINE_DRAINING;
		times_forget(e);
		e->decided_tsc = e->all->pools[e->vr].decided_tsc;
	}
	e->let_in = false;
	engine_forget_timer(e);
	look_later(e, DRAIN_LOOK_US);
}

static int check(const struct pdp_engines *all, const struct pdp_engines_plan *plan)
{
	if (all->stopping)
		return -ESHUTDOWN;
	if (plan->n > PDP_ENGINES_MAX)
		return -EINVAL;
	for (unsigned int i = 0; i < plan->n; i++) {
		const struct pdp_engines_place *at = &plan->at[i];

		if (at->pct == 0 || at->pct > 100 ||
		    (at->cpu != PDP_ENGINES_ANY_CPU && !place_known(all, at->cpu)))
			return -EINVAL;
	}
	return 0;
}

int pdp_engines_resize(struct pdp_engines *all, unsigned int vr,
		       const struct pdp_engines_plan *plan, uint64_t decided_tsc)
{
	struct pool *pool = &all->pools[vr];
	int rc = check(all, plan);

	if (rc != 0)
		return rc;
	if (plan->n == pool->plan.n &&
	    memcmp(plan->at, pool->plan.at, plan->n * sizeof(plan->at[0])) == 0)
		return 0;
	pool->plan = *plan;
	pool->decided_tsc = decided_tsc;
	resize_settle(all, vr);
	return 0;
}
