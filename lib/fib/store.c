/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The routes themselves, private to the primary: an open hash table with linear probing, 8 bytes a
 * slot for IPv4 and 24 for IPv6, three quarters full at most. A million IPv4 routes take 16 MB, and
 * their notes 8.
 *
 * Slots are ordered by the high bits of their hash, so that the table doubles in one sequential
 * pass, and a prefix that goes is closed up behind: there are no tombstones.
 */
#include <errno.h>
#include <string.h>

#include "fib_priv.h"

#define BITS_MIN 6
#define LEN_MASK (UINT64_C(0xff) << 2)
#define SAME	 (UINT64_C(0xffffffff) << 32 | LEN_MASK)

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap64(v);
}

static uint32_t hash4(uint32_t address, unsigned int len)
{
	return (uint32_t)((((uint64_t)address << 8 | len) * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

static uint32_t hash6(uint64_t hi, uint64_t lo, unsigned int len)
{
	uint64_t h = (hi ^ len) * UINT64_C(0x9e3779b97f4a7c15);

	h ^= h >> 32;
	h = (h ^ lo) * UINT64_C(0xbf58476d1ce4e5b9);
	return (uint32_t)(h >> 32);
}

/** What a slot has to have, and where it should be. */
struct probe {
	uint64_t word, hi, lo;
	uint32_t hash;
};

static inline struct probe probe_for(const struct fib_store *s, const struct fib_key *key)
{
	struct probe p = {.word = (uint64_t)key->len << 2 | FIB_SLOT_USED};

	if (s->words == 1) {
		const uint32_t address = get32(key->bytes);

		p.hash = hash4(address, key->len);
		p.word |= (uint64_t)address << 32;
	} else {
		p.hi = get64(key->bytes);
		p.lo = get64(key->bytes + 8);
		p.hash = hash6(p.hi, p.lo, key->len);
		p.word |= (uint64_t)p.hash << 32;
	}
	return p;
}

static inline uint64_t *slot_at(const struct fib_store *s, uint64_t i)
{
	return s->slots + i * s->words;
}

static uint64_t mask_of(const struct fib_store *s)
{
	return (UINT64_C(1) << s->bits) - 1;
}

/* Where a used slot should be. */
static uint64_t home_of(const struct fib_store *s, const uint64_t *slot)
{
	const uint32_t high = (uint32_t)(*slot >> 32);
	const uint32_t hash = s->words == 1 ? hash4(high, fib_slot_len(slot)) : high;

	return hash >> (32 - s->bits);
}

static size_t slots_size(const struct fib_store *s)
{
	return ((size_t)s->words << s->bits) * sizeof(uint64_t);
}

static size_t notes_size(const struct fib_store *s)
{
	return sizeof(*s->notes) << s->bits;
}

static int allocate(struct fib_store *s, bool notes)
{
	s->notes = NULL;
	s->slots = fib_alloc(slots_size(s));
	if (s->slots == NULL)
		return -ENOMEM;
	if (!notes)
		return 0;
	s->notes = fib_alloc(notes_size(s));
	if (s->notes != NULL)
		return 0;
	fib_free(s->slots, slots_size(s));
	s->slots = NULL;
	return -ENOMEM;
}

int fib_store_init(struct fib_store *s, unsigned int family, bool notes)
{
	*s = (struct fib_store){.bits = BITS_MIN, .words = family == 4 ? 1 : 3};
	return allocate(s, notes);
}

void fib_store_fini(struct fib_store *s)
{
	if (s->slots != NULL)
		fib_free(s->slots, slots_size(s));
	if (s->notes != NULL)
		fib_free(s->notes, notes_size(s));
}

size_t fib_store_bytes(const struct fib_store *s)
{
	return slots_size(s) + (s->notes != NULL ? notes_size(s) : 0);
}

void fib_store_prefetch(const struct fib_store *s, const struct fib_key *key)
{
	const uint64_t home = probe_for(s, key).hash >> (32 - s->bits);

	__builtin_prefetch(slot_at(s, home), 1);
	if (s->notes != NULL)
		__builtin_prefetch(s->notes + home, 1);
}

static uint64_t index_of(const struct fib_store *s, const uint64_t *slot)
{
	return (uint64_t)(slot - s->slots) / s->words;
}

uint32_t *fib_store_note(const struct fib_store *s, const uint64_t *slot)
{
	return s->notes + index_of(s, slot);
}

static uint64_t *first_empty(const struct fib_store *s, uint64_t at)
{
	const uint64_t mask = mask_of(s);

	while (*slot_at(s, at) != 0)
		at = (at + 1) & mask;
	return slot_at(s, at);
}

static int make_larger(struct fib_store *s)
{
	struct fib_store old = *s;

	s->bits++;
	if (allocate(s, old.notes != NULL) != 0) {
		*s = old;
		return -ENOMEM;
	}
	for (uint64_t i = 0; i <= mask_of(&old); i++) {
		const uint64_t *slot = slot_at(&old, i);
		uint64_t *to;

		if (*slot == 0)
			continue;
		to = first_empty(s, home_of(s, slot));
		memcpy(to, slot, s->words * sizeof(*slot));
		if (s->notes != NULL)
			*fib_store_note(s, to) = old.notes[i];
	}
	fib_store_fini(&old);
	return 0;
}

static uint64_t *find(const struct fib_store *s, const struct probe *p)
{
	const uint64_t mask = mask_of(s);
	uint64_t at = p->hash >> (32 - s->bits);
	uint64_t *slot;

	for (; *(slot = slot_at(s, at)) != 0; at = (at + 1) & mask) {
		if (((*slot ^ p->word) & SAME) != 0)
			continue;
		if (s->words == 1 || (slot[1] == p->hi && slot[2] == p->lo))
			return slot;
	}
	return NULL;
}

uint64_t *fib_store_find(const struct fib_store *s, const struct fib_key *key)
{
	const struct probe p = probe_for(s, key);

	return find(s, &p);
}

uint64_t *fib_store_insert(struct fib_store *s, const struct fib_key *key)
{
	const struct probe p = probe_for(s, key);
	uint64_t *slot;

	if (s->n + 1 > (mask_of(s) + 1) / 4 * 3 && make_larger(s) != 0)
		return NULL;
	slot = first_empty(s, p.hash >> (32 - s->bits));
	slot[0] = p.word;
	if (s->words > 1) {
		slot[1] = p.hi;
		slot[2] = p.lo;
	}
	if (s->notes != NULL)
		*fib_store_note(s, slot) = 0;
	s->n++;
	s->n_by_len[key->len]++;
	return slot;
}

void fib_store_remove(struct fib_store *s, uint64_t *slot)
{
	const uint64_t mask = mask_of(s);
	uint64_t hole = index_of(s, slot), at = hole;

	s->n--;
	s->n_by_len[fib_slot_len(slot)]--;
	/* What was pushed over the hole, or beyond, moves back into it. */
	for (;;) {
		at = (at + 1) & mask;
		slot = slot_at(s, at);
		if (*slot == 0)
			break;
		if (((at - home_of(s, slot)) & mask) < ((at - hole) & mask))
			continue;
		memcpy(slot_at(s, hole), slot, s->words * sizeof(*slot));
		if (s->notes != NULL)
			s->notes[hole] = s->notes[at];
		hole = at;
	}
	*slot_at(s, hole) = 0;
}

static void cut(struct fib_key *key, unsigned int len)
{
	for (unsigned int i = (len + 7) / 8; i < sizeof(key->bytes); i++)
		key->bytes[i] = 0;
	if (len % 8 != 0)
		key->bytes[len / 8] &= (uint8_t)(0xff00 >> (len % 8));
	key->len = (uint8_t)len;
}

/* All that are looked for may lie in memory that nobody has touched lately: ask for them at once.
 */
static void prefetch_covers(const struct fib_store *s, struct fib_key k, unsigned int max_len)
{
	for (int len = (int)max_len; len >= 0; len--) {
		if (s->n_by_len[len] == 0)
			continue;
		cut(&k, (unsigned int)len);
		__builtin_prefetch(slot_at(s, probe_for(s, &k).hash >> (32 - s->bits)));
	}
}

const uint64_t *fib_store_match(const struct fib_store *s, const struct fib_key *key,
				unsigned int max_len, uint64_t flags)
{
	struct fib_key k = *key;

	prefetch_covers(s, k, max_len);
	for (int len = (int)max_len; len >= 0; len--) {
		const uint64_t *slot;

		if (s->n_by_len[len] == 0)
			continue;
		cut(&k, (unsigned int)len);
		slot = fib_store_find(s, &k);
		if (slot != NULL && (*slot & flags) == flags)
			return slot;
	}
	return NULL;
}

void fib_store_key(const struct fib_store *s, const uint64_t *slot, struct fib_key *key)
{
	uint64_t word;

	memset(key, 0, sizeof(*key));
	key->len = (uint8_t)fib_slot_len(slot);
	if (s->words == 1) {
		const uint32_t address = __builtin_bswap32((uint32_t)(*slot >> 32));

		memcpy(key->bytes, &address, sizeof(address));
		return;
	}
	word = __builtin_bswap64(slot[1]);
	memcpy(key->bytes, &word, sizeof(word));
	word = __builtin_bswap64(slot[2]);
	memcpy(key->bytes + 8, &word, sizeof(word));
}
