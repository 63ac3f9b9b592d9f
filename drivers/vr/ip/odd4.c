/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv4 packets that are not plain: wrong ones, options, groups, addresses of no host. */
#include "ip_priv.h"

static bool sum_is_right(const uint8_t *h, unsigned int size)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < size; i += 2)
		sum += pdp_get16(h + i);
	return sum % 65535 == 0;
}

/* The header as such (RFC 1812 section 5.2.2). */
static bool header_is_right(struct ip *ip, struct pdp_pkt *p, const struct ip_view *v)
{
	unsigned int size, total;

	if (v->whole < PDP_IP4_SIZE) {
		ip_drop(ip, IP_SHORT);
		return false;
	}
	if (v->visible < PDP_IP4_SIZE) {
		ip_punt(ip, p, PDP_PUNT_OTHER, IP_WINDOW);
		return false;
	}
	size = (v->h[0] & 15u) * 4;
	total = pdp_get16(v->h + 2);
	if (v->h[0] >> 4 != 4 || size < PDP_IP4_SIZE || total < size || total > v->whole) {
		ip_drop(ip, IP_HEADER);
		return false;
	}
	if (v->visible < size) {
		ip_punt(ip, p, PDP_PUNT_OTHER, IP_WINDOW);
		return false;
	}
	if (!sum_is_right(v->h, size)) {
		ip_drop(ip, IP_CHECKSUM);
		return false;
	}
	return true;
}

static bool is_local(const struct ip *ip, uint32_t dst)
{
	uint16_t number;

	pdp_fib_lookup4(ip->fib, &dst, &number, 1);
	return pdp_fib_nexthop_load(ip->fib, number).type == PDP_FIB_LOCAL;
}

bool ip_odd4(struct ip *ip, struct pdp_pkt *p, const struct ip_view *v)
{
	uint32_t src, dst;

	if (!header_is_right(ip, p, v))
		return false;
	src = pdp_get32(v->h + 12);
	dst = pdp_get32(v->h + 16);
	/* A host that has no address yet asks by broadcast (RFC 2131) or joins groups. */
	if (ip_special4((uint8_t)(src >> 24)) &&
	    !(src == 0 && (dst >> 28 == 14 || dst == UINT32_MAX))) {
		ip_drop(ip, IP_MARTIAN_SOURCE);
		return false;
	}
	if (dst >> 28 == 14) {
		ip_punt4(ip, p, v, IP_MULTICAST);
		return false;
	}
	if (dst == UINT32_MAX) {
		ip_punt4(ip, p, v, IP_BROADCAST);
		return false;
	}
	if (ip_special4((uint8_t)(dst >> 24))) {
		ip_drop(ip, IP_MARTIAN_DESTINATION);
		return false;
	}
	/* The broadcast address of a net is among the local ones (RFC 1812 section 5.3.4). */
	if (v->group) {
		if (is_local(ip, dst))
			ip_punt4(ip, p, v, IP_BROADCAST);
		else
			ip_drop(ip, IP_LINK_BROADCAST);
		return false;
	}
	if (v->h[0] == 0x45)
		return true;
	if (is_local(ip, dst))
		ip_punt4(ip, p, v, IP_LOCAL);
	else
		ip_punt(ip, p, PDP_PUNT_OTHER, IP_OPTIONS);
	return false;
}
