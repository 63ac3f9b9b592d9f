/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DSCP and ECN across a tunnel.
 *
 * ECN: RFC 6040 normal mode in both directions. Encapsulation copies the inner field out,
 * decapsulation combines both. DSCP: encapsulation copies it out, so that the underlay treats the
 * packet as its sender asked; decapsulation keeps the inner one, so that no re-marking of the
 * underlay reaches the VR (RFC 2983 section 3 "pipe" at the egress; what RFC 4301 section 5.1.2
 * does too). A frame that holds no IP is carried with DSCP 0, not ECN-capable.
 */
#include "vif_priv.h"

enum { NOT_ECT = 0, ECT_1 = 1, ECT_0 = 2, CE = 3, DROP = -1 };

int vif_ecn_combine(unsigned int inner, unsigned int outer)
{
	static const int8_t leaving[4][4] = {
		[NOT_ECT] =
			{[NOT_ECT] = NOT_ECT, [ECT_0] = NOT_ECT, [ECT_1] = NOT_ECT, [CE] = DROP},
		[ECT_0] = {[NOT_ECT] = ECT_0, [ECT_0] = ECT_0, [ECT_1] = ECT_1, [CE] = CE},
		[ECT_1] = {[NOT_ECT] = ECT_1, [ECT_0] = ECT_1, [ECT_1] = ECT_1, [CE] = CE},
		[CE] = {[NOT_ECT] = CE, [ECT_0] = CE, [ECT_1] = CE, [CE] = CE},
	};

	return leaving[inner & 3][outer & 3];
}

/* The IP header of the packet or in the frame, whole, or NULL. */
static const uint8_t *find_ip(const struct pdp_vif *vif, const uint8_t *data, uint16_t len)
{
	uint16_t type, at = 0;

	if (vif->conf.kind == PDP_VIF_ETHERNET) {
		at = pdp_eth_l3(data, len, VIF_INNER_TAGS, &type);
		if (type != PDP_TYPE_IP4 && type != PDP_TYPE_IP6)
			return NULL;
		if (len == at || data[at] >> 4 != (type == PDP_TYPE_IP4 ? 4 : 6))
			return NULL;
	}
	if (len - at < (data[at] >> 4 == 4 ? PDP_IP4_SIZE : PDP_IP6_SIZE))
		return NULL;
	return data + at;
}

static void set_ecn_ip4(uint8_t *ip, unsigned int ecn)
{
	uint16_t from = pdp_get16(ip), to = (uint16_t)((from & ~3u) | ecn);
	uint32_t sum = (uint16_t)~pdp_get16(ip + 10);

	/* RFC 1624 equation 3 */
	sum += (uint16_t)~from + (uint32_t)to;
	pdp_put16(ip, to);
	pdp_put16(ip + 10, (uint16_t)~vif_fold(sum));
}

enum pdp_vif_drop vif_ecn_decap(const struct pdp_vif *vif, uint8_t *data, uint16_t len,
				unsigned int outer_ecn)
{
	const uint8_t *found;
	unsigned int inner;
	uint8_t *ip;
	int ecn;

	if (outer_ecn == NOT_ECT)
		return PDP_VIF_OK; /* the first column: nothing changes */
	found = find_ip(vif, data, len);
	if (found == NULL)
		return PDP_VIF_OK;
	ip = data + (found - data);
	inner = ip[0] >> 4 == 4 ? ip[1] & 3 : ip[1] >> 4 & 3;
	ecn = vif_ecn_combine(inner, outer_ecn);
	if (ecn < 0)
		return PDP_VIF_ECN;
	if ((unsigned int)ecn == inner)
		return PDP_VIF_OK;
	if (ip[0] >> 4 == 4)
		set_ecn_ip4(ip, (unsigned int)ecn);
	else
		ip[1] = (uint8_t)((ip[1] & ~0x30) | ecn << 4);
	return PDP_VIF_OK;
}

uint8_t vif_inner_tos(const struct pdp_vif *vif, const uint8_t *data, uint16_t len)
{
	const uint8_t *ip = find_ip(vif, data, len);

	if (ip == NULL)
		return 0;
	return ip[0] >> 4 == 4 ? ip[1] : (uint8_t)(pdp_get16(ip) >> 4);
}
