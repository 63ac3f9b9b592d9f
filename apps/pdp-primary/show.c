/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What pdp-ctl asks: status, lists, one VR in detail, counters, stop. Control thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "node.h"

const char *show_mac(const uint8_t *mac, char out[18])
{
	snprintf(out, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		 mac[5]);
	return out;
}

static const char *carrier_name(uint8_t carrier)
{
	static const char *const names[] = {"raw", "vlan", "udp", "vxlan"};

	return names[carrier];
}

int show_find_vr(const json_t *args, char *err, size_t err_size)
{
	const char *name = json_string_value(json_object_get(args, "vr"));
	size_t used;

	if (name == NULL)
		name = "";
	for (unsigned int v = 0; v < node.config->n_vrs; v++) {
		if (strcmp(node.config->vrs[v].name, name) == 0)
			return (int)v;
	}
	used = (size_t)snprintf(err, err_size, "no VR is called \"%s\"; there are:", name);
	for (unsigned int v = 0; v < node.config->n_vrs && used < err_size; v++)
		used += (size_t)snprintf(err + used, err_size - used, " %s",
					 node.config->vrs[v].name);
	return -ENOENT;
}

static int show_status(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	json_t *lcores = json_array();

	for (unsigned int i = 0; i < node.n_md; i++)
		json_array_append_new(lcores, json_integer(node.md_lcores[i]));
	*result = json_pack(
		"{s:s, s:s, s:s, s:f, s:o, s:s, s:i, s:i, s:i, s:i}", "node", node.config->node,
		"config", node.config_file, "file_prefix", node.file_prefix, "uptime_s",
		(double)(rte_rdtsc() - node.start_tsc) / (double)rte_get_tsc_hz(), "md_lcores",
		lcores, "md_poll", node.config->md_poll == PDP_POLL_ADAPTIVE ? "adaptive" : "busy",
		"vrs", (int)node.config->n_vrs, "ports", (int)node.config->n_ports, "pool_packets",
		(int)node.pool_size, "pool_free", (int)rte_mempool_avail_count(node.pool));
	return 0;
}

static int show_ports(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	json_t *rows = json_array();

	for (unsigned int i = 0; i < node.config->n_ports; i++) {
		const struct node_port *p = &node.ports[i];
		struct rte_eth_link link = {0};
		struct rte_eth_stats st = {0};
		char mac[18];

		rte_eth_link_get_nowait(p->id, &link);
		rte_eth_stats_get(p->id, &st);
		json_array_append_new(
			rows,
			json_pack("[s, i, s, s, i, i, i, I, I, I, I]", node.config->ports[i].name,
				  p->id, link.link_status ? "up" : "down", show_mac(p->mac, mac),
				  (int)p->mtu, p->n_rxq, p->n_txq, (json_int_t)st.ipackets,
				  (json_int_t)st.opackets, (json_int_t)st.imissed,
				  (json_int_t)(st.ierrors + st.oerrors)));
	}
	*result = json_pack("{s:[s,s,s,s,s,s,s,s,s,s,s], s:o}", "columns", "port", "id", "link",
			    "mac", "mtu", "rxq", "txq", "rx", "tx", "missed", "errors", "rows",
			    rows);
	return 0;
}

static unsigned int running(unsigned int vr);

static int show_vrs(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	json_t *rows = json_array();

	for (unsigned int v = 0; v < node.config->n_vrs; v++) {
		const struct pdp_vr_config *c = &node.config->vrs[v];
		const struct node_vr_stats *st = &node.stats[v];

		json_array_append_new(
			rows,
			json_pack("[s, s, s, s, i, i, i, f, f, f, s]", c->name,
				  strrchr(c->plugin, '/') ? strrchr(c->plugin, '/') + 1 : c->plugin,
				  c->isolation == PDP_ISOLATION_SEALED ? "sealed" : "secondary",
				  c->balance, c->engines, (int)running(v), (int)c->n_vifs,
				  st->rx_pps, st->tx_pps, st->drop_pps,
				  pdp_engines_quarantined(node.engines, v) ? "quarantined" : "ok"));
	}
	*result = json_pack("{s:[s,s,s,s,s,s,s,s,s,s,s], s:o}", "columns", "vr", "plugin",
			    "isolation", "balance", "engines", "running", "vifs", "rx_pps",
			    "tx_pps", "drop_pps", "state", "rows", rows);
	return 0;
}

struct engine_rows {
	json_t *rows;
	int vr; /* -1: all */
	unsigned int running;
};

static json_t *lies_json(const struct pdp_engine_info *info)
{
	json_t *lies = json_object();

	for (unsigned int i = 0; i < PDP_LIE_N; i++) {
		if (info->lies[i] != 0)
			json_object_set_new(lies, pdp_lie_name((enum pdp_lie)i),
					    json_integer((json_int_t)info->lies[i]));
	}
	return lies;
}

static void engine_row(const struct pdp_engine_info *info, void *arg)
{
	const struct pdp_status *s = info->status;
	struct engine_rows *r = arg;
	char name[32];

	if (r->vr >= 0 && info->vr != (unsigned int)r->vr)
		return;
	snprintf(name, sizeof(name), "%s/%u", node.config->vrs[info->vr].name, info->index);
	json_array_append_new(r->rows,
			      json_pack("[s, s, s, i, i, i, s, I, I, I, I, I, i, o, s]", name,
					pdp_engine_state_name(info->state),
					info->by_hand ? "hand" : "node", info->pid, (int)info->cpu,
					(int)info->lcore, info->busy_poll ? "poll" : "sleep",
					(json_int_t)(s ? s->rx : 0), (json_int_t)(s ? s->tx : 0),
					(json_int_t)(s ? s->dropped : 0), (json_int_t)info->out,
					(json_int_t)(s ? s->sleeps : 0), (int)info->deaths,
					lies_json(info), info->last_death));
}

static json_t *engine_table(int vr)
{
	struct engine_rows r = {.rows = json_array(), .vr = vr};

	pdp_engines_each(node.engines, engine_row, &r);
	return json_pack("{s:[s,s,s,s,s,s,s,s,s,s,s,s,s,s,s], s:o}", "columns", "engine", "state",
			 "by", "pid", "cpu", "lcore", "idle", "rx", "tx", "dropped", "out",
			 "sleeps", "deaths", "lies", "last_death", "rows", r.rows);
}

static void count_running(const struct pdp_engine_info *info, void *arg)
{
	struct engine_rows *r = arg;

	r->running += info->vr == (unsigned int)r->vr && info->state == PDP_ENGINE_RUNNING;
}

static unsigned int running(unsigned int vr)
{
	struct engine_rows r = {.vr = (int)vr};

	pdp_engines_each(node.engines, count_running, &r);
	return r.running;
}

static int show_engines(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	*result = engine_table(-1);
	return 0;
}

static json_t *vif_table(unsigned int vr, const struct pdp_vr_account *a)
{
	const struct pdp_vr_config *c = &node.config->vrs[vr];
	json_t *rows = json_array();

	for (unsigned int i = 0; i < c->n_vifs; i++) {
		const struct pdp_vif_conf *v = &node.vrs[vr].vifs[i];
		char mac[18];

		json_array_append_new(
			rows,
			json_pack("[s, s, s, s, s, i, I, I, I, I]", v->name,
				  node.config->ports[c->vifs[i].conf.port].name,
				  v->kind == PDP_VIF_IP ? "ip" : "ethernet",
				  carrier_name(v->carrier), show_mac(v->mac, mac), v->mtu,
				  (json_int_t)a->vifs[i].rx, (json_int_t)a->vifs[i].rx_bytes,
				  (json_int_t)a->vifs[i].tx, (json_int_t)a->vifs[i].tx_bytes));
	}
	return json_pack("{s:[s,s,s,s,s,s,s,s,s,s], s:o}", "columns", "vif", "port", "kind",
			 "carrier", "mac", "mtu", "rx", "rx_bytes", "tx", "tx_bytes", "rows", rows);
}

struct named {
	json_t *sums;
	unsigned int vr;
	uint64_t process_tsc;
	uint64_t process_packets;
	uint64_t busy_tsc;
	uint64_t idle_tsc;
	uint64_t rx;
};

static void add_counters(const struct pdp_engine_info *info, void *arg)
{
	const struct pdp_status *s = info->status;
	struct named *n = arg;

	if (info->vr != n->vr || s == NULL)
		return;
	n->process_tsc += s->process_tsc;
	n->process_packets += s->cycles_pkts;
	n->busy_tsc += s->busy_tsc;
	n->idle_tsc += s->idle_tsc;
	n->rx += s->rx;
	for (uint32_t i = 0;
	     i < __atomic_load_n(&s->n_counters, __ATOMIC_ACQUIRE) && i < PDP_VR_N_COUNTERS; i++) {
		char name[sizeof(s->counters[i].name)];

		memcpy(name, s->counters[i].name, sizeof(name));
		name[sizeof(name) - 1] = '\0';
		json_object_set_new(
			n->sums, name,
			json_integer(json_integer_value(json_object_get(n->sums, name)) +
				     (json_int_t)s->counters[i].value));
	}
}

static int show_vr(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	int vr = show_find_vr(args, err, err_size);
	struct named n = {.sums = json_object(), .vr = (unsigned int)vr};
	struct pdp_vr_account a = {0};
	const struct pdp_vr_config *c;
	const char *why;

	if (vr < 0) {
		json_decref(n.sums);
		return vr;
	}
	c = &node.config->vrs[vr];
	stats_account((unsigned int)vr, &a);
	pdp_engines_each(node.engines, add_counters, &n);
	*result = json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, "
		"s:{s:I, s:I}, s:{s:I, s:I, s:I, s:I, s:I}}",
		"vr", c->name, "plugin", c->plugin, "args", c->args, "balance", c->balance, "order",
		c->order == PDP_ORDER_RESTORE ? "restore" : "none", "slots", (int)c->slots,
		"blank_slots", (int)c->blank_slots, "standby", (int)c->standby, "counters",
		stats_vr_json((unsigned int)vr), "vifs", vif_table((unsigned int)vr, &a), "engines",
		engine_table(vr), "changes", resize_table((unsigned int)vr), "load",
		monitor_vr_json((unsigned int)vr), "plugin_counters", n.sums, "control", "relayed",
		(json_int_t)a.c.ctl_relayed, "dropped", (json_int_t)a.c.ctl_dropped,
		"engine_cycles", "process_tsc", (json_int_t)n.process_tsc, "process_packets",
		(json_int_t)n.process_packets, "busy_tsc", (json_int_t)n.busy_tsc, "idle_tsc",
		(json_int_t)n.idle_tsc, "packets", (json_int_t)n.rx);
	why = pdp_engines_quarantined(node.engines, (unsigned int)vr);
	json_object_set_new(*result, "quarantine", json_string(why != NULL ? why : ""));
	return 0;
}

static int release_vr(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	const int vr = show_find_vr(args, err, err_size);

	if (vr < 0)
		return vr;
	*result = json_pack("{s:b}", "was_quarantined",
			    pdp_engines_release(node.engines, (unsigned int)vr));
	return 0;
}

static int show_stats(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	*result = stats_json();
	return 0;
}

static int do_stop(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	node.stopping = true;
	node.mh_remove = json_is_true(json_object_get(args, "remove"));
	pdp_loop_stop(node.loop);
	return 0;
}

int show_register(void)
{
	static const struct {
		const char *cmd;
		const char *help;
		pdp_control_fn fn;
	} commands[] = {
		{"status", "what runs here, since when, on which lcores", show_status},
		{"port list", "ports with their queues and counters", show_ports},
		{"vr list", "VRs with engines and rates", show_vrs},
		{"vr show", "one VR: counters, vifs, engines", show_vr},
		{"vr set", "change keys of a running VR: engines=1..4 policy=dynamic ...", set_vr},
		{"vr resize", "let engines=N of a VR have packets, on cpus=[...]", resize_by_hand},
		{"vr times", "microseconds that the last changes of a VR's engines took",
		 resize_times},
		{"vr release", "start engines of a quarantined VR again", release_vr},
		{"engine list", "engines with process, CPU and counters", show_engines},
		{"cpu list", "CPUs, how near they are to the MD, and who runs there", cpus_show},
		{"slice list", "who holds which part of which CPU", slices_show},
		{"monitor log", "decisions with reasons; last=N, vr=NAME", monitor_log},
		{"stats", "all counters, and whether every packet is accounted for", show_stats},
		{"stop",
		 "end the node in order; remove=true: and take control planes' interfaces away",
		 do_stop},
	};

	for (size_t i = 0; i < RTE_DIM(commands); i++) {
		if (pdp_control_register(node.control, commands[i].cmd, commands[i].help,
					 commands[i].fn, NULL) != 0)
			return -1;
	}
	return mh_show_register();
}
