/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sends a signal at a moment at which pdp-bench itself sleeps: on a machine of two CPUs the script
 * would take one of those that are being measured. For each line "PID SIGNAL DELAY_US" on standard
 * input it waits so long, reads the TSC, sends the signal, and answers some milliseconds later with
 * a line: 0 or an errno, the TSC, and CLOCK_MONOTONIC in nanoseconds at the same moment.
 *
 *   pdp-bench-strike CPU      that it runs on, and leaves at once
 */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

#include <rte_cycles.h>

#define ANSWER_NS 5000000

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Writing wakes the reader, who wants a CPU then. */
static void strike(int pid, int sig, unsigned int delay_us)
{
	uint64_t ns, tsc;
	int rc;

	nanosleep(&(struct timespec){.tv_nsec = (long)delay_us * 1000}, NULL);
	ns = now_ns();
	tsc = rte_rdtsc();
	rc = kill(pid, sig) != 0 ? errno : 0;
	nanosleep(&(struct timespec){.tv_nsec = ANSWER_NS}, NULL);
	printf("%d %" PRIu64 " %" PRIu64 "\n", rc, tsc, ns);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	unsigned int us;
	cpu_set_t set;
	char line[80];
	int pid, sig;

	if (argc != 2)
		return 2;
	CPU_ZERO(&set);
	CPU_SET((size_t)atoi(argv[1]), &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0) {
		perror("pdp-bench-strike: CPU");
		return 1;
	}
	/* At the moment, without a page fault. */
	mlockall(MCL_CURRENT);
	prctl(PR_SET_TIMERSLACK, 1);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (sscanf(line, "%d %d %u", &pid, &sig, &us) != 3 || pid <= 1 || us > 999999)
			return 2;
		strike(pid, sig, us);
	}
	return 0;
}
