/* SPDX-License-Identifier: BSD-3-Clause */
/* A FIB with notes: they go with their prefixes through growth and removal; held prefixes are in
 * the store and in no table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "fibkit.h"

enum { N_PREFIXES = 20000 };

struct fix {
	struct pdp_fib *fib;
	struct pdp_fib_reader r;
	uint16_t nexthop;
};

static int setup(void **state)
{
	static const struct pdp_fib_params params = {.name = "test", .notes = true};
	static const struct pdp_fib_nexthop nh = {.type = PDP_FIB_FORWARD, .vif = 1};
	static struct fix f;
	char err[200];

	f.fib = pdp_fib_create(&params);
	assert_non_null(f.fib);
	assert_int_equal(pdp_fib_attach(&f.r, pdp_fib_fd(f.fib), -1, 0, err, sizeof(err)), 0);
	pdp_fib_online(&f.r);
	f.nexthop = (uint16_t)pdp_fib_nexthop_new(f.fib, &nh, 7);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	pdp_fib_detach(&f->r);
	pdp_fib_destroy(f->fib);
	return 0;
}

static struct pdp_fib_stats stats_of(const struct pdp_fib *fib)
{
	struct pdp_fib_stats s;

	pdp_fib_stats(fib, &s);
	return s;
}

static struct pdp_fib_prefix nth(unsigned int family, uint32_t i)
{
	struct pdp_fib_prefix p = {.family = (uint8_t)family, .len = 24};

	p.bytes[0] = (uint8_t)(i >> 16);
	p.bytes[1] = (uint8_t)(i >> 8);
	p.bytes[2] = (uint8_t)i;
	return p;
}

static void test_notes_stay_with_their_prefixes(void **state)
{
	struct fix *f = *state;
	const unsigned int families[] = {4, 6};

	for (unsigned int k = 0; k < 2; k++) {
		for (uint32_t i = 0; i < N_PREFIXES; i++) {
			const struct pdp_fib_prefix p = nth(families[k], i * 7);

			pdp_fib_prefetch(f->fib, &p);
			assert_int_equal(
				pdp_fib_put(f->fib, &p, i % 3 != 0 ? f->nexthop : 0, i + 1), 0);
		}
		for (uint32_t i = 0; i < N_PREFIXES; i += 2) {
			const struct pdp_fib_prefix p = nth(families[k], i * 7);

			assert_int_equal(pdp_fib_put(f->fib, &p, 0, 0), 0);
		}
		for (uint32_t i = 0; i < N_PREFIXES; i++) {
			const struct pdp_fib_prefix p = nth(families[k], i * 7);
			const uint32_t *note = pdp_fib_note(f->fib, &p);

			if (i % 2 == 0) {
				assert_null(note);
				continue;
			}
			assert_non_null(note);
			assert_int_equal(*note, i + 1);
			assert_int_equal(kit_lookup(&f->r, families[k], p.bytes),
					 i % 3 != 0 ? f->nexthop : 0);
		}
	}
}

static void test_held_is_in_no_table(void **state)
{
	struct fix *f = *state;
	const struct pdp_fib_prefix wide = kit_prefix("10.0.0.0/8"),
				    narrow = kit_prefix("10.1.0.0/16");
	struct pdp_fib_route route;
	uint64_t digest;

	assert_int_equal(pdp_fib_put(f->fib, &wide, f->nexthop, 1), 0);
	digest = stats_of(f->fib).digest;
	assert_int_equal(pdp_fib_put(f->fib, &narrow, 0, 2), 0);
	assert_int_equal(pdp_fib_put(f->fib, &narrow, 0, 3), 0);
	assert_int_equal(kit_lookup(&f->r, 4, narrow.bytes), f->nexthop);
	assert_int_equal(stats_of(f->fib).held, 1);
	assert_int_equal(stats_of(f->fib).not_installed, 0);
	assert_int_equal(stats_of(f->fib).digest, digest);
	assert_int_equal(pdp_fib_retry(f->fib), 0);
	assert_int_equal(pdp_fib_get(f->fib, &narrow, &route), 0);
	assert_false(route.installed);
	assert_int_equal(route.nexthop, 0);
	assert_int_equal(route.note, 3);

	/* Held, installed, held, gone. */
	assert_int_equal(pdp_fib_put(f->fib, &narrow, f->nexthop, 4), 0);
	assert_int_equal(stats_of(f->fib).held, 0);
	assert_int_equal(pdp_fib_put(f->fib, &wide, 0, 0), 0);
	assert_int_equal(kit_lookup(&f->r, 4, narrow.bytes), f->nexthop);
	assert_int_equal(pdp_fib_number_free(f->fib, f->nexthop), -EBUSY);
	assert_int_equal(pdp_fib_put(f->fib, &narrow, 0, 5), 0);
	assert_int_equal(kit_lookup(&f->r, 4, narrow.bytes), 0);
	assert_int_equal(stats_of(f->fib).digest, 0);
	assert_int_equal(pdp_fib_put(f->fib, &narrow, 0, 0), 0);
	assert_int_equal(pdp_fib_put(f->fib, &narrow, 0, 0), -ENOENT);
	assert_int_equal(stats_of(f->fib).held, 0);
	assert_int_equal(stats_of(f->fib).routes4, 0);
	assert_int_equal(pdp_fib_number_free(f->fib, f->nexthop), 0);
}

static void test_batch_is_one_version(void **state)
{
	struct fix *f = *state;
	const struct pdp_fib_prefix p = kit_prefix("10.0.0.0/8"), q = kit_prefix("2001:db8::/32");
	const uint64_t before = pdp_fib_version(&f->r, NULL);
	uint64_t digest;

	assert_int_equal(pdp_fib_put(f->fib, &p, f->nexthop, 1), 0);
	assert_int_equal(pdp_fib_put(f->fib, &q, f->nexthop, 1), 0);
	assert_int_equal(pdp_fib_version(&f->r, NULL), before);
	pdp_fib_publish(f->fib);
	assert_int_equal(pdp_fib_version(&f->r, &digest), before + 1);
	assert_int_equal(digest, pdp_fib_route_digest(&p, 7) + pdp_fib_route_digest(&q, 7));
}

static void test_only_with_notes(void **state)
{
	static const struct pdp_fib_params params = {.name = "plain"};
	const struct pdp_fib_prefix p = kit_prefix("10.0.0.0/8");
	struct pdp_fib *fib = pdp_fib_create(&params);

	(void)state;
	assert_non_null(fib);
	assert_int_equal(pdp_fib_put(fib, &p, 0, 1), -EINVAL);
	pdp_fib_destroy(fib);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_notes_stay_with_their_prefixes),
		TEST(test_held_is_in_no_table),
		TEST(test_batch_is_one_version),
		cmocka_unit_test(test_only_with_notes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
