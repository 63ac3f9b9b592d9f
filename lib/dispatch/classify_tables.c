/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Building the two tables of a classifier: the exact-match map and the prefix trie.
 *
 * Runs in the primary's control thread, on tables that no MD lcore sees yet. Looking up is inline
 * (classify_priv.h).
 */
#include <errno.h>
#include <stdlib.h>

#include "classify_priv.h"

#define MAP_FIRST_SIZE 16u

static void map_insert(struct cls_map *map, const struct cls_slot *new_slot)
{
	uint64_t i = cls_map_hash(&new_slot->key);

	while (map->slots[i & map->mask].value != 0)
		i++;
	map->slots[i & map->mask] = *new_slot;
}

static int map_grow(struct cls_map *map)
{
	uint64_t old_size = map->slots == NULL ? 0 : map->mask + 1, i;
	uint64_t size = old_size == 0 ? MAP_FIRST_SIZE : 2 * old_size;
	struct cls_slot *old = map->slots;

	map->slots = aligned_alloc(64, size * sizeof(*map->slots));
	if (map->slots == NULL) {
		map->slots = old;
		return -ENOMEM;
	}
	memset(map->slots, 0, size * sizeof(*map->slots));
	map->mask = size - 1;
	for (i = 0; i < old_size; i++) {
		if (old[i].value != 0)
			map_insert(map, &old[i]);
	}
	free(old);
	return 0;
}

int cls_map_put(struct cls_map *map, const struct cls_key *key, uint32_t value)
{
	struct cls_slot slot = {.key = *key, .value = value};

	if ((map->slots == NULL || 2 * (map->n + 1) > map->mask + 1) && map_grow(map) != 0)
		return -ENOMEM;
	map_insert(map, &slot);
	map->n++;
	return 0;
}

void cls_map_free(struct cls_map *map)
{
	free(map->slots);
}

/* A new ply whose entries all are what the entry above was. @return its number, or UINT32_MAX */
static uint32_t trie_add_ply(struct cls_trie *trie, uint32_t fill)
{
	uint32_t i, *plies;

	if (trie->n_plies == trie->max_plies) {
		uint32_t max = trie->max_plies == 0 ? 4 : 2 * trie->max_plies;

		plies = realloc(trie->plies,
				(size_t)max * CLS_TRIE_PLY_SIZE * sizeof(*trie->plies));
		if (plies == NULL)
			return UINT32_MAX;
		trie->plies = plies;
		trie->max_plies = max;
	}
	plies = trie->plies + (size_t)trie->n_plies * CLS_TRIE_PLY_SIZE;
	for (i = 0; i < CLS_TRIE_PLY_SIZE; i++)
		plies[i] = fill;
	return trie->n_plies++;
}

/* The table below table[i], made when there is none. A base of UINT32_MAX is the root, else a ply's
 * number. */
static int trie_descend(struct cls_trie *trie, uint32_t *ply, uint32_t i)
{
	uint32_t *entry = *ply == UINT32_MAX ? &trie->root[i]
					     : &trie->plies[(size_t)*ply * CLS_TRIE_PLY_SIZE + i];
	uint32_t below;

	if (!(*entry & CLS_PLY)) {
		below = trie_add_ply(trie, *entry);
		if (below == UINT32_MAX)
			return -ENOMEM;
		/* adding may have moved the plies */
		entry = *ply == UINT32_MAX ? &trie->root[i]
					   : &trie->plies[(size_t)*ply * CLS_TRIE_PLY_SIZE + i];
		*entry = CLS_PLY | below;
	}
	*ply = *entry & ~CLS_PLY;
	return 0;
}

int cls_trie_put(struct cls_trie *trie, const uint8_t *address, unsigned int len, uint32_t entry)
{
	uint32_t ply = UINT32_MAX, i = (uint32_t)(address[0] << 8 | address[1]), n, *table;
	unsigned int bits = 16;

	if (trie->root == NULL)
		trie->root = calloc(CLS_TRIE_ROOT, sizeof(*trie->root));
	if (trie->root == NULL)
		return -ENOMEM;
	for (; len > bits; bits += 8) {
		if (trie_descend(trie, &ply, i) != 0)
			return -ENOMEM;
		i = address[bits / 8];
	}
	table = ply == UINT32_MAX ? trie->root : trie->plies + (size_t)ply * CLS_TRIE_PLY_SIZE;
	/* shortest first: all that is here belongs to shorter prefixes */
	for (n = 1u << (bits - len); n > 0; n--, i++)
		table[i] = entry;
	return 0;
}

void cls_trie_free(struct cls_trie *trie)
{
	free(trie->root);
	free(trie->plies);
}
