/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many engines a VR has: those that its plan wants, and its standby besides, up to the most it
 * may have. What is missing is
 * started in the background, one after another (a few at once where packets wait for them); what is
 * too many is stopped after a while, for the load may come back. Control thread.
 */
#include <errno.h>
#include <stdlib.h>

#include "engine_priv.h"
#include "pdp_log.h"

#define STARTS_AT_ONCE 4
#define GRACE_US       10000000

void pdp_engines_count(const struct pdp_engines *all, unsigned int vr,
		       struct pdp_engines_count *count)
{
	*count = (struct pdp_engines_count){0};
	for (unsigned int i = 0; i < all->pools[vr].top; i++) {
		const struct engine *e = all->by_vr[vr][i];

		if (e == NULL || e->by_hand)
			continue;
		count->running += e->state == PDP_ENGINE_RUNNING;
		count->draining += e->state == PDP_ENGINE_DRAINING;
		count->parked += e->state == PDP_ENGINE_PARKED;
		/* One that dies is started again. */
		count->starting += e->state == PDP_ENGINE_STARTING ||
				   e->state == PDP_ENGINE_JOINING ||
				   e->state == PDP_ENGINE_WAITING || e->state == PDP_ENGINE_DYING;
	}
}

static unsigned int total(const struct pdp_engines_count *c)
{
	return c->running + c->draining + c->parked + c->starting;
}

static unsigned int wanted(const struct pdp_engines *all, unsigned int vr)
{
	const struct pdp_engines_vr *conf = &all->p.vrs[vr];
	const unsigned int n = all->pools[vr].plan.n;

	return RTE_MAX(n, RTE_MIN(n + conf->standby, conf->n_max));
}

bool pool_ready(const struct pdp_engines *all)
{
	for (unsigned int v = 0; v < all->p.n_vrs; v++) {
		struct pdp_engines_count c;

		pdp_engines_count(all, v, &c);
		if (total(&c) < wanted(all, v) || c.starting != 0)
			return false;
	}
	return true;
}

/* @return an index that nobody has, or PDP_ENGINES_MAX */
static unsigned int free_index(const struct pdp_engines *all, unsigned int vr)
{
	unsigned int i = 0;

	while (i < PDP_ENGINES_MAX && all->by_vr[vr][i] != NULL &&
	       all->by_vr[vr][i]->state != PDP_ENGINE_NONE)
		i++;
	return i;
}

/* Start what is missing of one VR. @return false: enough of them start at the moment */
static bool refill(struct pdp_engines *all, unsigned int vr)
{
	regions_more(all, vr, wanted(all, vr));
	for (;;) {
		struct pdp_engines_count c;
		unsigned int index = free_index(all, vr), at_once;
		struct engine *e;

		pdp_engines_count(all, vr, &c);
		if (total(&c) >= wanted(all, vr) || all->pools[vr].quarantined ||
		    index == PDP_ENGINES_MAX)
			return true;
		at_once = all->booting || total(&c) < all->pools[vr].plan.n ? STARTS_AT_ONCE : 1;
		if (all->n_starting >= at_once)
			return false;
		e = engine_make(all, vr, index);
		if (e == NULL)
			return false;
		engine_start(e);
	}
}

/* Beginning with the VR after the last that was served, so that one that never succeeds does not
 * hold up the others. */
void pool_refill(struct pdp_engines *all)
{
	for (unsigned int k = 0; k < all->p.n_vrs && !all->stopping; k++) {
		unsigned int vr = (all->next_refill + k) % all->p.n_vrs;

		if (!refill(all, vr)) {
			all->next_refill = vr;
			return;
		}
	}
}

static struct engine *highest(const struct pdp_engines *all, unsigned int vr,
			      enum pdp_engine_state state)
{
	for (unsigned int i = all->pools[vr].top; i-- > 0;) {
		struct engine *e = all->by_vr[vr][i];

		if (e != NULL && !e->by_hand && e->state == state)
			return e;
	}
	return NULL;
}

static unsigned int surplus(const struct pdp_engines *all, unsigned int vr)
{
	struct pdp_engines_count c;

	pdp_engines_count(all, vr, &c);
	return total(&c) - RTE_MIN(total(&c), wanted(all, vr));
}

static void on_grace(void *arg)
{
	struct pool *pool = arg;
	unsigned int vr = (unsigned int)(pool - pool->all->pools);

	pool->grace = NULL;
	for (unsigned int n = surplus(pool->all, vr); n > 0; n--) {
		struct engine *e = highest(pool->all, vr, PDP_ENGINE_PARKED);

		if (e == NULL)
			break;
		PDP_LOG(INFO, "engine " ENGINE_FMT ": parked and not needed, stopped",
			ENGINE_ARG(e));
		engine_stop(e);
	}
}

void pool_trim(struct pdp_engines *all, unsigned int vr)
{
	struct pool *pool = &all->pools[vr];
	unsigned int n = surplus(all, vr);

	for (; n > 0; n--) {
		struct engine *e = highest(all, vr, PDP_ENGINE_WAITING);

		if (e == NULL)
			break;
		engine_forget_timer(e);
		e->state = PDP_ENGINE_NONE;
	}
	if (n == 0 || highest(all, vr, PDP_ENGINE_PARKED) == NULL) {
		pdp_timer_remove(pool->grace);
		pool->grace = NULL;
	} else if (pool->grace == NULL) {
		pool->grace = pdp_loop_timer(all->p.loop, GRACE_US, 0, on_grace, pool);
	}
}

void pool_forget(struct pdp_engines *all)
{
	for (unsigned int v = 0; v < all->p.n_vrs; v++) {
		struct pool *pool = &all->pools[v];

		pdp_timer_remove(pool->again);
		pdp_timer_remove(pool->grace);
		pool->again = pool->grace = NULL;
	}
}
