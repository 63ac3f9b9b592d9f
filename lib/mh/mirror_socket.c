/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The socket: in the VR's namespace, with a large buffer, read many datagrams at a time. Dumps and
 * events come by the same one, so that their order is known.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "mirror_priv.h"

enum {
	/* A limit, not memory that is taken: 100,000 messages that wait. */
	BUFFER_BYTES = 64 << 20,
	/* The kernel fills no more than 32 KB of a dump at a time. */
	DATAGRAM = MIRROR_BUFFERS / MIRROR_DATAGRAMS,
};

static const int groups[] = {
	RTNLGRP_LINK,	      RTNLGRP_NEIGH,	    RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
	RTNLGRP_IPV4_ROUTE,   RTNLGRP_IPV6_ROUTE,   RTNLGRP_IPV4_RULE,	 RTNLGRP_IPV6_RULE,
	RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF, RTNLGRP_NEXTHOP,
};

/** What the thread that enters the namespace does. */
struct opening {
	int netns_fd;
	struct mnl_socket *nl;
	int error;
};

static void *open_inside(void *arg)
{
	struct opening *o = arg;

	if (o->netns_fd >= 0 && setns(o->netns_fd, CLONE_NEWNET) != 0)
		o->error = -errno;
	else if ((o->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK)) == NULL)
		o->error = -errno;
	return NULL;
}

static int open_in(struct opening *o)
{
	pthread_t thread;
	int rc;

	if (o->netns_fd < 0) {
		open_inside(o);
		return o->error;
	}
	rc = pthread_create(&thread, NULL, open_inside, o);
	if (rc != 0)
		return -rc;
	pthread_join(thread, NULL);
	return o->error;
}

int pdp_mirror_set_buffer(struct pdp_mirror *m, size_t bytes)
{
	const int size = bytes != 0 ? (int)bytes : BUFFER_BYTES;

	if (setsockopt(m->sock, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) == 0 ||
	    setsockopt(m->sock, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) == 0)
		return 0;
	return -errno;
}

int mirror_socket_open(struct pdp_mirror *m, int netns_fd, bool events)
{
	struct opening o = {.netns_fd = netns_fd};
	struct epoll_event ev = {.events = EPOLLIN};
	int rc = open_in(&o);

	if (rc != 0)
		return rc;
	m->nl = o.nl;
	m->sock = mnl_socket_get_fd(m->nl);
	if (mnl_socket_bind(m->nl, 0, MNL_SOCKET_AUTOPID) != 0)
		return -errno;
	m->port = mnl_socket_get_portid(m->nl);
	rc = pdp_mirror_set_buffer(m, 0);
	if (rc != 0)
		return rc;
	for (unsigned int i = 0; events && i < sizeof(groups) / sizeof(groups[0]); i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(m->nl, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) !=
		    0)
			return -errno;
	}
	if (epoll_ctl(m->epoll_fd, EPOLL_CTL_ADD, m->sock, &ev) != 0)
		return -errno;
	m->listening = true;
	return 0;
}

void mirror_socket_listen(struct pdp_mirror *m, bool on)
{
	struct epoll_event ev = {.events = on ? EPOLLIN : 0};

	if (on == m->listening)
		return;
	epoll_ctl(m->epoll_fd, EPOLL_CTL_MOD, m->sock, &ev);
	m->listening = on;
}

int mirror_socket_send(struct pdp_mirror *m, struct nlmsghdr *nlh)
{
	if (m->nl == NULL)
		return -ENOTCONN;
	nlh->nlmsg_seq = ++m->seq;
	return mnl_socket_sendto(m->nl, nlh, nlh->nlmsg_len) < 0 ? -errno : 0;
}

/* An error is reported once, in place of messages; ENOBUFS says that some were lost. */
static bool failed(struct pdp_mirror *m, int error)
{
	if (error == EAGAIN || error == EINTR)
		return false;
	m->stats.overruns += error == ENOBUFS;
	m->dump_spoilt |= m->dumping >= 0;
	mirror_want(m, MIRROR_DUMP_ALL);
	return error == ENOBUFS;
}

bool mirror_socket_read(struct pdp_mirror *m)
{
	/* A dump's parts are made while they are read: a few at a time, 2 ms. */
	const unsigned int vlen = m->dumping >= 0 ? 4 : MIRROR_DATAGRAMS;
	struct mmsghdr msgs[MIRROR_DATAGRAMS] = {0};
	struct iovec iov[MIRROR_DATAGRAMS];
	int n;

	for (unsigned int i = 0; i < vlen; i++) {
		iov[i] = (struct iovec){m->buffers + (size_t)i * DATAGRAM, DATAGRAM};
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	n = recvmmsg(m->sock, msgs, vlen, MSG_DONTWAIT, NULL);
	if (n <= 0)
		return n < 0 && failed(m, errno);
	for (int i = 0; i < n; i++) {
		if (msgs[i].msg_hdr.msg_flags & MSG_TRUNC) {
			m->stats.bad_messages++;
			m->dump_spoilt |= m->dumping >= 0;
			mirror_want(m, MIRROR_DUMP_ALL);
		}
		mirror_datagram(m, m->buffers + (size_t)i * DATAGRAM, msgs[i].msg_len);
	}
	/* Parsed messages point into the buffers. */
	mirror_batch_flush(m);
	return true;
}
