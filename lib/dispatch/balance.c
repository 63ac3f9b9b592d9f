/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Balancers: which engine of its VR a packet goes to (LVRM section 3.3). One table of named rows at
 * the end. Runs on the MD lcore; pick() is called once a burst and VR and costs 1-4 cycles a
 * packet.
 */
#include "balance_priv.h"

#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#define EWMA_TURNS 4 /* a queue's length now counts for one part of that many */

/* Each engine as many as if packet by packet went to the next one, but those in a row: so a burst
 * need not be sorted. */
static unsigned int rr_pick(struct pdp_balance *b, const uint32_t *hashes, unsigned int n,
			    uint8_t *out)
{
	const uint32_t each = n / b->n, more = n % b->n;
	uint32_t p = b->next < b->n ? b->next : 0;

	b->next = (p + more) % b->n;
	for (unsigned int at = 0, i = 0; at < n; i++) {
		const unsigned int share = each + (i < more);

		memset(out + at, (int)p, share);
		at += share;
		p = p + 1 < b->n ? p + 1 : 0;
	}
	return 0;
}

static unsigned int random_pick(struct pdp_balance *b, const uint32_t *hashes, unsigned int n,
				uint8_t *out)
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
	return 0;
}

/* Join the shortest queue: the least expected delay of this packet. A queue that a packet is chosen
 * for counts as longer at once, so that a burst does not go to one engine as a whole. */
static unsigned int jsq_pick(struct pdp_balance *b, const uint32_t *hashes, unsigned int n,
			     uint8_t *out)
{
	for (unsigned int i = 0; i < n; i++) {
		const unsigned int place = pdp_balance_shortest(b);

		out[i] = (uint8_t)place;
		b->load[place] += b->cost[place];
	}
	return 0;
}

unsigned int pdp_balance_shortest(const struct pdp_balance *b)
{
	uint32_t least = b->load[0] + b->cost[0];
	unsigned int best = 0;

	for (uint32_t p = 1; p < b->n; p++) {
		const uint32_t delay = b->load[p] + b->cost[p];

		if (delay < least) {
			least = delay;
			best = p;
		}
	}
	return best;
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
	b->wheel_built = true;
}

static unsigned int weighted_pick(struct pdp_balance *b, const uint32_t *hashes, unsigned int n,
				  uint8_t *out)
{
	if (unlikely(!b->wheel_built))
		wheel_build(b);
	for (unsigned int i = 0; i < n; i++)
		out[i] = b->wheel[b->next++ % PDP_WHEEL];
	return 0;
}

/* Engines whose rate is not known count as average ones. */
static void costs_build(struct pdp_balance *b)
{
	uint64_t total = 0, known = 0;

	for (uint32_t p = 0; p < b->n; p++) {
		total += b->rates[p];
		known += b->rates[p] != 0;
	}
	for (uint32_t p = 0; p < b->n; p++) {
		uint64_t cost = PDP_COST;

		if (b->rates[p] != 0)
			cost = PDP_COST * total / (known * b->rates[p]);
		b->cost[p] = (uint32_t)RTE_MIN(RTE_MAX(cost, (uint64_t)PDP_COST / COST_RANGE),
					       (uint64_t)PDP_COST * COST_RANGE);
	}
}

void pdp_balance_shares(struct pdp_balance *b)
{
	b->wheel_built = false;
	costs_build(b);
}

unsigned int pdp_balance_join(struct pdp_balance *b, uint32_t weight)
{
	const unsigned int place = b->n++;

	b->weights[place] = weight;
	b->rates[place] = 0;
	b->load[place] = 0;
	pdp_balance_shares(b);
	buckets_spread(b);
	return place;
}

void pdp_balance_leave(struct pdp_balance *b, unsigned int place, bool counted)
{
	const unsigned int last = --b->n;

	b->weights[place] = b->weights[last];
	b->rates[place] = b->rates[last];
	b->load[place] = b->load[last];
	b->busy = b->over = 0;
	b->unsettled = UINT64_MAX; /* until somebody says otherwise */
	buckets_leave(b, place, last, counted);
	if (b->n == 0)
		return;
	pdp_balance_shares(b);
	buckets_spread(b);
}

/* Those whose queues are so much longer than the shortest that it pays to move a bucket. */
static uint64_t find_busy(const struct pdp_balance *b)
{
	const uint32_t least = b->load[pdp_balance_shortest(b)];
	const uint32_t limit = least + RTE_MAX(b->move_min, least / 4);
	uint64_t busy = 0;

	for (uint32_t p = 0; p < RTE_MIN(b->n, (uint32_t)PDP_ENGINES_MAX); p++)
		busy |= (uint64_t)(b->load[p] > limit) << p;
	return busy;
}

void pdp_balance_load(struct pdp_balance *b, const uint32_t *queues, bool fresh)
{
	for (uint32_t p = 0; p < b->n; p++) {
		const int64_t now = (int64_t)queues[p] * b->cost[p];

		b->load[p] = (uint32_t)(fresh ? now : b->load[p] + (now - b->load[p]) / EWMA_TURNS);
	}
	if (b->sticky)
		b->busy = find_busy(b);
}

static const struct pdp_balancer balancers[] = {
	{.name = "rr", .spills = true, .passes_over = true, .pick = rr_pick},
	{.name = "random", .spills = true, .pick = random_pick},
	{.name = "weighted", .spills = true, .pick = weighted_pick},
	{.name = "jsq", .spills = true, .needs_load = true, .pick = jsq_pick},
	{.name = "flow-jsq",
	 .needs_hash = true,
	 .keeps_flows = true,
	 .needs_load = true,
	 .sticky = true,
	 .pick = flow_jsq_pick},
	{.name = "flow", .needs_hash = true, .keeps_flows = true, .pick = flow_pick},
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
	return "rr, random, weighted, jsq, flow, flow-jsq";
}
