/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage 2: what the route says. RFC 1812 sections 5.2.3 and 5.3.1, RFC 8200; for what is not
 * forwarded the kernel sends what ICMP (RFC 792, RFC 4443) asks for: it gets the packet as it came.
 */
#include "ip_priv.h"

/* The next hop for a packet's flow; its hash is asked for only when there is a choice. */
static inline struct pdp_fib_nexthop next_hop(const struct ip *ip, struct pdp_pkt *p,
					      uint16_t number)
{
	const struct pdp_fib_nexthop nh = pdp_fib_nexthop_load(ip->fib, number);

	if (__builtin_expect(nh.type != PDP_FIB_GROUP, 1))
		return nh;
	return pdp_fib_group_member(ip->fib, number, pdp_pkt_hash(ip->info, p));
}

/* Any next hop but one to forward to. @param v  the packet, for the class of a local one */
static __attribute__((noinline)) void not_forwarded(struct ip *ip, struct pdp_pkt *p,
						    const struct pdp_fib_nexthop *nh, bool is6)
{
	const unsigned int off = ip->vifs[p->vif].l3_off;
	const struct ip_view v = {
		.h = p->data + off, .visible = p->len - off, .whole = p->whole_len - off};

	switch (nh->type) {
	case PDP_FIB_LOCAL:
		(is6 ? ip_punt6 : ip_punt4)(ip, p, &v, IP_LOCAL);
		break;
	case PDP_FIB_UNRESOLVED:
	case PDP_FIB_GLEAN:
		ip_punt(ip, p, PDP_PUNT_OTHER, IP_UNRESOLVED);
		break;
	case PDP_FIB_BLACKHOLE:
		ip_drop(ip, IP_BLACKHOLE);
		break;
	default: /* NONE, UNREACHABLE, PROHIBIT, DEAD; the kernel knows which, and tells the sender
		  */
		ip_punt(ip, p, PDP_PUNT_OTHER, IP_UNREACHABLE);
	}
}

/* A packet with a next hop that cannot be forwarded as it is. */
static __attribute__((noinline)) void not_fit(struct ip *ip, struct pdp_pkt *p,
					      const struct ip_vif *out, uint8_t hops)
{
	if (hops <= 1)
		ip_punt(ip, p, PDP_PUNT_OTHER, IP_HOP_LIMIT);
	else if (out->mtu == 0) /* the vif is about to go or to come: the kernel knows */
		ip_punt(ip, p, PDP_PUNT_OTHER, IP_UNREACHABLE);
	else
		ip_punt(ip, p, PDP_PUNT_OTHER, IP_MTU);
}

/* What stands behind the IP packet is padding of a short frame; longer frames need none. */
static inline void cut_padding(struct pdp_pkt *p, unsigned int size, bool to_ethernet)
{
	if (__builtin_expect(size >= p->whole_len, 1))
		return;
	if (to_ethernet && size < 60)
		size = p->whole_len < 60 ? p->whole_len : 60;
	p->whole_len = (uint16_t)size;
	if (p->len > size)
		p->len = (uint16_t)size;
}

/* Ethernet addresses for the next hop; `nh` as a word has its MAC in the upper 48 bits. */
static inline void write_macs(uint8_t *frame, const struct pdp_fib_nexthop *nh, uint64_t src)
{
	uint64_t word;
	uint32_t rest = (uint32_t)(src >> 16);

	memcpy(&word, nh, sizeof(word));
	word = word >> 16 | src << 48;
	memcpy(frame, &word, sizeof(word));
	memcpy(frame + 8, &rest, sizeof(rest));
}

/*
 * The link's part: Ethernet header new, in its place, or away. @return false: no room (dropped)
 */
static inline bool link_out(struct ip *ip, struct pdp_pkt *p, const struct pdp_fib_nexthop *nh,
			    unsigned int total, uint16_t type)
{
	const struct ip_vif *in = &ip->vifs[p->vif], *out = &ip->vifs[nh->vif];

	if (__builtin_expect(in->l3_off != out->l3_off, 0)) {
		if (out->l3_off == 0) {
			pdp_pkt_adj(p, PDP_ETH_SIZE);
		} else {
			if (pdp_pkt_prepend(p, PDP_ETH_SIZE) == NULL) {
				ip_drop(ip, IP_NO_HEADROOM);
				return false;
			}
			pdp_put16(p->data + 12, type);
		}
	}
	cut_padding(p, out->l3_off + total, out->l3_off != 0);
	if (__builtin_expect(out->l3_off != 0, 1))
		write_macs(p->data, nh, out->mac);
	p->vif = nh->vif;
	p->verdict = PDP_FORWARD;
	return true;
}

/* One hop less, and the checksum with it (RFC 1624: end-around carry, never 0xffff for 0). */
static inline void age4(uint8_t *h)
{
	uint16_t sum;
	uint32_t next;

	memcpy(&sum, h + 10, sizeof(sum));
	next = sum + 1u; /* 0x0100 in network order is 1 here */
	sum = (uint16_t)(next + (next >= 0xffff));
	memcpy(h + 10, &sum, sizeof(sum));
	h[8]--;
}

static inline void forward4(struct ip *ip, struct pdp_pkt *p, uint16_t number)
{
	uint8_t *h = p->data + ip->vifs[p->vif].l3_off;
	const struct pdp_fib_nexthop nh = next_hop(ip, p, number);
	const unsigned int total = pdp_get16(h + 2);

	if (__builtin_expect(nh.type != PDP_FIB_FORWARD, 0)) {
		not_forwarded(ip, p, &nh, false);
		return;
	}
	if (__builtin_expect((h[8] <= 1) | (total > ip->vifs[nh.vif].mtu), 0)) {
		not_fit(ip, p, &ip->vifs[nh.vif], h[8]);
		return;
	}
	if (__builtin_expect(link_out(ip, p, &nh, total, PDP_TYPE_IP4), 1)) {
		age4(h);
		ip->forwarded[0]++;
	}
}

static inline void forward6(struct ip *ip, struct pdp_pkt *p, uint16_t number)
{
	uint8_t *h = p->data + ip->vifs[p->vif].l3_off;
	const struct pdp_fib_nexthop nh = next_hop(ip, p, number);
	const unsigned int total = PDP_IP6_SIZE + (unsigned int)pdp_get16(h + 4);

	if (__builtin_expect(nh.type != PDP_FIB_FORWARD, 0)) {
		not_forwarded(ip, p, &nh, true);
		return;
	}
	if (__builtin_expect((h[7] <= 1) | (total > ip->vifs[nh.vif].mtu), 0)) {
		not_fit(ip, p, &ip->vifs[nh.vif], h[7]);
		return;
	}
	if (__builtin_expect(link_out(ip, p, &nh, total, PDP_TYPE_IP6), 1)) {
		h[7]--;
		ip->forwarded[1]++;
	}
}

void ip_forward4(struct ip *ip, struct ip_burst *b, const uint16_t *numbers)
{
	ip->forwarded[0] = 0;
	for (unsigned int i = 0; i < b->n4; i++)
		forward4(ip, b->pkts4[i], numbers[i]);
	*ip->counts[IP_FORWARDED4] += ip->forwarded[0];
}

void ip_forward6(struct ip *ip, struct ip_burst *b, const uint16_t *numbers)
{
	ip->forwarded[1] = 0;
	for (unsigned int i = 0; i < b->n6; i++)
		forward6(ip, b->pkts6[i], numbers[i]);
	*ip->counts[IP_FORWARDED6] += ip->forwarded[1];
}
