/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hash of a packet is that of the packet that its VR sees, wherever in the frame that begins,
 * and whatever became of the packets before it in the burst.
 */
#include "hand.h"

#include <rte_cycles.h>

#include "../../lib/dispatch/dispatch_priv.h"

#define N     8
#define OUTER 50 /* bytes in front of what the VR sees, in every other packet */

static struct hand h;

static int open_hand(void **state)
{
	hand_open(&h, 1, "flow", PDP_HASH_INNER);
	hand_engine_add(&h, 0, 0, 64, 0, 1);
	hand_engine_add(&h, 0, 1, 64, 0, 1);
	hand_turns(&h, 1);
	return 0;
}

static int close_hand(void **state)
{
	hand_close(&h);
	return 0;
}

/* Packet i is of flow i. */
static struct rte_mbuf *packet(unsigned int i)
{
	struct rte_mbuf *m = hand_frame(&h, 0, 0, i, HAND_LEN), *outer;
	uint8_t *data;

	if (i % 2 == 0)
		return m;
	outer = kit_packet(h.pool, OUTER + HAND_LEN, (uint8_t)i);
	data = rte_pktmbuf_mtod(outer, uint8_t *);
	memcpy(data + OUTER, rte_pktmbuf_mtod(m, uint8_t *), HAND_LEN);
	rte_pktmbuf_free(m);
	return outer;
}

static uint32_t hash_of(unsigned int i)
{
	struct rte_mbuf *m = hand_frame(&h, 0, 0, i, HAND_LEN);
	const uint32_t hash = pdp_flow_hash(rte_pktmbuf_mtod(m, uint8_t *), HAND_LEN,
					    PDP_VIF_ETHERNET, false);

	rte_pktmbuf_free(m);
	return hash;
}

static void send_all(struct rte_mbuf **pkts)
{
	uint32_t results[N];

	for (unsigned int i = 0; i < N; i++)
		results[i] = i % 2 != 0 ? OUTER << 16 : 0;
	h.md->c.rx += N;
	md_send(h.md, pkts, results, N);
	md_send_flush(h.md, true);
}

/* The engines have the packets of `want`, each with its own hash. */
static void expect(unsigned int want)
{
	struct pdp_desc d[2 * N];
	unsigned int n = hand_take(&h, 0, 0, d, N);

	n += hand_take(&h, 0, 1, d + n, N);
	assert_int_equal(n, __builtin_popcount(want));
	for (unsigned int i = 0; i < N; i++) {
		unsigned int k = 0;

		if (!(want >> i & 1))
			continue;
		while (k < n && d[k].off_hash >> PDP_OFF_BITS != hash_of(i))
			k++;
		assert_true(k < n);
	}
	hand_check(&h);
}

static void test_all(void **state)
{
	struct rte_mbuf *pkts[N];

	for (unsigned int i = 0; i < N; i++)
		pkts[i] = packet(i);
	send_all(pkts);
	expect(0xff);
}

/* One that has no headroom is dropped. */
static void test_unfit(void **state)
{
	struct rte_mbuf *pkts[N];

	for (unsigned int i = 0; i < N; i++)
		pkts[i] = packet(i);
	rte_pktmbuf_prepend(pkts[2], RTE_PKTMBUF_HEADROOM);
	send_all(pkts);
	expect(0xfb);
	assert_int_equal(hand_account(&h, 0).c.drops[PDP_DROP_UNFIT], 1);
}

/* A long one is above the limit, shorter ones behind it are not. */
static void test_metered(void **state)
{
	const struct pdp_rate_limit limit = {.rate = 1, .burst = 1000, .bytes = true};
	struct rte_mbuf *pkts[N];

	for (unsigned int i = 0; i < N; i++)
		pkts[i] = packet(i);
	rte_pktmbuf_append(pkts[2], 1000);
	pdp_md_vr_set_limit(h.md, 0, -1, &limit);
	h.md->now = rte_rdtsc();
	h.md->buckets[0].paid -= 900 * (rte_get_tsc_hz() << METER_TIME_BITS);
	send_all(pkts);
	expect(0xfb);
	assert_int_equal(hand_account(&h, 0).c.drops[PDP_DROP_RATE_LIMIT], 1);
}

#define handed(fn) cmocka_unit_test_setup_teardown(fn, open_hand, close_hand)

int main(void)
{
	const struct CMUnitTest tests[] = {
		handed(test_all),
		handed(test_unfit),
		handed(test_metered),
	};

	return cmocka_run_group_tests(tests, kit_eal, NULL);
}
