/* SPDX-License-Identifier: BSD-3-Clause */
/* The open-loop clock of net_loadgen, in made-up time: due times, overflow, steps, Poisson
 * arrivals, all exact or in bounds. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loadgen_args.h"
#include "loadgen_clock.h"

#define HZ 1e9

static struct lg_clock clk;
static struct lg_profile *prof;

static void begin(uint32_t capacity, bool poisson, const char *profile, enum lg_profile_end end,
		  uint64_t now)
{
	struct lg_err err;

	assert_int_equal(lg_clock_init(&clk, capacity, HZ, poisson, 42), 0);
	prof = lg_profile_parse(profile, end, &err);
	assert_non_null(prof);
	lg_clock_follow(&clk, prof, 1.0, now);
}

static void end(void)
{
	lg_clock_fini(&clk);
	free(prof);
}

static void due_times_are_even(void **state)
{
	uint64_t due[64];

	begin(1024, false, "3000000:1000", LG_END_HOLD, 5000); /* every 333.3 ns */
	lg_clock_advance(&clk, 5000 + 332);
	assert_int_equal(clk.waiting, 0);
	lg_clock_advance(&clk, 5000 + 10000);
	assert_int_equal(clk.waiting, 30);
	lg_clock_take(&clk, due, 7);
	lg_clock_take(&clk, due + 7, 23);
	for (uint64_t k = 0; k < 30; k++) /* packet k at the end of its period */
		assert_in_range(due[k], 5000 + (k + 1) * 1000 / 3 - 1, 5000 + (k + 1) * 1000 / 3);
	assert_int_equal(clk.waiting, 0);
	end();
}

static void no_drift_in_a_day(void **state)
{
	uint64_t due[1], day = 86400ull * 1000000000;

	begin(1024, false, "14880952:1", LG_END_HOLD,
	      0); /* 10GbE line rate: no whole number of cycles */
	lg_clock_advance(&clk, day);
	assert_int_equal(clk.waiting, 1024);
	assert_int_equal(clk.missed + clk.waiting, 14880952ull * 86400);
	lg_clock_take(&clk, due, 1);
	/* Empty the queue; the packets that come now are due now, not hours off. */
	for (int i = 0; i < 1023; i++)
		lg_clock_take(&clk, due, 1);
	lg_clock_advance(&clk, day + 1000);
	assert_in_range(clk.waiting, 14, 15);
	lg_clock_take(&clk, due, 1);
	assert_in_range(due[0], day - 500, day + 68); /* half a microsecond a day */
	end();
}

static void slow_rates(void **state)
{
	uint64_t due[2];

	begin(4, false, "0.1:100", LG_END_HOLD, 0);
	lg_clock_advance(&clk, 9999999990);
	assert_int_equal(clk.waiting, 0);
	lg_clock_advance(&clk, 20000000000);
	assert_int_equal(clk.waiting, 2);
	lg_clock_take(&clk, due, 2);
	assert_in_range(due[0], 9999999999, 10000000000);
	assert_in_range(due[1], 19999999999, 20000000000);
	end();
}

static void overflow_is_counted_exactly(void **state)
{
	uint64_t due[100];

	begin(100, false, "1000000:1", LG_END_HOLD, 0); /* one each microsecond */
	lg_clock_advance(&clk, 250000);
	assert_int_equal(clk.waiting, 100); /* the oldest stay: 1..100 us */
	assert_int_equal(clk.missed, 150);
	lg_clock_take(&clk, due, 40);
	assert_in_range(due[0], 999, 1000);
	assert_in_range(due[39], 39999, 40000);
	lg_clock_advance(&clk, 300000); /* 50 more, room for 40 */
	assert_int_equal(clk.waiting, 100);
	assert_int_equal(clk.missed, 160);
	lg_clock_take(&clk, due, 100);
	assert_in_range(due[59], 99999, 100000);
	assert_in_range(due[60], 250999, 251000); /* the gap is where packets were lost */
	assert_in_range(due[99], 289999, 290000);
	end();
}

static void count_ends(void **state)
{
	uint64_t due[8];

	begin(8, false, "1000000:1", LG_END_HOLD, 0);
	clk.left = 10;
	lg_clock_advance(&clk, 5000);
	assert_int_equal(clk.waiting, 5);
	lg_clock_take(&clk, due, 5);
	lg_clock_advance(&clk, 1000000000);
	assert_int_equal(clk.waiting, 5);
	assert_int_equal(clk.left, 0);
	assert_int_equal(clk.missed, 0);
	lg_clock_advance(&clk, 2000000000);
	assert_int_equal(clk.waiting + clk.missed, 5);
	end();
}

static uint64_t arrived(void)
{
	return clk.waiting + clk.missed;
}

static void profile_steps(void **state)
{
	begin(1u << 20, false, "1000:0.1+0:0.1+5000:0.2", LG_END_LOOP, 1000);
	lg_clock_advance(&clk, 1000 + 50000000);
	assert_int_equal(arrived(), 50);
	lg_clock_advance(&clk, 1000 + 100000000);
	assert_int_equal(arrived(), 100);
	lg_clock_advance(&clk, 1000 + 199999999); /* the silent step */
	assert_int_equal(arrived(), 100);
	lg_clock_advance(&clk, 1000 + 300000000);
	assert_int_equal(arrived(), 600);
	lg_clock_advance(&clk, 1000 + 400000000);
	assert_int_equal(arrived(), 1100);
	lg_clock_advance(&clk, 1000 + 100 * 400000000ull); /* 100 rounds at once */
	assert_int_equal(arrived(), 110000);
	end();
}

static void profile_ends(void **state)
{
	begin(1u << 20, false, "1000:0.1+2000:0.1", LG_END_STOP, 0);
	assert_false(clk.ended);
	lg_clock_advance(&clk, 5000000000);
	assert_int_equal(arrived(), 300);
	assert_true(clk.ended);
	end();
	begin(1u << 20, false, "1000:0.1+2000:0.1", LG_END_HOLD, 0);
	lg_clock_advance(&clk, 1100000000);
	assert_int_equal(arrived(), 100 + 2000);
	end();
}

static void share_of_a_rate(void **state)
{
	begin(1u << 20, false, "1000000:1", LG_END_HOLD, 0);
	lg_clock_follow(&clk, prof, 0.25, 0);
	lg_clock_advance(&clk, 1000000000);
	assert_int_equal(arrived(), 250000);
	end();
}

static void pause_and_drop(void **state)
{
	begin(100, false, "1000000:1", LG_END_HOLD, 0);
	lg_clock_advance(&clk, 10000);
	lg_clock_pause(&clk, 20000);
	lg_clock_advance(&clk, 90000);
	assert_int_equal(clk.waiting, 20);
	lg_clock_drop(&clk);
	assert_int_equal(clk.waiting, 0);
	assert_int_equal(clk.missed, 20);
	lg_clock_follow(&clk, prof, 1, 100000);
	lg_clock_advance(&clk, 110000);
	assert_int_equal(clk.waiting, 10);
	end();
}

/* Gaps of a Poisson process: mean and standard deviation are the same; here 1000 cycles. */
static void poisson_gaps(void **state)
{
	double sum = 0, squares = 0, gap;
	uint64_t due[64], last = 0, n = 0;
	uint32_t k;

	begin(64, true, "1000000:1", LG_END_HOLD, 0);
	for (uint64_t now = 0; now < 200000000; now += 1000) {
		lg_clock_advance(&clk, now);
		k = clk.waiting;
		lg_clock_take(&clk, due, k);
		for (uint32_t i = 0; i < k; i++, n++) {
			assert_true(due[i] >= last && due[i] <= now);
			gap = (double)(due[i] - last);
			sum += gap;
			squares += gap * gap;
			last = due[i];
		}
	}
	assert_in_range(n, 197000, 203000);
	assert_in_range((uint64_t)(sum / (double)n), 985, 1015);
	assert_in_range((uint64_t)sqrt(squares / (double)n - sum / (double)n * sum / (double)n),
			970, 1030);
	assert_int_equal(clk.missed, 0);
	end();
}

/* A reader that comes too late: as many arrive, in one step of constant cost. */
static void poisson_overflow(void **state)
{
	begin(64, true, "1000000:1", LG_END_HOLD, 0);
	lg_clock_advance(&clk, 1000000000000ull); /* 1000 s, 10^9 packets */
	assert_int_equal(clk.waiting, 64);
	assert_in_range(arrived(), 999700000, 1000300000);
	lg_clock_drop(&clk);
	lg_clock_advance(&clk, 1000000000000ull + 30000); /* it goes on at once: 30 are expected */
	assert_in_range(clk.waiting, 8, 60);
	end();
	begin(64, true, "1000000:1", LG_END_HOLD, 0);
	clk.left = 500;
	lg_clock_advance(&clk, 1000000000000ull);
	assert_int_equal(arrived(), 500);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(due_times_are_even), cmocka_unit_test(no_drift_in_a_day),
		cmocka_unit_test(slow_rates),	      cmocka_unit_test(overflow_is_counted_exactly),
		cmocka_unit_test(count_ends),	      cmocka_unit_test(profile_steps),
		cmocka_unit_test(profile_ends),	      cmocka_unit_test(share_of_a_rate),
		cmocka_unit_test(pause_and_drop),     cmocka_unit_test(poisson_gaps),
		cmocka_unit_test(poisson_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
