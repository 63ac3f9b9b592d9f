/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The node's configuration: JSON decoded and checked by one table of keys (config.c), the same for
 * the file and the control socket. An unknown key, a wrong type or an impossible value is an error
 * with the JSON path, the line and a sentence that says what would be right. What only a running
 * EAL knows (do the ports exist, their MACs, queues) is checked by pdp-primary afterwards with the
 * same error form.
 *
 * Thread: any, one at a time per object. Owner: the caller frees with pdp_config_destroy().
 */
#ifndef PDP_CONFIG_H
#define PDP_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include <pdp_classify.h>
#include <pdp_monitor.h>
#include <pdp_punt.h>
#include <pdp_vif.h>

#define PDP_NAME_SIZE	   16	/**< names of node, VR, vif: 1..15 of [a-z0-9_-], first a letter */
#define PDP_PORT_NAME_SIZE 64	/**< ethdev name */
#define PDP_NETNS_SIZE	   128	/**< name or path of a network namespace */
#define PDP_CPU_MAX	   1024 /**< CPU numbers are below this */
#define PDP_PORTS_MAX \
	32 /**< ports of a node: as many as DPDK is built for (RTE_MAX_ETHPORTS in Debian) */
#define PDP_VRS_MAX 1024 /**< VRs of a node */

enum pdp_poll { PDP_POLL_AUTO, PDP_POLL_BUSY, PDP_POLL_ADAPTIVE };
enum pdp_order { PDP_ORDER_NONE, PDP_ORDER_RESTORE };
enum pdp_isolation { PDP_ISOLATION_SECONDARY, PDP_ISOLATION_SEALED };
enum pdp_limits { PDP_LIMITS_CGROUP, PDP_LIMITS_PROCESS };

struct pdp_cpu_list {
	unsigned int n;
	uint16_t *cpus; /**< in the order given, no duplicates */
};

struct pdp_port_config {
	char name[PDP_PORT_NAME_SIZE]; /**< "name": ethdev name or PCI address */
	uint16_t mtu;		       /**< "mtu": default 1500; 68..9600 */
	uint16_t rx_queues; /**< "rx_queues": 0 (default): one per MD lcore, as far as the port has
			       them */
	uint16_t descriptors; /**< "descriptors": per queue, default 1024 */
	bool promiscuous;     /**< "promiscuous": default true */
	int line;	      /**< for later errors; the path is "ports[i]" */
};

/** "rate_limit": what may be received; no rate: everything. */
struct pdp_limit_config {
	uint32_t pps;	/**< "pps": packets a second */
	uint32_t kbps;	/**< "kbps": or 1000 bits a second, of frames as they come, without FCS */
	uint32_t burst; /**< "burst": packets or bytes at once; default 10 ms of the rate, at least
			   64 packets or 16 longest frames */
};

/** "punt": what a VR may punt of one class, over all MD lcores. */
struct pdp_punt_config {
	uint32_t pps;	/**< packets a second */
	uint32_t burst; /**< at once */
};

struct pdp_vif_config {
	struct pdp_vif_conf
		conf; /**< .port = index into ports of the node here; MACs zero where not given */
	bool has_mac;
	struct pdp_prefix *prefixes; /**< "source": ["10.0.0.0/8", ...]; carrier raw only */
	unsigned int n_prefixes;
	struct pdp_limit_config limit;	   /**< "rate_limit" */
	bool allow;			   /**< "allow_src" is there; carrier raw only */
	struct pdp_prefix *allow_prefixes; /**< "allow_src.prefixes": NULL: any address */
	unsigned int n_allow_prefixes;
	uint8_t allow_mac[6]; /**< "allow_src.mac": zero: any */
	char path[64];	      /**< JSON path for later errors, e.g. "vrs[1].vifs[0]" */
	int line;
};

struct pdp_vr_config {
	char name[PDP_NAME_SIZE];
	bool kernel; /**< "plugin": "kernel": no engines, its namespace's kernel is the router */
	char plugin[256];     /**< resolved path of the .so */
	char *args;	      /**< "args" as compact JSON text, default "{}" */
	uint16_t engines;     /**< "engines": 0..64, default 1; of "1..4" the 4 */
	uint16_t engines_min; /**< of "1..4" the 1; else as engines */
	uint16_t standby;     /**< "standby": kept parked besides; default 1 for a range, else 0 */
	uint16_t engines_total; /**< processes at most: as engines, but room for the standby */
	enum pdp_policy policy; /**< "policy": default fixed for a number, dynamic for a range */
	uint32_t threshold_pps; /**< "threshold_pps": default 60000 */
	uint32_t target_pct;	/**< "target_pct": 1..100, default 80 */
	uint32_t power; /**< "power": guaranteed, percent of one engine CPU; default 0: nothing */
	bool strict;	/**< "strict": a quota besides its slices */
	uint32_t watchdog_ms;	      /**< "watchdog_ms": 0 (never) to 60000, default 10 */
	uint32_t lies_max;	      /**< "lies_max": 0 (any number) or more, default 1000 */
	uint32_t deaths_max;	      /**< "deaths_max": 0 (any number) or more, default 5 */
	bool core_dumps;	      /**< "core_dumps": default false */
	bool exclusive;		      /**< "exclusive": its CPUs are nobody else's; default false */
	struct pdp_cpu_list cpus;     /**< "cpus": of cpus.engines; default: all */
	enum pdp_isolation isolation; /**< "isolation": secondary (default), sealed */
	uint32_t window;  /**< "window": leading bytes of a packet that sealed engines see; default
			     128; 0: "full" */
	char balance[16]; /**< "balance": name of a balancer, default "flow-jsq" */
	enum pdp_order order;	 /**< "order": none (default), restore */
	enum pdp_hash_mode hash; /**< "hash": inner (default), outer, symmetric */
	uint32_t *weights;	 /**< "weights": [1..1000, ...], one per engine; NULL: all equal */
	uint32_t n_weights;
	uint32_t slots;		       /**< "slots": 2..32768, default 1024 */
	uint32_t blank_slots;	       /**< "blank_slots": 0..1024, default 32 */
	enum pdp_poll poll;	       /**< "poll": auto (default), busy, adaptive */
	struct pdp_limit_config limit; /**< "rate_limit": of all vifs together */
	char netns[PDP_NETNS_SIZE]; /**< "netns": a name, a path, "pid:N"; "": no control plane */
	struct pdp_punt_config punt[PDP_PUNT_CLASSES]; /**< "punt" */
	struct pdp_vif_config *vifs;
	unsigned int n_vifs; /**< 1..PDP_VIF_MAX */
	char path[64];
	int line;
};

struct pdp_config {
	char node[PDP_NAME_SIZE];	 /**< "node": default "pdp" */
	char file[256];			 /**< where it came from */
	struct pdp_cpu_list engine_cpus; /**< "cpus.engines"; default: CPUs of the process that no
					    MD lcore is on */
	struct pdp_cpu_list
		control_cpus; /**< "cpus.control"; default: empty, pdp-primary chooses */
	bool share_md; /**< "cpus.share_md": engines may run on CPUs of MD lcores; default false */
	struct {
		uint32_t period_ms; /**< "monitor.period_ms": default 100 */
		bool dry_run;	    /**< "monitor.dry_run": decide, tell, do nothing */
		struct pdp_monitor_params params; /**< "monitor.tau_ms", ... */
	} monitor;
	struct {
		uint32_t uid_base; /**< "sandbox.uid_base": user of the first VR's sealed engines */
		uint32_t memory_mb;	/**< "sandbox.memory_mb": private memory of one */
		uint32_t pids;		/**< "sandbox.pids": threads of one */
		enum pdp_limits limits; /**< "sandbox.limits" */
	} sandbox;
	enum pdp_poll md_poll;	   /**< "md.poll": busy (default) or adaptive */
	uint32_t pool_packets;	   /**< "pool.packets": 0 (default): computed from ports, slots and
				      lcores */
	uint32_t pool_packet_size; /**< "pool.packet_size": data bytes of a packet buffer; 0: from
				      the largest MTU */
	bool mh_keep; /**< "mh.keep": namespaces and interfaces outlive the node; default true */
	struct pdp_port_config *ports;
	unsigned int n_ports;
	struct pdp_vr_config *vrs;
	unsigned int n_vrs; /**< 0..1024 */
};

/** What went wrong, ready to print: "node.json:12: vrs[0].vifs[1].vlan: 5000 is no VLAN id;
 * use 1..4094". */
struct pdp_config_error {
	char text[512];
};

/** Environment the checks need; tests give their own. */
struct pdp_config_env {
	/**
	 * Folders separated by ':' in which a plugin NAME is looked up, as pdp_vr_NAME.so and
	 * NAME/pdp_vr_NAME.so; a name with a slash is a path, from the configuration file's folder
	 * on. NULL: names are kept and not looked up (fuzzing).
	 */
	const char *plugin_path;
	bool (*balancer_known)(const char *name); /**< NULL: any */
	bool (*balancer_keeps_flows)(
		const char *name); /**< has no use of "order": "restore"; NULL: none does */
	const char *balancers;	   /**< "rr, random, ..." for the message */
	const uint16_t *md_cpus;   /**< CPUs of the MD lcores: may not be engine CPUs unless
				      "cpus.share_md" is true */
	unsigned int n_md_cpus;
	const uint16_t *process_cpus; /**< CPUs the process may use, nearest to the MD first, for
					 the default of "cpus.engines"; NULL: all */
	unsigned int n_process_cpus;
	unsigned int
		n_cpus; /**< CPUs of the machine: 0 .. n_cpus - 1; a number beyond is refused */
};

/**
 * Decode and check a configuration file.
 * @return the configuration, or NULL with err filled (nothing else happened)
 */
struct pdp_config *pdp_config_load(const char *file, const struct pdp_config_env *env,
				   struct pdp_config_error *err);

/** The same from text. @param name stands for the file in messages */
struct pdp_config *pdp_config_parse(const char *text, size_t size, const char *name,
				    const struct pdp_config_env *env, struct pdp_config_error *err);

/**
 * Change keys of one VR of a running node, as its section of the file would have them; what is not
 * named stays. Policy and standby follow another number of engines where they are not named, and
 * weights go with their balancer.
 * @param changes  an object of keys; those that cannot change now are refused
 * @param err      out: the path and a sentence, on failure
 * @return a copy of the VR with the changes, or NULL. Owner: caller, who hands it to
 * pdp_config_vr_adopt() or pdp_config_vr_discard()
 */
struct pdp_vr_config *pdp_config_vr_change(struct pdp_config *config, unsigned int vr,
					   json_t *changes, const struct pdp_config_env *env,
					   struct pdp_config_error *err);

/** Make a change come true. Takes `changed`; pointers into the VR as it was are void. */
void pdp_config_vr_adopt(struct pdp_config *config, unsigned int vr, struct pdp_vr_config *changed);

/** NULL: nothing. */
void pdp_config_vr_discard(struct pdp_vr_config *changed);

/** NULL: nothing. */
void pdp_config_destroy(struct pdp_config *config);

/** Index of a port by name, or -1. */
int pdp_config_port(const struct pdp_config *config, const char *name);

#endif /* PDP_CONFIG_H */
