/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads the CPUs of the machine from sysfs and orders them by their distance from the MD. Whoever
 * calls it; no state.
 */
#include "pdp_cpus.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CACHES_MAX 16 /* index0, index1, ... of one CPU */
#define NODES_MAX  1024
#define NO_CPU	   UINT16_MAX

#define CPU_DIR "%s/devices/system/cpu/cpu%u/"

/* A small file, with a zero at its end. */
static int read_text(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, out, size - 1);
	if (n < 0)
		n = -errno;
	else
		out[n] = '\0';
	close(fd);
	return n < 0 ? (int)n : 0;
}

/* @return end of the number, or NULL */
static const char *number(const char *text, unsigned long *value)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return NULL;
	*value = strtoul(text, &end, 10);
	return end;
}

int pdp_cpus_parse(const char *text, cpu_set_t *set)
{
	int rc = 0;

	CPU_ZERO(set);
	while (*text != '\0' && *text != '\n') {
		unsigned long first, last;

		text = number(text, &first);
		last = first;
		if (text != NULL && *text == '-')
			text = number(text + 1, &last);
		if (text == NULL || last < first)
			return -EINVAL;
		if (last >= PDP_CPUS_MAX)
			rc = -ERANGE;
		for (; first <= last && first < PDP_CPUS_MAX; first++)
			CPU_SET(first, set);
		if (*text == ',')
			text++;
		else if (*text != '\0' && *text != '\n')
			return -EINVAL;
	}
	return rc;
}

int pdp_cpus_online(const char *sysfs, cpu_set_t *set)
{
	char path[512], text[4096];
	int rc;

	snprintf(path, sizeof(path), "%s/devices/system/cpu/online", sysfs);
	rc = read_text(path, text, sizeof(text));
	return rc != 0 ? rc : pdp_cpus_parse(text, set);
}

static uint16_t lowest(const char *path)
{
	char text[4096];
	cpu_set_t set;

	if (read_text(path, text, sizeof(text)) != 0)
		return NO_CPU;
	pdp_cpus_parse(text, &set);
	for (uint16_t cpu = 0; cpu < PDP_CPUS_MAX; cpu++) {
		if (CPU_ISSET(cpu, &set))
			return cpu;
	}
	return NO_CPU;
}

static uint16_t core_of(const char *sysfs, unsigned int id)
{
	char path[512];
	uint16_t cpu;

	snprintf(path, sizeof(path), CPU_DIR "topology/thread_siblings_list", sysfs, id);
	cpu = lowest(path);
	return cpu != NO_CPU ? cpu : (uint16_t)id;
}

/* The cache of the highest level. */
static uint16_t l3_of(const char *sysfs, unsigned int id)
{
	uint16_t l3 = NO_CPU;
	int highest = 0;

	for (unsigned int i = 0; i < CACHES_MAX; i++) {
		char path[512], text[32];
		uint16_t cpu;

		snprintf(path, sizeof(path), CPU_DIR "cache/index%u/level", sysfs, id, i);
		if (read_text(path, text, sizeof(text)) != 0)
			break;
		if (atoi(text) < highest)
			continue;
		snprintf(path, sizeof(path), CPU_DIR "cache/index%u/shared_cpu_list", sysfs, id, i);
		cpu = lowest(path);
		if (cpu == NO_CPU)
			continue;
		highest = atoi(text);
		l3 = cpu;
	}
	return l3 != NO_CPU ? l3 : core_of(sysfs, id);
}

static int node_max(const char *sysfs)
{
	char path[512], text[4096];
	cpu_set_t nodes;
	int max = 0;

	snprintf(path, sizeof(path), "%s/devices/system/node/online", sysfs);
	if (read_text(path, text, sizeof(text)) != 0)
		return 0;
	pdp_cpus_parse(text, &nodes);
	for (int i = 0; i < NODES_MAX; i++) {
		if (CPU_ISSET(i, &nodes))
			max = i;
	}
	return max;
}

static int16_t node_of(const char *sysfs, unsigned int id, int max)
{
	for (int node = 0; node <= max; node++) {
		char path[512];

		snprintf(path, sizeof(path), CPU_DIR "node%d", sysfs, id, node);
		if (access(path, F_OK) == 0)
			return (int16_t)node;
	}
	return 0;
}

int pdp_cpus_read(const char *sysfs, struct pdp_cpus *cpus)
{
	const int max = node_max(sysfs);
	cpu_set_t online;
	int rc = pdp_cpus_online(sysfs, &online);

	cpus->n = 0;
	if (rc != 0 && rc != -ERANGE)
		return rc;
	for (unsigned int id = 0; id < PDP_CPUS_MAX; id++) {
		if (!CPU_ISSET(id, &online))
			continue;
		cpus->cpus[cpus->n++] = (struct pdp_cpu){
			.id = (uint16_t)id,
			.core = core_of(sysfs, id),
			.l3 = l3_of(sysfs, id),
			.node = node_of(sysfs, id, max),
		};
	}
	return rc;
}

const struct pdp_cpu *pdp_cpus_find(const struct pdp_cpus *cpus, unsigned int id)
{
	for (unsigned int i = 0; i < cpus->n; i++) {
		if (cpus->cpus[i].id == id)
			return &cpus->cpus[i];
	}
	return NULL;
}

const char *pdp_cpu_near_name(enum pdp_cpu_near near)
{
	static const char *const names[] = {
		[PDP_CPU_L3] = "l3",	       [PDP_CPU_NODE] = "node", [PDP_CPU_OTHER] = "other",
		[PDP_CPU_SIBLING] = "sibling", [PDP_CPU_SELF] = "md",
	};

	return names[near];
}

static enum pdp_cpu_near near_one(const struct pdp_cpu *md, const struct pdp_cpu *cpu)
{
	return md->id == cpu->id       ? PDP_CPU_SELF
	       : md->core == cpu->core ? PDP_CPU_SIBLING
	       : md->l3 == cpu->l3     ? PDP_CPU_L3
	       : md->node == cpu->node ? PDP_CPU_NODE
				       : PDP_CPU_OTHER;
}

/* To share a core or a CPU with any MD weighs more than to be near another. */
static bool weightier(enum pdp_cpu_near near, enum pdp_cpu_near than)
{
	if (near >= PDP_CPU_SIBLING || than >= PDP_CPU_SIBLING)
		return near > than;
	return near < than;
}

enum pdp_cpu_near pdp_cpus_near(const struct pdp_cpus *cpus, const struct pdp_cpus_from *from,
				unsigned int id, int *distance)
{
	const struct pdp_cpu *cpu = pdp_cpus_find(cpus, id);
	enum pdp_cpu_near near = PDP_CPU_OTHER;
	int best = 0;

	for (unsigned int i = 0; cpu != NULL && i < from->n; i++) {
		const struct pdp_cpu *md = pdp_cpus_find(cpus, from->cpus[i]);
		enum pdp_cpu_near one = md != NULL ? near_one(md, cpu) : PDP_CPU_OTHER;
		int d = md != NULL && from->node_distance != NULL
				? from->node_distance(md->node, cpu->node)
				: 0;

		if (weightier(one, near))
			near = one;
		if (d > 0 && (best == 0 || d < best))
			best = d;
	}
	if (distance != NULL)
		*distance = best;
	return near;
}

/* What is sorted by, most important first: nearness 4 bits, distance 16, second thread 1, id 16. */
static uint64_t sort_key(const struct pdp_cpus *cpus, const struct pdp_cpus_from *from, uint16_t id)
{
	const struct pdp_cpu *cpu = pdp_cpus_find(cpus, id);
	uint64_t near, second;
	int distance;

	if (cpu == NULL)
		return UINT64_MAX << 16 | id;
	near = pdp_cpus_near(cpus, from, id, &distance);
	second = cpu->core != id;
	/* In one class the distance differs between nodes only. */
	return near << 33 | (uint64_t)(uint16_t)distance << 17 | second << 16 | id;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void pdp_cpus_order(const struct pdp_cpus *cpus, const struct pdp_cpus_from *from, uint16_t *list,
		    unsigned int n)
{
	uint64_t keys[PDP_CPUS_MAX];

	if (n > PDP_CPUS_MAX)
		n = PDP_CPUS_MAX;
	for (unsigned int i = 0; i < n; i++)
		keys[i] = sort_key(cpus, from, list[i]);
	qsort(keys, n, sizeof(keys[0]), by_value);
	for (unsigned int i = 0; i < n; i++)
		list[i] = (uint16_t)keys[i];
}
