/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * /pdp/vrs and /pdp/vr,NAME for dpdk-telemetry.py and whatever collects DPDK's telemetry. Runs on
 * EAL's telemetry thread: it sees the snapshot that the control thread takes every second, and
 * nothing else.
 */
#include <stdio.h>
#include <string.h>

#include <rte_telemetry.h>

#include "node.h"

/* Under node.stats_lock: false once the node ends, for EAL's thread outlives it. */
static bool alive;

static int on_vrs(const char *cmd, const char *params, struct rte_tel_data *d)
{
	rte_tel_data_start_array(d, RTE_TEL_STRING_VAL);
	pthread_mutex_lock(&node.stats_lock);
	for (unsigned int v = 0; alive && v < node.config->n_vrs; v++)
		rte_tel_data_add_array_string(d, node.config->vrs[v].name);
	pthread_mutex_unlock(&node.stats_lock);
	return 0;
}

static void add_drops(struct rte_tel_data *d, const struct pdp_vr_account *a)
{
	char name[64];

	for (unsigned int i = 0; i < PDP_DROP_N; i++) {
		if (a->c.drops[i] == 0 || pdp_drop_name(i) == NULL)
			continue;
		snprintf(name, sizeof(name), "drop_%s", pdp_drop_name(i));
		rte_tel_data_add_dict_u64(d, name, a->c.drops[i]);
	}
}

static void add_punts(struct rte_tel_data *d, const struct pdp_vr_account *a)
{
	for (unsigned int c = 0; c < PDP_PUNT_CLASSES; c++) {
		const struct pdp_punt_counters *n = &a->c.punt[c];
		const struct {
			const char *what;
			uint64_t value;
		} values[] = {
			{"punted", n->punted}, {"punt_limit", n->limited}, {"punt_full", n->full}};
		char name[64];

		for (size_t k = 0; k < RTE_DIM(values); k++) {
			snprintf(name, sizeof(name), "%s_%s", values[k].what,
				 pdp_punt_class_name(c));
			rte_tel_data_add_dict_u64(d, name, values[k].value);
		}
	}
}

static void add_engines(struct rte_tel_data *d, const struct node_vr_stats *st)
{
	rte_tel_data_add_dict_u64(d, "load_rate_pps", st->load.rate_pps);
	rte_tel_data_add_dict_u64(d, "load_capacity_pps", st->load.capacity_pps);
	rte_tel_data_add_dict_u64(d, "load_power_pct", st->load.power_pct);
	rte_tel_data_add_dict_u64(d, "engines_wanted", st->load.wanted);
	rte_tel_data_add_dict_u64(d, "engines_running", st->engines.running);
	rte_tel_data_add_dict_u64(d, "engines_draining", st->engines.draining);
	rte_tel_data_add_dict_u64(d, "engines_parked", st->engines.parked);
	rte_tel_data_add_dict_u64(d, "engines_starting", st->engines.starting);
	for (unsigned int i = 0; i < PDP_ENGINES_N_TIMES; i++) {
		const char *what = pdp_engines_time_name((enum pdp_engines_time)i);
		const struct node_time *t = &st->times[i];
		const struct {
			const char *suffix;
			uint64_t value;
		} values[] = {{"count", t->count},
			      {"last_us", t->last_us},
			      {"p50_us", t->p50_us},
			      {"p99_us", t->p99_us},
			      {"max_us", t->max_us}};
		char name[64];

		for (size_t k = 0; k < RTE_DIM(values); k++) {
			snprintf(name, sizeof(name), "%s_%s", what, values[k].suffix);
			rte_tel_data_add_dict_u64(d, name, values[k].value);
		}
	}
}

/* @return false: no VR is called so */
static bool snapshot(const char *name, struct node_vr_stats *st)
{
	bool found = false;

	pthread_mutex_lock(&node.stats_lock);
	for (unsigned int v = 0; alive && !found && v < node.config->n_vrs; v++) {
		found = strcmp(node.config->vrs[v].name, name) == 0;
		if (found)
			*st = node.stats[v];
	}
	pthread_mutex_unlock(&node.stats_lock);
	return found;
}

static int on_vr(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct node_vr_stats st;

	if (params == NULL || !snapshot(params, &st))
		return -1;
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_string(d, "vr", params);
	rte_tel_data_add_dict_u64(d, "rx", st.rx);
	rte_tel_data_add_dict_u64(d, "originated", st.account.c.originated);
	rte_tel_data_add_dict_u64(d, "tx", st.tx);
	rte_tel_data_add_dict_u64(d, "punted", st.account.c.punted);
	rte_tel_data_add_dict_u64(d, "dropped", st.dropped);
	rte_tel_data_add_dict_u64(d, "in_flight", st.account.in_flight);
	rte_tel_data_add_dict_u64(d, "rx_pps", (uint64_t)st.rx_pps);
	rte_tel_data_add_dict_u64(d, "tx_pps", (uint64_t)st.tx_pps);
	add_punts(d, &st.account);
	add_engines(d, &st);
	add_drops(d, &st.account);
	return 0;
}

int telemetry_init(void)
{
	alive = true;
	/* A second node in one process cannot be, so neither can a name that is taken. */
	if (rte_telemetry_register_cmd("/pdp/vrs", on_vrs, "Names of the VRs.") != 0 ||
	    rte_telemetry_register_cmd(
		    "/pdp/vr", on_vr,
		    "Counters of a VR, at most a second old. Parameter: its name") != 0)
		complain("telemetry will not show VRs");
	return 0;
}

void telemetry_fini(void)
{
	pthread_mutex_lock(&node.stats_lock);
	alive = false;
	pthread_mutex_unlock(&node.stats_lock);
}
