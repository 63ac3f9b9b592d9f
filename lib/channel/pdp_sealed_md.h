/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The MD's end of a sealed engine's channel: packets are copied into the engine's memory, and what
 * comes back is checked, read once, and copied out. The ledger, slots, BLANKs and waking are those
 * of pdp_channel_md.h.
 *
 * Nothing here follows a value that the engine can write before it was copied to private memory and
 * checked. Thread: as pdp_channel_md.h.
 */
#ifndef PDP_SEALED_MD_H
#define PDP_SEALED_MD_H

#include <pdp_channel_md.h>
#include <pdp_sealed.h>

/** What a channel has besides when its engine is sealed; private. */
struct pdp_sealed {
	uint8_t *slots;	 /**< place of data slot 0 */
	uint8_t *blanks; /**< place of the first BLANK */
	uint32_t slot_size;
	uint32_t blank_size;
	uint32_t window;
	uint32_t room;
	bool peeked;	 /**< the first that wait are asked for; the caller's */
	uint16_t *shown; /**< by BLANK: bytes in front of the payload that it got; 0: it has none */
};

/**
 * Make a channel a sealed one, before it is used.
 * @param packets  pdp_sealed_size() bytes that the engine maps, too; descriptor offsets count from
 *                 here
 * @param index    the channel's number in its region
 * @return 0, -ENOMEM
 */
int pdp_sealed_open(struct pdp_chan *ch, const struct pdp_sealed_shape *shape, unsigned int index,
		    void *packets);

/** As pdp_chan_destroy() does. NULL: nothing. */
void pdp_sealed_close(struct pdp_sealed *sealed);

/** Where a slot's first byte is lent at. @param slot below n_slots + n_blanks */
static inline uint8_t *pdp_sealed_at(const struct pdp_chan *ch, uint32_t slot)
{
	const struct pdp_sealed *s = ch->sealed;

	return PDP_SEALED_HEAD +
	       (slot < ch->n_slots ? s->slots + (size_t)slot * s->slot_size
				   : s->blanks + (size_t)(slot - ch->n_slots) * s->blank_size);
}

/** As pdp_chan_stage(), with the window's bytes copied into the engine's memory. The mbufs hold
 * what the VR sees, without carrier. Budget: 12 cycles a packet and a line of window. */
void pdp_sealed_stage(struct pdp_chan *ch, struct rte_mbuf *const *pkts, unsigned int n,
		      const uint32_t *hashes, uint8_t vif, uint8_t flags);

/**
 * Fetch the places of packets that wait to be taken into the cache, 64 at most: the engine had them
 * last. With intent to write, for packets go there again. Called well before pdp_sealed_take(),
 * when the returns themselves are in the cache; nothing else is done with what they say. Budget: 2
 * cycles a packet.
 * @param skip  of the ring's entries that wait, the first to look at
 * @param n     how many to look at, at most
 */
void pdp_sealed_peek(const struct pdp_chan *ch, uint32_t skip, uint32_t n);

/**
 * As pdp_chan_take(): checks returns against the ledger, copies what was written into the mbufs,
 * and sets their place and lengths. PUNT of a packet restores nothing and copies nothing: the mbuf
 * is as it arrived. A run ends at the first packet that is not as long as what it says was written.
 * @param from     private copies, 1 <= n <= 64
 * @param each     as there
 * @param returns  out: as there; checked but for the vif of FORWARD
 * @return as there
 */
unsigned int pdp_sealed_take(struct pdp_chan *ch, const struct pdp_sealed_return *from,
			     unsigned int n, bool each, struct pdp_return *returns,
			     struct pdp_taken *taken);

#endif /* PDP_SEALED_MD_H */
