/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lib/monitor: the steps of LVRM's experiments, loads on a boundary, dwell and limits. A node is
 * simulated: arrivals at a given rate, engines that serve so many packets a second.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <pdp_monitor.h>

#define MS 1000000ull
#define S  (1000 * MS)

struct sim {
	struct pdp_monitor *m;
	struct pdp_monitor_decision d;
	struct pdp_monitor_engine engines[PDP_MONITOR_ENGINES_MAX];
	double served[PDP_MONITOR_ENGINES_MAX];
	double capacity_pps[PDP_MONITOR_ENGINES_MAX];
	double arrived;
	uint64_t now_ns;
	uint64_t seed;
	unsigned int n;	      /* engines now */
	unsigned int changes; /* of that number */
	unsigned int orders;  /* samples after which there is something to do */
};

static const struct pdp_monitor_params defaults = {
	.tau_ms = 1000, .dwell_ms = 1000, .hysteresis_pct = 10};
static const struct pdp_monitor_params paper = {.tau_ms = 250, .hysteresis_pct = 10};

/* -1 .. 1 */
static double noise(struct sim *s)
{
	s->seed = s->seed * 6364136223846793005u + 1442695040888963407u;
	return (double)(int64_t)s->seed / 9223372036854775808.0;
}

static void begin(struct sim *s, const struct pdp_monitor_params *params,
		  const struct pdp_monitor_policy *policy)
{
	*s = (struct sim){.m = pdp_monitor_create(params, 1), .now_ns = S, .seed = 1};
	assert_non_null(s->m);
	for (unsigned int i = 0; i < PDP_MONITOR_ENGINES_MAX; i++)
		s->capacity_pps[i] = 60000;
	pdp_monitor_set_policy(s->m, 0, policy);
}

static void end(struct sim *s)
{
	pdp_monitor_destroy(s->m);
}

/* Time goes by at one rate, spread evenly over the engines. */
static void run(struct sim *s, uint64_t ns, double pps)
{
	const double dt = (double)ns / 1e9;

	s->arrived += pps * dt;
	for (unsigned int i = 0; i < s->n; i++) {
		double can = s->capacity_pps[i] * dt, gets = pps * dt / s->n;

		s->served[i] += gets < can ? gets : can;
		s->engines[i].served = (uint64_t)s->served[i];
		s->engines[i].busy_ns += (uint64_t)((gets < can ? gets / can : 1) * (double)ns);
		s->engines[i].queue = gets < can ? 1 : 1000;
	}
	s->now_ns += ns;
}

static void sample(struct sim *s)
{
	const struct pdp_monitor_sample now = {.now_ns = s->now_ns,
					       .arrived = (uint64_t)s->arrived,
					       .n_engines = s->n,
					       .engines = s->engines};

	if (pdp_monitor_sample(s->m, 0, &now, &s->d))
		s->orders++;
	if (s->d.to != s->d.from) {
		assert_true(s->d.text[0] != '\0');
		assert_int_equal(s->d.from, s->n);
		s->n = s->d.to;
		s->changes++;
	}
}

/* Many periods at one rate. */
static void hold(struct sim *s, uint64_t period_ns, unsigned int periods, double pps)
{
	for (unsigned int i = 0; i < periods; i++) {
		run(s, period_ns, pps);
		sample(s);
	}
}

/*
 * LVRM's steps as lvrm-2c runs them: 57, 117, ... 357 and back, 5 periods of 1 s each, the step at
 * `phase` (0..1) of a period. @return periods after one of grace in which the number was wrong
 */
static unsigned int steps(const struct pdp_monitor_policy *policy, double phase,
			  double capacity_pps, double noise_pct)
{
	unsigned int wrong = 0;
	double last = 0;
	struct sim s;

	begin(&s, &paper, policy);
	for (unsigned int i = 0; i < PDP_MONITOR_ENGINES_MAX; i++)
		s.capacity_pps[i] = capacity_pps;
	sample(&s);
	for (int step = 0; step < 11; step++) {
		const int want = step < 6 ? step + 1 : 11 - step;
		const double pps = want * 60000.0 - 3000;

		for (int period = 0; period < 5; period++) {
			const double rate = pps * (1 + noise_pct / 100 * noise(&s));

			run(&s, (uint64_t)(phase * 1e9), period == 0 ? last : rate);
			run(&s, (uint64_t)((1 - phase) * 1e9), rate);
			sample(&s);
			wrong += period > 0 && (int)s.n != want;
		}
		last = pps;
	}
	end(&s);
	return wrong;
}

static void threshold_follows_steps(void **state)
{
	const struct pdp_monitor_policy p = {
		.policy = PDP_POLICY_THRESHOLD, .min = 1, .max = 6, .threshold_pps = 60000};

	for (int phase = 0; phase < 20; phase++) {
		assert_int_equal(steps(&p, phase / 20.0, 60000, 0), 0);
		assert_int_equal(steps(&p, phase / 20.0, 60000, 0.2), 0);
	}
}

static void dynamic_follows_steps(void **state)
{
	const struct pdp_monitor_policy p = {
		.policy = PDP_POLICY_DYNAMIC, .min = 1, .max = 6, .target_pct = 100};

	for (int phase = 0; phase < 20; phase++) {
		assert_int_equal(steps(&p, phase / 20.0, 60000, 0), 0);
		/* What is learnt may be off by half a percent, and the steps are right in nine of
		 * ten periods of 44. */
		assert_true(steps(&p, phase / 20.0, 59700, 0) <= 4);
		assert_true(steps(&p, phase / 20.0, 60300, 0) <= 4);
	}
}

static void a_slower_plugin_gets_more_engines(void **state)
{
	const struct pdp_monitor_policy p = {
		.policy = PDP_POLICY_DYNAMIC, .min = 1, .max = 12, .target_pct = 100};
	struct sim s;

	begin(&s, &defaults, &p);
	hold(&s, 100 * MS, 100, 115000);
	assert_int_equal(s.n, 2);
	for (unsigned int i = 0; i < 12; i++) {
		s.capacity_pps[i] = 20000;
		s.engines[i].generation++;
		s.engines[i].served = s.engines[i].busy_ns = 0;
		s.served[i] = 0;
	}
	hold(&s, 100 * MS, 100, 115000);
	assert_int_equal(s.n, 6);
	/* The same without a restart takes longer: what is learnt is forgotten slowly. */
	for (unsigned int i = 0; i < 12; i++)
		s.capacity_pps[i] = 60000;
	hold(&s, 100 * MS, 300, 115000);
	assert_int_equal(s.n, 2);
	end(&s);
}

static void on_a_boundary(const struct pdp_monitor_params *params, uint64_t period_ns,
			  const struct pdp_monitor_policy *policy, unsigned int engines,
			  uint64_t seed)
{
	static const double from[] = {0.5, 1.0, 1.5};

	for (unsigned int f = 0; f < 3; f++) {
		struct sim s;

		begin(&s, params, policy);
		s.seed = seed;
		sample(&s);
		hold(&s, period_ns, (unsigned int)(10 * S / period_ns), from[f] * engines * 60000);
		/* It goes to the boundary and stays there. */
		hold(&s, period_ns, (unsigned int)(5 * S / period_ns), engines * 60000.0);
		s.changes = 0;
		for (unsigned int i = 0; i < 60 * S / period_ns; i++) {
			run(&s, period_ns, engines * 60000 * (1 + 0.01 * noise(&s)));
			sample(&s);
		}
		assert_true(s.changes <= 1);
		assert_true(s.n == engines || s.n == engines + 1);
		end(&s);
	}
}

static void no_flapping_on_a_boundary(void **state)
{
	const struct pdp_monitor_params no_dwell = {.tau_ms = 1000, .hysteresis_pct = 10};
	const struct pdp_monitor_policy threshold = {
		.policy = PDP_POLICY_THRESHOLD, .min = 1, .max = 8, .threshold_pps = 60000};
	const struct pdp_monitor_policy dynamic = {
		.policy = PDP_POLICY_DYNAMIC, .min = 1, .max = 8, .target_pct = 100};

	for (uint64_t seed = 1; seed <= 40; seed++) {
		for (unsigned int engines = 1; engines <= 5; engines++) {
			on_a_boundary(&paper, S, &threshold, engines, seed);
			on_a_boundary(&no_dwell, 100 * MS, &threshold, engines, seed);
			on_a_boundary(&defaults, 100 * MS, &dynamic, engines, seed);
			on_a_boundary(&paper, S, &dynamic, engines, seed);
		}
	}
}

/* It does flap without hysteresis: the test above is not idle. */
static void without_hysteresis_it_flaps(void **state)
{
	const struct pdp_monitor_params none = {.tau_ms = 250};
	const struct pdp_monitor_policy p = {
		.policy = PDP_POLICY_THRESHOLD, .min = 1, .max = 6, .threshold_pps = 60000};
	struct sim s;

	begin(&s, &none, &p);
	sample(&s);
	for (unsigned int i = 0; i < 60; i++) {
		run(&s, S, 180000 * (1 + 0.02 * noise(&s)));
		sample(&s);
	}
	assert_true(s.changes > 5);
	end(&s);
}

static void what_stays_beyond_a_boundary_goes_over_it(void **state)
{
	const struct pdp_monitor_params params = {.tau_ms = 250, .hysteresis_pct = 10};
	const struct pdp_monitor_policy p = {
		.policy = PDP_POLICY_THRESHOLD, .min = 1, .max = 6, .threshold_pps = 60000};
	struct sim s;

	begin(&s, &params, &p);
	sample(&s);
	hold(&s, S, 10, 90000);
	hold(&s, S, 10, 59000);
	assert_int_equal(s.n, 1);
	/* Back over the boundary by less than the hysteresis: not now, but after half a minute. */
	hold(&s, S, 20, 63000);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.d.why, PDP_MONITOR_HELD);
	hold(&s, S, 12, 63000);
	assert_int_equal(s.n, 2);
	/* By more: at once. */
	hold(&s, S, 10, 90000);
	hold(&s, S, 10, 59000);
	assert_int_equal(s.n, 1);
	hold(&s, S, 2, 68000);
	assert_int_equal(s.n, 2);
	end(&s);
}

static void thresholds_are_inclusive(void **state)
{
	const struct pdp_monitor_policy p = {
		.policy = PDP_POLICY_THRESHOLD, .min = 0, .max = 64, .threshold_pps = 1000};
	const struct pdp_monitor_params none = {0};
	struct sim s;

	for (unsigned int c = 1; c <= 64; c++) {
		begin(&s, &none, &p);
		sample(&s);
		hold(&s, S, 3, c * 1000.0);
		assert_int_equal(s.n, c);
		hold(&s, S, 3, c * 1000.0 + 2);
		assert_int_equal(s.n, c < 64 ? c + 1 : 64);
		hold(&s, S, 3, 0);
		assert_int_equal(s.n, 0);
		end(&s);
	}
}

static void more_at_once_fewer_after_the_dwell(void **state)
{
	const struct pdp_monitor_params params = {
		.tau_ms = 0, .dwell_ms = 5000, .hysteresis_pct = 10};
	const struct pdp_monitor_policy p = {
		.policy = PDP_POLICY_THRESHOLD, .min = 1, .max = 6, .threshold_pps = 60000};
	struct sim s;

	begin(&s, &params, &p);
	sample(&s);
	hold(&s, S, 1, 200000);
	assert_int_equal(s.n, 4);
	hold(&s, S, 1, 300000);
	assert_int_equal(s.n, 5);
	hold(&s, S, 5, 10000);
	assert_int_equal(s.n, 5);
	assert_int_equal(s.d.why, PDP_MONITOR_HELD);
	assert_non_null(strstr(s.d.text, "1 would do, held by dwell_ms"));
	hold(&s, S, 1, 10000);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.d.why, PDP_MONITOR_SHRINK);
	/* A break begins it anew: a dip takes no engine away. */
	hold(&s, S, 1, 200000);
	for (unsigned int i = 0; i < 10; i++) {
		hold(&s, S, 5, 10000);
		hold(&s, S, 1, 200000);
	}
	assert_int_equal(s.n, 4);
	end(&s);
}

static void limits_hold_at_once(void **state)
{
	struct pdp_monitor_policy p = {.policy = PDP_POLICY_FIXED, .min = 3, .max = 3};
	struct sim s;

	begin(&s, &defaults, &p);
	sample(&s);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.d.why, PDP_MONITOR_LIMITS);
	assert_int_equal(s.d.power_pct, 300);
	hold(&s, S, 5, 1e6);
	assert_int_equal(s.n, 3);
	p = (struct pdp_monitor_policy){
		.policy = PDP_POLICY_THRESHOLD, .min = 4, .max = 6, .threshold_pps = 60000};
	pdp_monitor_set_policy(s.m, 0, &p);
	hold(&s, S, 1, 1e6);
	assert_int_equal(s.n, 4);
	hold(&s, S, 1, 1e6);
	assert_int_equal(s.n, 6);
	p.max = 5;
	pdp_monitor_set_policy(s.m, 0, &p);
	hold(&s, S, 1, 1e6);
	assert_int_equal(s.n, 5);
	hold(&s, S, 10, 0);
	assert_int_equal(s.n, 4);
	end(&s);
}

static double capacity(const struct sim *s, unsigned int engine)
{
	struct pdp_monitor_view view;

	pdp_monitor_view(s->m, 0, &view);
	return view.engines[engine].capacity_pps;
}

static void capacity_is_learnt(void **state)
{
	const struct pdp_monitor_policy p = {
		.policy = PDP_POLICY_DYNAMIC, .min = 2, .max = 4, .target_pct = 80};
	struct pdp_monitor_view view;
	struct sim s;

	begin(&s, &defaults, &p);
	s.capacity_pps[0] = 75000;
	s.capacity_pps[1] = 50000;
	sample(&s);
	hold(&s, 100 * MS, 1, 0);
	assert_true(capacity(&s, 0) == 0);
	hold(&s, 100 * MS, 50, 40000);
	assert_true(capacity(&s, 0) > 74700 && capacity(&s, 0) < 75300);
	assert_true(capacity(&s, 1) > 49800 && capacity(&s, 1) < 50200);
	pdp_monitor_view(s.m, 0, &view);
	assert_true(view.capacity_pps > 55000 && view.capacity_pps < 65000);
	assert_true(view.engines[0].busy > 0.26 && view.engines[0].busy < 0.27);
	/* Idle for long: nothing is forgotten. */
	hold(&s, 100 * MS, 6000, 0);
	assert_true(capacity(&s, 0) > 74700 && capacity(&s, 0) < 75300);
	/* Two serve (75 + 50) * 0.8 = 100 kpps. */
	hold(&s, 100 * MS, 100, 99000);
	assert_int_equal(s.n, 2);
	assert_in_range(s.d.power_pct, 160, 200);
	hold(&s, 100 * MS, 100, 102000);
	assert_int_equal(s.n, 3);
	end(&s);
}

/* Samples too short to tell anything, engines that began anew, counters that went back. */
static void capacity_survives_bad_samples(void **state)
{
	const struct pdp_monitor_policy p = {
		.policy = PDP_POLICY_DYNAMIC, .min = 1, .max = 4, .target_pct = 80};
	struct sim s;

	begin(&s, &defaults, &p);
	sample(&s);
	hold(&s, 100 * MS, 50, 30000);
	for (unsigned int i = 0; i < 20000; i++) {
		run(&s, 20000, 30000);
		s.engines[0].served++; /* read in the middle of a turn */
		sample(&s);
		s.engines[0].served--;
	}
	assert_true(capacity(&s, 0) > 59000 && capacity(&s, 0) < 61000);
	s.engines[0].generation++;
	s.engines[0].served = s.engines[0].busy_ns = 0;
	s.served[0] = 0;
	sample(&s);
	assert_true(capacity(&s, 0) > 59000 && capacity(&s, 0) < 61000);
	s.engines[0].generation++;
	s.engines[0].served = UINT64_MAX / 2;
	hold(&s, 100 * MS, 1, 0);
	assert_true(capacity(&s, 0) > 59000 && capacity(&s, 0) < 61000);
	s.engines[0].served = 5;
	s.engines[0].busy_ns = 0;
	sample(&s);
	hold(&s, 100 * MS, 20, 0);
	assert_true(capacity(&s, 0) > 59000 && capacity(&s, 0) < 61000);
	end(&s);
}

/* The wanted power follows the load in steps; what moves by less is not worth a new plan. */
static void power_moves_in_steps(void **state)
{
	const struct pdp_monitor_policy p = {
		.policy = PDP_POLICY_DYNAMIC, .min = 1, .max = 4, .target_pct = 80};
	struct sim s;

	begin(&s, &defaults, &p);
	sample(&s);
	assert_int_equal(s.d.power_pct, 100);
	hold(&s, 100 * MS, 100, 24000);
	assert_in_range(s.d.power_pct, 50, 59);
	s.orders = 0;
	for (unsigned int i = 0; i < 100; i++)
		hold(&s, 100 * MS, 1, 24000 + 1000 * noise(&s));
	assert_true(s.orders <= 1);
	hold(&s, 100 * MS, 100, 34000);
	assert_in_range(s.d.power_pct, 66, 76);
	end(&s);
}

static void nothing_is_decided_before_anything_is_learnt(void **state)
{
	const struct pdp_monitor_policy p = {
		.policy = PDP_POLICY_DYNAMIC, .min = 1, .max = 4, .target_pct = 80};
	struct sim s;

	begin(&s, &defaults, &p);
	s.capacity_pps[0] = 0.1;
	sample(&s);
	hold(&s, 100 * MS, 50, 1e6);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.d.power_pct, 100);
	end(&s);
}

/* What was decided is not always what happened. */
static void the_real_number_counts(void **state)
{
	const struct pdp_monitor_policy p = {
		.policy = PDP_POLICY_THRESHOLD, .min = 1, .max = 6, .threshold_pps = 60000};
	struct sim s;

	begin(&s, &paper, &p);
	sample(&s);
	hold(&s, S, 5, 200000);
	assert_int_equal(s.n, 4);
	pdp_monitor_set_engines(s.m, 0, 1);
	s.n = 1;
	hold(&s, S, 1, 200000);
	assert_int_equal(s.n, 4);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threshold_follows_steps),
		cmocka_unit_test(dynamic_follows_steps),
		cmocka_unit_test(a_slower_plugin_gets_more_engines),
		cmocka_unit_test(no_flapping_on_a_boundary),
		cmocka_unit_test(without_hysteresis_it_flaps),
		cmocka_unit_test(what_stays_beyond_a_boundary_goes_over_it),
		cmocka_unit_test(thresholds_are_inclusive),
		cmocka_unit_test(more_at_once_fewer_after_the_dwell),
		cmocka_unit_test(limits_hold_at_once),
		cmocka_unit_test(capacity_is_learnt),
		cmocka_unit_test(capacity_survives_bad_samples),
		cmocka_unit_test(power_moves_in_steps),
		cmocka_unit_test(nothing_is_decided_before_anything_is_learnt),
		cmocka_unit_test(the_real_number_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
