/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Taking a carrier's headers off. Runs per packet in engines (in place) and in the MD (sealed
 * engines): no allocation, no lock, no log. Every length is checked before it is followed. Budget:
 * 14 cycles for raw and VLAN (19 where a tag is taken out of an Ethernet frame), 30 for tunnels
 * (test/perf/perf_vif).
 */
#include "vif_priv.h"

/* The part of the frame that is still to be looked at. */
struct window {
	uint8_t *frame;
	uint16_t at;  /* offset of the header to read next */
	uint16_t end; /* offset behind the last byte that counts */
	uint8_t ecn;  /* of the outer header */
};

static inline uint16_t left(const struct window *w)
{
	return (uint16_t)(w->end - w->at);
}

/* Length of the IP packet by its own header, 0 when it is none. len bytes are there. */
static inline enum pdp_vif_drop ip_length(const uint8_t *ip, uint16_t len, uint16_t *ip_len)
{
	uint32_t size, total;

	if (len == 0)
		return PDP_VIF_TRUNCATED;
	if (ip[0] >> 4 == 4) {
		if (len < PDP_IP4_SIZE)
			return PDP_VIF_TRUNCATED;
		size = (ip[0] & 0x0fu) * 4;
		total = pdp_get16(ip + 2);
		if (size < PDP_IP4_SIZE || total < size)
			return PDP_VIF_BAD_HEADER;
	} else if (ip[0] >> 4 == 6) {
		if (len < PDP_IP6_SIZE)
			return PDP_VIF_TRUNCATED;
		total = PDP_IP6_SIZE + (uint32_t)pdp_get16(ip + 4);
	} else {
		return PDP_VIF_NOT_IP;
	}
	if (total > len)
		return PDP_VIF_TRUNCATED;
	*ip_len = (uint16_t)total;
	return PDP_VIF_OK;
}

/* What the VR gets begins at w->at: an Ethernet frame or, kind ip, an IP packet (perhaps behind an
 * Ethernet header). */
static inline enum pdp_vif_drop take_ip(const struct pdp_vif *vif, struct window *w)
{
	uint16_t ip_len, type;
	enum pdp_vif_drop drop;

	if (vif_has_inner_ethernet(vif)) {
		if (left(w) < PDP_ETH_SIZE)
			return PDP_VIF_TRUNCATED;
		type = pdp_get16(w->frame + w->at + 12);
		w->at += PDP_ETH_SIZE;
		if (type != PDP_TYPE_IP4 && type != PDP_TYPE_IP6)
			return PDP_VIF_NOT_IP;
		if (left(w) > 0 && w->frame[w->at] >> 4 != (type == PDP_TYPE_IP4 ? 4 : 6))
			return PDP_VIF_NOT_IP;
	}
	drop = ip_length(w->frame + w->at, left(w), &ip_len);
	if (drop != PDP_VIF_OK)
		return drop;
	w->end = (uint16_t)(w->at + ip_len);
	return ip_len <= vif->conf.mtu ? PDP_VIF_OK : PDP_VIF_TOO_LONG;
}

static inline enum pdp_vif_drop take_inner(const struct pdp_vif *vif, struct window *w,
					   uint16_t *len, uint16_t *off)
{
	enum pdp_vif_drop drop;

	if (vif->conf.kind == PDP_VIF_IP) {
		drop = take_ip(vif, w);
		if (drop != PDP_VIF_OK)
			return drop;
	} else {
		if (left(w) < PDP_ETH_SIZE)
			return PDP_VIF_TRUNCATED;
		if (!vif_frame_fits(vif, w->frame + w->at, left(w)))
			return PDP_VIF_TOO_LONG;
	}
	drop = vif_ecn_decap(vif, w->frame + w->at, left(w), w->ecn);
	*off = w->at;
	*len = left(w);
	return drop;
}

/* The tag goes: the MAC addresses move up to what follows it. Inner tags stay. */
static enum pdp_vif_drop take_tag(const struct pdp_vif *vif, struct window *w)
{
	uint8_t macs[2 * PDP_MAC_SIZE];

	if (left(w) < PDP_ETH_SIZE + PDP_VLAN_SIZE)
		return PDP_VIF_TRUNCATED;
	if (pdp_get16(w->frame + 12) != PDP_TYPE_VLAN ||
	    (pdp_get16(w->frame + 14) & 0x0fff) != vif->conf.vlan)
		return PDP_VIF_NOT_OURS;
	if (vif->conf.kind == PDP_VIF_ETHERNET) {
		memcpy(macs, w->frame, sizeof(macs));
		memcpy(w->frame + PDP_VLAN_SIZE, macs, sizeof(macs));
	}
	w->at = PDP_VLAN_SIZE;
	return PDP_VIF_OK;
}

/* Nearly all headers have no options: five words, no call. */
static inline bool ip4_sum_ok(const uint8_t *ip, uint16_t size)
{
	uint64_t sum = 0;

	if (__builtin_expect(size != PDP_IP4_SIZE, 0))
		return vif_fold(vif_sum(ip, size, 0)) == 0xffff;
	for (unsigned int i = 0; i < PDP_IP4_SIZE; i += 4)
		sum += pdp_get32_raw(ip + i);
	return vif_fold(sum) == 0xffff;
}

static enum pdp_vif_drop take_outer_ip4(const struct pdp_vif *vif, struct window *w)
{
	uint8_t *ip = w->frame + w->at;
	uint16_t total, size;

	if (left(w) < PDP_IP4_SIZE)
		return PDP_VIF_TRUNCATED;
	size = (uint16_t)((ip[0] & 0x0f) * 4);
	total = pdp_get16(ip + 2);
	if (ip[0] >> 4 != 4 || size < PDP_IP4_SIZE || total < size)
		return PDP_VIF_BAD_HEADER;
	if (total > left(w))
		return PDP_VIF_TRUNCATED;
	if (!ip4_sum_ok(ip, size))
		return PDP_VIF_BAD_HEADER;
	if (ip[9] != PDP_PROTO_UDP || memcmp(ip + 16, vif->conf.local.bytes, 4) != 0)
		return PDP_VIF_NOT_OURS;
	if ((pdp_get16(ip + 6) & PDP_IP4_FRAG_MASK) != 0)
		return PDP_VIF_FRAGMENT;
	if ((vif->conf.flags & PDP_VIF_CHECK_REMOTE) &&
	    memcmp(ip + 12, vif->conf.remote.bytes, 4) != 0)
		return PDP_VIF_BAD_SENDER;
	w->ecn = ip[1] & 3;
	w->end = (uint16_t)(w->at + total);
	w->at = (uint16_t)(w->at + size);
	return PDP_VIF_OK;
}

static enum pdp_vif_drop take_outer_ip6(const struct pdp_vif *vif, struct window *w)
{
	struct pdp_ip6_payload payload = {.off = PDP_IP6_SIZE, .proto = PDP_PROTO_UDP};
	uint8_t *ip = w->frame + w->at;
	uint32_t total;

	if (left(w) < PDP_IP6_SIZE)
		return PDP_VIF_TRUNCATED;
	total = PDP_IP6_SIZE + (uint32_t)pdp_get16(ip + 4);
	if (ip[0] >> 4 != 6)
		return PDP_VIF_BAD_HEADER;
	if (total > left(w))
		return PDP_VIF_TRUNCATED;
	if (memcmp(ip + 24, vif->conf.local.bytes, 16) != 0)
		return PDP_VIF_NOT_OURS;
	if (ip[6] != PDP_PROTO_UDP)
		payload = pdp_ip6_payload(ip, (uint16_t)total);
	if (payload.truncated)
		return PDP_VIF_TRUNCATED;
	if (payload.fragment)
		return PDP_VIF_FRAGMENT;
	if (payload.proto != PDP_PROTO_UDP)
		return PDP_VIF_NOT_OURS;
	if ((vif->conf.flags & PDP_VIF_CHECK_REMOTE) &&
	    memcmp(ip + 8, vif->conf.remote.bytes, 16) != 0)
		return PDP_VIF_BAD_SENDER;
	w->ecn = ip[1] >> 4 & 3;
	w->end = (uint16_t)(w->at + total);
	w->at = (uint16_t)(w->at + payload.off);
	return PDP_VIF_OK;
}

/* RFC 768, RFC 8200 section 8.1. */
static bool udp_sum_ok(const struct pdp_vif *vif, const uint8_t *frame, const uint8_t *udp,
		       uint16_t size)
{
	const uint8_t *addresses = frame + vif->l3_off + (vif->outer_v6 ? 8 : 12);
	uint8_t pseudo[4] = {0, PDP_PROTO_UDP, (uint8_t)(size >> 8), (uint8_t)size};
	uint64_t sum;

	sum = vif_sum(addresses, vif->outer_v6 ? 32 : 8, 0);
	sum = vif_sum(pseudo, sizeof(pseudo), sum);
	return vif_fold(vif_sum(udp, size, sum)) == 0xffff;
}

static enum pdp_vif_drop take_udp(const struct pdp_vif *vif, struct window *w)
{
	const uint8_t *udp = w->frame + w->at;
	uint16_t size;

	if (left(w) < PDP_UDP_SIZE)
		return PDP_VIF_TRUNCATED;
	if (pdp_get16(udp + 2) != vif->conf.udp_port)
		return PDP_VIF_NOT_OURS;
	size = pdp_get16(udp + 4);
	if (size < PDP_UDP_SIZE)
		return PDP_VIF_BAD_HEADER;
	if (size > left(w))
		return PDP_VIF_TRUNCATED;
	if (pdp_get16(udp + 6) != 0 && !udp_sum_ok(vif, w->frame, udp, size))
		return PDP_VIF_BAD_CSUM;
	w->end = (uint16_t)(w->at + size);
	w->at = (uint16_t)(w->at + PDP_UDP_SIZE);
	return PDP_VIF_OK;
}

/* RFC 7348 section 5: reserved bits are ignored on receipt. */
static enum pdp_vif_drop take_vxlan(const struct pdp_vif *vif, struct window *w)
{
	const uint8_t *vxlan = w->frame + w->at;

	if (left(w) < PDP_VXLAN_SIZE)
		return PDP_VIF_TRUNCATED;
	if (!(vxlan[0] & PDP_VXLAN_I))
		return PDP_VIF_BAD_HEADER;
	if (pdp_get32(vxlan + 4) >> 8 != vif->conf.vni)
		return PDP_VIF_NOT_OURS;
	w->at = (uint16_t)(w->at + PDP_VXLAN_SIZE);
	return PDP_VIF_OK;
}

static enum pdp_vif_drop take_tunnel(const struct pdp_vif *vif, struct window *w)
{
	enum pdp_vif_drop drop;

	if (left(w) < PDP_ETH_SIZE)
		return PDP_VIF_TRUNCATED;
	if (pdp_get16(w->frame + 12) != (vif->outer_v6 ? PDP_TYPE_IP6 : PDP_TYPE_IP4))
		return PDP_VIF_NOT_OURS;
	w->at = PDP_ETH_SIZE;
	drop = vif->outer_v6 ? take_outer_ip6(vif, w) : take_outer_ip4(vif, w);
	if (drop == PDP_VIF_OK)
		drop = take_udp(vif, w);
	if (drop == PDP_VIF_OK && vif->conf.carrier == PDP_CARRIER_VXLAN)
		drop = take_vxlan(vif, w);
	return drop;
}

enum pdp_vif_drop pdp_vif_decap(const struct pdp_vif *vif, uint8_t *frame, uint16_t *len,
				uint16_t *off)
{
	struct window w = {.frame = frame, .end = *len};
	enum pdp_vif_drop drop = PDP_VIF_OK;

	if (vif->conf.carrier == PDP_CARRIER_VLAN)
		drop = take_tag(vif, &w);
	else if (vif_is_tunnel(vif))
		drop = take_tunnel(vif, &w);
	if (drop != PDP_VIF_OK)
		return drop;
	return take_inner(vif, &w, len, off);
}
