/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control ring: messages of whole cache lines between the MD and an engine that need not trust
 * each other. Single producer, single consumer.
 *
 * As the data ring (pdp_ring.h), but no ledger bounds what is sent: the consumer's head is shared
 * too, in a line of its own, and tells the producer how much room there is. Geometry and own index
 * are private at both ends, so nonsense in the other's word costs messages and nothing else.
 */
#ifndef PDP_CTL_RING_H
#define PDP_CTL_RING_H

#include <stdalign.h>
#include <stdbool.h>

#include <pdp_ring.h>

#define PDP_CTL_ELEM_SIZE  64
#define PDP_CTL_RING_ELEMS 256 /**< a power of two */

/** Shared memory of a control ring. */
struct pdp_ctl_ring {
	alignas(PDP_RING_LINE) uint32_t tail; /* W:producer (release) R:consumer (acquire) */
	alignas(PDP_RING_LINE) uint32_t head; /* W:consumer (release) R:producer (acquire) */
	alignas(PDP_RING_LINE) uint8_t elems[PDP_CTL_RING_ELEMS][PDP_CTL_ELEM_SIZE];
};

/** One end of a control ring; private. */
struct pdp_ctl_end {
	struct pdp_ctl_ring *ring; /**< zeroed at first */
	uint32_t at;		   /**< producer: next to write; consumer: next to read */
};

/** Elements that wait; a lying producer makes it no more than the ring has. */
static inline uint32_t pdp_ctl_ring_count(const struct pdp_ctl_end *c)
{
	const uint32_t n = __atomic_load_n(&c->ring->tail, __ATOMIC_ACQUIRE) - c->at;

	return n < PDP_CTL_RING_ELEMS ? n : PDP_CTL_RING_ELEMS;
}

/** Put n elements, all or none. @return false: there is no room */
static inline bool pdp_ctl_ring_put(struct pdp_ctl_end *p, const void *elems, uint32_t n)
{
	struct pdp_ctl_ring *r = p->ring;
	const uint32_t used = p->at - __atomic_load_n(&r->head, __ATOMIC_ACQUIRE);

	if (used > PDP_CTL_RING_ELEMS || n > PDP_CTL_RING_ELEMS - used)
		return false;
	for (uint32_t i = 0; i < n; i++)
		memcpy(r->elems[(p->at + i) % PDP_CTL_RING_ELEMS],
		       (const char *)elems + i * PDP_CTL_ELEM_SIZE, PDP_CTL_ELEM_SIZE);
	p->at += n;
	/* Pairs with the acquire load in pdp_ctl_ring_count(). */
	__atomic_store_n(&r->tail, p->at, __ATOMIC_RELEASE);
	return true;
}

/** Take n elements, all or none. @return false: fewer wait */
static inline bool pdp_ctl_ring_take(struct pdp_ctl_end *c, void *elems, uint32_t n)
{
	struct pdp_ctl_ring *r = c->ring;

	if (pdp_ctl_ring_count(c) < n)
		return false;
	for (uint32_t i = 0; i < n; i++)
		memcpy((char *)elems + i * PDP_CTL_ELEM_SIZE,
		       r->elems[(c->at + i) % PDP_CTL_RING_ELEMS], PDP_CTL_ELEM_SIZE);
	c->at += n;
	/* Pairs with the acquire load in pdp_ctl_ring_put(). */
	__atomic_store_n(&r->head, c->at, __ATOMIC_RELEASE);
	return true;
}

#endif /* PDP_CTL_RING_H */
