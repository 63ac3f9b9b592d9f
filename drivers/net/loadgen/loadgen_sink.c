/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sending to the sink: stamped packets are judged, everything is counted and freed. Runs on the
 * lcore that sends. No lock (but for packets out of place), no allocation, no log. Budget: 20
 * cycles a packet.
 */
#include "loadgen_priv.h"

#include <rte_cycles.h>
#include <rte_prefetch.h>

#define PREFETCH_AHEAD 4

static __rte_noinline void reset_counters(struct lg_txq *q)
{
	uint32_t gen = __atomic_load_n(&q->port->ctl.reset_gen, __ATOMIC_ACQUIRE);

	memset(&q->counters, 0, sizeof(q->counters));
	memset(q->returned, 0, sizeof(q->returned));
	memset(&q->hist, 0, sizeof(q->hist));
	q->counters.latency_min = UINT64_MAX;
	__atomic_store_n(&q->reset_gen, gen, __ATOMIC_RELEASE);
}

static inline void measure_latency(struct lg_txq *q, uint64_t due, uint64_t now)
{
	uint64_t cycles = (int64_t)(now - due) > 0 ? now - due : 0,
		 *bucket = &q->hist.buckets[lg_hist_index(cycles)];

	__atomic_store_n(bucket, *bucket + 1, __ATOMIC_RELAXED);
	if (unlikely(cycles < q->counters.latency_min))
		q->counters.latency_min = cycles;
	if (unlikely(cycles > q->counters.latency_max))
		q->counters.latency_max = cycles;
}

/* An outage of whatever lies between source and sink. The one that begins just after a reset is
 * told apart from those that come later. */
static inline void measure_gap(struct lg_txq *q, uint64_t now)
{
	struct lg_tx_counters *c = &q->counters;
	const uint64_t gap = now - c->last_tsc;

	if (unlikely(c->last_tsc == 0)) {
		c->first_tsc = now;
	} else {
		if (unlikely(gap > c->gap_max))
			__atomic_store_n(&c->gap_max, gap, __ATOMIC_RELAXED);
		if (unlikely(gap > c->gap_early) && c->last_tsc - c->first_tsc < q->early_tsc) {
			__atomic_store_n(&c->gap_early, gap, __ATOMIC_RELAXED);
			__atomic_store_n(&c->early_end_tsc, now, __ATOMIC_RELAXED);
		}
	}
	c->last_tsc = now;
}

/* Judge the packets of a burst one by one; what belongs to a source is counted when the source
 * changes. leaves: when each leaves; NULL: now. */
static __rte_always_inline void measure(struct lg_txq *q, struct rte_mbuf **pkts, uint16_t n,
					bool shared, const uint64_t *leaves)
{
	struct lg_flow_table *table = NULL;
	uint32_t source = UINT32_MAX;
	uint64_t returned = 0, unstamped = 0, now = rte_rdtsc();

	measure_gap(q, now);
	for (uint16_t i = 0; i < n; i++) {
		const struct rte_mbuf *m = pkts[i];
		const struct pdp_loadgen_stamp *s = RTE_PTR_ADD(m, lg_stamp_offset);

		if (unlikely(!(m->ol_flags & lg_stamp_flag))) {
			unstamped++;
			continue;
		}
		if (unlikely(s->flow >> LG_FLOW_BITS != source)) {
			if (returned > 0)
				q->returned[source] += returned;
			returned = 0;
			source = s->flow >> LG_FLOW_BITS;
			table = source < LG_MAX_SOURCES ? lg_sources[source] : NULL;
		}
		if (unlikely(table == NULL ||
			     (s->flow & ((1u << LG_FLOW_BITS) - 1)) >= table->n_flows)) {
			unstamped++;
			continue;
		}
		returned += lg_seq_judge(table, s->flow & ((1u << LG_FLOW_BITS) - 1), s->seq,
					 shared, &q->counters.seq);
		measure_latency(q, s->due_tsc, leaves != NULL ? leaves[i] : now);
	}
	if (returned > 0)
		q->returned[source] += returned;
	q->counters.unstamped += unstamped;
}

/* Whether an mbuf can go back to the pool as it is: one direct segment, nobody else holds it. */
static inline bool is_plain(const struct rte_mbuf *m, const struct rte_mempool *pool)
{
	return m->pool == pool && m->refcnt == 1 && m->nb_segs == 1 && m->next == NULL &&
	       !(m->ol_flags & (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL));
}

/* Judge, count and free. */
static __rte_always_inline void take(struct lg_txq *q, struct rte_mbuf **pkts, uint16_t n,
				     const uint64_t *leaves)
{
	struct rte_mempool *pool = pkts[0]->pool;
	uint64_t bytes = 0;
	bool plain = true;

	if (unlikely(q->reset_gen != __atomic_load_n(&q->port->ctl.reset_gen, __ATOMIC_RELAXED)))
		reset_counters(q);
	for (uint16_t i = 0; i < n; i++) {
		if (i + PREFETCH_AHEAD < n) {
			rte_prefetch0(pkts[i + PREFETCH_AHEAD]);
			rte_prefetch0(RTE_PTR_ADD(pkts[i + PREFETCH_AHEAD], RTE_CACHE_LINE_SIZE));
		}
		bytes += pkts[i]->pkt_len;
		plain &= is_plain(pkts[i], pool);
	}
	if (q->measure) {
		if (q->shared)
			measure(q, pkts, n, true, leaves);
		else
			measure(q, pkts, n, false, leaves);
	}
	if (likely(plain))
		rte_mempool_put_bulk(pool, (void *const *)pkts, n);
	else
		rte_pktmbuf_free_bulk(pkts, n);
	__atomic_store_n(&q->counters.packets, q->counters.packets + n, __ATOMIC_RELAXED);
	__atomic_store_n(&q->counters.bytes, q->counters.bytes + bytes, __ATOMIC_RELAXED);
}

uint16_t lg_tx(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	if (n != 0)
		take(queue, pkts, n, NULL);
	return n;
}

/* What the line's queue has room for. */
uint16_t lg_tx_line(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct lg_txq *q = queue;
	uint64_t leaves[LG_BURST], now = rte_rdtsc();
	uint32_t room = lg_line_room(&q->line, now);
	uint16_t done = 0;

	n = (uint16_t)RTE_MIN((uint32_t)n, room);
	while (done < n) {
		const uint16_t some = RTE_MIN((uint16_t)(n - done), (uint16_t)LG_BURST);

		for (uint16_t i = 0; i < some; i++)
			leaves[i] = lg_line_put(&q->line, now, pkts[done + i]->pkt_len);
		take(q, pkts + done, some, leaves);
		done += some;
	}
	return n;
}
