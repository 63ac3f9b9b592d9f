/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plugin relay, paced: its service takes what was asked for, to half a percent, under full
 * load, in part, and packet by packet, on a machine whose timer and loop are late. Time is the
 * test's: clock_nanosleep() comes here (--wrap).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <pdp_vr.h>

#define TURN_NS 1500.0 /* what the loop does besides, each turn */
#define QUEUE	1024   /* packets that wait at most */
#define SECONDS 4.0

extern const struct pdp_vr_ops pdp_vr_plugin;

int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *at,
			   struct timespec *left);

static struct {
	double now_ns, turn_ns, busy_ns;
	double late_ns; /* of the timer, on average */
	uint64_t seed;
	unsigned int burst;
	uint64_t served;
	char said[256];
} sim;

static double chance(void)
{
	sim.seed = sim.seed * 6364136223846793005u + 1442695040888963407u;
	return (double)(sim.seed >> 11) / 9007199254740992.0;
}

int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *at,
			   struct timespec *left)
{
	const double until = (double)at->tv_sec * 1e9 + (double)at->tv_nsec;

	if (until > sim.now_ns)
		sim.now_ns = until;
	/* Now and then another process has the CPU for some milliseconds. */
	sim.now_ns += chance() < 0.001 ? 8e6 * chance() : 2 * sim.late_ns * chance();
	return 0;
}

static uint64_t now_ns(struct pdp_vr *vr)
{
	return (uint64_t)sim.now_ns;
}

static uint64_t busy_ns(struct pdp_vr *vr)
{
	return (uint64_t)(sim.busy_ns + sim.now_ns - sim.turn_ns);
}

static uint64_t *counter(struct pdp_vr *vr, const char *name)
{
	return &sim.served;
}

static void burst(struct pdp_vr *vr, unsigned int n)
{
	sim.burst = n < 1 ? 1 : n > PDP_BURST_MAX ? PDP_BURST_MAX : n;
}

static void say(struct pdp_vr *vr, int level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(sim.said, sizeof(sim.said), format, args);
	va_end(args);
}

static const struct pdp_vr_services services = {
	.counter = counter, .now_ns = now_ns, .burst = burst, .log = say, .busy_ns = busy_ns};
static const struct pdp_vr_vif vifs[2] = {{.name = "a"}, {.name = "b"}};

static int begin(struct pdp_vr_info *info, const char *args, unsigned int engine, void **relay)
{
	memset(&sim, 0, sizeof(sim));
	sim.burst = PDP_BURST_MAX;
	sim.seed = 1;
	sim.late_ns = 50000;
	*info = (struct pdp_vr_info){.services = &services,
				     .args = args,
				     .engine = engine,
				     .n_engines = 4,
				     .n_vifs = 2,
				     .vifs = vifs};
	return pdp_vr_plugin.init(info, relay);
}

/* The engine's loop, with packets that arrive one by one at a rate. @return served a busy second */
static double run(void *relay, double offered_pps)
{
	double waiting = 0, seen_ns = 0;

	while (sim.now_ns < SECONDS * 1e9) {
		struct pdp_pkt pkts[PDP_BURST_MAX] = {{0}};
		unsigned int n;

		sim.turn_ns = sim.now_ns;
		waiting += offered_pps * (sim.now_ns - seen_ns) / 1e9;
		waiting = waiting > QUEUE ? QUEUE : waiting;
		seen_ns = sim.now_ns;
		n = waiting < sim.burst ? (unsigned int)waiting : sim.burst;
		if (n == 0) {
			sim.now_ns += 200;
			continue;
		}
		sim.now_ns += TURN_NS * chance();
		pdp_vr_plugin.process(relay, pkts, n);
		assert_int_equal(pkts[0].verdict, PDP_FORWARD);
		assert_int_equal(pkts[n - 1].vif, 1);
		sim.now_ns += TURN_NS * chance();
		sim.busy_ns += sim.now_ns - sim.turn_ns;
		waiting -= n;
	}
	return (double)sim.served / sim.busy_ns * 1e9;
}

static void pace_is_service(void **state)
{
	static const double loads[] = {0.01, 0.1, 0.5, 0.75, 0.95, 1.0, 2.0};
	struct pdp_vr_info info;
	void *relay;

	for (unsigned int i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		double pps;

		assert_int_equal(begin(&info, "{\"pace_pps\": 60000}", 0, &relay), 0);
		assert_int_equal(sim.burst, 15);
		pps = run(relay, loads[i] * 60000);
		if (pps < 60000 * 0.995 || pps > 60000 * 1.005)
			fail_msg("at %.2f of 60000 pps it served %.0f in a busy second", loads[i],
				 pps);
		/* It gives nothing away, and idle time gives no credit. */
		assert_true((double)sim.served <= 60000 * sim.now_ns / 1e9 + 1);
		if (loads[i] < 0.9)
			assert_true(sim.served >= 0.99 * loads[i] * 60000 * SECONDS);
		pdp_vr_plugin.fini(relay);
	}
}

static void idle_time_gives_no_credit(void **state)
{
	struct pdp_pkt pkts[PDP_BURST_MAX] = {{0}};
	struct pdp_vr_info info;
	void *relay;

	assert_int_equal(begin(&info, "{\"pace_pps\": 1000}", 0, &relay), 0);
	sim.late_ns = 0;
	for (unsigned int i = 0; i < 10; i++) {
		double before;

		sim.now_ns += 1e9;
		before = sim.turn_ns = sim.now_ns;
		pdp_vr_plugin.process(relay, pkts, 5);
		assert_true(sim.now_ns - before > 4.99e6);
		sim.busy_ns += sim.now_ns - sim.turn_ns;
	}
	pdp_vr_plugin.fini(relay);
}

static void each_engine_has_its_own(void **state)
{
	static const double want[] = {75000, 50000, 50000};
	struct pdp_vr_info info;
	void *relay;

	for (unsigned int engine = 0; engine < 3; engine++) {
		double pps;

		assert_int_equal(begin(&info, "{\"pace_pps\": [75000, 50000], \"spin_ns\": [0]}",
				       engine, &relay),
				 0);
		pps = run(relay, 1e6);
		assert_true(pps > want[engine] * 0.995 && pps < want[engine] * 1.005);
		pdp_vr_plugin.fini(relay);
	}
}

static void wrong_arguments(void **state)
{
	static const char *const wrong[] = {"{\"pace_pps\": -1}",	 "{\"pace_pps\": \"fast\"}",
					    "{\"pace_pps\": []}",	 "{\"pace_pps\": [1, -1]}",
					    "{\"spin_ns\": [1.5]}",	 "{\"spin_ns\": 1000001}",
					    "{\"pace_pps\": [[60000]]}", "{\"pace_pps\": null}"};
	struct pdp_vr_info info;
	void *relay;

	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(begin(&info, wrong[i], 1, &relay), -22);
		assert_string_equal(sim.said,
				    "args: spin_ns is 0..1000000, pace_pps 0..100000000, or a "
				    "list of such, one for each engine");
	}
	assert_int_equal(begin(&info, "{\"pace\": 1}", 1, &relay), -22);
	assert_non_null(strstr(sim.said, "known: swap_mac (bool)"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pace_is_service),
		cmocka_unit_test(idle_time_gives_no_credit),
		cmocka_unit_test(each_engine_has_its_own),
		cmocka_unit_test(wrong_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
