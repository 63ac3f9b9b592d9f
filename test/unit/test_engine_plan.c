/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which engine gets which place of a plan, and how long changes took. Pure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../lib/engine/engine_priv.h"

enum { ANY = PDP_ENGINES_ANY_CPU };

static struct pdp_engines_plan plan;
static struct plan_engine engines[PDP_ENGINES_MAX];
static unsigned int n;
static uint8_t got[PDP_ENGINES_MAX];

static void begin(void)
{
	memset(&plan, 0, sizeof(plan));
	n = 0;
}

static void place(uint16_t cpu, uint16_t pct)
{
	plan.at[plan.n++] = (struct pdp_engines_place){.cpu = cpu, .pct = pct};
}

static void engine(unsigned int index, bool settled, uint16_t cpu, uint16_t pct)
{
	engines[n++] = (struct plan_engine){
		.index = index, .settled = settled, .cpu = cpu, .pct = pct};
}

/* One place each; `want` by engine. */
static void expect(const uint8_t *want)
{
	memset(got, 0xff, sizeof(got));
	plan_match(&plan, engines, n, got);
	for (unsigned int i = 0; i < n; i++)
		assert_int_equal(got[i], want[i]);
}

#define EXPECT(...) expect((const uint8_t[]){__VA_ARGS__})

/* Without CPUs: by number, so that weights[i] is engine i's. */
static void test_by_number(void **state)
{
	begin();
	place(ANY, 1);
	place(ANY, 3);
	engine(1, false, 5, 100);
	EXPECT(1);
	engine(0, false, 5, 100);
	EXPECT(1, 0);
	/* One that has a higher number takes what is left. */
	begin();
	place(ANY, 1);
	place(ANY, 3);
	engine(7, true, 5, 1);
	engine(1, false, 5, 100);
	EXPECT(0, 1);
}

/* Who runs stays on its CPU, whatever the order of the plan. */
static void test_stays(void **state)
{
	begin();
	place(2, 100);
	place(1, 100);
	engine(0, true, 1, 100);
	engine(1, false, 1, 100);
	EXPECT(1, 0);
	begin();
	place(1, 40);
	place(1, 60);
	engine(3, true, 1, 60);
	engine(4, true, 1, 40);
	EXPECT(1, 0);
	/* Its share changed, its CPU did not. */
	begin();
	place(2, 30);
	place(1, 70);
	engine(3, true, 1, 100);
	EXPECT(1);
}

static void test_moves(void **state)
{
	begin();
	place(2, 100);
	engine(0, true, 1, 100);
	EXPECT(0);
	begin();
	place(2, 100);
	place(3, 100);
	engine(0, true, 1, 100);
	engine(1, true, 1, 100);
	EXPECT(0, 1);
}

/* Any engines and plans: everybody has a place of its own. */
static void test_all_placed(void **state)
{
	unsigned int x = 1;

	for (unsigned int round = 0; round < 2000; round++) {
		uint64_t taken = 0;

		begin();
		for (unsigned int i = round % PDP_ENGINES_MAX + 1; i > 0; i--) {
			x = x * 1664525u + 1013904223u;
			place(x >> 28 ? (uint16_t)(x >> 30) : (uint16_t)ANY, 1 + (x >> 20 & 3));
		}
		for (unsigned int i = 0; i < plan.n; i++) {
			x = x * 1664525u + 1013904223u;
			if (x >> 31)
				engine(PDP_ENGINES_MAX - 1 - i, x >> 30 & 1, x >> 28 & 3,
				       1 + (x >> 20 & 3));
		}
		memset(got, 0xff, sizeof(got));
		plan_match(&plan, engines, n, got);
		for (unsigned int i = 0; i < n; i++) {
			assert_true(got[i] < plan.n);
			assert_false(taken >> got[i] & 1);
			taken |= UINT64_C(1) << got[i];
		}
	}
}

static void test_times(void **state)
{
	struct pdp_times t = {0};

	assert_int_equal(pdp_times_percentile(&t, 99), 0);
	pdp_times_add(&t, 7);
	assert_int_equal(pdp_times_percentile(&t, 1), 7);
	assert_int_equal(pdp_times_percentile(&t, 100), 7);
	memset(&t, 0, sizeof(t));
	for (unsigned int i = 100; i >= 1; i--)
		pdp_times_add(&t, i);
	assert_int_equal(t.count, 100);
	assert_int_equal(t.last_us, 1);
	assert_int_equal(t.max_us, 100);
	assert_int_equal(pdp_times_percentile(&t, 50), 50);
	assert_int_equal(pdp_times_percentile(&t, 99), 99);
	/* Only the last ones are kept; the most ever is not forgotten. */
	for (unsigned int i = 0; i < PDP_TIMES_KEPT; i++)
		pdp_times_add(&t, 5);
	assert_int_equal(pdp_times_percentile(&t, 99), 5);
	assert_int_equal(t.max_us, 100);
	pdp_times_add(&t, UINT64_MAX);
	assert_int_equal(t.last_us, UINT32_MAX);
}

static void test_names(void **state)
{
	for (int i = 0; i < PDP_ENGINES_N_TIMES; i++)
		assert_non_null(pdp_engines_time_name((enum pdp_engines_time)i));
	for (int i = PDP_ENGINE_NONE; i <= PDP_ENGINE_WAITING; i++)
		assert_non_null(pdp_engine_state_name((enum pdp_engine_state)i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_number), cmocka_unit_test(test_stays),
		cmocka_unit_test(test_moves),	  cmocka_unit_test(test_all_placed),
		cmocka_unit_test(test_times),	  cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
