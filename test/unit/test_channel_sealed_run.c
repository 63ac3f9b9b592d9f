/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sealed engines' packets in rows on their way there, and in runs on their way back: what is read
 * is what was sent, and a run moves no byte that single returns would not.
 */
#include "kit.h"

#define POOL	 512
#define N_SLOTS	 200
#define N_BLANKS 4
#define WINDOW	 128
#define ROOM	 1536

enum vary { LENGTHS = 1, HASHES = 2, VARIANTS = 4 };

static struct kit k;
static uint8_t *packets;

static int open_kit(void **state)
{
	const struct pdp_sealed_shape shape = {.n_md = 1,
					       .n_slots = N_SLOTS,
					       .n_blanks = N_BLANKS,
					       .window = WINDOW,
					       .room = ROOM};

	k = (struct kit){.pool = kit_pool("sealed", POOL), .pool_size = POOL};
	k.region = kit_region_sealed(1, N_SLOTS, N_BLANKS);
	packets = kit_packets(&shape);
	k.ch = pdp_chan_create(k.region, 0, packets, false);
	assert_non_null(k.ch);
	assert_int_equal(pdp_sealed_open(k.ch, &shape, 0, packets), 0);
	kit_end_open(&k.end, k.region, 0);
	return 0;
}

static int close_kit(void **state)
{
	unsigned int n_blanks;

	pdp_chan_sweep(k.ch, &n_blanks);
	kit_close(&k);
	free(packets);
	return 0;
}

static uint16_t len_of(unsigned int mark, unsigned int vary)
{
	static const uint16_t lens[] = {60, 64, 127, 128, 129, 1000, ROOM};

	return vary & LENGTHS ? lens[mark % RTE_DIM(lens)] : 200;
}

static uint32_t hash_of(unsigned int mark)
{
	return (mark * 2654435761u >> 8 & PDP_HASH_MASK) | 1u << 31;
}

static uint8_t byte_of(unsigned int mark, unsigned int at)
{
	return (uint8_t)(mark * 31 + at * 7 + 1);
}

/* Stage n packets, marked from `mark` on. @return entries of the ring that it took */
static uint32_t stage(unsigned int n, unsigned int mark, unsigned int vary)
{
	const uint32_t before = k.ch->to.tail;
	struct rte_mbuf *pkts[N_SLOTS];
	uint32_t hashes[N_SLOTS];

	for (unsigned int i = 0; i < n; i++) {
		uint8_t *data;

		pkts[i] = kit_packet(k.pool, len_of(mark + i, vary), 0);
		data = rte_pktmbuf_mtod(pkts[i], uint8_t *);
		for (unsigned int b = 0; b < len_of(mark + i, vary); b++)
			data[b] = byte_of(mark + i, b);
		hashes[i] = hash_of(mark + i);
	}
	pdp_sealed_stage(k.ch, pkts, n, vary & HASHES ? hashes : NULL, 3,
			 vary & HASHES ? PDP_DESC_HASH : 0);
	pdp_chan_flush(k.ch);
	return k.ch->to.tail - before;
}

/* Nothing is out: lend from slot 0 on. */
static void begin_again(void)
{
	assert_int_equal(pdp_chan_out(k.ch), 0);
	k.ch->free_head = 0;
	for (uint32_t i = 0; i < N_SLOTS; i++)
		k.ch->free[i] = (uint16_t)i;
}

static void lend(struct pdp_desc *d, unsigned int n, unsigned int mark, unsigned int vary)
{
	stage(n, mark, vary);
	assert_int_equal(kit_end_take(&k.end, d, N_SLOTS), n);
}

static uint8_t *place(const struct pdp_desc *d)
{
	return packets + (d->off_hash & PDP_OFF_MASK);
}

static void expect_desc(const struct pdp_desc *d, unsigned int mark, unsigned int vary)
{
	const uint16_t len = len_of(mark, vary), shown = RTE_MIN(len, WINDOW);

	assert_ptr_equal(place(d), pdp_sealed_at(k.ch, d->slot));
	assert_int_equal(d->plen, len);
	assert_int_equal(d->vlen, shown);
	assert_int_equal(d->vif, 3);
	assert_int_equal(d->flags, vary & HASHES ? PDP_DESC_HASH : 0);
	assert_int_equal(d->off_hash >> PDP_OFF_BITS,
			 vary & HASHES ? hash_of(mark) & PDP_HASH_MASK : 0);
	assert_int_equal(k.ch->ledger[d->slot].hash_vif,
			 3u << 24 | (vary & HASHES ? hash_of(mark) : 0));
	for (unsigned int b = 0; b < shown; b++)
		assert_int_equal(place(d)[b], byte_of(mark, b));
	/* Not a byte of what lies behind it in the MD's memory. */
	assert_int_equal(place(d)[WINDOW], 0);
}

static struct pdp_sealed_return run_of(uint16_t slot, uint16_t n, uint16_t written)
{
	return (struct pdp_sealed_return){
		.slot = slot, .len = n, .vif = 1, .verdict = PDP_RETURN_RUN, .written = written};
}

/* @return packets, which are the caller's */
static unsigned int give(struct pdp_sealed_return r, struct pdp_return *returns,
			 struct pdp_taken *t)
{
	assert_int_equal(pdp_sealed_take(k.ch, &r, 1, true, returns, t), 1);
	return t->n;
}

static void give_all(const struct pdp_desc *d, unsigned int n)
{
	struct pdp_return returns[64];
	struct pdp_taken t;

	for (unsigned int i = 0; i < n; i++) {
		assert_int_equal(give(run_of(d[i].slot, 1, 0), returns, &t), 1);
		rte_pktmbuf_free(t.m[0]);
	}
}

/* Bursts of every size over the ends of both rings. */
static void test_rows(void **state)
{
	struct pdp_desc d[N_SLOTS];
	unsigned int mark = 0, rows = 0;

	for (unsigned int vary = 0; vary < VARIANTS; vary++) {
		for (unsigned int n = 1; n <= N_SLOTS; n += n < 80 ? 1 : 40) {
			const uint32_t entries = stage(n, mark, vary);

			assert_true(entries <= n);
			rows += entries < n;
			assert_int_equal(kit_end_take(&k.end, d, N_SLOTS), n);
			for (unsigned int i = 0; i < n; i++)
				expect_desc(&d[i], mark + i, vary);
			give_all(d, n);
			assert_int_equal(pdp_chan_out(k.ch), 0);
			mark += n;
		}
	}
	assert_true(rows > VARIANTS * 60);
}

/* What a burst of 64 costs of the ring: nothing is said of places. */
static void test_lines(void **state)
{
	static const uint32_t entries[VARIANTS] = {1, 1 + 8, 1 + 16, 1 + 8 + 16};
	struct pdp_desc d[64];

	for (unsigned int vary = 0; vary < VARIANTS; vary++) {
		assert_int_equal(stage(64, 0, vary), entries[vary]);
		assert_int_equal(kit_end_take(&k.end, d, 64), 64);
		give_all(d, 64);
		begin_again();
	}
}

/* Slots that came back in any order are lent one by one. */
static void test_disorder(void **state)
{
	struct pdp_desc d[N_SLOTS];

	for (unsigned int round = 0; round < 20; round++) {
		lend(d, N_SLOTS, round, LENGTHS);
		for (unsigned int i = 0; i < N_SLOTS; i++)
			expect_desc(&d[i], round + i, LENGTHS);
		for (unsigned int i = 0; i < N_SLOTS; i++)
			give_all(&d[(i * 7 + round) % N_SLOTS], 1);
	}
}

/* The beginning that was written comes from the places, the rest is as it was. */
static void test_written(void **state)
{
	static const uint16_t written[] = {0, 1, 16, 17, 60};
	struct pdp_return returns[64];
	struct pdp_desc d[N_SLOTS];
	struct pdp_taken t;

	for (unsigned int w = 0; w < RTE_DIM(written); w++) {
		uint64_t bytes = 0;

		begin_again();
		lend(d, 64, w, LENGTHS);
		for (unsigned int i = 0; i < 64; i++) {
			memset(place(&d[i]), 0xee, WINDOW);
			bytes += d[i].plen;
		}
		assert_int_equal(give(run_of(d[0].slot, 64, written[w]), returns, &t), 64);
		assert_int_equal(t.none | t.blank | t.bad, 0);
		assert_true(t.alike);
		assert_int_equal(t.bytes, bytes);
		assert_int_equal(t.longest, ROOM);
		for (unsigned int i = 0; i < 64; i++) {
			assert_int_equal(returns[i].slot, d[i].slot);
			assert_int_equal(returns[i].len, d[i].plen);
			assert_int_equal(returns[i].vif, 1);
			assert_int_equal(returns[i].verdict, pdp_return_pack(PDP_FORWARD, 0));
			assert_int_equal(rte_pktmbuf_pkt_len(t.m[i]), d[i].plen);
			for (unsigned int b = 0; b < d[i].plen; b++)
				assert_int_equal(rte_pktmbuf_mtod(t.m[i], uint8_t *)[b],
						 b < written[w] ? 0xee : byte_of(w + i, b));
			rte_pktmbuf_free(t.m[i]);
		}
	}
}

/* One answer for all, where the caller wants no more; what does not fit any more waits. */
static void test_alike(void **state)
{
	struct pdp_sealed_return burst[3];
	struct pdp_return returns[64];
	struct pdp_desc d[N_SLOTS];
	struct pdp_taken t;

	lend(d, 100, 0, 0);
	for (unsigned int i = 0; i < 3; i++)
		burst[i] = run_of(d[i * 30].slot, 30, 0);
	memset(returns, 0xff, sizeof(returns));
	assert_int_equal(pdp_sealed_take(k.ch, burst, 3, false, returns, &t), 2);
	assert_int_equal(t.n, 60);
	assert_true(t.alike);
	assert_int_equal(returns[0].vif, 1);
	assert_int_equal(returns[1].vif, 0xff);
	for (unsigned int i = 0; i < t.n; i++)
		rte_pktmbuf_free(t.m[i]);
	/* With one among them that is another, each is told of. */
	burst[0] = (struct pdp_sealed_return){.slot = d[90].slot, .len = d[90].plen};
	burst[1] = burst[2];
	assert_int_equal(pdp_sealed_take(k.ch, burst, 2, false, returns, &t), 2);
	assert_int_equal(t.n, 31);
	assert_false(t.alike);
	for (unsigned int i = 0; i < t.n; i++) {
		assert_int_equal(returns[i].verdict,
				 pdp_return_pack(i == 0 ? PDP_DROP : PDP_FORWARD, 0));
		assert_int_equal(returns[i].slot, i == 0 ? d[90].slot : d[59 + i].slot);
		rte_pktmbuf_free(t.m[i]);
	}
}

static void expect_lies(struct pdp_sealed_return r, enum pdp_lie lie, unsigned int packets)
{
	const uint64_t before = k.ch->lies[lie];
	const uint32_t out = pdp_chan_out(k.ch);
	struct pdp_return returns[64];
	struct pdp_taken t;

	assert_int_equal(give(r, returns, &t), packets);
	assert_int_equal(k.ch->lies[lie], before + 1);
	assert_int_equal(pdp_chan_out(k.ch), out - packets);
	for (unsigned int i = 0; i < packets; i++)
		rte_pktmbuf_free(t.m[i]);
}

/* A run ends where it is not true; the lie counts once, what the engine has stays with it. */
static void test_lies(void **state)
{
	struct pdp_desc d[N_SLOTS];

	assert_int_equal(pdp_chan_top_up(k.ch, k.pool, 64), N_BLANKS);
	assert_int_equal(kit_end_take(&k.end, d, N_SLOTS), N_BLANKS);
	lend(d, N_SLOTS, 0, LENGTHS);
	expect_lies(run_of(0, 0, 0), PDP_LIE_CODE, 0);
	expect_lies(run_of(0, 65, 0), PDP_LIE_CODE, 0);
	expect_lies(run_of(0, UINT16_MAX, 0), PDP_LIE_CODE, 0);
	expect_lies(run_of(N_SLOTS, 2, 0), PDP_LIE_SLOT, 0);
	expect_lies(run_of(UINT16_MAX, 64, 0), PDP_LIE_SLOT, 0);
	expect_lies(run_of(N_SLOTS - 3, 5, 0), PDP_LIE_SLOT, 3);
	expect_lies(run_of(N_SLOTS - 3, 3, 0), PDP_LIE_TWICE, 0);
	/* Lengths of 60, 64, 127, 128, 129, 1000: to be written as far as they go, and no farther
	 * than the window. */
	expect_lies(run_of(0, 7, 61), PDP_LIE_BOUNDS, 0);
	expect_lies(run_of(1, 7, WINDOW + 1), PDP_LIE_BOUNDS, 0);
	expect_lies(run_of(3, 7, UINT16_MAX), PDP_LIE_BOUNDS, 0);
	expect_lies(run_of(3, 7, WINDOW), PDP_LIE_BOUNDS, 4);
	expect_lies(run_of(0, 7, 60), PDP_LIE_TWICE, 3);
}

/* Whatever waits is only looked at; so is what lies. */
static void test_peek(void **state)
{
	struct pdp_ring_producer *from = &k.end.from;
	struct pdp_desc d[N_SLOTS];

	lend(d, 64, 0, 0);
	for (uint32_t i = 0; i < 100; i++) {
		const struct pdp_sealed_return r = run_of((uint16_t)(i * 997),
							  (uint16_t)(i * i * i), 16);

		memcpy(pdp_ring_next(from, 1, sizeof(r)), &r, sizeof(r));
	}
	pdp_ring_publish(from);
	for (uint32_t i = 0; i < 100; i++)
		pdp_sealed_peek(k.ch, i - 50, 512);
	assert_int_equal(pdp_ring_count(&k.ch->from), 100);
	assert_int_equal(pdp_chan_out(k.ch), 64);
}

#define sealed_test(fn) cmocka_unit_test_setup_teardown(fn, open_kit, close_kit)

int main(void)
{
	const struct CMUnitTest tests[] = {
		sealed_test(test_rows),	   sealed_test(test_lines), sealed_test(test_disorder),
		sealed_test(test_written), sealed_test(test_alike), sealed_test(test_lies),
		sealed_test(test_peek),
	};

	return cmocka_run_group_tests(tests, kit_eal, NULL);
}
