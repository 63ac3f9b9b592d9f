/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rate limits: a bucket of credit that fills with time, of packets or of bytes. All MD lcores draw
 * from the same bucket, which is one number: the time at which all that was drawn is paid for
 * (GCRA, ITU-T I.371). So a limit holds for the VR as a whole, wherever RSS sends its flows, and
 * costs one compare-and-swap a run of packets. rte_meter's state belongs to one thread, so a limit
 * would have to be divided, and it divides by the period for each packet.
 */
#ifndef METER_H
#define METER_H

#include <stdbool.h>
#include <stdint.h>

#include "pdp_dispatch.h"

#define METER_TIME_BITS 6  /* time counts in 2^-6 cycles */
#define METER_BYTE_BITS 12 /* and the price of a byte in 2^-12 of those */
#define METER_RUN_MAX	64 /* packets that are judged at once */

/* W: all MD lcores, by compare-and-swap. */
struct meter_bucket {
	uint64_t paid;
} __attribute__((aligned(64)));

/* One lcore's view of it. */
struct meter {
	struct meter_bucket *bucket; /* NULL: there is no limit */
	uint64_t per_packet;	     /* price in time */
	uint64_t per_byte;
	uint64_t burst; /* price of what may come at once */
};

/**
 * Set a limit, or take it away.
 * @param limit  rate 0: none
 * @param hz     TSC frequency
 * @param now    TSC; the bucket is empty then
 */
void meter_set(struct meter *m, struct meter_bucket *bucket, const struct pdp_rate_limit *limit,
	       uint64_t hz, uint64_t now);

/**
 * Draw for packets in the order in which they came; what is too long for what is left is red, and a
 * shorter one after it may be green.
 * @param n      1..METER_RUN_MAX
 * @param bytes  of all of them
 * @return bit i: packet i is green
 */
uint64_t meter_draw(const struct meter *m, uint64_t now, struct rte_mbuf *const *pkts,
		    unsigned int n, uint64_t bytes);

#endif /* METER_H */
