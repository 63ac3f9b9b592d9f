/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flow buckets: PDP_BUCKETS parts of a VR's traffic by hash, each of which belongs to one engine.
 * The bucket's number is taken from bits 14..23 of PdP's own flow hash, and not from the hash that
 * a port's RSS chooses a receive queue by (Toeplitz over the outer header, the NIC's): the packets
 * that one MD lcore gets fill all buckets. MD lcore only.
 */
#include "balance_priv.h"

void flow_pick(struct pdp_balance *b, const uint32_t *hashes, unsigned int n, uint8_t *out)
{
	for (unsigned int i = 0; i < n; i++)
		out[i] = b->buckets[pdp_bucket_of(hashes[i])].place;
}

/* The first PDP_BUCKETS % n engines take one more. */
static inline uint32_t share(const struct pdp_balance *b, uint32_t place)
{
	return PDP_BUCKETS / b->n + (place < PDP_BUCKETS % b->n);
}

void buckets_spread(struct pdp_balance *b)
{
	uint32_t owned[PDP_ENGINES_MAX] = {0};
	uint32_t give = 0;

	for (unsigned int i = 0; i < PDP_BUCKETS; i++) {
		struct pdp_bucket *k = &b->buckets[i];

		if (k->place < b->n && owned[k->place] < share(b, k->place))
			owned[k->place]++;
		else
			k->place = PDP_PLACE_NONE;
	}
	for (unsigned int i = 0; i < PDP_BUCKETS; i++) {
		if (b->buckets[i].place != PDP_PLACE_NONE)
			continue;
		while (owned[give] >= share(b, give))
			give++;
		b->buckets[i].place = (uint8_t)give;
		owned[give]++;
	}
}

void buckets_leave(struct pdp_balance *b, unsigned int place, unsigned int last)
{
	for (unsigned int i = 0; i < PDP_BUCKETS; i++) {
		struct pdp_bucket *k = &b->buckets[i];

		k->place = k->place == place  ? PDP_PLACE_NONE
			   : k->place == last ? (uint8_t)place
					      : k->place;
	}
}
