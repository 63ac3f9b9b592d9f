/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The channel of a sealed engine: what differs from the one in pdp_channel.h, at both ends.
 *
 * A sealed engine maps its region and one more piece of memory, its packets: for each MD lcore a
 * place of its own for every slot. A packet's place has room in front (PDP_SEALED_HEAD) and its
 * first bytes, the window; what lies behind the window stays in the MD's mbuf. A BLANK's place
 * holds the longest packet. Offsets of descriptors count from the start of that memory.
 *
 * A return says how many leading bytes of the packet the MD has to take from the place: none of a
 * packet that nobody wrote to. A run (PDP_RETURN_RUN) says it of all its packets. A BLANK may get
 * the payload of another packet (PDP_SEALED_PAYLOAD): the engine gives the first bytes, the MD adds
 * the rest where the engine never sees it.
 */
#ifndef PDP_SEALED_H
#define PDP_SEALED_H

#include <assert.h>
#include <stdint.h>

#include <pdp_channel.h>

#define PDP_SEALED_HEAD 128 /**< in front of a packet; >= PDP_HEADROOM, whole lines */
static_assert(PDP_SEALED_HEAD >= PDP_HEADROOM && PDP_SEALED_HEAD % PDP_LINE == 0, "in lines");

/** In the place of a verdict: nothing is given back; `slot` is a BLANK that gets what is behind the
 * window of the packet in `from`, behind its own first `written` bytes. */
#define PDP_SEALED_PAYLOAD (PDP_HOLD | 1 << 2)

/** A packet given back by a sealed engine, or a run of them. */
struct pdp_sealed_return {
	uint16_t slot;
	uint16_t len;	  /**< bytes of the packet now */
	int16_t moved;	  /**< first byte now, relative to where it was lent */
	uint8_t vif;	  /**< FORWARD: egress vif */
	uint8_t verdict;  /**< as in struct pdp_return, or PDP_SEALED_PAYLOAD */
	uint16_t written; /**< leading bytes to be taken from the slot's place */
	uint16_t from;	  /**< PDP_SEALED_PAYLOAD: whose */
	uint32_t pad;
};
static_assert(sizeof(struct pdp_sealed_return) == 16, "four in a line");

/** What the packets' memory is made for. */
struct pdp_sealed_shape {
	uint32_t n_md;
	uint32_t n_slots;  /**< of one channel */
	uint32_t n_blanks; /**< of one channel */
	uint32_t window;   /**< bytes of a packet that the engine sees at most */
	uint32_t room;	   /**< bytes of the longest packet, >= window */
};

/* An odd number of lines: places lie in all sets of the caches, not in every fourth. */
static inline uint32_t pdp_sealed_place(uint32_t bytes)
{
	return ((PDP_SEALED_HEAD + bytes + PDP_LINE - 1) / PDP_LINE | 1) * PDP_LINE;
}

static inline size_t pdp_sealed_chan_size(const struct pdp_sealed_shape *s)
{
	return (size_t)s->n_slots * pdp_sealed_place(s->window) +
	       (size_t)s->n_blanks * pdp_sealed_place(s->room);
}

/** Bytes that the packets of one engine take. Pure. */
static inline size_t pdp_sealed_size(const struct pdp_sealed_shape *s)
{
	return s->n_md * pdp_sealed_chan_size(s);
}

/** Entries of the ring from a sealed engine: each BLANK is spoken of twice, when it gets a payload
 * and when it comes back. */
static inline uint32_t pdp_sealed_returns(uint32_t n_slots, uint32_t n_blanks)
{
	return n_slots + 2 * n_blanks;
}

#endif /* PDP_SEALED_H */
