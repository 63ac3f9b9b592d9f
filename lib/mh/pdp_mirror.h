/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The netlink mirror: what the kernel of a VR's namespace would do with a packet, kept in the VR's
 * FIB. Routes of the tables main and local, next-hop objects, neighbours, addresses and links, IPv4
 * and IPv6, whoever made them: FRR, BIRD, a shell.
 *
 * A full dump, then the kernel's messages in batches of about a millisecond. A lost message, and
 * whatever the kernel is known to change without a word (a link that goes down, an address or a
 * next-hop object that is deleted), leads to a new dump, which is applied as a difference: routes
 * that stay are not touched.
 *
 * What is in the FIB:
 * - unicast routes over a vif: FORWARD to the gateway's MAC address (UNRESOLVED while the kernel
 *   has none), or GLEAN for what is on the link, with a FORWARD of its own for each neighbour
 * there;
 * - over any other device, and of the types local, broadcast, anycast and multicast: LOCAL, the
 *   packet is punted and the kernel does with it what it does; all of fe80::/10 likewise;
 * - blackhole, unreachable (throw too), prohibit: as such;
 * - of several routes of a prefix the one that the kernel would use for a packet with TOS 0.
 * Of the FIB's 32,767 numbers the last 1,280 are for what is no next-hop object and no group, the
 * last 256 of them for links: however many objects there are, connected networks and neighbours
 * have one. Not mirrored, but counted: routes of other tables, IPv6 routes by source, and policy
 * rules.
 *
 * A neighbour that goes STALE is used on, as in the kernel. As the kernel does not see what engines
 * forward, the mirror tells it that the neighbour is in use (NTF_USE), so that it is probed by
 * unicast and becomes REACHABLE or FAILED: all that the FIB uses, at most 64 a second.
 *
 * Thread: all functions of one mirror on one thread, the MH's, which also is the writer of its FIB.
 */
#ifndef PDP_MIRROR_H
#define PDP_MIRROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pdp_fib_writer.h>

#define PDP_MIRROR_HOPS_MAX   32 /**< next hops of a route that an answer can show */
#define PDP_MIRROR_ROUTES_MAX 16 /**< routes of a prefix that an answer can show */

struct pdp_mirror;

struct pdp_mirror_params {
	const char *name; /**< of the VR, for log lines; copied */
	int netns_fd;	  /**< namespace to mirror; -1: the caller's. Not kept */
	struct pdp_fib
		*fib; /**< made with `notes`, empty; only the mirror changes it from now on */
};

enum pdp_mirror_state {
	PDP_MIRROR_FILLING, /**< the first dump is not through: routes are missing */
	PDP_MIRROR_IN_STEP, /**< all that the kernel said is in the FIB */
	PDP_MIRROR_DUMPING, /**< a new dump is running, or waits for its turn; events are followed
			     */
};

/** Why a prefix of the kernel is in no table of the FIB. */
enum pdp_mirror_why {
	PDP_MIRROR_INSTALLED = 0,
	PDP_MIRROR_DEAD,      /**< no next hop lives: the kernel passes over it too */
	PDP_MIRROR_TOS,	      /**< only for packets of a TOS, which the FIB does not look at */
	PDP_MIRROR_SHADOWED,  /**< a shorter prefix of table local comes first (IPv6) */
	PDP_MIRROR_NO_NUMBER, /**< more next hops than numbers; tried again */
	PDP_MIRROR_NO_MEMORY, /**< the FIB's memory is used up; tried again */
	PDP_MIRROR_WHYS
};

struct pdp_mirror_stats {
	enum pdp_mirror_state state;
	uint64_t messages;	/**< read from the kernel, those of dumps included */
	uint64_t events;	/**< of them, not of dumps */
	uint64_t bad_messages;	/**< truncated, or not understood: passed over */
	uint64_t overruns;	/**< ENOBUFS: the kernel could not queue something */
	uint64_t dumps;		/**< full dumps that ended */
	uint64_t dump_failures; /**< that did not, or changed under way: done again */
	uint64_t doubts;	/**< events that fit nothing, and silent changes: a new dump each */
	uint64_t dump_routes;	/**< routes of the last dump */
	uint64_t dump_ns;	/**< how long it took, its waiting included */
	uint64_t no_memory;	/**< routes dropped because malloc(3) failed; then a new dump */
	uint64_t refreshes;	/**< neighbours that the kernel was told are in use */
	uint32_t prefixes4, prefixes6;
	uint32_t routes; /**< kernel routes mirrored: a prefix may have several */
	uint32_t neighbours;
	uint32_t adjacent; /**< of them, prefixes of full length in the FIB */
	uint32_t links, addresses, objects;
	uint32_t other_tables;	       /**< routes of tables that are not mirrored */
	uint32_t by_source;	       /**< IPv6 routes by source, not mirrored */
	uint32_t rules;		       /**< policy rules besides the kernel's own, not mirrored */
	uint32_t why[PDP_MIRROR_WHYS]; /**< prefixes by why they are not installed */
	uint64_t private_bytes;	       /**< memory of the mirror, besides the FIB's */
};

/** A next hop as the FIB has it now. */
struct pdp_mirror_hop {
	char ifname[16];
	uint8_t family;	     /**< of the gateway: 4 or 6; 0: none */
	uint8_t gateway[16]; /**< network byte order */
	uint16_t weight;     /**< share in its route */
	bool dead;	     /**< the kernel says so */
	struct pdp_fib_nexthop now;
};

/** A route of the kernel. */
struct pdp_mirror_route {
	bool best;	  /**< the one in the FIB */
	uint8_t table;	  /**< RT_TABLE_MAIN, RT_TABLE_LOCAL; 0: a neighbour on the link */
	uint8_t type;	  /**< RTN_* */
	uint8_t protocol; /**< RTPROT_* */
	uint8_t tos;
	uint32_t metric;
	uint32_t object; /**< id of its next-hop object; 0: none */
	unsigned int n_hops;
	struct pdp_mirror_hop hops[PDP_MIRROR_HOPS_MAX];
};

/** What is known of a prefix. */
struct pdp_mirror_answer {
	struct pdp_fib_prefix prefix;
	enum pdp_mirror_why why;
	uint16_t number; /**< in the FIB; 0: none */
	unsigned int n_routes;
	struct pdp_mirror_route routes[PDP_MIRROR_ROUTES_MAX];
};

struct pdp_mirror_neigh {
	char ifname[16];
	int vif;	/**< -1: not on a vif */
	uint8_t family; /**< 4 or 6 */
	uint8_t address[16];
	uint16_t state; /**< NUD_* */
	uint8_t mac[6];
	bool adjacent; /**< has a route of its own in the FIB */
};

/** Result of a comparison of the kernel's tables, dumped anew, with the FIB. */
struct pdp_mirror_check {
	int error;	 /**< 0, or -errno: no comparison came about */
	uint64_t kernel; /**< digest of what should be installed */
	uint64_t fib;	 /**< digest of what is */
	uint32_t n_routes;
	uint32_t n_different; /**< prefixes; and next hops, each as one */
	uint32_t n_wanting;   /**< prefixes that could not be compared: for one of both there was
				 no number or no memory */
	unsigned int n_shown;
	struct pdp_fib_prefix shown[16]; /**< the first that differ */
};

/**
 * Begin to mirror. Nothing is read before pdp_mirror_run().
 * @return the mirror, or NULL with errno: EINVAL (a FIB without notes), ENOSPC (no number for
 *         LOCAL), or of setns(2), socket(2), pthread_create(3), malloc(3)
 * Owner: caller, pdp_mirror_destroy().
 */
struct pdp_mirror *pdp_mirror_create(const struct pdp_mirror_params *params);

/** End. The FIB keeps what it has. @param m  may be NULL */
void pdp_mirror_destroy(struct pdp_mirror *m);

/** A descriptor to poll for input: there is something to do for pdp_mirror_run(). It is level
 * triggered, and all the mirror's timers are in it. Owner: the mirror. */
int pdp_mirror_fd(const struct pdp_mirror *m);

/**
 * Do what there is to do, for about 2 ms at most, and never wait.
 * @return whether there is more to do now; what waits in the kernel keeps the descriptor ready
 */
bool pdp_mirror_run(struct pdp_mirror *m);

/** The kernel's interface `ifindex` is vif `vif` of the VR. May be called before the kernel told of
 * it, and again. @return 0 or -ENOMEM */
int pdp_mirror_vif_set(struct pdp_mirror *m, int ifindex, uint8_t vif, bool ethernet);

/** It is a vif no longer: routes over it are punted. */
void pdp_mirror_vif_unset(struct pdp_mirror *m, int ifindex);

/** Doubt everything: a new dump. */
void pdp_mirror_doubt(struct pdp_mirror *m);

/**
 * For tests: let the kernel lose messages. @param bytes  of the socket's buffer from now on; 0: as
 * large as it was. @return 0 or -errno of setsockopt(2)
 */
int pdp_mirror_set_buffer(struct pdp_mirror *m, size_t bytes);

void pdp_mirror_stats(const struct pdp_mirror *m, struct pdp_mirror_stats *out);

/**
 * What is known of a prefix.
 * @param longest  of the longest one that is installed and covers it, instead
 * @return 0, -ENOENT or -EINVAL
 */
int pdp_mirror_route(const struct pdp_mirror *m, const struct pdp_fib_prefix *prefix, bool longest,
		     struct pdp_mirror_answer *out);

/** Neighbour number `index`, ordered by address. @return 0 or -ENOENT: no more */
int pdp_mirror_neigh(const struct pdp_mirror *m, unsigned int index, struct pdp_mirror_neigh *out);

/**
 * Compare the kernel's tables, dumped anew beside the mirror's own, with the FIB. Takes as long as
 * a dump, in the turns of pdp_mirror_run(), and the memory of a second FIB. What changes meanwhile
 * counts as different: at rest there is no difference.
 * @param done  called from pdp_mirror_run(), once, or from pdp_mirror_destroy() with -ECANCELED
 * @return 0; -EBUSY: one is running; -errno of pdp_mirror_create() or pdp_fib_create()
 */
int pdp_mirror_check(struct pdp_mirror *m,
		     void (*done)(void *arg, const struct pdp_mirror_check *result), void *arg);

/** "installed", "dead", ... */
const char *pdp_mirror_why_name(enum pdp_mirror_why why);
/** "filling", "in step", "dumping" */
const char *pdp_mirror_state_name(enum pdp_mirror_state state);

#endif /* PDP_MIRROR_H */
