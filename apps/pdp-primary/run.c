/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control thread: event loop, signals, control socket, engines. It begins when everything else
 * stands, and ends the node in order: receive no more, drain and stop the engines, end the MD
 * loops.
 */
#include <bsd/unistd.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "node.h"

#define STATS_US       1000000
#define STOP_ENGINE_MS 700 /* of the 2 s in which the node ends */

static int signal_fd = -1;

static void on_signal(void *arg, int fd, uint32_t events)
{
	struct signalfd_siginfo si;

	if (read(fd, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return;
	/* Another one while stopping: the deadlines are short, nothing to add. */
	node.stopping = true;
	pdp_loop_stop(node.loop);
}

static enum pdp_engine_poll engine_poll(enum pdp_poll poll)
{
	return poll == PDP_POLL_BUSY	   ? PDP_ENGINE_POLL_BUSY
	       : poll == PDP_POLL_ADAPTIVE ? PDP_ENGINE_POLL_ADAPTIVE
					   : PDP_ENGINE_POLL_AUTO;
}

static int make_engines(void)
{
	const struct pdp_config *c = node.config;
	struct pdp_engines_params p = {
		.loop = node.loop,
		.node = c->node,
		.file_prefix = node.file_prefix,
		.runtime_dir = node.runtime_dir,
		.program = node.engine_program,
		.sealed_program = node.sealed_program,
		.sandbox = {.launcher = node.sandbox_program,
			    .uid_base = c->sandbox.uid_base,
			    .memory_mb = c->sandbox.memory_mb,
			    .tasks = c->sandbox.pids,
			    .groups = c->sandbox.limits == PDP_LIMITS_CGROUP},
		.mds = node.mds,
		.n_md = node.n_md,
		.n_vrs = c->n_vrs,
		.cpus = c->engine_cpus.cpus,
		.n_cpus = c->engine_cpus.n,
		.md_cpus = node.md_cpus,
		.shares_md_cpu = dispatch_engines_here(),
		.base = node.base,
		.gone = mh_engine_gone,
	};
	char err[1536];

	node.engine_vrs = calloc(c->n_vrs + 1, sizeof(*node.engine_vrs));
	if (node.engine_vrs == NULL)
		return complain("out of memory");
	for (unsigned int v = 0; v < c->n_vrs; v++) {
		node.engine_vrs[v] = (struct pdp_engines_vr){
			.name = c->vrs[v].name,
			.plugin = c->vrs[v].plugin,
			.args = c->vrs[v].args,
			.n_engines = c->vrs[v].engines_min,
			.standby = c->vrs[v].standby,
			.n_max = c->vrs[v].engines_total,
			.weights = c->vrs[v].weights,
			.slots = c->vrs[v].slots,
			.blanks = c->vrs[v].blank_slots,
			.sealed = c->vrs[v].isolation == PDP_ISOLATION_SEALED,
			.window = c->vrs[v].window,
			.poll = engine_poll(c->vrs[v].poll),
			.strict = c->vrs[v].strict,
			.watchdog_ms = c->vrs[v].watchdog_ms,
			.lies_max = c->vrs[v].lies_max,
			.deaths_max = c->vrs[v].deaths_max,
			.core_dumps = c->vrs[v].core_dumps,
			.power = c->vrs[v].power,
			.cpus = c->vrs[v].cpus.cpus,
			.n_cpus = c->vrs[v].cpus.n,
			.symmetric = c->vrs[v].hash == PDP_HASH_SYMMETRIC,
			.restore = c->vrs[v].order == PDP_ORDER_RESTORE,
			.vifs = node.vrs[v].vifs,
			.n_vifs = c->vrs[v].n_vifs,
		};
		mh_fds(v, &node.engine_vrs[v]);
	}
	p.vrs = node.engine_vrs;
	node.engines = pdp_engines_create(&p, err, sizeof(err));
	return node.engines != NULL ? 0 : complain("%s", err);
}

static int make_control(void)
{
	char path[108];

	if (pdp_control_path(path, sizeof(path), node.file_prefix) != 0)
		return complain(
			"the control socket's path is too long; use a shorter --file-prefix");
	node.control = pdp_control_create(node.loop, path);
	if (node.control == NULL)
		return complain("cannot listen on %s: %s", path, strerror(errno));
	return show_register() == 0 ? 0 : complain("out of memory");
}

static void pause_md(struct pdp_md *md, void *arg)
{
	pdp_md_pause(md, *(bool *)arg);
}

static void pause_all(bool pause)
{
	for (unsigned int i = 0; i < node.n_md; i++)
		pdp_md_call(node.mds[i], pause_md, &pause);
}

static void finish_md(struct pdp_md *md, void *arg)
{
	pdp_md_finish(md);
}

/* What is left when the engines are gone: one line, so that a log tells whether packets balanced.
 */
static void last_words(void)
{
	uint64_t lost = 0;
	int64_t missing;

	for (unsigned int v = 0; v < node.config->n_vrs; v++) {
		struct pdp_vr_account a = {0};

		stats_account(v, &a);
		lost += !stats_balanced(&a, node.config->vrs[v].n_vifs);
	}
	missing = stats_pool_missing();
	printf("pdp-primary: stopped; %s\n",
	       lost == 0 && missing == 0
		       ? "every packet accounted for, every buffer back in the pool"
		       : "packets or buffers are MISSING");
	if (lost != 0 || missing != 0)
		complain("%lu VRs do not balance, %ld buffers are missing", (unsigned long)lost,
			 (long)missing);
}

/* @return 0, or -1: said, but for what an end under way brings with it */
static int start_all(void)
{
	char err[512] = "";

	/* Routes go on coming while engines start. */
	if (mh_start() != 0)
		return -1;
	if (pdp_engines_start(node.engines, err, sizeof(err)) != 0) {
		if (!node.stopping)
			complain("%s", err);
		return -1;
	}
	return node.stopping ? 0 : monitor_start();
}

static void *control_main(void *arg)
{
	struct pdp_timer *timer = pdp_loop_timer(node.loop, STATS_US, STATS_US, stats_tick, NULL);

	cpus_watch();
	/* What waits for an MD lcore waits microseconds. */
	prctl(PR_SET_TIMERSLACK, 1000);
	if (start_all() != 0) {
		node.exit_code = node.stopping ? node.exit_code : 1;
	} else if (!node.stopping) {
		setproctitle("%s (%s)", node.config->node, node.file_prefix);
		pause_all(false);
		printf("pdp-primary: node %s runs: %u VRs, %u ports, %u MD lcores\n",
		       node.config->node, node.config->n_vrs, node.config->n_ports, node.n_md);
		fflush(stdout);
		pdp_loop_run(node.loop);
	}
	monitor_stop();
	pause_all(true);
	pdp_engines_stop(node.engines, STOP_ENGINE_MS);
	mh_stop();
	for (unsigned int i = 0; i < node.n_md; i++)
		pdp_md_call(node.mds[i], finish_md, NULL);
	last_words();
	pdp_timer_remove(timer);
	cpus_unwatch();
	for (unsigned int i = 0; i < node.n_md; i++)
		pdp_md_stop(node.mds[i]);
	return NULL;
}

int run_init(void)
{
	sigset_t set;
	int rc;

	node.start_tsc = rte_rdtsc();
	node.loop = pdp_loop_create();
	if (node.loop == NULL)
		return complain("no event loop: %s", strerror(errno));
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (signal_fd < 0 ||
	    pdp_loop_watch(node.loop, signal_fd, EPOLLIN, on_signal, NULL) == NULL ||
	    make_engines() != 0 || make_control() != 0) {
		run_fini();
		return -1;
	}
	/* Nothing is received before the engines stand. */
	for (unsigned int i = 0; i < node.n_md; i++)
		pdp_md_pause(node.mds[i], true);
	rc = pthread_create(&node.thread, NULL, control_main, NULL);
	if (rc != 0) {
		complain("no control thread: %s", strerror(rc));
		run_fini();
		return -1;
	}
	pthread_setname_np(node.thread, "pdp-control");
	return 0;
}

void run_join(void)
{
	pthread_join(node.thread, NULL);
}

void run_fini(void)
{
	node.locks_lost = pdp_engines_locks_lost(node.engines);
	pdp_control_destroy(node.control);
	pdp_engines_destroy(node.engines);
	free(node.engine_vrs);
	pdp_loop_destroy(node.loop);
	if (signal_fd >= 0)
		close(signal_fd);
	node.control = NULL;
	node.engines = NULL;
	node.engine_vrs = NULL;
	node.loop = NULL;
	signal_fd = -1;
}
