/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The CPUs of the machine as the node sees them: in which order engines take them, and who runs on
 * which (`cpu list`). Main thread before the control thread runs, then the control thread.
 */
#include <numa.h>
#include <stdio.h>
#include <string.h>

#include "node.h"

static struct pdp_cpus machine;

static struct pdp_cpus_from from_mds(void)
{
	return (struct pdp_cpus_from){
		.cpus = node.md_cpus,
		.n = node.n_md,
		.node_distance = numa_available() < 0 ? NULL : numa_distance,
	};
}

unsigned int cpus_of_process(uint16_t *cpus)
{
	const struct pdp_cpus_from from = from_mds();
	static cpu_set_t mine;
	unsigned int n = 0;

	/* EAL pins the main thread: only what the first call sees is the process's. */
	if (CPU_COUNT(&mine) == 0)
		sched_getaffinity(0, sizeof(mine), &mine);
	for (uint16_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &mine))
			cpus[n++] = cpu;
	}
	/* Where sysfs cannot be read nothing is known: by number then. */
	pdp_cpus_read(node.sysfs, &machine);
	pdp_cpus_order(&machine, &from, cpus, n);
	return n;
}

struct use {
	char who[PDP_CPU_MAX][128];
};

static void add_user(struct use *use, unsigned int cpu, const char *format, const char *name,
		     unsigned int number)
{
	char *who = use->who[cpu];
	size_t used = strlen(who);

	used += (size_t)snprintf(who + used, sizeof(use->who[0]) - used, "%s", used ? ", " : "");
	if (used < sizeof(use->who[0]))
		snprintf(who + used, sizeof(use->who[0]) - used, format, name, number);
}

static void add_engine(const struct pdp_engine_info *info, void *arg)
{
	if (info->pid != 0)
		add_user(arg, info->cpu, "%s/%u", node.config->vrs[info->vr].name, info->index);
}

static json_t *row(unsigned int id, const char *who)
{
	const struct pdp_cpus_from from = from_mds();
	const struct pdp_cpu *cpu = pdp_cpus_find(&machine, id);
	enum pdp_cpu_near near;
	int distance;

	if (cpu == NULL)
		return json_pack("[i, b, n, n, n, n, n, s]", (int)id, 0, who);
	near = pdp_cpus_near(&machine, &from, id, &distance);
	return json_pack("[i, b, s, i, i, i, i, s]", (int)id, 1, pdp_cpu_near_name(near), cpu->core,
			 cpu->l3, cpu->node, distance, who);
}

int cpus_show(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	static struct use use;
	json_t *rows = json_array();

	memset(&use, 0, sizeof(use));
	for (unsigned int i = 0; i < node.n_md; i++)
		add_user(&use, node.md_cpus[i], "%s %u", "MD lcore", node.md_lcores[i]);
	pdp_engines_each(node.engines, add_engine, &use);
	pdp_cpus_read(node.sysfs, &machine);
	for (unsigned int cpu = 0; cpu < PDP_CPU_MAX; cpu++) {
		if (use.who[cpu][0] != '\0' || pdp_cpus_find(&machine, cpu) != NULL)
			json_array_append_new(rows, row(cpu, use.who[cpu]));
	}
	*result = json_pack("{s:[s,s,s,s,s,s,s,s], s:o}", "columns", "cpu", "online", "near",
			    "core", "l3", "numa", "distance", "used_by", "rows", rows);
	return 0;
}
