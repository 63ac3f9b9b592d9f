/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Prefixes into entries of the shared table. Beside every entry the writer keeps, privately, the
 * length of the prefix that it is of: a shorter prefix leaves entries of longer ones alone, and one
 * that goes finds its own.
 *
 * Order of stores, for readers that look at the same time:
 * - a change of entries that exist is one 16-bit store each;
 * - new plies are filled from the deepest one up, with what the entry above them says and the new
 *   prefix in it, and become visible by one release store to that entry;
 * - a ply that no prefix needs any more says the same in all entries: that goes into the entry
 * above it by one store, the ply is left as it is and rests until every reader has moved on. So an
 * address that a change does not concern reads the same number throughout, and one that it concerns
 * the old number or the new one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fib_priv.h"

#define PLIES_STEP 64u /* 32 KB */
#define PLY_BYTES  (PDP_FIB_PLY * sizeof(uint16_t))
#define HUGE_PLIES (FIB_HUGE / PLY_BYTES)

/** Entries of one table that a prefix covers, and what becomes of those it may change. */
struct change {
	uint16_t number;
	uint8_t len;		  /* that entries have afterwards */
	uint8_t from_len, to_len; /* that entries have which are changed */
};

int fib_arena_init(struct fib_arena *a, struct fib_mem *m, uint64_t off, uint32_t n_plies,
		   bool huge)
{
	int rc = fib_pool_init(&a->pool, 0, n_plies);

	if (rc != 0)
		return rc;
	a->off = off;
	a->step = huge ? HUGE_PLIES : PLIES_STEP;
	a->plies = (uint16_t *)(m->map + off);
	a->lens = calloc(n_plies, sizeof(*a->lens));
	a->n_users = calloc(n_plies, sizeof(*a->n_users));
	return a->lens != NULL && a->n_users != NULL ? 0 : -ENOMEM;
}

void fib_arena_fini(struct fib_arena *a)
{
	fib_pool_fini(&a->pool);
	free(a->lens);
	free(a->n_users);
}

/* Behind the first huge page's worth the file grows by whole huge pages. */
static bool more_room(struct pdp_fib *fib, struct fib_arena *a)
{
	const uint32_t step = a->n_there < HUGE_PLIES ? a->step : HUGE_PLIES;

	if (a->n_there + step > a->pool.n_max ||
	    fib_mem_extend(&fib->mem, a->off + a->n_there * PLY_BYTES, step * PLY_BYTES) != 0)
		return false;
	a->n_there += step;
	return true;
}

int fib_arena_take(struct pdp_fib *fib, struct fib_arena *a)
{
	int number = fib_pool_take_freed(&a->pool);

	if (number < 0 && a->pool.n_resting > 0) {
		fib_next_epoch(fib);
		fib_pool_wake(&a->pool, fib_oldest(fib));
		number = fib_pool_take_freed(&a->pool);
	}
	if (number < 0 && (a->pool.n_touched < a->n_there || more_room(fib, a)))
		number = fib_pool_take_new(&a->pool);
	return number >= 0 ? number : -ENOSPC;
}

static inline bool is_ply(uint16_t entry)
{
	return (entry & PDP_FIB_IS_PLY) != 0;
}

static inline uint32_t ply_of(uint16_t entry)
{
	return entry & ~PDP_FIB_IS_PLY;
}

static inline void publish(uint16_t *at, uint16_t value)
{
	__atomic_store_n(at, value, __ATOMIC_RELEASE);
}

static uint32_t root_index(const struct fib_trie *t, const struct fib_key *key)
{
	const uint32_t first = (uint32_t)key->bytes[0] << 8 | key->bytes[1];

	return t->root_bytes == 2 ? first : first << 8 | key->bytes[2];
}

void fib_trie_prefetch(const struct fib_trie *t, const struct fib_key *key)
{
	const uint32_t i = root_index(t, key);

	__builtin_prefetch(t->root + i, 1);
	__builtin_prefetch(t->lens + i, 1);
}

/* n entries of a table, and all below them; `level` is that of the plies that they may name. */
static void change_entries(const struct fib_trie *t, unsigned int level, uint16_t *entries,
			   uint8_t *lens, uint32_t n, const struct change *c)
{
	for (uint32_t i = 0; i < n; i++) {
		const uint16_t entry = entries[i];

		if (is_ply(entry)) {
			struct fib_arena *a = t->arenas[level];
			const uint32_t ply = ply_of(entry);

			change_entries(t, level + 1, a->plies + ply * PDP_FIB_PLY, a->lens[ply],
				       PDP_FIB_PLY, c);
		} else if (lens[i] >= c->from_len && lens[i] <= c->to_len) {
			publish(&entries[i], c->number);
			lens[i] = c->len;
		}
	}
}

/* The level of the ply in which a prefix ends; -1: in the root. */
static int level_of(const struct fib_trie *t, unsigned int len)
{
	return len <= 8 * t->root_bytes ? -1 : (int)((len - 1) / 8 - t->root_bytes);
}

/* Entries of its table that a prefix covers; it ends in a byte of the address. */
static uint32_t n_covered(unsigned int len)
{
	return 1u << ((8 - len % 8) % 8);
}

static void change_root(const struct fib_trie *t, const struct fib_key *key, const struct change *c)
{
	const uint32_t i = root_index(t, key);

	change_entries(t, 0, t->root + i, t->lens + i, 1u << (8 * t->root_bytes - key->len), c);
}

static void change_ply(const struct fib_trie *t, int level, uint32_t ply, const struct fib_key *key,
		       const struct change *c)
{
	const struct fib_arena *a = t->arenas[level];
	const uint8_t i = key->bytes[t->root_bytes + (uint32_t)level];

	change_entries(t, (unsigned int)level + 1, a->plies + ply * PDP_FIB_PLY + i,
		       a->lens[ply] + i, n_covered(key->len), c);
}

/** Where a prefix's way through the table is at. */
struct way {
	uint16_t *entry; /* the last one looked at */
	uint8_t *len;
	int level;			/* of the ply that it names, or would name */
	uint32_t plies[FIB_LEVELS_MAX]; /* that were passed, by level */
};

/* Down to the table in which the prefix ends, or to an entry on the way that names no ply. */
static void go(const struct fib_trie *t, const struct fib_key *key, int last, struct way *w)
{
	const uint32_t i = root_index(t, key);

	w->entry = t->root + i;
	w->len = t->lens + i;
	for (w->level = 0; w->level <= last && is_ply(*w->entry); w->level++) {
		struct fib_arena *a = t->arenas[w->level];
		const uint32_t ply = ply_of(*w->entry);
		const uint8_t byte = key->bytes[t->root_bytes + (uint32_t)w->level];

		w->plies[w->level] = ply;
		w->entry = a->plies + ply * PDP_FIB_PLY + byte;
		w->len = a->lens[ply] + byte;
	}
}

static void fill_ply(const struct fib_arena *a, uint32_t ply, uint16_t entry, uint8_t len)
{
	uint16_t *at = a->plies + ply * PDP_FIB_PLY;

	for (uint32_t i = 0; i < PDP_FIB_PLY; i++)
		at[i] = entry;
	memset(a->lens[ply], len, PDP_FIB_PLY);
	a->n_users[ply] = 1;
}

static int take_plies(struct pdp_fib *fib, const struct fib_trie *t, int level, int last,
		      uint32_t *plies)
{
	for (int l = level; l <= last; l++) {
		const int ply = fib_arena_take(fib, t->arenas[l]);

		if (ply < 0) {
			while (--l >= level)
				fib_pool_give(&t->arenas[l]->pool, plies[l]);
			return -ENOSPC;
		}
		plies[l] = (uint32_t)ply;
	}
	return 0;
}

/* New plies below an entry that names none, then the entry. */
static int add_below(struct pdp_fib *fib, const struct fib_trie *t, const struct fib_key *key,
		     const struct change *c, int last, struct way *w)
{
	if (take_plies(fib, t, w->level, last, w->plies) != 0)
		return -ENOSPC;
	for (int l = last; l >= w->level; l--) {
		const struct fib_arena *a = t->arenas[l];
		const uint8_t byte = key->bytes[t->root_bytes + (uint32_t)l];

		fill_ply(a, w->plies[l], *w->entry, *w->len);
		if (l == last)
			change_ply(t, l, w->plies[l], key, c);
		else
			a->plies[w->plies[l] * PDP_FIB_PLY + byte] = (uint16_t)(PDP_FIB_IS_PLY |
										w->plies[l + 1]);
	}
	if (w->level > 0)
		t->arenas[w->level - 1]->n_users[w->plies[w->level - 1]]++;
	publish(w->entry, (uint16_t)(PDP_FIB_IS_PLY | w->plies[w->level]));
	return 0;
}

int fib_trie_add(struct pdp_fib *fib, struct fib_trie *t, const struct fib_key *key,
		 uint16_t number, bool fresh)
{
	const struct change c = {.number = number, .len = key->len, .to_len = key->len};
	const int last = level_of(t, key->len);
	struct way w;

	if (last < 0) {
		change_root(t, key, &c);
		return 0;
	}
	go(t, key, last, &w);
	if (w.level <= last)
		return add_below(fib, t, key, &c, last, &w);
	change_ply(t, last, w.plies[last], key, &c);
	if (fresh)
		t->arenas[last]->n_users[w.plies[last]]++;
	return 0;
}

/* The entry that names the ply at a level of the way. */
static uint16_t *above(const struct fib_trie *t, const struct fib_key *key, const struct way *w,
		       int level, uint8_t **len)
{
	const struct fib_arena *a;
	uint8_t byte;

	if (level == 0) {
		*len = t->lens + root_index(t, key);
		return t->root + root_index(t, key);
	}
	a = t->arenas[level - 1];
	byte = key->bytes[t->root_bytes + (uint32_t)level - 1];
	*len = a->lens[w->plies[level - 1]] + byte;
	return a->plies + w->plies[level - 1] * PDP_FIB_PLY + byte;
}

void fib_trie_del(struct pdp_fib *fib, struct fib_trie *t, const struct fib_key *key,
		  uint16_t cover, unsigned int cover_len)
{
	const struct change c = {.number = cover,
				 .len = (uint8_t)cover_len,
				 .from_len = key->len,
				 .to_len = key->len};
	const int last = level_of(t, key->len);
	struct way w;

	if (last < 0) {
		change_root(t, key, &c);
		return;
	}
	go(t, key, last, &w);
	assert(w.level == last + 1);
	change_ply(t, last, w.plies[last], key, &c);
	for (int l = last; l >= 0; l--) {
		struct fib_arena *a = t->arenas[l];
		const uint32_t ply = w.plies[l];
		uint8_t *len;
		uint16_t *entry = above(t, key, &w, l, &len);

		if (--a->n_users[ply] > 0)
			break;
		*len = a->lens[ply][0];
		publish(entry, a->plies[ply * PDP_FIB_PLY]);
		fib_pool_rest(&a->pool, ply, fib_rest_tag(fib));
	}
}
