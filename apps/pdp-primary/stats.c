/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Accounts: what every VR and the node received, sent, dropped and hold, and whether that balances
 * (DESIGN rule 6); rates over the last second; the snapshot that telemetry shows.
 *
 * A VR's account is summed up on each MD lcore between two turns of its loop, so it balances
 * exactly under full load.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>

#include "node.h"

struct account_call {
	unsigned int vr;
	struct pdp_vr_account *sum;
};

#define ASK_TIMES 5

/* An MD lcore may be kept off its CPU for longer than one call waits; an account without its share
 * would tell of missing buffers. */
static void ask(struct pdp_md *md, void (*fn)(struct pdp_md *md, void *arg), void *arg)
{
	for (unsigned int i = 0; i < ASK_TIMES && pdp_md_call(md, fn, arg) == -ETIMEDOUT; i++)
		;
}

static void on_account(struct pdp_md *md, void *arg)
{
	struct account_call *c = arg;

	pdp_md_account(md, c->vr, c->sum);
}

void stats_account(unsigned int vr, struct pdp_vr_account *sum)
{
	struct account_call c = {.vr = vr, .sum = sum};

	for (unsigned int i = 0; i < node.n_md; i++)
		ask(node.mds[i], on_account, &c);
}

static void totals(const struct pdp_vr_account *a, unsigned int n_vifs, uint64_t *rx, uint64_t *tx,
		   uint64_t *dropped)
{
	*rx = *tx = *dropped = 0;
	for (unsigned int i = 0; i < n_vifs; i++) {
		*rx += a->vifs[i].rx;
		*tx += a->vifs[i].tx;
	}
	for (unsigned int i = 0; i < PDP_DROP_N; i++)
		*dropped += a->c.drops[i];
}

bool stats_balanced(const struct pdp_vr_account *a, unsigned int n_vifs)
{
	uint64_t rx, tx, dropped;

	totals(a, n_vifs, &rx, &tx, &dropped);
	return rx + a->c.originated == tx + a->c.punted + dropped + a->in_flight;
}

struct hold_call {
	uint64_t held;
	uint32_t available;
};

static void on_hold(struct pdp_md *md, void *arg)
{
	struct hold_call *c = arg;

	c->held += pdp_md_in_flight(md) + pdp_md_blanks(md) + pdp_md_punt_out(md);
	/* With one MD lcore nobody else uses the pool just now: exact under load too. */
	c->available = rte_mempool_avail_count(node.pool);
}

/* Buffers that are nowhere: not in the pool, not with engines, not where the drivers had them at
 * start. */
int64_t stats_pool_missing(void)
{
	struct hold_call c = {0};

	for (unsigned int i = 0; i < node.n_md; i++)
		ask(node.mds[i], on_hold, &c);
	return (int64_t)node.pool_size - c.available - (int64_t)c.held - node.pool_in_ports;
}

int stats_init(void)
{
	node.stats = calloc(node.config->n_vrs + 1, sizeof(*node.stats));
	return node.stats != NULL ? 0 : complain("out of memory");
}

void stats_fini(void)
{
	free(node.stats);
	node.stats = NULL;
}

/* Once a second: rates, and the snapshot. Reads counters without disturbing the MD. */
void stats_tick(void *arg)
{
	uint64_t now = rte_rdtsc();
	double s = (double)(now - node.stats_tsc) / (double)rte_get_tsc_hz();

	for (unsigned int v = 0; v < node.config->n_vrs; v++) {
		struct node_vr_stats *st = &node.stats[v];
		struct node_vr_stats fresh = {0};

		for (unsigned int i = 0; i < node.n_md; i++)
			pdp_md_account(node.mds[i], v, &fresh.account);
		totals(&fresh.account, node.config->vrs[v].n_vifs, &fresh.rx, &fresh.tx,
		       &fresh.dropped);
		fresh.rx_pps = (double)(fresh.rx - st->rx) / s;
		fresh.tx_pps = (double)(fresh.tx - st->tx) / s;
		fresh.drop_pps = (double)(fresh.dropped - st->dropped) / s;
		pdp_engines_count(node.engines, v, &fresh.engines);
		resize_summary(v, fresh.times);
		monitor_snapshot(v, &fresh.load);
		pthread_mutex_lock(&node.stats_lock);
		*st = fresh;
		pthread_mutex_unlock(&node.stats_lock);
	}
	node.stats_tsc = now;
}

json_t *stats_drops_json(const struct pdp_vr_account *a)
{
	json_t *drops = json_object();

	for (unsigned int i = 0; i < PDP_DROP_N; i++) {
		if (a->c.drops[i] != 0 && pdp_drop_name(i) != NULL)
			json_object_set_new(drops, pdp_drop_name(i),
					    json_integer((json_int_t)a->c.drops[i]));
	}
	return drops;
}

json_t *stats_vr_json(unsigned int vr)
{
	unsigned int n_vifs = node.config->vrs[vr].n_vifs;
	const struct node_vr_stats *st = &node.stats[vr];
	struct pdp_vr_account a = {0};
	uint64_t rx, tx, dropped;

	stats_account(vr, &a);
	totals(&a, n_vifs, &rx, &tx, &dropped);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:b, s:f, s:f, s:f}", "rx",
			 (json_int_t)rx, "originated", (json_int_t)a.c.originated, "tx",
			 (json_int_t)tx, "punted", (json_int_t)a.c.punted, "dropped",
			 (json_int_t)dropped, "drops", stats_drops_json(&a), "in_flight",
			 (json_int_t)a.in_flight, "conserved", stats_balanced(&a, n_vifs), "rx_pps",
			 st->rx_pps, "tx_pps", st->tx_pps, "drop_pps", st->drop_pps);
}

static json_t *node_json(void)
{
	json_t *drops = json_object(), *stages = json_object();
	uint64_t rx = 0, matched = 0, loops = 0, idle = 0;

	for (unsigned int i = 0; i < node.n_md; i++) {
		const struct pdp_md_counters *c = pdp_md_counters(node.mds[i]);

		rx += c->rx;
		matched += c->matched;
		loops += c->loops;
		idle += c->idle_loops;
	}
	for (unsigned int d = 0; d < PDP_CLS_N_DROPS; d++) {
		uint64_t n = 0;

		for (unsigned int i = 0; i < node.n_md; i++)
			n += pdp_md_counters(node.mds[i])->drops[d];
		if (n != 0)
			json_object_set_new(drops,
					    pdp_classify_drop_name((enum pdp_classify_drop)d),
					    json_integer((json_int_t)n));
	}
	for (unsigned int s = 0; s < PDP_STAGE_N; s++) {
		uint64_t tsc = 0, packets = 0;

		for (unsigned int i = 0; i < node.n_md; i++) {
			tsc += pdp_md_counters(node.mds[i])->stages[s].tsc;
			packets += pdp_md_counters(node.mds[i])->stages[s].packets;
		}
		json_object_set_new(stages, pdp_stage_name((enum pdp_stage)s),
				    json_pack("{s:I, s:I}", "tsc", (json_int_t)tsc, "packets",
					      (json_int_t)packets));
	}
	return json_pack("{s:s, s:f, s:I, s:I, s:o, s:I, s:I, s:I, s:o}", "name", node.config->node,
			 "uptime_s",
			 (double)(rte_rdtsc() - node.start_tsc) / (double)rte_get_tsc_hz(), "rx",
			 (json_int_t)rx, "matched", (json_int_t)matched, "drops", drops, "loops",
			 (json_int_t)loops, "idle_loops", (json_int_t)idle, "tsc_hz",
			 (json_int_t)rte_get_tsc_hz(), "stages", stages);
}

json_t *stats_json(void)
{
	json_t *vrs = json_object(), *ports = json_object();
	bool conserved = true;

	for (unsigned int v = 0; v < node.config->n_vrs; v++) {
		json_t *vr = stats_vr_json(v);

		conserved &= json_is_true(json_object_get(vr, "conserved"));
		json_object_set_new(vrs, node.config->vrs[v].name, vr);
	}
	for (unsigned int i = 0; i < node.config->n_ports; i++) {
		struct rte_eth_stats st = {0};

		rte_eth_stats_get(node.ports[i].id, &st);
		json_object_set_new(
			ports, node.config->ports[i].name,
			json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "rx",
				  (json_int_t)st.ipackets, "rx_bytes", (json_int_t)st.ibytes, "tx",
				  (json_int_t)st.opackets, "tx_bytes", (json_int_t)st.obytes,
				  "missed", (json_int_t)st.imissed, "rx_errors",
				  (json_int_t)st.ierrors, "tx_errors", (json_int_t)st.oerrors,
				  "no_buffer", (json_int_t)st.rx_nombuf));
	}
	return json_pack("{s:o, s:b, s:{s:I, s:I, s:I}, s:o, s:o, s:o, s:o}", "node", node_json(),
			 "conserved", conserved, "pool", "size", (json_int_t)node.pool_size, "free",
			 (json_int_t)rte_mempool_avail_count(node.pool), "missing",
			 (json_int_t)stats_pool_missing(), "vrs", vrs, "ports", ports, "slices",
			 slices_json(), "monitor", monitor_json());
}
