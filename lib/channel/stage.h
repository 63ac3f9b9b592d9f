/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What stage.c and sealed_stage.c have in common: groups are written (pdp_group.h). MD lcore only.
 */
#ifndef CHANNEL_STAGE_H
#define CHANNEL_STAGE_H

#include "pdp_channel_md.h"

/* n free slots that lie in a row, if they do: n of the ring of free slots, which may end before. */
static inline bool stage_in_a_row(const uint16_t *slots, unsigned int n)
{
	uint16_t differ = 0;

	for (unsigned int i = 0; i < n; i++)
		differ |= (uint16_t)(slots[i] ^ (slots[0] + i));
	return differ == 0;
}

static inline struct pdp_desc *stage_column(struct pdp_desc *d, const void *column, uint32_t n,
					    size_t bytes)
{
	const uint32_t entries = pdp_group_column(n, bytes);

	memcpy(d, column, entries * sizeof(*d));
	return d + entries;
}

/* Lengths, where they differ. @return behind them */
static inline struct pdp_desc *stage_lens(struct pdp_desc *d, const struct pdp_ledger *l,
					  unsigned int n)
{
	uint16_t lens[PDP_GROUP_MAX];

	for (unsigned int i = 0; i < n; i++)
		lens[i] = l[i].len;
	return stage_column(d, lens, n, sizeof(lens[0]));
}

/* Hashes: the ledger keeps all of them, the engine is told what is its own, if it wants it. */
static inline void stage_hashes(struct pdp_desc *d, struct pdp_ledger *l, unsigned int n,
				const uint32_t *hashes, uint8_t flags)
{
	uint32_t told[PDP_GROUP_MAX];

	for (unsigned int i = 0; i < n; i++)
		l[i].hash_vif |= hashes[i];
	if (!(flags & PDP_DESC_HASH))
		return;
	for (unsigned int i = 0; i < n; i++)
		told[i] = hashes[i] & PDP_HASH_MASK;
	stage_column(d, told, n, sizeof(told[0]));
}

/* The next n free slots, which lie in a row in their ring, are lent. */
static inline void stage_lent(struct pdp_chan *ch, unsigned int n)
{
	ch->free_head += n;
	ch->n_free -= n;
	ch->n_staged += n;
}

/* Packets that may become one group, of n: the ring of free slots may end before. */
static inline unsigned int stage_some(const struct pdp_chan *ch, unsigned int n)
{
	return pdp_ring_run(ch->free_head, ch->free_mask, RTE_MIN(n, (unsigned int)PDP_GROUP_MAX));
}

static inline const uint16_t *stage_slots(const struct pdp_chan *ch)
{
	return ch->free + (ch->free_head & ch->free_mask);
}

#endif /* CHANNEL_STAGE_H */
