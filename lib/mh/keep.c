/* SPDX-License-Identifier: BSD-3-Clause */
/* The primary's end of the socket to pdp-keeper, and starting it. Start, stop and repair only. */
#include "pdp_keep.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <pdp_fds.h>

#define ANSWER_MS 1000
#define START_MS  2000
#define LOOK_NS	  5000000

extern char **environ;

struct pdp_keep {
	int sock;
};

static int dial(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

/* A session of its own: signals for the primary's terminal are not for it. */
static int start(const char *program, const char *path)
{
	char *argv[] = {(char *)(uintptr_t)program, (char *)(uintptr_t)path, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	pid_t pid;
	int rc;

	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDWR, 0);
	posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDERR_FILENO);
	posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
	rc = posix_spawn(&pid, program, &actions, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return -rc;
}

static int dial_or_start(const struct sockaddr_un *addr, const char *program)
{
	int fd = dial(addr);

	if (program == NULL || (fd != -ENOENT && fd != -ECONNREFUSED))
		return fd;
	fd = start(program, addr->sun_path);
	for (long waited = 0; fd <= 0 && waited < START_MS * 1000000l; waited += LOOK_NS) {
		if (fd < 0 && fd != -ENOENT && fd != -ECONNREFUSED)
			return fd;
		nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
		fd = dial(addr);
	}
	return fd;
}

struct pdp_keep *pdp_keep_open(const char *prefix, const char *program, char *err, size_t err_size)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct pdp_keep *keep = calloc(1, sizeof(*keep));
	int rc = keep != NULL ? 0 : -ENOMEM;

	if (rc == 0 && snprintf(addr.sun_path, sizeof(addr.sun_path), PDP_KEEP_DIR "/%s.sock",
				prefix) >= (int)sizeof(addr.sun_path))
		rc = -ENAMETOOLONG;
	if (rc == 0 && mkdir(PDP_KEEP_DIR, 0700) != 0 && errno != EEXIST)
		rc = -errno;
	if (rc == 0)
		rc = keep->sock = dial_or_start(&addr, program);
	if (rc >= 0)
		return keep;
	free(keep);
	if (program != NULL)
		snprintf(err, err_size, "%s does not answer on %s: %s", program, addr.sun_path,
			 strerror(-rc));
	errno = -rc;
	return NULL;
}

void pdp_keep_close(struct pdp_keep *keep)
{
	if (keep == NULL)
		return;
	close(keep->sock);
	free(keep);
}

/* @param answer_fd  out: a descriptor that came, or -1 */
static int ask(struct pdp_keep *keep, enum pdp_keep_op op, const char *name, int fd, int *answer_fd)
{
	struct pdp_keep_msg msg = {.magic = PDP_KEEP_MAGIC, .op = (int32_t)op};
	struct pollfd pfd = {.fd = keep->sock, .events = POLLIN};
	int fds[PDP_FDS_MAX];
	unsigned int n = 0;
	ssize_t rc;

	*answer_fd = -1;
	snprintf(msg.name, sizeof(msg.name), "%s", name);
	rc = pdp_fds_send(keep->sock, &msg, sizeof(msg), &fd, fd >= 0);
	if (rc < 0)
		return (int)rc;
	if (poll(&pfd, 1, ANSWER_MS) != 1)
		return -ETIMEDOUT;
	rc = pdp_fds_recv(keep->sock, &msg, sizeof(msg), fds, &n);
	if (rc < 0)
		return (int)rc;
	for (unsigned int i = 1; i < n; i++)
		close(fds[i]);
	if (n > 0)
		*answer_fd = fds[0];
	return rc == (ssize_t)sizeof(msg) && msg.magic == PDP_KEEP_MAGIC ? msg.op : -EPROTO;
}

int pdp_keep_get(struct pdp_keep *keep, const char *name)
{
	int fd, rc = ask(keep, PDP_KEEP_GET, name, -1, &fd);

	if (rc == 0 && fd >= 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return rc < 0 ? rc : -EPROTO;
}

static int tell(struct pdp_keep *keep, enum pdp_keep_op op, const char *name, int fd)
{
	int back, rc = ask(keep, op, name, fd, &back);

	if (back >= 0)
		close(back);
	return rc;
}

int pdp_keep_put(struct pdp_keep *keep, const char *name, int fd)
{
	return tell(keep, PDP_KEEP_PUT, name, fd);
}

int pdp_keep_drop(struct pdp_keep *keep, const char *name)
{
	return tell(keep, PDP_KEEP_DROP, name, -1);
}

int pdp_keep_sweep(struct pdp_keep *keep)
{
	return tell(keep, PDP_KEEP_SWEEP, "", -1);
}

int pdp_keep_end(struct pdp_keep *keep)
{
	return tell(keep, PDP_KEEP_END, "", -1);
}
