/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pdp-ctl, run for real against a small server: what it prints and what it exits with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <pdp_control.h>

struct fixture {
	char folder[64];
	char path[128];
	struct pdp_loop *loop;
	struct pdp_control *ctl;
	pthread_t thread;
	unsigned int n_ticks;
	unsigned int n_checks;
};

/* An answer given as JSON with ' for ". */
static int answer(json_t **result, const char *text)
{
	char json[2048];
	size_t n;

	for (n = 0; text[n] != '\0'; n++)
		json[n] = (char)(text[n] == '\'' ? '"' : text[n]);
	*result = json_loadb(json, n, 0, NULL);
	return *result != NULL ? 0 : -1;
}

static int vr_list(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	return answer(result, "{'columns': ['vr', 'engines', 'rx_pps', 'load', 'sealed', 'why'],"
			      " 'rows': [['red', 2, 12345678, 0.5, false, null],"
			      " ['blue-\xc3\xa4\xc3\xb6', 10, null, 99.125, true, '\\u001b[2Jx']],"
			      " 'note': 'rates are of the last second'}");
}

static int status(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	return answer(result,
		      "{'node': 'lab1', 'uptime_s': 12, 'ready': true, 'cpus': [0, 1], 'none': {},"
		      " 'md': {'poll': 'busy', 'loops': 5, 'deep': {'x': null}},"
		      " 'vifs': {'columns': ['vif', 'n'], 'rows': [['a', 1], ['b', 22]]},"
		      " 'lies': {'columns': ['e', 'lies', 'end'], 'rows':"
		      " [['x', {}, ''], ['y', {'bad_slot': 3, 'twice': 1}, '']]},"
		      " 'empty': {'columns': ['x'], 'rows': []},"
		      " 'parts': [{'a': 1}, {'a': 2}]}");
}

/* What takes a while is there at the third question; other VRs than red differ. */
static int vr_fib(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	struct fixture *f = arg;
	const char *vr = json_string_value(json_object_get(args, "vr"));

	if (!json_is_true(json_object_get(args, "check"))) {
		*result = json_deep_copy(args);
		return 0;
	}
	if (++f->n_checks % 3 != 0)
		return answer(result, "{'running': true}");
	return answer(result, vr != NULL && strcmp(vr, "red") == 0 ? "{'equal': true}"
								   : "{'equal': false}");
}

static int stats(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	return answer(
		result,
		"{'node': {'name': 'a \\'b\\' \\\\\\n', 'uptime_s': 1.5, 'rx': 9007199254740993,"
		" 'drops': {'no_match': 3}, 'stages': {'send': {'tsc': 70, 'packets': 7}}},"
		" 'conserved': false, 'pool': {'size': 5},"
		" 'vrs': {'red': {'conserved': true, 'drops': {'lie': 2}}},"
		" 'ports': {'p0': {'tx': 4}}}");
}

static int engine_list(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	return answer(result, "{'columns': ['lies', 'engine', 'state'], 'rows':"
			      " [[{}, 'red/0', 'running'], [{'slot': 8}, 'red/1', 'parked']]}");
}

static int echo(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	*result = json_deep_copy(args);
	return 0;
}

static int refuse(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	snprintf(err, err_size, "no VR is called \"%s\"; there are: red, blue",
		 json_string_value(json_object_get(args, "vr")));
	return -1;
}

/* Answers three times; then the node goes. */
static int tick(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	struct fixture *f = arg;

	*result = json_pack("{si}", "tick", ++f->n_ticks);
	if (f->n_ticks == 3)
		pdp_loop_stop(f->loop);
	return 0;
}

static void *run_loop(void *arg)
{
	struct fixture *f = arg;

	pdp_loop_run(f->loop);
	pdp_control_destroy(f->ctl);
	f->ctl = NULL;
	return NULL;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char path[96];

	assert_non_null(f);
	snprintf(f->folder, sizeof(f->folder), "/tmp/test_pdp_ctl.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	/* As systemd would say it, so that the default paths can be tried. */
	setenv("RUNTIME_DIRECTORY", f->folder, 1);
	snprintf(path, sizeof(path), "%s/dpdk", f->folder);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/dpdk/lab", f->folder);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(pdp_control_path(f->path, sizeof(f->path), "lab"), 0);
	f->loop = pdp_loop_create();
	assert_non_null(f->loop);
	f->ctl = pdp_control_create(f->loop, f->path);
	assert_non_null(f->ctl);
	pdp_control_register(f->ctl, "vr list", "all VRs", vr_list, f);
	pdp_control_register(f->ctl, "status", "the node", status, f);
	pdp_control_register(f->ctl, "stats", "counters", stats, f);
	pdp_control_register(f->ctl, "engine list", "engines", engine_list, f);
	pdp_control_register(f->ctl, "echo", "give back", echo, f);
	pdp_control_register(f->ctl, "vr show", "refused here", refuse, f);
	pdp_control_register(f->ctl, "tick", "count", tick, f);
	pdp_control_register(f->ctl, "vr fib", "routes", vr_fib, f);
	assert_int_equal(pthread_create(&f->thread, NULL, run_loop, f), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char path[96];

	pdp_loop_stop(f->loop);
	pthread_join(f->thread, NULL);
	pdp_loop_destroy(f->loop);
	snprintf(path, sizeof(path), "%s/dpdk/lab", f->folder);
	assert_int_equal(rmdir(path), 0);
	snprintf(path, sizeof(path), "%s/dpdk", f->folder);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(f->folder), 0);
	free(f);
	return 0;
}

/* What `pdp-ctl ARGS` prints to both outputs, and at the end "exit STATUS". */
static const char *run(const char *args)
{
	static char out[16384];
	char command[1024];
	size_t n;
	FILE *p;

	snprintf(command, sizeof(command), "%s %s 2>&1; echo \"exit $?\"", PDP_CTL, args);
	p = popen(command, "r");
	assert_non_null(p);
	n = fread(out, 1, sizeof(out) - 1, p);
	out[n] = '\0';
	assert_int_equal(pclose(p), 0);
	return out;
}

#define LAB "--file-prefix lab "

static void test_tables(void **state)
{
	assert_string_equal(run(LAB "vr list"),
			    "vr       engines    rx_pps   load  sealed  why\n"
			    "red            2  12345678   0.50  no      -\n"
			    "blue-\xc3\xa4\xc3\xb6       10         -  99.12  yes     ?[2Jx\n"
			    "rates are of the last second\n"
			    "exit 0\n");
	assert_string_equal(
		run("vr --file-prefix=lab list --json"),
		"{\"columns\": [\"vr\", \"engines\", \"rx_pps\", \"load\", \"sealed\", "
		"\"why\"], \"rows\": [[\"red\", 2, 12345678, 0.5, false, null], "
		"[\"blue-\xc3\xa4\xc3\xb6\", 10, null, 99.125, true, \"\\u001B[2Jx\"]], "
		"\"note\": \"rates are of the last second\"}\n"
		"exit 0\n");
	assert_string_equal(run(LAB "help"), "command      does\n"
					     "help         list the commands of this node\n"
					     "vr list      all VRs\n"
					     "status       the node\n"
					     "stats        counters\n"
					     "engine list  engines\n"
					     "echo         give back\n"
					     "vr show      refused here\n"
					     "tick         count\n"
					     "vr fib       routes\n"
					     "exit 0\n");
}

static void test_objects(void **state)
{
	assert_string_equal(run(LAB "status"), "node:     lab1\n"
					       "uptime_s: 12\n"
					       "ready:    yes\n"
					       "cpus:     0, 1\n"
					       "none:     -\n"
					       "md:\n"
					       "  poll:  busy\n"
					       "  loops: 5\n"
					       "  deep:\n"
					       "    x: -\n"
					       "vifs:\n"
					       "  vif   n\n"
					       "  a     1\n"
					       "  b    22\n"
					       "lies:\n"
					       "  e  lies                 end\n"
					       "  x  -\n"
					       "  y  bad_slot=3, twice=1\n"
					       "empty:\n"
					       "  x\n"
					       "parts:\n"
					       "  [0]\n"
					       "    a: 1\n"
					       "  [1]\n"
					       "    a: 2\n"
					       "exit 0\n");
}

/* Of each kind of family a sample, as OpenMetrics writes it; "\n" in a name is escaped. */
static void test_metrics(void **state)
{
	static const char *const lines[] = {
		"# TYPE pdp_node info\n# HELP pdp_node The node.\n"
		"pdp_node_info{node=\"a \\\"b\\\" \\\\\\n\"} 1\n",
		"\npdp_uptime_seconds 1.5\n",
		"\npdp_conserved 0\n",
		"# TYPE pdp_received_packets counter\n",
		"\npdp_received_packets_total 9007199254740993\n",
		"\npdp_dropped_packets_total{reason=\"no_match\"} 3\n",
		"\npdp_stage_cycles_total{stage=\"send\"} 70\n",
		"# TYPE pdp_pool_buffers gauge\n",
		"\npdp_pool_buffers 5\n",
		"\npdp_port_sent_packets_total{port=\"p0\"} 4\n",
		"\npdp_vr_conserved{vr=\"red\"} 1\n",
		"\npdp_vr_dropped_packets_total{vr=\"red\",reason=\"lie\"} 2\n",
		"\npdp_engine_running{vr=\"red\",engine=\"0\"} 1\n"
		"pdp_engine_running{vr=\"red\",engine=\"1\"} 0\n",
		"\npdp_engine_lies_total{vr=\"red\",engine=\"1\",lie=\"slot\"} 8\n",
	};
	const char *out = run(LAB "metrics");

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (strstr(out, lines[i]) == NULL)
			fail_msg("%s is not in %s", lines[i], out);
	}
	assert_string_equal(out + strlen(out) - 13, "# EOF\nexit 0\n");
	assert_string_equal(run(LAB "--json metrics"),
			    "pdp-ctl: metrics has a format of its own and is told once: leave out "
			    "--json, --watch and --check\nexit 2\n");
}

static void test_arguments(void **state)
{
	assert_string_equal(
		run(LAB "--json echo vr=red n=5 on=true none=null f=1.5 addr=10.0.0.1 text='\"5\"' "
			"empty= e=a=b list='[1, \"x\"]'"),
		"{\"vr\": \"red\", \"n\": 5, \"on\": true, \"none\": null, \"f\": 1.5, \"addr\": "
		"\"10.0.0.1\", \"text\": \"5\", \"empty\": \"\", \"e\": \"a=b\", \"list\": [1, "
		"\"x\"]}\n"
		"exit 0\n");
	assert_string_equal(run(LAB "echo"), "exit 0\n");
	assert_string_equal(run(LAB "vr show rad"),
			    "pdp-ctl: no VR is called \"rad\"; there are: red, blue\nexit 1\n");
	assert_string_equal(run(LAB "vr show vr=5"),
			    "pdp-ctl: no VR is called \"(null)\"; there are: red, blue\nexit 1\n");
	assert_string_equal(
		run(LAB "vr lisp"),
		"pdp-ctl: no command \"vr lisp\"; there are: help, vr "
		"list, status, stats, engine list, echo, vr show, tick, vr fib\nexit 1\n");
}

static void test_views(void **state)
{
	assert_string_equal(run(LAB "--json vr show red fib"), "{\"vr\": \"red\"}\nexit 0\n");
	assert_string_equal(run(LAB "--json vr show red fib 10.0.0.0/8"),
			    "{\"vr\": \"red\", \"prefix\": \"10.0.0.0/8\"}\nexit 0\n");
	assert_string_equal(
		run(LAB "vr show red fib 10.0.0.0/8 11.0.0.0/8"),
		"pdp-ctl: \"11.0.0.0/8\" is one word too many, or no text; arguments are "
		"written KEY=VALUE\nexit 2\n");
	assert_string_equal(run(LAB "vr show red fib --check"), "equal: yes\nexit 0\n");
	assert_string_equal(run(LAB "vr show blue fib --check"), "equal: no\nexit 1\n");
}

static void test_usage(void **state)
{
	assert_string_equal(run(LAB), "pdp-ctl: a command is missing; try: help\nexit 2\n");
	assert_string_equal(
		run(LAB "vr show"),
		"pdp-ctl: \"vr show\" of which vr? write: pdp-ctl vr show NAME\nexit 2\n");
	assert_string_equal(
		run(LAB "vr show red blue"),
		"pdp-ctl: \"blue\" is one word too many, or no text; arguments are written "
		"KEY=VALUE\nexit 2\n");
	assert_string_equal(
		run(LAB "echo a=1 b"),
		"pdp-ctl: \"b\" is one word too many, or no text; arguments are written "
		"KEY=VALUE\nexit 2\n");
	assert_string_equal(
		run("--file-prefix a/b status"),
		"pdp-ctl: a file prefix is one part of a path: not empty, no slash\nexit 2\n");
	assert_string_equal(
		run("--socket x --file-prefix lab status"),
		"pdp-ctl: --socket and --file-prefix say both where the node is; use one\n"
		"exit 2\n");
	assert_string_equal(run("--watch=soon status"),
			    "pdp-ctl: --watch takes 0.1 to 3600 seconds\nexit 2\n");
	assert_string_equal(run("--watch=0 status"),
			    "pdp-ctl: --watch takes 0.1 to 3600 seconds\nexit 2\n");
	assert_non_null(strstr(run("--wrong status"), "pdp-ctl: see pdp-ctl --help\nexit 2\n"));
	assert_memory_equal(run("--help"), "usage: pdp-ctl ", 15);
	assert_non_null(strstr(run("--help"), "exit 0\n"));
	assert_memory_equal(run("--version"), "pdp-ctl ", 8);
}

static void test_no_node(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	char want[512], args[256];
	int fd;

	snprintf(
		want, sizeof(want),
		"pdp-ctl: no node runs behind %s/dpdk/rte/pdp.sock (No such file or directory); "
		"start "
		"pdp-primary, or name another with --file-prefix PREFIX or --socket PATH\nexit 3\n",
		f->folder);
	assert_string_equal(run("status"), want);
	/* A socket that nobody listens on. */
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/stale", f->folder);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	snprintf(want, sizeof(want),
		 "pdp-ctl: no node runs behind %s (Connection refused); start pdp-primary, or name "
		 "another with --file-prefix PREFIX or --socket PATH\nexit 3\n",
		 addr.sun_path);
	snprintf(args, sizeof(args), "--socket %s status", addr.sun_path);
	assert_string_equal(run(args), want);
	close(fd);
	unlink(addr.sun_path);
}

static void *answer_nonsense(void *arg)
{
	const int fd = accept(*(int *)arg, NULL, NULL);

	if (send(fd, "hello\n", 6, MSG_NOSIGNAL) < 0)
		return arg;
	close(fd);
	return NULL;
}

static void test_other_server(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	char want[256], args[256];
	pthread_t thread;
	void *failed;
	int fd;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/other", f->folder);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(pthread_create(&thread, NULL, answer_nonsense, &fd), 0);
	snprintf(args, sizeof(args), "--socket %s status", addr.sun_path);
	snprintf(want, sizeof(want),
		 "pdp-ctl: what is behind %s is no PdP node: its answer is no JSON\nexit 3\n",
		 addr.sun_path);
	assert_string_equal(run(args), want);
	pthread_join(thread, &failed);
	assert_null(failed);
	close(fd);
	unlink(addr.sun_path);
}

/* Three rounds, then the node goes; the third answer still arrives. */
static void test_watch(void **state)
{
	struct fixture *f = *state;
	char want[256];

	snprintf(want, sizeof(want),
		 "tick: 1\n\ntick: 2\n\ntick: 3\n\npdp-ctl: the node behind %s has gone\nexit 3\n",
		 f->path);
	assert_string_equal(run(LAB "--watch=0.1 tick"), want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tables, setup, teardown),
		cmocka_unit_test_setup_teardown(test_objects, setup, teardown),
		cmocka_unit_test_setup_teardown(test_metrics, setup, teardown),
		cmocka_unit_test_setup_teardown(test_arguments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_views, setup, teardown),
		cmocka_unit_test_setup_teardown(test_usage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_node, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_server, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watch, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
