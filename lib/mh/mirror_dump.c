/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages as they come, and rounds of dumps: links, addresses, objects, neighbours, routes, rules.
 * Each dump flips what its marks mean; what it did not mention, nor an event meanwhile, goes.
 *
 * A doubt asks for a round of everything. Doubts of 10 ms make one round, and rounds take half of
 * the time at most.
 */
#include <errno.h>

#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/netconf.h>
#include <linux/nexthop.h>

#include "mirror_priv.h"

enum { GATHER_MS = 10, BACKOFF_MS = 100, BACKOFF_MAX = 6, POSTPONE_MAX = 2 };

static uint64_t now_ms(void)
{
	return mirror_now_ns() / 1000000;
}

void mirror_want(struct pdp_mirror *m, uint32_t dumps)
{
	if (m->wanted == 0)
		m->wanted_ms = now_ms();
	m->wanted |= dumps;
}

void mirror_doubt(struct pdp_mirror *m)
{
	m->stats.doubts++;
	mirror_want(m, MIRROR_DUMP_ALL);
}

void pdp_mirror_doubt(struct pdp_mirror *m)
{
	mirror_doubt(m);
}

uint64_t mirror_round_ms(const struct pdp_mirror *m)
{
	const uint32_t failures = m->failures < BACKOFF_MAX ? m->failures : BACKOFF_MAX;
	uint64_t at;

	if (m->wanted == 0 || m->round != 0 || m->dumping >= 0)
		return UINT64_MAX;
	if (!m->complete && m->failures == 0)
		return 0;
	at = m->ended_ms + m->stats.dump_ns / 1000000;
	if (failures > 0)
		at += (uint64_t)BACKOFF_MS << failures;
	return at > m->wanted_ms + GATHER_MS ? at : m->wanted_ms + GATHER_MS;
}

static size_t header_size(enum mirror_dump d)
{
	static const size_t sizes[] = {
		[MIRROR_DUMP_LINKS] = sizeof(struct ifinfomsg),
		[MIRROR_DUMP_ADDRESSES] = sizeof(struct ifaddrmsg),
		[MIRROR_DUMP_OBJECTS] = sizeof(struct nhmsg),
		[MIRROR_DUMP_NEIGHS] = sizeof(struct ndmsg),
		[MIRROR_DUMP_ROUTES4] = sizeof(struct rtmsg),
		[MIRROR_DUMP_ROUTES6] = sizeof(struct rtmsg),
		[MIRROR_DUMP_RULES] = sizeof(struct fib_rule_hdr),
	};

	return sizes[d];
}

static void dump_done(struct pdp_mirror *m, bool ok);

void mirror_dump_begin(struct pdp_mirror *m, enum mirror_dump d)
{
	m->mark[d] = !m->mark[d];
	m->dump_spoilt = false;
	m->n_deleted = 0;
	m->n_gone = 0;
	m->dumping = (int)d;
}

/* @return false: it could not be asked for; the round goes on without */
static bool ask(struct pdp_mirror *m, enum mirror_dump d)
{
	static const uint16_t types[] = {
		[MIRROR_DUMP_LINKS] = RTM_GETLINK,	[MIRROR_DUMP_ADDRESSES] = RTM_GETADDR,
		[MIRROR_DUMP_OBJECTS] = RTM_GETNEXTHOP, [MIRROR_DUMP_NEIGHS] = RTM_GETNEIGH,
		[MIRROR_DUMP_ROUTES4] = RTM_GETROUTE,	[MIRROR_DUMP_ROUTES6] = RTM_GETROUTE,
		[MIRROR_DUMP_RULES] = RTM_GETRULE,
	};
	char buffer[64] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	uint8_t *family = mnl_nlmsg_put_extra_header(nlh, header_size(d));

	nlh->nlmsg_type = types[d];
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	/* All these headers begin with their family. */
	if (d == MIRROR_DUMP_ROUTES4 || d == MIRROR_DUMP_ROUTES6)
		*family = d == MIRROR_DUMP_ROUTES4 ? AF_INET : AF_INET6;
	mirror_dump_begin(m, d);
	if (mirror_socket_send(m, nlh) != 0)
		return false;
	m->dump_seq = nlh->nlmsg_seq;
	return true;
}

static void round_end(struct pdp_mirror *m)
{
	const uint64_t now = mirror_now_ns();

	if (!m->round_full)
		return;
	m->stats.dump_ns = now - m->round_ns;
	m->ended_ms = now / 1000000;
	if (!m->round_ok) {
		m->failures++;
		mirror_want(m, MIRROR_DUMP_ALL);
		return;
	}
	m->failures = 0;
	m->stats.dumps++;
	m->stats.dump_routes = m->dump_routes;
	m->stats.other_tables = m->dump_other;
	m->stats.by_source = m->dump_by_source;
	m->complete = true;
}

static void next_dump(struct pdp_mirror *m)
{
	while (m->round != 0) {
		const unsigned int d = (unsigned int)__builtin_ctz(m->round);

		m->round &= m->round - 1;
		if (ask(m, (enum mirror_dump)d))
			return;
		dump_done(m, false);
	}
	m->dumping = -1;
	round_end(m);
}

void mirror_round_begin(struct pdp_mirror *m)
{
	m->round = m->wanted;
	m->round_full = m->wanted == MIRROR_DUMP_ALL;
	m->wanted = 0;
	m->round_ok = true;
	m->round_ns = mirror_now_ns();
	m->dump_routes = m->dump_other = m->dump_by_source = m->dump_rules = 0;
	next_dump(m);
}

static bool is_stale(struct pdp_mirror *m, uint32_t route, uint64_t mark)
{
	return (route & MIRROR_MARK) != mark &&
	       mirror_path_at(m, route)->key.table != MIRROR_TABLE_NEIGH;
}

/*
 * Deletions under way can make a dump of IPv6 pass over others (the kernel begins anew and skips as
 * many as it had): what it did not mention then stays until the next one, twice. One of IPv4 can
 * lose a neighbour of what went, at the edge of a part: the next one brings it back.
 */
static void sweep_routes(struct pdp_mirror *m, unsigned int family, bool ok)
{
	const enum mirror_dump d = family == 4 ? MIRROR_DUMP_ROUTES4 : MIRROR_DUMP_ROUTES6;
	const uint32_t mark = m->mark[d] ? MIRROR_MARK : 0;

	if (ok && family == 6 && m->n_deleted > 0 && m->postponed < POSTPONE_MAX) {
		m->postponed++;
		m->round_ok = false;
		ok = false;
	} else if (ok && family == 6) {
		m->postponed = 0;
	}
	if (!ok)
		mirror_rib_mark_all(m, family, m->mark[d]);
	else if (mirror_rib_remove(m, family, is_stale, mark) > 0 && m->n_deleted > 0)
		mirror_doubt(m);
}

static void dump_done(struct pdp_mirror *m, bool ok)
{
	ok = ok && !m->dump_spoilt;
	if (!ok) {
		m->round_ok = false;
		m->stats.dump_failures++;
	}
	switch (m->dumping) {
	case MIRROR_DUMP_LINKS:
		mirror_links_swept(m, ok);
		break;
	case MIRROR_DUMP_ADDRESSES:
		mirror_addresses_swept(m, ok);
		break;
	case MIRROR_DUMP_OBJECTS:
		mirror_objects_swept(m, ok);
		break;
	case MIRROR_DUMP_NEIGHS:
		mirror_neighs_swept(m, ok);
		break;
	case MIRROR_DUMP_ROUTES4:
		sweep_routes(m, 4, ok);
		break;
	case MIRROR_DUMP_ROUTES6:
		sweep_routes(m, 6, ok);
		break;
	default:
		m->stats.rules = m->dump_rules;
		break;
	}
}

static void rule_message(struct pdp_mirror *m, const struct nlmsghdr *nlh, bool dump)
{
	const struct fib_rule_hdr *frh = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	uint32_t priority = 0;

	if (!dump) {
		mirror_want(m, 1u << MIRROR_DUMP_RULES);
		return;
	}
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*frh)) {
		m->stats.bad_messages++;
		return;
	}
	if (frh->family != AF_INET && frh->family != AF_INET6)
		return;
	mnl_attr_for_each(attr, nlh, sizeof(*frh))
	{
		if (mnl_attr_get_type(attr) == FRA_PRIORITY &&
		    mnl_attr_get_payload_len(attr) >= sizeof(priority))
			memcpy(&priority, mnl_attr_get_payload(attr), sizeof(priority));
	}
	/* The kernel's own are 0, 32766 and 32767. */
	m->dump_rules += !((priority == 0 && frh->table == RT_TABLE_LOCAL) ||
			   (priority == 32766 && frh->table == RT_TABLE_MAIN) ||
			   (priority == 32767 && frh->table == RT_TABLE_DEFAULT));
}

/* One setting that changed comes alone; a new link's come together. */
static void netconf_message(struct pdp_mirror *m, const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;
	bool linkdown = false, others = false;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct netconfmsg))
		return;
	mnl_attr_for_each(attr, nlh, sizeof(struct netconfmsg))
	{
		const unsigned int type = mnl_attr_get_type(attr);

		linkdown |= type == NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN;
		others |= type == NETCONFA_FORWARDING;
	}
	if (linkdown && !others)
		mirror_doubt(m);
}

static void other_message(struct pdp_mirror *m, const struct nlmsghdr *nlh, bool dump)
{
	switch (nlh->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		mirror_link_message(m, nlh, dump);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		mirror_address_message(m, nlh, dump);
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		mirror_neigh_message(m, nlh, dump);
		break;
	case RTM_NEWNEXTHOP:
	case RTM_DELNEXTHOP:
		mirror_object_message(m, nlh, dump);
		break;
	case RTM_NEWRULE:
	case RTM_DELRULE:
		rule_message(m, nlh, dump);
		break;
	case RTM_NEWNETCONF:
		netconf_message(m, nlh);
		break;
	default:
		break;
	}
}

/* How a dump, or a request of ours, ended. */
static void control_message(struct pdp_mirror *m, const struct nlmsghdr *nlh, bool dump)
{
	int error = 0;

	if (nlh->nlmsg_type == NLMSG_OVERRUN)
		mirror_doubt(m);
	if (!dump || (nlh->nlmsg_type != NLMSG_DONE && nlh->nlmsg_type != NLMSG_ERROR))
		return;
	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(error))
		memcpy(&error, mnl_nlmsg_get_payload(nlh), sizeof(error));
	/* Kernels without objects or rules have none. */
	if (error == -EOPNOTSUPP &&
	    (m->dumping == MIRROR_DUMP_OBJECTS || m->dumping == MIRROR_DUMP_RULES))
		error = 0;
	dump_done(m, error == 0);
	next_dump(m);
}

/* libmnl takes a length from 2^31 on for a negative one, which is never too long. */
static bool is_whole(const struct nlmsghdr *nlh, int left)
{
	return mnl_nlmsg_ok(nlh, left) && nlh->nlmsg_len <= (uint32_t)left;
}

void mirror_datagram(struct pdp_mirror *m, const void *data, size_t size)
{
	const struct nlmsghdr *nlh = data;
	int left = (int)size;
	bool part = false;

	for (; is_whole(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		const bool dump = m->dumping >= 0 && nlh->nlmsg_pid == m->port &&
				  nlh->nlmsg_seq == m->dump_seq;

		m->stats.messages++;
		m->stats.events += !dump;
		part |= dump;
		if (dump && nlh->nlmsg_flags & NLM_F_DUMP_INTR)
			m->dump_spoilt = true;
		if (nlh->nlmsg_type == RTM_NEWROUTE || nlh->nlmsg_type == RTM_DELROUTE) {
			mirror_route_message(m, nlh, dump);
			continue;
		}
		mirror_batch_flush(m);
		if (nlh->nlmsg_type < NLMSG_MIN_TYPE)
			control_message(m, nlh, dump);
		else
			other_message(m, nlh, dump);
	}
	if (left > 0) {
		m->stats.bad_messages++;
		m->dump_spoilt |= m->dumping >= 0;
		mirror_doubt(m);
	}
	if (part) {
		mirror_batch_flush(m);
		m->n_gone = 0;
	}
}
