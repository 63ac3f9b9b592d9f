/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Next-hop objects (ip-nexthop(8)). Each has a number of the FIB for its own, so that one that is
 * replaced moves all its routes at once. One that is deleted takes its routes with it, and of IPv4
 * the kernel says no word: they are removed here.
 */
#include <stdlib.h>

#include <libmnl/libmnl.h>
#include <linux/nexthop.h>

#include "mirror_priv.h"

/** A message, parsed. */
struct parsed {
	uint32_t id;
	bool fdb;
	struct mirror_hop_key key;
	const struct nexthop_grp *group; /* NULL: single */
	unsigned int n;
};

static uint32_t hash_of(uint32_t id)
{
	return mirror_hash(&id, sizeof(id), 5);
}

uint32_t mirror_object_find(const struct pdp_mirror *m, uint32_t id)
{
	const struct mirror_object *o;

	for (uint32_t i = mirror_pool_first(&m->objects, hash_of(id)); i != 0; i = o->item.next) {
		o = mirror_object_at(m, i);
		if (o->id == id)
			return i;
	}
	return 0;
}

uint16_t mirror_object_number(const struct pdp_mirror *m, const struct mirror_object *o)
{
	return o->hop != 0 ? mirror_hop_at(m, o->hop)->number : o->number;
}

static void parse_attribute(const struct nlattr *attr, struct parsed *p)
{
	const size_t size = mnl_attr_get_payload_len(attr);
	uint32_t word = 0;

	if (size >= sizeof(word))
		memcpy(&word, mnl_attr_get_payload(attr), sizeof(word));
	switch (mnl_attr_get_type(attr)) {
	case NHA_ID:
		p->id = word;
		break;
	case NHA_OIF:
		p->key.ifindex = (int32_t)word;
		break;
	case NHA_GATEWAY:
		if (size != (p->key.family == 4 ? 4 : 16))
			break;
		p->key.kind = MIRROR_GATEWAY;
		memcpy(p->key.address, mnl_attr_get_payload(attr), size);
		break;
	case NHA_GROUP:
		p->group = mnl_attr_get_payload(attr);
		p->n = (unsigned int)(size / sizeof(*p->group));
		break;
	default:
		break;
	}
}

static bool parse(const struct nlmsghdr *nlh, struct parsed *p)
{
	const struct nhmsg *nhm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	enum mirror_kind special = 0;

	*p = (struct parsed){.key.kind = MIRROR_LINK};
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*nhm))
		return false;
	p->key.family = nhm->nh_family == AF_INET6 ? 6 : 4;
	mnl_attr_for_each(attr, nlh, sizeof(*nhm))
	{
		const unsigned int type = mnl_attr_get_type(attr);

		p->fdb |= type == NHA_FDB;
		if (type == NHA_BLACKHOLE)
			special = MIRROR_BLACKHOLE;
		else if (type == NHA_ENCAP_TYPE)
			special = MIRROR_LOCAL;
		parse_attribute(attr, p);
	}
	if (special != 0)
		p->key = (struct mirror_hop_key){.kind = special};
	if (p->key.kind == MIRROR_LINK)
		p->key.family = 0;
	return p->id != 0 && (p->group == NULL || p->n > 0);
}

/* Its routes have to follow when it gets a number or loses it. */
static void number_changed(struct pdp_mirror *m, const struct mirror_object *o)
{
	struct mirror_target *t;

	if (o->target == 0)
		return;
	t = mirror_target_at(m, o->target);
	if (t->number == mirror_object_number(m, o))
		return;
	t->number = mirror_object_number(m, o);
	mirror_rib_reinstall(m, 4, NULL);
	mirror_rib_reinstall(m, 6, NULL);
}

/* @return members that are known and have numbers */
static unsigned int live_members(const struct pdp_mirror *m, const struct mirror_object *o,
				 struct pdp_fib_member *live)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < o->n && n < MIRROR_MEMBERS_MAX; i++) {
		const uint32_t member = mirror_object_find(m, o->members[i].id);
		const uint16_t number = member != 0 ? mirror_object_number(
							      m, mirror_object_at(m, member))
						    : 0;

		if (number != 0 && mirror_object_at(m, member)->hop != 0)
			live[n++] = (struct pdp_fib_member){number, o->members[i].weight};
	}
	return n;
}

/* None of its members is known: its routes are held. */
static void disband(struct pdp_mirror *m, struct mirror_object *o)
{
	const uint16_t number = o->number;

	o->number = 0;
	if (number == 0)
		return;
	number_changed(m, o);
	pdp_fib_number_free(m->fib, number);
}

static void regroup(struct pdp_mirror *m, struct mirror_object *o)
{
	struct pdp_fib_member live[MIRROR_MEMBERS_MAX];
	const unsigned int n = live_members(m, o, live);
	int number;

	if (n == 0) {
		disband(m, o);
		return;
	}
	if (o->number != 0) {
		pdp_fib_group_set(m->fib, o->number, live, n);
		return;
	}
	number = mirror_group_new(m, live, n, mirror_hash64(&o->id, sizeof(o->id), 2));
	if (number <= 0)
		return;
	o->number = (uint16_t)number;
	number_changed(m, o);
}

/* The groups that an object is a member of. */
static void regroup_with(struct pdp_mirror *m, uint32_t id)
{
	for (uint32_t i = 1; i < m->objects.n_touched; i++) {
		struct mirror_object *o = mirror_object_at(m, i);
		unsigned int at = 0;

		if (o->item.refs == UINT32_MAX || o->hop != 0)
			continue;
		while (at < o->n && o->members[at].id != id)
			at++;
		if (at < o->n)
			regroup(m, o);
	}
}

static bool leads_to(struct pdp_mirror *m, uint32_t route, uint64_t target)
{
	return mirror_path_at(m, route)->key.target == target;
}

static void remove_object(struct pdp_mirror *m, uint32_t number);

/* Of each group that has it; one that has no other goes with it, as in the kernel. */
static void leave_groups(struct pdp_mirror *m, uint32_t id)
{
	struct pdp_fib_member live[MIRROR_MEMBERS_MAX];

	for (uint32_t i = 1; i < m->objects.n_touched; i++) {
		struct mirror_object *o = mirror_object_at(m, i);
		unsigned int n = 0;

		if (o->item.refs == UINT32_MAX || o->hop != 0)
			continue;
		for (unsigned int k = 0; k < o->n; k++) {
			if (o->members[k].id != id)
				o->members[n++] = o->members[k];
		}
		if (n == o->n)
			continue;
		o->n = (uint16_t)n;
		if (live_members(m, o, live) == 0)
			remove_object(m, i);
		else
			regroup(m, o);
	}
}

static void remove_object(struct pdp_mirror *m, uint32_t number)
{
	struct mirror_object *o = mirror_object_at(m, number);

	mirror_memo_drop(m);
	if (o->hop != 0)
		leave_groups(m, o->id);
	if (o->target != 0) {
		mirror_rib_remove(m, 4, leads_to, o->target);
		mirror_rib_remove(m, 6, leads_to, o->target);
	}
	o = mirror_object_at(m, number);
	assert(o->target == 0);
	if (o->hop != 0)
		mirror_hop_put(m, o->hop);
	if (o->number != 0)
		pdp_fib_number_free(m->fib, o->number);
	free(o->members);
	mirror_pool_free(&m->objects, number);
}

static bool set_members(struct mirror_object *o, const struct parsed *p)
{
	const unsigned int n = p->n < UINT16_MAX ? p->n : UINT16_MAX;
	struct mirror_object_member *members = calloc(n, sizeof(*members));

	if (members == NULL)
		return false;
	for (unsigned int i = 0; i < n; i++) {
		struct nexthop_grp one;
		uint32_t weight;

		memcpy(&one, &p->group[i], sizeof(one));
		weight = (one.weight | (uint32_t)one.resvd1 << 8) +
			 1; /* 16 bits since Linux 6.12 */
		members[i].id = one.id;
		members[i].weight = (uint16_t)(weight < UINT16_MAX ? weight : UINT16_MAX);
	}
	free(o->members);
	o->members = members;
	o->n = (uint16_t)n;
	return true;
}

static uint32_t make(struct pdp_mirror *m, const struct parsed *p)
{
	const uint32_t number = mirror_pool_new(&m->objects, hash_of(p->id));
	struct mirror_object *o;
	bool ok;

	if (number == 0)
		return 0;
	o = mirror_object_at(m, number);
	o->id = p->id;
	if (p->group == NULL) {
		o->hop = mirror_hop_own(m, &p->key, p->id);
		ok = o->hop != 0;
	} else {
		ok = set_members(o, p);
	}
	if (ok)
		return number;
	mirror_pool_free(&m->objects, number);
	return 0;
}

static void add(struct pdp_mirror *m, const struct parsed *p, bool dump)
{
	uint32_t number = mirror_object_find(m, p->id);
	const bool fresh = number == 0;
	struct mirror_object *o;

	if (fresh)
		number = make(m, p);
	if (number == 0) {
		m->stats.no_memory++;
		return;
	}
	o = mirror_object_at(m, number);
	o->mark = m->mark[MIRROR_DUMP_OBJECTS];
	if (p->group == NULL) {
		if (!fresh && memcmp(&mirror_hop_at(m, o->hop)->key, &p->key, sizeof(p->key)) != 0)
			mirror_hop_replace(m, o->hop, &p->key);
		/* In a dump groups may come before their members: see mirror_objects_swept(). */
		if (fresh && !dump)
			regroup_with(m, p->id);
		return;
	}
	if (!fresh && !set_members(o, p))
		m->stats.no_memory++;
	regroup(m, o);
}

void mirror_object_message(struct pdp_mirror *m, const struct nlmsghdr *nlh, bool dump)
{
	struct parsed p;
	uint32_t number;

	if (!parse(nlh, &p)) {
		m->stats.bad_messages++;
		return;
	}
	number = mirror_object_find(m, p.id);
	/* A group never becomes a single one by replacement: that one went, and another came. */
	if (number != 0 && (nlh->nlmsg_type == RTM_DELNEXTHOP || p.fdb ||
			    (p.group == NULL) != (mirror_object_at(m, number)->hop != 0)))
		remove_object(m, number);
	if (nlh->nlmsg_type == RTM_NEWNEXTHOP && !p.fdb)
		add(m, &p, dump);
}

void mirror_objects_swept(struct pdp_mirror *m, bool ok)
{
	for (uint32_t i = 1; i < m->objects.n_touched; i++) {
		struct mirror_object *o = mirror_object_at(m, i);
		const bool stale = o->mark != m->mark[MIRROR_DUMP_OBJECTS];

		o->mark = m->mark[MIRROR_DUMP_OBJECTS];
		if (o->item.refs != UINT32_MAX && stale && ok)
			remove_object(m, i);
	}
	for (uint32_t i = 1; i < m->objects.n_touched; i++) {
		struct mirror_object *o = mirror_object_at(m, i);

		if (o->item.refs != UINT32_MAX && o->hop == 0)
			regroup(m, o);
	}
}

bool mirror_objects_retry(struct pdp_mirror *m)
{
	bool any = false;

	for (uint32_t i = 1; i < m->objects.n_touched; i++) {
		struct mirror_object *o = mirror_object_at(m, i);
		const uint16_t before = o->number;

		if (o->item.refs == UINT32_MAX || o->hop != 0)
			continue;
		regroup(m, o);
		any |= o->number != before;
	}
	return any;
}

uint64_t mirror_objects_digest(const struct pdp_mirror *m)
{
	uint64_t sum = 0;

	for (uint32_t i = 1; i < m->objects.n_touched; i++) {
		const struct mirror_object *o = mirror_object_at(m, i);

		if (o->item.refs == UINT32_MAX)
			continue;
		if (o->hop != 0)
			sum += mirror_hash64(&mirror_hop_at(m, o->hop)->key,
					     sizeof(struct mirror_hop_key), o->id);
		else
			sum += mirror_hash64(o->members, o->n * sizeof(*o->members), o->id);
	}
	return sum;
}

void mirror_objects_fini(struct pdp_mirror *m)
{
	for (uint32_t i = 1; i < m->objects.n_touched; i++) {
		struct mirror_object *o = mirror_object_at(m, i);

		if (o->item.refs != UINT32_MAX)
			free(o->members);
	}
	mirror_pool_fini(&m->objects);
}
