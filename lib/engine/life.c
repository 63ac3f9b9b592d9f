/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * States of an engine: started, joined, running, stopping, gone, started again. Control thread.
 *
 * Memory of an engine is reused only when its pidfd says that the process is gone (DESIGN section
 * 7).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "engine_priv.h"
#include "pdp_log.h"

#define BACKOFF_MIN_MS	10
#define BACKOFF_MAX_MS	5000
#define REMOVE_AGAIN_US 100000
#define DRAIN_STEP_US	1000
#define DRAIN_MS	200 /* an engine that holds packets longer is stopped with them */

int pdp_logtype;
RTE_LOG_REGISTER(pdp_logtype, pdp, NOTICE);

const char *pdp_engine_state_name(enum pdp_engine_state state)
{
	static const char *const names[] = {
		[PDP_ENGINE_NONE] = "none",	    [PDP_ENGINE_STARTING] = "starting",
		[PDP_ENGINE_JOINING] = "joining",   [PDP_ENGINE_RUNNING] = "running",
		[PDP_ENGINE_STOPPING] = "stopping", [PDP_ENGINE_WAITING] = "waiting",
	};

	return names[state];
}

/* A call on every MD lcore for one engine. */
struct md_engine_call {
	struct engine *e;
	unsigned int md;
	int rc;
	unsigned int n;
	unsigned int n_blanks;
};

static void on_md_add(struct pdp_md *md, void *arg)
{
	struct md_engine_call *c = arg;
	struct engine *e = c->e;
	const uint32_t *weights = e->all->p.vrs[e->vr].weights;
	uint32_t weight = weights != NULL && e->index < e->all->p.vrs[e->vr].n_engines
				  ? weights[e->index]
				  : 1;
	struct rte_ring *to = (struct rte_ring *)((char *)e->region + e->region->ctl_to_off);
	struct rte_ring *from = (struct rte_ring *)((char *)e->region + e->region->ctl_from_off);

	/* The first MD lcore relays control messages. */
	c->rc = pdp_md_engine_add(md, e->vr, e->index, e->chans[c->md], c->md == 0 ? to : NULL,
				  c->md == 0 ? from : NULL, weight, true);
}

static void on_md_drain(struct pdp_md *md, void *arg)
{
	struct md_engine_call *c = arg;

	pdp_md_engine_drain(md, c->e->vr, c->e->index);
}

static void on_md_out(struct pdp_md *md, void *arg)
{
	struct md_engine_call *c = arg;

	c->n += pdp_md_engine_out(md, c->e->vr, c->e->index);
}

static void on_md_remove(struct pdp_md *md, void *arg)
{
	struct md_engine_call *c = arg;
	unsigned int n_blanks;

	c->n += pdp_md_engine_remove(md, c->e->vr, c->e->index, &n_blanks);
	c->n_blanks += n_blanks;
}

static int on_all_mds(struct engine *e, void (*fn)(struct pdp_md *, void *),
		      struct md_engine_call *c)
{
	c->e = e;
	for (c->md = 0; c->md < e->all->p.n_md; c->md++) {
		int rc = pdp_md_call(e->all->p.mds[c->md], fn, c);

		if (rc != 0)
			return rc;
	}
	return 0;
}

void engine_forget_timer(struct engine *e)
{
	pdp_timer_remove(e->timer);
	e->timer = NULL;
}

static void kill_it(struct engine *e)
{
	if (e->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, e->pidfd, SIGKILL, NULL, 0);
}

struct engine *engine_make(struct pdp_engines *all, unsigned int vr, unsigned int index)
{
	struct engine *e = all->by_vr[vr][index];

	if (e != NULL)
		return e;
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		return NULL;
	*e = (struct engine){.all = all, .vr = vr, .index = index, .pidfd = -1, .sock = -1};
	all->by_vr[vr][index] = e;
	return e;
}

/* In rte_eal_init(): it takes and releases locks that all processes share. */
static bool attaching(struct engine *e)
{
	return e->state == PDP_ENGINE_JOINING && e->region != NULL &&
	       __atomic_load_n(&pdp_region_status(e->region)->phase, __ATOMIC_ACQUIRE) ==
		       PDP_PHASE_EMPTY;
}

bool pdp_engines_locks_lost(const struct pdp_engines *all)
{
	return all != NULL && all->locks_lost;
}

static void on_restart(void *arg);
static void on_start_late(void *arg);
static void gone(struct engine *e);

static void on_gone_again(void *arg)
{
	struct engine *e = arg;

	e->timer = NULL;
	gone(e);
}

/* The process is gone: its packets are swept, its memory is free again. */
static void gone(struct engine *e)
{
	struct md_engine_call c = {0};
	char how[96];
	bool asked = e->state == PDP_ENGINE_STOPPING || e->all->stopping;
	bool was_running = e->state == PDP_ENGINE_RUNNING;

	engine_forget_timer(e);
	pdp_watch_remove(e->pid_watch);
	e->pid_watch = NULL;
	if (on_all_mds(e, on_md_remove, &c) != 0) {
		/* An MD lcore that is kept off its CPU still refers to the engine's memory. */
		e->timer = pdp_loop_timer(e->all->p.loop, REMOVE_AGAIN_US, 0, on_gone_again, e);
		return;
	}
	if (attaching(e))
		e->all->locks_lost = true;
	reap(e, how, sizeof(how));
	if (e->state == PDP_ENGINE_STARTING || e->state == PDP_ENGINE_JOINING)
		e->all->n_starting--;
	pdp_watch_remove(e->sock_watch);
	e->sock_watch = NULL;
	close(e->pidfd);
	if (e->sock >= 0)
		close(e->sock);
	e->pidfd = e->sock = -1;
	region_free(e);
	place_give(e->all, e->lcore, e->cpu);
	if (!asked) {
		e->deaths++;
		snprintf(e->last_death, sizeof(e->last_death), "process %d %s", e->pid, how);
		PDP_LOG(WARNING, "engine " ENGINE_FMT ": %s; %u of its packets dropped",
			ENGINE_ARG(e), e->last_death, c.n);
	}
	e->pid = 0;
	e->state = PDP_ENGINE_NONE;
	place_poll_modes(e->all);
	if (asked || !e->wanted || e->failed)
		return;
	/* An engine that ran starts again at once; one that never did, ever later. */
	e->backoff_ms = was_running ? BACKOFF_MIN_MS
			: e->backoff_ms == 0
				? BACKOFF_MIN_MS
				: RTE_MIN(2 * e->backoff_ms, (unsigned int)BACKOFF_MAX_MS);
	e->state = PDP_ENGINE_WAITING;
	e->timer = pdp_loop_timer(e->all->p.loop, e->backoff_ms * 1000ull, 0, on_restart, e);
}

static void on_pidfd(void *arg, int fd, uint32_t events)
{
	gone(arg);
}

int engine_watch_pid(struct engine *e)
{
	e->pidfd = (int)syscall(SYS_pidfd_open, e->pid, 0);
	if (e->pidfd < 0)
		return -errno;
	e->pid_watch = pdp_loop_watch(e->all->p.loop, e->pidfd, EPOLLIN, on_pidfd, e);
	e->timer = pdp_loop_timer(e->all->p.loop, PDP_ENGINE_START_MS * 1000ull, 0, on_start_late,
				  e);
	e->failed = false;
	e->all->n_starting++;
	return e->pid_watch != NULL && e->timer != NULL ? 0 : -ENOMEM;
}

int engine_start(struct engine *e, char *err, size_t err_size)
{
	int rc = place_take(e->all, -1, &e->lcore, &e->cpu);

	if (rc != 0) {
		snprintf(err, err_size,
			 "engine " ENGINE_FMT
			 ": no EAL lcore id is free; DPDK has %d, each engine takes one",
			 ENGINE_ARG(e), RTE_MAX_LCORE);
		return rc;
	}
	e->generation++;
	e->by_hand = false;
	e->busy_poll = false;
	rc = region_make(e, err, err_size);
	if (rc != 0)
		goto give;
	rc = spawn(e, err, err_size);
	if (rc != 0)
		goto unmake;
	e->state = PDP_ENGINE_STARTING;
	rc = engine_watch_pid(e);
	if (rc == 0)
		return 0;
	snprintf(err, err_size, "engine " ENGINE_FMT ": cannot watch process %d", ENGINE_ARG(e),
		 e->pid);
	kill(e->pid, SIGKILL);
unmake:
	region_free(e);
give:
	place_give(e->all, e->lcore, e->cpu);
	e->state = PDP_ENGINE_NONE;
	return rc;
}

static void on_restart(void *arg)
{
	struct engine *e = arg;
	char err[256];

	e->timer = NULL;
	if (e->all->stopping)
		return;
	if (engine_start(e, err, sizeof(err)) != 0) {
		PDP_LOG(ERR, "%s", err);
		e->state = PDP_ENGINE_WAITING;
		e->timer = pdp_loop_timer(e->all->p.loop, BACKOFF_MAX_MS * 1000ull, 0, on_restart,
					  e);
	}
}

static void on_start_late(void *arg)
{
	struct engine *e = arg;

	e->timer = NULL;
	engine_failed(e, e->state == PDP_ENGINE_STARTING
				 ? "did not connect in time; is its program of the same build?"
				 : "its plugin's init() took longer than 10 s");
	if (!e->by_hand)
		kill_it(e);
}

void engine_joined(struct engine *e)
{
	struct md_engine_call c = {0};

	engine_forget_timer(e);
	e->all->n_starting--;
	if (on_all_mds(e, on_md_add, &c) != 0 || c.rc != 0) {
		PDP_LOG(ERR, "engine " ENGINE_FMT ": the MD cannot take it", ENGINE_ARG(e));
		e->state = PDP_ENGINE_STOPPING;
		engine_command(e, PDP_CMD_STOP);
		return;
	}
	e->state = PDP_ENGINE_RUNNING;
	place_poll_modes(e->all);
	PDP_LOG(INFO, "engine " ENGINE_FMT ": process %d runs on CPU %u (lcore %u)", ENGINE_ARG(e),
		e->pid, e->cpu, e->lcore);
}

void engine_failed(struct engine *e, const char *why)
{
	e->failed = true;
	snprintf(e->error, sizeof(e->error), "engine " ENGINE_FMT ": %s", ENGINE_ARG(e), why);
	PDP_LOG(ERR, "%s", e->error);
}

/* Drained, or out of patience: the engine may go. */
static void on_drain(void *arg)
{
	struct engine *e = arg;
	struct md_engine_call c = {0};

	on_all_mds(e, on_md_out, &c);
	if (c.n != 0 && e->backoff_ms > 0) {
		e->backoff_ms--;
		return;
	}
	engine_forget_timer(e);
	e->backoff_ms = 0;
	engine_command(e, PDP_CMD_STOP);
}

void engine_drain(struct engine *e)
{
	struct md_engine_call c = {0};

	if (e->state != PDP_ENGINE_RUNNING)
		return;
	on_all_mds(e, on_md_drain, &c);
	e->state = PDP_ENGINE_STOPPING;
	e->backoff_ms = DRAIN_MS * 1000 / DRAIN_STEP_US;
	e->timer = pdp_loop_timer(e->all->p.loop, DRAIN_STEP_US, DRAIN_STEP_US, on_drain, e);
}

static struct engine *first_with_pid(struct pdp_engines *all)
{
	for (unsigned int v = 0; v < all->p.n_vrs; v++) {
		for (unsigned int i = 0; i < PDP_ENGINES_MAX; i++) {
			if (all->by_vr[v][i] != NULL && all->by_vr[v][i]->pid != 0)
				return all->by_vr[v][i];
		}
	}
	return NULL;
}

static void each(struct pdp_engines *all, void (*fn)(struct engine *e))
{
	for (unsigned int v = 0; v < all->p.n_vrs; v++) {
		for (unsigned int i = 0; i < PDP_ENGINES_MAX; i++) {
			if (all->by_vr[v][i] != NULL)
				fn(all->by_vr[v][i]);
		}
	}
}

static void stop_one(struct engine *e)
{
	if (e->state == PDP_ENGINE_RUNNING) {
		engine_drain(e);
	} else if (e->state == PDP_ENGINE_WAITING) {
		engine_forget_timer(e);
		e->state = PDP_ENGINE_NONE;
	} else if (e->pid != 0 && e->state != PDP_ENGINE_STOPPING && !e->by_hand && !attaching(e)) {
		kill_it(e);
	}
}

static void kill_late(struct engine *e)
{
	if (e->pid == 0)
		return;
	if (!e->by_hand) {
		kill_it(e);
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
		gone(e);
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
	each(all, stop_one);
	run_until_gone(all, deadline_ms);
	each(all, kill_late);
	run_until_gone(all, 500);
	/* The primary ends: nobody will reuse the memory that an engine by hand still maps. */
	each(all, forget_by_hand);
}
