/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a rate to a number of engines. A boundary is a load at which that number changes; what is
 * done near one is said in pdp_monitor.h.
 */
#include <math.h>
#include <stdio.h>

#include "monitor_priv.h"

#define LET_GO_NS  30000000000ull /* the load is on the other side for good */
#define TOUCH	   0.005	  /* of an engine: so far below a boundary it is below */
#define IDLE_PPS   1.0		  /* less is nothing: no engine is needed */
#define POWER_STEP 10u		  /* percent; less is not worth a new plan */
#define LOADS_SIZE (PDP_MONITOR_ENGINES_MAX + 1)

/* loads[n]: what n engines are for, pps. */
struct scale {
	double loads[LOADS_SIZE];
	bool known; /* no: nothing was learnt yet, there are no boundaries */
};

static void make_scale(const struct vr *vr, struct scale *s)
{
	const bool dynamic = vr->policy.policy == PDP_POLICY_DYNAMIC;
	const double mean = dynamic ? mean_capacity(vr) : vr->policy.threshold_pps;

	s->known = mean > 0;
	s->loads[0] = 0;
	for (unsigned int i = 0; i < PDP_MONITOR_ENGINES_MAX; i++) {
		double own = dynamic ? learnt_capacity(&vr->engines[i]) : 0;

		if (own == 0)
			own = mean;
		s->loads[i + 1] = s->loads[i] + (dynamic ? own * vr->policy.target_pct / 100 : own);
	}
}

/* Engines for a load. */
static uint16_t fit(const struct scale *s, const struct pdp_monitor_policy *p, double load_pps)
{
	uint16_t n = 0;

	while (n < p->max && (load_pps > s->loads[n] || n < p->min))
		n++;
	return n;
}

/* How far from a boundary something begins to count: a part of the engine above it. */
static double margin(const struct scale *s, unsigned int below, double part)
{
	unsigned int n = below < PDP_MONITOR_ENGINES_MAX ? below : PDP_MONITOR_ENGINES_MAX - 1;

	return part * (s->loads[n + 1] - s->loads[n]);
}

/* The load left the boundary that it had crossed behind: that one is like any other again. */
static void forget_crossing(struct vr *vr, const struct scale *s, double hysteresis)
{
	struct crossing *c = &vr->crossing;
	const double far = margin(s, c->below, hysteresis);
	const double at = s->loads[c->below];

	if (c->grew ? vr->rate_pps >= at + far : vr->rate_pps <= at - far)
		c->held = false;
}

/* How much more (up) or less (down) than the boundary next to `n` it takes to go over it. */
static double needed(const struct vr *vr, const struct scale *s, bool up, double hysteresis)
{
	const struct crossing *c = &vr->crossing;
	const unsigned int below = up ? vr->n : vr->n - 1u;
	const bool back = c->held && c->below == below && c->grew != up;

	if (back)
		return margin(s, below, hysteresis);
	return up ? 0 : margin(s, below, TOUCH);
}

/* Whether fewer engines have not been enough for long enough. */
static bool dwells(const struct pdp_monitor_params *params, const struct vr *vr, uint64_t now_ns)
{
	return vr->less_ns == 0 || now_ns - vr->less_ns < params->dwell_ms * 1000000ull;
}

/* Whether the load is on the other side of the held crossing, and has been for long enough. */
static bool let_go(struct crossing *c, bool other_side, uint64_t now_ns)
{
	if (!other_side)
		c->since_ns = 0;
	else if (c->since_ns == 0)
		c->since_ns = now_ns;
	return c->since_ns != 0 && now_ns - c->since_ns >= LET_GO_NS;
}

/* @return engines from now on; d->why filled */
static uint16_t wanted(const struct pdp_monitor_params *params, struct vr *vr,
		       const struct scale *s, uint64_t now_ns, struct pdp_monitor_decision *d)
{
	const struct pdp_monitor_policy *p = &vr->policy;
	const double hysteresis = params->hysteresis_pct / 100.0;
	const double load = vr->rate_pps < IDLE_PPS ? 0 : vr->rate_pps;
	const uint16_t n = fit(s, p, load);
	bool up = n > vr->n, enough;

	if (n >= vr->n)
		vr->less_ns = 0;
	else if (vr->less_ns == 0)
		vr->less_ns = now_ns;
	forget_crossing(vr, s, hysteresis);
	enough = let_go(&vr->crossing, n != vr->n, now_ns);
	if (n == vr->n)
		return n;
	d->why = up ? PDP_MONITOR_GROW : PDP_MONITOR_SHRINK;
	if (up && (enough || fit(s, p, load - needed(vr, s, true, hysteresis)) > vr->n))
		return n;
	if (!up && !dwells(params, vr, now_ns)) {
		uint16_t to = enough || load <= 0
				      ? n
				      : fit(s, p, load + needed(vr, s, false, hysteresis));

		if (to < vr->n)
			return to;
	}
	d->why = PDP_MONITOR_HELD;
	return vr->n;
}

static uint32_t power(const struct vr *vr, const struct scale *s)
{
	const double whole = (double)vr->n * PDP_MONITOR_WHOLE;
	double pct = whole;

	if (vr->policy.policy == PDP_POLICY_DYNAMIC && s->loads[vr->n] > 0)
		pct = fmin(ceil(vr->rate_pps / s->loads[vr->n] * whole), whole);
	return pct < vr->n ? vr->n : (uint32_t)pct;
}

static void say(const struct pdp_monitor_params *params, const struct vr *vr, const struct scale *s,
		uint64_t now_ns, struct pdp_monitor_decision *d)
{
	const char *name = pdp_policy_name(vr->policy.policy);
	const unsigned int would = fit(s, &vr->policy, vr->rate_pps);
	const unsigned int n = d->why == PDP_MONITOR_GROW ? d->from : d->to;

	if (d->why == PDP_MONITOR_LIMITS)
		snprintf(d->text, sizeof(d->text), "%s: the limits are %u..%u", name,
			 vr->policy.min, vr->policy.max);
	else if (d->why == PDP_MONITOR_HELD)
		snprintf(d->text, sizeof(d->text), "%s: %.0f pps; %u would do, held by %s", name,
			 vr->rate_pps, would,
			 would < vr->n && dwells(params, vr, now_ns) ? "dwell_ms"
								     : "hysteresis_pct");
	else
		snprintf(d->text, sizeof(d->text), "%s: %.0f pps; %u engine%s %s for %.0f", name,
			 vr->rate_pps, n, n == 1 ? "" : "s", n == 1 ? "is" : "are", s->loads[n]);
}

static void change(struct vr *vr, uint16_t to)
{
	vr->crossing = (struct crossing){
		.held = true, .grew = to > vr->n, .below = to > vr->n ? to - 1 : to};
	vr->n = to;
	vr->less_ns = 0;
}

/* @return whether it is another one */
static bool take_power(struct vr *vr, uint32_t pct, bool at_once)
{
	const uint32_t step = pct > vr->power_pct ? pct - vr->power_pct : vr->power_pct - pct;

	if (step == 0 || (!at_once && step < POWER_STEP))
		return false;
	vr->power_pct = pct;
	return true;
}

bool decide(const struct pdp_monitor_params *params, struct vr *vr, uint64_t now_ns,
	    struct pdp_monitor_decision *d)
{
	const struct pdp_monitor_policy *p = &vr->policy;
	struct scale s;
	uint16_t to = vr->n;
	bool changed;

	*d = (struct pdp_monitor_decision){
		.why = PDP_MONITOR_STAY, .from = vr->n, .rate_pps = (uint32_t)vr->rate_pps};
	make_scale(vr, &s);
	if (vr->n < p->min || vr->n > p->max) {
		to = vr->n < p->min ? p->min : p->max;
		d->why = PDP_MONITOR_LIMITS;
	} else if (p->policy != PDP_POLICY_FIXED && vr->has_rate && s.known) {
		to = wanted(params, vr, &s, now_ns, d);
	}
	d->to = to;
	if (d->why != PDP_MONITOR_STAY)
		say(params, vr, &s, now_ns, d);
	if (to != vr->n)
		change(vr, to);
	changed = take_power(vr, power(vr, &s), d->to != d->from);
	d->power_pct = vr->power_pct;
	return changed || d->to != d->from;
}
