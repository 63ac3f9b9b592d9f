/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The listening end of the control socket: who may connect, how many, and whom to give up.
 *
 * Runs on the control thread. See pdp_control.h.
 */
#include "control_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG	 32
#define TIMER_US 250000

/* Tell a client why it is not served; what the socket's buffer does not take is lost. Takes fd. */
static void turn_away(int fd, const char *why)
{
	size_t size;
	char *answer = control_refuse(&size, "%s", why);
	ssize_t n = answer != NULL ? send(fd, answer, size, MSG_NOSIGNAL) : 0;

	(void)n;
	free(answer);
	close(fd);
}

static bool may_connect(int fd)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) == 0 &&
	       (cred.uid == 0 || cred.uid == geteuid());
}

static void on_connect(void *arg, int fd, uint32_t events)
{
	struct pdp_control *ctl = arg;

	for (unsigned int i = 0; i < BACKLOG; i++) {
		const int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (client < 0) {
			/* Without a descriptor to accept with the event would come again at once.
			 */
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			    errno == ENOMEM)
				ctl->paused = pdp_watch_events(ctl->watch, 0) == 0;
			return;
		}
		if (!may_connect(client))
			turn_away(client, "only the node's own user and root may control it");
		else if (ctl->n_clients == CONTROL_CLIENTS_MAX)
			turn_away(client, "32 clients are connected already; end one of them");
		else
			client_add(ctl, client);
	}
}

static void on_timer(void *arg)
{
	struct pdp_control *ctl = arg;
	const uint64_t now = control_now_ms();
	struct client *client, *next;

	if (ctl->paused)
		ctl->paused = pdp_watch_events(ctl->watch, EPOLLIN) != 0;
	for (client = LIST_FIRST(&ctl->clients); client != NULL; client = next) {
		next = LIST_NEXT(client, link);
		if (client->out != NULL && now - client->progress_ms >= ctl->stall_ms)
			client_drop(client);
	}
}

/* Make way for a new socket where an old one is that nobody listens on. @return 0 or -errno */
static int remove_stale(const struct sockaddr_un *addr)
{
	struct stat st;
	int fd, rc = -EADDRINUSE;

	if (lstat(addr->sun_path, &st) != 0)
		return -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) != 0 && errno == ECONNREFUSED)
		rc = unlink(addr->sun_path) == 0 ? 0 : -errno;
	close(fd);
	return rc;
}

/* @return the listening socket, or -errno */
static int listen_at(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd, rc;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* Linux gives the file the mode of the socket: there is no moment at which others could
	 * connect. */
	if (fchmod(fd, 0600) != 0)
		goto err;
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
		if (errno != EADDRINUSE)
			goto err;
		rc = remove_stale(&addr);
		errno = -rc;
		if (rc != 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
			goto err;
	}
	if (listen(fd, BACKLOG) == 0)
		return fd;
	rc = -errno;
	unlink(path);
	errno = -rc;
err:
	rc = -errno;
	close(fd);
	return rc;
}

struct pdp_control *pdp_control_create(struct pdp_loop *loop, const char *path)
{
	struct pdp_control *ctl = calloc(1, sizeof(*ctl));
	int rc = -ENOMEM;

	if (ctl == NULL)
		return NULL;
	LIST_INIT(&ctl->clients);
	ctl->loop = loop;
	ctl->stall_ms = CONTROL_STALL_MS;
	ctl->fd = -1;
	if (control_register_help(ctl) != 0)
		goto err;
	ctl->fd = rc = listen_at(path);
	if (rc < 0)
		goto err;
	/* From here on the socket is ours to remove. */
	ctl->path = strdup(path);
	ctl->watch = pdp_loop_watch(loop, ctl->fd, EPOLLIN, on_connect, ctl);
	ctl->timer = pdp_loop_timer(loop, TIMER_US, TIMER_US, on_timer, ctl);
	rc = -ENOMEM;
	if (ctl->path != NULL && ctl->watch != NULL && ctl->timer != NULL)
		return ctl;
	unlink(path);
err:
	pdp_control_destroy(ctl);
	errno = -rc;
	return NULL;
}

void pdp_control_destroy(struct pdp_control *ctl)
{
	if (ctl == NULL)
		return;
	while (!LIST_EMPTY(&ctl->clients))
		client_drop(LIST_FIRST(&ctl->clients));
	pdp_timer_remove(ctl->timer);
	pdp_watch_remove(ctl->watch);
	if (ctl->fd >= 0)
		close(ctl->fd);
	if (ctl->path != NULL)
		unlink(ctl->path);
	free(ctl->path);
	for (size_t i = 0; i < ctl->n_commands; i++) {
		free(ctl->commands[i].name);
		free(ctl->commands[i].help);
	}
	free(ctl->commands);
	free(ctl);
}
