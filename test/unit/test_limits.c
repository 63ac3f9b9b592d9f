/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Limits of memory and tasks. First what is read and written, in a folder that looks like a cgroup
 * tree; then the kernel's own, with processes that take all they can get.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <limits.h>
#include <cglimits.h>

#include "cgtree.h"

static char why[2048];

static struct limits *open_here(void)
{
	return limits_open(cgtree_path("proc"), "pdp-test", why, sizeof(why));
}

static void put_all(const char *dir, const char *const *files, size_t n)
{
	char name[256];

	for (size_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s/%s", dir, files[i]);
		cgtree_put(name, "");
	}
}

static void put_v1(void)
{
	static const char *const memory[] = {"memory.limit_in_bytes", "memory.oom_control",
					     "cgroup.procs"};
	static const char *const pids[] = {"pids.max", "cgroup.procs"};

	put_all("mem/mine/pdp-test/red.0", memory, 3);
	put_all("pids/pdp-test/red.0", pids, 2);
}

static void test_v1_words(void **state)
{
	struct limits_group g;
	char path[PATH_MAX];
	struct limits *l;

	cgtree_mounts("3:memory:/mine\n2:pids:/\n0::/\n",
		      "/ v2 cgroup2 rw\n/ mem cgroup rw,memory\n/ pids cgroup rw,pids\n");
	cgtree_put("v2/cgroup.procs", "");
	cgtree_put("v2/cgroup.subtree_control", "\n");
	put_v1();
	l = open_here();
	assert_non_null(l);
	assert_null(limits_shares(l));
	assert_non_null(strstr(limits_where(l), "/mem/mine/pdp-test and cgroup v1"));
	/* A kernel that does not count swap has no file for it. */
	assert_int_equal(limits_make(l, &g, "red.0", 10, 7), 0);
	cgtree_check("mem/mine/pdp-test/red.0/memory.limit_in_bytes", "10485760");
	cgtree_check("pids/pdp-test/red.0/pids.max", "7");
	assert_string_equal(limits_members(l, &g, 0, path),
			    cgtree_path("mem/mine/pdp-test/red.0/cgroup.procs"));
	assert_string_equal(limits_members(l, &g, 1, path),
			    cgtree_path("pids/pdp-test/red.0/cgroup.procs"));
	assert_null(limits_members(l, &g, 2, path));
	cgtree_put("mem/mine/pdp-test/red.0/memory.oom_control",
		   "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n");
	assert_false(limits_memory_hit(l, &g));
	cgtree_put("mem/mine/pdp-test/red.0/memory.oom_control",
		   "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
	assert_true(limits_memory_hit(l, &g));
	limits_close(l);
}

/* A service: its slice gives the controllers on, its own group holds the primary. */
static void test_v2_words(void **state)
{
	static const char *const files[] = {"memory.max",   "memory.swap.max", "pids.max",
					    "cpu.weight",   "cpu.max",	       "cgroup.procs",
					    "memory.events"};
	struct limits_group g;
	char path[PATH_MAX];
	struct limits *l;

	cgtree_mounts("0::/system/pdp\n", "/ v2 cgroup2 rw\n");
	cgtree_put("v2/system/pdp/cgroup.procs", "1\n");
	cgtree_put("v2/system/pdp/cgroup.subtree_control", "cpu\n");
	cgtree_put("v2/system/cgroup.procs", "");
	cgtree_put("v2/system/cgroup.subtree_control", "cpu memory pids\n");
	cgtree_put("v2/system/pdp-test/cgroup.subtree_control", "");
	cgtree_put("v2/system/pdp-test/cpu.weight", "");
	put_all("v2/system/pdp-test/red.0", files, 7);
	l = open_here();
	if (l == NULL)
		fail_msg("%s", why);
	assert_non_null(limits_shares(l));
	cgtree_check("v2/system/pdp-test/cpu.weight", "100");
	assert_int_equal(limits_make(l, &g, "red.0", 10, 7), 0);
	cgtree_check("v2/system/pdp-test/red.0/memory.max", "10485760");
	cgtree_check("v2/system/pdp-test/red.0/memory.swap.max", "0");
	cgtree_check("v2/system/pdp-test/red.0/pids.max", "7");
	assert_string_equal(limits_members(l, &g, 0, path),
			    cgtree_path("v2/system/pdp-test/red.0/cgroup.procs"));
	assert_null(limits_members(l, &g, 1, path));
	cgtree_put("v2/system/pdp-test/red.0/memory.events", "low 0\noom 1\noom_kill 1\n");
	assert_true(limits_memory_hit(l, &g));
	limits_close(l);
}

static void test_sentences(void **state)
{
	cgtree_mounts("0::/x\n", "/ v2 cgroup2 rw\n");
	cgtree_put("v2/x/cgroup.procs", "1\n");
	cgtree_put("v2/x/cgroup.subtree_control", "cpu\n");
	assert_null(open_here());
	assert_int_equal(errno, ENOENT);
	assert_non_null(strstr(why, "/v2/x upwards gives memory and pids to groups below"));
	assert_non_null(strstr(why, "cgroup v1 (memory) is not mounted"));
	assert_non_null(strstr(why, "sandbox.limits"));
}

/* --- the kernel's tree */

static struct limits *open_real(void)
{
	struct limits *l = NULL;

	if (getuid() == 0)
		l = limits_open(SHARES_PROC, "pdp-test-limits", why, sizeof(why));
	if (l == NULL) {
		print_message("needs root and the memory and pids controllers: %s\n", why);
		skip();
	}
	return l;
}

/* A child in the group that does what it likes. @return its status */
static int in_group(struct limits *l, struct limits_group *g, void (*what)(void))
{
	pid_t pid = fork();
	char path[PATH_MAX];
	int status;

	if (pid == 0) {
		for (unsigned int i = 0; limits_members(l, g, i, path) != NULL; i++) {
			int fd = open(path, O_WRONLY);

			if (fd < 0 || write(fd, "0", 1) != 1)
				_exit(99);
			close(fd);
		}
		what();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void eat(void)
{
	for (int mb = 0; mb < 256; mb++) {
		volatile char *p = malloc(1 << 20); /* else a compiler leaves it all out */

		if (p == NULL)
			_exit(1);
		for (int at = 0; at < 1 << 20; at += 4096)
			p[at] = 1;
	}
}

static void breed(void)
{
	int n = 0;

	while (n < 50) {
		pid_t pid = fork();

		if (pid < 0)
			_exit(n);
		if (pid == 0)
			for (;;)
				pause();
		n++;
	}
	_exit(n);
}

static void test_memory(void **state)
{
	struct limits *l = open_real();
	struct limits_group g;
	int status;

	assert_int_equal(limits_make(l, &g, "red.0", 32, 10), 0);
	assert_false(limits_memory_hit(l, &g));
	status = in_group(l, &g, eat);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_true(limits_memory_hit(l, &g));
	limits_remove(l, &g);
	limits_close(l);
}

static void kill_members(const char *path)
{
	FILE *f = fopen(path, "r");
	int pid;

	while (f != NULL && fscanf(f, "%d", &pid) == 1)
		kill(pid, SIGKILL);
	if (f != NULL)
		fclose(f);
}

static void test_tasks(void **state)
{
	struct limits *l = open_real();
	struct limits_group g;
	char path[PATH_MAX];
	int status;

	assert_int_equal(limits_make(l, &g, "red.0", 64, 10), 0);
	status = in_group(l, &g, breed);
	assert_non_null(limits_members(l, &g, 0, path));
	kill_members(path);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 9);
	limits_remove(l, &g);
	limits_close(l);
	*strrchr(path, '/') = '\0';
	assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_v1_words, cgtree_setup, cgtree_teardown),
		cmocka_unit_test_setup_teardown(test_v2_words, cgtree_setup, cgtree_teardown),
		cmocka_unit_test_setup_teardown(test_sentences, cgtree_setup, cgtree_teardown),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_tasks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
