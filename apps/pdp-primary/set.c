/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `vr set`: keys of a VR changed while it runs, all of those that are named or none. Control
 * thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>

#include "load.h"

#define ASK_TIMES 5

struct md_change {
	unsigned int vr;
	const struct pdp_balancer *balancer;
	bool restore;
	struct pdp_rate_limit limit;
	struct pdp_rate_limit punt[PDP_PUNT_CLASSES];
	int rc;
};

static void on_change(struct pdp_md *md, void *arg)
{
	struct md_change *c = arg;

	c->rc = pdp_md_vr_set_balance(md, c->vr, c->balancer, c->restore);
	pdp_md_vr_set_limit(md, c->vr, -1, &c->limit);
	for (unsigned int k = 0; k < PDP_PUNT_CLASSES; k++)
		pdp_md_vr_set_punt_limit(md, c->vr, k, &c->punt[k]);
}

/* An MD lcore may be kept off its CPU for longer than one call waits. */
static int tell_mds(unsigned int vr, char *err, size_t err_size)
{
	const struct pdp_vr_config *c = &node.config->vrs[vr];
	struct md_change change = {.vr = vr,
				   .balancer = pdp_balancer_find(c->balance),
				   .restore = c->order == PDP_ORDER_RESTORE,
				   .limit = dispatch_limit(&c->limit)};

	for (unsigned int k = 0; k < PDP_PUNT_CLASSES; k++)
		change.punt[k] = dispatch_punt_limit(&c->punt[k]);
	for (unsigned int i = 0; i < node.n_md; i++) {
		int rc = -ETIMEDOUT;

		for (unsigned int k = 0; k < ASK_TIMES && rc != 0; k++)
			rc = pdp_md_call(node.mds[i], on_change, &change);
		if (rc == 0 && change.rc == 0)
			continue;
		snprintf(
			err, err_size,
			"MD lcore %u %s and did not take the balancer and the limits; say it again",
			node.md_lcores[i], rc == 0 ? "has no memory" : "gets no CPU time");
		return rc != 0 ? rc : change.rc;
	}
	return 0;
}

/* Engines and power until the monitor knows better. */
static int admit(unsigned int vr, const struct pdp_vr_config *c, unsigned int *n, char *err,
		 size_t err_size)
{
	struct pdp_monitor_view view;

	pdp_monitor_view(load.monitor, vr, &view);
	*n = RTE_MIN(RTE_MAX(view.n_engines, c->engines_min), c->engines);
	return slices_set(load.slice, vr, c, *n,
			  *n == view.n_engines && view.power_pct != 0 ? view.power_pct
								      : *n * PDP_SLICE_WHOLE,
			  err, err_size);
}

/* What was asked for can be done: from now on it is so. */
static void take(unsigned int vr, struct pdp_vr_config *changed, unsigned int n)
{
	const struct pdp_vr_config *c = &node.config->vrs[vr];
	struct pdp_engines_vr *e = &node.engine_vrs[vr];
	struct pdp_monitor_policy policy;

	pdp_config_vr_adopt(node.config, vr, changed);
	e->weights = c->weights;
	e->n_engines = c->engines_min;
	e->standby = c->standby;
	e->restore = c->order == PDP_ORDER_RESTORE;
	e->n_max = c->engines_total;
	e->watchdog_ms = c->watchdog_ms;
	e->lies_max = c->lies_max;
	e->deaths_max = c->deaths_max;
	e->core_dumps = c->core_dumps;
	policy = load_policy(c);
	pdp_monitor_set_policy(load.monitor, vr, &policy);
	pdp_monitor_set_engines(load.monitor, vr, n);
	load.vrs[vr].by_hand = false;
	load.vrs[vr].idle = false;
	slices_apply(rte_rdtsc());
}

int set_vr(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	const int vr = show_find_vr(args, err, err_size);
	struct pdp_config_error error = {.text = ""};
	struct pdp_vr_config *changed;
	json_t *changes;
	unsigned int n;
	int rc;

	if (vr < 0)
		return vr;
	changes = json_copy((json_t *)args);
	json_object_del(changes, "vr");
	changed = config_change((unsigned int)vr, changes, &error);
	json_decref(changes);
	if (changed == NULL) {
		snprintf(err, err_size, "%s", error.text);
		return -EINVAL;
	}
	if (node.in_memory && changed->isolation == PDP_ISOLATION_SECONDARY &&
	    changed->engines_total != 0) {
		snprintf(err, err_size,
			 "%s.engines: --no-huge and --in-memory exclude secondary engines",
			 changed->path);
		rc = -ENOTSUP;
	} else {
		rc = changed->order == PDP_ORDER_RESTORE
			     ? pdp_engines_may_restore(node.engines, (unsigned int)vr, err,
						       err_size)
			     : 0;
		if (rc == 0)
			rc = admit((unsigned int)vr, changed, &n, err, err_size);
	}
	if (rc != 0) {
		pdp_config_vr_discard(changed);
		return rc;
	}
	take((unsigned int)vr, changed, n);
	*result = monitor_vr_json((unsigned int)vr);
	return tell_mds((unsigned int)vr, err, err_size);
}
