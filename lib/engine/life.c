/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Birth and death of an engine: started, joined, gone, started again. Control thread.
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
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "engine_priv.h"
#include "pdp_log.h"

#define REMOVE_AGAIN_US 100000
#define LIVES_US	1000
#define ADD_AGAIN_US	10000
#define BUSY_AGAIN_MS	100
#define FAILED_AGAIN_MS 30000

int pdp_logtype;
RTE_LOG_REGISTER(pdp_logtype, pdp, NOTICE);

const char *pdp_engine_state_name(enum pdp_engine_state state)
{
	static const char *const names[] = {
		[PDP_ENGINE_NONE] = "none",	    [PDP_ENGINE_STARTING] = "starting",
		[PDP_ENGINE_JOINING] = "joining",   [PDP_ENGINE_PARKED] = "parked",
		[PDP_ENGINE_RUNNING] = "running",   [PDP_ENGINE_DRAINING] = "draining",
		[PDP_ENGINE_STOPPING] = "stopping", [PDP_ENGINE_WAITING] = "waiting",
		[PDP_ENGINE_DYING] = "dying",	    [PDP_ENGINE_DEBUG] = "debug",
	};

	return names[state];
}

void engine_forget_timer(struct engine *e)
{
	pdp_timer_remove(e->timer);
	e->timer = NULL;
}

void engine_kill(struct engine *e)
{
	if (e->pidfd >= 0 && engine_sealed(e))
		box_kill(e);
	else if (e->pidfd >= 0)
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
	*e = (struct engine){.all = all,
			     .vr = vr,
			     .index = index,
			     .pct = WEIGHT_DEFAULT,
			     .weight = WEIGHT_DEFAULT,
			     .pidfd = -1,
			     .sock = -1,
			     .box = {.pidfd = -1, .log = -1},
			     .region_mem.fd = -1,
			     .packets_mem.fd = -1};
	all->by_vr[vr][index] = e;
	all->pools[vr].top = RTE_MAX(all->pools[vr].top, index + 1);
	return e;
}

static void on_restart(void *arg)
{
	struct engine *e = arg;

	e->timer = NULL;
	if (!e->all->stopping)
		engine_start(e);
}

static void try_again(struct engine *e, unsigned int ms)
{
	e->backoff_ms = ms;
	e->state = PDP_ENGINE_WAITING;
	e->timer = pdp_loop_timer(e->all->p.loop, ms * 1000ull, 0, on_restart, e);
}

static void on_gone_again(void *arg)
{
	struct engine *e = arg;

	e->gone_timer = NULL;
	engine_gone(e);
}

static void gone_again(struct engine *e, uint64_t us)
{
	e->gone_timer = pdp_loop_timer(e->all->p.loop, us, 0, on_gone_again, e);
}

/* What the process had: descriptors, memory, lcore id. */
static void give_back(struct engine *e)
{
	pdp_watch_remove(e->sock_watch);
	e->sock_watch = NULL;
	close(e->pidfd);
	if (e->sock >= 0)
		close(e->sock);
	e->pidfd = e->sock = -1;
	region_free(e);
	if (e->all->p.gone != NULL)
		e->all->p.gone(e->vr, e->index);
	place_give(e->all, e->lcore);
	weigh_leave(e);
	box_free(e);
	e->pid = 0;
	notes_process(&e->all->notes, &e->note, 0);
	e->busy_poll = e->let_in = e->moved = e->unpinned = e->heir = false;
	e->outage_tsc = 0;
	e->fault[0] = '\0';
	e->lied = e->by_passed = e->returned = false;
	e->hang = (struct hang){0};
}

/* One that was killed, or had lived a while, starts again at once; one that never was ready or dies
 * of itself at once, ever later. */
static unsigned int backoff(const struct engine *e, bool was_ready, bool own_fault)
{
	const bool lived = rte_rdtsc() - e->ready_tsc > rte_get_tsc_hz();

	if (e->failed)
		return FAILED_AGAIN_MS;
	if ((was_ready && (lived || !own_fault)) || e->backoff_ms == 0)
		return BACKOFF_MIN_MS;
	return RTE_MIN(2 * e->backoff_ms, (unsigned int)BACKOFF_MAX_MS);
}

static void tell_death(struct engine *e, const char *how, unsigned int n_lost)
{
	char crash[PDP_DEATH_SIZE - 352];

	e->deaths++;
	crash_tell(e->status, crash, sizeof(crash));
	snprintf(e->last_death, sizeof(e->last_death), "process %d %s%s%s%s", e->pid, how, crash,
		 e->fault[0] != '\0' ? ": " : "", e->fault);
	PDP_LOG(WARNING, "engine " ENGINE_FMT ": %s; %u of its packets dropped", ENGINE_ARG(e),
		e->last_death, n_lost);
}

/* The process is gone: its packets are swept, another engine has its place, its memory is free. */
void engine_gone(struct engine *e)
{
	struct pool *pool = &e->all->pools[e->vr];
	const enum pdp_engine_state was = e->state;
	const bool asked = was == PDP_ENGINE_STOPPING || e->all->stopping;
	unsigned int n_lost = 0;
	bool own_fault;
	char how[96];

	engine_forget_timer(e);
	pdp_watch_remove(e->pid_watch);
	e->pid_watch = NULL;
	times_forget(e);
	if (box_lives(e)) {
		/* Somebody killed bubblewrap; the kernel ends what was in it. */
		box_kill(e);
		gone_again(e, LIVES_US);
		return;
	}
	if (mds_remove(e, &n_lost) != 0) {
		/* An MD lcore that is kept off its CPU still refers to the engine's memory. */
		e->n_lost += n_lost;
		gone_again(e, REMOVE_AGAIN_US);
		return;
	}
	locks_died(e);
	if (was == PDP_ENGINE_STARTING || was == PDP_ENGINE_JOINING)
		e->all->n_starting--;
	place_leave(e);
	box_explain(e);
	e->state = PDP_ENGINE_STOPPING;
	if (was == PDP_ENGINE_RUNNING && !asked && !e->by_hand) {
		pool->decided_tsc = pool->outage_tsc = rte_rdtsc();
		resize_replace(e->all, e->vr);
	}
	reap(e, how, sizeof(how));
	if (!asked)
		tell_death(e, how, e->n_lost + n_lost);
	e->n_lost = 0;
	own_fault = !asked && !e->by_hand && fault_own(e);
	if (own_fault)
		fault_count(e);
	give_back(e);
	e->state = PDP_ENGINE_NONE;
	if (!asked && !e->by_hand && !pool->quarantined)
		try_again(e, backoff(e, was >= PDP_ENGINE_PARKED, own_fault));
	resize_settle(e->all, e->vr);
}

static void on_pidfd(void *arg, int fd, uint32_t events)
{
	struct engine *e = arg;

	/* The word may have been marked, and the heir let in, just before. */
	deaths_look(e->all, e->vr);
	engine_gone(e);
}

static void on_start_late(void *arg)
{
	struct engine *e = arg;

	e->timer = NULL;
	if (e->state == PDP_ENGINE_STARTING)
		engine_failed(e, "did not connect in time; is its program of the same build?");
	else if (locks_stuck(e))
		engine_failed(e, "did not attach to DPDK's shared memory in time");
	else
		engine_failed(e, "its plugin's init() took longer than 10 s");
	if (!e->by_hand)
		engine_kill(e);
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

/* A core takes a big process a tenth of a second and more, in which its memory cannot be reused. */
static void limit_core(const struct engine *e)
{
	struct rlimit limit;

	if (prlimit(e->pid, RLIMIT_CORE, NULL, &limit) != 0)
		return;
	limit.rlim_cur = e->all->p.vrs[e->vr].core_dumps ? limit.rlim_max : 0;
	prlimit(e->pid, RLIMIT_CORE, &limit, NULL);
}

static int start(struct engine *e, char *err, size_t err_size)
{
	int rc = locks_may_start(e->all, e->vr, err, err_size);

	if (rc != 0)
		return rc;
	rc = place_take(e->all, e->vr, -1, &e->lcore, &e->cpu);
	if (rc != 0) {
		snprintf(err, err_size,
			 "no EAL lcore id is free; DPDK has %d, each engine takes one, parked ones "
			 "too",
			 RTE_MAX_LCORE);
		return rc;
	}
	e->generation++;
	e->by_hand = false;
	place_enter(e, e->cpu, e->pct);
	e->moved = true;
	rc = region_make(e, err, err_size);
	if (rc != 0)
		goto give;
	rc = spawn(e, err, err_size);
	if (rc != 0)
		goto unmake;
	notes_process(&e->all->notes, &e->note, e->pid);
	e->state = PDP_ENGINE_STARTING;
	limit_core(e);
	weigh_apply(e);
	rc = engine_watch_pid(e);
	if (rc == 0)
		return 0;
	snprintf(err, err_size, "cannot watch process %d", e->pid);
	kill(e->pid, SIGKILL);
unmake:
	region_free(e);
give:
	place_leave(e);
	place_give(e->all, e->lcore);
	return rc;
}

void engine_start(struct engine *e)
{
	char err[384];
	int rc = start(e, err, sizeof(err));

	if (rc == 0)
		return;
	if (rc == -EAGAIN) {
		try_again(e, BUSY_AGAIN_MS);
		return;
	}
	engine_failed(e, err);
	try_again(e, rc == -ENOLCK ? FAILED_AGAIN_MS : BACKOFF_MAX_MS);
}

static void on_join_again(void *arg)
{
	struct engine *e = arg;

	e->timer = NULL;
	engine_joined(e);
}

void engine_joined(struct engine *e)
{
	int rc;

	locks_attached(e);
	engine_forget_timer(e);
	rc = mds_add(e);
	if (rc == -ETIMEDOUT) {
		e->timer = pdp_loop_timer(e->all->p.loop, ADD_AGAIN_US, 0, on_join_again, e);
		return;
	}
	e->all->n_starting--;
	e->all->n_joined++;
	e->ready_tsc = rte_rdtsc();
	if (rc != 0) {
		PDP_LOG(ERR, "engine " ENGINE_FMT ": the MD cannot take it", ENGINE_ARG(e));
		engine_leave(e);
		return;
	}
	PDP_LOG(INFO, "engine " ENGINE_FMT ": process %d is ready on CPU %u (lcore %u)",
		ENGINE_ARG(e), e->pid, e->cpu, e->lcore);
	if (e->by_hand) {
		e->state = PDP_ENGINE_RUNNING;
		__atomic_store_n(&e->status->parked, 0, __ATOMIC_RELAXED);
		pdp_status_wake(e->status);
	} else {
		place_leave(e);
		e->state = PDP_ENGINE_PARKED;
	}
	resize_settle(e->all, e->vr);
}

void engine_failed(struct engine *e, const char *why)
{
	e->failed = true;
	snprintf(e->error, sizeof(e->error), "engine " ENGINE_FMT ": %s", ENGINE_ARG(e), why);
	PDP_LOG(ERR, "%s", e->error);
}
