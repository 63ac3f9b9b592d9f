/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What take.c and sealed_take.c have in common: runs (pdp_desc.h) are taken out of the ledger. MD
 * lcore only.
 */
#ifndef CHANNEL_TAKE_H
#define CHANNEL_TAKE_H

#include "pdp_sealed_md.h"

#define TAKE_PIECE 16 /* what is written is copied in such pieces, as far as packets have them */

/* A run that was taken: n packets, from the at-th on. */
struct take_run {
	uint64_t word;
	uint32_t at;
	uint32_t n;
};

/* Of one call: the answers so far. */
struct take {
	struct take_run runs[RTE_DIM(((struct pdp_taken *)0)->m)];
	unsigned int n_runs;
	unsigned int n; /* packets */
	uint64_t first; /* the first one's word */
	uint64_t differ;
};

static inline void take_begin(struct take *t, struct pdp_taken *taken)
{
	t->n_runs = t->n = 0;
	t->first = t->differ = 0;
	taken->none = taken->blank = taken->bad = taken->bytes = 0;
	taken->longest = 0;
}

/* The word that would have said of a run's first packet what the run says. */
static inline uint64_t take_alone(uint64_t run)
{
	return (run & UINT64_C(0x00ff00000000ffff)) | (uint64_t)PDP_FORWARD << 56;
}

static inline void take_compare(struct take *t, uint64_t word, bool is_first)
{
	t->first = is_first ? word : t->first;
	t->differ |= word ^ t->first;
}

static inline void take_copy(uint8_t *to, const uint8_t *from, uint32_t n)
{
	for (; n >= TAKE_PIECE; n -= TAKE_PIECE, to += TAKE_PIECE, from += TAKE_PIECE)
		memcpy(to, from, TAKE_PIECE);
	if (unlikely(n != 0))
		memcpy(to, from, n);
}

static inline void take_slots(struct pdp_chan *ch, uint32_t slot, uint32_t n)
{
	const uint32_t at = ch->free_head + ch->n_free, mask = ch->free_mask;
	uint16_t *const free_slots = ch->free;

	ch->n_free += n;
	if (likely(pdp_ring_run(at, mask, n) == n)) {
		for (uint32_t i = 0; i < n; i++)
			free_slots[(at & mask) + i] = (uint16_t)(slot + i);
	} else {
		for (uint32_t i = 0; i < n; i++)
			free_slots[(at + i) & mask] = (uint16_t)(slot + i);
	}
}

/*
 * Packets of a run go behind those that there are. The first that the run is not true of ends it:
 * so a lie costs the MD no more than any other.
 * @param sealed   of a sealed engine; else NULL, at compile time
 * @param written  sealed: leading bytes of each that come from its place
 * @return packets
 */
static inline unsigned int take_packets(struct pdp_chan *ch, const struct pdp_sealed *sealed,
					uint64_t word, uint32_t written, unsigned int k,
					struct pdp_taken *taken)
{
	const uint32_t slot = pdp_return_slot(word), n = pdp_return_len(word);
	const uint32_t known = slot < ch->n_slots ? RTE_MIN(n, ch->n_slots - slot) : 0;
	struct pdp_ledger *const l = &ch->ledger[known != 0 ? slot : 0];
	const uint8_t *place = NULL;
	struct rte_mbuf **const out = taken->m + k;
	size_t size = 0;
	uint64_t bytes = 0;
	uint16_t longest = 0;
	uint32_t i;

	if (sealed != NULL) {
		size = sealed->slot_size;
		place = sealed->slots + PDP_SEALED_HEAD + slot * size;
		longest = taken->longest;
	}
	for (i = 0; i < known; i++) {
		struct rte_mbuf *m = l[i].m;
		const uint16_t len = l[i].len;

		if (unlikely(m == NULL))
			break;
		if (sealed != NULL) {
			if (unlikely(written > RTE_MIN((uint32_t)len, sealed->window)))
				break;
			take_copy((uint8_t *)m->buf_addr + l[i].start, place + i * size, written);
			longest = RTE_MAX(longest, len);
		}
		bytes += len;
		l[i].m = NULL;
		out[i] = m;
	}
	taken->bytes += bytes;
	taken->longest = longest;
	if (unlikely(i != n))
		ch->lies[i == known	  ? PDP_LIE_SLOT
			 : l[i].m == NULL ? PDP_LIE_TWICE
					  : PDP_LIE_BOUNDS]++;
	take_slots(ch, slot, i);
	return i;
}

/* How many packets a run says that it has: 0 of one that cannot be true (counted). */
static inline unsigned int take_said(struct pdp_chan *ch, uint64_t word)
{
	const unsigned int n = pdp_return_len(word);

	if (likely(n - 1 < PDP_BURST_MAX))
		return n;
	ch->lies[PDP_LIE_CODE]++;
	return 0;
}

/* A run is taken. There is room for it. */
static inline void take_run(struct pdp_chan *ch, const struct pdp_sealed *sealed, uint64_t word,
			    uint32_t written, struct take *t, struct pdp_return *returns,
			    struct pdp_taken *taken)
{
	const unsigned int k = t->n, n = take_packets(ch, sealed, word, written, k, taken);

	if (unlikely(n == 0))
		return;
	t->runs[t->n_runs++] = (struct take_run){.word = word, .at = k, .n = n};
	word = take_alone(word);
	memcpy(&returns[k], &word, sizeof(word));
	take_compare(t, word, k == 0);
	t->n += n;
}

/* One return for each packet of runs. */
static __rte_noinline void take_expand(const struct pdp_chan *ch, const struct take *t,
				       struct pdp_return *returns)
{
	for (unsigned int r = 0; r < t->n_runs; r++) {
		const struct take_run *run = &t->runs[r];

		for (uint64_t i = 0; i < run->n; i++) {
			const uint64_t len = ch->ledger[pdp_return_slot(run->word) + i].len;
			const uint64_t one = (take_alone(run->word) + i) | len << 16;

			memcpy(&returns[run->at + i], &one, sizeof(one));
		}
	}
}

static inline void take_end(const struct pdp_chan *ch, const struct take *t, bool each,
			    struct pdp_return *returns, struct pdp_taken *taken)
{
	taken->n = t->n;
	taken->alike = pdp_return_answer(t->differ) == 0;
	if (each || unlikely(!taken->alike || (taken->none | taken->blank | taken->bad) != 0))
		take_expand(ch, t, returns);
}

#endif /* CHANNEL_TAKE_H */
