/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A VR's FIB: routes into the store and from there into the tables, one after the other.
 *
 * The store has every route; the tables have the installed ones. The default route is in no table:
 * entry 0 stands for it, so that it changes by one store.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "fib_priv.h"

#define AHEAD 8 /* changes of a batch whose memory is asked for before their turn */

static int init_tables(struct pdp_fib *fib, bool notes)
{
	int rc = fib_store_init(&fib->store4, 4, notes);

	rc = rc != 0 ? rc : fib_store_init(&fib->store6, 6, notes);
	return rc != 0 ? rc : fib_grow_init(fib);
}

static int init_head(struct pdp_fib *fib)
{
	struct pdp_fib_head *h = fib->head;

	*h = (struct pdp_fib_head){.layout = PDP_FIB_LAYOUT,
				   .size = sizeof(*h),
				   .map_size = FIB_MAP_SIZE,
				   .nexthops_off = FIB_NEXTHOPS_OFF,
				   .groups_off = FIB_GROUPS_OFF,
				   .root4_off = FIB_ROOT4_OFF,
				   .plies4_off = FIB_PLIES4_OFF,
				   .wide4_off = FIB_WIDE4_OFF,
				   .wide_plies4_off = FIB_WIDE_PLIES4_OFF,
				   .root6_off = FIB_ROOT6_OFF,
				   .plies6_off = FIB_PLIES6_OFF,
				   .wide_root6_off = FIB_WIDE_ROOT6_OFF};
	for (unsigned int i = 0; i < PDP_FIB_ARENAS6; i++)
		h->wide_plies6_off[i] = FIB_WIDE_PLIES6_OFF(i);
	if (getrandom(&h->hash_seed, sizeof(h->hash_seed), 0) != sizeof(h->hash_seed))
		return -errno;
	return 0;
}

struct pdp_fib *pdp_fib_create(const struct pdp_fib_params *params)
{
	struct pdp_fib *fib = calloc(1, sizeof(*fib));
	int rc;

	if (fib == NULL)
		return NULL;
	fib->qs_fd = -1;
	rc = fib_mem_create(&fib->mem, params);
	if (rc != 0) {
		free(fib);
		errno = -rc;
		return NULL;
	}
	fib->head = (struct pdp_fib_head *)fib->mem.map;
	rc = fib_mem_extend(&fib->mem, 0, sizeof(*fib->head));
	rc = rc != 0 ? rc : init_head(fib);
	rc = rc != 0 ? rc : fib_qs_init(fib);
	rc = rc != 0 ? rc : fib_numbers_init(fib);
	rc = rc != 0 ? rc : init_tables(fib, params->notes);
	if (rc != 0) {
		pdp_fib_destroy(fib);
		errno = -rc;
		return NULL;
	}
	/* Pairs with the acquire load in pdp_fib_attach(). */
	__atomic_store_n(&fib->head->magic, PDP_FIB_MAGIC, __ATOMIC_RELEASE);
	return fib;
}

void pdp_fib_destroy(struct pdp_fib *fib)
{
	if (fib == NULL)
		return;
	fib_grow_fini(fib);
	fib_store_fini(&fib->store4);
	fib_store_fini(&fib->store6);
	fib_numbers_fini(fib);
	fib_qs_fini(fib);
	fib_mem_destroy(&fib->mem);
	free(fib);
}

int pdp_fib_fd(const struct pdp_fib *fib)
{
	return fib->mem.read_fd;
}

int pdp_fib_qs_fd(const struct pdp_fib *fib)
{
	return fib->qs_fd;
}

/** Everything of one family. */
struct family {
	struct fib_store *store;
	struct fib_trie *trie;
	uint32_t *def; /* shared */
	unsigned int number;
};

static struct family family_of(struct pdp_fib *fib, unsigned int number)
{
	return number == 4 ? (struct family){&fib->store4, &fib->trie4, &fib->head->default4, 4}
			   : (struct family){&fib->store6, &fib->trie6, &fib->head->default6, 6};
}

int fib_key_of(const struct pdp_fib_prefix *prefix, struct fib_key *key)
{
	const unsigned int max = prefix->family == 4 ? 32 : 128;
	unsigned int byte = prefix->len / 8;

	if ((prefix->family != 4 && prefix->family != 6) || prefix->len > max)
		return -EINVAL;
	if (prefix->len % 8 != 0 && (prefix->bytes[byte++] & 0xff >> prefix->len % 8) != 0)
		return -EINVAL;
	for (; byte < sizeof(prefix->bytes); byte++) {
		if (prefix->bytes[byte] != 0)
			return -EINVAL;
	}
	memcpy(key->bytes, prefix->bytes, sizeof(key->bytes));
	key->len = prefix->len;
	return 0;
}

static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

uint64_t pdp_fib_route_digest(const struct pdp_fib_prefix *prefix, uint64_t id)
{
	uint64_t hi, lo;

	memcpy(&hi, prefix->bytes, sizeof(hi));
	memcpy(&lo, prefix->bytes + 8, sizeof(lo));
	return mix(mix(mix(hi + prefix->family) + lo + prefix->len) + id);
}

static uint64_t digest_of(const struct pdp_fib *fib, unsigned int family, const struct fib_key *key,
			  uint16_t number)
{
	struct pdp_fib_prefix prefix = {.family = (uint8_t)family, .len = key->len};

	memcpy(prefix.bytes, key->bytes, sizeof(prefix.bytes));
	return pdp_fib_route_digest(&prefix, fib->numbers.ids[number]);
}

/* The word moves even where the number comes back, so that a reader sees that it changed. */
static void set_default(uint32_t *def, uint16_t number)
{
	__atomic_store_n(def, ((*def >> 16) + 1) << 16 | number, __ATOMIC_RELEASE);
}

static int install(struct pdp_fib *fib, const struct family *f, const struct fib_key *key,
		   uint16_t number, bool fresh)
{
	int rc;

	if (key->len == 0) {
		set_default(f->def, number);
		return 0;
	}
	if (f->number == 6 && fib->stage6 == 0 && fib_begin6(fib) != 0)
		return -ENOSPC;
	rc = fib_trie_add(fib, f->trie, key, number, fresh);
	if (rc == 0 || fib->grow_failed[f->number == 6])
		return rc;
	if (fib_grow(fib, f->number) != 0) {
		fib->grow_failed[f->number == 6] = true;
		return rc;
	}
	return fib_trie_add(fib, f->trie, key, number, fresh);
}

static void uninstall(struct pdp_fib *fib, const struct family *f, const struct fib_key *key)
{
	const uint64_t *cover;

	if (key->len == 0) {
		set_default(f->def, 0);
		return;
	}
	cover = fib_store_match(f->store, key, key->len - 1u, FIB_SLOT_INSTALLED);
	/* Below the default route entries are 0, of length 0. */
	if (cover != NULL && fib_slot_len(cover) == 0)
		cover = NULL;
	fib_trie_del(fib, f->trie, key, cover != NULL ? fib_slot_number(cover) : 0,
		     cover != NULL ? fib_slot_len(cover) : 0);
}

/* What the slot says becomes true of the table. @return 0 or -ENOSPC */
static int install_slot(struct pdp_fib *fib, const struct family *f, const struct fib_key *key,
			uint64_t *slot)
{
	const uint16_t number = fib_slot_number(slot);
	const bool fresh = !(*slot & FIB_SLOT_INSTALLED);
	int rc = install(fib, f, key, number, fresh);

	if (rc != 0)
		return rc;
	*slot |= FIB_SLOT_INSTALLED;
	fib->digest += digest_of(fib, f->number, key, number);
	return 0;
}

/* Forget what a stored prefix led to; what the tables say of it is the caller's business. */
static void let_go(struct pdp_fib *fib, const struct family *f, const struct fib_key *key,
		   const uint64_t *slot)
{
	const uint16_t old = fib_slot_number(slot);

	if (old == 0) {
		fib->held--;
		return;
	}
	if (*slot & FIB_SLOT_INSTALLED)
		fib->digest -= digest_of(fib, f->number, key, old);
	else
		fib->not_installed--;
	fib->numbers.refs[old]--;
}

static int add(struct pdp_fib *fib, const struct family *f, const struct fib_key *key,
	       uint64_t *slot, uint16_t number)
{
	int rc;

	if (!fib_number_valid(fib, number))
		return -EINVAL;
	if (slot != NULL) {
		if (*slot & FIB_SLOT_INSTALLED && fib_slot_number(slot) == number)
			return 0;
		let_go(fib, f, key, slot);
	} else {
		slot = fib_store_insert(f->store, key);
		if (slot == NULL)
			return -ENOMEM;
	}
	fib_slot_set_number(slot, number);
	fib->numbers.refs[number]++;
	rc = install_slot(fib, f, key, slot);
	fib->not_installed += rc != 0;
	return rc;
}

static int del(struct pdp_fib *fib, const struct family *f, const struct fib_key *key,
	       uint64_t *slot)
{
	if (slot == NULL)
		return -ENOENT;
	if (*slot & FIB_SLOT_INSTALLED)
		uninstall(fib, f, key);
	let_go(fib, f, key, slot);
	fib_store_remove(f->store, slot);
	return 0;
}

/* The prefix stays in the store alone. */
static int hold(struct pdp_fib *fib, const struct family *f, const struct fib_key *key,
		uint64_t *slot)
{
	if (slot != NULL) {
		if (*slot & FIB_SLOT_INSTALLED)
			uninstall(fib, f, key);
		let_go(fib, f, key, slot);
		*slot &= ~FIB_SLOT_INSTALLED;
	} else {
		slot = fib_store_insert(f->store, key);
		if (slot == NULL)
			return -ENOMEM;
	}
	fib_slot_set_number(slot, 0);
	fib->held++;
	return 0;
}

/* Digest first: see pdp_fib_version(). */
void pdp_fib_publish(struct pdp_fib *fib)
{
	struct pdp_fib_head *h = fib->head;

	fib->version++;
	__atomic_store_n(&h->digest[fib->version & 1], fib->digest, __ATOMIC_RELEASE);
	__atomic_store_n(&h->version, fib->version, __ATOMIC_RELEASE);
	fib_next_epoch(fib);
}

void pdp_fib_prefetch(struct pdp_fib *fib, const struct pdp_fib_prefix *prefix)
{
	const struct family f = family_of(fib, prefix->family);
	struct fib_key key = {.len = prefix->len};

	memcpy(key.bytes, prefix->bytes, sizeof(key.bytes));
	fib_store_prefetch(f.store, &key);
	fib_trie_prefetch(f.trie, &key);
}

unsigned int pdp_fib_apply(struct pdp_fib *fib, struct pdp_fib_change *changes, unsigned int n)
{
	unsigned int n_bad = 0;
	struct fib_key key;

	for (unsigned int i = 0; i < n; i++) {
		struct pdp_fib_change *c = &changes[i];
		const struct family f = family_of(fib, c->prefix.family);
		int rc = fib_key_of(&c->prefix, &key);

		if (i + AHEAD < n)
			pdp_fib_prefetch(fib, &changes[i + AHEAD].prefix);
		if (rc == 0) {
			uint64_t *slot = fib_store_find(f.store, &key);

			rc = c->nexthop != 0 ? add(fib, &f, &key, slot, c->nexthop)
					     : del(fib, &f, &key, slot);
		}
		c->result = (int16_t)rc;
		n_bad += rc != 0;
	}
	pdp_fib_publish(fib);
	return n_bad;
}

int pdp_fib_add(struct pdp_fib *fib, const struct pdp_fib_prefix *prefix, uint16_t nexthop)
{
	struct pdp_fib_change c = {.prefix = *prefix, .nexthop = nexthop};

	if (nexthop == 0)
		return -EINVAL;
	pdp_fib_apply(fib, &c, 1);
	return c.result;
}

int pdp_fib_del(struct pdp_fib *fib, const struct pdp_fib_prefix *prefix)
{
	struct pdp_fib_change c = {.prefix = *prefix};

	pdp_fib_apply(fib, &c, 1);
	return c.result;
}

int pdp_fib_put(struct pdp_fib *fib, const struct pdp_fib_prefix *prefix, uint16_t nexthop,
		uint32_t note)
{
	const struct family f = family_of(fib, prefix->family);
	struct fib_key key;
	uint64_t *slot;
	int rc = fib_key_of(prefix, &key);

	if (rc != 0 || f.store->notes == NULL)
		return -EINVAL;
	slot = fib_store_find(f.store, &key);
	if (nexthop == 0 && note == 0)
		return del(fib, &f, &key, slot);
	rc = nexthop != 0 ? add(fib, &f, &key, slot, nexthop) : hold(fib, &f, &key, slot);
	if (rc == -EINVAL || rc == -ENOMEM)
		return rc;
	if (slot == NULL)
		slot = fib_store_find(f.store, &key);
	*fib_store_note(f.store, slot) = note;
	return rc;
}

uint32_t *pdp_fib_note(struct pdp_fib *fib, const struct pdp_fib_prefix *prefix)
{
	const struct family f = family_of(fib, prefix->family);
	struct fib_key key = {.len = prefix->len};
	const uint64_t *slot;

	assert(f.store->notes != NULL);
	memcpy(key.bytes, prefix->bytes, sizeof(key.bytes));
	slot = fib_store_find(f.store, &key);
	return slot != NULL ? fib_store_note(f.store, slot) : NULL;
}

static void retry_family(struct pdp_fib *fib, unsigned int number)
{
	const struct family f = family_of(fib, number);
	const uint64_t n = UINT64_C(1) << f.store->bits;
	struct fib_key key;

	for (uint64_t i = 0; i < n && fib->not_installed > 0; i++) {
		uint64_t *slot = f.store->slots + i * f.store->words;

		if (*slot == 0 || *slot & FIB_SLOT_INSTALLED || fib_slot_number(slot) == 0)
			continue;
		fib_store_key(f.store, slot, &key);
		if (install_slot(fib, &f, &key, slot) != 0)
			return;
		fib->not_installed--;
	}
}

unsigned int pdp_fib_retry(struct pdp_fib *fib)
{
	if (fib->not_installed == 0)
		return 0;
	fib->grow_failed[0] = fib->grow_failed[1] = false;
	retry_family(fib, 4);
	retry_family(fib, 6);
	pdp_fib_publish(fib);
	return fib->not_installed;
}
