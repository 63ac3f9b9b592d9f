/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tables that grow. A family begins with a root of 2^16 entries and 4096 plies in small pages. When
 * those are used up it is rebuilt wide, in huge pages: IPv4 with a root of 2^24 entries, IPv6 with
 * four spaces of plies.
 *
 * Order of stores: the wide table is written whole beside the narrow one, then one release store
 * (is_wide4, stage6) shows it. The narrow one is never written again, so a reader in the middle of
 * a lookup ends it with what held when it began. Nothing shrinks: a VR that had a large table may
 * have it again.
 */
#include <errno.h>
#include <string.h>

#include "fib_priv.h"

/** From a narrow table to a wide one. */
struct move {
	struct pdp_fib *fib;
	const struct fib_trie *from, *to;
	unsigned int skip; /* levels that the larger root takes over */
};

static void set_narrow(struct pdp_fib *fib)
{
	fib->trie4 = (struct fib_trie){.root = (uint16_t *)(fib->mem.map + FIB_ROOT4_OFF),
				       .lens = fib_alloc(FIB_ROOT_ENTRIES),
				       .root_bytes = 2,
				       .arenas = {&fib->narrow4, &fib->narrow4}};
	fib->trie6 = (struct fib_trie){.root = (uint16_t *)(fib->mem.map + FIB_ROOT6_OFF),
				       .lens = fib_alloc(FIB_ROOT_ENTRIES),
				       .root_bytes = 2};
	for (unsigned int level = 0; level < FIB_LEVELS_MAX; level++)
		fib->trie6.arenas[level] = &fib->narrow6;
}

int fib_grow_init(struct pdp_fib *fib)
{
	struct fib_mem *m = &fib->mem;
	int rc = fib_mem_extend(m, FIB_ROOT4_OFF, FIB_ROOT_BYTES);

	rc = rc != 0 ? rc
		     : fib_arena_init(&fib->narrow4, m, FIB_PLIES4_OFF, FIB_NARROW_PLIES, false);
	rc = rc != 0 ? rc
		     : fib_arena_init(&fib->narrow6, m, FIB_PLIES6_OFF, FIB_NARROW_PLIES, false);
	if (rc != 0)
		return rc;
	set_narrow(fib);
	return fib->trie4.lens != NULL && fib->trie6.lens != NULL ? 0 : -ENOMEM;
}

void fib_grow_fini(struct pdp_fib *fib)
{
	fib_free(fib->trie4.lens, fib->is_wide4 ? FIB_WIDE_ENTRIES : FIB_ROOT_ENTRIES);
	fib_free(fib->trie6.lens, FIB_ROOT_ENTRIES);
	fib_arena_fini(&fib->narrow4);
	fib_arena_fini(&fib->wide4);
	fib_arena_fini(&fib->narrow6);
	for (unsigned int i = 0; i < PDP_FIB_ARENAS6; i++)
		fib_arena_fini(&fib->wide6[i]);
}

int fib_begin6(struct pdp_fib *fib)
{
	if (fib_mem_extend(&fib->mem, FIB_ROOT6_OFF, FIB_ROOT_BYTES) != 0)
		return -ENOSPC;
	fib->stage6 = 1;
	/* Pairs with the acquire load in pdp_fib_lookup6(). */
	__atomic_store_n(&fib->head->stage6, 1, __ATOMIC_RELEASE);
	return 0;
}

static int copy_ply(const struct move *m, unsigned int level, uint32_t ply);

/* Entries that may name plies of a level of the narrow table. */
static int copy_entries(const struct move *m, unsigned int level, const uint16_t *from,
			uint16_t *to, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint16_t entry = from[i];

		if (entry & PDP_FIB_IS_PLY) {
			const int ply = copy_ply(m, level, entry & ~PDP_FIB_IS_PLY);

			if (ply < 0)
				return ply;
			entry = (uint16_t)(PDP_FIB_IS_PLY | (uint32_t)ply);
		}
		to[i] = entry;
	}
	return 0;
}

/* A ply and those below it. @return its number in the wide table, or -ENOSPC */
static int copy_ply(const struct move *m, unsigned int level, uint32_t ply)
{
	const struct fib_arena *from = m->from->arenas[level];
	struct fib_arena *to = m->to->arenas[level - m->skip];
	const int copy = fib_arena_take(m->fib, to);
	int rc;

	if (copy < 0)
		return copy;
	memcpy(to->lens[copy], from->lens[ply], PDP_FIB_PLY);
	to->n_users[copy] = from->n_users[ply];
	rc = copy_entries(m, level + 1, from->plies + ply * PDP_FIB_PLY,
			  to->plies + (uint32_t)copy * PDP_FIB_PLY, PDP_FIB_PLY);
	return rc != 0 ? rc : copy;
}

/* One entry of IPv4's narrow root becomes 256. */
static int widen4(const struct move *m, uint32_t i)
{
	const uint16_t entry = m->from->root[i];
	const uint32_t ply = entry & ~PDP_FIB_IS_PLY;
	uint16_t *to = m->to->root + i * PDP_FIB_PLY;
	uint8_t *lens = m->to->lens + i * PDP_FIB_PLY;

	if (entry & PDP_FIB_IS_PLY) {
		const struct fib_arena *a = m->from->arenas[0];

		memcpy(lens, a->lens[ply], PDP_FIB_PLY);
		return copy_entries(m, 1, a->plies + ply * PDP_FIB_PLY, to, PDP_FIB_PLY);
	}
	for (uint32_t k = 0; k < PDP_FIB_PLY; k++)
		to[k] = entry;
	memset(lens, m->from->lens[i], PDP_FIB_PLY);
	return 0;
}

static int fill4(struct pdp_fib *fib, struct fib_trie *wide)
{
	const struct move m = {.fib = fib, .from = &fib->trie4, .to = wide, .skip = 1};
	int rc = fib_arena_init(&fib->wide4, &fib->mem, FIB_WIDE_PLIES4_OFF, PDP_FIB_NUMBERS,
				false);

	wide->arenas[0] = &fib->wide4;
	for (uint32_t i = 0; i < FIB_ROOT_ENTRIES && rc == 0; i++)
		rc = widen4(&m, i);
	return rc;
}

static int fill6(struct pdp_fib *fib, struct fib_trie *wide)
{
	const struct move m = {.fib = fib, .from = &fib->trie6, .to = wide};
	int rc = 0;

	for (unsigned int i = 0; i < PDP_FIB_ARENAS6 && rc == 0; i++)
		rc = fib_arena_init(&fib->wide6[i], &fib->mem, FIB_WIDE_PLIES6_OFF(i),
				    PDP_FIB_NUMBERS, true);
	if (rc != 0)
		return rc;
	for (unsigned int level = 0; level < FIB_LEVELS_MAX; level++) {
		const unsigned int arena = level < 2 ? 0 : level - 1;

		wide->arenas[level] =
			&fib->wide6[arena < PDP_FIB_ARENAS6 ? arena : PDP_FIB_ARENAS6 - 1];
	}
	memcpy(wide->lens, fib->trie6.lens, FIB_ROOT_ENTRIES);
	return copy_entries(&m, 0, fib->trie6.root, wide->root, FIB_ROOT_ENTRIES);
}

/* Back to nothing; what the file has stays there for the next try. */
static void empty_arena(struct fib_arena *a)
{
	const uint32_t n_there = a->n_there;

	fib_arena_fini(a);
	*a = (struct fib_arena){.n_there = n_there};
}

static int grow4(struct pdp_fib *fib)
{
	struct fib_trie wide = {.root = (uint16_t *)(fib->mem.map + FIB_WIDE4_OFF),
				.root_bytes = 3};

	if (!fib->has_wide4 &&
	    fib_mem_extend(&fib->mem, FIB_WIDE4_OFF, FIB_WIDE_ENTRIES * sizeof(uint16_t)) != 0)
		return -ENOSPC;
	fib->has_wide4 = true;
	wide.lens = fib_alloc(FIB_WIDE_ENTRIES);
	if (wide.lens == NULL || fill4(fib, &wide) != 0) {
		fib_free(wide.lens, FIB_WIDE_ENTRIES);
		empty_arena(&fib->wide4);
		return -ENOSPC;
	}
	fib_free(fib->trie4.lens, FIB_ROOT_ENTRIES);
	empty_arena(&fib->narrow4);
	fib->trie4 = wide;
	fib->is_wide4 = true;
	/* Pairs with the acquire load in pdp_fib_lookup4(). */
	__atomic_store_n(&fib->head->is_wide4, 1, __ATOMIC_RELEASE);
	return 0;
}

static int grow6(struct pdp_fib *fib)
{
	struct fib_trie wide = {.root = (uint16_t *)(fib->mem.map + FIB_WIDE_ROOT6_OFF),
				.root_bytes = 2};

	if (!fib->has_wide6 && fib_mem_extend(&fib->mem, FIB_WIDE_ROOT6_OFF, FIB_ROOT_BYTES) != 0)
		return -ENOSPC;
	fib->has_wide6 = true;
	wide.lens = fib_alloc(FIB_ROOT_ENTRIES);
	if (wide.lens == NULL || fill6(fib, &wide) != 0) {
		fib_free(wide.lens, FIB_ROOT_ENTRIES);
		for (unsigned int i = 0; i < PDP_FIB_ARENAS6; i++)
			empty_arena(&fib->wide6[i]);
		return -ENOSPC;
	}
	fib_free(fib->trie6.lens, FIB_ROOT_ENTRIES);
	empty_arena(&fib->narrow6);
	fib->trie6 = wide;
	fib->stage6 = 2;
	/* Pairs with the acquire load in pdp_fib_lookup6(). */
	__atomic_store_n(&fib->head->stage6, 2, __ATOMIC_RELEASE);
	return 0;
}

int fib_grow(struct pdp_fib *fib, unsigned int family)
{
	if (family == 4)
		return fib->is_wide4 ? -ENOSPC : grow4(fib);
	return fib->stage6 == 2 ? -ENOSPC : grow6(fib);
}
