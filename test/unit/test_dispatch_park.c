/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Engines that the MD knows and sends nothing: BLANKs and control messages as ever, no packets; and
 * as many changes between the two as one likes, without a packet or a buffer lost.
 */
#include "hand.h"

static struct hand h;

static int open_rr(void **state)
{
	hand_open(&h, 1, "rr", PDP_HASH_INNER);
	return 0;
}

static int open_flow(void **state)
{
	hand_open(&h, 1, "flow", PDP_HASH_INNER);
	return 0;
}

static int close_hand(void **state)
{
	hand_close(&h);
	return 0;
}

static void expect_no_drops(void)
{
	struct pdp_vr_account a = hand_account(&h, 0);

	assert_int_equal(hand_drops(&a), 0);
	hand_check(&h);
}

/* Packets of n flows. */
static void receive_flows(unsigned int n)
{
	for (uint32_t flow = 0; flow < n; flow++)
		hand_rx_vr(&h, 0, 0, 1, flow);
	hand_turns(&h, n / 32 + 2);
}

static void test_parked_gets_nothing(void **state)
{
	struct pdp_desc d[64];

	hand_engine_add(&h, 0, 0, 64, 4, 1);
	hand_engine_add_parked(&h, 0, 1, 64, 4);
	hand_rx_vr(&h, 0, 0, 20, 1);
	hand_turns(&h, 2);
	assert_int_equal(pdp_md_engine_out(h.md, 0, 0), 20);
	assert_int_equal(pdp_md_engine_out(h.md, 0, 1), 0);
	assert_int_equal(hand_take(&h, 0, 1, d, 64), 4);
	for (unsigned int i = 0; i < 4; i++)
		assert_true(d[i].flags & PDP_DESC_BLANK);
	assert_int_equal(pdp_md_blanks(h.md), 8);
	expect_no_drops();
}

static void test_only_parked(void **state)
{
	struct pdp_vr_account a;

	hand_engine_add_parked(&h, 0, 0, 64, 4);
	hand_rx_vr(&h, 0, 0, 5, 1);
	hand_turns(&h, 1);
	a = hand_account(&h, 0);
	assert_int_equal(a.c.drops[PDP_DROP_NO_ENGINE], 5);
	hand_check(&h);
}

/* It may speak: what it originates is sent, and its BLANK is replaced. */
static void test_parked_originates(void **state)
{
	struct pdp_vr_account a;
	struct pdp_desc d[8];

	hand_engine_add(&h, 0, 0, 64, 0, 1);
	hand_engine_add_parked(&h, 0, 1, 64, 2);
	hand_turns(&h, 2);
	for (unsigned int i = 1; i <= 5; i++) {
		assert_true(hand_take(&h, 0, 1, d, 1) == 1);
		d[0].plen = HAND_LEN;
		hand_give(&h, 0, 1, kit_answer(d[0], PDP_FORWARD, 1));
		hand_turns(&h, 2);
		a = hand_account(&h, 0);
		assert_int_equal(a.c.originated, i);
		assert_int_equal(pdp_md_blanks(h.md), 2);
	}
	assert_int_equal(h.ports[1].n_tx, 5);
	expect_no_drops();
}

static void test_parked_hears_messages(void **state)
{
	struct pdp_ctl_elem msg = {.engine = 1, .size = 8};

	hand_engine_add(&h, 0, 0, 64, 0, 1);
	hand_engine_add_parked(&h, 0, 1, 64, 0);
	pdp_ctl_ring_put(&h.engines[0][0].end.ctl_from, &msg, 1);
	hand_turns(&h, 2);
	assert_int_equal(pdp_ctl_ring_count(&h.engines[0][1].end.ctl_to), 1);
	msg.engine = 0;
	pdp_ctl_ring_put(&h.engines[0][1].end.ctl_from, &msg, 1);
	hand_turns(&h, 2);
	assert_int_equal(pdp_ctl_ring_count(&h.engines[0][0].end.ctl_to), 1);
	assert_int_equal(hand_account(&h, 0).c.ctl_relayed, 2);
}

/* Drained and taken back before it was empty: its old packets and its new ones come back. */
static void test_taken_back(void **state)
{
	hand_engine_add(&h, 0, 0, 64, 4, 1);
	hand_engine_add(&h, 0, 1, 64, 4, 1);
	hand_rx_vr(&h, 0, 0, 20, 1);
	hand_turns(&h, 1);
	pdp_md_engine_drain(h.md, 0, 1);
	pdp_md_engine_drain(h.md, 0, 1);
	hand_rx_vr(&h, 0, 0, 10, 1);
	hand_turns(&h, 1);
	assert_int_equal(pdp_md_engine_out(h.md, 0, 1), 10);
	pdp_md_engine_activate(h.md, 0, 1, 1);
	hand_rx_vr(&h, 0, 0, 20, 1);
	hand_turns(&h, 1);
	assert_int_equal(hand_forward_all(&h, 0, 0, 0), 30);
	assert_int_equal(hand_forward_all(&h, 0, 1, 0), 20);
	hand_turns(&h, 1);
	assert_int_equal(h.ports[0].n_tx, 50);
	expect_no_drops();
}

/* Weights come with activation, and may change while the engine is active. */
static void test_weights(void **state)
{
	hand_close(&h);
	hand_open(&h, 1, "weighted", PDP_HASH_INNER);
	hand_engine_add(&h, 0, 0, 1024, 0, 1);
	hand_engine_add_parked(&h, 0, 1, 1024, 0);
	pdp_md_engine_activate(h.md, 0, 1, 3);
	receive_flows(400);
	assert_int_equal(hand_forward_all(&h, 0, 0, 0), 100);
	assert_int_equal(hand_forward_all(&h, 0, 1, 0), 300);
	pdp_md_engine_activate(h.md, 0, 1, 1);
	receive_flows(400);
	assert_int_equal(hand_forward_all(&h, 0, 0, 0), 200);
	assert_int_equal(hand_forward_all(&h, 0, 1, 0), 200);
	hand_turns(&h, 8);
	expect_no_drops();
}

/* What there is not is not there: nothing happens. */
static void test_nobody(void **state)
{
	pdp_md_engine_activate(h.md, 0, 3, 1);
	pdp_md_engine_drain(h.md, 0, 3);
	assert_int_equal(pdp_md_engine_out(h.md, 0, 3), 0);
	hand_check(&h);
}

/* Which engine has each of N_FLOWS flows now; all come back. */
enum { N_FLOWS = 1000 };

static void owners(uint8_t *owner)
{
	for (uint32_t flow = 0; flow < N_FLOWS; flow++) {
		hand_rx_vr(&h, 0, 0, 1, flow);
		hand_turns(&h, 1);
		owner[flow] = HAND_ENGINES;
		for (uint8_t e = 0; e < HAND_ENGINES; e++) {
			if (h.engines[0][e].ch != NULL && hand_forward_all(&h, 0, e, 0) == 1)
				owner[flow] = e;
		}
		assert_true(owner[flow] < HAND_ENGINES);
		hand_turns(&h, 1);
		hand_drop_tx(&h);
	}
}

/* A new engine takes flows and moves no other; a drained one gives its own away and no other. */
static void test_flows_move_little(void **state)
{
	uint8_t two[N_FLOWS], three[N_FLOWS], again[N_FLOWS];

	hand_engine_add(&h, 0, 0, 64, 4, 1);
	hand_engine_add(&h, 0, 1, 64, 4, 1);
	hand_engine_add_parked(&h, 0, 2, 64, 4);
	owners(two);
	pdp_md_engine_activate(h.md, 0, 2, 1);
	owners(three);
	pdp_md_engine_drain(h.md, 0, 2);
	owners(again);
	for (unsigned int i = 0; i < N_FLOWS; i++) {
		assert_true(two[i] < 2);
		assert_true(three[i] == two[i] || three[i] == 2);
		assert_true(again[i] == three[i] || three[i] == 2);
	}
	expect_no_drops();
}

/* 1 -> 4 -> 1 engines under traffic, many times: nothing is lost. */
static void test_breathe(void **state)
{
	uint64_t sent = 0;

	hand_engine_add(&h, 0, 0, 256, 8, 1);
	for (unsigned int e = 1; e < HAND_ENGINES; e++)
		hand_engine_add_parked(&h, 0, e, 256, 8);
	for (unsigned int round = 0; round < 200; round++) {
		const unsigned int e = 1 + round % (HAND_ENGINES - 1);

		if (round / (HAND_ENGINES - 1) % 2 == 0)
			pdp_md_engine_activate(h.md, 0, e, 1 + round % 5);
		else
			pdp_md_engine_drain(h.md, 0, e);
		hand_rx_vr(&h, 0, 0, 64, round);
		sent += 64;
		hand_turns(&h, 1);
		hand_check(&h);
		for (unsigned int i = 0; i < HAND_ENGINES; i++)
			hand_forward_all(&h, 0, i, round % 2);
		hand_turns(&h, 1);
		hand_check(&h);
		sent -= h.ports[0].n_tx + h.ports[1].n_tx;
		hand_drop_tx(&h);
	}
	assert_int_equal(sent, 0);
	expect_no_drops();
}

#define rr(fn)	 cmocka_unit_test_setup_teardown(fn, open_rr, close_hand)
#define flow(fn) cmocka_unit_test_setup_teardown(fn, open_flow, close_hand)

int main(void)
{
	const struct CMUnitTest tests[] = {
		rr(test_parked_gets_nothing),
		rr(test_only_parked),
		rr(test_parked_originates),
		rr(test_parked_hears_messages),
		rr(test_taken_back),
		rr(test_weights),
		rr(test_nobody),
		rr(test_breathe),
		flow(test_flows_move_little),
		flow(test_breathe),
	};

	return cmocka_run_group_tests(tests, kit_eal, NULL);
}
