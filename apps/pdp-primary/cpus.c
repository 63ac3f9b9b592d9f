/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The CPUs of the machine as the node sees them: in which order engines take them, who runs on
 * which
 * (`cpu list`), and those that go offline or come back while the node runs. Main thread before the
 * control thread runs, then the control thread.
 */
#include <errno.h>
#include <numa.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>

#include <pdp_log.h>

#include "load.h"

#define LOOK_US 1000000

static struct pdp_cpus machine;
static cpu_set_t online; /* as last seen */
static struct pdp_timer *look_timer;

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

/* This thread goes off the MD's CPUs: where the configuration says, or with the engines. */
static void choose_cpus(void)
{
	const struct pdp_cpu_list *cpus = node.config->control_cpus.n ? &node.config->control_cpus
								      : &node.config->engine_cpus;
	cpu_set_t set;

	CPU_ZERO(&set);
	for (unsigned int i = 0; i < cpus->n; i++) {
		if (CPU_ISSET(cpus->cpus[i], &online))
			CPU_SET(cpus->cpus[i], &set);
	}
	if (CPU_COUNT(&set) != 0)
		pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void pin_md(struct pdp_md *md, void *arg)
{
	pthread_setaffinity_np(pthread_self(), sizeof(cpu_set_t), arg);
}

/* The kernel moves threads off a CPU that goes, and not back. */
static void md_cpu(unsigned int i, bool came)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(node.md_cpus[i], &set);
	if (!came) {
		PDP_LOG(WARNING, "CPU %u is offline: MD lcore %u runs where the kernel puts it",
			node.md_cpus[i], node.md_lcores[i]);
		return;
	}
	pdp_md_call(node.mds[i], pin_md, &set);
	PDP_LOG(WARNING, "CPU %u is online again: MD lcore %u is back on it", node.md_cpus[i],
		node.md_lcores[i]);
}

static void engines_cpus(const cpu_set_t *was)
{
	const struct pdp_cpu_list *list = &node.config->engine_cpus;
	unsigned int n = pdp_engines_set_online(node.engines, &online), left = 0;

	for (unsigned int i = 0; i < list->n; i++)
		left += CPU_ISSET(list->cpus[i], &online) != 0;
	for (unsigned int i = 0; i < list->n; i++) {
		const uint16_t cpu = list->cpus[i];

		if (!CPU_ISSET(cpu, &online) == !CPU_ISSET(cpu, was))
			continue;
		if (CPU_ISSET(cpu, &online))
			PDP_LOG(WARNING, "CPU %u is online again, for engines", cpu);
		else if (left != 0)
			PDP_LOG(WARNING,
				"CPU %u is offline: its engines (%u) run on others of cpus.engines",
				cpu, n);
		else
			PDP_LOG(WARNING,
				"CPU %u is offline, the last of cpus.engines: engines run where "
				"the kernel puts them",
				cpu);
	}
}

static void look(void *arg)
{
	const cpu_set_t was = online;
	int rc = pdp_cpus_online(node.sysfs, &online);

	/* Where it cannot be read nothing changes. */
	if (rc != 0 && rc != -ERANGE)
		online = was;
	if (CPU_EQUAL(&was, &online))
		return;
	/* At once to where there is room, then as the slices say. */
	engines_cpus(&was);
	slices_set_online(&online);
	if (load.timer != NULL)
		slices_apply(rte_rdtsc());
	for (unsigned int i = 0; i < node.n_md; i++) {
		if (!CPU_ISSET(node.md_cpus[i], &online) != !CPU_ISSET(node.md_cpus[i], &was))
			md_cpu(i, CPU_ISSET(node.md_cpus[i], &online) != 0);
	}
	choose_cpus();
}

void cpus_watch(void)
{
	memset(&online, 0xff, sizeof(online));
	look(NULL);
	choose_cpus();
	look_timer = pdp_loop_timer(node.loop, LOOK_US, LOOK_US, look, NULL);
}

void cpus_unwatch(void)
{
	pdp_timer_remove(look_timer);
	look_timer = NULL;
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
