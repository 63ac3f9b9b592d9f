/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Measures lib/fib beside DPDK's rte_fib and rte_fib6 (case fib). One process with both tables, so
 * that they take turns in the same minute on the same CPU: pdp-bench writes a command a line,
 * gets a line of JSON, and judges whether the machine was quiet meanwhile.
 *
 * usage: pdp-bench-fib EAL_ARGUMENTS -- PREFIXES READER_CPU
 * - load 4|6 pdp|rte: all prefixes of PREFIXES (one a line), in random order, into a new table
 * - lookup 4|6 SECONDS: addresses within random prefixes, 64 at a time; the tables take turns every
 *   1,048,576 of them, rte_fib with each of the functions that it has
 * - compare 4|6: both tables say the same of all these addresses
 * - update 4|6 N: a route changes N times while READER_CPU looks up at full speed
 * - small: shared memory of a FIB with 10 routes
 * Times are CPU time of the one thread; of turns the median. rte_fib's AVX-512 functions want EAL's
 * --force-max-simd-bitwidth=512.
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

enum { PDP, RTE, RTE512, N_PARTIES, TURNS_MAX = 512 };

/* All addresses once. @return million lookups a second, or 0: no such functions */
static double turn(const struct side *s, unsigned int family, int party)
{
	uint64_t start, sum = 0;

	if (party != PDP && select_lookup(s, family, party == RTE512) != 0)
		return 0;
	start = bench_cpu_ns();
	for (unsigned int i = 0; i < N_ADDRESSES; i += BULK)
		sum += party == PDP ? pdp_bulk(s, family, i) : rte_bulk(s, family, i);
	/* Looked up for nobody, but not optimised away. */
	asm volatile("" : : "r"(sum));
	return N_ADDRESSES / bench_cpu_seconds(start) / 1e6;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, unsigned int n)
{
	qsort(values, n, sizeof(*values), compare_doubles);
	return values[n / 2];
}

static int lookup(unsigned int family, double seconds)
{
	static double mlps[N_PARTIES][TURNS_MAX], ratio[N_PARTIES][TURNS_MAX];
	const struct side *s = side_of(family);
	const uint64_t start = bench_cpu_ns();
	unsigned int n = 0;

	if ((s->rte4 == NULL && s->rte6 == NULL) || s->reader.head == NULL)
		return -ENOENT;
	while (n == 0 || (n < TURNS_MAX && bench_cpu_seconds(start) < seconds)) {
		for (int party = 0; party < N_PARTIES; party++) {
			mlps[party][n] = turn(s, family, party);
			ratio[party][n] = mlps[party][n] > 0 ? mlps[PDP][n] / mlps[party][n] : 0;
		}
		n++;
	}
	printf("{\"ratio\": %.4f, \"ratio_avx512\": %.4f, \"pdp_mlps\": %.2f, \"rte_mlps\": %.2f, "
	       "\"rte_avx512_mlps\": %.2f, \"turns\": %u}\n",
	       median(ratio[RTE], n), median(ratio[RTE512], n), median(mlps[PDP], n),
	       median(mlps[RTE], n), median(mlps[RTE512], n), n);
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
	if (sscanf(line, "lookup %u %lf", &family, &seconds) == 2)
		return lookup(family, seconds);
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
