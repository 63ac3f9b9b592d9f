/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sealed engines: what stages 4 and 5 of the MD loop do in another way for them. Carriers' headers
 * are taken off before a packet's window is copied into the engine's memory, and put on after it
 * was copied back: no VR writes its own. MD lcore only. Budget: 20 cycles a packet more than for
 * other engines, with a window of one line.
 */
#include <pdp_sealed_md.h>
#include <pdp_vif.h>

#include "dispatch_priv.h"

static inline enum pdp_vif_drop unwrap(const struct pdp_vif *v, struct rte_mbuf *m)
{
	uint16_t len = m->data_len, off = 0;
	enum pdp_vif_drop why;

	if (likely(v->in_place && len <= v->frame_max))
		return PDP_VIF_OK;
	why = pdp_vif_decap(v, rte_pktmbuf_mtod(m, uint8_t *), &len, &off);
	if (likely(why == PDP_VIF_OK)) {
		m->data_off = (uint16_t)(m->data_off + off);
		m->data_len = len;
		m->pkt_len = len;
	}
	return why;
}

/* A packet that an engine was chosen for. */
static void refuse(struct pdp_md *md, struct md_vr *vr, struct rte_mbuf *m, const uint32_t *tag,
		   enum pdp_vif_drop why)
{
	md_drop(vr, &m, 1, (enum pdp_drop)why);
	if (tag == NULL)
		return;
	if (vr->order != NULL)
		md_order_undo(md, vr, tag, 1);
	else if (vr->tag != 0)
		md_hold_undo(vr, tag, 1);
}

static void stage(struct md_engine *e, struct rte_mbuf **pkts, const uint32_t *tags, unsigned int n,
		  uint8_t vif, uint8_t flags)
{
	if (n == 0)
		return;
	if (tags != NULL && tags[0] & TAG_COUNTED)
		e->counted += n;
	pdp_sealed_stage(e->ch, pkts, n, tags, vif, flags);
}

void md_seal_stage(struct pdp_md *md, struct md_engine *e, struct rte_mbuf **pkts,
		   const uint32_t *tags, unsigned int n, uint8_t vif, uint8_t flags)
{
	const struct pdp_vif *v = &e->vr->wraps[vif];
	unsigned int first = 0;

	md_mark_dirty(md, e);
	/* What waits to be collected is on its way while packets are copied in. */
	if (e->ch->seen != 0 && !e->ch->sealed->peeked) {
		pdp_sealed_peek(e->ch, 0, e->ch->seen);
		e->ch->sealed->peeked = true;
	}
	for (unsigned int i = 0; i < n; i++) {
		const enum pdp_vif_drop why = unwrap(v, pkts[i]);

		if (likely(why == PDP_VIF_OK))
			continue;
		stage(e, pkts + first, tags != NULL ? tags + first : NULL, i - first, vif, flags);
		refuse(md, e->vr, pkts[i], tags != NULL ? tags + i : NULL, why);
		first = i + 1;
	}
	stage(e, pkts + first, tags != NULL ? tags + first : NULL, n - first, vif, flags);
}

/* Whether all leave by one vif that puts nothing in front of them and is long enough. */
static inline bool leave_as_they_are(const struct md_vr *vr, const struct pdp_return *first,
				     const struct pdp_taken *t)
{
	return t->alike && (t->none | t->bad) == 0 && (first->verdict & 3) == PDP_FORWARD &&
	       first->vif < vr->n_vifs && vr->wraps[first->vif].in_place &&
	       t->longest <= vr->wraps[first->vif].frame_max;
}

/* Of packets that were told of by the first one's return: they are as they were lent. */
static void tell_each(struct pdp_return *returns, const struct pdp_taken *t)
{
	for (unsigned int i = 0; i < t->n; i++) {
		returns[i] = returns[0];
		returns[i].len = t->m[i]->data_len;
	}
}

/* What is forwarded gets the headers of its vif's carrier. @param each  there is a return for each
 */
static void wrap(const struct md_vr *vr, bool each, struct pdp_return *returns, struct pdp_taken *t)
{
	if (likely(leave_as_they_are(vr, returns, t)))
		return;
	if (!each && t->alike && (t->none | t->blank | t->bad) == 0)
		tell_each(returns, t);
	for (unsigned int i = 0; i < t->n; i++) {
		struct pdp_return *r = &returns[i];
		const struct pdp_vif *v = &vr->wraps[r->vif];
		struct rte_mbuf *m = t->m[i];
		enum pdp_vif_drop why;
		uint16_t len = r->len;

		if (unlikely(m == NULL || (r->verdict & 3) != PDP_FORWARD || r->vif >= vr->n_vifs ||
			     t->bad >> i & 1))
			continue;
		if (likely(v->in_place && len <= v->frame_max))
			continue;
		why = pdp_vif_encap(v, rte_pktmbuf_mtod(m, uint8_t *), m->data_off, &len);
		if (unlikely(why != PDP_VIF_OK)) {
			r->verdict = pdp_return_pack(PDP_DROP, (uint8_t)why);
			t->alike = false;
			continue;
		}
		if (v->in_place)
			continue;
		m->data_off = (uint16_t)(m->data_off - v->outer_size);
		m->data_len = len;
		m->pkt_len = len;
		t->bytes += len - r->len;
		r->len = len;
	}
}

unsigned int md_seal_collect(struct pdp_md *md, struct md_engine *e, unsigned int n)
{
	struct pdp_sealed_return from[COLLECT_BURST];
	struct pdp_return returns[COLLECT_BURST];
	const bool each = md_tells_each(e);
	struct pdp_chan *ch = e->ch;
	struct pdp_taken taken;
	unsigned int total = 0, done = 0;

	if (!ch->sealed->peeked)
		pdp_sealed_peek(ch, 0, n);
	ch->sealed->peeked = false;
	while (done < n) {
		const unsigned int burst = RTE_MIN(n - done, (unsigned int)COLLECT_BURST);

		pdp_ring_prefetch(&ch->from, burst, RTE_MIN(n - done - burst, burst),
				  sizeof(from[0]));
		pdp_ring_copy(&ch->from, from, burst, sizeof(from[0]));
		for (unsigned int i = 0; i < burst;) {
			i += pdp_sealed_take(ch, from + i, burst - i, each, returns, &taken);
			/* The next places come while these packets go on. */
			pdp_sealed_peek(ch, i - burst, n - done - i);
			if (unlikely(taken.n == 0))
				continue;
			wrap(e->vr, each, returns, &taken);
			md_returned(md, e, returns, &taken, taken.n);
			total += taken.n;
		}
		done += burst;
	}
	return total;
}
