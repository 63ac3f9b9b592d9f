/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets that go to a sealed engine: what it may see of each is copied to its slot's place. MD
 * lcore only.
 */
#include <rte_memcpy.h>
#include <rte_prefetch.h>

#include "pdp_sealed_md.h"
#include "stage.h"

#define AHEAD 16 /* places whose lines are asked for before they are written */

/* The first line is all there is of small packets, and of many others all that is looked at. */
static inline void copy_in(uint8_t *to, const uint8_t *from, uint32_t n)
{
	if (likely(n >= PDP_LINE)) {
		memcpy(to, from, PDP_LINE);
		if (n == PDP_LINE)
			return;
		if (likely(n == 2 * PDP_LINE)) {
			memcpy(to + PDP_LINE, from + PDP_LINE, PDP_LINE);
			return;
		}
	}
	rte_memcpy(to, from, n);
}

/* Where places of data slots lie. Copied: each store below could alias what it is read from. */
struct places {
	uint8_t *first;
	size_t size;
	uint32_t window;
};

static inline struct places places_of(const struct pdp_chan *ch)
{
	return (struct places){.first = ch->sealed->slots + PDP_SEALED_HEAD,
			       .size = ch->sealed->slot_size,
			       .window = ch->sealed->window};
}

/* A descriptor for each. */
static __rte_noinline void stage_each(struct pdp_chan *ch, struct rte_mbuf *const *pkts,
				      unsigned int n, const uint16_t *slots, const uint32_t *hashes,
				      uint8_t vif, uint8_t flags)
{
	const struct places places = places_of(ch);

	pdp_ring_prefetch_write(&ch->to, PDP_STAGE_AHEAD, n, sizeof(struct pdp_desc));
	for (unsigned int i = 0; i < n; i++) {
		struct pdp_desc *d = pdp_ring_next(&ch->to, 1, sizeof(*d));
		struct rte_mbuf *m = pkts[i];
		uint8_t *place = places.first + slots[i] * places.size;
		const uint16_t len = m->data_len,
			       shown = (uint16_t)RTE_MIN((uint32_t)len, places.window);
		const uint32_t hash = hashes != NULL ? hashes[i] : 0;

		copy_in(place, rte_pktmbuf_mtod(m, const uint8_t *), shown);
		pdp_ledger_write(&ch->ledger[slots[i]], m, m->data_off, len,
				 hash | (uint32_t)vif << 24);
		pdp_desc_write(d, ((uintptr_t)place - ch->base) | (uint64_t)hash << PDP_OFF_BITS,
			       slots[i], shown, len, vif, flags);
	}
}

/* As a group: places follow from slots, so there is no column of them. */
static inline bool stage_row(struct pdp_chan *ch, struct rte_mbuf *const *pkts, unsigned int n,
			     uint16_t slot, const uint32_t *hashes, uint8_t vif, uint8_t flags)
{
	const struct places places = places_of(ch);
	uint8_t *const first = places.first + slot * places.size;
	const uint16_t first_len = pkts[0]->data_len;
	const uint64_t tag = (uint64_t)vif << 56;
	struct pdp_ledger *l = &ch->ledger[slot];
	uint64_t uneven = 0;
	uint32_t entries;
	struct pdp_desc *d;

	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const uint64_t start = m->data_off, len = m->data_len;
		uint8_t *place = first + i * places.size;

		rte_prefetch0_write(place + AHEAD * places.size);
		if (len > PDP_LINE && places.window > PDP_LINE)
			rte_prefetch0_write(place + AHEAD * places.size + PDP_LINE);
		copy_in(place, (const uint8_t *)m->buf_addr + start,
			RTE_MIN((uint32_t)len, places.window));
		uneven |= len ^ first_len;
		*(pdp_word_pair *)&l[i] = (pdp_word_pair){(uintptr_t)m, start | len << 16 | tag};
	}
	flags = (uint8_t)(flags | PDP_DESC_GROUP | PDP_DESC_ROW |
			  (uneven != 0 ? PDP_DESC_LENS : 0));
	entries = pdp_group_entries(n, flags);
	if (unlikely(pdp_ring_run(ch->to.tail, ch->to.mask, entries) != entries))
		return false;
	pdp_ring_prefetch_write(&ch->to, PDP_STAGE_AHEAD, entries, sizeof(*d));
	d = pdp_ring_next(&ch->to, entries, sizeof(*d));
	pdp_desc_write(d, ((uintptr_t)first - ch->base) | pdp_group_shape(n, ch->sealed->slot_size),
		       slot, (uint16_t)RTE_MIN(places.window, (uint32_t)UINT16_MAX), first_len, vif,
		       flags);
	d++;
	if (unlikely(uneven != 0))
		d = stage_lens(d, l, n);
	if (hashes != NULL)
		stage_hashes(d, l, n, hashes, flags);
	return true;
}

void pdp_sealed_stage(struct pdp_chan *ch, struct rte_mbuf *const *pkts, unsigned int n,
		      const uint32_t *hashes, uint8_t vif, uint8_t flags)
{
	while (n != 0) {
		const uint16_t *slots = stage_slots(ch);
		const unsigned int some = stage_some(ch, n);

		if (unlikely(some < PDP_GROUP_MIN || !stage_in_a_row(slots, some) ||
			     !stage_row(ch, pkts, some, slots[0], hashes, vif, flags)))
			stage_each(ch, pkts, some, slots, hashes, vif, flags);
		stage_lent(ch, some);
		pkts += some;
		hashes = hashes != NULL ? hashes + some : NULL;
		n -= some;
	}
}
