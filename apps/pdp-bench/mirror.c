/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pdp-bench-mirror: the netlink mirror of the namespace that it runs in, by itself, with a FIB and
 * a reader; told what to do by lines, for the case pdp-fig14 and for tests. Each answer is one line
 * of JSON.
 *
 *   vif NAME NUMBER ethernet|ip       the interface is that vif
 *   settle [MS]                       follow until the kernel has been quiet for MS (20)
 *   follow MS                         follow that long
 *   write add|replace|append|del 4|6 FILE MAX via GATEWAY N dev NAME [metric M]
 *   write add|replace|append|del 4|6 FILE MAX nhid ID [metric M]
 *                                     write routes, then settle: how long until the FIB had them
 *   plain ...                         as write, without following meanwhile
 *   redump                            begin anew, and dump the standing table
 *   probe 4|6 FILE MAX EDGES STEP     ask the kernel and the FIB the same, see probe()
 *   check                             compare digests
 *   route PREFIX                      what is known of it
 *   neighs, stats, doubt, buffer BYTES, quit
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mirror_bench.h"

enum { VIFS_MAX = 64, SETTLE_MS = 20, SETTLE_MAX_MS = 120000 };

struct program {
	struct pdp_fib *fib;
	struct pdp_fib_reader reader;
	struct pdp_mirror *m;
	struct {
		int ifindex;
		uint8_t vif;
		bool ethernet;
	} vifs[VIFS_MAX];
	unsigned int n_vifs;
	size_t max_bytes;
	uint64_t last_ns; /* when something was last read */
};

static struct program prog;

static uint64_t clock_ns(clockid_t which)
{
	struct timespec ts;

	clock_gettime(which, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static int say_error(const char *what, int error)
{
	printf("{\"error\": \"%s: %s\"}\n", what, strerror(error < 0 ? -error : error));
	return 0;
}

static int begin(void)
{
	const struct pdp_fib_params fib = {
		.name = "bench", .notes = true, .max_bytes = prog.max_bytes};
	struct pdp_mirror_params params = {.name = "bench", .netns_fd = -1};
	char err[200];

	pdp_mirror_destroy(prog.m);
	prog.m = NULL;
	if (prog.fib != NULL) {
		pdp_fib_detach(&prog.reader);
		pdp_fib_destroy(prog.fib);
	}
	prog.fib = params.fib = pdp_fib_create(&fib);
	if (prog.fib == NULL)
		return -errno;
	if (pdp_fib_attach(&prog.reader, pdp_fib_fd(prog.fib), -1, 0, err, sizeof(err)) != 0)
		return -EPROTO;
	pdp_fib_online(&prog.reader);
	prog.m = pdp_mirror_create(&params);
	if (prog.m == NULL)
		return -errno;
	for (unsigned int i = 0; i < prog.n_vifs; i++)
		pdp_mirror_vif_set(prog.m, prog.vifs[i].ifindex, prog.vifs[i].vif,
				   prog.vifs[i].ethernet);
	return 0;
}

static enum pdp_mirror_state state(uint64_t *messages)
{
	struct pdp_mirror_stats s;

	pdp_mirror_stats(prog.m, &s);
	*messages = s.messages;
	return s.state;
}

/* One turn of the MH thread. */
static void turn(int wait_ms)
{
	struct pollfd p = {.fd = pdp_mirror_fd(prog.m), .events = POLLIN};
	uint64_t before, after;

	state(&before);
	if (poll(&p, 1, wait_ms) <= 0)
		return;
	while (pdp_mirror_run(prog.m))
		;
	state(&after);
	if (after != before)
		prog.last_ns = now_ns();
}

/* @return false: it never was quiet */
static bool settle(uint64_t quiet_ms)
{
	const uint64_t began = now_ns();
	uint64_t messages;

	prog.last_ns = began;
	while (now_ns() - began < SETTLE_MAX_MS * UINT64_C(1000000)) {
		turn(1);
		if (state(&messages) == PDP_MIRROR_IN_STEP &&
		    now_ns() - prog.last_ns > quiet_ms * 1000000)
			return true;
	}
	return false;
}

/** A writer at work. */
struct writing {
	struct prefixes prefixes;
	struct write_job job;
	int rc;
	bool done; /* atomic */
	uint64_t ended_ns, cpu_ns;
};

static void *write_thread(void *arg)
{
	struct writing *w = arg;

	w->rc = write_routes(&w->prefixes, &w->job);
	w->ended_ns = now_ns();
	w->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	__atomic_store_n(&w->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Words behind "write" or "plain". */
static bool parse_write(char *words, struct writing *w)
{
	char kind[16], path[512], rest[256], gateway[64], dev[32];
	unsigned int family, max;
	int at = 0;

	if (sscanf(words, "%15s %u %511s %u %n", kind, &family, path, &max, &at) < 4 ||
	    !write_kind(kind, &w->job))
		return false;
	snprintf(rest, sizeof(rest), "%s", words + at);
	if (sscanf(rest, "nhid %u metric %u", &w->job.object, &w->job.metric) < 1) {
		if (sscanf(rest, "via %63s %u dev %31s metric %u", gateway, &w->job.n_gateways, dev,
			   &w->job.metric) < 3 ||
		    inet_pton(family == 4 ? AF_INET : AF_INET6, gateway, w->job.gateway) != 1)
			return false;
		w->job.ifindex = (int)if_nametoindex(dev);
	}
	return prefixes_read(path, family, max, &w->prefixes);
}

static int do_write(char *words, bool follow)
{
	struct writing w = {0};
	struct pdp_mirror_stats before, after;
	uint64_t began, cpu;
	pthread_t thread;

	if (!parse_write(words, &w))
		return say_error("write", EINVAL);
	pdp_mirror_stats(prog.m, &before);
	began = prog.last_ns = now_ns();
	cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	if (pthread_create(&thread, NULL, write_thread, &w) != 0)
		return say_error("pthread_create", EAGAIN);
	while (follow && !__atomic_load_n(&w.done, __ATOMIC_ACQUIRE))
		turn(1);
	pthread_join(thread, NULL);
	if (follow && !settle(SETTLE_MS))
		return say_error("settle", ETIMEDOUT);
	cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
	pdp_mirror_stats(prog.m, &after);
	printf("{\"routes\": %u, \"refused\": %d, \"written_s\": %.6f, \"seen_s\": %.6f, "
	       "\"writer_cpu_s\": %.6f, \"mirror_cpu_s\": %.6f, \"events\": %lu, "
	       "\"overruns\": %lu}\n",
	       w.prefixes.n, w.rc, (double)(w.ended_ns - began) / 1e9,
	       (double)(prog.last_ns - began) / 1e9, (double)w.cpu_ns / 1e9, (double)cpu / 1e9,
	       after.events - before.events, after.overruns - before.overruns);
	free(w.prefixes.at);
	return 0;
}

static int do_redump(void)
{
	struct pdp_mirror_stats s;
	struct pdp_fib_stats f;
	uint64_t began, cpu;
	int rc;

	began = now_ns();
	cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	rc = begin();
	if (rc != 0)
		return say_error("begin", rc);
	do {
		turn(10);
		pdp_mirror_stats(prog.m, &s);
	} while (s.state == PDP_MIRROR_FILLING &&
		 now_ns() - began < SETTLE_MAX_MS * UINT64_C(1000000));
	pdp_fib_stats(prog.fib, &f);
	printf("{\"routes\": %lu, \"seconds\": %.6f, \"cpu_s\": %.6f, \"failures\": %lu, "
	       "\"private_mb\": %.1f, \"shared_mb\": %.1f}\n",
	       s.dump_routes, (double)(now_ns() - began) / 1e9,
	       (double)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu) / 1e9, s.dump_failures,
	       (double)(s.private_bytes + f.private_bytes) / 1e6, (double)f.shared_bytes / 1e6);
	return 0;
}

static int do_probe(const char *words)
{
	struct probe_result r;
	struct prefixes p;
	unsigned int family, max, n_edges, step;
	char path[512];
	int rc;

	if (sscanf(words, "%u %511s %u %u %u", &family, path, &max, &n_edges, &step) != 5 ||
	    n_edges - 1 > 2 || step == 0 || !prefixes_read(path, family, max, &p))
		return say_error("probe", EINVAL);
	rc = probe(prog.m, &prog.reader, &p, n_edges, step, 20, &r);
	free(p.at);
	if (rc != 0)
		return say_error("probe", rc);
	printf("{\"addresses\": %u, \"different\": %u, \"unknown\": %u}\n", r.n, r.n_different,
	       r.n_unknown);
	return 0;
}

static void checked(void *arg, const struct pdp_mirror_check *result)
{
	char text[INET6_ADDRSTRLEN];
	bool *done = arg;

	*done = true;
	for (unsigned int i = 0; i < result->n_shown; i++) {
		const struct pdp_fib_prefix *p = &result->shown[i];

		inet_ntop(p->family == 4 ? AF_INET : AF_INET6, p->bytes, text, sizeof(text));
		fprintf(stderr, "check: %s/%u differs\n", text, p->len);
	}
	printf("{\"code\": %d, \"routes\": %u, \"different\": %u, \"same_digest\": %s}\n",
	       result->error, result->n_routes, result->n_different,
	       result->kernel == result->fib ? "true" : "false");
}

static int do_check(void)
{
	bool done = false;
	int rc = pdp_mirror_check(prog.m, checked, &done);

	if (rc != 0)
		return say_error("check", rc);
	while (!done)
		turn(10);
	return 0;
}

static int do_stats(void)
{
	struct pdp_mirror_stats s;
	struct pdp_fib_stats f;

	pdp_mirror_stats(prog.m, &s);
	pdp_fib_stats(prog.fib, &f);
	printf("{\"state\": \"%s\", \"events\": %lu, \"bad\": %lu, \"overruns\": %lu, \"dumps\": "
	       "%lu, \"dump_failures\": %lu, \"doubts\": %lu, \"refreshes\": %lu, \"routes\": %u, "
	       "\"prefixes4\": %u, \"prefixes6\": %u, \"neighbours\": %u, \"adjacent\": %u, "
	       "\"objects\": %u, \"addresses\": %u, \"other_tables\": %u, \"by_source\": %u, "
	       "\"rules\": %u, \"installed\": %u, \"dead\": %u, \"tos\": %u, \"shadowed\": %u, "
	       "\"no_number\": %u, \"no_memory\": %u, \"lost\": %lu, \"numbers\": %u, \"resting\": "
	       "%u, \"private_mb\": %.1f}\n",
	       pdp_mirror_state_name(s.state), s.events, s.bad_messages, s.overruns, s.dumps,
	       s.dump_failures, s.doubts, s.refreshes, s.routes, s.prefixes4, s.prefixes6,
	       s.neighbours, s.adjacent, s.objects, s.addresses, s.other_tables, s.by_source,
	       s.rules, s.why[PDP_MIRROR_INSTALLED], s.why[PDP_MIRROR_DEAD], s.why[PDP_MIRROR_TOS],
	       s.why[PDP_MIRROR_SHADOWED], s.why[PDP_MIRROR_NO_NUMBER], s.why[PDP_MIRROR_NO_MEMORY],
	       s.no_memory, f.numbers, f.resting,
	       (double)(s.private_bytes + f.private_bytes) / 1e6);
	return 0;
}

static void print_hop(const struct pdp_mirror_hop *h, bool first)
{
	char gateway[INET6_ADDRSTRLEN] = "";

	if (h->family != 0)
		inet_ntop(h->family == 4 ? AF_INET : AF_INET6, h->gateway, gateway,
			  sizeof(gateway));
	printf("%s{\"dev\": \"%s\", \"via\": \"%s\", \"weight\": %u, \"dead\": %s, \"type\": %u, "
	       "\"vif\": %u, \"mac\": \"%02x:%02x:%02x:%02x:%02x:%02x\"}",
	       first ? "" : ", ", h->ifname, gateway, h->weight, h->dead ? "true" : "false",
	       h->now.type, h->now.vif, h->now.mac[0], h->now.mac[1], h->now.mac[2], h->now.mac[3],
	       h->now.mac[4], h->now.mac[5]);
}

static void print_route(const struct pdp_mirror_route *r, bool first)
{
	printf("%s{\"best\": %s, \"table\": %u, \"type\": %u, \"protocol\": %u, \"tos\": %u, "
	       "\"metric\": %u, \"object\": %u, \"hops\": [",
	       first ? "" : ", ", r->best ? "true" : "false", r->table, r->type, r->protocol,
	       r->tos, r->metric, r->object);
	for (unsigned int i = 0; i < r->n_hops; i++)
		print_hop(&r->hops[i], i == 0);
	printf("]}");
}

static int do_route(char *words)
{
	static struct pdp_mirror_answer a;
	struct pdp_fib_prefix p = {.family = strchr(words, ':') != NULL ? 6 : 4};
	char *slash = strchr(words, '/');
	int rc;

	if (slash == NULL)
		return say_error("route", EINVAL);
	*slash = '\0';
	p.len = (uint8_t)atoi(slash + 1);
	if (inet_pton(p.family == 4 ? AF_INET : AF_INET6, words, p.bytes) != 1)
		return say_error("route", EINVAL);
	rc = pdp_mirror_route(prog.m, &p, false, &a);
	if (rc != 0) {
		printf("{\"why\": \"no route\", \"routes\": []}\n");
		return 0;
	}
	printf("{\"why\": \"%s\", \"number\": %u, \"routes\": [", pdp_mirror_why_name(a.why),
	       a.number);
	for (unsigned int i = 0; i < a.n_routes; i++)
		print_route(&a.routes[i], i == 0);
	printf("]}\n");
	return 0;
}

static int do_neighs(void)
{
	struct pdp_mirror_neigh n;
	char address[INET6_ADDRSTRLEN];

	printf("{\"neighbours\": [");
	for (unsigned int i = 0; pdp_mirror_neigh(prog.m, i, &n) == 0; i++) {
		inet_ntop(n.family == 4 ? AF_INET : AF_INET6, n.address, address, sizeof(address));
		printf("%s{\"dev\": \"%s\", \"vif\": %d, \"address\": \"%s\", \"state\": %u, "
		       "\"adjacent\": %s}",
		       i > 0 ? ", " : "", n.ifname, n.vif, address, n.state,
		       n.adjacent ? "true" : "false");
	}
	printf("]}\n");
	return 0;
}

static int do_vif(const char *words)
{
	char name[IF_NAMESIZE], kind[16];
	unsigned int vif;
	int ifindex;

	if (sscanf(words, "%15s %u %15s", name, &vif, kind) != 3 || prog.n_vifs == VIFS_MAX)
		return say_error("vif", EINVAL);
	ifindex = (int)if_nametoindex(name);
	prog.vifs[prog.n_vifs].ifindex = ifindex;
	prog.vifs[prog.n_vifs].vif = (uint8_t)vif;
	prog.vifs[prog.n_vifs++].ethernet = strcmp(kind, "ethernet") == 0;
	if (pdp_mirror_vif_set(prog.m, ifindex, (uint8_t)vif, strcmp(kind, "ethernet") == 0) != 0)
		return say_error("vif", ENOMEM);
	printf("{\"ok\": true}\n");
	return 0;
}

static int do_follow(uint64_t ms)
{
	const uint64_t began = now_ns();

	while (now_ns() - began < ms * 1000000)
		turn(1);
	printf("{\"ok\": true}\n");
	return 0;
}

static bool is(char *line, const char *word, char **rest)
{
	const size_t n = strlen(word);

	if (strncmp(line, word, n) != 0 || (line[n] != ' ' && line[n] != '\0'))
		return false;
	*rest = line + n + (line[n] == ' ');
	return true;
}

static int do_line(char *line)
{
	char *rest;

	if (is(line, "vif", &rest))
		return do_vif(rest);
	if (is(line, "settle", &rest)) {
		const int ms = atoi(rest);

		if (!settle(ms > 0 ? (uint64_t)ms : SETTLE_MS))
			return say_error("settle", ETIMEDOUT);
		printf("{\"ok\": true}\n");
		return 0;
	}
	if (is(line, "follow", &rest))
		return do_follow((uint64_t)atoi(rest));
	if (is(line, "write", &rest))
		return do_write(rest, true);
	if (is(line, "plain", &rest))
		return do_write(rest, false);
	if (is(line, "redump", &rest))
		return do_redump();
	if (is(line, "probe", &rest))
		return do_probe(rest);
	if (is(line, "check", &rest))
		return do_check();
	if (is(line, "route", &rest))
		return do_route(rest);
	if (is(line, "neighs", &rest))
		return do_neighs();
	if (is(line, "stats", &rest))
		return do_stats();
	if (is(line, "doubt", &rest)) {
		pdp_mirror_doubt(prog.m);
		printf("{\"ok\": true}\n");
		return 0;
	}
	if (is(line, "buffer", &rest)) {
		printf("{\"code\": %d}\n", pdp_mirror_set_buffer(prog.m, (size_t)atol(rest)));
		return 0;
	}
	return is(line, "quit", &rest) ? 1 : say_error(line, EINVAL);
}

int main(int argc, char **argv)
{
	char line[1024];
	int rc;

	/* The most that the FIB may take, for tests in which memory runs out. */
	prog.max_bytes = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	rc = begin();
	if (rc != 0) {
		fprintf(stderr, "pdp-bench-mirror: %s\n", strerror(-rc));
		return 1;
	}
	printf("{\"ok\": true}\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (do_line(line) != 0)
			break;
		fflush(stdout);
	}
	pdp_mirror_destroy(prog.m);
	pdp_fib_detach(&prog.reader);
	pdp_fib_destroy(prog.fib);
	return 0;
}
