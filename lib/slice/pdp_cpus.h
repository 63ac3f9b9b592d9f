/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel tells of the machine's CPUs: which are online, which share a core or the last
 * level of cache, which NUMA node they belong to; and the order in which engines take them, nearest
 * to the MD first (LVRM section 3.4, PdP section 3.4.2). Reads sysfs, so it is not pure; what it
 * returns are plain arrays.
 *
 * Thread: any; nothing is kept. Owner: the caller, of everything.
 */
#ifndef PDP_CPUS_H
#define PDP_CPUS_H

#include <sched.h>
#include <stdint.h>

#define PDP_SYSFS    "/sys"
#define PDP_CPUS_MAX 1024 /**< CPU numbers are below this; what is beyond is not seen */

struct pdp_cpu {
	uint16_t id;
	uint16_t core; /**< lowest CPU of the same core */
	uint16_t l3;   /**< lowest CPU that shares the last level of cache (a core complex) */
	int16_t node;  /**< NUMA node; 0 where the kernel knows none */
};

/** CPUs that are online, by rising number. */
struct pdp_cpus {
	unsigned int n;
	struct pdp_cpu cpus[PDP_CPUS_MAX];
};

/** How near a CPU is to the nearest MD lcore, in the order in which engines take them. */
enum pdp_cpu_near {
	PDP_CPU_L3,	 /**< shares the last level of cache */
	PDP_CPU_NODE,	 /**< same NUMA node */
	PDP_CPU_OTHER,	 /**< another node; the nearer node first */
	PDP_CPU_SIBLING, /**< the other thread of an MD's core: its work slows the MD */
	PDP_CPU_SELF,	 /**< an MD lcore's own */
};

/** "l3", "node", "other", "sibling", "md" */
const char *pdp_cpu_near_name(enum pdp_cpu_near near);

/** What the order is relative to. */
struct pdp_cpus_from {
	const uint16_t *cpus; /**< CPUs of the MD lcores; unknown ones are skipped */
	unsigned int n;	      /**< 0: everything is as near */
	/** Distance between NUMA nodes, 10 to itself: libnuma's numa_distance(). NULL: other
	 * nodes are all as far */
	int (*node_distance)(int from, int to);
};

/**
 * Read the numbers of a list as the kernel writes it, "0-3,8".
 * @param set  out
 * @return 0; -EINVAL: not a list; -ERANGE: a number of PDP_CPUS_MAX or more (left out)
 */
int pdp_cpus_parse(const char *text, cpu_set_t *set);

/**
 * Read which CPUs are online.
 * @param sysfs  PDP_SYSFS; tests give a folder of theirs
 * @param set    out
 * @return 0, or -errno: ENOENT (no sysfs there), EINVAL, ERANGE as pdp_cpus_parse()
 */
int pdp_cpus_online(const char *sysfs, cpu_set_t *set);

/**
 * Read all online CPUs. What is missing for a CPU (containers hide parts, virtual machines have no
 * L3) is taken for its own core, cache and node 0.
 * @return 0, or -errno as pdp_cpus_online()
 */
int pdp_cpus_read(const char *sysfs, struct pdp_cpus *cpus);

/** @return the CPU of that number, or NULL: it is not online */
const struct pdp_cpu *pdp_cpus_find(const struct pdp_cpus *cpus, unsigned int id);

/**
 * Tell how near a CPU is.
 * @param distance  out, NULL allowed: between the NUMA nodes; 0 where it is not known
 */
enum pdp_cpu_near pdp_cpus_near(const struct pdp_cpus *cpus, const struct pdp_cpus_from *from,
				unsigned int id, int *distance);

/**
 * Bring CPUs into the order in which engines take them: nearest first; of equally near ones whole
 * cores before second threads of cores, then by number.
 * @param list  in and out: n numbers; those that are not online come last
 */
void pdp_cpus_order(const struct pdp_cpus *cpus, const struct pdp_cpus_from *from, uint16_t *list,
		    unsigned int n);

#endif /* PDP_CPUS_H */
