/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vif made ready: its outer header as a template that encapsulation copies and patches.
 *
 * Runs where vifs are configured (primary, control thread) or mapped (engine, at start). Never on
 * the packet path.
 */
#include <assert.h>

#include "pdp_vif.h"
#include "vif_priv.h"

static const char *const drop_names[PDP_VIF_N_DROPS] = {
	[PDP_VIF_OK] = "vif_ok",
	[PDP_VIF_TRUNCATED] = "vif_truncated",
	[PDP_VIF_BAD_HEADER] = "vif_bad_header",
	[PDP_VIF_FRAGMENT] = "vif_fragment",
	[PDP_VIF_BAD_SENDER] = "vif_bad_sender",
	[PDP_VIF_BAD_CSUM] = "vif_bad_csum",
	[PDP_VIF_NOT_OURS] = "vif_not_ours",
	[PDP_VIF_NOT_IP] = "vif_not_ip",
	[PDP_VIF_ECN] = "vif_ecn",
	[PDP_VIF_TOO_LONG] = "vif_too_long",
	[PDP_VIF_NO_HEADROOM] = "vif_no_headroom",
	[PDP_VIF_UNRESOLVED] = "vif_unresolved",
};

const char *pdp_vif_drop_name(enum pdp_vif_drop drop)
{
	assert(drop < PDP_VIF_N_DROPS);
	return drop_names[drop];
}

uint64_t vif_sum(const uint8_t *bytes, uint32_t n, uint64_t sum)
{
	uint64_t word;

	for (; n >= 8; n -= 8, bytes += 8) {
		word = pdp_get64_raw(bytes);
		sum += (word & 0xffffffff) + (word >> 32);
	}
	word = 0;
	memcpy(&word, bytes, n);
	return sum + (word & 0xffffffff) + (word >> 32);
}

static uint8_t *put_ethernet(uint8_t *at, const uint8_t dst[6], const uint8_t src[6], uint16_t type)
{
	memcpy(at, dst, PDP_MAC_SIZE);
	memcpy(at + PDP_MAC_SIZE, src, PDP_MAC_SIZE);
	pdp_put16(at + 12, type);
	return at + PDP_ETH_SIZE;
}

/* Atomic datagram (RFC 6864): DF set, so that the id needs no value; fragments would be dropped at
 * the far end anyway. */
static uint8_t *put_ip4(uint8_t *at, const struct pdp_vif_conf *conf)
{
	at[0] = 0x45;
	pdp_put16(at + 6, PDP_IP4_DF);
	at[8] = conf->ttl;
	at[9] = PDP_PROTO_UDP;
	memcpy(at + 12, conf->local.bytes, 4);
	memcpy(at + 16, conf->remote.bytes, 4);
	return at + PDP_IP4_SIZE;
}

static uint8_t *put_ip6(uint8_t *at, const struct pdp_vif_conf *conf)
{
	at[0] = 0x60;
	at[6] = PDP_PROTO_UDP;
	at[7] = conf->ttl;
	memcpy(at + 8, conf->local.bytes, 16);
	memcpy(at + 24, conf->remote.bytes, 16);
	return at + PDP_IP6_SIZE;
}

static uint8_t *put_tunnel(struct pdp_vif *vif)
{
	const struct pdp_vif_conf *conf = &vif->conf;
	uint8_t *at;

	vif->l3_off = PDP_ETH_SIZE;
	vif->outer_v6 = conf->local.family == 6;
	at = put_ethernet(vif->outer, conf->remote_mac, conf->port_mac,
			  vif->outer_v6 ? PDP_TYPE_IP6 : PDP_TYPE_IP4);
	at = vif->outer_v6 ? put_ip6(at, conf) : put_ip4(at, conf);
	if (!vif->outer_v6)
		vif->ip4_sum = vif_fold(vif_sum(vif->outer + PDP_ETH_SIZE, PDP_IP4_SIZE, 0));
	pdp_put16(at + 2, conf->remote_udp_port);
	at += PDP_UDP_SIZE;
	if (conf->carrier == PDP_CARRIER_VXLAN) {
		at[0] = PDP_VXLAN_I;
		pdp_put32(at + 4, conf->vni << 8);
		at += PDP_VXLAN_SIZE;
	}
	return at;
}

static void check_conf(const struct pdp_vif_conf *conf)
{
	assert(conf->kind <= PDP_VIF_IP && conf->carrier <= PDP_CARRIER_VXLAN);
	assert(conf->mtu >= PDP_VIF_MTU_MIN && conf->mtu <= PDP_VIF_MTU_MAX);
	if (conf->carrier == PDP_CARRIER_VLAN)
		assert(conf->vlan >= 1 && conf->vlan <= 4094);
	if (conf->carrier < PDP_CARRIER_UDP)
		return;
	assert(conf->local.family == 4 || conf->local.family == 6);
	assert(conf->local.family == conf->remote.family);
	assert(conf->udp_port != 0 && conf->remote_udp_port != 0 && conf->ttl != 0);
	assert(conf->vni < 1u << 24);
}

void pdp_vif_init(struct pdp_vif *vif, const struct pdp_vif_conf *conf)
{
	uint8_t *at;

	check_conf(conf);
	memset(vif, 0, sizeof(*vif));
	vif->conf = *conf;
	at = vif->outer;
	if (vif_is_tunnel(vif))
		at = put_tunnel(vif);
	if (conf->kind == PDP_VIF_ETHERNET && conf->carrier == PDP_CARRIER_VLAN) {
		pdp_put16(at, PDP_TYPE_VLAN);
		pdp_put16(at + 2, conf->vlan);
		at += PDP_VLAN_SIZE;
	} else if (vif_has_inner_ethernet(vif)) {
		at = put_ethernet(at, conf->peer_mac, conf->mac, 0);
		if (conf->carrier == PDP_CARRIER_VLAN) {
			pdp_put16(at - 2, PDP_TYPE_VLAN);
			pdp_put16(at, conf->vlan);
			at += PDP_VLAN_SIZE;
		}
	}
	vif->unresolved = (conf->flags & PDP_VIF_NEIGHBOUR) != 0;
	vif->outer_size = (uint8_t)(at - vif->outer);
	vif->in_place = vif->outer_size == 0 && conf->carrier == PDP_CARRIER_RAW;
	vif->frame_max = (uint16_t)(conf->mtu +
				    (conf->kind == PDP_VIF_ETHERNET ? PDP_ETH_SIZE : 0));
}

void pdp_vif_set_neighbour(struct pdp_vif *vif, uint64_t word)
{
	if (!(vif->conf.flags & PDP_VIF_NEIGHBOUR))
		return;
	vif->unresolved = !(word & PDP_VIF_NEIGHBOUR_KNOWN);
	for (unsigned int i = 0; i < PDP_MAC_SIZE; i++)
		vif->outer[i] = (uint8_t)(word >> 8 * i);
}
