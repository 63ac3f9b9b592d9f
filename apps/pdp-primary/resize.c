/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Engines of a VR changed by hand, and how long changes took. Control thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>

#include "node.h"

static const enum pdp_engines_time all_times[] = {PDP_ENGINES_LET_IN, PDP_ENGINES_REACTION,
						  PDP_ENGINES_COLD,   PDP_ENGINES_DRAIN,
						  PDP_ENGINES_DETECT, PDP_ENGINES_OUTAGE};

void resize_summary(unsigned int vr, struct node_time *out)
{
	for (size_t i = 0; i < RTE_DIM(all_times); i++) {
		const struct pdp_times *t = pdp_engines_times(node.engines, vr, all_times[i]);

		out[all_times[i]] = (struct node_time){
			.count = t->count,
			.last_us = t->last_us,
			.max_us = t->max_us,
			.p50_us = pdp_times_percentile(t, 50),
			.p99_us = pdp_times_percentile(t, 99),
		};
	}
}

json_t *resize_table(unsigned int vr)
{
	struct node_time times[PDP_ENGINES_N_TIMES];
	json_t *rows = json_array();

	resize_summary(vr, times);
	for (size_t i = 0; i < RTE_DIM(all_times); i++) {
		const struct node_time *t = &times[all_times[i]];

		json_array_append_new(rows, json_pack("[s, I, I, I, I, I]",
						      pdp_engines_time_name(all_times[i]),
						      (json_int_t)t->count, (json_int_t)t->last_us,
						      (json_int_t)t->p50_us, (json_int_t)t->p99_us,
						      (json_int_t)t->max_us));
	}
	return json_pack("{s:[s,s,s,s,s,s], s:o}", "columns", "change", "count", "last_us",
			 "p50_us", "p99_us", "max_us", "rows", rows);
}

/* Those kept, oldest first. */
static json_t *kept(const struct pdp_times *t)
{
	uint64_t first = t->count > PDP_TIMES_KEPT ? t->count - PDP_TIMES_KEPT : 0;
	json_t *list = json_array();

	for (uint64_t i = first; i < t->count; i++)
		json_array_append_new(list, json_integer(t->us[i % PDP_TIMES_KEPT]));
	return list;
}

int resize_times(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	int vr = show_find_vr(args, err, err_size);

	if (vr < 0)
		return vr;
	*result = json_object();
	for (size_t i = 0; i < RTE_DIM(all_times); i++)
		json_object_set_new(
			*result, pdp_engines_time_name(all_times[i]),
			kept(pdp_engines_times(node.engines, (unsigned int)vr, all_times[i])));
	return 0;
}

/* "cpus": one for each engine, or none at all. @return false: it is no list of that kind */
static bool take_cpus(const json_t *cpus, struct pdp_engines_plan *plan)
{
	const json_t *cpu;
	size_t i;

	if (cpus == NULL)
		return true;
	if (json_array_size(cpus) != plan->n)
		return false;
	json_array_foreach (cpus, i, cpu) {
		json_int_t n = json_integer_value(cpu);

		if (!json_is_integer(cpu) || n < 0 || n >= PDP_CPU_MAX)
			return false;
		plan->at[i].cpu = (uint16_t)n;
	}
	return true;
}

int resize_by_hand(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	const uint64_t now = rte_rdtsc();
	const json_t *n = json_object_get(args, "engines");
	int vr = show_find_vr(args, err, err_size), rc;
	struct pdp_engines_plan plan;

	if (vr < 0)
		return vr;
	if (!json_is_integer(n) || json_integer_value(n) < 0 ||
	    json_integer_value(n) > PDP_ENGINES_MAX) {
		snprintf(err, err_size, "how many? write engines=N, 0 to %d", PDP_ENGINES_MAX);
		return -EINVAL;
	}
	plan.n = (unsigned int)json_integer_value(n);
	for (unsigned int i = 0; i < plan.n; i++)
		plan.at[i] = (struct pdp_engines_place){.cpu = PDP_ENGINES_ANY_CPU, .pct = 100};
	monitor_by_hand((unsigned int)vr);
	rc = take_cpus(json_object_get(args, "cpus"), &plan)
		     ? pdp_engines_resize(node.engines, (unsigned int)vr, &plan, now)
		     : -EINVAL;
	if (rc == -EINVAL)
		snprintf(err, err_size,
			 "cpus is a list of %u CPUs out of cpus.engines, one for each engine; or "
			 "leave it out",
			 plan.n);
	return rc;
}
