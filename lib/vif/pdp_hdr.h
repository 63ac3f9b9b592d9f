/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sizes, numbers and byte access of the headers that a vif, the flow hash and the classifier read.
 *
 * Plain bytes: no alignment is assumed, nothing is read beyond what the caller says is there. Any
 * process, any thread.
 */
#ifndef PDP_HDR_H
#define PDP_HDR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define PDP_MAC_SIZE   6
#define PDP_ETH_SIZE   14
#define PDP_VLAN_SIZE  4
#define PDP_IP4_SIZE   20 /* without options */
#define PDP_IP6_SIZE   40
#define PDP_UDP_SIZE   8
#define PDP_VXLAN_SIZE 8
#define PDP_ARP_SIZE   28 /* Ethernet and IPv4 */

#define PDP_TYPE_IP4  0x0800
#define PDP_TYPE_ARP  0x0806
#define PDP_TYPE_VLAN 0x8100 /* IEEE 802.1Q C-tag: the only one that a VLAN vif matches */
#define PDP_TYPE_QINQ 0x88a8 /* IEEE 802.1ad S-tag */
#define PDP_TYPE_IP6  0x86dd

#define PDP_PROTO_TCP  6
#define PDP_PROTO_UDP  17
#define PDP_PROTO_SCTP 132

#define PDP_IP4_DF	  0x4000
#define PDP_IP4_FRAG_MASK 0x3fff /* more fragments, or an offset */
#define PDP_VXLAN_I	  0x08	 /* RFC 7348 section 5: the VNI is valid */

static inline uint16_t pdp_get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap16(v);
}

static inline uint32_t pdp_get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

/** Eight bytes as they lie in memory: for comparing and hashing, not for arithmetic. */
static inline uint64_t pdp_get64_raw(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/** Four bytes as they lie in memory. */
static inline uint32_t pdp_get32_raw(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void pdp_put16(uint8_t *p, uint16_t value)
{
	value = __builtin_bswap16(value);
	memcpy(p, &value, sizeof(value));
}

static inline void pdp_put32(uint8_t *p, uint32_t value)
{
	value = __builtin_bswap32(value);
	memcpy(p, &value, sizeof(value));
}

/** Whether an Ethernet type announces a VLAN tag. */
static inline bool pdp_type_is_tag(uint16_t type)
{
	return type == PDP_TYPE_VLAN || type == PDP_TYPE_QINQ;
}

/**
 * Find the layer-3 header of an Ethernet frame, over up to `max_tags` VLAN tags.
 * @param frame  at least PDP_ETH_SIZE of len bytes
 * @param type   out: Ethernet type of what follows (a tag's, when there are more tags or the frame
 * ends in one)
 * @return offset of layer 3, at most len
 */
static inline uint16_t pdp_eth_l3(const uint8_t *frame, uint16_t len, unsigned int max_tags,
				  uint16_t *type)
{
	uint16_t at = PDP_ETH_SIZE;

	*type = pdp_get16(frame + 12);
	while (__builtin_expect(pdp_type_is_tag(*type), 0) && max_tags-- > 0 &&
	       len - at >= PDP_VLAN_SIZE) {
		*type = pdp_get16(frame + at + 2);
		at += PDP_VLAN_SIZE;
	}
	return at;
}

/** Where pdp_ip6_payload() ended. */
struct pdp_ip6_payload {
	uint16_t off;	/**< offset of the payload from the IPv6 header */
	uint8_t proto;	/**< its protocol; of a fragment: the fragment header's next header */
	bool fragment;	/**< a real fragment (not an atomic one, RFC 6946); off is behind its
			   fragment header */
	bool truncated; /**< ends inside an extension header, or has more than 8 of them or 2048
			   bytes */
};

/**
 * Step over the IPv6 extension headers hop-by-hop, routing, destination options, fragment, AH,
 * mobility, HIP, shim6 (RFC 8200, RFC 7045). Stops at the first fragment header that makes the
 * packet a fragment.
 * @param ip6  IPv6 header, at least PDP_IP6_SIZE of len bytes
 */
struct pdp_ip6_payload pdp_ip6_payload(const uint8_t *ip6, uint16_t len);

#endif /* PDP_HDR_H */
