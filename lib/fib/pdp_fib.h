/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The FIB as its readers see it: a VR's routes in one shared memory file, mapped read-only.
 *
 * The primary is the only writer (pdp_fib_writer.h); engines of either isolation level, and plugins
 * in them, read. Nothing here is a DPDK type, an address, or a lock.
 *
 * A table entry is 16 bits: PDP_FIB_IS_PLY and the number of a ply (256 entries, for the next 8
 * bits of the address), or the number of a next hop or group; 0 is "no longer prefix than the
 * default route". IPv4 begins as a root of 2^16 entries with plies below (16-8-8), and is rebuilt
 * as DIR-24-8 (Gupta, Lin, McKeown: Routing lookups in hardware at memory access speeds, 1998) when
 * its plies are used up. IPv6 is 16-8-8-... to the 128th bit; its plies have one space of numbers
 * at first, and when that is used up one for each of the levels where real tables have most.
 *
 * What a reader may rely on. The writer fills a ply before one release store links it, unlinks it
 * by one store, and lets it and every freed number rest until all readers passed a quiescent point.
 * So each result of a lookup is the one of the longest matching prefix at some moment during the
 * call: while a route changes, the old one or the new one, never a third. The order of the writer's
 * stores is told where they are: trie.c, grow.c, nexthop.c.
 *
 * Thread: one thread for each struct pdp_fib_reader. A reader calls pdp_fib_quiescent() when it
 * keeps no number of an earlier lookup, at least once a burst, and pdp_fib_offline() before it
 * sleeps.
 */
#ifndef PDP_FIB_H
#define PDP_FIB_H

#include <stdbool.h>
#include <string.h>

#include <pdp_fib_layout.h>
#if defined(__AVX512F__) && defined(__AVX512BW__)
#include <pdp_fib_avx512.h>
#else
#include <pdp_fib_portable.h>
#endif

/**
 * Map a FIB. The reader is offline at first.
 * @param r      out
 * @param fd     of pdp_fib_fd(); may be closed afterwards
 * @param qs_fd  of pdp_fib_qs_fd(), or -1: a reader that nothing waits for (a viewer; what it reads
 *               while routes change may be nonsense)
 * @param index  this reader's line, below PDP_FIB_READERS_MAX; the primary has added it
 * @param err    out, on failure: a sentence
 * @return 0, -EPROTO (no FIB, or another layout), or -errno of mmap and fstat
 */
int pdp_fib_attach(struct pdp_fib_reader *r, int fd, int qs_fd, unsigned int index, char *err,
		   size_t err_size);

/** Go offline and unmap. */
void pdp_fib_detach(struct pdp_fib_reader *r);

/** Tell the writer that no number and no ply of an earlier lookup is in use here any more. */
static inline void pdp_fib_quiescent(struct pdp_fib_reader *r)
{
	const uint64_t epoch = __atomic_load_n(&r->head->epoch, __ATOMIC_ACQUIRE);

	if (__builtin_expect(epoch == r->seen, 1))
		return;
	r->seen = epoch;
	__atomic_store_n(&r->qs->seen, epoch, __ATOMIC_RELEASE);
}

/** Before sleeping: the writer waits for this reader no longer. */
static inline void pdp_fib_offline(struct pdp_fib_reader *r)
{
	r->seen = 0;
	__atomic_store_n(&r->qs->seen, 0, __ATOMIC_RELEASE);
}

/** Before the first lookup, and the first one after pdp_fib_offline(). */
static inline void pdp_fib_online(struct pdp_fib_reader *r)
{
	r->seen = __atomic_load_n(&r->head->epoch, __ATOMIC_ACQUIRE);
	__atomic_store_n(&r->qs->seen, r->seen, __ATOMIC_RELAXED);
	/* Pairs with the fence in fib_oldest(): the writer sees us, or we see what it unlinked. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/**
 * What was last published.
 * @param digest  out, may be NULL: of the installed routes at that version
 * @return the version
 */
static inline uint64_t pdp_fib_version(const struct pdp_fib_reader *r, uint64_t *digest)
{
	uint64_t version, sum;

	do {
		version = __atomic_load_n(&r->head->version, __ATOMIC_ACQUIRE);
		sum = __atomic_load_n(&r->head->digest[version & 1], __ATOMIC_ACQUIRE);
	} while (__atomic_load_n(&r->head->version, __ATOMIC_RELAXED) != version);
	if (digest != NULL)
		*digest = sum;
	return version;
}

/**
 * Longest prefix match of n IPv4 addresses.
 * About 5 cycles each in a table that fits the cache; a full table costs one cache miss each, all
 * of them under way at once.
 * @param ips  n addresses, host byte order
 * @param out  n numbers: of a next hop or group, or 0: no route
 * @param n    0..PDP_FIB_BULK
 */
static inline void pdp_fib_lookup4(const struct pdp_fib_reader *r, const uint32_t *ips,
				   uint16_t *out, unsigned int n)
{
	const struct pdp_fib_head *h = r->head;
	uint32_t other, def = __atomic_load_n(&h->default4, __ATOMIC_ACQUIRE);

	/* With one default route before and after, 0 means it for every entry read between. */
	for (;; def = other) {
		if (__builtin_expect(__atomic_load_n(&h->is_wide4, __ATOMIC_ACQUIRE), 1))
			pdp_fib_walk4_wide(r, ips, (uint16_t)def, out, n);
		else
			pdp_fib_walk4_narrow(r, ips, (uint16_t)def, out, n);
		other = __atomic_load_n(&h->default4, __ATOMIC_ACQUIRE);
		if (__builtin_expect(other == def, 1))
			break;
	}
}

/** Whether pdp_fib_prefetch4() is worth its instructions: the small root is in the cache anyway. */
static inline bool pdp_fib_is_wide4(const struct pdp_fib_reader *r)
{
	return __atomic_load_n(&r->head->is_wide4, __ATOMIC_RELAXED) != 0;
}

/** Ask for what a lookup of this address, host byte order, will read; soon after. */
static inline void pdp_fib_prefetch4(const struct pdp_fib_reader *r, uint32_t ip)
{
	__builtin_prefetch(&r->wide4[ip >> 8]);
}

/**
 * Longest prefix match of n IPv6 addresses: two to four cache misses each in a full table.
 * @param ips  n addresses, network byte order
 * @param out  n numbers: of a next hop or group, or 0: no route
 * @param n    0..PDP_FIB_BULK
 */
static inline void pdp_fib_lookup6(const struct pdp_fib_reader *r, const uint8_t ips[][16],
				   uint16_t *out, unsigned int n)
{
	const struct pdp_fib_head *h = r->head;
	uint32_t stage, other, def = __atomic_load_n(&h->default6, __ATOMIC_ACQUIRE);

	for (;; def = other) {
		stage = __atomic_load_n(&h->stage6, __ATOMIC_ACQUIRE);
		if (stage > 0)
			pdp_fib_walk6(&r->tables6[stage - 1], ips, (uint16_t)def, out, n);
		for (unsigned int i = 0; stage == 0 && i < n; i++)
			out[i] = (uint16_t)def;
		other = __atomic_load_n(&h->default6, __ATOMIC_ACQUIRE);
		if (__builtin_expect(other == def, 1))
			break;
	}
}

static inline struct pdp_fib_nexthop pdp_fib_nexthop_load(const struct pdp_fib_reader *r,
							  uint16_t number)
{
	struct pdp_fib_nexthop nh;
	const uint64_t word = __atomic_load_n((const uint64_t *)&r->nexthops[number],
					      __ATOMIC_ACQUIRE);

	memcpy(&nh, &word, sizeof(nh));
	return nh;
}

/**
 * The member of a group for a flow: by hash, over members that are dead to the next one.
 * @return the member, or one of type PDP_FIB_DEAD when all are
 */
static inline struct pdp_fib_nexthop pdp_fib_group_member(const struct pdp_fib_reader *r,
							  uint16_t group, uint32_t hash)
{
	const uint16_t *slots = r->groups + group * PDP_FIB_PLY;
	const uint32_t first = ((hash ^ r->head->hash_seed) * 0x9e3779b1u) >> 24;
	struct pdp_fib_nexthop nh;

	for (uint32_t i = 0; i < PDP_FIB_PLY; i++) {
		nh = pdp_fib_nexthop_load(r, pdp_fib_entry(slots + (first + i) % PDP_FIB_PLY));
		if (__builtin_expect(nh.type != PDP_FIB_DEAD, 1))
			break;
	}
	return nh;
}

/**
 * What a lookup's result means for a flow.
 * @param number  result of a lookup since the last quiescent point
 * @param hash    flow hash; all packets of a flow have the same
 * @return a next hop that is not a group
 */
static inline struct pdp_fib_nexthop pdp_fib_resolve(const struct pdp_fib_reader *r,
						     uint16_t number, uint32_t hash)
{
	const struct pdp_fib_nexthop nh = pdp_fib_nexthop_load(r, number);

	return __builtin_expect(nh.type == PDP_FIB_GROUP, 0) ? pdp_fib_group_member(r, number, hash)
							     : nh;
}

#endif /* PDP_FIB_H */
