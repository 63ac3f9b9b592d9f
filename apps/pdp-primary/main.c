/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pdp-primary: the MD of a PdP node, with its control thread. Modules start in the order of the
 * list and end in reverse.
 *
 * Threads: the main thread becomes the MD lcore of EAL's main lcore; further EAL lcores are further
 * MD lcores; one control thread (run.c) does everything else.
 */
#include <bsd/unistd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <rte_launch.h>
#include <rte_lcore.h>

#include "node.h"

struct node node = {
	.file_prefix = "rte", .sysfs = PDP_SYSFS, .stats_lock = PTHREAD_MUTEX_INITIALIZER};

int complain(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fputs("pdp-primary: ", stderr);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
	va_end(ap);
	return -1;
}

static const struct module {
	const char *name;
	int (*init)(void);
	void (*fini)(void);
} modules[] = {
	{"config", config_init, config_fini},
	{"pidfile", pidfile_init, pidfile_fini},
	{"leavings", leavings_take, NULL},	    /* before EAL: memory */
	{"mh early", mh_early_init, mh_early_fini}, /* routes are read meanwhile */
	{"eal", eal_init, eal_fini},
	{"config again", config_again, NULL},
	{"pool", pool_init, pool_fini},
	{"ports", ports_init, ports_fini},
	{"dispatch", dispatch_init, dispatch_fini},
	{"mh", mh_init, mh_fini},
	{"stats", stats_init, stats_fini},
	{"telemetry", telemetry_init, telemetry_fini},
	{"monitor", monitor_init, monitor_fini},
	{"run", run_init, run_fini},
};

/* One MD a lcore, in the order of lcore ids; the main lcore's runs here. */
static int md_main(void *arg)
{
	unsigned int index = 0;

	while (node.md_lcores[index] != rte_lcore_id())
		index++;
	prctl(PR_SET_TIMERSLACK, 1000);
	return pdp_md_run(node.mds[index]);
}

static void run(void)
{
	rte_eal_mp_remote_launch(md_main, NULL, CALL_MAIN);
	rte_eal_mp_wait_lcore();
	run_join();
}

int main(int argc, char **argv, char **envp)
{
	unsigned int n = 0;
	sigset_t set;

	setproctitle_init(argc, argv, envp);
	setlinebuf(stdout); /* a log file has each line at once */
	if (options_init(argc, argv) != 0)
		return 2;
	/* Signals are the control thread's (signalfd); threads made from here on inherit the mask.
	 */
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	for (n = 0; n < RTE_DIM(modules); n++) {
		if (modules[n].init() != 0) {
			node.exit_code = 1;
			break;
		}
		if (node.check_only && modules[n].init == config_init) {
			n = 1;
			break;
		}
	}
	if (n == RTE_DIM(modules))
		run();
	while (n-- > 0) {
		if (modules[n].fini != NULL)
			modules[n].fini();
	}
	return node.exit_code;
}
