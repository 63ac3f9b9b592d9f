/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The descriptor: how one packet is named between the MD and an engine. An offset, never an
 * address.
 */
#ifndef PDP_DESC_H
#define PDP_DESC_H

#include <assert.h>
#include <stdint.h>

#include <pdp_vr.h>

/** A descriptor: one packet handed over, in either direction. */
struct pdp_desc {
	uint64_t off_hash; /**< bits 0..39: offset of the first byte from the base; bits 40..63:
			      flow hash */
	uint16_t slot;	   /**< number in the MD's ledger; from n_slots on: a BLANK */
	uint16_t vlen;	   /**< visible bytes */
	uint16_t plen;	   /**< bytes of the packet; BLANK to the engine: room */
	uint8_t vif;	   /**< to the engine: ingress vif; back: egress vif */
	uint8_t vf; /**< to the engine: PDP_DESC_*; back: verdict in bits 0..1, drop reason in
		       bits 2..7 */
};
static_assert(sizeof(struct pdp_desc) == 16, "a descriptor is 16 bytes");

#define PDP_OFF_BITS 40
#define PDP_OFF_MASK ((UINT64_C(1) << PDP_OFF_BITS) - 1)

/** Bits of pdp_desc.vf towards the engine. */
#define PDP_DESC_BLANK 0x01 /**< an empty packet lent for the engine to fill */
#define PDP_DESC_HASH  0x02 /**< the flow hash is set */

static inline uint8_t pdp_desc_vf(enum pdp_verdict verdict, uint8_t reason)
{
	return (uint8_t)((uint8_t)verdict | reason << 2);
}

static inline enum pdp_verdict pdp_desc_verdict(const struct pdp_desc *d)
{
	return (enum pdp_verdict)(d->vf & 3);
}

static inline uint8_t pdp_desc_reason(const struct pdp_desc *d)
{
	return d->vf >> 2;
}

#endif /* PDP_DESC_H */
