/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sandboxes of sealed engines: what a program finds in one, which calls are left to it, that limits
 * hold, that it dies with who started it, and that sealed memory stays as it is. Needs root and
 * user namespaces.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/falloc.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sandbox.h>
#include <sealed.h>

#define UID	  1912345678u
#define MEMORY_MB 48u
#define TASKS	  4u /* as in the probe */
#define WAIT_MS	  20000

static char why[1024];
static int cpu;		 /* where probes run */
static char said[16384]; /* what the last probe said */

struct probe {
	pid_t bwrap;
	pid_t pid; /* its own, by its first message */
	uid_t uid;
	int sock;
	int log;
	char hello[64];
};

static void start(struct probe *p, const char *what)
{
	const char *const args[] = {what, NULL};
	struct sandbox_params sp = {
		.launcher = LAUNCHER,
		.program = PROBE,
		.plugin = PLUGIN,
		.args = args,
		.uid = UID,
		.cpu = cpu,
		.memory_mb = MEMORY_MB,
		.tasks = TASKS,
	};
	int ends[2], log[2];

	*p = (struct probe){.pid = 0};
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(pipe2(log, O_CLOEXEC), 0);
	assert_int_equal(sandbox_identify(ends[0]), 0);
	sp.sock = ends[1];
	sp.log = log[1];
	assert_int_equal(sandbox_spawn(&sp, &p->bwrap), 0);
	close(ends[1]);
	close(log[1]);
	p->sock = ends[0];
	p->log = log[0];
}

static void hello(struct probe *p)
{
	struct pollfd pfd = {.fd = p->sock, .events = POLLIN};
	ssize_t n;

	assert_int_equal(poll(&pfd, 1, WAIT_MS), 1);
	n = sandbox_receive(p->sock, p->hello, sizeof(p->hello) - 1, &p->pid, &p->uid);
	if (n <= 0) {
		n = read(p->log, said, sizeof(said) - 1);
		said[n > 0 ? n : 0] = '\0';
		fail_msg("no message; it said: %s", said);
	}
	p->hello[n] = '\0';
}

/* All that it says until it ends. @return the status of bubblewrap */
static int finish(struct probe *p)
{
	size_t used = 0;
	int status;
	ssize_t n;

	while ((n = read(p->log, said + used, sizeof(said) - 1 - used)) > 0)
		used += (size_t)n;
	said[used] = '\0';
	assert_int_equal(waitpid(p->bwrap, &status, 0), p->bwrap);
	close(p->log);
	close(p->sock);
	return status;
}

static void run(const char *what)
{
	struct probe p;
	int status;

	start(&p, what);
	status = finish(&p);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 7)
		fail_msg("status %x; it said: %s", status, said);
}

static bool has(const char *line)
{
	const size_t len = strlen(line);

	for (const char *s = said; (s = strstr(s, line)) != NULL; s++) {
		if ((s == said || s[-1] == '\n') && s[len] == '\n')
			return true;
	}
	return false;
}

static void found(const char *line)
{
	if (!has(line))
		fail_msg("\"%s\" is not in:\n%s", line, said);
}

static void not_found(const char *words)
{
	if (strstr(said, words) != NULL)
		fail_msg("\"%s\" is in:\n%s", words, said);
}

static unsigned int number_after(const char *word)
{
	const char *at = strstr(said, word);

	if (at == NULL)
		fail_msg("\"%s\" is not in:\n%s", word, said);
	return (unsigned int)strtoul(at + strlen(word), NULL, 10);
}

static void test_check(void **state)
{
	assert_int_equal(sandbox_check(LAUNCHER, UID, why, sizeof(why)), 0);
	assert_int_equal(sandbox_check("/nonexistent", UID, why, sizeof(why)), -ENOENT);
	assert_non_null(strstr(why, "/nonexistent"));
}

/* Without bubblewrap on the PATH, and with one that fails as it does without user namespaces. */
static void test_check_refused(void **state)
{
	char folder[] = "/tmp/pdp-test-bwrap-XXXXXX", file[64], *path = strdup(getenv("PATH"));
	FILE *f;

	assert_non_null(mkdtemp(folder));
	setenv("PATH", folder, 1);
	assert_int_equal(sandbox_check(LAUNCHER, UID, why, sizeof(why)), -EPERM);
	assert_non_null(strstr(why, "install the package bubblewrap"));
	snprintf(file, sizeof(file), "%s/bwrap", folder);
	f = fopen(file, "w");
	fprintf(f, "#!/bin/sh\necho bwrap: No permissions to create new namespace >&2\nexit 1\n");
	fclose(f);
	chmod(file, 0755);
	chmod(folder, 0755);
	assert_int_equal(sandbox_check(LAUNCHER, UID, why, sizeof(why)), -EPERM);
	assert_non_null(strstr(why, "No permissions to create new namespace"));
	assert_non_null(strstr(why, "user.max_user_namespaces"));
	setenv("PATH", path, 1);
	free(path);
	unlink(file);
	rmdir(folder);
}

static bool gone(pid_t pid)
{
	char path[64], line[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (f == NULL)
		return true;
	if (fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	fclose(f);
	return strstr(line, ") Z") != NULL || line[0] == '\0';
}

static bool gone_in_time(pid_t pid)
{
	const struct timespec pause = {.tv_nsec = 5000000};

	for (int ms = 0; ms < WAIT_MS; ms += 5) {
		if (gone(pid))
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

/* A bubblewrap that never gets ready, and has begun a process by then. */
static void test_check_late(void **state)
{
	char folder[] = "/tmp/pdp-test-bwrap-XXXXXX", file[64], *path = strdup(getenv("PATH"));
	glob_t found;
	FILE *f;
	int pid;

	assert_non_null(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/bwrap", folder);
	f = fopen(file, "w");
	/* It may write no file. */
	fprintf(f, "#!/bin/sh\n/bin/sleep 600 &\n/bin/mkdir %s/$!\nwait\n", folder);
	fclose(f);
	chmod(file, 0755);
	chmod(folder, 0777);
	setenv("PATH", folder, 1);
	assert_int_equal(sandbox_check(LAUNCHER, UID, why, sizeof(why)), -ETIMEDOUT);
	setenv("PATH", path, 1);
	free(path);
	unlink(file);
	snprintf(file, sizeof(file), "%s/*", folder);
	assert_int_equal(glob(file, 0, NULL, &found), 0);
	pid = atoi(strrchr(found.gl_pathv[0], '/') + 1);
	rmdir(found.gl_pathv[0]);
	globfree(&found);
	rmdir(folder);
	assert_int_not_equal(pid, 0);
	assert_true(gone_in_time(pid));
}

static void test_look(void **state)
{
	run("look");
	not_found("WRITABLE");
	found("file /engine");
	found("file /vr/pdp_vr_relay.so");
	found("file /lib/libc.so.6");
	found("file /lib/libjansson.so.4"); /* what the plugin needs */
	not_found("/proc");
	not_found("/etc");
	not_found("/dev");
	not_found("/sys");
	found("create Read-only file system");
	found("caps 0");
	found("user 1912345678 1912345678 pid 2");
	found("no_new_privs 1");
	found("cpus 1");
	found("interface lo");
	found("limits core 0 files 64 size 0");
	found("fd 0");
	found("fd 1");
	found("fd 2");
	found("fd 3");
	not_found("fd 4");
	not_found("fd 5");
}

/* What the primary knows of the process is what the kernel says, not what the process says. */
static void test_who(void **state)
{
	struct probe p;
	char path[64], line[256], groups[256] = "";
	FILE *f;

	start(&p, "wait");
	hello(&p);
	assert_string_equal(p.hello, "wait");
	assert_int_equal(p.uid, UID);
	assert_int_not_equal(p.pid, p.bwrap);
	snprintf(path, sizeof(path), "/proc/%d/status", p.pid);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, "Uid:", 4) == 0)
			assert_string_equal(
				line, "Uid:\t1912345678\t1912345678\t1912345678\t1912345678\n");
		if (strncmp(line, "Groups:", 7) == 0)
			snprintf(groups, sizeof(groups), "%s", line + 7);
	}
	fclose(f);
	assert_string_equal(groups + strspn(groups, " \t"), "\n");
	/* The number that it told of is the one to kill; bubblewrap follows, and tells how. */
	assert_int_equal(kill(p.pid, SIGKILL), 0);
	assert_int_equal(WEXITSTATUS(finish(&p)), 128 + SIGKILL);
}

static void test_abort(void **state)
{
	struct probe p;

	start(&p, "abort");
	assert_int_equal(WEXITSTATUS(finish(&p)), 128 + SIGABRT);
}

static void test_calls(void **state)
{
	static const char *const allowed[] = {"malloc", "page", "own message", "tgkill itself"};
	unsigned int n = 0;
	char *save;

	run("calls");
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		char line[64];

		snprintf(line, sizeof(line), "%s: done", allowed[i]);
		found(line);
	}
	found("clone3: Function not implemented");
	for (char *s = strtok_r(said, "\n", &save); s != NULL; s = strtok_r(NULL, "\n", &save)) {
		n++;
		if (strstr(s, ": done") != NULL) {
			bool ok = false;

			for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
				ok |= strncmp(s, allowed[i], strlen(allowed[i])) == 0;
			if (!ok)
				fail_msg("allowed: %s", s);
		} else if (strstr(s, "Operation not permitted") == NULL &&
			   strncmp(s, "clone3", 6) != 0) {
			fail_msg("not refused by the filter: %s", s);
		}
	}
	assert_in_range(n, 35, 100);
}

/* A plugin may be loaded under the first filter, and nothing after the second. */
static void test_load(void **state)
{
	run("load");
	found("plugin: done");
	found("finish: done");
	found("open: Operation not permitted");
	found("code: Operation not permitted");
	found("seccomp: Operation not permitted");
	found("malloc: done");
}

static void test_threads(void **state)
{
	run("threads");
	/* A task that ends is taken off the count a little later or earlier than it is gone. */
	assert_in_range(number_after("threads "), 1, 2 * TASKS);
}

static void test_memory(void **state)
{
	run("memory");
	assert_in_range(number_after("memory "), MEMORY_MB / 2, MEMORY_MB);
}

/* Killed without a chance to say anything, as a primary may be. */
static void test_dies_with_parent(void **state)
{
	int ends[2];
	pid_t pids[3], parent;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	parent = fork();
	if (parent == 0) {
		struct probe p;

		start(&p, "wait");
		hello(&p);
		pids[0] = p.pid;
		pids[1] = p.bwrap;
		pids[2] = getpid();
		if (write(ends[1], pids, sizeof(pids)) != (ssize_t)sizeof(pids))
			_exit(1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(ends[0], pids, sizeof(pids)), sizeof(pids));
	assert_int_equal(pids[2], parent);
	assert_false(gone(pids[0]));
	kill(parent, SIGKILL);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	assert_true(gone_in_time(pids[0]));
	assert_true(gone_in_time(pids[1]));
	close(ends[0]);
	close(ends[1]);
}

static void test_seal(void **state)
{
	const size_t size = 1 << 16;
	struct sealed_memory s;
	char *ours, *theirs, *reader;

	assert_int_equal(sealed_memory_make(&s, "test", size), 0);
	ours = s.mem;
	theirs = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, s.fd, 0);
	assert_ptr_not_equal(theirs, MAP_FAILED);
	/* Who has it before the engine runs cannot change its size either. */
	assert_int_equal(ftruncate(s.fd, 4096), -1);
	assert_int_equal(ftruncate(s.fd, (off_t)size * 2), -1);
	memset(ours, 0x5a, size);
	/* What the other seals are for: without them this works. */
	assert_int_equal(madvise(theirs, 4096, MADV_REMOVE), 0);
	assert_int_equal(ours[0], 0);
	memset(ours, 0x5a, size);
	assert_int_equal(sealed_memory_close(&s), 0);

	assert_int_equal(madvise(theirs, 4096, MADV_REMOVE), -1);
	assert_int_equal(fallocate(s.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), -1);
	assert_int_equal(fallocate(s.fd, FALLOC_FL_ZERO_RANGE, 0, 4096), -1);
	assert_int_equal(ftruncate(s.fd, 4096), -1);
	assert_int_equal(ftruncate(s.fd, (off_t)size * 2), -1);
	assert_int_equal(pwrite(s.fd, "x", 1, 0), -1);
	assert_ptr_equal(mmap(NULL, size, PROT_WRITE, MAP_SHARED, s.fd, 0), MAP_FAILED);
	assert_int_equal(fcntl(s.fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	reader = mmap(NULL, size, PROT_READ, MAP_SHARED, s.fd, 0);
	assert_ptr_not_equal(reader, MAP_FAILED);
	assert_int_equal(mprotect(reader, size, PROT_READ | PROT_WRITE), -1);
	/* Both sides still share what they had. */
	theirs[1] = 7;
	assert_int_equal(ours[1], 7);
	for (size_t i = 2; i < size; i++)
		assert_int_equal(ours[i], 0x5a);

	assert_int_equal(sealed_memory_close(&s), -EPERM);
	munmap(theirs, size);
	munmap(reader, size);
	sealed_memory_free(&s);
	assert_int_equal(s.fd, -1);
	sealed_memory_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seal),	      cmocka_unit_test(test_check),
		cmocka_unit_test(test_check_refused), cmocka_unit_test(test_check_late),
		cmocka_unit_test(test_look),	      cmocka_unit_test(test_who),
		cmocka_unit_test(test_abort),	      cmocka_unit_test(test_calls),
		cmocka_unit_test(test_load),	      cmocka_unit_test(test_threads),
		cmocka_unit_test(test_memory),	      cmocka_unit_test(test_dies_with_parent),
	};

	if (getuid() != 0) {
		printf("needs root\n");
		return 77;
	}
	cpu = sched_getcpu();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
