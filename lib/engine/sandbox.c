/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The primary's side of sandboxes: one posix_spawn of the launcher. Control thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox.h"

#define ARGS_MAX 64
#define WORD	 32

extern char **environ;

/* The launcher's command line; numbers are written to `words`. */
struct line {
	const char *args[ARGS_MAX + 1];
	unsigned int n;
	char words[8][WORD];
	unsigned int n_words;
};

static void add(struct line *l, const char *word)
{
	if (l->n < ARGS_MAX)
		l->args[l->n++] = word;
}

static void add_number(struct line *l, const char *name, unsigned long value)
{
	char *word = l->words[l->n_words++];

	snprintf(word, WORD, "--%s=%lu", name, value);
	add(l, word);
}

static void add_text(struct line *l, const char *name, const char *value)
{
	if (value == NULL)
		return;
	add(l, name);
	add(l, value);
}

static void command_line(struct line *l, const struct sandbox_params *p)
{
	add(l, p->launcher);
	add_number(l, "uid", p->uid);
	add_number(l, "memory", p->memory_mb);
	add_number(l, "tasks", p->tasks);
	add_number(l, "parent", (unsigned long)getpid());
	if (p->cpu >= 0)
		add_number(l, "cpu", (unsigned long)p->cpu);
	for (unsigned int i = 0; i < SANDBOX_GROUPS; i++)
		add_text(l, "--cgroup", p->groups[i]);
	add_text(l, "--plugin", p->plugin);
	add(l, "--");
	add(l, p->program);
	for (const char *const *a = p->args; a != NULL && *a != NULL; a++)
		add(l, *a);
	l->args[l->n] = NULL;
}

/* Descriptors of the program: nothing to read, one place to write, the socket. */
static void descriptors(posix_spawn_file_actions_t *actions, const struct sandbox_params *p)
{
	posix_spawn_file_actions_init(actions);
	posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (p->log >= 0) {
		posix_spawn_file_actions_adddup2(actions, p->log, STDOUT_FILENO);
		posix_spawn_file_actions_adddup2(actions, p->log, STDERR_FILENO);
	}
	if (p->sock >= 0)
		posix_spawn_file_actions_adddup2(actions, p->sock, SANDBOX_SOCK_FD);
	else
		posix_spawn_file_actions_addopen(actions, SANDBOX_SOCK_FD, "/dev/null", O_RDONLY,
						 0);
	posix_spawn_file_actions_addclosefrom_np(actions, SANDBOX_SOCK_FD + 1);
}

int sandbox_spawn(const struct sandbox_params *p, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	struct line l = {.n = 0};
	posix_spawnattr_t attr;
	sigset_t none, all;
	int rc;

	command_line(&l, p);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
						POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	descriptors(&actions, p);
	rc = posix_spawn(pid, p->launcher, &actions, &attr, (char *const *)(uintptr_t)l.args,
			 environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return -rc;
}

void sandbox_kill(pid_t pid)
{
	kill(-pid, SIGKILL);
}

/* All that a program says until it ends, or as long as is waited for it. */
static bool hear(int fd, char *out, size_t size)
{
	size_t used = 0;
	ssize_t n = -1;

	while (used < size - 1) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};

		if (poll(&pfd, 1, SANDBOX_CHECK_MS) != 1)
			break;
		n = read(fd, out + used, size - 1 - used);
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	out[used] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return n == 0;
}

static void explain(const char *said, uid_t uid, char *why, size_t why_size)
{
	static const char own[] = SANDBOX_LAUNCHER ": ";

	if (strncmp(said, own, sizeof(own) - 1) == 0)
		snprintf(why, why_size, "%s", said + sizeof(own) - 1);
	else
		snprintf(why, why_size,
			 "user %u cannot make a sandbox (%s); allow user namespaces (sysctl "
			 "user.max_user_namespaces above 0, kernel.unprivileged_userns_clone=1 "
			 "where there is such, in a container no seccomp profile against them)",
			 uid, said[0] != '\0' ? said : "no reason is given");
}

int sandbox_check(const char *launcher, uid_t uid, char *why, size_t why_size)
{
	static const char *const args[] = {"--nothing", NULL};
	struct sandbox_params p = {
		.launcher = launcher,
		.program = launcher,
		.args = args,
		.uid = uid,
		.cpu = -1,
		.memory_mb = 64,
		.tasks = 8,
		.sock = -1,
	};
	int ends[2], status = 0, rc;
	char said[512];
	pid_t pid;
	bool ended;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	p.log = ends[1];
	rc = sandbox_spawn(&p, &pid);
	close(ends[1]);
	if (rc != 0) {
		snprintf(why, why_size, "%s cannot be started: %s", launcher, strerror(-rc));
		close(ends[0]);
		return rc;
	}
	ended = hear(ends[0], said, sizeof(said));
	close(ends[0]);
	if (!ended)
		sandbox_kill(pid);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (ended && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	explain(ended ? said : "it does not end", uid, why, why_size);
	return ended ? -EPERM : -ETIMEDOUT;
}

int sandbox_identify(int sock)
{
	const int on = 1;

	return setsockopt(sock, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0 ? 0 : -errno;
}

ssize_t sandbox_receive(int sock, void *buf, size_t size, pid_t *pid, uid_t *uid)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {buf, size};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct ucred cred;

	*pid = 0;
	*uid = (uid_t)-1;
	if (n < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS &&
		    c->cmsg_len == CMSG_LEN(sizeof(cred))) {
			memcpy(&cred, CMSG_DATA(c), sizeof(cred));
			*pid = cred.pid;
			*uid = cred.uid;
		}
	}
	return n;
}
