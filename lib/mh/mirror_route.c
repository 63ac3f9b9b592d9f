/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a route message does to the routes of its prefix, as the kernel does it.
 *
 * Order: table local first, then by TOS (IPv4, highest first), then by metric; routes that are
 * equal in all of these are a class. IPv4 (fib_table_insert): a new route comes first in its class,
 * NLM_F_APPEND last, NLM_F_REPLACE takes the place of the first. IPv6 (fib6_add_rt2node): last in
 * its class; routes by gateways are one multipath route, of which every message tells all next
 * hops; NLM_F_REPLACE prefers one of its own kind.
 *
 * While routes are dumped, what an event said of a route is newer than what the dump says, or the
 * same: only what no event mentioned is taken from it. A dump's part that was filled before an
 * event and queued behind it could bring back what the event removed: `gone` remembers these until
 * the part is through.
 */
#include <errno.h>

#include "mirror_priv.h"

/** A class of a prefix: routes[low .. high - 1]. */
struct class {
	uint32_t low, high;
};

static enum mirror_dump dump_of(unsigned int family)
{
	return family == 4 ? MIRROR_DUMP_ROUTES4 : MIRROR_DUMP_ROUTES6;
}

static uint32_t mark_of(const struct pdp_mirror *m, unsigned int family)
{
	return m->mark[dump_of(family)] ? MIRROR_MARK : 0;
}

/* < 0: tried before the message's route; 0: the same class. */
static int order(const struct mirror_path_key *k, const struct mirror_msg *msg)
{
	if (k->table != msg->table)
		return k->table > msg->table ? -1 : 1;
	if (k->tos != msg->tos)
		return k->tos > msg->tos ? -1 : 1;
	return (k->metric > msg->metric) - (k->metric < msg->metric);
}

static struct class class_of(const struct pdp_mirror *m, const struct mirror_entry *e,
			     const struct mirror_msg *msg)
{
	struct class c = {0, 0};

	while (c.low < e->n && order(&mirror_path_at(m, e->routes[c.low])->key, msg) < 0)
		c.low++;
	c.high = c.low;
	while (c.high < e->n && order(&mirror_path_at(m, e->routes[c.high])->key, msg) == 0)
		c.high++;
	return c;
}

/* @return index, or c.high: none */
static uint32_t find(const struct mirror_entry *e, struct class c, uint32_t path)
{
	while (c.low < c.high && (e->routes[c.low] & MIRROR_INDEX) != path)
		c.low++;
	return c.low;
}

/* IPv6: may be part of a multipath route, or all of it. */
static bool may_append(const struct pdp_mirror *m, uint32_t route)
{
	const struct mirror_path *p = mirror_path_at(m, route);

	return p->gateways && p->key.protocol != RTPROT_RA;
}

static uint32_t find_kind(const struct pdp_mirror *m, const struct mirror_entry *e, struct class c,
			  bool kind)
{
	while (c.low < c.high && may_append(m, e->routes[c.low]) != kind)
		c.low++;
	return c.low;
}

static void set_mark(const struct pdp_mirror *m, struct mirror_entry *e, uint32_t i)
{
	const uint32_t mark = mark_of(m, e->prefix.family);

	e->routes[i] = (e->routes[i] & ~MIRROR_MARK) | mark;
	if (e->list == 0 && e->at != NULL)
		*e->at = (*e->at & ~MIRROR_MARK) | mark;
}

static bool being_dumped(const struct pdp_mirror *m, unsigned int family)
{
	return m->dumping == (int)dump_of(family);
}

static void remember_gone(struct pdp_mirror *m, const struct mirror_entry *e, uint32_t route)
{
	if (!being_dumped(m, e->prefix.family))
		return;
	if (m->n_gone == MIRROR_GONE) {
		m->dump_spoilt = true;
		return;
	}
	m->gone[m->n_gone].prefix = e->prefix;
	m->gone[m->n_gone++].path = route & MIRROR_INDEX;
}

static bool is_gone(const struct pdp_mirror *m, const struct mirror_entry *e, uint32_t path)
{
	for (uint32_t i = 0; i < m->n_gone; i++) {
		if (m->gone[i].path == path &&
		    memcmp(&m->gone[i].prefix, &e->prefix, sizeof(e->prefix)) == 0)
			return true;
	}
	return false;
}

static void insert(struct pdp_mirror *m, struct mirror_entry *e, uint32_t at, uint32_t path)
{
	if (mirror_entry_insert(m, e, at, path | mark_of(m, e->prefix.family)) == 0)
		mirror_entry_store(m, e);
	else
		mirror_doubt(m);
}

static void replace(struct pdp_mirror *m, struct mirror_entry *e, uint32_t at, uint32_t path)
{
	const uint32_t old = e->routes[at];

	remember_gone(m, e, old);
	e->routes[at] = path | mark_of(m, e->prefix.family);
	mirror_entry_store(m, e);
	mirror_path_put(m, old);
}

static void remove_at(struct pdp_mirror *m, struct mirror_entry *e, uint32_t at)
{
	const uint32_t old = mirror_entry_remove(m, e, at);

	remember_gone(m, e, old);
	mirror_entry_store(m, e);
	mirror_path_put(m, old);
}

static void add4(struct pdp_mirror *m, const struct mirror_msg *msg, struct mirror_entry *e,
		 struct class c, uint32_t path)
{
	if (msg->flags & NLM_F_REPLACE && c.low < c.high) {
		replace(m, e, c.low, path);
		return;
	}
	if (msg->flags & NLM_F_REPLACE)
		mirror_doubt(m);
	insert(m, e, msg->flags & NLM_F_APPEND ? c.high : c.low, path);
}

static void add6(struct pdp_mirror *m, const struct mirror_msg *msg, struct mirror_entry *e,
		 struct class c, uint32_t path)
{
	const bool kind = may_append(m, path);
	uint32_t at = find_kind(m, e, c, kind);

	if (msg->flags & NLM_F_REPLACE && c.low < c.high) {
		replace(m, e, at < c.high ? at : c.low, path);
		return;
	}
	if (msg->flags & NLM_F_REPLACE)
		mirror_doubt(m);
	if (kind && at < c.high)
		replace(m, e, at, path);
	else
		insert(m, e, c.high, path);
}

static void add(struct pdp_mirror *m, const struct mirror_msg *msg, struct mirror_entry *e,
		uint32_t path)
{
	const struct class c = class_of(m, e, msg);
	const uint32_t at = find(e, c, path);

	if (at < c.high) {
		set_mark(m, e, at);
		mirror_path_put(m, path);
	} else if (e->prefix.family == 4) {
		add4(m, msg, e, c, path);
	} else {
		add6(m, msg, e, c, path);
	}
}

static bool is_marked(const struct pdp_mirror *m, const struct mirror_entry *e, uint32_t i)
{
	return (e->routes[i] & MIRROR_MARK) == mark_of(m, e->prefix.family);
}

/* Behind those of its class that the dump, or an event, has mentioned: in the kernel's order. */
static void add_dumped(struct pdp_mirror *m, const struct mirror_msg *msg, struct mirror_entry *e,
		       uint32_t path)
{
	const struct class c = class_of(m, e, msg);
	uint32_t at = find(e, c, path), to = c.high, kin;

	while (to > c.low && !is_marked(m, e, to - 1))
		to--;
	if (at < c.high) {
		mirror_path_put(m, path);
		if (is_marked(m, e, at))
			return;
		set_mark(m, e, at);
		if (at == to)
			return;
		path = mirror_entry_remove(m, e, at) & MIRROR_INDEX;
		insert(m, e, to, path);
		return;
	}
	kin = find_kind(m, e, c, true);
	if (e->prefix.family == 6 && may_append(m, path) && kin < c.high)
		replace(m, e, kin, path);
	else
		insert(m, e, to, path);
}

/* The kernel's words for a route that goes can differ from those for it when it came: a next hop
 * has died since. */
static uint32_t find_alike(const struct pdp_mirror *m, const struct mirror_entry *e, struct class c,
			   const struct mirror_msg *msg)
{
	for (; c.low < c.high; c.low++) {
		const struct mirror_path_key *k = &mirror_path_at(m, e->routes[c.low])->key;

		if (k->type == msg->type && k->protocol == msg->protocol &&
		    mirror_path_has_hops(m, e->routes[c.low], msg))
			break;
	}
	return c.low;
}

/* IPv6: next hops of a multipath route go. @return false: there are none of them */
static bool remove_members(struct pdp_mirror *m, const struct mirror_msg *msg,
			   struct mirror_entry *e, struct class c)
{
	const uint32_t at = find_kind(m, e, c, true);
	unsigned int before, left;
	uint32_t less;

	if (msg->object != 0 || at == c.high)
		return false;
	before = mirror_target_at(m, mirror_path_at(m, e->routes[at])->key.target)->n;
	less = mirror_path_less(m, e->routes[at], msg, &left);
	if (left == before) {
		if (less != 0)
			mirror_path_put(m, less);
		return false;
	}
	if (less != 0)
		replace(m, e, at, less);
	else
		remove_at(m, e, at);
	if (less == 0 && left > 0)
		mirror_doubt(m);
	return true;
}

static void del(struct pdp_mirror *m, const struct mirror_msg *msg, struct mirror_entry *e)
{
	const struct class c = class_of(m, e, msg);
	const uint32_t path = mirror_path_find(m, msg);
	uint32_t at = path != 0 ? find(e, c, path) : c.high;

	if (being_dumped(m, e->prefix.family))
		m->n_deleted++;
	if (at == c.high && e->prefix.family == 6 && remove_members(m, msg, e, c))
		return;
	if (at == c.high)
		at = find_alike(m, e, c, msg);
	if (at < c.high)
		remove_at(m, e, at);
	else if (c.low < c.high)
		mirror_doubt(m);
}

void mirror_route_apply(struct pdp_mirror *m, const struct mirror_msg *msg)
{
	struct mirror_entry e;
	uint32_t path;

	if (!msg->add) {
		mirror_entry_load(m, &msg->prefix, &e);
		del(m, msg, &e);
		return;
	}
	path = mirror_path_get(m, msg);
	if (path == 0)
		return;
	mirror_entry_load(m, &msg->prefix, &e);
	if (!msg->dump)
		add(m, msg, &e, path);
	else if (m->n_gone > 0 && is_gone(m, &e, path))
		mirror_path_put(m, path);
	else
		add_dumped(m, msg, &e, path);
}

void mirror_batch_flush(struct pdp_mirror *m)
{
	for (uint32_t i = 0; i < m->n_batch; i++)
		mirror_route_apply(m, &m->batch[i]);
	m->n_batch = 0;
}

static void count_other(struct pdp_mirror *m, const struct nlmsghdr *nlh, bool dump,
			uint32_t *in_dump, uint32_t *now)
{
	if (dump)
		(*in_dump)++;
	else if (nlh->nlmsg_type == RTM_NEWROUTE && !(nlh->nlmsg_flags & NLM_F_REPLACE))
		(*now)++;
	else if (nlh->nlmsg_type == RTM_DELROUTE && *now > 0)
		(*now)--;
}

void mirror_route_message(struct pdp_mirror *m, const struct nlmsghdr *nlh, bool dump)
{
	struct mirror_msg *msg = &m->batch[m->n_batch];

	switch (mirror_route_parse(nlh, msg)) {
	case MIRROR_ROUTE_OK:
		break;
	case MIRROR_ROUTE_OTHER_TABLE:
		count_other(m, nlh, dump, &m->dump_other, &m->stats.other_tables);
		return;
	case MIRROR_ROUTE_BY_SOURCE:
		count_other(m, nlh, dump, &m->dump_by_source, &m->stats.by_source);
		return;
	case MIRROR_ROUTE_BAD:
		m->stats.bad_messages++;
		return;
	default:
		return;
	}
	msg->dump = dump;
	m->dump_routes += dump;
	pdp_fib_prefetch(m->fib, &msg->prefix);
	if (++m->n_batch == MIRROR_BATCH)
		mirror_batch_flush(m);
}
