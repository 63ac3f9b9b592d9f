/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Engines that die and engines that are by-passed, as an MD lcore sees it: an eventfd is written,
 * the heir has the traffic in the same turn, nothing waits for the packets that are lost, and what
 * a by-passed engine returns late does not overtake.
 */
#include "play.h"

#include <sys/eventfd.h>
#include <unistd.h>

static struct play p;

static void mark(unsigned int engine)
{
	struct pdp_status *s = pdp_region_status(p.h.engines[0][engine].region);

	__atomic_fetch_or(&s->life, PDP_LIFE_DIED, __ATOMIC_RELEASE);
}

static uint64_t drops(enum pdp_drop why)
{
	struct pdp_vr_account a = hand_account(&p.h, 0);

	return a.c.drops[why];
}

static unsigned int told(int fd)
{
	uint64_t n;

	return read(fd, &n, sizeof(n)) == (ssize_t)sizeof(n) ? (unsigned int)n : 0;
}

static void receive(unsigned int flows)
{
	for (uint32_t flow = 0; flow < flows; flow++)
		play_rx(&p, flow, 1);
	play_turns(&p, flows / 64 + 2);
}

/* The only one that serves dies with packets; a parked one has the traffic at once. */
static void heir(const char *balancer)
{
	const int fd = eventfd(0, EFD_NONBLOCK);
	struct pdp_status *status;

	play_open(&p, balancer, 256, 1);
	pdp_md_watch_deaths(p.h.md, fd);
	play_add(&p, 0, true);
	play_add(&p, 1, false);
	status = pdp_region_status(p.h.engines[0][1].region);
	status->parked = 1;
	pdp_md_vr_set_heir(p.h.md, 0, 1);
	receive(50);
	play_give(&p, 0, 20);
	assert_int_equal(told(fd), 0);
	assert_int_equal(pdp_md_engine_died_tsc(p.h.md, 0, 0), 0);
	mark(0);
	play_turns(&p, 1);
	/* Told a moment later, when the heir has begun. */
	assert_int_equal(told(fd), 0);
	assert_int_not_equal(pdp_md_engine_died_tsc(p.h.md, 0, 0), 0);
	assert_true(pdp_md_engine_inherited(p.h.md, 0, 1));
	assert_int_equal(status->parked, 0);
	assert_int_equal(status->wake_seq, 1);
	/* What it had returned is not lost. */
	assert_int_equal(p.left, 20);
	assert_int_equal(play_out(&p, 0), 30);
	receive(50);
	assert_int_equal(play_out(&p, 1), 50);
	rte_delay_us_block(1000);
	play_turns(&p, 1);
	assert_int_equal(told(fd), 1);
	play_turns(&p, 1);
	assert_int_equal(told(fd), 0);
	pdp_md_engine_activate(p.h.md, 0, 1, 1);
	assert_false(pdp_md_engine_inherited(p.h.md, 0, 1));
	/* Its packets stay until the process is gone. */
	assert_int_equal(drops(PDP_DROP_ENGINE_DIED), 0);
	play_remove(&p, 0);
	assert_int_equal(drops(PDP_DROP_ENGINE_DIED), 30);
	play_rest(&p);
	assert_int_equal(p.left, 70);
	assert_int_equal(p.reordered, 0);
	play_close(&p);
	close(fd);
}

static void test_heir(void **state)
{
	heir("rr");
	heir("flow");
	heir("flow-jsq");
}

/* No heir, or one that is dead too: what comes has no engine, until the control thread finds one.
 */
static void test_no_heir(void **state)
{
	play_open(&p, "flow-jsq", 256, 2);
	play_add(&p, 0, true);
	receive(10);
	mark(0);
	play_turns(&p, 1);
	receive(5);
	assert_int_equal(drops(PDP_DROP_NO_ENGINE), 5);
	play_add(&p, 1, false);
	pdp_md_vr_set_heir(p.h.md, 0, 1);
	mark(1);
	play_turns(&p, 2);
	assert_int_equal(play_out(&p, 1), 0);
	/* A dead one is not let in again. */
	pdp_md_engine_activate(p.h.md, 0, 0, 1);
	receive(5);
	assert_int_equal(drops(PDP_DROP_NO_ENGINE), 10);
	play_add(&p, 2, true);
	receive(5);
	assert_int_equal(play_out(&p, 2), 5);
	play_remove(&p, 0);
	play_remove(&p, 1);
	play_close(&p);
}

/* Flows of the dead one go on with the other, and those that waited for it too. */
static void test_flows_go_on(void **state)
{
	play_open(&p, "flow-jsq", 512, 3);
	play_add(&p, 0, true);
	play_add(&p, 1, true);
	receive(200);
	assert_true(play_out(&p, 0) > 50 && play_out(&p, 1) > 50);
	/* Draining, so that its buckets are held, and then dead. */
	play_drain(&p, 0);
	receive(200);
	assert_true(pdp_md_in_flight(p.h.md) > play_out(&p, 0) + play_out(&p, 1));
	mark(0);
	play_turns(&p, 2);
	assert_int_equal(pdp_md_in_flight(p.h.md), play_out(&p, 0) + play_out(&p, 1));
	play_give(&p, 1, PLAY_SLOTS);
	play_turns(&p, 2);
	play_remove(&p, 0);
	play_rest(&p);
	assert_int_equal(p.reordered, 0);
	assert_int_equal(p.left + drops(PDP_DROP_ENGINE_DIED), 400);
	play_close(&p);
}

/* Tickets of the dead one end before its process does. */
static void test_tickets_end(void **state)
{
	play_open(&p, "rr", 256, 4);
	assert_int_equal(pdp_md_vr_set_balance(p.h.md, 0, pdp_balancer_find("rr"), true), 0);
	play_add(&p, 0, true);
	play_add(&p, 1, true);
	receive(100);
	play_give(&p, 1, PLAY_SLOTS);
	play_turns(&p, 1);
	assert_true(p.left < 50);
	mark(0);
	play_turns(&p, 2);
	assert_int_equal(p.left, play_out(&p, 0));
	assert_int_equal(p.left, 50);
	assert_int_equal(p.overtaken, 0);
	play_remove(&p, 0);
	play_close(&p);
}

/* It stands still, others go on with its flows, and then it gives back what it had. */
static void late(const char *balancer, bool restore)
{
	const uint64_t before = drops(PDP_DROP_ENGINE_LATE);

	assert_int_equal(pdp_md_vr_set_balance(p.h.md, 0, pdp_balancer_find(balancer), restore), 0);
	receive(100);
	pdp_md_engine_write_off(p.h.md, 0, 0, true);
	const unsigned int had = play_out(&p, 0);
	receive(100);
	assert_int_equal(play_out(&p, 0), had);
	play_give(&p, 1, PLAY_SLOTS);
	play_turns(&p, 2);
	play_give(&p, 0, PLAY_SLOTS);
	play_turns(&p, 2);
	assert_int_equal(drops(PDP_DROP_ENGINE_LATE), before + had);
	assert_int_equal(play_out(&p, 0), 0);
	assert_int_equal(p.reordered, 0);
	/* Not before it is taken back. */
	pdp_md_engine_activate(p.h.md, 0, 0, 1);
	receive(20);
	assert_int_equal(play_out(&p, 0), 0);
	pdp_md_engine_take_back(p.h.md, 0, 0);
	pdp_md_engine_activate(p.h.md, 0, 0, 1);
	play_rest(&p);
	receive(100);
	assert_true(play_out(&p, 0) > 20);
	play_rest(&p);
	assert_int_equal(p.reordered, 0);
	assert_int_equal(drops(PDP_DROP_ENGINE_LATE), before + had);
}

static void test_late(void **state)
{
	play_open(&p, "rr", 512, 5);
	play_add(&p, 0, true);
	play_add(&p, 1, true);
	late("flow-jsq", false);
	late("flow", false);
	late("rr", true);
	play_close(&p);
}

/* Whatever happens in whatever order: every packet is accounted for, and flows keep their order. */
static void test_at_random(void **state)
{
	for (uint64_t seed = 1; seed <= 30; seed++) {
		play_open(&p, "flow-jsq", 64, seed);
		for (unsigned int e = 0; e < 3; e++)
			play_add(&p, e, true);
		for (unsigned int i = 0; i < 300; i++) {
			const unsigned int e = play_random(&p, 4), what = play_random(&p, 40);

			for (unsigned int k = 0; k < 8; k++)
				play_rx(&p, play_random(&p, 500), 1);
			play_turns(&p, 1);
			play_give_flows(&p, play_random(&p, 4), 20);
			if (!p.engines[e].present) {
				play_add(&p, e, what < 20);
				pdp_md_vr_set_heir(p.h.md, 0, (int)e);
			} else if (what == 0) {
				mark(e);
				play_turns(&p, 1 + play_random(&p, 3));
				play_remove(&p, e);
			} else if (what == 1) {
				pdp_md_engine_write_off(p.h.md, 0, e, what % 2);
				play_turns(&p, 1);
				play_remove(&p, e);
			} else if (what == 2) {
				play_drain(&p, e);
			} else if (what < 6) {
				play_add(&p, e, true);
			}
		}
		play_rest(&p);
		assert_int_equal(p.reordered, 0);
		play_close(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heir),	    cmocka_unit_test(test_no_heir),
		cmocka_unit_test(test_flows_go_on), cmocka_unit_test(test_tickets_end),
		cmocka_unit_test(test_late),	    cmocka_unit_test(test_at_random),
	};

	return cmocka_run_group_tests(tests, kit_eal, NULL);
}
