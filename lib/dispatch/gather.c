/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between stages 2 and 3 of the MD loop: what virtual routers receive on one port arrives mixed.
 * Sent packet by packet it takes the loop more than twice as long as a burst for each (pdp-fig11,
 * two of them). MD lcore only.
 */
#include "dispatch_priv.h"

#define ENOUGH_RUNS 4 /* that many in a burst are sent as they are */

/* A burst's packets by where they go. */
struct heaps {
	uint8_t of[RX_BURST];
	uint8_t end[RX_BURST + 1]; /* of each heap, numbered from 1 */
	unsigned int n;
	uint32_t keys[2 * RX_BURST]; /* in md->heaps */
	unsigned int n_keys;
};

/* What matched nothing has one key, which is behind the vifs'. */
static inline uint32_t key_of(const struct pdp_md *md, uint32_t result)
{
	return RTE_MIN((unsigned int)pdp_classify_gid(result), md->n_gids);
}

/* The vifs of a VR whose packets have to leave in the order of their arrival have one heap. */
static unsigned int heap_of(struct pdp_md *md, struct heaps *h, uint32_t key)
{
	uint32_t first = key;

	if (key < md->n_gids && md->vrs[md->gid_vr[key]].order != NULL)
		first = (uint32_t)(md->vrs[md->gid_vr[key]].vifs - md->vifs);
	if (md->heaps[first] == 0) {
		md->heaps[first] = (uint8_t)++h->n;
		h->end[h->n] = 0;
		h->keys[h->n_keys++] = first;
	}
	md->heaps[key] = md->heaps[first];
	h->keys[h->n_keys++] = key;
	return md->heaps[key];
}

static void divide(struct pdp_md *md, const uint32_t *results, unsigned int n, struct heaps *h)
{
	h->n = h->n_keys = 0;
	for (unsigned int i = 0; i < n; i++) {
		const uint32_t key = key_of(md, results[i]);
		unsigned int heap = md->heaps[key];

		if (unlikely(heap == 0))
			heap = heap_of(md, h, key);
		h->of[i] = (uint8_t)heap;
		h->end[heap]++;
	}
	for (unsigned int i = 0; i < h->n_keys; i++)
		md->heaps[h->keys[i]] = 0;
}

static unsigned int count_runs(const uint32_t *results, unsigned int n)
{
	unsigned int runs = 1;

	for (unsigned int i = 1; i < n; i++)
		runs += pdp_classify_gid(results[i]) != pdp_classify_gid(results[i - 1]);
	return runs;
}

void md_gather(struct pdp_md *md, struct rte_mbuf **pkts, uint32_t *results, unsigned int n)
{
	struct rte_mbuf *mixed_pkts[RX_BURST];
	uint32_t mixed[RX_BURST];
	unsigned int sum = 0;
	struct heaps h;

	if (likely(count_runs(results, n) <= ENOUGH_RUNS))
		return;
	divide(md, results, n, &h);
	for (unsigned int k = 1; k <= h.n; k++) {
		const unsigned int share = h.end[k];

		h.end[k] = (uint8_t)sum;
		sum += share;
	}
	memcpy(mixed_pkts, pkts, n * sizeof(pkts[0]));
	memcpy(mixed, results, n * sizeof(results[0]));
	for (unsigned int i = 0; i < n; i++) {
		const unsigned int at = h.end[h.of[i]]++;

		pkts[at] = mixed_pkts[i];
		results[at] = mixed[i];
	}
}
