/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pdp-engine-sandbox: stands between the primary and a sealed engine. Started as root, with nothing
 * of the VR loaded, it joins the control groups, makes the VR's two files reachable, becomes the
 * VR's own unprivileged user, lowers the limits and turns into bubblewrap, which starts the engine
 * in namespaces of its own. One process a start, which never comes back.
 *
 * The order matters: bubblewrap run by root with --uid would leave the kernel's uid 0 in it, so the
 * user changes before.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox_priv.h"

#define N_FILES_MAX  64 /* open at once */
#define N_GROUPS_MAX 4
#define STACK_BYTES  (8u << 20)
#define FIRST_CLOSED 4 /* 0 to 2, and the socket to the primary */

struct order {
	uid_t uid;
	int cpu;
	rlim_t memory_mb;
	rlim_t tasks;
	pid_t parent;
	const char *plugin;
	const char *groups[N_GROUPS_MAX];
	unsigned int n_groups;
	char **program; /* and its arguments */
};

void die(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fprintf(stderr, "pdp-engine-sandbox: ");
	vfprintf(stderr, format, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	_exit(1);
}

static unsigned long number(const char *text, unsigned long max)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (*text == '\0' || *end != '\0' || errno != 0 || v > max)
		die("\"%s\" is no number from 0 to %lu", text, max);
	return v;
}

static void parse(struct order *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{"uid", required_argument, NULL, 'u'},	  {"cpu", required_argument, NULL, 'c'},
		{"memory", required_argument, NULL, 'm'}, {"tasks", required_argument, NULL, 't'},
		{"parent", required_argument, NULL, 'p'}, {"plugin", required_argument, NULL, 'l'},
		{"cgroup", required_argument, NULL, 'g'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "+", longs, NULL)) != -1) {
		if (c == 'u')
			o->uid = (uid_t)number(optarg, UINT32_MAX - 1);
		else if (c == 'c')
			o->cpu = (int)number(optarg, CPU_SETSIZE - 1);
		else if (c == 'm')
			o->memory_mb = number(optarg, 1u << 20);
		else if (c == 't')
			o->tasks = number(optarg, 1u << 20);
		else if (c == 'p')
			o->parent = (pid_t)number(optarg, INT32_MAX);
		else if (c == 'l')
			o->plugin = optarg;
		else if (c == 'g' && o->n_groups < N_GROUPS_MAX)
			o->groups[o->n_groups++] = optarg;
		else
			die("the primary starts this program; there is nothing to be done with it "
			    "by hand");
	}
	o->program = argv + optind;
	if (o->uid == 0 || o->memory_mb == 0 || o->tasks == 0 || optind == argc)
		die("it takes --uid, --memory, --tasks and a program");
}

/* Processes made from now on are in the groups from their first instruction. */
static void join_group(const char *members)
{
	int fd = open(members, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "0", 1) != 1)
		die("cannot join the control group of %s: %s", members, strerror(errno));
	close(fd);
}

static void pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		die("cannot run on CPU %d: %s", cpu, strerror(errno));
}

static void limit(int what, rlim_t value)
{
	const struct rlimit l = {value, value};

	if (setrlimit((__rlimit_resource_t)what, &l) != 0)
		die("cannot set limit %d to %lu: %s", what, (unsigned long)value, strerror(errno));
}

/* The number of processes is the whole VR's here, since the kernel counts by user; the engine
 * lowers it to its own when it is alone in its namespace, and its control group holds from the
 * start. */
static void limits(const struct order *o)
{
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_NOFILE, N_FILES_MAX);
	limit(RLIMIT_NPROC, o->tasks * SANDBOX_ENGINES_MAX);
	limit(RLIMIT_DATA, o->memory_mb << 20);
	limit(RLIMIT_STACK, STACK_BYTES);
	limit(RLIMIT_MEMLOCK, 0);
	limit(RLIMIT_MSGQUEUE, 0);
	limit(RLIMIT_SIGPENDING, SANDBOX_ENGINES_MAX);
	limit(RLIMIT_NICE, 0);
	limit(RLIMIT_RTPRIO, 0);
}

static void become(uid_t uid)
{
	uid_t r, e, s;

	if (setgroups(0, NULL) != 0 || setresgid(uid, uid, uid) != 0 ||
	    setresuid(uid, uid, uid) != 0)
		die("cannot become user %u: %s; set sandbox.uid_base to users that this machine "
		    "or container has",
		    uid, strerror(errno));
	if (getresuid(&r, &e, &s) != 0 || r != uid || e != uid || s != uid || setuid(0) == 0)
		die("user %u can become root again", uid);
}

/* Changing the user has cleared what was set before, so this comes after it. */
static void die_with(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (parent != 0 && getppid() != parent)
		_exit(1);
}

int main(int argc, char **argv)
{
	struct order o = {.cpu = -1};
	struct staged staged;

	/* Inside, for sandbox_check(). */
	if (argc == 2 && strcmp(argv[1], "--nothing") == 0)
		return 0;
	parse(&o, argc, argv);
	if (geteuid() != 0)
		die("a sealed engine gets a user of its own, which takes root: start the primary "
		    "as root");
	syscall(SYS_close_range, FIRST_CLOSED, ~0u, 0);
	for (unsigned int i = 0; i < o.n_groups; i++)
		join_group(o.groups[i]);
	pin(o.cpu);
	stage(&staged, o.program[0], o.plugin);
	become(o.uid);
	limits(&o);
	die_with(o.parent);
	run_bubblewrap(&staged, o.program + 1);
}
