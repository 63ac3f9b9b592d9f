/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The shared-memory layout between the MD and one engine: the only one of the project (DESIGN
 * section 4).
 *
 * One region per engine: header, status page, configuration, a control ring each way, and for every
 * MD lcore one channel with a data ring each way. The primary lays it out; an engine maps it and
 * finds everything by offsets from its start. Nothing in it is an address. Every field says who
 * writes it (W) and who reads it (R); no cache line has two writers, but for the one that holds
 * wake_seq.
 *
 * The MD's end is pdp_channel_md.h, the engine's pdp_channel_engine.h.
 */
#ifndef PDP_CHANNEL_H
#define PDP_CHANNEL_H

#include <assert.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pdp_ctl_ring.h>
#include <pdp_desc.h>
#include <pdp_ring.h>
#include <pdp_vr.h>

#define PDP_REGION_MAGIC   UINT64_C(0x314e474552504450) /* "PDPREGN1" in memory */
#define PDP_LAYOUT_VERSION 5
#define PDP_LINE	   64
#define PDP_MD_MAX	   16 /**< MD lcores, and so channels of one engine */
#define PDP_SLOTS_MIN	   2  /**< Europa section 5: the pool may be as small as this */
#define PDP_SLOTS_MAX	   32768
#define PDP_BLANKS_MAX	   1024
/** Bytes in front of every packet: an engine may put headers there. 8 less than mbufs have: drivers
 * that put VLAN tags back in software take them from it. */
#define PDP_HEADROOM 120

/**
 * Why a packet that belongs to a VR was dropped. Below PDP_DROP_N_ENGINE: what an engine may say of
 * a packet that it returns (6 bits in a descriptor); 1..PDP_DROP_VIF_LAST are the numbers of enum
 * pdp_vif_drop.
 */
enum pdp_drop {
	PDP_DROP_VR = 0,	/**< the plugin's verdict */
	PDP_DROP_VIF_LAST = 15, /**< 1..15: a vif's reason */
	PDP_DROP_BAD_VIF,	/**< forwarded to a vif that the VR does not have */
	PDP_DROP_BAD_HOLD, /**< PDP_HOLD without PDP_VR_HOLDS, or never released before the engine
			      left */
	PDP_DROP_N_ENGINE = 24,
	PDP_DROP_NO_ENGINE = PDP_DROP_N_ENGINE, /**< the VR has no running engine */
	PDP_DROP_ENGINE_FULL,			/**< no free slot: the engine does not keep up */
	PDP_DROP_UNFIT, /**< a chain that could not be made one segment, or too little headroom */
	PDP_DROP_PORT_FULL, /**< the egress port took no more */
	PDP_DROP_PUNT,	    /**< punted, but the VR has no control plane */
	PDP_DROP_LIE,	    /**< the engine returned it with an impossible offset, length or vif */
	PDP_DROP_ENGINE_DIED, /**< was with an engine that died or was stopped */
	PDP_DROP_RATE_LIMIT,  /**< came above the rate limit of its VR or vif */
	PDP_DROP_HOLD_FULL, /**< its flow's earlier packets are not back from an engine that leaves,
			       and too many wait for such */
	PDP_DROP_ORDER_FULL,  /**< too many packets wait for an earlier one to come back from its
			       * engine
			       */
	PDP_DROP_SOURCE,      /**< it would leave a vif with a sender that is not allowed there */
	PDP_DROP_ENGINE_LATE, /**< came back from an engine that had stood still and was by-passed
			       */
	PDP_DROP_PUNT_LIMIT,  /**< punted above the VR's rate of its class */
	PDP_DROP_PUNT_FULL,   /**< punted, but the management host does not keep up */
	PDP_DROP_N,
};

/** Protocol errors of an engine: counted and refused, never followed (DESIGN rule 3). */
enum pdp_lie {
	PDP_LIE_SLOT,	 /**< slot number beyond the ledger */
	PDP_LIE_TWICE,	 /**< slot that is not with the engine */
	PDP_LIE_BOUNDS,	 /**< offset or length outside of the packet's buffer */
	PDP_LIE_VIF,	 /**< egress vif that the VR does not have */
	PDP_LIE_CODE,	 /**< verdict, drop reason or punt class that does not exist */
	PDP_LIE_CONTROL, /**< control message with impossible lengths */
	PDP_LIE_N,
};

/** What an engine is doing. W:engine R:primary */
enum pdp_engine_phase {
	PDP_PHASE_EMPTY = 0,
	PDP_PHASE_ATTACHED, /**< mapped, plugin not yet ready */
	PDP_PHASE_RUNNING,
	PDP_PHASE_STOPPING,
};

/** Control rings carry elements of one cache line; a message is one head and as many tails as it
 * takes. */
#define PDP_CTL_HEAD_BYTES (PDP_CTL_ELEM_SIZE - 8)
#define PDP_CTL_ELEMS_MAX  18 /**< elements of the longest message */

struct pdp_ctl_elem {
	uint16_t engine; /**< to the MD: destination; to the engine: sender */
	uint16_t size;	 /**< bytes of the message */
	uint32_t pad;
	uint8_t bytes[PDP_CTL_HEAD_BYTES];
};
static_assert(sizeof(struct pdp_ctl_elem) == PDP_CTL_ELEM_SIZE, "one line");

/** Elements of a message of `size` bytes. */
static inline unsigned int pdp_ctl_elems(unsigned int size)
{
	return size <= PDP_CTL_HEAD_BYTES ? 1
					  : 1 + (size - PDP_CTL_HEAD_BYTES + PDP_CTL_ELEM_SIZE -
						 1) / PDP_CTL_ELEM_SIZE;
}
static_assert(1 + (PDP_VR_MSG_SIZE - PDP_CTL_HEAD_BYTES + PDP_CTL_ELEM_SIZE - 1) /
				      PDP_CTL_ELEM_SIZE <=
		      PDP_CTL_ELEMS_MAX,
	      "longest message");

/** Bit of pdp_status.life: the engine's loop thread is gone, or about to be. It is the kernel's
 * FUTEX_OWNER_DIED. */
#define PDP_LIFE_DIED UINT32_C(0x40000000)

#define PDP_CRASH_FRAMES   24
#define PDP_CRASH_MODULES  32
#define PDP_CRASH_NAME_MAX 40

/** What an engine that dies of a signal leaves behind. W:engine, its signal handler; R:primary when
 * the process is gone. Addresses are numbers to look up, never followed. */
struct pdp_crash {
	uint32_t signal;   /**< 0: none; release, after what follows up to `tsc` */
	int32_t code;	   /**< si_code: above 0 a fault, else sent by somebody */
	uint64_t address;  /**< that the fault is about; sent: the sender's process id */
	uint64_t tsc;	   /**< when it happened */
	uint32_t n_frames; /**< release, after `frames` */
	uint32_t own;	   /**< 1: a fault, or it sent itself the signal, as abort() does */
	uint64_t frames[PDP_CRASH_FRAMES]; /**< the instruction, then return addresses */
};

/** Where a program or library is mapped in an engine, so that the primary can say what an address
 * belongs to. */
struct pdp_crash_module {
	char name[PDP_CRASH_NAME_MAX]; /**< last part of its path */
	uint64_t base;		       /**< what its own addresses count from */
	uint64_t start;
	uint64_t end;
};

/** A counter that a plugin named. */
struct pdp_named_counter {
	char name[32];	/* W:engine R:primary, NUL-terminated, written before n_counters */
	uint64_t value; /* W:engine R:primary */
};

/** The status page of one engine. */
struct pdp_status {
	/* W:primary R:engine */
	alignas(PDP_LINE)
		uint32_t cmd_seq; /**< moves when a command waits on the engine's socket */
	uint32_t busy_poll;	  /**< 1: never sleep; 0: poll when empty (idle.h), then sleep */
	uint32_t generation;	  /**< which start of this engine index this is */
	uint32_t parked;	  /**< 1: no packets come: sleep long, no ticks */
	uint32_t activation;	  /**< times that packets were let in so far */

	/* W:md lcores, atomic add; R:engine, futex */
	alignas(PDP_LINE) uint32_t wake_seq;

	/* W:engine R:md */
	alignas(PDP_LINE)
		uint32_t sleeping; /**< 1 from before the last look at the rings until awake */
	uint32_t phase;		   /**< enum pdp_engine_phase */

	/* Once by the engine: its loop's thread id; then PDP_LIFE_DIED by the kernel when that
	 * thread ends (a robust futex), or by the crash handler. R:md */
	alignas(PDP_LINE) uint32_t life;
	struct pdp_crash crash; /* W:engine R:primary */

	/* W:engine R:primary; each counts up */
	alignas(PDP_LINE) uint64_t loops; /**< turns of the engine's loop */
	uint64_t rx;			  /**< packets taken from the MD */
	uint64_t tx;	   /**< packets given back with FORWARD or PUNT, originated ones too */
	uint64_t dropped;  /**< packets given back with DROP */
	uint64_t busy_tsc; /**< TSC cycles of turns that had packets */
	uint64_t idle_tsc; /**< TSC cycles of turns that had none */
	uint64_t held;	   /**< packets that the plugin holds now */
	uint32_t bursts;   /**< served, whatever of */
	uint32_t taken;	   /**< descriptors of served bursts */
	alignas(PDP_LINE) uint64_t process_tsc; /**< TSC cycles of the measured process() calls */
	uint64_t cycles_pkts;			/**< packets of the measured process() calls */
	uint64_t ctl_rx;
	uint64_t ctl_tx;
	uint64_t no_blank;  /**< pdp_vr_originate() and pdp_vr_copy() that found none */
	uint64_t sleeps;    /**< times it went to sleep */
	uint64_t first_tsc; /**< TSC when the first packets since `served` were answered */
	uint32_t served;    /**< the activation that first_tsc belongs to; release/acquire */

	alignas(PDP_LINE) uint32_t n_modules; /* W:engine R:primary, release/acquire */
	struct pdp_crash_module modules[PDP_CRASH_MODULES];

	alignas(PDP_LINE) uint32_t n_counters; /* W:engine R:primary, release/acquire */
	alignas(PDP_LINE) struct pdp_named_counter counters[PDP_VR_N_COUNTERS];
};

/** Move wake_seq and wake the engine if it sleeps on it. Thread: any of the primary. */
void pdp_status_wake(struct pdp_status *status);

/** Header of a region. W:primary, before the engine attaches; R:engine. */
struct pdp_region {
	uint64_t magic;	      /**< PDP_REGION_MAGIC */
	uint32_t version;     /**< PDP_LAYOUT_VERSION */
	uint32_t header_size; /**< sizeof(struct pdp_region) */
	uint64_t size;	      /**< bytes of the whole region */
	int64_t base_delta;   /**< base of descriptor offsets, relative to the region (secondary) */
	uint32_t n_md;	      /**< channels */
	uint32_t n_slots;     /**< data slots of each channel */
	uint32_t n_blanks;    /**< BLANK slots of each channel */
	uint32_t engine;      /**< index of the engine in its VR */
	uint32_t n_engines;   /**< engines that the VR may have at most */
	uint32_t conf_size;   /**< bytes at conf_off */
	uint32_t sealed;     /**< 1: as pdp_sealed.h says; offsets count from the packets' memory */
	uint64_t tsc_hz;     /**< of the primary; engines keep time by it */
	uint64_t status_off; /**< struct pdp_status */
	uint64_t conf_off;   /**< what lib/engine tells the engine of its VR (pdp_engine_proto.h) */
	uint64_t ctl_to_off; /**< control ring, MD to engine */
	uint64_t ctl_from_off; /**< control ring, engine to MD */
	struct {
		uint64_t to_off;   /**< data ring, MD to engine */
		uint64_t from_off; /**< data ring, engine to MD */
	} channels[PDP_MD_MAX];
};

/** What a region is made for. */
struct pdp_region_params {
	uint32_t n_md;	   /**< 1..PDP_MD_MAX */
	uint32_t n_slots;  /**< PDP_SLOTS_MIN..PDP_SLOTS_MAX */
	uint32_t n_blanks; /**< 0..PDP_BLANKS_MAX */
	uint32_t engine;
	uint32_t n_engines;
	uint32_t conf_size;
	bool sealed; /**< of a sealed engine (pdp_sealed.h) */
	uint64_t tsc_hz;
};

/** Bytes that a region takes. Pure. */
size_t pdp_region_size(const struct pdp_region_params *params);

/**
 * Lay out a region.
 * @param mem     pdp_region_size() bytes, aligned to PDP_LINE
 * @param base    where descriptor offsets count from
 * @return the region, or NULL with errno EINVAL (params out of range)
 * Thread: control, before anybody else sees mem.
 */
struct pdp_region *pdp_region_create(void *mem, const struct pdp_region_params *params,
				     const void *base);

/**
 * Check that `mem` is a region that this program understands.
 * @param size  bytes mapped at mem
 * @param err   out, on failure: a sentence
 * @return 0, or -EPROTO (magic, version or sizes differ)
 */
int pdp_region_check(const void *mem, size_t size, char *err, size_t err_size);

static inline struct pdp_status *pdp_region_status(struct pdp_region *r)
{
	return (struct pdp_status *)((char *)r + r->status_off);
}

static inline void *pdp_region_conf(struct pdp_region *r)
{
	return (char *)r + r->conf_off;
}

static inline struct pdp_ring *pdp_region_ring(struct pdp_region *r, uint64_t off)
{
	return (struct pdp_ring *)((char *)r + off);
}

static inline struct pdp_ctl_ring *pdp_region_ctl(struct pdp_region *r, uint64_t off)
{
	return (struct pdp_ctl_ring *)((char *)r + off);
}

#endif /* PDP_CHANNEL_H */
