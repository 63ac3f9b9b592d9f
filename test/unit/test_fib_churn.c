/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random routes of all lengths come, change and go; every address asked for has to lead where a
 * plain search of the list leads. Built for plain C and for the CPU at hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "fibkit.h"

enum { N_NEXTHOPS = 200 };

struct churn {
	struct pdp_fib *fib;
	struct pdp_fib_reader r;
	struct kit_ref ref;
	struct kit_rng rng;
};

static struct churn c;

static int setup(void **state)
{
	const struct pdp_fib_params params = {.name = "churn"};
	const struct pdp_fib_nexthop nh = {.type = PDP_FIB_FORWARD};
	char err[200];

	memset(&c, 0, sizeof(c));
	c.rng.state = 0x9e3779b97f4a7c15;
	c.fib = pdp_fib_create(&params);
	assert_non_null(c.fib);
	for (int i = 1; i <= N_NEXTHOPS; i++)
		assert_int_equal(pdp_fib_nexthop_new(c.fib, &nh, (uint64_t)i), i);
	pdp_fib_reader_add(c.fib, 0);
	assert_int_equal(
		pdp_fib_attach(&c.r, pdp_fib_fd(c.fib), pdp_fib_qs_fd(c.fib), 0, err, sizeof(err)),
		0);
	pdp_fib_online(&c.r);
	return 0;
}

static int teardown(void **state)
{
	pdp_fib_detach(&c.r);
	pdp_fib_destroy(c.fib);
	return 0;
}

/* Few values a byte, so that prefixes lie in each other. */
static void draw_address(uint8_t *out)
{
	static const uint8_t bytes[] = {0, 1, 10, 127, 128, 254, 255};

	memset(out, 0, 16);
	for (unsigned int i = 0; i < 16; i++)
		out[i] = bytes[kit_draw(&c.rng, i < 2 ? 3 : sizeof(bytes))];
}

static struct pdp_fib_prefix draw_prefix(unsigned int family)
{
	struct pdp_fib_prefix p = {.family = (uint8_t)family};

	p.len = (uint8_t)kit_draw(&c.rng, family == 4 ? 33 : 129);
	draw_address(p.bytes);
	kit_cut(&p);
	return p;
}

static void check_address(unsigned int family, const uint8_t *address)
{
	const uint16_t want = kit_ref_lookup(&c.ref, family, address);
	const unsigned int n = 1 + kit_draw(&c.rng, PDP_FIB_BULK);

	assert_int_equal(kit_lookup_bulk(&c.r, family, address, n), want);
}

static void check_around(const struct pdp_fib_prefix *p)
{
	uint8_t address[16];

	for (unsigned int which = 0; which < 4; which++) {
		kit_edge(p, which, address);
		check_address(p->family, address);
	}
}

static void check_everything(unsigned int family)
{
	uint8_t address[16];
	struct pdp_fib_prefix p;

	for (unsigned int i = 0; i < c.ref.n; i++)
		check_around(&c.ref.routes[i].prefix);
	for (unsigned int i = 0; i < 2000; i++) {
		draw_address(address);
		if (family == 4)
			memset(address + 4, 0, 12);
		check_address(family, address);
		p = draw_prefix(family);
		check_around(&p);
	}
}

static void change_one(unsigned int family, unsigned int most)
{
	struct pdp_fib_prefix p = draw_prefix(family);
	const bool known = c.ref.n > 0 && (c.ref.n >= most || kit_draw(&c.rng, 2));

	if (known)
		p = c.ref.routes[kit_draw(&c.rng, c.ref.n)].prefix;
	if (known && kit_draw(&c.rng, 3) > 0) {
		assert_int_equal(pdp_fib_del(c.fib, &p), 0);
		kit_ref_del(&c.ref, &p);
	} else {
		const uint16_t nexthop = (uint16_t)(1 + kit_draw(&c.rng, N_NEXTHOPS));

		assert_int_equal(pdp_fib_add(c.fib, &p, nexthop), 0);
		kit_ref_set(&c.ref, &p, nexthop, true);
	}
	check_around(&p);
	if (kit_draw(&c.rng, 4) == 0)
		pdp_fib_quiescent(&c.r);
}

/* An empty table again: no ply is lost. */
static void withdraw_all(void)
{
	struct pdp_fib_stats s;

	while (c.ref.n > 0) {
		const struct pdp_fib_prefix p = c.ref.routes[0].prefix;

		assert_int_equal(pdp_fib_del(c.fib, &p), 0);
		kit_ref_del(&c.ref, &p);
	}
	pdp_fib_stats(c.fib, &s);
	assert_int_equal(s.routes4 + s.routes6 + s.plies4 + s.plies6, 0);
	assert_int_equal(s.digest, 0);
	assert_int_equal(s.not_installed, 0);
	assert_int_equal(s.numbers, N_NEXTHOPS);
}

static void churn(unsigned int family, unsigned int n_changes)
{
	for (unsigned int i = 0; i < n_changes; i++)
		change_one(family, 400);
	check_everything(family);
	withdraw_all();
	check_everything(family);
}

static void test_churn4(void **state)
{
	churn(4, 6000);
}

static void test_churn6(void **state)
{
	churn(6, 6000);
}

/* Prefixes that take more plies than the first table has. */
static void grow(unsigned int family)
{
	struct pdp_fib_change changes[64];
	struct pdp_fib_stats s;

	for (unsigned int i = 0; i < 6400; i++) {
		struct pdp_fib_change *change = &changes[i % 64];

		memset(change, 0, sizeof(*change));
		change->prefix = (struct pdp_fib_prefix){.family = (uint8_t)family,
							 .len = family == 4 ? 24 : 48};
		change->prefix.bytes[0] = (uint8_t)(32 + i / 256);
		change->prefix.bytes[1] = (uint8_t)i;
		change->prefix.bytes[2] = (uint8_t)(i * 7);
		change->nexthop = (uint16_t)(1 + i % N_NEXTHOPS);
		if (i % 64 == 63)
			assert_int_equal(pdp_fib_apply(c.fib, changes, 64), 0);
	}
	pdp_fib_stats(c.fib, &s);
	assert_true(family == 4 ? s.wide4 : s.wide6);
	for (unsigned int i = 0; i < 6400; i++) {
		const uint8_t address[16] = {(uint8_t)(32 + i / 256), (uint8_t)i, (uint8_t)(i * 7)};

		assert_int_equal(kit_lookup(&c.r, family, address), 1 + i % N_NEXTHOPS);
	}
}

static void shrink(unsigned int family)
{
	for (unsigned int i = 0; i < 6400; i++) {
		struct pdp_fib_prefix p = {.family = (uint8_t)family, .len = family == 4 ? 24 : 48};

		p.bytes[0] = (uint8_t)(32 + i / 256);
		p.bytes[1] = (uint8_t)i;
		p.bytes[2] = (uint8_t)(i * 7);
		assert_int_equal(pdp_fib_del(c.fib, &p), 0);
	}
}

/* What was there before growing is there afterwards, and goes on changing. */
static void churn_wide(unsigned int family)
{
	for (unsigned int i = 0; i < 2000; i++)
		change_one(family, 400);
	grow(family);
	shrink(family);
	check_everything(family);
	for (unsigned int i = 0; i < 2000; i++)
		change_one(family, 400);
	check_everything(family);
	withdraw_all();
}

static void test_churn_wide4(void **state)
{
	churn_wide(4);
}

static void test_churn_wide6(void **state)
{
	churn_wide(6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_churn4),
		TEST(test_churn6),
		TEST(test_churn_wide4),
		TEST(test_churn_wide6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
