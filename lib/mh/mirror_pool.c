/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbered items, chained by hash; the chains' heads double when items outnumber them. */
#include <errno.h>
#include <stdlib.h>

#include "mirror_priv.h"

enum { BITS_MIN = 6, ITEMS_MIN = 64 };

int mirror_pool_init(struct mirror_pool *p, uint32_t item_size)
{
	*p = (struct mirror_pool){
		.item_size = item_size, .n_touched = 1, .n_max = ITEMS_MIN, .bits = BITS_MIN};
	p->items = calloc(p->n_max, item_size);
	p->heads = calloc(UINT32_C(1) << p->bits, sizeof(*p->heads));
	return p->items != NULL && p->heads != NULL ? 0 : -ENOMEM;
}

void mirror_pool_fini(struct mirror_pool *p)
{
	free(p->items);
	free(p->heads);
	*p = (struct mirror_pool){0};
}

static struct mirror_item *item_at(const struct mirror_pool *p, uint32_t number)
{
	return mirror_pool_at(p, number);
}

static uint32_t *head_of(const struct mirror_pool *p, uint32_t hash)
{
	return &p->heads[hash >> (32 - p->bits)];
}

/* Free items hang in no chain: `refs` is then UINT32_MAX. */
static bool more_heads(struct mirror_pool *p)
{
	uint32_t *heads = calloc(UINT32_C(2) << p->bits, sizeof(*heads));

	if (heads == NULL)
		return false;
	free(p->heads);
	p->heads = heads;
	p->bits++;
	for (uint32_t i = 1; i < p->n_touched; i++) {
		struct mirror_item *item = item_at(p, i);

		if (item->refs == UINT32_MAX)
			continue;
		item->next = *head_of(p, item->hash);
		*head_of(p, item->hash) = i;
	}
	return true;
}

static bool more_items(struct mirror_pool *p)
{
	uint8_t *items = realloc(p->items, (size_t)p->n_max * 2 * p->item_size);

	if (items == NULL)
		return false;
	p->items = items;
	p->n_max *= 2;
	return true;
}

uint32_t mirror_pool_new(struct mirror_pool *p, uint32_t hash)
{
	struct mirror_item *item;
	uint32_t number = p->free_head;

	if (number == 0 && p->n_touched == p->n_max && !more_items(p))
		return 0;
	/* Longer chains are no reason to fail. */
	if (p->n_used >> p->bits != 0 && p->bits < 31)
		more_heads(p);
	if (number != 0)
		p->free_head = item_at(p, number)->next;
	else
		number = p->n_touched++;
	p->n_used++;
	item = item_at(p, number);
	memset(item, 0, p->item_size);
	item->hash = hash;
	item->next = *head_of(p, hash);
	*head_of(p, hash) = number;
	return number;
}

static void unlink_item(struct mirror_pool *p, uint32_t number)
{
	struct mirror_item *item = item_at(p, number);
	uint32_t *at = head_of(p, item->hash);

	while (*at != number)
		at = &item_at(p, *at)->next;
	*at = item->next;
}

void mirror_pool_rehash(struct mirror_pool *p, uint32_t number, uint32_t hash)
{
	struct mirror_item *item = item_at(p, number);

	unlink_item(p, number);
	item->hash = hash;
	item->next = *head_of(p, hash);
	*head_of(p, hash) = number;
}

void mirror_pool_free(struct mirror_pool *p, uint32_t number)
{
	struct mirror_item *item = item_at(p, number);

	unlink_item(p, number);
	item->next = p->free_head;
	item->refs = UINT32_MAX;
	p->free_head = number;
	p->n_used--;
}

uint64_t mirror_pool_bytes(const struct mirror_pool *p)
{
	return (uint64_t)p->n_max * p->item_size + (sizeof(*p->heads) << p->bits);
}

uint64_t mirror_hash64(const void *data, size_t size, uint64_t seed)
{
	const uint8_t *at = data;
	uint64_t h = seed ^ size * UINT64_C(0x9e3779b97f4a7c15), word;

	for (; size > 0; size -= size < 8 ? size : 8, at += 8) {
		word = 0;
		memcpy(&word, at, size < 8 ? size : 8);
		h = (h ^ word) * UINT64_C(0xbf58476d1ce4e5b9);
		h ^= h >> 29;
	}
	h *= UINT64_C(0x94d049bb133111eb);
	return h ^ h >> 32;
}

uint32_t mirror_hash(const void *data, size_t size, uint32_t seed)
{
	return (uint32_t)(mirror_hash64(data, size, seed) >> 16);
}
