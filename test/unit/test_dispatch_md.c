/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The MD loop, driven by hand: packets go to their VR's engines and out again by the verdict; every
 * packet is counted once, whatever an engine answers.
 */
#include "hand.h"

#include "../../lib/dispatch/dispatch_priv.h"

static struct hand h;

static int open_one(void **state)
{
	hand_open(&h, 1, "rr", PDP_HASH_INNER);
	return 0;
}

static int open_three(void **state)
{
	hand_open(&h, 3, "rr", PDP_HASH_INNER);
	return 0;
}

static int close_hand(void **state)
{
	hand_close(&h);
	return 0;
}

static void expect_drops(unsigned int vr, enum pdp_drop why, uint64_t n)
{
	struct pdp_vr_account a = hand_account(&h, vr);

	assert_int_equal(a.c.drops[why], n);
	assert_int_equal(hand_drops(&a), n);
	hand_check(&h);
}

static void test_forward(void **state)
{
	struct pdp_vr_account a;

	hand_engine_add(&h, 0, 0, 64, 0, 1);
	hand_rx_vr(&h, 0, 0, 10, 1);
	hand_rx_vr(&h, 0, 1, 5, 1);
	hand_turns(&h, 1);
	hand_check(&h);
	a = hand_account(&h, 0);
	assert_int_equal(a.in_flight, 15);
	assert_int_equal(a.vifs[0].rx, 10);
	assert_int_equal(a.vifs[0].rx_bytes, 10 * HAND_LEN);
	assert_int_equal(a.vifs[1].rx, 5);
	assert_int_equal(hand_forward_all(&h, 0, 0, 1), 15);
	hand_turns(&h, 1);
	a = hand_account(&h, 0);
	assert_int_equal(a.in_flight, 0);
	assert_int_equal(a.vifs[1].tx, 15);
	assert_int_equal(a.vifs[1].tx_bytes, 15 * HAND_LEN);
	assert_int_equal(h.ports[1].n_tx, 15);
	assert_int_equal(h.ports[0].n_tx, 0);
	expect_drops(0, PDP_DROP_VR, 0);
}

/* Each VR's packets come to its own engine with its own vif numbers, whatever the order. */
static void test_vrs_apart(void **state)
{
	for (unsigned int v = 0; v < 3; v++)
		hand_engine_add(&h, v, 0, 64, 0, 1);
	for (unsigned int i = 0; i < 30; i++)
		hand_rx_vr(&h, i % 3, i / 3 % 2, 1, i);
	hand_turns(&h, 2);
	for (unsigned int v = 0; v < 3; v++) {
		struct pdp_desc d[HAND_PKTS];
		unsigned int by_vif[2] = {0};

		assert_int_equal(hand_take(&h, v, 0, d, HAND_PKTS), 10);
		for (unsigned int i = 0; i < 10; i++) {
			by_vif[d[i].vif]++;
			hand_give(&h, v, 0, kit_answer(d[i], PDP_FORWARD, 1 - d[i].vif));
		}
		assert_int_equal(by_vif[0], 5);
		assert_int_equal(by_vif[1], 5);
	}
	hand_turns(&h, 1);
	hand_check(&h);
	assert_int_equal(h.ports[0].n_tx, 15);
	assert_int_equal(h.ports[1].n_tx, 15);
}

/* Drivers' offload flags are taken off before an engine may change what they speak of; dynamic
 * flags are the application's. */
static void test_offload_flags(void **state)
{
	const uint64_t own = RTE_BIT64(rte_bsf64(RTE_MBUF_F_FIRST_FREE));

	hand_engine_add(&h, 0, 0, 64, 0, 1);
	for (unsigned int i = 0; i < 40; i++) {
		struct rte_mbuf *m = hand_frame(&h, 0, 0, i, HAND_LEN);

		m->ol_flags = i % 3 ? own
				    : own | RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_VLAN |
					      RTE_MBUF_F_RX_RSS_HASH | RTE_MBUF_F_TX_IP_CKSUM |
					      RTE_MBUF_F_TX_TCP_SEG;
		hand_rx(&h, 0, m);
	}
	hand_turns(&h, 1);
	assert_int_equal(hand_forward_all(&h, 0, 0, 1), 40);
	hand_turns(&h, 1);
	assert_int_equal(h.ports[1].n_tx, 40);
	for (unsigned int i = 0; i < 40; i++)
		assert_int_equal(h.ports[1].tx[i]->ol_flags, own);
}

/* A long run goes past the buffer: what the port does not take of it waits, in order, and what does
 * not fit is dropped. */
static void test_run_past_buffer(void **state)
{
	hand_engine_add(&h, 0, 0, 1024, 0, 1);
	h.ports[1].tx_room = 20;
	for (uint32_t i = 0; i < 64; i++)
		hand_rx_vr(&h, 0, 0, 1, i);
	hand_turns(&h, 1);
	assert_int_equal(hand_forward_all(&h, 0, 0, 1), 64);
	hand_turns(&h, 1);
	assert_int_equal(h.ports[1].n_tx, 20);
	assert_int_equal(hand_account(&h, 0).vifs[1].tx, 64);
	assert_int_equal(pdp_md_in_flight(h.md), 44);
	hand_check(&h);
	h.ports[1].tx_room = HAND_PKTS;
	hand_rx_vr(&h, 0, 0, 30, 64);
	hand_turns(&h, 1);
	hand_forward_all(&h, 0, 0, 1);
	hand_turns(&h, 1);
	assert_int_equal(h.ports[1].n_tx, 94);
	for (uint32_t i = 0; i < 64; i++) {
		struct rte_mbuf *m = hand_frame(&h, 0, 0, i, HAND_LEN);

		assert_memory_equal(rte_pktmbuf_mtod(h.ports[1].tx[i], void *),
				    rte_pktmbuf_mtod(m, void *), HAND_LEN);
		rte_pktmbuf_free(m);
	}
}

/* Nothing waits for ever for a port that takes nothing, in its buffer or in line. */
static void test_dead_port(void **state)
{
	struct pdp_vr_account a;

	hand_engine_add(&h, 0, 0, 1024, 0, 1);
	h.ports[1].tx_room = 0;
	for (unsigned int i = 0; i < 3; i++) {
		hand_rx_vr(&h, 0, 0, 100, i);
		hand_turns(&h, 2);
		hand_forward_all(&h, 0, 0, 1);
		hand_turns(&h, 1);
	}
	a = hand_account(&h, 0);
	assert_int_equal(hand_tx_count(&a) + a.in_flight, 300);
	hand_check(&h);
	h.md->dead_tsc = 0;
	hand_turns(&h, 1);
	a = hand_account(&h, 0);
	assert_int_equal(hand_tx_count(&a) + a.in_flight, 0);
	expect_drops(0, PDP_DROP_PORT_FULL, 300);
	/* It is back. */
	h.md->dead_tsc = UINT64_MAX;
	h.ports[1].tx_room = HAND_PKTS;
	hand_rx_vr(&h, 0, 0, 100, 9);
	hand_turns(&h, 2);
	assert_int_equal(hand_forward_all(&h, 0, 0, 1), 100);
	hand_turns(&h, 1);
	assert_int_equal(h.ports[1].n_tx, 100);
}

static void test_no_engine(void **state)
{
	hand_rx_vr(&h, 0, 0, 100, 1);
	hand_turns(&h, 3);
	expect_drops(0, PDP_DROP_NO_ENGINE, 100);
}

static void test_no_match(void **state)
{
	hand_rx(&h, 0, hand_frame(&h, 7, 0, 1, HAND_LEN));
	hand_turns(&h, 1);
	assert_int_equal(pdp_md_counters(h.md)->drops[PDP_CLS_NO_MATCH], 1);
	assert_int_equal(pdp_md_counters(h.md)->rx, 1);
	assert_int_equal(pdp_md_counters(h.md)->matched, 0);
	hand_check(&h);
}

static void test_engine_full(void **state)
{
	hand_engine_add(&h, 0, 0, 16, 0, 1);
	hand_rx_vr(&h, 0, 0, 100, 1);
	hand_turns(&h, 3);
	assert_int_equal(hand_account(&h, 0).in_flight, 16);
	expect_drops(0, PDP_DROP_ENGINE_FULL, 84);
	assert_int_equal(hand_forward_all(&h, 0, 0, 0), 16);
	hand_turns(&h, 1);
	hand_rx_vr(&h, 0, 0, 20, 1);
	hand_turns(&h, 1);
	expect_drops(0, PDP_DROP_ENGINE_FULL, 88);
}

/* Per-packet balancers hand a packet for a full engine to the next that has room. */
static void test_spill(void **state)
{
	struct pdp_desc d[64];

	hand_engine_add(&h, 0, 0, 4, 0, 1);
	hand_engine_add(&h, 0, 1, 64, 0, 1);
	hand_engine_add(&h, 0, 2, 4, 0, 1);
	hand_rx_vr(&h, 0, 0, 60, 1);
	hand_turns(&h, 1);
	expect_drops(0, PDP_DROP_ENGINE_FULL, 0);
	assert_int_equal(hand_take(&h, 0, 0, d, 64), 4);
	assert_int_equal(hand_take(&h, 0, 1, d, 64), 52);
	hand_rx_vr(&h, 0, 0, 20, 1);
	hand_turns(&h, 1);
	/* 72 slots in all, 60 were out. */
	expect_drops(0, PDP_DROP_ENGINE_FULL, 8);
}

/* The shortest queue is that of who returns its packets; of who is said to be slow it has to be
 * shorter still. */
static uint32_t out(unsigned int engine)
{
	return pdp_chan_out(h.engines[0][engine].ch);
}

/* An engine that does not take its packets gets no more than 256 while the other has fewer; only
 * when both have as many are their slots used up. */
static void test_passed_over(void **state)
{
	hand_engine_add(&h, 0, 0, 1024, 0, 1);
	hand_engine_add(&h, 0, 1, 1024, 0, 1);
	for (unsigned int i = 0; i < 20; i++) {
		hand_rx_vr(&h, 0, 0, 64, i);
		hand_turns(&h, 2);
		hand_forward_all(&h, 0, 1, 1);
		hand_turns(&h, 2);
		assert_true(out(0) <= 256);
	}
	assert_int_equal(out(0), 256);
	assert_int_equal(h.ports[1].n_tx, 20 * 64 - 256);
	for (unsigned int i = 0; i < (2 * 1024 - 256) / 64; i++) {
		hand_rx_vr(&h, 0, 0, 64, i);
		hand_turns(&h, 2);
	}
	assert_int_equal(out(0), 1024);
	assert_int_equal(out(1), 1024);
	assert_int_equal(hand_account(&h, 0).c.drops[PDP_DROP_ENGINE_FULL], 0);
	hand_check(&h);
}

static void test_jsq(void **state)
{
	struct pdp_shares shares = {.rates = {1000, 3000}};
	struct pdp_desc d[256];

	hand_engine_add(&h, 0, 0, 256, 0, 1);
	hand_engine_add(&h, 0, 1, 256, 0, 1);
	/* Of another balancer at first: nothing is lost by the change. */
	hand_rx_vr(&h, 0, 0, 10, 1);
	hand_turns(&h, 1);
	assert_int_equal(pdp_md_vr_set_balance(h.md, 0, pdp_balancer_find("jsq"), false), 0);
	for (unsigned int i = 0; i < 20; i++) {
		hand_rx_vr(&h, 0, 0, 6, 1);
		hand_turns(&h, 1);
		hand_forward_all(&h, 0, 1, 0);
	}
	assert_in_range(hand_take(&h, 0, 0, d, 256), 5, 40);
	pdp_md_vr_set_shares(h.md, 0, &shares);
	for (unsigned int i = 0; i < 20; i++) {
		hand_rx_vr(&h, 0, 0, 10, 1);
		hand_turns(&h, 1);
	}
	assert_in_range(pdp_md_engine_out(h.md, 0, 0), 45, 70);
	assert_in_range(pdp_md_engine_out(h.md, 0, 1), 145, 185);
	expect_drops(0, PDP_DROP_ENGINE_FULL, 0);
}

/* What other lcores have out with an engine is a part of its queue, and they are told the like. */
static void test_jsq_other_lcores(void **state)
{
	uint32_t theirs[PDP_ENGINES_MAX] = {100}, ours[PDP_ENGINES_MAX] = {0};
	struct md_vr their_vr = {.queues = theirs};
	struct pdp_md other = {.vrs = &their_vr}, *both[2] = {h.md, &other}, **peers = h.md->peers;

	hand_engine_add(&h, 0, 0, 256, 0, 1);
	hand_engine_add(&h, 0, 1, 256, 0, 1);
	assert_int_equal(pdp_md_vr_set_balance(h.md, 0, pdp_balancer_find("jsq"), false), 0);
	h.md->peers = both;
	h.md->n_md = 2;
	h.md->vrs[0].queues = ours;
	hand_rx_vr(&h, 0, 0, 60, 1);
	hand_turns(&h, 2);
	assert_int_equal(pdp_md_engine_out(h.md, 0, 0), 0);
	assert_int_equal(pdp_md_engine_out(h.md, 0, 1), 60);
	assert_int_equal(ours[1], 60);
	theirs[0] = 0;
	hand_rx_vr(&h, 0, 0, 20, 1);
	hand_turns(&h, 2);
	assert_true(pdp_md_engine_out(h.md, 0, 0) > 0);
	hand_engine_remove(&h, 0, 1);
	assert_int_equal(ours[1], 0);
	h.md->peers = peers;
	h.md->n_md = 1;
	h.md->vrs[0].queues = NULL;
}

/* Weights count from when they are told, for those that are told. */
static void test_shares(void **state)
{
	struct pdp_shares shares = {.weights = {0, 3}};
	struct pdp_desc d[256];

	hand_engine_add(&h, 0, 0, 256, 0, 1);
	hand_engine_add(&h, 0, 1, 256, 0, 1);
	assert_int_equal(pdp_md_vr_set_balance(h.md, 0, pdp_balancer_find("weighted"), false), 0);
	hand_rx_vr(&h, 0, 0, 64, 1);
	hand_turns(&h, 1);
	assert_int_equal(hand_take(&h, 0, 0, d, 256), 32);
	assert_int_equal(hand_take(&h, 0, 1, d, 256), 32);
	pdp_md_vr_set_shares(h.md, 0, &shares);
	hand_rx_vr(&h, 0, 0, 64, 1);
	hand_turns(&h, 1);
	assert_int_equal(hand_take(&h, 0, 0, d, 256), 16);
	assert_int_equal(hand_take(&h, 0, 1, d, 256), 48);
}

/* Overloaded: as many as have a slot go in, the rest is dropped; with slots free again all goes in.
 */
static void test_shed(void **state)
{
	struct pdp_desc d[16];

	hand_engine_add(&h, 0, 0, 8, 0, 1);
	hand_engine_add(&h, 0, 1, 8, 0, 1);
	hand_rx_vr(&h, 0, 0, 64, 1);
	hand_turns(&h, 2);
	expect_drops(0, PDP_DROP_ENGINE_FULL, 48);
	hand_rx_vr(&h, 0, 0, 64, 1);
	hand_turns(&h, 2);
	expect_drops(0, PDP_DROP_ENGINE_FULL, 112);
	assert_int_equal(hand_take(&h, 0, 0, d, 16), 8);
	for (unsigned int i = 0; i < 3; i++)
		hand_give(&h, 0, 0, kit_answer(d[i], PDP_FORWARD, 0));
	hand_turns(&h, 2);
	hand_rx_vr(&h, 0, 0, 64, 1);
	hand_turns(&h, 2);
	expect_drops(0, PDP_DROP_ENGINE_FULL, 112 + 61);
	for (unsigned int i = 3; i < 8; i++)
		hand_give(&h, 0, 0, kit_answer(d[i], PDP_FORWARD, 0));
	hand_forward_all(&h, 0, 0, 0);
	hand_forward_all(&h, 0, 1, 0);
	hand_turns(&h, 2);
	for (unsigned int i = 0; i < 5; i++) {
		hand_rx_vr(&h, 0, 0, 16, 1);
		hand_turns(&h, 2);
		hand_forward_all(&h, 0, 0, 0);
		hand_forward_all(&h, 0, 1, 0);
		hand_turns(&h, 2);
	}
	expect_drops(0, PDP_DROP_ENGINE_FULL, 112 + 61);
}

/* `flow` does not spill: a flow's packets stay with its engine or are dropped. */
static void test_flow_stays(void **state)
{
	static struct hand f;
	struct pdp_desc d[128];
	unsigned int got[2];

	hand_open(&f, 1, "flow", PDP_HASH_INNER);
	hand_engine_add(&f, 0, 0, 8, 0, 1);
	hand_engine_add(&f, 0, 1, 8, 0, 1);
	hand_rx_vr(&f, 0, 0, 60, 77);
	hand_turns(&f, 1);
	assert_int_equal(hand_account(&f, 0).c.drops[PDP_DROP_ENGINE_FULL], 52);
	got[0] = hand_take(&f, 0, 0, d, 128);
	got[1] = hand_take(&f, 0, 1, d, 128);
	assert_true((got[0] == 8 && got[1] == 0) || (got[0] == 0 && got[1] == 8));
	/* The hash came along, and is what the engine would compute. */
	for (unsigned int i = 0; i < got[1]; i++) {
		assert_true(d[i].flags & PDP_DESC_HASH);
		assert_int_equal(d[i].off_hash >> PDP_OFF_BITS, d[0].off_hash >> PDP_OFF_BITS);
	}
	hand_close(&f);
}

/* Many flows reach every engine in about equal parts, in both directions the same if symmetric. */
static void test_flow_spreads(void **state)
{
	static struct hand f;
	struct pdp_desc d[HAND_PKTS];

	hand_open(&f, 1, "flow", PDP_HASH_INNER);
	for (unsigned int e = 0; e < 3; e++)
		hand_engine_add(&f, 0, e, 1024, 0, 1);
	for (uint32_t i = 0; i < 1500; i++)
		hand_rx_vr(&f, 0, 0, 1, i);
	hand_turns(&f, 1500 / 64 + 1);
	for (unsigned int e = 0; e < 3; e++)
		assert_in_range(hand_take(&f, 0, e, d, HAND_PKTS), 400, 600);
	hand_close(&f);
}

/* Every verdict byte that fits into a descriptor: each packet leaves once, under a name. */
static void test_every_verdict_byte(void **state)
{
	static const char *no_name = "a drop without a name";

	hand_engine_add(&h, 0, 0, 64, 4, 1);
	for (unsigned int vf = 0; vf < 256; vf++) {
		struct pdp_vr_account before = hand_account(&h, 0), after;
		const uint64_t lies = h.engines[0][0].ch->lies[PDP_LIE_CODE];
		struct pdp_return r;
		struct pdp_desc d;
		bool lie;

		hand_rx_vr(&h, 0, 0, 1, 1);
		hand_turns(&h, 1);
		do
			assert_int_equal(hand_take(&h, 0, 0, &d, 1), 1);
		while (d.flags & PDP_DESC_BLANK);
		r = kit_answer(d, PDP_DROP, 0);
		r.verdict = (uint8_t)vf;
		if (vf == PDP_RETURN_RUN)
			r.len = 1;
		hand_give(&h, 0, 0, r);
		hand_turns(&h, 1);
		after = hand_account(&h, 0);
		assert_int_equal(after.in_flight, 0);
		if ((vf & 3) == PDP_FORWARD || vf == PDP_RETURN_RUN)
			assert_int_equal(hand_tx_count(&after), hand_tx_count(&before) + 1);
		else
			assert_int_equal(hand_drops(&after), hand_drops(&before) + 1);
		for (unsigned int i = 0; i < PDP_DROP_N; i++) {
			if (after.c.drops[i] != before.c.drops[i] && pdp_drop_name(i) == NULL)
				fail_msg("%s: %u, verdict byte 0x%02x", no_name, i, vf);
		}
		lie = ((vf & 3) == PDP_HOLD && vf != PDP_RETURN_RUN) ||
		      ((vf & 3) == PDP_PUNT && vf >> 2 >= PDP_PUNT_CLASSES) ||
		      ((vf & 3) == PDP_DROP &&
		       (vf >> 2 >= PDP_DROP_N_ENGINE || pdp_drop_name(vf >> 2) == NULL));
		assert_int_equal(h.engines[0][0].ch->lies[PDP_LIE_CODE], lies + lie);
		hand_check(&h);
		hand_drop_tx(&h);
	}
	assert_int_equal(hand_account(&h, 0).c.drops[PDP_DROP_PUNT], PDP_PUNT_CLASSES);
}

static void test_lies(void **state)
{
	struct pdp_desc d[8];
	struct pdp_chan *ch;

	hand_engine_add(&h, 0, 0, 8, 0, 1);
	ch = h.engines[0][0].ch;
	hand_rx_vr(&h, 0, 0, 6, 1);
	hand_turns(&h, 1);
	assert_int_equal(hand_take(&h, 0, 0, d, 8), 6);
	d[0].plen = UINT16_MAX;
	hand_give(&h, 0, 0, kit_answer(d[0], PDP_FORWARD, 0));
	hand_give(&h, 0, 0, kit_answer(d[1], PDP_FORWARD, 2));
	hand_give(&h, 0, 0, kit_answer(d[2], PDP_FORWARD, 255));
	hand_give(&h, 0, 0, kit_answer(d[2], PDP_FORWARD, 0));
	d[3].slot = 8;
	hand_give(&h, 0, 0, kit_answer(d[3], PDP_FORWARD, 0));
	hand_turns(&h, 1);
	assert_int_equal(ch->lies[PDP_LIE_BOUNDS], 1);
	assert_int_equal(ch->lies[PDP_LIE_VIF], 2);
	assert_int_equal(ch->lies[PDP_LIE_TWICE], 1);
	assert_int_equal(ch->lies[PDP_LIE_SLOT], 1);
	assert_int_equal(hand_account(&h, 0).in_flight, 3);
	expect_drops(0, PDP_DROP_LIE, 3);
	/* Lengths of what is not sent are nobody's concern. */
	d[4].plen = 0;
	hand_give(&h, 0, 0, kit_answer(d[4], PDP_DROP, 99));
	hand_turns(&h, 1);
	assert_int_equal(hand_account(&h, 0).c.drops[PDP_DROP_VR], 1);
	assert_int_equal(ch->lies[PDP_LIE_BOUNDS], 1);
	hand_check(&h);
	assert_int_equal(hand_engine_remove(&h, 0, 0), 2);
	assert_int_equal(hand_account(&h, 0).c.drops[PDP_DROP_ENGINE_DIED], 2);
}

/* A producer's index that runs away costs a bounded part of each turn, and nothing is followed. */
static void test_lying_tail(void **state)
{
	struct pdp_ring *from;

	hand_engine_add(&h, 0, 0, 4, 0, 1);
	hand_rx_vr(&h, 0, 0, 4, 1);
	hand_turns(&h, 1);
	from = h.engines[0][0].end.from.ring;
	from->tail = 0x40000000;
	hand_turns(&h, 10);
	hand_check(&h);
	assert_in_range(hand_engine_remove(&h, 0, 0), 0, 4);
	hand_check(&h);
}

/* Originated packets count when they come back filled; a BLANK given back unused does not. */
static void test_originate(void **state)
{
	struct pdp_desc d[8];
	struct pdp_vr_account a;

	hand_engine_add(&h, 0, 0, 8, 4, 1);
	hand_turns(&h, 2);
	assert_int_equal(pdp_md_blanks(h.md), 4);
	assert_int_equal(hand_take(&h, 0, 0, d, 8), 4);
	for (unsigned int i = 0; i < 4; i++) {
		assert_true(d[i].flags & PDP_DESC_BLANK);
		d[i].plen = 100;
	}
	hand_give(&h, 0, 0, kit_answer(d[0], PDP_FORWARD, 1));
	hand_give(&h, 0, 0, kit_answer(d[1], PDP_PUNT, 0));
	hand_give(&h, 0, 0, kit_answer(d[2], PDP_DROP, 0));
	hand_give(&h, 0, 0, kit_answer(d[3], PDP_FORWARD, 9));
	hand_turns(&h, 2);
	a = hand_account(&h, 0);
	assert_int_equal(a.c.originated, 3);
	assert_int_equal(a.vifs[1].tx, 1);
	assert_int_equal(a.vifs[1].tx_bytes, 100);
	assert_int_equal(a.c.drops[PDP_DROP_PUNT], 1);
	assert_int_equal(a.c.drops[PDP_DROP_LIE], 1);
	assert_int_equal(h.ports[1].tx[0]->pkt_len, 100);
	/* Topped up again. */
	assert_int_equal(hand_take(&h, 0, 0, d, 8), 4);
	hand_check(&h);
}

static void test_port_full(void **state)
{
	unsigned int out = 0;

	hand_engine_add(&h, 0, 0, 1024, 0, 1);
	h.ports[1].tx_room = 10;
	for (unsigned int i = 0; i < 8; i++) {
		hand_rx_vr(&h, 0, 0, 64, 1);
		hand_turns(&h, 1);
		out += hand_forward_all(&h, 0, 0, 1);
		hand_turns(&h, 1);
		hand_check(&h);
	}
	assert_int_equal(out, 512);
	assert_int_equal(h.ports[1].n_tx, 10);
	assert_true(hand_account(&h, 0).c.drops[PDP_DROP_PORT_FULL] > 0);
	/* What waits goes out in order when there is room. */
	h.ports[1].tx_room = UINT32_MAX;
	hand_turns(&h, 2);
	expect_drops(0, PDP_DROP_PORT_FULL, 512 - h.ports[1].n_tx);
	/* At the end a port takes nothing more: drops, no longer sent. */
	hand_rx_vr(&h, 0, 0, 5, 1);
	hand_turns(&h, 1);
	hand_forward_all(&h, 0, 0, 1);
	h.ports[1].tx_room = 2;
	hand_turns(&h, 1);
	pdp_md_finish(h.md);
	expect_drops(0, PDP_DROP_PORT_FULL, 517 - h.ports[1].n_tx);
}

/* n segments of seg_len bytes each. */
static struct rte_mbuf *chain(unsigned int n, uint16_t seg_len)
{
	struct rte_mbuf *first = NULL;

	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = kit_packet(h.pool, seg_len, (uint8_t)i);

		if (first == NULL)
			first = m;
		else
			assert_int_equal(rte_pktmbuf_chain(first, m), 0);
	}
	return first;
}

static void test_chains(void **state)
{
	struct pdp_desc d;
	const uint8_t *bytes;

	hand_engine_add(&h, 0, 0, 8, 0, 1);
	hand_rx(&h, 0, chain(3, 500));
	hand_turns(&h, 1);
	assert_int_equal(hand_take(&h, 0, 0, &d, 1), 1);
	assert_int_equal(d.plen, 1500);
	bytes = (const uint8_t *)h.base + (d.off_hash & PDP_OFF_MASK);
	assert_int_equal(bytes[0], 0);
	assert_int_equal(bytes[499], 0);
	assert_int_equal(bytes[500], 1);
	assert_int_equal(bytes[1499], 2);
	hand_give(&h, 0, 0, kit_answer(d, PDP_FORWARD, 0));
	hand_turns(&h, 1);
	assert_int_equal(h.ports[0].tx[0]->nb_segs, 1);
	assert_int_equal(h.ports[0].tx[0]->pkt_len, 1500);
	/* Longer than one buffer: a counted drop. */
	hand_rx(&h, 0, chain(3, 1000));
	hand_turns(&h, 1);
	expect_drops(0, PDP_DROP_UNFIT, 1);
	assert_int_equal(hand_account(&h, 0).vifs[0].rx_bytes, 4500);
	/* Too little room in front for a tunnel header: too. */
	hand_rx(&h, 0, hand_frame(&h, 0, 0, 1, HAND_LEN));
	rte_pktmbuf_prepend(h.ports[0].rx[0], 64);
	hand_turns(&h, 1);
	expect_drops(0, PDP_DROP_UNFIT, 2);
}

/* Drained: gets nothing more, gives back what it has; the others go on. */
static void test_drain(void **state)
{
	hand_engine_add(&h, 0, 0, 64, 4, 1);
	hand_engine_add(&h, 0, 1, 64, 4, 1);
	hand_rx_vr(&h, 0, 0, 20, 1);
	hand_turns(&h, 1);
	pdp_md_engine_drain(h.md, 0, 0);
	assert_int_equal(pdp_md_engine_out(h.md, 0, 0), 10);
	hand_rx_vr(&h, 0, 0, 20, 1);
	hand_turns(&h, 1);
	assert_int_equal(hand_forward_all(&h, 0, 0, 0), 10);
	assert_int_equal(hand_forward_all(&h, 0, 1, 0), 30);
	hand_turns(&h, 1);
	assert_int_equal(pdp_md_engine_out(h.md, 0, 0), 0);
	assert_int_equal(hand_engine_remove(&h, 0, 0), 0);
	expect_drops(0, PDP_DROP_ENGINE_DIED, 0);
	/* The last one leaves: nobody is there. */
	pdp_md_engine_drain(h.md, 0, 1);
	hand_rx_vr(&h, 0, 0, 3, 1);
	hand_turns(&h, 1);
	expect_drops(0, PDP_DROP_NO_ENGINE, 3);
}

/* Dead: what it had returned counts, what it had not is dropped; another takes its index. */
static void test_death(void **state)
{
	struct pdp_desc d[64];

	hand_engine_add(&h, 0, 0, 64, 8, 1);
	hand_turns(&h, 3);
	hand_rx_vr(&h, 0, 0, 40, 1);
	hand_turns(&h, 1);
	assert_int_equal(hand_take(&h, 0, 0, d, 64), 48);
	for (unsigned int i = 8; i < 18; i++)
		hand_give(&h, 0, 0, kit_answer(d[i], PDP_FORWARD, 0));
	assert_int_equal(hand_engine_remove(&h, 0, 0), 30);
	hand_turns(&h, 1);
	assert_int_equal(hand_account(&h, 0).vifs[0].tx, 10);
	expect_drops(0, PDP_DROP_ENGINE_DIED, 30);
	hand_engine_add(&h, 0, 0, 64, 8, 1);
	hand_rx_vr(&h, 0, 0, 7, 1);
	hand_turns(&h, 1);
	assert_int_equal(hand_forward_all(&h, 0, 0, 0), 7);
	hand_turns(&h, 1);
	expect_drops(0, PDP_DROP_ENGINE_DIED, 30);
}

static unsigned int put_message(unsigned int vr, unsigned int engine, uint16_t to, uint16_t size)
{
	struct pdp_ctl_elem elems[PDP_CTL_ELEMS_MAX] = {{.engine = to, .size = size}};

	return pdp_ctl_ring_put(&h.engines[vr][engine].end.ctl_from, elems, pdp_ctl_elems(size));
}

static unsigned int waiting(unsigned int vr, unsigned int engine)
{
	return pdp_ctl_ring_count(&h.engines[vr][engine].end.ctl_to);
}

/* Messages go to siblings of the same VR and to nobody else. */
static void test_messages(void **state)
{
	struct pdp_ctl_elem head = {.engine = 1, .size = PDP_VR_MSG_SIZE + 1};
	struct pdp_vr_account a;

	for (unsigned int v = 0; v < 2; v++) {
		hand_engine_add(&h, v, 0, 8, 0, 1);
		hand_engine_add(&h, v, 1, 8, 0, 1);
	}
	put_message(0, 0, 1, 10);
	put_message(0, 1, 1, 1024);
	put_message(0, 1, 0, 0);
	put_message(0, 0, 2, 10);
	put_message(0, 0, 64, 10);
	put_message(0, 0, UINT16_MAX, 10);
	pdp_ctl_ring_put(&h.engines[0][0].end.ctl_from, &head, 1);
	hand_turns(&h, 4);
	a = hand_account(&h, 0);
	assert_int_equal(a.c.ctl_relayed, 3);
	assert_int_equal(a.c.ctl_dropped, 3);
	assert_int_equal(h.engines[0][0].ch->lies[PDP_LIE_CONTROL], 1);
	assert_int_equal(waiting(0, 0), 1);
	assert_int_equal(waiting(0, 1), 1 + pdp_ctl_elems(1024));
	assert_int_equal(waiting(1, 0) + waiting(1, 1), 0);
	assert_true(pdp_ctl_ring_take(&h.engines[0][0].end.ctl_to, &head, 1));
	assert_int_equal(head.engine, 1);
	/* A sibling that does not read loses messages, and stops nobody. */
	for (unsigned int i = 0; i < 300; i++) {
		put_message(0, 0, 1, 10);
		hand_turns(&h, 1);
	}
	a = hand_account(&h, 0);
	assert_int_equal(a.c.ctl_relayed + a.c.ctl_dropped, 306);
	assert_true(a.c.ctl_dropped > 3);
	hand_check(&h);
}

/* The counters of stages: something was measured, and names are complete. */
static void test_names(void **state)
{
	hand_engine_add(&h, 0, 0, 64, 0, 1);
	for (unsigned int i = 0; i < 130; i++) {
		hand_rx_vr(&h, 0, 0, 1, 1);
		hand_turns(&h, 1);
		hand_forward_all(&h, 0, 0, 1);
	}
	hand_turns(&h, 1);
	for (unsigned int s = 0; s < PDP_STAGE_N; s++) {
		assert_non_null(pdp_stage_name((enum pdp_stage)s));
		assert_true(pdp_md_counters(h.md)->stages[s].tsc > 0);
	}
	for (unsigned int l = 0; l < PDP_LIE_N; l++)
		assert_non_null(pdp_lie_name((enum pdp_lie)l));
	for (unsigned int d = PDP_DROP_N_ENGINE; d < PDP_DROP_N; d++)
		assert_non_null(pdp_drop_name(d));
	assert_null(pdp_drop_name(PDP_DROP_N));
}

#define one(fn)	  cmocka_unit_test_setup_teardown(fn, open_one, close_hand)
#define three(fn) cmocka_unit_test_setup_teardown(fn, open_three, close_hand)

int main(void)
{
	const struct CMUnitTest tests[] = {
		one(test_forward),
		three(test_vrs_apart),
		one(test_offload_flags),
		one(test_run_past_buffer),
		one(test_dead_port),
		one(test_no_engine),
		three(test_no_match),
		one(test_engine_full),
		one(test_spill),
		one(test_passed_over),
		one(test_shed),
		one(test_jsq),
		one(test_jsq_other_lcores),
		one(test_shares),
		cmocka_unit_test(test_flow_stays),
		cmocka_unit_test(test_flow_spreads),
		one(test_every_verdict_byte),
		one(test_lies),
		one(test_lying_tail),
		one(test_originate),
		one(test_port_full),
		one(test_chains),
		one(test_drain),
		one(test_death),
		three(test_messages),
		one(test_names),
	};

	return cmocka_run_group_tests(tests, kit_eal, NULL);
}
