/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pdp-bench-fib: how soon a change is seen. A reader on the other CPU looks up at full speed, 64
 * addresses at a time, with the changing route's among them, and says what it found for that one;
 * the time is from before the change is asked for until the writer hears of it.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "fib_bench.h"

#define LATE_NS UINT64_C(1000000000) /* something is wrong */

struct watch {
	const struct side *side;
	unsigned int family;
	int cpu;
	bool ready;
	bool stop;
	unsigned int n_lookups;
	alignas(64) uint8_t address[16]; /* W:writer, before `asked` */
	uint32_t asked;			 /* W:writer: number of the address */
	alignas(64) uint64_t answer;	 /* W:reader: `asked` << 16 | what was found */
};

/* The bulk's first address is the watched one. */
static void look(struct watch *w, struct pdp_fib_reader *r, unsigned int at)
{
	const uint32_t asked = __atomic_load_n(&w->asked, __ATOMIC_ACQUIRE);
	uint8_t ips6[BULK][16];
	uint32_t ips4[BULK];
	uint16_t out[BULK];

	if (w->family == 4) {
		memcpy(ips4, w->side->ips4 + at, sizeof(ips4));
		memcpy(ips4, w->address, 4);
		ips4[0] = ntohl(ips4[0]);
		pdp_fib_lookup4(r, ips4, out, BULK);
	} else {
		memcpy(ips6, w->side->ips6 + at, sizeof(ips6));
		memcpy(ips6[0], w->address, 16);
		pdp_fib_lookup6(r, (const uint8_t(*)[16])ips6, out, BULK);
	}
	__atomic_store_n(&w->answer, (uint64_t)asked << 16 | out[0], __ATOMIC_RELEASE);
	pdp_fib_quiescent(r);
}

static void *reader(void *arg)
{
	struct watch *w = arg;
	struct pdp_fib_reader r;
	unsigned int at = 0;
	cpu_set_t cpus;
	char err[160];

	CPU_ZERO(&cpus);
	CPU_SET(w->cpu, &cpus);
	pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	if (pdp_fib_attach(&r, pdp_fib_fd(w->side->pdp), pdp_fib_qs_fd(w->side->pdp), 1, err,
			   sizeof(err)) != 0)
		return NULL;
	pdp_fib_online(&r);
	__atomic_store_n(&w->ready, true, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
		look(w, &r, at);
		at = (at + BULK) % N_ADDRESSES;
		w->n_lookups += BULK;
	}
	pdp_fib_detach(&r);
	return NULL;
}

/* @return cycles, or 0: nobody answers */
static uint64_t change_and_wait(struct watch *w, struct pdp_fib_change *c, uint64_t *call)
{
	const uint64_t late = rte_get_tsc_hz() / 1000000000 * LATE_NS, start = rte_rdtsc_precise();
	uint64_t now;

	pdp_fib_apply(w->side->pdp, c, 1);
	*call = rte_rdtsc_precise() - start;
	do {
		now = rte_rdtsc_precise();
		if (__atomic_load_n(&w->answer, __ATOMIC_ACQUIRE) ==
		    ((uint64_t)w->asked << 16 | c->nexthop))
			return now - start;
	} while (now - start < late);
	return 0;
}

/* Addresses of other routes would hide the change: the longest one there is. */
static bool is_seen(const struct side *s, const struct pdp_fib_prefix *p)
{
	struct pdp_fib_prefix host = *p;
	struct pdp_fib_route found;

	host.len = p->family == 4 ? 32 : 128;
	return pdp_fib_match(s->pdp, &host, host.len, &found) == 0 && found.prefix.len == p->len;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static double percentile_us(const uint64_t *sorted, unsigned int n, unsigned int pct)
{
	return (double)sorted[(uint64_t)(n - 1) * pct / 100] * 1e6 / (double)rte_get_tsc_hz();
}

static int change_routes(struct watch *w, unsigned int n, uint64_t *seen, uint64_t *calls)
{
	const struct side *s = w->side;

	for (unsigned int i = 0; i < n;) {
		struct pdp_fib_change c = s->routes[bench_random() % s->n_routes];

		if (!is_seen(s, &c.prefix))
			continue;
		memcpy(w->address, c.prefix.bytes, sizeof(w->address));
		__atomic_store_n(&w->asked, w->asked + 1, __ATOMIC_RELEASE);
		/* Another next hop, and back again. */
		c.nexthop = (uint16_t)(1 + c.nexthop % N_NEXTHOPS);
		seen[i] = change_and_wait(w, &c, &calls[i]);
		if (seen[i++] == 0)
			return -ETIMEDOUT;
		c.nexthop = (uint16_t)(1 + (c.nexthop + N_NEXTHOPS - 2u) % N_NEXTHOPS);
		pdp_fib_apply(s->pdp, &c, 1);
	}
	return 0;
}

static void report(const struct watch *w, unsigned int n, uint64_t *seen, uint64_t *calls,
		   double took)
{
	qsort(seen, n, sizeof(*seen), compare);
	qsort(calls, n, sizeof(*calls), compare);
	printf("{\"p50_us\": %.3f, \"p99_us\": %.3f, \"max_us\": %.3f, \"call_p50_us\": %.3f, "
	       "\"call_p99_us\": %.3f, \"mlps\": %.2f}\n",
	       percentile_us(seen, n, 50), percentile_us(seen, n, 99), percentile_us(seen, n, 100),
	       percentile_us(calls, n, 50), percentile_us(calls, n, 99), w->n_lookups / took / 1e6);
}

int bench_update(unsigned int family, unsigned int n)
{
	struct side *s = side_of(family);
	struct watch w = {.side = s, .family = family, .cpu = bench.reader_cpu};
	uint64_t *seen = calloc(n, sizeof(*seen)), *calls = calloc(n, sizeof(*calls)), start;
	pthread_t thread;
	int rc = seen == NULL || calls == NULL || n == 0 ? -ENOMEM : 0;

	if (s->pdp == NULL)
		rc = -ENOENT;
	if (rc == 0) {
		pdp_fib_reader_add(s->pdp, 1);
		rc = -pthread_create(&thread, NULL, reader, &w);
	}
	if (rc == 0) {
		while (!__atomic_load_n(&w.ready, __ATOMIC_ACQUIRE))
			sched_yield();
		start = rte_rdtsc_precise();
		rc = change_routes(&w, n, seen, calls);
		__atomic_store_n(&w.stop, true, __ATOMIC_RELEASE);
		pthread_join(thread, NULL);
		pdp_fib_reader_remove(s->pdp, 1);
		if (rc == 0)
			report(&w, n, seen, calls,
			       (double)(rte_rdtsc_precise() - start) / (double)rte_get_tsc_hz());
	}
	free(seen);
	free(calls);
	return rc;
}
