/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Targets: what routes lead to, each once. One hop with the hop's number, several with a group of
 * the FIB, or a next-hop object with the object's number. Members that the kernel calls dead are
 * remembered, but not in the group.
 */
#include <errno.h>
#include <stdlib.h>

#include "mirror_priv.h"

static uint32_t hash_of(uint32_t object, const struct mirror_member *members, unsigned int n)
{
	return mirror_hash(members, n * sizeof(*members), object);
}

static uint32_t find(const struct pdp_mirror *m, uint32_t object,
		     const struct mirror_member *members, unsigned int n)
{
	const uint32_t hash = hash_of(object, members, n);
	const struct mirror_target *t;

	for (uint32_t i = mirror_pool_first(&m->targets, hash); i != 0; i = t->item.next) {
		t = mirror_target_at(m, i);
		if (t->item.hash == hash && t->object == object && t->n == n &&
		    memcmp(mirror_members(t), members, n * sizeof(*members)) == 0)
			return i;
	}
	return 0;
}

/* A canonical order, so that equal sets are equal. */
static void sort(struct mirror_member *members, unsigned int n)
{
	for (unsigned int i = 1; i < n; i++) {
		const struct mirror_member one = members[i];
		unsigned int at = i;

		for (; at > 0 && members[at - 1].hop > one.hop; at--)
			members[at] = members[at - 1];
		members[at] = one;
	}
	if (n == 1)
		members[0].weight = 1;
}

/* Equal for equal sets of members that live, whatever their order. */
static uint64_t id_of(const struct pdp_mirror *m, const struct mirror_target *t)
{
	const struct mirror_member *members = mirror_members(t);
	uint64_t sum = 0;

	for (unsigned int i = 0; i < t->n; i++) {
		const uint64_t id = mirror_hop_id(mirror_hop_at(m, members[i].hop));

		if (!members[i].dead)
			sum += mirror_hash64(&id, sizeof(id), members[i].weight);
	}
	return sum;
}

/* Live members that have numbers. */
static unsigned int live_members(const struct pdp_mirror *m, const struct mirror_target *t,
				 struct pdp_fib_member *out)
{
	const struct mirror_member *members = mirror_members(t);
	unsigned int n = 0;

	for (unsigned int i = 0; i < t->n; i++) {
		const uint16_t number = mirror_hop_at(m, members[i].hop)->number;

		if (number != 0 && !members[i].dead)
			out[n++] = (struct pdp_fib_member){number, members[i].weight};
	}
	return n;
}

int mirror_group_new(struct pdp_mirror *m, const struct pdp_fib_member *members, unsigned int n,
		     uint64_t id)
{
	if (pdp_fib_numbers_left(m->fib) <= MIRROR_NUMBERS_NEIGHS)
		return -ENOSPC;
	return pdp_fib_group_new(m->fib, members, n, id);
}

static void take_number(struct pdp_mirror *m, struct mirror_target *t)
{
	struct pdp_fib_member live[MIRROR_MEMBERS_MAX];
	const unsigned int n = live_members(m, t, live);
	int number;

	t->group = false;
	t->number = n > 0 ? live[0].nexthop : 0;
	if (n < 2)
		return;
	number = mirror_group_new(m, live, n, id_of(m, t));
	t->group = number > 0;
	t->number = number > 0 ? (uint16_t)number : 0;
	m->n_unnumbered += number <= 0;
	t->wants_group = number <= 0;
}

static bool all_dead(const struct mirror_target *t)
{
	const struct mirror_member *members = mirror_members(t);

	for (unsigned int i = 0; i < t->n; i++) {
		if (!members[i].dead)
			return false;
	}
	return true;
}

static void put_hops(struct pdp_mirror *m, const struct mirror_member *members, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		mirror_hop_put(m, members[i].hop);
}

static uint32_t make(struct pdp_mirror *m, const struct mirror_member *members, unsigned int n)
{
	const uint32_t number = mirror_pool_new(&m->targets, hash_of(0, members, n));
	struct mirror_target *t;

	if (number == 0)
		return 0;
	t = mirror_target_at(m, number);
	if (n > 1) {
		t->members = malloc(n * sizeof(*members));
		if (t->members == NULL) {
			mirror_pool_free(&m->targets, number);
			return 0;
		}
		memcpy(t->members, members, n * sizeof(*members));
	} else {
		t->one = members[0];
	}
	t->n = (uint16_t)n;
	t->item.refs = 1;
	t->dead = all_dead(t);
	take_number(m, t);
	return number;
}

uint32_t mirror_target_of(struct pdp_mirror *m, struct mirror_member *members, unsigned int n)
{
	uint32_t number;

	sort(members, n);
	number = find(m, 0, members, n);
	if (number != 0) {
		mirror_target_at(m, number)->item.refs++;
		put_hops(m, members, n);
		return number;
	}
	number = make(m, members, n);
	if (number == 0)
		put_hops(m, members, n);
	return number;
}

uint32_t mirror_target_find(const struct pdp_mirror *m, struct mirror_member *members,
			    unsigned int n)
{
	sort(members, n);
	return find(m, 0, members, n);
}

uint32_t mirror_target_of_object(struct pdp_mirror *m, uint32_t object)
{
	struct mirror_object *o = mirror_object_at(m, object);
	const struct mirror_member none = {0};
	struct mirror_target *t;

	if (o->target == 0) {
		o->target = mirror_pool_new(&m->targets, hash_of(object, &none, 0));
		if (o->target == 0)
			return 0;
		t = mirror_target_at(m, o->target);
		t->object = object;
		t->number = mirror_object_number(m, o);
	}
	mirror_target_at(m, o->target)->item.refs++;
	return o->target;
}

void mirror_target_put(struct pdp_mirror *m, uint32_t number)
{
	struct mirror_target *t = mirror_target_at(m, number);

	assert(t->item.refs > 0);
	if (--t->item.refs > 0)
		return;
	if (t->object != 0)
		mirror_object_at(m, t->object)->target = 0;
	if (t->group) {
		const int rc = pdp_fib_number_free(m->fib, t->number);

		assert(rc == 0);
		(void)rc;
	}
	m->n_unnumbered -= t->wants_group;
	put_hops(m, mirror_members(t), t->n);
	free(t->members);
	mirror_pool_free(&m->targets, number);
}

/* What its hops have now. */
static void renumber(struct pdp_mirror *m, struct mirror_target *t)
{
	struct pdp_fib_member live[MIRROR_MEMBERS_MAX];

	if (t->object != 0) {
		t->number = mirror_object_number(m, mirror_object_at(m, t->object));
	} else if (t->group) {
		pdp_fib_group_set(m->fib, t->number, live, live_members(m, t, live));
	} else {
		m->n_unnumbered -= t->wants_group;
		t->wants_group = false;
		take_number(m, t);
	}
}

bool mirror_targets_retry(struct pdp_mirror *m)
{
	bool any = false;

	for (uint32_t i = 1; i < m->targets.n_touched; i++) {
		struct mirror_target *t = mirror_target_at(m, i);
		const uint16_t before = t->number;

		if (t->item.refs == UINT32_MAX)
			continue;
		renumber(m, t);
		any |= t->number != before;
	}
	return any;
}

bool mirror_targets_any_dead(const struct pdp_mirror *m)
{
	for (uint32_t i = 1; i < m->targets.n_touched; i++) {
		const struct mirror_target *t = mirror_target_at(m, i);

		for (unsigned int k = 0; t->item.refs != UINT32_MAX && k < t->n; k++) {
			if (mirror_members(t)[k].dead)
				return true;
		}
	}
	return false;
}
