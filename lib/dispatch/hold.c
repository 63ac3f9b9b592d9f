/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What flow-jsq does besides choosing: it takes packets that come back out of their buckets'
 * counts, and keeps those of held buckets in lists, in order of arrival, until no engine has a
 * packet of the bucket any more; then they go to their new engine together. Bounded per VR and per
 * MD lcore; what finds no room is a counted drop. MD lcore only. Budget: 3 cycles a packet that is
 * not held.
 */
#include <errno.h>
#include <stdlib.h>

#include "dispatch_priv.h"

int md_hold_init(struct pdp_md *md)
{
	/* All are free, one after the other; place 0 means none. */
	md->hold = calloc(PDP_HOLD_MD + 1, sizeof(*md->hold));
	if (md->hold == NULL)
		return -ENOMEM;
	for (uint16_t i = 0; i < PDP_HOLD_MD; i++)
		md->hold[i].next = (uint16_t)(i + 1);
	md->hold_free = 1;
	return 0;
}

static inline bool all_counted(const struct md_engine *e)
{
	return pdp_chan_out(e->ch) == e->counted;
}

static bool hold_one(struct pdp_md *md, struct md_vr *vr, struct rte_mbuf *m, uint32_t tag,
		     uint8_t vif)
{
	struct md_hold_list *list = &vr->held[pdp_bucket_of(tag)];
	const uint16_t i = md->hold_free;

	if (i == 0 || vr->n_waiting == PDP_HOLD_VR)
		return false;
	md->hold_free = md->hold[i].next;
	md->hold[i] = (struct md_held){.m = m, .tag = tag, .vif = vif};
	if (list->first == 0)
		list->first = i;
	else
		md->hold[list->last].next = i;
	list->last = i;
	vr->n_waiting++;
	vr->balance->moving++;
	return true;
}

unsigned int md_hold(struct pdp_md *md, struct md_vr *vr, struct rte_mbuf **pkts, uint32_t *tags,
		     uint8_t *places, unsigned int n, uint8_t vif)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (places[i] == PDP_PLACE_HELD) {
			if (!hold_one(md, vr, pkts[i], tags[i], vif))
				md_drop(vr, &pkts[i], 1, PDP_DROP_HOLD_FULL);
			continue;
		}
		pkts[kept] = pkts[i];
		tags[kept] = tags[i];
		places[kept++] = places[i];
	}
	return kept;
}

/* Take the first packets of a list that came in by one vif. @return how many */
static unsigned int take_some(struct pdp_md *md, struct md_vr *vr, struct md_hold_list *list,
			      struct rte_mbuf **pkts, uint32_t *tags)
{
	const uint8_t vif = md->hold[list->first].vif;
	unsigned int n = 0;

	while (list->first != 0 && n < RX_BURST && md->hold[list->first].vif == vif) {
		const uint16_t i = list->first;
		struct md_held *h = &md->hold[i];

		pkts[n] = h->m;
		tags[n++] = h->tag;
		list->first = h->next;
		h->next = md->hold_free;
		md->hold_free = i;
	}
	vr->n_waiting -= n;
	return n;
}

static unsigned int list_length(const struct pdp_md *md, const struct md_hold_list *list)
{
	unsigned int n = 0;

	for (uint16_t i = list->first; i != 0; i = md->hold[i].next)
		n++;
	return n;
}

/* The bucket goes to its new engine, and with it what waited. */
static void release(struct pdp_md *md, struct md_vr *vr, unsigned int bucket)
{
	struct md_hold_list *list = &vr->held[bucket];
	struct pdp_bucket *k = &vr->balance->buckets[bucket];
	const unsigned int place = pdp_bucket_release(vr->balance, k, list_length(md, list));
	struct rte_mbuf *pkts[RX_BURST];
	uint32_t tags[RX_BURST];

	while (list->first != 0) {
		const uint8_t vif = md->hold[list->first].vif;
		unsigned int n = take_some(md, vr, list, pkts, tags), done = 0;

		if (vr->n_engines != 0)
			done = md_stage(md, vr->engines[place], pkts, tags, n, vif, PDP_DESC_HASH);
		k->out += done;
		if (done < n)
			md_drop(vr, pkts + done, n - done,
				vr->n_engines != 0 ? PDP_DROP_ENGINE_FULL : PDP_DROP_NO_ENGINE);
	}
}

void md_hold_release(struct pdp_md *md, struct md_vr *vr, bool all)
{
	struct pdp_balance *b = vr->balance;

	for (unsigned int i = 0; i < PDP_BUCKETS && b->n_held != 0; i++) {
		struct pdp_bucket *k = &b->buckets[i];

		if (k->place == PDP_PLACE_HELD && (k->out == 0 || all))
			release(md, vr, i);
	}
}

/* A packet is no longer with an engine. @return its bucket waits for nothing any more */
static inline bool bucket_back(struct md_vr *vr, uint32_t tag)
{
	struct pdp_bucket *k = &vr->balance->buckets[pdp_bucket_of(tag)];

	k->out--;
	if (likely(k->place != PDP_PLACE_HELD))
		return false;
	vr->balance->moving--;
	return k->out == 0 && vr->n_barriers == 0;
}

void md_hold_undo(struct md_vr *vr, const uint32_t *tags, unsigned int n)
{
	/* They were chosen for an engine just now, so their buckets are not held. */
	for (unsigned int i = 0; i < n; i++)
		vr->balance->buckets[pdp_bucket_of(tags[i])].out--;
}

void md_hold_barrier(struct md_engine *e)
{
	if (!e->barrier && !all_counted(e)) {
		e->barrier = true;
		e->vr->n_barriers++;
	}
}

/* Packets have left the engine. */
static void after(struct pdp_md *md, struct md_engine *e)
{
	struct md_vr *vr = e->vr;

	if (unlikely(e->barrier) && (all_counted(e) || e->off != MD_ENGINE_ON)) {
		e->barrier = false;
		if (--vr->n_barriers == 0)
			md_hold_release(md, vr, false);
	}
	if (unlikely(vr->unsure))
		md_vr_settle(md, vr);
}

void md_hold_returned(struct pdp_md *md, struct md_engine *e, const struct pdp_return *returns,
		      const struct pdp_taken *t, unsigned int n)
{
	const struct pdp_ledger *ledger = e->ch->ledger;
	const uint64_t skip = t->none | t->blank;
	unsigned int counted = 0, n_ready = 0;
	uint16_t ready[COLLECT_BURST];

	for (unsigned int i = 0; i < n; i++) {
		uint32_t tag;

		if (unlikely(skip >> i & 1))
			continue;
		tag = ledger[returns[i].slot].hash_vif;
		if (unlikely(!(tag & TAG_COUNTED)))
			continue;
		counted++;
		if (unlikely(bucket_back(e->vr, tag)))
			ready[n_ready++] = (uint16_t)pdp_bucket_of(tag);
	}
	e->counted -= counted;
	/* Not before: what is sent may take the slots that have just been read. */
	for (unsigned int i = 0; i < n_ready; i++)
		release(md, e->vr, ready[i]);
	after(md, e);
}

void md_hold_swept(struct pdp_md *md, struct md_engine *e)
{
	struct pdp_ledger *ledger = e->ch->ledger;

	for (uint32_t slot = 0; slot < e->ch->n_slots; slot++) {
		const uint32_t tag = ledger[slot].hash_vif;

		if (ledger[slot].m == NULL || !(tag & TAG_COUNTED))
			continue;
		ledger[slot].hash_vif &= ~TAG_COUNTED;
		if (bucket_back(e->vr, tag))
			release(md, e->vr, pdp_bucket_of(tag));
	}
	e->counted = 0;
}

void md_hold_gone(struct pdp_md *md, struct md_engine *e)
{
	after(md, e);
}
