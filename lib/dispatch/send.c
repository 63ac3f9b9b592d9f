/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stages 3 and 4 of the MD loop: choose an engine for each packet and stage it in that engine's
 * channel; staged packets are flushed by count, when the lcore has nothing better to do, or after
 * 20 us. MD lcore only. Budget: 10 cycles a packet with one engine, 20 with several and no hash.
 */
#include "dispatch_priv.h"

/*
 * Engines see contiguous packets with headroom for a tunnel header. A chain becomes one segment;
 * what cannot be made to fit is a counted drop.
 * @param results  theirs, moved along; NULL: there are none
 * @return how many are left in pkts
 */
static unsigned int make_fit(struct md_vr *vr, struct rte_mbuf **pkts, uint32_t *results,
			     unsigned int n)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];

		if ((m->nb_segs == 1 || rte_pktmbuf_linearize(m) == 0) &&
		    m->data_off >= PDP_HEADROOM) {
			if (results != NULL)
				results[kept] = results[i];
			pkts[kept++] = m;
		} else {
			md_drop(vr, &m, 1, PDP_DROP_UNFIT);
		}
	}
	return kept;
}

static void hash_run(const struct md_vr *vr, struct rte_mbuf **pkts, const uint32_t *results,
		     unsigned int n, uint8_t vif, uint32_t *hashes)
{
	const bool symmetric = vr->hash == PDP_HASH_SYMMETRIC;

	for (unsigned int i = 0; i < n; i++) {
		const uint8_t *data = rte_pktmbuf_mtod(pkts[i], const uint8_t *);
		uint16_t off = results != NULL ? pdp_classify_inner_off(results[i]) : 0;
		enum pdp_vif_kind kind = vr->vif_kind[vif];

		if (vr->hash == PDP_HASH_OUTER || off > pkts[i]->data_len) {
			off = 0;
			kind = PDP_VIF_ETHERNET;
		}
		hashes[i] = pdp_flow_hash(data + off, (uint16_t)(pkts[i]->data_len - off), kind,
					  symmetric) |
			    vr->tag;
	}
}

/* One engine: no choice, no hash. */
static __rte_noinline void send_single(struct pdp_md *md, struct md_vr *vr, struct rte_mbuf **pkts,
				       unsigned int n, uint8_t vif)
{
	struct md_engine *e = vr->engines[0];

	if (unlikely(n > e->ch->n_free)) {
		md_drop(vr, pkts + e->ch->n_free, n - e->ch->n_free, PDP_DROP_ENGINE_FULL);
		n = e->ch->n_free;
		if (n == 0)
			return;
	}
	if (unlikely(vr->wraps != NULL)) {
		md_seal_stage(md, e, pkts, NULL, n, vif, 0);
		return;
	}
	md_mark_dirty(md, e);
	pdp_chan_stage(e->ch, pkts, n, NULL, vif, 0);
}

/* A burst in the order of the engines that its packets go to, in order of arrival for each. */
struct sorted {
	struct rte_mbuf *pkts[RX_BURST];
	uint32_t tags[RX_BURST];
	uint8_t end[PDP_ENGINES_MAX]; /* of each engine's share */
};

static void sort_by_place(const struct md_vr *vr, struct rte_mbuf **pkts, const uint32_t *tags,
			  const uint8_t *places, unsigned int n, struct sorted *s)
{
	unsigned int sum = 0;

	memset(s->end, 0, vr->n_engines);
	for (unsigned int i = 0; i < n; i++)
		s->end[places[i]]++;
	for (unsigned int p = 0; p < vr->n_engines; p++) {
		const unsigned int share = s->end[p];

		s->end[p] = (uint8_t)sum;
		sum += share;
	}
	for (unsigned int i = 0; i < n; i++) {
		const unsigned int at = s->end[places[i]]++;

		s->pkts[at] = pkts[i];
		if (tags != NULL)
			s->tags[at] = tags[i];
	}
}

/* An engine that has as many packets is busy or off its CPU, and others may have the next ones:
 * they have them sooner, and fewer lines are under way between the CPUs. */
#define PLENTY (4 * RX_BURST)

/* To the engines from `place` on, as far as they have less than `plenty`. @return how many */
static unsigned int spill(struct pdp_md *md, struct md_vr *vr, unsigned int place, uint32_t plenty,
			  struct rte_mbuf **pkts, const uint32_t *tags, unsigned int n, uint8_t vif)
{
	const uint8_t flags = vr->balancer->needs_hash ? PDP_DESC_HASH : 0;
	unsigned int done = 0;

	for (unsigned int i = 0; i < vr->n_engines && done < n; i++) {
		struct md_engine *e = vr->engines[(place + i) % vr->n_engines];
		const uint32_t out = pdp_chan_out(e->ch);

		if (out < plenty)
			done += md_stage(md, e, pkts + done, tags != NULL ? tags + done : NULL,
					 RTE_MIN(n - done, plenty - out), vif, flags);
	}
	return done;
}

/* One engine's share. */
static void send_share(struct pdp_md *md, struct md_vr *vr, unsigned int place,
		       struct rte_mbuf **pkts, const uint32_t *tags, unsigned int n, uint8_t vif)
{
	const uint8_t flags = vr->balancer->needs_hash ? PDP_DESC_HASH : 0;
	unsigned int done;

	if (vr->balancer->passes_over)
		done = spill(md, vr, place, PLENTY, pkts, tags, n, vif);
	else
		done = md_stage(md, vr->engines[place], pkts, tags, n, vif, flags);
	if (unlikely(done < n) && vr->balancer->spills)
		done += spill(md, vr, place, UINT32_MAX, pkts + done,
			      tags != NULL ? tags + done : NULL, n - done, vif);
	if (likely(done == n))
		return;
	if (vr->order != NULL)
		md_order_undo(md, vr, tags + done, n - done);
	else if (vr->tag != 0)
		md_hold_undo(vr, tags + done, n - done);
	md_drop(vr, pkts + done, n - done, PDP_DROP_ENGINE_FULL);
	vr->full = true;
}

/* A VR that had no slots for all before: what has none now is dropped before hash and balance.
 * @return how many have one */
static unsigned int shed(struct md_vr *vr, struct rte_mbuf **pkts, unsigned int n)
{
	uint32_t room = 0;

	for (unsigned int p = 0; p < vr->n_engines; p++)
		room += vr->engines[p]->ch->n_free;
	if (room >= n) {
		vr->full = false;
		return n;
	}
	md_drop(vr, pkts + room, n - room, PDP_DROP_ENGINE_FULL);
	return room;
}

/* Whether not more packets go elsewhere than the one before them than there are engines. */
static inline bool in_rows(const struct md_vr *vr, const uint8_t *places, unsigned int n)
{
	unsigned int rows = 1;

	for (unsigned int i = 1; i < n; i++)
		rows += places[i] != places[i - 1];
	return rows <= vr->n_engines;
}

static void send_rows(struct pdp_md *md, struct md_vr *vr, struct rte_mbuf **pkts,
		      const uint32_t *tags, const uint8_t *places, unsigned int n, uint8_t vif)
{
	for (unsigned int first = 0, end; first < n; first = end) {
		end = first + 1;
		while (end < n && places[end] == places[first])
			end++;
		send_share(md, vr, places[first], pkts + first, tags != NULL ? tags + first : NULL,
			   end - first, vif);
	}
}

static void send_sorted(struct pdp_md *md, struct md_vr *vr, struct rte_mbuf **pkts,
			const uint32_t *tags, const uint8_t *places, unsigned int n, uint8_t vif)
{
	unsigned int first = 0;
	struct sorted s;

	sort_by_place(vr, pkts, tags, places, n, &s);
	for (unsigned int p = 0; p < vr->n_engines; p++) {
		if (s.end[p] != first)
			send_share(md, vr, p, s.pkts + first, tags != NULL ? s.tags + first : NULL,
				   s.end[p] - first, vif);
		first = s.end[p];
	}
}

/* Tags are hashes, or tickets, or there are none. */
static void send_balanced(struct pdp_md *md, struct md_vr *vr, struct rte_mbuf **pkts,
			  const uint32_t *results, unsigned int n, uint8_t vif)
{
	uint32_t room[RX_BURST], *tags = NULL;
	uint8_t places[RX_BURST];
	unsigned int held;

	if (unlikely(vr->order != NULL))
		n = md_order_admit(vr, pkts, n, tags = room);
	else if (vr->balancer->needs_hash)
		hash_run(vr, pkts, results, n, vif, tags = room);
	if (vr->balancer->needs_load)
		md_load(md, vr);
	held = vr->balancer->pick(vr->balance, tags, n, places);
	if (unlikely(held != 0))
		n = md_hold(md, vr, pkts, tags, places, n, vif);
	if (in_rows(vr, places, n))
		send_rows(md, vr, pkts, tags, places, n, vif);
	else
		send_sorted(md, vr, pkts, tags, places, n, vif);
}

/* data_off, refcnt, nb_segs and port lie in one word of an mbuf. */
static_assert(offsetof(struct rte_mbuf, nb_segs) == offsetof(struct rte_mbuf, data_off) + 4,
	      "SHAPE picks data_off and nb_segs");
#define SHAPE UINT64_C(0x0000ffff0000ffff)

static inline uint64_t shape(const struct rte_mbuf *m)
{
	uint64_t word;

	memcpy(&word, (const char *)m + offsetof(struct rte_mbuf, data_off), sizeof(word));
	return word;
}

/*
 * One look at all packets of a run: offload flags of drivers are taken off.
 * @param bytes out: their lengths together
 * @return whether they all are as engines want them, without looking closer
 */
static bool look(struct rte_mbuf **pkts, unsigned int n, uint64_t *bytes)
{
	const uint64_t first = shape(pkts[0]);
	uint64_t differ = 0, flags = 0, sum = 0;

	for (unsigned int i = 0; i < n; i++) {
		differ |= shape(pkts[i]) ^ first;
		flags |= pkts[i]->ol_flags;
		sum += pkts[i]->pkt_len;
	}
	*bytes = sum;
	if (flags & ~PDP_OL_KEEP) {
		for (unsigned int i = 0; i < n; i++)
			pkts[i]->ol_flags &= PDP_OL_KEEP;
	}
	return (differ & SHAPE) == 0 && pkts[0]->nb_segs == 1 && pkts[0]->data_off >= PDP_HEADROOM;
}

/* Packets in a row that belong to the same vif. @param results  NULL: no packet was looked at */
static void send_run(struct pdp_md *md, uint16_t gid, struct rte_mbuf **pkts, uint32_t *results,
		     unsigned int n)
{
	struct md_vr *vr = &md->vrs[md->gid_vr[gid]];
	struct md_vif *vif = &md->vifs[gid];
	const uint8_t index = (uint8_t)(vif - vr->vifs);
	uint64_t bytes;
	bool fit = look(pkts, n, &bytes);

	count(&vif->c.rx, n);
	count(&vif->c.rx_bytes, bytes);
	if (unlikely(vif->metered)) {
		n = md_meter(md, gid, pkts, results, n, bytes);
		if (n == 0)
			return;
	}
	if (unlikely(!fit))
		n = make_fit(vr, pkts, results, n);
	if (likely(vr->single))
		send_single(md, vr, pkts, n, index);
	else if (vr->direct)
		md_punt_direct(md, gid, pkts, n);
	else if (vr->n_engines == 0)
		md_drop(vr, pkts, n, PDP_DROP_NO_ENGINE);
	else if (likely(!vr->full) || (n = shed(vr, pkts, n)) != 0)
		send_balanced(md, vr, pkts, results, n, index);
}

void md_send_port(struct pdp_md *md, uint16_t gid, struct rte_mbuf **pkts, unsigned int n)
{
	count(&md->c.matched, n);
	send_run(md, gid, pkts, NULL, n);
}

void md_send(struct pdp_md *md, struct rte_mbuf **pkts, uint32_t *results, unsigned int n)
{
	unsigned int first = 0;

	md_gather(md, pkts, results, n);
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
