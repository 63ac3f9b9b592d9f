/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flow-jsq: packets of a flow leave in the order in which they came, whatever becomes of engines;
 * buckets go where queues are short; what is held is bounded, and is let go.
 */
#include "play.h"

#include <rte_cycles.h>

#include <loadgen_frame.h>

#include "../../lib/dispatch/dispatch_priv.h"

static struct play p;

static struct pdp_balance *balance(void)
{
	return p.h.md->vrs[0].balance;
}

static unsigned int waiting(void)
{
	return p.h.md->vrs[0].n_waiting;
}

static uint64_t drops(enum pdp_drop why)
{
	return hand_account(&p.h, 0).c.drops[why];
}

static void open_flows(unsigned int engines, unsigned int n_slots)
{
	play_open(&p, "flow-jsq", n_slots, 1);
	for (unsigned int e = 0; e < engines; e++)
		play_add(&p, e, true);
}

static void close_flows(void)
{
	play_rest(&p);
	assert_int_equal(balance()->n_held, 0);
	assert_int_equal(balance()->moving, 0);
	assert_int_equal(p.reordered, 0);
	play_close(&p);
}

/* n packets, one each of n flows. */
static void flows_from(uint32_t first, unsigned int n)
{
	for (uint32_t f = first; f < first + n; f++)
		play_rx(&p, f, 1);
	play_turns(&p, n / 64 + 2);
}

static void many_flows(unsigned int n)
{
	flows_from(0, n);
}

/* A lone engine costs no hash and counts nothing, until another one is known. */
static void test_single_counts_nothing(void **state)
{
	struct pdp_desc d[8];

	open_flows(1, 64);
	play_rx(&p, 1, 4);
	play_turns(&p, 1);
	assert_int_equal(p.h.md->vrs[0].engines[0]->counted, 0);
	assert_int_equal(hand_take(&p.h, 0, 0, d, 8), 4);
	assert_int_equal(d[0].flags & PDP_DESC_HASH, 0);
	for (unsigned int i = 0; i < 4; i++)
		hand_give(&p.h, 0, 0, kit_answer(d[i], PDP_FORWARD, 1));
	play_add(&p, 1, false);
	play_rx(&p, 1, 4);
	play_turns(&p, 1);
	assert_int_equal(p.h.md->vrs[0].engines[0]->counted, 4);
	/* Alone again: what is counted is still taken out of its bucket. */
	play_remove(&p, 1);
	play_rx(&p, 1, 4);
	play_turns(&p, 1);
	assert_int_equal(p.h.md->vrs[0].engines[0]->counted, 4);
	assert_true(p.h.md->vrs[0].track);
	play_rest(&p);
	assert_false(p.h.md->vrs[0].track);
	for (unsigned int i = 0; i < PDP_BUCKETS; i++)
		assert_int_equal(balance()->buckets[i].out, 0);
	close_flows();
}

/* Buckets spread over the engines, and the same flow stays where its packets are. */
static void test_spread_and_stay(void **state)
{
	open_flows(3, 1024);
	many_flows(1500);
	for (unsigned int e = 0; e < 3; e++)
		assert_in_range(play_out(&p, e), 400, 600);
	many_flows(500);
	assert_int_equal(p.reordered, 0);
	close_flows();
}

/* The new one gets its share of the buckets that are empty at once, of the others as they empty. */
static void test_join(void **state)
{
	open_flows(1, 1024);
	play_add(&p, 1, false);
	play_rx(&p, 7, 10);
	play_rx(&p, 8, 10);
	play_turns(&p, 1);
	play_add(&p, 1, true);
	many_flows(1000);
	assert_in_range(play_out(&p, 1), 400, 600);
	/* 7 and 8 wait for their first packets: whatever the new share says. */
	play_rx(&p, 7, 1);
	play_rx(&p, 8, 1);
	play_turns(&p, 1);
	play_give(&p, 1, 1024);
	play_turns(&p, 1);
	assert_int_equal(p.reordered, 0);
	assert_int_equal(waiting(), 0);
	close_flows();
}

/* Packets of a lone engine's time are in no bucket: nothing leaves that engine before they are
 * back. */
static void test_join_unsettled(void **state)
{
	open_flows(1, 1024);
	many_flows(100);
	play_add(&p, 1, true);
	many_flows(300);
	assert_int_equal(play_out(&p, 1), 0);
	play_give(&p, 0, 99);
	play_turns(&p, 1);
	many_flows(100);
	assert_int_equal(play_out(&p, 1), 0);
	play_give(&p, 0, 1);
	play_turns(&p, 1);
	flows_from(1000, 200);
	assert_true(play_out(&p, 1) > 20);
	close_flows();
}

/* Flows wait while the engine that leaves has packets of them; others go on. */
static void test_drain(void **state)
{
	unsigned int with_0;

	open_flows(2, 1024);
	many_flows(200);
	with_0 = play_out(&p, 0);
	assert_in_range(with_0, 60, 140);
	play_drain(&p, 0);
	many_flows(200);
	assert_in_range(waiting(), with_0, 200);
	assert_int_equal(play_out(&p, 0), with_0);
	play_give(&p, 1, 1024);
	play_turns(&p, 1);
	assert_true(waiting() >= with_0);
	play_give(&p, 0, with_0 - 1);
	play_turns(&p, 1);
	assert_in_range(waiting(), 1, 8);
	play_give(&p, 0, 1);
	play_turns(&p, 1);
	assert_int_equal(waiting(), 0);
	assert_int_equal(play_out(&p, 0), 0);
	assert_int_equal(drops(PDP_DROP_HOLD_FULL), 0);
	close_flows();
}

/* The last engine leaves before the next one comes: its packets are in no bucket, so all flows
 * wait. */
static void test_replace(void **state)
{
	open_flows(1, 64);
	many_flows(20);
	play_drain(&p, 0);
	play_rx(&p, 1, 1);
	play_turns(&p, 1);
	assert_int_equal(drops(PDP_DROP_NO_ENGINE), 1);
	play_add(&p, 1, true);
	many_flows(30);
	assert_int_equal(waiting(), 30);
	play_give(&p, 0, 19);
	play_turns(&p, 1);
	assert_int_equal(waiting(), 30);
	play_give(&p, 0, 1);
	play_turns(&p, 1);
	assert_int_equal(waiting(), 0);
	assert_int_equal(play_out(&p, 1), 30);
	/* Taken back while it drains. */
	play_drain(&p, 1);
	play_add(&p, 1, true);
	many_flows(30);
	close_flows();
}

/* Dead: what it had is lost, and nobody waits for it any more. */
static void test_death(void **state)
{
	open_flows(2, 1024);
	many_flows(200);
	play_drain(&p, 0);
	many_flows(200);
	assert_true(waiting() > 50);
	play_remove(&p, 0);
	assert_int_equal(waiting(), 0);
	assert_true(drops(PDP_DROP_ENGINE_DIED) > 50);
	many_flows(200);
	assert_int_equal(waiting(), 0);
	close_flows();
	/* The last one, with packets that wait for it. */
	open_flows(2, 1024);
	many_flows(200);
	play_drain(&p, 0);
	many_flows(200);
	play_remove(&p, 1);
	assert_true(waiting() > 50);
	play_remove(&p, 0);
	assert_int_equal(waiting(), 0);
	assert_true(drops(PDP_DROP_NO_ENGINE) > 50);
	close_flows();
}

/* What is held is bounded, and what finds no room is counted. */
static void test_hold_bound(void **state)
{
	open_flows(2, 1024);
	play_rx(&p, 5, 1);
	play_turns(&p, 1);
	play_drain(&p, play_out(&p, 0) != 0 ? 0 : 1);
	for (unsigned int i = 0; i < 20; i++) {
		play_rx(&p, 5, 64);
		play_turns(&p, 1);
	}
	assert_int_equal(waiting(), PDP_HOLD_VR);
	assert_int_equal(drops(PDP_DROP_HOLD_FULL), 20 * 64 - PDP_HOLD_VR);
	/* They leave together, as far as slots go, in order. */
	play_give(&p, 0, 1);
	play_give(&p, 1, 1);
	play_turns(&p, 2);
	assert_int_equal(waiting(), 0);
	assert_int_equal(play_out(&p, 0) + play_out(&p, 1), 1024);
	close_flows();
	open_flows(2, 16);
	play_rx(&p, 5, 1);
	play_turns(&p, 1);
	play_drain(&p, play_out(&p, 0) != 0 ? 0 : 1);
	play_rx(&p, 5, 40);
	play_turns(&p, 1);
	play_give(&p, 0, 1);
	play_give(&p, 1, 1);
	play_turns(&p, 2);
	assert_int_equal(waiting(), 0);
	assert_int_equal(drops(PDP_DROP_ENGINE_FULL), 24);
	close_flows();
}

/* Empty buckets leave a queue that is longer than another by more than the threshold. */
static void test_shortest(void **state)
{
	open_flows(2, 1024);
	/* Engine 0 returns nothing, 1 everything. */
	for (unsigned int i = 0; i < 40; i++) {
		flows_from(64 * i, 64);
		play_give(&p, 1, 1024);
	}
	/* Half of all would be 1280. */
	assert_in_range(play_out(&p, 0), 32, 700);
	close_flows();
}

static void wait_us(unsigned int us)
{
	const uint64_t until = rte_rdtsc() + us * rte_get_tsc_hz() / 1000000;

	while (rte_rdtsc() < until)
		;
}

/* Two flows that never empty, on one engine: one of them moves to the idle one, in order. */
static void test_overload(void **state)
{
	uint32_t a = 0, b = 0;

	open_flows(2, 512);
	/* Two flows of the same engine. */
	for (uint32_t f = 1; b == 0; f++) {
		play_rx(&p, f, 1);
		play_turns(&p, 1);
		if (play_out(&p, 0) == 1) {
			b = a != 0 ? f : 0;
			a = a != 0 ? a : f;
		}
		play_rest(&p);
	}
	for (unsigned int i = 0; i < 600 && play_out(&p, 1) == 0; i++) {
		play_rx(&p, a, 3);
		play_rx(&p, b, 3);
		play_turns(&p, 1);
		play_give(&p, 0, 5);
		wait_us(20);
	}
	assert_true(play_out(&p, 1) > 0);
	assert_true(play_out(&p, 0) > 0);
	/* A flow that is alone gains nothing by going elsewhere. */
	play_rest(&p);
	for (unsigned int i = 0; i < 100; i++) {
		play_rx(&p, a, 4);
		play_turns(&p, 1);
		play_give(&p, 0, 1);
		play_give(&p, 1, 1);
		wait_us(20);
	}
	assert_int_equal(RTE_MIN(play_out(&p, 0), play_out(&p, 1)), 0);
	assert_int_equal(waiting(), 0);
	close_flows();
}

/* What one receive queue of two gets by RSS is spread over all buckets, evenly: the bucket's bits
 * are others than those that RSS chooses by. */
static void test_rss_leaves_buckets(void **state)
{
	static unsigned int got[2][PDP_BUCKETS];
	enum { FLOWS = 64 * 1024 };

	open_flows(0, 64);
	for (uint32_t flow = 0; flow < FLOWS; flow++) {
		struct rte_mbuf *m = hand_frame(&p.h, 0, 0, flow, HAND_LEN);
		const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
		const uint32_t hash = pdp_flow_hash(frame, HAND_LEN, PDP_VIF_ETHERNET, false);

		got[lg_rss_hash(frame, HAND_LEN) % 2][pdp_bucket_of(hash)]++;
		rte_pktmbuf_free(m);
	}
	for (unsigned int q = 0; q < 2; q++) {
		double chi = 0;

		for (unsigned int k = 0; k < PDP_BUCKETS; k++) {
			const double d = (double)got[q][k] - FLOWS / 2.0 / PDP_BUCKETS;

			chi += d * d / (FLOWS / 2.0 / PDP_BUCKETS);
		}
		/* Of 1,023 degrees of freedom: mean 1023, deviation 45. */
		assert_in_range(chi, 600, 1400);
	}
	play_close(&p);
}

/* Between balancers: nothing is lost; between those by flow nothing is out of order either. */
static void test_switch(void **state)
{
	static const char *const names[] = {"flow", "flow-jsq", "flow", "flow-jsq"};

	open_flows(3, 1024);
	for (unsigned int i = 0; i < RTE_DIM(names); i++) {
		many_flows(150);
		/* `flow` moves buckets at once. */
		if (i % 2 == 0)
			play_drain(&p, 0);
		many_flows(150);
		assert_int_equal(
			pdp_md_vr_set_balance(p.h.md, 0, pdp_balancer_find(names[i]), false), 0);
		many_flows(150);
		play_rest(&p);
		play_add(&p, 0, true);
	}
	assert_int_equal(p.reordered, 0);
	many_flows(150);
	play_drain(&p, 1);
	many_flows(150);
	assert_int_equal(pdp_md_vr_set_balance(p.h.md, 0, pdp_balancer_find("jsq"), false), 0);
	assert_int_equal(waiting(), 0);
	many_flows(150);
	assert_int_equal(pdp_md_vr_set_balance(p.h.md, 0, pdp_balancer_find("flow-jsq"), false), 0);
	many_flows(150);
	play_rest(&p);
	assert_int_equal(drops(PDP_DROP_HOLD_FULL) + drops(PDP_DROP_ENGINE_FULL), 0);
	assert_int_equal(p.left, p.all);
	p.reordered = 0;
	close_flows();
}

/* Engines come, go and die at any moment, each as slow as it likes. */
static void random_step(void)
{
	const unsigned int e = play_random(&p, HAND_ENGINES);

	switch (play_random(&p, 24)) {
	case 0:
		play_add(&p, e, play_random(&p, 2));
		break;
	case 1:
		play_drain(&p, e);
		break;
	case 2:
		if (play_random(&p, 4) == 0)
			play_remove(&p, e);
		break;
	case 3:
		play_add(&p, e, true);
		break;
	case 4:
		assert_int_equal(
			pdp_md_vr_set_balance(p.h.md, 0, pdp_balancer_find("flow-jsq"), false), 0);
		break;
	default:
		/* Few flows, or many. */
		for (unsigned int i = play_random(&p, 12); i > 0; i--)
			play_rx(&p, play_random(&p, play_random(&p, 2) ? 8 : PLAY_FLOWS),
				1 + play_random(&p, 6));
		if (play_random(&p, 2))
			play_give(&p, e, play_random(&p, 80));
		else
			play_give_flows(&p, e, play_random(&p, 40));
		play_turns(&p, 1 + play_random(&p, 3));
	}
}

static void test_any_course(void **state)
{
	static const unsigned int slots[] = {2, 16, 128, 1024};

	for (uint64_t seed = 1; seed <= 40; seed++) {
		play_open(&p, "flow-jsq", slots[seed % RTE_DIM(slots)], seed);
		/* Overloaded at once, or not within these few milliseconds. */
		p.h.md->stale_tsc *= seed % 3 != 0;
		for (unsigned int i = 0; i < 2000; i++) {
			random_step();
			if (p.reordered != 0)
				fail_msg("seed %u, step %u: out of order", (unsigned int)seed, i);
			if (i % 500 == 499)
				play_rest(&p);
		}
		assert_true(p.left > 200);
		close_flows();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_single_counts_nothing),
		cmocka_unit_test(test_spread_and_stay),
		cmocka_unit_test(test_join),
		cmocka_unit_test(test_join_unsettled),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_replace),
		cmocka_unit_test(test_death),
		cmocka_unit_test(test_hold_bound),
		cmocka_unit_test(test_shortest),
		cmocka_unit_test(test_overload),
		cmocka_unit_test(test_rss_leaves_buckets),
		cmocka_unit_test(test_switch),
		cmocka_unit_test(test_any_course),
	};

	return cmocka_run_group_tests(tests, kit_eal, NULL);
}
