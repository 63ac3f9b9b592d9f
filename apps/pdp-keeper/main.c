/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pdp-keeper: holds the descriptors of a node's interfaces while its primary is away, so that they
 * keep their carrier. Started by pdp-primary; ends when it is told to, or when no primary is there
 * and nothing is kept. One process, one thread, no DPDK: 200 KB. See pdp_keep.h.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <pdp_fds.h>
#include <pdp_keep.h>

struct kept {
	char name[PDP_KEEP_NAME];
	int fd;
	bool wanted; /* by the primary that is here */
};

static struct kept *all;
static unsigned int n_kept;

static struct kept *find(const char *name)
{
	for (unsigned int i = 0; i < n_kept; i++) {
		if (strcmp(all[i].name, name) == 0)
			return &all[i];
	}
	return NULL;
}

/* Takes fd. */
static int put(const char *name, int fd)
{
	struct kept *k = find(name), *more;

	if (fd < 0)
		return -EINVAL;
	if (k != NULL) {
		close(k->fd);
		k->fd = fd;
		k->wanted = true;
		return 0;
	}
	more = n_kept < PDP_KEEP_MAX ? realloc(all, (n_kept + 1) * sizeof(*all)) : NULL;
	if (more == NULL) {
		close(fd);
		return -ENOSPC;
	}
	all = more;
	memcpy(all[n_kept].name, name, sizeof(all[n_kept].name));
	all[n_kept].wanted = true;
	all[n_kept++].fd = fd;
	return 0;
}

static int sweep(void)
{
	for (unsigned int i = n_kept; i-- > 0;) {
		if (all[i].wanted)
			continue;
		close(all[i].fd);
		all[i] = all[--n_kept];
	}
	return 0;
}

static int drop(const char *name)
{
	struct kept *k = find(name);

	if (k == NULL)
		return -ENOENT;
	close(k->fd);
	*k = all[--n_kept];
	return 0;
}

/* @param fd  that came with it, or -1; taken. @return whether to go on with this client */
static bool answer(int sock, struct pdp_keep_msg *msg, int fd, bool *end)
{
	struct kept *k = NULL;

	msg->name[sizeof(msg->name) - 1] = '\0';
	if (msg->op == PDP_KEEP_PUT) {
		msg->op = put(msg->name, fd);
		fd = -1;
	} else if (msg->op == PDP_KEEP_GET) {
		k = find(msg->name);
		msg->op = k != NULL ? 0 : -ENOENT;
		if (k != NULL)
			k->wanted = true;
	} else if (msg->op == PDP_KEEP_DROP) {
		msg->op = drop(msg->name);
	} else if (msg->op == PDP_KEEP_SWEEP) {
		msg->op = sweep();
	} else {
		*end = msg->op == PDP_KEEP_END;
		msg->op = *end ? 0 : -EINVAL;
	}
	if (fd >= 0)
		close(fd);
	return pdp_fds_send(sock, msg, sizeof(*msg), k != NULL ? &k->fd : NULL, k != NULL) > 0;
}

/* One primary, until it goes. @return whether to go on keeping */
static bool serve(int sock)
{
	int fds[PDP_FDS_MAX];
	struct pdp_keep_msg msg;
	unsigned int n;
	bool end = false;

	for (unsigned int i = 0; i < n_kept; i++)
		all[i].wanted = false;
	for (;;) {
		ssize_t rc = pdp_fds_recv(sock, &msg, sizeof(msg), fds, &n);

		if (rc == -EINTR)
			continue;
		for (unsigned int i = 1; rc > 0 && i < n; i++)
			close(fds[i]);
		if (rc != (ssize_t)sizeof(msg) || msg.magic != PDP_KEEP_MAGIC)
			return true;
		if (!answer(sock, &msg, n > 0 ? fds[0] : -1, &end) || end)
			return !end;
	}
}

static bool is_mine(int sock)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 && cred.uid == getuid();
}

/* A file that nobody listens on is what a killed keeper left. */
static int listen_on(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 || snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path) >=
			      (int)sizeof(addr.sun_path))
		return -1;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return -1;
	close(fd);
	unlink(path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 ||
	    chmod(path, 0600) != 0 || listen(fd, 4) != 0)
		return -1;
	return fd;
}

int main(int argc, char **argv)
{
	struct rlimit files = {PDP_KEEP_MAX + 64, PDP_KEEP_MAX + 64};
	bool go_on = true;
	int fd;

	if (argc != 2) {
		fputs("usage: pdp-keeper SOCKET\npdp-primary starts it by itself.\n", stderr);
		return 2;
	}
	if (setrlimit(RLIMIT_NOFILE, &files) != 0)
		errno = 0; /* as many as it may then */
	fd = listen_on(argv[1]);
	if (fd < 0) {
		fprintf(stderr, "pdp-keeper: cannot listen on %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	while (go_on) {
		int sock = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (sock < 0)
			continue;
		if (is_mine(sock))
			go_on = serve(sock) && n_kept > 0;
		close(sock);
	}
	unlink(argv[1]);
	return 0;
}
