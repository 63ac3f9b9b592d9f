/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets that go to an engine: each gets a slot of the ledger, and all a group of descriptors, or
 * one each. MD lcore only.
 */
#include "stage.h"

static inline uint64_t off_of(const struct pdp_chan *ch, const struct rte_mbuf *m)
{
	return (uintptr_t)m->buf_addr + m->data_off - ch->base;
}

/* A descriptor for each. */
static __rte_noinline void stage_each(struct pdp_chan *ch, struct rte_mbuf *const *pkts,
				      unsigned int n, const uint16_t *slots, const uint32_t *hashes,
				      uint8_t vif, uint8_t flags)
{
	pdp_ring_prefetch_write(&ch->to, PDP_STAGE_AHEAD, n, sizeof(struct pdp_desc));
	for (unsigned int i = 0; i < n; i++) {
		struct pdp_desc *d = pdp_ring_next(&ch->to, 1, sizeof(*d));
		struct rte_mbuf *m = pkts[i];
		const uint32_t hash = hashes != NULL ? hashes[i] : 0;

		pdp_ledger_write(&ch->ledger[slots[i]], m, m->data_off, m->data_len,
				 hash | (uint32_t)vif << 24);
		pdp_desc_write(d, off_of(ch, m) | (uint64_t)hash << PDP_OFF_BITS, slots[i],
			       m->data_len, m->data_len, vif, flags);
	}
}

/*
 * As a group. What goes into the ring is gathered first and written then: the ring's lines may
 * still be in the engine's cache, and a store that waits for one keeps all later ones waiting.
 * @param slots  in a row
 * @return false: they do not have enough in common, or do not lie in a row; nothing is staged
 */
static inline bool stage_group(struct pdp_chan *ch, struct rte_mbuf *const *pkts, unsigned int n,
			       const uint16_t *slots, const uint32_t *hashes, uint8_t vif,
			       uint8_t flags)
{
	const uintptr_t base = ch->base;
	const uint16_t first_len = pkts[0]->data_len;
	const uint64_t first = off_of(ch, pkts[0]), tag = (uint64_t)vif << 56;
	struct pdp_ledger *l = &ch->ledger[slots[0]];
	uint64_t differ = 0, uneven = 0;
	uint32_t offs[PDP_GROUP_MAX], entries;
	struct pdp_desc *d;

	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const uint64_t start = m->data_off, len = m->data_len;
		const uint64_t off = (uintptr_t)m->buf_addr + start - base;

		differ |= off ^ first;
		uneven |= len ^ first_len;
		offs[i] = (uint32_t)(off >> PDP_GROUP_SHIFT);
		*(pdp_word_pair *)&l[i] = (pdp_word_pair){(uintptr_t)m, start | len << 16 | tag};
	}
	flags = (uint8_t)(flags | PDP_DESC_GROUP | (uneven != 0 ? PDP_DESC_LENS : 0));
	entries = pdp_group_entries(n, flags);
	if (unlikely((differ & ~PDP_GROUP_COL) != 0 ||
		     pdp_ring_run(ch->to.tail, ch->to.mask, entries) != entries))
		return false;
	pdp_ring_prefetch_write(&ch->to, PDP_STAGE_AHEAD, entries, sizeof(*d));
	d = pdp_ring_next(&ch->to, entries, sizeof(*d));
	pdp_desc_write(d, first | pdp_group_shape(n, 0), slots[0], UINT16_MAX, first_len, vif,
		       flags);
	d = stage_column(d + 1, offs, n, sizeof(offs[0]));
	if (unlikely(uneven != 0))
		d = stage_lens(d, l, n);
	if (hashes != NULL)
		stage_hashes(d, l, n, hashes, flags);
	return true;
}

void pdp_chan_stage(struct pdp_chan *ch, struct rte_mbuf *const *pkts, unsigned int n,
		    const uint32_t *hashes, uint8_t vif, uint8_t flags)
{
	while (n != 0) {
		const uint16_t *slots = stage_slots(ch);
		const unsigned int some = stage_some(ch, n);

		if (unlikely(some < PDP_GROUP_MIN || !stage_in_a_row(slots, some) ||
			     !stage_group(ch, pkts, some, slots, hashes, vif, flags)))
			stage_each(ch, pkts, some, slots, hashes, vif, flags);
		stage_lent(ch, some);
		pkts += some;
		hashes = hashes != NULL ? hashes + some : NULL;
		n -= some;
	}
}
