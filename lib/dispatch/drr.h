/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Deficit round robin (M. Shreedhar and G. Varghese, SIGCOMM 1995): the VRs whose packets wait for
 * one port take turns, and each gets as many bytes of the line as the others, whatever their sizes.
 * Every queue has its own bound, so none takes another's room. Pure; a packet is a pointer that is
 * not followed. Thread: one, the MD lcore that the port's transmit queue belongs to; `n` of a queue
 * may be read by any.
 */
#ifndef DRR_H
#define DRR_H

#include <stdbool.h>
#include <stdint.h>

#define DRR_QUANTUM 1600 /* bytes a turn; longer frames wait for several */
#define DRR_WIRE    24	 /* what a frame takes of the line besides: FCS, preamble, gap */

struct rte_mbuf;

struct drr_item {
	struct rte_mbuf *m;
	uint32_t len;
	uint16_t tag; /* the caller's */
};

struct drr_queue {
	struct drr_item *items; /* ring of `mask` + 1 */
	struct drr_queue *next; /* in struct drr */
	uint32_t mask;
	uint32_t max; /* packets that may wait */
	uint32_t head;
	uint32_t n;
	uint32_t deficit; /* bytes that it may still send */
	bool granted;	  /* got this turn's quantum */
};

/* The queues that have packets, in the order of their turns. */
struct drr {
	struct drr_queue *first;
	struct drr_queue *last;
	uint32_t n; /* packets in all of them */
};

/**
 * Make an empty queue.
 * @param max  packets that may wait, 1..65536
 * @return 0; -ENOMEM
 */
int drr_queue_init(struct drr_queue *q, uint32_t max);

/** Free what init took; a zeroed queue is allowed. Its packets are the caller's. */
void drr_queue_fini(struct drr_queue *q);

/** Put a packet at the end of a queue. @return false: the queue is full, nothing happened */
bool drr_push(struct drr *d, struct drr_queue *q, struct drr_item item);

/** Take the next packets in the order of service. @return how many, at most `n` */
unsigned int drr_pull(struct drr *d, struct drr_item *out, unsigned int n);

#endif /* DRR_H */
