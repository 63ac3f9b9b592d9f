/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Paths: a target and what orders the routes of a prefix, each once. A full table has a handful of
 * them, however many routes.
 */
#include "mirror_priv.h"

/* What decides about the path, without the prefix and what kind of message it is. */
#define DECIDES_AT   offsetof(struct mirror_msg, table)
#define DECIDES_SIZE (offsetof(struct mirror_msg, multipath) - DECIDES_AT)

static uint32_t find(const struct pdp_mirror *m, const struct mirror_path_key *key)
{
	const struct mirror_path *p;

	for (uint32_t i = mirror_pool_first(&m->paths, mirror_hash(key, sizeof(*key), 4)); i != 0;
	     i = p->item.next) {
		p = mirror_path_at(m, i);
		if (memcmp(&p->key, key, sizeof(*key)) == 0)
			return i;
	}
	return 0;
}

static bool by_gateways(const struct pdp_mirror *m, uint32_t target)
{
	const struct mirror_target *t = mirror_target_at(m, target);

	for (unsigned int i = 0; i < t->n; i++) {
		if (mirror_hop_at(m, mirror_members(t)[i].hop)->key.kind != MIRROR_GATEWAY)
			return false;
	}
	return t->n > 0;
}

/* Takes over the reference on the target. */
static uint32_t get(struct pdp_mirror *m, const struct mirror_path_key *key)
{
	uint32_t number = find(m, key);
	struct mirror_path *p;

	if (number != 0) {
		mirror_target_put(m, key->target);
		mirror_path_at(m, number)->item.refs++;
		return number;
	}
	number = m->paths.n_touched < MIRROR_INDEX
			 ? mirror_pool_new(&m->paths, mirror_hash(key, sizeof(*key), 4))
			 : 0;
	if (number == 0) {
		mirror_target_put(m, key->target);
		return 0;
	}
	p = mirror_path_at(m, number);
	p->key = *key;
	p->item.refs = 1;
	p->gateways = by_gateways(m, key->target);
	return number;
}

static struct mirror_path_key key_of(const struct mirror_msg *msg, uint32_t target)
{
	return (struct mirror_path_key){.metric = msg->metric,
					.target = target,
					.table = msg->table,
					.tos = msg->tos,
					.type = msg->type,
					.protocol = msg->protocol};
}

static uint32_t target_get(struct pdp_mirror *m, const struct mirror_msg *msg)
{
	struct mirror_hop_key keys[MIRROR_MEMBERS_MAX];
	struct mirror_member members[MIRROR_MEMBERS_MAX];
	unsigned int n;

	if (msg->object != 0) {
		const uint32_t object = mirror_object_find(m, msg->object);

		if (object == 0)
			mirror_doubt(m);
		return object != 0 ? mirror_target_of_object(m, object) : 0;
	}
	n = mirror_route_hops(msg, keys, members);
	for (unsigned int i = 0; i < n; i++) {
		members[i].hop = mirror_hop_get(m, &keys[i]);
		if (members[i].hop == 0) {
			while (i-- > 0)
				mirror_hop_put(m, members[i].hop);
			m->stats.no_memory++;
			return 0;
		}
	}
	if (n == 0)
		m->stats.bad_messages++;
	return n > 0 ? mirror_target_of(m, members, n) : 0;
}

void mirror_memo_drop(struct pdp_mirror *m)
{
	const uint32_t memo = m->memo;

	m->memo = 0;
	if (memo != 0)
		mirror_path_put(m, memo);
}

uint32_t mirror_path_get(struct pdp_mirror *m, const struct mirror_msg *msg)
{
	struct mirror_path_key key;
	uint32_t target, path;

	if (m->memo != 0 && msg->multipath == NULL &&
	    memcmp((const uint8_t *)msg + DECIDES_AT, (const uint8_t *)&m->memo_key + DECIDES_AT,
		   DECIDES_SIZE) == 0) {
		mirror_path_at(m, m->memo)->item.refs++;
		return m->memo;
	}
	target = target_get(m, msg);
	if (target == 0)
		return 0;
	key = key_of(msg, target);
	path = get(m, &key);
	if (path == 0) {
		m->stats.no_memory++;
	} else if (msg->multipath == NULL) {
		mirror_memo_drop(m);
		m->memo_key = *msg;
		m->memo = path;
		mirror_path_at(m, path)->item.refs++;
	}
	return path;
}

uint32_t mirror_path_find(struct pdp_mirror *m, const struct mirror_msg *msg)
{
	struct mirror_hop_key keys[MIRROR_MEMBERS_MAX];
	struct mirror_member members[MIRROR_MEMBERS_MAX];
	struct mirror_path_key key = key_of(msg, 0);
	unsigned int n;

	if (msg->object != 0) {
		const uint32_t object = mirror_object_find(m, msg->object);

		key.target = object != 0 ? mirror_object_at(m, object)->target : 0;
		return key.target != 0 ? find(m, &key) : 0;
	}
	n = mirror_route_hops(msg, keys, members);
	for (unsigned int i = 0; i < n; i++) {
		members[i].hop = mirror_hop_find(m, &keys[i]);
		if (members[i].hop == 0)
			return 0;
	}
	key.target = n > 0 ? mirror_target_find(m, members, n) : 0;
	return key.target != 0 ? find(m, &key) : 0;
}

bool mirror_path_has_hops(const struct pdp_mirror *m, uint32_t number, const struct mirror_msg *msg)
{
	const struct mirror_target *t = mirror_target_at(m, mirror_path_at(m, number)->key.target);
	struct mirror_hop_key keys[MIRROR_MEMBERS_MAX];
	struct mirror_member members[MIRROR_MEMBERS_MAX];
	unsigned int n;

	if (msg->object != 0 || t->object != 0)
		return false;
	n = mirror_route_hops(msg, keys, members);
	if (n != t->n)
		return false;
	for (unsigned int i = 0; i < n; i++) {
		const uint32_t hop = mirror_hop_find(m, &keys[i]);
		unsigned int k = 0;

		while (k < n && mirror_members(t)[k].hop != hop)
			k++;
		if (k == n)
			return false;
	}
	return true;
}

uint32_t mirror_path_less(struct pdp_mirror *m, uint32_t number, const struct mirror_msg *msg,
			  unsigned int *left)
{
	struct mirror_path_key key = mirror_path_at(m, number)->key;
	const struct mirror_target *t = mirror_target_at(m, key.target);
	struct mirror_hop_key keys[MIRROR_MEMBERS_MAX];
	struct mirror_member members[MIRROR_MEMBERS_MAX], less[MIRROR_MEMBERS_MAX];
	const unsigned int n_less = mirror_route_hops(msg, keys, less);
	unsigned int n = t->n;

	memcpy(members, mirror_members(t), n * sizeof(*members));
	for (unsigned int i = 0; i < n_less; i++) {
		const uint32_t hop = mirror_hop_find(m, &keys[i]);

		for (unsigned int k = 0; k < n; k++) {
			if (members[k].hop != hop)
				continue;
			memmove(&members[k], &members[k + 1], (--n - k) * sizeof(*members));
			break;
		}
	}
	*left = n;
	if (n == 0)
		return 0;
	for (unsigned int i = 0; i < n; i++)
		mirror_hop_at(m, members[i].hop)->item.refs++;
	key.target = mirror_target_of(m, members, n);
	return key.target != 0 ? get(m, &key) : 0;
}

uint32_t mirror_path_of_neigh(struct pdp_mirror *m, const struct mirror_neigh *n)
{
	struct mirror_hop_key hop = {
		.kind = MIRROR_GATEWAY, .family = n->family, .ifindex = n->ifindex};
	struct mirror_member member = {.weight = 1};
	struct mirror_path_key key = {.table = MIRROR_TABLE_NEIGH, .type = RTN_UNICAST};

	memcpy(hop.address, n->address, sizeof(hop.address));
	member.hop = mirror_hop_get(m, &hop);
	if (member.hop == 0)
		return 0;
	key.target = mirror_target_of(m, &member, 1);
	return key.target != 0 ? get(m, &key) : 0;
}

void mirror_path_put(struct pdp_mirror *m, uint32_t number)
{
	struct mirror_path *p = mirror_path_at(m, number);
	const uint32_t target = p->key.target;

	assert(p->item.refs > 0);
	if (--p->item.refs > 0)
		return;
	mirror_pool_free(&m->paths, number & MIRROR_INDEX);
	mirror_target_put(m, target);
}
