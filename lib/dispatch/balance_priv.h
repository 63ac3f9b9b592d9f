/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What balance.c and buckets.c share.
 */
#ifndef BALANCE_PRIV_H
#define BALANCE_PRIV_H

#include "pdp_balance.h"

/* Even shares with as few buckets moved as possible. */
void buckets_spread(struct pdp_balance *b);
/* An engine leaves, the last one takes its place. */
void buckets_leave(struct pdp_balance *b, unsigned int place, unsigned int last);

void flow_pick(struct pdp_balance *b, const uint32_t *hashes, unsigned int n, uint8_t *out);

#endif /* BALANCE_PRIV_H */
