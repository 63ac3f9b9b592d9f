/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * File descriptors beside a message. Both ends of an engine's socket.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pdp_fds.h"

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(PDP_FDS_MAX * sizeof(int))];
};

ssize_t pdp_fds_send(int sock, const void *msg, size_t size, const int *fds, unsigned int n)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)msg, .iov_len = size};
	union control control = {0};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t rc;

	assert(n <= PDP_FDS_MAX);
	if (n != 0) {
		struct cmsghdr *c;

		m.msg_control = control.bytes;
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	}
	rc = sendmsg(sock, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	return rc < 0 ? -errno : rc;
}

static void take_fds(struct msghdr *m, int *fds, unsigned int *n)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		/* The control buffer has room for no more. */
		assert(*n + count <= PDP_FDS_MAX);
		memcpy(fds + *n, CMSG_DATA(c), count * sizeof(int));
		*n += (unsigned int)count;
	}
}

ssize_t pdp_fds_recv(int sock, void *msg, size_t size, int *fds, unsigned int *n)
{
	struct iovec iov = {.iov_base = msg, .iov_len = size};
	union control control;
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control.bytes,
			   .msg_controllen = sizeof(control.bytes)};
	ssize_t rc;

	*n = 0;
	rc = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	if (rc < 0)
		return -errno;
	take_fds(&m, fds, n);
	if ((m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0)
		return rc;
	while (*n > 0)
		close(fds[--*n]);
	return -EMSGSIZE;
}
