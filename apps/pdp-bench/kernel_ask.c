/* SPDX-License-Identifier: BSD-3-Clause */
/* Asks the kernel of this namespace which route it would take, many addresses at a time. */
#include <errno.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "kernel_ask.h"

enum { QUESTION_SIZE = 64, BUFFER = 32 << 10 };

static size_t put_question(char *at, const struct kernel_question *q, uint32_t seq)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(at);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));

	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nlh->nlmsg_seq = seq;
	rtm->rtm_family = q->family == 4 ? AF_INET : AF_INET6;
	rtm->rtm_dst_len = q->family == 4 ? 32 : 128;
	/* For IPv6 the kernel may tell another route with the same object, or a deleted one. */
	rtm->rtm_flags = q->family == 4 ? RTM_F_FIB_MATCH | RTM_F_LOOKUP_TABLE : 0;
	mnl_attr_put(nlh, RTA_DST, q->family == 4 ? 4 : 16, q->address);
	return NLMSG_ALIGN(nlh->nlmsg_len);
}

static int send_all(struct mnl_socket *nl, const struct kernel_asking *a, unsigned int n)
{
	static char out[KERNEL_ASK_MAX * QUESTION_SIZE];
	size_t used = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct kernel_question *q = a->question(i);

		q->error = 0;
		used += put_question(out + used, q, i);
	}
	return mnl_socket_sendto(nl, out, used) < 0 ? -errno : 0;
}

int kernel_ask(struct mnl_socket *nl, const struct kernel_asking *a, unsigned int n)
{
	static char in[BUFFER];
	int rc = send_all(nl, a, n);

	for (unsigned int got = 0; rc == 0 && got < n; got++) {
		const ssize_t size = mnl_socket_recvfrom(nl, in, sizeof(in));
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)in;

		if (size <= 0 || nlh->nlmsg_seq >= n)
			return -EPROTO;
		if (nlh->nlmsg_type == NLMSG_ERROR)
			a->question(nlh->nlmsg_seq)->error =
				((const struct nlmsgerr *)mnl_nlmsg_get_payload(nlh))->error;
		else
			a->answer(nlh->nlmsg_seq, nlh);
	}
	return rc;
}

bool kernel_error_means(int error, enum pdp_fib_type type)
{
	switch (error) {
	case -ENETUNREACH:
		return type == PDP_FIB_NONE || type == PDP_FIB_UNREACHABLE;
	case -EHOSTUNREACH:
		return type == PDP_FIB_UNREACHABLE;
	case -EACCES:
		return type == PDP_FIB_PROHIBIT;
	case -EINVAL:
		return type == PDP_FIB_BLACKHOLE;
	default:
		return false;
	}
}
