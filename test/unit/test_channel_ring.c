/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data ring: order, wrap-around of entries and of the 32-bit index, what is seen before
 * publishing, a producer that lies.
 */
#include "kit.h"

#include <pthread.h>
#include <sched.h>

struct pair {
	struct pdp_ring *ring;
	struct pdp_ring_producer p;
	struct pdp_ring_consumer c;
};

static void open_pair(struct pair *r, uint32_t n)
{
	const size_t size = RTE_ALIGN_CEIL(pdp_ring_size(n, sizeof(struct pdp_desc)),
					   PDP_RING_LINE);

	r->ring = aligned_alloc(PDP_RING_LINE, size);
	assert_non_null(r->ring);
	memset(r->ring, 0, size);
	pdp_ring_producer_init(&r->p, r->ring, n);
	pdp_ring_consumer_init(&r->c, r->ring, n);
}

static void start_at(struct pair *r, uint32_t index)
{
	r->p.tail = r->p.published = r->c.head = r->ring->tail = index;
}

static void put(struct pair *r, uint64_t number)
{
	struct pdp_desc *d = pdp_ring_next(&r->p, 1, sizeof(*d));

	pdp_desc_write(d, number, (uint16_t)number, 1, 1, 2, 3);
}

static void publish(struct pair *r)
{
	pdp_ring_publish(&r->p);
}

static void test_entries(void **state)
{
	assert_int_equal(pdp_ring_entries(1), 1);
	assert_int_equal(pdp_ring_entries(2), 2);
	assert_int_equal(pdp_ring_entries(3), 4);
	assert_int_equal(pdp_ring_entries(1024), 1024);
	assert_int_equal(pdp_ring_entries(1025), 2048);
	assert_int_equal(pdp_ring_entries(32768 + 1024), 65536);
	assert_true(pdp_ring_size(3, 8) >= 64 + 4 * 8);
}

static void test_publish(void **state)
{
	struct pdp_desc out[8];
	struct pair r;

	open_pair(&r, 8);
	put(&r, 1);
	put(&r, 2);
	assert_int_equal(pdp_ring_pending(&r.p), 2);
	assert_int_equal(pdp_ring_count(&r.c), 0);
	assert_int_equal(pdp_ring_take(&r.c, out, 8, sizeof(out[0])), 0);
	publish(&r);
	assert_int_equal(pdp_ring_pending(&r.p), 0);
	assert_int_equal(pdp_ring_count(&r.c), 2);
	assert_int_equal(pdp_ring_take(&r.c, out, 1, sizeof(out[0])), 1);
	assert_int_equal(out[0].off_hash, 1);
	assert_int_equal(pdp_ring_take(&r.c, out, 8, sizeof(out[0])), 1);
	assert_int_equal(out[0].off_hash, 2);
	free(r.ring);
}

/* Every size, filled to the brim again and again, the index wrapping in the middle of it. */
static void test_wrap(void **state)
{
	static const uint32_t sizes[] = {1, 2, 3, 64, 1024, 32768 + 1024};
	static struct pdp_desc out[65536];

	for (unsigned int s = 0; s < RTE_DIM(sizes); s++) {
		const uint32_t n = sizes[s];
		uint64_t in = 0, seen = 0;
		struct pair r;

		open_pair(&r, n);
		start_at(&r, UINT32_MAX - n - n / 2);
		for (unsigned int round = 0; round < 5; round++) {
			for (uint32_t i = 0; i < n; i++)
				put(&r, in++);
			publish(&r);
			assert_int_equal(pdp_ring_count(&r.c), n);
			assert_int_equal(pdp_ring_take(&r.c, out, n, sizeof(out[0])), n);
			for (uint32_t i = 0; i < n; i++)
				assert_int_equal(out[i].off_hash, seen++);
		}
		assert_true(r.c.head < n * 5);
		free(r.ring);
	}
}

/* A tail that runs away is told by its count, and taking stays within the ring's memory (ASan). */
static void test_lying_tail(void **state)
{
	static struct pdp_desc out[4];
	struct pair r;

	open_pair(&r, 4);
	r.ring->tail = 0x80000000u;
	assert_true(pdp_ring_count(&r.c) > pdp_ring_entries(4));
	assert_int_equal(pdp_ring_take(&r.c, out, 4, sizeof(out[0])), 4);
	r.ring->tail = r.c.head - 1;
	assert_true(pdp_ring_count(&r.c) > pdp_ring_entries(4));
	assert_int_equal(pdp_ring_take(&r.c, out, 4, sizeof(out[0])), 4);
	free(r.ring);
}

enum { HANDED = 2000000, LENT = 64 };

static void *produce(void *arg)
{
	struct pair *r = arg;
	const uint32_t *head = &r->c.head;

	for (uint64_t i = 0; i < HANDED; i++) {
		/* The ledger's part: never more out than the ring has entries. */
		while ((uint32_t)i - __atomic_load_n(head, __ATOMIC_ACQUIRE) >= LENT)
			sched_yield();
		put(r, i * 7);
		if (i % 5 == 0)
			publish(r);
		else if ((uint32_t)i - __atomic_load_n(head, __ATOMIC_RELAXED) > LENT / 2)
			publish(r);
	}
	publish(r);
	return NULL;
}

/* Two threads: nothing is lost, doubled, torn or out of order. */
static void test_two_threads(void **state)
{
	struct pdp_desc out[32];
	uint64_t seen = 0;
	pthread_t thread;
	struct pair r;

	open_pair(&r, LENT);
	assert_int_equal(pthread_create(&thread, NULL, produce, &r), 0);
	while (seen < HANDED) {
		/* head is moved by pdp_ring_take() with a plain store: a copy of it is published
		 * when the entries were read, as the engine's answers do it in a node. */
		struct pdp_ring_consumer c = r.c;
		const uint32_t n = pdp_ring_take(&c, out, 32, sizeof(out[0]));

		for (uint32_t i = 0; i < n; i++, seen++) {
			assert_int_equal(out[i].off_hash, seen * 7);
			assert_int_equal(out[i].slot, (uint16_t)(seen * 7));
		}
		__atomic_store_n(&r.c.head, c.head, __ATOMIC_RELEASE);
		if (n == 0)
			sched_yield();
	}
	pthread_join(thread, NULL);
	free(r.ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries),	    cmocka_unit_test(test_publish),
		cmocka_unit_test(test_wrap),	    cmocka_unit_test(test_lying_tail),
		cmocka_unit_test(test_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
