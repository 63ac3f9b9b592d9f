/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Gives every packet to the control plane, so that the kernel is the router: ARP, neighbour
 * discovery and routing protocols (OSPF, BGP, BFD) in their classes. It looks no further than it
 * has to.
 */
#include <stddef.h>
#include <string.h>

#include <pdp_vr.h>

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static int is_bgp_or_bfd(const uint8_t *l4, size_t len)
{
	return len >= 4 && (get16(l4) == 179 || get16(l4 + 2) == 179 || get16(l4 + 2) == 3784);
}

static uint8_t class_of_ip(const uint8_t *ip, size_t len)
{
	const int v6 = ip[0] >> 4 == 6;
	const size_t size = v6 ? 40 : (ip[0] & 15u) * 4;
	uint8_t proto;

	if (len < size + 4)
		return PDP_PUNT_OTHER;
	proto = v6 ? ip[6] : ip[9];
	if (proto == 58 && ip[size] >= 133 && ip[size] <= 137)
		return PDP_PUNT_ARP_ND;
	if (proto == 89 || ((proto == 6 || proto == 17) && is_bgp_or_bfd(ip + size, len - size)))
		return PDP_PUNT_ROUTING;
	return PDP_PUNT_OTHER;
}

static uint8_t class_of(const struct pdp_vr_info *info, const struct pdp_pkt *p)
{
	if (info->vifs[p->vif].kind == PDP_VIF_IP)
		return class_of_ip(p->data, p->len);
	if (p->len < 34)
		return PDP_PUNT_OTHER;
	if (get16(p->data + 12) == 0x0806)
		return PDP_PUNT_ARP_ND;
	return class_of_ip(p->data + 14, p->len - 14u);
}

static int init(const struct pdp_vr_info *info, void **state)
{
	*state = (void *)info;
	return 0;
}

static void process(void *state, struct pdp_pkt *pkts, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		pkts[i].verdict = PDP_PUNT;
		pkts[i].punt_class = class_of(state, &pkts[i]);
	}
}

PDP_VR_PLUGIN({
	.abi_version = PDP_VR_ABI_VERSION,
	.name = "punt",
	.init = init,
	.process = process,
});
