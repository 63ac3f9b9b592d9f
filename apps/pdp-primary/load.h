/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the load monitor share: monitor.c (every period), slices.c (power and CPUs),
 * monitor_show.c (what is told). Control thread.
 */
#ifndef LOAD_H
#define LOAD_H

#include <pdp_monitor.h>
#include <pdp_slice.h>

#include "node.h"

#define LOAD_LOG 1024 /* decisions that are kept */

/* One decision. */
struct load_entry {
	double at_s; /* uptime */
	uint16_t vr;
	bool done; /* false: only told (dry_run, or the VR is in somebody's hands) */
	struct pdp_monitor_decision decision;
};

struct load_vr {
	bool by_hand;	/* `vr resize`: left alone until `vr set` */
	bool idle;	/* nothing came in the last period, and the rate is zero */
	bool told_held; /* noted since the number changed last */
	enum pdp_monitor_why why;
	uint64_t arrived;
	uint32_t told_pps[PDP_ENGINES_MAX]; /* what the balancer knows */
};

struct load {
	struct pdp_monitor *monitor;
	struct pdp_slice *slice;
	const char **names;
	struct load_vr *vrs;
	struct pdp_timer *timer;
	uint64_t last_tsc;
	uint64_t periods;
	uint32_t last_us; /* what the last period took */
	uint32_t max_us;
	uint64_t n_log; /* ever; the newest is log[(n_log - 1) % LOAD_LOG] */
	struct load_entry log[LOAD_LOG];
};

extern struct load load;

/* slices.c */

/* @return slices with all VRs of the configuration admitted, or NULL after complain() */
struct pdp_slice *slices_build(const char **names);
/* @return 0 or -errno, with a sentence that begins with the path */
int slices_set(struct pdp_slice *slice, unsigned int vr, const struct pdp_vr_config *c,
	       unsigned int n_engines, uint32_t power_pct, char *err, size_t err_size);
/* Tell them which CPUs are online. */
void slices_set_online(const cpu_set_t *online);
/* Give the engines what the slices say now. */
void slices_apply(uint64_t decided_tsc);

/* monitor.c */
uint64_t load_ns(uint64_t tsc);
struct pdp_monitor_policy load_policy(const struct pdp_vr_config *c);

#endif /* LOAD_H */
