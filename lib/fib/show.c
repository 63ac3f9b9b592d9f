/* SPDX-License-Identifier: BSD-3-Clause */
/* What is in a FIB: for the mirror's comparisons, pdp-ctl and statistics. Changes nothing. */
#include <errno.h>
#include <string.h>

#include "fib_priv.h"

static const struct fib_store *store_of(const struct pdp_fib *fib, unsigned int family)
{
	return family == 4 ? &fib->store4 : &fib->store6;
}

static void route_of(const struct fib_store *s, const uint64_t *slot, unsigned int family,
		     struct pdp_fib_route *out)
{
	struct fib_key key;

	fib_store_key(s, slot, &key);
	out->prefix.family = (uint8_t)family;
	out->prefix.len = key.len;
	memcpy(out->prefix.bytes, key.bytes, sizeof(key.bytes));
	out->nexthop = fib_slot_number(slot);
	out->installed = (*slot & FIB_SLOT_INSTALLED) != 0;
	out->note = s->notes != NULL ? *fib_store_note(s, slot) : 0;
}

int pdp_fib_get(const struct pdp_fib *fib, const struct pdp_fib_prefix *prefix,
		struct pdp_fib_route *out)
{
	const struct fib_store *s = store_of(fib, prefix->family);
	const uint64_t *slot;
	struct fib_key key;

	if (fib_key_of(prefix, &key) != 0)
		return -EINVAL;
	slot = fib_store_find(s, &key);
	if (slot == NULL)
		return -ENOENT;
	route_of(s, slot, prefix->family, out);
	return 0;
}

int pdp_fib_match(const struct pdp_fib *fib, const struct pdp_fib_prefix *prefix,
		  unsigned int max_len, struct pdp_fib_route *out)
{
	const struct fib_store *s = store_of(fib, prefix->family);
	const uint64_t *slot;
	struct fib_key key;

	if (fib_key_of(prefix, &key) != 0 || max_len > prefix->len)
		return -EINVAL;
	slot = fib_store_match(s, &key, max_len, 0);
	if (slot == NULL)
		return -ENOENT;
	route_of(s, slot, prefix->family, out);
	return 0;
}

void pdp_fib_walk(const struct pdp_fib *fib, unsigned int family,
		  bool (*visit)(void *arg, const struct pdp_fib_route *route), void *arg)
{
	const struct fib_store *s = store_of(fib, family);
	struct pdp_fib_route route;

	for (uint64_t i = 0; i < UINT64_C(1) << s->bits; i++) {
		const uint64_t *slot = s->slots + i * s->words;

		if (*slot == 0)
			continue;
		route_of(s, slot, family, &route);
		if (!visit(arg, &route))
			return;
	}
}

uint64_t pdp_fib_number_id(const struct pdp_fib *fib, uint16_t number)
{
	return fib_number_valid(fib, number) ? fib->numbers.ids[number] : 0;
}

/* Of what is kept for each number, the part that was ever used: the rest was never touched. */
static uint64_t pool_bytes(const struct fib_pool *p, size_t more)
{
	return p->n_touched * (sizeof(*p->next) + sizeof(*p->tags) + more);
}

static uint64_t arena_bytes(const struct fib_arena *a)
{
	return pool_bytes(&a->pool, sizeof(*a->lens) + sizeof(*a->n_users));
}

static uint64_t private_bytes(const struct pdp_fib *fib)
{
	const struct fib_numbers *n = &fib->numbers;
	uint64_t sum = fib_store_bytes(&fib->store4) + fib_store_bytes(&fib->store6);

	sum += (fib->is_wide4 ? FIB_WIDE_ENTRIES : FIB_ROOT_ENTRIES) + FIB_ROOT_ENTRIES;
	sum += pool_bytes(&n->pool, sizeof(*n->refs) + sizeof(*n->ids));
	sum += arena_bytes(&fib->narrow4) + arena_bytes(&fib->wide4) + arena_bytes(&fib->narrow6);
	for (unsigned int i = 0; i < PDP_FIB_ARENAS6; i++)
		sum += arena_bytes(&fib->wide6[i]);
	return sum;
}

static void count_plies(const struct fib_arena *a, uint32_t *plies, uint32_t *resting)
{
	*plies += a->pool.n_used;
	*resting += a->pool.n_resting;
}

void pdp_fib_stats(const struct pdp_fib *fib, struct pdp_fib_stats *out)
{
	*out = (struct pdp_fib_stats){.version = fib->version,
				      .digest = fib->digest,
				      .shared_bytes = fib->mem.bytes + FIB_QS_SIZE,
				      .private_bytes = private_bytes(fib),
				      .huge_bytes = fib->mem.huge_bytes,
				      .routes4 = fib->store4.n,
				      .routes6 = fib->store6.n,
				      .not_installed = fib->not_installed,
				      .held = fib->held,
				      .numbers = fib->numbers.pool.n_used,
				      .resting = fib->numbers.pool.n_resting,
				      .wide4 = fib->is_wide4,
				      .wide6 = fib->stage6 == 2};
	/* Of a narrow and a wide one, one is empty. */
	count_plies(&fib->narrow4, &out->plies4, &out->resting);
	count_plies(&fib->wide4, &out->plies4, &out->resting);
	count_plies(&fib->narrow6, &out->plies6, &out->resting);
	for (unsigned int i = 0; i < PDP_FIB_ARENAS6; i++)
		count_plies(&fib->wide6[i], &out->plies6, &out->resting);
}
