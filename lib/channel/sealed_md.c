/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The MD's end of a sealed engine's channel. MD lcore, but for open and close.
 */
#include <errno.h>
#include <stdlib.h>

#include <rte_memcpy.h>
#include <rte_prefetch.h>

#include "pdp_sealed_md.h"

#define AHEAD	  16 /* places whose lines are asked for before they are written */
#define STAGE_MAX 64
#define PIECE	  16 /* what is written is told in such pieces, as far as packets have them */

int pdp_sealed_open(struct pdp_chan *ch, const struct pdp_sealed_shape *shape, unsigned int index,
		    void *packets)
{
	struct pdp_sealed *s = malloc(sizeof(*s));
	uint8_t *mine = (uint8_t *)packets + index * pdp_sealed_chan_size(shape);

	if (s == NULL)
		return -ENOMEM;
	*s = (struct pdp_sealed){
		.slots = mine,
		.blanks = mine + (size_t)shape->n_slots * pdp_sealed_place(shape->window),
		.slot_size = pdp_sealed_place(shape->window),
		.blank_size = pdp_sealed_place(shape->room),
		.window = shape->window,
		.room = shape->room,
		.shown = calloc(shape->n_blanks + 1, sizeof(*s->shown)),
	};
	if (s->shown == NULL) {
		free(s);
		return -ENOMEM;
	}
	ch->base = (uintptr_t)packets;
	ch->sealed = s;
	return 0;
}

void pdp_sealed_close(struct pdp_sealed *s)
{
	if (s == NULL)
		return;
	free(s->shown);
	free(s);
}

static inline uint16_t shown_of(const struct pdp_sealed *s, uint32_t len)
{
	return (uint16_t)RTE_MIN(len, s->window);
}

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

/*
 * What goes into the ring is gathered first and written then, as stage.c does it.
 * @param n  at most STAGE_MAX
 */
static inline void stage_some(struct pdp_chan *ch, struct rte_mbuf *const *pkts, unsigned int n,
			      const uint32_t *hashes, uint64_t vif_flags)
{
	/* Locals: each store below could alias what they were read from. */
	uint8_t *const places = ch->sealed->slots + PDP_SEALED_HEAD;
	const size_t size = ch->sealed->slot_size;
	const uint32_t window = ch->sealed->window;
	const uint64_t off = (uintptr_t)places - ch->base;
	struct pdp_ledger *const ledger = ch->ledger;
	/* The last ones that came back go out first: their places are still in the cache. */
	const uint16_t *const free_slots = ch->free;
	const uint32_t mask = ch->free_mask, vif = (uint8_t)(vif_flags >> 48);
	uint32_t last = ch->free_head + ch->n_free;
	struct pdp_desc descs[STAGE_MAX];

	pdp_ring_prefetch_write(&ch->to, PDP_STAGE_AHEAD, n, sizeof(descs[0]));
	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const uint16_t at = free_slots[--last & mask], start = m->data_off,
			       len = m->data_len;
		const uint32_t shown = RTE_MIN(len, window);
		const uint32_t hash = hashes != NULL ? hashes[i] : 0;
		const uint64_t words[2] = {(off + at * size) | (uint64_t)hash << PDP_OFF_BITS,
					   at | (uint64_t)shown << 16 | (uint64_t)len << 32 |
						   vif_flags};

		/* The first line came with what was taken last; packets are much alike. */
		if (shown > PDP_LINE && i + AHEAD < n)
			rte_prefetch0_write(places + free_slots[(last - AHEAD) & mask] * size +
					    PDP_LINE);
		copy_in(places + at * size, (const uint8_t *)m->buf_addr + start, shown);
		pdp_ledger_write(&ledger[at], m, start, len, hash | vif << 24);
		memcpy(&descs[i], words, sizeof(words));
	}
	ch->n_free -= n;
	for (unsigned int i = 0; i < n;) {
		const uint32_t run = pdp_ring_run(ch->to.tail, ch->to.mask, n - i);

		memcpy(pdp_ring_next(&ch->to, run, sizeof(descs[0])), &descs[i],
		       run * sizeof(descs[0]));
		i += run;
	}
}

void pdp_sealed_stage(struct pdp_chan *ch, struct rte_mbuf *const *pkts, unsigned int n,
		      const uint32_t *hashes, uint8_t vif, uint8_t flags)
{
	const uint64_t vif_flags = (uint64_t)vif << 48 | (uint64_t)flags << 56;

	ch->n_staged += n;
	while (n != 0) {
		const unsigned int some = RTE_MIN(n, (unsigned int)STAGE_MAX);

		stage_some(ch, pkts, some, hashes, vif_flags);
		pkts += some;
		hashes = hashes != NULL ? hashes + some : NULL;
		n -= some;
	}
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
	if (unlikely(verdict == PDP_HOLD)) {
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

void pdp_sealed_peek(const struct pdp_chan *ch, uint32_t skip, uint32_t n)
{
	const struct pdp_ring_consumer from = ch->from;
	const uint32_t known = ch->n_slots + ch->n_blanks;

	for (uint32_t i = skip; i < skip + n; i++) {
		const uint8_t *at = from.ring->entries + ((from.head + i) & from.mask) *
								 sizeof(struct pdp_sealed_return);
		struct pdp_sealed_return r;

		memcpy(&r, at, sizeof(r));
		/* Written to or not: the engine had the line, and it is written next. */
		if (likely(r.slot < known))
			rte_prefetch0_write(pdp_sealed_at(ch, r.slot));
	}
}

void pdp_sealed_take(struct pdp_chan *ch, const struct pdp_sealed_return *from, unsigned int n,
		     struct pdp_return *returns, struct pdp_taken *taken)
{
	/* Locals: each store below could alias what they were read from. */
	const uint8_t *const places = ch->sealed->slots + PDP_SEALED_HEAD;
	const size_t size = ch->sealed->slot_size;
	const uint32_t window = ch->sealed->window, n_slots = ch->n_slots;
	struct pdp_ledger *const ledger = ch->ledger;
	uint16_t *const free_slots = ch->free;
	const uint32_t free_head = ch->free_head, mask = ch->free_mask;
	uint32_t n_free = ch->n_free;
	uint64_t bytes = 0, differ = 0, first = 0, word;

	taken->none = taken->blank = taken->bad = 0;
	for (unsigned int i = 0; i < n; i++) {
		const uint16_t written = from[i].written;

		memcpy(&word, &from[i], sizeof(word));
		const uint16_t slot = pdp_return_slot(word);
		struct pdp_ledger *l = &ledger[slot];

		/* Nearly all: a packet that goes on, as long and where it was, with whole pieces of
		 * its window written. */
		if (likely(slot < n_slots && l->m != NULL && pdp_return_place(word) == l->len &&
			   (word >> 56 & 3) == PDP_FORWARD && written % PIECE == 0 &&
			   written <= window && written <= l->len)) {
			struct rte_mbuf *m = l->m;
			const uint8_t *place = places + slot * size;
			uint8_t *data = (uint8_t *)m->buf_addr + l->start;

			for (uint32_t k = 0; k < written; k += PIECE)
				memcpy(data + k, place + k, PIECE);
			taken->m[i] = m;
			l->m = NULL;
			free_slots[(free_head + n_free++) & mask] = slot;
			memcpy(&returns[i], &word, sizeof(word));
		} else {
			ch->n_free = n_free;
			take_one(ch, &from[i], i, &returns[i], taken);
			n_free = ch->n_free;
			memcpy(&word, &returns[i], sizeof(word));
		}
		first = i == 0 ? word : first;
		differ |= word ^ first;
		bytes += pdp_return_len(word);
	}
	ch->n_free = n_free;
	taken->alike = pdp_return_answer(differ) == 0;
	taken->bytes = bytes;
}
