/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The flow hash: what balancing by flow, buckets and the outer UDP source port go by.
 *
 * Each endpoint (address and port) is hashed alone by folded 64 x 64 multiplications that run side
 * by side, then both and the protocol are mixed by one more. For the symmetric hash both endpoints
 * use the same keys and are added. Runs in the MD and in engines, any thread. Budget: 16 cycles
 * (test/perf/perf_vif).
 */
#include "pdp_hdr.h"
#include "pdp_vif.h"

#define MAX_TAGS 3

/* Odd, random bits; taken from the fraction of pi. */
enum { KEY_SRC = 0, KEY_DST = 4, KEY_PORT = 8, KEY_PROTO, KEY_LAST };
static const uint64_t keys[12] = {
	0x243f6a8885a308d3, 0x13198a2e03707345, 0xa4093822299f31d1, 0x082efa98ec4e6c89,
	0x452821e638d01377, 0xbe5466cf34e90c6d, 0xc0ac29b7c97c50dd, 0x3f84d5b5b5470917,
	0x9216d5d98979fb1b, 0xd1310ba698dfb5ad, 0x2ffd72dbd01adfb7, 0xb8e1afed6a267e97,
};

struct endpoints {
	const uint8_t *src;
	const uint8_t *dst;
	uint16_t src_port; /* raw byte order; 0: none */
	uint16_t dst_port;
	uint16_t proto; /* IP protocol or, without IP, Ethernet type */
};

static inline uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_short(uint64_t address, uint16_t port, const uint64_t *key)
{
	return fold((address | (uint64_t)port << 48) ^ key[0], key[1]);
}

static inline uint64_t hash_ip6(const uint8_t *address, uint16_t port, const uint64_t *key)
{
	return fold(pdp_get64_raw(address) ^ key[0], key[1]) +
	       fold((pdp_get64_raw(address + 8) + port * keys[KEY_PORT]) ^ key[2], key[3]);
}

static inline uint32_t finish(uint64_t src, uint64_t dst, uint16_t proto)
{
	uint64_t h = src + dst + proto * keys[KEY_PROTO];

	return (uint32_t)(fold(h ^ keys[KEY_LAST], keys[KEY_LAST + 1]) >> 40);
}

static inline uint64_t mac_bits(const uint8_t *mac)
{
	return pdp_get32_raw(mac) | (uint64_t)pdp_get16(mac + 4) << 32;
}

static bool has_ports(uint8_t proto)
{
	return proto == PDP_PROTO_TCP || proto == PDP_PROTO_UDP || proto == PDP_PROTO_SCTP;
}

/* What lies behind the packet's own length is padding: not looked at, as after decapsulation it is
 * gone. */
static inline uint16_t at_most(uint16_t len, uint32_t stated)
{
	return stated < len ? (uint16_t)stated : len;
}

static inline void read_ports(struct endpoints *e, const uint8_t *l4, int32_t len)
{
	if (!has_ports((uint8_t)e->proto) || len < 4)
		return;
	memcpy(&e->src_port, l4, 2);
	memcpy(&e->dst_port, l4 + 2, 2);
}

static inline bool hash_of_ip4(const uint8_t *ip, uint16_t len, const uint64_t *dst_key,
			       uint32_t *hash)
{
	struct endpoints e = {.src = ip + 12, .dst = ip + 16};
	uint16_t size;

	if (len < PDP_IP4_SIZE || ip[0] < 0x45 || ip[0] > 0x4f)
		return false;
	size = (uint16_t)((ip[0] & 0x0f) * 4);
	len = at_most(len, pdp_get16(ip + 2));
	e.proto = ip[9];
	if ((pdp_get16(ip + 6) & PDP_IP4_FRAG_MASK) == 0)
		read_ports(&e, ip + size, len - size);
	*hash = finish(hash_short(pdp_get32_raw(e.src), e.src_port, keys),
		       hash_short(pdp_get32_raw(e.dst), e.dst_port, dst_key), e.proto);
	return true;
}

static inline bool hash_of_ip6(const uint8_t *ip, uint16_t len, const uint64_t *dst_key,
			       uint32_t *hash)
{
	struct endpoints e = {.src = ip + 8, .dst = ip + 24};
	struct pdp_ip6_payload payload = {.off = PDP_IP6_SIZE};

	if (len < PDP_IP6_SIZE || ip[0] >> 4 != 6)
		return false;
	len = at_most(len, PDP_IP6_SIZE + (uint32_t)pdp_get16(ip + 4));
	payload.proto = ip[6];
	if (!has_ports(payload.proto))
		payload = pdp_ip6_payload(ip, len);
	e.proto = payload.proto;
	if (!payload.fragment && !payload.truncated)
		read_ports(&e, ip + payload.off, len - payload.off);
	*hash = finish(hash_ip6(e.src, e.src_port, keys), hash_ip6(e.dst, e.dst_port, dst_key),
		       e.proto);
	return true;
}

uint32_t pdp_flow_hash(const uint8_t *data, uint16_t len, enum pdp_vif_kind kind, bool symmetric)
{
	const uint64_t *dst_key = keys + (symmetric ? KEY_SRC : KEY_DST);
	uint16_t type = 0, at = 0;
	uint32_t hash;

	if (kind == PDP_VIF_ETHERNET) {
		if (len < PDP_ETH_SIZE)
			return finish(0, 0, 0);
		at = pdp_eth_l3(data, len, MAX_TAGS, &type);
	} else if (len > 0) {
		type = data[0] >> 4 == 6 ? PDP_TYPE_IP6 : PDP_TYPE_IP4;
	}
	if (type == PDP_TYPE_IP4 && hash_of_ip4(data + at, (uint16_t)(len - at), dst_key, &hash))
		return hash;
	if (type == PDP_TYPE_IP6 && hash_of_ip6(data + at, (uint16_t)(len - at), dst_key, &hash))
		return hash;
	if (kind != PDP_VIF_ETHERNET)
		return finish(0, 0, 0);
	return finish(hash_short(mac_bits(data + 6), 0, keys),
		      hash_short(mac_bits(data), 0, dst_key), type);
}
