/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames: one template per class and size, prebuilt with everything but what differs from flow to
 * flow, and a small record per flow. Writing a frame is a copy of the template and a patch of
 * addresses, ports and checksums. Pure: bytes only. Templates are read-only once built; any lcore
 * may use them.
 */
#ifndef LOADGEN_FRAME_H
#define LOADGEN_FRAME_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "loadgen_args.h"

#define LG_COPY_UNIT 64 /* templates are padded to it */
/* Ethernet, IPv6, UDP, VXLAN, Ethernet, IPv6, UDP */
#define LG_HEADERS_MAX (14 + 40 + 8 + 8 + 14 + 40 + 8)
#define LG_SPORT_FIRST 1024
#define LG_SPORTS      (65536 - LG_SPORT_FIRST)
#define LG_DPORT_FIRST 9000

/** A frame without the flow's own bytes. */
struct lg_tmpl {
	const uint8_t *bytes; /**< 64-byte aligned, padded to LG_COPY_UNIT */
	uint16_t len;	      /**< frame length without FCS */
	uint16_t copy;	      /**< bytes to write: all, or the headers only */
	uint16_t l3;	      /**< offset of the inner (or only) IP header */
	uint16_t l4;	      /**< offset of the inner UDP header */
	uint16_t sport;	      /**< offset of the outer UDP source port; 0: not by flow */
	uint16_t ip_sum;      /**< one's complement sum of the IPv4 header without addresses */
	uint16_t udp_sum;     /**< of pseudo header and datagram without addresses and ports */
	uint16_t udp_mask;    /**< 0: UDP checksum not given (IPv4, RFC 768) */
};

/** What is a flow's own, all in network byte order; sums are of these bytes. IPv4. */
struct lg_flow4 {
	uint64_t addrs; /**< source, destination */
	uint32_t ports;
	uint16_t addr_sum;
	uint16_t all_sum;
	uint32_t hash;
	uint32_t flow; /**< number for the stamp */
	uint16_t outer_sport;
};

/** The same for IPv6. */
struct lg_flow6 {
	uint8_t addrs[32];
	uint32_t ports;
	uint16_t all_sum;
	uint16_t outer_sport;
	uint32_t hash;
	uint32_t flow;
};

/**
 * Shortest frame of a class.
 * @return bytes without FCS, at least LG_SIZE_MIN
 */
uint16_t lg_frame_min(const struct lg_class *cls);

/**
 * Build a template.
 * @param size    frame length wished for; raised to lg_frame_min()
 * @param payload write and sum the whole payload; else headers only, and IPv4 UDP checksums are 0
 * @param tmpl    out; bytes for free()
 * @return 0; -ENOMEM
 */
int lg_tmpl_build(const struct lg_class *cls, uint16_t size, bool payload, struct lg_tmpl *tmpl);

/** Make flow `i` of a class. @param seed the port's */
void lg_flow4_make(const struct lg_class *cls, uint32_t i, uint64_t seed, struct lg_flow4 *flow);
void lg_flow6_make(const struct lg_class *cls, uint32_t i, uint64_t seed, struct lg_flow6 *flow);

/**
 * Hash of a frame as a NIC's RSS sees it: Toeplitz with the well-known key over the outer addresses
 * and ports, 0 for what is neither IPv4 nor IPv6. One VLAN tag is stepped over; fragments are
 * hashed by addresses.
 */
uint32_t lg_rss_hash(const uint8_t *frame, uint32_t len);

/** One's complement sum of len bytes, folded to 16 bits, added to sum. */
uint16_t lg_sum(const void *data, size_t len, uint32_t sum);

static inline uint16_t lg_fold(uint32_t sum)
{
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static inline void lg_store16(uint8_t *p, uint16_t v)
{
	memcpy(p, &v, sizeof(v));
}

/* A 64-byte copy in the widest registers there are. */
static inline void lg_copy64(uint8_t *dst, const uint8_t *src)
{
	typedef uint64_t lg_v64 __attribute__((vector_size(64), aligned(1), may_alias));

	*(lg_v64 *)dst = *(const lg_v64 *)src;
}

/** Copy len bytes; at least LG_COPY_UNIT bytes may be written whatever len is. */
static inline void lg_copy(uint8_t *dst, const uint8_t *src, uint32_t len)
{
	uint32_t off = 0;

	if (len <= LG_COPY_UNIT) {
		lg_copy64(dst, src);
		return;
	}
	for (; off + LG_COPY_UNIT <= len; off += LG_COPY_UNIT)
		lg_copy64(dst + off, src + off);
	if (off < len)
		lg_copy64(dst + len - LG_COPY_UNIT, src + len - LG_COPY_UNIT);
}

static inline uint16_t lg_udp_csum(uint16_t sum, uint16_t mask)
{
	uint16_t csum = (uint16_t)~sum;

	return (csum == 0 ? 0xffff : csum) & mask;
}

/** Write a frame of an IPv4 flow. Budget: 12 cycles at 64 bytes. */
static inline void lg_flow4_write(const struct lg_tmpl *t, const struct lg_flow4 *f, uint8_t *frame)
{
	uint8_t *ip = frame + t->l3, *udp = frame + t->l4;

	lg_copy(frame, t->bytes, t->copy);
	lg_store16(ip + 10, (uint16_t)~lg_fold((uint32_t)t->ip_sum + f->addr_sum));
	memcpy(ip + 12, &f->addrs, 8);
	memcpy(udp, &f->ports, 4);
	lg_store16(udp + 6, lg_udp_csum(lg_fold((uint32_t)t->udp_sum + f->all_sum), t->udp_mask));
	if (t->sport != 0)
		lg_store16(frame + t->sport, f->outer_sport);
}

/** The same for IPv6. */
static inline void lg_flow6_write(const struct lg_tmpl *t, const struct lg_flow6 *f, uint8_t *frame)
{
	uint8_t *ip = frame + t->l3, *udp = frame + t->l4;

	lg_copy(frame, t->bytes, t->copy);
	memcpy(ip + 8, f->addrs, 32);
	memcpy(udp, &f->ports, 4);
	lg_store16(udp + 6, lg_udp_csum(lg_fold((uint32_t)t->udp_sum + f->all_sum), t->udp_mask));
	if (t->sport != 0)
		lg_store16(frame + t->sport, f->outer_sport);
}

#endif /* LOADGEN_FRAME_H */
