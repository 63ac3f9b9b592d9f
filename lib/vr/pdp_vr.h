/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plugin ABI: the only header that the author of a virtual router (VR) includes.
 *
 * A plugin is a shared object that exports one `struct pdp_vr_ops` by PDP_VR_PLUGIN(). The same
 * object runs in every forwarding engine of its VR, one thread each, at either isolation level
 * (secondary or sealed). Nothing here is a DPDK type. All lengths are bytes, all times nanoseconds
 * of the monotonic clock.
 *
 * Thread: every callback and every service runs on the engine's one thread, never two at a time. A
 * plugin that makes threads of its own must not call services from them.
 */
#ifndef PDP_VR_H
#define PDP_VR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Version of this ABI. An engine refuses a plugin built for another one, in a sentence. */
#define PDP_VR_ABI_VERSION 3

#define PDP_VIF_MAX	  64   /**< vifs of one VR */
#define PDP_BURST_MAX	  64   /**< packets of one call of process() */
#define PDP_VR_MSG_SIZE	  1024 /**< longest message between engines, bytes */
#define PDP_VR_N_COUNTERS 32   /**< named counters of one engine */
#define PDP_BUCKETS                                                                   \
	1024 /**< flow buckets of a VR; a bucket's packets go to one engine at a time \
	      */

/** What becomes of a packet. */
enum pdp_verdict {
	PDP_DROP = 0,	 /**< free it (the MD frees; counted as dropped by the VR) */
	PDP_FORWARD = 1, /**< send it out of vif `pkt->vif` */
	PDP_PUNT = 2,	 /**< give it to the VR's control plane, as arrived on vif `pkt->vif` */
	PDP_HOLD = 3,	 /**< the plugin keeps it (only with PDP_VR_HOLDS) and releases it later */
};

/** What a punted packet is: the control plane takes each class at a rate of its own, so that a
 * flood of one does not starve another. */
enum pdp_punt_class {
	PDP_PUNT_OTHER = 0,   /**< what does not follow */
	PDP_PUNT_ARP_ND = 1,  /**< ARP and IPv6 neighbour discovery */
	PDP_PUNT_ROUTING = 2, /**< routing protocols: OSPF, BGP, BFD and their like */
	PDP_PUNT_CLASSES
};

enum pdp_vif_kind {
	PDP_VIF_ETHERNET = 0, /**< packets begin with their Ethernet header */
	PDP_VIF_IP = 1,	      /**< packets begin with their IPv4 or IPv6 header */
};

/** Bits of pdp_pkt.flags. */
#define PDP_PKT_HASH 0x01 /**< `hash` is set; else pdp_pkt_hash() computes it */

/**
 * One packet, as a plugin sees it: the inner packet, without tunnel, VLAN or (vif kind `ip`)
 * Ethernet header.
 *
 * A plain value: a plugin that holds a packet copies the structure. Bytes data[0 .. len-1] may be
 * read and written; a sealed VR with a header window sees fewer bytes than whole_len.
 */
struct pdp_pkt {
	uint8_t *data;	    /**< first byte of the packet */
	uint16_t len;	    /**< visible bytes from data on */
	uint16_t whole_len; /**< length of the packet, >= len */
	uint16_t headroom;  /**< bytes in front of data that pdp_pkt_prepend() can still claim */
	uint8_t vif;	    /**< in: vif it arrived on; out, with PDP_FORWARD: vif it leaves by */
	uint8_t verdict;    /**< enum pdp_verdict; PDP_DROP when process() gets it */
	uint32_t hash;	    /**< 24-bit flow hash, valid with PDP_PKT_HASH */
	uint8_t flags;	    /**< PDP_PKT_* */
	uint8_t channel;    /**< the runtime's; do not touch */
	uint16_t slot;	    /**< the runtime's; do not touch */
	uint8_t in_vif;	    /**< vif it arrived on (not changed by the plugin) */
	uint8_t reason;	    /**< the runtime's; do not touch */
	uint16_t window;    /**< the runtime's; do not touch */
	uint8_t punt_class; /**< out, with PDP_PUNT: enum pdp_punt_class; 0 when process() gets it
			     */
	uint8_t reserved;
	uint16_t lent; /**< the runtime's; do not touch */
};

/** One virtual interface of the VR, as told to init(). */
struct pdp_vr_vif {
	char name[16];
	uint8_t kind;	/**< enum pdp_vif_kind */
	uint8_t mac[6]; /**< kind ethernet: its MAC address */
	uint8_t pad;
	uint32_t mtu; /**< longest layer-3 packet, bytes */
};

struct pdp_vr;	       /* the engine's side of a VR, opaque to the plugin */
struct pdp_fib_reader; /* routes, pdp_fib.h */

/** Services of the runtime; use the inline functions below. */
struct pdp_vr_services {
	int (*originate)(struct pdp_vr *vr, struct pdp_pkt *pkt);
	int (*copy)(struct pdp_vr *vr, const struct pdp_pkt *from, struct pdp_pkt *to);
	int (*release)(struct pdp_vr *vr, const struct pdp_pkt *pkts, unsigned int n);
	int (*send)(struct pdp_vr *vr, unsigned int engine, const void *msg, size_t size);
	uint64_t *(*counter)(struct pdp_vr *vr, const char *name);
	uint64_t (*now_ns)(struct pdp_vr *vr);
	uint32_t (*hash)(struct pdp_vr *vr, const struct pdp_pkt *pkt);
	void (*burst)(struct pdp_vr *vr, unsigned int n);
	void (*log)(struct pdp_vr *vr, int level, const char *format, ...)
		__attribute__((format(printf, 3, 4)));
	uint64_t (*busy_ns)(struct pdp_vr *vr);
};

/** What init() is told; valid while the engine lives. */
struct pdp_vr_info {
	struct pdp_vr *vr;			/**< handle for the services */
	const struct pdp_vr_services *services; /**< the services */
	const char *node;			/**< name of the node */
	const char *name;			/**< name of the VR */
	const char *args;			/**< the VR's "args", a JSON object as text */
	unsigned int engine;			/**< index of this engine, from 0 */
	unsigned int n_engines;			/**< engines that the VR may have at most */
	unsigned int n_vifs;			/**< length of vifs */
	const struct pdp_vr_vif *vifs;		/**< vif i is number i in pdp_pkt.vif */
	/**
	 * The routes of the VR's control plane, or NULL when it has none. Read it by the inline
	 * lookups of pdp_fib.h in process(), tick() and control() only, and keep no number that one
	 * returned beyond the callback: the runtime tells the writer between callbacks that none is
	 * in use any more.
	 */
	const struct pdp_fib_reader *fib;
};

/** Bits of pdp_vr_ops.flags. */
#define PDP_VR_HOLDS 0x01u /**< may answer PDP_HOLD (shapers, schedulers) */
/**
 * Changes no byte of a packet behind its first PDP_VR_HEAD (routers, switches), unless it moves its
 * beginning, originates or copies it. A sealed engine then looks for changes there only, so what is
 * changed behind is lost; the rest crosses to the engine's CPU only when the plugin reads it.
 */
#define PDP_VR_HEADER_ONLY 0x02u
#define PDP_VR_HEAD	   64 /**< bytes */
/**
 * Reads or changes the beginning of most packets (routers). The runtime then asks for their first
 * PDP_VR_HEAD bytes a burst ahead, so that process() finds them in the cache. A plugin that decides
 * without a look at packets does better without: they stay in the MD's cache then.
 */
#define PDP_VR_WANTS_HEAD 0x04u

/** A plugin. Unset callbacks are NULL; only process is required. */
struct pdp_vr_ops {
	uint32_t abi_version; /**< PDP_VR_ABI_VERSION */
	uint32_t flags;	      /**< PDP_VR_* */
	const char *name;     /**< for messages */
	uint32_t max_burst;   /**< most packets a process() call gets; 0: PDP_BURST_MAX */
	uint32_t tick_us;     /**< about how often tick() is called; 0: every 1000 us */

	/**
	 * Make the state of one engine. May allocate, read files, take its time (below the start
	 * deadline).
	 * @param info   what the engine knows; valid until fini() returns
	 * @param state  out: handed to every other callback
	 * @return 0, or -errno: the engine then says so in a sentence and leaves
	 */
	int (*init)(const struct pdp_vr_info *info, void **state);
	/**
	 * Decide on a burst: set verdict (and vif) of each packet. Never blocks for longer than the
	 * watchdog allows.
	 * @param pkts  n packets, 1 <= n <= max_burst; borrowed unless held
	 */
	void (*process)(void *state, struct pdp_pkt *pkts, unsigned int n);
	/** Called about every tick_us, also when no packet comes; not while the engine is parked
	 * (kept ready without packets). @param now_ns monotonic clock */
	void (*tick)(void *state, uint64_t now_ns);
	/**
	 * A message of a sibling engine of the same VR (or of itself).
	 * @param from  index of the sending engine; @param msg size bytes, borrowed
	 */
	void (*control)(void *state, unsigned int from, const void *msg, size_t size);
	/** Free what init() made. Held packets may still be released here; those that are not are
	 * dropped. */
	void (*fini)(void *state);
};

#define PDP_VR_PLUGIN_SYMBOL "pdp_vr_plugin"

/** Exports the plugin: PDP_VR_PLUGIN({ .name = "mine", .process = mine_process }). */
#define PDP_VR_PLUGIN(...)                            \
	extern const struct pdp_vr_ops pdp_vr_plugin; \
	__attribute__((visibility("default"))) const struct pdp_vr_ops pdp_vr_plugin = __VA_ARGS__

/** Levels of pdp_vr_services.log. */
enum pdp_log_level { PDP_LOG_ERR = 0, PDP_LOG_WARNING = 1, PDP_LOG_NOTICE = 2, PDP_LOG_DEBUG = 3 };

/**
 * Claim n bytes in front of the packet (a new header).
 * @return the new first byte, or NULL when headroom < n (nothing changed)
 */
static inline uint8_t *pdp_pkt_prepend(struct pdp_pkt *pkt, uint16_t n)
{
	if (n > pkt->headroom || (uint32_t)pkt->whole_len + n > UINT16_MAX)
		return NULL;
	pkt->data -= n;
	pkt->headroom = (uint16_t)(pkt->headroom - n);
	pkt->len = (uint16_t)(pkt->len + n);
	pkt->whole_len = (uint16_t)(pkt->whole_len + n);
	return pkt->data;
}

/**
 * Cut n bytes off the front of the packet.
 * @return the new first byte, or NULL when fewer than n bytes are visible (nothing changed)
 */
static inline uint8_t *pdp_pkt_adj(struct pdp_pkt *pkt, uint16_t n)
{
	if (n > pkt->len)
		return NULL;
	pkt->data += n;
	pkt->headroom = (uint16_t)(pkt->headroom + n);
	pkt->len = (uint16_t)(pkt->len - n);
	pkt->whole_len = (uint16_t)(pkt->whole_len - n);
	return pkt->data;
}

/** The packet's 24-bit flow hash (inner 5-tuple; fragments by addresses), computed once when
 * needed. */
static inline uint32_t pdp_pkt_hash(const struct pdp_vr_info *info, struct pdp_pkt *pkt)
{
	if (!(pkt->flags & PDP_PKT_HASH)) {
		pkt->hash = info->services->hash(info->vr, pkt);
		pkt->flags |= PDP_PKT_HASH;
	}
	return pkt->hash;
}

/** The flow bucket of the packet, 0 .. PDP_BUCKETS - 1: what a per-flow table of an engine is
 * sharded by. */
static inline unsigned int pdp_pkt_bucket(const struct pdp_vr_info *info, struct pdp_pkt *pkt)
{
	return (pdp_pkt_hash(info, pkt) >> 14) & (PDP_BUCKETS - 1);
}

/**
 * Get an empty packet to originate: data points at room for the vif's MTU, len and whole_len are
 * that room. Fill it, set len, whole_len, vif and verdict, and pdp_vr_release() it.
 * @param pkt  out
 * @return 0, or -ENOBUFS: none is free just now (the MD tops them up at a bounded rate)
 */
static inline int pdp_vr_originate(const struct pdp_vr_info *info, struct pdp_pkt *pkt)
{
	return info->services->originate(info->vr, pkt);
}

/**
 * Copy a packet into an empty one, to send it out of a further vif.
 * @param from  a packet of this engine, unchanged
 * @param to    out: the copy, verdict PDP_DROP; set vif and verdict and pdp_vr_release() it
 * @return 0, or -ENOBUFS as pdp_vr_originate(), or -EMSGSIZE: longer than an empty packet holds
 */
static inline int pdp_vr_copy(const struct pdp_vr_info *info, const struct pdp_pkt *from,
			      struct pdp_pkt *to)
{
	return info->services->copy(info->vr, from, to);
}

/**
 * Hand over packets that were held, originated or copied; their verdict says what becomes of them.
 * @return 0, or -EINVAL: a packet is not this engine's to release or its verdict is PDP_HOLD (the
 * others are released)
 */
static inline int pdp_vr_release(const struct pdp_vr_info *info, const struct pdp_pkt *pkts,
				 unsigned int n)
{
	return info->services->release(info->vr, pkts, n);
}

/**
 * Send a message to an engine of the same VR; its control() gets it. Relayed by the MD before data.
 * @param engine  index of the engine, may be the sender itself
 * @param size    0 .. PDP_VR_MSG_SIZE
 * @return 0, -EMSGSIZE, -ENOENT (index out of range), or -ENOBUFS (ring full; try again later).
 *         A message to an engine that does not run is dropped and counted.
 */
static inline int pdp_vr_send(const struct pdp_vr_info *info, unsigned int engine, const void *msg,
			      size_t size)
{
	return info->services->send(info->vr, engine, msg, size);
}

/**
 * A counter that `pdp-ctl vr show` and telemetry list by name.
 * @param name  1..31 characters; the same name gives the same counter
 * @return where to count (the engine is its only writer), or NULL: no room (PDP_VR_N_COUNTERS) or a
 * bad name
 */
static inline uint64_t *pdp_vr_counter(const struct pdp_vr_info *info, const char *name)
{
	return info->services->counter(info->vr, name);
}

/** Monotonic clock, cheap enough for every burst. */
static inline uint64_t pdp_vr_now_ns(const struct pdp_vr_info *info)
{
	return info->services->now_ns(info->vr);
}

/**
 * Wall time in which this engine had packets to serve since it began, ns; what it waits for in
 * process() counts. The load monitor divides packets by it.
 */
static inline uint64_t pdp_vr_busy_ns(const struct pdp_vr_info *info)
{
	return info->services->busy_ns(info->vr);
}

/** From the next call on, hand at most n packets to process(); 1 .. PDP_BURST_MAX, others are
 * clamped. */
static inline void pdp_vr_set_burst(const struct pdp_vr_info *info, unsigned int n)
{
	info->services->burst(info->vr, n);
}

/** Log a line (no newline needed) with the VR's and the engine's name. Not for every packet. */
#define pdp_vr_log(info, level, ...) ((info)->services->log((info)->vr, (level), __VA_ARGS__))

#ifdef __cplusplus
}
#endif

#endif /* PDP_VR_H */
