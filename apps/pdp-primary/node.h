/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The running node: what the modules of pdp-primary share. Filled in by the modules in the order of
 * main.c's list; the control thread owns it from then on. MD lcores see nothing of it.
 */
#ifndef NODE_H
#define NODE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <pdp_config.h>
#include <pdp_control.h>
#include <pdp_cpus.h>
#include <pdp_dispatch.h>
#include <pdp_engine.h>
#include <pdp_loop.h>

#define PORTS_MAX RTE_MAX_ETHPORTS

struct pidfh;

struct node_port {
	uint16_t id; /* ethdev port id */
	uint16_t n_rxq;
	uint16_t n_txq;
	uint8_t mac[6];
	uint32_t mtu;
	uint32_t rx_desc;
	uint32_t tx_desc;
	bool started;
};

/* A VR with what was resolved: ports by ethdev id, MACs. */
struct node_vr {
	struct pdp_vif_conf vifs[PDP_VIF_MAX];
	struct pdp_md_guard guards[PDP_VIF_MAX];
	unsigned int first_gid;
};

/* How long changes of a VR's engines took. */
struct node_time {
	uint64_t count;
	uint32_t last_us;
	uint32_t p50_us;
	uint32_t p99_us;
	uint32_t max_us;
};

/* What the load monitor knows of a VR. */
struct node_load {
	uint64_t rate_pps;
	uint64_t capacity_pps;
	uint32_t wanted; /* engines */
	uint32_t power_pct;
};

/* Counters of one VR over all MD lcores, and rates over the last second. */
struct node_vr_stats {
	struct pdp_vr_account account;
	uint64_t rx;
	uint64_t tx;
	uint64_t dropped;
	double rx_pps;
	double tx_pps;
	double drop_pps;
	struct pdp_engines_count engines;
	struct node_time times[PDP_ENGINES_N_TIMES];
	struct node_load load;
};

struct node {
	/* options.c */
	const char *config_file;
	const char *file_prefix;
	bool check_only;
	bool in_memory; /* --in-memory or --no-huge: no secondaries */
	bool memory_given;
	int eal_argc;
	char **eal_argv;
	char eal_vdevs[2048];	      /* names of --vdev, each followed by a comma */
	const char *vdevs[PORTS_MAX]; /* --vdev as given */
	unsigned int n_vdevs;

	const char *sysfs; /* PDP_SYSFS, but for tests */

	char program_dir[512];
	char plugin_path[1100];
	char engine_program[600];
	char sealed_program[620];
	char keeper_program[600];
	char sandbox_program[620]; /* what starts it */

	struct pidfh *pidfile;
	struct pdp_config *config;

	/* eal.c, pool.c, ports.c */
	char runtime_dir[160];
	unsigned int n_md;
	uint16_t md_cpus[RTE_MAX_LCORE];
	unsigned int md_lcores[RTE_MAX_LCORE];
	struct rte_mempool *pool;
	void *base; /* descriptor offsets count from here */
	uint32_t pool_size;
	int64_t pool_in_ports; /* mbufs that the ports' drivers keep when all is quiet */
	struct node_port *ports;

	/* dispatch.c */
	struct node_vr *vrs;
	struct pdp_classifier *cls;
	struct pdp_md *mds[PDP_MD_MAX];

	/* run.c */
	struct pdp_loop *loop;
	struct pdp_control *control;
	struct pdp_engines *engines;
	struct pdp_engines_vr *engine_vrs;
	pthread_t thread;
	bool stopping;
	bool mh_remove;	 /* asked to leave no namespace or interface behind */
	bool locks_lost; /* what is DPDK's is not freed any more, see pdp_engines_locks_lost() */
	int exit_code;
	uint64_t start_tsc;

	/* stats.c: snapshot for telemetry, and rates */
	pthread_mutex_t stats_lock; /* held for a copy only */
	struct node_vr_stats *stats;
	uint64_t stats_tsc;
};

extern struct node node;

/* One sentence on stderr, "pdp-primary: ...". @return -1 */
int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Modules: each 0 or -1 after complain(); fini copes with a module that was not begun. */
int options_init(int argc, char **argv);
int config_init(void);
void config_fini(void);
int config_again(void); /* with the MD lcores known */
struct pdp_vr_config *config_change(unsigned int vr, json_t *changes, struct pdp_config_error *err);
int pidfile_init(void);
void pidfile_fini(void);
int eal_init(void);
void eal_fini(void);
void leavings_remove(void);  /* leavings.c: what EAL leaves at its end */
void leavings_at_exit(void); /* before EAL starts: what its own exit handlers leave */
int leavings_take(void);     /* what a killed primary of this prefix left */
int pool_init(void);
void pool_fini(void);
int ports_init(void);
void ports_fini(void);
int dispatch_init(void);
void dispatch_fini(void);
bool dispatch_engines_here(void); /* on a CPU of an MD */
int mh_early_init(void);
void mh_early_fini(void);
int mh_init(void);
void mh_fini(void);
int mh_start(void); /* control thread: the MH thread, on the same CPUs */
/* Descriptors that the engines of a VR get. */
void mh_fds(unsigned int vr, struct pdp_engines_vr *engines);
void mh_engine_gone(unsigned int vr, unsigned int engine);
void mh_stop(void); /* the MD loops still run */
int stats_init(void);
void stats_fini(void);
int telemetry_init(void);
void telemetry_fini(void);
int monitor_init(void);
void monitor_fini(void);
int run_init(void);
void run_join(void);
void run_fini(void);

/* slices.c */
int slices_check(void); /* whether all VRs are admitted; without a trace */
int slices_show(void *arg, const json_t *args, json_t **result, char *err, size_t err_size);
json_t *slices_json(void);

/* set.c */
int set_vr(void *arg, const json_t *args, json_t **result, char *err, size_t err_size);

/* monitor.c: with the engines there, and before they go */
int monitor_start(void);
void monitor_stop(void);

/* monitor_show.c */
int monitor_log(void *arg, const json_t *args, json_t **result, char *err, size_t err_size);
json_t *monitor_json(void);
json_t *monitor_vr_json(unsigned int vr);
void monitor_snapshot(unsigned int vr, struct node_load *out);
void monitor_by_hand(unsigned int vr); /* its engines are somebody's business until `vr set` */

/* dispatch.c */
struct pdp_rate_limit dispatch_limit(const struct pdp_limit_config *limit);
struct pdp_rate_limit dispatch_punt_limit(const struct pdp_punt_config *limit);

/* memory.c */
uint32_t memory_packets(void);				 /* mbufs that the node needs */
uint32_t memory_backlog(const struct pdp_vr_config *vr); /* packets, for each of its ports */
uint32_t memory_packet_room(void);			 /* bytes of one, headroom included */
int memory_check(unsigned int *need_mb);

/* cpus.c */
unsigned int cpus_of_process(uint16_t *cpus); /* nearest to the MD first; CPU_SETSIZE at most */
void cpus_watch(void);			      /* control thread: notices CPUs that go and come */
void cpus_unwatch(void);
int cpus_show(void *arg, const json_t *args, json_t **result, char *err, size_t err_size);

/* show.c: the control socket's commands */
int show_register(void);
const char *show_mac(const uint8_t *mac, char out[18]);
/* The VR that args names. @return its number, or -ENOENT with a sentence */
int show_find_vr(const json_t *args, char *err, size_t err_size);

/* mh_show.c */
int mh_show_register(void);

/* resize.c */
void resize_summary(unsigned int vr, struct node_time *out); /* PDP_ENGINES_N_TIMES */
json_t *resize_table(unsigned int vr);
int resize_times(void *arg, const json_t *args, json_t **result, char *err, size_t err_size);
int resize_by_hand(void *arg, const json_t *args, json_t **result, char *err, size_t err_size);

/* stats.c */
void stats_account(unsigned int vr,
		   struct pdp_vr_account *sum); /* exact, by way of the MD lcores */
void stats_tick(void *arg);
json_t *stats_json(void);
json_t *stats_vr_json(unsigned int vr);
json_t *stats_drops_json(const struct pdp_vr_account *a);
bool stats_balanced(const struct pdp_vr_account *a, unsigned int n_vifs);
int64_t stats_pool_missing(void);

#endif /* NODE_H */
