/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The MD's private ledger of slots: packets go out and come back in any order, and whatever else an
 * engine returns is refused and counted, with every buffer back in the pool afterwards.
 */
#include "kit.h"

#define POOL	  512
#define N_SLOTS	  8
#define N_BLANKS  4
#define FRAME_LEN 100

static struct kit k;

static int open_kit(void **state)
{
	kit_open(&k, POOL, N_SLOTS, N_BLANKS);
	return 0;
}

static int close_kit(void **state)
{
	unsigned int n_blanks;

	pdp_chan_sweep(k.ch, &n_blanks);
	kit_close(&k);
	return 0;
}

static struct pdp_return back_of(struct pdp_desc d)
{
	return kit_answer(d, PDP_FORWARD, 0);
}

/* Send n packets and take their descriptors at the engine's end. */
static void send(unsigned int n, struct pdp_desc *descs)
{
	for (unsigned int i = 0; i < n; i++)
		kit_stage(k.ch, kit_packet(k.pool, FRAME_LEN, (uint8_t)i), i, 3, 0);
	pdp_chan_flush(k.ch);
	assert_int_equal(kit_end_take(&k.end, descs, n + 1), n);
}

static enum kit_taken take(struct pdp_return r, struct rte_mbuf **m, bool *ok)
{
	struct pdp_return back = {0};

	kit_end_give(&k.end, r);
	assert_int_equal(pdp_ring_take(&k.ch->from, &back, 1, sizeof(back)), 1);
	*m = NULL;
	*ok = false;
	return kit_chan_take(k.ch, &back, m, ok);
}

/* What the MD does with a packet: free it, so that buffers can be counted. */
static bool take_and_free(struct pdp_return r)
{
	struct rte_mbuf *m;
	bool ok;

	assert_int_equal(take(r, &m, &ok), KIT_PKT);
	rte_pktmbuf_free(m);
	return ok;
}

static void expect_out(unsigned int packets, unsigned int blanks)
{
	assert_int_equal(pdp_chan_out(k.ch), packets);
	assert_int_equal(k.ch->n_blanks - k.ch->n_blank_free, blanks);
	assert_int_equal(rte_mempool_in_use_count(k.pool), packets + blanks);
}

static void test_descriptor(void **state)
{
	struct rte_mbuf *m = kit_packet(k.pool, FRAME_LEN, 0x5a);
	struct pdp_desc d;

	kit_stage(k.ch, m, 0xabcdef, 7, PDP_DESC_HASH);
	assert_int_equal(pdp_chan_staged(k.ch), 1);
	assert_int_equal(kit_end_take(&k.end, &d, 1), 0);
	pdp_chan_flush(k.ch);
	assert_int_equal(pdp_chan_staged(k.ch), 0);
	assert_int_equal(kit_end_take(&k.end, &d, 1), 1);
	assert_int_equal(d.off_hash >> PDP_OFF_BITS, 0xabcdef);
	assert_int_equal(d.vif, 7);
	assert_int_equal(d.flags, PDP_DESC_HASH);
	assert_int_equal(d.plen, FRAME_LEN);
	assert_int_equal(d.vlen, FRAME_LEN);
	assert_true(d.slot < N_SLOTS);
	/* The offset leads to the packet's bytes. */
	assert_int_equal(((const uint8_t *)k.base)[d.off_hash & PDP_OFF_MASK], 0x5a);
	assert_true(take_and_free(back_of(d)));
}

static void test_any_order(void **state)
{
	struct pdp_desc d[N_SLOTS + 1];
	bool seen[N_SLOTS] = {false};

	for (unsigned int round = 0; round < 100; round++) {
		send(N_SLOTS, d);
		assert_int_equal(k.ch->n_free, 0);
		for (unsigned int i = 0; i < N_SLOTS; i++) {
			const unsigned int pick = (i * 3 + round) % N_SLOTS;
			struct rte_mbuf *m;
			bool ok;

			assert_int_equal(take(back_of(d[pick]), &m, &ok), KIT_PKT);
			assert_true(ok);
			assert_int_equal(*rte_pktmbuf_mtod(m, uint8_t *), pick);
			assert_int_equal(m->data_len, FRAME_LEN);
			seen[d[pick].slot] = true;
			rte_pktmbuf_free(m);
		}
		assert_int_equal(pdp_chan_out(k.ch), 0);
	}
	for (unsigned int i = 0; i < N_SLOTS; i++)
		assert_true(seen[i]);
}

/* Headers taken off or put in front, the tail cut or grown: within the buffer all is allowed. */
static void test_moved(void **state)
{
	const struct {
		int start, end;
		bool ok;
	} cases[] = {
		{-RTE_PKTMBUF_HEADROOM, 0, true},
		{-RTE_PKTMBUF_HEADROOM - 1, 0, false},
		{FRAME_LEN - PDP_FRAME_MIN, 0, true},
		{FRAME_LEN - PDP_FRAME_MIN + 1, 0, false},
		{0, KIT_ROOM - FRAME_LEN, true},
		{0, KIT_ROOM - FRAME_LEN + 1, false},
		{-RTE_PKTMBUF_HEADROOM, KIT_ROOM - FRAME_LEN, true},
		{KIT_ROOM, 0, false},
		{KIT_ROOM - PDP_FRAME_MIN, KIT_ROOM - FRAME_LEN, true},
		{KIT_ROOM - PDP_FRAME_MIN + 1, KIT_ROOM - FRAME_LEN + 1, false},
	};

	for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
		struct pdp_return r;
		struct pdp_desc d[2];
		struct rte_mbuf *m;
		uint16_t off;
		bool ok;

		send(1, d);
		r = back_of(d[0]);
		r.moved = (int16_t)cases[i].start;
		r.len = (uint16_t)(r.len + cases[i].end - cases[i].start);
		assert_int_equal(take(r, &m, &ok), KIT_PKT);
		assert_int_equal(ok, cases[i].ok);
		off = (uint16_t)(RTE_PKTMBUF_HEADROOM + cases[i].start);
		assert_int_equal(m->data_off, ok ? off : RTE_PKTMBUF_HEADROOM);
		assert_int_equal(m->pkt_len, ok ? r.len : FRAME_LEN);
		assert_int_equal(m->data_len, m->pkt_len);
		rte_pktmbuf_free(m);
		expect_out(0, 0);
	}
}

/* Places and lengths from nowhere: refused, the mbuf stays as it was, the slot is free again. */
static void test_bounds(void **state)
{
	static const int16_t places[] = {INT16_MIN, INT16_MAX, -129, KIT_ROOM, KIT_ROOM + 1};
	static const uint16_t lengths[] = {0, 1, PDP_FRAME_MIN - 1, KIT_ROOM + 129, UINT16_MAX};

	for (unsigned int i = 0; i < RTE_DIM(places) + RTE_DIM(lengths); i++) {
		struct pdp_return r;
		struct pdp_desc d[3];
		struct rte_mbuf *m;
		bool ok;

		send(2, d);
		r = back_of(d[1]);
		if (i < RTE_DIM(places))
			r.moved = places[i];
		else
			r.len = lengths[i - RTE_DIM(places)];
		assert_int_equal(take(r, &m, &ok), KIT_PKT);
		assert_false(ok);
		assert_int_equal(m->data_off, RTE_PKTMBUF_HEADROOM);
		assert_int_equal(m->data_len, FRAME_LEN);
		rte_pktmbuf_free(m);
		assert_true(take_and_free(back_of(d[0])));
		expect_out(0, 0);
	}
}

/* Every place and length there is, from the first to one behind the last. */
static void test_every_place(void **state)
{
	for (int start = -RTE_PKTMBUF_HEADROOM - 2; start < KIT_ROOM + 3; start += 7) {
		for (int len = 0; len < KIT_ROOM + 200; len += len < 20 ? 1 : 61) {
			const int end = start + RTE_PKTMBUF_HEADROOM + len;
			struct pdp_return r;
			struct pdp_desc d[2];

			send(1, d);
			r = back_of(d[0]);
			r.moved = (int16_t)start;
			r.len = (uint16_t)len;
			assert_int_equal(take_and_free(r),
					 start >= -RTE_PKTMBUF_HEADROOM && len >= PDP_FRAME_MIN &&
						 end <= RTE_PKTMBUF_HEADROOM + KIT_ROOM);
		}
	}
	expect_out(0, 0);
}

static void expect_nothing(struct pdp_return r, enum pdp_lie lie)
{
	const uint64_t before = k.ch->lies[lie];
	struct rte_mbuf *m;
	bool ok;

	assert_int_equal(take(r, &m, &ok), KIT_NONE);
	assert_null(m);
	assert_int_equal(k.ch->lies[lie], before + 1);
}

static void test_slot_beyond(void **state)
{
	static const uint16_t slots[] = {N_SLOTS + N_BLANKS, N_SLOTS + N_BLANKS + 1, 32768,
					 UINT16_MAX};
	struct pdp_desc d[3];

	send(2, d);
	for (unsigned int i = 0; i < RTE_DIM(slots); i++) {
		struct pdp_return lie = back_of(d[0]);

		lie.slot = slots[i];
		expect_nothing(lie, PDP_LIE_SLOT);
		expect_out(2, 0);
	}
	assert_true(take_and_free(back_of(d[0])));
	assert_true(take_and_free(back_of(d[1])));
	expect_out(0, 0);
}

static void test_twice_and_not_lent(void **state)
{
	struct pdp_desc d[3];
	struct pdp_return lie;

	send(2, d);
	assert_true(take_and_free(back_of(d[0])));
	expect_nothing(back_of(d[0]), PDP_LIE_TWICE);
	expect_out(1, 0);
	for (uint16_t slot = 0; slot < N_SLOTS + N_BLANKS; slot++) {
		lie = back_of(d[1]);
		lie.slot = slot;
		if (slot != d[1].slot)
			expect_nothing(lie, PDP_LIE_TWICE);
	}
	assert_true(take_and_free(back_of(d[1])));
	expect_nothing(back_of(d[1]), PDP_LIE_TWICE);
	expect_out(0, 0);
	/* After all that every slot can still be lent, once. */
	struct pdp_desc all[N_SLOTS + 1];

	send(N_SLOTS, all);
	for (unsigned int i = 0; i < N_SLOTS; i++) {
		for (unsigned int j = 0; j < i; j++)
			assert_int_not_equal(all[i].slot, all[j].slot);
	}
	for (unsigned int i = 0; i < N_SLOTS; i++)
		assert_true(take_and_free(back_of(all[i])));
}

static void test_sweep(void **state)
{
	struct pdp_desc d[N_SLOTS + 1];
	unsigned int n_blanks;

	send(N_SLOTS, d);
	assert_int_equal(pdp_chan_top_up(k.ch, k.pool, 3), 3);
	assert_true(take_and_free(back_of(d[4])));
	assert_int_equal(pdp_chan_sweep(k.ch, &n_blanks), N_SLOTS - 1);
	assert_int_equal(n_blanks, 3);
	expect_out(0, 0);
	assert_int_equal(pdp_chan_sweep(k.ch, &n_blanks), 0);
	assert_int_equal(n_blanks, 0);
	/* What the dead one had written is a lie now. */
	expect_nothing(back_of(d[0]), PDP_LIE_TWICE);
	expect_out(0, 0);
}

/* Lend, fill to both ends, return, lend again; the pool may be empty. */
static void test_blanks(void **state)
{
	struct pdp_desc d[N_BLANKS + 1];
	struct rte_mbuf *m, *all[POOL];
	struct pdp_return r;
	bool ok;

	assert_int_equal(pdp_chan_top_up(k.ch, k.pool, 1), 1);
	assert_int_equal(pdp_chan_top_up(k.ch, k.pool, 64), N_BLANKS - 1);
	assert_int_equal(pdp_chan_top_up(k.ch, k.pool, 64), 0);
	expect_out(0, N_BLANKS);
	assert_int_equal(kit_end_take(&k.end, d, N_BLANKS + 1), N_BLANKS);
	for (unsigned int i = 0; i < N_BLANKS; i++) {
		assert_int_equal(d[i].flags, PDP_DESC_BLANK);
		assert_int_equal(d[i].plen, KIT_ROOM);
		assert_true(d[i].slot >= N_SLOTS && d[i].slot < N_SLOTS + N_BLANKS);
	}
	/* Filled whole, with a header in the headroom. */
	r = back_of(d[0]);
	r.moved = -RTE_PKTMBUF_HEADROOM;
	r.len = RTE_PKTMBUF_HEADROOM + KIT_ROOM;
	assert_int_equal(take(r, &m, &ok), KIT_BLANK);
	assert_true(ok);
	assert_int_equal(m->pkt_len, RTE_PKTMBUF_HEADROOM + KIT_ROOM);
	rte_pktmbuf_free(m);
	/* One byte too many. */
	d[1].plen = KIT_ROOM + 1;
	assert_int_equal(take(back_of(d[1]), &m, &ok), KIT_BLANK);
	assert_false(ok);
	rte_pktmbuf_free(m);
	expect_out(0, N_BLANKS - 2);
	expect_nothing(back_of(d[1]), PDP_LIE_TWICE);
	/* No buffer in the pool: nothing is lent, and it goes on when there is. */
	assert_int_equal(rte_pktmbuf_alloc_bulk(k.pool, all, POOL - (N_BLANKS - 2)), 0);
	assert_int_equal(pdp_chan_top_up(k.ch, k.pool, 64), 0);
	rte_pktmbuf_free_bulk(all, POOL - (N_BLANKS - 2));
	assert_int_equal(pdp_chan_top_up(k.ch, k.pool, 64), 2);
	expect_out(0, N_BLANKS);
}

/* A whole burst of good and bad ones: bits and mbufs stand where their descriptor does. */
static void test_mixed_burst(void **state)
{
	struct pdp_desc d[N_SLOTS + N_BLANKS + 1];
	struct pdp_return burst[64], returns[64];
	struct pdp_taken t;
	unsigned int n;

	assert_int_equal(pdp_chan_top_up(k.ch, k.pool, 64), N_BLANKS);
	assert_int_equal(kit_end_take(&k.end, d + N_SLOTS, 64), N_BLANKS);
	send(N_SLOTS, d);
	n = 0;
	for (unsigned int i = 0; i < N_SLOTS; i++) {
		burst[n++] = back_of(d[i]);
		burst[n++] = back_of(d[i]); /* twice */
		burst[n] = back_of(d[i]);
		burst[n++].slot = (uint16_t)(1000 + i);
	}
	for (unsigned int i = 0; i < N_BLANKS; i++) {
		burst[n] = back_of(d[N_SLOTS + i]);
		burst[n++].len = i % 2 ? 100 : 0;
	}
	assert_int_equal(pdp_chan_take(k.ch, burst, n, true, returns, &t), n);
	for (unsigned int i = 0; i < n; i++) {
		const bool blank = i >= 3 * N_SLOTS, good = blank || i % 3 == 0;

		assert_int_equal(t.blank >> i & 1, blank);
		assert_int_equal(t.none >> i & 1, !good);
		assert_int_equal(t.bad >> i & 1, blank && (i - 3 * N_SLOTS) % 2 == 0);
		if (good && !blank)
			assert_int_equal(*rte_pktmbuf_mtod(t.m[i], uint8_t *), i / 3);
		if (good)
			rte_pktmbuf_free(t.m[i]);
	}
	assert_int_equal(k.ch->lies[PDP_LIE_TWICE], N_SLOTS);
	assert_int_equal(k.ch->lies[PDP_LIE_SLOT], N_SLOTS);
	expect_out(0, 0);
}

/* All slots lent and returned, in channels of every size, with and without BLANKs. */
static void test_sizes(void **state)
{
	static const uint32_t sizes[] = {2, 3, 1024, 32768};
	static struct pdp_desc d[32768 + 1024 + 1];

	for (unsigned int s = 0; s < 2 * RTE_DIM(sizes); s++) {
		const uint32_t n = sizes[s / 2], n_blanks = s % 2 ? RTE_MIN(n, 1024u) : 0;
		struct kit big;
		unsigned int rest;

		kit_open(&big, n + n_blanks + 1, n, n_blanks);
		for (unsigned int round = 0; round < 3; round++) {
			uint32_t lent = 0;

			while (pdp_chan_top_up(big.ch, big.pool, 64) != 0)
				;
			for (uint32_t i = 0; i < n; i++) {
				kit_stage(big.ch, kit_packet(big.pool, 60, 1), 0, 0, 0);
				if (pdp_chan_staged(big.ch) == 64)
					pdp_chan_flush(big.ch);
			}
			pdp_chan_flush(big.ch);
			assert_int_equal(pdp_chan_out(big.ch), n);
			lent = kit_end_take(&big.end, d, n + n_blanks + 1);
			assert_int_equal(lent, n + (round == 0 ? n_blanks : n_blanks / 2));
			/* The last round's are swept; of BLANKs half come back. */
			for (uint32_t i = 0; round < 2 && i < lent; i++) {
				struct pdp_return r = back_of(d[i]);
				struct rte_mbuf *m = NULL;
				bool ok;

				if (d[i].slot >= n && d[i].slot % 2)
					continue;
				assert_int_not_equal(kit_chan_take(big.ch, &r, &m, &ok), KIT_NONE);
				rte_pktmbuf_free(m);
			}
		}
		assert_int_equal(pdp_chan_sweep(big.ch, &rest), n);
		assert_int_equal(rest, n_blanks);
		kit_close(&big);
	}
}

#define ledger_test(fn) cmocka_unit_test_setup_teardown(fn, open_kit, close_kit)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ledger_test(test_descriptor),
		ledger_test(test_any_order),
		ledger_test(test_moved),
		ledger_test(test_bounds),
		ledger_test(test_every_place),
		ledger_test(test_slot_beyond),
		ledger_test(test_twice_and_not_lent),
		ledger_test(test_sweep),
		ledger_test(test_mixed_burst),
		ledger_test(test_blanks),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, kit_eal, NULL);
}
