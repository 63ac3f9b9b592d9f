/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage 5 of the MD loop: take back what engines return, check it against the ledger, and do what
 * the verdict says; relay control messages between engines of a VR, before data. Only channels with
 * packets out are visited every turn, the idle ones (which may originate or send messages) a few a
 * turn. MD lcore only. Budget: 25 cycles a packet.
 */
#include "dispatch_priv.h"

#define COLLECT_BURST  64
#define COLLECT_BURSTS 4 /* per engine and turn */
#define CTL_BURST      4 /* control messages per engine and turn (DESIGN rule 8) */
#define BLANK_BURST    8 /* BLANKs topped up per engine and turn */
#define IDLE_VISITS    2 /* idle engines looked at per turn; all when there is nothing else to do */

static void relay_control(struct md_engine *e)
{
	struct pdp_ctl_elem msg[PDP_CTL_ELEMS_MAX];
	struct md_vr *vr = e->vr;

	for (unsigned int i = 0; i < CTL_BURST; i++) {
		struct md_engine *to;
		uint16_t dst;
		int n = pdp_ctl_take(e->ch, e->ctl_from, &dst, msg);

		if (n == 0)
			return;
		if (n < 0)
			continue;
		to = dst < PDP_ENGINES_MAX ? vr->all[dst] : NULL;
		if (to != NULL && pdp_ctl_put(to->ch, to->ctl_to, e->index, msg, (unsigned int)n))
			count(&vr->c.ctl_relayed, 1);
		else
			count(&vr->c.ctl_dropped, 1);
	}
}

static inline void drop_one(struct md_vr *vr, struct rte_mbuf *m, unsigned int why)
{
	count(&vr->c.drops[why], 1);
	rte_pktmbuf_free(m);
}

/* What the engine said of one packet, checked. */
static inline void verdict(struct pdp_md *md, struct md_engine *e, const struct pdp_desc *d,
			   struct rte_mbuf *m, bool ok)
{
	struct md_vr *vr = e->vr;

	switch (pdp_desc_verdict(d)) {
	case PDP_FORWARD:
		if (unlikely(!ok)) {
			e->ch->lies[PDP_LIE_BOUNDS]++;
			drop_one(vr, m, PDP_DROP_LIE);
		} else if (unlikely(d->vif >= vr->n_vifs)) {
			e->ch->lies[PDP_LIE_VIF]++;
			drop_one(vr, m, PDP_DROP_LIE);
		} else {
			md_transmit_add(md, md_gid(md, vr, d->vif), m);
		}
		return;
	case PDP_DROP:
		if (likely(pdp_desc_reason(d) < PDP_DROP_N_ENGINE)) {
			drop_one(vr, m, pdp_desc_reason(d));
			return;
		}
		break;
	case PDP_PUNT:
		/* No control plane is attached to VRs yet. */
		drop_one(vr, m, PDP_DROP_PUNT);
		return;
	default:
		break;
	}
	e->ch->lies[PDP_LIE_CODE]++;
	drop_one(vr, m, PDP_DROP_LIE);
}

static inline void take(struct pdp_md *md, struct md_engine *e, const struct pdp_desc *d)
{
	struct rte_mbuf *m;
	bool ok;

	switch (pdp_chan_take(e->ch, d, &m, &ok)) {
	case PDP_TAKE_PKT:
		verdict(md, e, d, m, ok);
		break;
	case PDP_TAKE_BLANK:
		if (pdp_desc_verdict(d) == PDP_DROP) {
			rte_pktmbuf_free(m);
			break;
		}
		count(&e->vr->c.originated, 1);
		verdict(md, e, d, m, ok);
		break;
	case PDP_TAKE_NONE:
		break;
	}
}

static unsigned int collect_burst(struct pdp_md *md, struct md_engine *e)
{
	struct pdp_desc descs[COLLECT_BURST];
	struct pdp_chan *ch = e->ch;
	unsigned int n = pdp_ring_take(&ch->from, descs, COLLECT_BURST);

	for (unsigned int i = 0; i < n; i++) {
		if (likely(descs[i].slot < ch->n_slots))
			rte_prefetch0(ch->ledger[descs[i].slot].m);
	}
	for (unsigned int i = 0; i < n; i++)
		take(md, e, &descs[i]);
	return n;
}

unsigned int md_collect_engine(struct pdp_md *md, struct md_engine *e)
{
	struct pdp_chan *ch = e->ch;
	unsigned int total = 0, n;

	if (e->ctl_from != NULL)
		relay_control(e);
	for (unsigned int i = 0; i < COLLECT_BURSTS; i++) {
		n = collect_burst(md, e);
		total += n;
		if (n < COLLECT_BURST)
			break;
	}
	if (unlikely(ch->n_blank_free != 0 && !e->draining) &&
	    pdp_chan_top_up(ch, md->pool, BLANK_BURST) != 0)
		pdp_chan_notify(ch);
	if (unlikely(ch->wake_pending))
		pdp_chan_notify(ch);
	return total;
}

/* Engines with packets out. Those that have none left go off the list. */
static unsigned int collect_active(struct pdp_md *md)
{
	unsigned int kept = 0, n = 0;

	for (unsigned int i = 0; i < md->n_active; i++) {
		struct md_engine *e = md->active[i];

		n += md_collect_engine(md, e);
		if (pdp_chan_out(e->ch) != 0 || e->ch->wake_pending)
			md->active[kept++] = e;
		else
			e->listed = false;
	}
	md->n_active = kept;
	return n;
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
	return n;
}
