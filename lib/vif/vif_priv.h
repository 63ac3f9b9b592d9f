/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What decap.c and encap.c share: one's complement sums, the MTU rule, the length an IP header
 * states.
 */
#ifndef VIF_PRIV_H
#define VIF_PRIV_H

#include "pdp_hdr.h"
#include "pdp_vif.h"

/* Where an inner Ethernet frame may still have VLAN tags. */
#define VIF_INNER_TAGS 2

/* Whether kind ip rides in an Ethernet frame of its own on this carrier. */
static inline bool vif_has_inner_ethernet(const struct pdp_vif *vif)
{
	return vif->conf.kind == PDP_VIF_IP && vif->conf.carrier != PDP_CARRIER_UDP;
}

static inline bool vif_is_tunnel(const struct pdp_vif *vif)
{
	return vif->conf.carrier >= PDP_CARRIER_UDP;
}

/* One's complement sum of n bytes added to sum, in the machine's byte order (RFC 1071 section 2 B).
 */
uint64_t vif_sum(const uint8_t *bytes, uint32_t n, uint64_t sum);

static inline uint16_t vif_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* Length of an Ethernet frame against the MTU, which counts layer 3: VLAN tags inside are free. */
static inline bool vif_frame_fits(const struct pdp_vif *vif, const uint8_t *frame, uint16_t len)
{
	uint16_t type;

	if (__builtin_expect(len <= vif->frame_max, 1))
		return true;
	return len - pdp_eth_l3(frame, len, VIF_INNER_TAGS, &type) <= vif->conf.mtu;
}

/*
 * RFC 6040 section 4.2: ECN field of the packet that leaves the tunnel.
 * @return the ECN field, or -1: drop
 */
int vif_ecn_combine(unsigned int inner, unsigned int outer);

/* Combine the outer ECN field into the IP packet or, kind ethernet, into the IP packet of the
 * frame, if it holds one. */
enum pdp_vif_drop vif_ecn_decap(const struct pdp_vif *vif, uint8_t *data, uint16_t len,
				unsigned int outer_ecn);

/* DSCP and ECN of the packet (kind ip) or of the IP packet in the frame; 0 when it holds none. */
uint8_t vif_inner_tos(const struct pdp_vif *vif, const uint8_t *data, uint16_t len);

#endif /* VIF_PRIV_H */
