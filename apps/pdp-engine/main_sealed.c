/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pdp-engine-sealed: one forwarding engine of one VR that is `sealed`. Started by pdp-primary only,
 * which hands it its end of a socket as descriptor 3; all memory that it shares comes as
 * descriptors with the welcome. Knows nothing of EAL, hugepages, or any path but its plugin's.
 *
 * Order: map, tell MAPPED, wait until the primary has SEALED the memory, then load the plugin. What
 * protects against the plugin is in force before its first instruction.
 */
#include <bsd/unistd.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "confine.h"
#include "runtime.h"

#define SOCK	  3
#define SEALED_MS 5000

static struct pdp_vr runtime;

static __attribute__((noreturn)) void die(const char *text)
{
	rt_report(SOCK, PDP_REPORT_FAILED, 0, text);
	_exit(1);
}

/* Map what a descriptor names, all of it and at once; the descriptor is not needed any more. */
static void *map(int fd, size_t *size)
{
	struct stat st;
	void *mem;

	if (fd < 0 || fstat(fd, &st) != 0 || st.st_size == 0)
		die("the primary did not hand over this engine's memory; is it of the same build?");
	*size = (size_t)st.st_size;
	mem = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (mem == MAP_FAILED)
		die("cannot map this engine's memory; is its memory limit too low?");
	close(fd);
	return mem;
}

static void attach(void)
{
	struct pdp_region *region;
	size_t size, packets_size;
	char err[300];

	region = map(runtime.fds[PDP_FD_REGION], &size);
	if (pdp_region_check(region, size, err, sizeof(err)) != 0)
		die(err);
	rt_init(&runtime, region, SOCK);
	runtime.base = map(runtime.fds[PDP_FD_PACKETS], &packets_size);
	runtime.fds[PDP_FD_REGION] = runtime.fds[PDP_FD_PACKETS] = -1;
	if (runtime.fds[PDP_FD_FIB] < 0)
		return;
	if (rt_fib_attach(&runtime, runtime.fds[PDP_FD_FIB], runtime.fds[PDP_FD_FIB_QS], err,
			  sizeof(err)) != 0)
		die(err);
	close(runtime.fds[PDP_FD_FIB]);
	close(runtime.fds[PDP_FD_FIB_QS]);
	runtime.fds[PDP_FD_FIB] = runtime.fds[PDP_FD_FIB_QS] = -1;
}

static void wait_sealed(void)
{
	struct pollfd pfd = {.fd = SOCK, .events = POLLIN};
	struct pdp_engine_cmd cmd;

	rt_report(SOCK, PDP_REPORT_MAPPED, 0, "");
	if (poll(&pfd, 1, SEALED_MS) != 1 ||
	    recv(SOCK, &cmd, sizeof(cmd), 0) != (ssize_t)sizeof(cmd) || cmd.kind != PDP_CMD_SEALED)
		die("the primary did not seal this engine's memory in time");
}

static void pin(uint32_t cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	/* A CPU that just went offline: the primary finds another. */
	sched_setaffinity(0, sizeof(set), &set);
}

int main(int argc, char **argv, char **envp)
{
	struct confine_params confine = {.sock = SOCK};
	struct pdp_engine_welcome w;
	char err[512];

	if (argc != 4) {
		fprintf(stderr, "pdp-engine-sealed: pdp-primary starts it; a VR author starts "
				"pdp-engine\n");
		return 2;
	}
	setproctitle_init(argc, argv, envp);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_TIMERSLACK, 1000);
	signal(SIGPIPE, SIG_IGN);
	if (rt_greet(SOCK, argv[1], (uint32_t)strtoul(argv[2], NULL, 10), -1, &w, runtime.fds, err,
		     sizeof(err)) != 0)
		die(err);
	pin(w.cpu);
	attach();
	rt_life_begin(runtime.status);
	runtime.status->phase = PDP_PHASE_ATTACHED;
	wait_sealed();
	confine.tasks = (unsigned int)strtoul(argv[3], NULL, 10);
	if (confine_begin(&confine, err, sizeof(err)) != 0 ||
	    rt_load(&runtime, err, sizeof(err)) != 0 || confine_finish(err, sizeof(err)) != 0)
		die(err);
	setproctitle("%s/%u, sealed", argv[1], w.engine);
	__atomic_store_n(&runtime.status->phase, PDP_PHASE_RUNNING, __ATOMIC_RELEASE);
	rt_report(SOCK, PDP_REPORT_READY, runtime.ops->flags, "");
	rt_loop(&runtime);
	__atomic_store_n(&runtime.status->phase, PDP_PHASE_STOPPING, __ATOMIC_RELEASE);
	rt_unload(&runtime);
	fflush(NULL);
	_exit(0);
}
