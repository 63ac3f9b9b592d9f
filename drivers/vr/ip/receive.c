/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage 1: is the frame for us, and is it a plain IP packet? Plain: a header without options that
 * is right in itself, from and to addresses that any host may have. RFC 1812 sections 5.2.2 and
 * 5.3.7, RFC 8200 section 3.
 */
#include "ip_priv.h"

/* The sum over a right header of 20 bytes is all ones, that is a multiple of 65535. */
static inline bool sum_is_right(const uint8_t *h)
{
	uint64_t a, b;
	uint32_t c;

	memcpy(&a, h, 8);
	memcpy(&b, h + 8, 8);
	memcpy(&c, h + 16, 4);
	a = (a & UINT32_MAX) + (a >> 32) + (b & UINT32_MAX) + (b >> 32) + c;
	return a % 65535 == 0;
}

static inline bool is_right4(const uint8_t *h, unsigned int whole)
{
	const unsigned int total = pdp_get16(h + 2);

	return total >= PDP_IP4_SIZE && total <= whole && sum_is_right(h) &&
	       (ip_special4(h[12]) | ip_special4(h[16])) == 0;
}

static inline bool is_plain4(const struct ip_view *v)
{
	return v->visible >= PDP_IP4_SIZE && v->h[0] == 0x45 && is_right4(v->h, v->whole);
}

static inline bool is_plain6(const struct ip_view *v)
{
	const uint8_t *h = v->h;

	return v->visible >= PDP_IP6_SIZE && h[0] >> 4 == 6 &&
	       pdp_get16(h + 4) + (unsigned int)PDP_IP6_SIZE <= v->whole &&
	       (ip_special6(h[8]) | ip_special6(h[24])) == 0;
}

static inline void receive4(struct ip *ip, struct pdp_pkt *p, const struct ip_view *v,
			    struct ip_burst *b)
{
	if (__builtin_expect(is_plain4(v) && !v->group, 1) || ip_odd4(ip, p, v))
		ip_add4(b, p, v->h);
}

static inline void receive6(struct ip *ip, struct pdp_pkt *p, const struct ip_view *v,
			    struct ip_burst *b)
{
	if (__builtin_expect(is_plain6(v) && !v->group, 1) || ip_odd6(ip, p, v))
		ip_add6(b, p, v->h);
}

/* Frames to us that carry no IP: ARP, and what a daemon may listen to (IS-IS, LLDP). */
static void receive_other(struct ip *ip, struct pdp_pkt *p, uint16_t type)
{
	static const uint8_t isis[] = {0xfe, 0xfe, 0x03}; /* LLC of ISO 10589, 802.3 frames */

	if (type == PDP_TYPE_ARP)
		ip_punt(ip, p, PDP_PUNT_ARP_ND, IP_ARP);
	else if (type < 1536 && p->len >= PDP_ETH_SIZE + sizeof(isis) &&
		 memcmp(p->data + PDP_ETH_SIZE, isis, sizeof(isis)) == 0)
		ip_punt(ip, p, PDP_PUNT_ROUTING, IP_PROTOCOL);
	else
		ip_punt(ip, p, PDP_PUNT_OTHER, IP_PROTOCOL);
}

static inline void receive_ethernet(struct ip *ip, struct pdp_pkt *p, const struct ip_vif *vif,
				    struct ip_burst *b)
{
	struct ip_view v = {.h = p->data + PDP_ETH_SIZE};
	uint16_t type;

	if (__builtin_expect(p->len < PDP_ETH_SIZE, 0)) {
		if (p->whole_len < PDP_ETH_SIZE)
			ip_drop(ip, IP_SHORT);
		else
			ip_punt(ip, p, PDP_PUNT_OTHER, IP_WINDOW);
		return;
	}
	if (__builtin_expect((pdp_get64_raw(p->data) & IP_MAC_MASK) != vif->mac, 0)) {
		v.group = p->data[0] & 1;
		if (!v.group) {
			ip_drop(ip, IP_NOT_TO_US);
			return;
		}
	}
	v.visible = p->len - (unsigned int)PDP_ETH_SIZE;
	v.whole = p->whole_len - (unsigned int)PDP_ETH_SIZE;
	type = pdp_get16(p->data + 12);
	if (__builtin_expect(type == PDP_TYPE_IP4, 1))
		receive4(ip, p, &v, b);
	else if (type == PDP_TYPE_IP6)
		receive6(ip, p, &v, b);
	else
		receive_other(ip, p, type);
}

static inline void receive_ip(struct ip *ip, struct pdp_pkt *p, struct ip_burst *b)
{
	const struct ip_view v = {.h = p->data, .visible = p->len, .whole = p->whole_len};

	if (__builtin_expect(v.visible == 0, 0))
		ip_drop(ip, IP_SHORT);
	else if (v.h[0] >> 4 == 4)
		receive4(ip, p, &v, b);
	else if (v.h[0] >> 4 == 6)
		receive6(ip, p, &v, b);
	else
		ip_drop(ip, IP_HEADER);
}

/* What nearly all packets are: a frame to us, and in it plain IPv4. Its type, version and header
 * length are one word. */
static inline bool is_plain_frame4(const struct pdp_pkt *p, const struct ip_vif *vif)
{
	const uint8_t *frame = p->data;
	uint32_t word;

	if (p->len < PDP_ETH_SIZE + PDP_IP4_SIZE ||
	    (pdp_get64_raw(frame) & IP_MAC_MASK) != vif->mac)
		return false;
	memcpy(&word, frame + 12, sizeof(word));
	return (word & 0xffffff) == 0x450008 &&
	       is_right4(frame + PDP_ETH_SIZE, p->whole_len - (unsigned int)PDP_ETH_SIZE);
}

void ip_receive(struct ip *ip, struct pdp_pkt *pkts, unsigned int n, struct ip_burst *b)
{
	for (unsigned int i = 0; i < n; i++) {
		struct pdp_pkt *p = &pkts[i];
		const struct ip_vif *vif = &ip->vifs[p->vif];

		if (__builtin_expect(is_plain_frame4(p, vif), 1))
			ip_add4(b, p, p->data + PDP_ETH_SIZE);
		else if (vif->l3_off != 0)
			receive_ethernet(ip, p, vif, b);
		else
			receive_ip(ip, p, b);
	}
}
