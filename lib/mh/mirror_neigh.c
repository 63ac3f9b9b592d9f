/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neighbours. A gateway's MAC address goes into the next hops that use it. One on the link of a
 * connected prefix (its longest prefix is glean, over the same link) gets a prefix of full length
 * of its own, behind all that the kernel has of that prefix, while its MAC address is known.
 */
#include <errno.h>
#include <stdlib.h>

#include <libmnl/libmnl.h>
#include <linux/neighbour.h>

#include "mirror_priv.h"

#define VALID (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)

enum { REFRESH_MAX = 64, REFRESH_AGAIN_MS = 10000 };

bool mirror_neigh_valid(const struct mirror_neigh *n)
{
	return (n->state & VALID) != 0;
}

static int compare(const struct mirror_neigh *a, unsigned int family, const uint8_t *address,
		   int ifindex)
{
	int c = (int)a->family - (int)family;

	c = c != 0 ? c : memcmp(a->address, address, sizeof(a->address));
	return c != 0 ? c : (a->ifindex > ifindex) - (a->ifindex < ifindex);
}

/* The first that is not before it. */
static uint32_t position(const struct pdp_mirror *m, unsigned int family, const uint8_t *address,
			 int ifindex)
{
	uint32_t low = 0, high = m->n_neighs;

	while (low < high) {
		const uint32_t mid = low + (high - low) / 2;

		if (compare(m->neighs[mid], family, address, ifindex) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct mirror_neigh *at_position(const struct pdp_mirror *m, uint32_t at,
					unsigned int family, const uint8_t *address, int ifindex)
{
	if (at == m->n_neighs || compare(m->neighs[at], family, address, ifindex) != 0)
		return NULL;
	return m->neighs[at];
}

const struct mirror_neigh *mirror_neigh_find(const struct pdp_mirror *m, int ifindex,
					     unsigned int family, const uint8_t *address)
{
	return at_position(m, position(m, family, address, ifindex), family, address, ifindex);
}

static struct pdp_fib_prefix prefix_of(const struct mirror_neigh *n)
{
	struct pdp_fib_prefix p = {.family = n->family, .len = n->family == 4 ? 32 : 128};

	memcpy(p.bytes, n->address, sizeof(p.bytes));
	return p;
}

static const struct mirror_hop *single_hop(const struct pdp_mirror *m, uint32_t route)
{
	const struct mirror_target *t = mirror_target_at(m, mirror_path_at(m, route)->key.target);
	uint32_t hop = t->n == 1 ? t->one.hop : 0;

	if (t->object != 0)
		hop = mirror_object_at(m, t->object)->hop;
	return hop != 0 ? mirror_hop_at(m, hop) : NULL;
}

/* The longest prefix that covers it, and is in the table, is on the link of the same device. */
static bool on_link(const struct pdp_mirror *m, const struct mirror_neigh *n)
{
	const struct pdp_fib_prefix whole = prefix_of(n);
	const struct mirror_hop *hop;
	struct pdp_fib_route route;
	struct mirror_entry e;
	enum pdp_mirror_why why;
	int len = whole.len - 1;
	uint32_t best;

	do {
		if (len < 0 || pdp_fib_match(m->fib, &whole, (unsigned int)len, &route) != 0)
			return false;
		len = route.prefix.len - 1;
	} while (route.nexthop == 0);
	mirror_entry_of(m, &route, &e);
	best = mirror_entry_best(m, &e, &why);
	if (best == e.n)
		return false;
	hop = single_hop(m, e.routes[best]);
	return hop != NULL && hop->key.kind == MIRROR_LINK && hop->key.ifindex == n->ifindex;
}

/* Link-local and multicast destinations are not forwarded. */
static bool may_be_adjacent(const struct pdp_mirror *m, const struct mirror_neigh *n)
{
	const struct mirror_link *link = mirror_link_find(m, n->ifindex);

	if (link == NULL || link->vif < 0 || !link->ethernet || !mirror_neigh_valid(n))
		return false;
	if (n->family == 4)
		return n->address[0] < 224;
	return n->address[0] != 0xff && (n->address[0] != 0xfe || (n->address[1] & 0xc0) != 0x80);
}

static void leave(struct pdp_mirror *m, struct mirror_neigh *n)
{
	const struct pdp_fib_prefix p = prefix_of(n);
	const uint32_t path = n->path;
	struct mirror_entry e;

	n->path = 0;
	mirror_entry_load(m, &p, &e);
	for (uint32_t i = 0; i < e.n; i++) {
		if ((e.routes[i] & MIRROR_INDEX) != path)
			continue;
		mirror_entry_remove(m, &e, i);
		mirror_entry_store(m, &e);
		mirror_path_put(m, path);
		return;
	}
}

static void join(struct pdp_mirror *m, struct mirror_neigh *n)
{
	const struct pdp_fib_prefix p = prefix_of(n);
	const uint32_t path = mirror_path_of_neigh(m, n);
	struct mirror_entry e;

	if (path == 0)
		return;
	mirror_entry_load(m, &p, &e);
	if (mirror_entry_insert(m, &e, e.n, path) != 0)
		return;
	n->path = path;
	mirror_entry_store(m, &e);
}

static void reconsider(struct pdp_mirror *m, struct mirror_neigh *n)
{
	const bool wanted = may_be_adjacent(m, n) && on_link(m, n);

	if (wanted && n->path == 0)
		join(m, n);
	else if (!wanted && n->path != 0)
		leave(m, n);
}

void mirror_neighs_reconsider(struct pdp_mirror *m, const struct pdp_fib_prefix *within)
{
	const uint32_t first = within != NULL
				       ? position(m, within->family, within->bytes, INT32_MIN)
				       : 0;

	for (uint32_t i = first; i < m->n_neighs; i++) {
		struct mirror_neigh *n = m->neighs[i];

		if (within != NULL) {
			const struct pdp_fib_prefix p = prefix_of(n);

			if (!mirror_covers(within, &p))
				return;
		}
		reconsider(m, n);
	}
}

static void drop(struct pdp_mirror *m, uint32_t at)
{
	struct mirror_neigh *n = m->neighs[at];

	if (n->path != 0)
		leave(m, n);
	m->n_neighs--;
	memmove(&m->neighs[at], &m->neighs[at + 1], (m->n_neighs - at) * sizeof(*m->neighs));
	mirror_hops_of_neigh(m, n->ifindex, n->family, n->address);
	free(n);
}

static struct mirror_neigh *insert(struct pdp_mirror *m, uint32_t at,
				   const struct mirror_neigh *what)
{
	struct mirror_neigh *n = malloc(sizeof(*n));

	if (n != NULL && m->n_neighs == m->neighs_max) {
		const uint32_t max = m->neighs_max != 0 ? m->neighs_max * 2 : 64;
		struct mirror_neigh **more = realloc(m->neighs, max * sizeof(*more));

		if (more != NULL) {
			m->neighs = more;
			m->neighs_max = max;
		}
	}
	if (n == NULL || m->n_neighs == m->neighs_max) {
		free(n);
		m->stats.no_memory++;
		return NULL;
	}
	*n = *what;
	memmove(&m->neighs[at + 1], &m->neighs[at], (m->n_neighs - at) * sizeof(*m->neighs));
	m->neighs[at] = n;
	m->n_neighs++;
	return n;
}

/* @return false: nothing that concerns us; bad messages are counted */
static bool parse(struct pdp_mirror *m, const struct nlmsghdr *nlh, struct mirror_neigh *n)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	size_t size, got = 0;

	*n = (struct mirror_neigh){0};
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ndm)) {
		m->stats.bad_messages++;
		return false;
	}
	if ((ndm->ndm_family != AF_INET && ndm->ndm_family != AF_INET6) ||
	    ndm->ndm_flags & NTF_PROXY)
		return false;
	n->family = ndm->ndm_family == AF_INET ? 4 : 6;
	n->ifindex = ndm->ndm_ifindex;
	n->state = ndm->ndm_state;
	size = n->family == 4 ? 4 : 16;
	mnl_attr_for_each(attr, nlh, sizeof(*ndm))
	{
		const unsigned int type = mnl_attr_get_type(attr);
		const size_t len = mnl_attr_get_payload_len(attr);

		if (type == NDA_DST && len == size) {
			memcpy(n->address, mnl_attr_get_payload(attr), size);
			got = size;
		} else if (type == NDA_LLADDR && len == sizeof(n->mac)) {
			memcpy(n->mac, mnl_attr_get_payload(attr), sizeof(n->mac));
		}
	}
	m->stats.bad_messages += got == 0;
	return got != 0;
}

void mirror_neigh_message(struct pdp_mirror *m, const struct nlmsghdr *nlh, bool dump)
{
	struct mirror_neigh told, *n;
	uint32_t at;

	if (!parse(m, nlh, &told))
		return;
	at = position(m, told.family, told.address, told.ifindex);
	n = at_position(m, at, told.family, told.address, told.ifindex);
	if (nlh->nlmsg_type == RTM_DELNEIGH) {
		if (n != NULL)
			drop(m, at);
		return;
	}
	if (n == NULL)
		n = insert(m, at, &told);
	if (n == NULL)
		return;
	n->state = told.state;
	memcpy(n->mac, told.mac, sizeof(n->mac));
	n->mark = m->mark[MIRROR_DUMP_NEIGHS];
	mirror_hops_of_neigh(m, n->ifindex, n->family, n->address);
	/* A dump of routes follows one of neighbours, and reconsiders those within each change. */
	if (!dump || m->complete)
		reconsider(m, n);
}

void mirror_neighs_swept(struct pdp_mirror *m, bool ok)
{
	for (uint32_t i = m->n_neighs; i-- > 0;) {
		if (ok && m->neighs[i]->mark != m->mark[MIRROR_DUMP_NEIGHS])
			drop(m, i);
		else
			m->neighs[i]->mark = m->mark[MIRROR_DUMP_NEIGHS];
	}
}

static bool in_use(const struct pdp_mirror *m, const struct mirror_neigh *n)
{
	struct mirror_hop_key key = {
		.kind = MIRROR_GATEWAY, .family = n->family, .ifindex = n->ifindex};
	const struct mirror_hop *hop;

	if (n->path != 0)
		return true;
	memcpy(key.address, n->address, sizeof(key.address));
	for (uint32_t i = mirror_pool_first(&m->hops, mirror_hash(&key, sizeof(key), 1)); i != 0;
	     i = hop->item.next) {
		hop = mirror_hop_at(m, i);
		if (memcmp(&hop->key, &key, sizeof(key)) == 0)
			return true;
	}
	return false;
}

static int tell(struct pdp_mirror *m, const struct mirror_neigh *n)
{
	char buffer[128] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct ndmsg *ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));

	nlh->nlmsg_type = RTM_NEWNEIGH;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	ndm->ndm_family = n->family == 4 ? AF_INET : AF_INET6;
	ndm->ndm_ifindex = n->ifindex;
	ndm->ndm_flags = NTF_USE;
	mnl_attr_put(nlh, NDA_DST, n->family == 4 ? 4 : 16, n->address);
	return mirror_socket_send(m, nlh);
}

void mirror_neighs_refresh(struct pdp_mirror *m, uint64_t now_ms)
{
	uint32_t left = REFRESH_MAX;

	for (uint32_t i = 0; i < m->n_neighs && left > 0; i++) {
		struct mirror_neigh *n;

		m->refresh_at = (m->refresh_at + 1) % m->n_neighs;
		n = m->neighs[m->refresh_at];
		if (n->state != NUD_STALE ||
		    (n->told_ms != 0 && now_ms < n->told_ms + REFRESH_AGAIN_MS) || !in_use(m, n))
			continue;
		n->told_ms = now_ms;
		left--;
		m->stats.refreshes += tell(m, n) == 0;
	}
}

void mirror_neighs_fini(struct pdp_mirror *m)
{
	for (uint32_t i = 0; i < m->n_neighs; i++)
		free(m->neighs[i]);
	free(m->neighs);
}
