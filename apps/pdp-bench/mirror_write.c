/* SPDX-License-Identifier: BSD-3-Clause */
/* Prefixes from a file, addresses of them, and routes into the kernel, many messages at a time. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "mirror_bench.h"

enum { BATCH_BYTES = 64 << 10, MESSAGE_MAX = 256 };

static bool parse_line(char *line, struct pdp_fib_prefix *p)
{
	char *slash = strchr(line, '/');

	memset(p, 0, sizeof(*p));
	line[strcspn(line, "\r\n")] = '\0';
	if (slash == NULL)
		return false;
	*slash = '\0';
	p->family = strchr(line, ':') != NULL ? 6 : 4;
	p->len = (uint8_t)atoi(slash + 1);
	return inet_pton(p->family == 4 ? AF_INET : AF_INET6, line, p->bytes) == 1;
}

bool prefixes_read(const char *path, unsigned int family, unsigned int max, struct prefixes *out)
{
	FILE *f = fopen(path, "r");
	unsigned int room = 1024;
	char line[128];

	*out = (struct prefixes){.at = malloc(room * sizeof(*out->at))};
	while (f != NULL && out->at != NULL && (max == 0 || out->n < max) &&
	       fgets(line, sizeof(line), f) != NULL) {
		if (out->n == room) {
			room *= 2;
			out->at = realloc(out->at, room * sizeof(*out->at));
			if (out->at == NULL)
				break;
		}
		if (parse_line(line, &out->at[out->n]) && out->at[out->n].family == family)
			out->n++;
	}
	if (f != NULL)
		fclose(f);
	if (out->at == NULL || f == NULL)
		fprintf(stderr, "%s: cannot be read\n", path);
	return out->at != NULL && f != NULL;
}

void prefix_edge(const struct pdp_fib_prefix *p, unsigned int which, uint8_t *out)
{
	const unsigned int bits = p->family == 4 ? 32 : 128;

	memcpy(out, p->bytes, 16);
	for (unsigned int bit = p->len; which > 0 && bit < bits; bit++)
		out[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	for (unsigned int i = bits / 8; which == 2 && i-- > 0;) {
		if (++out[i] != 0)
			break;
	}
}

bool address_is_special(unsigned int family, const uint8_t *address)
{
	if (family == 4)
		return address[0] == 0 || address[0] >= 224;
	return address[0] == 0xff || (address[0] == 0xfe && (address[1] & 0xc0) == 0x80) ||
	       (address[0] == 0 && address[1] == 0);
}

bool write_kind(const char *word, struct write_job *job)
{
	job->type = RTM_NEWROUTE;
	job->protocol = RTPROT_STATIC;
	if (strcmp(word, "add") == 0)
		job->flags = NLM_F_CREATE;
	else if (strcmp(word, "replace") == 0)
		job->flags = NLM_F_CREATE | NLM_F_REPLACE;
	else if (strcmp(word, "append") == 0)
		job->flags = NLM_F_CREATE | NLM_F_APPEND;
	else if (strcmp(word, "del") == 0)
		job->type = RTM_DELROUTE;
	else
		return false;
	return true;
}

static void put_gateway(struct nlmsghdr *nlh, const struct write_job *job, unsigned int family,
			unsigned int i)
{
	uint8_t gateway[16];
	unsigned int add = job->n_gateways > 1 ? i % job->n_gateways : 0;
	const unsigned int size = family == 4 ? 4 : 16;

	memcpy(gateway, job->gateway, sizeof(gateway));
	for (unsigned int at = size; at > 0 && add > 0; at--) {
		add += gateway[at - 1];
		gateway[at - 1] = (uint8_t)add;
		add >>= 8;
	}
	mnl_attr_put(nlh, RTA_GATEWAY, size, gateway);
}

static void put_route(struct nlmsghdr *nlh, const struct write_job *job,
		      const struct pdp_fib_prefix *p, unsigned int i)
{
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));

	nlh->nlmsg_type = job->type;
	nlh->nlmsg_flags = NLM_F_REQUEST | job->flags;
	rtm->rtm_family = p->family == 4 ? AF_INET : AF_INET6;
	rtm->rtm_dst_len = p->len;
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = job->protocol;
	rtm->rtm_scope = RT_SCOPE_UNIVERSE;
	rtm->rtm_type = RTN_UNICAST;
	mnl_attr_put(nlh, RTA_DST, p->family == 4 ? 4 : 16, p->bytes);
	if (job->metric != 0)
		mnl_attr_put_u32(nlh, RTA_PRIORITY, job->metric);
	if (job->object != 0) {
		mnl_attr_put_u32(nlh, RTA_NH_ID, job->object);
		return;
	}
	put_gateway(nlh, job, p->family, i);
	mnl_attr_put_u32(nlh, RTA_OIF, (uint32_t)job->ifindex);
}

/* Refusals come as messages: the first one is kept. */
static void read_refusals(struct mnl_socket *nl, int *error)
{
	static char buffer[65536];
	ssize_t n;

	while ((n = recv(mnl_socket_get_fd(nl), buffer, sizeof(buffer), MSG_DONTWAIT)) > 0) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)buffer;
		int left = (int)n;

		for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

			if (nlh->nlmsg_type == NLMSG_ERROR && e->error != 0 && *error == 0)
				*error = e->error;
		}
	}
}

static int write_all(struct mnl_socket *nl, const struct prefixes *p, const struct write_job *job)
{
	static char buffer[BATCH_BYTES];
	int error = 0;
	size_t used = 0;

	for (unsigned int i = 0; i < p->n; i++) {
		struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer + used);

		put_route(nlh, job, &p->at[i], i);
		used += NLMSG_ALIGN(nlh->nlmsg_len);
		if (used + MESSAGE_MAX < sizeof(buffer) && i + 1 < p->n)
			continue;
		/* The kernel carries them out before this returns. */
		if (mnl_socket_sendto(nl, buffer, used) < 0)
			return -errno;
		used = 0;
		read_refusals(nl, &error);
	}
	return error;
}

int write_routes(const struct prefixes *p, const struct write_job *job)
{
	struct mnl_socket *nl = mnl_socket_open(NETLINK_ROUTE);
	int size = 8 << 20, rc;

	if (nl == NULL)
		return -errno;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) != 0) {
		rc = -errno;
		mnl_socket_close(nl);
		return rc;
	}
	setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	rc = write_all(nl, p, job);
	mnl_socket_close(nl);
	return rc;
}
