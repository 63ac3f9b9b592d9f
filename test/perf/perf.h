/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Timing for the programs of test/perf: median of many short runs in TSC cycles, so that a
 * neighbour on the machine disturbs little. Nothing here gates anything.
 */
#ifndef PERF_H
#define PERF_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>

#define PERF_RUNS 401

static inline int perf_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Calls fn(arg) PERF_RUNS times. @return median cycles of one of the n things that a call does */
static inline double perf_median(void (*fn)(void *arg), void *arg, unsigned int n)
{
	static double runs[PERF_RUNS];

	fn(arg);
	for (unsigned int i = 0; i < PERF_RUNS; i++) {
		uint64_t start = rte_rdtsc_precise();

		fn(arg);
		runs[i] = (double)(rte_rdtsc_precise() - start) / n;
	}
	qsort(runs, PERF_RUNS, sizeof(runs[0]), perf_compare);
	return runs[PERF_RUNS / 2];
}

#endif /* PERF_H */
