/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage 6 of the MD loop: hand packets to the ports' drivers. A long run goes straight to the
 * driver, short ones are gathered in the port's buffer until the end of the turn. A packet counts
 * as sent when the driver or the buffer has it; a drop takes that back.
 *
 * While a port takes everything, that is all. What it does not take stays in the buffer, and from
 * then on arrivals wait in a queue for each VR, in flight, until the buffer is empty and deficit
 * round robin (drr.h) says who is next: VRs that fill a port share it by bytes. What waits for a
 * port that takes nothing for 100 ms is dropped. With several MD lcores each shares out what it
 * gets of the port. MD lcore only. Budget: 2 cycles a packet and the driver's; 15 more with a
 * backlog.
 */
#include <rte_cycles.h>

#include "dispatch_priv.h"

#define RUN_MIN 16 /* packets that are worth a call of the driver by themselves */
#define REFILLS 16 /* bursts out of the backlog a turn and port */

/* @return packets sent */
static unsigned int transmit_port(struct md_txbuf *b)
{
	uint32_t sent = 0;

	/* A shared queue whose holder was put off the CPU: next turn. */
	if (b->lock != NULL && !rte_spinlock_trylock(b->lock))
		return 0;
	while (sent < b->n) {
		uint16_t want = (uint16_t)RTE_MIN(b->n - sent, (uint32_t)TX_BURST);
		uint16_t n = rte_eth_tx_burst(b->port, b->queue, b->pkts + sent, want);

		sent += n;
		if (n < want)
			break;
	}
	if (b->lock != NULL)
		rte_spinlock_unlock(b->lock);
	b->n -= sent;
	if (unlikely(b->n != 0 && sent != 0)) {
		memmove(b->pkts, b->pkts + sent, b->n * sizeof(b->pkts[0]));
		memmove(b->gids, b->gids + sent, b->n * sizeof(b->gids[0]));
	}
	return sent;
}

static void drop_full(struct pdp_md *md, uint16_t gid, struct rte_mbuf *m)
{
	count(&md->vrs[md->gid_vr[gid]].c.drops[PDP_DROP_PORT_FULL], 1);
	rte_pktmbuf_free(m);
}

/* Room for n packets by asking the port. @return false: it does not take all, a backlog begins, or
 * there is one */
static bool make_room(const struct pdp_md *md, struct md_txbuf *b)
{
	if (b->limit == 0)
		return false;
	transmit_port(b);
	if (b->n == 0)
		return true;
	b->limit = 0;
	b->took_tsc = md->now;
	return false;
}

static void wait_in_line(struct pdp_md *md, uint16_t gid, struct rte_mbuf **pkts, unsigned int n)
{
	struct md_vif *vif = &md->vifs[gid];

	for (unsigned int i = 0; i < n; i++) {
		struct drr_item item = {.m = pkts[i], .len = pkts[i]->pkt_len, .tag = gid};

		if (!drr_push(&md->tx[vif->port]->backlog, vif->line, item))
			drop_full(md, gid, pkts[i]);
	}
}

/*
 * Past the buffer: copying pointers into it costs 2 cycles a packet.
 * @return how many the driver took
 */
static unsigned int transmit_run(struct pdp_md *md, struct md_txbuf *b, struct rte_mbuf **pkts,
				 unsigned int n)
{
	uint64_t begin;

	if (n < RUN_MIN || b->n != 0 || b->limit == 0 || b->lock != NULL)
		return 0;
	if (likely(!md->sampled))
		return rte_eth_tx_burst(b->port, b->queue, pkts, (uint16_t)n);
	begin = rte_rdtsc();
	n = rte_eth_tx_burst(b->port, b->queue, pkts, (uint16_t)n);
	md->run_tsc += rte_rdtsc() - begin;
	md->run_packets += n;
	return n;
}

/* @return how many of n packets may leave by the vif; the others are dropped */
static __rte_noinline unsigned int check_source(struct pdp_md *md, uint16_t gid,
						struct rte_mbuf **pkts, unsigned int n,
						uint64_t *bytes)
{
	const struct guard *g = md->vifs[gid].guard;
	unsigned int kept = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];

		if (guard_passes(g, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len)) {
			pkts[kept++] = m;
			continue;
		}
		*bytes -= m->pkt_len;
		md_drop(&md->vrs[md->gid_vr[gid]], &m, 1, PDP_DROP_SOURCE);
	}
	return kept;
}

void md_transmit_add(struct pdp_md *md, uint16_t gid, struct rte_mbuf **pkts, unsigned int n,
		     uint64_t bytes)
{
	struct md_vif *vif = &md->vifs[gid];
	struct md_txbuf *b = md->tx[vif->port];
	unsigned int run, rest;

	if (unlikely(vif->guard != NULL)) {
		n = check_source(md, gid, pkts, n, &bytes);
		if (n == 0)
			return;
	}
	run = transmit_run(md, b, pkts, n);
	rest = n - run;
	if (unlikely(rest != 0)) {
		if (!b->dirty) {
			b->dirty = true;
			md->tx_dirty[md->n_tx_dirty++] = b;
		}
		/* Never of what is left of a run: then the buffer is empty. */
		if (unlikely(b->n + rest > b->limit) && !make_room(md, b)) {
			wait_in_line(md, gid, pkts, n);
			return;
		}
		memcpy(&b->pkts[b->n], pkts + run, rest * sizeof(pkts[0]));
		for (unsigned int i = 0; i < rest; i++)
			b->gids[b->n + i] = gid;
		b->n += rest;
	}
	count(&vif->c.tx, n);
	count(&vif->c.tx_bytes, bytes);
}

/* The next in line, into the empty buffer. */
static void refill(struct pdp_md *md, struct md_txbuf *b)
{
	struct drr_item items[TX_BURST];

	b->n = drr_pull(&b->backlog, items, TX_BURST);
	for (unsigned int i = 0; i < b->n; i++) {
		struct md_vif *vif = &md->vifs[items[i].tag];

		b->pkts[i] = items[i].m;
		b->gids[i] = items[i].tag;
		count(&vif->c.tx, 1);
		count(&vif->c.tx_bytes, items[i].len);
	}
}

static void drop_rest(struct pdp_md *md, struct md_txbuf *b)
{
	struct drr_item item;

	for (uint32_t k = 0; k < b->n; k++) {
		/* It was counted as sent. */
		md->vifs[b->gids[k]].c.tx--;
		md->vifs[b->gids[k]].c.tx_bytes -= b->pkts[k]->pkt_len;
		drop_full(md, b->gids[k], b->pkts[k]);
	}
	while (drr_pull(&b->backlog, &item, 1) != 0)
		drop_full(md, item.tag, item.m);
	b->n = 0;
	b->limit = TX_BUFFER;
}

/* What the port takes, and whether everything went. @return packets sent */
static unsigned int transmit_all(struct pdp_md *md, struct md_txbuf *b)
{
	unsigned int sent = transmit_port(b);

	for (unsigned int i = 0; unlikely(b->backlog.n != 0) && b->n == 0 && i < REFILLS; i++) {
		refill(md, b);
		sent += transmit_port(b);
	}
	if (likely(b->n == 0 && b->backlog.n == 0)) {
		b->limit = TX_BUFFER;
		return sent;
	}
	if (sent != 0 || b->limit != 0)
		b->took_tsc = md->now;
	b->limit = 0;
	/* A link that is down, a peer that left: what waits would leave stale some day, or never.
	 */
	if (md->now - b->took_tsc > md->dead_tsc)
		drop_rest(md, b);
	return sent;
}

unsigned int md_transmit(struct pdp_md *md)
{
	unsigned int kept = 0, sent = 0;

	for (unsigned int i = 0; i < md->n_tx_dirty; i++) {
		struct md_txbuf *b = md->tx_dirty[i];

		sent += transmit_all(md, b);
		if (unlikely(b->limit == 0))
			md->tx_dirty[kept++] = b;
		else
			b->dirty = false;
	}
	md->n_tx_dirty = kept;
	return sent;
}

void pdp_md_finish(struct pdp_md *md)
{
	md_transmit(md);
	for (unsigned int i = 0; i < md->n_tx_dirty; i++) {
		drop_rest(md, md->tx_dirty[i]);
		md->tx_dirty[i]->dirty = false;
	}
	md->n_tx_dirty = 0;
}
