/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rate limits: what passes by the time that went by, of packets and of bytes, for several lcores
 * that draw from one bucket; and the MD with limits of a VR and of its vifs.
 */
#include "hand.h"

#include <pthread.h>

#include <rte_cycles.h>

#include "../../lib/dispatch/dispatch_priv.h"

#define HZ 2700000000ull

static struct meter m;
static struct meter_bucket bucket;

static void set(uint64_t rate, uint64_t burst, bool bytes, uint64_t now)
{
	const struct pdp_rate_limit limit = {.rate = rate, .burst = burst, .bytes = bytes};

	meter_set(&m, &bucket, &limit, HZ, now);
}

/* n packets of a length; @return how many are green */
static unsigned int draw(uint64_t now, unsigned int n, uint32_t len)
{
	struct rte_mbuf mbufs[METER_RUN_MAX], *pkts[METER_RUN_MAX];
	uint64_t green;

	for (unsigned int i = 0; i < n; i++) {
		pkts[i] = &mbufs[i];
		mbufs[i].pkt_len = len;
	}
	green = meter_draw(&m, now, pkts, n, (uint64_t)n * len);
	return (unsigned int)__builtin_popcountll(n == 64 ? green : green & ((1ull << n) - 1));
}

/* At three times the limit and at a third of it, with runs of any length. */
static void test_rates(void **state)
{
	static const struct {
		uint64_t rate;
		bool bytes;
	} cases[] = {{1, false},     {1000, false},	 {14880952, false},  {100000000, false},
		     {125000, true}, {1250000000, true}, {12500000000, true}};

	for (unsigned int c = 0; c < RTE_DIM(cases); c++) {
		const uint64_t unit = cases[c].bytes ? 1000 : 1;
		const double gap = (double)HZ * (double)unit / (double)cases[c].rate;

		for (unsigned int offer = 0; offer < 2; offer++) {
			const double step = offer == 0 ? gap / 3 : gap * 3;
			uint64_t passed = 0, offered = 0;
			double now = 1e9;

			set(cases[c].rate, 64 * unit, cases[c].bytes, (uint64_t)now);
			for (unsigned int i = 0; i < 3000; i++) {
				const unsigned int n = 1 + i % METER_RUN_MAX;

				now += step * n;
				passed += draw((uint64_t)now, n, 1000);
				offered += n;
			}
			if (offer == 1)
				assert_int_equal(passed, offered);
			else
				assert_in_range(passed, offered / 3 - offered / 300 - 64,
						offered / 3 + offered / 300 + 64);
		}
	}
}

static void test_burst(void **state)
{
	const uint64_t start = UINT64_MAX >> 7; /* where time in parts of a cycle wraps */

	set(1000, 50, false, start);
	assert_int_equal(draw(start, 64, 60), 0);
	assert_int_equal(draw(start + HZ / 100, 64, 60), 10);
	/* However long nothing came. */
	assert_int_equal(draw(start + HZ * 1000, 64, 60), 50);
	assert_int_equal(draw(start + HZ * 1000, 64, 60), 0);
	/* An lcore whose clock was read earlier gets nothing, and takes nothing away. */
	assert_int_equal(draw(start + HZ * 999, 64, 60), 0);
	assert_int_equal(draw(start + HZ * 1000 + HZ / 1000, 64, 60), 1);
	set(0, 0, false, start);
	assert_null(m.bucket);
	/* More than time can hold. */
	set(1, UINT32_MAX, false, start);
	assert_int_equal(draw(start + HZ, 64, 60), 1);
}

/* Too long for what is left: red; a shorter one after it passes. */
static void test_lengths(void **state)
{
	struct rte_mbuf a = {.pkt_len = 600}, b = {.pkt_len = 600}, c = {.pkt_len = 300};
	struct rte_mbuf *pkts[] = {&a, &b, &c};

	set(1000, 1000, true, 0);
	assert_int_equal(meter_draw(&m, HZ, pkts, 3, 1500), 5);
	assert_int_equal(meter_draw(&m, HZ, pkts, 3, 1500), 0);
}

struct lcore {
	pthread_t thread;
	uint64_t passed;
};

static uint64_t turn; /* the time, for all */

static void *drawing(void *arg)
{
	struct lcore *l = arg;
	uint64_t now;

	while ((now = __atomic_load_n(&turn, __ATOMIC_RELAXED)) != 0)
		l->passed += draw(now, 7, 60);
	return NULL;
}

/* Three lcores, one bucket: together no more and no less than one alone. */
static void test_shared_bucket(void **state)
{
	struct lcore lcores[3] = {{0}};
	uint64_t passed = 0;

	turn = 1000;
	set(1000000, 1000, false, turn);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&lcores[i].thread, NULL, drawing, &lcores[i]), 0);
	/* Each step is paid for by the next that draws, at the latest by the last draw below. */
	for (unsigned int i = 0; i < 20000; i++)
		__atomic_store_n(&turn, turn + 270, __ATOMIC_RELAXED);
	passed = turn;
	__atomic_store_n(&turn, 0, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < 3; i++)
		pthread_join(lcores[i].thread, NULL);
	turn = passed;
	passed = 0;
	for (unsigned int n; (n = draw(turn, 64, 60)) != 0;)
		passed += n;
	for (unsigned int i = 0; i < 3; i++)
		passed += lcores[i].passed;
	assert_in_range(passed, 1000, 2001);
}

static struct hand h;

static int open_hand(void **state)
{
	hand_open(&h, 2, "rr", PDP_HASH_INNER);
	hand_engine_add(&h, 0, 0, 1024, 0, 1);
	hand_engine_add(&h, 1, 0, 1024, 0, 1);
	return 0;
}

static int close_hand(void **state)
{
	hand_close(&h);
	return 0;
}

static uint64_t red(unsigned int vr)
{
	return hand_account(&h, vr).c.drops[PDP_DROP_RATE_LIMIT];
}

/* One packet a second; the bucket is filled by hand. */
static void fill(unsigned int bucket_index, unsigned int vr, int vif, unsigned int n)
{
	const struct pdp_rate_limit limit = {.rate = 1, .burst = 1000};

	pdp_md_vr_set_limit(h.md, vr, vif, &limit);
	h.md->buckets[bucket_index].paid -= n * (rte_get_tsc_hz() << METER_TIME_BITS);
}

static void test_vr_and_vif(void **state)
{
	static const struct pdp_rate_limit none;

	fill(0, 0, -1, 30);
	hand_rx_vr(&h, 0, 0, 20, 1);
	hand_rx_vr(&h, 0, 1, 20, 1);
	hand_rx_vr(&h, 1, 0, 50, 1);
	hand_turns(&h, 2);
	/* Time gives a packet a second besides. */
	assert_in_range(red(0), 5, 10);
	assert_int_equal(red(1), 0);
	assert_int_equal(hand_account(&h, 0).vifs[0].rx + hand_account(&h, 0).vifs[1].rx, 40);
	assert_int_equal(hand_account(&h, 1).in_flight, 50);
	hand_check(&h);
	/* A vif's own limit; the other vif has none. */
	pdp_md_vr_set_limit(h.md, 0, -1, &none);
	fill(2 + 1, 0, 1, 5);
	hand_rx_vr(&h, 0, 0, 40, 1);
	hand_rx_vr(&h, 0, 1, 20, 1);
	hand_turns(&h, 2);
	assert_in_range(red(0), 5 + 10, 10 + 15);
	hand_check(&h);
	pdp_md_vr_set_limit(h.md, 0, 1, &none);
	hand_rx_vr(&h, 0, 1, 200, 1);
	hand_turns(&h, 5);
	assert_in_range(red(0), 5 + 10, 10 + 15);
	hand_check(&h);
}

#define handed(fn) cmocka_unit_test_setup_teardown(fn, open_hand, close_hand)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates),	cmocka_unit_test(test_burst),
		cmocka_unit_test(test_lengths), cmocka_unit_test(test_shared_bucket),
		handed(test_vr_and_vif),
	};

	return cmocka_run_group_tests(tests, kit_eal, NULL);
}
