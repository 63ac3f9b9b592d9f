/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage 5 of the MD loop: take back what engines return, check it against the ledger, and do what
 * the verdict says; relay control messages between engines of a VR, before data. Only channels with
 * packets out are visited every turn, the idle ones (which may originate or send messages) a few a
 * turn. MD lcore only. Budget: 10 cycles a packet.
 */
#include <pdp_sealed_md.h>

#include "dispatch_priv.h"

#define COLLECT_MAX 512u /* per engine and turn */
#define CTL_BURST   4	 /* control messages per engine and turn (DESIGN rule 8) */
#define BLANK_BURST 8	 /* BLANKs topped up per engine and turn */
#define IDLE_VISITS 2	 /* idle engines looked at per turn; all when there is nothing else to do */

static void relay_control(const struct pdp_md *md, struct md_engine *e)
{
	struct pdp_ctl_elem msg[PDP_CTL_ELEMS_MAX];
	struct md_vr *vr = e->vr;

	for (unsigned int i = 0; i < CTL_BURST; i++) {
		struct md_engine *to;
		uint16_t dst;
		int n;

		if (!md_allowed(md, e->ctl_tsc))
			return;
		n = pdp_ctl_take(e->ch, e->ctl, &dst, msg);
		if (n == 0)
			return;
		md_use(md, &e->ctl_tsc, md->ctl_gap_tsc, 1);
		if (n < 0)
			continue;
		to = dst < PDP_ENGINES_MAX ? vr->all[dst] : NULL;
		if (to != NULL && pdp_ctl_put(to->ch, to->ctl, e->index, msg, (unsigned int)n))
			count(&vr->c.ctl_relayed, 1);
		else
			count(&vr->c.ctl_dropped, 1);
	}
}

static void drop_one(struct md_vr *vr, struct rte_mbuf *m, unsigned int why)
{
	count(&vr->c.drops[why], 1);
	rte_pktmbuf_free(m);
}

static void lie(struct md_engine *e, struct rte_mbuf *m, enum pdp_lie what)
{
	e->ch->lies[what]++;
	drop_one(e->vr, m, PDP_DROP_LIE);
}

void md_verdict(struct pdp_md *md, struct md_engine *e, const struct pdp_return *r,
		struct rte_mbuf *m, bool blank, bool bad)
{
	struct md_vr *vr = e->vr;

	/* A BLANK that comes back unused was never a packet. */
	if (blank && pdp_return_verdict(r) == PDP_DROP) {
		rte_pktmbuf_free(m);
		return;
	}
	if (blank)
		count(&vr->c.originated, 1);
	switch (pdp_return_verdict(r)) {
	case PDP_FORWARD:
		if (bad)
			lie(e, m, PDP_LIE_BOUNDS);
		else if (r->vif >= vr->n_vifs)
			lie(e, m, PDP_LIE_VIF);
		else
			md_transmit_add(md, md_gid(md, vr, r->vif), &m, 1, m->pkt_len);
		break;
	case PDP_DROP:
		if (pdp_return_reason(r) < PDP_DROP_N_ENGINE &&
		    pdp_drop_name(pdp_return_reason(r)) != NULL)
			drop_one(vr, m, pdp_return_reason(r));
		else
			lie(e, m, PDP_LIE_CODE);
		break;
	case PDP_PUNT:
		if (bad)
			lie(e, m, PDP_LIE_BOUNDS);
		else if (r->vif >= vr->n_vifs)
			lie(e, m, PDP_LIE_VIF);
		else if (pdp_return_reason(r) >= PDP_PUNT_CLASSES)
			lie(e, m, PDP_LIE_CODE);
		else
			md_punt(md, vr, r->vif, pdp_return_reason(r), m);
		break;
	default:
		lie(e, m, PDP_LIE_CODE);
	}
}

/* Packets in a row that leave by the same vif go to its port together. */
static void verdicts(struct pdp_md *md, struct md_engine *e, const struct pdp_return *returns,
		     struct pdp_taken *t, unsigned int n)
{
	const uint64_t special = t->none | t->blank | t->bad;
	const unsigned int n_vifs = e->vr->n_vifs;
	unsigned int i = 0;

	while (i < n) {
		/* What is the same of all may have been told of the first alone. */
		const bool same = t->alike && special == 0;
		const struct pdp_return *r = &returns[same ? 0 : i];
		const uint8_t verdict = r->verdict, vif = r->vif;
		uint64_t bytes = 0;
		unsigned int end = i;

		if (likely(same)) {
			end = n;
			bytes = t->bytes;
		}
		while (end < n && returns[end].verdict == verdict && returns[end].vif == vif &&
		       !(special >> end & 1))
			bytes += returns[end++].len;
		if (likely(end != i && (verdict & 3) == PDP_FORWARD && vif < n_vifs)) {
			md_transmit_add(md, md_gid(md, e->vr, vif), &t->m[i], end - i, bytes);
			i = end;
			continue;
		}
		if (!(t->none >> i & 1))
			md_verdict(md, e, r, t->m[i], t->blank >> i & 1, t->bad >> i & 1);
		i++;
	}
}

/* From an engine that was by-passed: others have its flows by now. */
static void drop_late(struct md_engine *e, const struct pdp_taken *t, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		if (t->blank >> i & 1)
			rte_pktmbuf_free(t->m[i]);
		else if (!(t->none >> i & 1))
			drop_one(e->vr, t->m[i], PDP_DROP_ENGINE_LATE);
	}
}

void md_returned(struct pdp_md *md, struct md_engine *e, const struct pdp_return *returns,
		 struct pdp_taken *taken, unsigned int n)
{
	if (unlikely(e->off != MD_ENGINE_ON)) {
		drop_late(e, taken, n);
		return;
	}
	if (unlikely(e->vr->order != NULL))
		md_order_returned(md, e, returns, taken, n);
	else
		verdicts(md, e, returns, taken, n);
	if (unlikely(e->vr->track))
		md_hold_returned(md, e, returns, taken, n);
}

/* @return packets */
static unsigned int collect_burst(struct pdp_md *md, struct md_engine *e, unsigned int n)
{
	struct pdp_return from[COLLECT_BURST], returns[COLLECT_BURST];
	const bool each = md_tells_each(e);
	struct pdp_chan *ch = e->ch;
	struct pdp_taken taken;
	unsigned int total = 0;

	pdp_ring_copy(&ch->from, from, n, sizeof(from[0]));
	for (unsigned int i = 0; i < n;) {
		i += pdp_chan_take(ch, from + i, n - i, each, returns, &taken);
		if (likely(taken.n != 0))
			md_returned(md, e, returns, &taken, taken.n);
		total += taken.n;
	}
	return total;
}

/* Returns to collect this turn. An engine that lies of their number gets no more read than its ring
 * has. */
static inline uint32_t waiting(const struct pdp_chan *ch)
{
	return RTE_MIN(RTE_MIN(pdp_ring_count(&ch->from), COLLECT_MAX), ch->from.mask + 1);
}

static void lend_blanks(const struct pdp_md *md, struct md_engine *e)
{
	unsigned int n;

	if (!md_allowed(md, e->blanks_tsc))
		return;
	n = pdp_chan_top_up(e->ch, md->pool, BLANK_BURST);
	if (n == 0)
		return;
	md_use(md, &e->blanks_tsc, md->blank_gap_tsc, n);
	pdp_chan_notify(e->ch);
}

unsigned int md_collect_engine(struct pdp_md *md, struct md_engine *e)
{
	struct pdp_chan *ch = e->ch;
	unsigned int total = 0, done = 0, n;

	if (unlikely(e->off == MD_ENGINE_DEAD))
		return 0;
	if (unlikely(pdp_chan_died(ch)))
		md->deaths = true;
	if (e->ctl != NULL)
		relay_control(md, e);
	/* What the start of the turn saw is in the cache by now. */
	n = ch->seen != 0 ? ch->seen : waiting(ch);
	ch->seen = 0;
	if (unlikely(ch->sealed != NULL)) {
		total = md_seal_collect(md, e, n);
		done = n;
	}
	while (done < n) {
		unsigned int burst = RTE_MIN(n - done, (unsigned int)COLLECT_BURST);
		unsigned int next = RTE_MIN(n - done - burst, (unsigned int)COLLECT_BURST);

		pdp_ring_prefetch(&ch->from, burst, next, sizeof(struct pdp_return));
		total += collect_burst(md, e, burst);
		done += burst;
	}
	if (unlikely(ch->n_blank_free != 0) && e->off == MD_ENGINE_ON)
		lend_blanks(md, e);
	if (pdp_chan_out(ch) != 0 || unlikely(ch->wake_pending))
		pdp_chan_look(ch);
	md_load_publish(e);
	return total;
}

/* Engines with packets out. Those that have none left go off the list. */
static unsigned int collect_active(struct pdp_md *md)
{
	unsigned int kept = 0, n = 0;

	for (unsigned int i = 0; i < md->n_active; i++) {
		struct md_engine *e = md->active[i];

		n += md_collect_engine(md, e);
		if ((pdp_chan_out(e->ch) != 0 || e->ch->wake_pending) && e->off != MD_ENGINE_DEAD)
			md->active[kept++] = e;
		else
			e->listed = false;
	}
	md->n_active = kept;
	return n;
}

/*
 * What comes back lies in the engine's cache. A burst is received between asking for the indexes
 * and reading them, and one is classified and sent between asking for the first entries and
 * collecting them; each burst that is collected asks for the next one's.
 */
void md_collect_announce(struct pdp_md *md)
{
	for (unsigned int i = 0; i < md->n_active; i++) {
		struct pdp_chan *ch = md->active[i]->ch;

		rte_prefetch0(ch->from.ring);
	}
}

void md_collect_prefetch(struct pdp_md *md)
{
	for (unsigned int i = 0; i < md->n_active; i++) {
		struct pdp_chan *ch = md->active[i]->ch;

		ch->seen = waiting(ch);
		if (unlikely(ch->sealed != NULL))
			pdp_ring_prefetch(&ch->from, 0,
					  RTE_MIN(ch->seen, 2 * (uint32_t)COLLECT_BURST),
					  sizeof(struct pdp_sealed_return));
		else
			pdp_ring_prefetch(&ch->from, 0, RTE_MIN(ch->seen, (uint32_t)COLLECT_BURST),
					  sizeof(struct pdp_return));
	}
}

unsigned int md_collect(struct pdp_md *md)
{
	unsigned int n = collect_active(md);
	unsigned int visits = md->idle ? md->n_engines
				       : RTE_MIN(md->n_engines, (unsigned int)IDLE_VISITS);

	while (visits-- > 0) {
		struct md_engine *e;

		if (md->next_idle >= md->n_engines)
			md->next_idle = 0;
		e = md->engines[md->next_idle++];
		if (!e->listed)
			n += md_collect_engine(md, e);
	}
	if (unlikely(md->deaths))
		md_deaths(md);
	if (unlikely(md->tell_tsc != 0) && md->now >= md->tell_tsc)
		md_tell_deaths(md);
	return n;
}
