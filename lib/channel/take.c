/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an engine returns, checked against the ledger. MD lcore only. Every value was copied to
 * private memory before; none is followed before it is checked.
 */
#include "pdp_channel_md.h"

/* A run that was taken: n packets, from the at-th on. */
struct run {
	uint64_t word;
	uint32_t at;
	uint32_t n;
};

/* Take over what an engine changed of a packet's place: nothing is followed that does not lie
 * within its buffer. @return false: place or length are impossible */
static bool reshape(const struct pdp_ledger *l, const struct pdp_return *r)
{
	struct rte_mbuf *m = l->m;
	const int32_t start = (int32_t)l->start + r->moved;

	if (start < 0 || r->len < PDP_FRAME_MIN || (uint32_t)start + r->len > m->buf_len)
		return false;
	m->data_off = (uint16_t)start;
	m->data_len = r->len;
	m->pkt_len = r->len;
	return true;
}

static __rte_noinline void take_other(struct pdp_chan *ch, const struct pdp_return *r,
				      unsigned int i, struct pdp_taken *taken)
{
	const bool known = r->slot < ch->n_slots + ch->n_blanks;
	struct pdp_ledger *l = &ch->ledger[known ? r->slot : 0];
	const uint64_t bit = UINT64_C(1) << i;

	if (!known || l->m == NULL) {
		ch->lies[known ? PDP_LIE_TWICE : PDP_LIE_SLOT]++;
		taken->m[i] = NULL;
		taken->none |= bit;
		return;
	}
	if ((r->moved != 0 || r->len != l->len) && !reshape(l, r))
		taken->bad |= bit;
	taken->m[i] = l->m;
	l->m = NULL;
	if (r->slot < ch->n_slots) {
		pdp_chan_free_put(ch, r->slot);
		return;
	}
	ch->blank_free[ch->n_blank_free++] = r->slot;
	taken->blank |= bit;
	/* Not filled: to leave its place and length as they were says nothing. */
	if (r->len < PDP_FRAME_MIN)
		taken->bad |= bit;
}

/* Packets of a run go behind the k that there are. The first slot that is not the engine's to
 * return ends it: so a lie costs the MD no more than any other. @return packets */
static inline unsigned int take_run(struct pdp_chan *ch, uint64_t word, unsigned int k,
				    struct pdp_taken *taken)
{
	const uint32_t slot = pdp_return_slot(word), n = pdp_return_len(word);
	const uint32_t known = slot < ch->n_slots ? RTE_MIN(n, ch->n_slots - slot) : 0;
	const uint32_t at = ch->free_head + ch->n_free, mask = ch->free_mask;
	struct pdp_ledger *const l = &ch->ledger[known != 0 ? slot : 0];
	uint16_t *const free_slots = ch->free;
	struct rte_mbuf **const out = taken->m + k;
	uint64_t bytes = 0;
	uint32_t i;

	for (i = 0; i < known; i++) {
		struct rte_mbuf *m = l[i].m;

		if (unlikely(m == NULL))
			break;
		bytes += l[i].len;
		l[i].m = NULL;
		out[i] = m;
	}
	taken->bytes += bytes;
	ch->n_free += i;
	if (likely(pdp_ring_run(at, mask, i) == i)) {
		for (uint32_t j = 0; j < i; j++)
			free_slots[(at & mask) + j] = (uint16_t)(slot + j);
	} else {
		for (uint32_t j = 0; j < i; j++)
			free_slots[(at + j) & mask] = (uint16_t)(slot + j);
	}
	if (unlikely(i != n))
		ch->lies[i < known ? PDP_LIE_TWICE : PDP_LIE_SLOT]++;
	return i;
}

/* The word that would have said of a run's first packet what the run says. */
static inline uint64_t alone(uint64_t run)
{
	return (run & UINT64_C(0x00ff00000000ffff)) | (uint64_t)PDP_FORWARD << 56;
}

/* One return for each of a run's packets: they are in the order of `returns`, the last at its end.
 */
static void expand(const struct pdp_chan *ch, const struct run *runs, unsigned int n_runs,
		   struct pdp_return *returns)
{
	for (unsigned int r = 0; r < n_runs; r++) {
		for (uint64_t i = 0; i < runs[r].n; i++) {
			const uint64_t len = ch->ledger[pdp_return_slot(runs[r].word) + i].len;
			const uint64_t one = (alone(runs[r].word) + i) | len << 16;

			memcpy(&returns[runs[r].at + i], &one, sizeof(one));
		}
	}
}

unsigned int pdp_chan_take(struct pdp_chan *ch, const struct pdp_return *from, unsigned int n,
			   bool each, struct pdp_return *returns, struct pdp_taken *taken)
{
	struct pdp_ledger *const ledger = ch->ledger;
	const uint32_t n_slots = ch->n_slots;
	struct run runs[RTE_DIM(taken->m)];
	uint64_t word, first = 0, differ = 0;
	unsigned int i, k = 0, n_runs = 0;

	taken->none = taken->blank = taken->bad = taken->bytes = 0;
	for (i = 0; i < n; i++) {
		const unsigned int before = k;

		memcpy(&word, &from[i], sizeof(word));
		if (pdp_return_is_run(word)) {
			const unsigned int run = pdp_return_len(word);
			unsigned int got;

			if (unlikely(run - 1 >= PDP_BURST_MAX)) {
				ch->lies[PDP_LIE_CODE]++;
				continue;
			}
			if (k + run > RTE_DIM(taken->m))
				break;
			got = take_run(ch, word, k, taken);
			if (unlikely(got == 0))
				continue;
			runs[n_runs++] = (struct run){.word = word, .at = k, .n = got};
			word = alone(word);
			memcpy(&returns[k], &word, sizeof(word));
			k += got;
		} else {
			const uint16_t slot = pdp_return_slot(word);
			struct pdp_ledger *l = &ledger[slot];

			if (unlikely(k == RTE_DIM(taken->m)))
				break;
			memcpy(&returns[k], &word, sizeof(word));
			taken->bytes += pdp_return_len(word);
			if (unlikely(slot >= n_slots || l->m == NULL ||
				     pdp_return_place(word) != l->len)) {
				take_other(ch, &from[i], k, taken);
			} else {
				taken->m[k] = l->m;
				l->m = NULL;
				pdp_chan_free_put(ch, slot);
			}
			k++;
		}
		first = before == 0 ? word : first;
		differ |= word ^ first;
	}
	taken->n = k;
	taken->alike = pdp_return_answer(differ) == 0;
	if (each || unlikely(!taken->alike || (taken->none | taken->blank | taken->bad) != 0))
		expand(ch, runs, n_runs, returns);
	return i;
}
