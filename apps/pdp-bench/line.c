/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long a cache line takes from one CPU to another and back: two threads answer each other by
 * it, as MD and engine do by the heads of their rings. Figures of a hop stand on it, and on some
 * machines it moves from hour to hour.
 *
 *   pdp-bench-line CPU CPU      says nanoseconds, the median of some windows
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_common.h>
#include <rte_pause.h>

#define WINDOWS 31
#define TRIPS	2000u /* of each window: shorter than a slice of the CPU */
#define LAST	(WINDOWS * TRIPS)

static struct {
	uint32_t turn;
} __rte_aligned(128) line; /* alone: CPUs fetch lines in pairs */

static int run_on(const char *cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)atoi(cpu), &set);
	return sched_setaffinity(0, sizeof(set), &set) != 0 ? errno : 0;
}

static void await(uint32_t turn)
{
	while (__atomic_load_n(&line.turn, __ATOMIC_ACQUIRE) != turn)
		rte_pause();
}

static void *answer(void *cpu)
{
	if (run_on(cpu) != 0)
		return cpu;
	for (uint32_t i = 0; i < LAST; i++) {
		await(2 * i + 1);
		__atomic_store_n(&line.turn, 2 * i + 2, __ATOMIC_RELEASE);
	}
	return NULL;
}

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void ask(double ns[WINDOWS])
{
	uint32_t turn = 0;

	for (unsigned int w = 0; w < WINDOWS; w++) {
		const double began = now_ns();

		for (unsigned int i = 0; i < TRIPS; i++, turn += 2) {
			__atomic_store_n(&line.turn, turn + 1, __ATOMIC_RELEASE);
			await(turn + 2);
		}
		ns[w] = (now_ns() - began) / TRIPS;
	}
}

static int by_length(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	double ns[WINDOWS];
	pthread_t other;
	int rc;

	if (argc != 3 || strcmp(argv[1], argv[2]) == 0)
		return 2;
	rc = run_on(argv[1]);
	if (rc == 0)
		rc = run_on(argv[2]);
	if (rc == 0)
		rc = pthread_create(&other, NULL, answer, argv[1]);
	if (rc != 0) {
		fprintf(stderr, "pdp-bench-line: %s\n", strerror(rc));
		return 1;
	}
	ask(ns);
	pthread_join(other, NULL);
	qsort(ns, WINDOWS, sizeof(ns[0]), by_length);
	printf("%.1f\n", ns[WINDOWS / 2]);
	return 0;
}
