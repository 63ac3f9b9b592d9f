/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Balancers: which engine of its VR a packet goes to (LVRM section 3.3, DESIGN section 6).
 *
 * Pure: what a balancer knows of the engines stands in its `struct pdp_balance`, one for each VR
 * and MD lcore. Engines are numbered by places, 0 .. n - 1, of those that get packets. Thread: the
 * MD lcore.
 */
#ifndef PDP_BALANCE_H
#define PDP_BALANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pdp_vr.h>

#define PDP_ENGINES_MAX 64   /**< engines of one VR */
#define PDP_WHEEL	1024 /**< steps of the weighted balancer's wheel */
#define PDP_COST	256u /**< of a packet on an engine of average rate */

#define PDP_PLACE_HELD \
	255 /**< not with an engine: packets wait until those that are out are back */
#define PDP_PLACE_NONE 254 /**< no engine: there is none, or it is no more */
#define PDP_FORCED_MAX                                                                           \
	512 /**< packets of held buckets up to which buckets of overloaded engines are held, too \
	     */

/** A flow bucket: all packets whose hash has the same PDP_BUCKETS part. */
struct pdp_bucket {
	uint16_t out;  /**< sticky: packets of it that an engine has */
	uint8_t place; /**< of its engine, or PDP_PLACE_* */
	uint8_t want;  /**< where it goes when `out` is 0; mostly where it is */
};

static inline unsigned int pdp_bucket_of(uint32_t hash)
{
	return (hash >> 14) & (PDP_BUCKETS - 1);
}

/** What a balancer of one VR on one MD lcore keeps. */
struct pdp_balance {
	uint32_t n;			   /**< engines, 1..PDP_ENGINES_MAX when pick() is called */
	uint32_t next;			   /**< rr, weighted: whose turn it is */
	uint64_t rng;			   /**< random */
	uint32_t weights[PDP_ENGINES_MAX]; /**< weighted */
	uint32_t rates[PDP_ENGINES_MAX];   /**< packets a second that it can do; 0: not known */
	uint32_t cost[PDP_ENGINES_MAX];	   /**< of a packet, from rates: PDP_COST is the average */
	uint32_t load[PDP_ENGINES_MAX];	   /**< EWMA of queue length times cost: expected delay */
	bool wheel_built;
	uint8_t wheel[PDP_WHEEL]; /**< weighted: engines in smooth weighted order */
	bool sticky;		  /**< buckets stay while an engine has packets of them */
	uint32_t move_min;	  /**< sticky: least difference of loads for which a bucket moves */
	uint32_t n_held;	  /**< buckets that are held */
	uint32_t moving;	  /**< packets of held buckets: out, and waiting */
	uint64_t busy;		  /**< places whose load is so much above the least */
	uint64_t over;		  /**< those of them that have been so for a while; W: owner */
	/** Places that have packets which no bucket counts: sent before the VR was sticky, or while
	 * it had one engine. Buckets do not leave them. W: owner */
	uint64_t unsettled;
	struct pdp_bucket buckets[PDP_BUCKETS]; /**< flow, flow-jsq */
};

/** A balancer: one row of the table in balance.c. */
struct pdp_balancer {
	const char *name;
	bool needs_hash;  /**< pick() reads hashes */
	bool spills;	  /**< a packet for an engine without free slots goes to the next that has
			     one */
	bool passes_over; /**< and one for an engine that has 256 to one that has fewer, if any has
			   */
	bool keeps_flows; /**< packets of a flow go to one engine: their order is kept */
	bool needs_load;  /**< pick() reads loads: pdp_balance_load() comes first */
	bool sticky;	  /**< pick() counts packets into buckets; who takes them back, out again */
	/**
	 * Choose an engine for each of n packets.
	 * @param hashes  NULL without needs_hash
	 * @param out     out: n engine places, or PDP_PLACE_HELD
	 * @return how many are held
	 */
	unsigned int (*pick)(struct pdp_balance *b, const uint32_t *hashes, unsigned int n,
			     uint8_t *out);
};

/** @return NULL: no balancer has that name */
const struct pdp_balancer *pdp_balancer_find(const char *name);
/** All of them, as "rr, random, ..." */
const char *pdp_balancer_names(void);

/** Let one more engine take part. @param weight 1..1000 @return its place */
unsigned int pdp_balance_join(struct pdp_balance *b, uint32_t weight);

/**
 * Let an engine go: the last one takes its place. As few buckets move as an even share needs; with
 * sticky, those that it has packets of are held.
 * @param counted  every packet that it has is counted in its bucket
 */
void pdp_balance_leave(struct pdp_balance *b, unsigned int place, bool counted);

/** Buckets stay while they have packets out, or do not. None is held. */
void pdp_balance_set_sticky(struct pdp_balance *b, bool sticky);

/**
 * End the holding of a bucket.
 * @param packets  that waited
 * @return the place that it goes to; 0 if there is no engine
 */
unsigned int pdp_bucket_release(struct pdp_balance *b, struct pdp_bucket *k, unsigned int packets);

/** Act on weights and rates that have changed. */
void pdp_balance_shares(struct pdp_balance *b);

/**
 * Tell how long the engines' queues are now.
 * @param queues  n numbers of packets, each below 2^19
 * @param fresh   forget what was before: nobody has told for long
 */
void pdp_balance_load(struct pdp_balance *b, const uint32_t *queues, bool fresh);

/** The place where one more packet waits for the least time. */
unsigned int pdp_balance_shortest(const struct pdp_balance *b);

#endif /* PDP_BALANCE_H */
