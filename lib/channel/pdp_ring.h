/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data ring: single producer, single consumer, between two processes that need not trust each
 * other.
 *
 * Shared are the entries and one word, the producer's tail; both ends keep their own index and the
 * geometry private. There is no head in shared memory and no test for a full ring: the MD's ledger
 * lends at most as many slots as the ring has entries, so an entry is read before it is written
 * again. rte_ring has the producer read the consumer's index every time (a cache line that the
 * other CPU just wrote) and both ends read size and mask from shared memory.
 * A peer that dies at any instant leaves the ring usable; one that writes nonsense into tail is
 * told by count > entries.
 *
 * `elem` is the size of an entry, a constant at every call: 8 or 16 bytes.
 */
#ifndef PDP_RING_H
#define PDP_RING_H

#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PDP_RING_LINE 64

/** Shared memory of a ring. */
struct pdp_ring {
	alignas(PDP_RING_LINE) uint32_t tail; /* W:producer (release) R:consumer (acquire); wraps */
	alignas(PDP_RING_LINE) uint8_t entries[]; /* W:producer R:consumer */
};

/** Producer's end; private. */
struct pdp_ring_producer {
	struct pdp_ring *ring;
	uint32_t mask;
	uint32_t tail;	    /**< next entry to write */
	uint32_t published; /**< what the consumer was told */
};

/** Consumer's end; private. */
struct pdp_ring_consumer {
	const struct pdp_ring *ring;
	uint32_t mask;
	uint32_t head; /**< next entry to read */
};

/** Entries of a ring that holds n: a power of two. */
static inline uint32_t pdp_ring_entries(uint32_t n)
{
	return n <= 1 ? 1 : 1u << (32 - __builtin_clz(n - 1));
}

/** Bytes of shared memory for n entries. */
static inline size_t pdp_ring_size(uint32_t n, size_t elem)
{
	return offsetof(struct pdp_ring, entries) + pdp_ring_entries(n) * elem;
}

/** @param n as given to pdp_ring_size(); the ring's memory is zero at first */
static inline void pdp_ring_producer_init(struct pdp_ring_producer *p, struct pdp_ring *ring,
					  uint32_t n)
{
	*p = (struct pdp_ring_producer){.ring = ring, .mask = pdp_ring_entries(n) - 1};
}

static inline void pdp_ring_consumer_init(struct pdp_ring_consumer *c, const struct pdp_ring *ring,
					  uint32_t n)
{
	*c = (struct pdp_ring_consumer){.ring = ring, .mask = pdp_ring_entries(n) - 1};
}

/** Entries from index i on that lie in a row, n at most. */
static inline uint32_t pdp_ring_run(uint32_t i, uint32_t mask, uint32_t n)
{
	const uint32_t to_end = mask + 1 - (i & mask);

	return n < to_end ? n : to_end;
}

/**
 * Where the next entry goes; n entries that lie in a row (pdp_ring_run) may be written. The
 * consumer sees them after pdp_ring_publish().
 */
static inline void *pdp_ring_next(struct pdp_ring_producer *p, uint32_t n, size_t elem)
{
	void *at = p->ring->entries + (p->tail & p->mask) * elem;

	p->tail += n;
	return at;
}

/** Entries written and not yet published. */
static inline uint32_t pdp_ring_pending(const struct pdp_ring_producer *p)
{
	return p->tail - p->published;
}

/** Show the consumer all that was written. */
static inline void pdp_ring_publish(struct pdp_ring_producer *p)
{
	/* Pairs with the acquire load in pdp_ring_count(). */
	__atomic_store_n(&p->ring->tail, p->tail, __ATOMIC_RELEASE);
	p->published = p->tail;
}

/** Ask for the lines of n entries, from the skip-th next on: the consumer has them. Called well
 * before writing. */
static inline void pdp_ring_prefetch_write(const struct pdp_ring_producer *p, uint32_t skip,
					   uint32_t n, size_t elem)
{
	for (uint32_t i = skip; i < skip + n; i += PDP_RING_LINE / elem)
		__builtin_prefetch(p->ring->entries + ((p->tail + i) & p->mask) * elem, 1);
}

/** Entries that wait. A number above the ring's entries means that the producer lies. */
static inline uint32_t pdp_ring_count(const struct pdp_ring_consumer *c)
{
	return __atomic_load_n(&c->ring->tail, __ATOMIC_ACQUIRE) - c->head;
}

/**
 * Fetch n waiting entries into the cache, from the skip-th on: they are in the producer's, hundreds
 * of cycles away. Called well before pdp_ring_copy().
 */
static inline void pdp_ring_prefetch(const struct pdp_ring_consumer *c, uint32_t skip, uint32_t n,
				     size_t elem)
{
	for (uint32_t i = skip; i < skip + n; i += PDP_RING_LINE / elem)
		__builtin_prefetch(c->ring->entries + ((c->head + i) & c->mask) * elem, 0);
}

/** Copy n entries out that pdp_ring_count() has told of, n <= entries. */
static inline void pdp_ring_copy(struct pdp_ring_consumer *c, void *out, uint32_t n, size_t elem)
{
	const uint32_t run = pdp_ring_run(c->head, c->mask, n);

	memcpy(out, c->ring->entries + (c->head & c->mask) * elem, run * elem);
	memcpy((char *)out + run * elem, c->ring->entries, (n - run) * elem);
	c->head += n;
}

/**
 * Copy up to n entries out.
 * @return how many
 */
static inline uint32_t pdp_ring_take(struct pdp_ring_consumer *c, void *out, uint32_t n,
				     size_t elem)
{
	uint32_t count = pdp_ring_count(c);

	if (count < n)
		n = count;
	pdp_ring_copy(c, out, n, elem);
	return n;
}

#endif /* PDP_RING_H */
