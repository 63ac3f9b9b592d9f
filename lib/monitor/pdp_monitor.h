/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Load of every VR, and how many engines it should have (the load monitor of LVRM): arrival rates,
 * queue lengths and what an engine serves in a busy second go in, a number of engines with its
 * reason comes out. Pure: no clock, no I/O, no DPDK; the caller brings counters and time.
 *
 * Once a period for every VR: pdp_monitor_sample() with cumulative counters. Rates are
 * exponentially weighted means over `tau_ms`, whatever the distance of two samples is. Counters are
 * cumulative and may begin anew when an engine is another process (its `generation` says so).
 *
 * What keeps the number of engines still, where the load stays near a boundary between two numbers:
 * once such a boundary has been crossed, crossing it back takes `hysteresis_pct` of an engine,
 * until the load has been that far away from it on this side, or has been on the other side for 30
 * s without a break. A load that really steps is followed at once.
 *
 * Thread: one at a time per object.
 */
#ifndef PDP_MONITOR_H
#define PDP_MONITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PDP_MONITOR_ENGINES_MAX 64   /**< engines of one VR */
#define PDP_MONITOR_WHY_SIZE	160  /**< bytes of a reason, with its NUL */
#define PDP_MONITOR_WHOLE	100u /**< power of one engine CPU, percent */

/** Where the number of engines comes from. */
enum pdp_policy {
	PDP_POLICY_FIXED,     /**< `max` engines, always */
	PDP_POLICY_THRESHOLD, /**< c engines for threshold_pps (c - 1) .. threshold_pps c */
	PDP_POLICY_DYNAMIC,   /**< rate / learnt capacity / target utilization */
};

const char *pdp_policy_name(enum pdp_policy policy);

/** Of the node. */
struct pdp_monitor_params {
	uint32_t tau_ms;	 /**< time constant of rates and queue lengths; 0: no memory */
	uint32_t dwell_ms;	 /**< engines are taken away when fewer would have done for so
				      long without a break; more come at once */
	uint32_t hysteresis_pct; /**< of one engine; see above */
};

/** Of one VR. */
struct pdp_monitor_policy {
	enum pdp_policy policy;
	uint16_t min;		/**< engines at least; 0 .. max */
	uint16_t max;		/**< engines at most; 0 .. PDP_MONITOR_ENGINES_MAX */
	uint32_t threshold_pps; /**< THRESHOLD: > 0 */
	uint32_t target_pct;	/**< DYNAMIC: how busy engines should be, 1..100 */
};

/** Counters of one engine; all cumulative but for the queue. */
struct pdp_monitor_engine {
	uint32_t generation; /**< another one: another process, counters begin anew */
	uint32_t queue;	     /**< packets that it has now */
	uint64_t served;     /**< packets it took */
	uint64_t busy_ns;    /**< wall time in which it had packets to serve */
};

struct pdp_monitor_sample {
	uint64_t now_ns;  /**< any monotonic clock */
	uint64_t arrived; /**< packets for the VR, cumulative */
	unsigned int n_engines;
	const struct pdp_monitor_engine *engines; /**< by index; borrowed; NULL with n_engines 0 */
};

enum pdp_monitor_why {
	PDP_MONITOR_STAY,   /**< the number is right */
	PDP_MONITOR_GROW,   /**< more load than the engines are for */
	PDP_MONITOR_SHRINK, /**< fewer will do */
	PDP_MONITOR_LIMITS, /**< the configuration's min and max ask for another number */
	PDP_MONITOR_HELD,   /**< another number would fit, and hysteresis or dwell forbid it */
};

const char *pdp_monitor_why_name(enum pdp_monitor_why why);

struct pdp_monitor_decision {
	enum pdp_monitor_why why;
	uint16_t from;	    /**< engines so far */
	uint16_t to;	    /**< engines from now on */
	uint32_t power_pct; /**< wanted power of all of them, percent of one engine CPU; moves by
				10 or more, or with the number */
	uint32_t rate_pps;  /**< what it was decided by */
	char text[PDP_MONITOR_WHY_SIZE]; /**< "357.0 kpps: more than 5 engines x 60.0 kpps" */
};

/** What is known of one VR. */
struct pdp_monitor_view {
	double rate_pps;     /**< EWMA of arrivals */
	double capacity_pps; /**< packets per busy second of one engine, mean; 0: not learnt yet */
	uint16_t n_engines;  /**< decided */
	uint32_t power_pct;  /**< wanted */
	struct {
		double capacity_pps; /**< 0: not learnt yet */
		double queue;	     /**< EWMA of its queue length */
		double busy;	     /**< EWMA of the part of time in which it was busy, 0..1 */
	} engines[PDP_MONITOR_ENGINES_MAX];
};

struct pdp_monitor;

/** @param n_vrs all FIXED with 0 engines at first @return NULL: out of memory. Owner: caller */
struct pdp_monitor *pdp_monitor_create(const struct pdp_monitor_params *params, unsigned int n_vrs);

/** NULL: nothing. */
void pdp_monitor_destroy(struct pdp_monitor *monitor);

/** Rates and capacities that are known stay; the number of engines follows with the next sample. */
void pdp_monitor_set_policy(struct pdp_monitor *monitor, unsigned int vr,
			    const struct pdp_monitor_policy *policy);

/** The number that a VR really has, where that is not what was decided last. */
void pdp_monitor_set_engines(struct pdp_monitor *monitor, unsigned int vr, unsigned int n);

/**
 * Take in one VR's counters and decide. The first sample of a VR only says where counters begin.
 * @param decision out; `to` is taken for what the VR has from now on, see pdp_monitor_set_engines()
 * @return whether there is something to do: `to` differs from `from`, or the power is another
 */
bool pdp_monitor_sample(struct pdp_monitor *monitor, unsigned int vr,
			const struct pdp_monitor_sample *sample,
			struct pdp_monitor_decision *decision);

/** What is known of a VR. @param view out */
void pdp_monitor_view(const struct pdp_monitor *monitor, unsigned int vr,
		      struct pdp_monitor_view *view);

#endif /* PDP_MONITOR_H */
