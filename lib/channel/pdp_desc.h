/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Descriptors: how one packet is named between the MD and an engine. Offsets, never addresses.
 * On its way back a packet is named by its slot, so 8 bytes do: half the cache lines cross.
 */
#ifndef PDP_DESC_H
#define PDP_DESC_H

#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <pdp_vr.h>

/** A packet lent to an engine. */
struct pdp_desc {
	alignas(16) uint64_t
		off_hash; /**< bits 0..39: offset of the first byte from the base; above: hash */
	uint16_t slot;	  /**< number in the MD's ledger; from n_slots on: a BLANK */
	uint16_t vlen;	  /**< visible bytes */
	uint16_t plen;	  /**< bytes of the packet; BLANK: room */
	uint8_t vif;	  /**< ingress vif */
	uint8_t flags;	  /**< PDP_DESC_* */
};
static_assert(sizeof(struct pdp_desc) == 16, "a descriptor is 16 bytes");

#define PDP_OFF_BITS  40
#define PDP_OFF_MASK  ((UINT64_C(1) << PDP_OFF_BITS) - 1)
#define PDP_HASH_MASK ((1u << (64 - PDP_OFF_BITS)) - 1)

/** Bits of pdp_desc.flags. */
#define PDP_DESC_BLANK 0x01 /**< an empty packet lent for the engine to fill */
#define PDP_DESC_HASH  0x02 /**< the flow hash is set */
#define PDP_DESC_GROUP 0x04 /**< the head of a group (pdp_group.h) */
#define PDP_DESC_LENS  0x08 /**< of a group: its packets' lengths differ */
#define PDP_DESC_ROW   0x10 /**< of a group: its packets lie in a row (sealed) */

/** A packet given back. */
struct pdp_return {
	uint16_t slot;
	uint16_t len;	 /**< bytes of the packet now */
	int16_t moved;	 /**< first byte now, relative to where it was lent: below 0 in the headroom
			  */
	uint8_t vif;	 /**< FORWARD: egress vif */
	uint8_t verdict; /**< enum pdp_verdict in bits 0..1; above: DROP: the reason, PUNT: enum
			    pdp_punt_class. Or PDP_RETURN_RUN */
};
static_assert(sizeof(struct pdp_return) == 8, "a return is 8 bytes");

/** The fields of a return that was read as one word; place: length and move together, which is the
 * length alone where the packet did not move; answer: vif and verdict. */
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "fields are taken apart below");

static inline uint16_t pdp_return_slot(uint64_t word)
{
	return (uint16_t)word;
}

static inline uint16_t pdp_return_len(uint64_t word)
{
	return (uint16_t)(word >> 16);
}

static inline uint32_t pdp_return_place(uint64_t word)
{
	return (uint32_t)(word >> 16);
}

static inline uint16_t pdp_return_answer(uint64_t word)
{
	return (uint16_t)(word >> 48);
}

/**
 * In the place of a verdict: `len` packets, 1..PDP_BURST_MAX, in the slots from `slot` on, go out
 * by `vif` as they were lent: where they were and as long.
 */
#define PDP_RETURN_RUN 3

static inline bool pdp_return_is_run(uint64_t word)
{
	return word >> 56 == PDP_RETURN_RUN;
}

static inline uint8_t pdp_return_pack(enum pdp_verdict verdict, uint8_t reason)
{
	return (uint8_t)((uint8_t)verdict | reason << 2);
}

static inline enum pdp_verdict pdp_return_verdict(const struct pdp_return *r)
{
	return (enum pdp_verdict)(r->verdict & 3);
}

static inline uint8_t pdp_return_reason(const struct pdp_return *r)
{
	return r->verdict >> 2;
}

/** Two words that are stored at once, where their place is aligned to 16 bytes: while the line is
 * still in the other CPU's cache, stores wait in a queue of a few dozen. */
typedef uint64_t pdp_word_pair __attribute__((vector_size(16), may_alias));

/**
 * Write a descriptor in one store. Both sides run on one machine, so the byte order is its own.
 */
static inline void pdp_desc_write(struct pdp_desc *d, uint64_t off_hash, uint16_t slot,
				  uint16_t vlen, uint16_t plen, uint8_t vif, uint8_t flags)
{
	static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "fields are put together below");
	const uint64_t rest = slot | (uint64_t)vlen << 16 | (uint64_t)plen << 32 |
			      (uint64_t)vif << 48 | (uint64_t)flags << 56;

	*(pdp_word_pair *)d = (pdp_word_pair){off_hash, rest};
}

#endif /* PDP_DESC_H */
