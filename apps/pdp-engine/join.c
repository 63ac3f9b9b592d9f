/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine's end of the socket to the primary: hello and welcome before anything else happens,
 * then reports and commands. A closed socket means that the primary is gone: the engine leaves at
 * once.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime.h"

#define ANSWER_MS 5000

static int dial(const char *runtime_dir, char *err, size_t err_size)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int n = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", runtime_dir,
			 PDP_ENGINE_SOCKET);

	if (fd < 0 || n >= (int)sizeof(addr.sun_path) ||
	    connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
		snprintf(err, err_size,
			 "no primary answers on %s/%s (%s); start pdp-primary first, or name its "
			 "--file-prefix",
			 runtime_dir, PDP_ENGINE_SOCKET, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static bool welcome_ok(const struct pdp_engine_welcome *w, ssize_t size, unsigned int n)
{
	if (size != (ssize_t)sizeof(*w) || w->magic != PDP_ENGINE_MAGIC || w->n_fds != n)
		return false;
	for (unsigned int i = 0; i < n; i++) {
		if (w->fds[i] >= PDP_FD_N)
			return false;
	}
	return true;
}

/* Wait for the welcome and sort what came beside it by kind. @return false: there is none */
static bool hear_welcome(int sock, struct pdp_engine_welcome *welcome, int fds[PDP_FD_N])
{
	struct pollfd pfd = {.fd = sock, .events = POLLIN};
	int came[PDP_FDS_MAX];
	unsigned int n = 0;
	ssize_t size;

	if (poll(&pfd, 1, ANSWER_MS) != 1)
		return false;
	size = pdp_fds_recv(sock, welcome, sizeof(*welcome), came, &n);
	if (!welcome_ok(welcome, size, n))
		return false;
	for (unsigned int i = 0; i < n; i++)
		fds[welcome->fds[i]] = came[i];
	return true;
}

int rt_greet(int fd, const char *vr, uint32_t engine, int cpu, struct pdp_engine_welcome *welcome,
	     int fds[PDP_FD_N], char *err, size_t err_size)
{
	struct pdp_engine_hello hello = {
		.magic = PDP_ENGINE_MAGIC,
		.proto = PDP_ENGINE_PROTO,
		.layout = PDP_LAYOUT_VERSION,
		.abi = PDP_VR_ABI_VERSION,
		.engine = engine,
		.cpu = cpu,
	};

	for (unsigned int i = 0; i < PDP_FD_N; i++)
		fds[i] = -1;
	snprintf(hello.vr, sizeof(hello.vr), "%s", vr);
	if (send(fd, &hello, sizeof(hello), MSG_NOSIGNAL) != (ssize_t)sizeof(hello) ||
	    !hear_welcome(fd, welcome, fds)) {
		snprintf(err, err_size,
			 "the primary did not answer within %d s; is it of the same build?",
			 ANSWER_MS / 1000);
		return -1;
	}
	if (welcome->status != 0) {
		welcome->error[sizeof(welcome->error) - 1] = '\0';
		snprintf(err, err_size, "%s", welcome->error);
		return -1;
	}
	return 0;
}

int rt_connect(const char *runtime_dir, const char *vr, uint32_t engine, int cpu,
	       struct pdp_engine_welcome *welcome, int fds[PDP_FD_N], char *err, size_t err_size)
{
	int fd = dial(runtime_dir, err, err_size);

	if (fd < 0)
		return -1;
	if (rt_greet(fd, vr, engine, cpu, welcome, fds, err, err_size) == 0)
		return fd;
	close(fd);
	return -1;
}

void rt_report(int sock, enum pdp_engine_report_kind kind, uint32_t flags, const char *text)
{
	struct pdp_engine_report r = {.kind = kind, .flags = flags};

	snprintf(r.text, sizeof(r.text), "%s", text);
	send(sock, &r, sizeof(r), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void rt_check_socket(struct pdp_vr *vr)
{
	struct pdp_engine_cmd cmd;
	ssize_t n = recv(vr->sock, &cmd, sizeof(cmd), MSG_DONTWAIT);

	if (n == (ssize_t)sizeof(cmd) && cmd.kind == PDP_CMD_STOP)
		vr->stop = true;
	else if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		_exit(0);
}
