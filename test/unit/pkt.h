/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Building and reading packets byte by byte, for tests. Shares no code with lib/vif, so that both
 * cannot be wrong in the same way.
 */
#ifndef TEST_PKT_H
#define TEST_PKT_H

#include <stdbool.h>
#include <stdint.h>

#include <pdp_vif.h>

#define PKT_ROOM 256 /* headroom of a struct pkt */
#define PKT_MAX	 9600

/* Bytes under construction: data begins at bytes + PKT_ROOM. */
struct pkt {
	uint8_t bytes[PKT_ROOM + PKT_MAX];
	uint16_t len;
};

uint8_t *pkt_data(struct pkt *p);
void pkt_clear(struct pkt *p);
uint8_t *pkt_add(struct pkt *p, const void *bytes, uint16_t n);
void pkt_add8(struct pkt *p, uint8_t value);
void pkt_add16(struct pkt *p, uint16_t value);
void pkt_add32(struct pkt *p, uint32_t value);
/* n bytes of a pattern that depends on seed. */
void pkt_add_fill(struct pkt *p, uint16_t n, uint32_t seed);
void pkt_put16(uint8_t *at, uint16_t value);
uint16_t pkt_get16(const uint8_t *at);

void pkt_add_eth(struct pkt *p, const uint8_t dst[6], const uint8_t src[6], uint16_t type);
/* Behind pkt_add_eth(): type 0x8100 or 0x88a8 goes in front of what was the type. */
void pkt_add_tag(struct pkt *p, uint16_t tpid, uint16_t tci);
/* IP header of either family with `payload` bytes to come; checksum right. Options: n_words of NOP
 * (IPv4 only). */
void pkt_add_ip(struct pkt *p, const struct pdp_ip *src, const struct pdp_ip *dst, uint8_t proto,
		uint8_t tos, uint16_t payload, unsigned int n_words);
/* UDP header with `payload` bytes to come; checksum 0. */
void pkt_add_udp(struct pkt *p, uint16_t src_port, uint16_t dst_port, uint16_t payload);
void pkt_add_vxlan(struct pkt *p, uint32_t vni);

/* A UDP/IP packet of len bytes, or (eth) a frame of len bytes that holds one. */
void pkt_make_ip(struct pkt *p, const struct pdp_ip *src, const struct pdp_ip *dst,
		 uint16_t src_port, uint16_t dst_port, uint8_t tos, uint16_t len);
void pkt_make_frame(struct pkt *p, const struct pdp_ip *src, const struct pdp_ip *dst,
		    uint16_t src_port, uint16_t dst_port, uint8_t tos, uint16_t len);

/* Internet checksum, byte by byte (RFC 1071). 0 over a header that holds a right checksum. */
uint16_t pkt_csum(const uint8_t *bytes, uint32_t n);
/* Checksum of a UDP datagram of n bytes with its pseudo header. */
uint16_t pkt_udp_csum(const struct pdp_ip *src, const struct pdp_ip *dst, const uint8_t *udp,
		      uint16_t n);
/* Writes the IPv4 header's checksum anew. */
void pkt_fix_ip4(uint8_t *ip);

struct pdp_ip pkt_ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d);
/* 2001:db8:a:b::c */
struct pdp_ip pkt_ip6(uint16_t a, uint16_t b, uint16_t c);

extern const uint8_t pkt_mac_a[6], pkt_mac_b[6];

/* A complete configuration: port 0, mtu 9000, UDP port 4789 -> 4790, VLAN 100, VNI 0x123456,
 * CHECK_REMOTE. */
struct pdp_vif_conf pkt_conf(enum pdp_vif_kind kind, enum pdp_vif_carrier carrier, int family);

#endif /* TEST_PKT_H */
