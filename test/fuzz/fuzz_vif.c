/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes into a vif of any kind: decapsulation stays inside the frame and gives what the kind
 * promises; what came out, wrapped and unwrapped again, is the same; encapsulation stays inside its
 * headroom.
 *
 * Input: a byte that chooses the vif and the direction, then the frame or packet.
 */
#include <pdp_vif.h>

#include "fuzz.h"
#include "pkt.h"

/* The first byte: bits 1 and 2 are the carrier. */
enum { SEL_IP = 0x01, SEL_V6 = 0x08, SEL_ANY_SENDER = 0x10, SEL_ENCAP = 0x20, SEL_FIX_CSUM = 0x40 };

static void make_vifs(uint8_t sel, struct pdp_vif *vif, struct pdp_vif *far)
{
	struct pdp_vif_conf conf = pkt_conf(sel & SEL_IP ? PDP_VIF_IP : PDP_VIF_ETHERNET,
					    (enum pdp_vif_carrier)(sel >> 1 & 3),
					    sel & SEL_V6 ? 6 : 4);

	conf.mtu = 1500;
	if (sel & SEL_ANY_SENDER)
		conf.flags = 0;
	pdp_vif_init(vif, &conf);
	conf.local = vif->conf.remote;
	conf.remote = vif->conf.local;
	conf.udp_port = vif->conf.remote_udp_port;
	conf.remote_udp_port = vif->conf.udp_port;
	pdp_vif_init(far, &conf);
}

/* What a kind ip vif hands over is one whole IP packet. */
static void check_ip(const uint8_t *ip, uint16_t len)
{
	FUZZ_CHECK(len >= 20);
	if (ip[0] >> 4 == 4) {
		FUZZ_CHECK(pkt_get16(ip + 2) == len);
	} else {
		FUZZ_CHECK(ip[0] >> 4 == 6);
		FUZZ_CHECK(pkt_get16(ip + 4) + 40 == len);
	}
}

/* What may be received may be sent, and comes out of the far side as it went in. */
static void check_round_trip(const struct pdp_vif *vif, const struct pdp_vif *far,
			     const uint8_t *inner, uint16_t inner_len)
{
	uint8_t *room = malloc((size_t)vif->outer_size + inner_len);
	uint16_t len = inner_len, off = 0;

	FUZZ_CHECK(room != NULL);
	memcpy(room + vif->outer_size, inner, inner_len);
	FUZZ_CHECK(pdp_vif_encap(vif, room + vif->outer_size, vif->outer_size, &len) == PDP_VIF_OK);
	FUZZ_CHECK(len == inner_len + vif->outer_size);
	FUZZ_CHECK(pdp_vif_decap(far, room, &len, &off) == PDP_VIF_OK);
	FUZZ_CHECK(off == vif->outer_size && len == inner_len);
	FUZZ_CHECK(memcmp(room + off, inner, inner_len) == 0);
	free(room);
}

static void try_decap(uint8_t sel, const uint8_t *data, uint16_t size)
{
	uint8_t *frame = fuzz_copy(data, size);
	uint16_t len = size, off = 0;
	struct pdp_vif vif, far;
	enum pdp_vif_drop drop;

	make_vifs(sel, &vif, &far);
	/* else hardly a mutation would get past the outer header's checksum */
	if ((sel & SEL_FIX_CSUM) && size >= 14 + 60)
		pkt_fix_ip4(frame + 14);
	drop = pdp_vif_decap(&vif, frame, &len, &off);
	FUZZ_CHECK(drop < PDP_VIF_N_DROPS && drop != PDP_VIF_NO_HEADROOM);
	if (drop == PDP_VIF_OK) {
		FUZZ_CHECK(off + len <= size);
		FUZZ_CHECK(len >= (sel & SEL_IP ? 20 : 14));
		if (sel & SEL_IP)
			check_ip(frame + off, len);
		check_round_trip(&vif, &far, frame + off, len);
	}
	free(frame);
}

static void try_encap(uint8_t sel, const uint8_t *data, uint16_t size)
{
	struct pdp_vif vif, far;
	uint16_t len = size;
	enum pdp_vif_drop drop;
	uint8_t *room;

	make_vifs(sel, &vif, &far);
	room = malloc((size_t)vif.outer_size + size);
	FUZZ_CHECK(room != NULL || vif.outer_size + size == 0);
	if (size > 0)
		memcpy(room + vif.outer_size, data, size);
	drop = pdp_vif_encap(&vif, room + vif.outer_size, vif.outer_size, &len);
	FUZZ_CHECK(drop == PDP_VIF_OK || drop == PDP_VIF_TRUNCATED || drop == PDP_VIF_NOT_IP ||
		   drop == PDP_VIF_TOO_LONG);
	FUZZ_CHECK(len == (drop == PDP_VIF_OK ? size + vif.outer_size : size));
	free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > 4096)
		return 0;
	if (data[0] & SEL_ENCAP)
		try_encap(data[0], data + 1, (uint16_t)(size - 1));
	else
		try_decap(data[0], data + 1, (uint16_t)(size - 1));
	return 0;
}
