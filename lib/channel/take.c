/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an engine returns, checked against the ledger. MD lcore only. Every value was copied to
 * private memory before; none is followed before it is checked.
 */
#include "take.h"

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

unsigned int pdp_chan_take(struct pdp_chan *ch, const struct pdp_return *from, unsigned int n,
			   bool each, struct pdp_return *returns, struct pdp_taken *taken)
{
	struct pdp_ledger *const ledger = ch->ledger;
	const uint32_t n_slots = ch->n_slots;
	struct take t;
	unsigned int i;

	take_begin(&t, taken);
	for (i = 0; i < n; i++) {
		struct pdp_ledger *l;
		uint64_t word;
		uint16_t slot;

		memcpy(&word, &from[i], sizeof(word));
		if (pdp_return_is_run(word)) {
			const unsigned int said = take_said(ch, word);

			if (t.n + said > RTE_DIM(taken->m))
				break;
			if (likely(said != 0))
				take_run(ch, NULL, word, 0, &t, returns, taken);
			continue;
		}
		if (unlikely(t.n == RTE_DIM(taken->m)))
			break;
		slot = pdp_return_slot(word);
		l = &ledger[slot];
		memcpy(&returns[t.n], &word, sizeof(word));
		taken->bytes += pdp_return_len(word);
		if (unlikely(slot >= n_slots || l->m == NULL || pdp_return_place(word) != l->len)) {
			take_other(ch, &from[i], t.n, taken);
		} else {
			taken->m[t.n] = l->m;
			l->m = NULL;
			pdp_chan_free_put(ch, slot);
		}
		take_compare(&t, word, t.n == 0);
		t.n++;
	}
	take_end(ch, &t, each, returns, taken);
	return i;
}
