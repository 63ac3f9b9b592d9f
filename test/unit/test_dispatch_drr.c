/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VRs that fill one port: equal bytes whatever the sizes, order within a VR, a bound of each, no
 * credit for who was away; and the MD with such a port, every packet counted once.
 */
#include "hand.h"

#include "../../lib/dispatch/drr.h"

#define QUEUES 3
#define BOUND  100

static struct drr d;
static struct drr_queue queues[QUEUES];
static uint64_t next_push[QUEUES], next_pull[QUEUES], bytes[QUEUES];

static int open_queues(void **state)
{
	d = (struct drr){0};
	for (unsigned int i = 0; i < QUEUES; i++) {
		next_push[i] = next_pull[i] = bytes[i] = 0;
		assert_int_equal(drr_queue_init(&queues[i], BOUND), 0);
	}
	return 0;
}

static int close_queues(void **state)
{
	for (unsigned int i = 0; i < QUEUES; i++)
		drr_queue_fini(&queues[i]);
	return 0;
}

/* Packets are their numbers. */
static bool push(unsigned int q, uint32_t len)
{
	struct drr_item item = {
		.m = (void *)(uintptr_t)next_push[q], .len = len, .tag = (uint16_t)q};

	if (!drr_push(&d, &queues[q], item))
		return false;
	next_push[q]++;
	return true;
}

/* @return how many came; each is the next one of its queue */
static unsigned int pull(unsigned int n)
{
	struct drr_item items[256];

	n = drr_pull(&d, items, n);
	for (unsigned int i = 0; i < n; i++) {
		assert_int_equal((uintptr_t)items[i].m, next_pull[items[i].tag]++);
		bytes[items[i].tag] += items[i].len + DRR_WIRE;
	}
	return n;
}

static void test_equal_bytes(void **state)
{
	static const uint32_t sizes[QUEUES] = {60, 1514, 9014};

	for (unsigned int round = 0; round < 20000; round++) {
		for (unsigned int q = 0; q < QUEUES; q++) {
			while (push(q, sizes[q]))
				;
		}
		assert_int_equal(pull(1 + round % 64), 1 + round % 64);
	}
	/* At any time no more apart than a quantum and a frame. */
	for (unsigned int q = 1; q < QUEUES; q++)
		assert_in_range(bytes[q], bytes[0] - DRR_QUANTUM - 9038,
				bytes[0] + DRR_QUANTUM + 9038);
	assert_true(bytes[0] > 10000000);
}

/* Who was away has saved nothing, and gets its share at once. */
static void test_comes_and_goes(void **state)
{
	for (unsigned int cycle = 0; cycle < 50; cycle++) {
		uint64_t before[2];

		for (unsigned int i = 0; i < 500; i++) {
			while (push(0, 100))
				;
			pull(7);
		}
		while (push(1, 100))
			;
		before[0] = bytes[0];
		before[1] = bytes[1];
		for (unsigned int i = 0; i < 20; i++) {
			pull(7);
			while (push(0, 100))
				;
		}
		assert_in_range(bytes[1] - before[1], (bytes[0] - before[0]) - 2 * DRR_QUANTUM,
				(bytes[0] - before[0]) + 2 * DRR_QUANTUM);
		while (queues[1].n != 0)
			pull(1);
		assert_int_equal(queues[1].deficit, 0);
	}
}

static void test_bound(void **state)
{
	for (unsigned int i = 0; i < BOUND; i++)
		assert_true(push(0, 60));
	assert_false(push(0, 60));
	assert_true(push(1, 60));
	assert_int_equal(d.n, BOUND + 1);
	assert_int_equal(pull(256), BOUND + 1);
	assert_int_equal(pull(256), 0);
	assert_int_equal(d.n, 0);
	assert_null(d.first);
	assert_true(push(0, 60));
	assert_int_equal(pull(1), 1);
}

/* Taken one by one or many at once: the same order. */
static void test_steps_do_not_matter(void **state)
{
	struct drr_item one[150], many[150];

	for (unsigned int pass = 0; pass < 2; pass++) {
		struct drr_item *out = pass == 0 ? one : many;
		unsigned int n = 0;

		close_queues(state);
		open_queues(state);
		for (unsigned int i = 0; i < 150; i++)
			push(i % QUEUES, 60 + i * 37 % 1400);
		while (n < 150)
			n += drr_pull(&d, out + n, pass == 0 ? 1 : 150 - n);
	}
	assert_memory_equal(one, many, sizeof(one));
}

static struct hand h;

static int open_hand(void **state)
{
	hand_open(&h, HAND_VRS, "rr", PDP_HASH_INNER);
	for (unsigned int v = 0; v < HAND_VRS; v++)
		hand_engine_add(&h, v, 0, 512, 0, 1);
	return 0;
}

static int close_hand(void **state)
{
	hand_close(&h);
	return 0;
}

/* n packets of a VR through its engine to port 1, which takes no more than it has room for. */
static void through(unsigned int vr, unsigned int n, uint32_t flow)
{
	hand_rx_vr(&h, vr, 0, n, flow);
	hand_turns(&h, n / 64 + 1);
	assert_int_equal(hand_forward_all(&h, vr, 0, 1), n);
}

static uint64_t tx(unsigned int vr)
{
	struct pdp_vr_account a = hand_account(&h, vr);

	return a.vifs[1].tx;
}

/* VR 0 offers five times as much as the others: the same goes out of each. */
static void test_port_is_shared(void **state)
{
	uint64_t least = UINT64_MAX, most = 0;

	h.ports[1].tx_room = 0;
	for (unsigned int round = 0; round < 60; round++) {
		for (unsigned int v = 0; v < HAND_VRS; v++)
			through(v, v == 0 ? 100 : 20, 1);
		h.ports[1].tx_room = 32;
		hand_turns(&h, 1);
		assert_int_equal(h.ports[1].n_tx, 32);
		hand_check(&h);
		hand_drop_tx(&h);
	}
	for (unsigned int v = 0; v < HAND_VRS; v++) {
		least = RTE_MIN(least, tx(v));
		most = RTE_MAX(most, tx(v));
	}
	/* A turn's quantum of such frames, and what the buffer took before the port was full. */
	assert_true(most - least <= DRR_QUANTUM / (HAND_LEN + DRR_WIRE) + 101);
	assert_in_range(hand_account(&h, 0).in_flight, PDP_BACKLOG_MAX - 32, PDP_BACKLOG_MAX);
	assert_true(hand_account(&h, 0).c.drops[PDP_DROP_PORT_FULL] > 4000);
}

/* One fills its queue to the last place: the others lose nothing. */
static void test_room_is_ones_own(void **state)
{
	h.ports[1].tx_room = 0;
	for (unsigned int round = 0; round < 20; round++)
		through(0, 100, 1);
	through(1, 50, 1);
	hand_turns(&h, 1);
	assert_int_equal(hand_account(&h, 1).in_flight, 50);
	h.ports[1].tx_room = UINT32_MAX;
	hand_turns(&h, 2);
	assert_int_equal(tx(1), 50);
	assert_int_equal(hand_account(&h, 1).c.drops[PDP_DROP_PORT_FULL], 0);
	assert_int_equal(pdp_md_in_flight(h.md), 0);
	hand_check(&h);
}

static uint32_t flow_of(const struct rte_mbuf *m)
{
	const uint8_t *src = rte_pktmbuf_mtod_offset(m, const uint8_t *, 14 + 4 + 12);

	return (uint32_t)src[1] << 16 | (uint32_t)src[2] << 8 | src[3];
}

/* Before, in and after a backlog the packets of a VR leave as they came. */
static void test_order_is_kept(void **state)
{
	uint32_t next[2] = {0, 0}, flow[2] = {0, 0};

	for (unsigned int round = 0; round < 40; round++) {
		h.ports[1].tx_room = round % 10 < 5 ? 3 : UINT32_MAX;
		for (unsigned int i = 0; i < 20; i++)
			through(i % 2, 1, flow[i % 2]++);
		hand_turns(&h, 1);
		for (unsigned int i = 0; i < h.ports[1].n_tx; i++) {
			const uint8_t *tag = rte_pktmbuf_mtod_offset(h.ports[1].tx[i],
								     const uint8_t *, 14);
			unsigned int vr = (tag[1] - 10u) / 2;

			assert_int_equal(flow_of(h.ports[1].tx[i]), next[vr]++);
		}
		hand_drop_tx(&h);
	}
	assert_int_equal(next[0], flow[0]);
	assert_int_equal(next[1], flow[1]);
	assert_int_equal(hand_account(&h, 0).in_flight, 0);
}

static void test_finish_drops_the_line(void **state)
{
	h.ports[1].tx_room = 7;
	for (unsigned int v = 0; v < HAND_VRS; v++)
		through(v, 50, 1);
	hand_turns(&h, 1);
	hand_check(&h);
	assert_int_equal(pdp_md_in_flight(h.md), 193);
	pdp_md_finish(h.md);
	hand_check(&h);
	assert_int_equal(pdp_md_in_flight(h.md), 0);
	assert_int_equal(tx(0) + tx(1) + tx(2) + tx(3), 7);
	for (unsigned int v = 0; v < HAND_VRS; v++)
		assert_int_equal(hand_account(&h, v).in_flight, 0);
}

#define drr(fn)	   cmocka_unit_test_setup_teardown(fn, open_queues, close_queues)
#define handed(fn) cmocka_unit_test_setup_teardown(fn, open_hand, close_hand)

int main(void)
{
	const struct CMUnitTest tests[] = {
		drr(test_equal_bytes),
		drr(test_comes_and_goes),
		drr(test_bound),
		drr(test_steps_do_not_matter),
		handed(test_port_is_shared),
		handed(test_room_is_ones_own),
		handed(test_order_is_kept),
		handed(test_finish_drops_the_line),
	};

	return cmocka_run_group_tests(tests, kit_eal, NULL);
}
