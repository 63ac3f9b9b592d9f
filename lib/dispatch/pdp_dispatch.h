/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The MD: the loop that every MD lcore runs (PdP section 3.2, LVRM section 3.1).
 *
 *   receive -> classify -> balance -> send -> [engine] -> collect -> transmit
 *
 * Each MD lcore owns one `struct pdp_md` with its own receive queues, channels, counters and
 * transmit buffers; lcores share nothing that is written, so a packet is received, sent and
 * transmitted by the same lcore. Thread: the control thread sets up, then talks to a running MD
 * lcore by pdp_md_call() only; counters may be read from any thread.
 */
#ifndef PDP_DISPATCH_H
#define PDP_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pdp_balance.h>
#include <pdp_channel_md.h>
#include <pdp_classify.h>
#include <pdp_punt.h>

#define PDP_VRS_MAX	1024 /**< VRs of one node */
#define PDP_BACKLOG_MAX 256  /**< packets of a VR that wait for a full port on an MD lcore */
#define PDP_HOLD_VR	1024 /**< packets of a VR that wait for their bucket on an MD lcore */
#define PDP_HOLD_MD	8192 /**< of all VRs */
/** Buffers that the MH thread may have of an MD lcore: punted packets of all classes, empty ones.
 */
#define PDP_PUNT_PACKETS_MAX (2048 + 1024 + 512 + 256)

struct pdp_md;

/** Stages whose cost is sampled. */
enum pdp_stage {
	PDP_STAGE_RECEIVE,
	PDP_STAGE_CLASSIFY,
	PDP_STAGE_SEND, /**< balance and send */
	PDP_STAGE_COLLECT,
	PDP_STAGE_TRANSMIT,
	PDP_STAGE_N,
};

const char *pdp_stage_name(enum pdp_stage stage);
const char *pdp_drop_name(
	unsigned int drop); /**< enum pdp_drop, the vifs' reasons too; NULL: no such number */
const char *pdp_lie_name(enum pdp_lie lie);

/** W: one MD lcore; R: any. */
struct pdp_vif_counters {
	uint64_t rx;
	uint64_t rx_bytes;
	uint64_t tx;
	uint64_t tx_bytes;
};

/** W: one MD lcore; R: any. rx + originated = tx + punted + sum(drops) + in flight (DESIGN rule 6).
 */
struct pdp_vr_counters {
	uint64_t originated;
	uint64_t punted;
	uint64_t ctl_relayed;
	uint64_t ctl_dropped;
	uint64_t drops[PDP_DROP_N];
	struct pdp_punt_counters punt[PDP_PUNT_CLASSES];
};

/** W: one MD lcore; R: any. rx = matched + sum(drops). */
struct pdp_md_counters {
	uint64_t rx;
	uint64_t matched;
	uint64_t drops[PDP_CLS_N_DROPS];
	uint64_t loops;
	uint64_t idle_loops;
	struct {
		uint64_t tsc;
		uint64_t packets;
	} stages[PDP_STAGE_N]; /**< of every 64th loop only */
};

/** What a vif of carrier raw may send. */
struct pdp_md_guard {
	bool on;			   /**< false: everything */
	bool any_mac;			   /**< any source MAC, not just `mac` */
	uint8_t mac[6];			   /**< source MAC of its frames, sender MAC of its ARP */
	const struct pdp_prefix *prefixes; /**< source addresses, copied */
	unsigned int n_prefixes;	   /**< 0: any address */
};

/** What may come in a second. */
struct pdp_rate_limit {
	uint64_t rate;	/**< packets or bytes a second, 1..10^12; 0: no limit */
	uint64_t burst; /**< packets or bytes that may come at once, 1..2^32 */
	bool bytes;	/**< of frames as they came, without FCS */
};

/** What the MD needs of a VR; copied. */
struct pdp_md_vr_params {
	const char *name;
	const struct pdp_balancer *balancer;
	bool restore; /**< packets leave in the order in which they came */
	enum pdp_hash_mode hash;
	const struct pdp_vif_conf *vifs;   /**< .port is the ethdev port id */
	const struct pdp_md_guard *guards; /**< n_vifs, or NULL: all may send everything */
	unsigned int n_vifs;
	bool sealed; /**< its engines' channels are sealed (pdp_sealed_md.h), the MD wraps packets
		      */
	uint32_t backlog; /**< packets that may wait for one full port on each MD lcore,
			     1..PDP_BACKLOG_MAX */
	bool control;	  /**< it has a control plane: what it punts goes to the MH */
	bool direct;	  /**< and all its packets go there; it has no engines */
	struct pdp_rate_limit punt[PDP_PUNT_CLASSES]; /**< what it may punt, over all MD lcores */
};

struct pdp_md_params {
	unsigned int n_md;
	const uint16_t *ports;	   /**< ethdev port ids */
	const uint16_t *port_rxqs; /**< receive queues of each; MD lcore i polls queue i, where
				      there is one */
	const uint16_t *port_txqs; /**< transmit queues of each; at least 1 */
	unsigned int n_ports;
	const struct pdp_md_vr_params *vrs;
	unsigned int n_vrs;
	const struct pdp_classifier *cls; /**< gids number the vifs of all VRs in order; borrowed */
	struct rte_mempool *pool;	  /**< for BLANKs; borrowed */
	bool adaptive;			  /**< sleep up to 50 us when idle */
	bool shares_cpu;		  /**< give the CPU away when idle: others run on it */
	bool engines_here; /**< engines may run on an MD's CPU: sleep up to 50 us when idle, and
			      while local engines (pdp_md_engine_set_local()) have packets */
	const struct pdp_md *first; /**< pdp_md_create()'s own */
};

/**
 * Make the MDs of all lcores.
 * @param mds  out: n_md pointers (Owner: caller, pdp_md_destroy each)
 * @return 0, -ENOMEM
 */
int pdp_md_create(struct pdp_md **mds, const struct pdp_md_params *params);

/** Free one MD whose loop has ended and whose channels are removed. NULL: nothing. */
void pdp_md_destroy(struct pdp_md *md);

/** The loop; returns when pdp_md_stop() was called. Thread: the MD lcore. @param md struct pdp_md *
 */
int pdp_md_run(void *md);

/** End the loop after the current turn. Thread: any. */
void pdp_md_stop(struct pdp_md *md);

/**
 * Run a function on the MD lcore between two turns of its loop, and wait for it.
 * @return 0; -ETIMEDOUT: the lcore did not come by within a second: fn will not run;
 * -EBUSY: too many at once Thread: control.
 */
int pdp_md_call(struct pdp_md *md, void (*fn)(struct pdp_md *md, void *arg), void *arg);

/** Write to an eventfd whenever an engine is seen dead. -1: do not. Before the loop starts. */
void pdp_md_watch_deaths(struct pdp_md *md, int fd);

/** The functions below run on the MD lcore (by pdp_md_call), or before its loop starts. */

/**
 * Make an engine known: its control messages are relayed and BLANKs are lent to it. It gets packets
 * only while it is active.
 * @param ctl     its control rings, borrowed; NULL on all MD lcores but the first
 * @param weight  1..1000; of an active one
 * @param active  also let it take part, as by pdp_md_engine_activate()
 * @return 0, or -ENOSPC
 */
int pdp_md_engine_add(struct pdp_md *md, unsigned int vr, unsigned int engine, struct pdp_chan *ch,
		      struct pdp_ctl *ctl, uint32_t weight, bool active);

/**
 * Let an engine take part that was added: parked, or draining. As few buckets move as an even share
 * needs. One that is active gets the weight, if it is another one.
 * @param weight  1..1000
 */
void pdp_md_engine_activate(struct pdp_md *md, unsigned int vr, unsigned int engine,
			    uint32_t weight);

/**
 * Tell whether an engine runs on this MD lcore's own CPU. Where it does, it gets that CPU while it
 * has packets: the lcore sleeps then, up to 50 us at a time, when it has nothing else to do and
 * after every 50 us of work.
 */
void pdp_md_engine_set_local(struct pdp_md *md, unsigned int vr, unsigned int engine, bool local);

/**
 * Send nothing more to an engine; what it returns is still collected. As few buckets move as an
 * even share of the others needs. It is parked when pdp_md_engine_out() is 0.
 */
void pdp_md_engine_drain(struct pdp_md *md, unsigned int vr, unsigned int engine);

/** Packets that an engine still has, BLANKs not counted. */
unsigned int pdp_md_engine_out(const struct pdp_md *md, unsigned int vr, unsigned int engine);

/**
 * Take an engine out whose process is gone: collect what it returned, free the rest as
 * PDP_DROP_ENGINE_DIED. Afterwards nobody here refers to its channel.
 * @param n_blanks out: BLANKs freed
 * @return packets freed
 */
unsigned int pdp_md_engine_remove(struct pdp_md *md, unsigned int vr, unsigned int engine,
				  unsigned int *n_blanks);

/**
 * Balance a VR's packets in another way from now on, while they flow. Nothing is lost; between
 * balancers that keep flows nothing is out of order either.
 * @param restore  packets leave in the order in which they came to this lcore; those that are out
 *                 when this begins leave as they come back
 * @return 0; -EINVAL: restore with a balancer that keeps flows; -ENOMEM. Nothing has changed then
 */
int pdp_md_vr_set_balance(struct pdp_md *md, unsigned int vr, const struct pdp_balancer *balancer,
			  bool restore);

/**
 * Name the parked engine that takes the place of one that dies: this lcore lets it in and wakes it
 * the moment it sees the death, before the control thread hears of it. It is used up by that.
 * @param heir  engine index; -1: none
 */
void pdp_md_vr_set_heir(struct pdp_md *md, unsigned int vr, int heir);

/** Whether an engine was let in as an heir, and pdp_md_engine_activate() not called since. */
bool pdp_md_engine_inherited(const struct pdp_md *md, unsigned int vr, unsigned int engine);

/**
 * Give up an engine's packets: traffic goes elsewhere, flows and tickets wait for nothing that it
 * has. Its packets stay in the ledger until they come back or it is removed.
 * @param late  true: it may run on; what it returns is dropped as PDP_DROP_ENGINE_LATE. False: it
 *              is dead or will be killed; nothing that it returns is looked at
 */
void pdp_md_engine_write_off(struct pdp_md *md, unsigned int vr, unsigned int engine, bool late);

/** An engine that was written off with `late` has none of those packets any more: it may be
 * activated. */
void pdp_md_engine_take_back(struct pdp_md *md, unsigned int vr, unsigned int engine);

/** TSC when this lcore saw that an engine had died; 0: it has not. R: any thread while the engine
 * is not removed. */
uint64_t pdp_md_engine_died_tsc(const struct pdp_md *md, unsigned int vr, unsigned int engine);

/** What is known of the engines of a VR, by engine index; 0: nothing new. */
struct pdp_shares {
	uint32_t weights[PDP_ENGINES_MAX]; /**< `weighted`: 1..1000 */
	uint32_t rates[PDP_ENGINES_MAX];   /**< `jsq`: packets a second that each can do */
};

/**
 * Limit what a VR or one of its vifs may receive; what is above it is PDP_DROP_RATE_LIMIT. A packet
 * has to pass both. The limit holds for all MD lcores together: set the same on each.
 * @param vif    -1: all of the VR together
 */
void pdp_md_vr_set_limit(struct pdp_md *md, unsigned int vr, int vif,
			 const struct pdp_rate_limit *limit);

/**
 * Limit what a VR may punt of a class; what is above it is PDP_DROP_PUNT_LIMIT. It holds for all MD
 * lcores together: set the same on each. Thread: the MD lcore, as above.
 * @param cls  enum pdp_punt_class
 */
void pdp_md_vr_set_punt_limit(struct pdp_md *md, unsigned int vr, unsigned int cls,
			      const struct pdp_rate_limit *limit);

/** Tell a VR's balancer what its engines can do now. */
void pdp_md_vr_set_shares(struct pdp_md *md, unsigned int vr, const struct pdp_shares *shares);

/** The outer neighbour of a vif with PDP_VIF_NEIGHBOUR, where the MD wraps packets. @param word  as
 * pdp_vif_set_neighbour() takes it */
void pdp_md_set_neighbour(struct pdp_md *md, unsigned int vr, unsigned int vif, uint64_t word);

/** Receive nothing more (or again). */
void pdp_md_pause(struct pdp_md *md, bool pause);

/** Packets that channels, transmit buffers and backlogs of this lcore hold; 0 when all is quiet. */
unsigned int pdp_md_in_flight(const struct pdp_md *md);

/** BLANKs that are lent to engines of this lcore. */
unsigned int pdp_md_blanks(const struct pdp_md *md);

/** Buffers that the MH thread has of this lcore. */
unsigned int pdp_md_punt_out(const struct pdp_md *md);

/**
 * At the end, when the MH thread is gone: its buffers back to the pool, the router's packets out.
 * pdp_md_punt() is void afterwards.
 * @return punted packets that nobody has taken
 */
unsigned int pdp_md_punt_reclaim(struct pdp_md *md);

/** At the end: drop what ports did not take. */
void pdp_md_finish(struct pdp_md *md);

/** One VR's account. */
struct pdp_vr_account {
	struct pdp_vr_counters c;
	struct pdp_vif_counters vifs[PDP_VIF_MAX];
	uint64_t in_flight;
	uint64_t blanks; /**< lent to its engines */
};

/** Add this lcore's share to an account; exact when run on the lcore. */
void pdp_md_account(const struct pdp_md *md, unsigned int vr, struct pdp_vr_account *sum);

/** Packets that came for a VR and that its rate limits let by, served or not; may be read from any
 * thread. */
uint64_t pdp_md_vr_arrived(const struct pdp_md *md, unsigned int vr);

/** This lcore's counters; may be read from any thread. */
const struct pdp_md_counters *pdp_md_counters(const struct pdp_md *md);

/** Counters and fill of an engine's channel; R: any thread while the engine is not removed. */
struct pdp_chan *pdp_md_engine_chan(const struct pdp_md *md, unsigned int vr, unsigned int engine);

#endif /* PDP_DISPATCH_H */
