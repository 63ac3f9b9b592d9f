/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The FIB of a VR, as the primary writes it: next hops, groups, routes, and who reads.
 *
 * Thread: all functions of one FIB on one thread of the primary (the MH's). Readers are never
 * waited for: what is freed rests in a list until all online ones passed a quiescent point. When
 * numbers or table memory run out a route is kept as "not installed" and pdp_fib_retry() tries
 * again; traffic then follows the next shorter prefix.
 *
 * The route store can serve its user as well: a FIB made with `notes` keeps a word of the user's
 * beside every prefix, and prefixes that are in no table at all ("held"), so that a mirror of a
 * kernel's routes needs no second copy of a million prefixes.
 */
#ifndef PDP_FIB_WRITER_H
#define PDP_FIB_WRITER_H

#include <stdbool.h>

#include <pdp_fib.h>

struct pdp_fib;

/** What a FIB is made for. */
struct pdp_fib_params {
	const char *name; /**< of the VR, for the memory file */
	size_t max_bytes; /**< shared memory that it may take; 0: as much as there is */
	bool no_huge;	  /**< never ask for huge pages */
	bool notes;	  /**< keep a note with every prefix, see pdp_fib_put() */
};

/** A prefix; bits behind len are 0. */
struct pdp_fib_prefix {
	uint8_t family;	   /**< 4 or 6 */
	uint8_t len;	   /**< 0..32 or 0..128 */
	uint8_t bytes[16]; /**< network byte order; IPv4: the first 4, others 0 */
};

/** A route as stored. */
struct pdp_fib_route {
	struct pdp_fib_prefix prefix;
	uint16_t nexthop; /**< number of a next hop or group; 0: held */
	bool installed;	  /**< false: no table memory for it, or held */
	uint32_t note;	  /**< the user's */
};

/** One change of a batch. */
struct pdp_fib_change {
	struct pdp_fib_prefix prefix;
	uint16_t nexthop; /**< what the prefix leads to; 0: withdraw it */
	int16_t result;	  /**< out: as pdp_fib_add() or pdp_fib_del() */
};

/** A member of a group. */
struct pdp_fib_member {
	uint16_t nexthop; /**< of pdp_fib_nexthop_new() */
	uint16_t weight;  /**< its share is weight over the sum of weights; 1.. */
};

struct pdp_fib_stats {
	uint64_t version;	/**< changes so far */
	uint64_t digest;	/**< of the installed routes: see pdp_fib_nexthop_new() */
	uint64_t shared_bytes;	/**< memory of the shared files */
	uint64_t private_bytes; /**< memory of the route store and of what else the writer keeps */
	uint64_t huge_bytes;	/**< of shared_bytes, in huge pages */
	uint32_t routes4, routes6;
	uint32_t not_installed; /**< of both; held ones do not count */
	uint32_t held;		/**< of both: prefixes with number 0 */
	uint32_t plies4, plies6;
	uint32_t numbers; /**< next hops and groups in use */
	uint32_t resting; /**< freed, but readers may still look at it */
	bool wide4;	  /**< IPv4 has its root of 2^24 entries */
	bool wide6;	  /**< IPv6 has spaces of plies by level */
};

/**
 * Make an empty FIB.
 * @return the FIB, or NULL with errno of memfd_create(2), mmap(2), fallocate(2) or malloc(3)
 * Owner: caller, pdp_fib_destroy().
 */
struct pdp_fib *pdp_fib_create(const struct pdp_fib_params *params);

/** Free it. Readers keep what they mapped. @param fib  may be NULL */
void pdp_fib_destroy(struct pdp_fib *fib);

/** The table, a descriptor that can only be read and mapped read-only. Owner: the FIB. */
int pdp_fib_fd(const struct pdp_fib *fib);

/** The readers' lines, a page that engines map writable. Owner: the FIB. */
int pdp_fib_qs_fd(const struct pdp_fib *fib);

/** From now on wait for reader `index` (below PDP_FIB_READERS_MAX), while it is online. Before it
 * attaches. */
void pdp_fib_reader_add(struct pdp_fib *fib, unsigned int index);

/** Its process is gone: it is offline, whatever it said last. Thread: any. */
void pdp_fib_reader_gone(struct pdp_fib *fib, unsigned int index);

/** Never wait for it again: it is dead, or detached. */
void pdp_fib_reader_remove(struct pdp_fib *fib, unsigned int index);

/**
 * Take a number for a next hop.
 * @param nh  copied; any type but PDP_FIB_GROUP
 * @param id  what it is, for the digest, whatever number it gets: equal for equal ones, in every
 *            process (a hash of gateway and vif)
 * @return 1..PDP_FIB_NUMBERS - 1, -EINVAL, or -ENOSPC (numbers or memory ran out; some may come
 * back when readers move on)
 */
int pdp_fib_nexthop_new(struct pdp_fib *fib, const struct pdp_fib_nexthop *nh, uint64_t id);

/** How many numbers are not in use. Those that readers may still look at count. */
unsigned int pdp_fib_numbers_left(const struct pdp_fib *fib);

/** Replace a next hop by one store: all routes and groups that lead to it change at once.
 * @return 0, or -EINVAL (no such next hop, or a group) */
int pdp_fib_nexthop_set(struct pdp_fib *fib, uint16_t number, const struct pdp_fib_nexthop *nh);

/**
 * Take a number for a group (RFC 2992): flows spread over 256 slots by their hash.
 * @param n  1..256 members
 * @return as pdp_fib_nexthop_new(); -EINVAL also: n, a weight of 0, or a member that is no next hop
 */
int pdp_fib_group_new(struct pdp_fib *fib, const struct pdp_fib_member *members, unsigned int n,
		      uint64_t id);

/** Replace the members. Flows of members that stay keep their slots as far as the new weights
 * allow.
 * @return 0 or -EINVAL */
int pdp_fib_group_set(struct pdp_fib *fib, uint16_t group, const struct pdp_fib_member *members,
		      unsigned int n);

/**
 * Give a next hop or group back.
 * @return 0, -EINVAL (not in use), or -EBUSY (a route or a group leads to it)
 */
int pdp_fib_number_free(struct pdp_fib *fib, uint16_t number);

/**
 * Add a route, or replace the one of that prefix.
 * @return 0; -ENOSPC: stored, but not installed (no table memory); -ENOMEM: not stored;
 *         -EINVAL: no such number, family or length, or bits behind the length
 */
int pdp_fib_add(struct pdp_fib *fib, const struct pdp_fib_prefix *prefix, uint16_t nexthop);

/** Withdraw a route. @return 0, -ENOENT, or -EINVAL as pdp_fib_add() */
int pdp_fib_del(struct pdp_fib *fib, const struct pdp_fib_prefix *prefix);

/**
 * Carry out changes in their order: as pdp_fib_add() and pdp_fib_del() one by one, but several
 * times as fast, and one version for all.
 * @return how many have a result that is not 0
 */
unsigned int pdp_fib_apply(struct pdp_fib *fib, struct pdp_fib_change *changes, unsigned int n);

/**
 * Carry out one change now, without a new version: many of these and one pdp_fib_publish() are a
 * batch. Only for a FIB with notes.
 * @param nexthop  number; 0: the prefix is held: stored, but in no table
 * @param note     the user's word for it; 0 with nexthop 0: withdraw the prefix
 * @return as pdp_fib_add(); a withdrawn prefix that is not there: -ENOENT
 */
int pdp_fib_put(struct pdp_fib *fib, const struct pdp_fib_prefix *prefix, uint16_t nexthop,
		uint32_t note);

/** Let readers see a new version and digest, behind a batch of pdp_fib_put(). */
void pdp_fib_publish(struct pdp_fib *fib);

/**
 * Where the note of a prefix is kept.
 * @param prefix  valid
 * @return NULL: not stored; else valid until the next change of this FIB; never to be set to 0
 */
uint32_t *pdp_fib_note(struct pdp_fib *fib, const struct pdp_fib_prefix *prefix);

/** Ask for the memory that pdp_fib_note() and pdp_fib_put() of a valid prefix will touch. */
void pdp_fib_prefetch(struct pdp_fib *fib, const struct pdp_fib_prefix *prefix);

/**
 * Try to install what is not. Call it now and then while stats say not_installed.
 * @return how many are still not installed
 */
unsigned int pdp_fib_retry(struct pdp_fib *fib);

/** The route of exactly that prefix. @return 0, -ENOENT or -EINVAL (out is not written) */
int pdp_fib_get(const struct pdp_fib *fib, const struct pdp_fib_prefix *prefix,
		struct pdp_fib_route *out);

/**
 * The longest route that covers a prefix, itself not longer than max_len: with the address as a
 * prefix of full length and max_len its length, what a lookup should find, not installed ones
 * included; with len - 1 what takes over when the prefix goes.
 * @return 0, -ENOENT or -EINVAL
 */
int pdp_fib_match(const struct pdp_fib *fib, const struct pdp_fib_prefix *prefix,
		  unsigned int max_len, struct pdp_fib_route *out);

/**
 * Visit all routes of a family, in no order. The FIB must not be changed meanwhile.
 * @param visit  returns false to end it
 */
void pdp_fib_walk(const struct pdp_fib *fib, unsigned int family,
		  bool (*visit)(void *arg, const struct pdp_fib_route *route), void *arg);

/** What one route adds to the digest: the digest is the sum over installed routes, modulo 2^64.
 * Pure. @param id  of what the prefix leads to */
uint64_t pdp_fib_route_digest(const struct pdp_fib_prefix *prefix, uint64_t id);

/** The id that a number was made with. @return 0: not in use */
uint64_t pdp_fib_number_id(const struct pdp_fib *fib, uint16_t number);

void pdp_fib_stats(const struct pdp_fib *fib, struct pdp_fib_stats *out);

#endif /* PDP_FIB_WRITER_H */
