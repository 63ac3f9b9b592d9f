/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The MD loop in one thread, engines in others, the control thread's calls from a third: engines
 * join, drain and die under traffic, and every account taken meanwhile balances.
 */
#include "hand.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <rte_ethdev.h>

#include "../../lib/dispatch/dispatch_priv.h"

#define OUT_MAX 700 /* fewer than all slots and buffers */

static struct hand h;

/* As many as fit in; the frames' contents do not matter: the VR has the whole port. */
static uint16_t source(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	unsigned int out = rte_mempool_in_use_count(h.pool);

	n = (uint16_t)RTE_MIN((unsigned int)n, out < OUT_MAX ? OUT_MAX - out : 0);
	if (n == 0 || rte_pktmbuf_alloc_bulk(h.pool, pkts, n) != 0)
		return 0;
	for (uint16_t i = 0; i < n; i++)
		rte_pktmbuf_append(pkts[i], HAND_LEN);
	return n;
}

static uint16_t sink(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	rte_pktmbuf_free_bulk(pkts, n);
	return n;
}

struct worker {
	pthread_t thread;
	unsigned int engine;
	bool stop;
	uint64_t served;
	struct kit_end *end;
};

/* Forwards most, drops and punts some, originates a few. */
static void *serve(void *arg)
{
	struct worker *w = arg;
	struct pdp_desc d[32];

	while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
		unsigned int n = kit_end_take(w->end, d, 32);

		for (unsigned int i = 0; i < n; i++) {
			enum pdp_verdict v = PDP_FORWARD;

			if (d[i].flags & PDP_DESC_BLANK)
				d[i].plen = 100;
			else if (w->served % 16 < 2)
				v = w->served % 16 ? PDP_DROP : PDP_PUNT;
			kit_end_give(w->end, kit_answer(d[i], v, (uint8_t)(w->served % 2)));
			w->served++;
		}
		if (n == 0)
			sched_yield();
	}
	return NULL;
}

static void start(struct worker *w, unsigned int engine)
{
	*w = (struct worker){.engine = engine, .end = &h.engines[0][engine].end};
	assert_int_equal(pthread_create(&w->thread, NULL, serve, w), 0);
}

static void stop(struct worker *w)
{
	__atomic_store_n(&w->stop, true, __ATOMIC_RELEASE);
	pthread_join(w->thread, NULL);
}

static void on_check(struct pdp_md *md, void *arg)
{
	struct pdp_vr_account a = {0};

	pdp_md_account(md, 0, &a);
	/* Asserts belong to the main thread. */
	*(bool *)arg = hand_rx_count(&a) + a.c.originated ==
		       hand_tx_count(&a) + a.c.punted + hand_drops(&a) + a.in_flight;
}

/* A machine that stood still for a second is no failure: a call that timed out did not run. */
static void call(void (*fn)(struct pdp_md *md, void *arg), void *arg)
{
	int rc = -ETIMEDOUT;

	for (unsigned int i = 0; i < 20 && rc == -ETIMEDOUT; i++)
		rc = pdp_md_call(h.md, fn, arg);
	assert_int_equal(rc, 0);
}

static void check_now(void)
{
	bool ok = false;

	call(on_check, &ok);
	assert_true(ok);
}

static void on_join(struct pdp_md *md, void *arg)
{
	hand_engine_add(&h, 0, *(unsigned int *)arg, 256, 8, 1);
}

static void on_drain(struct pdp_md *md, void *arg)
{
	pdp_md_engine_drain(md, 0, *(unsigned int *)arg);
}

static void on_out(struct pdp_md *md, void *arg)
{
	unsigned int *engine = arg;

	*engine = pdp_md_engine_out(md, 0, *engine);
}

static void on_die(struct pdp_md *md, void *arg)
{
	unsigned int *engine = arg;

	*engine = hand_engine_remove(&h, 0, *engine);
}

static void *loop(void *arg)
{
	pdp_md_run(h.md);
	return NULL;
}

static void wait_served(const struct worker *w, uint64_t n)
{
	for (unsigned int ms = 0; __atomic_load_n(&w->served, __ATOMIC_RELAXED) < n; ms++) {
		assert_true(ms < 20000);
		usleep(1000);
		check_now();
	}
}

/* Joins, serves, drains without loss. */
static void live_and_leave(unsigned int engine)
{
	unsigned int out = engine;
	struct worker w;

	call(on_join, &engine);
	start(&w, engine);
	wait_served(&w, 2000);
	call(on_drain, &engine);
	for (unsigned int ms = 0; out != 0; ms++) {
		assert_true(ms < 5000);
		out = engine;
		call(on_out, &out);
		check_now();
	}
	stop(&w);
	out = engine;
	call(on_die, &out);
	assert_int_equal(out, 0);
}

/* Joins, serves, and is gone. @return packets lost with it */
static unsigned int live_and_die(unsigned int engine)
{
	unsigned int lost = engine;
	struct worker w;

	call(on_join, &engine);
	start(&w, engine);
	wait_served(&w, 2000);
	stop(&w);
	call(on_die, &lost);
	check_now();
	return lost;
}

static void test_engines_come_and_go(void **state)
{
	unsigned int zero = 0, lost = 0;
	struct worker stays;
	pthread_t thread;

	hand_open(&h, 1, "rr", PDP_HASH_INNER);
	h.md->shares_cpu = true;
	for (unsigned int p = 0; p < HAND_PORTS; p++) {
		rte_eth_fp_ops[p].rx_pkt_burst = source;
		rte_eth_fp_ops[p].tx_pkt_burst = sink;
	}
	assert_int_equal(pthread_create(&thread, NULL, loop, NULL), 0);
	call(on_join, &zero);
	start(&stays, 0);
	for (unsigned int i = 0; i < 10; i++) {
		live_and_leave(1);
		lost += live_and_die(2);
	}
	wait_served(&stays, 20000);
	pdp_md_stop(h.md);
	pthread_join(thread, NULL);
	stop(&stays);
	assert_int_equal(hand_account(&h, 0).c.drops[PDP_DROP_ENGINE_DIED], lost);
	assert_true(hand_account(&h, 0).c.originated > 0);
	hand_close(&h);
}

static void *run_loop(void *md)
{
	pdp_md_run(md);
	return NULL;
}

static void count_up(struct pdp_md *md, void *arg)
{
	++*(unsigned int *)arg;
}

static void end_loop(struct pdp_md *md, void *arg)
{
	pdp_md_stop(md);
}

/* A lcore that is kept off its CPU for long: the caller's arguments are gone when it comes back. */
static void test_call_given_up(void **state)
{
	unsigned int calls = 0;
	pthread_t loop;

	hand_open(&h, 1, "rr", PDP_HASH_INNER);
	assert_int_equal(pdp_md_call(h.md, count_up, &calls), -ETIMEDOUT);
	assert_int_equal(pthread_create(&loop, NULL, run_loop, h.md), 0);
	call(count_up, &calls);
	assert_int_equal(calls, 1);
	call(end_loop, NULL);
	pthread_join(loop, NULL);
	hand_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_engines_come_and_go),
					   cmocka_unit_test(test_call_given_up)};

	return cmocka_run_group_tests(tests, kit_eal, NULL);
}
