/* SPDX-License-Identifier: BSD-3-Clause */
/* What is a hanging engine, and what only looks like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <hang.h>

#define MS	 UINT64_C(1000000)
#define LIMIT_MS 10

/* A life of one engine, looked at every 2 ms. */
static struct hang h;
static uint64_t now_ns, cpu_ns, others_ns; /* cpu_ns: of the loop's thread */
static uint32_t progress;

static void begin(void)
{
	h = (struct hang){0};
	now_ns = 1000 * MS;
	cpu_ns = 50 * MS;
	others_ns = 0;
	progress = 7;
}

static enum hang_how look(uint32_t unread, char state)
{
	enum hang_how how;

	now_ns += 2 * MS;
	if (!hang_suspect(&h, now_ns, progress, unread))
		return HANG_NO;
	how = hang_judge(&h, now_ns, cpu_ns + others_ns, LIMIT_MS * MS);
	if (how == HANG_SPINS)
		return hang_thread(&h, cpu_ns, LIMIT_MS * MS);
	return how == HANG_BLOCKED ? hang_state(state) : how;
}

/* @return milliseconds until it is found, 0: within a second it is not */
static unsigned int found(uint32_t unread, char state, uint64_t cpu_a_look_ns, enum hang_how how)
{
	const uint64_t since = now_ns;

	for (unsigned int i = 0; i < 500; i++) {
		enum hang_how got;

		cpu_ns += cpu_a_look_ns;
		got = look(unread, state);
		if (got == HANG_NO)
			continue;
		assert_int_equal(got, how);
		return (unsigned int)((now_ns - since) / MS);
	}
	return 0;
}

static void test_stopped(void **state)
{
	begin();
	assert_int_equal(look(5, 'R'), HANG_NO);
	assert_in_range(found(5, 'T', 0, HANG_STOPPED), LIMIT_MS, LIMIT_MS + 4);
	begin();
	assert_int_equal(look(5, 'R'), HANG_NO);
	assert_in_range(found(5, 't', 0, HANG_STOPPED), LIMIT_MS, LIMIT_MS + 4);
}

static void test_blocked(void **state)
{
	begin();
	assert_int_equal(look(5, 'R'), HANG_NO);
	assert_in_range(found(5, 'S', 0, HANG_BLOCKED), LIMIT_MS, LIMIT_MS + 4);
	begin();
	look(5, 'R');
	assert_in_range(found(1, 'D', 0, HANG_BLOCKED), LIMIT_MS, LIMIT_MS + 4);
}

static void test_spins(void **state)
{
	begin();
	look(5, 'R');
	assert_in_range(found(5, 'R', 2 * MS, HANG_SPINS), LIMIT_MS, LIMIT_MS + 4);
	/* Held to 20 % of a CPU it takes five times as long. */
	begin();
	look(5, 'R');
	assert_in_range(found(5, 'R', 2 * MS / 5, HANG_SPINS), 5 * LIMIT_MS, 5 * LIMIT_MS + 4);
}

/* What other threads of its process burn is not the loop's; nor does it hide that. */
static void test_other_threads(void **state)
{
	begin();
	look(5, 'R');
	for (unsigned int i = 0; i < 100; i++) {
		others_ns += 2 * MS;
		assert_int_equal(look(5, 'R'), HANG_NO);
	}
	begin();
	others_ns = 1000 * MS;
	look(5, 'R');
	assert_in_range(found(5, 'R', 2 * MS, HANG_SPINS), 2 * LIMIT_MS, 2 * LIMIT_MS + 4);
}

/* Ready to run, and never let. */
static void test_starved(void **state)
{
	begin();
	look(5, 'R');
	assert_int_equal(found(5, 'R', 0, HANG_NO), 0);
}

/* What it holds it has read. */
static void test_nothing_unread(void **state)
{
	begin();
	assert_int_equal(found(0, 'S', 0, HANG_NO), 0);
	assert_int_equal(found(0, 'R', 2 * MS, HANG_NO), 0);
	assert_int_equal(found(0, 'T', 0, HANG_NO), 0);
	/* Only from the first unread packet on. */
	assert_in_range(found(1, 'T', 0, HANG_STOPPED), LIMIT_MS, LIMIT_MS + 4);
}

static void test_gets_on(void **state)
{
	begin();
	for (unsigned int i = 0; i < 500; i++) {
		progress += i % 4 == 0;
		cpu_ns += 2 * MS;
		assert_int_equal(look(5, "RSTD"[i % 4]), HANG_NO);
	}
}

/* It sleeps a little again and again within one burst, and has the CPU in between. */
static void test_short_sleeps(void **state)
{
	begin();
	look(5, 'R');
	for (unsigned int i = 0; i < 100; i++) {
		cpu_ns += MS / 50;
		assert_int_equal(look(5, i % 3 == 0 ? 'R' : 'S'), HANG_NO);
	}
}

/* The control thread had no CPU for a long while: one look more decides. */
static void test_late_look(void **state)
{
	begin();
	look(5, 'R');
	assert_int_equal(look(5, 'S'), HANG_NO);
	now_ns += 500 * MS;
	assert_int_equal(look(5, 'S'), HANG_NO);
	progress++;
	assert_int_equal(look(5, 'S'), HANG_NO);
	assert_int_equal(look(5, 'S'), HANG_NO);
	now_ns += 500 * MS;
	assert_int_equal(look(5, 'S'), HANG_NO);
	assert_int_equal(look(5, 'S'), HANG_BLOCKED);
}

/* The process is gone, or there is no such file. */
static void test_unknown_state(void **state)
{
	begin();
	look(5, 'R');
	assert_int_equal(found(5, '?', 0, HANG_NO), 0);
	assert_int_equal(found(5, 'Z', 0, HANG_NO), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stopped),	      cmocka_unit_test(test_blocked),
		cmocka_unit_test(test_spins),	      cmocka_unit_test(test_starved),
		cmocka_unit_test(test_other_threads), cmocka_unit_test(test_nothing_unread),
		cmocka_unit_test(test_gets_on),	      cmocka_unit_test(test_short_sleeps),
		cmocka_unit_test(test_late_look),     cmocka_unit_test(test_unknown_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
