/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of this room share. Control thread only.
 */
#ifndef ENGINE_PRIV_H
#define ENGINE_PRIV_H

#include <sys/types.h>

#include <rte_memzone.h>

#include "pdp_engine.h"
#include "pdp_engine_proto.h"

#define CPUS_MAX 1024

struct engine {
	struct pdp_engines *all;
	unsigned int vr;
	unsigned int index;
	enum pdp_engine_state state;
	bool wanted; /* by configuration: starts again after a death */
	bool by_hand;
	bool busy_poll;
	bool failed; /* said FAILED */
	uint32_t lcore;
	uint32_t cpu;
	uint32_t generation;
	uint32_t deaths;
	unsigned int backoff_ms;
	pid_t pid;
	int pidfd;
	int sock;
	struct pdp_watch *pid_watch;
	struct pdp_watch *sock_watch;
	struct pdp_timer *timer; /* deadline or back-off */
	const struct rte_memzone *zone;
	struct pdp_region *region;
	struct pdp_chan *chans[PDP_MD_MAX];
	char last_death[128];
	char error[512]; /* what it said with FAILED */
};

struct pdp_engines {
	struct pdp_engines_params p;
	int listen_fd;
	struct pdp_watch *listen_watch;
	char socket[108];
	bool stopping;
	bool locks_lost;	 /* see pdp_engines_locks_lost() */
	unsigned int n_starting; /* spawned, not yet running */
	struct engine *by_vr[PDP_VRS_MAX][PDP_ENGINES_MAX];
	bool lcore_used[RTE_MAX_LCORE];
	unsigned int cpu_engines[CPUS_MAX];
};

/* place.c: lcore ids and CPUs */
int place_take(struct pdp_engines *all, int wanted_cpu, uint32_t *lcore, uint32_t *cpu);
void place_give(struct pdp_engines *all, uint32_t lcore, uint32_t cpu);
void place_poll_modes(struct pdp_engines *all);

/* spawn.c: region, process */
int region_make(struct engine *e, char *err, size_t err_size);
void region_free(struct engine *e);
int spawn(struct engine *e, char *err, size_t err_size);
void reap(struct engine *e, char *how, size_t size);

/* join.c: socket and handshake */
int join_listen(struct pdp_engines *all, char *err, size_t err_size);
void join_close(struct pdp_engines *all);
void engine_command(struct engine *e, enum pdp_engine_cmd_kind kind);

/* life.c: states */
struct engine *engine_make(struct pdp_engines *all, unsigned int vr, unsigned int index);
int engine_start(struct engine *e, char *err, size_t err_size);
int engine_watch_pid(struct engine *e);
void engine_joined(struct engine *e);
void engine_failed(struct engine *e, const char *why);
void engine_drain(struct engine *e);
void engine_forget_timer(struct engine *e);

#define ENGINE_FMT    "%s/%u"
#define ENGINE_ARG(e) (e)->all->p.vrs[(e)->vr].name, (e)->index

#endif /* ENGINE_PRIV_H */
