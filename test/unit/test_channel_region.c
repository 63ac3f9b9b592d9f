/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The region that the MD and an engine share: laid out without overlap, refused when it is not
 * understood.
 */
#include "kit.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct pdp_region_params params(void)
{
	return (struct pdp_region_params){
		.n_md = 2, .n_slots = 64, .n_blanks = 8, .n_engines = 4, .conf_size = 1000};
}

static struct pdp_region *make(const struct pdp_region_params *p)
{
	const size_t size = pdp_region_size(p);
	void *mem = aligned_alloc(PDP_LINE, RTE_ALIGN_CEIL(size, PDP_LINE));

	assert_non_null(mem);
	memset(mem, 0xa5, size);
	assert_ptr_equal(pdp_region_create(mem, p, mem), mem);
	return mem;
}

static void refuse(struct pdp_region_params p)
{
	static alignas(PDP_LINE) char mem[PDP_LINE];

	assert_int_equal(pdp_region_size(&p), 0);
	errno = 0;
	assert_null(pdp_region_create(mem, &p, mem));
	assert_int_equal(errno, EINVAL);
}

static void test_params(void **state)
{
	struct pdp_region_params p = params();

	p.n_md = 0;
	refuse(p);
	p.n_md = PDP_MD_MAX + 1;
	refuse(p);
	p = params();
	p.n_slots = PDP_SLOTS_MIN - 1;
	refuse(p);
	p.n_slots = PDP_SLOTS_MAX + 1;
	refuse(p);
	p = params();
	p.n_blanks = PDP_BLANKS_MAX + 1;
	refuse(p);
	p = params();
	p.conf_size = (1u << 20) + 1;
	refuse(p);
	/* The corners that are allowed. */
	p = params();
	p.n_md = PDP_MD_MAX;
	p.n_slots = PDP_SLOTS_MAX;
	p.n_blanks = PDP_BLANKS_MAX;
	free(make(&p));
	p = (struct pdp_region_params){.n_md = 1, .n_slots = PDP_SLOTS_MIN};
	free(make(&p));
}

struct part {
	uint64_t off;
	size_t size;
};

static int by_offset(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	return (x->off > y->off) - (x->off < y->off);
}

/* Parts stand behind each other, aligned to lines, inside of the region. */
static void check_parts(struct pdp_region *r)
{
	const uint32_t n_all = r->n_slots + r->n_blanks;
	const size_t to = pdp_ring_size(n_all, sizeof(struct pdp_desc));
	const size_t from = pdp_ring_size(n_all, sizeof(struct pdp_return));
	const size_t ctl = sizeof(struct pdp_ctl_ring);
	struct part parts[5 + 2 * PDP_MD_MAX] = {{0, sizeof(*r)},
						 {r->status_off, sizeof(struct pdp_status)},
						 {r->conf_off, r->conf_size},
						 {r->ctl_to_off, ctl},
						 {r->ctl_from_off, ctl}};
	unsigned int n = 5;

	for (unsigned int i = 0; i < r->n_md; i++) {
		parts[n++] = (struct part){r->channels[i].to_off, to};
		parts[n++] = (struct part){r->channels[i].from_off, from};
	}
	qsort(parts, n, sizeof(parts[0]), by_offset);
	for (unsigned int i = 0; i < n; i++) {
		const uint64_t end = i + 1 < n ? parts[i + 1].off : r->size;

		assert_int_equal(parts[i].off % PDP_LINE, 0);
		assert_true(parts[i].off + parts[i].size <= end);
	}
}

static void test_layout(void **state)
{
	static const uint32_t slots[] = {2, 3, 1024, 32768};
	static const uint32_t blanks[] = {0, 1, 32, 1024};

	for (unsigned int i = 0; i < RTE_DIM(slots); i++) {
		struct pdp_region_params p = params();
		struct pdp_region *r;

		p.n_slots = slots[i];
		p.n_blanks = blanks[i];
		p.n_md = 1 + i;
		r = make(&p);
		assert_int_equal(r->size, pdp_region_size(&p));
		assert_int_equal(r->n_slots, slots[i]);
		assert_int_equal(r->n_blanks, blanks[i]);
		check_parts(r);
		/* Old contents of the memory are not taken for anything. */
		assert_int_equal(pdp_region_status(r)->wake_seq, 0);
		assert_int_equal(pdp_region_status(r)->n_counters, 0);
		free(r);
	}
}

static void expect_refusal(const void *mem, size_t size, const char *words)
{
	char err[200] = "";

	assert_int_equal(pdp_region_check(mem, size, err, sizeof(err)), -EPROTO);
	assert_non_null(strstr(err, words));
}

static void test_check(void **state)
{
	struct pdp_region_params p = params();
	struct pdp_region *r = make(&p);
	const size_t size = r->size;
	char err[200] = "";

	assert_int_equal(pdp_region_check(r, size, err, sizeof(err)), 0);
	assert_int_equal(pdp_region_check(r, size + 4096, err, sizeof(err)), 0);
	assert_string_equal(err, "");
	expect_refusal(r, size - 1, "its header says");
	expect_refusal(r, sizeof(*r) - 1, "not a PdP region");
	expect_refusal(r, 0, "not a PdP region");
	r->magic ^= 1;
	expect_refusal(r, size, "not a PdP region");
	r->magic ^= 1;
	r->version++;
	expect_refusal(r, size, "of one build");
	r->version--;
	r->header_size += 8;
	expect_refusal(r, size, "of one build");
	r->header_size -= 8;
	r->n_md = 0;
	expect_refusal(r, size, "its header says");
	r->n_md = PDP_MD_MAX + 1;
	expect_refusal(r, size, "its header says");
	free(r);
}

static void test_base(void **state)
{
	struct pdp_region_params p = params();
	struct pdp_region *r = make(&p);
	char *base = (char *)r - 12345;

	/* The base may be on either side of the region. */
	assert_non_null(pdp_region_create(r, &p, base));
	assert_ptr_equal((char *)r + r->base_delta, base);
	assert_non_null(pdp_region_create(r, &p, (char *)r + 99));
	assert_ptr_equal((char *)r + r->base_delta, (char *)r + 99);
	free(r);
}

#define WAITERS 4

static void *wait_to_be_woken(void *arg)
{
	uint32_t *word = arg;

	syscall(SYS_futex, word, FUTEX_WAIT, __atomic_load_n(word, __ATOMIC_RELAXED), NULL, NULL,
		0);
	return NULL;
}

/* @return how many wait on the word, each of them still or again */
static long waiting(uint32_t *word)
{
	static uint32_t other;
	long n = syscall(SYS_futex, word, FUTEX_REQUEUE, 0, (void *)INT_MAX, &other, 0);

	assert_int_equal(syscall(SYS_futex, &other, FUTEX_REQUEUE, 0, (void *)INT_MAX, word, 0), n);
	return n;
}

/* What a wake costs the MD does not grow with the threads that an engine has put there. */
static void test_wakes_one(void **state)
{
	static struct pdp_status status;
	pthread_t threads[WAITERS];

	for (unsigned int i = 0; i < WAITERS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, wait_to_be_woken, &status.wake_seq), 0);
	while (waiting(&status.wake_seq) != WAITERS)
		sched_yield();
	pdp_status_wake(&status);
	assert_int_equal(status.wake_seq, 1);
	assert_int_equal(waiting(&status.wake_seq), WAITERS - 1);
	syscall(SYS_futex, &status.wake_seq, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
	for (unsigned int i = 0; i < WAITERS; i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_params),	  cmocka_unit_test(test_layout),
		cmocka_unit_test(test_check),	  cmocka_unit_test(test_base),
		cmocka_unit_test(test_wakes_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
