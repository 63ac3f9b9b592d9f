/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lib/slice: SliceAlloc by example, refusals with their sentences, and what must hold whatever is
 * asked for: no CPU oversold, nobody on an exclusive CPU, everything back after release.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pdp_slice.h>

#define VRS_MAX 40

static const char *const names[VRS_MAX] = {
	"a",  "b",  "c",  "d",	"e",  "f",  "g",  "h",	"i",  "j",  "k",  "l", "m",  "n",
	"o",  "p",  "q",  "r",	"s",  "t",  "u",  "v",	"w",  "x",  "y",  "z", "a2", "b2",
	"c2", "d2", "e2", "f2", "g2", "h2", "i2", "j2", "k2", "l2", "m2", "n2"};

/* CPUs 1 .. n; the last `n_md` of them are MD lcores' too. */
static struct pdp_slice *make(unsigned int n, unsigned int n_md)
{
	struct pdp_slice_cpu cpus[64];
	const struct pdp_slice_params p = {
		.cpus = cpus, .n_cpus = n, .names = names, .n_vrs = VRS_MAX};
	struct pdp_slice *s;

	for (unsigned int i = 0; i < n; i++)
		cpus[i] = (struct pdp_slice_cpu){.cpu = (uint16_t)(i + 1), .md = i >= n - n_md};
	s = pdp_slice_create(&p);
	assert_non_null(s);
	return s;
}

static void set(struct pdp_slice *s, unsigned int vr, const struct pdp_slice_want *want)
{
	char err[256] = "";

	if (pdp_slice_set(s, vr, want, err, sizeof(err)) != 0)
		fail_msg("%s", err);
}

static void refused(struct pdp_slice *s, unsigned int vr, const struct pdp_slice_want *want, int rc,
		    const char *sentence)
{
	char err[256] = "";

	assert_int_equal(pdp_slice_set(s, vr, want, err, sizeof(err)), rc);
	assert_string_equal(err, sentence);
}

/* "1:100 2:50": CPUs and percents of a VR's engines */
static void placed(struct pdp_slice *s, unsigned int vr, const char *want)
{
	struct pdp_slice_plan plan;
	char text[512] = "";
	size_t n = 0;

	pdp_slice_plan(s, vr, &plan);
	for (unsigned int i = 0; i < plan.n; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%u:%u", i > 0 ? " " : "",
				      plan.at[i].cpu, plan.at[i].pct);
	assert_string_equal(text, want);
}

static struct pdp_slice_totals totals(const struct pdp_slice *s)
{
	struct pdp_slice_totals t;

	pdp_slice_totals(s, &t);
	return t;
}

static struct pdp_slice_want guaranteed(unsigned int pct)
{
	return (struct pdp_slice_want){
		.n_engines = (uint16_t)((pct + 99) / 100), .power_pct = pct, .guaranteed_pct = pct};
}

static struct pdp_slice_want wanted(unsigned int pct)
{
	return (struct pdp_slice_want){.n_engines = (uint16_t)((pct + 99) / 100), .power_pct = pct};
}

/* PdP Fig. 5: whole CPUs, then the remainder where it fits best. */
static void slice_alloc(void **state)
{
	struct pdp_slice *s = make(6, 0);
	struct pdp_slice_want w = guaranteed(250);

	set(s, 0, &w);
	placed(s, 0, "1:100 2:100 3:100");
	w = guaranteed(130);
	set(s, 1, &w);
	/* 30 fits on CPU 3 beside 50. */
	placed(s, 1, "4:100 3:37");
	placed(s, 0, "1:100 2:100 3:62");
	w = guaranteed(60);
	set(s, 2, &w);
	placed(s, 2, "5:100");
	w = guaranteed(20);
	set(s, 3, &w);
	/* CPU 3 has 20 left, CPU 5 40: the tighter one. */
	placed(s, 3, "3:20");
	assert_int_equal(totals(s).guaranteed_pct, 460);
	assert_int_equal(totals(s).free_pct, 140);
	w = guaranteed(101);
	set(s, 4, &w);
	assert_int_equal(totals(s).free_pct, 39);
	w = guaranteed(40);
	refused(s, 5, &w, -28,
		"40 percent cannot be guaranteed; free: 39 on CPU 5; use less, or give "
		"cpus.engines "
		"more CPUs");
	assert_int_equal(totals(s).refused, 1);
	pdp_slice_release(s, 0);
	set(s, 5, &w);
	assert_int_equal(totals(s).moves, 0);
	for (unsigned int v = 0; v < 6; v++)
		pdp_slice_release(s, v);
	assert_int_equal(totals(s).free_pct, 600);
	assert_int_equal(totals(s).used, 0);
	pdp_slice_destroy(s);
}

/* What is free is in pieces: others are moved together, and only if that helps. */
static void guarantees_are_moved_together(void **state)
{
	struct pdp_slice *s = make(2, 0);
	struct pdp_slice_want w = guaranteed(60);

	set(s, 0, &w);
	set(s, 1, &w);
	placed(s, 0, "1:100");
	placed(s, 1, "2:100");
	w = guaranteed(30);
	set(s, 0, &w);
	set(s, 1, &w);
	assert_int_equal(totals(s).moves, 0);
	w = guaranteed(100);
	set(s, 2, &w);
	assert_int_equal(totals(s).moves, 1);
	assert_int_equal(totals(s).free_pct, 40);
	w = guaranteed(41);
	refused(s, 3, &w, -28,
		"41 percent cannot be guaranteed; free: 40 on CPU 2; use less, or give "
		"cpus.engines "
		"more CPUs");
	pdp_slice_destroy(s);
}

static void best_effort_takes_free_cpus_then_shares(void **state)
{
	struct pdp_slice *s = make(3, 0);
	struct pdp_slice_want w = wanted(100);

	set(s, 0, &w);
	set(s, 1, &w);
	w = wanted(40);
	set(s, 2, &w);
	set(s, 3, &w);
	placed(s, 0, "1:100");
	placed(s, 1, "2:100");
	placed(s, 2, "3:50");
	placed(s, 3, "3:50");
	/* A fifth does not fit anywhere: where there is least. */
	w = wanted(100);
	set(s, 4, &w);
	placed(s, 4, "3:55");
	placed(s, 2, "3:22");
	/* One goes, and the one that wants all of a CPU gets it. */
	pdp_slice_release(s, 1);
	placed(s, 4, "2:100");
	placed(s, 2, "3:50");
	assert_int_equal(totals(s).moves, 1);
	/* Six engines on one CPU, as in LVRM's experiments on a small machine. */
	w = wanted(600);
	w.cpus = (const uint16_t[]){1};
	w.n_cpus = 1;
	pdp_slice_release(s, 0);
	set(s, 5, &w);
	placed(s, 5, "1:16 1:16 1:16 1:16 1:16 1:16");
	pdp_slice_destroy(s);
}

static void guarantees_go_before_the_rest(void **state)
{
	struct pdp_slice *s = make(1, 0);
	struct pdp_slice_want w = wanted(100);

	set(s, 0, &w);
	placed(s, 0, "1:100");
	w = guaranteed(70);
	set(s, 1, &w);
	placed(s, 1, "1:70");
	placed(s, 0, "1:30");
	/* What is guaranteed and not used is lent: by weight it is the other's only when it runs.
	 */
	pdp_slice_want(s, 1, 0, 0);
	placed(s, 0, "1:100");
	assert_int_equal(totals(s).guaranteed_pct, 70);
	pdp_slice_want(s, 1, 1, 10);
	placed(s, 1, "1:70");
	pdp_slice_destroy(s);
}

/* A CPU goes offline: guarantees and engines find room elsewhere, or wait for it. */
static void cpus_go_and_come(void **state)
{
	struct pdp_slice *s = make(3, 0);
	struct pdp_slice_want w = guaranteed(60);

	set(s, 0, &w);
	set(s, 1, &w);
	w = wanted(100);
	set(s, 2, &w);
	placed(s, 0, "1:100");
	placed(s, 1, "2:100");
	placed(s, 2, "3:100");
	assert_int_equal(pdp_slice_set_online(s, 77, false), 0);
	assert_int_equal(pdp_slice_set_online(s, 2, true), 0);
	/* The guarantee goes to CPU 3, and who had that shares it. */
	assert_int_equal(pdp_slice_set_online(s, 2, false), 0);
	placed(s, 0, "1:100");
	placed(s, 1, "3:60");
	placed(s, 2, "3:40");
	w = guaranteed(80);
	refused(s, 3, &w, -28,
		"80 percent cannot be guaranteed; free: 40 on CPU 1, 40 on CPU 3; use less, or "
		"give cpus.engines more CPUs");
	/* What cannot be met shares what there is, and keeps its place in the book. */
	assert_int_equal(pdp_slice_set_online(s, 3, false), -28);
	placed(s, 0, "1:60");
	placed(s, 1, "1:15");
	placed(s, 2, "1:25");
	assert_int_equal(totals(s).guaranteed_pct, 120);
	/* None at all: engines stay where they were. */
	assert_int_equal(pdp_slice_set_online(s, 1, false), -28);
	placed(s, 0, "1:60");
	assert_int_equal(pdp_slice_set_online(s, 1, true), -28);
	assert_int_equal(pdp_slice_set_online(s, 3, true), 0);
	placed(s, 1, "3:100");
	assert_int_equal(pdp_slice_set_online(s, 2, true), 0);
	placed(s, 0, "1:100");
	placed(s, 2, "2:100");
	pdp_slice_destroy(s);
}

static void nothing_is_guaranteed_on_the_md(void **state)
{
	struct pdp_slice *s = make(2, 1);
	struct pdp_slice_want w = guaranteed(100);

	set(s, 0, &w);
	refused(s, 1, &w, -28,
		"100 percent cannot be guaranteed; free: nothing; use less, or give cpus.engines "
		"more "
		"CPUs");
	w = wanted(100);
	set(s, 1, &w);
	set(s, 2, &w);
	/* First beside the other engine, which is no worse than beside the MD. */
	placed(s, 1, "1:1");
	placed(s, 2, "2:100");
	pdp_slice_destroy(s);
	s = make(1, 1);
	w = wanted(200);
	set(s, 0, &w);
	placed(s, 0, "1:50 1:50");
	pdp_slice_destroy(s);
}

static void exclusive_cpus(void **state)
{
	static const uint16_t one[] = {1}, two[] = {2}, nine[] = {9};
	struct pdp_slice *s = make(3, 0);
	struct pdp_slice_want w = wanted(300),
			      x = {.n_engines = 1, .power_pct = 5, .exclusive = true};

	set(s, 0, &w);
	placed(s, 0, "1:100 2:100 3:100");
	set(s, 1, &x);
	placed(s, 1, "1:100");
	placed(s, 0, "2:50 2:50 3:100");
	w = (struct pdp_slice_want){.n_engines = 1, .power_pct = 100, .cpus = one, .n_cpus = 1};
	refused(s, 2, &w, -16,
		"CPU 1 is VR b's alone; take another, or set \"exclusive\" of that VR to false");
	w.cpus = nine;
	refused(s, 2, &w, -22, "CPU 9 is not among cpus.engines; take one of those");
	/* More of its own: the others keep one CPU. */
	pdp_slice_want(s, 1, 3, 300);
	assert_int_equal(totals(s).used, 3);
	placed(s, 1, "1:33 1:33 1:33");
	pdp_slice_destroy(s);

	s = make(3, 0);
	w.cpus = two;
	set(s, 0, &w);
	x.guaranteed_pct = 150;
	/* It takes those that nobody names. */
	set(s, 1, &x);
	placed(s, 0, "2:100");
	x.guaranteed_pct = 250;
	refused(s, 1, &x, -28,
		"VR a would be left without a CPU; leave one that is nobody's alone, or give "
		"cpus.engines more CPUs");
	x.guaranteed_pct = 301;
	refused(s, 1, &x, -28,
		"4 CPUs for itself alone cannot be had; free in whole: 100 on CPU 1, 100 on CPU 2, "
		"100 on CPU 3; use less power, or give cpus.engines more CPUs");
	placed(s, 1, "1:100");
	pdp_slice_destroy(s);
}

static void consolidation_empties_cpus(void **state)
{
	struct pdp_slice *s = make(4, 0);
	struct pdp_slice_want w = wanted(100);

	for (unsigned int v = 0; v < 4; v++)
		set(s, v, &w);
	assert_int_equal(totals(s).used, 4);
	pdp_slice_advance(s, 1000);
	assert_int_equal(pdp_slice_consolidate(s, 80), 0);
	/* Nobody moves because the load falls; when it is asked for, CPU by CPU. */
	for (unsigned int v = 0; v < 4; v++)
		pdp_slice_want(s, v, 1, 20);
	assert_int_equal(totals(s).moves, 0);
	assert_int_equal(pdp_slice_consolidate(s, 80), 1);
	assert_int_equal(totals(s).used, 3);
	while (pdp_slice_consolidate(s, 80) != 0)
		;
	assert_int_equal(totals(s).used, 1);
	assert_int_equal(totals(s).moves, 3);
	pdp_slice_advance(s, 1000);
	assert_int_equal(totals(s).used_us, 5000);
	/* The load comes back. */
	for (unsigned int v = 0; v < 4; v++)
		pdp_slice_want(s, v, 1, 100);
	assert_int_equal(totals(s).used, 4);
	assert_int_equal(totals(s).moves, 6);
	pdp_slice_destroy(s);
}

static void plans_are_read_once(void **state)
{
	struct pdp_slice *s = make(2, 0);
	struct pdp_slice_want w = wanted(60);
	struct pdp_slice_plan plan;

	assert_int_equal(pdp_slice_changed(s), -1);
	set(s, 3, &w);
	assert_int_equal(pdp_slice_changed(s), 3);
	pdp_slice_plan(s, 3, &plan);
	assert_int_equal(pdp_slice_changed(s), -1);
	/* Another one on the same CPU changes the share of the first. */
	w = wanted(40);
	set(s, 7, &w);
	assert_int_equal(pdp_slice_changed(s), 3);
	pdp_slice_plan(s, 3, &plan);
	assert_int_equal(plan.at[0].pct, 60);
	assert_int_equal(pdp_slice_changed(s), 7);
	pdp_slice_plan(s, 7, &plan);
	pdp_slice_want(s, 7, 1, 40);
	assert_int_equal(pdp_slice_changed(s), -1);
	pdp_slice_destroy(s);
}

struct model {
	bool set[VRS_MAX];
	struct pdp_slice_want want[VRS_MAX];
	uint16_t cpus[VRS_MAX][8];
	struct pdp_slice_plan plans[VRS_MAX];
	uint64_t seed;
};

static unsigned int pick(struct model *m, unsigned int below)
{
	m->seed = m->seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned int)(m->seed >> 33) % below;
}

struct cpu_sum {
	const struct model *m;
	uint32_t exclusive;
	unsigned int pct, n, guaranteed;
};

static void add_holding(const struct pdp_slice_holding *h, void *arg)
{
	struct cpu_sum *sum = arg;

	assert_true(sum->m->set[h->vr]);
	if (sum->exclusive != PDP_SLICE_NO_VR)
		assert_int_equal(h->vr, sum->exclusive);
	sum->guaranteed += h->guaranteed_pct;
	if (h->engine < 0)
		return;
	assert_in_range(h->pct, 1, 100);
	assert_true(h->pct >= h->guaranteed_pct || sum->exclusive != PDP_SLICE_NO_VR);
	sum->pct += h->pct;
	sum->n++;
}

/* Whatever was asked for. */
static void check(struct pdp_slice *s, const struct model *m, unsigned int n_cpus)
{
	uint32_t sold = 0, owed = 0;

	for (unsigned int i = 0; i < n_cpus; i++) {
		struct pdp_slice_cpu_view view;
		struct cpu_sum sum = {.m = m};

		pdp_slice_cpu_view(s, i, &view, NULL, NULL);
		sum.exclusive = view.exclusive;
		pdp_slice_cpu_view(s, i, &view, add_holding, &sum);
		assert_true(view.guaranteed_pct <= 100 && sum.guaranteed == view.guaranteed_pct);
		assert_true(sum.pct <= 100 + sum.n);
		assert_true(!view.cpu.md || view.guaranteed_pct == 0);
		sold += view.guaranteed_pct;
	}
	for (unsigned int v = 0; v < VRS_MAX; v++) {
		const struct pdp_slice_want *w = &m->want[v];
		const struct pdp_slice_plan *plan = &m->plans[v];
		uint32_t whole = (w->guaranteed_pct + 99) / 100, got = 0;

		if (!m->set[v]) {
			assert_int_equal(plan->n, 0);
			continue;
		}
		owed += !w->exclusive ? w->guaranteed_pct : whole > 0 ? 100 * whole : 100;
		assert_int_equal(plan->n, w->n_engines);
		for (unsigned int i = 0; i < plan->n; i++) {
			bool known = w->n_cpus == 0;

			for (unsigned int k = 0; k < w->n_cpus; k++)
				known |= w->cpus[k] == plan->at[i].cpu;
			assert_true(known);
			got += plan->at[i].pct;
		}
		/* With all its engines running it has what it was promised. */
		if (w->n_engines >= whole)
			assert_true(got + (w->exclusive ? plan->n : 0) >= w->guaranteed_pct);
	}
	assert_int_equal(sold, owed);
	assert_int_equal(totals(s).guaranteed_pct, sold);
}

static void read_plans(struct pdp_slice *s, struct model *m)
{
	int v;

	while ((v = pdp_slice_changed(s)) >= 0)
		pdp_slice_plan(s, (unsigned int)v, &m->plans[v]);
}

static void set_one(struct pdp_slice *s, struct model *m, unsigned int v, unsigned int n_cpus)
{
	struct pdp_slice_want w = {.n_engines = (uint16_t)pick(m, 6),
				   .power_pct = pick(m, 500),
				   .guaranteed_pct = pick(m, 2) ? pick(m, 220) : 0,
				   .exclusive = pick(m, 6) == 0};
	uint16_t cpus[8];
	char err[256] = "";

	if (pick(m, 3) == 0) {
		unsigned int first = pick(m, n_cpus);

		w.cpus = cpus;
		for (w.n_cpus = 0; w.n_cpus < 1 + first % 4; w.n_cpus++)
			cpus[w.n_cpus] = (uint16_t)((first + w.n_cpus) % n_cpus + 1);
	}
	if (pdp_slice_set(s, v, &w, err, sizeof(err)) != 0) {
		/* As it was. */
		assert_true(err[0] != '\0');
		assert_int_equal(pdp_slice_changed(s), -1);
		return;
	}
	m->set[v] = true;
	m->want[v] = w;
	if (w.n_cpus != 0)
		m->want[v].cpus = memcpy(m->cpus[v], cpus, sizeof(cpus));
}

static void whatever_is_asked_for(void **state)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		const unsigned int n_cpus = 5 + (unsigned int)seed % 12;
		struct pdp_slice *s = make(n_cpus, seed % 2);
		const uint32_t free_pct = totals(s).free_pct;
		struct model m = {.seed = seed};

		for (unsigned int step = 0; step < 300; step++) {
			unsigned int v = pick(&m, VRS_MAX), what = pick(&m, 8);

			if (what < 4) {
				set_one(s, &m, v, n_cpus);
			} else if (what < 6 && m.set[v]) {
				m.want[v].n_engines = (uint16_t)pick(&m, 6);
				m.want[v].power_pct = pick(&m, 500);
				pdp_slice_want(s, v, m.want[v].n_engines, m.want[v].power_pct);
			} else if (what == 6) {
				pdp_slice_release(s, v);
				m.set[v] = false;
			} else {
				pdp_slice_consolidate(s, 80);
			}
			read_plans(s, &m);
			check(s, &m, n_cpus);
		}
		for (unsigned int v = 0; v < VRS_MAX; v++) {
			pdp_slice_release(s, v);
			m.set[v] = false;
		}
		read_plans(s, &m);
		check(s, &m, n_cpus);
		assert_int_equal(totals(s).free_pct, free_pct);
		assert_int_equal(totals(s).used, 0);
		pdp_slice_destroy(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slice_alloc),
		cmocka_unit_test(guarantees_are_moved_together),
		cmocka_unit_test(best_effort_takes_free_cpus_then_shares),
		cmocka_unit_test(guarantees_go_before_the_rest),
		cmocka_unit_test(cpus_go_and_come),
		cmocka_unit_test(nothing_is_guaranteed_on_the_md),
		cmocka_unit_test(exclusive_cpus),
		cmocka_unit_test(consolidation_empties_cpus),
		cmocka_unit_test(plans_are_read_once),
		cmocka_unit_test(whatever_is_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
