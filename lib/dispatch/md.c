/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The MD loop: one turn after the other, each stage in its own file. Runs on every MD lcore of the
 * primary. No system call (but a bounded wake, and yielding when idle), no allocation, no lock, no
 * log in here.
 */
#include <sched.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_pause.h>

#include "dispatch_priv.h"

#define SAMPLE_EVERY 64	 /* turns between two that are measured by stage */
#define IDLE_TURNS   64	 /* empty turns before the CPU is given away */
#define SLEEP_TURNS  256 /* adaptive: empty turns before sleeping */
#define SLEEP_NS     50000
#define CALL_SPIN_US 100 /* a lcore that has its CPU comes by before that */

static inline uint64_t sample(struct pdp_md *md, enum pdp_stage stage, uint64_t since,
			      unsigned int packets)
{
	uint64_t now = rte_rdtsc();

	count(&md->c.stages[stage].tsc, now - since);
	count(&md->c.stages[stage].packets, packets);
	return now;
}

static unsigned int receive_all(struct pdp_md *md)
{
	struct rte_mbuf *pkts[RX_BURST];
	uint32_t results[RX_BURST];
	unsigned int total = 0;

	for (unsigned int q = 0; q < md->n_rxqs; q++) {
		unsigned int n;

		n = rte_eth_rx_burst(md->rxqs[q].port, md->rxqs[q].queue, pkts, RX_BURST);

		if (q == 0)
			md_collect_prefetch(md);
		if (n == 0)
			continue;
		total += n;
		count(&md->c.rx, n);
		if (md->rxqs[q].gid >= 0) {
			md_send_port(md, (uint16_t)md->rxqs[q].gid, pkts, n);
			continue;
		}
		pdp_classify_burst(md->cls, md->rxqs[q].port, pkts, n, results);
		md_send(md, pkts, results, n);
	}
	return total;
}

/* The same with a look at the clock between the stages. */
static unsigned int receive_all_sampled(struct pdp_md *md)
{
	struct rte_mbuf *pkts[RX_BURST];
	uint32_t results[RX_BURST];
	unsigned int total = 0;

	for (unsigned int q = 0; q < md->n_rxqs; q++) {
		uint64_t t = rte_rdtsc();
		unsigned int n;

		n = rte_eth_rx_burst(md->rxqs[q].port, md->rxqs[q].queue, pkts, RX_BURST);

		t = sample(md, PDP_STAGE_RECEIVE, t, n);
		if (q == 0) {
			md_collect_prefetch(md);
			t = sample(md, PDP_STAGE_COLLECT, t, 0);
		}
		if (n == 0)
			continue;
		total += n;
		count(&md->c.rx, n);
		if (md->rxqs[q].gid < 0)
			pdp_classify_burst(md->cls, md->rxqs[q].port, pkts, n, results);
		t = sample(md, PDP_STAGE_CLASSIFY, t, n);
		if (md->rxqs[q].gid < 0)
			md_send(md, pkts, results, n);
		else
			md_send_port(md, (uint16_t)md->rxqs[q].gid, pkts, n);
		sample(md, PDP_STAGE_SEND, t, n);
	}
	return total;
}

/* One turn. @return packets received and collected */
static unsigned int turn(struct pdp_md *md)
{
	unsigned int n;

	md_collect_announce(md);
	n = md->paused ? 0 : receive_all(md);
	md_send_flush(md, n < RX_BURST);
	n += md_collect(md);
	if (md->punt != NULL)
		n += md_punt_turn(md);
	return n + md_transmit(md);
}

static unsigned int turn_sampled(struct pdp_md *md)
{
	unsigned int n, back;
	uint64_t t;

	md->sampled = true;
	md->run_tsc = md->run_packets = 0;
	md_collect_announce(md);
	n = md->paused ? 0 : receive_all_sampled(md);
	t = rte_rdtsc();
	md_send_flush(md, n < RX_BURST);
	t = sample(md, PDP_STAGE_SEND, t, 0);
	back = md_collect(md);
	if (md->punt != NULL)
		back += md_punt_turn(md);
	/* Drivers that took packets meanwhile worked for the last stage. */
	t = sample(md, PDP_STAGE_COLLECT, t + md->run_tsc, back);
	sample(md, PDP_STAGE_TRANSMIT, t - md->run_tsc,
	       md_transmit(md) + (unsigned int)md->run_packets);
	md->sampled = false;
	return n + back;
}

static void run_calls(struct pdp_md *md)
{
	struct md_call *call;

	while (rte_ring_sc_dequeue(md->calls, (void **)&call) == 0) {
		uint32_t pending = MD_CALL_PENDING;

		/* Not if the caller gave up: its arguments are gone. */
		if (__atomic_compare_exchange_n(&call->state, &pending, MD_CALL_RUNNING, false,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			call->fn(md, call->arg);
		__atomic_store_n(&call->state, MD_CALL_DONE, __ATOMIC_RELEASE);
	}
}

static void nap(struct pdp_md *md)
{
	nanosleep(&(struct timespec){.tv_nsec = SLEEP_NS}, NULL);
	md->slept_tsc = rte_rdtsc();
}

/* An engine has packets and waits for this very CPU. Yielding would not do: it and the MD are in
 * control groups of their own, and a yield gives way within one's own group only. */
static bool local_engine_waits(const struct pdp_md *md)
{
	for (unsigned int i = 0; md->n_local != 0 && i < md->n_active; i++) {
		if (md->active[i]->local)
			return true;
	}
	return false;
}

/* Nothing to do for a while: let others have the CPU, where there are others. */
static void idle(struct pdp_md *md, unsigned int idle_turns)
{
	if ((md->adaptive && idle_turns >= SLEEP_TURNS) ||
	    (md->engines_here && (idle_turns >= IDLE_TURNS || local_engine_waits(md))))
		nap(md);
	else if ((md->adaptive || md->shares_cpu) && idle_turns >= IDLE_TURNS)
		sched_yield();
	else
		rte_pause();
}

int pdp_md_run(void *arg)
{
	struct pdp_md *md = arg;
	unsigned int idle_turns = 0;

	while (!__atomic_load_n(&md->stop, __ATOMIC_ACQUIRE)) {
		unsigned int n;

		md->now = rte_rdtsc();
		n = md->c.loops % SAMPLE_EVERY == 0 ? turn_sampled(md) : turn(md);
		count(&md->c.loops, 1);
		md->idle = n == 0;
		if (unlikely(!rte_ring_empty(md->calls)))
			run_calls(md);
		if (n != 0) {
			idle_turns = 0;
			if (unlikely(md->n_local != 0) && md->now - md->slept_tsc > md->work_tsc &&
			    local_engine_waits(md))
				nap(md);
			continue;
		}
		count(&md->c.idle_loops, 1);
		idle(md, ++idle_turns);
	}
	return 0;
}

void pdp_md_stop(struct pdp_md *md)
{
	__atomic_store_n(&md->stop, 1, __ATOMIC_RELEASE);
}

/* Calls that were given up and that the lcore has passed by since. Control thread. */
static void free_stale_calls(struct pdp_md *md)
{
	struct md_call **next = &md->stale_calls;

	while (*next != NULL) {
		struct md_call *call = *next;

		if (__atomic_load_n(&call->state, __ATOMIC_ACQUIRE) != MD_CALL_DONE) {
			next = &call->next_stale;
			continue;
		}
		*next = call->next_stale;
		free(call);
	}
}

/* @return false: the call has begun, so it ends soon */
static bool give_up(struct pdp_md *md, struct md_call *call)
{
	uint32_t pending = MD_CALL_PENDING;

	if (!__atomic_compare_exchange_n(&call->state, &pending, MD_CALL_GIVEN_UP, false,
					 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return false;
	call->next_stale = md->stale_calls;
	md->stale_calls = call;
	return true;
}

int pdp_md_call(struct pdp_md *md, void (*fn)(struct pdp_md *md, void *arg), void *arg)
{
	const uint64_t start = rte_rdtsc(), hz = rte_get_tsc_hz();
	/* Who sleeps may find an engine polling on its CPU, and waits for the end of its slice. */
	const uint64_t spin = md->shares_cpu ? 0 : CALL_SPIN_US * hz / 1000000;
	struct md_call *call = malloc(sizeof(*call));

	if (call == NULL)
		return -ENOMEM;
	free_stale_calls(md);
	*call = (struct md_call){.fn = fn, .arg = arg};
	if (rte_ring_sp_enqueue(md->calls, call) != 0) {
		free(call);
		return -EBUSY;
	}
	while (__atomic_load_n(&call->state, __ATOMIC_ACQUIRE) != MD_CALL_DONE) {
		const uint64_t waited = rte_rdtsc() - start;

		if (waited < spin) {
			rte_pause();
			continue;
		}
		if (waited > hz && give_up(md, call))
			return -ETIMEDOUT;
		nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
	}
	free(call);
	return 0;
}
