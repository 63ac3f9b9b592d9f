/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The check: a second mirror of the same namespace, with a FIB of its own, that takes one dump and
 * no events. Digests of both FIBs are compared, and what their next hops say; only where they
 * differ is it looked at route by route.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/sockios.h>

#include "mirror_priv.h"

struct mirror_check {
	struct pdp_mirror *other;
	struct pdp_fib *fib;
	void (*done)(void *arg, const struct pdp_mirror_check *result);
	void *arg;
};

static void finish(struct pdp_mirror *m, const struct pdp_mirror_check *result)
{
	struct mirror_check *c = m->check;

	m->check = NULL;
	if (c->other != NULL && c->other->epoll_fd >= 0)
		epoll_ctl(m->epoll_fd, EPOLL_CTL_DEL, c->other->epoll_fd, NULL);
	pdp_mirror_destroy(c->other);
	pdp_fib_destroy(c->fib);
	if (result != NULL)
		c->done(c->arg, result);
	free(c);
}

static int copy_vifs(const struct pdp_mirror *m, struct pdp_mirror *other)
{
	for (uint32_t i = 0; i < m->n_links; i++) {
		const struct mirror_link *link = m->links[i];
		int rc = 0;

		if (link->vif >= 0)
			rc = pdp_mirror_vif_set(other, link->ifindex, (uint8_t)link->vif,
						link->ethernet);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int start(struct pdp_mirror *m, struct mirror_check *c)
{
	const struct pdp_fib_params fib_params = {.name = "check", .notes = true};
	struct pdp_mirror_params params = {.name = m->name};
	struct epoll_event ev = {.events = EPOLLIN};
	int netns, rc;

	c->fib = params.fib = pdp_fib_create(&fib_params);
	if (c->fib == NULL)
		return -errno;
	c->other = mirror_new(&params);
	if (c->other == NULL)
		return -errno;
	c->other->only_dump = true;
	netns = ioctl(m->sock, SIOCGSKNS);
	if (netns < 0)
		return -errno;
	rc = mirror_socket_open(c->other, netns, false);
	close(netns);
	rc = rc != 0 ? rc : copy_vifs(m, c->other);
	if (rc != 0)
		return rc;
	mirror_want(c->other, MIRROR_DUMP_ALL);
	if (epoll_ctl(m->epoll_fd, EPOLL_CTL_ADD, c->other->epoll_fd, &ev) != 0)
		return -errno;
	pdp_mirror_run(c->other);
	return 0;
}

int pdp_mirror_check(struct pdp_mirror *m,
		     void (*done)(void *arg, const struct pdp_mirror_check *result), void *arg)
{
	struct mirror_check *c;
	int rc;

	if (m->check != NULL)
		return -EBUSY;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	c->done = done;
	c->arg = arg;
	m->check = c;
	rc = start(m, c);
	if (rc != 0)
		finish(m, NULL);
	return rc;
}

/** Walking one FIB beside another. */
struct comparison {
	const struct pdp_mirror *one, *other;
	bool only_missing; /* those that both have were compared */
	struct pdp_mirror_check *result;
};

static void differs(struct pdp_mirror_check *r, const struct pdp_fib_prefix *prefix)
{
	if (r->n_shown < sizeof(r->shown) / sizeof(r->shown[0]))
		r->shown[r->n_shown++] = *prefix;
	r->n_different++;
}

/* There is no number, or no memory, for it: which prefixes that hits depends on the order in which
 * they came. */
static bool is_wanting(const struct pdp_fib_route *r)
{
	return r->nexthop != 0 ? !r->installed
			       : (r->note >> MIRROR_WHY & 7) == PDP_MIRROR_NO_NUMBER;
}

/* A neighbour without a number has no route of its own either: the link's serves it. */
static bool may_want(const struct comparison *c, const struct pdp_fib_route *route)
{
	struct mirror_entry e;

	if (c->other->n_unnumbered == 0)
		return false;
	mirror_entry_of(c->one, route, &e);
	return e.n == 1 && mirror_path_at(c->one, e.routes[0])->key.table == MIRROR_TABLE_NEIGH;
}

static bool compare_route(void *arg, const struct pdp_fib_route *route)
{
	const struct comparison *c = arg;
	struct pdp_fib_route there;
	bool has;

	if (!route->installed)
		return true;
	has = pdp_fib_get(c->other->fib, &route->prefix, &there) == 0;
	if (has ? is_wanting(&there) : may_want(c, route)) {
		c->result->n_wanting++;
		return true;
	}
	has = has && there.installed;
	if (!has || (!c->only_missing && pdp_fib_number_id(c->one->fib, route->nexthop) !=
						 pdp_fib_number_id(c->other->fib, there.nexthop)))
		differs(c->result, &route->prefix);
	return true;
}

static void compare_routes(const struct pdp_mirror *m, const struct pdp_mirror *other,
			   struct pdp_mirror_check *result)
{
	struct comparison c = {other, m, false, result};

	for (unsigned int family = 4; family <= 6; family += 2)
		pdp_fib_walk(c.one->fib, family, compare_route, &c);
	c = (struct comparison){m, other, true, result};
	for (unsigned int family = 4; family <= 6; family += 2)
		pdp_fib_walk(c.one->fib, family, compare_route, &c);
}

/* What the numbers say: MAC addresses, links that are down. */
static void compare_hops(const struct pdp_mirror *m, const struct pdp_mirror *other,
			 struct pdp_mirror_check *result)
{
	for (uint32_t i = 1; i < other->hops.n_touched; i++) {
		const struct mirror_hop *theirs = mirror_hop_at(other, i);
		uint32_t ours;

		if (theirs->item.refs == UINT32_MAX || theirs->object != 0)
			continue;
		ours = mirror_hop_find(m, &theirs->key);
		if (ours == 0 ||
		    memcmp(&mirror_hop_at(m, ours)->now, &theirs->now, sizeof(theirs->now)) != 0)
			result->n_different++;
	}
	result->n_different += mirror_objects_digest(m) != mirror_objects_digest(other);
}

static void compare(const struct pdp_mirror *m, const struct pdp_mirror *other,
		    struct pdp_mirror_check *result)
{
	struct pdp_fib_stats ours, theirs;

	pdp_fib_stats(m->fib, &ours);
	pdp_fib_stats(other->fib, &theirs);
	result->kernel = theirs.digest;
	result->fib = ours.digest;
	result->n_routes = theirs.routes4 + theirs.routes6;
	if (ours.digest != theirs.digest)
		compare_routes(m, other, result);
	compare_hops(m, other, result);
}

bool mirror_check_run(struct pdp_mirror *m)
{
	struct pdp_mirror *other = m->check->other;
	struct pdp_mirror_check result = {0};
	bool more = pdp_mirror_run(other);

	if (!other->complete)
		return more;
	compare(m, other, &result);
	finish(m, &result);
	return false;
}

void mirror_check_cancel(struct pdp_mirror *m)
{
	const struct pdp_mirror_check result = {.error = -ECANCELED};

	if (m->check != NULL)
		finish(m, &result);
}
