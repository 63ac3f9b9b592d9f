/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Classification of a burst: tunnel, VLAN, source prefix, ingress port, in this order.
 *
 * Runs on MD lcores, for every packet; reads frames and tables, writes results, nothing else. A
 * tunnel or source prefix is looked for in untagged frames only. Budget in cycles a packet, frames
 * in L2, 1 to 1,000 VRs (test/perf/perf_classify): port only 1, VLAN 15, UDP 21, VXLAN 30, VXLAN
 * over IPv6 38, prefix 15, IPv6 prefix 23 to 45.
 */
#include <assert.h>

#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "classify_priv.h"

/* Frames whose first line is asked for ahead of the one that is looked at. */
#define AHEAD 6

static const char *const drop_names[PDP_CLS_N_DROPS] = {
	[PDP_CLS_NO_MATCH] = "no_match",
	[PDP_CLS_TRUNCATED] = "truncated",
	[PDP_CLS_OUTER_FRAGMENT] = "outer_fragment",
	[PDP_CLS_TUNNEL_UNKNOWN] = "tunnel_unknown",
};

const char *pdp_classify_drop_name(enum pdp_classify_drop drop)
{
	assert(drop < PDP_CLS_N_DROPS);
	return drop_names[drop];
}

/* What match_* answer when a frame is not theirs. */
#define NOT_MINE 0u

/* The endpoint is a VXLAN vif's: its VNI decides. at: offset of the UDP payload. */
static inline uint32_t match_vni(const struct cls_port *port, uint32_t endpoint,
				 const uint8_t *frame, uint32_t at, uint32_t len)
{
	struct cls_key key = {.address[1] = endpoint, .what = CLS_KEY_VNI};
	uint32_t entry;

	if (len < at + PDP_VXLAN_SIZE)
		return CLS_DROP(PDP_CLS_TRUNCATED);
	key.address[0] = pdp_get32(frame + at + 4) >> 8;
	entry = cls_map_get(&port->map, &key);
	if (entry == 0)
		return CLS_DROP(PDP_CLS_TUNNEL_UNKNOWN);
	return entry + (at + PDP_VXLAN_SIZE) * 0x10000u;
}

/* at: offset of the UDP header; the key lacks the port. */
static inline uint32_t match_udp(const struct cls_port *port, struct cls_key *key,
				 const uint8_t *frame, uint32_t at, uint32_t len)
{
	uint32_t entry;

	if (unlikely(len < at + PDP_UDP_SIZE)) {
		key->what += CLS_KEY_ADDR4 - CLS_KEY_UDP4;
		return cls_map_get(&port->map, key) != 0 ? CLS_DROP(PDP_CLS_TRUNCATED) : NOT_MINE;
	}
	key->what |= pdp_get16(frame + at + 2);
	entry = cls_map_get(&port->map, key);
	if (entry & CLS_ENDPOINT)
		return match_vni(port, entry, frame, at + PDP_UDP_SIZE, len);
	return entry == 0 ? NOT_MINE : entry + (at + PDP_UDP_SIZE) * 0x10000u;
}

static inline uint32_t match_tunnel4(const struct cls_port *port, const uint8_t *frame,
				     uint32_t len)
{
	const uint8_t *ip = frame + PDP_ETH_SIZE;
	struct cls_key key = {.what = CLS_KEY_UDP4};

	if (ip[9] != PDP_PROTO_UDP || ip[0] < 0x45 || ip[0] > 0x4f)
		return NOT_MINE;
	key.address[0] = pdp_get32_raw(ip + 16);
	if (unlikely((pdp_get16(ip + 6) & PDP_IP4_FRAG_MASK) != 0)) {
		key.what = CLS_KEY_ADDR4;
		return cls_map_get(&port->map, &key) != 0 ? CLS_DROP(PDP_CLS_OUTER_FRAGMENT)
							  : NOT_MINE;
	}
	return match_udp(port, &key, frame, PDP_ETH_SIZE + (ip[0] & 0x0fu) * 4, len);
}

/* Extension headers: the address is asked first, so that only packets to us are followed. */
static uint32_t match_tunnel6_slow(const struct cls_port *port, struct cls_key *key,
				   const uint8_t *frame, uint32_t len)
{
	struct pdp_ip6_payload payload;

	key->what = CLS_KEY_ADDR6;
	if (cls_map_get(&port->map, key) == 0)
		return NOT_MINE;
	payload = pdp_ip6_payload(frame + PDP_ETH_SIZE, (uint16_t)(len - PDP_ETH_SIZE));
	if (payload.truncated)
		return CLS_DROP(PDP_CLS_TRUNCATED);
	if (payload.fragment)
		return payload.proto == PDP_PROTO_UDP ? CLS_DROP(PDP_CLS_OUTER_FRAGMENT) : NOT_MINE;
	if (payload.proto != PDP_PROTO_UDP)
		return NOT_MINE;
	key->what = CLS_KEY_UDP6;
	return match_udp(port, key, frame, PDP_ETH_SIZE + (uint32_t)payload.off, len);
}

static inline uint32_t match_tunnel6(const struct cls_port *port, const uint8_t *frame,
				     uint32_t len)
{
	const uint8_t *ip = frame + PDP_ETH_SIZE;
	struct cls_key key = {.what = CLS_KEY_UDP6};

	if (ip[0] >> 4 != 6)
		return NOT_MINE;
	key.address[0] = pdp_get64_raw(ip + 24);
	key.address[1] = pdp_get64_raw(ip + 32);
	if (unlikely(ip[6] != PDP_PROTO_UDP))
		return match_tunnel6_slow(port, &key, frame, len);
	return match_udp(port, &key, frame, PDP_ETH_SIZE + PDP_IP6_SIZE, len);
}

static inline uint32_t match_ip4(const struct cls_port *port, const uint8_t *frame, uint32_t len)
{
	uint32_t entry = NOT_MINE;

	if (unlikely(len < PDP_ETH_SIZE + PDP_IP4_SIZE))
		return CLS_DROP(PDP_CLS_TRUNCATED);
	if (port->has & CLS_HAS_TUNNEL4)
		entry = match_tunnel4(port, frame, len);
	if (entry == NOT_MINE && (port->has & CLS_HAS_PREFIX4) && frame[PDP_ETH_SIZE] >> 4 == 4)
		entry = cls_trie_get(&port->trie4, frame + PDP_ETH_SIZE + 12);
	return entry;
}

static inline uint32_t match_ip6(const struct cls_port *port, const uint8_t *frame, uint32_t len)
{
	uint32_t entry = NOT_MINE;

	if (unlikely(len < PDP_ETH_SIZE + PDP_IP6_SIZE))
		return CLS_DROP(PDP_CLS_TRUNCATED);
	if (port->has & CLS_HAS_TUNNEL6)
		entry = match_tunnel6(port, frame, len);
	if (entry == NOT_MINE && (port->has & CLS_HAS_PREFIX6) && frame[PDP_ETH_SIZE] >> 4 == 6)
		entry = cls_trie_get(&port->trie6, frame + PDP_ETH_SIZE + 8);
	return entry;
}

static inline uint32_t match_vlan(const struct cls_port *port, const uint8_t *frame, uint32_t len)
{
	if (unlikely(len < PDP_ETH_SIZE + PDP_VLAN_SIZE))
		return CLS_DROP(PDP_CLS_TRUNCATED);
	return port->vlans[pdp_get16(frame + PDP_ETH_SIZE) & 0x0fff];
}

/* RFC 826, Ethernet and IPv4 only: the sender protocol address is the source. */
static inline uint32_t match_arp(const struct cls_port *port, const uint8_t *frame, uint32_t len)
{
	static const uint8_t ethernet_ip4[6] = {0, 1, 0x08, 0x00, 6, 4};
	const uint8_t *arp = frame + PDP_ETH_SIZE;

	if (len < PDP_ETH_SIZE + PDP_ARP_SIZE)
		return CLS_DROP(PDP_CLS_TRUNCATED);
	if (memcmp(arp, ethernet_ip4, sizeof(ethernet_ip4)) != 0)
		return NOT_MINE;
	return cls_trie_get(&port->trie4, arp + 14);
}

/* All that is looked at on a port that has more than a whole-port vif. */
static inline uint32_t classify(const struct cls_port *port, const uint8_t *frame, uint32_t len)
{
	uint32_t entry = NOT_MINE;

	if (unlikely(len < PDP_ETH_SIZE))
		return CLS_DROP(PDP_CLS_TRUNCATED);
	switch (pdp_get16(frame + 12)) {
	case PDP_TYPE_IP4:
		if (port->has & (CLS_HAS_TUNNEL4 | CLS_HAS_PREFIX4))
			entry = match_ip4(port, frame, len);
		break;
	case PDP_TYPE_IP6:
		if (port->has & (CLS_HAS_TUNNEL6 | CLS_HAS_PREFIX6))
			entry = match_ip6(port, frame, len);
		break;
	case PDP_TYPE_VLAN:
		if (port->has & CLS_HAS_VLAN)
			entry = match_vlan(port, frame, len);
		break;
	case PDP_TYPE_ARP:
		if (port->has & CLS_HAS_PREFIX4)
			entry = match_arp(port, frame, len);
		break;
	default:
		break;
	}
	return entry == NOT_MINE ? port->otherwise : entry & CLS_RESULT_MASK;
}

static void fill(uint32_t *results, unsigned int n, uint32_t result)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		results[i] = result;
}

void pdp_classify_burst(const struct pdp_classifier *cls, uint16_t port_id,
			struct rte_mbuf *const *pkts, unsigned int n, uint32_t *results)
{
	const struct cls_port *port;
	unsigned int i;

	if (port_id >= cls->n_ports) {
		fill(results, n, CLS_DROP(PDP_CLS_NO_MATCH));
		return;
	}
	port = &cls->ports[port_id];
	if (port->has == 0) {
		fill(results, n, port->otherwise);
		return;
	}
	for (i = 0; i < n && i < AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], const void *));
	for (i = 0; i < n; i++) {
		if (i + AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + AHEAD], const void *));
		results[i] = classify(port, rte_pktmbuf_mtod(pkts[i], const uint8_t *),
				      rte_pktmbuf_data_len(pkts[i]));
	}
}

int pdp_classify_port_only(const struct pdp_classifier *cls, uint16_t port_id)
{
	const struct cls_port *port;

	if (port_id >= cls->n_ports)
		return -1;
	port = &cls->ports[port_id];
	if (port->has != 0 || pdp_classify_gid(port->otherwise) >= PDP_GID_DROP)
		return -1;
	return pdp_classify_gid(port->otherwise);
}
