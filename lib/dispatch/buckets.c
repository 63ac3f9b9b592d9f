/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flow buckets: PDP_BUCKETS parts of a VR's traffic by hash, each of which belongs to one engine.
 *
 * With `flow` a bucket moves only when engines come and go, and then at once. With `flow-jsq`
 * (b->sticky) it stays while its engine has packets of it, and moves when it has none: to the
 * engine that an even share gives it to, or to the shortest queue if its own is longer by more than
 * a threshold. Where that does not come about by itself, since its engine leaves or is overloaded,
 * it is held: its packets wait until the last one is back (hold.c). So a flow is never on two
 * engines.
 *
 * The bucket's number is bits 14..23 of PdP's own flow hash. What a port's RSS chooses the receive
 * queue by is another hash (Toeplitz with the NIC's key), and a tunnel's source port is made of
 * bits 0..13: the packets of one MD lcore fill all buckets (test_dispatch_flows). MD lcore only.
 */
#include <rte_branch_prediction.h>

#include "balance_priv.h"

unsigned int flow_pick(struct pdp_balance *b, const uint32_t *hashes, unsigned int n, uint8_t *out)
{
	for (unsigned int i = 0; i < n; i++)
		out[i] = b->buckets[pdp_bucket_of(hashes[i])].place;
	return 0;
}

static void bucket_hold(struct pdp_balance *b, struct pdp_bucket *k)
{
	k->place = PDP_PLACE_HELD;
	k->want = 0;
	b->n_held++;
	b->moving += k->out;
}

/*
 * Its engine has been overloaded for a while, and the bucket has not emptied: hold it, if even with
 * it the other queue stays clearly shorter. Buckets that are on their way count as there already,
 * and not here.
 */
static bool bucket_forced(struct pdp_balance *b, struct pdp_bucket *k)
{
	const uint64_t there = b->load[pdp_balance_shortest(b)] +
			       (uint64_t)PDP_COST * (2 * b->moving + k->out + k->out / 4);

	if (!(b->over & ~b->unsettled & BIT(k->place)) || b->load[k->place] <= there ||
	    b->moving + k->out > PDP_FORCED_MAX)
		return false;
	bucket_hold(b, k);
	return true;
}

/* A packet of a bucket that is held, wanted elsewhere, or on a busy engine.
 * @return false: it has to wait */
static bool bucket_turn(struct pdp_balance *b, struct pdp_bucket *k)
{
	if (k->place == PDP_PLACE_HELD)
		return false;
	if (k->out != 0)
		return !bucket_forced(b, k);
	if (b->unsettled & BIT(k->place))
		return true;
	if (b->busy & BIT(k->want)) {
		k->want = (uint8_t)pdp_balance_shortest(b);
		b->load[k->want] += b->cost[k->want];
	}
	k->place = k->want;
	return true;
}

unsigned int flow_jsq_pick(struct pdp_balance *b, const uint32_t *hashes, unsigned int n,
			   uint8_t *out)
{
	unsigned int held = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct pdp_bucket *k = &b->buckets[pdp_bucket_of(hashes[i])];

		if (unlikely(k->want != k->place || (b->busy & BIT(k->place)))) {
			if (!bucket_turn(b, k)) {
				out[i] = PDP_PLACE_HELD;
				held++;
				continue;
			}
		}
		k->out++;
		out[i] = k->place;
	}
	return held;
}

/* Shares by what a packet costs on each engine; the first ones take what is left over. */
static void quotas(const struct pdp_balance *b, uint32_t *quota)
{
	uint32_t total = 0, given = 0;

	for (uint32_t p = 0; p < b->n; p++)
		total += SPEED(b->cost[p]);
	for (uint32_t p = 0; p < b->n; p++) {
		quota[p] = PDP_BUCKETS * SPEED(b->cost[p]) / total;
		given += quota[p];
	}
	for (uint32_t p = 0; given < PDP_BUCKETS; p = (p + 1) % b->n, given++)
		quota[p]++;
}

void buckets_spread(struct pdp_balance *b)
{
	uint32_t quota[PDP_ENGINES_MAX];
	uint32_t give = 0;

	quotas(b, quota);
	for (unsigned int i = 0; i < PDP_BUCKETS; i++) {
		struct pdp_bucket *k = &b->buckets[i];

		if (k->place == PDP_PLACE_HELD)
			continue;
		if (k->want < b->n && quota[k->want] != 0)
			quota[k->want]--;
		else
			k->want = PDP_PLACE_NONE;
	}
	for (unsigned int i = 0; i < PDP_BUCKETS; i++) {
		struct pdp_bucket *k = &b->buckets[i];

		if (k->place == PDP_PLACE_HELD)
			continue;
		if (k->want == PDP_PLACE_NONE) {
			while (quota[give] == 0)
				give++;
			quota[give]--;
			k->want = (uint8_t)give;
		}
		if (!b->sticky || k->place == PDP_PLACE_NONE)
			k->place = k->want;
	}
}

static uint8_t renumber(uint8_t p, unsigned int place, unsigned int last)
{
	return p == place ? PDP_PLACE_NONE : p == last ? (uint8_t)place : p;
}

void buckets_leave(struct pdp_balance *b, unsigned int place, unsigned int last, bool counted)
{
	for (unsigned int i = 0; i < PDP_BUCKETS; i++) {
		struct pdp_bucket *k = &b->buckets[i];

		if (k->place == PDP_PLACE_HELD)
			continue;
		k->want = renumber(k->want, place, last);
		if (k->place == place && b->sticky && (k->out != 0 || !counted))
			bucket_hold(b, k);
		else
			k->place = renumber(k->place, place, last);
	}
}

unsigned int pdp_bucket_release(struct pdp_balance *b, struct pdp_bucket *k, unsigned int packets)
{
	const unsigned int place = b->n != 0 ? pdp_balance_shortest(b) : 0;

	b->n_held--;
	b->moving -= packets + k->out;
	b->load[place] += b->cost[place] * packets;
	k->place = k->want = (uint8_t)(b->n != 0 ? place : PDP_PLACE_NONE);
	return place;
}

void pdp_balance_set_sticky(struct pdp_balance *b, bool sticky)
{
	b->sticky = sticky;
	b->busy = b->over = 0;
	for (unsigned int i = 0; i < PDP_BUCKETS && !sticky; i++)
		b->buckets[i].want = b->buckets[i].place;
}
