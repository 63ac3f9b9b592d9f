/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `allow_src`: frames of a raw vif that show a sender they may not are dropped before they reach
 * the port. MD lcore only, but for create and destroy.
 */
#include <endian.h>
#include <stdlib.h>

#include <pdp_hdr.h>

#include "guard.h"

#define ARP_ETHER_IP4	 UINT64_C(0x0001080006040000) /* without the operation */
#define ARP_SENDER_MAC	 8
#define ARP_SENDER_IP	 14
#define PROTO_ICMP6	 58
#define ICMP6_ADVERTISED 136
#define ICMP6_TARGET	 8

struct guard {
	bool any_mac;
	uint8_t mac[PDP_MAC_SIZE];
	unsigned int n; /* prefixes; 0: any address */
	struct pdp_prefix prefixes[];
};

struct guard *guard_create(const struct pdp_md_guard *from)
{
	struct guard *g = calloc(1, sizeof(*g) + from->n_prefixes * sizeof(g->prefixes[0]));

	if (g == NULL)
		return NULL;
	g->any_mac = from->any_mac;
	memcpy(g->mac, from->mac, sizeof(g->mac));
	g->n = from->n_prefixes;
	if (g->n != 0)
		memcpy(g->prefixes, from->prefixes, g->n * sizeof(g->prefixes[0]));
	return g;
}

void guard_destroy(struct guard *g)
{
	free(g);
}

static bool within(const struct pdp_prefix *p, const uint8_t *addr)
{
	const unsigned int whole = p->len / 8, rest = p->len % 8;

	if (memcmp(p->addr.bytes, addr, whole) != 0)
		return false;
	return rest == 0 || ((p->addr.bytes[whole] ^ addr[whole]) >> (8 - rest)) == 0;
}

static bool allowed(const struct guard *g, uint8_t family, const uint8_t *addr)
{
	for (unsigned int i = 0; i < g->n; i++) {
		if (g->prefixes[i].addr.family == family && within(&g->prefixes[i], addr))
			return true;
	}
	return false;
}

static bool arp_passes(const struct guard *g, const uint8_t *arp, uint16_t len)
{
	if (len < PDP_ARP_SIZE ||
	    (be64toh(pdp_get64_raw(arp)) & ~UINT64_C(0xffff)) != ARP_ETHER_IP4)
		return false;
	return (g->any_mac || memcmp(arp + ARP_SENDER_MAC, g->mac, PDP_MAC_SIZE) == 0) &&
	       (g->n == 0 || allowed(g, 4, arp + ARP_SENDER_IP));
}

static bool ip6_passes(const struct guard *g, const uint8_t *ip, uint16_t len)
{
	struct pdp_ip6_payload p;

	if (len < PDP_IP6_SIZE || !allowed(g, 6, ip + 8))
		return false;
	p = pdp_ip6_payload(ip, len);
	if (p.proto != PROTO_ICMP6 || p.fragment || len < p.off + ICMP6_TARGET + 16)
		return true;
	return ip[p.off] != ICMP6_ADVERTISED || allowed(g, 6, ip + p.off + ICMP6_TARGET);
}

bool guard_passes(const struct guard *g, const uint8_t *frame, uint16_t len)
{
	uint16_t type;

	if (len < PDP_ETH_SIZE ||
	    (!g->any_mac && memcmp(frame + PDP_MAC_SIZE, g->mac, PDP_MAC_SIZE) != 0))
		return false;
	type = pdp_get16(frame + 12);
	frame += PDP_ETH_SIZE;
	len = (uint16_t)(len - PDP_ETH_SIZE);
	if (pdp_type_is_tag(type))
		return false;
	if (type == PDP_TYPE_ARP)
		return arp_passes(g, frame, len);
	if (g->n == 0)
		return true;
	if (type == PDP_TYPE_IP4)
		return len >= PDP_IP4_SIZE && allowed(g, 4, frame + 12);
	return type != PDP_TYPE_IP6 || ip6_passes(g, frame, len);
}
