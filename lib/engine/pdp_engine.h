/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Life of the engines, seen from the primary: spawn, handshake, hand over to the MD, watch, stop,
 * reap, start again; and how many of a VR get packets, out of a pool of parked ones that are ready.
 *
 * Thread: control (the loop's), all of it. Nothing here waits for an engine without a deadline.
 */
#ifndef PDP_ENGINE_H
#define PDP_ENGINE_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include <pdp_dispatch.h>
#include <pdp_loop.h>

struct pdp_engines;

enum pdp_engine_state {
	PDP_ENGINE_NONE,     /**< no process and none wanted */
	PDP_ENGINE_STARTING, /**< spawned, has not said hello */
	PDP_ENGINE_JOINING,  /**< attaching, plugin initialising */
	PDP_ENGINE_PARKED,   /**< ready and asleep, gets no packets */
	PDP_ENGINE_RUNNING,  /**< gets packets */
	PDP_ENGINE_DRAINING, /**< gets no more packets; parked when it has given all back */
	PDP_ENGINE_STOPPING, /**< drained or told to stop, process not gone yet */
	PDP_ENGINE_WAITING,  /**< died or did not start; another one starts after a pause */
	PDP_ENGINE_DYING,    /**< dead or killed, process not gone yet: its packets are kept */
	PDP_ENGINE_DEBUG,    /**< stands still under a debugger, or started by hand: by-passed */
};

const char *pdp_engine_state_name(enum pdp_engine_state state);

/** How an engine's loop waits. */
enum pdp_engine_poll {
	PDP_ENGINE_POLL_AUTO, /**< polls when alone on its CPU, else sleeps when its rings are empty
			       */
	PDP_ENGINE_POLL_BUSY,
	PDP_ENGINE_POLL_ADAPTIVE,
};

/** A descriptor that all engines of a VR get with their welcome. */
struct pdp_engines_fd {
	uint8_t kind; /**< enum pdp_engine_fd (pdp_engine_proto.h) */
	int fd;	      /**< borrowed */
};

#define PDP_ENGINES_FDS 4

/** What engines need to know of their VR; pointers are borrowed while the pdp_engines lives. */
struct pdp_engines_vr {
	const char *name;
	const char *plugin;	 /**< path */
	const char *args;	 /**< JSON text */
	unsigned int n_engines;	 /**< that get packets until pdp_engines_resize() says otherwise */
	unsigned int standby;	 /**< parked ones kept ready besides */
	unsigned int n_max;	 /**< with those on standby; a plan may want more */
	const uint32_t *weights; /**< n_engines, or NULL: all equal */
	uint32_t slots;
	uint32_t blanks;
	bool sealed;	 /**< its engines are pdp-engine-sealed, with memory of their own */
	uint32_t window; /**< sealed: leading bytes of a packet that they see; 0: all */
	enum pdp_engine_poll poll;
	const uint16_t *cpus; /**< that its engines may use; n_cpus == 0: all of the node's */
	unsigned int n_cpus;
	bool symmetric;
	bool restore;	      /**< packets leave in order: its plugin may not hold any */
	bool strict;	      /**< its engines get their slices and no more */
	uint32_t power;	      /**< guaranteed, percent of one CPU; 0: none */
	uint32_t watchdog_ms; /**< what an engine may stand still with packets; 0: for ever */
	uint32_t lies_max;    /**< protocol errors before an engine is killed; 0: any number */
	uint32_t deaths_max;  /**< by their own fault in a row before no more are started; 0: any */
	bool core_dumps;      /**< engines that crash leave a core */
	const struct pdp_vif_conf *vifs;
	unsigned int n_vifs;
	struct pdp_engines_fd fds[PDP_ENGINES_FDS];
	unsigned int n_fds;
};

/** What sealed engines are started in; with sealed VRs only. */
struct pdp_sandbox_params {
	const char *launcher;	/**< path of pdp-engine-sandbox */
	uint32_t uid_base;	/**< user of VR 0; VR i has the i-th from there on */
	unsigned int memory_mb; /**< private memory of one engine */
	unsigned int tasks;	/**< threads of one engine */
	bool groups;		/**< control groups hold them too; else only limits of processes */
};

struct pdp_engines_params {
	struct pdp_loop *loop;
	const char *node;
	const char *file_prefix;
	const char *runtime_dir; /**< where the engines' socket goes */
	const char *program;	 /**< path of pdp-engine */
	struct pdp_sandbox_params sandbox;
	const char *sealed_program; /**< path of pdp-engine-sealed */
	struct pdp_md **mds;
	unsigned int n_md;
	const uint16_t *md_cpus; /**< n_md */
	const struct pdp_engines_vr *vrs;
	unsigned int n_vrs;
	const uint16_t *cpus; /**< CPUs for engines, nearest first */
	unsigned int n_cpus;
	bool shares_md_cpu; /**< an engine CPU is an MD's too: no engine polls */
	const void *base;   /**< descriptor offsets count from here */
	/** Told when an engine's process is gone; NULL: nobody is. */
	void (*gone)(unsigned int vr, unsigned int engine);
};

/**
 * Open the engines' socket.
 * @param err  out, on failure: a sentence
 * @return NULL with errno: EADDRINUSE, EACCES, ENOMEM, ...
 */
struct pdp_engines *pdp_engines_create(const struct pdp_engines_params *params, char *err,
				       size_t err_size);

/**
 * Start every engine that the VRs want, and run the loop until all are RUNNING, and those on
 * standby PARKED. MD lcores run already.
 * @param err  out, on failure: which engine, why, and what to do
 * @return 0; -EPROTO, -ECHILD (an engine refused or left), -ETIMEDOUT; -EINTR: the loop was stopped
 */
int pdp_engines_start(struct pdp_engines *engines, char *err, size_t err_size);

#define PDP_ENGINES_ANY_CPU UINT16_MAX

/** Where one engine gets its power. */
struct pdp_engines_place {
	uint16_t cpu; /**< one of pdp_engines_params.cpus; PDP_ENGINES_ANY_CPU: where it is, a new
			 one on that of the VR's CPUs which has the fewest */
	uint16_t pct; /**< of that CPU, 1..100: its CPU share */
	uint16_t weight; /**< among the VR's engines, for the balancer, 1..1000; 0: pct */
};

/** The engines of a VR that get packets. */
struct pdp_engines_plan {
	unsigned int n;
	struct pdp_engines_place at[PDP_ENGINES_MAX];
};

/**
 * Change how many engines of a VR get packets, and where they run. Returns when that is told to the
 * MD lcores; no waiting for engines. More: draining ones are taken back, parked ones are let in;
 * what is still missing is started and let in when it is ready. Fewer: those with the highest
 * indexes are drained, then parked; parked ones beyond the standby are stopped after 10 s. Engines
 * keep their CPU where the plan has a place on it. Engines started by hand are not counted.
 * @param decided_tsc  TSC of the decision: times are counted from it
 * @return 0 (nothing to do included); -EINVAL: too many, a CPU that is none of the node's, a share
 * of 0; -ESHUTDOWN: the node is stopping
 */
int pdp_engines_resize(struct pdp_engines *engines, unsigned int vr,
		       const struct pdp_engines_plan *plan, uint64_t decided_tsc);

/**
 * Tell which CPUs are online. Engines on those that are not any more go to others of the node at
 * once, whatever their plan says, and back when theirs is online again. When none of the node's is
 * left they run where the kernel puts them.
 * @return engines that had packets to serve on a CPU that went offline
 */
unsigned int pdp_engines_set_online(struct pdp_engines *engines, const cpu_set_t *online);

/** What the engines of a VR do at the moment, those started by hand not counted. */
struct pdp_engines_count {
	unsigned int running;
	unsigned int draining;
	unsigned int parked;
	unsigned int starting; /**< or waiting for another try */
};

void pdp_engines_count(const struct pdp_engines *engines, unsigned int vr,
		       struct pdp_engines_count *count);

/** Times that changes took. */
enum pdp_engines_time {
	PDP_ENGINES_LET_IN,   /**< from decision until all MD lcores send to a parked engine */
	PDP_ENGINES_REACTION, /**< from decision until that engine has served its first packets; not
				 counted when none came within 1.4 s */
	PDP_ENGINES_COLD,     /**< as LET_IN, when none was parked and one had to be started */
	PDP_ENGINES_DRAIN,    /**< from decision until an engine is parked */
	PDP_ENGINES_DETECT,   /**< from a crash, or the last sign of life of one that hangs, until
				 the node knew */
	PDP_ENGINES_OUTAGE, /**< from there (killed: from when the node knew) until the engine that
			       takes the place had answered its first packets */
	PDP_ENGINES_N_TIMES,
};

const char *pdp_engines_time_name(enum pdp_engines_time which);

#define PDP_TIMES_KEPT 256

/** The last times of one kind, microseconds. */
struct pdp_times {
	uint64_t count; /**< ever; the newest is us[(count - 1) % PDP_TIMES_KEPT] */
	uint32_t last_us;
	uint32_t max_us;
	uint32_t us[PDP_TIMES_KEPT];
};

void pdp_times_add(struct pdp_times *times, uint64_t us);

/** @param pct 1..100 @return the percentile of those kept (nearest rank); 0: there are none */
uint32_t pdp_times_percentile(const struct pdp_times *times, unsigned int pct);

/** Borrowed: valid until the loop runs again. */
const struct pdp_times *pdp_engines_times(const struct pdp_engines *engines, unsigned int vr,
					  enum pdp_engines_time which);

/**
 * Stop all engines: drain, STOP, and after `deadline_ms` SIGKILL those started by the primary. Runs
 * the loop meanwhile. Afterwards no channel is left.
 */
void pdp_engines_stop(struct pdp_engines *engines, unsigned int deadline_ms);

/**
 * Whether an engine died while it attached. It may have held locks of EAL then that nobody will
 * ever release: the node goes on, but its end must free nothing of DPDK's (rte_eal_cleanup() spins
 * for ever).
 */
bool pdp_engines_locks_lost(const struct pdp_engines *engines);

/**
 * Whether an engine stands still, or may. EAL asks all secondaries before its heap grows, and waits
 * 5 s for each that does not answer. Thread: any.
 */
bool pdp_engines_somebody_still(void);

/**
 * Whether CPU shares can be had here, without a node: what `strict` takes.
 * @param why  out, on failure: a sentence
 * @return 0 or -errno
 */
int pdp_engines_check_shares(char *why, size_t why_size);

/** @return why no engines of a VR are started any more, or NULL. Borrowed until the loop runs */
const char *pdp_engines_quarantined(const struct pdp_engines *engines, unsigned int vr);

/** Start a VR's engines again, at once. @return whether it was quarantined */
bool pdp_engines_release(struct pdp_engines *engines, unsigned int vr);

/** NULL: nothing. After pdp_engines_stop(). */
void pdp_engines_destroy(struct pdp_engines *engines);

/** Tell the engines of a VR, those to come too, the outer neighbour of a vif with
 * PDP_VIF_NEIGHBOUR.
 * @param word  as pdp_vif_set_neighbour() takes it */
void pdp_engines_set_neighbour(struct pdp_engines *engines, unsigned int vr, unsigned int vif,
			       uint64_t word);

/** What the load monitor reads of an engine. */
struct pdp_engine_load {
	uint32_t generation; /**< another one: counters began anew; 0: there is no engine */
	uint32_t queue;	     /**< packets that it has */
	uint64_t served;     /**< packets it took */
	uint64_t busy_tsc;   /**< TSC cycles in which it had packets to serve */
};

/**
 * Read the counters of a VR's engines. Cheap: once a period for every VR that has traffic.
 * @param loads  out: PDP_ENGINES_MAX, by engine index
 * @return how many were filled in
 */
unsigned int pdp_engines_loads(const struct pdp_engines *engines, unsigned int vr,
			       struct pdp_engine_load *loads);

/**
 * Whether order may be restored in a VR as its engines are now.
 * @param err  out, on failure: a sentence
 * @return 0, or -EINVAL: its plugin holds packets
 */
int pdp_engines_may_restore(const struct pdp_engines *engines, unsigned int vr, char *err,
			    size_t err_size);

#define PDP_DEATH_SIZE 1024

/** What is told of one engine. */
struct pdp_engine_info {
	unsigned int vr;
	unsigned int index;
	enum pdp_engine_state state;
	int pid;	/**< 0: no process */
	uint32_t lcore; /**< UINT32_MAX: a sealed one, which has none */
	uint32_t cpu;
	uint32_t pct; /**< of the plan */
	bool by_hand;
	bool busy_poll;
	uint32_t generation; /**< starts so far */
	uint32_t deaths;     /**< unasked ends so far */
	uint64_t lies[PDP_LIE_N];
	uint64_t wakes;
	uint64_t out;			 /**< packets lent now */
	char last_death[PDP_DEATH_SIZE]; /**< "" or how the last one ended */
	const struct pdp_status *status; /**< NULL: no region; valid until the loop runs again */
};

/** Call fn for every engine that has been asked for or joined. */
void pdp_engines_each(struct pdp_engines *engines,
		      void (*fn)(const struct pdp_engine_info *info, void *arg), void *arg);

#endif /* PDP_ENGINE_H */
