/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pdp-ctl: asks a running node over its control socket and shows the answer. See pdp-ctl.1.
 */
#include "ctl.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <pdp_control.h>

#define CHECK_NS 50000000 /* between two questions whether it is done */

struct options {
	const char *prefix;
	const char *path;
	bool json;
	bool check;
	double watch_s; /* 0: once */
};

static const char usage[] =
	"usage: pdp-ctl [--file-prefix PREFIX] [--socket PATH] [--json] [--watch[=SECONDS]] "
	"COMMAND...\n"
	"\n"
	"  status                      the node in a few lines\n"
	"  port list | vr list | engine list | cpu list\n"
	"  vr show NAME                one VR: vifs, engines, counters, drops by reason\n"
	"  vr show NAME fib [PREFIX]   its routes; of a prefix, or that an address takes\n"
	"  vr show NAME fib --check    whether kernel and FIB have the same; 1 if not\n"
	"  vr show NAME neigh | punt   its neighbours; what it punted and its router sent\n"
	"  stats [KEY=VALUE...]        counters and rates\n"
	"  metrics                     counters for monitoring systems (OpenMetrics)\n"
	"  stop                        end the node in order\n"
	"  help                        all commands of the node that runs\n"
	"\n"
	"  --file-prefix PREFIX  EAL's --file-prefix of the node (default: rte)\n"
	"  --socket PATH         its control socket, where that is somewhere else\n"
	"  --json                the result as JSON, one line\n"
	"  --watch[=SECONDS]     again and again, by default every second\n"
	"\n"
	"exit status: 0 done, 1 the node refused, 2 wrong usage, 3 no node runs there\n";

static int fail(int code, const char *err)
{
	fprintf(stderr, "pdp-ctl: %s\n", err);
	return code;
}

/* @return -1: go on; else what to exit with */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {{"file-prefix", required_argument, NULL, 'p'},
					      {"socket", required_argument, NULL, 's'},
					      {"json", no_argument, NULL, 'j'},
					      {"check", no_argument, NULL, 'c'},
					      {"watch", optional_argument, NULL, 'w'},
					      {"help", no_argument, NULL, 'h'},
					      {"version", no_argument, NULL, 'V'},
					      {NULL, 0, NULL, 0}};
	char *end = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "hV", longs, NULL)) != -1) {
		switch (c) {
		case 'p':
			o->prefix = optarg;
			break;
		case 's':
			o->path = optarg;
			break;
		case 'j':
			o->json = true;
			break;
		case 'c':
			o->check = true;
			break;
		case 'w':
			o->watch_s = optarg != NULL ? strtod(optarg, &end) : 1;
			if (optarg != NULL && (end == optarg || *end != '\0'))
				o->watch_s = -1;
			if (!(o->watch_s >= 0.1 && o->watch_s <= 3600))
				return fail(CTL_USAGE, "--watch takes 0.1 to 3600 seconds");
			break;
		case 'h':
			fputs(usage, stdout);
			return CTL_OK;
		case 'V':
			puts("pdp-ctl " PDP_VERSION);
			return CTL_OK;
		default:
			fputs("pdp-ctl: see pdp-ctl --help\n", stderr);
			return CTL_USAGE;
		}
	}
	if (o->path != NULL && o->prefix != NULL)
		return fail(CTL_USAGE,
			    "--socket and --file-prefix say both where the node is; use one");
	return -1;
}

static void show(const struct options *o, const json_t *result)
{
	if (o->watch_s > 0 && isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
	if (o->json) {
		json_dumpf(result, stdout, JSON_ENCODE_ANY);
		fputc('\n', stdout);
	} else {
		ctl_show(stdout, result);
		if (o->watch_s > 0 && !isatty(STDOUT_FILENO))
			fputc('\n', stdout);
	}
	fflush(stdout);
}

/* Sleep until the next round; rounds do not drift by what answers take. */
static void sleep_until(struct timespec *due, double period_s)
{
	due->tv_sec += (time_t)period_s;
	due->tv_nsec += (long)((period_s - (double)(time_t)period_s) * 1e9);
	if (due->tv_nsec >= 1000000000) {
		due->tv_nsec -= 1000000000;
		due->tv_sec++;
	}
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, due, NULL) == EINTR)
		;
}

/* What takes the node a while is asked for until it is there. */
static int ask(const struct options *o, struct ctl_connection *c, const json_t *request,
	       json_t **result, char *err, size_t err_size)
{
	for (;;) {
		int rc = ctl_ask(c, request, result, err, err_size);

		if (rc != CTL_OK || !o->check || !json_is_true(json_object_get(*result, "running")))
			return rc;
		json_decref(*result);
		*result = NULL;
		nanosleep(&(struct timespec){.tv_nsec = CHECK_NS}, NULL);
	}
}

static int run(const struct options *o, const char *path, const json_t *request)
{
	struct ctl_connection c;
	struct timespec due;
	char err[1024];
	json_t *result;
	int rc = ctl_connect(&c, path, err, sizeof(err));

	if (rc != CTL_OK)
		return fail(rc, err);
	clock_gettime(CLOCK_MONOTONIC, &due);
	for (;;) {
		result = NULL;
		rc = ask(o, &c, request, &result, err, sizeof(err));
		if (rc != CTL_OK) {
			fail(rc, err);
			break;
		}
		show(o, result);
		if (o->check && json_is_false(json_object_get(result, "equal")))
			rc = CTL_REFUSED;
		json_decref(result);
		if (o->watch_s == 0 || ferror(stdout))
			break;
		sleep_until(&due, o->watch_s);
	}
	ctl_disconnect(&c);
	return rc;
}

/* What two commands tell, as one. */
static int run_metrics(const char *path)
{
	json_t *stats_request = json_pack("{s:s, s:{}}", "cmd", "stats", "args");
	json_t *engines_request = json_pack("{s:s, s:{}}", "cmd", "engine list", "args");
	json_t *stats = NULL, *engines = NULL;
	struct ctl_connection c;
	char err[1024];
	int rc = ctl_connect(&c, path, err, sizeof(err));

	if (rc == CTL_OK) {
		rc = ctl_ask(&c, stats_request, &stats, err, sizeof(err));
		if (rc == CTL_OK)
			rc = ctl_ask(&c, engines_request, &engines, err, sizeof(err));
		ctl_disconnect(&c);
	}
	if (rc == CTL_OK)
		ctl_metrics(stdout, stats, engines);
	else
		fail(rc, err);
	json_decref(stats);
	json_decref(engines);
	json_decref(stats_request);
	json_decref(engines_request);
	return rc;
}

/* Standard output's troubles show at its end. */
static int end(int rc)
{
	if (rc == CTL_OK && (ferror(stdout) || fclose(stdout) != 0))
		return fail(CTL_REFUSED, "cannot write the answer");
	return rc;
}

int main(int argc, char **argv)
{
	struct options o = {0};
	char path[512], err[512];
	json_t *request;
	int rc = parse_options(argc, argv, &o);

	if (rc >= 0)
		return rc;
	if (o.path == NULL && pdp_control_path(path, sizeof(path), o.prefix) != 0)
		return fail(CTL_USAGE, "a file prefix is one part of a path: not empty, no slash");
	if (argc - optind == 1 && strcmp(argv[optind], "metrics") == 0) {
		if (o.json || o.check || o.watch_s != 0)
			return fail(CTL_USAGE, "metrics has a format of its own and is told once: "
					       "leave out --json, --watch and --check");
		return end(run_metrics(o.path != NULL ? o.path : path));
	}
	request = ctl_request(argv + optind, argc - optind, err, sizeof(err));
	if (request == NULL)
		return fail(CTL_USAGE, err);
	if (o.check)
		json_object_set_new(json_object_get(request, "args"), "check", json_true());
	rc = run(&o, o.path != NULL ? o.path : path, request);
	json_decref(request);
	return end(rc);
}
