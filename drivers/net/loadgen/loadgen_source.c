/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receiving from the source: packets that are due become mbufs. Runs on the lcore that polls the
 * queue. No lock, no allocation but of mbufs, no log. Budget at 64 bytes: 30 cycles a packet, stamp
 * included.
 */
#include "loadgen_priv.h"

#include <rte_cycles.h>
#include <rte_prefetch.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the mbuf is filled by words");
static_assert(sizeof(struct pdp_loadgen_stamp) == 16, "written as two words");

#define PREFETCH_AHEAD 8 /* where an engine wrote to it last, the frame is in that CPU's cache */

static void rewind_queue(struct lg_rxq *q)
{
	lg_clock_drop(&q->clock);
	q->clock.left = q->count;
	q->sched_pos = 0;
	q->imix_pos = 0;
	q->packet_pos = 0;
}

/* Control has changed something: the slow path of a burst. */
static __rte_noinline void take_orders(struct lg_rxq *q, uint64_t now)
{
	struct lg_ctl *ctl = &q->port->ctl;
	uint32_t restart_gen;

	q->ctl_gen = __atomic_load_n(&ctl->gen, __ATOMIC_ACQUIRE); /* pairs with lg_ctl_publish() */
	if (q->reset_gen != ctl->reset_gen) {
		memset(&q->counters, 0, sizeof(q->counters));
		q->clock.missed = 0;
		__atomic_store_n(&q->reset_gen, ctl->reset_gen, __ATOMIC_RELEASE);
	}
	if (q->rate_gen == ctl->rate_gen)
		return;
	q->rate_gen = ctl->rate_gen;
	if (q->running && !q->closed)
		lg_clock_pause(&q->clock, now);
	restart_gen = ctl->restart_gen;
	if (q->restart_gen != restart_gen)
		rewind_queue(q);
	q->running = ctl->running;
	q->closed = ctl->closed;
	if (q->closed)
		lg_clock_drop(&q->clock);
	else if (q->running && q->share > 0)
		lg_clock_follow(&q->clock, ctl->profile, q->share, now);
	__atomic_store_n(&q->restart_gen, restart_gen,
			 __ATOMIC_RELEASE); /* pairs with lg_ctl_done() */
}

/* How many packets the reader may have, at most `n`. */
static inline uint32_t available(struct lg_rxq *q, uint32_t n)
{
	if (!q->closed)
		return RTE_MIN(n, q->clock.waiting);
	if (unlikely(!q->running))
		return 0;
	return (uint32_t)RTE_MIN((uint64_t)n, q->clock.left);
}

/* Take them, with the times they were due. */
static inline void claim(struct lg_rxq *q, uint64_t *due, uint32_t n, uint64_t now)
{
	if (!q->closed) {
		lg_clock_take(&q->clock, due, n);
		return;
	}
	if (q->clock.left != LG_ENDLESS)
		q->clock.left -= n;
	for (uint32_t i = 0; i < n; i++)
		due[i] = now;
}

static inline uint8_t *mbuf_init(const struct lg_rxq *q, struct rte_mbuf *m, uint32_t len,
				 uint32_t hash)
{
	uint64_t *rearm = RTE_PTR_ADD(m, offsetof(struct rte_mbuf, rearm_data));
	uint64_t *descriptor = RTE_PTR_ADD(m, offsetof(struct rte_mbuf, packet_type));

	rearm[0] = q->rearm;
	rearm[1] = q->ol_flags;
	descriptor[0] = (uint64_t)len << 32;		      /* packet_type, pkt_len */
	descriptor[1] = (uint64_t)hash << 32 | (uint16_t)len; /* data_len, vlan_tci, hash.rss */
	return (uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM;
}

static inline void stamp(struct rte_mbuf *m, int offset, uint64_t due, uint32_t flow, uint32_t seq)
{
	uint64_t *field = RTE_PTR_ADD(m, offset);

	field[0] = due;
	field[1] = (uint64_t)seq << 32 | flow;
}

static inline void prefetch(struct rte_mbuf *m)
{
	rte_prefetch0_write(m);
	rte_prefetch0_write(RTE_PTR_ADD(m, RTE_CACHE_LINE_SIZE));
	rte_prefetch0_write(RTE_PTR_ADD(m, sizeof(*m) + RTE_PKTMBUF_HEADROOM));
}

/* The first of a burst. */
static inline void prefetch_first(struct rte_mbuf **pkts, uint32_t n)
{
	for (uint32_t i = 0; i < RTE_MIN(n, (uint32_t)PREFETCH_AHEAD); i++)
		prefetch(pkts[i]);
}

/* One packet of the class's next flow; returns its length. */
static __rte_always_inline uint32_t make_packet(const struct lg_rxq *q, struct lg_qclass *cls,
						const struct lg_tmpl *t, struct rte_mbuf *m,
						uint64_t due, int stamp_offset)
{
	uint32_t flow;

	if (!cls->v6) {
		const struct lg_flow4 *f = &cls->flows4[cls->cursor];

		lg_flow4_write(t, f, mbuf_init(q, m, t->len, f->hash));
		flow = f->flow;
	} else {
		const struct lg_flow6 *f = &cls->flows6[cls->cursor];

		lg_flow6_write(t, f, mbuf_init(q, m, t->len, f->hash));
		flow = f->flow;
	}
	if (stamp_offset >= 0)
		stamp(m, stamp_offset, due, flow, cls->pass);
	if (++cls->cursor == cls->n) {
		cls->cursor = 0;
		cls->pass++;
	}
	return t->len;
}

static __rte_always_inline uint64_t make_one_class(struct lg_rxq *q, struct rte_mbuf **pkts,
						   const uint64_t *due, uint32_t n,
						   int stamp_offset)
{
	struct lg_qclass cls = q->classes[0];
	const struct lg_tmpl t = cls.tmpl[0];

	prefetch_first(pkts, n);
	for (uint32_t i = 0; i < n; i++) {
		if (i + PREFETCH_AHEAD < n)
			prefetch(pkts[i + PREFETCH_AHEAD]);
		make_packet(q, &cls, &t, pkts[i], due[i], stamp_offset);
	}
	q->classes[0].cursor = cls.cursor;
	q->classes[0].pass = cls.pass;
	return (uint64_t)n * t.len;
}

static __rte_always_inline uint64_t make_mixed(struct lg_rxq *q, struct rte_mbuf **pkts,
					       const uint64_t *due, uint32_t n, int stamp_offset)
{
	const uint8_t *imix = q->port->imix;
	uint64_t bytes = 0;

	prefetch_first(pkts, n);
	for (uint32_t i = 0; i < n; i++) {
		struct lg_qclass *cls = &q->classes[q->sched[q->sched_pos]];
		const struct lg_tmpl *t = cls->tmpl;

		if (i + PREFETCH_AHEAD < n)
			prefetch(pkts[i + PREFETCH_AHEAD]);
		if (++q->sched_pos == q->sched_size)
			q->sched_pos = 0;
		if (q->imix) {
			t += imix[q->imix_pos];
			if (++q->imix_pos == LG_IMIX_SIZE)
				q->imix_pos = 0;
		}
		bytes += make_packet(q, cls, t, pkts[i], due[i], stamp_offset);
	}
	return bytes;
}

static uint64_t make_packets(struct lg_rxq *q, struct rte_mbuf **pkts, const uint64_t *due,
			     uint32_t n)
{
	if (q->one_class)
		return q->stamp ? make_one_class(q, pkts, due, n, lg_stamp_offset)
				: make_one_class(q, pkts, due, n, -1);
	return make_mixed(q, pkts, due, n, q->stamp ? lg_stamp_offset : -1);
}

static uint64_t replay_packets(struct lg_rxq *q, struct rte_mbuf **pkts, const uint64_t *due,
			       uint32_t n)
{
	uint32_t *seqs = q->port->pcap->seqs, source = (uint32_t)q->port->source << LG_FLOW_BITS;
	uint64_t bytes = 0;

	prefetch_first(pkts, n);
	for (uint32_t i = 0; i < n; i++) {
		const struct lg_pcap_packet *p = q->packets[q->packet_pos];

		if (i + PREFETCH_AHEAD < n)
			prefetch(pkts[i + PREFETCH_AHEAD]);
		lg_copy(mbuf_init(q, pkts[i], p->len, p->hash), p->bytes, p->len);
		if (q->stamp)
			stamp(pkts[i], lg_stamp_offset, due[i], source | p->flow, seqs[p->flow]++);
		bytes += p->len;
		if (++q->packet_pos == q->n_packets)
			q->packet_pos = 0;
	}
	return bytes;
}

static inline void count(struct lg_rxq *q, uint64_t packets, uint64_t bytes)
{
	struct lg_rx_counters *c = &q->counters;

	__atomic_store_n(&c->packets, c->packets + packets, __ATOMIC_RELAXED);
	__atomic_store_n(&c->bytes, c->bytes + bytes, __ATOMIC_RELAXED);
	if (q->stamp)
		__atomic_store_n(&c->stamped, c->stamped + packets, __ATOMIC_RELAXED);
}

static __rte_always_inline uint16_t receive(struct lg_rxq *q, struct rte_mbuf **pkts, uint16_t n,
					    uint64_t (*make)(struct lg_rxq *, struct rte_mbuf **,
							     const uint64_t *, uint32_t))
{
	uint64_t due[LG_BURST], now = 0, bytes = 0;
	uint32_t done = 0, part;

	if (q->stamp || !q->closed)
		now = rte_rdtsc();
	if (unlikely(q->ctl_gen != __atomic_load_n(&q->port->ctl.gen, __ATOMIC_RELAXED)))
		take_orders(q, now != 0 ? now : rte_rdtsc());
	if (!q->closed)
		lg_clock_advance(&q->clock, now);
	while (done < n) {
		part = available(q, RTE_MIN((uint32_t)(n - done), LG_BURST));
		if (part == 0)
			break;
		if (unlikely(rte_mempool_get_bulk(q->pool, (void **)&pkts[done], part) != 0)) {
			q->counters.no_mbuf += part;
			break;
		}
		claim(q, due, part, now);
		bytes += make(q, &pkts[done], due, part);
		done += part;
	}
	if (done > 0)
		count(q, done, bytes);
	return (uint16_t)done;
}

uint16_t lg_rx_made(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	return receive(queue, pkts, n, make_packets);
}

uint16_t lg_rx_pcap(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	return receive(queue, pkts, n, replay_packets);
}

uint16_t lg_no_burst(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	return 0;
}
