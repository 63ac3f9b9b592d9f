/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Balancers: shares, stickiness, and how little moves when engines come and go. Pure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include <pdp_balance.h>

enum { PICKS = 1000000, BURST = 64 };

static struct pdp_balance b;
static uint64_t got[PDP_ENGINES_MAX];

static void engines(uint32_t n, const uint32_t *weights)
{
	memset(&b, 0, sizeof(b));
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(pdp_balance_join(&b, weights != NULL ? weights[i] : 1), i);
}

/* PICKS packets in bursts of every length. */
static void pick_many(const char *name)
{
	const struct pdp_balancer *balancer = pdp_balancer_find(name);
	uint32_t hashes[BURST];
	uint8_t out[BURST];
	uint32_t x = 1;

	assert_non_null(balancer);
	memset(got, 0, sizeof(got));
	for (unsigned int done = 0, n = 1; done < PICKS; done += n, n = n % BURST + 1) {
		for (unsigned int i = 0; i < n; i++)
			hashes[i] = (x = x * 1664525u + 1013904223u) >> 8;
		memset(out, 0xff, sizeof(out));
		balancer->pick(&b, hashes, n, out);
		for (unsigned int i = 0; i < n; i++) {
			assert_true(out[i] < b.n);
			got[out[i]]++;
		}
	}
}

/* Each engine's share within `pct` percent of `want`. */
static void expect_share(unsigned int engine, double want, double pct)
{
	uint64_t all = 0;
	double share;

	for (uint32_t i = 0; i < b.n; i++)
		all += got[i];
	share = (double)got[engine] / (double)all;
	if (share < want * (1 - pct / 100) || share > want * (1 + pct / 100))
		fail_msg("engine %u of %u has %.4f, not %.4f", engine, b.n, share, want);
}

static void test_table(void **state)
{
	char names[128];

	snprintf(names, sizeof(names), "%s", pdp_balancer_names());
	for (char *save, *name = strtok_r(names, ", ", &save); name != NULL;
	     name = strtok_r(NULL, ", ", &save)) {
		assert_non_null(pdp_balancer_find(name));
		assert_string_equal(pdp_balancer_find(name)->name, name);
	}
	assert_null(pdp_balancer_find("Rr"));
	assert_null(pdp_balancer_find(""));
	assert_true(pdp_balancer_find("flow")->needs_hash);
	assert_false(pdp_balancer_find("flow")->spills);
	assert_true(pdp_balancer_find("rr")->spills);
	assert_true(pdp_balancer_find("random")->spills);
	assert_true(pdp_balancer_find("weighted")->spills);
}

static void test_even_shares(void **state)
{
	static const struct {
		const char *name;
		double pct;
	} cases[] = {{"rr", 0.1}, {"weighted", 1}, {"random", 2}, {"jsq", 1}, {"flow", 2}};
	static const uint32_t sizes[] = {1, 2, 3, 5, 16};

	for (unsigned int c = 0; c < RTE_DIM(cases); c++) {
		for (unsigned int s = 0; s < RTE_DIM(sizes); s++) {
			engines(sizes[s], NULL);
			pick_many(cases[c].name);
			for (uint32_t e = 0; e < b.n; e++)
				expect_share(e, 1.0 / b.n, cases[c].pct);
		}
	}
}

/* As many engines as a VR may have: nobody goes empty. */
static void test_most_engines(void **state)
{
	static const char *const names[] = {"rr", "weighted", "random", "jsq", "flow"};

	for (unsigned int c = 0; c < RTE_DIM(names); c++) {
		engines(PDP_ENGINES_MAX, NULL);
		pick_many(names[c]);
		for (uint32_t e = 0; e < b.n; e++)
			expect_share(e, 1.0 / b.n, 10);
	}
}

static void test_rr_order(void **state)
{
	const struct pdp_balancer *rr = pdp_balancer_find("rr");
	uint8_t out[7];

	engines(3, NULL);
	/* Each engine's lie in a row. */
	rr->pick(&b, NULL, 7, out);
	assert_memory_equal(out, ((uint8_t[]){0, 0, 0, 1, 1, 2, 2}), 7);
	/* It goes on with the engine whose turn it is, also when engines left meanwhile. */
	rr->pick(&b, NULL, 2, out);
	assert_memory_equal(out, ((uint8_t[]){1, 2}), 2);
	pdp_balance_leave(&b, 2, true);
	rr->pick(&b, NULL, 3, out);
	assert_memory_equal(out, ((uint8_t[]){0, 0, 1}), 3);
	rr->pick(&b, NULL, 0, out);
	rr->pick(&b, NULL, 1, out);
	assert_int_equal(out[0], 1);
}

/* Whatever the bursts, after each every engine has as many as if packets went around one by one. */
static void test_rr_exact(void **state)
{
	const struct pdp_balancer *rr = pdp_balancer_find("rr");
	unsigned int got[5] = {0}, sum = 0;
	uint8_t out[64];

	engines(5, NULL);
	for (unsigned int n = 1; n <= 64; n++) {
		rr->pick(&b, NULL, n, out);
		for (unsigned int i = 0; i < n; i++)
			got[out[i]]++;
		sum += n;
		for (unsigned int e = 0; e < 5; e++)
			assert_int_equal(got[e], (sum + 4 - e) / 5);
	}
}

static void test_weighted_shares(void **state)
{
	static const struct {
		uint32_t n, weights[4];
	} cases[] = {{2, {1, 3}},	{2, {1, 1}}, {3, {1, 2, 7}}, {4, {10, 20, 30, 40}},
		     {2, {1000, 1000}}, {1, {5}},    {2, {1, 99}}};

	for (unsigned int c = 0; c < RTE_DIM(cases); c++) {
		double total = 0;

		engines(cases[c].n, cases[c].weights);
		pick_many("weighted");
		for (uint32_t e = 0; e < b.n; e++)
			total += cases[c].weights[e];
		for (uint32_t e = 0; e < b.n; e++) {
			const double want = cases[c].weights[e] / total;

			/* 1 %, but of a small share no better than the wheel's step. */
			expect_share(e, want, RTE_MAX(1.0, 100.0 / (want * PDP_WHEEL)));
		}
	}
	/* 1 of 1000: the wheel has a place for the lightest, too. */
	engines(2, (uint32_t[]){1, 999});
	pick_many("weighted");
	assert_true(got[0] > 0);
}

/* Weights are spread, not served in blocks: of four picks in a row the light engine has one. */
static void test_weighted_smooth(void **state)
{
	const struct pdp_balancer *weighted = pdp_balancer_find("weighted");
	uint8_t out[64];

	engines(2, (uint32_t[]){1, 3});
	weighted->pick(&b, NULL, 64, out);
	for (unsigned int i = 0; i + 4 <= 64; i++)
		assert_int_equal(out[i] + out[i + 1] + out[i + 2] + out[i + 3], 3);
}

/* Bursts of 30; every turn each engine serves what its rate says. @param got out: queues */
static void run_jsq(const uint32_t *served, uint32_t *queues, unsigned int turns)
{
	const struct pdp_balancer *jsq = pdp_balancer_find("jsq");
	uint8_t out[30];

	memset(queues, 0, PDP_ENGINES_MAX * sizeof(*queues));
	memset(got, 0, sizeof(got));
	for (unsigned int t = 0; t < turns; t++) {
		pdp_balance_load(&b, queues, t == 0);
		jsq->pick(&b, NULL, 30, out);
		for (unsigned int i = 0; i < 30; i++) {
			queues[out[i]]++;
			got[out[i]]++;
		}
		for (uint32_t p = 0; p < b.n; p++)
			queues[p] -= RTE_MIN(queues[p], served[p]);
	}
}

/* The slow engine gets what it can do, though nobody has said how slow it is; and no queue is much
 * longer than another. */
static void test_jsq_follows_queues(void **state)
{
	uint32_t queues[PDP_ENGINES_MAX];

	assert_true(pdp_balancer_find("jsq")->needs_load);
	engines(3, NULL);
	run_jsq((uint32_t[PDP_ENGINES_MAX]){5, 10, 15}, queues, 10000);
	expect_share(0, 5.0 / 30, 5);
	expect_share(1, 10.0 / 30, 5);
	expect_share(2, 15.0 / 30, 5);
	for (uint32_t p = 0; p < 3; p++)
		assert_in_range(queues[p], 0, 60);
	/* One that does not serve at all is left alone. */
	run_jsq((uint32_t[PDP_ENGINES_MAX]){0, 15, 15}, queues, 10000);
	assert_in_range(got[0], 0, 100);
}

/* With known rates queues are as long as the engines are fast: the same delay everywhere. */
static void test_jsq_rates(void **state)
{
	uint32_t queues[PDP_ENGINES_MAX];

	engines(2, NULL);
	b.rates[0] = 75000;
	b.rates[1] = 25000;
	pdp_balance_shares(&b);
	assert_in_range(b.cost[1], 3 * b.cost[0] - 2, 3 * b.cost[0] + 2);
	/* Overloaded: queues grow. */
	run_jsq((uint32_t[PDP_ENGINES_MAX]){15, 5}, queues, 1000);
	assert_in_range(queues[0] + queues[1], 9900, 10100);
	assert_in_range(queues[0], 2.9 * queues[1], 3.1 * queues[1]);
	/* Impossible rates stay within bounds; an unknown one counts as average. */
	b.rates[0] = UINT32_MAX;
	b.rates[1] = 1;
	pdp_balance_shares(&b);
	assert_true(b.cost[0] > 0 && b.cost[1] > b.cost[0]);
	assert_int_equal(pdp_balance_join(&b, 1), 2);
	assert_int_equal(b.cost[2], PDP_COST);
}

static void test_random_is_random(void **state)
{
	const struct pdp_balancer *random = pdp_balancer_find("random");
	uint8_t first[64], second[64];
	unsigned int pairs[2][2] = {{0}};

	engines(2, NULL);
	b.rng = 12345;
	for (unsigned int i = 0; i < 1000; i++) {
		random->pick(&b, NULL, 64, first);
		for (unsigned int k = 0; k + 1 < 64; k++)
			pairs[first[k]][first[k + 1]]++;
	}
	for (unsigned int i = 0; i < 4; i++)
		assert_in_range(pairs[i / 2][i % 2], 15000, 16500);
	b.rng = 99;
	random->pick(&b, NULL, 64, first);
	b.rng = 100;
	random->pick(&b, NULL, 64, second);
	assert_memory_not_equal(first, second, 64);
}

static unsigned int buckets_of(unsigned int engine)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < PDP_BUCKETS; i++)
		n += b.buckets[i].place == engine;
	return n;
}

static void expect_even_buckets(void)
{
	for (uint32_t e = 0; e < b.n; e++)
		assert_in_range(buckets_of(e), PDP_BUCKETS / b.n, (PDP_BUCKETS - 1) / b.n + 1);
}

/* The same hash, the same engine; the bucket is the one that the plugin ABI names. */
static void test_flow_sticky(void **state)
{
	const struct pdp_balancer *flow = pdp_balancer_find("flow");
	uint32_t hashes[BURST];
	uint8_t once[BURST], again[BURST];

	engines(3, NULL);
	for (unsigned int i = 0; i < BURST; i++)
		hashes[i] = i * 0x3ffff % 0xffffff;
	flow->pick(&b, hashes, BURST, once);
	for (unsigned int i = 0; i < BURST; i++) {
		struct pdp_pkt p = {.hash = hashes[i], .flags = PDP_PKT_HASH};

		flow->pick(&b, &hashes[i], 1, &again[i]);
		assert_int_equal(b.buckets[pdp_pkt_bucket(NULL, &p)].place, once[i]);
	}
	assert_memory_equal(once, again, BURST);
}

/* Joins: what moves goes to the new one, and no more than its share. */
static void test_flow_join(void **state)
{
	engines(1, NULL);
	for (uint32_t n = 2; n <= PDP_ENGINES_MAX; n++) {
		struct pdp_bucket before[PDP_BUCKETS];
		unsigned int moved = 0;

		memcpy(before, b.buckets, sizeof(before));
		pdp_balance_join(&b, 1);
		expect_even_buckets();
		for (unsigned int i = 0; i < PDP_BUCKETS; i++) {
			if (before[i].place == b.buckets[i].place)
				continue;
			moved++;
			assert_int_equal(b.buckets[i].place, n - 1);
		}
		assert_true(moved <= (PDP_BUCKETS - 1) / n + 1);
	}
}

/* Leaves (the last place): only its buckets move. */
static void test_flow_leave(void **state)
{
	engines(PDP_ENGINES_MAX, NULL);
	for (uint32_t n = PDP_ENGINES_MAX - 1; n >= 1; n--) {
		struct pdp_bucket before[PDP_BUCKETS];

		memcpy(before, b.buckets, sizeof(before));
		pdp_balance_leave(&b, n, true);
		expect_even_buckets();
		for (unsigned int i = 0; i < PDP_BUCKETS; i++) {
			if (before[i].place < n)
				assert_int_equal(before[i].place, b.buckets[i].place);
		}
	}
	pdp_balance_leave(&b, 0, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),		cmocka_unit_test(test_even_shares),
		cmocka_unit_test(test_most_engines),	cmocka_unit_test(test_rr_order),
		cmocka_unit_test(test_rr_exact),	cmocka_unit_test(test_weighted_shares),
		cmocka_unit_test(test_weighted_smooth), cmocka_unit_test(test_jsq_follows_queues),
		cmocka_unit_test(test_jsq_rates),	cmocka_unit_test(test_random_is_random),
		cmocka_unit_test(test_flow_sticky),	cmocka_unit_test(test_flow_join),
		cmocka_unit_test(test_flow_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
