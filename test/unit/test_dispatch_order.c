/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * order: restore: whatever engines do with a VR's packets, those that leave do so in the order in
 * which they came, and nobody waits for what does not come back.
 */
#include "play.h"

#include <errno.h>

#include "../../lib/dispatch/dispatch_priv.h"

static struct play p;

static uint32_t waiting(void)
{
	return p.h.md->vrs[0].n_ordered;
}

static uint64_t drops(enum pdp_drop why)
{
	return hand_account(&p.h, 0).c.drops[why];
}

static void set(const char *balancer, bool restore)
{
	assert_int_equal(pdp_md_vr_set_balance(p.h.md, 0, pdp_balancer_find(balancer), restore), 0);
}

static void open_order(unsigned int engines, unsigned int n_slots)
{
	play_open(&p, "rr", n_slots, 1);
	set("rr", true);
	for (unsigned int e = 0; e < engines; e++)
		play_add(&p, e, true);
}

static void close_order(void)
{
	play_rest(&p);
	assert_int_equal(waiting(), 0);
	assert_int_equal(p.overtaken, 0);
	play_close(&p);
}

static void test_waits_for_the_first(void **state)
{
	open_order(3, 64);
	play_rx(&p, 1, 30);
	play_turns(&p, 1);
	play_give(&p, 1, 64);
	play_give(&p, 2, 64);
	play_turns(&p, 1);
	assert_int_equal(p.left, 0);
	assert_int_equal(waiting(), 20);
	play_give(&p, 0, 4);
	play_turns(&p, 1);
	assert_int_equal(p.left, 4);
	play_give(&p, 0, 6);
	play_turns(&p, 1);
	assert_int_equal(p.left, 30);
	assert_int_equal(waiting(), 0);
	close_order();
	/* Without it they leave as they come back. */
	open_order(3, 64);
	set("rr", false);
	play_rx(&p, 1, 30);
	play_turns(&p, 1);
	play_give(&p, 1, 64);
	play_turns(&p, 1);
	assert_int_equal(p.left, 10);
	play_rest(&p);
	assert_true(p.overtaken > 0);
	play_close(&p);
}

/* A single engine may return in any order, too. */
static void test_one_engine(void **state)
{
	open_order(1, 64);
	play_rx(&p, 1, 60);
	play_turns(&p, 1);
	play_give_any(&p, 0, 60, PDP_FORWARD);
	play_turns(&p, 1);
	assert_int_equal(p.left, 60);
	close_order();
}

/* Any verdict ends a ticket, and so does a lie about the packet. */
static void test_verdicts(void **state)
{
	struct pdp_desc d[8];
	struct pdp_return r;

	open_order(1, 64);
	play_rx(&p, 1, 8);
	play_turns(&p, 1);
	assert_int_equal(hand_take(&p.h, 0, 0, d, 8), 8);
	for (unsigned int i = 7; i > 3; i--)
		hand_give(&p.h, 0, 0, kit_answer(d[i], PDP_FORWARD, 1));
	play_turns(&p, 1);
	assert_int_equal(waiting(), 4);
	hand_give(&p.h, 0, 0, kit_answer(d[0], PDP_DROP, 0));
	hand_give(&p.h, 0, 0, kit_answer(d[1], PDP_PUNT, 0));
	hand_give(&p.h, 0, 0, kit_answer(d[2], PDP_FORWARD, 9));
	r = kit_answer(d[3], PDP_FORWARD, 1);
	r.len = UINT16_MAX;
	/* Lies about slots end nothing. */
	hand_give(&p.h, 0, 0, (struct pdp_return){.slot = 999});
	hand_give(&p.h, 0, 0, kit_answer(d[0], PDP_FORWARD, 1));
	play_turns(&p, 1);
	assert_int_equal(p.left, 0);
	hand_give(&p.h, 0, 0, r);
	play_turns(&p, 1);
	assert_int_equal(p.left, 4);
	assert_int_equal(drops(PDP_DROP_LIE), 2);
	close_order();
}

/* What an engine originates has no ticket and waits for nobody. */
static void test_originated(void **state)
{
	struct pdp_desc d[16];
	unsigned int n;

	play_open(&p, "rr", 64, 1);
	set("rr", true);
	hand_engine_add(&p.h, 0, 0, 64, 4, 1);
	play_rx(&p, 1, 4);
	hand_turns(&p.h, 2);
	n = hand_take(&p.h, 0, 0, d, 16);
	assert_int_equal(n, 8);
	for (unsigned int i = 0; i < n; i++) {
		if (d[i].flags & PDP_DESC_BLANK) {
			d[i].plen = 100;
			hand_give(&p.h, 0, 0, kit_answer(d[i], PDP_FORWARD, 0));
		}
	}
	hand_turns(&p.h, 2);
	assert_int_equal(p.h.ports[0].n_tx, 4);
	assert_int_equal(hand_engine_remove(&p.h, 0, 0), 4);
	hand_drop_tx(&p.h);
	play_close(&p);
}

static void test_death(void **state)
{
	open_order(2, 64);
	play_rx(&p, 1, 40);
	play_turns(&p, 1);
	play_give(&p, 1, 64);
	play_turns(&p, 1);
	assert_int_equal(waiting(), 20);
	/* It drains for as long as it likes: no timer. */
	play_drain(&p, 0);
	play_turns(&p, 50);
	assert_int_equal(waiting(), 20);
	play_remove(&p, 0);
	play_turns(&p, 1);
	assert_int_equal(waiting(), 0);
	assert_int_equal(p.left, 20);
	assert_int_equal(drops(PDP_DROP_ENGINE_DIED), 20);
	close_order();
}

/* The window holds all slots; beyond it packets are dropped, not reordered. */
static void test_window(void **state)
{
	open_order(2, 128);
	play_rx(&p, 1, 2);
	play_turns(&p, 1);
	for (unsigned int i = 0; i < 10; i++) {
		play_rx(&p, 1, 64);
		play_turns(&p, 1);
		play_give(&p, 1, 128);
		play_turns(&p, 1);
	}
	assert_true(drops(PDP_DROP_ORDER_FULL) > 0);
	assert_int_equal(waiting() + play_out(&p, 0), 256);
	play_give(&p, 0, 128);
	play_turns(&p, 1);
	assert_int_equal(waiting(), 0);
	assert_int_equal(p.left, 256);
	/* More engines, more room: also while packets wait. */
	play_rx(&p, 1, 64);
	play_turns(&p, 1);
	play_give(&p, 1, 64);
	play_turns(&p, 1);
	assert_true(waiting() > 20);
	play_add(&p, 2, true);
	play_add(&p, 3, true);
	for (unsigned int i = 0; i < 6; i++)
		play_rx(&p, 1, 64);
	play_turns(&p, 8);
	assert_int_equal(hand_account(&p.h, 0).in_flight, 64 + 6 * 64);
	close_order();
}

/* No slot is free anywhere: a ticket whose packet was not sent ends at once. */
static void test_no_slots(void **state)
{
	open_order(2, 16);
	play_rx(&p, 1, 60);
	play_turns(&p, 1);
	assert_int_equal(drops(PDP_DROP_ENGINE_FULL), 60 - 32);
	play_give(&p, 0, 16);
	play_give(&p, 1, 16);
	play_turns(&p, 1);
	assert_int_equal(p.left, 32);
	for (unsigned int i = 0; i < 100; i++) {
		play_rx(&p, 1, 60);
		play_turns(&p, 1);
		play_give_any(&p, 0, 16, PDP_FORWARD);
		play_give_any(&p, 1, 16, PDP_FORWARD);
	}
	close_order();
}

/* On and off while packets are out. */
static void test_switch(void **state)
{
	open_order(3, 256);
	for (unsigned int i = 0; i < 20; i++) {
		play_rx(&p, 1, 60);
		play_turns(&p, 1);
		play_give(&p, 1, 15);
		play_turns(&p, 1);
		set(i % 2 ? "rr" : "jsq", i % 3 != 0);
		play_give(&p, 2, 30);
		play_give(&p, 0, 30);
		play_turns(&p, 1);
	}
	assert_int_equal(pdp_md_vr_set_balance(p.h.md, 0, pdp_balancer_find("flow-jsq"), true),
			 -EINVAL);
	set("flow-jsq", false);
	assert_int_equal(waiting(), 0);
	play_rest(&p);
	assert_int_equal(p.left + drops(PDP_DROP_ENGINE_FULL) + drops(PDP_DROP_ORDER_FULL), p.all);
	play_close(&p);
}

static void random_step(void)
{
	static const enum pdp_verdict verdicts[] = {PDP_FORWARD, PDP_FORWARD, PDP_FORWARD, PDP_DROP,
						    PDP_PUNT};
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
		set(play_random(&p, 2) ? "jsq" : "random", true);
		break;
	default:
		play_rx(&p, 1, play_random(&p, 64));
		play_give_any(&p, e, play_random(&p, 80),
			      verdicts[play_random(&p, RTE_DIM(verdicts))]);
		play_turns(&p, 1 + play_random(&p, 3));
	}
}

static void test_any_course(void **state)
{
	static const unsigned int slots[] = {2, 16, 128, 1024};

	for (uint64_t seed = 1; seed <= 40; seed++) {
		play_open(&p, "rr", slots[seed % RTE_DIM(slots)], seed);
		set("rr", true);
		for (unsigned int i = 0; i < 2000; i++) {
			random_step();
			if (p.overtaken != 0)
				fail_msg("seed %u, step %u: out of order", (unsigned int)seed, i);
			if (i % 500 == 499)
				play_rest(&p);
		}
		assert_true(p.left > 200);
		close_order();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waits_for_the_first),
		cmocka_unit_test(test_one_engine),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_originated),
		cmocka_unit_test(test_death),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_no_slots),
		cmocka_unit_test(test_switch),
		cmocka_unit_test(test_any_course),
	};

	return cmocka_run_group_tests(tests, kit_eal, NULL);
}
