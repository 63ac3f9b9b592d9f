/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How much memory the node takes, computed before EAL starts: all of it is reserved then, because
 * growing later would ask every secondary and wait for one that is stopped.
 */
#include <assert.h>
#include <dirent.h>
#include <glob.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "node.h"

#define PACKETS_MIN   4096
#define PACKETS_MAX   131072 /* by default; "pool": {"packets": N} takes any */
#define LCORE_PACKETS 2048   /* caches and bursts of one MD lcore */
#define PORT_PACKETS  256    /* an MD lcore's transmit buffer */
#define BACKLOG_MIN   16
#define BASE_MB \
	12 /* EAL's own, and what 22.11 leaks when secondaries attach: 152 KB each, 30 times */
#define ATTACH_KB	160
#define PACKET_OVERHEAD (64 + 128 + 64) /* mempool header, mbuf, alignment */

/* No more than its engines can send at once. */
uint32_t memory_backlog(const struct pdp_vr_config *vr)
{
	const uint32_t slots = vr->engines * vr->slots;

	return RTE_MAX((uint32_t)BACKLOG_MIN, RTE_MIN(slots, (uint32_t)PDP_BACKLOG_MAX));
}

static unsigned int ports_of(const struct pdp_vr_config *vr)
{
	uint64_t seen = 0;

	static_assert(PDP_PORTS_MAX <= 64, "a bit each");
	for (unsigned int i = 0; i < vr->n_vifs; i++)
		seen |= UINT64_C(1) << vr->vifs[i].conf.port;
	return (unsigned int)__builtin_popcountll(seen);
}

/* What a VR can hold at most: slots of its engines, BLANKs of parked ones too, its backlog at each
 * port, and packets that wait for tickets; besides held_packets(). So none that is flooded takes
 * what another needs, unless the sum is beyond PACKETS_MAX. */
static uint64_t vr_packets(const struct pdp_vr_config *vr)
{
	return (uint64_t)vr->engines * vr->slots + (uint64_t)vr->engines_total * vr->blank_slots +
	       (vr->engines ? ports_of(vr) * memory_backlog(vr) : 0) +
	       (vr->order == PDP_ORDER_RESTORE ? (uint64_t)vr->engines_total * vr->slots : 0);
}

/* What may wait on an MD lcore until buckets of flow-jsq, which a VR may be set to, can move. */
static uint64_t held_packets(void)
{
	const struct pdp_config *c = node.config;
	uint64_t n = 0;

	for (unsigned int i = 0; i < c->n_vrs; i++) {
		if (c->vrs[i].engines > 1)
			n += PDP_HOLD_VR;
	}
	return RTE_MIN(n, (uint64_t)PDP_HOLD_MD);
}

/* What the MH may have of each MD lcore. */
static uint64_t punt_packets(void)
{
	for (unsigned int i = 0; i < node.config->n_vrs; i++) {
		if (node.config->vrs[i].netns[0] != '\0')
			return PDP_PUNT_PACKETS_MAX;
	}
	return 0;
}

uint32_t memory_packets(void)
{
	const struct pdp_config *c = node.config;
	unsigned int n_md = node.n_md ? node.n_md : 1;
	uint64_t n = (uint64_t)n_md * LCORE_PACKETS;

	if (c->pool_packets != 0)
		return c->pool_packets;
	for (unsigned int i = 0; i < c->n_ports; i++)
		n += (2ull * c->ports[i].descriptors + PORT_PACKETS) * n_md;
	for (unsigned int i = 0; i < c->n_vrs; i++)
		n += n_md * vr_packets(&c->vrs[i]);
	n += n_md * held_packets();
	n += n_md * punt_packets();
	return (uint32_t)RTE_MAX((uint64_t)PACKETS_MIN, RTE_MIN(n, (uint64_t)PACKETS_MAX));
}

uint32_t memory_packet_room(void)
{
	const struct pdp_config *c = node.config;
	uint32_t room = RTE_MAX(c->pool_packet_size, 2048u);

	for (unsigned int i = 0; i < c->n_ports; i++)
		room = RTE_MAX(room, c->ports[i].mtu + RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN +
					     2 * (uint32_t)sizeof(struct rte_vlan_hdr));
	return RTE_ALIGN_CEIL(RTE_PKTMBUF_HEADROOM + room, RTE_CACHE_LINE_SIZE);
}

static unsigned int need(void)
{
	const struct pdp_config *c = node.config;
	uint64_t bytes = (uint64_t)memory_packets() * (memory_packet_room() + PACKET_OVERHEAD);

	for (unsigned int i = 0; i < c->n_vrs; i++) {
		struct pdp_region_params p = {
			.n_md = node.n_md ? node.n_md : 1,
			.n_slots = c->vrs[i].slots,
			.n_blanks = c->vrs[i].blank_slots,
			.conf_size = 16384,
		};

		/* Sealed engines' regions are no hugepages. */
		if (c->vrs[i].isolation == PDP_ISOLATION_SEALED)
			continue;
		/* One more than configured: a VR author's, by hand. */
		bytes += (c->vrs[i].engines_total ? c->vrs[i].engines_total + 1u : 0u) *
			 (pdp_region_size(&p) + ATTACH_KB * 1024ull);
	}
	return (unsigned int)(bytes >> 20) + 1 + BASE_MB;
}

/* Free hugepage memory of the machine, MB, all page sizes. */
static unsigned int huge_free_mb(void)
{
	const char *dir = "/sys/kernel/mm/hugepages";
	DIR *d = opendir(dir);
	const struct dirent *e;
	uint64_t kb = 0;

	while (d != NULL && (e = readdir(d)) != NULL) {
		unsigned long page_kb, n = 0;
		char path[512];
		FILE *f;

		if (sscanf(e->d_name, "hugepages-%lukB", &page_kb) != 1)
			continue;
		snprintf(path, sizeof(path), "%s/%s/free_hugepages", dir, e->d_name);
		f = fopen(path, "r");
		if (f != NULL && fscanf(f, "%lu", &n) == 1)
			kb += n * page_kb;
		if (f != NULL)
			fclose(f);
	}
	if (d != NULL)
		closedir(d);
	return (unsigned int)(kb >> 10);
}

/* What a primary of this prefix left when it was killed: EAL frees it when it starts. */
static unsigned int huge_stale_mb(void)
{
	FILE *mounts = setmntent("/proc/mounts", "r");
	const struct mntent *m;
	char pattern[512];
	uint64_t bytes = 0;
	struct stat st;
	glob_t found;

	while (mounts != NULL && (m = getmntent(mounts)) != NULL) {
		if (strcmp(m->mnt_type, "hugetlbfs") != 0)
			continue;
		snprintf(pattern, sizeof(pattern), "%s/%smap_*", m->mnt_dir, node.file_prefix);
		if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
			continue;
		for (size_t i = 0; i < found.gl_pathc; i++)
			bytes += stat(found.gl_pathv[i], &st) == 0 ? (uint64_t)st.st_size : 0;
		globfree(&found);
	}
	if (mounts != NULL)
		endmntent(mounts);
	return (unsigned int)(bytes >> 20);
}

int memory_check(unsigned int *need_mb)
{
	unsigned int have = huge_free_mb() + huge_stale_mb();

	*need_mb = need();
	if (node.in_memory || node.memory_given || have >= *need_mb)
		return 0;
	return complain(
		"the node needs %u MB of hugepages, %u MB are free; reserve them: echo %u > "
		"/proc/sys/vm/nr_hugepages",
		*need_mb, have, (*need_mb - have + 1) / 2 + 1 + have / 2);
}
