/* SPDX-License-Identifier: BSD-3-Clause */
/* What the mirror has, for pdp-ctl and statistics. Changes nothing. */
#include <errno.h>
#include <stdio.h>

#include "mirror_priv.h"

const char *pdp_mirror_why_name(enum pdp_mirror_why why)
{
	static const char *const names[] = {
		[PDP_MIRROR_INSTALLED] = "installed",
		[PDP_MIRROR_DEAD] = "dead",
		[PDP_MIRROR_TOS] = "tos",
		[PDP_MIRROR_SHADOWED] = "shadowed",
		[PDP_MIRROR_NO_NUMBER] = "no next-hop number",
		[PDP_MIRROR_NO_MEMORY] = "no table memory",
	};

	return why < PDP_MIRROR_WHYS ? names[why] : "?";
}

const char *pdp_mirror_state_name(enum pdp_mirror_state state)
{
	static const char *const names[] = {"filling", "in step", "dumping"};

	return state <= PDP_MIRROR_DUMPING ? names[state] : "?";
}

static uint64_t private_bytes(const struct pdp_mirror *m)
{
	return sizeof(*m) + mirror_pool_bytes(&m->hops) + mirror_pool_bytes(&m->targets) +
	       mirror_pool_bytes(&m->paths) + mirror_pool_bytes(&m->objects) +
	       mirror_pool_bytes(&m->lists) + m->list_bytes +
	       m->neighs_max * (sizeof(*m->neighs) + sizeof(**m->neighs)) +
	       m->addresses_max * sizeof(*m->addresses) + m->n_links * sizeof(**m->links);
}

static uint32_t count_adjacent(const struct pdp_mirror *m)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->n_neighs; i++)
		n += m->neighs[i]->path != 0;
	return n;
}

void pdp_mirror_stats(const struct pdp_mirror *m, struct pdp_mirror_stats *out)
{
	struct pdp_fib_stats s;

	pdp_fib_stats(m->fib, &s);
	*out = m->stats;
	out->state = !m->complete					  ? PDP_MIRROR_FILLING
		     : m->wanted != 0 || m->round != 0 || m->dumping >= 0 ? PDP_MIRROR_DUMPING
									  : PDP_MIRROR_IN_STEP;
	out->prefixes4 = s.routes4;
	out->prefixes6 = s.routes6;
	out->neighbours = m->n_neighs;
	out->adjacent = count_adjacent(m);
	out->routes = m->stats.routes - out->adjacent;
	out->links = m->n_links;
	out->addresses = m->n_addresses;
	out->objects = m->objects.n_used;
	/* The FIB's part of those that should be installed. */
	out->why[PDP_MIRROR_NO_MEMORY] = s.not_installed;
	out->why[PDP_MIRROR_INSTALLED] -= s.not_installed;
	out->private_bytes = private_bytes(m);
}

static void show_hop(const struct pdp_mirror *m, const struct mirror_hop *hop, uint16_t weight,
		     bool dead, struct pdp_mirror_hop *out)
{
	*out = (struct pdp_mirror_hop){.weight = weight, .dead = dead, .now = hop->now};
	if (hop->key.kind >= MIRROR_LINK)
		snprintf(out->ifname, sizeof(out->ifname), "%s",
			 mirror_link_name(m, hop->key.ifindex));
	out->family = hop->key.family;
	memcpy(out->gateway, hop->key.address, sizeof(out->gateway));
}

static void show_object(const struct pdp_mirror *m, const struct mirror_object *o,
			struct pdp_mirror_route *out)
{
	out->object = o->id;
	if (o->hop != 0) {
		show_hop(m, mirror_hop_at(m, o->hop), 1, false, &out->hops[out->n_hops++]);
		return;
	}
	for (unsigned int i = 0; i < o->n && out->n_hops < PDP_MIRROR_HOPS_MAX; i++) {
		const uint32_t member = mirror_object_find(m, o->members[i].id);

		if (member != 0 && mirror_object_at(m, member)->hop != 0)
			show_hop(m, mirror_hop_at(m, mirror_object_at(m, member)->hop),
				 o->members[i].weight, false, &out->hops[out->n_hops++]);
	}
}

static void show_path(const struct pdp_mirror *m, uint32_t route, struct pdp_mirror_route *out)
{
	static const uint8_t tables[] = {[MIRROR_TABLE_NEIGH] = 0,
					 [MIRROR_TABLE_MAIN] = RT_TABLE_MAIN,
					 [MIRROR_TABLE_LOCAL] = RT_TABLE_LOCAL};
	const struct mirror_path *p = mirror_path_at(m, route);
	const struct mirror_target *t = mirror_target_at(m, p->key.target);
	const struct mirror_member *members = mirror_members(t);

	*out = (struct pdp_mirror_route){.table = tables[p->key.table],
					 .type = p->key.type,
					 .protocol = p->key.protocol,
					 .tos = p->key.tos,
					 .metric = p->key.metric};
	if (t->object != 0) {
		show_object(m, mirror_object_at(m, t->object), out);
		return;
	}
	for (unsigned int i = 0; i < t->n && i < PDP_MIRROR_HOPS_MAX; i++)
		show_hop(m, mirror_hop_at(m, members[i].hop), members[i].weight, members[i].dead,
			 &out->hops[out->n_hops++]);
}

/* The longest one that is in the table. */
static int find_longest(const struct pdp_mirror *m, const struct pdp_fib_prefix *prefix,
			struct pdp_fib_route *route)
{
	int len = prefix->len, rc;

	do {
		rc = len >= 0 ? pdp_fib_match(m->fib, prefix, (unsigned int)len, route) : -ENOENT;
		if (rc != 0)
			return rc;
		len = route->prefix.len - 1;
	} while (!route->installed);
	return 0;
}

int pdp_mirror_route(const struct pdp_mirror *m, const struct pdp_fib_prefix *prefix, bool longest,
		     struct pdp_mirror_answer *out)
{
	struct pdp_fib_route route;
	struct mirror_entry e;
	uint32_t best;
	int rc = longest ? find_longest(m, prefix, &route) : pdp_fib_get(m->fib, prefix, &route);

	if (rc != 0)
		return rc;
	mirror_entry_of(m, &route, &e);
	best = mirror_entry_best(m, &e, &out->why);
	out->prefix = route.prefix;
	out->number = route.nexthop;
	if (out->why == PDP_MIRROR_INSTALLED && !route.installed)
		out->why = route.nexthop == 0 ? PDP_MIRROR_NO_NUMBER : PDP_MIRROR_NO_MEMORY;
	out->n_routes = 0;
	for (uint32_t i = 0; i < e.n && i < PDP_MIRROR_ROUTES_MAX; i++) {
		show_path(m, e.routes[i], &out->routes[i]);
		out->routes[i].best = i == best;
		out->n_routes++;
	}
	return 0;
}

int pdp_mirror_neigh(const struct pdp_mirror *m, unsigned int index, struct pdp_mirror_neigh *out)
{
	const struct mirror_link *link;
	const struct mirror_neigh *n;

	if (index >= m->n_neighs)
		return -ENOENT;
	n = m->neighs[index];
	link = mirror_link_find(m, n->ifindex);
	*out = (struct pdp_mirror_neigh){.vif = link != NULL ? link->vif : -1,
					 .family = n->family,
					 .state = n->state,
					 .adjacent = n->path != 0};
	snprintf(out->ifname, sizeof(out->ifname), "%s", mirror_link_name(m, n->ifindex));
	memcpy(out->address, n->address, sizeof(out->address));
	memcpy(out->mac, n->mac, sizeof(out->mac));
	return 0;
}
