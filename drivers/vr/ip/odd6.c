/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv6 packets that are not plain: wrong ones, groups, link-local and other special addresses (RFC
 * 4291). Extension headers are the destination's: none is looked at to forward a packet (RFC 8200
 * section 4).
 */
#include "ip_priv.h"

enum kind6 { UNICAST, UNSPECIFIED, NO_HOST, LINK_LOCAL, GROUP, GROUP_OF_NO_LINK };

static enum kind6 kind_of(const uint8_t *a)
{
	static const uint8_t zeroes[15];

	if (a[0] == 0xff) /* scopes 0 (reserved) and 1 (interface) are on no link */
		return (a[1] & 15) <= 1 ? GROUP_OF_NO_LINK : GROUP;
	if (a[0] == 0xfe && (a[1] & 0xc0) == 0x80)
		return LINK_LOCAL;
	if (memcmp(a, zeroes, 15) == 0 && a[15] <= 1)
		return a[15] == 0 ? UNSPECIFIED : NO_HOST; /* loopback */
	if (memcmp(a, zeroes, 10) == 0 && a[10] == 0xff && a[11] == 0xff)
		return NO_HOST; /* IPv4-mapped */
	return UNICAST;
}

static bool header_is_right(struct ip *ip, struct pdp_pkt *p, const struct ip_view *v)
{
	if (v->whole < PDP_IP6_SIZE) {
		ip_drop(ip, IP_SHORT);
		return false;
	}
	if (v->visible < PDP_IP6_SIZE) {
		ip_punt(ip, p, PDP_PUNT_OTHER, IP_WINDOW);
		return false;
	}
	if (v->h[0] >> 4 != 6 || pdp_get16(v->h + 4) + (unsigned int)PDP_IP6_SIZE > v->whole) {
		ip_drop(ip, IP_HEADER);
		return false;
	}
	return true;
}

static bool is_local(const struct ip *ip, const uint8_t *dst)
{
	uint16_t number;

	pdp_fib_lookup6(ip->fib, (const uint8_t(*)[16])dst, &number, 1);
	return pdp_fib_nexthop_load(ip->fib, number).type == PDP_FIB_LOCAL;
}

bool ip_odd6(struct ip *ip, struct pdp_pkt *p, const struct ip_view *v)
{
	enum kind6 src, dst;

	if (!header_is_right(ip, p, v))
		return false;
	src = kind_of(v->h + 8);
	dst = kind_of(v->h + 24);
	if (src == GROUP || src == GROUP_OF_NO_LINK || src == NO_HOST ||
	    (src == UNSPECIFIED && dst != GROUP)) {
		ip_drop(ip, IP_MARTIAN_SOURCE);
		return false;
	}
	if (dst == UNSPECIFIED || dst == NO_HOST || dst == GROUP_OF_NO_LINK) {
		ip_drop(ip, IP_MARTIAN_DESTINATION);
		return false;
	}
	if (dst == GROUP) {
		ip_punt6(ip, p, v, IP_MULTICAST);
		return false;
	}
	if (dst == LINK_LOCAL) {
		ip_punt6(ip, p, v, IP_LOCAL);
		return false;
	}
	if (src != LINK_LOCAL && !v->group)
		return true;
	if (is_local(ip, v->h + 24))
		ip_punt6(ip, p, v, IP_LOCAL);
	else if (v->group)
		ip_drop(ip, IP_LINK_BROADCAST);
	else
		ip_punt(ip, p, PDP_PUNT_OTHER, IP_SCOPE);
	return false;
}
