/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Outer neighbours of tunnels: the kernel that has a tunnel's port, by a VR of plugin kernel, knows
 * the way to the tunnel's far end and the MAC address of the next hop there. The MH thread looks it
 * up in that VR's mirror and asks the kernel for addresses that it does not know; the control
 * thread tells engines and MD lcores.
 */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include <pdp_log.h>

#include "mh.h"

#define ASK_MS 1000 /* between two questions for one address */

static struct mh_vr *host_of(uint16_t port)
{
	for (unsigned int v = 0; v < mh.n_vrs; v++) {
		const struct pdp_vr_config *config = &node.config->vrs[mh.vrs[v].vr];

		for (unsigned int i = 0; config->kernel && i < config->n_vifs; i++) {
			const struct pdp_vif_conf *conf = &node.vrs[mh.vrs[v].vr].vifs[i];

			if (conf->port == port && conf->carrier == PDP_CARRIER_RAW &&
			    conf->kind == PDP_VIF_ETHERNET)
				return &mh.vrs[v];
		}
	}
	return NULL;
}

static const struct pdp_vif_conf *conf_of(const struct mh_tunnel *t)
{
	return &node.vrs[t->vr].vifs[t->vif];
}

static int add(unsigned int vr, unsigned int vif)
{
	struct mh_tunnel *more;

	more = realloc(mh.tunnels, (mh.n_tunnels + 1) * sizeof(*more));
	if (more == NULL)
		return complain("out of memory");
	mh.tunnels = more;
	more[mh.n_tunnels++] = (struct mh_tunnel){
		.vr = vr, .vif = vif, .host = host_of(node.vrs[vr].vifs[vif].port)};
	return 0;
}

int mh_tunnel_make(void)
{
	for (unsigned int v = 0; v < node.config->n_vrs; v++) {
		for (unsigned int i = 0; i < node.config->vrs[v].n_vifs; i++) {
			if (node.vrs[v].vifs[i].flags & PDP_VIF_NEIGHBOUR && add(v, i) != 0)
				return -1;
		}
	}
	mh.news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return mh.news_fd >= 0 ? 0 : complain("no eventfd: %s", strerror(errno));
}

void mh_tunnel_free(void)
{
	free(mh.tunnels);
	if (mh.news_fd >= 0)
		close(mh.news_fd);
}

/* In the host's namespace: NTF_USE lets the kernel find out, as a packet to that address would. */
struct question {
	char ifname[16];
	uint8_t family;
	uint8_t address[16];
};

static int ask_inside(void *arg)
{
	const struct question *q = arg;
	char buf[256];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	struct ndmsg *nd;
	int rc;

	if (s == NULL)
		return -errno;
	h->nlmsg_type = RTM_NEWNEIGH;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE;
	nd = mnl_nlmsg_put_extra_header(h, sizeof(*nd));
	nd->ndm_family = q->family == 6 ? AF_INET6 : AF_INET;
	nd->ndm_ifindex = (int)if_nametoindex(q->ifname);
	nd->ndm_flags = NTF_USE;
	mnl_attr_put(h, NDA_DST, q->family == 6 ? 16 : 4, q->address);
	rc = nd->ndm_ifindex != 0 && mnl_socket_sendto(s, h, h->nlmsg_len) >= 0 ? 0 : -errno;
	mnl_socket_close(s);
	return rc;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void ask(struct mh_tunnel *t, const struct pdp_mirror_hop *hop)
{
	const struct pdp_ip *remote = &conf_of(t)->remote;
	struct question q = {.family = hop->family != 0 ? hop->family : remote->family};

	if (now_ms() - t->asked_ms < ASK_MS)
		return;
	t->asked_ms = now_ms();
	memcpy(q.ifname, hop->ifname, sizeof(q.ifname));
	memcpy(q.address, hop->family != 0 ? hop->gateway : remote->bytes, sizeof(q.address));
	if (pdp_netns_run(t->host->ns, ask_inside, &q) != 0)
		PDP_LOG(DEBUG, "interface %s went while a neighbour was asked for", q.ifname);
}

/* The first next hop of the best route that lives. */
static const struct pdp_mirror_hop *best_hop(const struct pdp_mirror_answer *a)
{
	for (unsigned int r = 0; r < a->n_routes; r++) {
		for (unsigned int h = 0; a->routes[r].best && h < a->routes[r].n_hops; h++) {
			if (!a->routes[r].hops[h].dead)
				return &a->routes[r].hops[h];
		}
	}
	return NULL;
}

/* A way that leaves by another port is none: the tunnel is carried by its own. */
static uint64_t word_of(const struct mh_tunnel *t, const struct pdp_fib_nexthop *nh)
{
	uint64_t word = PDP_VIF_NEIGHBOUR_KNOWN;

	if (nh->type != PDP_FIB_FORWARD || nh->vif >= t->host->n_ifs ||
	    node.vrs[t->host->vr].vifs[nh->vif].port != conf_of(t)->port)
		return 0;
	for (unsigned int i = 0; i < sizeof(nh->mac); i++)
		word |= (uint64_t)nh->mac[i] << 8 * i;
	return word;
}

static uint64_t look_up(struct mh_tunnel *t)
{
	static struct pdp_mirror_answer a; /* large; MH thread only */
	const struct pdp_ip *remote = &conf_of(t)->remote;
	struct pdp_fib_prefix prefix = {.family = remote->family,
					.len = remote->family == 6 ? 128 : 32};
	const struct pdp_mirror_hop *hop;

	memcpy(prefix.bytes, remote->bytes, remote->family == 6 ? 16 : 4);
	if (t->host == NULL || t->host->mirror == NULL ||
	    pdp_mirror_route(t->host->mirror, &prefix, true, &a) != 0)
		return 0;
	hop = best_hop(&a);
	if (hop == NULL)
		return 0;
	if (hop->now.type == PDP_FIB_UNRESOLVED || hop->now.type == PDP_FIB_GLEAN)
		ask(t, hop);
	return word_of(t, &hop->now);
}

void mh_tunnel_look(void)
{
	const uint64_t one = 1;
	bool news = false;

	for (unsigned int i = 0; i < mh.n_tunnels; i++) {
		struct mh_tunnel *t = &mh.tunnels[i];
		const uint64_t word = look_up(t);

		if (word == t->word)
			continue;
		__atomic_store_n(&t->word, word, __ATOMIC_RELEASE);
		news = true;
	}
	if (news && write(mh.news_fd, &one, sizeof(one)) < 0)
		PDP_LOG(DEBUG, "the control thread is awake already");
}

static void tell_md(struct pdp_md *md, void *arg)
{
	const struct mh_tunnel *t = arg;

	pdp_md_set_neighbour(md, t->vr, t->vif, t->told);
}

static void on_news(void *arg, int fd, uint32_t events)
{
	const uint64_t one = 1;
	bool again = false;
	uint64_t n;

	while (read(fd, &n, sizeof(n)) > 0)
		;
	for (unsigned int i = 0; i < mh.n_tunnels; i++) {
		struct mh_tunnel *t = &mh.tunnels[i];
		const uint64_t word = __atomic_load_n(&t->word, __ATOMIC_ACQUIRE);
		int rc = 0;

		if (word == t->told)
			continue;
		t->told = word;
		pdp_engines_set_neighbour(node.engines, t->vr, t->vif, word);
		for (unsigned int k = 0; k < node.n_md; k++)
			rc |= pdp_md_call(node.mds[k], tell_md, t);
		/* An MD lcore did not come by: again, in the next turn of the loop. */
		if (rc != 0) {
			t->told = ~word;
			again = true;
		}
		PDP_LOG(INFO, "VR %s: the outer neighbour of vif %s is %s",
			node.config->vrs[t->vr].name, conf_of(t)->name,
			word != 0 ? "known" : "not known any more");
	}
	if (again && write(fd, &one, sizeof(one)) < 0)
		PDP_LOG(DEBUG, "it comes again anyway");
}

int mh_tunnel_watch(void)
{
	mh.news = pdp_loop_watch(node.loop, mh.news_fd, EPOLLIN, on_news, NULL);
	return mh.news != NULL ? 0 : complain("no watch: %s", strerror(errno));
}

void mh_tunnel_unwatch(void)
{
	pdp_watch_remove(mh.news);
	mh.news = NULL;
}
