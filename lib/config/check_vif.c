/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One vif's keys against each other: which fit its carrier and kind, which it needs, and whether
 * its MTU fits its port's.
 */
#include "config_priv.h"

#include <string.h>

#define ETHER_BYTES 14
#define UDP_BYTES   8
#define VXLAN_BYTES 8

#define WHERE(name, parent, member) const struct where name = {.up = (parent), .key = (member)}

/* What the carrier takes of the port's MTU. A VLAN tag takes nothing, as everywhere. */
static unsigned int overhead(const struct pdp_vif_conf *conf)
{
	const unsigned int ip_bytes = conf->local.family == 6 ? 40 : 20;

	switch (conf->carrier) {
	case PDP_CARRIER_UDP:
		return ip_bytes + UDP_BYTES + (conf->kind == PDP_VIF_ETHERNET ? ETHER_BYTES : 0);
	case PDP_CARRIER_VXLAN:
		return ip_bytes + UDP_BYTES + VXLAN_BYTES + ETHER_BYTES;
	default:
		return 0;
	}
}

static bool is_tunnel(const struct pdp_vif_conf *conf)
{
	return (ON(conf->carrier) & ON_TUNNEL) != 0;
}

/* Keys of other carriers are refused, keys that this one needs are asked for: by the table. */
static int check_carrier(struct decoder *d, const struct where *where, json_t *obj,
			 const struct pdp_vif_conf *conf)
{
	char mine[CARRIER_NAMES_SIZE], fit[CARRIER_NAMES_SIZE];

	config_carrier_names(ON(conf->carrier), "", mine);
	for (unsigned int i = 0; i < config_vif.n_keys; i++) {
		const struct key *key = &config_vif.keys[i];
		const bool fits = (key->carriers & ON(conf->carrier)) != 0;
		WHERE(here, where, key->name);

		if (key->carriers == 0)
			continue;
		if (!fits && json_object_get(obj, key->name) != NULL)
			return where_fail(d, &here,
					  "it does not fit carrier %s; take it out, or use "
					  "carrier %s",
					  mine, config_carrier_names(key->carriers, " or ", fit));
		if (fits && key->required && json_object_get(obj, key->name) == NULL)
			return where_fail(d, &here, "carrier %s needs it; add \"%s\": ...", mine,
					  key->name);
	}
	return 0;
}

static int check_macs(struct decoder *d, const struct where *where, json_t *obj,
		      const struct pdp_vif_conf *conf)
{
	const bool inner_ether = conf->kind == PDP_VIF_ETHERNET || conf->carrier != PDP_CARRIER_UDP;
	WHERE(mac, where, "mac");
	WHERE(peer_mac, where, "peer_mac");

	if (!inner_ether && json_object_get(obj, "mac") != NULL)
		return where_fail(d, &mac,
				  "kind ip in carrier udp has no MAC; take it out, or use kind "
				  "ethernet");
	if (json_object_get(obj, "peer_mac") != NULL &&
	    (!inner_ether || conf->kind == PDP_VIF_ETHERNET))
		return where_fail(d, &peer_mac,
				  conf->kind == PDP_VIF_ETHERNET
					  ? "in kind ethernet the VR writes MACs itself; take it "
					    "out, or use kind ip"
					  : "kind ip in carrier udp has no MAC; take it out");
	if (json_object_get(obj, "peer_mac") == NULL && inner_ether && conf->kind == PDP_VIF_IP)
		return where_fail(d, &peer_mac,
				  "kind ip needs the MAC of the neighbour it sends to; add "
				  "\"peer_mac\": \"02:...\", or use kind ethernet");
	return 0;
}

static int check_tunnel(struct decoder *d, const struct where *where, json_t *obj,
			struct pdp_vif_conf *conf)
{
	WHERE(udp_port, where, "udp_port");
	WHERE(remote, where, "remote");

	if (!is_tunnel(conf)) {
		conf->ttl = 0; /* defaults that do not apply */
		conf->flags = 0;
		return 0;
	}
	if (json_object_get(obj, "remote_mac") == NULL)
		conf->flags |= PDP_VIF_NEIGHBOUR;
	if (conf->local.family != conf->remote.family)
		return where_fail(d, &remote,
				  "it is IPv%u and local is IPv%u; both must be of one family",
				  conf->remote.family, conf->local.family);
	if (conf->udp_port == 0 && conf->carrier == PDP_CARRIER_UDP)
		return where_fail(d, &udp_port, "carrier udp needs it; add \"udp_port\": ...");
	if (conf->udp_port == 0)
		conf->udp_port = 4789; /* RFC 7348 section 5 */
	if (conf->remote_udp_port == 0)
		conf->remote_udp_port = conf->udp_port;
	return 0;
}

static int check_mtu(struct decoder *d, const struct where *where, struct pdp_vif_conf *conf)
{
	const struct pdp_port_config *port = &d->config->ports[conf->port];
	const unsigned int taken = overhead(conf);
	const unsigned int room = port->mtu > taken ? port->mtu - taken : 0;
	char carrier[CARRIER_NAMES_SIZE];
	WHERE(mtu, where, "mtu");

	if (room < 68)
		return where_fail(d, &mtu,
				  "port %s has MTU %u, of which carrier %s takes %u; raise the "
				  "port's to at least %u",
				  port->name, port->mtu,
				  config_carrier_names(ON(conf->carrier), "", carrier), taken,
				  taken + 68);
	if (conf->mtu == 0)
		conf->mtu = (uint16_t)room;
	if (conf->mtu <= room)
		return 0;
	return where_fail(
		d, &mtu,
		"%u and %u bytes of carrier %s are %u more than the MTU %u of port %s; use "
		"%u or less, or raise the port's to %u",
		conf->mtu, taken, config_carrier_names(ON(conf->carrier), "", carrier),
		conf->mtu - room, port->mtu, port->name, room, conf->mtu + taken);
}

int check_vif(struct decoder *d, const struct where *where, json_t *obj, void *base)
{
	struct pdp_vif_config *vif = base;

	where_format(where, vif->path, sizeof(vif->path));
	vif->has_mac = json_object_get(obj, "mac") != NULL;
	vif->allow = json_object_get(obj, "allow_src") != NULL;
	if (check_carrier(d, where, obj, &vif->conf) != 0 ||
	    check_macs(d, where, obj, &vif->conf) != 0 ||
	    check_tunnel(d, where, obj, &vif->conf) != 0)
		return -1;
	return check_mtu(d, where, &vif->conf);
}
