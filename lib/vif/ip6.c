/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way over IPv6 extension headers, for decapsulation, the flow hash and the classifier.
 * Rarely taken (most packets have none), so bounded rather than quick.
 */
#include "pdp_hdr.h"

#define MAX_HEADERS 8
#define MAX_SIZE    2048 /* of all together, with the IPv6 header */

enum {
	NH_HOP_BY_HOP = 0,
	NH_ROUTING = 43,
	NH_FRAGMENT = 44,
	NH_AH = 51,
	NH_DEST_OPTIONS = 60,
	NH_MOBILITY = 135,
	NH_HIP = 139,
	NH_SHIM6 = 140
};

/* Size of an extension header, or 0 when the protocol is none. At least 8 bytes of it are there. */
static uint16_t header_size(uint8_t proto, const uint8_t *header)
{
	switch (proto) {
	case NH_HOP_BY_HOP:
	case NH_ROUTING:
	case NH_DEST_OPTIONS:
	case NH_MOBILITY:
	case NH_HIP:
	case NH_SHIM6:
		return (uint16_t)(8 + 8 * header[1]);
	case NH_FRAGMENT:
		return 8;
	case NH_AH:
		return (uint16_t)(8 + 4 * header[1]);
	default:
		return 0;
	}
}

static bool is_extension(uint8_t proto)
{
	static const uint8_t any[8];

	return header_size(proto, any) != 0;
}

struct pdp_ip6_payload pdp_ip6_payload(const uint8_t *ip6, uint16_t len)
{
	struct pdp_ip6_payload at = {.off = PDP_IP6_SIZE, .proto = ip6[6]};
	unsigned int n;

	for (n = 0; is_extension(at.proto); n++) {
		const uint8_t *header = ip6 + at.off;
		uint16_t size;

		if (n == MAX_HEADERS || len < at.off + 8) {
			at.truncated = true;
			return at;
		}
		size = header_size(at.proto, header);
		if (size > len - at.off || at.off + size > MAX_SIZE) {
			at.truncated = true;
			return at;
		}
		at.fragment = at.proto == NH_FRAGMENT && (pdp_get16(header + 2) & 0xfff9) != 0;
		at.proto = header[0];
		at.off = (uint16_t)(at.off + size);
		if (at.fragment)
			return at;
	}
	return at;
}
