/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of pdp-bench-fib share: prefixes, addresses, and a table of each party. */
#ifndef FIB_BENCH_H
#define FIB_BENCH_H

#include <arpa/inet.h>
#include <stdbool.h>

#include <rte_fib.h>
#include <rte_fib6.h>

#include <pdp_fib_writer.h>

enum { N_ADDRESSES = 1 << 20, BULK = 64, N_NEXTHOPS = 256 };

/** One family. */
struct side {
	struct pdp_fib_change *routes;
	unsigned int n_routes;
	uint32_t ips4[N_ADDRESSES]; /* host byte order; IPv6: unused */
	uint8_t ips6[N_ADDRESSES][16];
	struct pdp_fib *pdp; /* NULL: not loaded */
	struct pdp_fib_reader reader;
	struct rte_fib *rte4;
	struct rte_fib6 *rte6;
};

struct bench {
	struct side sides[2]; /* IPv4, IPv6 */
	uint64_t random;
	int reader_cpu;
};

extern struct bench bench;

static inline struct side *side_of(unsigned int family)
{
	return &bench.sides[family == 6];
}

uint64_t bench_random(void);

/** CPU time of this thread: what others on the CPU take does not count. */
uint64_t bench_cpu_ns(void);
double bench_cpu_seconds(uint64_t since_ns);

/* Each prints one line of JSON. @return 0 or -errno (nothing printed) */
int rte_load(unsigned int family);
int pdp_load(unsigned int family);
int pdp_small(void);
int bench_update(unsigned int family, unsigned int n);

static inline void pdp_look(const struct side *s, unsigned int family, unsigned int at,
			    uint16_t *out)
{
	if (family == 4)
		pdp_fib_lookup4(&s->reader, s->ips4 + at, out, BULK);
	else
		pdp_fib_lookup6(&s->reader, s->ips6 + at, out, BULK);
}

static inline void rte_look(const struct side *s, unsigned int family, unsigned int at,
			    uint64_t *out)
{
	if (family == 4)
		rte_fib_lookup_bulk(s->rte4, (uint32_t *)(uintptr_t)(s->ips4 + at), out, BULK);
	else
		rte_fib6_lookup_bulk(s->rte6, (uint8_t(*)[16])(uintptr_t)(s->ips6 + at), out, BULK);
}

/* A sum, so that nothing is left out. */
static inline uint64_t pdp_bulk(const struct side *s, unsigned int family, unsigned int at)
{
	uint16_t out[BULK];
	uint64_t sum = 0;

	pdp_look(s, family, at, out);
	for (unsigned int i = 0; i < BULK; i++)
		sum += out[i];
	return sum;
}

static inline uint64_t rte_bulk(const struct side *s, unsigned int family, unsigned int at)
{
	uint64_t out[BULK], sum = 0;

	rte_look(s, family, at, out);
	for (unsigned int i = 0; i < BULK; i++)
		sum += out[i];
	return sum;
}

#endif /* FIB_BENCH_H */
