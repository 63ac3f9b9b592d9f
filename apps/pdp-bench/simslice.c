/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Monitor and slices of a large machine over a day, on synthetic load (case sim-slice): virtual
 * routers come and go, each with a daily rhythm, bursts and a guarantee, and ask for CPUs. Time and
 * packets are numbers here, so a day takes seconds; the same seed gives the same day.
 *
 *   usage: pdp-sim-slice POLICY CPUS VRS HOURS SEED [fixed: engines for the peak, always]
 *
 * Prints one JSON object. `ideal` is the least number of CPUs that could carry the load at the
 * target utilization, if it could be cut at will.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pdp_monitor.h>
#include <pdp_slice.h>

#define PERIOD_S    5
#define DAY_S	    86400.0
#define TIDY_S	    30 /* between two attempts to use fewer CPUs */
#define FILL_PCT    80
#define TARGET_PCT  80
#define ENGINES_MAX 8
#define PEAK_MAX    (ENGINES_MAX * TARGET_PCT / 200.0) /* bursts double it */
#define VRS_MAX	    1024
#define CPUS_MAX    PDP_SLICE_CPUS_MAX
#define LIFE_S	    28800 /* of a VR, on average */
#define PAUSE_S	    7200  /* until the next one takes its place */

struct load {
	bool lives;
	double until_s;	     /* it goes or comes */
	double capacity_pps; /* of one engine on a whole CPU */
	double peak;	     /* engines' worth of load at the top of its day */
	double phase;	     /* of the day */
	double burst;	     /* factor just now */
	double burst_until_s;
	double pps;
	uint64_t arrived;
	struct pdp_slice_plan plan;
	struct pdp_monitor_engine engines[ENGINES_MAX];
};

static struct sim {
	enum pdp_policy policy;
	unsigned int n_cpus, n_vrs;
	uint64_t seed;
	double now_s;
	struct pdp_monitor *monitor;
	struct pdp_slice *slice;
	struct load loads[VRS_MAX];
	double cpu_load[CPUS_MAX]; /* by number of the CPU: what its engines have to do, 1 = all */
	char names[VRS_MAX][16];
	const char *name_list[VRS_MAX];
	/* sums over periods */
	double used, ideal, offered, short_of;
	unsigned int used_max, ideal_max, periods;
	uint64_t asked, changes;
} sim;

/* 0 .. 1 */
static double chance(void)
{
	sim.seed = sim.seed * 6364136223846793005u + 1442695040888963407u;
	return (double)(sim.seed >> 11) / 9007199254740992.0;
}

static double exponential(double mean)
{
	return -mean * log(1 - chance());
}

static struct pdp_monitor_policy policy_of(const struct load *l)
{
	const uint16_t max = (uint16_t)fmin(ceil(l->peak * 2 * 100 / TARGET_PCT), ENGINES_MAX);
	const uint16_t peak = (uint16_t)fmin(ceil(l->peak * 100 / TARGET_PCT), ENGINES_MAX);

	if (!l->lives)
		return (struct pdp_monitor_policy){.policy = PDP_POLICY_FIXED};
	if (sim.policy == PDP_POLICY_FIXED)
		return (struct pdp_monitor_policy){
			.policy = PDP_POLICY_FIXED, .min = peak, .max = peak};
	return (struct pdp_monitor_policy){
		.policy = sim.policy,
		.min = 1,
		.max = max,
		.threshold_pps = (uint32_t)(l->capacity_pps * TARGET_PCT / 100),
		.target_pct = TARGET_PCT};
}

/* A new VR asks for admission. Small ones are many, large ones few; some want guarantees. */
static void come(unsigned int v)
{
	struct load *l = &sim.loads[v];
	struct pdp_slice_want want = {.n_engines = 1, .power_pct = PDP_SLICE_WHOLE};
	struct pdp_monitor_policy policy;
	char err[256];

	l->capacity_pps = 200000 * pow(10, chance());
	l->peak = chance() < 0.04 ? PEAK_MAX : fmin(0.05 + exponential(0.13), PEAK_MAX);
	l->phase = chance() * 0.25;
	l->burst = 1;
	l->burst_until_s = 0;
	if (l->peak >= PEAK_MAX || chance() < 0.25)
		want.guaranteed_pct = 1 + (uint32_t)((l->peak < PEAK_MAX ? 1 : 1.8) * l->peak *
						     PDP_SLICE_WHOLE);
	want.exclusive = chance() < 0.05;
	sim.asked++;
	l->until_s = sim.now_s + exponential(PAUSE_S);
	if (pdp_slice_set(sim.slice, v, &want, err, sizeof(err)) != 0)
		return;
	l->lives = true;
	l->until_s = sim.now_s + exponential(LIFE_S);
	policy = policy_of(l);
	pdp_monitor_set_policy(sim.monitor, v, &policy);
	for (unsigned int i = 0; i < ENGINES_MAX; i++)
		l->engines[i] = (struct pdp_monitor_engine){.generation = l->engines[i].generation +
									  1};
}

static void go(unsigned int v)
{
	struct load *l = &sim.loads[v];
	struct pdp_monitor_policy policy;

	l->lives = false;
	l->pps = 0;
	l->until_s = sim.now_s + exponential(PAUSE_S);
	policy = policy_of(l);
	pdp_monitor_set_policy(sim.monitor, v, &policy);
	pdp_slice_release(sim.slice, v);
}

/* A sine by day, bursts of some minutes, noise. */
static void make_load(struct load *l)
{
	const double day = sin(M_PI * (sim.now_s / DAY_S + l->phase));

	if (sim.now_s >= l->burst_until_s) {
		l->burst = chance() < 0.1 ? 1 + chance() : 0.7 + 0.3 * chance();
		l->burst_until_s = sim.now_s + exponential(300);
	}
	l->pps = l->capacity_pps * l->peak * (0.1 + 0.9 * day * day) * l->burst *
		 (0.97 + 0.06 * chance());
}

/* What each engine has to do: by its share of the VR's power, as weighted balancing does. */
static double demand(const struct load *l, unsigned int i)
{
	double power = 0;

	for (unsigned int k = 0; k < l->plan.n; k++)
		power += l->plan.at[k].pct;
	return l->pps / l->capacity_pps * l->plan.at[i].pct / power;
}

static void serve(struct load *l)
{
	l->arrived += (uint64_t)(l->pps * PERIOD_S);
	for (unsigned int i = 0; i < l->plan.n; i++) {
		const double cpu = sim.cpu_load[l->plan.at[i].cpu];
		const double want = demand(l, i), share = l->plan.at[i].pct / 100.0;
		/* A CPU with too much to do keeps to the shares. */
		const double gets = cpu <= 1 || want <= share ? want : fmax(share, want / cpu);
		struct pdp_monitor_engine *e = &l->engines[i];

		e->served += (uint64_t)(gets * l->capacity_pps * PERIOD_S);
		e->busy_ns += (uint64_t)((gets < want ? 1 : fmin(want, 1)) * PERIOD_S * 1e9);
		sim.short_of += (want - fmin(gets, 1)) * PERIOD_S;
	}
	sim.offered += l->pps / l->capacity_pps * PERIOD_S;
}

static void look(unsigned int v)
{
	struct load *l = &sim.loads[v];
	struct pdp_monitor_decision d;
	const struct pdp_monitor_sample s = {.now_ns = (uint64_t)((sim.now_s + 1) * 1e9),
					     .arrived = l->arrived,
					     .n_engines = ENGINES_MAX,
					     .engines = l->engines};

	if (pdp_monitor_sample(sim.monitor, v, &s, &d) && l->lives)
		pdp_slice_want(sim.slice, v, d.to, d.power_pct);
	sim.changes += d.to != d.from;
}

static void period(void)
{
	struct pdp_slice_totals totals;
	double ideal = 0;
	int changed;

	memset(sim.cpu_load, 0, sizeof(sim.cpu_load));
	for (unsigned int v = 0; v < sim.n_vrs; v++) {
		struct load *l = &sim.loads[v];

		if (sim.now_s >= l->until_s)
			(l->lives ? go : come)(v);
		if (l->lives)
			make_load(l);
		ideal += l->lives ? l->pps / l->capacity_pps * 100 / TARGET_PCT : 0;
	}
	while ((changed = pdp_slice_changed(sim.slice)) >= 0)
		pdp_slice_plan(sim.slice, (unsigned int)changed, &sim.loads[changed].plan);
	for (unsigned int v = 0; v < sim.n_vrs; v++) {
		for (unsigned int i = 0; sim.loads[v].lives && i < sim.loads[v].plan.n; i++)
			sim.cpu_load[sim.loads[v].plan.at[i].cpu] += demand(&sim.loads[v], i);
	}
	for (unsigned int v = 0; v < sim.n_vrs; v++) {
		if (sim.loads[v].lives)
			serve(&sim.loads[v]);
		look(v);
	}
	if ((unsigned int)sim.now_s % TIDY_S == 0 && sim.policy != PDP_POLICY_FIXED)
		pdp_slice_consolidate(sim.slice, FILL_PCT);
	pdp_slice_advance(sim.slice, PERIOD_S * 1000000ull);
	pdp_slice_totals(sim.slice, &totals);
	sim.used += totals.used;
	sim.used_max = totals.used > sim.used_max ? totals.used : sim.used_max;
	sim.ideal += ceil(ideal);
	sim.ideal_max = ideal > sim.ideal_max ? (unsigned int)ceil(ideal) : sim.ideal_max;
	sim.periods++;
}

static int build(void)
{
	static const struct pdp_monitor_params params = {
		.tau_ms = 20000, .dwell_ms = 60000, .hysteresis_pct = 10};
	struct pdp_slice_cpu cpus[CPUS_MAX];
	const struct pdp_slice_params p = {
		.cpus = cpus, .n_cpus = sim.n_cpus, .names = sim.name_list, .n_vrs = sim.n_vrs};

	for (unsigned int i = 0; i < sim.n_cpus; i++)
		cpus[i] = (struct pdp_slice_cpu){.cpu = (uint16_t)i};
	for (unsigned int v = 0; v < sim.n_vrs; v++) {
		snprintf(sim.names[v], sizeof(sim.names[v]), "vr%u", v);
		sim.name_list[v] = sim.names[v];
		sim.loads[v].until_s = exponential(PAUSE_S);
	}
	sim.monitor = pdp_monitor_create(&params, sim.n_vrs);
	sim.slice = pdp_slice_create(&p);
	return sim.monitor != NULL && sim.slice != NULL ? 0 : -1;
}

static int read_arguments(int argc, char **argv, unsigned int *hours)
{
	if (argc != 6)
		return -1;
	while (strcmp(pdp_policy_name(sim.policy), argv[1]) != 0) {
		if (sim.policy++ == PDP_POLICY_DYNAMIC)
			return -1;
	}
	sim.n_cpus = (unsigned int)atoi(argv[2]);
	sim.n_vrs = (unsigned int)atoi(argv[3]);
	*hours = (unsigned int)atoi(argv[4]);
	sim.seed = strtoull(argv[5], NULL, 10);
	return sim.n_cpus >= 1 && sim.n_cpus <= CPUS_MAX && sim.n_vrs >= 1 &&
			       sim.n_vrs <= VRS_MAX && *hours >= 1 && *hours <= 1000
		       ? 0
		       : -1;
}

int main(int argc, char **argv)
{
	struct pdp_slice_totals totals;
	unsigned int hours;

	if (read_arguments(argc, argv, &hours) != 0) {
		fprintf(stderr,
			"usage: pdp-sim-slice fixed|threshold|dynamic CPUS VRS HOURS SEED\n");
		return 2;
	}
	if (build() != 0) {
		fprintf(stderr, "pdp-sim-slice: out of memory\n");
		return 1;
	}
	for (; sim.now_s < hours * 3600.0; sim.now_s += PERIOD_S)
		period();
	pdp_slice_totals(sim.slice, &totals);
	printf("{\"cpus\": %u, \"used\": %.2f, \"used_max\": %u, \"ideal\": %.2f, \"ideal_max\": "
	       "%u, "
	       "\"of_ideal\": %.3f, \"core_hours\": %.1f, \"asked\": %" PRIu64
	       ", \"rejected\": %" PRIu64 ", \"moves\": %" PRIu64 ", \"engine_changes\": %" PRIu64
	       ", \"short_pct\": %.3f}\n",
	       sim.n_cpus, sim.used / sim.periods, sim.used_max, sim.ideal / sim.periods,
	       sim.ideal_max, sim.used / sim.ideal, (double)totals.used_us / 3.6e9, sim.asked,
	       totals.refused, totals.moves, sim.changes, 100 * sim.short_of / sim.offered);
	pdp_slice_destroy(sim.slice);
	pdp_monitor_destroy(sim.monitor);
	return 0;
}
