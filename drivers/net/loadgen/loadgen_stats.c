/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Figures of a port: sums over its queues, ethdev statistics and xstats. Any control thread; also
 * in a secondary process, so only what stands in DPDK's heap is read here. `returned` of a source
 * is counted by the sinks, so the sums look at all loadgen ports of this process.
 */
#include "loadgen_priv.h"

#include <stdio.h>

#include <rte_cycles.h>
#include <rte_malloc.h>

#define FIELD(group, member)                                                   \
	{                                                                      \
#group "_" #member, offsetof(struct pdp_loadgen_stats, member) \
	}

static const struct {
	const char *name;
	size_t offset;
} fields[] = {
	FIELD(source, offered),
	FIELD(source, received),
	FIELD(source, received_bytes),
	FIELD(source, missed),
	FIELD(source, waiting),
	FIELD(source, no_mbuf),
	FIELD(source, stamped),
	FIELD(source, returned),
	FIELD(source, lost),
	FIELD(sink, sent),
	FIELD(sink, sent_bytes),
	FIELD(sink, unstamped),
	FIELD(sink, missing),
	FIELD(sink, reordered),
	FIELD(sink, duplicates),
	FIELD(sink, reorder_extent_max),
	FIELD(sink, latency_samples),
	FIELD(sink, latency_min_ns),
	FIELD(sink, latency_mean_ns),
	FIELD(sink, latency_p50_ns),
	FIELD(sink, latency_p90_ns),
	FIELD(sink, latency_p99_ns),
	FIELD(sink, latency_p999_ns),
	FIELD(sink, latency_max_ns),
	FIELD(sink, gap_max_ns),
	FIELD(sink, gap_early_ns),
	FIELD(sink, gap_early_end_tsc),
};

const char *lg_stats_field(const struct pdp_loadgen_stats *stats, unsigned int i, uint64_t *value)
{
	if (i >= RTE_DIM(fields))
		return NULL;
	memcpy(value, (const uint8_t *)stats + fields[i].offset, sizeof(*value));
	return fields[i].name;
}

static uint64_t get(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* A queue that did not see the last reset yet has counted nothing since. */
static bool is_reset(const struct lg_port *port, const uint32_t *queue_gen)
{
	return __atomic_load_n(queue_gen, __ATOMIC_ACQUIRE) !=
	       __atomic_load_n(&port->ctl.reset_gen, __ATOMIC_RELAXED);
}

static void collect_source(const struct lg_port *port, struct pdp_loadgen_stats *stats)
{
	for (uint16_t i = 0; i < port->n_rxq; i++) {
		const struct lg_rxq *q = port->rxqs[i];

		if (q == NULL)
			continue;
		stats->waiting += __atomic_load_n(&q->clock.waiting, __ATOMIC_RELAXED);
		if (is_reset(port, &q->reset_gen))
			continue;
		stats->received += get(&q->counters.packets);
		stats->received_bytes += get(&q->counters.bytes);
		stats->stamped += get(&q->counters.stamped);
		stats->no_mbuf += get(&q->counters.no_mbuf);
		stats->missed += get(&q->clock.missed);
	}
	stats->offered = stats->received + stats->missed + stats->waiting;
}

static uint64_t returned_to(uint8_t source)
{
	uint64_t n = 0;

	for (uint16_t p = 0; p < RTE_MAX_ETHPORTS; p++) {
		const struct lg_port *port = lg_ports[p];

		for (uint16_t i = 0; port != NULL && i < port->n_txq; i++)
			if (port->txqs[i] != NULL && !is_reset(port, &port->txqs[i]->reset_gen))
				n += get(&port->txqs[i]->returned[source]);
	}
	return n;
}

static uint64_t to_ns(double cycles)
{
	return (uint64_t)(cycles * 1e9 / (double)rte_get_tsc_hz() + 0.5);
}

static void collect_latency(struct pdp_loadgen_stats *stats, const struct lg_hist *hist,
			    uint64_t min, uint64_t max)
{
	stats->latency_samples = lg_hist_count(hist);
	if (stats->latency_samples == 0)
		return;
	stats->latency_min_ns = to_ns((double)min);
	stats->latency_max_ns = to_ns((double)max);
	stats->latency_mean_ns = to_ns(lg_hist_sum(hist) / (double)stats->latency_samples);
	stats->latency_p50_ns = to_ns((double)lg_hist_percentile(hist, 50));
	stats->latency_p90_ns = to_ns((double)lg_hist_percentile(hist, 90));
	stats->latency_p99_ns = to_ns((double)lg_hist_percentile(hist, 99));
	stats->latency_p999_ns = to_ns((double)lg_hist_percentile(hist, 99.9));
}

static void collect_sink(const struct lg_port *port, struct pdp_loadgen_stats *stats,
			 struct lg_hist *hist)
{
	uint64_t min = UINT64_MAX, max = 0, gap = 0, early = 0, end = 0;
	int64_t missing = 0;

	for (uint16_t i = 0; i < port->n_txq; i++) {
		const struct lg_txq *q = port->txqs[i];

		if (q == NULL || is_reset(port, &q->reset_gen))
			continue;
		stats->sent += get(&q->counters.packets);
		stats->sent_bytes += get(&q->counters.bytes);
		stats->unstamped += get(&q->counters.unstamped);
		stats->reordered += get(&q->counters.seq.reordered);
		stats->duplicates += get(&q->counters.seq.duplicates);
		stats->reorder_extent_max = RTE_MAX(stats->reorder_extent_max,
						    get(&q->counters.seq.extent_max));
		missing += __atomic_load_n(&q->counters.seq.missing, __ATOMIC_RELAXED);
		min = RTE_MIN(min, get(&q->counters.latency_min));
		max = RTE_MAX(max, get(&q->counters.latency_max));
		gap = RTE_MAX(gap, get(&q->counters.gap_max));
		if (get(&q->counters.gap_early) > early) {
			early = get(&q->counters.gap_early);
			end = get(&q->counters.early_end_tsc);
		}
		lg_hist_merge(hist, &q->hist);
	}
	stats->gap_max_ns = to_ns((double)gap);
	stats->gap_early_ns = to_ns((double)early);
	stats->gap_early_end_tsc = end;
	stats->missing = missing > 0 ? (uint64_t)missing : 0;
	collect_latency(stats, hist, min, max);
}

void lg_stats_collect(const struct lg_port *port, struct pdp_loadgen_stats *stats,
		      struct lg_hist *hist)
{
	struct lg_hist own;

	if (hist == NULL)
		hist = &own;
	memset(hist, 0, sizeof(*hist));
	memset(stats, 0, sizeof(*stats));
	collect_source(port, stats);
	stats->returned = returned_to(port->source);
	stats->lost = stats->stamped > stats->returned ? stats->stamped - stats->returned : 0;
	collect_sink(port, stats, hist);
}

int lg_xstats_get(struct rte_eth_dev *dev, struct rte_eth_xstat *xstats, unsigned int n)
{
	struct pdp_loadgen_stats stats;

	if (xstats == NULL || n < RTE_DIM(fields))
		return RTE_DIM(fields);
	lg_stats_collect(dev->data->dev_private, &stats, NULL);
	for (unsigned int i = 0; i < RTE_DIM(fields); i++) {
		xstats[i].id = i;
		lg_stats_field(&stats, i, &xstats[i].value);
	}
	return RTE_DIM(fields);
}

int lg_xstats_get_names(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names, unsigned int n)
{
	if (names == NULL || n < RTE_DIM(fields))
		return RTE_DIM(fields);
	for (unsigned int i = 0; i < RTE_DIM(fields); i++)
		snprintf(names[i].name, sizeof(names[i].name), "%s", fields[i].name);
	return RTE_DIM(fields);
}

/* Where the counters of single queues go, which depends on the version of DPDK. */
struct queue_counters {
	uint64_t *ipackets, *ibytes, *opackets, *obytes, *errors;
};

static void get_queues(const struct lg_port *port, const struct queue_counters *out)
{
	uint16_t i;

	for (i = 0; i < RTE_MIN(port->n_rxq, RTE_ETHDEV_QUEUE_STAT_CNTRS); i++) {
		const struct lg_rxq *q = port->rxqs[i];

		if (q == NULL || is_reset(port, &q->reset_gen))
			continue;
		out->ipackets[i] = get(&q->counters.packets);
		out->ibytes[i] = get(&q->counters.bytes);
		out->errors[i] = get(&q->clock.missed);
	}
	for (i = 0; i < RTE_MIN(port->n_txq, RTE_ETHDEV_QUEUE_STAT_CNTRS); i++) {
		const struct lg_txq *q = port->txqs[i];

		if (q == NULL || is_reset(port, &q->reset_gen))
			continue;
		out->opackets[i] = get(&q->counters.packets);
		out->obytes[i] = get(&q->counters.bytes);
	}
}

static void get_basic(const struct lg_port *port, struct rte_eth_stats *stats)
{
	struct pdp_loadgen_stats all;

	lg_stats_collect(port, &all, NULL);
	stats->ipackets = all.received;
	stats->ibytes = all.received_bytes;
	stats->imissed = all.missed;
	stats->rx_nombuf = all.no_mbuf;
	stats->opackets = all.sent;
	stats->obytes = all.sent_bytes;
}

#if RTE_VERSION >= RTE_VERSION_NUM(25, 11, 0, 0)
int lg_stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats, struct eth_queue_stats *q)
{
	get_basic(dev->data->dev_private, stats);
	if (q != NULL)
		get_queues(dev->data->dev_private,
			   &(struct queue_counters){q->q_ipackets, q->q_ibytes, q->q_opackets,
						    q->q_obytes, q->q_errors});
	return 0;
}
#else
int lg_stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *s)
{
	get_basic(dev->data->dev_private, s);
	get_queues(dev->data->dev_private,
		   &(struct queue_counters){s->q_ipackets, s->q_ibytes, s->q_opackets, s->q_obytes,
					    s->q_errors});
	return 0;
}
#endif

int lg_stats_reset(struct rte_eth_dev *dev)
{
	int rc = pdp_loadgen_stats_reset(dev->data->port_id);

	return rc == -ENODEV ? -ENOTSUP : rc; /* a secondary process may look, not touch */
}
