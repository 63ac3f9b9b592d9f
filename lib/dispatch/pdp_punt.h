/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an MD lcore and the MH thread share: packets that VRs punt to their control plane, and the
 * router's own packets. Every ring has one producer and one consumer.
 *
 *   MD lcore                                 MH thread
 *   punted packets, a ring for each class -> written to the vif's TAP or TUN
 *   their buffers, to be freed            <- done
 *   empty buffers                         -> filled from a TAP or TUN
 *   the router's packets                  <- sent out of their vif: encapsulated, counted
 * originated
 *
 * The MH thread never touches the pool: a thread that the kernel puts off its CPU in the middle of
 * a pool's ring would stall every MD lcore.
 */
#ifndef PDP_PUNT_H
#define PDP_PUNT_H

#include <stdbool.h>
#include <stdint.h>

#include <pdp_vr.h>

struct pdp_md;
struct pdp_punt;
struct rte_mbuf;

/** "other", "arp_nd", "routing": a class, by enum pdp_punt_class; each has a queue of its own.
 * NULL: no such class. */
const char *pdp_punt_class_name(unsigned int cls);

/** A packet on its way. */
struct pdp_punt_pkt {
	struct rte_mbuf *m;
	uint16_t gid; /**< global number of its vif */
	uint16_t pad[3];
};

/** What one class of a VR did. W: one MD lcore; R: any. */
struct pdp_punt_counters {
	uint64_t punted;  /**< handed to the MH */
	uint64_t limited; /**< dropped: above the VR's rate of that class */
	uint64_t full;	  /**< dropped: the MH does not keep up */
};

/** The MD lcore's shared end; NULL: no VR has a control plane. Thread: any; fixed for its life. */
struct pdp_punt *pdp_md_punt(struct pdp_md *md);

/** Where the MD lcore writes to wake the MH thread; an eventfd. Before the loop starts. */
void pdp_punt_set_wake(struct pdp_punt *p, int fd);

/** The functions below: MH thread. */

/** Take punted packets of a class. The buffers are to be given to pdp_punt_done(). @return how many
 */
unsigned int pdp_punt_take(struct pdp_punt *p, unsigned int cls, struct pdp_punt_pkt *pkts,
			   unsigned int n);

/** Packets of a class that wait. */
unsigned int pdp_punt_count(const struct pdp_punt *p, unsigned int cls);

/** Give buffers back to the MD lcore that they came from. Always has room. */
void pdp_punt_done(struct pdp_punt *p, struct rte_mbuf *const *pkts, unsigned int n);

/** Take an empty buffer, lengths 0. @return NULL: none is there just now */
struct rte_mbuf *pdp_punt_empty(struct pdp_punt *p);

/**
 * Hand a packet of the router to the MD lcore that its buffer came from.
 * @return false: no room; the caller keeps the buffer
 */
bool pdp_punt_send(struct pdp_punt *p, struct rte_mbuf *m, uint16_t gid);

/** Before sleeping: the MD lcore wakes from now on. Look at the rings once more afterwards. */
void pdp_punt_sleep(struct pdp_punt *p);
void pdp_punt_awake(struct pdp_punt *p);

#endif /* PDP_PUNT_H */
