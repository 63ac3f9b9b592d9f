/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine runtime: what stands between a VR's plugin and the channels of its engine. One thread.
 * Nothing but main.c knows EAL; the loop lives on the mapped region alone.
 *
 * Both isolation levels are built from these files; RT_SEALED says which. A sealed engine sees
 * packets without carrier headers (the MD puts them on and off), perhaps only their first bytes,
 * and says how many of those were written to.
 */
#ifndef RUNTIME_H
#define RUNTIME_H

#include <stdbool.h>

#include <rte_branch_prediction.h>

#include <pdp_channel.h>
#include <pdp_engine_proto.h>
#include <pdp_fib.h>
#include <pdp_group.h>
#include <pdp_sealed.h>
#include <pdp_vif.h>
#include <pdp_vr.h>

#ifndef RT_SEALED
#define RT_SEALED 0
#endif

/* A packet as it was lent is kept until its answer, up to that many bytes: what differs was
 * written. Of longer ones all is taken for written. Of plugins that change headers only, the first
 * PDP_VR_HEAD bytes are enough. */
#define RT_SHOT_SIZE 256
static_assert(PDP_VR_HEAD % PDP_LINE == 0 && PDP_VR_HEAD <= RT_SHOT_SIZE, "kept in lines");

#if RT_SEALED
typedef struct pdp_sealed_return rt_return;
#else
typedef struct pdp_return rt_return;
#endif

/* Packets that were taken out of the ring. */
struct rt_burst {
	struct pdp_desc descs[PDP_BURST_MAX];
	uint32_t n;
	uint32_t at;	  /* the next one to serve */
	uint32_t entries; /* of the ring, that they were */
};

/* The engine's end of one channel. */
struct rt_channel {
	struct pdp_ring_consumer to;   /* from the MD */
	struct pdp_ring_producer from; /* to the MD */
	rt_return run;		       /* packets in a row to give back; len == 0: none */
	struct rt_burst bursts[2];     /* the one that is served, and the next one */
	unsigned int now;	       /* which is served */
	unsigned int n_blanks;	       /* in blanks */
	struct pdp_desc blanks[PDP_BLANKS_MAX];
};

/* The plugin's opaque handle, and all that the runtime knows. */
struct pdp_vr {
	struct pdp_region *region;
	struct pdp_status *status;
	const struct pdp_engine_conf *conf;
	char *base; /* descriptor offsets count from here */
	int sock;
	int fds[PDP_FD_N]; /* from the welcome, by kind; -1: none */
	uint64_t tsc_hz;

	void *handle; /* dlopen */
	const struct pdp_vr_ops *ops;
	void *state;
	struct pdp_vr_info info;
	struct pdp_vr_vif vr_vifs[PDP_VIF_MAX];
	struct pdp_vif vifs[PDP_VIF_MAX];
	/* By vif: longest packet that it carries as it is; 0: none, there is something to do, or no
	 * such vif. */
	uint16_t plain_max[UINT8_MAX + 1];
	bool wants_head;	  /* PDP_VR_WANTS_HEAD */
	uint32_t neighbours_seen; /* version of the outer neighbours in vifs */
	struct pdp_fib_reader fib;
	bool has_fib;
	unsigned int max_burst;
#if RT_SEALED
	unsigned int shot_size; /* bytes of a packet that are kept at most */
	alignas(PDP_LINE) uint8_t shots[PDP_BURST_MAX][RT_SHOT_SIZE];
#endif
	uint64_t n_given;   /* packets given back, not yet in the status page */
	uint64_t n_dropped; /* of those, with DROP */

	struct pdp_ctl_end ctl_to;   /* from the MD */
	struct pdp_ctl_end ctl_from; /* to the MD */
	struct rt_channel channels[PDP_MD_MAX];
	unsigned int next_blank; /* channel to take the next BLANK from */

	bool stop;
	bool leave_asked; /* SIGINT, SIGTERM: by hand */
	bool leave_told;
	bool alone; /* has its CPU for itself */
	uint32_t cmd_seen;
	uint32_t activation; /* whose first packets were answered */
	uint64_t now_tsc;
	uint64_t turn_tsc; /* when this turn of the loop began: busy from then on, if it is */
	uint64_t tick_tsc; /* between two ticks */
	uint64_t next_tick_tsc;
	uint64_t next_check_tsc; /* of the socket */
};

/* join.c: the socket
 * @param fds  out: descriptors that came with the welcome, by kind; -1: none */
int rt_connect(const char *runtime_dir, const char *vr, uint32_t engine, int cpu,
	       struct pdp_engine_welcome *welcome, int fds[PDP_FD_N], char *err, size_t err_size);
/* The same over a socket that is there. @return 0 or -1 */
int rt_greet(int sock, const char *vr, uint32_t engine, int cpu, struct pdp_engine_welcome *welcome,
	     int fds[PDP_FD_N], char *err, size_t err_size);
void rt_report(int sock, enum pdp_engine_report_kind kind, uint32_t flags, const char *text);
void rt_check_socket(struct pdp_vr *vr);

/* routes.c: the FIB of the VR's control plane */
/* Map it; before rt_load(), which tells the plugin. The descriptors are no longer needed then.
 * @return 0, or -errno with a sentence in err */
int rt_fib_attach(struct pdp_vr *vr, int fd, int qs_fd, char *err, size_t err_size);

/* Nothing of an earlier lookup is in use: between two bursts. */
static inline void rt_fib_quiescent(struct pdp_vr *vr)
{
	if (vr->has_fib)
		pdp_fib_quiescent(&vr->fib);
}

/* Before sleeping, and before the first lookup after that. */
static inline void rt_fib_offline(struct pdp_vr *vr)
{
	if (vr->has_fib)
		pdp_fib_offline(&vr->fib);
}

static inline void rt_fib_online(struct pdp_vr *vr)
{
	if (vr->has_fib)
		pdp_fib_online(&vr->fib);
}

/* Whether a packet is on the wire as the plugin sees it. */
static inline bool rt_is_plain(const struct pdp_vr *vr, uint8_t vif, uint16_t len)
{
	return (uint16_t)(len - 1) < vr->plain_max[vif];
}

/* plugin.c */
int rt_load(struct pdp_vr *vr, char *err, size_t err_size);
void rt_unload(struct pdp_vr *vr);

/* life.c: from here on the primary hears at once when the calling thread ends, which has to be the
 * loop's. Robust mutexes that this thread locks are no longer robust. */
void rt_life_begin(struct pdp_status *status);
/* Tell what is mapped now, so that a crash can be placed. */
void rt_life_modules(void);

/* services.c */
extern const struct pdp_vr_services rt_services;
/* @param written  sealed: leading bytes of the packet that may have been written */
void rt_give(struct pdp_vr *vr, const struct pdp_pkt *pkt, uint16_t written);

/* Give back the packets of the run. A run of one keeps its length in `moved`. */
static inline void rt_end_run(struct rt_channel *ch)
{
	rt_return *run = &ch->run;

	if (run->len == 0)
		return;
	if (run->len == 1) {
		run->len = (uint16_t)run->moved;
		run->verdict = PDP_FORWARD;
	}
	run->moved = 0;
	memcpy(pdp_ring_next(&ch->from, 1, sizeof(*run)), run, sizeof(*run));
	run->len = 0;
}

static inline bool rt_same_written(const rt_return *run, uint16_t written)
{
#if RT_SEALED
	return run->written == written;
#else
	return true;
#endif
}

/* A packet that leaves as it was lent: one more of the run, if it is the next one, leaves by the
 * same vif, and as much of it was written. */
static inline void rt_run_on(struct rt_channel *ch, const struct pdp_pkt *p, uint16_t written)
{
	rt_return *run = &ch->run;

	if (likely(run->len != 0 && p->slot == run->slot + run->len && p->vif == run->vif &&
		   run->len < PDP_BURST_MAX && rt_same_written(run, written))) {
		run->len++;
		return;
	}
	rt_end_run(ch);
	*run = (rt_return)
	{
		.slot = p->slot, .len = 1, .moved = (int16_t)p->lent, .vif = p->vif,
		.verdict = PDP_RETURN_RUN,
#if RT_SEALED
		.written = written,
#endif
	};
}

/* Show the MD what was given back. */
static inline void rt_flush(struct rt_channel *ch)
{
	uint32_t n;

	rt_end_run(ch);
	n = pdp_ring_pending(&ch->from);
	if (n == 0)
		return;
	pdp_ring_publish(&ch->from);
	pdp_ring_prefetch_write(&ch->from, 0, n, sizeof(rt_return));
}

/* loop.c */
void rt_init(struct pdp_vr *vr, struct pdp_region *region, int sock);
void rt_loop(struct pdp_vr *vr);

#endif /* RUNTIME_H */
