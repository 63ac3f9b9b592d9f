/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long the engines' queues are, for the balancers that go by it. An engine's queue is what all
 * MD lcores have out with it: each writes down its own count for every engine, in lines of its own,
 * and reads the others'. Told once a turn and VR. MD lcore only. Budget: 5 cycles an engine.
 */
#include "dispatch_priv.h"

void md_load_publish(struct md_engine *e)
{
	uint32_t *queues = e->vr->queues;

	if (queues != NULL)
		__atomic_store_n(&queues[e->index], pdp_chan_out(e->ch), __ATOMIC_RELAXED);
}

void md_load_forget(struct md_engine *e)
{
	if (e->vr->queues != NULL)
		__atomic_store_n(&e->vr->queues[e->index], 0, __ATOMIC_RELAXED);
}

static uint32_t queue_of(const struct pdp_md *md, const struct md_vr *vr, const struct md_engine *e)
{
	const size_t index = (size_t)(vr - md->vrs);
	uint32_t n = pdp_chan_out(e->ch);

	for (unsigned int i = 0; i < md->n_md; i++) {
		if (i != md->index)
			n += __atomic_load_n(&md->peers[i]->vrs[index].queues[e->index],
					     __ATOMIC_RELAXED);
	}
	return n;
}

/* Flow buckets are made to leave engines whose queues have been too long for a while; they do not
 * leave those that have packets which no bucket counts. */
static void find_over(const struct pdp_md *md, struct md_vr *vr)
{
	struct pdp_balance *b = vr->balance;
	uint64_t unsettled = 0;

	for (unsigned int p = 0; p < vr->n_engines; p++) {
		const struct md_engine *e = vr->engines[p];

		unsettled |= (uint64_t)(pdp_chan_out(e->ch) != e->counted) << p;
	}
	if (b->busy == 0)
		vr->over_tsc = md->now;
	b->over = md->now - vr->over_tsc > md->stale_tsc ? b->busy : 0;
	b->unsettled = unsettled;
}

void md_load(struct pdp_md *md, struct md_vr *vr)
{
	uint32_t queues[PDP_ENGINES_MAX];

	if (vr->load_tsc == md->now)
		return;
	for (unsigned int p = 0; p < vr->n_engines; p++)
		queues[p] = queue_of(md, vr, vr->engines[p]);
	pdp_balance_load(vr->balance, queues, md->now - vr->load_tsc > md->stale_tsc);
	vr->load_tsc = md->now;
	if (vr->balance->sticky)
		find_over(md, vr);
}
