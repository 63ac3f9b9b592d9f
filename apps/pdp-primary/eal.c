/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Starts EAL with the user's arguments and what the node adds to them: all memory at once.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_memory.h>
#include <rte_pdump.h>

#include "node.h"

/* The first CPU that a lcore may run on. rte_lcore_to_cpu_id() is no answer: it tells the core of
 * the CPU whose number is the lcore's id. */
static uint16_t lcore_cpu(unsigned int lcore)
{
	rte_cpuset_t set = rte_lcore_cpuset(lcore);
	uint16_t cpu = 0;

	while (cpu < CPU_SETSIZE - 1 && !CPU_ISSET(cpu, &set))
		cpu++;
	return cpu;
}

/* All memory is reserved at the start. What asks for more, a driver or an engine against the rules,
 * gets it if every secondary can be asked. */
static int may_grow(int socket, size_t limit, size_t size)
{
	return pdp_engines_somebody_still() ? -1 : 0;
}

static void guard_heap(void)
{
	for (unsigned int i = 0; i < rte_socket_count() && !node.in_memory; i++) {
		const int socket = rte_socket_id_by_idx(i);
		struct rte_malloc_socket_stats st = {0};

		if (rte_malloc_get_socket_stats(socket, &st) == 0)
			rte_mem_alloc_validator_register("pdp", may_grow, socket,
							 st.heap_totalsz_bytes);
	}
}

int eal_init(void)
{
	static char memory[32];
	unsigned int lcore, need_mb;

	if (memory_check(&need_mb) != 0)
		return -1;
	if (!node.memory_given) {
		snprintf(memory, sizeof(memory), "%u", need_mb);
		node.eal_argv[node.eal_argc++] = (char *)(uintptr_t) "-m";
		node.eal_argv[node.eal_argc++] = memory;
	}
	leavings_at_exit();
	if (rte_eal_init(node.eal_argc, node.eal_argv) < 0) {
		complain("EAL did not start: %s (its lines above say more)",
			 rte_strerror(rte_errno));
		leavings_remove();
		return -1;
	}
	if (rte_eal_process_type() != RTE_PROC_PRIMARY) {
		complain("this is the primary process; leave --proc-type out");
		eal_fini();
		return -1;
	}
	snprintf(node.runtime_dir, sizeof(node.runtime_dir), "%s", rte_eal_get_runtime_dir());
	RTE_LCORE_FOREACH (lcore) {
		if (node.n_md == PDP_MD_MAX) {
			complain("%u lcores are given; the MD uses at most %d", rte_lcore_count(),
				 PDP_MD_MAX);
			eal_fini();
			return -1;
		}
		node.md_lcores[node.n_md] = lcore;
		node.md_cpus[node.n_md++] = lcore_cpu(lcore);
	}
	guard_heap();
	/* dpdk-dumpcap works on the ports; a node without it is a node all the same. */
	if (!node.in_memory && rte_pdump_init() != 0)
		complain("dpdk-dumpcap will not work: %s", rte_strerror(rte_errno));
	return 0;
}

void eal_fini(void)
{
	if (!node.locks_lost) {
		if (!node.in_memory)
			rte_pdump_uninit();
		rte_eal_cleanup();
	}
	leavings_remove();
}
