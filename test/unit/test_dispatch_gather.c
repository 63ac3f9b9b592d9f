/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A burst in which the packets of several virtual routers are mixed is sent as a burst of each;
 * packets of a vif stay in their order, and all of a VR that restores it.
 */
#include "hand.h"

#include "../../lib/dispatch/dispatch_priv.h"

#define VRS	4 /* gids 0..7, two of each VR */
#define RESTORE 2 /* VR whose packets leave in the order of their arrival */
#define GIDS	(2 * VRS)
#define OTHERS	2 /* kinds of packets that are nobody's */

static struct hand h;
static uint64_t seed = 1;

static unsigned int draw(unsigned int below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned int)(seed >> 33) % below;
}

/* What has to stay in its order. */
static unsigned int line_of(uint32_t result)
{
	const uint16_t gid = pdp_classify_gid(result);

	return gid >= GIDS ? GIDS : gid / 2 == RESTORE ? 2 * RESTORE : gid;
}

static void check_order(struct rte_mbuf **pkts, const uint32_t *results, unsigned int n)
{
	uintptr_t last[GIDS + 1] = {0};

	for (unsigned int i = 0; i < n; i++) {
		const unsigned int line = line_of(results[i]);

		/* Packet k is at 64 k, and its offset is k. */
		assert_int_equal((uintptr_t)pkts[i] / 64, pdp_classify_inner_off(results[i]));
		assert_true((uintptr_t)pkts[i] > last[line]);
		last[line] = (uintptr_t)pkts[i];
	}
}

static void check_gathered(const uint32_t *results, unsigned int n)
{
	bool seen[GIDS + 1] = {false};

	for (unsigned int i = 0; i < n; i++) {
		const unsigned int line = line_of(results[i]);

		assert_true(!seen[line] || line_of(results[i - 1]) == line);
		seen[line] = true;
	}
	for (unsigned int gid = 0; gid <= GIDS; gid++)
		assert_int_equal(h.md->heaps[gid], 0);
}

static void test_random(void **state)
{
	struct rte_mbuf *pkts[RX_BURST];
	uint32_t results[RX_BURST];

	for (unsigned int round = 0; round < 20000; round++) {
		const unsigned int n = 1 + draw(RX_BURST), kinds = 1 + draw(GIDS + OTHERS);
		unsigned int runs = 1;

		for (unsigned int i = 0; i < n; i++) {
			const unsigned int kind = draw(kinds);

			pkts[i] = (struct rte_mbuf *)(uintptr_t)(64 * (i + 1));
			results[i] = (i + 1) << 16 |
				     (kind < GIDS ? kind : PDP_GID_DROP + kind - GIDS);
			runs += i > 0 && (uint16_t)results[i] != (uint16_t)results[i - 1];
		}
		md_gather(h.md, pkts, results, n);
		check_order(pkts, results, n);
		if (runs > GIDS)
			check_gathered(results, n);
	}
}

/* Entries of the rings of the VRs' engines that a burst takes. */
static unsigned int entries(bool mixed)
{
	struct rte_mbuf *pkts[RX_BURST];
	uint32_t results[RX_BURST];
	unsigned int sum = 0;

	for (unsigned int i = 0; i < RX_BURST; i++) {
		const unsigned int vr = mixed ? i % VRS : i / (RX_BURST / VRS);

		pkts[i] = hand_frame(&h, vr, 0, i, HAND_LEN);
		results[i] = 2 * vr;
	}
	h.md->c.rx += RX_BURST;
	md_send(h.md, pkts, results, RX_BURST);
	md_send_flush(h.md, true);
	for (unsigned int vr = 0; vr < VRS; vr++) {
		struct pdp_desc d[RX_BURST];
		const unsigned int n = pdp_ring_count(&h.engines[vr][0].end.to);

		assert_int_equal(hand_take(&h, vr, 0, d, RX_BURST), RX_BURST / VRS);
		for (unsigned int i = 0; i < RX_BURST / VRS; i++)
			hand_give(&h, vr, 0,
				  (struct pdp_return){.slot = d[i].slot, .len = d[i].plen});
		sum += n;
	}
	hand_turns(&h, 1);
	return sum;
}

static void test_as_if_sorted(void **state)
{
	assert_int_equal(entries(true), entries(false));
}

static int open_hand(void **state)
{
	hand_open(&h, VRS, "rr", PDP_HASH_INNER);
	for (unsigned int vr = 0; vr < VRS; vr++)
		hand_engine_add(&h, vr, 0, 128, 0, 1);
	hand_turns(&h, 1);
	assert_int_equal(pdp_md_vr_set_balance(h.md, RESTORE, pdp_balancer_find("rr"), true), 0);
	return 0;
}

static int close_hand(void **state)
{
	hand_close(&h);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_random, open_hand, close_hand),
		cmocka_unit_test_setup_teardown(test_as_if_sorted, open_hand, close_hand),
	};

	return cmocka_run_group_tests(tests, kit_eal, NULL);
}
