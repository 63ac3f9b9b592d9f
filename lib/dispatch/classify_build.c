/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Making a classifier from what the vifs match, and refusing overlap with a sentence.
 *
 * Runs in the primary's control thread; MD lcores get the result by one pointer store (lib/engine).
 * Never on the packet path.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "classify_priv.h"

/* One source prefix of one vif, for sorting. */
struct claim {
	struct pdp_prefix prefix;
	uint16_t port;
	uint16_t gid;
	uint32_t entry;
};

/* The classifier under construction, and where to say what is wrong. */
struct build {
	struct pdp_classifier *cls;
	const struct pdp_match *matches;
	struct claim *claims;
	unsigned int n_claims;
	char *err;
	size_t err_size;
	unsigned int *other;
};

__attribute__((format(printf, 2, 3))) static int invalid(struct build *b, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(b->err, b->err_size, format, args);
	va_end(args);
	return -EINVAL;
}

/* "#i and #j both match WHAT on port P." */
__attribute__((format(printf, 4, 5))) static int overlap(struct build *b, unsigned int i,
							 unsigned int j, const char *format, ...)
{
	unsigned int low = i < j ? i : j, high = i < j ? j : i;
	va_list args;
	int n;

	b->other[0] = low;
	b->other[1] = high;
	n = snprintf(b->err, b->err_size, "#%u and #%u both match ", low, high);
	if (n >= 0 && (size_t)n < b->err_size) {
		va_start(args, format);
		vsnprintf(b->err + n, b->err_size - (size_t)n, format, args);
		va_end(args);
	}
	return -EEXIST;
}

static const char *address_text(const struct pdp_ip *ip, char text[48])
{
	const uint8_t *b = ip->bytes;

	if (ip->family == 4)
		snprintf(text, 48, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
	else
		snprintf(text, 48, "%x:%x:%x:%x:%x:%x:%x:%x", pdp_get16(b), pdp_get16(b + 2),
			 pdp_get16(b + 4), pdp_get16(b + 6), pdp_get16(b + 8), pdp_get16(b + 10),
			 pdp_get16(b + 12), pdp_get16(b + 14));
	return text;
}

static int add_vlan(struct build *b, struct cls_port *port, unsigned int i)
{
	const struct pdp_vif_conf *conf = b->matches[i].conf;
	uint32_t *entry;

	if (conf->vlan < 1 || conf->vlan > 4094)
		return invalid(b, "#%u: VLAN %u is not in 1..4094", i, conf->vlan);
	if (port->vlans == NULL)
		port->vlans = calloc(4096, sizeof(*port->vlans));
	if (port->vlans == NULL)
		return -ENOMEM;
	entry = &port->vlans[conf->vlan];
	if (*entry != 0)
		return overlap(b, pdp_classify_gid(*entry), i, "VLAN %u on port %u", conf->vlan,
			       conf->port);
	*entry = cls_entry((uint16_t)i,
			   conf->kind == PDP_VIF_IP ? PDP_ETH_SIZE + PDP_VLAN_SIZE : 0);
	port->has |= CLS_HAS_VLAN;
	return 0;
}

static int add_vni(struct build *b, struct cls_port *port, unsigned int i, uint32_t endpoint)
{
	const struct pdp_vif_conf *conf = b->matches[i].conf;
	struct cls_key key = {{conf->vni, endpoint}, CLS_KEY_VNI};
	uint32_t before = cls_map_get(&port->map, &key);
	char text[48];

	if (before != 0)
		return overlap(b, pdp_classify_gid(before), i, "VNI %u at %s UDP %u on port %u",
			       conf->vni, address_text(&conf->local, text), conf->udp_port,
			       conf->port);
	return cls_map_put(&port->map, &key,
			   cls_entry((uint16_t)i, conf->kind == PDP_VIF_IP ? PDP_ETH_SIZE : 0));
}

static int add_endpoint(struct build *b, struct cls_port *port, unsigned int i, struct cls_key *key)
{
	const struct pdp_vif_conf *conf = b->matches[i].conf;
	bool vxlan = conf->carrier == PDP_CARRIER_VXLAN;
	uint32_t value = 0;
	char text[48];
	int ret;

	if (port->map.slots != NULL)
		value = cls_map_get(&port->map, key);
	if (value != 0 && !(vxlan && (value & CLS_ENDPOINT)))
		return overlap(b, pdp_classify_gid(value), i, "%s UDP %u on port %u",
			       address_text(&conf->local, text), conf->udp_port, conf->port);
	if (value == 0) {
		value = vxlan ? CLS_ENDPOINT | i : cls_entry((uint16_t)i, 0);
		ret = cls_map_put(&port->map, key, value);
		if (ret != 0)
			return ret;
	}
	return vxlan ? add_vni(b, port, i, value) : 0;
}

static int add_tunnel(struct build *b, struct cls_port *port, unsigned int i)
{
	const struct pdp_vif_conf *conf = b->matches[i].conf;
	struct cls_key key = {.address = {0}};
	bool v6 = conf->local.family == 6;
	int ret;

	if (conf->local.family != 4 && !v6)
		return invalid(b, "#%u: a tunnel needs a local address", i);
	if (conf->udp_port == 0 || conf->vni >= 1u << 24)
		return invalid(b, "#%u: UDP port 0 or a VNI over 24 bits", i);
	memcpy(key.address, conf->local.bytes, v6 ? 16 : 4);
	key.what = (v6 ? CLS_KEY_UDP6 : CLS_KEY_UDP4) | (uint32_t)conf->udp_port;
	ret = add_endpoint(b, port, i, &key);
	if (ret != 0)
		return ret;
	port->has |= v6 ? CLS_HAS_TUNNEL6 : CLS_HAS_TUNNEL4;
	key.what = v6 ? CLS_KEY_ADDR6 : CLS_KEY_ADDR4;
	return cls_map_get(&port->map, &key) != 0 ? 0 : cls_map_put(&port->map, &key, CLS_SET);
}

static bool prefix_valid(const struct pdp_prefix *prefix)
{
	unsigned int i, bits = prefix->addr.family == 4 ? 32 : 128;

	if ((prefix->addr.family != 4 && prefix->addr.family != 6) || prefix->len > bits)
		return false;
	for (i = prefix->len; i < bits; i++) {
		if (prefix->addr.bytes[i / 8] & (0x80 >> i % 8))
			return false;
	}
	return true;
}

static int add_raw(struct build *b, struct cls_port *port, unsigned int i)
{
	const struct pdp_match *match = &b->matches[i];
	const struct pdp_vif_conf *conf = match->conf;
	uint32_t entry = cls_entry((uint16_t)i, conf->kind == PDP_VIF_IP ? PDP_ETH_SIZE : 0);
	unsigned int p;

	if (match->prefixes == NULL) {
		if (port->otherwise & CLS_SET)
			return overlap(b, pdp_classify_gid(port->otherwise), i,
				       "the whole of port %u", conf->port);
		port->otherwise = entry;
		return 0;
	}
	for (p = 0; p < match->n_prefixes; p++) {
		if (!prefix_valid(&match->prefixes[p]))
			return invalid(b, "#%u: source prefix %u has host bits or a wrong length",
				       i, p);
		b->claims[b->n_claims++] = (struct claim){.prefix = match->prefixes[p],
							  .port = conf->port,
							  .gid = (uint16_t)i,
							  .entry = entry};
	}
	return 0;
}

/* By port, family, length (shortest first, as the trie wants), address. */
static int compare_claims(const void *left, const void *right)
{
	const struct claim *a = left, *b = right;

	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	if (a->prefix.addr.family != b->prefix.addr.family)
		return a->prefix.addr.family < b->prefix.addr.family ? -1 : 1;
	if (a->prefix.len != b->prefix.len)
		return a->prefix.len < b->prefix.len ? -1 : 1;
	return memcmp(a->prefix.addr.bytes, b->prefix.addr.bytes,
		      a->prefix.addr.family == 4 ? 4 : 16);
}

static int add_claims(struct build *b)
{
	unsigned int i;
	char text[48];

	if (b->n_claims > 0)
		qsort(b->claims, b->n_claims, sizeof(*b->claims), compare_claims);
	for (i = 0; i < b->n_claims; i++) {
		const struct claim *c = &b->claims[i];
		struct cls_port *port = &b->cls->ports[c->port];
		bool v6 = c->prefix.addr.family == 6;

		/* one vif may say the same twice */
		if (i > 0 && compare_claims(c - 1, c) == 0 && c[-1].gid != c->gid)
			return overlap(b, c[-1].gid, c->gid, "source prefix %s/%u on port %u",
				       address_text(&c->prefix.addr, text), c->prefix.len, c->port);
		if (cls_trie_put(v6 ? &port->trie6 : &port->trie4, c->prefix.addr.bytes,
				 c->prefix.len, c->entry) != 0)
			return -ENOMEM;
		port->has |= v6 ? CLS_HAS_PREFIX6 : CLS_HAS_PREFIX4;
	}
	return 0;
}

static int add_match(struct build *b, unsigned int i)
{
	const struct pdp_vif_conf *conf = b->matches[i].conf;
	struct cls_port *port = &b->cls->ports[conf->port];

	switch (conf->carrier) {
	case PDP_CARRIER_RAW:
		return add_raw(b, port, i);
	case PDP_CARRIER_VLAN:
		return add_vlan(b, port, i);
	case PDP_CARRIER_UDP:
	case PDP_CARRIER_VXLAN:
		return add_tunnel(b, port, i);
	default:
		return invalid(b, "#%u: carrier %u is unknown", i, conf->carrier);
	}
}

static int make_ports(struct build *b, unsigned int n)
{
	unsigned int i, n_ports = 0, n_prefixes = 0;

	for (i = 0; i < n; i++) {
		if (b->matches[i].conf->port + 1u > n_ports)
			n_ports = b->matches[i].conf->port + 1u;
		if (b->matches[i].prefixes != NULL)
			n_prefixes += b->matches[i].n_prefixes;
	}
	b->cls->ports = calloc(n_ports + 1, sizeof(*b->cls->ports));
	b->claims = calloc(n_prefixes + 1, sizeof(*b->claims));
	if (b->cls->ports == NULL || b->claims == NULL)
		return -ENOMEM;
	b->cls->n_ports = n_ports;
	for (i = 0; i < n_ports; i++)
		b->cls->ports[i].otherwise = CLS_DROP(PDP_CLS_NO_MATCH);
	return 0;
}

static int build_all(struct build *b, unsigned int n)
{
	unsigned int i;
	int ret;

	if (n >= PDP_GID_MAX)
		return invalid(b, "%u vifs are too many: the most is %u", n, PDP_GID_MAX - 1);
	ret = make_ports(b, n);
	for (i = 0; ret == 0 && i < n; i++)
		ret = add_match(b, i);
	if (ret == 0)
		ret = add_claims(b);
	for (i = 0; ret == 0 && i < b->cls->n_ports; i++)
		b->cls->ports[i].otherwise &= CLS_RESULT_MASK;
	return ret;
}

struct pdp_classifier *pdp_classifier_create(const struct pdp_match *matches, unsigned int n,
					     char *err, size_t err_size, unsigned int other[2])
{
	struct build b = {.matches = matches, .err = err, .err_size = err_size, .other = other};
	int ret = -ENOMEM;

	b.cls = calloc(1, sizeof(*b.cls));
	if (b.cls != NULL)
		ret = build_all(&b, n);
	free(b.claims);
	if (ret == 0)
		return b.cls;
	if (ret == -ENOMEM)
		snprintf(err, err_size, "out of memory for the classifier");
	pdp_classifier_destroy(b.cls);
	errno = -ret;
	return NULL;
}

void pdp_classifier_destroy(struct pdp_classifier *cls)
{
	unsigned int i;

	if (cls == NULL)
		return;
	for (i = 0; i < cls->n_ports; i++) {
		free(cls->ports[i].vlans);
		cls_map_free(&cls->ports[i].map);
		cls_trie_free(&cls->ports[i].trie4);
		cls_trie_free(&cls->ports[i].trie6);
	}
	free(cls->ports);
	free(cls);
}
