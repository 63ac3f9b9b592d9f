/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a killed primary wrote down is ended by the next: its processes, and nobody else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/engine/notes.h"
#include "../../lib/engine/pdp_engine_old.h"

static char dir[64];
static struct pdp_engines_old found;
static char err[256];

static int begin(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/pdp-notes-XXXXXX");
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int end(void **state)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/" NOTES_FILE, dir);
	unlink(path);
	return rmdir(dir);
}

static pid_t sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	assert_true(pid > 0);
	return pid;
}

/* @return the signal that ended it; 0: it lives, and is ended now */
static int how_ended(pid_t pid)
{
	int status, rc = waitpid(pid, &status, WNOHANG);

	if (rc == pid)
		return WTERMSIG(status);
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	return 0;
}

static int end_old(void)
{
	return pdp_engines_end_old(dir, "lab", 2000, &found, err, sizeof(err));
}

static bool is_there(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/" NOTES_FILE, dir);
	return access(path, F_OK) == 0;
}

/* The file as it stands when its writer is killed. */
static void forget(struct notes *n)
{
	close(n->fd);
	n->fd = -1;
}

static void test_nothing(void **state)
{
	struct notes n;

	assert_int_equal(end_old(), 0);
	assert_int_equal(notes_open(&n, dir), 0);
	assert_true(is_there());
	notes_close(&n);
	assert_false(is_there());
	notes_close(&n);
	assert_int_equal(notes_open(&n, "/nowhere"), -ENOENT);
}

static void test_processes(void **state)
{
	pid_t dies = sleeper(), left = sleeper(), later = sleeper();
	off_t at_dies = 0, at_left = 0;
	struct notes n;

	assert_int_equal(notes_open(&n, dir), 0);
	notes_process(&n, &at_left, left);
	notes_process(&n, &at_dies, dies);
	/* One is gone in order, another has its place. */
	notes_process(&n, &at_left, 0);
	assert_int_not_equal(at_left, 0);
	notes_process(&n, &at_left, later);
	forget(&n);
	assert_int_equal(end_old(), 0);
	assert_int_equal(found.n_processes, 2);
	assert_int_equal(how_ended(dies), SIGKILL);
	assert_int_equal(how_ended(later), SIGKILL);
	assert_int_equal(how_ended(left), 0);
	assert_false(is_there());
}

static void write_file(const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/" NOTES_FILE, dir);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* The same number, but another process; a list of another boot; our own number; nonsense. */
static void test_others(void **state)
{
	char text[512], boot[64] = "";
	pid_t pid = sleeper();
	unsigned long long start = notes_start_time(pid);
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%63s", boot), 1);
	fclose(f);
	assert_true(start != 0);
	snprintf(text, sizeof(text),
		 "pdp-left 1 %s\nprocess %d %llu\nprocess %d %llu\nprocess 1 1\nprocess -1 5\n"
		 "process x\ngroup\ngroup relative\n%c\n",
		 boot, pid, start + 1, getpid(), notes_start_time(getpid()), 0x80);
	write_file(text);
	assert_int_equal(end_old(), 0);
	assert_int_equal(found.n_processes, 0);
	snprintf(text, sizeof(text), "pdp-left 1 another-boot\nprocess %d %llu\n", pid, start);
	write_file(text);
	assert_int_equal(end_old(), 0);
	snprintf(text, sizeof(text), "process %d %llu\n", pid, start);
	write_file(text);
	assert_int_equal(end_old(), 0);
	assert_int_equal(how_ended(pid), 0);
}

/* A folder stands for a control group: cgroup.procs names its members. */
static void test_groups(void **state)
{
	static const char *const names[] = {"pdp-lab", "pdp-lab/red.0", "pdp-other"};
	pid_t pids[3];
	struct notes n;
	char path[256];

	assert_int_equal(notes_open(&n, dir), 0);
	for (unsigned int i = 0; i < 3; i++) {
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		assert_int_equal(mkdir(path, 0700), 0);
		notes_group(&n, path);
		snprintf(path, sizeof(path), "%s/%s/cgroup.procs", dir, names[i]);
		f = fopen(path, "we");
		assert_non_null(f);
		fprintf(f, "%d\n", pids[i] = sleeper());
		fclose(f);
	}
	forget(&n);
	assert_int_equal(end_old(), 0);
	assert_int_equal(how_ended(pids[0]), SIGKILL);
	assert_int_equal(how_ended(pids[1]), SIGKILL);
	assert_int_equal(how_ended(pids[2]), 0);
	for (int i = 2; i >= 0; i--) {
		snprintf(path, sizeof(path), "%s/%s/cgroup.procs", dir, names[i]);
		unlink(path);
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		rmdir(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing, begin, end),
		cmocka_unit_test_setup_teardown(test_processes, begin, end),
		cmocka_unit_test_setup_teardown(test_others, begin, end),
		cmocka_unit_test_setup_teardown(test_groups, begin, end),
	};

	return cmocka_run_group_tests_name("notes", tests, NULL, NULL);
}
