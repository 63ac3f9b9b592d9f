/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs that engines return, and what the MD makes of them: out of the vif, with its headers where
 * the engine does not write them; or nothing, where the VR has no such vif.
 */
#include "hand.h"
#include "pkt.h"

#define N	 40
#define N_SLOTS	 80 /* two bursts in a row */
#define N_BLANKS 4
#define WINDOW	 64

static struct hand h;

static struct pdp_return run_of(const struct pdp_desc *d, uint16_t n, uint8_t vif)
{
	return (struct pdp_return){
		.slot = d->slot, .len = n, .vif = vif, .verdict = PDP_RETURN_RUN};
}

static struct pdp_sealed_return sealed_run(const struct pdp_desc *d, uint16_t n, uint8_t vif,
					   uint16_t written)
{
	return (struct pdp_sealed_return){.slot = d->slot,
					  .len = n,
					  .vif = vif,
					  .verdict = PDP_RETURN_RUN,
					  .written = written};
}

/* n packets of VR 0 that are with its engine 0, without BLANKs. */
static void lend(struct pdp_desc *d, unsigned int n)
{
	unsigned int k = 0;

	hand_rx_vr(&h, 0, 0, n, 7);
	hand_turns(&h, 2);
	while (k < n) {
		assert_int_equal(hand_take(&h, 0, 0, &d[k], 1), 1);
		k += !(d[k].flags & PDP_DESC_BLANK);
	}
}

static void expect_sent(unsigned int port, unsigned int n)
{
	assert_int_equal(h.ports[port].n_tx, n);
	hand_check(&h);
}

static void expect_lost(unsigned int n)
{
	const struct pdp_vr_account a = hand_account(&h, 0);

	assert_int_equal(h.ports[0].n_tx + h.ports[1].n_tx, 0);
	assert_int_equal(a.c.drops[PDP_DROP_LIE], n);
	assert_int_equal(h.engines[0][0].ch->lies[PDP_LIE_VIF], n);
	hand_check(&h);
}

static void test_run(void **state)
{
	struct pdp_desc d[N];

	hand_open(&h, 1, "rr", PDP_HASH_INNER);
	hand_engine_add(&h, 0, 0, N_SLOTS, N_BLANKS, 1);
	lend(d, N);
	hand_give(&h, 0, 0, run_of(d, N, 1));
	hand_turns(&h, 2);
	expect_sent(1, N);
	hand_close(&h);
}

/* Of a run to a vif that there is not, no packet leaves, and each is accounted for. */
static void test_no_such_vif(void **state)
{
	struct pdp_desc d[N];

	hand_open(&h, 1, "rr", PDP_HASH_INNER);
	hand_engine_add(&h, 0, 0, N_SLOTS, N_BLANKS, 1);
	lend(d, N);
	hand_give(&h, 0, 0, run_of(d, N, 2));
	hand_turns(&h, 2);
	expect_lost(N);
	lend(d, N);
	hand_give(&h, 0, 0, run_of(d, N, 255));
	hand_turns(&h, 2);
	expect_lost(2 * N);
	hand_close(&h);
}

static void test_sealed_no_such_vif(void **state)
{
	struct pdp_desc d[N];

	hand_open_sealed(&h, 2, "rr");
	hand_engine_add_sealed(&h, 0, 0, N_SLOTS, N_BLANKS, WINDOW);
	lend(d, N);
	hand_give_sealed(&h, 0, 0, sealed_run(d, N, 200, 16));
	hand_turns(&h, 2);
	expect_lost(N);
	hand_close(&h);
}

/* Each gets the tag of the vif that it leaves by, with and without a count of its flow's packets.
 */
static void test_sealed_carrier(void **state)
{
	static const char *const balancers[] = {"rr", "flow-jsq"};

	for (unsigned int b = 0; b < RTE_DIM(balancers); b++) {
		struct pdp_desc d[N];

		hand_open_sealed(&h, 2, balancers[b]);
		hand_engine_add_sealed(&h, 0, 0, N_SLOTS, N_BLANKS, WINDOW);
		lend(d, N);
		for (unsigned int i = 0; i < N; i++)
			memset(h.engines[0][0].packets + (d[i].off_hash & PDP_OFF_MASK), i + 1, 6);
		hand_give_sealed(&h, 0, 0, sealed_run(d, 30, 1, 16));
		hand_give_sealed(&h, 0, 0, sealed_run(d + 30, 10, 1, 0));
		hand_turns(&h, 3);
		expect_sent(1, N);
		for (unsigned int i = 0; i < N; i++) {
			const struct rte_mbuf *m = h.ports[1].tx[i];
			const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);

			if (i < 30)
				assert_int_equal(frame[0], i + 1);
			else
				assert_memory_equal(frame, pkt_mac_a, sizeof(pkt_mac_a));
			assert_int_equal(frame[12], 0x81);
			assert_int_equal(frame[15], 11);
			assert_int_equal(frame[16], 0x08);
			assert_int_equal(rte_pktmbuf_pkt_len(m), d[i].plen + 4);
		}
		hand_close(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_no_such_vif),
		cmocka_unit_test(test_sealed_no_such_vif),
		cmocka_unit_test(test_sealed_carrier),
	};

	return cmocka_run_group_tests(tests, kit_eal, NULL);
}
