/* SPDX-License-Identifier: BSD-3-Clause */
/* RTM_NEWROUTE and RTM_DELROUTE into one structure. Pure: nothing but the message is looked at. */
#include <net/if.h>

#include <libmnl/libmnl.h>

#include "mirror_priv.h"

static size_t address_size(unsigned int family)
{
	return family == 4 ? 4 : 16;
}

static uint32_t get32(const struct nlattr *attr)
{
	uint32_t v = 0;

	if (mnl_attr_get_payload_len(attr) >= sizeof(v))
		memcpy(&v, mnl_attr_get_payload(attr), sizeof(v));
	return v;
}

static bool get_address(const struct nlattr *attr, unsigned int family, uint8_t *out)
{
	if (mnl_attr_get_payload_len(attr) != address_size(family))
		return false;
	memcpy(out, mnl_attr_get_payload(attr), address_size(family));
	return true;
}

/* RTA_VIA: a gateway of the other family (RFC 8950). */
static bool get_via(const struct nlattr *attr, uint8_t *family, uint8_t *out)
{
	const size_t size = mnl_attr_get_payload_len(attr);
	const struct rtvia *via = mnl_attr_get_payload(attr);

	if (size < sizeof(*via) || (via->rtvia_family != AF_INET && via->rtvia_family != AF_INET6))
		return false;
	*family = via->rtvia_family == AF_INET ? 4 : 6;
	if (size != sizeof(*via) + address_size(*family))
		return false;
	memcpy(out, via->rtvia_addr, address_size(*family));
	return true;
}

static bool parse_attributes(const struct nlmsghdr *nlh, struct mirror_msg *out, uint32_t *table)
{
	const unsigned int family = out->prefix.family;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct rtmsg))
	{
		switch (mnl_attr_get_type(attr)) {
		case RTA_TABLE:
			*table = get32(attr);
			break;
		case RTA_DST:
			if (!get_address(attr, family, out->prefix.bytes))
				return false;
			break;
		case RTA_PRIORITY:
			out->metric = get32(attr);
			break;
		case RTA_OIF:
			out->ifindex = (int32_t)get32(attr);
			break;
		case RTA_GATEWAY:
			out->gateway_family = (uint8_t)family;
			if (!get_address(attr, family, out->gateway))
				return false;
			break;
		case RTA_VIA:
			if (!get_via(attr, &out->gateway_family, out->gateway))
				return false;
			break;
		case RTA_MULTIPATH:
			out->multipath = attr;
			break;
		case RTA_NH_ID:
			out->object = get32(attr);
			break;
		case RTA_ENCAP_TYPE:
			out->encap = true;
			break;
		default:
			break;
		}
	}
	return true;
}

/* Bits behind the length would make two of one prefix. */
static bool canonical(struct pdp_fib_prefix *p)
{
	const unsigned int max = p->family == 4 ? 32 : 128;

	if (p->len > max)
		return false;
	for (unsigned int bit = p->len; bit < max && bit % 8 != 0; bit++)
		p->bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	for (unsigned int i = (p->len + 7u) / 8; i < sizeof(p->bytes); i++)
		p->bytes[i] = 0;
	return true;
}

enum mirror_parsed mirror_route_parse(const struct nlmsghdr *nlh, struct mirror_msg *out)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	uint32_t table;

	memset(out, 0, sizeof(*out));
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm))
		return MIRROR_ROUTE_BAD;
	if (rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6)
		return MIRROR_ROUTE_IGNORED;
	out->prefix.family = rtm->rtm_family == AF_INET ? 4 : 6;
	out->prefix.len = rtm->rtm_dst_len;
	out->flags = nlh->nlmsg_flags;
	out->add = nlh->nlmsg_type == RTM_NEWROUTE;
	out->tos = out->prefix.family == 4 ? rtm->rtm_tos : 0;
	out->type = rtm->rtm_type;
	out->protocol = rtm->rtm_protocol;
	out->dead = rtm->rtm_flags & RTNH_F_DEAD;
	table = rtm->rtm_table;
	if (!parse_attributes(nlh, out, &table) || !canonical(&out->prefix))
		return MIRROR_ROUTE_BAD;
	if (rtm->rtm_flags & RTM_F_CLONED)
		return MIRROR_ROUTE_IGNORED;
	if (table != RT_TABLE_MAIN && table != RT_TABLE_LOCAL)
		return MIRROR_ROUTE_OTHER_TABLE;
	if (rtm->rtm_src_len != 0)
		return MIRROR_ROUTE_BY_SOURCE;
	out->table = table == RT_TABLE_LOCAL ? MIRROR_TABLE_LOCAL : MIRROR_TABLE_MAIN;
	return MIRROR_ROUTE_OK;
}

static struct mirror_hop_key key_of(const struct mirror_msg *msg, int32_t ifindex,
				    unsigned int family, const uint8_t *gateway, bool encap)
{
	struct mirror_hop_key key = {0};

	/* What has to be encapsulated is for the kernel. */
	key.kind = encap ? MIRROR_LOCAL : family != 0 ? MIRROR_GATEWAY : MIRROR_LINK;
	switch (msg->type) {
	case RTN_UNICAST:
		break;
	case RTN_BLACKHOLE:
		key.kind = MIRROR_BLACKHOLE;
		break;
	case RTN_UNREACHABLE:
	case RTN_THROW:
		key.kind = MIRROR_UNREACHABLE;
		break;
	case RTN_PROHIBIT:
		key.kind = MIRROR_PROHIBIT;
		break;
	default:
		key.kind = MIRROR_LOCAL;
		break;
	}
	if (key.kind < MIRROR_LINK)
		return key;
	key.ifindex = ifindex;
	if (key.kind == MIRROR_GATEWAY) {
		key.family = (uint8_t)family;
		memcpy(key.address, gateway, address_size(family));
	}
	return key;
}

static bool one_of_many(const struct mirror_msg *msg, const struct rtnexthop *nh,
			struct mirror_hop_key *key)
{
	const struct nlattr *attr = (const struct nlattr *)(nh + 1);
	const uint8_t *end = (const uint8_t *)nh + nh->rtnh_len;
	uint8_t gateway[16] = {0}, family = 0;
	bool encap = false;

	for (; mnl_attr_ok(attr, (int)(end - (const uint8_t *)attr)); attr = mnl_attr_next(attr)) {
		switch (mnl_attr_get_type(attr)) {
		case RTA_GATEWAY:
			family = msg->prefix.family;
			if (!get_address(attr, family, gateway))
				return false;
			break;
		case RTA_VIA:
			if (!get_via(attr, &family, gateway))
				return false;
			break;
		case RTA_ENCAP_TYPE:
			encap = true;
			break;
		default:
			break;
		}
	}
	*key = key_of(msg, nh->rtnh_ifindex, family, gateway, encap);
	return true;
}

unsigned int mirror_route_hops(const struct mirror_msg *msg, struct mirror_hop_key *keys,
			       struct mirror_member *members)
{
	const uint8_t *at, *end;
	unsigned int n = 0;

	if (msg->multipath == NULL) {
		keys[0] = key_of(msg, msg->ifindex, msg->gateway_family, msg->gateway, msg->encap);
		members[0] = (struct mirror_member){.weight = 1, .dead = msg->dead};
		return 1;
	}
	at = mnl_attr_get_payload(msg->multipath);
	end = at + mnl_attr_get_payload_len(msg->multipath);
	while ((size_t)(end - at) >= sizeof(struct rtnexthop) && n < MIRROR_MEMBERS_MAX) {
		const struct rtnexthop *nh = (const struct rtnexthop *)at;

		if (nh->rtnh_len < sizeof(*nh) || nh->rtnh_len > end - at ||
		    !one_of_many(msg, nh, &keys[n]))
			return 0;
		members[n].hop = 0;
		members[n].weight = (uint16_t)(nh->rtnh_hops + 1);
		members[n].dead = (nh->rtnh_flags & RTNH_F_DEAD) != 0;
		n++;
		if (RTNH_ALIGN(nh->rtnh_len) >= end - at)
			break;
		at += RTNH_ALIGN(nh->rtnh_len);
	}
	return n;
}
