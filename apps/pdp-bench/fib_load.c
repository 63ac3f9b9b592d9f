/* SPDX-License-Identifier: BSD-3-Clause */
/* pdp-bench-fib: tables filled, timed; and what they take. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_malloc.h>

#include "fib_bench.h"

#define BATCH 512

/* Of our own process, not shared. */
static uint64_t rss_kb(void)
{
	unsigned long kb = 0;
	char line[128];
	FILE *f = fopen("/proc/self/status", "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "RssAnon: %lu", &kb) == 1)
			break;
	}
	if (f != NULL)
		fclose(f);
	return kb;
}

static void drop_pdp(struct side *s)
{
	if (s->pdp == NULL)
		return;
	pdp_fib_detach(&s->reader);
	pdp_fib_destroy(s->pdp);
	s->pdp = NULL;
}

/* A FIB with N_NEXTHOPS next hops, and its reader. */
static int make_pdp(struct side *s, const char *name)
{
	const struct pdp_fib_params params = {.name = name};
	struct pdp_fib_nexthop nh = {.type = PDP_FIB_FORWARD, .mac = {2}};
	char err[160];
	int rc;

	drop_pdp(s);
	s->pdp = pdp_fib_create(&params);
	if (s->pdp == NULL)
		return -errno;
	for (unsigned int i = 0; i < N_NEXTHOPS; i++) {
		nh.mac[5] = (uint8_t)i;
		rc = pdp_fib_nexthop_new(s->pdp, &nh, i);
		if (rc < 0)
			return rc;
	}
	pdp_fib_reader_add(s->pdp, 0);
	rc = pdp_fib_attach(&s->reader, pdp_fib_fd(s->pdp), pdp_fib_qs_fd(s->pdp), 0, err,
			    sizeof(err));
	if (rc != 0)
		fprintf(stderr, "pdp-bench-fib: %s\n", err);
	return rc;
}

int pdp_load(unsigned int family)
{
	struct side *s = side_of(family);
	struct pdp_fib_stats stats;
	uint64_t start, before;
	double took;
	int rc;

	rc = make_pdp(s, "bench");
	if (rc != 0)
		return rc;
	before = rss_kb();
	start = bench_cpu_ns();
	for (unsigned int i = 0; i < s->n_routes; i += BATCH) {
		const unsigned int left = s->n_routes - i;

		if (pdp_fib_apply(s->pdp, s->routes + i, left < BATCH ? left : BATCH) != 0)
			return -ENOSPC;
	}
	took = bench_cpu_seconds(start);
	pdp_fib_stats(s->pdp, &stats);
	printf("{\"seconds\": %.6f, \"shared_mb\": %.3f, \"private_mb\": %.3f, \"rss_mb\": %.3f, "
	       "\"huge_mb\": %.0f, \"plies\": %u}\n",
	       took, (double)stats.shared_bytes / 1e6, (double)stats.private_bytes / 1e6,
	       (double)(rss_kb() - before) * 1024 / 1e6, (double)stats.huge_bytes / 1e6,
	       family == 4 ? stats.plies4 : stats.plies6);
	return 0;
}

/* Random addresses must not make it larger. */
int pdp_small(void)
{
	static struct side s;
	struct pdp_fib_change c = {.nexthop = 1};
	struct pdp_fib_stats stats;
	unsigned int i;
	int rc = make_pdp(&s, "small");

	for (i = 0; i < 10 && rc == 0; i++) {
		c.prefix = (struct pdp_fib_prefix){.family = 4};
		if (i > 0)
			c.prefix = (struct pdp_fib_prefix){4, 24, {10, (uint8_t)(16 * i), 1}};
		rc = pdp_fib_apply(s.pdp, &c, 1) == 0 ? 0 : c.result;
	}
	if (rc != 0)
		return rc;
	for (i = 0; i < N_ADDRESSES; i++)
		s.ips4[i] = (uint32_t)bench_random();
	for (i = 0; i < N_ADDRESSES; i += BULK)
		pdp_bulk(&s, 4, i);
	pdp_fib_stats(s.pdp, &stats);
	printf("{\"shared_mb\": %.3f, \"private_mb\": %.3f}\n", (double)stats.shared_bytes / 1e6,
	       (double)stats.private_bytes / 1e6);
	drop_pdp(&s);
	return 0;
}

static uint64_t heap_bytes(void)
{
	struct rte_malloc_socket_stats stats;

	return rte_malloc_get_socket_stats(0, &stats) == 0 ? stats.heap_allocsz_bytes : 0;
}

static int rte_create(struct side *s, unsigned int family)
{
	struct rte_fib_conf conf4 = {.type = RTE_FIB_DIR24_8, .max_routes = 1 << 20};
	struct rte_fib6_conf conf6 = {.type = RTE_FIB6_TRIE, .max_routes = 1 << 18};

	conf4.dir24_8.nh_sz = RTE_FIB_DIR24_8_2B;
	conf4.dir24_8.num_tbl8 = 1 << 14;
	conf6.trie.nh_sz = RTE_FIB6_TRIE_4B; /* 2 bytes number too few groups for this table */
	conf6.trie.num_tbl8 = 1 << 18;
	s->rte4 = family == 4 ? rte_fib_create("bench4", 0, &conf4) : NULL;
	s->rte6 = family == 6 ? rte_fib6_create("bench6", 0, &conf6) : NULL;
	return s->rte4 != NULL || s->rte6 != NULL ? 0 : -rte_errno;
}

static int rte_add(struct side *s, const struct pdp_fib_change *c)
{
	uint32_t ip;

	if (c->prefix.family == 6)
		return rte_fib6_add(s->rte6, c->prefix.bytes, c->prefix.len, c->nexthop);
	memcpy(&ip, c->prefix.bytes, sizeof(ip));
	return rte_fib_add(s->rte4, ntohl(ip), c->prefix.len, c->nexthop);
}

int rte_load(unsigned int family)
{
	struct side *s = side_of(family);
	uint64_t start, before;
	int rc;

	rte_fib_free(s->rte4);
	rte_fib6_free(s->rte6);
	before = heap_bytes();
	rc = rte_create(s, family);
	if (rc != 0)
		return rc;
	start = bench_cpu_ns();
	for (unsigned int i = 0; i < s->n_routes; i++) {
		rc = rte_add(s, &s->routes[i]);
		if (rc != 0)
			return rc;
	}
	printf("{\"seconds\": %.6f, \"memory_mb\": %.1f}\n", bench_cpu_seconds(start),
	       (double)(heap_bytes() - before) / 1e6);
	return 0;
}
