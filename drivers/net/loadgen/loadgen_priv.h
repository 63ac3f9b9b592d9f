/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The inside of a loadgen port.
 *
 * Who writes what: an rx or tx queue belongs to the lcore that polls it. Control threads change
 * struct lg_ctl under lg_lock and bump its generation; a queue looks at the generation once a
 * burst. Counters have one writer, the queue's lcore; others read them relaxed. To reset is to bump
 * reset_gen: a queue clears its own counters at its next burst, and a reader takes a queue of an
 * older generation for zero. Ports and queues stand in DPDK's heap so that a secondary process can
 * read infos and statistics; what only the packet paths of the primary need (templates, flows,
 * pcap) is private memory of the primary.
 */
#ifndef LOADGEN_PRIV_H
#define LOADGEN_PRIV_H

#include "loadgen_args.h"
#include "loadgen_clock.h"
#include "loadgen_dpdk.h"
#include "loadgen_frame.h"
#include "loadgen_hist.h"
#include "loadgen_line.h"
#include "loadgen_seq.h"

#include <pthread.h>

#include <rte_ether.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "pdp_loadgen.h"

#define LG_MAX_SOURCES 255
#define LG_FLOW_BITS   24
#define LG_MAX_QUEUES  64
#define LG_BURST       64u
#define LG_SCHED_MAX   8192
#define LG_IMIX_BLOCKS 341
#define LG_IMIX_SIZE   (12 * LG_IMIX_BLOCKS)

extern int lg_logtype;
#define LG_LOG(level, fmt, ...) \
	rte_log(RTE_LOG_##level, lg_logtype, "net_loadgen: " fmt "\n", ##__VA_ARGS__)

/** Offset of the stamp in an mbuf and mask of its flag; -1 and 0 until lg_stamp_register().
 * Process-wide. */
extern int lg_stamp_offset;
extern uint64_t lg_stamp_flag;

/** Where the sinks find the flows of a source; index: source number. W: probe, start, close. R:
 * sinks */
extern struct lg_flow_table *lg_sources[LG_MAX_SOURCES];

/** A packet of a capture. */
struct lg_pcap_packet {
	const uint8_t *bytes; /**< padded to LG_COPY_UNIT */
	uint32_t len;
	uint32_t hash;
	uint32_t flow; /**< by 5-tuple, from 0 */
};

struct lg_pcap {
	uint32_t n;
	uint32_t n_flows;
	uint32_t longest;
	uint32_t n_partial; /**< packets that the capture holds only in part */
	uint32_t n_cut;	    /**< packets that were cut to the MTU */
	uint8_t *blob;
	uint32_t *seqs; /**< next number of each flow; a flow belongs to one rx queue */
	struct lg_pcap_packet *packets;
};

/** One class on one rx queue. */
struct lg_qclass {
	const struct lg_tmpl *tmpl; /**< one a size */
	union {
		struct lg_flow4 *flows4;
		struct lg_flow6 *flows6;
	};
	uint32_t n;
	uint32_t cursor;
	uint32_t pass; /**< rounds over the flows: the sequence number */
	bool v6;
};

/** A schedule that control gives to the queues. */
struct lg_ctl {
	uint32_t gen;	   /**< W:control R:queues; release and acquire */
	uint32_t rate_gen; /**< started, stopped, other rate */
	uint32_t reset_gen;
	uint32_t restart_gen;
	bool running;
	bool closed; /**< no clock: as fast as asked */
	const struct lg_profile *profile;
};

struct lg_rx_counters {
	uint64_t packets, bytes, stamped, no_mbuf;
};

struct __rte_cache_aligned lg_rxq {
	/* read-mostly */
	struct lg_port *port;
	struct rte_mempool *pool;
	uint64_t rearm;	   /**< data_off, refcnt, nb_segs, port of a fresh mbuf */
	uint64_t ol_flags; /**< of every packet */
	uint32_t ctl_gen, rate_gen, reset_gen, restart_gen;
	bool running, closed;
	bool stamp, with_hash, one_class, imix;
	uint16_t id;
	uint32_t sched_size;
	uint16_t *sched; /**< classes in the order of their packets, weights kept */
	struct lg_qclass *classes;
	uint32_t n_classes;
	double share;	/**< of the port's rate */
	uint64_t count; /**< packets of a run; LG_ENDLESS */
	/* source state */
	uint32_t sched_pos;
	uint32_t imix_pos;
	struct lg_clock clock;
	const struct lg_pcap_packet **packets; /**< pcap: this queue's */
	uint32_t n_packets, packet_pos;
	struct lg_rx_counters counters;
};

struct lg_tx_counters {
	uint64_t packets, bytes, unstamped;
	uint64_t latency_min, latency_max; /**< cycles */
	uint64_t first_tsc, last_tsc;	   /**< of bursts; 0: none yet */
	uint64_t gap_max, gap_early;	   /**< cycles */
	uint64_t early_end_tsc;		   /**< of gap_early */
	struct lg_seq_counters seq;
};

struct __rte_cache_aligned lg_txq {
	struct lg_port *port;
	uint32_t reset_gen;
	bool measure, shared;
	uint16_t id;
	uint64_t early_tsc;  /**< how long after a reset gaps are early */
	struct lg_line line; /**< with tx_rate */
	struct lg_tx_counters counters;
	uint64_t returned[LG_MAX_SOURCES]; /**< stamped packets by source, duplicates excluded */
	struct lg_hist hist;		   /**< cycles */
};

/** A port; dev_private. */
struct lg_port {
	struct lg_ctl ctl;
	uint16_t port_id;
	uint8_t source; /**< source number */
	bool measure, payload, poisson;
	uint32_t rxq_size; /**< virtual receive queue; 0: nb_desc */
	uint32_t max_frame;
	uint16_t n_rxq, n_txq;
	uint64_t count;
	struct rte_ether_addr mac;
	struct lg_rxq *rxqs[LG_MAX_QUEUES];
	struct lg_txq *txqs[LG_MAX_QUEUES];
	/* private memory of the primary */
	struct lg_args *args;
	struct lg_tmpl *tmpls; /**< n_classes * n_sizes */
	uint8_t *imix;	       /**< LG_IMIX_SIZE size numbers */
	struct lg_pcap *pcap;
	struct lg_flow_table flows;
	uint16_t flows_for_queues;    /**< rx queues that flows were shared out for; 0: not yet */
	struct lg_profile **profiles; /**< all that queues may still look at */
	uint32_t n_profiles;
};

/* loadgen_ethdev.c */

/** Ports of this process by ethdev port id. W: probe, close, under lg_lock */
extern struct lg_port *lg_ports[RTE_MAX_ETHPORTS];
extern pthread_mutex_t lg_lock;

/* loadgen_ctl.c; all under lg_lock */

/** Let the queues see what was changed in port->ctl. */
void lg_ctl_publish(struct lg_port *port);
/** Follow a profile; takes it. @return 0; -ENOMEM: the profile is freed */
int lg_ctl_set_profile(struct lg_port *port, struct lg_profile *profile);
void lg_ctl_free_profiles(struct lg_port *port);
/** See pdp_loadgen_done(). */
bool lg_ctl_done(const struct lg_port *port);

/* loadgen_flows.c */

/** Build templates, or load the capture. @return 0; -errno with a sentence */
int lg_port_prepare(struct lg_port *port, struct lg_err *err);
void lg_port_unprepare(struct lg_port *port);

/** Share flows and weights out over the rx queues; once per number of queues. @return 0; -ENOMEM */
int lg_flows_share(struct lg_port *port);
void lg_flows_release(struct lg_rxq *q);

/* loadgen_pcap.c */

/** Read a capture into memory. @return 0; -errno with a sentence */
int lg_pcap_load(const struct lg_args *args, struct lg_pcap **out, struct lg_err *err);
void lg_pcap_free(struct lg_pcap *pcap);

/* loadgen_source.c, loadgen_sink.c: burst functions */
uint16_t lg_rx_made(void *queue, struct rte_mbuf **pkts, uint16_t n);
uint16_t lg_rx_pcap(void *queue, struct rte_mbuf **pkts, uint16_t n);
uint16_t lg_tx(void *queue, struct rte_mbuf **pkts, uint16_t n);
uint16_t lg_tx_line(void *queue, struct rte_mbuf **pkts, uint16_t n); /**< with tx_rate */
/** For a port that is not usable (secondary process): nothing comes, nothing is taken. */
uint16_t lg_no_burst(void *queue, struct rte_mbuf **pkts, uint16_t n);

/* loadgen_stats.c */

/** Sum of all queues; hist may be NULL. */
void lg_stats_collect(const struct lg_port *port, struct pdp_loadgen_stats *stats,
		      struct lg_hist *hist);
int lg_xstats_get(struct rte_eth_dev *dev, struct rte_eth_xstat *xstats, unsigned int n);
int lg_xstats_get_names(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names, unsigned int n);
#if RTE_VERSION >= RTE_VERSION_NUM(25, 11, 0, 0)
int lg_stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats,
		 struct eth_queue_stats *queue_stats);
#else
int lg_stats_get(struct rte_eth_dev *dev, struct rte_eth_stats *stats);
#endif
int lg_stats_reset(struct rte_eth_dev *dev);

/** Name and value of the i-th figure of struct pdp_loadgen_stats. @return NULL: no more */
const char *lg_stats_field(const struct pdp_loadgen_stats *stats, unsigned int i, uint64_t *value);

#endif /* LOADGEN_PRIV_H */
