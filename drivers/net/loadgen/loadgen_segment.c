/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP segmentation as a NIC does it, see loadgen_segment.h. */
#include "loadgen_segment.h"

#include <arpa/inet.h>

#include "loadgen_frame.h"

#define TCP_FIN 0x01
#define TCP_PSH 0x08
#define TCP_CWR 0x80

/* Where the parts of a frame begin, from its start. */
struct layout {
	uint32_t l3, l4, payload, end;
	bool v6;
};

static uint16_t load_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void store_be16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void store_be32(uint8_t *p, uint32_t v)
{
	store_be16(p, v >> 16);
	store_be16(p + 2, v);
}

static bool find_parts(const uint8_t *frame, uint32_t len, struct layout *at)
{
	const uint8_t *ip;
	uint8_t protocol;

	at->l3 = len >= 18 && load_be16(frame + 12) == 0x8100 ? 18 : 14;
	if (len < at->l3 + 40)
		return false;
	ip = frame + at->l3;
	at->v6 = load_be16(ip - 2) == 0x86dd;
	if (!at->v6 && (load_be16(ip - 2) != 0x0800 || (load_be16(ip + 6) & 0x3fff) != 0))
		return false;
	protocol = at->v6 ? ip[6] : ip[9];
	at->l4 = at->l3 + (at->v6 ? 40 : (ip[0] & 15) * 4u);
	at->end = at->l3 + (at->v6 ? 40u + load_be16(ip + 4) : load_be16(ip + 2));
	if (protocol != IPPROTO_TCP || at->end > len || at->l4 + 20 > at->end)
		return false;
	at->payload = at->l4 + (frame[at->l4 + 12] >> 4) * 4u;
	return at->payload >= at->l4 + 20 && at->payload < at->end;
}

bool lg_segment_possible(const uint8_t *frame, uint32_t len, uint16_t mtu)
{
	struct layout at;

	return find_parts(frame, len, &at) && at.payload - at.l3 < mtu;
}

static void finish_headers(uint8_t *out, const struct layout *at, uint32_t l4_len, uint32_t k)
{
	uint8_t *ip = out + at->l3, *tcp = out + at->l4;
	uint32_t sum = (uint32_t)htons(IPPROTO_TCP) + htons((uint16_t)l4_len);

	if (at->v6) {
		store_be16(ip + 4, l4_len);
	} else {
		store_be16(ip + 2, at->l4 - at->l3 + l4_len);
		store_be16(ip + 4, load_be16(ip + 4) + k);
		memset(ip + 10, 0, 2);
		lg_store16(ip + 10, (uint16_t)~lg_sum(ip, at->l4 - at->l3, 0));
	}
	memset(tcp + 16, 0, 2);
	sum = lg_sum(at->v6 ? ip + 8 : ip + 12, at->v6 ? 32 : 8, sum);
	lg_store16(tcp + 16, (uint16_t)~lg_sum(tcp, l4_len, sum));
}

uint32_t lg_segment_make(const uint8_t *frame, uint16_t mtu, uint32_t k, uint8_t *out)
{
	uint32_t mss, first, len, seq;
	struct layout at;
	uint8_t *tcp;

	if (!find_parts(frame, UINT32_MAX, &at))
		return 0;
	mss = mtu - (at.payload - at.l3);
	first = at.payload + k * mss;
	if (first >= at.end)
		return 0;
	len = at.end - first < mss ? at.end - first : mss;
	memcpy(out, frame, at.payload);
	memcpy(out + at.payload, frame + first, len);
	tcp = out + at.l4;
	memcpy(&seq, tcp + 4, sizeof(seq));
	store_be32(tcp + 4, ntohl(seq) + k * mss);
	if (first + len < at.end)
		tcp[13] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	if (k > 0)
		tcp[13] &= (uint8_t)~TCP_CWR;
	finish_headers(out, &at, at.payload - at.l4 + len, k);
	return at.payload + len;
}
