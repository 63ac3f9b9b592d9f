/* SPDX-License-Identifier: BSD-3-Clause */
/* What net_loadgen's sink judges packets by: RFC 4737 on known sequences, and the latency
 * histogram's precision. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loadgen_hist.h"
#include "loadgen_seq.h"

/* A sequence of one flow, what must come of it. */
struct sequence {
	const char *numbers;
	int64_t missing;
	uint64_t reordered, duplicates, extent;
};

static const struct sequence sequences[] = {
	{"0 1 2 3 4 5", 0, 0, 0, 0},	   {"0 1 3 4 5", 1, 0, 0, 0}, /* a loss */
	{"0 1 3 2 4 5", 0, 1, 0, 1},				      /* neighbours swapped */
	{"1 2 3 5 6 7 8 4 9", 1, 1, 0, 4}, /* RFC 4737 section 11: 4 late, extent from 5; 0 is
					      missing */
	{"0 4 5 1 2 3", 0, 3, 0, 4},	   /* 1, 2, 3 after 4: extents 2, 3, 4 */
	{"0 4 5 3 2 1 6", 0, 3, 0, 4},	   /* the gap filled from behind */
	{"0 9 5 9 5 5 7", 6, 2, 3, 2},	   /* 5 and 7 late, three duplicates; 1 2 3 4 6 8 missing */
	{"0 0 1 1 2 2 2", 0, 0, 4, 0},	   /* duplicates only */
	{"0 2 4 6 8 1 3 5 7", 0, 4, 0, 4}, /* many gaps: each extent from its own gap's opener */
	{"5 0 1 2 3 4", 0, 5, 0, 5},
};

static struct lg_seq_counters judge_all(struct lg_flow_table *t, uint32_t flow, const char *numbers,
					uint32_t base, bool shared)
{
	struct lg_seq_counters c = {0};
	char *end;

	for (const char *p = numbers; *p != '\0'; p = *end == ' ' ? end + 1 : end)
		lg_seq_judge(t, flow, base + (uint32_t)strtoul(p, &end, 10), shared, &c);
	return c;
}

static void known_sequences(void **state)
{
	for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++) {
		for (int shared = 0; shared < 2; shared++) {
			struct lg_flow_table t;
			struct lg_seq_counters c;

			assert_int_equal(lg_flow_table_init(&t, 3), 0);
			c = judge_all(&t, 2, sequences[i].numbers, 0, shared);
			if (c.missing != sequences[i].missing ||
			    c.reordered != sequences[i].reordered ||
			    c.duplicates != sequences[i].duplicates ||
			    c.extent_max != sequences[i].extent)
				fail_msg("%s: missing %ld reordered %lu duplicates %lu extent %lu",
					 sequences[i].numbers, (long)c.missing,
					 (unsigned long)c.reordered, (unsigned long)c.duplicates,
					 (unsigned long)c.extent_max);
			lg_flow_table_fini(&t);
		}
	}
}

static void flows_do_not_mix(void **state)
{
	struct lg_seq_counters c = {0};
	struct lg_flow_table t;

	assert_int_equal(lg_flow_table_init(&t, 100), 0);
	for (uint32_t seq = 0; seq < 50; seq++)
		for (uint32_t flow = 0; flow < 100; flow++)
			assert_true(lg_seq_judge(&t, flow, seq, false, &c));
	assert_int_equal(c.missing, 0);
	assert_int_equal(c.reordered + c.duplicates, 0);
	lg_flow_table_fini(&t);
}

static void numbers_wrap(void **state)
{
	struct lg_seq_counters c = {0};
	struct lg_flow_table t;

	assert_int_equal(lg_flow_table_init(&t, 1), 0);
	t.words[0] = 0xfffffffdu; /* next */
	c = judge_all(&t, 0, "0 1 4 2 3 5 5", 0xfffffffdu, false);
	assert_int_equal(c.missing, 0);
	assert_int_equal(c.reordered, 2);
	assert_int_equal(c.duplicates, 1);
	lg_flow_table_fini(&t);
}

/* More gaps than are remembered: late ones still count as reordered, nothing is counted twice. */
static void more_gaps_than_remembered(void **state)
{
	struct lg_seq_counters c = {0};
	struct lg_flow_table t;

	assert_int_equal(lg_flow_table_init(&t, 1), 0);
	for (uint32_t seq = 0; seq < 200; seq += 2)
		lg_seq_judge(&t, 0, seq, false, &c);
	assert_int_equal(c.missing, 99);
	for (uint32_t seq = 1; seq < 198; seq += 2)
		lg_seq_judge(&t, 0, seq, false, &c);
	assert_int_equal(c.missing, 0);
	assert_int_equal(c.reordered, 99);
	assert_int_equal(c.duplicates, 0);
	lg_seq_judge(&t, 0, 197, false, &c);
	assert_int_equal(c.duplicates, 1);
	lg_flow_table_fini(&t);
}

/* By chance, against a judge that remembers everything. */
static void against_full_memory(void **state)
{
	enum { N = 2000, WINDOW = 12 };
	uint32_t order[N];
	bool seen[N + 1];

	for (unsigned int round = 0; round < 200; round++) {
		struct lg_seq_counters c = {0};
		struct lg_flow_table t;
		uint64_t reordered = 0, duplicates = 0, missing = 0;
		uint32_t n = 0, next = 0;

		srand(round);
		for (uint32_t i = 0; i < N; i++) {
			if (rand() % 20 == 0)
				continue; /* lost */
			order[n++] = i;
		}
		for (uint32_t i = 0; i + WINDOW < n; i++) {
			uint32_t j = i + (uint32_t)rand() % WINDOW, keep = order[i];

			if (rand() % 10 != 0)
				continue;
			order[i] = order[j];
			order[j] = rand() % 4 == 0 ? order[i]
						   : keep; /* now and then a copy in its place */
		}
		memset(seen, 0, sizeof(seen));
		assert_int_equal(lg_flow_table_init(&t, 1), 0);
		for (uint32_t i = 0; i < n; i++) {
			bool fresh = lg_seq_judge(&t, 0, order[i], round & 1, &c);

			assert_int_equal(fresh, !seen[order[i]]);
			duplicates += seen[order[i]];
			reordered += !seen[order[i]] && order[i] < next;
			next = order[i] >= next ? order[i] + 1 : next;
			seen[order[i]] = true;
		}
		for (uint32_t i = 0; i < next; i++)
			missing += !seen[i];
		assert_int_equal(c.missing, missing);
		assert_int_equal(c.reordered, reordered);
		assert_int_equal(c.duplicates, duplicates);
		lg_flow_table_fini(&t);
	}
}

struct half {
	struct lg_flow_table *table;
	struct lg_seq_counters c;
	uint32_t first;
};

static void *judge_half(void *arg)
{
	struct half *h = arg;

	for (uint32_t seq = h->first; seq < 400000; seq += 2)
		lg_seq_judge(h->table, 0, seq, true, &h->c);
	return NULL;
}

/* Two lcores send one flow: whatever the order, nothing is lost, doubled or forgotten. */
static void two_writers(void **state)
{
	struct lg_flow_table t;
	struct half halves[2] = {{.table = &t, .first = 0}, {.table = &t, .first = 1}};
	union lg_flow_state end;
	pthread_t other;

	assert_int_equal(lg_flow_table_init(&t, 1), 0);
	assert_int_equal(pthread_create(&other, NULL, judge_half, &halves[0]), 0);
	judge_half(&halves[1]);
	pthread_join(other, NULL);
	end.word = t.words[0];
	assert_int_equal(end.next, 400000);
	assert_int_equal(end.received, 400000);
	assert_int_equal(halves[0].c.missing + halves[1].c.missing, 0);
	assert_int_equal(halves[0].c.duplicates + halves[1].c.duplicates, 0);
	lg_flow_table_fini(&t);
}

static void buckets_are_close(void **state)
{
	double worst = 0;

	for (uint64_t v = 0; v < 1ull << LG_HIST_BITS; v += 1 + v / 1000) {
		uint32_t i = lg_hist_index(v);
		double off = fabs((double)lg_hist_mid(i) - (double)v) / (double)(v == 0 ? 1 : v);

		assert_true(i < LG_HIST_SIZE);
		assert_true(lg_hist_low(i) <= v);
		assert_true(i == LG_HIST_SIZE - 1 || lg_hist_low(i + 1) > v);
		worst = off > worst ? off : worst;
	}
	assert_true(worst < 0.008);
	assert_true(worst > 0.004); /* or the test looks at nothing */
	assert_int_equal(lg_hist_index(UINT64_MAX), LG_HIST_SIZE - 1);
}

static void percentiles_are_close(void **state)
{
	static const double pcts[] = {0.1, 50, 90, 99, 99.9, 100};
	struct lg_hist *h = calloc(2, sizeof(*h));

	assert_non_null(h);
	assert_int_equal(lg_hist_percentile(&h[0], 50), 0);
	for (uint64_t v = 1; v <= 1000000; v++)
		h[v & 1].buckets[lg_hist_index(v)]++;
	lg_hist_merge(&h[0], &h[1]);
	assert_int_equal(lg_hist_count(&h[0]), 1000000);
	assert_in_range((uint64_t)(lg_hist_sum(&h[0]) / 1e6), 499000, 501000);
	for (size_t i = 0; i < sizeof(pcts) / sizeof(pcts[0]); i++) {
		double want = pcts[i] * 10000, is = (double)lg_hist_percentile(&h[0], pcts[i]);

		if (fabs(is - want) > 0.01 * want)
			fail_msg("p%g is %g", pcts[i], is);
	}
	free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_sequences),     cmocka_unit_test(flows_do_not_mix),
		cmocka_unit_test(numbers_wrap),	       cmocka_unit_test(more_gaps_than_remembered),
		cmocka_unit_test(against_full_memory), cmocka_unit_test(two_writers),
		cmocka_unit_test(buckets_are_close),   cmocka_unit_test(percentiles_are_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
