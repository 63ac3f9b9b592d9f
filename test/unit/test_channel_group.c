/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Groups of packets on their way to an engine, and runs of them on their way back: what is read is
 * what was sent, however it is written, and a run gets an engine nothing that single returns would
 * not.
 */
#include "kit.h"

#define POOL	 512
#define N_SLOTS	 200
#define N_BLANKS 4

enum vary { LENGTHS = 1, PLACES = 2, HASHES = 4, VARIANTS = 8 };

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

static uint32_t hash_of(unsigned int i)
{
	return (i * 2654435761u >> 8 & PDP_HASH_MASK) | 1u << 31;
}

/* Stage n packets, marked from `mark` on. @return entries of the ring that it took */
static uint32_t stage(unsigned int n, unsigned int mark, unsigned int vary)
{
	const uint8_t flags = vary & HASHES ? PDP_DESC_HASH : 0;
	struct rte_mbuf *pkts[N_SLOTS];
	uint32_t hashes[N_SLOTS];
	const uint32_t before = k.ch->to.tail;

	for (unsigned int i = 0; i < n; i++) {
		const uint16_t len = (uint16_t)(60 + (vary & LENGTHS ? (mark + i) % 7 : 0));

		pkts[i] = kit_packet(k.pool, len + 4, 0);
		if (vary & PLACES && (mark + i) % 5 == 0)
			rte_pktmbuf_adj(pkts[i], 4);
		else
			rte_pktmbuf_trim(pkts[i], 4);
		*rte_pktmbuf_mtod(pkts[i], uint8_t *) = (uint8_t)(mark + i);
		hashes[i] = hash_of(mark + i);
	}
	pdp_chan_stage(k.ch, pkts, n, vary & HASHES ? hashes : NULL, 9, flags);
	return k.ch->to.tail - before;
}

/* All that waits, at most `at_once` a time. */
static unsigned int take(struct pdp_desc *d, unsigned int at_once)
{
	unsigned int n = 0, got;

	do {
		got = kit_end_take(&k.end, d + n, at_once);
		n += got;
	} while (got != 0);
	return n;
}

static void expect_desc(const struct pdp_desc *d, unsigned int mark, unsigned int vary)
{
	const uint16_t len = (uint16_t)(60 + (vary & LENGTHS ? mark % 7 : 0));
	const uint8_t *data = (const uint8_t *)k.base + (d->off_hash & PDP_OFF_MASK);

	assert_int_equal(*data, (uint8_t)mark);
	assert_int_equal(d->plen, len);
	assert_int_equal(d->vlen, len);
	assert_int_equal(d->vif, 9);
	assert_int_equal(d->flags, vary & HASHES ? PDP_DESC_HASH : 0);
	if (vary & HASHES)
		assert_int_equal(d->off_hash >> PDP_OFF_BITS, hash_of(mark) & PDP_HASH_MASK);
	assert_int_equal(k.ch->ledger[d->slot].hash_vif,
			 9u << 24 | (vary & HASHES ? hash_of(mark) : 0));
}

/* Give back, and do what the MD does. @return packets; they are freed */
static unsigned int give(const struct pdp_return *r, unsigned int n, struct pdp_taken *t)
{
	struct pdp_return returns[64];
	unsigned int total = 0;

	for (unsigned int i = 0; i < n;) {
		i += pdp_chan_take(k.ch, r + i, n - i, true, returns, t);
		for (unsigned int j = 0; j < t->n; j++)
			rte_pktmbuf_free(t->m[j]);
		total += t->n;
	}
	return total;
}

static struct pdp_return run_of(uint16_t slot, uint16_t n, uint8_t vif)
{
	return (struct pdp_return){.slot = slot, .len = n, .vif = vif, .verdict = PDP_RETURN_RUN};
}

static void give_each(const struct pdp_desc *d, unsigned int n)
{
	struct pdp_taken t;

	for (unsigned int i = 0; i < n; i++) {
		const struct pdp_return r = kit_answer(d[i], PDP_FORWARD, 0);

		assert_int_equal(give(&r, 1, &t), 1);
		assert_int_equal(t.none | t.bad, 0);
	}
}

/* Bursts of every size, of packets that have this or that in common, over the end of the ring and
 * of the slots, read as many at a time as an engine likes. */
static void test_bursts(void **state)
{
	static const unsigned int at_once[] = {1, 7, 63, 64, N_SLOTS};
	unsigned int mark = 0, groups = 0;
	struct pdp_desc d[N_SLOTS];

	for (unsigned int vary = 0; vary < VARIANTS; vary++) {
		for (unsigned int n = 1; n <= N_SLOTS; n += n < 80 ? 1 : 40) {
			const uint32_t entries = stage(n, mark, vary);

			/* The ring has an entry for every slot. */
			assert_true(entries <= n);
			groups += entries < n;
			assert_int_equal(pdp_chan_staged(k.ch), n);
			pdp_chan_flush(k.ch);
			assert_int_equal(pdp_chan_staged(k.ch), 0);
			assert_int_equal(take(d, at_once[mark % RTE_DIM(at_once)]), n);
			for (unsigned int i = 0; i < n; i++)
				expect_desc(&d[i], mark + i, vary);
			give_each(d, n);
			assert_int_equal(pdp_chan_out(k.ch), 0);
			mark += n;
		}
	}
	assert_true(groups > VARIANTS / 2 * 40);
}

/* What a burst of 64 costs of the ring. */
static void test_lines(void **state)
{
	static const uint32_t entries[] = {1 + 16, 1 + 16 + 8, 0, 0, 1 + 16 + 16, 1 + 16 + 8 + 16};
	struct pdp_desc d[64];

	for (unsigned int vary = 0; vary < RTE_DIM(entries); vary++) {
		if (entries[vary] == 0)
			continue;
		assert_int_equal(stage(64, 0, vary), entries[vary]);
		pdp_chan_flush(k.ch);
		assert_int_equal(take(d, 64), 64);
		/* In order, so that the next one's slots lie in a row. */
		give_each(d, 64);
		k.ch->free_head = 0;
		for (uint32_t i = 0; i < N_SLOTS; i++)
			k.ch->free[i] = (uint16_t)i;
	}
}

/* Slots that came back in any order are lent one by one, until they are in order again. */
static void test_disorder(void **state)
{
	struct pdp_desc d[N_SLOTS];

	for (unsigned int round = 0; round < 20; round++) {
		stage(N_SLOTS, round, LENGTHS);
		pdp_chan_flush(k.ch);
		assert_int_equal(take(d, 64), N_SLOTS);
		for (unsigned int i = 0; i < N_SLOTS; i++) {
			expect_desc(&d[i], round + i, LENGTHS);
			for (unsigned int j = 0; j < i; j++)
				assert_int_not_equal(d[i].slot, d[j].slot);
		}
		for (unsigned int i = 0; i < N_SLOTS; i++)
			give_each(&d[(i * 7 + round) % N_SLOTS], 1);
	}
}

static void test_run(void **state)
{
	struct pdp_return returns[64];
	struct pdp_desc d[N_SLOTS];
	struct pdp_taken t;
	uint64_t bytes = 0;

	stage(64, 10, LENGTHS);
	pdp_chan_flush(k.ch);
	assert_int_equal(take(d, 64), 64);
	for (unsigned int i = 0; i < 64; i++)
		bytes += d[i].plen;
	assert_int_equal(pdp_chan_take(k.ch,
				       &(struct pdp_return){.slot = d[0].slot,
							    .len = 64,
							    .vif = 3,
							    .verdict = PDP_RETURN_RUN},
				       1, true, returns, &t),
			 1);
	assert_int_equal(t.n, 64);
	assert_true(t.alike);
	assert_int_equal(t.bytes, bytes);
	assert_int_equal(t.none | t.blank | t.bad, 0);
	for (unsigned int i = 0; i < 64; i++) {
		assert_int_equal(*rte_pktmbuf_mtod(t.m[i], uint8_t *), 10 + i);
		assert_int_equal(returns[i].slot, d[i].slot);
		assert_int_equal(returns[i].len, d[i].plen);
		assert_int_equal(returns[i].moved, 0);
		assert_int_equal(returns[i].vif, 3);
		assert_int_equal(returns[i].verdict, pdp_return_pack(PDP_FORWARD, 0));
		rte_pktmbuf_free(t.m[i]);
	}
	assert_int_equal(pdp_chan_out(k.ch), 0);
}

/* Runs and single returns in one burst: one return a packet where they differ, in order; what does
 * not fit any more waits. */
static void test_runs_and_others(void **state)
{
	struct pdp_return burst[4], returns[64];
	struct pdp_desc d[N_SLOTS];
	struct pdp_taken t;

	stage(100, 0, 0);
	pdp_chan_flush(k.ch);
	assert_int_equal(take(d, 64), 100);
	burst[0] = run_of(d[0].slot, 20, 1);
	burst[1] = kit_answer(d[20], PDP_DROP, 0);
	burst[2] = run_of(d[21].slot, 43, 2);
	burst[3] = run_of(d[64].slot, 1, 1);
	assert_int_equal(pdp_chan_take(k.ch, burst, 4, false, returns, &t), 3);
	assert_int_equal(t.n, 64);
	assert_false(t.alike);
	for (unsigned int i = 0; i < 64; i++) {
		assert_int_equal(returns[i].slot, d[i].slot);
		assert_int_equal(returns[i].vif, i < 20 ? 1 : i == 20 ? 0 : 2);
		assert_int_equal(pdp_return_verdict(&returns[i]), i == 20 ? PDP_DROP : PDP_FORWARD);
		assert_int_equal(*rte_pktmbuf_mtod(t.m[i], uint8_t *), i);
		rte_pktmbuf_free(t.m[i]);
	}
	assert_int_equal(give(&burst[3], 1, &t), 1);
	assert_true(t.alike);
	burst[0] = run_of(d[65].slot, 30, 2);
	burst[1] = run_of(d[95].slot, 5, 2);
	assert_int_equal(give(burst, 2, &t), 35);
	assert_true(t.alike);
	/* The very first word may be all zeroes. */
	stage(2, 0, 0);
	pdp_chan_flush(k.ch);
	assert_int_equal(take(d, 64), 2);
	burst[0] = (struct pdp_return){.slot = 0, .len = 0, .verdict = PDP_DROP};
	burst[1] = kit_answer(d[0], PDP_FORWARD, 1);
	pdp_chan_take(k.ch, burst, 2, false, returns, &t);
	assert_false(t.alike);
	rte_pktmbuf_free(t.m[1]);
	assert_int_equal(pdp_chan_out(k.ch), 1);
}

static void expect_lies(struct pdp_return r, enum pdp_lie lie, unsigned int packets)
{
	const uint64_t before = k.ch->lies[lie];
	const uint32_t out = pdp_chan_out(k.ch);
	struct pdp_taken t;

	assert_int_equal(give(&r, 1, &t), packets);
	assert_int_equal(k.ch->lies[lie], before + 1);
	assert_int_equal(pdp_chan_out(k.ch), out - packets);
	assert_int_equal(rte_mempool_in_use_count(k.pool), out - packets + N_BLANKS);
}

/* A run ends where a slot is not with the engine; the lie counts once, all that it has stays. */
static void test_lying_runs(void **state)
{
	static const uint16_t lengths[] = {0, 65, 66, 1000, 32768, UINT16_MAX};
	static const uint16_t slots[] = {N_SLOTS, N_SLOTS + 1, N_SLOTS + N_BLANKS, 32768,
					 UINT16_MAX};
	struct pdp_desc d[N_SLOTS], blanks[N_BLANKS];
	uint16_t s;

	assert_int_equal(pdp_chan_top_up(k.ch, k.pool, 64), N_BLANKS);
	assert_int_equal(take(blanks, 64), N_BLANKS);
	stage(N_SLOTS, 0, 0);
	pdp_chan_flush(k.ch);
	assert_int_equal(take(d, 64), N_SLOTS);
	for (unsigned int i = 0; i < RTE_DIM(lengths); i++)
		expect_lies(run_of(0, lengths[i], 1), PDP_LIE_CODE, 0);
	for (unsigned int i = 0; i < RTE_DIM(slots); i++)
		expect_lies(run_of(slots[i], 4, 1), PDP_LIE_SLOT, 0);
	/* Over the last data slot into the BLANKs. */
	expect_lies(run_of(N_SLOTS - 3, 5, 1), PDP_LIE_SLOT, 3);
	expect_lies(run_of(N_SLOTS - 3, 3, 1), PDP_LIE_TWICE, 0);
	/* Over one that it gave back before. */
	give_each(&d[10], 1);
	s = d[10].slot;
	expect_lies(run_of((uint16_t)(s - 4), 9, 1), PDP_LIE_TWICE, 4);
	expect_lies(run_of(s, 9, 1), PDP_LIE_TWICE, 0);
	expect_lies(run_of((uint16_t)(s - 5), 9, 1), PDP_LIE_TWICE, 1);
	expect_lies(run_of(0, 64, 1), PDP_LIE_TWICE, s - 5u);
	expect_lies(run_of(0, 64, 1), PDP_LIE_TWICE, 0);
}

#define group_test(fn) cmocka_unit_test_setup_teardown(fn, open_kit, close_kit)

int main(void)
{
	const struct CMUnitTest tests[] = {
		group_test(test_bursts),	  group_test(test_lines),
		group_test(test_disorder),	  group_test(test_run),
		group_test(test_runs_and_others), group_test(test_lying_runs),
	};

	return cmocka_run_group_tests(tests, kit_eal, NULL);
}
