/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is told of the load monitor: decisions with reasons, and one VR's numbers. Control thread.
 */
#include <errno.h>
#include <stdio.h>

#include "load.h"

static json_t *entry_row(const struct load_entry *e)
{
	const struct pdp_monitor_decision *d = &e->decision;

	return json_pack("[f, s, s, i, i, b, i, i, s]", e->at_s, node.config->vrs[e->vr].name,
			 pdp_monitor_why_name(d->why), d->from, d->to, e->done, (int)d->rate_pps,
			 (int)d->power_pct, d->text);
}

/* Decisions, oldest first; "vr" takes one VR's, "last" that many at most. */
int monitor_log(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	const uint64_t first = load.n_log > LOAD_LOG ? load.n_log - LOAD_LOG : 0;
	const json_t *last = json_object_get(args, "last");
	json_int_t left = last != NULL ? json_integer_value(last) : LOAD_LOG;
	json_t *rows;
	int vr = -1;

	if (last != NULL && (!json_is_integer(last) || left < 1 || left > LOAD_LOG)) {
		snprintf(err, err_size, "last is the number of decisions to show, 1..%d", LOAD_LOG);
		return -EINVAL;
	}
	if (json_object_get(args, "vr") != NULL) {
		vr = show_find_vr(args, err, err_size);
		if (vr < 0)
			return vr;
	}
	rows = json_array();
	for (uint64_t i = load.n_log; i > first && left > 0; i--) {
		const struct load_entry *e = &load.log[(i - 1) % LOAD_LOG];

		if (vr >= 0 && e->vr != vr)
			continue;
		json_array_insert_new(rows, 0, entry_row(e));
		left--;
	}
	*result = json_pack("{s:[s,s,s,s,s,s,s,s,s], s:o}", "columns", "at_s", "vr", "why", "from",
			    "to", "done", "rate_pps", "power_pct", "reason", "rows", rows);
	return 0;
}

static json_t *engine_rows(unsigned int vr, const struct pdp_monitor_view *view)
{
	struct pdp_engine_load loads[PDP_ENGINES_MAX];
	unsigned int n = pdp_engines_loads(node.engines, vr, loads);
	json_t *rows = json_array();

	for (unsigned int i = 0; i < n; i++) {
		const double pps = view->engines[i].capacity_pps;

		if (loads[i].generation != 0)
			json_array_append_new(rows,
					      json_pack("[i, o, f, f]", (int)i,
							pps > 0 ? json_real(pps) : json_null(),
							view->engines[i].queue,
							view->engines[i].busy * 100));
	}
	return json_pack("{s:[s,s,s,s], s:o}", "columns", "engine", "capacity_pps", "queue",
			 "busy_pct", "rows", rows);
}

json_t *monitor_vr_json(unsigned int vr)
{
	const struct pdp_vr_config *c = &node.config->vrs[vr];
	struct pdp_monitor_view view;

	pdp_monitor_view(load.monitor, vr, &view);
	return json_pack("{s:s, s:i, s:i, s:i, s:f, s:f, s:i, s:b, s:b, s:s, s:o}", "policy",
			 pdp_policy_name(c->policy), "min", c->engines_min, "max", c->engines,
			 "wanted", view.n_engines, "rate_pps", view.rate_pps, "capacity_pps",
			 view.capacity_pps, "power_pct", (int)view.power_pct, "dry_run",
			 node.config->monitor.dry_run, "by_hand", load.vrs[vr].by_hand, "why",
			 pdp_monitor_why_name(load.vrs[vr].why), "engines", engine_rows(vr, &view));
}

json_t *monitor_json(void)
{
	return json_pack("{s:i, s:I, s:i, s:i, s:I}", "period_ms",
			 (int)node.config->monitor.period_ms, "periods", (json_int_t)load.periods,
			 "last_us", (int)load.last_us, "max_us", (int)load.max_us, "decisions",
			 (json_int_t)load.n_log);
}

void monitor_snapshot(unsigned int vr, struct node_load *out)
{
	struct pdp_monitor_view view;

	pdp_monitor_view(load.monitor, vr, &view);
	*out = (struct node_load){.rate_pps = (uint64_t)view.rate_pps,
				  .capacity_pps = (uint64_t)view.capacity_pps,
				  .wanted = view.n_engines,
				  .power_pct = view.power_pct};
}

void monitor_by_hand(unsigned int vr)
{
	load.vrs[vr].by_hand = true;
}
