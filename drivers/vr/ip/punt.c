/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * To the control plane: in which class, and not too fast. Each class has a rate of its own, so that
 * a flood of one leaves the others theirs; within a class first come is first served.
 */
#include "ip_priv.h"

enum {
	ICMP6 = 58,
	ND_FIRST = 133, /* router and neighbour solicitation and advertisement, redirect */
	ND_LAST = 137,
};

/* Routing protocols of their own number: EIGRP, OSPF, PIM, VRRP, RSVP. */
static bool routes_by_proto(uint8_t proto)
{
	return proto == 88 || proto == 89 || proto == 103 || proto == 112 || proto == 46;
}

static bool routes_by_port(uint8_t proto, uint16_t port)
{
	switch (port) {
	case 179: /* BGP */
	case 639: /* MSDP */
		return proto == PDP_PROTO_TCP;
	case 646: /* LDP */
		return true;
	case 520:  /* RIP */
	case 521:  /* RIPng */
	case 698:  /* OLSR */
	case 1985: /* HSRP */
	case 3222: /* GLBP */
	case 3784: /* BFD */
	case 3785:
	case 4784:
	case 6696: /* Babel */
	case 6784:
		return proto == PDP_PROTO_UDP;
	default:
		return false;
	}
}

/* @param l4  `size` visible bytes, of the first fragment at most */
static enum pdp_punt_class class_of(uint8_t proto, const uint8_t *l4, unsigned int size)
{
	if (routes_by_proto(proto))
		return PDP_PUNT_ROUTING;
	if ((proto != PDP_PROTO_TCP && proto != PDP_PROTO_UDP) || size < 4)
		return PDP_PUNT_OTHER;
	if (routes_by_port(proto, pdp_get16(l4 + 2)) || routes_by_port(proto, pdp_get16(l4)))
		return PDP_PUNT_ROUTING;
	return PDP_PUNT_OTHER;
}

static bool take(struct ip *ip, struct ip_bucket *b)
{
	if (b->gap_ns == UINT64_MAX)
		return false;
	if (ip->now_ns == 0)
		ip->now_ns = pdp_vr_now_ns(ip->info);
	if (b->next_ns < ip->now_ns)
		b->next_ns = ip->now_ns;
	if (b->next_ns - ip->now_ns + b->gap_ns > b->depth_ns)
		return false;
	b->next_ns += b->gap_ns;
	return true;
}

void ip_punt(struct ip *ip, struct pdp_pkt *p, enum pdp_punt_class class, enum ip_count why)
{
	if (!take(ip, &ip->buckets[class])) {
		ip_drop(ip, (enum ip_count)(IP_SURPLUS_OTHER + class));
		return;
	}
	ip_count(ip, why);
	p->verdict = PDP_PUNT;
	p->punt_class = (uint8_t) class;
}

void ip_punt4(struct ip *ip, struct pdp_pkt *p, const struct ip_view *v, enum ip_count why)
{
	const unsigned int off = (v->h[0] & 15u) * 4;
	const bool later = pdp_get16(v->h + 6) & 0x1fff; /* not the first fragment */

	ip_punt(ip, p, class_of(v->h[9], v->h + off, later ? 0 : v->visible - off), why);
}

void ip_punt6(struct ip *ip, struct pdp_pkt *p, const struct ip_view *v, enum ip_count why)
{
	const struct pdp_ip6_payload at = pdp_ip6_payload(v->h, (uint16_t)v->visible);
	const unsigned int size = at.truncated || at.off > v->visible ? 0 : v->visible - at.off;
	const uint8_t *l4 = v->h + at.off;

	/* Neighbour discovery from beyond the link is none (RFC 4861), and never comes in pieces
	 * (RFC 6980). */
	if (at.proto == ICMP6 && !at.fragment && size > 0 && l4[0] >= ND_FIRST &&
	    l4[0] <= ND_LAST && v->h[7] == 255)
		ip_punt(ip, p, PDP_PUNT_ARP_ND, IP_ND);
	else
		ip_punt(ip, p, class_of(at.proto, l4, at.fragment ? 0 : size), why);
}
