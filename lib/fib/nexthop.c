/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Next hops and groups, in one space of numbers.
 *
 * A next hop is replaced by one 8-byte store. A group is 256 slots with numbers of next hops; slots
 * change one by one, each from its old member to its new one. A freed number keeps its contents
 * until no reader can have it from a lookup, then it is written anew before a route leads to it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fib_priv.h"

#define NEXTHOPS_STEP 512u /* next hops of a page */

static struct pdp_fib_nexthop *nexthop_at(const struct pdp_fib *fib, uint32_t number)
{
	return (struct pdp_fib_nexthop *)(fib->mem.map + FIB_NEXTHOPS_OFF) + number;
}

static uint16_t *slots_at(const struct pdp_fib *fib, uint32_t group)
{
	return (uint16_t *)(fib->mem.map + FIB_GROUPS_OFF) + group * PDP_FIB_PLY;
}

static void store_nexthop(struct pdp_fib *fib, uint32_t number, const struct pdp_fib_nexthop *nh)
{
	uint64_t word;

	memcpy(&word, nh, sizeof(word));
	__atomic_store_n((uint64_t *)nexthop_at(fib, number), word, __ATOMIC_RELEASE);
}

int fib_numbers_init(struct pdp_fib *fib)
{
	struct fib_numbers *n = &fib->numbers;
	int rc = fib_pool_init(&n->pool, 1, PDP_FIB_NUMBERS);

	if (rc != 0)
		return rc;
	n->refs = calloc(PDP_FIB_NUMBERS, sizeof(*n->refs));
	n->ids = calloc(PDP_FIB_NUMBERS, sizeof(*n->ids));
	n->used = calloc(PDP_FIB_NUMBERS / 64, sizeof(*n->used));
	if (n->refs == NULL || n->ids == NULL || n->used == NULL)
		return -ENOMEM;
	/* Number 0, which every lookup may give, is there from the beginning. */
	return fib_mem_extend(&fib->mem, FIB_NEXTHOPS_OFF,
			      NEXTHOPS_STEP * sizeof(struct pdp_fib_nexthop));
}

void fib_numbers_fini(struct pdp_fib *fib)
{
	fib_pool_fini(&fib->numbers.pool);
	free(fib->numbers.refs);
	free(fib->numbers.ids);
	free(fib->numbers.used);
}

bool fib_number_valid(const struct pdp_fib *fib, uint16_t number)
{
	return number < PDP_FIB_NUMBERS && (fib->numbers.used[number / 64] >> number % 64 & 1);
}

static bool is_group(const struct pdp_fib *fib, uint16_t number)
{
	return nexthop_at(fib, number)->type == PDP_FIB_GROUP;
}

static int take_number(struct pdp_fib *fib)
{
	struct fib_pool *p = &fib->numbers.pool;
	int number = fib_pool_take_freed(p);

	if (number < 0 && p->n_resting > 0) {
		fib_next_epoch(fib);
		fib_pool_wake(p, fib_oldest(fib));
		number = fib_pool_take_freed(p);
	}
	if (number >= 0)
		return number;
	if (p->n_touched % NEXTHOPS_STEP == 0 && p->n_touched < p->n_max &&
	    fib_mem_extend(&fib->mem, FIB_NEXTHOPS_OFF + p->n_touched * sizeof(uint64_t),
			   NEXTHOPS_STEP * sizeof(uint64_t)) != 0)
		return -ENOSPC;
	number = fib_pool_take_new(p);
	return number >= 0 ? number : -ENOSPC;
}

static void begin_use(struct pdp_fib *fib, uint32_t number, uint64_t id)
{
	fib->numbers.ids[number] = id;
	fib->numbers.refs[number] = 0;
	fib->numbers.used[number / 64] |= UINT64_C(1) << number % 64;
}

static bool valid_nexthop(const struct pdp_fib_nexthop *nh)
{
	return nh->type < PDP_FIB_TYPES && nh->type != PDP_FIB_GROUP;
}

int pdp_fib_nexthop_new(struct pdp_fib *fib, const struct pdp_fib_nexthop *nh, uint64_t id)
{
	int number;

	if (!valid_nexthop(nh))
		return -EINVAL;
	number = take_number(fib);
	if (number < 0)
		return number;
	begin_use(fib, (uint32_t)number, id);
	store_nexthop(fib, (uint32_t)number, nh);
	return number;
}

unsigned int pdp_fib_numbers_left(const struct pdp_fib *fib)
{
	return PDP_FIB_NUMBERS - 1 - fib->numbers.pool.n_used;
}

int pdp_fib_nexthop_set(struct pdp_fib *fib, uint16_t number, const struct pdp_fib_nexthop *nh)
{
	if (!fib_number_valid(fib, number) || is_group(fib, number) || !valid_nexthop(nh))
		return -EINVAL;
	store_nexthop(fib, number, nh);
	return 0;
}

static bool valid_members(const struct pdp_fib *fib, const struct pdp_fib_member *members,
			  unsigned int n)
{
	if (n < 1 || n > PDP_FIB_PLY)
		return false;
	for (unsigned int i = 0; i < n; i++) {
		if (!fib_number_valid(fib, members[i].nexthop) ||
		    is_group(fib, members[i].nexthop) || members[i].weight == 0)
			return false;
	}
	return true;
}

/*
 * How many slots each member gets: one, and its share of the rest rounded by where it begins and
 * ends on a line of 256 - n.
 */
static void share_slots(const struct pdp_fib_member *members, unsigned int n, uint16_t *quotas)
{
	uint64_t sum = 0, at = 0;

	for (unsigned int i = 0; i < n; i++)
		sum += members[i].weight;
	for (unsigned int i = 0; i < n; i++) {
		const uint64_t begin = at * (PDP_FIB_PLY - n) / sum;

		at += members[i].weight;
		quotas[i] = (uint16_t)(1 + at * (PDP_FIB_PLY - n) / sum - begin);
	}
}

/* Slots whose member stays, as far as its new share goes: flows keep their way. */
static void keep_slots(const uint16_t *slots, const struct pdp_fib_member *members, unsigned int n,
		       uint16_t *quotas, bool *kept)
{
	for (unsigned int s = 0; s < PDP_FIB_PLY; s++) {
		kept[s] = false;
		for (unsigned int i = 0; i < n && !kept[s]; i++) {
			if (members[i].nexthop == slots[s] && quotas[i] > 0) {
				quotas[i]--;
				kept[s] = true;
			}
		}
	}
}

static void set_slot(struct pdp_fib *fib, uint16_t *slot, uint16_t number)
{
	if (*slot != 0)
		fib->numbers.refs[*slot]--;
	fib->numbers.refs[number]++;
	__atomic_store_n(slot, number, __ATOMIC_RELEASE);
}

/* The other slots, scattered: the one behind a dead member's belongs to anybody. */
static void fill_slots(struct pdp_fib *fib, uint16_t *slots, const struct pdp_fib_member *members,
		       unsigned int n)
{
	uint16_t quotas[PDP_FIB_PLY];
	bool kept[PDP_FIB_PLY];
	unsigned int i = 0;

	share_slots(members, n, quotas);
	keep_slots(slots, members, n, quotas, kept);
	for (unsigned int k = 0; k < PDP_FIB_PLY; k++) {
		const unsigned int s = k * 167 % PDP_FIB_PLY;

		if (kept[s])
			continue;
		while (quotas[i] == 0)
			i++;
		quotas[i]--;
		set_slot(fib, slots + s, members[i].nexthop);
	}
}

int pdp_fib_group_new(struct pdp_fib *fib, const struct pdp_fib_member *members, unsigned int n,
		      uint64_t id)
{
	static const struct pdp_fib_nexthop group = {.type = PDP_FIB_GROUP};
	uint16_t *slots;
	int number;

	if (!valid_members(fib, members, n))
		return -EINVAL;
	number = take_number(fib);
	if (number < 0)
		return number;
	slots = slots_at(fib, (uint32_t)number);
	if (fib_mem_extend(&fib->mem, (uint64_t)((uint8_t *)slots - fib->mem.map),
			   PDP_FIB_PLY * sizeof(*slots)) != 0) {
		fib_pool_give(&fib->numbers.pool, (uint32_t)number);
		return -ENOSPC;
	}
	memset(slots, 0, PDP_FIB_PLY * sizeof(*slots));
	begin_use(fib, (uint32_t)number, id);
	fill_slots(fib, slots, members, n);
	store_nexthop(fib, (uint32_t)number, &group);
	return number;
}

int pdp_fib_group_set(struct pdp_fib *fib, uint16_t group, const struct pdp_fib_member *members,
		      unsigned int n)
{
	if (!fib_number_valid(fib, group) || !is_group(fib, group) ||
	    !valid_members(fib, members, n))
		return -EINVAL;
	fill_slots(fib, slots_at(fib, group), members, n);
	return 0;
}

int pdp_fib_number_free(struct pdp_fib *fib, uint16_t number)
{
	struct fib_numbers *numbers = &fib->numbers;

	if (!fib_number_valid(fib, number))
		return -EINVAL;
	if (numbers->refs[number] > 0)
		return -EBUSY;
	if (is_group(fib, number)) {
		const uint16_t *slots = slots_at(fib, number);

		for (unsigned int s = 0; s < PDP_FIB_PLY; s++)
			numbers->refs[slots[s]]--;
	}
	numbers->used[number / 64] &= ~(UINT64_C(1) << number % 64);
	fib_pool_rest(&numbers->pool, number, fib_rest_tag(fib));
	fib_next_epoch(fib);
	return 0;
}
