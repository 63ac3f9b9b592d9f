/* SPDX-License-Identifier: BSD-3-Clause */
/* The line behind a sink, with made-up time: what it takes, when frames leave, for long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loadgen_line.h"

#define HZ 2700000000.0

static struct lg_line line;

static void begin(uint32_t capacity, double rate, bool by_bits, double share)
{
	assert_int_equal(lg_line_init(&line, capacity), 0);
	lg_line_set_rate(&line, rate, by_bits, share, HZ);
}

static int end(void **state)
{
	lg_line_fini(&line);
	return 0;
}

/* As many as it takes. */
static uint32_t fill(uint64_t now, uint32_t len)
{
	uint32_t n = lg_line_room(&line, now);

	for (uint32_t i = 0; i < n; i++)
		lg_line_put(&line, now, len);
	return n;
}

static void takes_a_queue_then_the_rate(void **state)
{
	uint64_t now = 1000;

	begin(100, 1e6, false, 1); /* a packet every 2700 cycles */
	assert_int_equal(fill(now, 60), 100);
	assert_int_equal(fill(now, 60), 0);
	assert_int_equal(fill(now + 2699, 60), 0);
	assert_int_equal(fill(now + 2700, 60), 1);
	assert_int_equal(fill(now + 10 * 2700, 60), 9);
	/* Idle for long: nothing is saved up but the empty queue. */
	now += 1000000000;
	assert_int_equal(fill(now, 60), 100);
	assert_int_equal(fill(now + 5 * 2700, 60), 5);
}

static void leaves_one_after_the_other(void **state)
{
	begin(10, 1e6, false, 0.5);
	assert_int_equal(lg_line_put(&line, 100, 60), 100 + 5400);
	assert_int_equal(lg_line_put(&line, 100, 1514), 100 + 2 * 5400);
	assert_int_equal(lg_line_put(&line, 90000, 60), 90000 + 5400);
}

/* 10 Gbit/s: 14.88 million frames of 60 bytes and FCS, 812,744 of 1514. */
static void bits_are_those_on_the_wire(void **state)
{
	static const struct {
		uint32_t len;
		uint64_t pps;
	} cases[] = {{60, 14880952}, {1514, 812744}, {9014, 138305}};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t n = 0;

		begin(64, 10e9, true, 1);
		for (uint64_t now = 0; now < (uint64_t)HZ; now += 5000)
			n += fill(now, cases[i].len);
		assert_in_range(n, cases[i].pps + 64 - 2 - cases[i].pps / 100000,
				cases[i].pps + 64 + cases[i].pps / 100000);
		end(state);
	}
}

/* Fractions of a cycle add up to what they are: a packet takes 810.000081 cycles. */
static void keeps_its_rate(void **state)
{
	uint64_t n = 0, t;

	begin(4096, 3333333, false, 1);
	for (t = 0; t <= (uint64_t)HZ * 100; t += 2700000)
		n += fill(t, 60);
	assert_in_range(n, 4096 + 333333300 - 1, 4096 + 333333300 + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(takes_a_queue_then_the_rate, end),
		cmocka_unit_test_teardown(leaves_one_after_the_other, end),
		cmocka_unit_test(bits_are_those_on_the_wire),
		cmocka_unit_test_teardown(keeps_its_rate, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
