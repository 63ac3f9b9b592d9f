/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A running node's FIB beside the kernel of the VR's namespace, address by address. Which route it
 * is, what it leads to and who the neighbours are, the kernel is asked by messages of its own;
 * nothing of the mirror takes part.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "kernel_ask.h"
#include "mirror_bench.h"

enum {
	BUFFER = 32 << 10,
	HOPS_MAX = 64,
	NUD_USABLE = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY
};

/** One way out of a route, as the kernel tells it. */
struct way {
	int ifindex;
	uint8_t family; /* of the gateway; 0: the address itself is on the link */
	uint8_t gateway[16];
};

/** One question, and the kernel's answer. */
struct question {
	struct kernel_question asked;
	uint8_t type;
	unsigned int n;
	struct way ways[HOPS_MAX];
};

struct neighbour {
	int ifindex;
	uint8_t family;
	uint8_t address[16];
	uint8_t mac[6];
};

static struct question questions[KERNEL_ASK_MAX];
static struct neighbour *neighbours;
static unsigned int n_neighbours;

static size_t address_size(unsigned int family)
{
	return family == 4 ? 4 : 16;
}

static void take_gateway(struct way *w, unsigned int family, const struct nlattr *attr)
{
	if (mnl_attr_get_payload_len(attr) < address_size(family))
		return;
	w->family = (uint8_t)family;
	memcpy(w->gateway, mnl_attr_get_payload(attr), address_size(family));
}

/* A gateway of the other family. */
static void take_via(struct way *w, const struct nlattr *attr)
{
	const struct rtvia *via = mnl_attr_get_payload(attr);
	const unsigned int family = via->rtvia_family == AF_INET ? 4 : 6;

	if (mnl_attr_get_payload_len(attr) < sizeof(*via) + address_size(family))
		return;
	w->family = (uint8_t)family;
	memcpy(w->gateway, via->rtvia_addr, address_size(family));
}

static void take_ways(struct question *q, const struct nlattr *multipath)
{
	const struct rtnexthop *hop = mnl_attr_get_payload(multipath);
	int left = mnl_attr_get_payload_len(multipath);

	for (; RTNH_OK(hop, left) && q->n < HOPS_MAX;
	     left -= RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop)) {
		struct way w = {.ifindex = hop->rtnh_ifindex};
		const struct nlattr *attr;

		if (hop->rtnh_flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN))
			continue;
		mnl_attr_for_each_payload((const void *)((const char *)hop + RTNH_LENGTH(0)),
					  hop->rtnh_len - RTNH_LENGTH(0))
		{
			if (mnl_attr_get_type(attr) == RTA_GATEWAY)
				take_gateway(&w, q->asked.family, attr);
			else if (mnl_attr_get_type(attr) == RTA_VIA)
				take_via(&w, attr);
		}
		q->ways[q->n++] = w;
	}
}

static struct kernel_question *question_at(unsigned int i)
{
	return &questions[i].asked;
}

static void take_answer(unsigned int i, const struct nlmsghdr *nlh)
{
	struct question *q = &questions[i];
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	struct way w = {0};

	q->type = rtm->rtm_type;
	mnl_attr_for_each(attr, nlh, sizeof(*rtm))
	{
		switch (mnl_attr_get_type(attr)) {
		case RTA_OIF:
			w.ifindex = (int)mnl_attr_get_u32(attr);
			break;
		case RTA_GATEWAY:
			take_gateway(&w, q->asked.family, attr);
			break;
		case RTA_VIA:
			take_via(&w, attr);
			break;
		case RTA_MULTIPATH:
			take_ways(q, attr);
			break;
		}
	}
	if (q->n == 0 && w.ifindex != 0)
		q->ways[q->n++] = w;
}

static int take_neighbour(const struct nlmsghdr *nlh, void *arg)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	struct neighbour *more, n = {.ifindex = ndm->ndm_ifindex};
	const struct nlattr *attr;
	bool mac = false;

	if (nlh->nlmsg_type != RTM_NEWNEIGH || (ndm->ndm_state & NUD_USABLE) == 0)
		return MNL_CB_OK;
	n.family = ndm->ndm_family == AF_INET ? 4 : 6;
	mnl_attr_for_each(attr, nlh, sizeof(*ndm))
	{
		if (mnl_attr_get_type(attr) == NDA_DST &&
		    mnl_attr_get_payload_len(attr) == address_size(n.family))
			memcpy(n.address, mnl_attr_get_payload(attr), address_size(n.family));
		if (mnl_attr_get_type(attr) == NDA_LLADDR && mnl_attr_get_payload_len(attr) == 6) {
			memcpy(n.mac, mnl_attr_get_payload(attr), 6);
			mac = true;
		}
	}
	if (!mac)
		return MNL_CB_OK;
	more = realloc(neighbours, (n_neighbours + 1) * sizeof(n));
	if (more == NULL)
		return MNL_CB_ERROR;
	neighbours = more;
	neighbours[n_neighbours++] = n;
	return MNL_CB_OK;
}

static int read_neighbours(struct mnl_socket *nl)
{
	static char buffer[BUFFER];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	int rc = MNL_CB_OK;

	n_neighbours = 0;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ndmsg));
	nlh->nlmsg_type = RTM_GETNEIGH;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	while (rc > MNL_CB_STOP) {
		const ssize_t size = mnl_socket_recvfrom(nl, buffer, sizeof(buffer));

		if (size <= 0)
			return -EPROTO;
		rc = mnl_cb_run(buffer, (size_t)size, 0, 0, take_neighbour, NULL);
	}
	return rc == MNL_CB_STOP ? 0 : -errno;
}

static const struct neighbour *find_neighbour(const struct way *w, const struct question *q)
{
	const uint8_t family = w->family != 0 ? w->family : q->asked.family;
	const uint8_t *address = w->family != 0 ? w->gateway : q->asked.address;

	for (unsigned int i = 0; i < n_neighbours; i++) {
		const struct neighbour *n = &neighbours[i];

		if (n->ifindex == w->ifindex && n->family == family &&
		    memcmp(n->address, address, address_size(family)) == 0)
			return n;
	}
	return NULL;
}

static bool leads_there(const struct watched *watched, const struct question *q,
			const struct way *w, const struct pdp_fib_nexthop *nh)
{
	const struct neighbour *n;
	unsigned int vif = 0;

	while (vif < watched->n_vifs && watched->ifindex[vif] != w->ifindex)
		vif++;
	if (vif == watched->n_vifs)
		return nh->type == PDP_FIB_LOCAL;
	if (nh->vif != vif)
		return false;
	n = find_neighbour(w, q);
	if (n != NULL)
		return nh->type == PDP_FIB_FORWARD && memcmp(nh->mac, n->mac, sizeof(n->mac)) == 0;
	return nh->type == (w->family != 0 ? PDP_FIB_UNRESOLVED : PDP_FIB_GLEAN);
}

static bool leads_to_one(const struct watched *w, const struct question *q,
			 const struct pdp_fib_nexthop *nh)
{
	for (unsigned int i = 0; i < q->n; i++) {
		if (leads_there(w, q, &q->ways[i], nh))
			return true;
	}
	return false;
}

static bool same(const struct watched *w, const struct question *q,
		 const struct pdp_fib_nexthop *nh)
{
	if (q->asked.error != 0)
		return kernel_error_means(q->asked.error, nh->type);
	switch (q->type) {
	case RTN_UNICAST:
		return leads_to_one(w, q, nh);
	case RTN_BLACKHOLE:
		return nh->type == PDP_FIB_BLACKHOLE;
	case RTN_UNREACHABLE:
		return nh->type == PDP_FIB_UNREACHABLE;
	case RTN_PROHIBIT:
		return nh->type == PDP_FIB_PROHIBIT;
	default:
		return nh->type == PDP_FIB_LOCAL;
	}
}

/* As engines do, with every address its own flow. */
static struct pdp_fib_nexthop look(const struct pdp_fib_reader *r, const struct question *q)
{
	uint8_t ips6[1][16];
	uint16_t number;
	uint32_t ip, hash;

	memcpy(&ip, q->asked.address, sizeof(ip));
	ip = ntohl(ip);
	hash = ip * 2654435761u;
	memcpy(ips6[0], q->asked.address, sizeof(ips6[0]));
	if (q->asked.family == 4)
		pdp_fib_lookup4(r, &ip, &number, 1);
	else
		pdp_fib_lookup6(r, (const uint8_t(*)[16])ips6, &number, 1);
	return pdp_fib_resolve(r, number, hash);
}

static void show_difference(const struct question *q, const struct pdp_fib_nexthop *nh)
{
	char address[INET6_ADDRSTRLEN];

	inet_ntop(q->asked.family == 4 ? AF_INET : AF_INET6, q->asked.address, address,
		  sizeof(address));
	fprintf(stderr,
		"%s: kernel: error %d, type %u, %u ways, first by interface %d; FIB: type "
		"%u, vif %u\n",
		address, q->asked.error, q->type, q->n, q->n > 0 ? q->ways[0].ifindex : 0, nh->type,
		nh->vif);
}

static unsigned int fill(const struct prefixes *p, unsigned int n_edges, unsigned int *at)
{
	unsigned int n = 0;

	for (; *at < p->n * n_edges && n < KERNEL_ASK_MAX; (*at)++) {
		const struct pdp_fib_prefix *prefix = &p->at[*at / n_edges];

		questions[n].n = 0;
		questions[n].asked.family = prefix->family;
		prefix_edge(prefix, *at % n_edges, questions[n].asked.address);
		n += !address_is_special(prefix->family, questions[n].asked.address);
	}
	return n;
}

static void compare(const struct watched *w, const struct question *q, unsigned int show,
		    struct probe_result *out)
{
	const struct pdp_fib_nexthop nh = look(w->reader, q);

	out->n++;
	if (same(w, q, &nh))
		return;
	/* See mirror_probe.c: the kernel fails to look up what shares an object with a deleted
	 * route. */
	if (q->asked.family == 6 && q->asked.error == -ENETUNREACH)
		out->n_unknown++;
	else if (out->n_different++ < show)
		show_difference(q, &nh);
}

int probe_watched(const struct watched *w, const struct prefixes *p, unsigned int n_edges,
		  unsigned int show, struct probe_result *out)
{
	static const struct kernel_asking asking = {question_at, take_answer};
	struct mnl_socket *nl = mnl_socket_open(NETLINK_ROUTE);
	int rc = nl != NULL && mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0 ? 0 : -errno;
	unsigned int n, at = 0;

	*out = (struct probe_result){0};
	rc = rc != 0 ? rc : read_neighbours(nl);
	while (rc == 0 && (n = fill(p, n_edges, &at)) > 0) {
		rc = kernel_ask(nl, &asking, n);
		for (unsigned int i = 0; rc == 0 && i < n; i++)
			compare(w, &questions[i], show, out);
	}
	if (nl != NULL)
		mnl_socket_close(nl);
	free(neighbours);
	neighbours = NULL;
	return rc;
}
