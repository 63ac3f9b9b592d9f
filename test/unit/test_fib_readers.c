/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Readers in threads with mappings of their own look at full speed while the writer changes routes:
 * an address of a prefix that has one of two next hops never shows a third, while plies come, go
 * and are reused, and tables grow.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "fibkit.h"

/*
 * Block b of 256 addresses (IPv4: a /24) belongs to numbers 2b+1 and 2b+2: all prefixes in it lead
 * to one of these. The background (shorter prefixes, the default route) leads to BACK or BACK + 1.
 */
enum { N_READERS = 2, N_BLOCKS = 64, BACK = 2 * N_BLOCKS + 1, N_NUMBERS = BACK + 1 };

struct shared {
	struct pdp_fib *fib;
	unsigned int family;
	bool stop;
	unsigned int n_ready;
	uint64_t n_looked[N_READERS];
	uint64_t n_wrong[N_READERS];
	unsigned int next_index;
};

static void address_of(unsigned int family, unsigned int block, uint8_t last, uint8_t *out)
{
	memset(out, 0, 16);
	out[0] = family == 4 ? 10 : 0x20;
	out[1] = (uint8_t)(block / 8);
	out[family == 4 ? 2 : 5] = (uint8_t)(block % 8);
	out[family == 4 ? 3 : 6] = last;
}

static bool right(unsigned int block, uint16_t number)
{
	return number == 2 * block + 1 || number == 2 * block + 2 || number == BACK ||
	       number == BACK + 1;
}

static void look(struct shared *s, const struct pdp_fib_reader *r, unsigned int reader,
		 struct kit_rng *rng)
{
	uint8_t ips6[PDP_FIB_BULK][16];
	uint32_t ips4[PDP_FIB_BULK];
	unsigned int blocks[PDP_FIB_BULK];
	uint16_t out[PDP_FIB_BULK];

	for (unsigned int i = 0; i < PDP_FIB_BULK; i++) {
		blocks[i] = kit_draw(rng, N_BLOCKS);
		address_of(s->family, blocks[i], (uint8_t)kit_draw(rng, 256), ips6[i]);
		memcpy(&ips4[i], ips6[i], 4);
		ips4[i] = ntohl(ips4[i]);
	}
	if (s->family == 4)
		pdp_fib_lookup4(r, ips4, out, PDP_FIB_BULK);
	else
		pdp_fib_lookup6(r, (const uint8_t(*)[16])ips6, out, PDP_FIB_BULK);
	for (unsigned int i = 0; i < PDP_FIB_BULK; i++)
		s->n_wrong[reader] += !right(blocks[i], out[i]);
	__atomic_fetch_add(&s->n_looked[reader], PDP_FIB_BULK, __ATOMIC_RELAXED);
}

static void *reader(void *arg)
{
	struct shared *s = arg;
	const unsigned int index = __atomic_fetch_add(&s->next_index, 1, __ATOMIC_RELAXED);
	struct kit_rng rng = {0x1234567 + index};
	struct pdp_fib_reader r;
	char err[200];

	if (pdp_fib_attach(&r, pdp_fib_fd(s->fib), pdp_fib_qs_fd(s->fib), index, err,
			   sizeof(err)) != 0)
		abort();
	pdp_fib_online(&r);
	__atomic_fetch_add(&s->n_ready, 1, __ATOMIC_RELEASE);
	for (unsigned int i = 0; !__atomic_load_n(&s->stop, __ATOMIC_ACQUIRE); i++) {
		look(s, &r, index, &rng);
		pdp_fib_quiescent(&r);
		if (i % 1000 == 999) { /* asleep for a moment */
			pdp_fib_offline(&r);
			sched_yield();
			pdp_fib_online(&r);
		}
	}
	pdp_fib_detach(&r);
	return NULL;
}

static void start(struct shared *s, unsigned int family, pthread_t *threads)
{
	const struct pdp_fib_params params = {.name = "readers"};
	const struct pdp_fib_nexthop nh = {.type = PDP_FIB_FORWARD};
	struct pdp_fib_prefix p = {.family = (uint8_t)family};

	memset(s, 0, sizeof(*s));
	s->family = family;
	s->fib = pdp_fib_create(&params);
	assert_non_null(s->fib);
	for (int i = 1; i <= N_NUMBERS; i++)
		assert_int_equal(pdp_fib_nexthop_new(s->fib, &nh, 0), i);
	assert_int_equal(pdp_fib_add(s->fib, &p, BACK), 0);
	for (unsigned int i = 0; i < N_READERS; i++) {
		pdp_fib_reader_add(s->fib, i);
		assert_int_equal(pthread_create(&threads[i], NULL, reader, s), 0);
	}
	while (__atomic_load_n(&s->n_ready, __ATOMIC_ACQUIRE) < N_READERS)
		sched_yield();
}

static void stop(struct shared *s, const pthread_t *threads)
{
	__atomic_store_n(&s->stop, true, __ATOMIC_RELEASE);
	for (unsigned int i = 0; i < N_READERS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(s->n_wrong[i], 0);
		assert_true(s->n_looked[i] > 0);
	}
	pdp_fib_destroy(s->fib);
}

/* Prefixes inside of a block, and those that hold several. */
static struct pdp_fib_change draw(unsigned int family, struct kit_rng *rng)
{
	struct pdp_fib_change c = {.prefix = {.family = (uint8_t)family}};
	const unsigned int block = kit_draw(rng, N_BLOCKS), base = family == 4 ? 24 : 48;

	address_of(family, block, (uint8_t)kit_draw(rng, 256), c.prefix.bytes);
	if (kit_draw(rng, 8) == 0) {
		c.prefix.len = (uint8_t)(base - 12 + kit_draw(rng, 9));
		c.prefix.len = kit_draw(rng, 8) == 0 ? 0 : c.prefix.len;
		c.nexthop = (uint16_t)(BACK + kit_draw(rng, 2));
	} else {
		c.prefix.len = (uint8_t)(base + kit_draw(rng, 9));
		c.nexthop = (uint16_t)(2 * block + 1 + kit_draw(rng, 2));
	}
	kit_cut(&c.prefix);
	if (kit_draw(rng, 2) && c.prefix.len > 0)
		c.nexthop = 0;
	return c;
}

static uint64_t looked(struct shared *s)
{
	uint64_t least = UINT64_MAX;

	for (unsigned int i = 0; i < N_READERS; i++) {
		const uint64_t n = __atomic_load_n(&s->n_looked[i], __ATOMIC_RELAXED);

		least = n < least ? n : least;
	}
	return least;
}

/* Until all have changed and looked enough, however busy the machine is. */
static void change_routes(struct shared *s, struct kit_rng *rng)
{
	const uint64_t enough = looked(s) + 50000;

	for (unsigned int i = 0; i < 40000 || looked(s) < enough; i++) {
		struct pdp_fib_change c = draw(s->family, rng);

		pdp_fib_apply(s->fib, &c, 1);
		if (i % 1024 == 0)
			sched_yield();
	}
}

/* Elsewhere, so that the table has to grow. */
static void make_it_wide(struct shared *s)
{
	struct pdp_fib_stats stats;

	for (unsigned int i = 0; i < 6400; i++) {
		struct pdp_fib_change c = {
			.prefix = {.family = (uint8_t)s->family, .len = s->family == 4 ? 24 : 48},
			.nexthop = BACK};

		c.prefix.bytes[0] = (uint8_t)(64 + i / 256);
		c.prefix.bytes[1] = (uint8_t)i;
		c.prefix.bytes[2] = 1;
		assert_int_equal(pdp_fib_apply(s->fib, &c, 1), 0);
	}
	pdp_fib_stats(s->fib, &stats);
	assert_true(s->family == 4 ? stats.wide4 : stats.wide6);
}

static void run(unsigned int family)
{
	pthread_t threads[N_READERS];
	struct kit_rng rng = {0xfeed};
	static struct shared s;

	start(&s, family, threads);
	change_routes(&s, &rng);
	make_it_wide(&s);
	change_routes(&s, &rng);
	stop(&s, threads);
}

static void test_readers4(void **state)
{
	run(4);
}

static void test_readers6(void **state)
{
	run(6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readers4),
		cmocka_unit_test(test_readers6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
