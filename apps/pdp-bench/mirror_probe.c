/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's own answer for an address beside the FIB's. What the kernel says of a route is read
 * by the mirror's parser, but which route it is, the kernel decides: the same question to both.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "kernel_ask.h"
#include "mirror_bench.h"
#include "mirror_priv.h"

/** One question. */
struct question {
	struct kernel_question asked;
	struct mirror_msg said; /* without an error */
	struct mirror_hop_key keys[MIRROR_MEMBERS_MAX];
	struct mirror_member members[MIRROR_MEMBERS_MAX];
	unsigned int n;
};

static struct question questions[KERNEL_ASK_MAX];

static struct kernel_question *question_at(unsigned int i)
{
	return &questions[i].asked;
}

static void take_answer(unsigned int i, const struct nlmsghdr *nlh)
{
	struct question *q = &questions[i];

	if (mirror_route_parse(nlh, &q->said) == MIRROR_ROUTE_BAD)
		q->asked.error = -EBADMSG;
	/* Next hops of an object are told beside its id. */
	q->said.object = 0;
	q->n = mirror_route_hops(&q->said, q->keys, q->members);
}

static bool same_hop(const struct mirror_hop_key *kernel, const struct pdp_mirror_hop *ours)
{
	char name[IF_NAMESIZE] = "";

	if (kernel->kind < MIRROR_LINK)
		return ours->ifname[0] == '\0';
	if_indextoname((unsigned int)kernel->ifindex, name);
	return strcmp(name, ours->ifname) == 0 && kernel->family == ours->family &&
	       memcmp(kernel->address, ours->gateway, sizeof(kernel->address)) == 0;
}

/* Of a multipath route of IPv6 the kernel tells the one for this address. */
static bool same_hops(const struct question *q, const struct pdp_mirror_route *r)
{
	const bool one_of = q->asked.family == 6 && q->n == 1;

	if (q->n != r->n_hops && !one_of)
		return false;
	for (unsigned int i = 0; i < q->n; i++) {
		unsigned int k = 0;

		while (k < r->n_hops && (!same_hop(&q->keys[i], &r->hops[k]) ||
					 (!one_of && q->members[i].weight != r->hops[k].weight)))
			k++;
		if (k == r->n_hops)
			return false;
	}
	return true;
}

/* A neighbour's own prefix stands for the kernel's route of the link that it is on. */
static bool same_link(const struct question *q, const struct pdp_mirror_route *r)
{
	char name[IF_NAMESIZE] = "";

	if (q->n != 1 || q->keys[0].kind != MIRROR_LINK || r->n_hops != 1)
		return false;
	if_indextoname((unsigned int)q->keys[0].ifindex, name);
	return strcmp(name, r->hops[0].ifname) == 0 &&
	       memcmp(r->hops[0].gateway, q->asked.address, sizeof(q->asked.address)) == 0 &&
	       r->hops[0].now.type == PDP_FIB_FORWARD;
}

static bool right_type(const struct question *q, enum pdp_fib_type type)
{
	switch (q->said.type) {
	case RTN_UNICAST:
		return type == PDP_FIB_FORWARD || type == PDP_FIB_UNRESOLVED ||
		       type == PDP_FIB_GLEAN || type == PDP_FIB_LOCAL;
	case RTN_BLACKHOLE:
		return type == PDP_FIB_BLACKHOLE;
	case RTN_UNREACHABLE:
		return type == PDP_FIB_UNREACHABLE;
	case RTN_PROHIBIT:
		return type == PDP_FIB_PROHIBIT;
	default:
		return type == PDP_FIB_LOCAL;
	}
}

static uint16_t look(const struct pdp_fib_reader *r, const struct question *q)
{
	uint8_t ips6[1][16];
	uint16_t number;
	uint32_t ip;

	memcpy(&ip, q->asked.address, sizeof(ip));
	ip = ntohl(ip);
	memcpy(ips6[0], q->asked.address, sizeof(ips6[0]));
	if (q->asked.family == 4)
		pdp_fib_lookup4(r, &ip, &number, 1);
	else
		pdp_fib_lookup6(r, (const uint8_t(*)[16])ips6, &number, 1);
	return number;
}

/*
 * Both answers are the same. The kernel keeps what an IPv6 lookup found in the next-hop object, for
 * all routes that share it; when the one that it was found by is deleted, the others' lookups by
 * RTM_GETROUTE fail: such an answer says nothing.
 */
static bool same(struct pdp_mirror *m, const struct pdp_fib_reader *reader,
		 const struct question *q, bool *unknown)
{
	static struct pdp_mirror_answer answer;
	struct pdp_fib_prefix p = {.family = q->asked.family,
				   .len = q->asked.family == 4 ? 32 : 128};
	const uint16_t number = look(reader, q);
	const struct pdp_fib_nexthop nh = pdp_fib_resolve(reader, number, 0);
	unsigned int best = 0;

	memcpy(p.bytes, q->asked.address, sizeof(p.bytes));
	answer.number = 0;
	answer.n_routes = 0;
	pdp_mirror_route(m, &p, true, &answer);
	while (best < answer.n_routes && !answer.routes[best].best)
		best++;
	*unknown = q->asked.family == 6 && q->asked.error == -ENETUNREACH &&
		   best < answer.n_routes && answer.routes[best].object != 0;
	if (q->asked.error != 0)
		return *unknown || kernel_error_means(q->asked.error, nh.type);
	if (answer.number != number || !right_type(q, nh.type))
		return false;
	if (best == answer.n_routes)
		return false;
	if (answer.routes[best].table == 0)
		return same_link(q, &answer.routes[best]);
	if (q->asked.family == 4 && answer.prefix.len != q->said.prefix.len)
		return false;
	return nh.type == PDP_FIB_LOCAL || same_hops(q, &answer.routes[best]);
}

static void show_difference(struct pdp_mirror *m, const struct pdp_fib_reader *reader,
			    const struct question *q)
{
	static struct pdp_mirror_answer answer;
	struct pdp_fib_prefix p = {.family = q->asked.family,
				   .len = q->asked.family == 4 ? 32 : 128};
	const struct pdp_fib_nexthop nh = pdp_fib_resolve(reader, look(reader, q), 0);
	char address[INET6_ADDRSTRLEN];

	memcpy(p.bytes, q->asked.address, sizeof(p.bytes));
	inet_ntop(q->asked.family == 4 ? AF_INET : AF_INET6, q->asked.address, address,
		  sizeof(address));
	if (pdp_mirror_route(m, &p, true, &answer) != 0)
		answer.prefix.len = 255;
	fprintf(stderr,
		"%s: kernel: error %d, /%u, type %u, metric %u, %u next hops; FIB: number %u, type "
		"%u; mirror: number %u, /%u\n",
		address, q->asked.error, q->said.prefix.len, q->said.type, q->said.metric, q->n,
		look(reader, q), nh.type, answer.number, answer.prefix.len);
}

/** Where in the prefixes the questions are. */
struct cursor {
	const struct prefixes *p;
	unsigned int n_edges, step;
	unsigned int at, edge;
};

/* @return how many questions there are now */
static unsigned int fill(struct cursor *c)
{
	unsigned int n = 0;

	while (c->at < c->p->n && n < KERNEL_ASK_MAX) {
		questions[n].n = 0;
		questions[n].asked.family = c->p->at[c->at].family;
		prefix_edge(&c->p->at[c->at], c->edge, questions[n].asked.address);
		n += !address_is_special(questions[n].asked.family, questions[n].asked.address);
		if (++c->edge == c->n_edges) {
			c->edge = 0;
			c->at += c->step;
		}
	}
	return n;
}

int probe(struct pdp_mirror *m, const struct pdp_fib_reader *reader, const struct prefixes *p,
	  unsigned int n_edges, unsigned int step, unsigned int show, struct probe_result *out)
{
	static const struct kernel_asking asking = {question_at, take_answer};
	struct mnl_socket *nl = mnl_socket_open(NETLINK_ROUTE);
	struct cursor c = {p, n_edges, step, 0, 0};
	int rc = nl != NULL && mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0 ? 0 : -errno;
	unsigned int n;

	*out = (struct probe_result){0};
	while (rc == 0 && (n = fill(&c)) > 0) {
		rc = kernel_ask(nl, &asking, n);
		for (unsigned int i = 0; rc == 0 && i < n; i++) {
			bool unknown;

			out->n++;
			if (same(m, reader, &questions[i], &unknown))
				out->n_unknown += unknown;
			else if (out->n_different++ < show)
				show_difference(m, reader, &questions[i]);
		}
	}
	if (nl != NULL)
		mnl_socket_close(nl);
	return rc;
}
