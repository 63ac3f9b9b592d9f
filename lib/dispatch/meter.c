/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage 2b of the MD loop, only for VRs and vifs with a rate limit: what is above it is dropped
 * after it was counted and before anything else is done. Budget: 40 cycles a run of packets that
 * pass, 15 a packet that does not.
 */
#include "meter.h"

#include <rte_cycles.h>

#include "dispatch_priv.h"

static inline uint64_t price(const struct meter *m, uint64_t packets, uint64_t bytes)
{
	return m->per_packet * packets + (m->per_byte * bytes >> METER_BYTE_BITS);
}

/* Of a burst; no longer than what the time can hold. */
static uint64_t price_of_burst(const struct meter *m, const struct pdp_rate_limit *limit)
{
	unsigned __int128 all = limit->bytes ? (unsigned __int128)m->per_byte * limit->burst >>
						       METER_BYTE_BITS
					     : (unsigned __int128)m->per_packet * limit->burst;

	return all < INT64_MAX / 2 ? (uint64_t)all : INT64_MAX / 2;
}

void meter_set(struct meter *m, struct meter_bucket *bucket, const struct pdp_rate_limit *limit,
	       uint64_t hz, uint64_t now)
{
	*m = (struct meter){0};
	if (limit->rate == 0)
		return;
	m->bucket = bucket;
	if (limit->bytes)
		m->per_byte = (hz << (METER_TIME_BITS + METER_BYTE_BITS)) / limit->rate;
	else
		m->per_packet = (hz << METER_TIME_BITS) / limit->rate;
	m->burst = price_of_burst(m, limit);
	__atomic_store_n(&bucket->paid, now << METER_TIME_BITS, __ATOMIC_RELAXED);
}

/* Some are red. @param room in: credit, out: what is left of it */
static uint64_t pick(const struct meter *m, struct rte_mbuf *const *pkts, unsigned int n,
		     uint64_t *room)
{
	uint64_t green = 0;

	for (unsigned int i = 0; i < n; i++) {
		const uint64_t cost = price(m, 1, pkts[i]->pkt_len);

		if (cost > *room)
			continue;
		*room -= cost;
		green |= UINT64_C(1) << i;
	}
	return green;
}

uint64_t meter_draw(const struct meter *m, uint64_t now, struct rte_mbuf *const *pkts,
		    unsigned int n, uint64_t bytes)
{
	const uint64_t all = price(m, n, bytes), time = now << METER_TIME_BITS;
	uint64_t paid = __atomic_load_n(&m->bucket->paid, __ATOMIC_RELAXED), green, next;

	do {
		const uint64_t from = (int64_t)(paid - (time - m->burst)) > 0 ? paid
									      : time - m->burst;
		const uint64_t credit = (int64_t)(time - from) > 0 ? time - from : 0;
		uint64_t room = credit;

		if (likely(all <= credit)) {
			green = UINT64_MAX;
			room -= all;
		} else {
			green = pick(m, pkts, n, &room);
		}
		if (green == 0)
			return 0;
		next = from + credit - room;
	} while (!__atomic_compare_exchange_n(&m->bucket->paid, &paid, next, true, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return green;
}

/* @param bytes in and out: of the packets. @return how many are left in pkts */
static unsigned int apply(struct pdp_md *md, struct md_vr *vr, const struct meter *m,
			  struct rte_mbuf **pkts, uint32_t *results, unsigned int n,
			  uint64_t *bytes)
{
	struct rte_mbuf *red[METER_RUN_MAX];
	unsigned int kept = 0, n_red = 0;
	uint64_t green;

	if (m->bucket == NULL || n == 0)
		return n;
	green = meter_draw(m, md->now, pkts, n, *bytes);
	if (likely(green == UINT64_MAX))
		return n;
	for (unsigned int i = 0; i < n; i++) {
		if (green >> i & 1) {
			if (results != NULL)
				results[kept] = results[i];
			pkts[kept++] = pkts[i];
			continue;
		}
		*bytes -= pkts[i]->pkt_len;
		red[n_red++] = pkts[i];
	}
	count(&vr->c.drops[PDP_DROP_RATE_LIMIT], n_red);
	rte_pktmbuf_free_bulk(red, n_red);
	return kept;
}

unsigned int md_meter(struct pdp_md *md, uint16_t gid, struct rte_mbuf **pkts, uint32_t *results,
		      unsigned int n, uint64_t bytes)
{
	const unsigned int vr = md->gid_vr[gid];

	n = apply(md, &md->vrs[vr], &md->vif_meters[gid], pkts, results, n, &bytes);
	return apply(md, &md->vrs[vr], &md->vr_meters[vr], pkts, results, n, &bytes);
}

void pdp_md_vr_set_limit(struct pdp_md *md, unsigned int vr, int vif,
			 const struct pdp_rate_limit *limit)
{
	struct md_vr *v = &md->vrs[vr];
	struct meter_bucket *vrs = md->peers[0]->buckets, *gids = vrs + md->n_vrs;
	const uint16_t gid = md_gid(md, v, vif < 0 ? 0 : (unsigned int)vif);

	if (vif < 0)
		meter_set(&md->vr_meters[vr], &vrs[vr], limit, rte_get_tsc_hz(), rte_rdtsc());
	else
		meter_set(&md->vif_meters[gid], &gids[gid], limit, rte_get_tsc_hz(), rte_rdtsc());
	for (unsigned int i = 0; i < v->n_vifs; i++)
		v->vifs[i].metered = md->vr_meters[vr].bucket != NULL ||
				     md->vif_meters[md_gid(md, v, i)].bucket != NULL;
}
