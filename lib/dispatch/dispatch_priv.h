/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the stages of the MD loop share. All of it is private to one MD lcore, but for counters
 * (read by others) and the call ring (control thread -> lcore).
 */
#ifndef DISPATCH_PRIV_H
#define DISPATCH_PRIV_H

#include <rte_ethdev.h>
#include <rte_ring.h>
#include <rte_spinlock.h>

#include "drr.h"
#include "guard.h"
#include "meter.h"
#include "pdp_dispatch.h"

#define RX_BURST      64
#define TX_BUFFER     256 /* packets that a port is given in one turn without being asked before */
#define TX_BURST      64
#define FLUSH_US      20  /* longest a packet waits for company before it is sent to its engine */
#define FLUSH_MIN     16  /* staged packets that are sent without waiting */
#define WORK_US	      50  /* of work between two sleeps, while engines wait for the same CPU */
#define TELL_US	      200 /* after an heir was let in, until the control thread hears of it */
#define STALE_US      1000 /* queues known that long ago do not count; those too long that long are */
#define DEAD_US	      1000000 /* nothing waits for a port that has taken nothing for so long */
#define COLLECT_BURST 64
#define CTL_PER_S     100000  /* control messages of an engine that an MD lcore relays */
#define BLANKS_PER_S  1000000 /* BLANKs that it lends to an engine: packets to originate or copy */
#define AHEAD_US      5000    /* of either, at once */

/* Counters have one writer; the store is atomic so that readers see whole numbers. */
static inline void count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* Whether what an engine returns is heeded. */
enum md_engine_off {
	MD_ENGINE_ON,
	MD_ENGINE_LATE, /* by-passed: its packets were given up, and are dropped when they come */
	MD_ENGINE_DEAD, /* nothing of it is looked at any more */
};

/* One engine of a VR, as one MD lcore sees it. */
struct md_engine {
	struct pdp_chan *ch;
	struct md_vr *vr;
	struct pdp_ctl *ctl; /* NULL: the first MD lcore relays control */
	uint16_t index;	     /* engine index in its VR */
	bool listed;	     /* in md->active */
	bool dirty;	     /* in md->dirty: has staged packets */
	bool barrier;	     /* has left with packets that no bucket counts, and they are out yet */
	uint32_t counted;    /* packets out that are counted in buckets */
	bool local;	     /* runs on the MD lcore's own CPU */
	uint64_t ctl_tsc;    /* up to when its control messages are paid for */
	uint64_t blanks_tsc; /* the same of BLANKs */
	bool inherited;	     /* was let in by a death, the control thread has not said so yet */
	uint8_t off;	     /* enum md_engine_off */
	uint64_t died_tsc;   /* when this lcore saw it; R:control */
	uint64_t staged_tsc; /* when the first staged packet came */
};

struct md_vif {
	uint16_t port;		/* ethdev port id */
	bool metered;		/* it or its VR has a rate limit */
	struct drr_queue *line; /* for the port while that is full; one a VR and port */
	struct guard *guard;	/* what may leave by it; NULL: everything */
	struct pdp_vif_counters c;
};

/* Packets of a held bucket: places of md->hold; 0: none. */
struct md_hold_list {
	uint16_t first;
	uint16_t last;
};

struct md_held {
	struct rte_mbuf *m;
	uint32_t tag;
	uint16_t next;
	uint8_t vif;
};

/* Beside the hash in a ledger entry; what is above 24 bits does not go into descriptors. */
#define TAG_COUNTED (UINT32_C(1) << 31) /* in its bucket */
#define TAG_TICKET  (UINT32_C(1) << 30) /* the hash is none, but the number of a ticket */
static_assert(PDP_VIF_MAX <= 64, "the bits above the vif are tags");

struct md_vr {
	const struct pdp_balancer *balancer;
	const struct pdp_balancer *next_balancer; /* when no bucket is held any more; or NULL */
	enum pdp_hash_mode hash;
	uint8_t n_vifs;
	uint8_t n_engines; /* that get packets: places of `engines` */
	uint8_t n_all;	   /* in `all` */
	bool single;	   /* all packets go to the one engine, nothing is counted */
	bool track;	   /* what comes back may be counted in buckets */
	bool unsure;	   /* md_vr_settle() has to look again */
	uint32_t tag;	   /* of its packets: TAG_* */
	bool full;	   /* several engines: some packet had no slot of late */
	bool control;	   /* what it punts goes to the MH */
	bool direct;	   /* all its packets do */
	uint8_t vif_kind[PDP_VIF_MAX];
	struct pdp_vif *wraps;			    /* its engines are sealed: n_vifs; NULL: they
						     * wrap packets themselves */
	struct md_vif *vifs;			    /* n_vifs, a part of md->vifs */
	struct md_engine *engines[PDP_ENGINES_MAX]; /* by place: those that get packets */
	struct md_engine *all[PDP_ENGINES_MAX]; /* by engine index: parked and draining ones too */
	struct pdp_balance *balance;
	struct md_hold_list *held; /* PDP_BUCKETS */
	uint32_t n_waiting;	   /* in them */
	struct md_order *order;	   /* tickets; NULL: packets leave as they come back */
	uint32_t n_ordered;	   /* packets that wait for tickets before theirs */
	uint32_t n_barriers;	   /* engines with `barrier` */
	int16_t heir;		   /* engine that takes the place of one that dies; -1: none */
	uint64_t over_tsc;	   /* last turn in which no queue was too long */
	uint64_t load_tsc;	   /* turn in which the balancer was told of queues */
	/* By engine index: packets that this lcore has out, for the others. NULL: there are none.
	 */
	uint32_t *queues;
	struct drr_queue *lines; /* n_lines, a part of md->lines */
	unsigned int n_lines;
	struct pdp_vr_counters c;
};

struct md_txbuf {
	uint16_t port;
	uint16_t queue;
	rte_spinlock_t *lock; /* NULL: the queue is this lcore's alone */
	uint32_t n;
	uint32_t limit; /* of n when packets are added: TX_BUFFER; 0 while there is a backlog */
	bool dirty;
	uint64_t took_tsc; /* with a backlog: when the port last took something, or it began */
	struct drr backlog;
	struct rte_mbuf *pkts[TX_BUFFER];
	uint16_t gids[TX_BUFFER];
};

enum { MD_CALL_PENDING, MD_CALL_RUNNING, MD_CALL_DONE, MD_CALL_GIVEN_UP };

/* A call from the control thread. */
struct md_call {
	void (*fn)(struct pdp_md *md, void *arg);
	void *arg;
	uint32_t state; /* W:both, by compare-and-swap from PENDING */
	struct md_call *next_stale;
};

struct pdp_md {
	const struct pdp_classifier *cls;
	struct rte_mempool *pool;
	unsigned int index;
	unsigned int n_md;
	struct pdp_md **peers; /* all MDs, this one too */
	bool paused;
	bool adaptive;
	bool shares_cpu;
	bool engines_here;    /* engines may be on this CPU */
	unsigned int n_local; /* known engines that are */
	uint64_t slept_tsc;
	uint64_t work_tsc;
	bool idle;
	uint32_t stop;
	bool sampled;	      /* stages of this turn are measured */
	uint64_t run_tsc;     /* sampled: what drivers took while collect gave them packets */
	uint64_t run_packets; /* sampled: packets that they took so */
	uint64_t now;	      /* TSC at the start of this turn */
	uint64_t flush_tsc;
	uint64_t ctl_gap_tsc; /* a message's part of a second */
	uint64_t blank_gap_tsc;
	uint64_t ahead_tsc;
	uint64_t stale_tsc;
	uint64_t dead_tsc;
	struct md_held *hold; /* PDP_HOLD_MD, and place 0 */
	uint16_t hold_free;   /* first of the free ones; 0: none */

	unsigned int n_rxqs;
	struct {
		uint16_t port;
		uint16_t queue;
		int gid; /* of all its packets, or -1: look at each */
	} rxqs[RTE_MAX_ETHPORTS];

	bool deaths;	   /* some engine was seen dead this turn */
	int death_fd;	   /* eventfd of the control thread; -1: none */
	uint64_t tell_tsc; /* when to write to it; 0: nothing to tell */
	uint64_t tell_gap_tsc;

	unsigned int n_dirty;
	struct md_engine **dirty; /* engines with staged packets */
	unsigned int n_active;
	struct md_engine **active; /* engines with packets out */
	unsigned int n_engines;
	unsigned int next_idle;
	struct md_engine **engines; /* every engine */
	unsigned int max_engines;

	unsigned int n_tx_dirty;
	struct md_txbuf *tx_dirty[RTE_MAX_ETHPORTS];
	struct md_txbuf *tx[RTE_MAX_ETHPORTS]; /* by ethdev port id */

	unsigned int n_vrs;
	struct md_vr *vrs;
	unsigned int n_gids;
	struct md_vif *vifs; /* by gid */
	uint16_t *gid_vr;    /* by gid */
	uint8_t *heaps;	     /* by gid, and one more; zero between bursts (gather.c) */
	unsigned int n_lines;
	struct drr_queue *lines;
	struct meter *vr_meters;
	struct meter *vif_meters;     /* by gid */
	struct meter_bucket *buckets; /* of VRs, then of gids; the first MD's serve all */
	/* NULL: no VR has a control plane */
	struct pdp_punt *punt;
	struct meter *punt_meters; /* by VR and class */
	struct meter_bucket *punt_buckets;
	struct pdp_vif *punt_vifs; /* by gid: how the router's packets leave */
	struct rte_ring *calls;
	struct md_call *stale_calls; /* control thread */
	struct pdp_md_counters c;
};

/* Stages; each returns the packets it handled. */
void md_send_port(struct pdp_md *md, uint16_t gid, struct rte_mbuf **pkts, unsigned int n);
/* Same vif, same place: a burst in an order in which as few vifs as can be take turns; packets of a
 * vif stay in theirs, and those of a VR that restores it. */
void md_gather(struct pdp_md *md, struct rte_mbuf **pkts, uint32_t *results, unsigned int n);
/* @param results  of the packets; not what they were afterwards */
void md_send(struct pdp_md *md, struct rte_mbuf **pkts, uint32_t *results, unsigned int n);
/* @param results  moved along with the packets; or NULL
 * @return how many of n packets are left: the others were above a limit */
unsigned int md_meter(struct pdp_md *md, uint16_t gid, struct rte_mbuf **pkts, uint32_t *results,
		      unsigned int n, uint64_t bytes);
void md_send_flush(struct pdp_md *md, bool all);
void md_collect_announce(struct pdp_md *md);
void md_collect_prefetch(struct pdp_md *md);
unsigned int md_collect(struct pdp_md *md);
unsigned int md_collect_engine(struct pdp_md *md, struct md_engine *e);
/* @param bytes  lengths of the n packets together */
void md_transmit_add(struct pdp_md *md, uint16_t gid, struct rte_mbuf **pkts, unsigned int n,
		     uint64_t bytes);
unsigned int md_transmit(struct pdp_md *md);

/* punt.c */
int md_punt_init(struct pdp_md *md, const struct pdp_md_params *params);
void md_punt_fini(struct pdp_md *md);
/* Takes the packet. @param vif, cls  checked */
void md_punt(struct pdp_md *md, struct md_vr *vr, uint8_t vif, unsigned int cls,
	     struct rte_mbuf *m);
/* The packets of a VR without engines, whose kernel is the router. */
void md_punt_direct(struct pdp_md *md, uint16_t gid, struct rte_mbuf **pkts, unsigned int n);
/* punt_class.c: enum pdp_punt_class of a packet. @param kind  of its vif */
unsigned int md_punt_class(uint8_t kind, const uint8_t *data, uint32_t len);
unsigned int md_punt_turn(struct pdp_md *md);

/* md_engine.c: which ways a VR's packets take now */
void md_vr_settle(struct pdp_md *md, struct md_vr *vr);
/* @return its place among those that get packets, or vr->n_engines */
unsigned int md_place_of(const struct md_vr *vr, const struct md_engine *e);

/* death.c */
void md_deaths(struct pdp_md *md);
void md_tell_deaths(struct pdp_md *md);
void md_write_off(struct pdp_md *md, struct md_engine *e, enum md_engine_off off);

/* hold.c: counts of buckets, and packets that wait */
int md_hold_init(struct pdp_md *md);
/* @return how many are left in the arrays */
unsigned int md_hold(struct pdp_md *md, struct md_vr *vr, struct rte_mbuf **pkts, uint32_t *tags,
		     uint8_t *places, unsigned int n, uint8_t vif);
/* Packets that were chosen for an engine, and dropped. */
void md_hold_undo(struct md_vr *vr, const uint32_t *tags, unsigned int n);
/* Buckets that are empty, or all of them. */
void md_hold_release(struct pdp_md *md, struct md_vr *vr, bool all);
/* An engine leaves: held buckets wait for its packets that no bucket counts. */
void md_hold_barrier(struct md_engine *e);
void md_hold_returned(struct pdp_md *md, struct md_engine *e, const struct pdp_return *returns,
		      const struct pdp_taken *t, unsigned int n);
/* An engine's packets are given up: they leave their buckets. May be called again. And after that,
 * or after they have been swept. */
void md_hold_swept(struct pdp_md *md, struct md_engine *e);
void md_hold_gone(struct pdp_md *md, struct md_engine *e);

/* collect.c: what an engine said of one packet, if it is not simply "forward it" */
void md_verdict(struct pdp_md *md, struct md_engine *e, const struct pdp_return *r,
		struct rte_mbuf *m, bool blank, bool bad);

/* order.c: tickets. @return 0, -ENOMEM */
int md_order_set(struct pdp_md *md, struct md_vr *vr, bool restore);
/* Room for all slots of the VR's engines. @return 0, -ENOMEM */
int md_order_fit(struct md_vr *vr);
void md_order_free(struct md_vr *vr);
/* @param tags out: tickets @return how many of the packets got one; the others are dropped */
unsigned int md_order_admit(struct md_vr *vr, struct rte_mbuf **pkts, unsigned int n,
			    uint32_t *tags);
/* Packets that got a ticket, and were dropped. */
void md_order_undo(struct pdp_md *md, struct md_vr *vr, const uint32_t *tags, unsigned int n);
/* In place of verdicts. */
void md_order_returned(struct pdp_md *md, struct md_engine *e, const struct pdp_return *returns,
		       const struct pdp_taken *t, unsigned int n);
/* An engine's packets are given up: their tickets end. May be called again. */
void md_order_swept(struct pdp_md *md, struct md_engine *e);

/* Whether more is wanted of returns than what is the same of all. */
static inline bool md_tells_each(const struct md_engine *e)
{
	return e->vr->order != NULL || e->vr->track;
}

/* collect.c: what becomes of packets that were taken out of the ledger */
void md_returned(struct pdp_md *md, struct md_engine *e, const struct pdp_return *returns,
		 struct pdp_taken *taken, unsigned int n);

/* seal.c: sealed engines. A packet that does not fit its vif is dropped, and its tag undone. */
void md_seal_stage(struct pdp_md *md, struct md_engine *e, struct rte_mbuf **pkts,
		   const uint32_t *tags, unsigned int n, uint8_t vif, uint8_t flags);
/* @param n  returns that wait @return packets collected */
unsigned int md_seal_collect(struct pdp_md *md, struct md_engine *e, unsigned int n);

/* load.c: what balancers know of queues */
void md_load(struct pdp_md *md, struct md_vr *vr);
void md_load_publish(struct md_engine *e);
void md_load_forget(struct md_engine *e);

static inline void md_list_active(struct pdp_md *md, struct md_engine *e)
{
	if (!e->listed) {
		e->listed = true;
		md->active[md->n_active++] = e;
	}
}

/* Free packets of one VR for one reason. */
static inline void md_drop(struct md_vr *vr, struct rte_mbuf **pkts, unsigned int n,
			   enum pdp_drop why)
{
	count(&vr->c.drops[why], n);
	rte_pktmbuf_free_bulk(pkts, n);
}

/* Something is staged for the engine: it has to be flushed, and visited by collect. */
static inline void md_mark_dirty(struct pdp_md *md, struct md_engine *e)
{
	if (e->dirty)
		return;
	e->dirty = true;
	e->staged_tsc = md->now;
	md->dirty[md->n_dirty++] = e;
	md_list_active(md, e);
}

/*
 * Stage as many as have a free slot.
 * @param tags  hashes, with the same TAG_* all; NULL: none
 * @return how many
 */
static inline unsigned int md_stage(struct pdp_md *md, struct md_engine *e, struct rte_mbuf **pkts,
				    const uint32_t *tags, unsigned int n, uint8_t vif,
				    uint8_t flags)
{
	n = RTE_MIN(n, e->ch->n_free);
	if (n == 0)
		return 0;
	if (unlikely(e->ch->sealed != NULL)) {
		md_seal_stage(md, e, pkts, tags, n, vif, flags);
		return n;
	}
	md_mark_dirty(md, e);
	if (tags != NULL && tags[0] & TAG_COUNTED)
		e->counted += n;
	pdp_chan_stage(e->ch, pkts, n, tags, vif, flags);
	return n;
}

/* A rate that one engine may use of the lcore. @param upto_tsc  what was used so far */
static inline bool md_allowed(const struct pdp_md *md, uint64_t upto_tsc)
{
	return upto_tsc <= md->now + md->ahead_tsc;
}

static inline void md_use(const struct pdp_md *md, uint64_t *upto_tsc, uint64_t gap_tsc,
			  unsigned int n)
{
	*upto_tsc = RTE_MAX(*upto_tsc, md->now) + n * gap_tsc;
}

static inline uint16_t md_gid(const struct pdp_md *md, const struct md_vr *vr, unsigned int vif)
{
	return (uint16_t)(&vr->vifs[vif] - md->vifs);
}

#endif /* DISPATCH_PRIV_H */
