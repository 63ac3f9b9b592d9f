/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The first half of an engine's death: its loop has ended, as its status page says, or the node has
 * decided that it shall. Traffic goes elsewhere now; its packets, rings and memory are left alone
 * until the process is gone (life.c). MD lcores see a death themselves, let the heir in, and then
 * tell by an eventfd. Control thread.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "engine_priv.h"
#include "pdp_log.h"

#define LINGER_US 250000   /* to be gone after the loop has ended */
#define DUMP_US	  10000000 /* the same while a core is written */

static void on_late(void *arg)
{
	struct engine *e = arg;

	e->timer = NULL;
	/* Somebody may be looking at what is left of it. */
	if (e->by_hand)
		return;
	if (e->fault[0] == '\0' && watch_runs(e))
		snprintf(e->fault, sizeof(e->fault), "it said that its loop had ended, and ran on");
	engine_kill(e);
}

void engine_dies(struct engine *e, uint64_t since_tsc)
{
	const uint64_t kill_us = e->all->p.vrs[e->vr].core_dumps ? DUMP_US : LINGER_US;
	struct pool *pool = &e->all->pools[e->vr];

	times_forget(e);
	engine_forget_timer(e);
	place_leave(e);
	if (e->state == PDP_ENGINE_RUNNING && !e->by_hand) {
		pool->decided_tsc = rte_rdtsc();
		pool->outage_tsc = since_tsc;
	}
	e->state = PDP_ENGINE_DYING;
	mds_write_off(e, false);
	e->timer = pdp_loop_timer(e->all->p.loop, kill_us, 0, on_late, e);
}

/* When the first MD lcore saw it; @param none  none did. */
static uint64_t seen_tsc(const struct engine *e, uint64_t none)
{
	uint64_t first = none;

	for (unsigned int i = 0; i < e->all->p.n_md; i++) {
		uint64_t tsc = pdp_md_engine_died_tsc(e->all->p.mds[i], e->vr, e->index);

		if (tsc != 0 && tsc < first)
			first = tsc;
	}
	return first;
}

bool engine_had_joined(const struct engine *e)
{
	return (e->state >= PDP_ENGINE_PARKED && e->state <= PDP_ENGINE_DRAINING) ||
	       e->state == PDP_ENGINE_DEBUG;
}

/* Once an MD lcore has taken it for dead it is, whatever its status page says by now. */
static bool has_died(const struct engine *e)
{
	return engine_had_joined(e) &&
	       (__atomic_load_n(&e->status->life, __ATOMIC_ACQUIRE) & PDP_LIFE_DIED ||
		seen_tsc(e, UINT64_MAX) != UINT64_MAX);
}

static void note(struct engine *e)
{
	const struct pdp_crash *c = &e->status->crash;
	const uint64_t seen = seen_tsc(e, rte_rdtsc());
	uint64_t since = seen;

	/* Its own word, so it is believed within reason. */
	if (__atomic_load_n(&c->signal, __ATOMIC_ACQUIRE) != 0 && c->tsc < seen &&
	    seen - c->tsc < rte_get_tsc_hz()) {
		since = c->tsc;
		times_add(e, PDP_ENGINES_DETECT, since, seen);
	}
	engine_dies(e, since);
}

unsigned int deaths_look(struct pdp_engines *all, unsigned int vr)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < all->pools[vr].top; i++) {
		struct engine *e = all->by_vr[vr][i];

		if (e == NULL || e->status == NULL || !has_died(e))
			continue;
		n++;
		note(e);
	}
	return n;
}

static void on_deaths(void *arg, int fd, uint32_t events)
{
	struct pdp_engines *all = arg;
	uint64_t n;

	if (read(fd, &n, sizeof(n)) != (ssize_t)sizeof(n))
		return;
	for (unsigned int v = 0; v < all->p.n_vrs; v++) {
		if (deaths_look(all, v) != 0)
			resize_settle(all, v);
	}
}

int heir_choose(struct pdp_engines *all, unsigned int vr)
{
	for (unsigned int i = 0; i < all->pools[vr].top; i++) {
		struct engine *e = all->by_vr[vr][i];

		if (e == NULL || e->by_hand || e->state != PDP_ENGINE_PARKED)
			continue;
		if (!e->heir)
			__atomic_fetch_add(&e->status->activation, 1, __ATOMIC_RELEASE);
		e->heir = true;
		return (int)i;
	}
	return -1;
}

int deaths_open(struct pdp_engines *all)
{
	all->death_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (all->death_fd < 0)
		return -errno;
	all->death_watch = pdp_loop_watch(all->p.loop, all->death_fd, EPOLLIN, on_deaths, all);
	if (all->death_watch == NULL)
		return -errno;
	for (unsigned int i = 0; i < all->p.n_md; i++)
		pdp_md_watch_deaths(all->p.mds[i], all->death_fd);
	return 0;
}

void deaths_close(struct pdp_engines *all)
{
	for (unsigned int i = 0; i < all->p.n_md; i++)
		pdp_md_watch_deaths(all->p.mds[i], -1);
	pdp_watch_remove(all->death_watch);
	if (all->death_fd >= 0)
		close(all->death_fd);
	all->death_watch = NULL;
	all->death_fd = -1;
}
