/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What balance.c and buckets.c share.
 */
#ifndef BALANCE_PRIV_H
#define BALANCE_PRIV_H

#include "pdp_balance.h"

#define COST_RANGE                                                                     \
	16u /* an engine counts as that much faster or slower than the average at most \
	     */
#define BIT(place)  (UINT64_C(1) << (place))
#define SPEED(cost) (PDP_COST * COST_RANGE / (cost))

/* Shares as rates say, even ones where they say nothing, with as few buckets moved as possible. */
void buckets_spread(struct pdp_balance *b);
/* An engine leaves, the last one takes its place. */
void buckets_leave(struct pdp_balance *b, unsigned int place, unsigned int last, bool counted);

unsigned int flow_pick(struct pdp_balance *b, const uint32_t *hashes, unsigned int n, uint8_t *out);
unsigned int flow_jsq_pick(struct pdp_balance *b, const uint32_t *hashes, unsigned int n,
			   uint8_t *out);

#endif /* BALANCE_PRIV_H */
