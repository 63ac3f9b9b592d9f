/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The punt path, driven by hand: the test is the engines and the MH thread. Every packet is counted
 * once and every buffer is somewhere, whatever is punted, sent, refused or left behind.
 */
#include "hand.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "../../lib/dispatch/dispatch_priv.h"
#include "pkt.h"

static struct hand h;

static void open_with(unsigned int n_vrs, bool direct, struct pdp_rate_limit other)
{
	struct hand_control control = {.direct = direct};

	control.punt[PDP_PUNT_OTHER] = other;
	hand_open_control(&h, n_vrs, &control);
}

static int close_hand(void **state)
{
	pdp_md_punt_reclaim(h.md);
	assert_int_equal(pdp_md_punt_out(h.md), 0);
	hand_close(&h);
	return 0;
}

/* An engine punts all that it has in a class. @return how many */
static unsigned int punt_all(unsigned int vr, unsigned int cls)
{
	struct pdp_return r;
	struct pdp_desc d;
	unsigned int n = 0;

	while (hand_take(&h, vr, 0, &d, 1) != 0) {
		r = kit_answer(d, PDP_PUNT, d.vif);
		r.verdict = pdp_return_pack(PDP_PUNT, (uint8_t)cls);
		hand_give(&h, vr, 0, r);
		n++;
	}
	return n;
}

static void punt(unsigned int vr, unsigned int vif, unsigned int n, unsigned int cls)
{
	for (unsigned int left = n; left != 0;) {
		const unsigned int part = left < 500 ? left : 500;

		hand_rx_vr(&h, vr, vif, part, 1);
		hand_turns(&h, 10);
		assert_int_equal(punt_all(vr, cls), part);
		hand_turns(&h, 20);
		hand_check(&h);
		left -= part;
	}
}

/* The MH thread takes what waits. @return how many */
static unsigned int take_all(unsigned int cls, uint16_t *gid)
{
	struct pdp_punt *p = pdp_md_punt(h.md);
	struct pdp_punt_pkt pkts[32];
	unsigned int n, total = 0;

	while ((n = pdp_punt_take(p, cls, pkts, 32)) != 0) {
		for (unsigned int i = 0; i < n; i++) {
			*gid = pkts[i].gid;
			assert_int_equal(pkts[i].m->data_len, HAND_LEN);
			pdp_punt_done(p, &pkts[i].m, 1);
		}
		total += n;
	}
	return total;
}

static void test_classes(void **state)
{
	struct pdp_vr_account a;
	uint16_t gid = 0;

	open_with(1, false, (struct pdp_rate_limit){0});
	hand_engine_add(&h, 0, 0, 1024, 0, 1);
	punt(0, 0, 3, PDP_PUNT_OTHER);
	punt(0, 1, 2, PDP_PUNT_ROUTING);
	punt(0, 1, 1, PDP_PUNT_ARP_ND);
	a = hand_account(&h, 0);
	assert_int_equal(a.c.punted, 6);
	assert_int_equal(a.c.punt[PDP_PUNT_OTHER].punted, 3);
	assert_int_equal(a.in_flight, 0);
	assert_int_equal(take_all(PDP_PUNT_ROUTING, &gid), 2);
	assert_int_equal(gid, 1);
	assert_int_equal(take_all(PDP_PUNT_OTHER, &gid), 3);
	assert_int_equal(gid, 0);
	assert_int_equal(take_all(PDP_PUNT_ARP_ND, &gid), 1);
	hand_turns(&h, 40);
	hand_check(&h);
}

/* What does not fit a class's ring, or is more than all buffers that the MH may have, is a counted
 * drop; other classes have rings of their own. */
static void test_full(void **state)
{
	struct pdp_vr_account a;
	uint16_t gid;

	open_with(1, false, (struct pdp_rate_limit){0});
	hand_engine_add(&h, 0, 0, 1024, 0, 1);
	punt(0, 0, 1500, PDP_PUNT_OTHER);
	a = hand_account(&h, 0);
	assert_in_range(a.c.punted, 1000, 1024);
	assert_int_equal(a.c.punted + a.c.drops[PDP_DROP_PUNT_FULL], 1500);
	assert_int_equal(a.c.punt[PDP_PUNT_OTHER].full, a.c.drops[PDP_DROP_PUNT_FULL]);
	punt(0, 0, 100, PDP_PUNT_ROUTING);
	assert_int_equal(hand_account(&h, 0).c.punt[PDP_PUNT_ROUTING].punted, 100);
	/* And goes on when there is room. */
	take_all(PDP_PUNT_OTHER, &gid);
	punt(0, 0, 100, PDP_PUNT_OTHER);
	assert_int_equal(hand_account(&h, 0).c.punted, a.c.punted + 200);
}

/* A packet a second, 5 at once: of each VR. */
static void test_limit(void **state)
{
	struct pdp_vr_account a;

	open_with(2, false, (struct pdp_rate_limit){.rate = 1, .burst = 5});
	hand_engine_add(&h, 0, 0, 256, 0, 1);
	hand_engine_add(&h, 1, 0, 256, 0, 1);
	punt(0, 0, 50, PDP_PUNT_OTHER);
	a = hand_account(&h, 0);
	assert_true(a.c.punted <= 5 + 2);
	assert_int_equal(a.c.punted + a.c.drops[PDP_DROP_PUNT_LIMIT], 50);
	assert_int_equal(a.c.punt[PDP_PUNT_OTHER].limited, a.c.drops[PDP_DROP_PUNT_LIMIT]);
	punt(0, 0, 50, PDP_PUNT_ROUTING);
	assert_int_equal(hand_account(&h, 0).c.punt[PDP_PUNT_ROUTING].punted, 50);
	/* Other limits while it runs, of this class alone: as good as none, and the old one. */
	pdp_md_vr_set_punt_limit(h.md, 0, PDP_PUNT_OTHER,
				 &(struct pdp_rate_limit){.rate = 1000000000, .burst = 1000000});
	punt(0, 0, 50, PDP_PUNT_OTHER);
	assert_int_equal(hand_account(&h, 0).c.punt[PDP_PUNT_OTHER].limited,
			 a.c.punt[PDP_PUNT_OTHER].limited);
	pdp_md_vr_set_punt_limit(h.md, 0, PDP_PUNT_OTHER,
				 &(struct pdp_rate_limit){.rate = 1, .burst = 5});
	punt(0, 0, 50, PDP_PUNT_OTHER);
	assert_true(hand_account(&h, 0).c.punt[PDP_PUNT_OTHER].limited >=
		    a.c.punt[PDP_PUNT_OTHER].limited + 50 - 7);
	punt(0, 0, 50, PDP_PUNT_ROUTING);
	assert_int_equal(hand_account(&h, 0).c.punt[PDP_PUNT_ROUTING].punted, 100);
	assert_int_equal(hand_account(&h, 1).c.drops[PDP_DROP_PUNT_LIMIT], 0);
}

/* Two VRs: vifs are VLANs, which the MD takes off and puts on where no engine does. */
static void test_direct(void **state)
{
	struct pdp_punt *p;
	struct pdp_punt_pkt pkt;
	struct pdp_vr_account a;

	open_with(2, true, (struct pdp_rate_limit){0});
	p = pdp_md_punt(h.md);
	hand_rx_vr(&h, 1, 0, 1, 7);
	hand_turns(&h, 3);
	a = hand_account(&h, 1);
	assert_int_equal(a.c.punted, 1);
	assert_int_equal(pdp_punt_take(p, PDP_PUNT_OTHER, &pkt, 1), 1);
	assert_int_equal(pkt.gid, 2);
	assert_int_equal(pkt.m->data_len, HAND_LEN - 4);
	assert_int_equal(rte_pktmbuf_mtod(pkt.m, uint8_t *)[12], 0x08);
	/* As the router's own it goes out by the VR's other vif. */
	assert_true(pdp_punt_send(p, pkt.m, 3));
	hand_turns(&h, 3);
	hand_check(&h);
	a = hand_account(&h, 1);
	assert_int_equal(a.c.originated, 1);
	assert_int_equal(a.vifs[1].tx, 1);
	assert_int_equal(h.ports[1].n_tx, 1);
	assert_int_equal(h.ports[1].tx[0]->data_len, HAND_LEN);
	assert_int_equal(rte_pktmbuf_mtod(h.ports[1].tx[0], uint8_t *)[15], 13);
}

static void test_router_packets(void **state)
{
	struct pdp_punt *p;
	struct rte_mbuf *m;
	struct pdp_vr_account a;

	open_with(1, false, (struct pdp_rate_limit){0});
	p = pdp_md_punt(h.md);
	hand_turns(&h, 200);
	hand_check(&h);
	for (unsigned int i = 0; i < 100; i++) {
		m = pdp_punt_empty(p);
		assert_non_null(m);
		memset(rte_pktmbuf_append(m, HAND_LEN), 0, HAND_LEN);
		assert_true(pdp_punt_send(p, m, 1));
	}
	/* No frame at all: a counted drop. */
	m = pdp_punt_empty(p);
	memset(rte_pktmbuf_append(m, 13), 0, 13);
	assert_true(pdp_punt_send(p, m, 1));
	hand_turns(&h, 20);
	a = hand_account(&h, 0);
	assert_int_equal(a.c.originated, 101);
	assert_int_equal(a.vifs[1].tx, 100);
	assert_int_equal(a.c.drops[PDP_VIF_TRUNCATED], 1);
	hand_check(&h);
}

/* An engine that lies in what it punts: nothing of it reaches the MH. */
static void test_lies(void **state)
{
	struct pdp_return r[3];
	struct pdp_desc d[3];

	open_with(1, false, (struct pdp_rate_limit){0});
	hand_engine_add(&h, 0, 0, 64, 0, 1);
	hand_rx_vr(&h, 0, 0, 3, 1);
	hand_turns(&h, 3);
	assert_int_equal(hand_take(&h, 0, 0, d, 3), 3);
	for (unsigned int i = 0; i < 3; i++)
		r[i] = kit_answer(d[i], PDP_PUNT, 0);
	r[0].vif = 2;
	r[1].len = 60000;
	r[2].verdict = pdp_return_pack(PDP_PUNT, PDP_PUNT_CLASSES);
	for (unsigned int i = 0; i < 3; i++)
		hand_give(&h, 0, 0, r[i]);
	hand_turns(&h, 3);
	assert_int_equal(hand_account(&h, 0).c.punted, 0);
	assert_int_equal(hand_account(&h, 0).c.drops[PDP_DROP_LIE], 3);
	hand_check(&h);
}

/* Asleep, the MH is woken once, and awake not at all. */
static void test_wake(void **state)
{
	struct pdp_punt *p;
	uint64_t wakes = 0;
	uint16_t gid;
	int fd = eventfd(0, EFD_NONBLOCK);

	open_with(1, false, (struct pdp_rate_limit){0});
	p = pdp_md_punt(h.md);
	pdp_punt_set_wake(p, fd);
	hand_engine_add(&h, 0, 0, 64, 0, 1);
	punt(0, 0, 3, PDP_PUNT_OTHER);
	assert_int_equal(read(fd, &wakes, sizeof(wakes)), -1);
	/* It fell asleep before it saw them: a later turn wakes it. */
	pdp_punt_sleep(p);
	hand_turns(&h, 3);
	assert_int_equal(read(fd, &wakes, sizeof(wakes)), sizeof(wakes));
	assert_in_range(wakes, 1, 3);
	pdp_punt_awake(p);
	assert_int_equal(take_all(PDP_PUNT_OTHER, &gid), 3);
	pdp_punt_sleep(p);
	hand_turns(&h, 3);
	assert_int_equal(read(fd, &wakes, sizeof(wakes)), -1);
	close(fd);
}

static void test_class_of(void **state)
{
	static const struct {
		uint8_t bytes[64];
		uint32_t len;
		uint8_t kind;
		unsigned int cls;
	} cases[] = {
		{{[12] = 0x08, 0x06}, 42, PDP_VIF_ETHERNET, PDP_PUNT_ARP_ND},
		{{[12] = 0x08, 0x00, 0x45, [23] = 89}, 34, PDP_VIF_ETHERNET, PDP_PUNT_ROUTING},
		{{0x45, [9] = 6, [20] = 0, 179}, 40, PDP_VIF_IP, PDP_PUNT_ROUTING},
		{{0x45, [9] = 6, [22] = 0, 179}, 40, PDP_VIF_IP, PDP_PUNT_ROUTING},
		{{0x45, [9] = 17, [22] = 3784 >> 8, 3784 & 255}, 28, PDP_VIF_IP, PDP_PUNT_ROUTING},
		/* A later fragment has no ports. */
		{{0x45, [7] = 1, [9] = 6, [20] = 0, 179}, 40, PDP_VIF_IP, PDP_PUNT_OTHER},
		{{0x45, [9] = 6, [20] = 0, 179}, 22, PDP_VIF_IP, PDP_PUNT_OTHER},
		{{0x4f, [9] = 89}, 20, PDP_VIF_IP, PDP_PUNT_OTHER},
		{{0x45, [9] = 1}, 28, PDP_VIF_IP, PDP_PUNT_OTHER},
		{{0x60, [6] = 58, [40] = 135}, 64, PDP_VIF_IP, PDP_PUNT_ARP_ND},
		{{0x60, [6] = 58, [40] = 128}, 64, PDP_VIF_IP, PDP_PUNT_OTHER},
		{{0x60, [6] = 89}, 40, PDP_VIF_IP, PDP_PUNT_ROUTING},
		{{0x60, [6] = 89}, 39, PDP_VIF_IP, PDP_PUNT_OTHER},
		{{0}, 0, PDP_VIF_IP, PDP_PUNT_OTHER},
		{{0}, 13, PDP_VIF_ETHERNET, PDP_PUNT_OTHER},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *exact = malloc(cases[i].len + 1);

		memcpy(exact, cases[i].bytes, cases[i].len);
		if (md_punt_class(cases[i].kind, exact, cases[i].len) != cases[i].cls)
			fail_msg("case %zu", i);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_classes, close_hand),
		cmocka_unit_test_teardown(test_full, close_hand),
		cmocka_unit_test_teardown(test_limit, close_hand),
		cmocka_unit_test_teardown(test_direct, close_hand),
		cmocka_unit_test_teardown(test_router_packets, close_hand),
		cmocka_unit_test_teardown(test_lies, close_hand),
		cmocka_unit_test_teardown(test_wake, close_hand),
		cmocka_unit_test(test_class_of),
	};

	return cmocka_run_group_tests(tests, kit_eal, NULL);
}
