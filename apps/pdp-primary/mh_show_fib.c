/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `vr show NAME fib`: how many routes, how much memory; the routes of a prefix, or that an address
 * takes; and whether kernel and FIB agree. Control thread, with the MH thread's answers.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mh_show.h"

#define LIST_MAX 100 /* routes that are listed when no prefix is given */

static const char *type_name(uint8_t type)
{
	static const char *const names[] = {
		[RTN_UNSPEC] = "neighbour",    [RTN_UNICAST] = "unicast",
		[RTN_LOCAL] = "local",	       [RTN_BROADCAST] = "broadcast",
		[RTN_ANYCAST] = "anycast",     [RTN_MULTICAST] = "multicast",
		[RTN_BLACKHOLE] = "blackhole", [RTN_UNREACHABLE] = "unreachable",
		[RTN_PROHIBIT] = "prohibit",   [RTN_THROW] = "throw",
	};

	return type < RTE_DIM(names) ? names[type] : "other";
}

static const char *protocol_name(uint8_t protocol, char text[16])
{
	static const struct {
		uint8_t number;
		const char *name;
	} names[] = {
		{RTPROT_KERNEL, "kernel"}, {RTPROT_BOOT, "boot"},   {RTPROT_STATIC, "static"},
		{RTPROT_RA, "ra"},	   {RTPROT_ZEBRA, "zebra"}, {RTPROT_BIRD, "bird"},
		{RTPROT_BGP, "bgp"},	   {RTPROT_ISIS, "isis"},   {RTPROT_OSPF, "ospf"},
		{RTPROT_RIP, "rip"},
	};

	for (size_t i = 0; i < RTE_DIM(names); i++) {
		if (names[i].number == protocol)
			return names[i].name;
	}
	snprintf(text, 16, "%u", protocol);
	return text;
}

static const char *now_name(const struct pdp_fib_nexthop *nh)
{
	static const char *const names[] = {
		[PDP_FIB_DEAD] = "dead",
		[PDP_FIB_FORWARD] = "forward",
		[PDP_FIB_UNRESOLVED] = "unresolved",
		[PDP_FIB_GLEAN] = "glean",
		[PDP_FIB_LOCAL] = "local",
		[PDP_FIB_BLACKHOLE] = "blackhole",
		[PDP_FIB_UNREACHABLE] = "unreachable",
		[PDP_FIB_PROHIBIT] = "prohibit",
	};

	return nh->type < RTE_DIM(names) && names[nh->type] != NULL ? names[nh->type] : "other";
}

static const char *prefix_text(const struct pdp_fib_prefix *p, char text[MH_TEXT])
{
	size_t n;

	mh_show_address(p->family, p->bytes, text);
	n = strlen(text);
	snprintf(text + n, MH_TEXT - n, "/%u", p->len);
	return text;
}

/* "10.0.0.0/8", or an address. @return whether it is one */
static bool parse_prefix(const char *text, struct pdp_fib_prefix *p, bool *is_address)
{
	const char *slash = strchr(text, '/');
	char address[MH_TEXT], *end;
	unsigned long len;

	memset(p, 0, sizeof(*p));
	*is_address = slash == NULL;
	snprintf(address, sizeof(address), "%.*s",
		 slash != NULL ? (int)(slash - text) : (int)sizeof(address) - 1, text);
	if (inet_pton(AF_INET, address, p->bytes) == 1)
		p->family = 4;
	else if (inet_pton(AF_INET6, address, p->bytes) == 1)
		p->family = 6;
	else
		return false;
	p->len = p->family == 4 ? 32 : 128;
	if (slash == NULL)
		return true;
	len = strtoul(slash + 1, &end, 10);
	if (end == slash + 1 || *end != '\0' || len > p->len)
		return false;
	p->len = (uint8_t)len;
	for (unsigned int bit = p->len; bit < 128; bit++)
		p->bytes[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
	return true;
}

struct query {
	struct mh_vr *vr;
	struct pdp_fib_prefix prefix;
	bool is_address;
	json_t *rows;
	struct pdp_fib_prefix *list; /* LIST_MAX */
	unsigned int n_list;
	bool found;
	struct pdp_fib_stats fib;
	struct pdp_mirror_stats mirror;
};

static void add_hop(json_t *rows, const char *prefix, const struct pdp_mirror_answer *a,
		    const struct pdp_mirror_route *r, const struct pdp_mirror_hop *h)
{
	char via[MH_TEXT], protocol[16];

	json_array_append_new(
		rows, json_pack("[s, s, s, s, i, s, i, s, s]", prefix, type_name(r->type),
				h != NULL ? mh_show_address(h->family, h->gateway, via) : "",
				h != NULL ? h->ifname : "", h != NULL ? h->weight : 0,
				protocol_name(r->protocol, protocol), (int)r->metric,
				!r->best ? "not the best" : pdp_mirror_why_name(a->why),
				h != NULL ? now_name(&h->now) : ""));
}

static void add_answer(json_t *rows, const struct pdp_mirror_answer *a)
{
	char text[MH_TEXT];

	prefix_text(&a->prefix, text);
	for (unsigned int i = 0; i < a->n_routes; i++) {
		const struct pdp_mirror_route *r = &a->routes[i];

		for (unsigned int k = 0; k < r->n_hops; k++)
			add_hop(rows, text, a, r, &r->hops[k]);
		if (r->n_hops == 0)
			add_hop(rows, text, a, r, NULL);
	}
}

static bool list_one(void *arg, const struct pdp_fib_route *route)
{
	struct query *q = arg;

	if (q->n_list < LIST_MAX)
		q->list[q->n_list++] = route->prefix;
	return q->n_list < LIST_MAX;
}

static int by_address(const void *a, const void *b)
{
	const struct pdp_fib_prefix *p = a, *q = b;
	int rc = (int)p->family - q->family;

	rc = rc != 0 ? rc : memcmp(p->bytes, q->bytes, sizeof(p->bytes));
	return rc != 0 ? rc : (int)p->len - q->len;
}

static void answer(struct query *q, const struct pdp_fib_prefix *prefix, bool longest)
{
	static struct pdp_mirror_answer a; /* 16 routes of 32 hops: MH thread only */

	if (q->vr->mirror == NULL || pdp_mirror_route(q->vr->mirror, prefix, longest, &a) != 0)
		return;
	q->found = true;
	add_answer(q->rows, &a);
}

static void ask_one(void *arg)
{
	struct query *q = arg;

	answer(q, &q->prefix, q->is_address);
}

static void ask_all(void *arg)
{
	struct query *q = arg;

	pdp_fib_stats(q->vr->fib, &q->fib);
	if (q->vr->mirror != NULL)
		pdp_mirror_stats(q->vr->mirror, &q->mirror);
	pdp_fib_walk(q->vr->fib, 4, list_one, q);
	pdp_fib_walk(q->vr->fib, 6, list_one, q);
	qsort(q->list, q->n_list, sizeof(q->list[0]), by_address);
	for (unsigned int i = 0; i < q->n_list; i++)
		answer(q, &q->list[i], false);
}

static json_t *routes_table(json_t *rows)
{
	return json_pack("{s:[s,s,s,s,s,s,s,s,s], s:o}", "columns", "prefix", "type", "via",
			 "interface", "weight", "protocol", "metric", "installed", "now", "rows",
			 rows);
}

static json_t *whys_json(const struct pdp_mirror_stats *m)
{
	json_t *whys = json_object();

	for (unsigned int i = PDP_MIRROR_INSTALLED + 1; i < PDP_MIRROR_WHYS; i++) {
		if (m->why[i] != 0)
			json_object_set_new(whys, pdp_mirror_why_name((enum pdp_mirror_why)i),
					    json_integer(m->why[i]));
	}
	return whys;
}

static json_t *summary(const struct query *q)
{
	const struct pdp_mirror_stats *m = &q->mirror;
	const struct pdp_fib_stats *f = &q->fib;
	json_t *all, *mirror;

	mirror = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			   "messages", (json_int_t)m->messages, "events", (json_int_t)m->events,
			   "dumps", (json_int_t)m->dumps, "dump_routes", (json_int_t)m->dump_routes,
			   "dump_us", (json_int_t)(m->dump_ns / 1000), "overruns",
			   (json_int_t)m->overruns, "doubts", (json_int_t)m->doubts, "bad_messages",
			   (json_int_t)m->bad_messages, "no_memory", (json_int_t)m->no_memory,
			   "other_tables", (json_int_t)m->other_tables, "by_source",
			   (json_int_t)m->by_source, "rules", (json_int_t)m->rules, "private_bytes",
			   (json_int_t)(m->private_bytes + f->private_bytes));
	all = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:s*, s:o, s:o}",
			"state", pdp_mirror_state_name(m->state), "ip4_prefixes",
			(json_int_t)f->routes4, "ip6_prefixes", (json_int_t)f->routes6,
			"kernel_routes", (json_int_t)m->routes, "neighbours",
			(json_int_t)m->neighbours, "next_hops", (json_int_t)f->numbers,
			"not_installed", whys_json(m), "shared_bytes", (json_int_t)f->shared_bytes,
			"version", (json_int_t)f->version, "resting", (json_int_t)f->resting,
			"digest", NULL, "mirror", mirror, "routes", routes_table(q->rows));
	json_object_set_new(all, "digest", json_sprintf("%016" PRIx64, f->digest));
	return all;
}

/* A comparison takes as long as a dump; the asker comes back for it. */
static struct {
	pthread_mutex_t lock;
	struct mh_vr *vr; /* whose; NULL: none */
	bool done;
	int started; /* what pdp_mirror_check() said */
	struct pdp_mirror_check result;
} check = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void on_checked(void *arg, const struct pdp_mirror_check *result)
{
	pthread_mutex_lock(&check.lock);
	check.result = *result;
	check.done = true;
	pthread_mutex_unlock(&check.lock);
}

static void begin_check(void *arg)
{
	struct mh_vr *vr = arg;

	check.started = vr->mirror != NULL ? pdp_mirror_check(vr->mirror, on_checked, NULL)
					   : -ESRCH;
}

static json_t *check_json(const struct pdp_mirror_check *c)
{
	json_t *shown = json_array();

	for (unsigned int i = 0; i < c->n_shown; i++) {
		char text[MH_TEXT];

		json_array_append_new(shown, json_string(prefix_text(&c->shown[i], text)));
	}
	return json_pack("{s:b, s:b, s:I, s:I, s:I, s:o, s:o, s:o}", "running", 0, "equal",
			 c->n_different == 0, "routes", (json_int_t)c->n_routes, "different",
			 (json_int_t)c->n_different, "not_installed", (json_int_t)c->n_wanting,
			 "kernel_digest", json_sprintf("%016" PRIx64, c->kernel), "fib_digest",
			 json_sprintf("%016" PRIx64, c->fib), "differing", shown);
}

static int show_check(struct mh_vr *vr, json_t **result, char *err, size_t err_size)
{
	bool done;
	int rc;

	if (check.vr != NULL && check.vr != vr) {
		snprintf(err, err_size, "VR %s is being checked; try again",
			 node.config->vrs[check.vr->vr].name);
		return -EBUSY;
	}
	if (check.vr == NULL) {
		check.done = false;
		rc = mh_show_call(begin_check, vr, err, err_size);
		if (rc != 0)
			return rc;
		if (check.started != 0) {
			snprintf(err, err_size, "kernel and FIB cannot be compared: %s",
				 strerror(-check.started));
			return check.started;
		}
		check.vr = vr;
	}
	pthread_mutex_lock(&check.lock);
	done = check.done;
	pthread_mutex_unlock(&check.lock);
	if (!done) {
		*result = json_pack("{s:b}", "running", 1);
		return 0;
	}
	check.vr = NULL;
	if (check.result.error != 0) {
		snprintf(err, err_size, "kernel and FIB were not compared: %s; try again",
			 strerror(-check.result.error));
		return check.result.error;
	}
	*result = check_json(&check.result);
	return 0;
}

static int show_prefix(struct query *q, const char *text, json_t **result, char *err,
		       size_t err_size)
{
	int rc;

	if (!parse_prefix(text, &q->prefix, &q->is_address)) {
		snprintf(err, err_size,
			 "\"%.60s\" is no prefix and no address; write 10.0.0.0/8, 10.1.2.3, or "
			 "the same of IPv6",
			 text);
		return -EINVAL;
	}
	q->rows = json_array();
	rc = mh_show_call(ask_one, q, err, err_size);
	if (rc == 0 && !q->found) {
		snprintf(err, err_size,
			 q->is_address ? "no route leads to %.60s"
				       : "there is no route of exactly %.60s; without the length "
					 "it is looked up as an address",
			 text);
		rc = -ENOENT;
	}
	if (rc != 0) {
		json_decref(q->rows);
		return rc;
	}
	*result = routes_table(q->rows);
	return 0;
}

static int show_all(struct query *q, json_t **result, char *err, size_t err_size)
{
	int rc;

	q->rows = json_array();
	q->list = calloc(LIST_MAX, sizeof(*q->list));
	rc = q->list != NULL ? mh_show_call(ask_all, q, err, err_size) : -ENOMEM;
	free(q->list);
	if (rc != 0) {
		json_decref(q->rows);
		return rc;
	}
	*result = summary(q);
	if (q->fib.routes4 + q->fib.routes6 > LIST_MAX)
		json_object_set_new(json_object_get(*result, "routes"), "note",
				    json_sprintf("%u of them; name a prefix or an address for "
						 "others",
						 q->n_list));
	return 0;
}

int mh_show_fib(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	const char *prefix = json_string_value(json_object_get(args, "prefix"));
	struct query q = {0};
	int v = mh_show_find(args, &q.vr, err, err_size);

	if (v < 0)
		return v;
	if (json_is_true(json_object_get(args, "check")))
		return show_check(q.vr, result, err, err_size);
	return prefix != NULL ? show_prefix(&q, prefix, result, err, err_size)
			      : show_all(&q, result, err, err_size);
}
