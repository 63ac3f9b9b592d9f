/* SPDX-License-Identifier: BSD-3-Clause */
/* The FIB's calls one by one: numbers, groups, routes, what is refused, what runs out and comes
 * back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fibkit.h"

struct fix {
	struct pdp_fib *fib;
	struct pdp_fib_reader r;
};

static void open_fib(struct fix *f, size_t max_bytes)
{
	const struct pdp_fib_params params = {.name = "test", .max_bytes = max_bytes};
	char err[200] = "";

	f->fib = pdp_fib_create(&params);
	assert_non_null(f->fib);
	pdp_fib_reader_add(f->fib, 3);
	assert_int_equal(pdp_fib_attach(&f->r, pdp_fib_fd(f->fib), pdp_fib_qs_fd(f->fib), 3, err,
					sizeof(err)),
			 0);
	assert_string_equal(err, "");
	pdp_fib_online(&f->r);
}

static int setup(void **state)
{
	static struct fix f;

	open_fib(&f, 0);
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

static uint16_t new_nexthop(struct pdp_fib *fib, uint8_t vif)
{
	const struct pdp_fib_nexthop nh = {
		.type = PDP_FIB_FORWARD, .vif = vif, .mac = {2, 0, 0, 0, 0, vif}};
	const int number = pdp_fib_nexthop_new(fib, &nh, vif);

	assert_in_range(number, 1, PDP_FIB_NUMBERS - 1);
	return (uint16_t)number;
}

static int add(struct pdp_fib *fib, const char *text, uint16_t nexthop)
{
	const struct pdp_fib_prefix p = kit_prefix(text);

	return pdp_fib_add(fib, &p, nexthop);
}

static int del(struct pdp_fib *fib, const char *text)
{
	const struct pdp_fib_prefix p = kit_prefix(text);

	return pdp_fib_del(fib, &p);
}

static uint16_t look(const struct fix *f, const char *address)
{
	char text[64];
	struct pdp_fib_prefix p;

	snprintf(text, sizeof(text), "%s/0", address);
	p = kit_prefix(text);
	return kit_lookup(&f->r, p.family, p.bytes);
}

static struct pdp_fib_stats stats_of(const struct pdp_fib *fib)
{
	struct pdp_fib_stats s;

	pdp_fib_stats(fib, &s);
	return s;
}

static void test_empty(void **state)
{
	struct fix *f = *state;
	const struct pdp_fib_nexthop nh = pdp_fib_resolve(&f->r, look(f, "1.2.3.4"), 0);

	assert_int_equal(look(f, "1.2.3.4"), 0);
	assert_int_equal(look(f, "2001::1"), 0);
	assert_int_equal(nh.type, PDP_FIB_NONE);
	assert_int_equal(pdp_fib_version(&f->r, NULL), 0);
	pdp_fib_lookup4(&f->r, &(uint32_t){0}, &(uint16_t){0}, 0);
	pdp_fib_lookup6(&f->r, &(uint8_t[16]){0}, &(uint16_t){0}, 0);
}

static void test_default_route(void **state)
{
	struct fix *f = *state;
	const uint16_t a = new_nexthop(f->fib, 1), b = new_nexthop(f->fib, 2);

	assert_int_equal(add(f->fib, "0.0.0.0/0", a), 0);
	assert_int_equal(add(f->fib, "::/0", b), 0);
	assert_int_equal(look(f, "1.2.3.4"), a);
	assert_int_equal(look(f, "2001::1"), b);
	assert_int_equal(add(f->fib, "10.0.0.0/8", b), 0);
	assert_int_equal(look(f, "10.2.3.4"), b);
	assert_int_equal(add(f->fib, "0.0.0.0/0", b), 0);
	assert_int_equal(look(f, "1.2.3.4"), b);
	assert_int_equal(del(f->fib, "10.0.0.0/8"), 0);
	assert_int_equal(del(f->fib, "0.0.0.0/0"), 0);
	assert_int_equal(look(f, "10.2.3.4"), 0);
	assert_int_equal(look(f, "2001::1"), b);
	assert_int_equal(del(f->fib, "::/0"), 0);
	assert_int_equal(look(f, "2001::1"), 0);
}

static void test_nexthop_is_replaced_at_once(void **state)
{
	struct fix *f = *state;
	const uint16_t a = new_nexthop(f->fib, 7);
	struct pdp_fib_nexthop nh = pdp_fib_resolve(&f->r, a, 0);

	assert_int_equal(nh.vif, 7);
	assert_int_equal(nh.mac[5], 7);
	nh.type = PDP_FIB_UNRESOLVED;
	assert_int_equal(pdp_fib_nexthop_set(f->fib, a, &nh), 0);
	assert_int_equal(pdp_fib_resolve(&f->r, a, 0).type, PDP_FIB_UNRESOLVED);
	nh.type = PDP_FIB_GROUP;
	assert_int_equal(pdp_fib_nexthop_set(f->fib, a, &nh), -EINVAL);
	assert_int_equal(pdp_fib_nexthop_new(f->fib, &nh, 0), -EINVAL);
	nh.type = PDP_FIB_TYPES;
	assert_int_equal(pdp_fib_nexthop_set(f->fib, a, &nh), -EINVAL);
	nh.type = PDP_FIB_LOCAL;
	assert_int_equal(pdp_fib_nexthop_set(f->fib, a + 1, &nh), -EINVAL);
	assert_int_equal(pdp_fib_nexthop_set(f->fib, 0, &nh), -EINVAL);
}

static void test_numbers_in_use_stay(void **state)
{
	struct fix *f = *state;
	const uint16_t a = new_nexthop(f->fib, 1), b = new_nexthop(f->fib, 2);
	const struct pdp_fib_member members[] = {{b, 1}};
	const int group = pdp_fib_group_new(f->fib, members, 1, 0);

	assert_true(group > 0);
	assert_int_equal(add(f->fib, "10.0.0.0/8", a), 0);
	assert_int_equal(pdp_fib_number_free(f->fib, a), -EBUSY);
	assert_int_equal(pdp_fib_number_free(f->fib, b), -EBUSY);
	assert_int_equal(add(f->fib, "10.0.0.0/8", (uint16_t)group), 0);
	assert_int_equal(pdp_fib_number_free(f->fib, (uint16_t)group), -EBUSY);
	assert_int_equal(pdp_fib_number_free(f->fib, a), 0);
	assert_int_equal(pdp_fib_number_free(f->fib, a), -EINVAL);
	assert_int_equal(pdp_fib_number_free(f->fib, 0), -EINVAL);
	assert_int_equal(pdp_fib_number_free(f->fib, 0xffff), -EINVAL);
	assert_int_equal(del(f->fib, "10.0.0.0/8"), 0);
	assert_int_equal(pdp_fib_number_free(f->fib, (uint16_t)group), 0);
	assert_int_equal(pdp_fib_number_free(f->fib, b), 0);
	assert_int_equal(stats_of(f->fib).numbers, 0);
}

/* Hashes of flows, which have no order: numbers in a row would be spread well or badly by chance of
 * the seed. */
static uint32_t hash_of(uint32_t flow)
{
	flow = (flow ^ flow >> 16) * 0x85ebca6bu;
	flow = (flow ^ flow >> 13) * 0xc2b2ae35u;
	return (flow ^ flow >> 16) & 0xffffff;
}

/* How many of 4096 flows each vif gets. */
static void spread(const struct fix *f, uint16_t group, unsigned int *n_of, uint8_t *vifs)
{
	memset(n_of, 0, 256 * sizeof(*n_of));
	for (uint32_t flow = 0; flow < 4096; flow++) {
		vifs[flow] = pdp_fib_resolve(&f->r, group, hash_of(flow)).vif;
		n_of[vifs[flow]]++;
	}
}

static void test_group_weights(void **state)
{
	struct fix *f = *state;
	const uint16_t a = new_nexthop(f->fib, 1), b = new_nexthop(f->fib, 2),
		       c = new_nexthop(f->fib, 3);
	const struct pdp_fib_member members[] = {{a, 1}, {b, 2}, {c, 5}};
	const int group = pdp_fib_group_new(f->fib, members, 3, 0);
	uint8_t vifs[4096];
	unsigned int n_of[256];

	assert_true(group > 0);
	spread(f, (uint16_t)group, n_of, vifs);
	assert_in_range(n_of[1], 4096 / 8 * 7 / 10, 4096 / 8 * 13 / 10);
	assert_in_range(n_of[2], 4096 / 4 * 7 / 10, 4096 / 4 * 13 / 10);
	assert_int_equal(n_of[1] + n_of[2] + n_of[3], 4096);
}

static void test_dead_member_moves_only_its_flows(void **state)
{
	struct fix *f = *state;
	struct pdp_fib_member members[4];
	static uint8_t before[4096], after[4096];
	unsigned int n_of[256];
	struct pdp_fib_nexthop dead = {.type = PDP_FIB_DEAD};
	int group;

	for (uint8_t i = 0; i < 4; i++)
		members[i] = (struct pdp_fib_member){new_nexthop(f->fib, i), 1};
	group = pdp_fib_group_new(f->fib, members, 4, 0);
	spread(f, (uint16_t)group, n_of, before);
	assert_int_equal(pdp_fib_nexthop_set(f->fib, members[2].nexthop, &dead), 0);
	spread(f, (uint16_t)group, n_of, after);
	assert_int_equal(n_of[2], 0);
	for (unsigned int i = 0; i < 4; i++)
		assert_true(i == 2 || n_of[i] > 4096 / 5);
	for (unsigned int flow = 0; flow < 4096; flow++)
		assert_true(before[flow] == after[flow] || before[flow] == 2);
	/* The mirror takes it out of the group: still only its flows have moved. */
	members[2] = members[3];
	assert_int_equal(pdp_fib_group_set(f->fib, (uint16_t)group, members, 3), 0);
	spread(f, (uint16_t)group, n_of, after);
	for (unsigned int flow = 0; flow < 4096; flow++)
		assert_true(before[flow] == after[flow] || before[flow] == 2);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(pdp_fib_nexthop_set(f->fib, members[i].nexthop, &dead), 0);
	assert_int_equal(pdp_fib_resolve(&f->r, (uint16_t)group, 5).type, PDP_FIB_DEAD);
}

static void test_group_limits(void **state)
{
	struct fix *f = *state;
	static struct pdp_fib_member members[257];
	unsigned int n_of[256];
	uint8_t vifs[4096];
	int group;

	for (unsigned int i = 0; i < 257; i++)
		members[i] = (struct pdp_fib_member){new_nexthop(f->fib, (uint8_t)i), 1};
	assert_int_equal(pdp_fib_group_new(f->fib, members, 0, 0), -EINVAL);
	assert_int_equal(pdp_fib_group_new(f->fib, members, 257, 0), -EINVAL);
	members[0].weight = 65535;
	group = pdp_fib_group_new(f->fib, members, 256, 0);
	assert_true(group > 0);
	spread(f, (uint16_t)group, n_of, vifs);
	for (unsigned int i = 0; i < 256; i++)
		assert_true(n_of[i] > 0);
	members[1].nexthop = (uint16_t)group;
	assert_int_equal(pdp_fib_group_new(f->fib, members, 2, 0), -EINVAL);
	members[1] = (struct pdp_fib_member){members[2].nexthop, 0};
	assert_int_equal(pdp_fib_group_set(f->fib, (uint16_t)group, members, 2), -EINVAL);
	assert_int_equal(pdp_fib_group_set(f->fib, members[2].nexthop, members, 1), -EINVAL);
	/* The same member twice has both weights. */
	members[0] = members[1] = (struct pdp_fib_member){members[2].nexthop, 3};
	assert_int_equal(pdp_fib_group_set(f->fib, (uint16_t)group, members, 2), 0);
	spread(f, (uint16_t)group, n_of, vifs);
	assert_int_equal(n_of[2], 4096);
}

static void test_what_is_refused(void **state)
{
	struct fix *f = *state;
	const uint16_t a = new_nexthop(f->fib, 1);
	struct pdp_fib_prefix p = kit_prefix("10.0.0.0/8");
	struct pdp_fib_route route;

	assert_int_equal(pdp_fib_add(f->fib, &p, 0), -EINVAL);
	assert_int_equal(pdp_fib_add(f->fib, &p, a + 1), -EINVAL);
	assert_int_equal(pdp_fib_add(f->fib, &p, 0x8001), -EINVAL);
	assert_int_equal(add(f->fib, "10.0.0.1/31", a), -EINVAL);
	assert_int_equal(add(f->fib, "10.128.0.0/8", a), -EINVAL);
	p.len = 33;
	assert_int_equal(pdp_fib_add(f->fib, &p, a), -EINVAL);
	p.len = 8;
	p.bytes[15] = 1;
	assert_int_equal(pdp_fib_add(f->fib, &p, a), -EINVAL);
	p = kit_prefix("2001::/16");
	p.len = 129;
	assert_int_equal(pdp_fib_del(f->fib, &p), -EINVAL);
	assert_int_equal(pdp_fib_get(f->fib, &p, &route), -EINVAL);
	p.family = 5;
	assert_int_equal(pdp_fib_add(f->fib, &p, a), -EINVAL);
	assert_int_equal(del(f->fib, "10.0.0.0/8"), -ENOENT);
	assert_int_equal(stats_of(f->fib).routes4, 0);
}

static void test_get_and_match(void **state)
{
	struct fix *f = *state;
	const uint16_t a = new_nexthop(f->fib, 1), b = new_nexthop(f->fib, 2);
	struct pdp_fib_prefix p;
	struct pdp_fib_route route;

	assert_int_equal(add(f->fib, "10.0.0.0/8", a), 0);
	assert_int_equal(add(f->fib, "10.1.0.0/16", b), 0);
	assert_int_equal(add(f->fib, "2001:db8::/32", b), 0);
	p = kit_prefix("10.1.0.0/16");
	assert_int_equal(pdp_fib_get(f->fib, &p, &route), 0);
	assert_memory_equal(&route.prefix, &p, sizeof(p));
	assert_int_equal(route.nexthop, b);
	assert_true(route.installed);
	assert_int_equal(pdp_fib_match(f->fib, &p, 15, &route), 0);
	assert_int_equal(route.nexthop, a);
	assert_int_equal(pdp_fib_match(f->fib, &p, 7, &route), -ENOENT);
	assert_int_equal(pdp_fib_match(f->fib, &p, 17, &route), -EINVAL);
	p = kit_prefix("10.1.2.3/32");
	assert_int_equal(pdp_fib_get(f->fib, &p, &route), -ENOENT);
	assert_int_equal(pdp_fib_match(f->fib, &p, 32, &route), 0);
	assert_int_equal(route.prefix.len, 16);
	p = kit_prefix("2001:db8:1::1/128");
	assert_int_equal(pdp_fib_match(f->fib, &p, 128, &route), 0);
	assert_int_equal(route.prefix.len, 32);
	assert_int_equal(route.prefix.bytes[3], 0xb8);
}

static void test_digest(void **state)
{
	struct fix *f = *state;
	const uint16_t a = new_nexthop(f->fib, 1), b = new_nexthop(f->fib, 2);
	const struct pdp_fib_prefix p = kit_prefix("10.0.0.0/8"), q = kit_prefix("a::/16");
	const uint64_t sum = pdp_fib_route_digest(&p, 1) + pdp_fib_route_digest(&q, 2);
	uint64_t version, digest;

	assert_int_equal(pdp_fib_add(f->fib, &q, b), 0);
	assert_int_equal(pdp_fib_add(f->fib, &p, b), 0);
	assert_int_equal(pdp_fib_add(f->fib, &p, a), 0);
	version = pdp_fib_version(&f->r, &digest);
	assert_int_equal(version, 3);
	assert_int_equal(digest, sum);
	assert_int_equal(stats_of(f->fib).digest, sum);
	assert_int_equal(pdp_fib_del(f->fib, &p), 0);
	assert_int_equal(pdp_fib_del(f->fib, &q), 0);
	pdp_fib_version(&f->r, &digest);
	assert_int_equal(digest, 0);
}

static void test_batch(void **state)
{
	struct fix *f = *state;
	const uint16_t a = new_nexthop(f->fib, 1);
	struct pdp_fib_change c[40];

	for (unsigned int i = 0; i < 40; i++) {
		c[i] = (struct pdp_fib_change){
			{4, 24, {10, (uint8_t)(i % 20), 1}}, i < 20 ? a : 0, 99};
	}
	c[7].nexthop = 1000;
	c[39].prefix.bytes[1] = 200;
	assert_int_equal(pdp_fib_apply(f->fib, c, 40), 3);
	assert_int_equal(c[0].result, 0);
	assert_int_equal(c[7].result, -EINVAL);
	assert_int_equal(c[27].result, -ENOENT);
	assert_int_equal(c[39].result, -ENOENT);
	assert_int_equal(pdp_fib_version(&f->r, NULL), 1);
	assert_int_equal(stats_of(f->fib).routes4, 1);
	assert_int_equal(look(f, "10.19.1.1"), a);
}

struct count {
	unsigned int n;
	unsigned int stop_at;
	uint64_t digest;
};

static bool visit(void *arg, const struct pdp_fib_route *route)
{
	struct count *c = arg;

	c->digest += pdp_fib_route_digest(&route->prefix, 1);
	return ++c->n != c->stop_at;
}

static void test_walk(void **state)
{
	struct fix *f = *state;
	const uint16_t a = new_nexthop(f->fib, 1);
	struct count c = {0};
	char text[64];

	for (unsigned int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), i % 2 ? "10.%u.0.0/16" : "2001:%x::/32", i);
		assert_int_equal(add(f->fib, text, a), 0);
	}
	pdp_fib_walk(f->fib, 4, visit, &c);
	assert_int_equal(c.n, 50);
	pdp_fib_walk(f->fib, 6, visit, &c);
	assert_int_equal(c.n, 100);
	assert_int_equal(c.digest, stats_of(f->fib).digest);
	c = (struct count){.stop_at = 7};
	pdp_fib_walk(f->fib, 6, visit, &c);
	assert_int_equal(c.n, 7);
}

static void test_numbers_run_out_and_come_back(void **state)
{
	struct fix *f = *state;
	const struct pdp_fib_nexthop nh = {.type = PDP_FIB_LOCAL};
	int number = 0;

	for (unsigned int i = 1; i < PDP_FIB_NUMBERS; i++) {
		number = pdp_fib_nexthop_new(f->fib, &nh, i);
		assert_true(number > 0);
	}
	assert_int_equal(pdp_fib_nexthop_new(f->fib, &nh, 0), -ENOSPC);
	assert_int_equal(stats_of(f->fib).numbers, PDP_FIB_NUMBERS - 1);
	assert_int_equal(add(f->fib, "10.0.0.0/8", (uint16_t)number), 0);
	assert_int_equal(pdp_fib_number_free(f->fib, 77), 0);
	/* The reader may still hold it. */
	assert_int_equal(pdp_fib_nexthop_new(f->fib, &nh, 0), -ENOSPC);
	assert_int_equal(stats_of(f->fib).resting, 1);
	pdp_fib_quiescent(&f->r);
	assert_int_equal(pdp_fib_nexthop_new(f->fib, &nh, 0), 77);
	/* Asleep: not waited for. */
	pdp_fib_offline(&f->r);
	assert_int_equal(pdp_fib_number_free(f->fib, 78), 0);
	assert_int_equal(pdp_fib_nexthop_new(f->fib, &nh, 0), 78);
	/* Awake, and then dead. */
	pdp_fib_online(&f->r);
	assert_int_equal(pdp_fib_number_free(f->fib, 79), 0);
	assert_int_equal(pdp_fib_nexthop_new(f->fib, &nh, 0), -ENOSPC);
	pdp_fib_reader_remove(f->fib, 3);
	assert_int_equal(pdp_fib_nexthop_new(f->fib, &nh, 0), 79);
}

/* The ply that a reader may be about to read stays as it is until it has moved on. */
static void test_plies_rest(void **state)
{
	struct fix *f = *state;
	const uint16_t a = new_nexthop(f->fib, 1), b = new_nexthop(f->fib, 2);
	const uint16_t *entry = f->r.root4 + (10 << 8 | 1), *ply;

	assert_int_equal(add(f->fib, "10.0.0.0/8", a), 0);
	assert_int_equal(add(f->fib, "10.1.2.0/24", b), 0);
	assert_true(*entry & PDP_FIB_IS_PLY);
	ply = f->r.plies4 + (*entry & ~PDP_FIB_IS_PLY) * PDP_FIB_PLY;
	assert_int_equal(ply[2], b);
	assert_int_equal(del(f->fib, "10.1.2.0/24"), 0);
	assert_int_equal(*entry, a);
	assert_int_equal(stats_of(f->fib).resting, 1);
	assert_int_equal(add(f->fib, "10.3.2.0/24", b), 0);
	assert_int_equal(add(f->fib, "10.0.0.0/8", b), 0);
	assert_int_equal(ply[2], a);
	assert_int_equal(ply[7], a);
	pdp_fib_quiescent(&f->r);
	assert_int_equal(add(f->fib, "10.4.7.0/24", a), 0);
	assert_int_equal(ply[7], a);
	assert_int_equal(ply[2], b);
	assert_int_equal(f->r.root4[10 << 8 | 4],
			 PDP_FIB_IS_PLY | (uint32_t)(ply - f->r.plies4) / PDP_FIB_PLY);
	assert_int_equal(stats_of(f->fib).resting, 0);
}

static void test_small_one_is_small(void **state)
{
	struct fix *f = *state;
	const uint16_t a = new_nexthop(f->fib, 1);
	struct kit_rng rng = {12345};
	struct pdp_fib_stats before, after;
	struct stat st;
	char text[64];

	assert_int_equal(add(f->fib, "0.0.0.0/0", a), 0);
	assert_int_equal(add(f->fib, "::/0", a), 0);
	for (unsigned int i = 0; i < 9; i++) {
		snprintf(text, sizeof(text), "10.%u.1.0/24", i * 16);
		assert_int_equal(add(f->fib, text, a), 0);
		snprintf(text, sizeof(text), "2001:db8:%x::1/128", i);
		assert_int_equal(add(f->fib, text, a), 0);
	}
	before = stats_of(f->fib);
	for (unsigned int i = 0; i < 200000; i++) {
		uint8_t ip[16];

		for (unsigned int k = 0; k < 16; k += 4)
			memcpy(ip + k, &(uint32_t){kit_draw(&rng, UINT32_MAX)}, 4);
		assert_int_equal(kit_lookup(&f->r, 4, ip), a);
		assert_int_equal(kit_lookup(&f->r, 6, ip), a);
	}
	after = stats_of(f->fib);
	assert_int_equal(fstat(pdp_fib_fd(f->fib), &st), 0);
	assert_true((uint64_t)st.st_blocks * 512 <= after.shared_bytes);
	assert_int_equal(before.shared_bytes, after.shared_bytes);
	assert_true(after.shared_bytes <= 1000000);
	assert_true(after.private_bytes <= 1000000);
}

static void test_memory_runs_out(void **state)
{
	struct fix *f = *state;
	struct pdp_fib_stats s;
	struct pdp_fib_prefix p = kit_prefix("10.0.0.0/24");
	struct pdp_fib_route route;
	unsigned int n_bad = 0;
	uint16_t a, b;

	teardown(state);
	open_fib(f, 400 * 1024);
	a = new_nexthop(f->fib, 1);
	b = new_nexthop(f->fib, 2);
	assert_int_equal(add(f->fib, "10.0.0.0/8", a), 0);
	for (unsigned int i = 0; i < 1000; i++) {
		int rc;

		p.bytes[0] = (uint8_t)(10 + i / 256);
		p.bytes[1] = (uint8_t)i;
		rc = pdp_fib_add(f->fib, &p, b);
		assert_true(rc == 0 || rc == -ENOSPC);
		assert_int_equal(kit_lookup(&f->r, 4, p.bytes), rc == 0		   ? b
								: p.bytes[0] == 10 ? a
										   : 0);
		assert_int_equal(pdp_fib_get(f->fib, &p, &route), 0);
		assert_int_equal(route.installed, rc == 0);
		n_bad += rc != 0;
	}
	s = stats_of(f->fib);
	assert_true(n_bad > 100 && n_bad < 1000);
	assert_int_equal(s.not_installed, n_bad);
	assert_true(s.shared_bytes <= 400 * 1024 + 4096);
	assert_int_equal(pdp_fib_retry(f->fib), n_bad);
	/* Withdrawing what is installed makes room, once the reader has moved on. */
	assert_int_equal(del(f->fib, "10.0.0.0/24"), 0);
	assert_int_equal(del(f->fib, "10.1.0.0/24"), 0);
	assert_int_equal(pdp_fib_retry(f->fib), n_bad);
	pdp_fib_quiescent(&f->r);
	assert_int_equal(pdp_fib_retry(f->fib), n_bad - 2);
	/* What is not installed can be withdrawn and replaced too. */
	assert_int_equal(pdp_fib_del(f->fib, &p), 0);
	assert_int_equal(stats_of(f->fib).not_installed, n_bad - 3);
	assert_int_equal(pdp_fib_del(f->fib, &p), -ENOENT);
}

static void refused(int fd, int qs_fd, unsigned int index, int rc, const char *words)
{
	struct pdp_fib_reader r;
	char err[200] = "";

	assert_int_equal(pdp_fib_attach(&r, fd, qs_fd, index, err, sizeof(err)), rc);
	assert_non_null(strstr(err, words));
	assert_null(r.map);
}

static void test_attach_is_refused(void **state)
{
	struct fix *f = *state;
	struct pdp_fib_head *h;
	int fd = memfd_create("other", MFD_CLOEXEC);

	refused(fd, -1, 0, -EPROTO, "too few");
	assert_int_equal(ftruncate(fd, 8192), 0);
	refused(fd, -1, 0, -EPROTO, "not a PdP FIB");
	h = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(h != MAP_FAILED);
	memcpy(h, f->r.head, sizeof(*h));
	h->layout++;
	refused(fd, -1, 0, -EPROTO, "of one build");
	h->layout--;
	h->size += 64;
	refused(fd, -1, 0, -EPROTO, "of one build");
	h->size -= 64;
	h->map_size--;
	refused(fd, -1, 0, -EPROTO, "of one build");
	munmap(h, 8192);
	close(fd);
	refused(-1, -1, 0, -EBADF, "descriptor");
	refused(pdp_fib_fd(f->fib), pdp_fib_qs_fd(f->fib), PDP_FIB_READERS_MAX, -EINVAL,
		"at most 64");
	refused(pdp_fib_fd(f->fib), pdp_fib_fd(f->fib), 0, -EACCES, "lines");
}

static void test_readers_cannot_write(void **state)
{
	struct fix *f = *state;
	const int fd = pdp_fib_fd(f->fib);
	char path[64];
	int again;

	assert_true(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	assert_int_equal(ftruncate(fd, 0), -1);
	/* Not even one that can open it again. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR);
	assert_true(again >= 0);
	assert_true(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0) == MAP_FAILED);
	assert_int_equal(ftruncate(again, 0), -1);
	assert_int_equal(write(again, "x", 1), -1);
	assert_int_equal(fallocate(again, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
	close(again);
	assert_int_equal(ftruncate(pdp_fib_qs_fd(f->fib), 0), -1);
}

static void test_viewer(void **state)
{
	struct fix *f = *state;
	const uint16_t a = new_nexthop(f->fib, 1);
	struct pdp_fib_reader r;
	char err[200];

	assert_int_equal(pdp_fib_attach(&r, pdp_fib_fd(f->fib), -1, 0, err, sizeof(err)), 0);
	pdp_fib_online(&r);
	assert_int_equal(add(f->fib, "10.0.0.0/24", a), 0);
	assert_int_equal(kit_lookup(&r, 4, (uint8_t[16]){10}), a);
	pdp_fib_quiescent(&r);
	pdp_fib_detach(&r);
	pdp_fib_detach(&r);
	pdp_fib_destroy(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_empty),
		TEST(test_default_route),
		TEST(test_nexthop_is_replaced_at_once),
		TEST(test_numbers_in_use_stay),
		TEST(test_group_weights),
		TEST(test_dead_member_moves_only_its_flows),
		TEST(test_group_limits),
		TEST(test_what_is_refused),
		TEST(test_get_and_match),
		TEST(test_digest),
		TEST(test_batch),
		TEST(test_walk),
		TEST(test_numbers_run_out_and_come_back),
		TEST(test_plies_rest),
		TEST(test_small_one_is_small),
		TEST(test_memory_runs_out),
		TEST(test_attach_is_refused),
		TEST(test_readers_cannot_write),
		TEST(test_viewer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
