/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * net_loadgen: control and figures of a loadgen port, for a process that links the driver.
 *
 * The driver itself is used through ethdev (`--vdev net_loadgen0,...`, see README.md beside this
 * file); everything here can also be had from outside with the telemetry commands /pdp/loadgen,
 * /pdp/loadgen/set, /pdp/loadgen/reset. Thread: all functions may be called from any thread of the
 * primary, while lcores receive and send; they take a mutex that no packet path takes. Changes
 * reach a queue at its next rx or tx burst.
 */
#ifndef PDP_LOADGEN_H
#define PDP_LOADGEN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Name of the mbuf dynamic field (struct pdp_loadgen_stamp) that a source writes into each packet.
 */
#define PDP_LOADGEN_STAMP_FIELD "pdp_loadgen_stamp"
/** Name of the mbuf dynamic flag that says that the stamp is valid. */
#define PDP_LOADGEN_STAMP_FLAG "pdp_loadgen_stamped"

/** What a source notes in a packet, and a sink judges it by. */
struct pdp_loadgen_stamp {
	uint64_t due_tsc; /**< when the packet was due by its rate (open loop) or read (closed
			     loop), TSC cycles */
	uint32_t flow;	  /**< source number << 24 | flow of that source */
	uint32_t seq;	  /**< counts the packets of that flow from 0; wraps */
};

/** Figures of a port since its start or the last reset. */
struct pdp_loadgen_stats {
	/* as a source */
	uint64_t offered;  /**< packets due so far: received + missed + waiting */
	uint64_t received; /**< packets handed out by rx_burst */
	uint64_t received_bytes;
	uint64_t missed;  /**< dropped by a full virtual receive queue, because the reader was late
			     (imissed) */
	uint64_t waiting; /**< due, but not read yet */
	uint64_t no_mbuf; /**< packets that were not handed out when asked for, because the pool was
			     empty */
	uint64_t stamped; /**< of received: carried a stamp */
	uint64_t returned; /**< stamped packets of this source that any sink of this process saw,
			      once each */
	uint64_t lost;	   /**< stamped - returned: lost inside what is tested; in flight counts as
			      lost: ask when quiet */
	/* as a sink, whatever source the packets came from */
	uint64_t sent; /**< packets handed to tx_burst */
	uint64_t sent_bytes;
	uint64_t unstamped; /**< of sent: without a valid stamp */
	uint64_t
		missing; /**< sequence numbers skipped and not come yet (RFC 4737: lost, or late) */
	uint64_t reordered;  /**< RFC 4737 section 3.3: came after a higher number of their flow */
	uint64_t duplicates; /**< stamped packets that came again */
	uint64_t reorder_extent_max; /**< RFC 4737 section 4.2: packets of the flow between its
					place and its arrival */
	uint64_t latency_samples;
	uint64_t latency_min_ns;
	uint64_t latency_mean_ns;
	uint64_t latency_p50_ns; /**< percentiles within 1 % */
	uint64_t latency_p90_ns;
	uint64_t latency_p99_ns;
	uint64_t latency_p999_ns;
	uint64_t latency_max_ns;    /**< exact */
	uint64_t gap_max_ns;	    /**< longest time between two bursts that a queue was given */
	uint64_t gap_early_ns;	    /**< the same of those that began in the first millisecond */
	uint64_t gap_early_end_tsc; /**< when that one ended; 0: there was none */
};

/**
 * Set a constant rate from now on; replaces a profile.
 * @param port ethdev port id of a loadgen port
 * @param pps  packets a second over all receive queues; 0: as fast as asked
 * @return 0; -ENODEV: not a loadgen port of this process; -ENOMEM
 */
int pdp_loadgen_set_rate(uint16_t port, uint64_t pps);

/**
 * Set rate steps, from their first step on.
 * @param profile as the devarg `profile`: "57000:5+117000:5"
 * @return 0; -ENODEV; -EINVAL: not a profile (logged); -ENOMEM
 */
int pdp_loadgen_set_profile(uint16_t port, const char *profile);

/** Let a stopped source go on; a profile from its first step. @return 0; -ENODEV */
int pdp_loadgen_start(uint16_t port);

/** Let no more packets become due; those that wait can still be read. @return 0; -ENODEV */
int pdp_loadgen_stop(uint16_t port);

/** Begin anew: count, pcap and profile from their beginning, running. Flows keep counting. @return
 * 0; -ENODEV */
int pdp_loadgen_restart(uint16_t port);

/**
 * Whether a source that ends (count, pcap with repeat, profile that stops) has ended and all it
 * offered was read or missed.
 * @return 1 or 0; -ENODEV
 */
int pdp_loadgen_done(uint16_t port);

/** Read the figures. @param stats out. @return 0; -ENODEV */
int pdp_loadgen_stats_get(uint16_t port, struct pdp_loadgen_stats *stats);

/**
 * Set the figures to zero. Sequence numbers and what is known of each flow go on, so that packets
 * in flight are neither loss nor reordering. Reset source and sink together, when nothing is in
 * flight, if `lost` shall be exact.
 * @return 0; -ENODEV
 */
int pdp_loadgen_stats_reset(uint16_t port);

#ifdef __cplusplus
}
#endif

#endif /* PDP_LOADGEN_H */
