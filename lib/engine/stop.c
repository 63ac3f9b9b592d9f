/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The end of engines: drained, told to stop, killed when they are late; one of them, or all with
 * the node. Control thread.
 */
#include <rte_cycles.h>

#include "engine_priv.h"
#include "pdp_log.h"

#define DRAIN_MS 200 /* an engine that holds packets longer is stopped with them */
#define LEAVE_US 2000000

static void on_leave_late(void *arg)
{
	struct engine *e = arg;

	e->timer = NULL;
	if (!e->by_hand)
		engine_kill(e);
}

/* Nothing of value is with it. */
void engine_leave(struct engine *e)
{
	e->state = PDP_ENGINE_STOPPING;
	engine_command(e, PDP_CMD_STOP);
	e->timer = pdp_loop_timer(e->all->p.loop, LEAVE_US, 0, on_leave_late, e);
}

void engine_stop(struct engine *e)
{
	if (e->state == PDP_ENGINE_PARKED) {
		engine_leave(e);
	} else if (e->state == PDP_ENGINE_RUNNING || e->state == PDP_ENGINE_DRAINING ||
		   e->state == PDP_ENGINE_DEBUG) {
		unsigned int n_out;

		e->state = PDP_ENGINE_STOPPING;
		e->deadline_tsc = rte_rdtsc() + DRAIN_MS * rte_get_tsc_hz() / 1000;
		mds_drain(e, &n_out);
		resize_drain(e);
	}
}

static struct engine *first_with_pid(struct pdp_engines *all)
{
	for (unsigned int v = 0; v < all->p.n_vrs; v++) {
		for (unsigned int i = 0; i < all->pools[v].top; i++) {
			if (all->by_vr[v][i] != NULL && all->by_vr[v][i]->pid != 0)
				return all->by_vr[v][i];
		}
	}
	return NULL;
}

static void each(struct pdp_engines *all, void (*fn)(struct engine *e))
{
	for (unsigned int v = 0; v < all->p.n_vrs; v++) {
		for (unsigned int i = 0; i < all->pools[v].top; i++) {
			if (all->by_vr[v][i] != NULL)
				fn(all->by_vr[v][i]);
		}
	}
}

static void stop_one(struct engine *e)
{
	if (engine_had_joined(e)) {
		engine_stop(e);
	} else if (e->state == PDP_ENGINE_WAITING) {
		engine_forget_timer(e);
		e->state = PDP_ENGINE_NONE;
	} else if (e->pid != 0 && e->state != PDP_ENGINE_STOPPING && !e->by_hand &&
		   !engine_attaching(e)) {
		engine_kill(e);
	}
}

static void kill_late(struct engine *e)
{
	if (e->pid == 0)
		return;
	if (!e->by_hand) {
		engine_kill(e);
		return;
	}
	PDP_LOG(WARNING,
		"engine " ENGINE_FMT
		" was started by hand and does not leave: left behind (process %d)",
		ENGINE_ARG(e), e->pid);
}

static void forget_by_hand(struct engine *e)
{
	if (e->pid != 0 && e->by_hand)
		engine_gone(e);
}

static void run_until_gone(struct pdp_engines *all, unsigned int ms)
{
	const uint64_t deadline = rte_rdtsc() + ms * rte_get_tsc_hz() / 1000;

	while (first_with_pid(all) != NULL && rte_rdtsc() < deadline) {
		pdp_loop_once(all->p.loop, 5);
		/* Those that were attaching are not any more, or have become ready. */
		each(all, stop_one);
	}
}

void pdp_engines_stop(struct pdp_engines *all, unsigned int deadline_ms)
{
	if (all == NULL)
		return;
	all->stopping = true;
	watch_end(all);
	pool_forget(all);
	each(all, stop_one);
	run_until_gone(all, deadline_ms);
	each(all, kill_late);
	run_until_gone(all, 500);
	/* The primary ends: nobody will reuse the memory that an engine by hand still maps. */
	each(all, forget_by_hand);
}
