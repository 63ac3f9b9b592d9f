/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stages 3 and 4 of the MD loop: choose an engine for each packet and stage it in that engine's
 * channel; staged packets are flushed by count, when the lcore has nothing better to do, or after
 * 20 us. MD lcore only. Budget: 20 cycles a packet with one engine, 25 with several and no hash.
 */
#include "dispatch_priv.h"

/* Free a few packets of one VR for one reason. */
static void drop(struct md_vr *vr, struct rte_mbuf **pkts, unsigned int n, enum pdp_drop why)
{
	count(&vr->c.drops[why], n);
	rte_pktmbuf_free_bulk(pkts, n);
}

/*
 * Engines see contiguous packets with headroom for a tunnel header. A chain becomes one segment;
 * what cannot be made to fit is a counted drop.
 * @return how many are left in pkts
 */
static unsigned int make_fit(struct md_vr *vr, struct rte_mbuf **pkts, unsigned int n)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];

		if ((m->nb_segs == 1 || rte_pktmbuf_linearize(m) == 0) &&
		    m->data_off >= PDP_HEADROOM)
			pkts[kept++] = m;
		else
			drop(vr, &m, 1, PDP_DROP_UNFIT);
	}
	return kept;
}

/* Something is staged for the engine: it has to be flushed, and visited by collect. */
static inline void mark_dirty(struct pdp_md *md, struct md_engine *e)
{
	if (e->dirty)
		return;
	e->dirty = true;
	e->staged_tsc = md->now;
	md->dirty[md->n_dirty++] = e;
	md_list_active(md, e);
}

/* The place that takes a packet meant for `want`: itself, or with a spilling balancer the next with
 * a free slot. */
static inline struct md_engine *with_room(struct md_vr *vr, unsigned int want)
{
	struct md_engine *e = vr->engines[want];

	if (likely(e->ch->n_free != 0))
		return e;
	if (!vr->balancer->spills)
		return NULL;
	for (unsigned int i = 1; i < vr->n_engines; i++) {
		e = vr->engines[(want + i) % vr->n_engines];
		if (e->ch->n_free != 0)
			return e;
	}
	return NULL;
}

static void hash_run(const struct md_vr *vr, struct rte_mbuf **pkts, const uint32_t *results,
		     unsigned int n, uint8_t vif, uint32_t *hashes)
{
	const bool symmetric = vr->hash == PDP_HASH_SYMMETRIC;

	for (unsigned int i = 0; i < n; i++) {
		const uint8_t *data = rte_pktmbuf_mtod(pkts[i], const uint8_t *);
		uint16_t off = pdp_classify_inner_off(results[i]);
		enum pdp_vif_kind kind = vr->vif_kind[vif];

		if (vr->hash == PDP_HASH_OUTER || off > pkts[i]->data_len) {
			off = 0;
			kind = PDP_VIF_ETHERNET;
		}
		hashes[i] = pdp_flow_hash(data + off, (uint16_t)(pkts[i]->data_len - off), kind,
					  symmetric);
	}
}

/* One engine: no choice, no hash. */
static void send_single(struct pdp_md *md, struct md_vr *vr, struct rte_mbuf **pkts, unsigned int n,
			uint8_t vif)
{
	struct md_engine *e = vr->engines[0];

	if (unlikely(n > e->ch->n_free)) {
		drop(vr, pkts + e->ch->n_free, n - e->ch->n_free, PDP_DROP_ENGINE_FULL);
		n = e->ch->n_free;
		if (n == 0)
			return;
	}
	mark_dirty(md, e);
	pdp_chan_stage(e->ch, pkts, n, NULL, vif, 0);
}

static void send_balanced(struct pdp_md *md, struct md_vr *vr, struct rte_mbuf **pkts,
			  const uint32_t *results, unsigned int n, uint8_t vif)
{
	const uint8_t flags = vr->balancer->needs_hash ? PDP_DESC_HASH : 0;
	uint32_t hashes[RX_BURST] = {0};
	uint8_t places[RX_BURST];

	if (flags)
		hash_run(vr, pkts, results, n, vif, hashes);
	vr->balancer->pick(vr->balance, hashes, n, places);
	for (unsigned int i = 0; i < n; i++) {
		struct md_engine *e = with_room(vr, places[i]);

		if (unlikely(e == NULL)) {
			drop(vr, &pkts[i], 1, PDP_DROP_ENGINE_FULL);
			continue;
		}
		mark_dirty(md, e);
		pdp_chan_stage(e->ch, &pkts[i], 1, &hashes[i], vif, flags);
	}
}

/* Packets in a row that belong to the same vif. */
static void send_run(struct pdp_md *md, uint16_t gid, struct rte_mbuf **pkts,
		     const uint32_t *results, unsigned int n)
{
	struct md_vr *vr = &md->vrs[md->gid_vr[gid]];
	struct md_vif *vif = &md->vifs[gid];
	const uint8_t index = (uint8_t)(vif - vr->vifs);
	uint64_t bytes = 0;
	bool fit = true;

	for (unsigned int i = 0; i < n; i++) {
		bytes += pkts[i]->pkt_len;
		fit &= pkts[i]->nb_segs == 1 && pkts[i]->data_off >= PDP_HEADROOM;
	}
	count(&vif->c.rx, n);
	count(&vif->c.rx_bytes, bytes);
	if (unlikely(!fit))
		n = make_fit(vr, pkts, n);
	if (likely(vr->n_engines == 1))
		send_single(md, vr, pkts, n, index);
	else if (vr->n_engines == 0)
		drop(vr, pkts, n, PDP_DROP_NO_ENGINE);
	else
		send_balanced(md, vr, pkts, results, n, index);
}

void md_send_port(struct pdp_md *md, uint16_t gid, struct rte_mbuf **pkts, unsigned int n)
{
	static const uint32_t no_results[RX_BURST];

	count(&md->c.matched, n);
	send_run(md, gid, pkts, no_results, n);
}

void md_send(struct pdp_md *md, struct rte_mbuf **pkts, const uint32_t *results, unsigned int n)
{
	unsigned int first = 0;

	while (first < n) {
		const uint16_t gid = pdp_classify_gid(results[first]);
		unsigned int end = first + 1;

		while (end < n && pdp_classify_gid(results[end]) == gid)
			end++;
		if (likely(gid < md->n_gids)) {
			count(&md->c.matched, end - first);
			send_run(md, gid, pkts + first, results + first, end - first);
		} else {
			count(&md->c.drops[gid - PDP_GID_DROP], end - first);
			rte_pktmbuf_free_bulk(pkts + first, end - first);
		}
		first = end;
	}
}

void md_send_flush(struct pdp_md *md, bool all)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < md->n_dirty; i++) {
		struct md_engine *e = md->dirty[i];

		if (!all && pdp_chan_staged(e->ch) < FLUSH_MIN &&
		    md->now - e->staged_tsc < md->flush_tsc) {
			md->dirty[kept++] = e;
			continue;
		}
		e->dirty = false;
		if (pdp_chan_staged(e->ch) != 0)
			pdp_chan_flush(e->ch);
	}
	md->n_dirty = kept;
}
