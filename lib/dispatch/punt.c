/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Punted packets on their way to the MH thread, and the router's own ones from it: stage 5b of the
 * MD loop, run only where a VR has a control plane. What a VR may punt is limited for each class;
 * what is above that, or does not fit the class's ring, is a counted drop, so a flood of one class
 * costs the others nothing. MD lcore, but for what pdp_punt.h says is the MH thread's. Budget: 10
 * cycles a turn without packets.
 */
#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "dispatch_priv.h"

#define RING_EMPTY	256  /* empty buffers that the MH thread has at hand */
#define RING_FROM	1024 /* the router's packets */
#define BURST		32
#define TOP_UP		16
#define FREE_BURSTS	8
#define WAKE_GAP_US	50 /* DESIGN rule 8 */
#define HOUSEKEEP_TURNS 16

/* By class: a burst of each VR's or two. */
static const unsigned int ring_sizes[PDP_PUNT_CLASSES] = {
	[PDP_PUNT_OTHER] = 1024,
	[PDP_PUNT_ARP_ND] = 512,
	[PDP_PUNT_ROUTING] = 2048,
};
/* All that an MD lcore can have handed out. */
#define RING_DONE 8192
static_assert(PDP_PUNT_PACKETS_MAX < RING_DONE, "what comes back always has room");

struct pdp_punt {
	struct rte_ring *to[PDP_PUNT_CLASSES]; /* struct pdp_punt_pkt */
	struct rte_ring *from;		       /* struct pdp_punt_pkt */
	struct rte_ring *empty;
	struct rte_ring *done;
	/* W:MD */
	int wake_fd;
	bool owes_wake; /* something went in; until the MH thread has taken all */
	uint64_t wake_tsc;
	uint64_t wake_gap_tsc;
	uint32_t out; /* buffers that the MH thread has */
	/* W:MH R:MD */
	alignas(PDP_LINE) uint32_t sleeping;
};

const char *pdp_punt_class_name(unsigned int cls)
{
	static const char *const names[PDP_PUNT_CLASSES] = {
		[PDP_PUNT_OTHER] = "other",
		[PDP_PUNT_ARP_ND] = "arp_nd",
		[PDP_PUNT_ROUTING] = "routing",
	};

	return cls < PDP_PUNT_CLASSES ? names[cls] : NULL;
}

static struct rte_ring *make_ring(unsigned int elem_size, unsigned int n)
{
	const size_t size = RTE_ALIGN_CEIL((size_t)rte_ring_get_memsize_elem(elem_size, n),
					   PDP_LINE);
	struct rte_ring *r = aligned_alloc(PDP_LINE, size);

	if (r != NULL)
		rte_ring_init(r, "punt", n, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return r;
}

static void free_punt(struct pdp_punt *p)
{
	if (p == NULL)
		return;
	for (unsigned int c = 0; c < PDP_PUNT_CLASSES; c++)
		free(p->to[c]);
	free(p->from);
	free(p->empty);
	free(p->done);
	free(p);
}

static struct pdp_punt *make_punt(void)
{
	struct pdp_punt *p = aligned_alloc(PDP_LINE, RTE_ALIGN_CEIL(sizeof(*p), PDP_LINE));
	bool ok;

	if (p == NULL)
		return NULL;
	*p = (struct pdp_punt){
		.from = make_ring(sizeof(struct pdp_punt_pkt), RING_FROM),
		.empty = make_ring(sizeof(void *), RING_EMPTY),
		.done = make_ring(sizeof(void *), RING_DONE),
		.wake_fd = -1,
		.wake_gap_tsc = WAKE_GAP_US * rte_get_tsc_hz() / 1000000,
	};
	ok = p->from != NULL && p->empty != NULL && p->done != NULL;
	for (unsigned int c = 0; c < PDP_PUNT_CLASSES; c++) {
		p->to[c] = make_ring(sizeof(struct pdp_punt_pkt), ring_sizes[c]);
		ok = ok && p->to[c] != NULL;
	}
	if (ok)
		return p;
	free_punt(p);
	return NULL;
}

/* Limits are of a VR's class, over all MD lcores: the buckets are the first MD's. */
/* @param buckets  of MD lcore 0, which all share */
static void set_limit(struct pdp_md *md, struct meter_bucket *buckets, unsigned int vr,
		      unsigned int cls, const struct pdp_rate_limit *limit)
{
	const unsigned int at = vr * PDP_PUNT_CLASSES + cls;

	meter_set(&md->punt_meters[at], &buckets[at], limit, rte_get_tsc_hz(), rte_rdtsc());
}

static void set_limits(struct pdp_md *md, const struct pdp_md_params *params)
{
	struct meter_bucket *buckets = md->index == 0 ? md->punt_buckets
						      : params->first->punt_buckets;

	for (unsigned int v = 0; v < params->n_vrs; v++) {
		md->vrs[v].control = params->vrs[v].control;
		md->vrs[v].direct = params->vrs[v].control && params->vrs[v].direct;
		for (unsigned int c = 0; c < PDP_PUNT_CLASSES; c++)
			set_limit(md, buckets, v, c, &params->vrs[v].punt[c]);
	}
}

void pdp_md_vr_set_punt_limit(struct pdp_md *md, unsigned int vr, unsigned int cls,
			      const struct pdp_rate_limit *limit)
{
	if (md->punt_meters != NULL)
		set_limit(md, md->peers[0]->punt_buckets, vr, cls, limit);
}

int md_punt_init(struct pdp_md *md, const struct pdp_md_params *params)
{
	const size_t n = params->n_vrs * (size_t)PDP_PUNT_CLASSES;
	bool any = false;
	uint16_t gid = 0;

	for (unsigned int v = 0; v < params->n_vrs; v++)
		any |= params->vrs[v].control;
	if (!any)
		return 0;
	md->punt = make_punt();
	md->punt_meters = calloc(n, sizeof(*md->punt_meters));
	md->punt_vifs = calloc(md->n_gids, sizeof(*md->punt_vifs));
	if (md->index == 0)
		md->punt_buckets = aligned_alloc(alignof(struct meter_bucket),
						 n * sizeof(*md->punt_buckets));
	if (md->punt == NULL || md->punt_meters == NULL || md->punt_vifs == NULL ||
	    (md->index == 0 && md->punt_buckets == NULL))
		return -ENOMEM;
	for (unsigned int v = 0; v < params->n_vrs; v++) {
		for (unsigned int i = 0; i < params->vrs[v].n_vifs; i++)
			pdp_vif_init(&md->punt_vifs[gid++], &params->vrs[v].vifs[i]);
	}
	set_limits(md, params);
	return 0;
}

void md_punt_fini(struct pdp_md *md)
{
	free_punt(md->punt);
	free(md->punt_meters);
	free(md->punt_vifs);
	free(md->punt_buckets);
}

void pdp_md_set_neighbour(struct pdp_md *md, unsigned int vr_index, unsigned int vif, uint64_t word)
{
	struct md_vr *vr = &md->vrs[vr_index];

	if (vr->wraps != NULL)
		pdp_vif_set_neighbour(&vr->wraps[vif], word);
	if (md->punt_vifs != NULL)
		pdp_vif_set_neighbour(&md->punt_vifs[md_gid(md, vr, vif)], word);
}

struct pdp_punt *pdp_md_punt(struct pdp_md *md)
{
	return md->punt;
}

void pdp_punt_set_wake(struct pdp_punt *p, int fd)
{
	p->wake_fd = fd;
}

/* @return PDP_DROP_N: it went in */
static enum pdp_drop enter(struct pdp_md *md, struct md_vr *vr, uint8_t vif, unsigned int cls,
			   struct rte_mbuf *m)
{
	const unsigned int at = (unsigned int)(vr - md->vrs) * PDP_PUNT_CLASSES + cls;
	struct pdp_punt_pkt pkt = {.m = m, .gid = md_gid(md, vr, vif)};
	const struct meter *meter = &md->punt_meters[at];
	struct pdp_punt_counters *c = &vr->c.punt[cls];

	if (meter->bucket != NULL && meter_draw(meter, md->now, &m, 1, m->pkt_len) == 0) {
		count(&c->limited, 1);
		return PDP_DROP_PUNT_LIMIT;
	}
	if (md->punt->out >= PDP_PUNT_PACKETS_MAX ||
	    rte_ring_sp_enqueue_elem(md->punt->to[cls], &pkt, sizeof(pkt)) != 0) {
		count(&c->full, 1);
		return PDP_DROP_PUNT_FULL;
	}
	count(&c->punted, 1);
	return PDP_DROP_N;
}

void md_punt(struct pdp_md *md, struct md_vr *vr, uint8_t vif, unsigned int cls, struct rte_mbuf *m)
{
	enum pdp_drop why = PDP_DROP_PUNT;

	if (vr->control)
		why = enter(md, vr, vif, cls, m);
	if (unlikely(why != PDP_DROP_N)) {
		md_drop(vr, &m, 1, why);
		return;
	}
	count(&vr->c.punted, 1);
	md->punt->out++;
	md->punt->owes_wake = true;
}

void md_punt_direct(struct pdp_md *md, uint16_t gid, struct rte_mbuf **pkts, unsigned int n)
{
	struct md_vr *vr = &md->vrs[md->gid_vr[gid]];
	const uint8_t index = (uint8_t)(&md->vifs[gid] - vr->vifs);
	const struct pdp_vif *vif = &md->punt_vifs[gid];

	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
		uint16_t len = m->data_len, off = 0;
		enum pdp_vif_drop why = pdp_vif_decap(vif, data, &len, &off);

		if (unlikely(why != PDP_VIF_OK)) {
			md_drop(vr, &m, 1, (enum pdp_drop)why);
			continue;
		}
		m->data_off = (uint16_t)(m->data_off + off);
		m->data_len = len;
		m->pkt_len = len;
		md_punt(md, vr, index, md_punt_class(vif->conf.kind, data + off, len), m);
	}
}

static bool all_taken(const struct pdp_punt *p)
{
	for (unsigned int c = 0; c < PDP_PUNT_CLASSES; c++) {
		if (!rte_ring_empty(p->to[c]))
			return false;
	}
	return true;
}

/* Without a fence: who just falls asleep is seen in a later turn, as long as something waits. */
static void wake(struct pdp_md *md, struct pdp_punt *p)
{
	const uint64_t one = 1;

	if (all_taken(p)) {
		p->owes_wake = false;
		return;
	}
	if (!__atomic_load_n(&p->sleeping, __ATOMIC_RELAXED) ||
	    md->now - p->wake_tsc < p->wake_gap_tsc)
		return;
	p->wake_tsc = md->now;
	/* An eventfd that is full is awake. */
	if (write(p->wake_fd, &one, sizeof(one)) < 0)
		return;
}

/* A packet of the router leaves as one that an engine sends: through its vif's encapsulation. */
static void send_one(struct pdp_md *md, struct rte_mbuf *m, uint16_t gid)
{
	struct md_vr *vr = &md->vrs[md->gid_vr[gid]];
	const struct pdp_vif *vif = &md->punt_vifs[gid];
	uint16_t len = m->data_len;
	enum pdp_vif_drop why;

	count(&vr->c.originated, 1);
	why = pdp_vif_encap(vif, rte_pktmbuf_mtod(m, uint8_t *), m->data_off, &len);
	if (unlikely(why != PDP_VIF_OK)) {
		md_drop(vr, &m, 1, (enum pdp_drop)why);
		return;
	}
	m->data_off = (uint16_t)(m->data_off - vif->outer_size);
	m->data_len = len;
	m->pkt_len = len;
	md_transmit_add(md, gid, &m, 1, len);
}

static unsigned int send_burst(struct pdp_md *md, struct pdp_punt *p)
{
	struct pdp_punt_pkt pkts[BURST];
	unsigned int n = rte_ring_sc_dequeue_burst_elem(p->from, pkts, sizeof(pkts[0]), BURST,
							NULL);

	for (unsigned int i = 0; i < n; i++)
		send_one(md, pkts[i].m, pkts[i].gid);
	p->out -= n;
	return n;
}

/* Buffers that came back, and new ones. */
static void exchange(struct pdp_md *md, struct pdp_punt *p)
{
	const unsigned int room = RTE_MIN(rte_ring_free_count(p->empty), (unsigned int)TOP_UP);
	struct rte_mbuf *pkts[BURST];

	for (unsigned int i = 0, n = BURST; i < FREE_BURSTS && n == BURST; i++) {
		n = rte_ring_sc_dequeue_burst(p->done, (void **)pkts, BURST, NULL);
		rte_pktmbuf_free_bulk(pkts, n);
		p->out -= n;
	}
	/* As many as fit: the MH thread only makes room. */
	if (room == 0 || rte_pktmbuf_alloc_bulk(md->pool, pkts, room) != 0)
		return;
	p->out += rte_ring_sp_enqueue_bulk(p->empty, (void **)pkts, room, NULL);
}

unsigned int md_punt_turn(struct pdp_md *md)
{
	struct pdp_punt *p = md->punt;
	unsigned int n = 0;

	if (!rte_ring_empty(p->from))
		n = send_burst(md, p);
	if (n != 0 || md->idle || md->c.loops % HOUSEKEEP_TURNS == 0)
		exchange(md, p);
	if (p->owes_wake)
		wake(md, p);
	return n;
}

unsigned int pdp_md_punt_out(const struct pdp_md *md)
{
	return md->punt != NULL ? md->punt->out : 0;
}

unsigned int pdp_md_punt_reclaim(struct pdp_md *md)
{
	struct pdp_punt *p = md->punt;
	unsigned int lost = 0;
	struct pdp_punt_pkt pkt;
	struct rte_mbuf *m;

	if (p == NULL)
		return 0;
	for (unsigned int c = 0; c < PDP_PUNT_CLASSES; c++) {
		while (rte_ring_sc_dequeue_elem(p->to[c], &pkt, sizeof(pkt)) == 0) {
			rte_pktmbuf_free(pkt.m);
			p->out--;
			lost++;
		}
	}
	while (send_burst(md, p) != 0)
		;
	while (rte_ring_sc_dequeue(p->done, (void **)&m) == 0 ||
	       rte_ring_sc_dequeue(p->empty, (void **)&m) == 0) {
		rte_pktmbuf_free(m);
		p->out--;
	}
	free_punt(p);
	md->punt = NULL;
	return lost;
}

unsigned int pdp_punt_take(struct pdp_punt *p, unsigned int cls, struct pdp_punt_pkt *pkts,
			   unsigned int n)
{
	return rte_ring_sc_dequeue_burst_elem(p->to[cls], pkts, sizeof(pkts[0]), n, NULL);
}

unsigned int pdp_punt_count(const struct pdp_punt *p, unsigned int cls)
{
	return rte_ring_count(p->to[cls]);
}

void pdp_punt_done(struct pdp_punt *p, struct rte_mbuf *const *pkts, unsigned int n)
{
	rte_ring_sp_enqueue_bulk(p->done, (void *const *)pkts, n, NULL);
}

struct rte_mbuf *pdp_punt_empty(struct pdp_punt *p)
{
	void *m;

	return rte_ring_sc_dequeue(p->empty, &m) == 0 ? m : NULL;
}

bool pdp_punt_send(struct pdp_punt *p, struct rte_mbuf *m, uint16_t gid)
{
	struct pdp_punt_pkt pkt = {.m = m, .gid = gid};

	return rte_ring_sp_enqueue_elem(p->from, &pkt, sizeof(pkt)) == 0;
}

void pdp_punt_sleep(struct pdp_punt *p)
{
	__atomic_store_n(&p->sleeping, 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void pdp_punt_awake(struct pdp_punt *p)
{
	__atomic_store_n(&p->sleeping, 0, __ATOMIC_RELAXED);
}
