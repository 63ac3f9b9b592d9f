/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Slices: who gets which CPUs by lib/slice, admission with the configuration's path, plans to the
 * engines, and `slice list`. Main thread before the control thread runs, then the control thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <pdp_log.h>

#include "load.h"

static bool is_md(uint16_t cpu)
{
	for (unsigned int i = 0; i < node.n_md; i++) {
		if (node.md_cpus[i] == cpu)
			return true;
	}
	return false;
}

static struct pdp_slice *make(const char **names)
{
	const struct pdp_cpu_list *list = &node.config->engine_cpus;
	struct pdp_slice_cpu cpus[PDP_CPU_MAX];
	const struct pdp_slice_params p = {
		.cpus = cpus, .n_cpus = list->n, .names = names, .n_vrs = node.config->n_vrs};

	for (unsigned int i = 0; i < list->n; i++)
		cpus[i] = (struct pdp_slice_cpu){.cpu = list->cpus[i], .md = is_md(list->cpus[i])};
	for (unsigned int v = 0; v < node.config->n_vrs; v++)
		names[v] = node.config->vrs[v].name;
	return pdp_slice_create(&p);
}

int slices_set(struct pdp_slice *slice, unsigned int vr, const struct pdp_vr_config *c,
	       unsigned int n_engines, uint32_t power_pct, char *err, size_t err_size)
{
	const struct pdp_slice_want want = {
		.n_engines = (uint16_t)n_engines,
		.power_pct = power_pct,
		.guaranteed_pct = c->power,
		.exclusive = c->exclusive && c->engines > 0,
		.cpus = c->cpus.cpus,
		.n_cpus = c->cpus.n,
	};
	char why[400];
	int rc = pdp_slice_set(slice, vr, &want, why, sizeof(why));

	if (rc != 0)
		snprintf(err, err_size, "%s.%s: %s", c->path,
			 rc != -ENOSPC	  ? "cpus"
			 : want.exclusive ? "exclusive"
			 : c->power	  ? "power"
					  : "engines",
			 why);
	return rc;
}

/* Those who can go to few places first. */
static unsigned int turn_of(const struct pdp_vr_config *c)
{
	return c->cpus.n != 0 ? 0 : c->exclusive ? 1 : c->power != 0 ? 2 : 3;
}

struct pdp_slice *slices_build(const char **names)
{
	struct pdp_slice *slice = make(names);
	char err[512];

	if (slice == NULL) {
		complain("out of memory");
		return NULL;
	}
	for (unsigned int turn = 0; turn < 4; turn++) {
		for (unsigned int v = 0; v < node.config->n_vrs; v++) {
			const struct pdp_vr_config *c = &node.config->vrs[v];

			if (turn_of(c) != turn ||
			    slices_set(slice, v, c, c->engines_min,
				       c->engines_min * PDP_SLICE_WHOLE, err, sizeof(err)) == 0)
				continue;
			complain("%s:%d: %s", node.config_file, c->line, err);
			pdp_slice_destroy(slice);
			return NULL;
		}
	}
	return slice;
}

int slices_check(void)
{
	const char **names = calloc(node.config->n_vrs + 1, sizeof(*names));
	struct pdp_slice *slice = names != NULL ? slices_build(names) : NULL;
	int rc = slice != NULL ? 0 : -1;

	pdp_slice_destroy(slice);
	free(names);
	return rc;
}

/* How packets are divided where the configuration says it; else by the slices. */
static uint16_t weight(const struct pdp_vr_config *c, unsigned int i)
{
	return c->weights != NULL && i < c->n_weights ? (uint16_t)c->weights[i] : 0;
}

void slices_apply(uint64_t decided_tsc)
{
	int vr;

	while ((vr = pdp_slice_changed(load.slice)) >= 0) {
		const struct pdp_vr_config *c = &node.config->vrs[vr];
		struct pdp_slice_plan slices;
		struct pdp_engines_plan plan;

		pdp_slice_plan(load.slice, (unsigned int)vr, &slices);
		plan.n = slices.n;
		for (unsigned int i = 0; i < plan.n; i++)
			plan.at[i] = (struct pdp_engines_place){.cpu = slices.at[i].cpu,
								.pct = slices.at[i].pct,
								.weight = weight(c, i)};
		if (!load.vrs[vr].by_hand)
			pdp_engines_resize(node.engines, (unsigned int)vr, &plan, decided_tsc);
	}
}

void slices_set_online(const cpu_set_t *online)
{
	const struct pdp_cpu_list *list = &node.config->engine_cpus;
	int rc = 0;

	for (unsigned int i = 0; i < list->n; i++)
		rc |= pdp_slice_set_online(load.slice, list->cpus[i],
					   CPU_ISSET(list->cpus[i], online) != 0);
	if (rc != 0)
		PDP_LOG(WARNING,
			"what VRs are guaranteed cannot be met by the CPUs that are online; they "
			"share what there is");
}

json_t *slices_json(void)
{
	struct pdp_slice_totals t;

	pdp_slice_totals(load.slice, &t);
	return json_pack("{s:i, s:i, s:f, s:I, s:I, s:i, s:i}", "cpus", (int)t.cpus, "used",
			 (int)t.used, "core_seconds", (double)t.used_us / 1e6, "moves",
			 (json_int_t)t.moves, "refused", (json_int_t)t.refused, "guaranteed_pct",
			 (int)t.guaranteed_pct, "free_pct", (int)t.free_pct);
}

struct cpu_rows {
	json_t *rows;
	const struct pdp_slice_cpu_view *view;
};

static json_t *exclusive_name(uint32_t vr)
{
	return vr != PDP_SLICE_NO_VR ? json_string(node.config->vrs[vr].name) : json_null();
}

static void add_holding(const struct pdp_slice_holding *h, void *arg)
{
	struct cpu_rows *r = arg;

	json_array_append_new(r->rows,
			      json_pack("[i, s, o, i, i, i, o]", r->view->cpu.cpu,
					node.config->vrs[h->vr].name,
					h->engine >= 0 ? json_integer(h->engine) : json_null(),
					h->pct, h->guaranteed_pct, r->view->free_pct,
					exclusive_name(r->view->exclusive)));
}

int slices_show(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	json_t *rows = json_array();
	struct pdp_slice_totals t;
	char note[256];

	pdp_slice_totals(load.slice, &t);
	for (unsigned int i = 0; i < t.cpus; i++) {
		struct pdp_slice_cpu_view view;
		struct cpu_rows r = {.rows = rows, .view = &view};

		pdp_slice_cpu_view(load.slice, i, &view, NULL, NULL);
		if (view.n_holdings == 0)
			json_array_append_new(rows, json_pack("[i, n, n, i, i, i, n]", view.cpu.cpu,
							      0, 0, view.free_pct));
		else
			pdp_slice_cpu_view(load.slice, i, &view, add_holding, &r);
	}
	snprintf(note, sizeof(note),
		 "%u of %u CPUs are used, %.1f core-seconds so far; %u percent are guaranteed, %u "
		 "can "
		 "still be; %lu engines moved",
		 t.used, t.cpus, (double)t.used_us / 1e6, t.guaranteed_pct, t.free_pct,
		 (unsigned long)t.moves);
	*result = json_pack("{s:[s,s,s,s,s,s,s], s:o, s:s, s:o}", "columns", "cpu", "vr", "engine",
			    "pct", "guaranteed_pct", "free_pct", "exclusive", "rows", rows, "note",
			    note, "totals", slices_json());
	return 0;
}
