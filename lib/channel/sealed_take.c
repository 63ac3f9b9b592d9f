/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a sealed engine returns, checked against the ledger, and what it wrote, copied into its
 * packets. MD lcore only. As take.c.
 */
#include <rte_memcpy.h>
#include <rte_prefetch.h>

#include "pdp_sealed_md.h"
#include "take.h"

#define PEEK_MAX PDP_BURST_MAX /* places that are asked for at once */

static inline uint16_t shown_of(const struct pdp_sealed *s, uint32_t len)
{
	return (uint16_t)RTE_MIN(len, s->window);
}

/* What is in the mbuf of a slot that the engine has. */
struct lent {
	uint32_t shown; /* leading bytes that the engine was shown */
	uint32_t len;	/* bytes in the mbuf, from where it was lent */
	uint32_t room;	/* bytes in the slot's place, from where it was lent */
	uint32_t unset; /* leading bytes in the mbuf that are nobody's yet: what its last packet
			   left */
};

static inline struct lent lent_of(const struct pdp_chan *ch, uint32_t slot)
{
	const struct pdp_sealed *s = ch->sealed;
	const struct pdp_ledger *l = &ch->ledger[slot];

	if (likely(slot < ch->n_slots))
		return (struct lent){
			.shown = shown_of(s, l->len), .len = l->len, .room = s->window};
	return (struct lent){.shown = s->shown[slot - ch->n_slots],
			     .len = l->len,
			     .room = s->room,
			     .unset = s->shown[slot - ch->n_slots]};
}

/*
 * The packet as the engine left it: `written` bytes from its place, then those of the mbuf. Bytes
 * in front of the packet as it was lent (its carrier's headers) never become part of it, nor those
 * of a BLANK in front of the payload that it got, which are of any VR's earlier packet.
 * @return false: impossible
 */
static inline bool shape(const struct pdp_chan *ch, const struct pdp_sealed_return *r)
{
	const struct pdp_ledger *l = &ch->ledger[r->slot];
	const struct lent lent = lent_of(ch, r->slot);
	const int32_t moved = r->moved, len = r->len, written = r->written;
	const int32_t start = (int32_t)l->start + moved;
	struct rte_mbuf *m = l->m;

	if (moved < -PDP_HEADROOM || len < PDP_FRAME_MIN || written > len || start < 0 ||
	    start + len > m->buf_len || moved + written > (int32_t)lent.room)
		return false;
	if (written < len &&
	    (moved + written < (int32_t)lent.unset || moved + len > (int32_t)lent.len))
		return false;
	if (written != 0)
		rte_memcpy((uint8_t *)m->buf_addr + start, pdp_sealed_at(ch, r->slot) + moved,
			   (size_t)written);
	if (moved != 0 || len != l->len) {
		m->data_off = (uint16_t)start;
		m->data_len = (uint16_t)len;
		m->pkt_len = (uint32_t)len;
	}
	return true;
}

/* A BLANK gets the payload of another packet of the engine, once. @return false: impossible */
static bool attach(struct pdp_chan *ch, const struct pdp_sealed_return *r)
{
	const uint32_t n = ch->n_slots + ch->n_blanks;
	const uint32_t head = r->written, len = r->len;
	struct pdp_ledger *to, *from;
	struct lent lent;

	if (r->slot < ch->n_slots || r->slot >= n || r->from >= n || r->from == r->slot)
		return false;
	to = &ch->ledger[r->slot];
	from = &ch->ledger[r->from];
	if (to->m == NULL || from->m == NULL || ch->sealed->shown[r->slot - ch->n_slots] != 0)
		return false;
	lent = lent_of(ch, r->from);
	if (head == 0 || len <= head || len > ch->sealed->room ||
	    (uint32_t)to->start + len > to->m->buf_len || lent.shown + (len - head) > lent.len)
		return false;
	rte_memcpy((uint8_t *)to->m->buf_addr + to->start + head,
		   (uint8_t *)from->m->buf_addr + from->start + lent.shown, len - head);
	to->len = to->m->data_len = (uint16_t)len;
	to->m->pkt_len = len;
	ch->sealed->shown[r->slot - ch->n_slots] = (uint16_t)head;
	return true;
}

static __rte_noinline void take_one(struct pdp_chan *ch, const struct pdp_sealed_return *r,
				    unsigned int i, struct pdp_return *out, struct pdp_taken *taken)
{
	const bool known = r->slot < ch->n_slots + ch->n_blanks;
	struct pdp_ledger *l = &ch->ledger[known ? r->slot : 0];
	const uint64_t bit = UINT64_C(1) << i;
	const uint8_t verdict = r->verdict & 3;
	bool blank;

	memcpy(out, r, sizeof(*out));
	taken->m[i] = NULL;
	if (unlikely(r->verdict == PDP_SEALED_PAYLOAD)) {
		ch->lies[PDP_LIE_CODE] += !attach(ch, r);
		taken->none |= bit;
		return;
	}
	if (unlikely(!known || l->m == NULL)) {
		ch->lies[known ? PDP_LIE_TWICE : PDP_LIE_SLOT]++;
		taken->none |= bit;
		return;
	}
	blank = r->slot >= ch->n_slots;
	if (verdict == PDP_PUNT && !blank) {
		out->vif = (l->hash_vif >> 24) % PDP_VIF_MAX;
		out->len = l->len;
	} else if (verdict != PDP_DROP && unlikely(!shape(ch, r))) {
		taken->bad |= bit;
	}
	taken->m[i] = l->m;
	l->m = NULL;
	if (likely(!blank)) {
		pdp_chan_free_put(ch, r->slot);
		return;
	}
	ch->blank_free[ch->n_blank_free++] = r->slot;
	taken->blank |= bit;
}

/* One packet that goes on, as long and where it was, with what was written within its window. */
static inline bool is_plain(const struct pdp_chan *ch, uint64_t word, uint32_t written)
{
	const uint16_t slot = pdp_return_slot(word);
	const struct pdp_ledger *l = &ch->ledger[slot];

	return slot < ch->n_slots && l->m != NULL && pdp_return_place(word) == l->len &&
	       (word >> 56 & 3) == PDP_FORWARD &&
	       written <= RTE_MIN((uint32_t)l->len, ch->sealed->window);
}

static inline void take_plain(struct pdp_chan *ch, uint64_t word, uint32_t written, unsigned int i,
			      struct pdp_taken *taken)
{
	const uint16_t slot = pdp_return_slot(word);
	struct pdp_ledger *l = &ch->ledger[slot];
	struct rte_mbuf *m = l->m;

	take_copy((uint8_t *)m->buf_addr + l->start, pdp_sealed_at(ch, slot), written);
	taken->longest = RTE_MAX(taken->longest, l->len);
	taken->m[i] = m;
	l->m = NULL;
	pdp_chan_free_put(ch, slot);
}

unsigned int pdp_sealed_take(struct pdp_chan *ch, const struct pdp_sealed_return *from,
			     unsigned int n, bool each, struct pdp_return *returns,
			     struct pdp_taken *taken)
{
	const struct pdp_sealed sealed = *ch->sealed;
	struct take t;
	unsigned int i;

	take_begin(&t, taken);
	for (i = 0; i < n; i++) {
		const uint32_t written = from[i].written;
		uint64_t word;

		memcpy(&word, &from[i], sizeof(word));
		if (pdp_return_is_run(word)) {
			const unsigned int said = take_said(ch, word);

			if (t.n + said > RTE_DIM(taken->m))
				break;
			if (likely(said != 0))
				take_run(ch, &sealed, word, written, &t, returns, taken);
			continue;
		}
		if (unlikely(t.n == RTE_DIM(taken->m)))
			break;
		if (likely(is_plain(ch, word, written))) {
			take_plain(ch, word, written, t.n, taken);
			memcpy(&returns[t.n], &word, sizeof(word));
		} else {
			take_one(ch, &from[i], t.n, &returns[t.n], taken);
			memcpy(&word, &returns[t.n], sizeof(word));
			taken->longest = RTE_MAX(taken->longest, pdp_return_len(word));
		}
		taken->bytes += pdp_return_len(word);
		take_compare(&t, word, t.n == 0);
		t.n++;
	}
	take_end(ch, &t, each, returns, taken);
	return i;
}

void pdp_sealed_peek(const struct pdp_chan *ch, uint32_t skip, uint32_t n)
{
	const struct pdp_ring_consumer from = ch->from;
	const uint32_t known = ch->n_slots + ch->n_blanks;
	uint32_t left = PEEK_MAX;

	for (uint32_t i = skip; n != 0 && left != 0; i++, n--) {
		struct pdp_sealed_return r;
		uint32_t some = 1;

		memcpy(&r, from.ring->entries + ((from.head + i) & from.mask) * sizeof(r),
		       sizeof(r));
		if (r.verdict == PDP_RETURN_RUN)
			some = RTE_MIN((uint32_t)r.len, left);
		left -= some;
		/* Written to or not: the engine had the line, and it is written next. */
		for (uint32_t slot = r.slot; some != 0 && slot < known; slot++, some--)
			rte_prefetch0_write(pdp_sealed_at(ch, slot));
	}
}
