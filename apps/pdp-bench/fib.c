/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Measures lib/fib beside DPDK's rte_fib and rte_fib6 (case fib). One process with both tables, so
 * that they take turns in the same minute on the same CPU: pdp-bench writes a command a line,
 * gets a line of JSON, and judges whether the machine was quiet meanwhile.
 *
 * usage: pdp-bench-fib EAL_ARGUMENTS -- PREFIXES READER_CPU
 *   load 4|6 pdp|rte            all prefixes of PREFIXES (one a line), in random order, into a new
 * table lookup 4|6 pdp|rte SECONDS  addresses within random prefixes, 64 at a time compare 4|6 both
 * tables say the same of all these addresses update 4|6 N                a route changes N times
 * while READER_CPU looks up at full speed small                       shared memory of a FIB with
 * 10 routes
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "fib_bench.h"

struct bench bench = {.random = UINT64_C(0x9e3779b97f4a7c15)};

uint64_t bench_random(void)
{
	bench.random ^= bench.random << 13;
	bench.random ^= bench.random >> 7;
	bench.random ^= bench.random << 17;
	return bench.random;
}

static void fail(const char *what, int error)
{
	printf("{\"error\": \"%s: %s\"}\n", what, strerror(error));
	fflush(stdout);
	exit(1);
}

static bool read_prefix(char *line, struct pdp_fib_change *c)
{
	char *slash = strchr(line, '/');

	if (slash == NULL)
		return false;
	*slash = '\0';
	c->prefix = (struct pdp_fib_prefix){.len = (uint8_t)atoi(slash + 1)};
	c->prefix.family = strchr(line, ':') != NULL ? 6 : 4;
	return inet_pton(c->prefix.family == 4 ? AF_INET : AF_INET6, line, c->prefix.bytes) == 1;
}

static void append(struct side *s, const struct pdp_fib_change *c)
{
	if (s->n_routes % 65536 == 0) {
		s->routes = realloc(s->routes, (s->n_routes + 65536) * sizeof(*c));
		if (s->routes == NULL)
			fail("prefixes", ENOMEM);
	}
	s->routes[s->n_routes++] = *c;
}

/* An address within a random prefix. */
static void draw_address(const struct side *s, uint8_t *out)
{
	const struct pdp_fib_prefix *p = &s->routes[bench_random() % s->n_routes].prefix;
	uint8_t random[16];

	for (unsigned int i = 0; i < sizeof(random); i += 8)
		memcpy(random + i, &(uint64_t){bench_random()}, 8);
	for (unsigned int i = 0; i < 16; i++) {
		const unsigned int fixed = p->len < 8 * i ? 0 : p->len - 8 * i;
		const uint8_t mask = fixed >= 8 ? 0 : (uint8_t)(0xff >> fixed);

		out[i] = p->bytes[i] | (random[i] & mask);
	}
}

static void make_addresses(struct side *s)
{
	uint8_t ip[16];

	for (unsigned int i = 0; i < N_ADDRESSES; i++) {
		draw_address(s, ip);
		memcpy(s->ips6[i], ip, sizeof(ip));
		s->ips4[i] = (uint32_t)ip[0] << 24 | ip[1] << 16 | ip[2] << 8 | ip[3];
	}
}

static void shuffle(struct side *s)
{
	for (unsigned int i = s->n_routes; i > 1; i--) {
		const unsigned int other = bench_random() % i;
		const struct pdp_fib_change c = s->routes[i - 1];

		s->routes[i - 1] = s->routes[other];
		s->routes[other] = c;
	}
	for (unsigned int i = 0; i < s->n_routes; i++)
		s->routes[i].nexthop = (uint16_t)(1 + bench_random() % N_NEXTHOPS);
}

static void read_prefixes(const char *path)
{
	struct pdp_fib_change c = {0};
	char line[80];
	FILE *f = fopen(path, "r");

	if (f == NULL)
		fail(path, errno);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (read_prefix(line, &c))
			append(side_of(c.prefix.family), &c);
	}
	fclose(f);
	for (unsigned int family = 4; family <= 6; family += 2) {
		struct side *s = side_of(family);

		if (s->n_routes == 0)
			fail("a family has no prefixes", ENOENT);
		shuffle(s);
		make_addresses(s);
	}
}

uint64_t bench_cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

double bench_cpu_seconds(uint64_t since_ns)
{
	return (double)(bench_cpu_ns() - since_ns) / 1e9;
}

/* Which of its functions rte_fib uses; outside of what is measured. */
static int select_lookup(const struct side *s, unsigned int family, bool vector)
{
	if (family == 4)
		return rte_fib_select_lookup(s->rte4, vector ? RTE_FIB_LOOKUP_DIR24_8_VECTOR_AVX512
							     : RTE_FIB_LOOKUP_DIR24_8_SCALAR_MACRO);
	return rte_fib6_select_lookup(s->rte6, vector ? RTE_FIB6_LOOKUP_TRIE_VECTOR_AVX512
						      : RTE_FIB6_LOOKUP_TRIE_SCALAR);
}

static int lookup(unsigned int family, const char *party, double seconds)
{
	const struct side *s = side_of(family);
	const bool rte = strncmp(party, "rte", 3) == 0;
	uint64_t start, n = 0, sum = 0;
	double took;

	if (rte ? s->rte4 == NULL && s->rte6 == NULL : s->reader.head == NULL)
		return -ENOENT;
	if (rte && select_lookup(s, family, strcmp(party, "rte512") == 0) != 0)
		return -ENOTSUP;
	start = bench_cpu_ns();
	do {
		for (unsigned int i = 0; i < N_ADDRESSES; i += BULK)
			sum += rte ? rte_bulk(s, family, i) : pdp_bulk(s, family, i);
		n += N_ADDRESSES;
		took = bench_cpu_seconds(start);
	} while (took < seconds);
	printf("{\"mlps\": %.3f, \"sum\": %" PRIu64 "}\n", (double)n / took / 1e6, sum);
	return 0;
}

static int compare(unsigned int family)
{
	const struct side *s = side_of(family);
	unsigned int n_other = 0;
	uint16_t ours[BULK];
	uint64_t theirs[BULK];

	if ((s->rte4 == NULL && s->rte6 == NULL) || s->reader.head == NULL)
		return -ENOENT;
	for (unsigned int at = 0; at < N_ADDRESSES; at += BULK) {
		pdp_look(s, family, at, ours);
		rte_look(s, family, at, theirs);
		for (unsigned int i = 0; i < BULK; i++)
			n_other += ours[i] != theirs[i];
	}
	printf("{\"addresses\": %u, \"different\": %u}\n", N_ADDRESSES, n_other);
	return 0;
}

static int run(char *line)
{
	char verb[16] = "", party[16] = "";
	unsigned int family = 0, n = 0;
	double seconds = 0;

	if (sscanf(line, "load %u %15s", &family, party) == 2 && (family == 4 || family == 6))
		return strcmp(party, "rte") == 0 ? rte_load(family) : pdp_load(family);
	if (sscanf(line, "lookup %u %15s %lf", &family, party, &seconds) == 3)
		return lookup(family, party, seconds);
	if (sscanf(line, "compare %u", &family) == 1)
		return compare(family);
	if (sscanf(line, "update %u %u", &family, &n) == 2)
		return bench_update(family, n);
	if (sscanf(line, "%15s", verb) == 1 && strcmp(verb, "small") == 0)
		return pdp_small();
	return -EINVAL;
}

int main(int argc, char **argv)
{
	int n = rte_eal_init(argc, argv), rc;
	char line[128];

	if (n < 0)
		fail("EAL", rte_errno);
	if (argc - n < 3) {
		fprintf(stderr, "usage: pdp-bench-fib EAL_ARGUMENTS -- PREFIXES READER_CPU\n");
		return 2;
	}
	bench.reader_cpu = atoi(argv[n + 2]);
	read_prefixes(argv[n + 1]);
	printf("{\"routes4\": %u, \"routes6\": %u}\n", bench.sides[0].n_routes,
	       bench.sides[1].n_routes);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		rc = run(line);
		if (rc < 0)
			printf("{\"error\": \"%s\"}\n", strerror(-rc));
		fflush(stdout);
	}
	rte_eal_cleanup();
	return 0;
}
