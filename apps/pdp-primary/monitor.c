/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The load monitor: every period, counters of VRs and engines -> lib/monitor -> lib/slice ->
 * engines. Nothing here disturbs an MD lcore, but for a change that was decided. Control thread.
 */
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include <pdp_log.h>

#include "load.h"

#define TIDY_US	 10000000 /* between two attempts to use fewer CPUs */
#define FILL_PCT 80	  /* engines are moved together on a CPU up to that */
#define TELL_PCT 5	  /* a capacity that moved by less is not told to the balancer */

struct load load;

uint64_t load_ns(uint64_t tsc)
{
	return (uint64_t)((double)tsc * 1e9 / (double)rte_get_tsc_hz());
}

struct pdp_monitor_policy load_policy(const struct pdp_vr_config *c)
{
	return (struct pdp_monitor_policy){.policy = c->policy,
					   .min = c->engines_min,
					   .max = c->engines,
					   .threshold_pps = c->threshold_pps,
					   .target_pct = c->target_pct};
}

static uint64_t arrived(unsigned int vr)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < node.n_md; i++)
		n += pdp_md_vr_arrived(node.mds[i], vr);
	return n;
}

static unsigned int read_engines(unsigned int vr, struct pdp_monitor_engine *engines)
{
	struct pdp_engine_load loads[PDP_ENGINES_MAX];
	unsigned int n = pdp_engines_loads(node.engines, vr, loads);

	for (unsigned int i = 0; i < n; i++)
		engines[i] = (struct pdp_monitor_engine){.generation = loads[i].generation,
							 .queue = loads[i].queue,
							 .served = loads[i].served,
							 .busy_ns = load_ns(loads[i].busy_tsc)};
	return n;
}

static void note(unsigned int vr, const struct pdp_monitor_decision *d, bool done)
{
	struct load_entry *e = &load.log[load.n_log++ % LOAD_LOG];

	*e = (struct load_entry){
		.at_s = (double)(rte_rdtsc() - node.start_tsc) / (double)rte_get_tsc_hz(),
		.vr = (uint16_t)vr,
		.done = done,
		.decision = *d,
	};
	PDP_LOG(INFO, "VR %s: %s, %u -> %u engines%s (%s)", node.config->vrs[vr].name,
		pdp_monitor_why_name(d->why), d->from, d->to, done ? "" : ", not done", d->text);
}

static void look_at(unsigned int vr)
{
	struct pdp_monitor_engine engines[PDP_ENGINES_MAX];
	struct load_vr *v = &load.vrs[vr];
	const bool act = !node.config->monitor.dry_run && !v->by_hand;
	const uint64_t now = rte_rdtsc(), n = arrived(vr);
	struct pdp_monitor_sample s = {.now_ns = load_ns(now), .arrived = n, .engines = engines};
	struct pdp_monitor_decision d;
	bool changed;

	/* Of a thousand VRs most are idle: their engines' pages stay untouched. */
	if (!v->idle || n != v->arrived)
		s.n_engines = read_engines(vr, engines);
	changed = pdp_monitor_sample(load.monitor, vr, &s, &d);
	v->idle = n == v->arrived && d.rate_pps == 0;
	v->arrived = n;
	if (changed && act) {
		pdp_slice_want(load.slice, vr, d.to, d.power_pct);
		slices_apply(now);
	}
	/* Held is said once: a load on a boundary touches it again and again. */
	if (d.to != d.from || (d.why == PDP_MONITOR_HELD && !v->told_held))
		note(vr, &d, act && d.to != d.from);
	v->told_held = d.to == d.from && (v->told_held || d.why == PDP_MONITOR_HELD);
	v->why = d.why;
}

struct tell {
	unsigned int vr;
	struct pdp_shares shares;
};

static void on_tell(struct pdp_md *md, void *arg)
{
	const struct tell *t = arg;

	pdp_md_vr_set_shares(md, t->vr, &t->shares);
}

/* What its engines can do, for balancers that go by it. */
static void tell_rates(unsigned int vr)
{
	struct load_vr *v = &load.vrs[vr];
	struct tell t = {.vr = vr};
	struct pdp_monitor_view view;
	bool news = false;

	pdp_monitor_view(load.monitor, vr, &view);
	for (unsigned int i = 0; i < PDP_ENGINES_MAX; i++) {
		const double pps = view.engines[i].capacity_pps, told = v->told_pps[i];

		t.shares.rates[i] = pps > UINT32_MAX ? UINT32_MAX : (uint32_t)pps;
		news |= pps > told * (100 + TELL_PCT) / 100 || pps < told * (100 - TELL_PCT) / 100;
	}
	if (!news)
		return;
	for (unsigned int i = 0; i < node.n_md; i++)
		pdp_md_call(node.mds[i], on_tell, &t);
	memcpy(v->told_pps, t.shares.rates, sizeof(v->told_pps));
}

static void tidy(uint64_t now)
{
	if (!node.config->monitor.dry_run && pdp_slice_consolidate(load.slice, FILL_PCT) != 0)
		slices_apply(now);
}

static void on_period(void *arg)
{
	const uint32_t period_us = node.config->monitor.period_ms * 1000;
	const uint64_t now = rte_rdtsc(), every = TIDY_US / period_us + 1;

	pdp_slice_advance(load.slice, load_ns(now - load.last_tsc) / 1000);
	load.last_tsc = now;
	for (unsigned int v = 0; v < node.config->n_vrs; v++) {
		look_at(v);
		/* Once a second, and not all in the same period. */
		if (!load.vrs[v].idle && node.config->vrs[v].engines > 1 &&
		    (load.periods + v) % (1000000 / period_us + 1) == 0)
			tell_rates(v);
	}
	if (++load.periods % every == 0)
		tidy(now);
	load.last_us = (uint32_t)(load_ns(rte_rdtsc() - now) / 1000);
	load.max_us = RTE_MAX(load.max_us, load.last_us);
}

int monitor_init(void)
{
	const unsigned int n = node.config->n_vrs;

	load.names = calloc(n + 1, sizeof(*load.names));
	load.vrs = calloc(n + 1, sizeof(*load.vrs));
	load.monitor = pdp_monitor_create(&node.config->monitor.params, n);
	if (load.names == NULL || load.vrs == NULL || load.monitor == NULL) {
		monitor_fini();
		return complain("out of memory");
	}
	load.slice = slices_build(load.names);
	if (load.slice == NULL) {
		monitor_fini();
		return -1;
	}
	for (unsigned int v = 0; v < n; v++) {
		const struct pdp_vr_config *c = &node.config->vrs[v];
		const struct pdp_monitor_policy policy = load_policy(c);

		pdp_monitor_set_policy(load.monitor, v, &policy);
		pdp_monitor_set_engines(load.monitor, v, c->engines_min);
	}
	return 0;
}

int monitor_start(void)
{
	const uint64_t us = node.config->monitor.period_ms * 1000ull;

	load.last_tsc = rte_rdtsc();
	slices_apply(load.last_tsc);
	load.timer = pdp_loop_timer(node.loop, us, us, on_period, NULL);
	return load.timer != NULL ? 0 : complain("out of memory");
}

void monitor_stop(void)
{
	pdp_timer_remove(load.timer);
	load.timer = NULL;
}

void monitor_fini(void)
{
	pdp_slice_destroy(load.slice);
	pdp_monitor_destroy(load.monitor);
	free(load.vrs);
	free(load.names);
	load.slice = NULL;
	load.monitor = NULL;
	load.vrs = NULL;
	load.names = NULL;
}
