/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a packet is to a control plane, for VRs whose kernel gets all of them without an engine
 * between: neighbour discovery, routing protocols, other. Pure; looks at no more than the first
 * bytes of a transport header, and at no extension header.
 */
#include <pdp_hdr.h>

#include "dispatch_priv.h"

enum {
	PROTO_TCP = 6,
	PROTO_EIGRP = 88,
	PROTO_OSPF = 89,
	PROTO_PIM = 103,
	PROTO_VRRP = 112,
	PROTO_ICMP6 = 58,
	ND_FIRST = 133, /* router solicitation .. redirect */
	ND_LAST = 137
};

static bool is_routing_port(uint16_t port)
{
	switch (port) {
	case 179:  /* BGP */
	case 520:  /* RIP */
	case 521:  /* RIPng */
	case 646:  /* LDP */
	case 3784: /* BFD */
	case 3785:
	case 4784:
	case 6696: /* Babel */
		return true;
	default:
		return false;
	}
}

static unsigned int class_of_l4(uint8_t proto, const uint8_t *l4, uint32_t len)
{
	switch (proto) {
	case PROTO_EIGRP:
	case PROTO_OSPF:
	case PROTO_PIM:
	case PROTO_VRRP:
		return PDP_PUNT_ROUTING;
	case PROTO_ICMP6:
		return len > 0 && l4[0] >= ND_FIRST && l4[0] <= ND_LAST ? PDP_PUNT_ARP_ND
									: PDP_PUNT_OTHER;
	case PROTO_TCP:
	case PDP_PROTO_UDP:
		return len >= 4 && (is_routing_port(pdp_get16(l4)) ||
				    is_routing_port(pdp_get16(l4 + 2)))
			       ? PDP_PUNT_ROUTING
			       : PDP_PUNT_OTHER;
	default:
		return PDP_PUNT_OTHER;
	}
}

static unsigned int class_of_ip(const uint8_t *ip, uint32_t len)
{
	uint32_t size;

	if (len >= PDP_IP6_SIZE && ip[0] >> 4 == 6)
		return class_of_l4(ip[6], ip + PDP_IP6_SIZE, len - PDP_IP6_SIZE);
	if (len < PDP_IP4_SIZE || ip[0] >> 4 != 4)
		return PDP_PUNT_OTHER;
	size = (ip[0] & 0x0fu) * 4;
	/* Of later fragments nobody knows. */
	if (size < PDP_IP4_SIZE || size > len || (pdp_get16(ip + 6) & 0x1fff) != 0)
		return PDP_PUNT_OTHER;
	return class_of_l4(ip[9], ip + size, len - size);
}

unsigned int md_punt_class(uint8_t kind, const uint8_t *data, uint32_t len)
{
	if (kind == PDP_VIF_IP)
		return class_of_ip(data, len);
	if (len < PDP_ETH_SIZE)
		return PDP_PUNT_OTHER;
	switch (pdp_get16(data + 12)) {
	case PDP_TYPE_ARP:
		return PDP_PUNT_ARP_ND;
	case PDP_TYPE_IP4:
	case PDP_TYPE_IP6:
		return class_of_ip(data + PDP_ETH_SIZE, len - PDP_ETH_SIZE);
	default:
		return PDP_PUNT_OTHER;
	}
}
