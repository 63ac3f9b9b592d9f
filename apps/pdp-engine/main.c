/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pdp-engine: one forwarding engine of one VR. Usually started by pdp-primary; a VR author starts
 * it by hand, under gdb too:
 *
 *   pdp-engine --proc-type=secondary --file-prefix=X -- --vr red
 *
 * It asks the primary for its lcore id before EAL starts, attaches, loads the plugin and runs. It
 * leaves by _exit: after attach neither rte_exit nor rte_eal_cleanup may run in a secondary.
 */
#include <bsd/unistd.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_memzone.h>
#include <rte_service_component.h>

#include "runtime.h"

#define EAL_ARGS_MAX 64
#define TURN_MS	     3000

struct options {
	const char *vr;
	const char *prefix;
	uint32_t engine;
	int cpu;
	bool has_lcores;
	int n_eal;
	char *eal[EAL_ARGS_MAX + 4];
};

static struct pdp_vr runtime;

static __attribute__((noreturn)) void die(int sock, const char *text)
{
	if (sock >= 0)
		rt_report(sock, PDP_REPORT_FAILED, 0, text);
	else
		fprintf(stderr, "pdp-engine: %s\n", text);
	_exit(1);
}

static void usage(FILE *to)
{
	fprintf(to, "usage: pdp-engine --proc-type=secondary [--file-prefix=PREFIX] [EAL options] "
		    "-- --vr VR\n"
		    "  --vr VR        join this VR of the running pdp-primary\n"
		    "  --cpu N        run on CPU N (one of cpus.engines); default: the primary "
		    "chooses\n"
		    "  --engine I     (the primary's own use) join as the engine that was spawned "
		    "as number I\n");
}

static uint32_t number(const char *text, uint32_t max)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (*text == '\0' || *end != '\0' || v > max) {
		fprintf(stderr, "pdp-engine: \"%s\" is no number from 0 to %u\n", text, max);
		_exit(2);
	}
	return (uint32_t)v;
}

static void parse_own(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {{"vr", required_argument, NULL, 'v'},
					      {"engine", required_argument, NULL, 'e'},
					      {"cpu", required_argument, NULL, 'c'},
					      {"help", no_argument, NULL, 'h'},
					      {0}};
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (c == 'v')
			o->vr = optarg;
		else if (c == 'e')
			o->engine = number(optarg, UINT16_MAX);
		else if (c == 'c')
			o->cpu = (int)number(optarg, 4096);
		else {
			usage(c == 'h' ? stdout : stderr);
			_exit(c == 'h' ? 0 : 2);
		}
	}
	if (o->vr == NULL || optind != argc) {
		usage(stderr);
		_exit(2);
	}
}

/* EAL's arguments stand before "--"; of those only the prefix matters before EAL starts. */
static void parse(struct options *o, int argc, char **argv)
{
	int split = argc;

	for (int i = 1; i < argc && split == argc; i++) {
		if (strcmp(argv[i], "--") == 0)
			split = i;
	}
	if (split > EAL_ARGS_MAX)
		die(-1, "too many EAL arguments");
	for (int i = 0; i < split; i++) {
		const char *a = argv[i];

		o->eal[o->n_eal++] = argv[i];
		if (strncmp(a, "--file-prefix=", 14) == 0)
			o->prefix = a + 14;
		else if (strcmp(a, "--file-prefix") == 0 && i + 1 < split)
			o->prefix = argv[i + 1];
		else if (strncmp(a, "--lcores", 8) == 0 || strncmp(a, "-l", 2) == 0 ||
			 strncmp(a, "-c", 2) == 0)
			o->has_lcores = true;
		else if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0) {
			usage(stdout);
			_exit(0);
		}
	}
	if (o->has_lcores)
		die(-1, "leave --lcores, -l and -c out: the primary hands out lcore ids; -- --cpu "
			"N chooses a CPU");
	argv[split < argc ? split : argc - 1] = argv[0];
	if (split == argc) {
		usage(stderr);
		_exit(2);
	}
	parse_own(o, argc - split, argv + split);
}

static void runtime_dir(char *out, size_t size, const char *prefix)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	const char *root = getuid() == 0 ? "/var/run" : xdg != NULL ? xdg : "/tmp";

	snprintf(out, size, "%s/dpdk/%s", root, prefix);
}

/*
 * EAL's own threads have next to nothing to do here. They shall not be the first to run when the
 * process is killed: the kernel ends one after the other, 50 us each, and it is the end of the
 * loop's thread that tells the primary. The memory is torn down by whoever is last, when nobody
 * else wants the CPU.
 */
static void others_idle(void)
{
	DIR *tasks = opendir("/proc/self/task");
	const struct dirent *d;

	while (tasks != NULL && (d = readdir(tasks)) != NULL) {
		const pid_t tid = atoi(d->d_name);

		if (tid > 0 && tid != gettid())
			sched_setscheduler(tid, SCHED_IDLE, &(struct sched_param){0});
	}
	if (tasks != NULL)
		closedir(tasks);
}

/*
 * Engines' EALs start one after the other: at its end a secondary's start locks and unlinks all
 * files in the runtime directory that nobody has locked, also one that another secondary has just
 * made, whose start then fails. Nobody waits for ever for one that is stopped in there.
 * @return to be closed when EAL has started; -1: there is no such directory, which EAL will say
 */
static int take_turn(const char *dir)
{
	char path[160];
	int fd;

	/* EAL's own file, which it does not flock(). */
	snprintf(path, sizeof(path), "%s/config", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	for (unsigned int ms = 0; fd >= 0 && ms < TURN_MS && flock(fd, LOCK_EX | LOCK_NB) != 0;
	     ms++)
		usleep(1000);
	return fd;
}

static struct pdp_region *attach(struct options *o, const struct pdp_engine_welcome *w, int sock,
				 const char *dir)
{
	const struct rte_memzone *zone;
	char lcores[32], err[300];
	int turn;

	snprintf(lcores, sizeof(lcores), "--lcores=%u@%u", w->lcore, w->cpu);
	o->eal[o->n_eal++] = lcores;
	if (o->engine != PDP_ENGINE_INDEX_ANY)
		o->eal[o->n_eal++] = (char *)(uintptr_t) "--log-level=warning";
	o->eal[o->n_eal] = NULL;
	turn = take_turn(dir);
	if (rte_eal_init(o->n_eal, o->eal) < 0)
		die(sock, "EAL did not start in the engine (its lines above say why)");
	if (turn >= 0)
		close(turn);
	if (rte_eal_process_type() != RTE_PROC_SECONDARY)
		die(sock, "an engine is a secondary process: give --proc-type=secondary");
	/* It has 152 KB of the heap that all share, and runs nothing here. */
	rte_service_finalize();
	others_idle();
	zone = rte_memzone_lookup(w->zone);
	if (zone == NULL)
		die(sock, "the primary's memory does not have this engine's region; is "
			  "--file-prefix right?");
	if (pdp_region_check(zone->addr, w->zone_size, err, sizeof(err)) != 0)
		die(sock, err);
	return zone->addr;
}

static void on_signal(int sig)
{
	/* The second one does not wait for the primary. */
	if (runtime.leave_asked)
		_exit(128 + sig);
	runtime.leave_asked = true;
}

static void signals(bool by_hand)
{
	struct sigaction sa = {.sa_handler = by_hand ? on_signal : SIG_DFL};

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv, char **envp)
{
	struct options o = {.prefix = "rte", .engine = PDP_ENGINE_INDEX_ANY, .cpu = -1};
	struct pdp_engine_welcome w;
	char dir[128], err[512];
	int sock;

	setproctitle_init(argc, argv, envp);
	parse(&o, argc, argv);
	/* Spawned engines end with their primary, whatever becomes of it. If it is dead already,
	 * nobody answers below; or the next one does, and has not asked for this process. */
	if (o.engine != PDP_ENGINE_INDEX_ANY)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_TIMERSLACK, 1000);
	runtime_dir(dir, sizeof(dir), o.prefix);
	sock = rt_connect(dir, o.vr, o.engine, o.cpu, &w, runtime.fds, err, sizeof(err));
	if (sock < 0)
		die(-1, err);
	rt_init(&runtime, attach(&o, &w, sock, dir), sock);
	rt_life_begin(runtime.status);
	__atomic_store_n(&runtime.status->phase, PDP_PHASE_ATTACHED, __ATOMIC_RELEASE);
	if (runtime.fds[PDP_FD_FIB] >= 0 &&
	    rt_fib_attach(&runtime, runtime.fds[PDP_FD_FIB], runtime.fds[PDP_FD_FIB_QS], err,
			  sizeof(err)) != 0)
		die(sock, err);
	if (rt_load(&runtime, err, sizeof(err)) != 0)
		die(sock, err);
	setproctitle("%s/%u of %s", o.vr, w.engine, o.prefix);
	signals(o.engine == PDP_ENGINE_INDEX_ANY);
	__atomic_store_n(&runtime.status->phase, PDP_PHASE_RUNNING, __ATOMIC_RELEASE);
	rt_report(sock, PDP_REPORT_READY, runtime.ops->flags, "");
	rt_loop(&runtime);
	__atomic_store_n(&runtime.status->phase, PDP_PHASE_STOPPING, __ATOMIC_RELEASE);
	rt_unload(&runtime);
	fflush(NULL);
	_exit(0);
}
