/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The MD's end of a channel: the private ledger of slots, staging of descriptors, the check of what
 * comes back, BLANK slots and waking.
 *
 * Everything here but the two rings and the status page is private to one MD lcore. A packet that
 * is sent has a slot in the ledger until the engine returns it, or the engine is gone and the
 * ledger is swept (DESIGN rule 3). Thread: create, destroy: control, while no MD lcore uses the
 * channel; the rest: the owning MD lcore.
 */
#ifndef PDP_CHANNEL_MD_H
#define PDP_CHANNEL_MD_H

#include <stdbool.h>

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include <pdp_channel.h>

#define PDP_STAGE     64 /**< descriptors gathered before they are sent */
#define PDP_FRAME_MIN 14 /**< shortest frame that the MD gives to a port, bytes */

/** Offload flags that survive the way through an engine: the dynamic ones, which are the
 * application's. */
#define PDP_OL_KEEP (((RTE_MBUF_F_LAST_FREE << 1) - 1) & ~(RTE_MBUF_F_FIRST_FREE - 1))

/** What the MD knows of a slot. m == NULL: FREE; else WITH_ENGINE (below n_slots) or BLANK. */
struct pdp_ledger {
	struct rte_mbuf *m;
	uint32_t hash; /**< flow hash it was sent with */
	uint8_t vif;   /**< ingress vif */
	uint8_t pad[3];
};

struct pdp_chan {
	struct pdp_ring_producer to;
	struct pdp_ring_consumer from;
	struct pdp_ledger *ledger; /**< n_slots + n_blanks */
	uint16_t *free;		   /**< stack of FREE data slots */
	uintptr_t base;		   /**< descriptor offsets count from here */
	uint32_t n_slots;
	uint32_t n_free;
	uint32_t n_blanks;
	uint32_t n_blank_free; /**< BLANK slots to top up */
	bool may_sleep;	       /**< the engine may sleep: look at `sleeping` after sending */
	bool wake_pending;     /**< a wake is owed, but the last one is too fresh */
	uint64_t last_wake_tsc;
	struct pdp_status *status;
	uint16_t *blank_free; /**< stack of slots numbered from n_slots on */
	uint64_t sent;	      /**< packets lent, without BLANKs */
	uint64_t returned;    /**< packets that came back or were swept, without BLANKs */
	uint64_t wakes;
	uint64_t lies[PDP_LIE_N];
};

/**
 * Make the MD's end of channel `index` of a region.
 * @param region   laid out, offsets count from `base`
 * @param may_sleep the engine may sleep when its rings are empty
 * @return the channel (Owner: caller), or NULL with errno ENOMEM
 */
struct pdp_chan *pdp_chan_create(struct pdp_region *region, unsigned int index, const void *base,
				 bool may_sleep);

/** Free a channel whose ledger is empty (asserted). NULL: nothing. */
void pdp_chan_destroy(struct pdp_chan *ch);

/** Data slots that are not FREE: packets staged, with the engine, or on their way back. */
static inline uint32_t pdp_chan_out(const struct pdp_chan *ch)
{
	return ch->n_slots - ch->n_free;
}

/** Futex wake, at most once per 50 us and engine (DESIGN rule 8); a wake that is too early stays
 * pending. */
void pdp_chan_wake(struct pdp_chan *ch);

/** After descriptors went in: wake the engine if it sleeps. Full fence, pairs with the engine's
 * before its last look. */
static inline void pdp_chan_notify(struct pdp_chan *ch)
{
	if (!ch->may_sleep)
		return;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&ch->status->sleeping, __ATOMIC_RELAXED))
		pdp_chan_wake(ch);
}

/** Descriptors that are written and not yet sent. */
static inline uint32_t pdp_chan_staged(const struct pdp_chan *ch)
{
	return pdp_ring_pending(&ch->to);
}

/** Send what is staged. The ring has an entry for every slot, so this cannot fail. */
static inline void pdp_chan_flush(struct pdp_chan *ch)
{
	pdp_ring_publish(&ch->to);
	pdp_chan_notify(ch);
}

/**
 * Stage one packet: it gets a slot and its descriptor is written into the ring. Takes the mbuf.
 * Budget: 6 cycles.
 * @param m     one segment
 * @param hash  24 bits, used with PDP_DESC_HASH in `flags`
 * A slot must be free (pdp_chan.n_free != 0).
 */
static inline void pdp_chan_stage(struct pdp_chan *ch, struct rte_mbuf *m, uint32_t hash,
				  uint8_t vif, uint8_t flags)
{
	const uint16_t slot = ch->free[--ch->n_free];

	ch->ledger[slot] = (struct pdp_ledger){.m = m, .hash = hash, .vif = vif};
	pdp_ring_put(&ch->to,
		     (struct pdp_desc){
			     .off_hash = ((uintptr_t)m->buf_addr + m->data_off - ch->base) |
					 (uint64_t)hash << PDP_OFF_BITS,
			     .slot = slot,
			     .vlen = m->data_len,
			     .plen = m->data_len,
			     .vif = vif,
			     .vf = flags,
		     });
}

/** What pdp_chan_take() found. */
enum pdp_take {
	PDP_TAKE_PKT,	/**< *m is a packet that the engine returned */
	PDP_TAKE_BLANK, /**< *m is a BLANK that the engine filled (or gave back with DROP) */
	PDP_TAKE_NONE,	/**< nothing: the slot was not the engine's (counted in lies) */
};

/**
 * Check one returned descriptor against the ledger and take the packet out of it. Nothing of the
 * descriptor is followed before it is checked. Budget: 15 cycles.
 * @param d        private copy
 * @param m        out: the mbuf, with data_off and lengths as the engine left them
 * @param ok       out: false when offset or lengths were impossible: count and free it
 */
static inline enum pdp_take pdp_chan_take(struct pdp_chan *ch, const struct pdp_desc *d,
					  struct rte_mbuf **m, bool *ok)
{
	enum pdp_take kind = PDP_TAKE_PKT;
	struct pdp_ledger *l;
	uint64_t start;

	if (unlikely(d->slot >= ch->n_slots)) {
		if (d->slot >= ch->n_slots + ch->n_blanks) {
			ch->lies[PDP_LIE_SLOT]++;
			return PDP_TAKE_NONE;
		}
		kind = PDP_TAKE_BLANK;
	}
	l = &ch->ledger[d->slot];
	*m = l->m;
	if (unlikely(*m == NULL)) {
		ch->lies[PDP_LIE_TWICE]++;
		return PDP_TAKE_NONE;
	}
	l->m = NULL;
	if (likely(kind == PDP_TAKE_PKT)) {
		ch->free[ch->n_free++] = d->slot;
		ch->returned++;
	} else {
		ch->blank_free[ch->n_blank_free++] = d->slot;
	}
	start = (d->off_hash & PDP_OFF_MASK) - ((uintptr_t)(*m)->buf_addr - ch->base);
	*ok = start <= (*m)->buf_len && d->plen >= PDP_FRAME_MIN &&
	      d->plen <= (*m)->buf_len - start;
	if (likely(*ok)) {
		(*m)->data_off = (uint16_t)start;
		(*m)->data_len = d->plen;
		(*m)->pkt_len = d->plen;
		(*m)->ol_flags &= PDP_OL_KEEP;
	}
	return kind;
}

/**
 * Lend BLANKs again for those that came back, at most `max`.
 * @param pool  where empty packets come from
 * @return how many were lent
 */
unsigned int pdp_chan_top_up(struct pdp_chan *ch, struct rte_mempool *pool, unsigned int max);

/**
 * Free every packet that the ledger says is with the engine; the engine is gone, its ring was
 * emptied before.
 * @param n_blanks  out: BLANKs among them
 * @return packets freed, without BLANKs
 */
unsigned int pdp_chan_sweep(struct pdp_chan *ch, unsigned int *n_blanks);

/**
 * Take one control message of the engine.
 * @param region  of the channel
 * @param engine  out: destination index as the engine said it
 * @param msg     out: room for PDP_CTL_ELEMS_MAX elements, as they go into the other ring
 * @return elements, 0: none, or -1: the message was malformed (counted) and skipped
 */
int pdp_ctl_take(struct pdp_chan *ch, struct rte_ring *from, uint16_t *engine,
		 struct pdp_ctl_elem *msg);

/**
 * Put a message into an engine's control ring.
 * @return false when it has no room (nothing happened)
 */
bool pdp_ctl_put(struct pdp_chan *ch, struct rte_ring *to, uint16_t from_engine,
		 struct pdp_ctl_elem *msg, unsigned int n_elems);

#endif /* PDP_CHANNEL_MD_H */
