/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long an engine without packets polls (apps/pdp-engine/idle.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../apps/pdp-engine/idle.h"

#define FREE 500u
#define MOST 1500u
#define TURN 10u /* without packets */

static struct rt_idle idle;

static int setup(void **state)
{
	idle = (struct rt_idle){.free = FREE, .most = MOST};
	return 0;
}

/* @return what it polls until it sleeps, `limit` at most */
static uint64_t poll_for(uint64_t limit)
{
	uint64_t polled = 0;

	while (polled < limit) {
		polled += TURN;
		if (!rt_idle_polls(&idle, TURN))
			break;
	}
	return polled;
}

static void expect_about(uint64_t polled, uint64_t want)
{
	assert_in_range(polled, want, want + TURN);
}

static void test_never_busy(void **state)
{
	for (unsigned int i = 0; i < 3; i++)
		expect_about(poll_for(UINT64_MAX), FREE);
}

static void test_as_long_as_busy(void **state)
{
	rt_idle_busy(&idle, 300);
	rt_idle_busy(&idle, 400);
	expect_about(poll_for(UINT64_MAX), FREE + 700);
	/* That is spent. */
	expect_about(poll_for(UINT64_MAX), FREE);
}

static void test_bounded(void **state)
{
	for (unsigned int i = 0; i < 1000; i++)
		rt_idle_busy(&idle, 300);
	expect_about(poll_for(UINT64_MAX), FREE + MOST);
	/* It was off its CPU during a turn. */
	rt_idle_busy(&idle, UINT64_C(1) << 40);
	assert_false(rt_idle_polls(&idle, UINT64_C(1) << 40));
	expect_about(poll_for(UINT64_MAX), FREE);
}

/* Gaps longer than what is free: an engine that is busy for less than the rest sleeps before long,
 * however busy it was before; one that is busy for longer never does. */
static void test_gaps(void **state)
{
	const uint64_t gap = FREE + 200;
	unsigned int n = 0;

	rt_idle_busy(&idle, MOST);
	while (poll_for(gap) == gap) {
		rt_idle_busy(&idle, 20);
		assert_true(++n < 20);
	}
	assert_true(n > 3);
	rt_idle_busy(&idle, MOST);
	for (n = 0; n < 1000; n++) {
		assert_int_equal(poll_for(gap), gap);
		rt_idle_busy(&idle, 220);
	}
}

/* Gaps that are free do not spend anything. */
static void test_free_gaps(void **state)
{
	rt_idle_busy(&idle, MOST);
	for (unsigned int n = 0; n < 1000; n++) {
		assert_int_equal(poll_for(FREE), FREE);
		rt_idle_busy(&idle, 1);
	}
	expect_about(poll_for(UINT64_MAX), FREE + MOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_never_busy, setup),
		cmocka_unit_test_setup(test_as_long_as_busy, setup),
		cmocka_unit_test_setup(test_bounded, setup),
		cmocka_unit_test_setup(test_gaps, setup),
		cmocka_unit_test_setup(test_free_gaps, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
