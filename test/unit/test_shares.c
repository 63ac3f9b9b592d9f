/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CPU shares. First what is read and written, in a folder that looks like a cgroup tree: where the
 * own group is, which files get which words, and the sentences where a tree is no good. Then the
 * kernel's own tree with processes that spin on one CPU, as root and where there is one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <shares.h>

#include "cgtree.h"

static char why[2048];

static struct shares *open_here(unsigned int n_cpus)
{
	return shares_open(cgtree_path("proc"), "pdp-test", n_cpus, why, sizeof(why));
}

static void refused(int error, const char *words)
{
	assert_null(open_here(1));
	assert_int_equal(errno, error);
	if (strstr(why, words) == NULL)
		fail_msg("\"%s\" is not in: %s", words, why);
	assert_non_null(strstr(why, "Delegate=yes"));
}

/* What the kernel puts into a group. */
static void put_v1(const char *dir)
{
	static const char *const files[] = {"cpu.shares", "cpu.cfs_period_us", "cpu.cfs_quota_us",
					    "cgroup.procs"};
	char name[256];

	for (size_t i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "%s/%s", dir, files[i]);
		cgtree_put(name, "");
	}
}

static void put_v2(const char *dir, const char *type)
{
	static const char *const files[] = {"cpu.weight", "cpu.max", "cgroup.procs",
					    "cgroup.threads", "cgroup.subtree_control"};
	char name[256];

	for (size_t i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "%s/%s", dir, files[i]);
		cgtree_put(name, "");
	}
	snprintf(name, sizeof(name), "%s/cgroup.type", dir);
	cgtree_put(name, type);
}

static void test_v1_words(void **state)
{
	struct shares_group g;
	struct shares *s;

	cgtree_mounts("3:cpuset:/other\n2:cpu,cpuacct:/mine\n0::/\n",
		      "/ set cgroup rw,cpuset\n/ cpu cgroup rw,cpu,cpuacct\n");
	cgtree_put("set/cpu.shares", "");
	put_v1("cpu/mine/pdp-test");
	put_v1("cpu/mine/pdp-test/red.0");
	s = open_here(3);
	assert_non_null(s);
	assert_non_null(strstr(shares_where(s), "cgroup v1 at "));
	assert_non_null(strstr(shares_where(s), "/cpu/mine/pdp-test"));
	/* Ordinary on each of three CPUs. */
	cgtree_check("cpu/mine/pdp-test/cpu.shares", "3072");
	shares_cpus(s, 5);
	cgtree_check("cpu/mine/pdp-test/cpu.shares", "5120");
	assert_int_equal(shares_make(s, &g, "red.0"), 0);
	cgtree_check("cpu/mine/pdp-test/red.0/cpu.cfs_quota_us", "-1");
	assert_int_equal(shares_weight(s, &g, 600), 0);
	cgtree_check("cpu/mine/pdp-test/red.0/cpu.shares", "6144");
	assert_int_equal(shares_move(s, &g, 4711), 0);
	cgtree_check("cpu/mine/pdp-test/red.0/cgroup.procs", "4711");
	assert_int_equal(shares_quota(s, &g, 20), 0);
	cgtree_check("cpu/mine/pdp-test/red.0/cpu.cfs_period_us", "10000");
	cgtree_check("cpu/mine/pdp-test/red.0/cpu.cfs_quota_us", "2000");
	/* The kernel takes no quota below 1 ms. */
	assert_int_equal(shares_quota(s, &g, 3), 0);
	cgtree_check("cpu/mine/pdp-test/red.0/cpu.cfs_period_us", "33333");
	cgtree_check("cpu/mine/pdp-test/red.0/cpu.cfs_quota_us", "1000");
	cgtree_put("cpu/mine/pdp-test/red.0/cpu.cfs_quota_us", "");
	assert_int_equal(shares_quota(s, &g, 100), 0);
	cgtree_check("cpu/mine/pdp-test/red.0/cpu.cfs_quota_us", "-1");
	/* Nothing is written twice. */
	cgtree_put("cpu/mine/pdp-test/red.0/cpu.shares", "as it was");
	assert_int_equal(shares_weight(s, &g, 600), 0);
	cgtree_check("cpu/mine/pdp-test/red.0/cpu.shares", "as it was");
	cgtree_put("cpu/mine/pdp-test/red.0/cpu.shares", "");
	assert_int_equal(shares_weight(s, &g, 99999), 0);
	cgtree_check("cpu/mine/pdp-test/red.0/cpu.shares", "102400");
	shares_close(s);
}

/* A container: its root of the tree is somewhere below, and its processes are where it may not give
 * controllers to whole groups. */
static void test_v2_words(void **state)
{
	struct shares_group g;
	struct shares *s;

	cgtree_mounts("0::/docker/abc/x\n", "/docker/abc v2 cgroup2 rw\n");
	cgtree_put("v2/x/cgroup.controllers", "cpuset cpu memory\n");
	cgtree_put("v2/x/cgroup.subtree_control", "");
	put_v2("v2/x/pdp-test", "domain invalid\n");
	put_v2("v2/x/pdp-test/red.0", "domain\n");
	s = open_here(2);
	assert_non_null(s);
	assert_non_null(strstr(shares_where(s), "cgroup v2 at "));
	cgtree_check("v2/x/cgroup.subtree_control", "+cpu");
	cgtree_check("v2/x/pdp-test/cgroup.type", "threadednvalid\n");
	cgtree_check("v2/x/pdp-test/cgroup.subtree_control", "+cpu");
	cgtree_check("v2/x/pdp-test/cpu.weight", "200");
	assert_int_equal(shares_make(s, &g, "red.0"), 0);
	cgtree_check("v2/x/pdp-test/red.0/cgroup.type", "domain\n");
	cgtree_check("v2/x/pdp-test/red.0/cpu.max", "max");
	assert_int_equal(shares_weight(s, &g, 400), 0);
	cgtree_check("v2/x/pdp-test/red.0/cpu.weight", "400");
	assert_int_equal(shares_quota(s, &g, 25), 0);
	cgtree_check("v2/x/pdp-test/red.0/cpu.max", "2500 10000");
	/* What is in a group goes to where the primary was, and the controller is off again. */
	cgtree_put("v2/x/pdp-test/red.0/cgroup.threads", "4711\n");
	cgtree_put("v2/x/cgroup.procs", "");
	shares_remove(s, &g);
	cgtree_check("v2/x/cgroup.procs", "4711");
	shares_close(s);
	cgtree_check("v2/x/cgroup.subtree_control", "-cpu");
}

/* Version 1 where version 2 is mounted without the controller, as this kernel's hybrid has it. */
static void test_hybrid(void **state)
{
	struct shares *s;

	cgtree_mounts("1:cpu:/\n0::/\n", "/ v2 cgroup2 rw\n/ cpu cgroup rw,cpu\n");
	cgtree_put("v2/cgroup.controllers", "hugetlb\n");
	put_v1("cpu/pdp-test");
	s = open_here(1);
	assert_non_null(s);
	assert_non_null(strstr(shares_where(s), "cgroup v1"));
	shares_close(s);
}

static void test_sentences(void **state)
{
	cgtree_mounts("", "");
	refused(ENOENT, "cgroup v2 is not mounted; cgroup v1 is not mounted; give");
	cgtree_mounts("0::/../else\n", "/ v2 cgroup2 rw\n");
	refused(ENOENT, "does not show the group /../else of this process");
	cgtree_mounts("0::/gone\n", "/ v2 cgroup2 rw\n");
	refused(ENOENT, "/v2/gone: No such file or directory");
	cgtree_mounts("0::/\n1:cpu:/\n", "/ v2 cgroup2 rw\n/ cpu cgroup rw,cpu\n");
	cgtree_put("v2/cgroup.controllers", "memory pids\n");
	cgtree_put("cpu/pdp-test/nothing", "");
	refused(ENOENT, "/v2 has no cpu controller; cgroup v1: cannot make ");
	/* It may be looked at, not changed. */
	cgtree_put("v2/cgroup.controllers", "cpu\n");
	refused(ENOENT, "cgroup.subtree_control takes no +cpu: No such file or directory");
}

/* --- the kernel's tree */

#define SPIN_MS 300  /* of CPU time, to compare */
#define WAIT_MS 9000 /* for it, on a busy machine: then there is less to compare */

struct spinner {
	struct shares_group group;
	pid_t pid;
};

static struct shares *open_real(void)
{
	struct shares *s = NULL;

	if (getuid() == 0)
		s = shares_open(SHARES_PROC, "pdp-test-shares", 1, why, sizeof(why));
	if (s == NULL) {
		print_message("needs root and a cpu controller: %s\n", why);
		skip();
	}
	return s;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int last_cpu(void)
{
	cpu_set_t set;
	int last = 0;

	sched_getaffinity(0, sizeof(set), &set);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &set))
			last = cpu;
	}
	return last;
}

/* A process on the last CPU that waits for its start and then spins, or sleeps. */
static void start(struct shares *s, struct spinner *p, const char *name, unsigned int weight,
		  bool spins)
{
	cpu_set_t set;

	p->pid = fork();
	assert_true(p->pid >= 0);
	if (p->pid == 0) {
		CPU_ZERO(&set);
		CPU_SET(last_cpu(), &set);
		sched_setaffinity(0, sizeof(set), &set);
		raise(SIGSTOP);
		while (spins)
			;
		for (;;)
			pause();
	}
	waitpid(p->pid, NULL, WUNTRACED);
	assert_int_equal(shares_make(s, &p->group, name), 0);
	assert_int_equal(shares_weight(s, &p->group, weight), 0);
	assert_int_equal(shares_move(s, &p->group, p->pid), 0);
}

static double cpu_ms(pid_t pid)
{
	clockid_t clock;
	struct timespec ts;

	assert_int_equal(clock_getcpuclockid(pid, &clock), 0);
	assert_int_equal(clock_gettime(clock, &ts), 0);
	return (double)ts.tv_sec * 1000 + (double)ts.tv_nsec / 1e6;
}

/* Let them run. @return wall time, ms; what both had of it */
static double run(struct spinner *a, struct spinner *b, double *a_ms, double *b_ms)
{
	const double a_had = cpu_ms(a->pid), b_had = cpu_ms(b->pid);
	uint64_t began = now_ms();

	kill(a->pid, SIGCONT);
	kill(b->pid, SIGCONT);
	do {
		usleep(20000);
		*a_ms = cpu_ms(a->pid) - a_had;
		*b_ms = cpu_ms(b->pid) - b_had;
	} while (*a_ms + *b_ms < SPIN_MS && now_ms() - began < WAIT_MS);
	return (double)(now_ms() - began);
}

static void end(struct shares *s, struct spinner *p)
{
	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
	shares_remove(s, &p->group);
}

static void test_weights(void **state)
{
	struct shares *s = open_real();
	struct spinner a, b;
	double a_ms, b_ms;

	start(s, &a, "a.0", 600, true);
	start(s, &b, "b.0", 400, true);
	run(&a, &b, &a_ms, &b_ms);
	print_message("60/40: %.0f ms and %.0f ms of CPU time\n", a_ms, b_ms);
	assert_true(a_ms / (a_ms + b_ms) > 0.53 && a_ms / (a_ms + b_ms) < 0.67);
	/* The other way round, while they run. */
	assert_int_equal(shares_weight(s, &a.group, 250), 0);
	assert_int_equal(shares_weight(s, &b.group, 750), 0);
	run(&a, &b, &a_ms, &b_ms);
	print_message("25/75: %.0f ms and %.0f ms\n", a_ms, b_ms);
	assert_true(a_ms / (a_ms + b_ms) > 0.18 && a_ms / (a_ms + b_ms) < 0.32);
	end(s, &a);
	end(s, &b);
	shares_close(s);
}

/* What the heavy one leaves, the light one may have. */
static void test_work_conserving(void **state)
{
	struct shares *s = open_real();
	struct spinner a, b;
	double a_ms, b_ms;

	start(s, &a, "a.0", 10, true);
	start(s, &b, "b.0", 1000, false);
	run(&a, &b, &a_ms, &b_ms);
	print_message("1 %% beside an idle one: %.0f ms, %.0f ms\n", a_ms, b_ms);
	assert_true(a_ms > 0.95 * (a_ms + b_ms));
	end(s, &a);
	end(s, &b);
	shares_close(s);
}

static void test_strict(void **state)
{
	struct shares *s = open_real();
	struct spinner a, b;
	double a_ms, b_ms, ms;

	start(s, &a, "a.0", 200, true);
	start(s, &b, "b.0", 1000, false);
	assert_int_equal(shares_quota(s, &a.group, 20), 0);
	ms = run(&a, &b, &a_ms, &b_ms);
	print_message("strict 20 %%: %.0f ms of %.0f\n", a_ms, ms);
	assert_true(a_ms < 0.25 * ms);
	end(s, &a);
	end(s, &b);
	shares_close(s);
}

/* Killed primaries leave groups, empty and not; a group that ends gives its members back. */
static void test_leavings(void **state)
{
	struct shares *killed = open_real(), *s;
	char dir[256], file[300], line[256] = "";
	struct spinner a, b;
	struct stat st;
	FILE *f;

	snprintf(dir, sizeof(dir), "%s", strchr(shares_where(killed), '/'));
	start(killed, &a, "a.0", 100, false);
	start(killed, &b, "b.0", 100, false);
	assert_int_equal(shares_quota(killed, &b.group, 20), 0);
	kill(a.pid, SIGKILL);
	waitpid(a.pid, NULL, 0);
	/* Another primary of that name. */
	s = open_real();
	snprintf(file, sizeof(file), "%s/a.0", dir);
	assert_int_equal(stat(file, &st), -1);
	snprintf(file, sizeof(file), "%s/b.0", dir);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(shares_make(s, &a.group, "b.0"), 0);
	snprintf(file, sizeof(file), "/proc/%d/cgroup", b.pid);
	shares_close(s);
	assert_int_equal(stat(dir, &st), -1);
	f = fopen(file, "r");
	while (fgets(line, sizeof(line), f) != NULL)
		assert_null(strstr(line, "pdp-test-shares"));
	fclose(f);
	kill(b.pid, SIGKILL);
	waitpid(b.pid, NULL, 0);
	shares_close(killed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_v1_words, cgtree_setup, cgtree_teardown),
		cmocka_unit_test_setup_teardown(test_v2_words, cgtree_setup, cgtree_teardown),
		cmocka_unit_test_setup_teardown(test_hybrid, cgtree_setup, cgtree_teardown),
		cmocka_unit_test_setup_teardown(test_sentences, cgtree_setup, cgtree_teardown),
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_work_conserving),
		cmocka_unit_test(test_strict),
		cmocka_unit_test(test_leavings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
