/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of this room share.
 */
#ifndef MONITOR_PRIV_H
#define MONITOR_PRIV_H

#include "pdp_monitor.h"

#define NS_PER_S 1e9

/* What was learnt of one engine. */
struct learnt {
	bool begun; /* the counters below are of an earlier sample */
	uint32_t generation;
	uint64_t at_ns;
	uint64_t served;
	uint64_t busy_ns;
	double packets; /* served in busy_s; both forget alike */
	double busy_s;
	double queue; /* EWMA */
	double busy;  /* EWMA, 0..1 */
};

/* A boundary between two numbers of engines that was crossed, and not left behind since. */
struct crossing {
	bool held;	   /* crossing it back takes more than a touch */
	bool grew;	   /* it was crossed upward */
	uint16_t below;	   /* engines below the boundary */
	uint64_t since_ns; /* the load is on the other side again, without a break; 0: it is not */
};

struct vr {
	struct pdp_monitor_policy policy;
	uint64_t at_ns; /* of the last sample; 0: none yet */
	uint64_t arrived;
	bool has_rate;
	double rate_pps;
	uint16_t n; /* engines decided */
	uint32_t power_pct;
	uint64_t
		less_ns; /* fewer engines would do since then, without a break; 0: they would not */
	struct crossing crossing;
	struct learnt engines[PDP_MONITOR_ENGINES_MAX];
};

struct pdp_monitor {
	struct pdp_monitor_params params;
	unsigned int n_vrs;
	struct vr vrs[];
};

/* learn.c */

/** Weight of a new value after dt_s seconds. */
double ewma_weight(double dt_s, uint32_t tau_ms);

/** Take in an engine's counters. */
void learn(struct learnt *l, const struct pdp_monitor_engine *engine, uint64_t now_ns,
	   uint32_t tau_ms);

/** Packets per busy second; 0: not known yet. */
double learnt_capacity(const struct learnt *l);

/** Of all engines of a VR, by what each contributed; 0: not known yet. */
double mean_capacity(const struct vr *vr);

/* decide.c */

/** @return whether the number or the power changed */
bool decide(const struct pdp_monitor_params *params, struct vr *vr, uint64_t now_ns,
	    struct pdp_monitor_decision *d);

#endif /* MONITOR_PRIV_H */
