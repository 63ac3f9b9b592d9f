/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Balancers: which engine of its VR a packet goes to (LVRM section 3.3). One table of named rows at
 * the end. Runs on the MD lcore; pick() is called once a burst and VR and costs 1-4 cycles a
 * packet.
 */
#include <string.h>

#include "pdp_dispatch.h"

static void rr_pick(struct pdp_balance *b, const uint32_t *hashes, unsigned int n, uint8_t *out)
{
	uint32_t next = b->next;

	for (unsigned int i = 0; i < n; i++) {
		if (next >= b->n)
			next = 0;
		out[i] = (uint8_t)next++;
	}
	b->next = next;
}

static void random_pick(struct pdp_balance *b, const uint32_t *hashes, unsigned int n, uint8_t *out)
{
	uint64_t x = b->rng ? b->rng : UINT64_C(0x9e3779b97f4a7c15);

	for (unsigned int i = 0; i < n; i++) {
		/* xorshift64; the high half is the better one */
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		out[i] = (uint8_t)((x >> 32) * b->n >> 32);
	}
	b->rng = x;
}

static void weighted_pick(struct pdp_balance *b, const uint32_t *hashes, unsigned int n,
			  uint8_t *out)
{
	for (unsigned int i = 0; i < n; i++)
		out[i] = b->wheel[b->next++ % PDP_WHEEL];
}

static void flow_pick(struct pdp_balance *b, const uint32_t *hashes, unsigned int n, uint8_t *out)
{
	for (unsigned int i = 0; i < n; i++)
		out[i] = b->bucket_engine[(hashes[i] >> 14) & (PDP_BUCKETS - 1)];
}

/* Smooth weighted round robin, written down once: every step the engine furthest behind its share.
 */
static void wheel_build(struct pdp_balance *b)
{
	int64_t credit[PDP_ENGINES_MAX] = {0};
	int64_t total = 0;

	for (uint32_t e = 0; e < b->n; e++)
		total += b->weights[e];
	for (unsigned int i = 0; i < PDP_WHEEL; i++) {
		uint32_t best = 0;

		for (uint32_t e = 0; e < b->n; e++) {
			credit[e] += b->weights[e];
			if (credit[e] > credit[best])
				best = e;
		}
		credit[best] -= total;
		b->wheel[i] = (uint8_t)best;
	}
}

/* Even shares with as few buckets moved as possible. */
static void buckets_build(struct pdp_balance *b)
{
	uint32_t owned[PDP_ENGINES_MAX] = {0};
	uint32_t give = 0;

	for (unsigned int i = 0; i < PDP_BUCKETS; i++) {
		uint8_t *e = &b->bucket_engine[i];
		/* The first PDP_BUCKETS % n engines take one more. */
		if (*e < b->n && owned[*e] < PDP_BUCKETS / b->n + (*e < PDP_BUCKETS % b->n))
			owned[*e]++;
		else
			*e = UINT8_MAX;
	}
	for (unsigned int i = 0; i < PDP_BUCKETS; i++) {
		if (b->bucket_engine[i] != UINT8_MAX)
			continue;
		while (owned[give] >= PDP_BUCKETS / b->n + (give < PDP_BUCKETS % b->n))
			give++;
		b->bucket_engine[i] = (uint8_t)give;
		owned[give]++;
	}
}

void pdp_balance_rebuild(struct pdp_balance *b)
{
	if (b->n == 0)
		return;
	wheel_build(b);
	buckets_build(b);
}

static const struct pdp_balancer balancers[] = {
	{.name = "rr", .spills = true, .pick = rr_pick},
	{.name = "random", .spills = true, .pick = random_pick},
	{.name = "weighted", .spills = true, .pick = weighted_pick},
	{.name = "flow", .needs_hash = true, .pick = flow_pick},
};

const struct pdp_balancer *pdp_balancer_find(const char *name)
{
	for (size_t i = 0; i < RTE_DIM(balancers); i++) {
		if (strcmp(balancers[i].name, name) == 0)
			return &balancers[i];
	}
	return NULL;
}

const char *pdp_balancer_names(void)
{
	return "rr, random, weighted, flow";
}
