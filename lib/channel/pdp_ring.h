/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data ring: single producer, single consumer, between two processes that need not trust each
 * other.
 *
 * Shared are the entries and one word, the producer's tail; both ends keep their own index and the
 * geometry private. There is no head in shared memory and no test for a full ring: the MD's ledger
 * lends at most as many slots as the ring has entries, so an entry is read before it is written
 * again. (rte_ring has the producer read the consumer's index every time, and reads size and mask
 * from shared memory; measured, it costs about a third more.) A peer that dies at any instant
 * leaves the ring usable; one that writes nonsense into tail is told by count > entries.
 */
#ifndef PDP_RING_H
#define PDP_RING_H

#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>

#include <pdp_desc.h>

#define PDP_RING_LINE 64

/** Shared memory of a ring. */
struct pdp_ring {
	alignas(PDP_RING_LINE)
		uint32_t tail; /* W:producer (release) R:consumer (acquire); counts up, wraps */
	alignas(PDP_RING_LINE) struct pdp_desc entries[]; /* W:producer R:consumer */
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

/** Entries of a ring that holds n descriptors: a power of two. */
static inline uint32_t pdp_ring_entries(uint32_t n)
{
	return n <= 1 ? 1 : 1u << (32 - __builtin_clz(n - 1));
}

/** Bytes of shared memory for n descriptors. */
static inline size_t pdp_ring_size(uint32_t n)
{
	return offsetof(struct pdp_ring, entries) + pdp_ring_entries(n) * sizeof(struct pdp_desc);
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

/** Write the next descriptor; the consumer sees it after pdp_ring_publish(). */
static inline void pdp_ring_put(struct pdp_ring_producer *p, struct pdp_desc d)
{
	p->ring->entries[p->tail++ & p->mask] = d;
}

/** Descriptors written and not yet published. */
static inline uint32_t pdp_ring_pending(const struct pdp_ring_producer *p)
{
	return p->tail - p->published;
}

/** Show the consumer all that was put, and fetch the lines that come next: they are in its cache.
 */
static inline void pdp_ring_publish(struct pdp_ring_producer *p)
{
	/* Pairs with the acquire load in pdp_ring_count(). */
	__atomic_store_n(&p->ring->tail, p->tail, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < p->tail - p->published;
	     i += PDP_RING_LINE / sizeof(struct pdp_desc))
		__builtin_prefetch(&p->ring->entries[(p->tail + i) & p->mask], 1);
	p->published = p->tail;
}

/** Descriptors that wait. A number above the ring's entries means that the producer lies. */
static inline uint32_t pdp_ring_count(const struct pdp_ring_consumer *c)
{
	return __atomic_load_n(&c->ring->tail, __ATOMIC_ACQUIRE) - c->head;
}

/**
 * Fetch the first n waiting descriptors into the cache: they are in the producer's, hundreds of
 * cycles away. Called well before pdp_ring_copy().
 */
static inline void pdp_ring_prefetch(const struct pdp_ring_consumer *c, uint32_t n)
{
	for (uint32_t i = 0; i < n; i += PDP_RING_LINE / sizeof(struct pdp_desc))
		__builtin_prefetch(&c->ring->entries[(c->head + i) & c->mask], 0);
}

/** Copy n descriptors out that pdp_ring_count() has told of, n <= entries. */
static inline void pdp_ring_copy(struct pdp_ring_consumer *c, struct pdp_desc *out, uint32_t n)
{
	const struct pdp_desc *entries = c->ring->entries;
	const uint32_t head = c->head, mask = c->mask;

	for (uint32_t i = 0; i < n; i++)
		out[i] = entries[(head + i) & mask];
	c->head = head + n;
}

/**
 * Copy up to n descriptors out.
 * @return how many
 */
static inline uint32_t pdp_ring_take(struct pdp_ring_consumer *c, struct pdp_desc *out, uint32_t n)
{
	uint32_t count = pdp_ring_count(c);

	if (count < n)
		n = count;
	pdp_ring_copy(c, out, n);
	return n;
}

#endif /* PDP_RING_H */
