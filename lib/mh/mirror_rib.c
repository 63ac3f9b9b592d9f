/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All routes of each prefix, in the order in which the kernel tries them. One route is in the note
 * that the FIB's store keeps beside the prefix; several are in a list that the note names. What the
 * kernel would use goes into the FIB.
 */
#include <errno.h>
#include <stdlib.h>

#include "mirror_priv.h"

enum { LIST_MIN = 4, COLLECT_MAX = 16384, REMOVE_MAX = 64 };

static struct mirror_list *list_at(const struct pdp_mirror *m, uint32_t list)
{
	return mirror_pool_at(&m->lists, list);
}

bool mirror_covers(const struct pdp_fib_prefix *wide, const struct pdp_fib_prefix *p)
{
	const unsigned int bytes = wide->len / 8, bits = wide->len % 8;

	if (wide->family != p->family || wide->len > p->len ||
	    memcmp(wide->bytes, p->bytes, bytes) != 0)
		return false;
	return bits == 0 || ((wide->bytes[bytes] ^ p->bytes[bytes]) & (0xff00 >> bits) & 0xff) == 0;
}

static void from_note(const struct pdp_mirror *m, struct mirror_entry *e)
{
	e->list = 0;
	e->routes = &e->one;
	e->one = e->note & (MIRROR_INDEX | MIRROR_MARK);
	e->n = e->note != 0;
	if (e->note & MIRROR_MANY) {
		e->list = e->note & MIRROR_INDEX;
		e->n = list_at(m, e->list)->n;
		e->routes = list_at(m, e->list)->routes;
	}
}

void mirror_entry_load(const struct pdp_mirror *m, const struct pdp_fib_prefix *prefix,
		       struct mirror_entry *e)
{
	e->prefix = *prefix;
	e->at = pdp_fib_note(m->fib, prefix);
	e->note = e->at != NULL ? *e->at : 0;
	from_note(m, e);
}

void mirror_entry_of(const struct pdp_mirror *m, const struct pdp_fib_route *route,
		     struct mirror_entry *e)
{
	e->prefix = route->prefix;
	e->at = NULL;
	e->note = route->note;
	from_note(m, e);
}

static bool make_list(struct pdp_mirror *m, struct mirror_entry *e)
{
	/* Not looked for by hash: any will do that spreads. */
	const uint32_t number = mirror_pool_new(&m->lists,
						m->lists.n_touched * UINT32_C(0x9e3779b1));
	struct mirror_list *list;

	if (number == 0)
		return false;
	list = list_at(m, number);
	list->routes = malloc(LIST_MIN * sizeof(*list->routes));
	if (list->routes == NULL) {
		mirror_pool_free(&m->lists, number);
		return false;
	}
	list->n_max = LIST_MIN;
	m->list_bytes += LIST_MIN * sizeof(*list->routes);
	memcpy(list->routes, e->routes, e->n * sizeof(*e->routes));
	e->list = number;
	e->routes = list->routes;
	return true;
}

static bool grow_list(struct pdp_mirror *m, struct mirror_entry *e)
{
	struct mirror_list *list = list_at(m, e->list);
	uint32_t *more = realloc(list->routes, 2 * list->n_max * sizeof(*more));

	if (more == NULL)
		return false;
	m->list_bytes += list->n_max * sizeof(*more);
	list->n_max *= 2;
	list->routes = more;
	e->routes = more;
	return true;
}

static void drop_list(struct pdp_mirror *m, uint32_t number)
{
	struct mirror_list *list = list_at(m, number);

	m->list_bytes -= list->n_max * sizeof(*list->routes);
	free(list->routes);
	mirror_pool_free(&m->lists, number);
}

int mirror_entry_insert(struct pdp_mirror *m, struct mirror_entry *e, uint32_t at, uint32_t route)
{
	if ((e->n > 0 && e->list == 0 && !make_list(m, e)) ||
	    (e->list != 0 && e->n == list_at(m, e->list)->n_max && !grow_list(m, e))) {
		mirror_path_put(m, route);
		m->stats.no_memory++;
		return -ENOMEM;
	}
	memmove(&e->routes[at + 1], &e->routes[at], (e->n - at) * sizeof(*e->routes));
	e->routes[at] = route;
	e->n++;
	m->stats.routes++;
	return 0;
}

uint32_t mirror_entry_remove(struct pdp_mirror *m, struct mirror_entry *e, uint32_t at)
{
	const uint32_t route = e->routes[at];

	m->stats.routes--;
	e->n--;
	memmove(&e->routes[at], &e->routes[at + 1], (e->n - at) * sizeof(*e->routes));
	return route;
}

static bool is_link_local(const struct pdp_fib_prefix *p)
{
	return p->family == 6 && p->len >= 10 && p->bytes[0] == 0xfe &&
	       (p->bytes[1] & 0xc0) == 0x80;
}

/* IPv6 looks table local up first: a shorter prefix there hides longer ones of table main. */
static bool is_shadowed(const struct pdp_mirror *m, const struct pdp_fib_prefix *p)
{
	for (uint32_t i = 0; p->family == 6 && i < m->n_wide; i++) {
		if (m->wide[i].len < p->len && mirror_covers(&m->wide[i], p))
			return true;
	}
	return false;
}

uint32_t mirror_entry_best(const struct pdp_mirror *m, const struct mirror_entry *e,
			   enum pdp_mirror_why *why)
{
	*why = PDP_MIRROR_DEAD;
	for (uint32_t i = 0; i < e->n; i++) {
		const struct mirror_path *p = mirror_path_at(m, e->routes[i]);

		if (mirror_target_at(m, p->key.target)->dead)
			continue;
		if (p->key.tos != 0) {
			*why = PDP_MIRROR_TOS;
			continue;
		}
		if (p->key.table != MIRROR_TABLE_LOCAL && is_shadowed(m, &e->prefix)) {
			*why = PDP_MIRROR_SHADOWED;
			continue;
		}
		*why = PDP_MIRROR_INSTALLED;
		return i;
	}
	return e->n;
}

static uint16_t number_of(const struct pdp_mirror *m, const struct mirror_entry *e,
			  enum pdp_mirror_why *why)
{
	const uint32_t best = mirror_entry_best(m, e, why);
	uint16_t number;

	if (best == e->n)
		return 0;
	/* Which link a link-local destination is on, only the kernel knows. */
	if (is_link_local(&e->prefix))
		return mirror_hop_at(m, m->local_hop)->number;
	number = mirror_target_at(m, mirror_path_at(m, e->routes[best])->key.target)->number;
	if (number == 0)
		*why = PDP_MIRROR_NO_NUMBER;
	return number;
}

/* Keep the list of what shadows. */
static void note_wide(struct pdp_mirror *m, const struct mirror_entry *e)
{
	const bool is_wide = e->n > 0 &&
			     mirror_path_at(m, e->routes[0])->key.table == MIRROR_TABLE_LOCAL;
	uint32_t at = 0;

	while (at < m->n_wide && memcmp(&m->wide[at], &e->prefix, sizeof(e->prefix)) != 0)
		at++;
	if (is_wide == (at < m->n_wide) || (is_wide && m->n_wide == MIRROR_WIDE_MAX))
		return;
	if (is_wide)
		m->wide[m->n_wide++] = e->prefix;
	else
		m->wide[at] = m->wide[--m->n_wide];
	mirror_rib_reinstall(m, 6, &e->prefix);
}

static enum pdp_mirror_why why_of(uint32_t note)
{
	return note >> MIRROR_WHY & 7;
}

/* The FIB has no memory even for remembering it. */
static void lose(struct pdp_mirror *m, struct mirror_entry *e)
{
	m->stats.no_memory += e->n;
	m->stats.routes -= e->n;
	for (uint32_t i = 0; i < e->n; i++)
		mirror_path_put(m, e->routes[i]);
	if (e->list != 0)
		drop_list(m, e->list);
	mirror_doubt(m);
}

static void put(struct pdp_mirror *m, struct mirror_entry *e)
{
	enum pdp_mirror_why why;
	const uint16_t number = number_of(m, e, &why);
	uint32_t note = (uint32_t)why << MIRROR_WHY;

	if (e->list != 0 && e->n == 1) {
		const uint32_t list = e->list;

		e->one = e->routes[0];
		e->routes = &e->one;
		e->list = 0;
		drop_list(m, list);
	}
	if (e->list != 0) {
		list_at(m, e->list)->n = e->n;
		note |= MIRROR_MANY | e->list;
	} else {
		note |= e->one;
	}
	if (pdp_fib_put(m->fib, &e->prefix, number, note) == -ENOMEM)
		lose(m, e);
	else
		m->stats.why[why]++;
}

void mirror_entry_store(struct pdp_mirror *m, struct mirror_entry *e)
{
	const unsigned int full = e->prefix.family == 4 ? 32 : 128;

	m->changed = true;
	if (e->note != 0)
		m->stats.why[why_of(e->note)]--;
	if (e->n > 0) {
		put(m, e);
	} else {
		if (e->list != 0)
			drop_list(m, e->list);
		if (e->note != 0)
			pdp_fib_put(m->fib, &e->prefix, 0, 0);
	}
	if (e->prefix.len == full)
		return;
	if (e->prefix.family == 6)
		note_wide(m, e);
	if (m->n_neighs > 0)
		mirror_neighs_reconsider(m, &e->prefix);
}

/** Prefixes that a walk picks. */
struct collect {
	struct pdp_mirror *m;
	bool (*picks)(const struct collect *c, const struct mirror_entry *e,
		      const struct pdp_fib_route *route);
	bool (*gone)(struct pdp_mirror *m, uint32_t route, uint64_t arg);
	uint64_t arg;
	const struct pdp_fib_prefix *within;
	struct pdp_fib_prefix *prefixes;
	uint32_t n, removed;
};

static bool visit(void *arg, const struct pdp_fib_route *route)
{
	struct collect *c = arg;
	struct mirror_entry e;

	mirror_entry_of(c->m, route, &e);
	if (c->picks(c, &e, route))
		c->prefixes[c->n++] = route->prefix;
	return c->n < COLLECT_MAX;
}

/* Walk and change in turns: a walk does not survive a change. @return false: no memory */
static bool each(struct collect *c, unsigned int family,
		 void (*change)(struct collect *c, struct mirror_entry *e))
{
	c->prefixes = malloc(COLLECT_MAX * sizeof(*c->prefixes));
	if (c->prefixes == NULL) {
		mirror_doubt(c->m);
		return false;
	}
	do {
		c->n = 0;
		pdp_fib_walk(c->m->fib, family, visit, c);
		for (uint32_t i = 0; i < c->n; i++) {
			struct mirror_entry e;

			mirror_entry_load(c->m, &c->prefixes[i], &e);
			change(c, &e);
		}
	} while (c->n == COLLECT_MAX);
	free(c->prefixes);
	return true;
}

static bool has_gone(const struct collect *c, const struct mirror_entry *e,
		     const struct pdp_fib_route *route)
{
	(void)route;
	for (uint32_t i = 0; i < e->n; i++) {
		if (c->gone(c->m, e->routes[i], c->arg))
			return true;
	}
	return false;
}

static void remove_gone(struct collect *c, struct mirror_entry *e)
{
	const struct pdp_fib_prefix prefix = e->prefix;
	uint32_t removed[REMOVE_MAX], n;

	do {
		n = 0;
		for (uint32_t i = e->n; i-- > 0 && n < REMOVE_MAX;) {
			if (c->gone(c->m, e->routes[i], c->arg))
				removed[n++] = mirror_entry_remove(c->m, e, i);
		}
		mirror_entry_store(c->m, e);
		for (uint32_t i = 0; i < n; i++)
			mirror_path_put(c->m, removed[i]);
		c->removed += n;
		mirror_entry_load(c->m, &prefix, e);
	} while (n == REMOVE_MAX);
}

uint32_t mirror_rib_remove(struct pdp_mirror *m, unsigned int family,
			   bool (*gone)(struct pdp_mirror *m, uint32_t route, uint64_t arg),
			   uint64_t arg)
{
	struct collect c = {.m = m, .picks = has_gone, .gone = gone, .arg = arg};

	each(&c, family, remove_gone);
	return c.removed;
}

static bool is_wrong(const struct collect *c, const struct mirror_entry *e,
		     const struct pdp_fib_route *route)
{
	enum pdp_mirror_why why;

	return (c->within == NULL || mirror_covers(c->within, &e->prefix)) &&
	       number_of(c->m, e, &why) != route->nexthop;
}

static void store_again(struct collect *c, struct mirror_entry *e)
{
	mirror_entry_store(c->m, e);
}

void mirror_rib_reinstall(struct pdp_mirror *m, unsigned int family,
			  const struct pdp_fib_prefix *within)
{
	const struct pdp_fib_prefix copy = within != NULL ? *within : (struct pdp_fib_prefix){0};
	struct collect c = {.m = m, .picks = is_wrong, .within = within != NULL ? &copy : NULL};

	each(&c, family, store_again);
}

struct marking {
	struct pdp_mirror *m;
	uint32_t mark;
};

static bool mark_one(void *arg, const struct pdp_fib_route *route)
{
	const struct marking *k = arg;
	uint32_t *note = pdp_fib_note(k->m->fib, &route->prefix);
	struct mirror_entry e;

	if (!(*note & MIRROR_MANY)) {
		*note = (*note & ~MIRROR_MARK) | k->mark;
		return true;
	}
	mirror_entry_of(k->m, route, &e);
	for (uint32_t i = 0; i < e.n; i++)
		e.routes[i] = (e.routes[i] & ~MIRROR_MARK) | k->mark;
	return true;
}

void mirror_rib_mark_all(struct pdp_mirror *m, unsigned int family, bool mark)
{
	struct marking k = {m, mark ? MIRROR_MARK : 0};

	pdp_fib_walk(m->fib, family, mark_one, &k);
}

void mirror_rib_fini(struct pdp_mirror *m)
{
	for (uint32_t i = 1; i < m->lists.n_touched; i++) {
		if (list_at(m, i)->item.refs != UINT32_MAX)
			free(list_at(m, i)->routes);
	}
	mirror_pool_fini(&m->lists);
}
