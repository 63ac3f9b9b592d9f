/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pdp-bench-watch: looks into the FIB of a running node's VR, as its engines do: mapped read-only,
 * through /proc. Told what to do by lines, for the case pdp-fig14; each answer is one line of JSON.
 *
 *   open PATH                 the FIB's file, /proc/PID/fd/N
 *   write add|replace|del FILE MAX GATEWAY DEVICE
 *   write add|replace|del FILE MAX nhid ID
 *                             write IPv4 routes into the namespace that this runs in
 *   reach VIF ...             as write, and look at the prefixes, one after the other, until the
 * last one leads to the vif (-1: nowhere) verify FILE MAX VIF       how many prefixes' first
 * addresses do not lead to the vif arrive FILE MAX VIF       waits until the first addresses of
 * 4096 of these prefixes lead to the vif: when they all did probe 4|6 FILE MAX EDGES DEVICE... ask
 * the kernel and the FIB the same of each prefix, see probe_watched(); the interfaces of the VR's
 * vifs in their order quit
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "mirror_bench.h"

enum {
	REACH_MAX_S = 60,
	LOOK_NS = 50000,
	LOOKS_IN_TIME = 200, /* so that looking takes nothing from who is looked at */
	NOWHERE = -1,
	SAMPLES = 4096,
	ARRIVE_NS = 2000000,
	ARRIVE_MAX_S = 120,
	PROBE_SHOW = 20
};

static struct pdp_fib_reader reader;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void nap(long ns)
{
	nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
}

static void say_error(const char *what, int error)
{
	printf("{\"error\": \"%s: %s\"}\n", what, strerror(error < 0 ? -error : error));
}

/* @return the vif that an address leads to; NOWHERE: none */
static int vif_of(const struct pdp_fib_prefix *p)
{
	struct pdp_fib_nexthop nh;
	uint16_t number;
	uint32_t ip;

	memcpy(&ip, p->bytes, sizeof(ip));
	ip = ntohl(ip);
	pdp_fib_lookup4(&reader, &ip, &number, 1);
	nh = pdp_fib_resolve(&reader, number, 0);
	return nh.type == PDP_FIB_FORWARD || nh.type == PDP_FIB_UNRESOLVED ? nh.vif : NOWHERE;
}

static unsigned int wrong(const struct prefixes *p, int vif)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < p->n; i++)
		n += vif_of(&p->at[i]) != vif;
	return n;
}

static void do_open(const char *path)
{
	char err[200] = "";
	const int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		say_error(path, errno);
		return;
	}
	pdp_fib_detach(&reader);
	if (pdp_fib_attach(&reader, fd, -1, 0, err, sizeof(err)) != 0)
		printf("{\"no_fib\": \"%s\"}\n", err);
	else
		printf("{\"ok\": true}\n");
	close(fd);
}

/** A writer at work. */
struct writing {
	struct prefixes prefixes;
	struct write_job job;
	int rc;
	uint64_t ended_ns;
};

static void *write_thread(void *arg)
{
	struct writing *w = arg;

	w->rc = write_routes(&w->prefixes, &w->job);
	w->ended_ns = now_ns();
	return NULL;
}

static bool parse_write(const char *words, struct writing *w)
{
	char kind[16], path[512], gateway[64], device[32];
	unsigned int max;

	if (sscanf(words, "%15s %511s %u %63s %31s", kind, path, &max, gateway, device) != 5 ||
	    !write_kind(kind, &w->job))
		return false;
	if (strcmp(gateway, "nhid") == 0)
		w->job.object = (uint32_t)atoi(device);
	else if (inet_pton(AF_INET, gateway, w->job.gateway) != 1)
		return false;
	w->job.ifindex = (int)if_nametoindex(device);
	return prefixes_read(path, 4, max, &w->prefixes) && w->prefixes.n > 0;
}

static void do_write(const char *words)
{
	struct writing w = {0};
	uint64_t began;

	if (!parse_write(words, &w)) {
		say_error("write", EINVAL);
		return;
	}
	began = now_ns();
	write_thread(&w);
	printf("{\"routes\": %u, \"refused\": %d, \"written_s\": %.6f}\n", w.prefixes.n, w.rc,
	       (double)(w.ended_ns - began) / 1e9);
	free(w.prefixes.at);
}

/*
 * The last prefix alone could lead there by a shorter one that covers it.
 * @return when all had led there, or it was given up
 */
static uint64_t look_until(const struct prefixes *p, int vif, uint64_t began)
{
	uint64_t now = began;
	unsigned int at = 0;

	while (now - began < REACH_MAX_S * UINT64_C(1000000000)) {
		while (at < p->n && vif_of(&p->at[at]) == vif)
			at++;
		now = now_ns();
		if (at == p->n)
			break;
		nap(LOOK_NS + (long)((now - began) / LOOKS_IN_TIME));
	}
	return now;
}

static void do_reach(const char *words)
{
	struct writing w = {0};
	uint64_t began, seen;
	pthread_t thread;
	int vif, at = 0;

	if (sscanf(words, "%d %n", &vif, &at) != 1 || !parse_write(words + at, &w)) {
		say_error("reach", EINVAL);
		return;
	}
	began = now_ns();
	if (pthread_create(&thread, NULL, write_thread, &w) != 0) {
		say_error("reach", EAGAIN);
		return;
	}
	seen = look_until(&w.prefixes, vif, began);
	pthread_join(thread, NULL);
	printf("{\"routes\": %u, \"refused\": %d, \"written_s\": %.6f, \"seen_s\": %.6f, "
	       "\"wrong\": %u}\n",
	       w.prefixes.n, w.rc, (double)(w.ended_ns - began) / 1e9, (double)(seen - began) / 1e9,
	       wrong(&w.prefixes, vif));
	free(w.prefixes.at);
}

static void do_verify(const char *words)
{
	struct prefixes p;
	char path[512];
	unsigned int max;
	int vif;

	if (sscanf(words, "%511s %u %d", path, &max, &vif) != 3 ||
	    !prefixes_read(path, 4, max, &p)) {
		say_error("verify", EINVAL);
		return;
	}
	printf("{\"prefixes\": %u, \"wrong\": %u}\n", p.n, wrong(&p, vif));
	free(p.at);
}

static bool parse_vifs(char *words, struct watched *w)
{
	char *save, *word;

	for (word = strtok_r(words, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
		if (w->n_vifs == WATCHED_VIFS_MAX)
			return false;
		w->ifindex[w->n_vifs] = (int)if_nametoindex(word);
		if (w->ifindex[w->n_vifs++] == 0)
			return false;
	}
	return w->n_vifs > 0;
}

static void do_probe(char *words)
{
	struct watched w = {.reader = &reader};
	struct probe_result r;
	struct prefixes p;
	unsigned int family, max, n_edges;
	char path[512];
	int at = 0, rc;

	if (sscanf(words, "%u %511s %u %u %n", &family, path, &max, &n_edges, &at) != 4 ||
	    n_edges - 1 > 2 || !parse_vifs(words + at, &w) ||
	    !prefixes_read(path, family, max, &p)) {
		say_error("probe", EINVAL);
		return;
	}
	rc = probe_watched(&w, &p, n_edges, PROBE_SHOW, &r);
	free(p.at);
	if (rc != 0)
		say_error("probe", rc);
	else
		printf("{\"addresses\": %u, \"different\": %u, \"unknown\": %u}\n", r.n,
		       r.n_different, r.n_unknown);
}

/* The samples that lead there already are not looked at again. */
static void do_arrive(const char *words)
{
	const uint64_t began = now_ns();
	struct prefixes p;
	char path[512];
	unsigned int max, at = 0, step;
	int vif;

	if (sscanf(words, "%511s %u %d", path, &max, &vif) != 3 ||
	    !prefixes_read(path, 4, max, &p)) {
		say_error("arrive", EINVAL);
		return;
	}
	step = p.n / SAMPLES + 1;
	while (at < p.n && now_ns() - began < ARRIVE_MAX_S * UINT64_C(1000000000)) {
		while (at < p.n && vif_of(&p.at[at]) == vif)
			at += step;
		if (at < p.n)
			nap(ARRIVE_NS);
	}
	printf("{\"all\": %s, \"at_s\": %.6f}\n", at < p.n ? "false" : "true",
	       (double)now_ns() / 1e9);
	free(p.at);
}

int main(void)
{
	char line[1024];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "open ", 5) == 0)
			do_open(line + 5);
		else if (strncmp(line, "reach ", 6) == 0)
			do_reach(line + 6);
		else if (strncmp(line, "write ", 6) == 0)
			do_write(line + 6);
		else if (strncmp(line, "verify ", 7) == 0)
			do_verify(line + 7);
		else if (strncmp(line, "arrive ", 7) == 0)
			do_arrive(line + 7);
		else if (strncmp(line, "probe ", 6) == 0)
			do_probe(line + 6);
		else if (strcmp(line, "quit") == 0)
			break;
		else
			say_error(line, EINVAL);
		fflush(stdout);
	}
	pdp_fib_detach(&reader);
	return 0;
}
