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
#include <pdp_group.h>

#define PDP_BLANK_BURST 64 /**< BLANKs lent at once at most */
#define PDP_FRAME_MIN	14 /**< shortest frame that the MD gives to a port, bytes */
#define PDP_STAGE_AHEAD 64 /**< entries whose lines are asked for before they are written */

/** Offload flags that survive the way through an engine: the dynamic ones, which are the
 * application's. */
#define PDP_OL_KEEP (((RTE_MBUF_F_LAST_FREE << 1) - 1) & ~(RTE_MBUF_F_FIRST_FREE - 1))

/**
 * What the MD knows of a slot. m == NULL: FREE; else WITH_ENGINE (below n_slots) or BLANK. It holds
 * what the engine was told, so that a packet that comes back unchanged is checked without a look at
 * its mbuf.
 */
struct pdp_ledger {
	struct rte_mbuf *m;
	uint16_t start;	   /**< data_off that it was lent with */
	uint16_t len;	   /**< length that it was lent with */
	uint32_t hash_vif; /**< flow hash in bits 0..23, ingress vif above, bits 30 and 31: the
			      caller's */
};
static_assert(sizeof(struct pdp_ledger) == 16, "four entries a cache line");

/* One store, where the compiler would make four. */
static inline void pdp_ledger_write(struct pdp_ledger *l, struct rte_mbuf *m, uint16_t start,
				    uint16_t len, uint32_t hash_vif)
{
	const uint64_t rest = start | (uint64_t)len << 16 | (uint64_t)hash_vif << 32;

	static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ &&
			      offsetof(struct pdp_ledger, start) == 8,
		      "fields are put together above");
	*(pdp_word_pair *)l = (pdp_word_pair){(uintptr_t)m, rest};
}

struct pdp_chan {
	struct pdp_ring_producer to;
	struct pdp_ring_consumer from;
	struct pdp_ledger *ledger; /**< n_slots + n_blanks */
	uint16_t *free;		   /**< ring of n_free FREE data slots, from free_head on */
	uint32_t free_mask;
	uint32_t free_head;
	uintptr_t base;		   /**< descriptor offsets count from here */
	struct pdp_sealed *sealed; /**< its engine is sealed (pdp_sealed_md.h); else NULL */
	uint32_t n_slots;
	uint32_t n_free;
	uint32_t n_blanks;
	uint32_t n_blank_free; /**< BLANK slots to top up */
	uint32_t n_staged;     /**< packets that the engine was not told of yet */
	uint32_t seen;	       /**< returned descriptors that are being fetched into the cache */
	bool may_sleep;	       /**< the engine may sleep: look at `sleeping` after sending */
	bool wake_pending;     /**< a wake is owed, but the last one is too fresh */
	uint64_t last_wake_tsc;
	struct pdp_status *status;
	uint16_t *blank_free; /**< stack of slots numbered from n_slots on */
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

/** Put a slot behind the other free ones. They are lent in this order: where an engine returns
 * packets as they came, the slots of a burst follow one another, and a run names them all. */
static inline void pdp_chan_free_put(struct pdp_chan *ch, uint16_t slot)
{
	ch->free[(ch->free_head + ch->n_free++) & ch->free_mask] = slot;
}

/** Data slots that are not FREE: packets staged, with the engine, or on their way back. */
static inline uint32_t pdp_chan_out(const struct pdp_chan *ch)
{
	return ch->n_slots - ch->n_free;
}

/** Futex wake, at most once per 50 us and engine (DESIGN rule 8); a wake that is too early stays
 * pending. */
void pdp_chan_wake(struct pdp_chan *ch);

/**
 * Wake the engine if it is seen asleep. Without a fence, so an engine that just falls asleep may be
 * missed: called when packets were sent, and again in every turn in which packets are out. The
 * store buffer empties by itself long before the second look; a fence a burst would wait for lines
 * that the engine's CPU has.
 */
static inline void pdp_chan_look(struct pdp_chan *ch)
{
	if (ch->may_sleep && unlikely(__atomic_load_n(&ch->status->sleeping, __ATOMIC_RELAXED)))
		pdp_chan_wake(ch);
}

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

/** Whether the engine's loop is gone. After this no more returns come than are there. */
static inline bool pdp_chan_died(const struct pdp_chan *ch)
{
	return __atomic_load_n(&ch->status->life, __ATOMIC_ACQUIRE) & PDP_LIFE_DIED;
}

/** Descriptors that the engine was shown so far; R: any thread. */
static inline uint32_t pdp_chan_shown(const struct pdp_chan *ch)
{
	return __atomic_load_n(&ch->to.ring->tail, __ATOMIC_RELAXED);
}

/** Packets that are staged and not yet sent. */
static inline uint32_t pdp_chan_staged(const struct pdp_chan *ch)
{
	return ch->n_staged;
}

/** Send what is staged. The ring has an entry for every slot, so this cannot fail. */
static inline void pdp_chan_flush(struct pdp_chan *ch)
{
	pdp_ring_publish(&ch->to);
	ch->n_staged = 0;
	pdp_chan_look(ch);
}

/**
 * Stage packets: each gets a slot, and is written into the ring, many together as a group
 * (pdp_group.h). Takes the mbufs. The lines that a later burst will be written to are in the
 * engine's cache: they are asked for here. Budget: 5 cycles a packet.
 * @param pkts    n mbufs of one segment, their ol_flags within PDP_OL_KEEP; n <= pdp_chan.n_free
 * @param hashes  24 bits each, used with PDP_DESC_HASH in `flags`; NULL: none. Bits 30 and 31 stay
 *                in the ledger and are not told to the engine
 * @param vif     ingress vif of all
 */
void pdp_chan_stage(struct pdp_chan *ch, struct rte_mbuf *const *pkts, unsigned int n,
		    const uint32_t *hashes, uint8_t vif, uint8_t flags);

/** What pdp_chan_take() made of returns: at most 64 packets. Bit i speaks of packet i. */
struct pdp_taken {
	unsigned int n;	  /**< packets */
	uint64_t none;	  /**< the slot was not the engine's to return (counted in lies) */
	uint64_t blank;	  /**< it was a BLANK that the engine filled, or gave back with DROP */
	uint64_t bad;	  /**< offset or length are impossible: the packet can only be freed */
	bool alike;	  /**< all have the verdict and the vif of the first */
	uint64_t bytes;	  /**< lengths that the returns say, all of them */
	uint16_t longest; /**< a sealed engine's: the greatest of them */
	struct rte_mbuf *m[64]; /**< NULL where `none` */
};

/**
 * Check returns against the ledger and take the packets out of it, with data_off and lengths as the
 * engine left them. Nothing of a return is followed before it is checked. A run ends at the first
 * slot that is not the engine's to return.
 * Budget: 6 cycles a packet whose place and length did not change, 3 in a run.
 * @param from     private copies, 1 <= n <= 64
 * @param each     all of `returns` are wanted, even where one would do
 * @param returns  out: one for each packet, up to 64; where they are `alike`, and no bit is set,
 *                 and not `each`: the first
 * @return how many of `from` that were; the rest did not fit
 */
unsigned int pdp_chan_take(struct pdp_chan *ch, const struct pdp_return *from, unsigned int n,
			   bool each, struct pdp_return *returns, struct pdp_taken *taken);

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

/** The MD's ends of an engine's control rings; private. */
struct pdp_ctl {
	struct pdp_ctl_end to;
	struct pdp_ctl_end from;
};

/** @param region laid out, before the engine attaches */
static inline struct pdp_ctl pdp_ctl_open(struct pdp_region *region)
{
	return (struct pdp_ctl){.to.ring = pdp_region_ctl(region, region->ctl_to_off),
				.from.ring = pdp_region_ctl(region, region->ctl_from_off)};
}

/**
 * Take one control message of the engine.
 * @param engine  out: destination index as the engine said it
 * @param msg     out: room for PDP_CTL_ELEMS_MAX elements, as they go into the other ring
 * @return elements, 0: none, or -1: the message was malformed (counted) and skipped
 */
int pdp_ctl_take(struct pdp_chan *ch, struct pdp_ctl *ctl, uint16_t *engine,
		 struct pdp_ctl_elem *msg);

/**
 * Put a message into an engine's control ring.
 * @return false when it has no room (nothing happened)
 */
bool pdp_ctl_put(struct pdp_chan *ch, struct pdp_ctl *ctl, uint16_t from_engine,
		 struct pdp_ctl_elem *msg, unsigned int n_elems);

#endif /* PDP_CHANNEL_MD_H */
