/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of this room share. Control thread only.
 */
#ifndef ENGINE_PRIV_H
#define ENGINE_PRIV_H

#include <sys/types.h>

#include <rte_memzone.h>

#include "box.h"
#include "notes.h"
#include "hang.h"
#include "pdp_engine.h"
#include "pdp_engine_proto.h"
#include "sealed.h"
#include "shares.h"

#define CPUS_MAX       1024
#define BACKOFF_MIN_MS 10
#define BACKOFF_MAX_MS 5000
#define WEIGHT_DEFAULT 100
#define NO_CPU	       UINT32_MAX
#define NO_LCORE       UINT32_MAX

struct engine {
	struct pdp_engines *all;
	unsigned int vr;
	unsigned int index;
	enum pdp_engine_state state;
	bool by_hand;
	bool busy_poll;
	bool holds;		    /* its plugin says PDP_VR_HOLDS */
	bool failed;		    /* said FAILED, or could not be started */
	bool on_cpu;		    /* counted in cpu_engines */
	bool let_in;		    /* RUNNING, but not yet told to all MD lcores */
	bool moved;		    /* cpu or pct are not yet applied to all of the process */
	bool unpinned;		    /* its CPU went offline: it runs where the kernel likes */
	struct engine *next_change; /* place.c: poll modes */
	uint32_t lcore;
	uint32_t cpu;
	uint32_t old_cpu; /* where its other threads are, if it moved; NO_CPU: anywhere */
	uint32_t pct;
	uint32_t weight;	   /* among the VR's engines */
	struct shares_group group; /* its CPU share */
	uint32_t generation;
	uint32_t deaths;
	unsigned int backoff_ms;
	unsigned int n_lost;   /* packets swept so far */
	uint64_t ready_tsc;    /* when it had joined */
	uint64_t decided_tsc;  /* of its last change; 0: nobody counts */
	uint64_t deadline_tsc; /* STOPPING: it is stopped with what it has */
	uint64_t outage_tsc;   /* it was let in for one that had failed then; 0: it was not */
	bool heir;	       /* the MD lcores may let it in by themselves */
	char fault[192];       /* why the node killed it; "": it did not */
	bool lied;	       /* that was why */
	bool by_passed;	       /* DEBUG: others have its traffic */
	bool returned;	       /* from DEBUG: first to get packets */
	int end_code;	       /* of its process, as waitid() says */
	int end_status;
	struct hang hang;
	uint32_t was_progress; /* DEBUG: when that began */
	uint64_t back_ns;      /* DEBUG: when it was seen to run on; 0: not yet */
	pid_t pid;
	off_t note; /* where its process is written down */
	int pidfd;
	int sock;
	struct pdp_watch *pid_watch;
	struct pdp_watch *sock_watch;
	struct pdp_timer *timer;      /* deadline, back-off or drain */
	struct pdp_timer *gone_timer; /* its process is gone; nothing else may forget this one */
	struct pdp_timer *first_timer;
	unsigned int first_looks; /* for its first packets */
	const struct rte_memzone *zone;
	struct box box;			  /* sealed: around its process */
	struct sealed_memory region_mem;  /* sealed: instead of the zone */
	struct sealed_memory packets_mem; /* sealed: its packet slots */
	struct pdp_region *region; /* for who makes and frees it: a sealed engine can write it */
	struct pdp_status *status; /* NULL: no region */
	struct pdp_ctl ctl;
	struct pdp_chan *chans[PDP_MD_MAX];
	char last_death[PDP_DEATH_SIZE];
	char error[512]; /* what it said with FAILED */
};

/* Whether the locks of EAL's shared memory can be had. */
enum locks {
	LOCKS_FREE,
	LOCKS_DOUBTFUL, /* an engine died while it attached, none has attached since */
	LOCKS_LOST,
};

#define STOCK_MAX PDP_ENGINES_MAX

/* The engines of one VR. */
struct pool {
	struct pdp_engines *all;
	struct pdp_engines_plan plan;
	uint64_t decided_tsc;  /* of the plan, or of the last death; 0: nobody counts */
	uint64_t outage_tsc;   /* since when an engine is missing that failed; 0: none is */
	unsigned int top;      /* indexes from here on were never used */
	unsigned int n_faults; /* deaths by their own fault in a row */
	uint64_t fault_tsc;    /* the last one */
	bool quarantined;
	unsigned int n_zones; /* ever reserved */
	unsigned int n_stock; /* of them nobody has */
	const struct rte_memzone *stock[STOCK_MAX];
	char reason[PDP_DEATH_SIZE + 64]; /* why */
	struct pdp_timer *again;	  /* an MD lcore did not take a change in time */
	struct pdp_timer *grace;	  /* then parked engines beyond the standby are stopped */
	struct pdp_times times[PDP_ENGINES_N_TIMES];
	uint64_t neighbours[PDP_VIF_MAX]; /* see struct pdp_engine_conf */
};

struct pdp_engines {
	struct pdp_engines_params p;
	int listen_fd;
	struct pdp_watch *listen_watch;
	char socket[108];
	int death_fd; /* the MD lcores tell of deaths */
	struct pdp_watch *death_watch;
	struct pdp_timer *watch_timer; /* of the watchdog */
	bool stopping;
	bool booting; /* pdp_engines_start() waits for them: nobody gets packets */
	enum locks locks;
	unsigned int n_starting; /* spawned, not yet ready */
	unsigned int n_joined;	 /* ever */
	struct engine *by_vr[PDP_VRS_MAX][PDP_ENGINES_MAX];
	struct pool *pools; /* by VR */
	unsigned int next_refill;
	bool lcore_used[RTE_MAX_LCORE];
	unsigned int cpu_engines[CPUS_MAX]; /* that run, start or drain */
	bool cpu_offline[CPUS_MAX];
	unsigned int n_cpus_used; /* with one or more of them */
	struct notes notes;	  /* for who comes after us */
	struct shares *shares;	  /* NULL: there are none */
	struct limits *limits;	  /* of sealed engines; NULL: none */
	char no_shares[1024];	  /* why, until it is said */
	struct shares_group md_group;
};

/* place.c: lcore ids and CPUs */
int place_take(struct pdp_engines *all, unsigned int vr, int wanted_cpu, uint32_t *lcore,
	       uint32_t *cpu);
void place_give(struct pdp_engines *all, uint32_t lcore);
bool place_known(const struct pdp_engines *all, int cpu);
uint16_t place_best(const struct pdp_engines *all, unsigned int vr);
/* @param wanted PDP_ENGINES_ANY_CPU, or where it should be, if that is online */
uint32_t place_for(const struct engine *e, uint16_t wanted);
void place_enter(struct engine *e, uint32_t cpu, uint32_t pct);
void place_apply(struct engine *e);
void place_leave(struct engine *e);
void place_poll_modes(struct pdp_engines *all);

/* plan.c: which engine gets which place; pure */
struct plan_engine {
	unsigned int index;
	bool settled; /* it runs: moving it costs caches */
	uint16_t cpu;
	uint16_t pct;
};
void plan_match(const struct pdp_engines_plan *plan, const struct plan_engine *engines,
		unsigned int n, uint8_t *places);

/* mds.c: calls on all MD lcores; 0 or -ETIMEDOUT: one of them has not got its CPU, try again */
int mds_add(struct engine *e);
int mds_apply(struct pdp_engines *all, unsigned int vr);
int mds_drain(struct engine *e, unsigned int *n_out);
int mds_remove(struct engine *e, unsigned int *n_lost);
/* @param late  it may run on */
int mds_write_off(struct engine *e, bool late);
/* It was written off as late, and has run on. */
int mds_take_back(struct engine *e);
/* @param changes  a list by next_change; their channels go by busy_poll */
int mds_may_sleep(struct pdp_engines *all, struct engine *changes);

/* weigh.c: CPU shares */
int weigh_open(struct pdp_engines *all, char *err, size_t err_size);
void weigh_close(struct pdp_engines *all);
/* Its group with its weight, and it in it; may be called whenever something of it changed. */
void weigh_apply(struct engine *e);
/* Its process is another one now. */
void weigh_again(struct engine *e);
void weigh_leave(struct engine *e);

/* spawn.c: region, process */
int region_make(struct engine *e, char *err, size_t err_size);
/* Memory for all engines that are configured, before the first one starts. */
int regions_reserve(struct pdp_engines *all, char *err, size_t err_size);
/* More are wanted while the node runs: for n in all, if that can be now. */
void regions_more(struct pdp_engines *all, unsigned int vr, unsigned int n);
void region_free(struct engine *e);
int spawn(struct engine *e, char *err, size_t err_size);
void reap(struct engine *e, char *how, size_t size);
/* What both kinds of region begin with. @param mem of pdp_region_size() @return 0, -ENOMEM */
int region_open(struct engine *e, void *mem, const struct pdp_region_params *rp, const void *base);

/* spawn_sealed.c: the same of a sealed engine */
bool engine_sealed(const struct engine *e);
int sealed_region_make(struct engine *e, const struct pdp_region_params *rp, char *err,
		       size_t err_size);
int sealed_spawn(struct engine *e, char *err, size_t err_size);
/* It has mapped its memory. */
void sealed_mapped(struct engine *e);

/* stock.c: memory for regions */
bool engine_attaching(const struct engine *e);
/* Whether another secondary may start now. @return 0, -ENOLCK (never again), -EAGAIN; a sentence */
int locks_may_start(const struct pdp_engines *all, unsigned int vr, char *err, size_t err_size);
/* It died; is ready; has had all the time it gets. @return it does not come out of EAL */
void locks_died(struct engine *e);
void locks_attached(struct engine *e);
bool locks_stuck(struct engine *e);
/* Nobody can hold the heap's lock. */
bool stock_may_grow(const struct pdp_engines *all);
/* Reserve memory for n engines of a VR in all. @return 0, -ENOMEM */
int stock_fill(struct pdp_engines *all, unsigned int vr, unsigned int n, size_t size);
/* @return NULL with errno ENOMEM, EAGAIN, and a sentence */
const struct rte_memzone *stock_take(struct engine *e, size_t size, char *err, size_t err_size);
void stock_give(struct engine *e, const struct rte_memzone *zone);
void stock_free(struct pdp_engines *all);

/* join.c: socket and handshake */
int join_listen(struct pdp_engines *all, char *err, size_t err_size);
void join_close(struct pdp_engines *all);
void engine_command(struct engine *e, enum pdp_engine_cmd_kind kind);
/* The primary's end of a sealed engine's socket: it is about to be spawned. @return 0, -errno */
int join_expect(struct engine *e, int sock);
void join_forget(struct engine *e);

/* life.c: an engine's birth and death */
struct engine *engine_make(struct pdp_engines *all, unsigned int vr, unsigned int index);
void engine_start(struct engine *e);
int engine_watch_pid(struct engine *e);
void engine_joined(struct engine *e);
void engine_ready(struct engine *e, uint32_t flags);
void engine_failed(struct engine *e, const char *why);
void engine_gone(struct engine *e);
void engine_kill(struct engine *e);
void engine_forget_timer(struct engine *e);
bool engine_had_joined(const struct engine *e);

/* death.c: engines whose loop has ended, before their process is gone */
int deaths_open(struct pdp_engines *all);
void deaths_close(struct pdp_engines *all);
/* Take note of those that died. @return how many had packets to serve */
unsigned int deaths_look(struct pdp_engines *all, unsigned int vr);
/* Out of the way at once, and killed if its process is not gone a moment later. */
void engine_dies(struct engine *e, uint64_t since_tsc);
/* Which parked engine is next, for the MD lcores. @return its index, -1: none */
int heir_choose(struct pdp_engines *all, unsigned int vr);

/* watch.c: the watchdog */
void watch_begin(struct pdp_engines *all);
/* Whether its process lives and has not begun to end. */
bool watch_runs(const struct engine *e);
void watch_end(struct pdp_engines *all);

/* fault.c: deaths that are a VR's own fault */
bool fault_own(const struct engine *e);
void fault_count(struct engine *e);

/* crash.c: what it left of its end, in words; nothing if it left nothing */
void crash_tell(const struct pdp_status *status, char *out, size_t size);
void crash_backtrace(const struct pdp_status *status, char *out, size_t size);

/* resize.c: who gets packets */
/* Those that are ready take the places of the plan. */
void resize_replace(struct pdp_engines *all, unsigned int vr);
/* The same, then look after the pool. */
void resize_settle(struct pdp_engines *all, unsigned int vr);
void resize_drain(struct engine *e);

/* pool.c: how many there are */
void pool_refill(struct pdp_engines *all);
void pool_trim(struct pdp_engines *all, unsigned int vr);
bool pool_ready(const struct pdp_engines *all);
void pool_forget(struct pdp_engines *all);

/* stop.c */
void engine_stop(struct engine *e);
void engine_leave(struct engine *e);

/* times.c: how long it took */
void times_let_in(struct engine *e, uint64_t now);
/* @return microseconds */
uint64_t times_add(const struct engine *e, enum pdp_engines_time which, uint64_t from_tsc,
		   uint64_t to_tsc);
void times_parked(struct engine *e);
void times_forget(struct engine *e);

#define ENGINE_FMT    "%s/%u"
#define ENGINE_ARG(e) (e)->all->p.vrs[(e)->vr].name, (e)->index

#endif /* ENGINE_PRIV_H */
