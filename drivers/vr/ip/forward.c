/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage 2: what the route says. RFC 1812 sections 5.2.3 and 5.3.1, RFC 8200; for what is not
 * forwarded the kernel sends what ICMP (RFC 792, RFC 4443) asks for: it gets the packet as it came.
 */
#include "ip_priv.h"

#define ETH_MIN 60 /* bytes of the shortest frame, without FCS */

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
	if (to_ethernet && size < ETH_MIN)
		size = p->whole_len < ETH_MIN ? p->whole_len : ETH_MIN;
	p->whole_len = (uint16_t)size;
	if (p->len > size)
		p->len = (uint16_t)size;
}

static inline uint64_t word_of(struct pdp_fib_nexthop nh)
{
	uint64_t word;

	memcpy(&word, &nh, sizeof(word));
	return word;
}

static inline void store16(void *to, uint64_t low, uint64_t high)
{
	typedef uint64_t pair __attribute__((vector_size(16)));
	const pair both = {low, high};

	memcpy(to, &both, sizeof(both));
}

/* Ethernet addresses for the next hop; `nh` as a word has its MAC in the upper 48 bits. */
static inline void write_macs(uint8_t *frame, const struct pdp_fib_nexthop *nh, uint64_t src)
{
	const uint64_t word = word_of(*nh) >> 16 | src << 48;
	const uint32_t rest = (uint32_t)(src >> 16);

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

/* @return whether it was forwarded; else it has its verdict */
static __attribute__((noinline)) bool forward4(struct ip *ip, struct pdp_pkt *p, uint16_t number)
{
	uint8_t *h = p->data + ip->vifs[p->vif].l3_off;
	const struct pdp_fib_nexthop nh = next_hop(ip, p, number);
	const unsigned int total = pdp_get16(h + 2);

	if (__builtin_expect(nh.type != PDP_FIB_FORWARD, 0)) {
		not_forwarded(ip, p, &nh, false);
		return false;
	}
	if (__builtin_expect((h[8] <= 1) | (total > ip->vifs[nh.vif].mtu), 0)) {
		not_fit(ip, p, &ip->vifs[nh.vif], h[8]);
		return false;
	}
	if (!link_out(ip, p, &nh, total, PDP_TYPE_IP4))
		return false;
	age4(h);
	return true;
}

/* Whether bytes behind the IP packet would be cut off. */
static inline bool is_padded(const struct pdp_pkt *p, unsigned int total)
{
	return total + PDP_ETH_SIZE != p->whole_len && p->whole_len > ETH_MIN;
}

/*
 * What nearly all packets are: from one Ethernet to another by a next hop of its own, without
 * padding. MAC addresses go out in one store, and TTL with checksum in another: while lines come
 * from the MD's cache, stores wait in a queue of a few dozen.
 * @return false: nothing was done, it is another case
 */
static inline bool forward_plain4(const struct ip_vif *vifs, uint64_t nh, struct pdp_pkt *p)
{
	const struct ip_vif *out = &vifs[(uint8_t)(nh >> 8)];
	uint8_t *frame = p->data;
	uint32_t type, age, sum;
	unsigned int total;

	if (__builtin_expect(
		    (uint8_t)nh != PDP_FIB_FORWARD || (vifs[p->vif].l3_off & out->l3_off) == 0, 0))
		return false;
	memcpy(&age, frame + PDP_ETH_SIZE + 8, sizeof(age)); /* TTL, protocol, checksum */
	total = pdp_get16(frame + PDP_ETH_SIZE + 2);
	if (__builtin_expect((uint8_t)age <= 1 || total > out->mtu || is_padded(p, total), 0))
		return false;
	memcpy(&type, frame + 12, sizeof(type));
	store16(frame, nh >> 16 | out->mac << 48, out->mac >> 16 | (uint64_t)type << 32);
	sum = (age >> 16) + 1; /* as in age4() */
	sum += sum >= 0xffff;
	age = (uint16_t)(age - 1) | sum << 16;
	memcpy(frame + PDP_ETH_SIZE + 8, &age, sizeof(age));
	p->vif = (uint8_t)(nh >> 8);
	p->verdict = PDP_FORWARD;
	return true;
}

static inline bool forward6(struct ip *ip, struct pdp_pkt *p, uint16_t number)
{
	uint8_t *h = p->data + ip->vifs[p->vif].l3_off;
	const struct pdp_fib_nexthop nh = next_hop(ip, p, number);
	const unsigned int total = PDP_IP6_SIZE + (unsigned int)pdp_get16(h + 4);

	if (__builtin_expect(nh.type != PDP_FIB_FORWARD, 0)) {
		not_forwarded(ip, p, &nh, true);
		return false;
	}
	if (__builtin_expect((h[7] <= 1) | (total > ip->vifs[nh.vif].mtu), 0)) {
		not_fit(ip, p, &ip->vifs[nh.vif], h[7]);
		return false;
	}
	if (!link_out(ip, p, &nh, total, PDP_TYPE_IP6))
		return false;
	h[7]--;
	return true;
}

void ip_forward4(struct ip *ip, struct ip_burst *b, const uint16_t *numbers)
{
	/* A copy: each store to a packet could alias what it is read from. */
	const struct pdp_fib_reader fib = {.nexthops = ip->fib->nexthops};
	uint64_t n = 0;

	for (unsigned int i = 0; i < b->n4; i++)
		n += __builtin_expect(
			     forward_plain4(ip->vifs,
					    word_of(pdp_fib_nexthop_load(&fib, numbers[i])),
					    b->pkts4[i]),
			     1) ||
		     forward4(ip, b->pkts4[i], numbers[i]);
	*ip->counts[IP_FORWARDED4] += n;
}

void ip_forward6(struct ip *ip, struct ip_burst *b, const uint16_t *numbers)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < b->n6; i++)
		n += forward6(ip, b->pkts6[i], numbers[i]);
	*ip->counts[IP_FORWARDED6] += n;
}
