/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The MD's end of a sealed engine's channel: what the engine gets to see, what of it comes back,
 * and that nothing an engine says moves a byte that is not its packet's.
 */
#include "kit.h"

#include <pdp_sealed_md.h>

#define N_SLOTS	 4
#define N_BLANKS 2
#define WINDOW	 128
#define ROOM	 1536
#define POOL	 16

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

/* Bytes that tell where they are. */
static struct rte_mbuf *numbered(uint16_t len)
{
	struct rte_mbuf *m = kit_packet(k.pool, len, 0);
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);

	for (unsigned int i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 7 + 1);
	return m;
}

static uint8_t number(unsigned int i)
{
	return (uint8_t)(i * 7 + 1);
}

static struct pdp_desc lend(struct rte_mbuf *m)
{
	struct pdp_desc d;

	pdp_sealed_stage(k.ch, &m, 1, NULL, 3, 0);
	pdp_chan_flush(k.ch);
	assert_int_equal(kit_end_take(&k.end, &d, 1), 1);
	return d;
}

static struct pdp_desc lend_blank(void)
{
	struct pdp_desc d;

	assert_int_equal(pdp_chan_top_up(k.ch, k.pool, 1), 1);
	assert_int_equal(kit_end_take(&k.end, &d, 1), 1);
	assert_int_equal(d.flags, PDP_DESC_BLANK);
	return d;
}

static uint8_t *place(struct pdp_desc d)
{
	return packets + (d.off_hash & PDP_OFF_MASK);
}

static struct pdp_sealed_return back(struct pdp_desc d)
{
	return (struct pdp_sealed_return){
		.slot = d.slot, .len = d.plen, .verdict = pdp_return_pack(PDP_FORWARD, 0)};
}

struct result {
	struct rte_mbuf *m;
	struct pdp_return r;
	struct pdp_taken t;
};

static struct result take(struct pdp_sealed_return r)
{
	struct result res;

	pdp_sealed_take(k.ch, &r, 1, true, &res.r, &res.t);
	res.m = res.t.m[0];
	return res;
}

static void test_sees_the_window(void **state)
{
	static const uint16_t lens[] = {14, 60, 63, 64, 65, 127, 128, 129, 1000, ROOM};

	for (unsigned int i = 0; i < RTE_DIM(lens); i++) {
		const unsigned int shown = RTE_MIN(lens[i], WINDOW);
		struct pdp_desc d = lend(numbered(lens[i]));
		struct result res;

		assert_int_equal(d.plen, lens[i]);
		assert_int_equal(d.vlen, shown);
		assert_int_equal(d.vif, 3);
		for (unsigned int b = 0; b < shown; b++)
			assert_int_equal(place(d)[b], number(b));
		/* Not a byte of what lies behind it in the MD's memory. */
		assert_int_equal(place(d)[shown], 0);
		memset(place(d), 0, WINDOW + 64);
		res = take(back(d));
		assert_int_equal(res.t.none | res.t.bad, 0);
		assert_int_equal(res.t.bytes, lens[i]);
		/* Nothing was said to be written, so nothing was taken. */
		for (unsigned int b = 0; b < lens[i]; b++)
			assert_int_equal(rte_pktmbuf_mtod(res.m, uint8_t *)[b], number(b));
		rte_pktmbuf_free(res.m);
	}
}

static void test_written(void **state)
{
	static const uint16_t written[] = {1, 12, 16, 17, 48, 64, 127, 128};

	for (unsigned int i = 0; i < RTE_DIM(written); i++) {
		struct pdp_desc d = lend(numbered(500));
		struct pdp_sealed_return r = back(d);
		struct result res;

		memset(place(d), 0xee, WINDOW);
		r.written = written[i];
		res = take(r);
		assert_int_equal(res.t.bad, 0);
		for (unsigned int b = 0; b < 500; b++)
			assert_int_equal(rte_pktmbuf_mtod(res.m, uint8_t *)[b],
					 b < written[i] ? 0xee : number(b));
		rte_pktmbuf_free(res.m);
	}
}

/* A header of 20 bytes put in front, and 14 taken off. */
static void test_moved(void **state)
{
	static const int16_t moved[] = {-20, 14, -PDP_HEADROOM, 120};

	for (unsigned int i = 0; i < RTE_DIM(moved); i++) {
		struct pdp_desc d = lend(numbered(500));
		struct pdp_sealed_return r = back(d);
		struct result res;

		memset(place(d) - PDP_HEADROOM, 0xdd, PDP_HEADROOM);
		r.moved = moved[i];
		r.len = (uint16_t)(500 - moved[i]);
		r.written = (uint16_t)(WINDOW - moved[i]);
		res = take(r);
		assert_int_equal(res.t.bad, 0);
		assert_int_equal(rte_pktmbuf_pkt_len(res.m), 500 - moved[i]);
		assert_int_equal(rte_pktmbuf_data_len(res.m), 500 - moved[i]);
		for (int b = 0; b < 500 - moved[i]; b++)
			assert_int_equal(rte_pktmbuf_mtod(res.m, uint8_t *)[b],
					 b + moved[i] < 0 ? 0xdd
							  : number((unsigned)(b + moved[i])));
		rte_pktmbuf_free(res.m);
	}
}

static void refused(struct pdp_desc d, struct pdp_sealed_return r)
{
	struct result res = take(r);

	assert_int_equal(res.t.none, 0);
	assert_int_equal(res.t.bad, 1);
	assert_non_null(res.m);
	rte_pktmbuf_free(res.m);
	(void)d;
}

static void test_hostile_shapes(void **state)
{
	static const struct pdp_sealed_return bad[] = {
		{.len = 501},		      /* bytes that are not there */
		{.len = 500, .written = 129}, /* beyond the window */
		{.len = 100, .written = 101}, /* beyond the packet */
		{.len = 500, .moved = 1},     /* one byte too many at the end */
		{.len = 520, .moved = -20},   /* bytes in front that nobody wrote: outer headers */
		{.len = 520, .moved = -20, .written = 19},
		{.len = 500, .moved = -PDP_HEADROOM - 1, .written = 128},
		{.len = 600, .moved = INT16_MIN, .written = 128},
		{.len = 100, .moved = INT16_MAX},
		{.len = 100, .moved = 400, .written = 1}, /* behind the window */
		{.len = 13},
		{.len = 0},
		{.len = UINT16_MAX, .written = UINT16_MAX},
		{.len = UINT16_MAX, .moved = -100, .written = UINT16_MAX},
	};

	for (unsigned int i = 0; i < RTE_DIM(bad); i++) {
		struct pdp_desc d = lend(numbered(500));
		struct pdp_sealed_return r = bad[i];

		r.slot = d.slot;
		r.verdict = pdp_return_pack(PDP_FORWARD, 0);
		refused(d, r);
	}
}

static void test_hostile_slots(void **state)
{
	struct pdp_desc d = lend(numbered(100));
	struct pdp_sealed_return r = back(d);
	struct result res;

	r.slot = N_SLOTS + N_BLANKS;
	assert_int_equal(take(r).t.none, 1);
	r.slot = UINT16_MAX;
	assert_int_equal(take(r).t.none, 1);
	assert_int_equal(k.ch->lies[PDP_LIE_SLOT], 2);
	r.slot = N_SLOTS; /* a BLANK that was not lent */
	assert_int_equal(take(r).t.none, 1);
	r.slot = d.slot == 0 ? 1 : 0;
	assert_int_equal(take(r).t.none, 1);
	assert_int_equal(k.ch->lies[PDP_LIE_TWICE], 2);
	res = take(back(d));
	assert_int_equal(res.t.none, 0);
	rte_pktmbuf_free(res.m);
	assert_int_equal(take(back(d)).t.none, 1);
	assert_int_equal(k.ch->lies[PDP_LIE_TWICE], 3);
}

/* Whatever the engine wrote: it goes as it came, by the vif that it came by. */
static void test_punt(void **state)
{
	struct pdp_desc d = lend(numbered(500));
	struct pdp_sealed_return r = back(d);
	struct result res;

	memset(place(d), 0xee, WINDOW);
	r.verdict = pdp_return_pack(PDP_PUNT, 2);
	r.written = 128;
	r.moved = 20;
	r.len = 77;
	r.vif = 200;
	res = take(r);
	assert_int_equal(res.t.none | res.t.bad, 0);
	assert_int_equal(res.r.vif, 3);
	assert_int_equal(pdp_return_reason(&res.r), 2);
	assert_int_equal(rte_pktmbuf_pkt_len(res.m), 500);
	for (unsigned int b = 0; b < 500; b++)
		assert_int_equal(rte_pktmbuf_mtod(res.m, uint8_t *)[b], number(b));
	rte_pktmbuf_free(res.m);
}

static void test_originate(void **state)
{
	struct pdp_desc d = lend_blank();
	struct pdp_sealed_return r = back(d);
	struct result res;

	assert_int_equal(d.plen, ROOM);
	for (unsigned int b = 0; b < ROOM; b++)
		place(d)[b] = number(b);
	r.written = ROOM;
	res = take(r);
	assert_int_equal(res.t.bad, 0);
	assert_int_equal(res.t.blank, 1);
	assert_int_equal(rte_pktmbuf_pkt_len(res.m), ROOM);
	for (unsigned int b = 0; b < ROOM; b++)
		assert_int_equal(rte_pktmbuf_mtod(res.m, uint8_t *)[b], number(b));
	rte_pktmbuf_free(res.m);
	/* Its buffer holds what another VR's packet left: none of it leaves. */
	d = lend_blank();
	r = back(d);
	r.len = 100;
	r.written = 99;
	refused(d, r);
}

static struct pdp_sealed_return ask(struct pdp_desc blank, struct pdp_desc from, uint16_t head,
				    uint16_t len)
{
	return (struct pdp_sealed_return){.slot = blank.slot,
					  .from = from.slot,
					  .written = head,
					  .len = len,
					  .verdict = PDP_SEALED_PAYLOAD};
}

static void test_replicate(void **state)
{
	struct pdp_desc d = lend(numbered(1000)), blank = lend_blank();
	struct pdp_sealed_return r;
	struct result res;

	memset(place(blank), 0xcc, WINDOW);
	assert_int_equal(take(ask(blank, d, WINDOW, 1000)).t.none, 1);
	assert_int_equal(k.ch->lies[PDP_LIE_CODE], 0);
	/* The packet leaves first, and its slot is another's. */
	rte_pktmbuf_free(take(back(d)).m);
	d = lend(kit_packet(k.pool, 1000, 0x99));
	r = back(blank);
	r.len = 1000;
	r.written = WINDOW;
	res = take(r);
	assert_int_equal(res.t.bad, 0);
	assert_int_equal(rte_pktmbuf_pkt_len(res.m), 1000);
	assert_int_equal(rte_pktmbuf_data_len(res.m), 1000);
	for (unsigned int b = 0; b < 1000; b++)
		assert_int_equal(rte_pktmbuf_mtod(res.m, uint8_t *)[b],
				 b < WINDOW ? 0xcc : number(b));
	rte_pktmbuf_free(res.m);
}

static void test_hostile_replicate(void **state)
{
	struct pdp_desc d = lend(numbered(1000)), blank = lend_blank();
	const struct pdp_sealed_return bad[] = {
		ask(blank, d, 0, 872),
		ask(blank, d, 128, 128),
		ask(blank, d, 128, 1001),
		ask(blank, d, 1000, 2000),
		ask(blank, d, 128, 65535),
		ask(blank, blank, 128, 1000),
		ask(d, d, 128, 1000),
		ask(d, blank, 128, 1000),
		ask(blank, (struct pdp_desc){.slot = 999}, 128, 1000),
		ask((struct pdp_desc){.slot = 999}, d, 128, 1000),
		ask(blank, (struct pdp_desc){.slot = d.slot == 0}, 128, 1000),
	};

	for (unsigned int i = 0; i < RTE_DIM(bad); i++) {
		assert_int_equal(take(bad[i]).t.none, 1);
		assert_int_equal(k.ch->lies[PDP_LIE_CODE], i + 1);
	}
	/* Once a BLANK: what it costs the MD is bounded by what it lends. */
	assert_int_equal(take(ask(blank, d, 128, 1000)).t.none, 1);
	assert_int_equal(k.ch->lies[PDP_LIE_CODE], RTE_DIM(bad));
	assert_int_equal(take(ask(blank, d, 128, 1000)).t.none, 1);
	assert_int_equal(k.ch->lies[PDP_LIE_CODE], RTE_DIM(bad) + 1);
}

/* A BLANK whose head was not written would carry what the buffer's last packet left there. */
static void test_stale_head(void **state)
{
	static const struct {
		int16_t moved;
		uint16_t len, written;
		bool ok;
	} ways[] = {
		{0, 1000, WINDOW, true},      {0, 1000, WINDOW + 64, true},
		{-4, 1004, WINDOW + 4, true}, {20, 980, WINDOW - 20, true},
		{WINDOW, 872, 0, true},	      {0, 100, 100, true},
		{0, 1000, 0, false},	      {0, 1000, WINDOW - 1, false},
		{0, 100, 99, false},	      {20, 980, WINDOW - 21, false},
		{WINDOW - 1, 873, 0, false},  {-4, 1004, WINDOW, false},
	};

	for (unsigned int i = 0; i < RTE_DIM(ways); i++) {
		struct pdp_desc d = lend(numbered(1000)), blank = lend_blank();
		struct pdp_sealed_return r = back(blank);
		struct result res;

		assert_int_equal(take(ask(blank, d, WINDOW, 1000)).t.none, 1);
		r.moved = ways[i].moved;
		r.len = ways[i].len;
		r.written = ways[i].written;
		res = take(r);
		assert_int_equal(res.t.bad, !ways[i].ok);
		rte_pktmbuf_free(res.m);
		rte_pktmbuf_free(take(back(d)).m);
	}
}

/* Places of different slots never meet, and lie within the memory. */
static void test_places(void **state)
{
	static const struct pdp_sealed_shape shapes[] = {
		{.n_md = 3, .n_slots = 2, .n_blanks = 0, .window = 64, .room = 64},
		{.n_md = 2, .n_slots = 1024, .n_blanks = 32, .window = 128, .room = 9022},
		{.n_md = 1, .n_slots = 5, .n_blanks = 3, .window = 1522, .room = 1522},
	};

	for (unsigned int i = 0; i < RTE_DIM(shapes); i++) {
		const struct pdp_sealed_shape *s = &shapes[i];
		uintptr_t end = 0x10000;

		for (uint32_t md = 0; md < s->n_md; md++) {
			struct pdp_chan ch = {.n_slots = s->n_slots, .n_blanks = s->n_blanks};

			assert_int_equal(pdp_sealed_open(&ch, s, md, (void *)0x10000), 0);
			for (uint32_t slot = 0; slot < s->n_slots + s->n_blanks; slot++) {
				uintptr_t at = (uintptr_t)pdp_sealed_at(&ch, slot);

				assert_true(at - PDP_SEALED_HEAD >= end);
				assert_int_equal(at % PDP_LINE, 0);
				end = at + (slot < s->n_slots ? s->window : s->room);
			}
			pdp_sealed_close(ch.sealed);
		}
		assert_true(end <= 0x10000 + pdp_sealed_size(s));
	}
}

#define sealed_test(fn) cmocka_unit_test_setup_teardown(fn, open_kit, close_kit)

int main(void)
{
	const struct CMUnitTest tests[] = {
		sealed_test(test_sees_the_window),
		sealed_test(test_written),
		sealed_test(test_moved),
		sealed_test(test_hostile_shapes),
		sealed_test(test_hostile_slots),
		sealed_test(test_punt),
		sealed_test(test_originate),
		sealed_test(test_replicate),
		sealed_test(test_hostile_replicate),
		sealed_test(test_stale_head),
		cmocka_unit_test(test_places),
	};

	return cmocka_run_group_tests(tests, kit_eal, NULL);
}
