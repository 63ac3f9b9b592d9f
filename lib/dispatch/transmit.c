/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage 6 of the MD loop: gather packets per port and hand them to the driver. What a port does not
 * take waits in the buffer; what the buffer does not hold is dropped. A packet counts as sent when
 * it is put into the buffer; a drop takes that back. MD lcore only. Budget: 4 cycles a packet and
 * the driver's.
 */
#include "dispatch_priv.h"

static void transmit_port(struct md_txbuf *b)
{
	uint32_t sent = 0;

	/* A shared queue whose holder was put off the CPU: next turn. */
	if (b->lock != NULL && !rte_spinlock_trylock(b->lock))
		return;
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
}

static void drop_full(struct pdp_md *md, uint16_t gid, struct rte_mbuf *m)
{
	count(&md->vrs[md->gid_vr[gid]].c.drops[PDP_DROP_PORT_FULL], 1);
	rte_pktmbuf_free(m);
}

/* Room for n packets, or for as many as the port leaves room for. */
static unsigned int room(struct md_txbuf *b, unsigned int n)
{
	if (likely(b->n + n <= TX_BUFFER))
		return n;
	transmit_port(b);
	return RTE_MIN(n, TX_BUFFER - b->n);
}

void md_transmit_add(struct pdp_md *md, uint16_t gid, struct rte_mbuf **pkts, unsigned int n,
		     uint64_t bytes)
{
	struct md_vif *vif = &md->vifs[gid];
	struct md_txbuf *b = md->tx[vif->port];
	unsigned int fit = room(b, n);

	if (!b->dirty) {
		b->dirty = true;
		md->tx_dirty[md->n_tx_dirty++] = b;
	}
	memcpy(&b->pkts[b->n], pkts, fit * sizeof(pkts[0]));
	for (unsigned int i = 0; i < fit; i++)
		b->gids[b->n + i] = gid;
	b->n += fit;
	for (unsigned int i = fit; i < n; i++) {
		bytes -= pkts[i]->pkt_len;
		drop_full(md, gid, pkts[i]);
	}
	count(&vif->c.tx, fit);
	count(&vif->c.tx_bytes, bytes);
}

unsigned int md_transmit(struct pdp_md *md)
{
	unsigned int kept = 0, sent = 0;

	for (unsigned int i = 0; i < md->n_tx_dirty; i++) {
		struct md_txbuf *b = md->tx_dirty[i];
		uint32_t before = b->n;

		transmit_port(b);
		sent += before - b->n;
		if (unlikely(b->n != 0))
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
		struct md_txbuf *b = md->tx_dirty[i];

		for (uint32_t k = 0; k < b->n; k++) {
			/* It was counted as sent. */
			md->vifs[b->gids[k]].c.tx--;
			md->vifs[b->gids[k]].c.tx_bytes -= b->pkts[k]->pkt_len;
			drop_full(md, b->gids[k], b->pkts[k]);
		}
		b->n = 0;
		b->dirty = false;
	}
	md->n_tx_dirty = 0;
}
