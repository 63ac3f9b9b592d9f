/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The monitor of all VRs: its state, samples, and what it shows.
 */
#include <errno.h>
#include <stdlib.h>

#include "monitor_priv.h"

#define DT_MIN_NS 100000 /* two samples nearer to each other are one */

const char *pdp_policy_name(enum pdp_policy policy)
{
	static const char *const names[] = {[PDP_POLICY_FIXED] = "fixed",
					    [PDP_POLICY_THRESHOLD] = "threshold",
					    [PDP_POLICY_DYNAMIC] = "dynamic"};

	return names[policy];
}

const char *pdp_monitor_why_name(enum pdp_monitor_why why)
{
	static const char *const names[] = {[PDP_MONITOR_STAY] = "stay",
					    [PDP_MONITOR_GROW] = "grow",
					    [PDP_MONITOR_SHRINK] = "shrink",
					    [PDP_MONITOR_LIMITS] = "limits",
					    [PDP_MONITOR_HELD] = "held"};

	return names[why];
}

struct pdp_monitor *pdp_monitor_create(const struct pdp_monitor_params *params, unsigned int n_vrs)
{
	struct pdp_monitor *m = calloc(1, sizeof(*m) + n_vrs * sizeof(m->vrs[0]));

	if (m == NULL)
		return NULL;
	m->params = *params;
	m->n_vrs = n_vrs;
	return m;
}

void pdp_monitor_destroy(struct pdp_monitor *m)
{
	free(m);
}

void pdp_monitor_set_policy(struct pdp_monitor *m, unsigned int vr,
			    const struct pdp_monitor_policy *policy)
{
	m->vrs[vr].policy = *policy;
	m->vrs[vr].crossing = (struct crossing){0};
}

void pdp_monitor_set_engines(struct pdp_monitor *m, unsigned int vr, unsigned int n)
{
	m->vrs[vr].n = (uint16_t)n;
}

static void take_rate(struct vr *vr, const struct pdp_monitor_sample *s, uint32_t tau_ms)
{
	const double dt_s = (double)(s->now_ns - vr->at_ns) / NS_PER_S;
	const uint64_t n = s->arrived >= vr->arrived ? s->arrived - vr->arrived : 0;
	const double now_pps = (double)n / dt_s;

	vr->rate_pps += vr->has_rate ? ewma_weight(dt_s, tau_ms) * (now_pps - vr->rate_pps)
				     : now_pps;
	vr->has_rate = true;
}

bool pdp_monitor_sample(struct pdp_monitor *m, unsigned int i, const struct pdp_monitor_sample *s,
			struct pdp_monitor_decision *d)
{
	struct vr *vr = &m->vrs[i];
	const bool first = vr->at_ns == 0;

	if (first || s->now_ns - vr->at_ns >= DT_MIN_NS) {
		if (!first)
			take_rate(vr, s, m->params.tau_ms);
		for (unsigned int e = 0; e < s->n_engines; e++)
			learn(&vr->engines[e], &s->engines[e], s->now_ns, m->params.tau_ms);
		vr->at_ns = s->now_ns;
		vr->arrived = s->arrived;
	}
	return decide(&m->params, vr, s->now_ns, d);
}

void pdp_monitor_view(const struct pdp_monitor *m, unsigned int i, struct pdp_monitor_view *view)
{
	const struct vr *vr = &m->vrs[i];

	*view = (struct pdp_monitor_view){.rate_pps = vr->rate_pps,
					  .capacity_pps = mean_capacity(vr),
					  .n_engines = vr->n,
					  .power_pct = vr->power_pct};
	for (unsigned int e = 0; e < PDP_MONITOR_ENGINES_MAX; e++) {
		view->engines[e].capacity_pps = learnt_capacity(&vr->engines[e]);
		view->engines[e].queue = vr->engines[e].queue;
		view->engines[e].busy = vr->engines[e].busy;
	}
}
