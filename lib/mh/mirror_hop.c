/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hops: one next hop, one number of the FIB. What the number says, 8 bytes, follows the link and
 * the neighbour by one store; routes and groups are not touched.
 */
#include <errno.h>
#include <net/if.h>

#include "mirror_priv.h"

static uint32_t hash_of(const struct mirror_hop_key *key)
{
	return mirror_hash(key, sizeof(*key), 1);
}

static struct pdp_fib_nexthop over_link(const struct pdp_mirror *m, const struct mirror_hop_key *k)
{
	const struct mirror_link *link = mirror_link_find(m, k->ifindex);
	struct pdp_fib_nexthop nh = {.type = PDP_FIB_LOCAL};
	const struct mirror_neigh *n;

	/* The kernel forwards by itself over devices that are no vifs. */
	if (link == NULL || link->vif < 0)
		return nh;
	nh.vif = (uint8_t)link->vif;
	if (link->known && !(link->flags & IFF_UP)) {
		nh.type = PDP_FIB_DEAD;
	} else if (!link->ethernet) {
		nh.type = PDP_FIB_FORWARD;
	} else if (k->kind == MIRROR_LINK) {
		nh.type = PDP_FIB_GLEAN;
	} else {
		n = mirror_neigh_find(m, k->ifindex, k->family, k->address);
		nh.type = PDP_FIB_UNRESOLVED;
		if (n != NULL && mirror_neigh_valid(n)) {
			nh.type = PDP_FIB_FORWARD;
			memcpy(nh.mac, n->mac, sizeof(nh.mac));
		}
	}
	return nh;
}

static struct pdp_fib_nexthop content_of(const struct pdp_mirror *m, const struct mirror_hop_key *k)
{
	switch (k->kind) {
	case MIRROR_LINK:
	case MIRROR_GATEWAY:
		return over_link(m, k);
	case MIRROR_BLACKHOLE:
		return (struct pdp_fib_nexthop){.type = PDP_FIB_BLACKHOLE};
	case MIRROR_UNREACHABLE:
		return (struct pdp_fib_nexthop){.type = PDP_FIB_UNREACHABLE};
	case MIRROR_PROHIBIT:
		return (struct pdp_fib_nexthop){.type = PDP_FIB_PROHIBIT};
	default:
		return (struct pdp_fib_nexthop){.type = PDP_FIB_LOCAL};
	}
}

uint64_t mirror_hop_id(const struct mirror_hop *hop)
{
	if (hop->object != 0)
		return mirror_hash64(&hop->object, sizeof(hop->object), 2);
	return mirror_hash64(&hop->key, sizeof(hop->key), 3);
}

/* Whatever comes first, in a dump or by events: links, and then neighbours and gateways, do not
 * want for numbers because there are too many objects. */
static uint32_t left_to_others(const struct mirror_hop *hop)
{
	if (hop->object != 0)
		return MIRROR_NUMBERS_NEIGHS;
	return hop->key.kind == MIRROR_GATEWAY ? MIRROR_NUMBERS_LINKS : 0;
}

static bool take_number(struct pdp_mirror *m, struct mirror_hop *hop)
{
	int number = -ENOSPC;

	if (pdp_fib_numbers_left(m->fib) > left_to_others(hop))
		number = pdp_fib_nexthop_new(m->fib, &hop->now, mirror_hop_id(hop));
	hop->number = number > 0 ? (uint16_t)number : 0;
	return number > 0;
}

static void refresh(struct pdp_mirror *m, struct mirror_hop *hop)
{
	const struct pdp_fib_nexthop now = content_of(m, &hop->key);

	if (memcmp(&now, &hop->now, sizeof(now)) == 0)
		return;
	hop->now = now;
	if (hop->number != 0)
		pdp_fib_nexthop_set(m->fib, hop->number, &now);
}

static uint32_t make(struct pdp_mirror *m, const struct mirror_hop_key *key, uint32_t object)
{
	const uint32_t number = mirror_pool_new(&m->hops, hash_of(key));
	struct mirror_hop *hop;

	if (number == 0)
		return 0;
	hop = mirror_hop_at(m, number);
	hop->item.refs = 1;
	hop->key = *key;
	hop->object = object;
	hop->now = content_of(m, key);
	m->n_unnumbered += !take_number(m, hop);
	return number;
}

uint32_t mirror_hop_find(const struct pdp_mirror *m, const struct mirror_hop_key *key)
{
	const struct mirror_hop *hop;

	for (uint32_t i = mirror_pool_first(&m->hops, hash_of(key)); i != 0; i = hop->item.next) {
		hop = mirror_hop_at(m, i);
		if (hop->object == 0 && memcmp(&hop->key, key, sizeof(*key)) == 0)
			return i;
	}
	return 0;
}

uint32_t mirror_hop_get(struct pdp_mirror *m, const struct mirror_hop_key *key)
{
	const uint32_t number = mirror_hop_find(m, key);

	if (number == 0)
		return make(m, key, 0);
	mirror_hop_at(m, number)->item.refs++;
	return number;
}

uint32_t mirror_hop_own(struct pdp_mirror *m, const struct mirror_hop_key *key, uint32_t object)
{
	return make(m, key, object);
}

void mirror_hop_replace(struct pdp_mirror *m, uint32_t number, const struct mirror_hop_key *key)
{
	struct mirror_hop *hop = mirror_hop_at(m, number);

	hop->key = *key;
	mirror_pool_rehash(&m->hops, number, hash_of(key));
	refresh(m, hop);
}

void mirror_hop_put(struct pdp_mirror *m, uint32_t number)
{
	struct mirror_hop *hop = mirror_hop_at(m, number);

	assert(hop->item.refs > 0);
	if (--hop->item.refs > 0)
		return;
	if (hop->number == 0) {
		m->n_unnumbered--;
	} else {
		const int rc = pdp_fib_number_free(m->fib, hop->number);

		assert(rc == 0);
		(void)rc;
	}
	mirror_pool_free(&m->hops, number);
}

void mirror_hops_of_link(struct pdp_mirror *m, int ifindex)
{
	for (uint32_t i = 1; i < m->hops.n_touched; i++) {
		struct mirror_hop *hop = mirror_hop_at(m, i);

		if (hop->item.refs != UINT32_MAX && hop->key.kind >= MIRROR_LINK &&
		    (ifindex == 0 || hop->key.ifindex == ifindex))
			refresh(m, hop);
	}
}

void mirror_hops_of_neigh(struct pdp_mirror *m, int ifindex, unsigned int family,
			  const uint8_t *address)
{
	struct mirror_hop_key key = {
		.kind = MIRROR_GATEWAY, .family = (uint8_t)family, .ifindex = ifindex};
	struct mirror_hop *hop;

	memcpy(key.address, address, sizeof(key.address));
	for (uint32_t i = mirror_pool_first(&m->hops, hash_of(&key)); i != 0; i = hop->item.next) {
		hop = mirror_hop_at(m, i);
		if (memcmp(&hop->key, &key, sizeof(key)) == 0)
			refresh(m, hop);
	}
}

bool mirror_hops_retry(struct pdp_mirror *m)
{
	bool any = false;

	for (uint32_t i = 1; i < m->hops.n_touched && m->n_unnumbered > 0; i++) {
		struct mirror_hop *hop = mirror_hop_at(m, i);

		if (hop->item.refs == UINT32_MAX || hop->number != 0)
			continue;
		if (!take_number(m, hop))
			continue;
		m->n_unnumbered--;
		any = true;
	}
	return any;
}
