/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The services that a plugin calls, with the test as the MD: what comes back over the ring for
 * each, and what is refused.
 */
#include "kit.h"

#include <errno.h>

#include <rte_cycles.h>

#include "../../apps/pdp-engine/runtime.h"

#define N_SLOTS	 8
#define N_BLANKS 4

static struct kit k;
static struct pdp_vr vr;

static int open_engine(void **state)
{
	struct pdp_engine_conf *conf;

	kit_open(&k, 64, N_SLOTS, N_BLANKS);
	conf = pdp_region_conf(k.region);
	memset(&vr, 0, sizeof(vr));
	rt_init(&vr, k.region, -1);
	conf->n_vifs = 2;
	conf->vifs[0] = (struct pdp_vif_conf){.name = "a", .mtu = 1500};
	conf->vifs[1] = (struct pdp_vif_conf){.name = "b", .mtu = 100};
	for (unsigned int i = 0; i < 2; i++)
		pdp_vif_init(&vr.vifs[i], &conf->vifs[i]);
	vr.info = (struct pdp_vr_info){
		.vr = &vr, .services = &rt_services, .n_engines = k.region->n_engines};
	return 0;
}

static int close_engine(void **state)
{
	unsigned int n_blanks;

	pdp_chan_sweep(k.ch, &n_blanks);
	kit_close(&k);
	return 0;
}

/* What rt_loop() does with the BLANKs that come. */
static void take_blanks(void)
{
	struct pdp_desc d[N_BLANKS];
	unsigned int n;

	pdp_chan_top_up(k.ch, k.pool, N_BLANKS);
	n = pdp_ring_take(&vr.channels[0].to, d, N_BLANKS, sizeof(d[0]));
	for (unsigned int i = 0; i < n; i++)
		vr.channels[0].blanks[vr.channels[0].n_blanks++] = d[i];
}

/* A packet as process() sees it. */
static struct pdp_pkt lend(uint16_t len)
{
	struct pdp_desc d;

	kit_stage(k.ch, kit_packet(k.pool, len, 0x77), 0, 0, 0);
	pdp_chan_flush(k.ch);
	assert_int_equal(pdp_ring_take(&vr.channels[0].to, &d, 1, sizeof(d)), 1);
	return (struct pdp_pkt){
		.data = (uint8_t *)vr.base + (d.off_hash & PDP_OFF_MASK),
		.len = d.plen,
		.whole_len = d.plen,
		.headroom = PDP_HEADROOM,
		.slot = d.slot,
	};
}

static struct pdp_return come_back(void)
{
	struct pdp_return r;

	assert_int_equal(pdp_ring_take(&k.ch->from, &r, 1, sizeof(r)), 1);
	return r;
}

static void expect_nothing(void)
{
	struct pdp_return r;

	assert_int_equal(pdp_ring_take(&k.ch->from, &r, 1, sizeof(r)), 0);
}

static void test_release(void **state)
{
	struct pdp_pkt p[2] = {lend(60), lend(61)};
	struct pdp_return r;

	p[0].verdict = PDP_FORWARD;
	p[0].vif = 1;
	pdp_pkt_prepend(&p[0], 20);
	p[1].verdict = PDP_PUNT;
	assert_int_equal(pdp_vr_release(&vr.info, p, 2), 0);
	r = come_back();
	assert_int_equal(r.slot, p[0].slot);
	assert_int_equal(pdp_return_verdict(&r), PDP_FORWARD);
	assert_int_equal(r.vif, 1);
	assert_int_equal(r.len, 80);
	assert_int_equal(r.moved, -20);
	r = come_back();
	assert_int_equal(pdp_return_verdict(&r), PDP_PUNT);
	assert_int_equal(pdp_return_reason(&r), PDP_PUNT_OTHER);
	assert_int_equal(r.len, 61);
	expect_nothing();
}

/* The class of a punted packet goes along; one that does not exist is the least. */
static void test_punt_class(void **state)
{
	for (unsigned int class = 0; class < 256; class ++) {
		struct pdp_pkt p = lend(60);
		struct pdp_return r;
		struct rte_mbuf *m;
		bool ok;

		p.verdict = PDP_PUNT;
		p.punt_class = (uint8_t) class;
		assert_int_equal(pdp_vr_release(&vr.info, &p, 1), 0);
		r = come_back();
		assert_int_equal(pdp_return_verdict(&r), PDP_PUNT);
		assert_int_equal(pdp_return_reason(&r),
				 class < PDP_PUNT_CLASSES ? class : PDP_PUNT_OTHER);
		assert_int_equal(kit_chan_take(k.ch, &r, &m, &ok), KIT_PKT);
		rte_pktmbuf_free(m);
	}
}

static void test_release_refused(void **state)
{
	struct pdp_pkt p[3] = {lend(60), lend(60), lend(60)};

	p[0].verdict = PDP_HOLD;
	p[1].verdict = PDP_FORWARD;
	p[2].verdict = PDP_FORWARD;
	p[2].channel = 7;
	assert_int_equal(pdp_vr_release(&vr.info, p, 3), -EINVAL);
	assert_int_equal(come_back().slot, p[1].slot);
	expect_nothing();
}

static uint8_t reason_of(struct pdp_pkt p)
{
	struct pdp_return r;

	assert_int_equal(pdp_vr_release(&vr.info, &p, 1), 0);
	r = come_back();
	assert_int_equal(pdp_return_verdict(&r), PDP_DROP);
	return pdp_return_reason(&r);
}

static void test_reasons(void **state)
{
	struct pdp_pkt p = lend(500);

	assert_int_equal(reason_of(p), PDP_DROP_VR);
	p = lend(500);
	p.verdict = PDP_FORWARD;
	p.vif = 2;
	assert_int_equal(reason_of(p), PDP_DROP_BAD_VIF);
	p = lend(500);
	p.verdict = PDP_FORWARD;
	p.vif = 1;
	assert_int_equal(reason_of(p), PDP_VIF_TOO_LONG);
}

static void test_originate(void **state)
{
	struct pdp_pkt p;

	assert_int_equal(pdp_vr_originate(&vr.info, &p), -ENOBUFS);
	assert_int_equal(vr.status->no_blank, 1);
	take_blanks();
	for (unsigned int i = 0; i < N_BLANKS; i++) {
		assert_int_equal(pdp_vr_originate(&vr.info, &p), 0);
		assert_int_equal(p.len, KIT_ROOM);
		assert_int_equal(p.whole_len, KIT_ROOM);
		assert_true(p.slot >= N_SLOTS);
		memset(p.data, 0x99, p.len);
		p.len = p.whole_len = 90;
		p.verdict = PDP_FORWARD;
		assert_int_equal(pdp_vr_release(&vr.info, &p, 1), 0);
	}
	assert_int_equal(pdp_vr_originate(&vr.info, &p), -ENOBUFS);
	for (unsigned int i = 0; i < N_BLANKS; i++) {
		const struct pdp_return r = come_back();
		struct rte_mbuf *m;
		bool ok;

		assert_int_equal(kit_chan_take(k.ch, &r, &m, &ok), KIT_BLANK);
		assert_true(ok);
		assert_int_equal(m->pkt_len, 90);
		assert_int_equal(*rte_pktmbuf_mtod(m, uint8_t *), 0x99);
		rte_pktmbuf_free(m);
	}
}

static void test_copy(void **state)
{
	struct pdp_pkt p = lend(200), copy, big;
	struct pdp_return r;

	take_blanks();
	p.vif = p.in_vif = 1;
	p.hash = 0x123456;
	p.flags = PDP_PKT_HASH;
	assert_int_equal(pdp_vr_copy(&vr.info, &p, &copy), 0);
	assert_int_equal(copy.whole_len, 200);
	assert_int_equal(copy.verdict, PDP_DROP);
	assert_int_equal(copy.in_vif, 1);
	assert_int_equal(copy.hash, 0x123456);
	assert_memory_equal(copy.data, p.data, 200);
	assert_ptr_not_equal(copy.data, p.data);
	/* One that an empty packet cannot hold gives the BLANK back. */
	big = p;
	big.whole_len = KIT_ROOM + 1;
	assert_int_equal(pdp_vr_copy(&vr.info, &big, &copy), -EMSGSIZE);
	assert_int_equal(pdp_vr_release(&vr.info, &p, 1), 0);
	r = come_back();
	assert_true(r.slot >= N_SLOTS);
	assert_int_equal(pdp_return_verdict(&r), PDP_DROP);
	assert_int_equal(come_back().slot, p.slot);
	expect_nothing();
}

static void test_send(void **state)
{
	uint8_t msg[PDP_VR_MSG_SIZE + 1];
	struct pdp_ctl_elem elems[PDP_CTL_ELEMS_MAX];
	unsigned int sent = 0;
	uint16_t dst;

	memset(msg, 0x3c, sizeof(msg));
	assert_int_equal(pdp_vr_send(&vr.info, 0, msg, sizeof(msg)), -EMSGSIZE);
	assert_int_equal(pdp_vr_send(&vr.info, k.region->n_engines, msg, 1), -ENOENT);
	assert_int_equal(pdp_vr_send(&vr.info, UINT32_MAX, msg, 1), -ENOENT);
	assert_int_equal(pdp_vr_send(&vr.info, 5, msg, 0), 0);
	assert_int_equal(pdp_ctl_take(k.ch, &k.ctl, &dst, elems), 1);
	assert_int_equal(dst, 5);
	while (pdp_vr_send(&vr.info, 1, msg, PDP_VR_MSG_SIZE) == 0)
		sent++;
	assert_int_equal(pdp_vr_send(&vr.info, 1, msg, PDP_VR_MSG_SIZE), -ENOBUFS);
	for (unsigned int i = 0; i < sent; i++)
		assert_int_equal(pdp_ctl_take(k.ch, &k.ctl, &dst, elems),
				 pdp_ctl_elems(PDP_VR_MSG_SIZE));
	assert_int_equal(vr.status->ctl_tx, sent + 1);
}

static void test_counters(void **state)
{
	uint64_t *first = pdp_vr_counter(&vr.info, "first");
	char name[40];

	assert_non_null(first);
	assert_ptr_equal(pdp_vr_counter(&vr.info, "first"), first);
	assert_null(pdp_vr_counter(&vr.info, ""));
	memset(name, 'x', sizeof(name));
	name[32] = '\0';
	assert_null(pdp_vr_counter(&vr.info, name));
	name[31] = '\0';
	assert_non_null(pdp_vr_counter(&vr.info, name));
	for (unsigned int i = 2; i < PDP_VR_N_COUNTERS; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		assert_non_null(pdp_vr_counter(&vr.info, name));
	}
	assert_null(pdp_vr_counter(&vr.info, "one_more"));
	assert_ptr_equal(pdp_vr_counter(&vr.info, "first"), first);
	assert_int_equal(vr.status->n_counters, PDP_VR_N_COUNTERS);
}

static void test_burst_and_time(void **state)
{
	uint64_t then;

	pdp_vr_set_burst(&vr.info, 0);
	assert_int_equal(vr.max_burst, 1);
	pdp_vr_set_burst(&vr.info, 7);
	assert_int_equal(vr.max_burst, 7);
	pdp_vr_set_burst(&vr.info, 100000);
	assert_int_equal(vr.max_burst, PDP_BURST_MAX);
	then = pdp_vr_now_ns(&vr.info);
	rte_delay_us_block(2000);
	assert_in_range(pdp_vr_now_ns(&vr.info) - then, 1900000, 2000000000);
}

#define service_test(fn) cmocka_unit_test_setup_teardown(fn, open_engine, close_engine)

/* Busy time counts up in ns while a turn lasts, from what the finished turns took. */
static void test_busy(void **state)
{
	const uint64_t hz = vr.tsc_hz;
	uint64_t first, next;

	vr.status->busy_tsc = 3 * hz;
	vr.turn_tsc = rte_rdtsc() - hz;
	first = pdp_vr_busy_ns(&vr.info);
	next = pdp_vr_busy_ns(&vr.info);
	assert_true(first >= 4000000000u && next >= first);
	vr.turn_tsc = rte_rdtsc();
	assert_true(pdp_vr_busy_ns(&vr.info) < first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		service_test(test_busy),
		service_test(test_release),
		service_test(test_release_refused),
		service_test(test_punt_class),
		service_test(test_reasons),
		service_test(test_originate),
		service_test(test_copy),
		service_test(test_send),
		service_test(test_counters),
		service_test(test_burst_and_time),
	};

	return cmocka_run_group_tests(tests, kit_eal, NULL);
}
