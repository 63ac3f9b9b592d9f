/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `order: restore`: packets of a VR leave in the order in which they came, though their engines
 * return them in any. Each packet gets a ticket, the next number of its VR on this MD lcore, which
 * stands in the ledger where others have the hash. A packet that comes back to be forwarded waits
 * until all tickets before its own have ended. A ticket ends when its packet is back, whatever the
 * verdict, was never sent, or its engine is gone; not by time. Copies and originated packets have
 * none, nor do packets that were sent before the VR had tickets.
 *
 * Tickets that have not ended and packets that wait lie in a window with room for all slots of the
 * VR's engines; what comes when it is full is a counted drop. MD lcore only. Budget: 15 cycles a
 * packet.
 */
#include <errno.h>
#include <stdlib.h>

#include "dispatch_priv.h"

#define NUMBERS	   0xffffffu /* of a tag's bits; tickets are numbered modulo that + 1 */
#define WINDOW_MIN 64u

struct md_ticket {
	struct rte_mbuf *m; /* waits; NULL: nothing to send */
	uint16_t gid;
	bool ended;
};

struct md_order {
	uint32_t head; /* the oldest ticket that has not ended */
	uint32_t next; /* to be given */
	uint32_t mask; /* of the window */
	struct md_ticket *window;
};

static inline uint32_t given(const struct md_order *o)
{
	return (o->next - o->head) & NUMBERS;
}

/* Slots of all engines that may get packets. */
static uint32_t slots_of(const struct md_vr *vr)
{
	uint32_t n = 0;

	for (unsigned int i = 0; i < PDP_ENGINES_MAX; i++)
		n += vr->all[i] != NULL ? vr->all[i]->ch->n_slots : 0;
	return n;
}

int md_order_fit(struct md_vr *vr)
{
	const uint32_t size = rte_align32pow2(RTE_MAX(slots_of(vr), WINDOW_MIN));
	struct md_order *o = vr->order;
	struct md_ticket *window;

	if (o == NULL || size <= o->mask + 1)
		return 0;
	window = calloc(size, sizeof(*window));
	if (window == NULL)
		return -ENOMEM;
	for (uint32_t t = o->head; t != o->next; t = (t + 1) & NUMBERS)
		window[t & (size - 1)] = o->window[t & o->mask];
	free(o->window);
	o->window = window;
	o->mask = size - 1;
	return 0;
}

static int start(struct md_vr *vr)
{
	struct md_order *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return -ENOMEM;
	o->window = calloc(WINDOW_MIN, sizeof(*o->window));
	o->mask = WINDOW_MIN - 1;
	vr->order = o;
	if (o->window != NULL && md_order_fit(vr) == 0)
		return 0;
	md_order_free(vr);
	return -ENOMEM;
}

void md_order_free(struct md_vr *vr)
{
	if (vr->order == NULL)
		return;
	free(vr->order->window);
	free(vr->order);
	vr->order = NULL;
}

/* Send what waits, as far as tickets have ended; or all that waits. */
static void advance(struct pdp_md *md, struct md_vr *vr, bool all)
{
	struct rte_mbuf *pkts[RX_BURST];
	struct md_order *o = vr->order;
	unsigned int n = 0;
	uint64_t bytes = 0;
	uint16_t gid = 0;

	while (o->head != o->next) {
		struct md_ticket *t = &o->window[o->head & o->mask];

		if (!t->ended && !all)
			break;
		if (n != 0 && (n == RX_BURST || (t->m != NULL && t->gid != gid))) {
			md_transmit_add(md, gid, pkts, n, bytes);
			n = 0;
			bytes = 0;
		}
		if (t->m != NULL) {
			gid = t->gid;
			bytes += t->m->pkt_len;
			pkts[n++] = t->m;
			vr->n_ordered--;
		}
		*t = (struct md_ticket){0};
		o->head = (o->head + 1) & NUMBERS;
	}
	if (n != 0)
		md_transmit_add(md, gid, pkts, n, bytes);
}

/* Packets that are out leave as they come back. */
static void stop(struct pdp_md *md, struct md_vr *vr)
{
	advance(md, vr, true);
	md_order_free(vr);
	for (unsigned int i = 0; i < PDP_ENGINES_MAX; i++) {
		struct pdp_chan *ch = vr->all[i] != NULL ? vr->all[i]->ch : NULL;

		for (uint32_t slot = 0; ch != NULL && slot < ch->n_slots; slot++)
			ch->ledger[slot].hash_vif &= ~TAG_TICKET;
	}
}

int md_order_set(struct pdp_md *md, struct md_vr *vr, bool restore)
{
	if (restore == (vr->order != NULL))
		return 0;
	if (restore)
		return start(vr);
	stop(md, vr);
	return 0;
}

unsigned int md_order_admit(struct md_vr *vr, struct rte_mbuf **pkts, unsigned int n,
			    uint32_t *tags)
{
	struct md_order *o = vr->order;
	const uint32_t room = o->mask + 1 - given(o);

	if (unlikely(n > room)) {
		md_drop(vr, pkts + room, n - room, PDP_DROP_ORDER_FULL);
		n = room;
	}
	for (unsigned int i = 0; i < n; i++)
		tags[i] = ((o->next + i) & NUMBERS) | TAG_TICKET;
	o->next = (o->next + n) & NUMBERS;
	return n;
}

/* @param m  to be sent in its turn; NULL: nothing */
static inline void end(struct md_vr *vr, uint32_t tag, struct rte_mbuf *m, uint16_t gid)
{
	vr->order->window[tag & NUMBERS & vr->order->mask] = (struct md_ticket){
		.m = m, .gid = gid, .ended = true};
	vr->n_ordered += m != NULL;
}

void md_order_undo(struct pdp_md *md, struct md_vr *vr, const uint32_t *tags, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		end(vr, tags[i], NULL, 0);
	advance(md, vr, false);
}

void md_order_returned(struct pdp_md *md, struct md_engine *e, const struct pdp_return *returns,
		       const struct pdp_taken *t, unsigned int n)
{
	const struct pdp_ledger *ledger = e->ch->ledger;
	struct md_vr *vr = e->vr;

	for (unsigned int i = 0; i < n; i++) {
		const struct pdp_return *r = &returns[i];
		const bool blank = t->blank >> i & 1, bad = t->bad >> i & 1;
		uint32_t tag;

		if (unlikely(t->none >> i & 1))
			continue;
		tag = blank ? 0 : ledger[r->slot].hash_vif;
		if (likely(tag & TAG_TICKET && pdp_return_verdict(r) == PDP_FORWARD && !bad &&
			   r->vif < vr->n_vifs)) {
			end(vr, tag, t->m[i], md_gid(md, vr, r->vif));
			continue;
		}
		md_verdict(md, e, r, t->m[i], blank, bad);
		if (tag & TAG_TICKET)
			end(vr, tag, NULL, 0);
	}
	advance(md, vr, false);
}

void md_order_swept(struct pdp_md *md, struct md_engine *e)
{
	struct pdp_ledger *ledger = e->ch->ledger;

	if (e->vr->order == NULL)
		return;
	for (uint32_t slot = 0; slot < e->ch->n_slots; slot++) {
		if (ledger[slot].m == NULL || !(ledger[slot].hash_vif & TAG_TICKET))
			continue;
		end(e->vr, ledger[slot].hash_vif, NULL, 0);
		ledger[slot].hash_vif &= ~TAG_TICKET;
	}
	advance(md, e->vr, false);
}
