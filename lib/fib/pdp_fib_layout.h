/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The FIB's file as it lies in memory, and what a reader keeps of it (see pdp_fib.h). No pointers
 * in it; every part says who writes it (W) and who reads it (R); it is mapped read-only by R.
 */
#ifndef PDP_FIB_LAYOUT_H
#define PDP_FIB_LAYOUT_H

#include <assert.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>

#define PDP_FIB_MAGIC	    UINT64_C(0x3142494650445031) /* "1PDPFIB1" in memory */
#define PDP_FIB_LAYOUT	    1
#define PDP_FIB_LINE	    64
#define PDP_FIB_IS_PLY	    0x8000u
#define PDP_FIB_NUMBERS	    32768u /**< next hops and groups are 1..32767 */
#define PDP_FIB_PLY	    256u   /**< entries of a ply, slots of a group */
#define PDP_FIB_READERS_MAX 64	   /**< engines of one VR */
#define PDP_FIB_BULK	    64	   /**< addresses of one lookup, at most */
#define PDP_FIB_ARENAS6	    4	   /**< of wide IPv6: plies for bits 16-31, 32-39, 40-47, 48-127 */

/** What a next hop is. */
enum pdp_fib_type {
	PDP_FIB_NONE = 0,   /**< no route */
	PDP_FIB_FORWARD,    /**< out of `vif`, to `mac` (kind ethernet) */
	PDP_FIB_UNRESOLVED, /**< a gateway whose MAC address is not known: punt, the kernel asks */
	PDP_FIB_GLEAN,	    /**< on the link of `vif`, neighbour not known: punt, the kernel asks */
	PDP_FIB_LOCAL,	    /**< an address of ours (or broadcast, multicast): punt */
	PDP_FIB_BLACKHOLE,  /**< drop silently */
	PDP_FIB_UNREACHABLE, /**< drop, the sender is told */
	PDP_FIB_PROHIBIT,    /**< drop, the sender is told that it is not allowed */
	PDP_FIB_DEAD,	     /**< its vif or gateway went: a group takes its next member */
	PDP_FIB_GROUP,	     /**< only in the table: members by flow hash */
	PDP_FIB_TYPES
};

/** A next hop; replaced by one 8-byte store. W:primary R:engine */
struct pdp_fib_nexthop {
	alignas(8) uint8_t type; /**< enum pdp_fib_type */
	uint8_t vif;		 /**< egress vif (FORWARD, UNRESOLVED, GLEAN) */
	uint8_t mac[6];		 /**< destination MAC address (FORWARD on a vif of kind ethernet) */
};
static_assert(sizeof(struct pdp_fib_nexthop) == 8, "one atomic store");

/** Header of the file. W:primary R:engine */
struct pdp_fib_head {
	uint64_t magic;	   /**< PDP_FIB_MAGIC, written last */
	uint32_t layout;   /**< PDP_FIB_LAYOUT */
	uint32_t size;	   /**< sizeof(struct pdp_fib_head) */
	uint64_t map_size; /**< bytes to map; the file ends where nothing is yet */
	uint64_t nexthops_off;
	uint64_t groups_off;
	uint64_t root4_off;  /**< 2^16 entries */
	uint64_t plies4_off; /**< below root4 */
	uint64_t wide4_off;  /**< 2^24 entries */
	uint64_t wide_plies4_off;
	uint64_t root6_off; /**< 2^16 entries */
	uint64_t plies6_off;
	uint64_t wide_root6_off; /**< 2^16 entries */
	uint64_t wide_plies6_off[PDP_FIB_ARENAS6];
	uint32_t hash_seed; /**< so that nodes in a row choose members independently */

	/* Moves at every change. */
	alignas(PDP_FIB_LINE)
		uint64_t epoch; /**< from 1; what quiescent readers report (release/acquire) */
	uint64_t version;	/**< changes so far (release/acquire) */
	uint64_t digest[2];	/**< of the routes at version v: digest[v & 1] */
	uint32_t default4;	/**< number for entry 0, above it 16 bits that move with it */
	uint32_t default6;
	uint32_t is_wide4; /**< 0: root4; 1: wide4 (release/acquire) */
	uint32_t stage6;   /**< 0: no table yet; 1: root6; 2: wide (release/acquire) */
};

/** What one reader reports; a line each. W:engine R:primary */
struct pdp_fib_qs {
	alignas(PDP_FIB_LINE) uint64_t seen; /**< epoch at the last quiescent point; 0: offline */
};

/** A table of IPv6. */
struct pdp_fib_table6 {
	const uint16_t *root;
	const uint16_t *plies[PDP_FIB_ARENAS6];
};

/** One attached FIB; private to its thread. */
struct pdp_fib_reader {
	const struct pdp_fib_head *head;
	const struct pdp_fib_nexthop *nexthops;
	const uint16_t *groups;
	const uint16_t *root4, *plies4, *wide4, *wide_plies4;
	struct pdp_fib_table6 tables6[2]; /**< of stages 1 and 2 */
	struct pdp_fib_qs *qs;
	uint64_t seen;
	void *map;
	void *qs_map; /**< NULL: a viewer, whose line is its own */
	struct pdp_fib_qs own;
};

/* A load of a ply behind the link to it is ordered by its address: no processor reads ahead of
 * that. */
static inline uint16_t pdp_fib_entry(const uint16_t *at)
{
	return __atomic_load_n(at, __ATOMIC_RELAXED);
}

#endif /* PDP_FIB_LAYOUT_H */
