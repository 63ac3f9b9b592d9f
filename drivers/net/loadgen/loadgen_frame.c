/* SPDX-License-Identifier: BSD-3-Clause */
/* Building of frame templates and flow records. Pure. Runs when a port starts; nothing here is on a
 * packet path. */
#include "loadgen_frame.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#define ETH_SIZE   14
#define UDP_SIZE   8
#define VXLAN_SIZE 8
#define IP4_SIZE   20
#define IP6_SIZE   40

static uint64_t mix64(uint64_t z)
{
	z += 0x9e3779b97f4a7c15ull;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

uint16_t lg_sum(const void *data, size_t len, uint32_t sum)
{
	const uint8_t *p = data;
	uint16_t word;

	for (; len >= 2; len -= 2, p += 2) {
		memcpy(&word, p, 2);
		sum = lg_fold(sum + word);
	}
	if (len == 1) {
		word = 0;
		memcpy(&word, p, 1);
		sum = lg_fold(sum + word);
	}
	return lg_fold(sum);
}

static void store_be16(uint8_t *p, uint16_t v)
{
	lg_store16(p, htons(v));
}

static uint16_t ip_size(uint8_t family)
{
	return family == 4 ? IP4_SIZE : IP6_SIZE;
}

/* Bytes in front of the inner packet. */
static uint16_t outer_size(const struct lg_class *cls)
{
	switch (cls->carrier) {
	case LG_VLAN:
		return 4; /* inside the Ethernet header */
	case LG_UDP:
		return ETH_SIZE + ip_size(cls->outer_dst.family) + UDP_SIZE;
	case LG_VXLAN:
		return ETH_SIZE + ip_size(cls->outer_dst.family) + UDP_SIZE + VXLAN_SIZE;
	case LG_RAW:
		break;
	}
	return 0;
}

static uint16_t headers_size(const struct lg_class *cls)
{
	uint16_t size = outer_size(cls) + ip_size(cls->src.family) + UDP_SIZE;

	return cls->carrier == LG_UDP && cls->inner_ip ? size : size + ETH_SIZE;
}

uint16_t lg_frame_min(const struct lg_class *cls)
{
	uint16_t size = headers_size(cls);

	return size > LG_SIZE_MIN ? size : LG_SIZE_MIN;
}

static uint8_t *put_eth(uint8_t *p, const uint8_t dst[6], const uint8_t src[6], uint16_t vlan,
			uint8_t family)
{
	memcpy(p, dst, 6);
	memcpy(p + 6, src, 6);
	p += 12;
	if (vlan != 0) {
		store_be16(p, 0x8100);
		store_be16(p + 2, vlan);
		p += 4;
	}
	store_be16(p, family == 4 ? 0x0800 : 0x86dd);
	return p + 2;
}

/* An IP header for a UDP datagram of udp_len bytes; addresses NULL: left 0 for the flow. Checksum
 * without them. */
static uint8_t *put_ip(uint8_t *p, uint8_t family, uint16_t udp_len, const struct lg_addr *src,
		       const struct lg_addr *dst)
{
	if (family == 4) {
		p[0] = 0x45;
		store_be16(p + 2, IP4_SIZE + udp_len);
		p[6] = 0x40; /* don't fragment: RFC 6864 then allows any identification */
		p[8] = 64;
		p[9] = IPPROTO_UDP;
		if (src != NULL) {
			memcpy(p + 12, src->bytes, 4);
			memcpy(p + 16, dst->bytes, 4);
			lg_store16(p + 10, (uint16_t)~lg_sum(p, IP4_SIZE, 0));
		}
		return p + IP4_SIZE;
	}
	p[0] = 0x60;
	store_be16(p + 4, udp_len);
	p[6] = IPPROTO_UDP;
	p[7] = 64;
	if (src != NULL) {
		memcpy(p + 8, src->bytes, 16);
		memcpy(p + 24, dst->bytes, 16);
	}
	return p + IP6_SIZE;
}

/* Outer Ethernet, IP, UDP (checksum 0: RFC 7348, RFC 6935) and VXLAN. */
static uint8_t *put_tunnel(uint8_t *frame, uint16_t len, const struct lg_class *cls,
			   struct lg_tmpl *t)
{
	uint8_t family = cls->outer_dst.family, *p;
	uint16_t udp_len = len - ETH_SIZE - ip_size(family);

	p = put_eth(frame, cls->dst_mac, cls->src_mac, 0, family);
	p = put_ip(p, family, udp_len, &cls->outer_src, &cls->outer_dst);
	t->sport = cls->outer_sport == 0 ? (uint16_t)(p - frame) : 0;
	store_be16(p, (uint16_t)cls->outer_sport);
	store_be16(p + 2, cls->udp_port);
	store_be16(p + 4, udp_len);
	p += UDP_SIZE;
	if (cls->carrier == LG_VXLAN) {
		p[0] = 0x08;
		p[4] = (uint8_t)(cls->vni >> 16);
		p[5] = (uint8_t)(cls->vni >> 8);
		p[6] = (uint8_t)cls->vni;
		p += VXLAN_SIZE;
	}
	return p;
}

static void put_inner(uint8_t *p, const struct lg_class *cls, struct lg_tmpl *t, uint8_t *frame,
		      bool payload)
{
	uint8_t family = cls->src.family;
	uint16_t udp_len, pseudo;

	t->l3 = (uint16_t)(p - frame);
	udp_len = (uint16_t)(t->len - t->l3 - ip_size(family));
	p = put_ip(p, family, udp_len, NULL, NULL);
	t->l4 = (uint16_t)(p - frame);
	store_be16(p + 4, udp_len);
	for (uint16_t i = UDP_SIZE; i < udp_len; i++)
		p[i] = (uint8_t)('a' + i % 26);
	t->ip_sum = family == 4 ? lg_sum(frame + t->l3, IP4_SIZE, 0) : 0;
	pseudo = lg_fold((uint32_t)htons(IPPROTO_UDP) + htons(udp_len));
	t->udp_sum = lg_sum(p, udp_len, pseudo);
	/* IPv6 needs the sum (RFC 8200), so it gets its payload written in any case. */
	t->udp_mask = payload || family == 6 ? 0xffff : 0;
	t->copy = t->udp_mask != 0 ? t->len : (uint16_t)(t->l4 + UDP_SIZE);
}

int lg_tmpl_build(const struct lg_class *cls, uint16_t size, bool payload, struct lg_tmpl *t)
{
	uint16_t min = lg_frame_min(cls);
	uint8_t *frame, *p;
	size_t room;

	memset(t, 0, sizeof(*t));
	t->len = size > min ? size : min;
	room = (t->len + LG_COPY_UNIT - 1u) / LG_COPY_UNIT * LG_COPY_UNIT;
	frame = aligned_alloc(LG_COPY_UNIT, room);
	if (frame == NULL)
		return -ENOMEM;
	memset(frame, 0, room);
	t->bytes = frame;
	p = frame;
	if (cls->carrier == LG_UDP || cls->carrier == LG_VXLAN) {
		p = put_tunnel(p, t->len, cls, t);
		if (cls->carrier == LG_VXLAN || !cls->inner_ip)
			p = put_eth(p, cls->inner_dst_mac, cls->inner_src_mac, 0, cls->src.family);
	} else {
		p = put_eth(p, cls->dst_mac, cls->src_mac, cls->vlan, cls->src.family);
	}
	put_inner(p, cls, t, frame, payload);
	return 0;
}

/* A host of the prefix, by chance; not the all-zeros and all-ones ones of IPv4 (RFC 950), nor ::0
 * (RFC 4291). */
static void pick_address(const struct lg_addr *prefix, uint64_t chance, uint8_t *out)
{
	unsigned int size = prefix->family == 4 ? 4 : 16, bits = size * 8 - prefix->len;
	uint64_t host, mask;

	memcpy(out, prefix->bytes, size);
	if (bits == 0)
		return;
	if (bits > 62)
		bits = 62; /* enough chance; the bits in front of it stay 0 */
	mask = (1ull << bits) - 1;
	host = bits == 1 ? chance & 1 : 1 + (chance & mask) % (mask - (prefix->family == 4));
	for (unsigned int i = 0; i < 8 && i < size; i++)
		out[size - 1 - i] |= (uint8_t)(host >> 8 * i);
}

static const struct lg_addr *pick_prefix(const struct lg_class *cls, uint32_t i)
{
	const struct lg_prefixes *list = cls->dst;

	return cls->src.family == 4 ? &list->v[i % list->n4] : &list->v[list->n4 + i % list->n6];
}

/* Ports make every flow of a class a different 5-tuple. */
static uint32_t flow_ports(uint32_t i)
{
	uint16_t ports[2] = {htons((uint16_t)(LG_SPORT_FIRST + i % LG_SPORTS)),
			     htons((uint16_t)(LG_DPORT_FIRST + i / LG_SPORTS))};
	uint32_t both;

	memcpy(&both, ports, sizeof(both));
	return both;
}

/* RFC 7348 section 5: from the dynamic range, so that the underlay can spread flows. */
static uint16_t entropy_port(uint64_t chance)
{
	return htons((uint16_t)(49152 + (chance >> 20) % 16384));
}

void lg_flow4_make(const struct lg_class *cls, uint32_t i, uint64_t seed, struct lg_flow4 *f)
{
	uint64_t chance = mix64(mix64(seed) + i);
	uint8_t addrs[8];

	memset(f, 0, sizeof(*f));
	pick_address(&cls->src, chance, addrs);
	pick_address(pick_prefix(cls, i), mix64(chance), addrs + 4);
	memcpy(&f->addrs, addrs, 8);
	f->ports = flow_ports(i);
	f->addr_sum = lg_sum(addrs, 8, 0);
	f->all_sum = lg_sum(&f->ports, 4, f->addr_sum);
	f->outer_sport = entropy_port(chance);
}

void lg_flow6_make(const struct lg_class *cls, uint32_t i, uint64_t seed, struct lg_flow6 *f)
{
	uint64_t chance = mix64(mix64(seed) + i);

	memset(f, 0, sizeof(*f));
	pick_address(&cls->src, chance, f->addrs);
	pick_address(pick_prefix(cls, i), mix64(chance), f->addrs + 16);
	f->ports = flow_ports(i);
	f->all_sum = lg_sum(&f->ports, 4, lg_sum(f->addrs, 32, 0));
	f->outer_sport = entropy_port(chance);
}

/* The key that Microsoft's RSS specification verifies implementations with. */
static const uint8_t rss_key[40] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
				    0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
				    0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
				    0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

static uint32_t toeplitz(const uint8_t *data, uint32_t len)
{
	uint32_t hash = 0, window;
	uint64_t next;

	for (uint32_t i = 0; i < len; i++) {
		memcpy(&window, rss_key + i, 4);
		next = (uint64_t)ntohl(window) << 8 | rss_key[i + 4];
		for (int bit = 7; bit >= 0; bit--)
			if (data[i] & (1 << bit))
				hash ^= (uint32_t)(next >> (bit + 1));
	}
	return hash;
}

uint32_t lg_rss_hash(const uint8_t *frame, uint32_t len)
{
	uint8_t tuple[36];
	uint32_t l3 = ETH_SIZE, n = 0, l4;
	bool ports;

	if (len >= 18 && frame[12] == 0x81 && frame[13] == 0)
		l3 = 18;
	if (len >= l3 + IP4_SIZE && frame[l3 - 2] == 0x08 && frame[l3 - 1] == 0x00) {
		memcpy(tuple, frame + l3 + 12, n = 8);
		l4 = l3 + (frame[l3] & 15) * 4u;
		ports = (frame[l3 + 6] & 0x3f) == 0 && frame[l3 + 7] == 0 &&
			(frame[l3 + 9] == IPPROTO_UDP || frame[l3 + 9] == IPPROTO_TCP);
	} else if (len >= l3 + IP6_SIZE && frame[l3 - 2] == 0x86 && frame[l3 - 1] == 0xdd) {
		memcpy(tuple, frame + l3 + 8, n = 32);
		l4 = l3 + IP6_SIZE;
		ports = frame[l3 + 6] == IPPROTO_UDP || frame[l3 + 6] == IPPROTO_TCP;
	} else {
		return 0;
	}
	if (ports && len >= l4 + 4) {
		memcpy(tuple + n, frame + l4, 4);
		n += 4;
	}
	return toeplitz(tuple, n);
}
