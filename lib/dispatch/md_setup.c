/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Making and freeing the MDs. Control thread, before the loops start and after they end.
 */
#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "dispatch_priv.h"

#define CALLS 16

/* Lines that this lcore alone writes. */
static uint32_t *make_queues(void)
{
	const size_t size = PDP_ENGINES_MAX * sizeof(uint32_t);
	uint32_t *queues = aligned_alloc(PDP_LINE, size);

	if (queues != NULL)
		memset(queues, 0, size);
	return queues;
}

/* A place in line at each of a VR's ports. */
static int make_lines(struct pdp_md *md, struct md_vr *vr, uint32_t backlog)
{
	vr->lines = &md->lines[md->n_lines];
	for (unsigned int i = 0; i < vr->n_vifs; i++) {
		unsigned int k = 0;

		while (vr->vifs[k].port != vr->vifs[i].port)
			k++;
		vr->vifs[i].line = vr->vifs[k].line;
		if (k < i)
			continue;
		vr->vifs[i].line = &md->lines[md->n_lines];
		if (drr_queue_init(vr->vifs[i].line, backlog) != 0)
			return -ENOMEM;
		md->n_lines++;
		vr->n_lines++;
	}
	return 0;
}

/* What leaves by its vifs, and how: for sealed engines the MD puts headers on and off. */
static int make_wraps(struct md_vr *vr, const struct pdp_md_vr_params *from)
{
	for (unsigned int i = 0; from->guards != NULL && i < from->n_vifs; i++) {
		if (!from->guards[i].on)
			continue;
		vr->vifs[i].guard = guard_create(&from->guards[i]);
		if (vr->vifs[i].guard == NULL)
			return -ENOMEM;
	}
	if (!from->sealed)
		return 0;
	vr->wraps = calloc(from->n_vifs, sizeof(*vr->wraps));
	if (vr->wraps == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; i < from->n_vifs; i++)
		pdp_vif_init(&vr->wraps[i], &from->vifs[i]);
	return 0;
}

static int make_vrs(struct pdp_md *md, const struct pdp_md_params *p)
{
	uint16_t gid = 0;

	for (unsigned int v = 0; v < p->n_vrs; v++) {
		const struct pdp_md_vr_params *from = &p->vrs[v];
		struct md_vr *vr = &md->vrs[v];

		vr->balancer = from->balancer;
		vr->heir = -1;
		vr->hash = from->hash;
		vr->n_vifs = (uint8_t)from->n_vifs;
		vr->vifs = &md->vifs[gid];
		vr->balance = calloc(1, sizeof(*vr->balance));
		vr->queues = md->n_md > 1 ? make_queues() : NULL;
		vr->held = calloc(PDP_BUCKETS, sizeof(*vr->held));
		if (vr->balance == NULL || vr->held == NULL || (md->n_md > 1 && vr->queues == NULL))
			return -ENOMEM;
		pdp_balance_set_sticky(vr->balance, from->balancer->sticky);
		vr->tag = from->balancer->sticky ? TAG_COUNTED : 0;
		if (md_order_set(md, vr, from->restore) != 0)
			return -ENOMEM;
		vr->balance->rng = rte_rdtsc() * (md->index + 1) | 1;
		for (unsigned int i = 0; i < from->n_vifs; i++) {
			vr->vifs[i].port = from->vifs[i].port;
			vr->vif_kind[i] = from->vifs[i].kind;
			md->gid_vr[gid++] = (uint16_t)v;
		}
		if (make_lines(md, vr, from->backlog) != 0 || make_wraps(vr, from) != 0)
			return -ENOMEM;
	}
	return 0;
}

/* Transmit queues that several MD lcores share, because the port has too few, get a lock; kept for
 * the process's life. */
static rte_spinlock_t port_locks[RTE_MAX_ETHPORTS];

static int make_ports(struct pdp_md *md, const struct pdp_md_params *p)
{
	for (unsigned int i = 0; i < p->n_ports; i++) {
		struct md_txbuf *b = calloc(1, sizeof(*b));

		if (b == NULL)
			return -ENOMEM;
		b->port = p->ports[i];
		b->limit = TX_BUFFER;
		b->queue = (uint16_t)(p->port_txqs[i] > md->index ? md->index : 0);
		if (p->port_txqs[i] < p->n_md) {
			b->queue = 0;
			b->lock = &port_locks[b->port];
		}
		md->tx[b->port] = b;
		if (md->index < p->port_rxqs[i]) {
			md->rxqs[md->n_rxqs].port = p->ports[i];
			md->rxqs[md->n_rxqs].gid = pdp_classify_port_only(p->cls, p->ports[i]);
			md->rxqs[md->n_rxqs++].queue = (uint16_t)md->index;
		}
	}
	return 0;
}

static struct meter_bucket *make_buckets(unsigned int n)
{
	return aligned_alloc(alignof(struct meter_bucket), (n + 1) * sizeof(struct meter_bucket));
}

static struct rte_ring *make_calls(void)
{
	size_t size = RTE_ALIGN_CEIL((size_t)rte_ring_get_memsize(CALLS), PDP_LINE);
	struct rte_ring *r = aligned_alloc(PDP_LINE, size);

	if (r != NULL)
		rte_ring_init(r, "md_calls", CALLS, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return r;
}

static struct pdp_md *make_md(const struct pdp_md_params *p, unsigned int index,
			      unsigned int n_gids)
{
	struct pdp_md *md = aligned_alloc(PDP_LINE, RTE_ALIGN_CEIL(sizeof(*md), PDP_LINE));

	if (md == NULL)
		return NULL;
	*md = (struct pdp_md){
		.cls = p->cls,
		.pool = p->pool,
		.index = index,
		.n_md = p->n_md,
		.death_fd = -1,
		.peers = calloc(p->n_md, sizeof(*md->peers)),
		.adaptive = p->adaptive,
		.shares_cpu = p->shares_cpu,
		.engines_here = p->engines_here,
		.tell_gap_tsc = TELL_US * rte_get_tsc_hz() / 1000000,
		.work_tsc = WORK_US * rte_get_tsc_hz() / 1000000,
		.ctl_gap_tsc = rte_get_tsc_hz() / CTL_PER_S,
		.blank_gap_tsc = rte_get_tsc_hz() / BLANKS_PER_S,
		.ahead_tsc = AHEAD_US * rte_get_tsc_hz() / 1000000,
		.flush_tsc = FLUSH_US * rte_get_tsc_hz() / 1000000,
		.stale_tsc = STALE_US * rte_get_tsc_hz() / 1000000,
		.dead_tsc = DEAD_US * rte_get_tsc_hz() / 1000000,
		.n_vrs = p->n_vrs,
		.n_gids = n_gids,
		.vrs = calloc(p->n_vrs + 1, sizeof(*md->vrs)),
		.vifs = calloc(n_gids + 1, sizeof(*md->vifs)),
		.gid_vr = calloc(n_gids + 1, sizeof(*md->gid_vr)),
		.heaps = calloc(n_gids + 1, sizeof(*md->heaps)),
		.lines = calloc(n_gids + 1, sizeof(*md->lines)),
		.vr_meters = calloc(p->n_vrs + 1, sizeof(*md->vr_meters)),
		.vif_meters = calloc(n_gids + 1, sizeof(*md->vif_meters)),
		.buckets = index == 0 ? make_buckets(p->n_vrs + n_gids) : NULL,
		.calls = make_calls(),
	};
	if (md->vrs == NULL || md->vifs == NULL || md->gid_vr == NULL || md->heaps == NULL ||
	    md->lines == NULL || md->vr_meters == NULL || md->vif_meters == NULL ||
	    (index == 0 && md->buckets == NULL) || md->calls == NULL || md->peers == NULL ||
	    md_hold_init(md) != 0 || make_vrs(md, p) != 0 || make_ports(md, p) != 0 ||
	    md_punt_init(md, p) != 0) {
		pdp_md_destroy(md);
		return NULL;
	}
	return md;
}

int pdp_md_create(struct pdp_md **mds, const struct pdp_md_params *params)
{
	unsigned int n_gids = 0;

	for (unsigned int v = 0; v < params->n_vrs; v++)
		n_gids += params->vrs[v].n_vifs;
	for (unsigned int i = 0; i < params->n_md; i++) {
		struct pdp_md_params p = *params;

		p.first = i > 0 ? mds[0] : NULL;
		mds[i] = make_md(&p, i, n_gids);
		if (mds[i] == NULL) {
			while (i-- > 0)
				pdp_md_destroy(mds[i]);
			return -ENOMEM;
		}
	}
	for (unsigned int i = 0; i < params->n_md; i++)
		memcpy(mds[i]->peers, mds, params->n_md * sizeof(*mds));
	return 0;
}

void pdp_md_destroy(struct pdp_md *md)
{
	if (md == NULL)
		return;
	for (unsigned int i = 0; i < RTE_MAX_ETHPORTS; i++)
		free(md->tx[i]);
	for (unsigned int v = 0; md->vrs != NULL && v < md->n_vrs; v++) {
		free(md->vrs[v].balance);
		free(md->vrs[v].queues);
		free(md->vrs[v].held);
		free(md->vrs[v].wraps);
		md_order_free(&md->vrs[v]);
	}
	md_punt_fini(md);
	free(md->peers);
	for (unsigned int i = 0; i < md->n_lines; i++)
		drr_queue_fini(&md->lines[i]);
	free(md->lines);
	free(md->vr_meters);
	free(md->vif_meters);
	free(md->buckets);
	free(md->hold);
	for (unsigned int i = 0; md->vifs != NULL && i < md->n_gids; i++)
		guard_destroy(md->vifs[i].guard);
	free(md->vrs);
	free(md->vifs);
	free(md->gid_vr);
	free(md->heaps);
	free(md->dirty);
	free(md->active);
	free(md->engines);
	/* The loop has ended: nobody looks at them any more. */
	while (md->stale_calls != NULL) {
		struct md_call *call = md->stale_calls;

		md->stale_calls = call->next_stale;
		free(call);
	}
	free(md->calls);
	free(md);
}
