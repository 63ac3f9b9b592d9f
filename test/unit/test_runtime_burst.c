/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A ring that has no more entries than there are slots and BLANKs, kept as full as can be, and a
 * plugin that asks for small bursts: each packet comes to it once, in order, with its own bytes and
 * hash.
 */
#include "kit.h"

#include <sys/socket.h>
#include <unistd.h>

#include "../../apps/pdp-engine/runtime.h"

#define N_SLOTS	 32
#define N_BLANKS 32
#define N_PKTS	 2000u
#define LEN	 60

static struct kit k;
static struct pdp_vr vr;
static uint32_t served; /* packets, by number */

static uint32_t hash_of(uint32_t number)
{
	return number * 2654435761u & PDP_HASH_MASK;
}

/* One burst; the loop ends behind it. */
static void process(void *state, struct pdp_pkt *pkts, unsigned int n)
{
	struct pdp_pkt blank;

	assert_in_range(n, 1, vr.max_burst);
	for (unsigned int i = 0; i < n; i++, served++) {
		assert_int_equal(pkts[i].len, LEN);
		assert_memory_equal(pkts[i].data, &served, sizeof(served));
		assert_int_equal(pdp_pkt_hash(&vr.info, &pkts[i]), hash_of(served));
		pkts[i].verdict = PDP_FORWARD;
	}
	/* A BLANK comes back too, and is lent again. */
	if (pdp_vr_originate(&vr.info, &blank) == 0) {
		blank.verdict = PDP_DROP;
		assert_int_equal(pdp_vr_release(&vr.info, &blank, 1), 0);
	}
	vr.stop = true;
}

static const struct pdp_vr_ops ops = {
	.abi_version = PDP_VR_ABI_VERSION, .name = "test", .process = process};

/* As many as there are slots for; then BLANKs. */
static uint32_t lend(uint32_t next)
{
	const uint32_t n = RTE_MIN(k.ch->n_free, N_PKTS - next);
	struct rte_mbuf *pkts[N_SLOTS];
	uint32_t hashes[N_SLOTS];

	for (uint32_t i = 0; i < n; i++) {
		const uint32_t number = next + i;

		pkts[i] = kit_packet(k.pool, LEN, 0);
		memcpy(rte_pktmbuf_mtod(pkts[i], void *), &number, sizeof(number));
		hashes[i] = hash_of(number);
	}
	pdp_chan_stage(k.ch, pkts, n, hashes, 0, PDP_DESC_HASH);
	pdp_chan_flush(k.ch);
	pdp_chan_top_up(k.ch, k.pool, N_BLANKS);
	return next + n;
}

static void collect(void)
{
	struct pdp_return from[64], returns[64];
	const uint32_t n = pdp_ring_take(&k.ch->from, from, 64, sizeof(from[0]));
	struct pdp_taken taken;

	for (uint32_t i = 0; i < n;) {
		i += pdp_chan_take(k.ch, from + i, n - i, true, returns, &taken);
		assert_int_equal(taken.none | taken.bad, 0);
		rte_pktmbuf_free_bulk(taken.m, taken.n);
	}
}

static void run(unsigned int max_burst)
{
	struct pdp_engine_conf *conf;
	unsigned int n_blanks;
	uint32_t next = 0;
	int socks[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, socks), 0);
	kit_open(&k, 256, N_SLOTS, N_BLANKS);
	conf = pdp_region_conf(k.region);
	conf->n_vifs = 1;
	conf->vifs[0] = (struct pdp_vif_conf){.name = "a", .kind = PDP_VIF_ETHERNET, .mtu = 1500};
	memset(&vr, 0, sizeof(vr));
	pdp_vif_init(&vr.vifs[0], &conf->vifs[0]);
	rt_init(&vr, k.region, socks[0]);
	vr.info = (struct pdp_vr_info){.vr = &vr, .services = &rt_services};
	vr.ops = &ops;
	vr.max_burst = max_burst;
	vr.status->busy_poll = 1;
	served = 0;
	while (served < N_PKTS) {
		next = lend(next);
		vr.stop = false;
		rt_loop(&vr);
		collect();
	}
	for (unsigned int i = 0; i < PDP_LIE_N; i++)
		assert_int_equal(k.ch->lies[i], 0);
	assert_int_equal(pdp_chan_sweep(k.ch, &n_blanks), 0);
	kit_close(&k);
	close(socks[0]);
	close(socks[1]);
}

static void test_small_bursts(void **state)
{
	static const unsigned int bursts[] = {1, 3, 4, 7, 8, 31, 63, 64};

	for (unsigned int i = 0; i < RTE_DIM(bursts); i++)
		run(bursts[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_small_bursts)};

	return cmocka_run_group_tests(tests, kit_eal, NULL);
}
