/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets byte by byte, for tests (pkt.h). */
#include "pkt.h"

#include <assert.h>
#include <string.h>

const uint8_t pkt_mac_a[6] = {0x02, 0xaa, 1, 2, 3, 4};
const uint8_t pkt_mac_b[6] = {0x02, 0xbb, 5, 6, 7, 8};

uint8_t *pkt_data(struct pkt *p)
{
	return p->bytes + PKT_ROOM;
}

void pkt_clear(struct pkt *p)
{
	memset(p, 0xee, sizeof(*p));
	p->len = 0;
}

uint8_t *pkt_add(struct pkt *p, const void *bytes, uint16_t n)
{
	uint8_t *at = pkt_data(p) + p->len;

	assert(p->len + n <= PKT_MAX);
	memcpy(at, bytes, n);
	p->len = (uint16_t)(p->len + n);
	return at;
}

void pkt_add8(struct pkt *p, uint8_t value)
{
	pkt_add(p, &value, 1);
}

void pkt_add16(struct pkt *p, uint16_t value)
{
	pkt_add8(p, (uint8_t)(value >> 8));
	pkt_add8(p, (uint8_t)value);
}

void pkt_add32(struct pkt *p, uint32_t value)
{
	pkt_add16(p, (uint16_t)(value >> 16));
	pkt_add16(p, (uint16_t)value);
}

void pkt_add_fill(struct pkt *p, uint16_t n, uint32_t seed)
{
	while (n-- > 0) {
		seed = seed * 1103515245 + 12345;
		pkt_add8(p, (uint8_t)(seed >> 16));
	}
}

void pkt_put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

uint16_t pkt_get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

void pkt_add_eth(struct pkt *p, const uint8_t dst[6], const uint8_t src[6], uint16_t type)
{
	pkt_add(p, dst, 6);
	pkt_add(p, src, 6);
	pkt_add16(p, type);
}

void pkt_add_tag(struct pkt *p, uint16_t tpid, uint16_t tci)
{
	uint8_t *type = pkt_data(p) + p->len - 2;
	uint16_t next = pkt_get16(type);

	pkt_put16(type, tpid);
	pkt_add16(p, tci);
	pkt_add16(p, next);
}

static void add_ip4(struct pkt *p, const struct pdp_ip *src, const struct pdp_ip *dst,
		    uint8_t proto, uint8_t tos, uint16_t payload, unsigned int n_words)
{
	uint16_t start = p->len;

	pkt_add8(p, (uint8_t)(0x45 + n_words));
	pkt_add8(p, tos);
	pkt_add16(p, (uint16_t)(20 + 4 * n_words + payload));
	pkt_add32(p, 0x12340000);
	pkt_add8(p, 63);
	pkt_add8(p, proto);
	pkt_add16(p, 0);
	pkt_add(p, src->bytes, 4);
	pkt_add(p, dst->bytes, 4);
	while (n_words-- > 0)
		pkt_add32(p, 0x01010101);
	pkt_fix_ip4(pkt_data(p) + start);
}

void pkt_add_ip(struct pkt *p, const struct pdp_ip *src, const struct pdp_ip *dst, uint8_t proto,
		uint8_t tos, uint16_t payload, unsigned int n_words)
{
	if (src->family == 4) {
		add_ip4(p, src, dst, proto, tos, payload, n_words);
		return;
	}
	pkt_add32(p, 0x60000000u | (uint32_t)tos << 20);
	pkt_add16(p, payload);
	pkt_add8(p, proto);
	pkt_add8(p, 63);
	pkt_add(p, src->bytes, 16);
	pkt_add(p, dst->bytes, 16);
}

void pkt_add_udp(struct pkt *p, uint16_t src_port, uint16_t dst_port, uint16_t payload)
{
	pkt_add16(p, src_port);
	pkt_add16(p, dst_port);
	pkt_add16(p, (uint16_t)(8 + payload));
	pkt_add16(p, 0);
}

void pkt_add_vxlan(struct pkt *p, uint32_t vni)
{
	pkt_add32(p, 0x08000000);
	pkt_add32(p, vni << 8);
}

static void add_packet(struct pkt *p, const struct pdp_ip *src, const struct pdp_ip *dst,
		       uint16_t src_port, uint16_t dst_port, uint8_t tos, uint16_t len)
{
	uint16_t header = src->family == 4 ? 20 : 40;

	pkt_add_ip(p, src, dst, 17, tos, (uint16_t)(len - header), 0);
	pkt_add_udp(p, src_port, dst_port, (uint16_t)(len - header - 8));
	pkt_add_fill(p, (uint16_t)(len - header - 8), len);
}

void pkt_make_ip(struct pkt *p, const struct pdp_ip *src, const struct pdp_ip *dst,
		 uint16_t src_port, uint16_t dst_port, uint8_t tos, uint16_t len)
{
	pkt_clear(p);
	add_packet(p, src, dst, src_port, dst_port, tos, len);
}

void pkt_make_frame(struct pkt *p, const struct pdp_ip *src, const struct pdp_ip *dst,
		    uint16_t src_port, uint16_t dst_port, uint8_t tos, uint16_t len)
{
	pkt_clear(p);
	pkt_add_eth(p, pkt_mac_a, pkt_mac_b, src->family == 4 ? 0x0800 : 0x86dd);
	add_packet(p, src, dst, src_port, dst_port, tos, (uint16_t)(len - 14));
}

static uint32_t sum_of(const uint8_t *bytes, uint32_t n)
{
	uint32_t sum = 0, i;

	for (i = 0; i < n; i++)
		sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
	return sum;
}

static uint16_t complement(uint32_t sum)
{
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

uint16_t pkt_csum(const uint8_t *bytes, uint32_t n)
{
	return complement(sum_of(bytes, n));
}

uint16_t pkt_udp_csum(const struct pdp_ip *src, const struct pdp_ip *dst, const uint8_t *udp,
		      uint16_t n)
{
	uint32_t size = src->family == 4 ? 4 : 16;

	return complement(sum_of(src->bytes, size) + sum_of(dst->bytes, size) + 17 + n +
			  sum_of(udp, n));
}

void pkt_fix_ip4(uint8_t *ip)
{
	pkt_put16(ip + 10, 0);
	pkt_put16(ip + 10, pkt_csum(ip, (ip[0] & 15u) * 4));
}

struct pdp_ip pkt_ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct pdp_ip){.family = 4, .bytes = {a, b, c, d}};
}

struct pdp_ip pkt_ip6(uint16_t a, uint16_t b, uint16_t c)
{
	struct pdp_ip ip = {.family = 6, .bytes = {0x20, 0x01, 0x0d, 0xb8}};

	pkt_put16(ip.bytes + 4, a);
	pkt_put16(ip.bytes + 6, b);
	pkt_put16(ip.bytes + 14, c);
	return ip;
}

struct pdp_vif_conf pkt_conf(enum pdp_vif_kind kind, enum pdp_vif_carrier carrier, int family)
{
	struct pdp_vif_conf conf = {
		.name = "vif0",
		.kind = (uint8_t)kind,
		.carrier = (uint8_t)carrier,
		.flags = PDP_VIF_CHECK_REMOTE,
		.ttl = 64,
		.mtu = 9000,
		.vlan = 100,
		.udp_port = 4789,
		.remote_udp_port = 4790,
		.vni = carrier == PDP_CARRIER_VXLAN ? 0x123456 : 0,
		.mac = {0x02, 0, 0, 0, 0, 1},
		.peer_mac = {0x02, 0, 0, 0, 0, 2},
		.port_mac = {0x02, 0, 0, 0, 0, 3},
		.remote_mac = {0x02, 0, 0, 0, 0, 4},
	};

	conf.local = family == 4 ? pkt_ip4(10, 0, 0, 1) : pkt_ip6(1, 0, 1);
	conf.remote = family == 4 ? pkt_ip4(10, 0, 0, 2) : pkt_ip6(1, 0, 2);
	return conf;
}
