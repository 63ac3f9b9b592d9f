/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of lib/fib share. Thread: the writer's, but for fib_map(). */
#ifndef FIB_PRIV_H
#define FIB_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pdp_fib_writer.h"

/*
 * The file. What a small VR uses comes first, so that the file ends early: a reader that strays
 * behind the end gets a signal, not memory. Windows hold as many plies as 15 bits number.
 */
#define FIB_KB			   UINT64_C(1024)
#define FIB_MB			   (1024 * FIB_KB)
#define FIB_WINDOW		   (PDP_FIB_NUMBERS * PDP_FIB_PLY * sizeof(uint16_t))
#define FIB_NARROW_PLIES	   4096u /* of a family, before it grows: 2 MB */
#define FIB_ROOT_ENTRIES	   (1u << 16)
#define FIB_ROOT_BYTES		   (FIB_ROOT_ENTRIES * sizeof(uint16_t))
#define FIB_WIDE_ENTRIES	   (1u << 24)
#define FIB_NEXTHOPS_OFF	   (64 * FIB_KB)
#define FIB_ROOT4_OFF		   (320 * FIB_KB)
#define FIB_ROOT6_OFF		   (448 * FIB_KB)
#define FIB_PLIES4_OFF		   (576 * FIB_KB)
#define FIB_PLIES6_OFF		   (FIB_PLIES4_OFF + 2 * FIB_MB)
#define FIB_WIDE_ROOT6_OFF	   (FIB_PLIES6_OFF + 2 * FIB_MB)
#define FIB_WIDE_PLIES6_OFF(arena) (6 * FIB_MB + (arena)*FIB_WINDOW)
#define FIB_GROUPS_OFF		   FIB_WIDE_PLIES6_OFF(PDP_FIB_ARENAS6)
#define FIB_WIDE4_OFF		   (FIB_GROUPS_OFF + FIB_WINDOW)
#define FIB_WIDE_PLIES4_OFF	   (FIB_WIDE4_OFF + 32 * FIB_MB)
#define FIB_MAP_SIZE		   (FIB_WIDE_PLIES4_OFF + FIB_WINDOW)
#define FIB_HUGE		   (2 * FIB_MB)
#define FIB_LEVELS_MAX		   14 /* plies on the way to a /128 */
#define FIB_QS_SIZE		   (PDP_FIB_READERS_MAX * sizeof(struct pdp_fib_qs))

static_assert(FIB_NARROW_PLIES * PDP_FIB_PLY * sizeof(uint16_t) <= 2 * FIB_MB, "no overlap");
static_assert(FIB_WIDE_ROOT6_OFF + FIB_ROOT_BYTES <= 6 * FIB_MB, "no overlap");
static_assert(FIB_WINDOW % FIB_HUGE == 0 && FIB_WIDE4_OFF % FIB_HUGE == 0, "huge pages");

/** A prefix to work with. */
struct fib_key {
	uint8_t bytes[16];
	uint8_t len;
};

/* memory.c */

/** The shared file; grows, never shrinks. */
struct fib_mem {
	int fd;
	int read_fd;
	uint8_t *map;
	uint64_t bytes;
	uint64_t huge_bytes;
	uint64_t max_bytes;
	bool huge;
};

/** Reserve aligned addresses and map a file there. @return MAP_FAILED with errno */
void *fib_map(int fd, size_t size, int prot);
int fib_mem_create(struct fib_mem *m, const struct pdp_fib_params *params);
void fib_mem_destroy(struct fib_mem *m);
/** Make sure that these bytes of the file exist. @return 0 or -ENOSPC */
int fib_mem_extend(struct fib_mem *m, uint64_t off, uint64_t size);
/** Zeroed private memory, in huge pages where it is large. @return NULL when there is none */
void *fib_alloc(size_t size);
void fib_free(void *at, size_t size);

/* pool.c */

/** Numbers that are handed out, freed, rest, and come back. */
struct fib_pool {
	uint32_t first;	    /* lowest number */
	uint32_t n_max;	    /* numbers are below */
	uint32_t n_touched; /* numbers below were handed out once */
	uint32_t n_used;
	uint32_t n_resting;
	uint32_t free_head; /* n_max: none */
	uint32_t rest_head, rest_tail;
	uint16_t *next;
	uint64_t *tags; /* of resting ones: the epoch that readers have to see */
};

int fib_pool_init(struct fib_pool *p, uint32_t first, uint32_t n_max);
void fib_pool_fini(struct fib_pool *p);
/** @return a number that was used before and is free again, or -1 */
int fib_pool_take_freed(struct fib_pool *p);
/** @return a number that was never used, or -1 */
int fib_pool_take_new(struct fib_pool *p);
/** Free at once: no reader ever saw it. */
void fib_pool_give(struct fib_pool *p, uint32_t number);
/** Free when readers have seen epoch `tag`; tags never fall. */
void fib_pool_rest(struct fib_pool *p, uint32_t number, uint64_t tag);
/** Resting ones that everybody has left become free. @param oldest  what the last reader has seen
 */
void fib_pool_wake(struct fib_pool *p, uint64_t oldest);

/* store.c */

/**
 * All routes of a family: an open hash table. A slot is one word, with two more for the address of
 * IPv6: high 32 bits the address (IPv4) or bits of the hash (IPv6), below number, length, flags.
 */
struct fib_store {
	uint64_t *slots;
	uint32_t *notes; /* of the user, one a slot; NULL: not wanted */
	uint32_t bits;	 /* 2^bits slots */
	uint32_t words;
	uint32_t n;
	uint32_t n_by_len[129];
};

#define FIB_SLOT_USED	   UINT64_C(1)
#define FIB_SLOT_INSTALLED UINT64_C(2)

int fib_store_init(struct fib_store *s, unsigned int family, bool notes);
void fib_store_fini(struct fib_store *s);
size_t fib_store_bytes(const struct fib_store *s);
void fib_store_prefetch(const struct fib_store *s, const struct fib_key *key);
/** @return NULL: not there */
uint64_t *fib_store_find(const struct fib_store *s, const struct fib_key *key);
/** A slot for a prefix that is not there, number 0. @return NULL: no memory */
uint64_t *fib_store_insert(struct fib_store *s, const struct fib_key *key);
/** Other slots move. */
void fib_store_remove(struct fib_store *s, uint64_t *slot);
/** Longest stored prefix of at most max_len bits. @param flags  that it has to have */
const uint64_t *fib_store_match(const struct fib_store *s, const struct fib_key *key,
				unsigned int max_len, uint64_t flags);
void fib_store_key(const struct fib_store *s, const uint64_t *slot, struct fib_key *key);
/** Where the note of a used slot is. Only of a store with notes. */
uint32_t *fib_store_note(const struct fib_store *s, const uint64_t *slot);

static inline uint16_t fib_slot_number(const uint64_t *slot)
{
	return (uint16_t)(*slot >> 16 & 0x7fff);
}

static inline void fib_slot_set_number(uint64_t *slot, uint16_t number)
{
	*slot = (*slot & ~(UINT64_C(0x7fff) << 16)) | (uint64_t)number << 16;
}

static inline unsigned int fib_slot_len(const uint64_t *slot)
{
	return *slot >> 2 & 0xff;
}

/* trie.c */

/** Plies of one number space. */
struct fib_arena {
	struct fib_pool pool;
	uint64_t off;		      /* in the file */
	uint32_t n_there;	      /* plies that the file has */
	uint32_t step;		      /* that the file grows by at first */
	uint16_t *plies;	      /* shared */
	uint8_t (*lens)[PDP_FIB_PLY]; /* of each entry: length of the prefix that it is of */
	uint16_t *n_users;	      /* of each ply: prefixes that end in it, and plies below */
};

/** A root and what is below it. */
struct fib_trie {
	uint16_t *root; /* shared */
	uint8_t *lens;
	uint32_t root_bytes;
	struct fib_arena *arenas[FIB_LEVELS_MAX]; /* of level l: indexed by byte root_bytes + l */
};

/** @param huge  in huge pages from the first one on */
int fib_arena_init(struct fib_arena *a, struct fib_mem *m, uint64_t off, uint32_t n_plies,
		   bool huge);
void fib_arena_fini(struct fib_arena *a);
/** @return number of a ply whose contents are anything, or -ENOSPC */
int fib_arena_take(struct pdp_fib *fib, struct fib_arena *a);

void fib_trie_prefetch(const struct fib_trie *t, const struct fib_key *key);
/**
 * Install a prefix (not of length 0), or another number for it.
 * @param fresh  it is not installed yet
 * @return 0, or -ENOSPC: no ply, nothing changed
 */
int fib_trie_add(struct pdp_fib *fib, struct fib_trie *t, const struct fib_key *key,
		 uint16_t number, bool fresh);
/** Take an installed prefix out: the shorter one that covers it (length 0: none) takes over. */
void fib_trie_del(struct pdp_fib *fib, struct fib_trie *t, const struct fib_key *key,
		  uint16_t cover, unsigned int cover_len);

/* grow.c */

int fib_grow_init(struct pdp_fib *fib);
void fib_grow_fini(struct pdp_fib *fib);
/** Make IPv6's root. @return 0 or -ENOSPC */
int fib_begin6(struct pdp_fib *fib);
/** Rebuild a family that has used up its plies. @return 0, or -ENOSPC: no memory, or it is wide */
int fib_grow(struct pdp_fib *fib, unsigned int family);

/* nexthop.c */

struct fib_numbers {
	struct fib_pool pool;
	uint32_t *refs; /* routes and slots of groups that lead to it */
	uint64_t *ids;
	uint64_t *used; /* bitmap */
};

int fib_numbers_init(struct pdp_fib *fib);
void fib_numbers_fini(struct pdp_fib *fib);
/** It is in use, as a next hop or group. */
bool fib_number_valid(const struct pdp_fib *fib, uint16_t number);

/* qs.c */

int fib_qs_init(struct pdp_fib *fib);
void fib_qs_fini(struct pdp_fib *fib);
/** The epoch that all readers have to see before what is unlinked now can be used again. */
uint64_t fib_rest_tag(struct pdp_fib *fib);
/** Begin a new epoch, if something was given a tag in this one. */
void fib_next_epoch(struct pdp_fib *fib);
/** The epoch that every online reader has seen. */
uint64_t fib_oldest(struct pdp_fib *fib);

/* fib.c */

/** A prefix in working form. @return 0, or -EINVAL: family, length, or bits behind it */
int fib_key_of(const struct pdp_fib_prefix *prefix, struct fib_key *key);

struct pdp_fib {
	struct fib_mem mem;
	struct pdp_fib_head *head; /* shared */
	struct fib_numbers numbers;
	struct fib_store store4, store6;
	struct fib_trie trie4, trie6;
	struct fib_arena narrow4, wide4, narrow6, wide6[PDP_FIB_ARENAS6];
	bool is_wide4;
	bool has_wide4, has_wide6; /* the memory of their roots */
	bool grow_failed[2];	   /* IPv4, IPv6; until pdp_fib_retry() */
	uint32_t stage6;
	uint32_t not_installed, held;
	uint64_t version, digest;
	uint64_t epoch;
	bool epoch_tagged;
	int qs_fd;
	struct pdp_fib_qs *qs; /* shared, engines write */
	uint64_t readers;      /* bit i: wait for reader i */
};

#endif /* FIB_PRIV_H */
