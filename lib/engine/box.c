/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sandbox around a sealed engine: its groups, its start, its log, its end. Control thread.
 *
 * Two processes matter: bubblewrap, the primary's child, which tells how it ended, and the engine
 * itself, which is pinned, weighed, killed and shown. The engine is gone when both are.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine_priv.h"
#include "pdp_log.h"
#include "sandbox.h"

#define OWN_MB	    8	 /* of the group, beside the VR's: bubblewrap, page tables */
#define OWN_TASKS   2	 /* bubblewrap waits, and another of it is the namespace's init */
#define LOG_BYTES   4096 /* that an engine may say in LOG_US; what is beyond waits, or is lost */
#define LOG_US	    1000000
#define EXIT_SIGNAL 128 /* bubblewrap: and the signal */

static bool any_sealed(const struct pdp_engines *all)
{
	for (unsigned int v = 0; v < all->p.n_vrs; v++) {
		if (all->p.vrs[v].sealed)
			return true;
	}
	return false;
}

int boxes_open(struct pdp_engines *all, char *err, size_t err_size)
{
	const struct pdp_sandbox_params *p = &all->p.sandbox;
	char name[64], why[1024];

	if (!any_sealed(all))
		return 0;
	if (sandbox_check(p->launcher, p->uid_base, why, sizeof(why)) != 0) {
		snprintf(err, err_size, "sealed engines cannot be started: %s", why);
		return -EPERM;
	}
	if (!p->groups)
		return 0;
	snprintf(name, sizeof(name), "pdp-%.40s-sealed", all->p.file_prefix);
	all->limits = limits_open(SHARES_PROC, name, why, sizeof(why));
	if (all->limits == NULL) {
		snprintf(err, err_size, "sealed engines cannot be limited: %s", why);
		return -errno;
	}
	for (unsigned int i = 0; i < LIMITS_TREES; i++) {
		char path[PATH_MAX];

		if (limits_path(all->limits, i, path) != NULL)
			notes_group(&all->notes, path);
	}
	return 0;
}

void boxes_close(struct pdp_engines *all)
{
	limits_close(all->limits);
	all->limits = NULL;
}

static int make_groups(struct engine *e, char *err, size_t err_size)
{
	struct pdp_engines *all = e->all;
	char name[32];
	int rc;

	if (all->limits == NULL)
		return 0;
	snprintf(name, sizeof(name), "%s.%u", all->p.vrs[e->vr].name, e->index);
	rc = limits_make(all->limits, &e->box.groups, name, all->p.sandbox.memory_mb + OWN_MB,
			 all->p.sandbox.tasks + OWN_TASKS);
	if (rc != 0)
		snprintf(err, err_size, "no control group for it in %.300s: %s",
			 limits_where(all->limits), strerror(-rc));
	return rc;
}

/* One line of its log, to the primary's, with its name in front: it may not speak for others. */
static void tell_line(struct engine *e)
{
	const char *line = e->box.line;

	e->box.line[e->box.line_len] = '\0';
	e->box.line_len = 0;
	if (line[0] == '\0')
		return;
	fprintf(stderr, ENGINE_FMT "| %s\n", ENGINE_ARG(e), line);
	if (e->state == PDP_ENGINE_STARTING)
		snprintf(e->box.said, sizeof(e->box.said), "%.255s", line);
}

/* Terminals obey control characters. */
static void take_text(struct engine *e, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)text[i];

		if (c == '\n' || e->box.line_len == sizeof(e->box.line) - 1)
			tell_line(e);
		if (c != '\n')
			e->box.line[e->box.line_len++] = c < ' ' || c == 0x7f ? '?' : (char)c;
	}
}

static void log_again(void *arg)
{
	struct engine *e = arg;

	e->box.log_timer = NULL;
	e->box.log_left = LOG_BYTES;
	pdp_watch_events(e->box.log_watch, EPOLLIN);
}

/* A bounded part of what it says in a second: it can neither fill a disk nor keep the thread. */
static void on_log(void *arg, int fd, uint32_t events)
{
	struct engine *e = arg;
	char text[512];
	ssize_t n = read(fd, text, sizeof(text));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		tell_line(e);
		pdp_watch_remove(e->box.log_watch);
		e->box.log_watch = NULL;
		return;
	}
	take_text(e, text, (size_t)n);
	e->box.log_left -= (unsigned int)n < e->box.log_left ? (unsigned int)n : e->box.log_left;
	if (e->box.log_left != 0 || e->box.log_timer != NULL)
		return;
	e->box.log_timer = pdp_loop_timer(e->all->p.loop, LOG_US, 0, log_again, e);
	if (e->box.log_timer != NULL)
		pdp_watch_events(e->box.log_watch, 0);
}

/* @return the end that the engine writes to, which never blocks it, or -errno */
static int make_log(struct engine *e)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return -errno;
	e->box.log = ends[0];
	e->box.log_left = LOG_BYTES;
	e->box.line_len = 0;
	e->box.said[0] = '\0';
	e->box.log_watch = pdp_loop_watch(e->all->p.loop, ends[0], EPOLLIN, on_log, e);
	if (e->box.log_watch != NULL)
		return ends[1];
	close(ends[1]);
	return -ENOMEM;
}

static int start(struct engine *e, int sock, int log)
{
	const struct pdp_engines_params *p = &e->all->p;
	char index[16], tasks[16], members[LIMITS_TREES][PATH_MAX];
	const char *const args[] = {p->vrs[e->vr].name, index, tasks, NULL};
	struct sandbox_params sp = {
		.launcher = p->sandbox.launcher,
		.program = p->sealed_program,
		.plugin = p->vrs[e->vr].plugin,
		.args = args,
		.uid = p->sandbox.uid_base + e->vr,
		.cpu = (int)e->cpu,
		.memory_mb = p->sandbox.memory_mb,
		.tasks = p->sandbox.tasks,
		.sock = sock,
		.log = log,
	};

	snprintf(index, sizeof(index), "%u", e->index);
	snprintf(tasks, sizeof(tasks), "%u", p->sandbox.tasks);
	for (unsigned int i = 0; e->all->limits != NULL && i < LIMITS_TREES; i++)
		sp.groups[i] = limits_members(e->all->limits, &e->box.groups, i, members[i]);
	return sandbox_spawn(&sp, &e->pid);
}

int box_start(struct engine *e, int sock, char *err, size_t err_size)
{
	int rc, log;

	e->box = (struct box){.pidfd = -1, .log = -1};
	rc = make_groups(e, err, err_size);
	if (rc != 0)
		return rc;
	log = make_log(e);
	rc = log >= 0 ? start(e, sock, log) : log;
	if (log >= 0)
		close(log);
	if (rc == 0) {
		e->box.launcher = e->pid;
		return 0;
	}
	e->pid = 0;
	snprintf(err, err_size, "cannot start %s: %s", e->all->p.sandbox.launcher, strerror(-rc));
	box_free(e);
	return rc;
}

int box_met(struct engine *e, pid_t pid, uid_t uid)
{
	const uid_t expected = e->all->p.sandbox.uid_base + e->vr;

	if (pid <= 0 || uid != expected)
		return -EPERM;
	e->box.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (e->box.pidfd < 0)
		return -errno;
	e->pid = pid;
	notes_process(&e->all->notes, &e->note, pid);
	weigh_again(e);
	return 0;
}

bool box_lives(const struct engine *e)
{
	struct pollfd pfd = {.fd = e->box.pidfd, .events = POLLIN};

	return e->box.launcher != 0 && e->box.pidfd >= 0 && poll(&pfd, 1, 0) == 0;
}

void box_kill(const struct engine *e)
{
	if (e->box.pidfd >= 0)
		syscall(SYS_pidfd_send_signal, e->box.pidfd, SIGKILL, NULL, 0);
	else if (syscall(SYS_pidfd_send_signal, e->pidfd, SIGKILL, NULL, 0) == 0)
		sandbox_kill(e->box.launcher);
}

void box_how(struct engine *e, char *how, size_t size)
{
	const bool memory = e->all->limits != NULL &&
			    limits_memory_hit(e->all->limits, &e->box.groups);
	const int status = e->end_status;

	if (e->end_code != CLD_EXITED) {
		snprintf(how, size, "lost its sandbox by signal %d (%s)", status,
			 strsignal(status));
	} else if (memory) {
		snprintf(how, size, "killed by the kernel: more than sandbox.memory_mb, %u MB",
			 e->all->p.sandbox.memory_mb);
	} else if (status > EXIT_SIGNAL) {
		/* It may not exit with such a code itself (pdp-engine's filter). */
		e->end_code = CLD_KILLED;
		e->end_status = status - EXIT_SIGNAL;
		snprintf(how, size, "killed by signal %d (%s)", e->end_status,
			 strsignal(e->end_status));
	} else {
		snprintf(how, size, "exited with code %d", status);
	}
}

void box_explain(struct engine *e)
{
	while (e->box.log_watch != NULL && e->box.log_left != 0) {
		struct pollfd pfd = {.fd = e->box.log, .events = POLLIN};

		if (poll(&pfd, 1, 0) != 1)
			break;
		on_log(e, e->box.log, EPOLLIN);
	}
	tell_line(e);
	if (e->state == PDP_ENGINE_STARTING && !e->failed && e->box.said[0] != '\0')
		engine_failed(e, e->box.said);
}

void box_free(struct engine *e)
{
	if (!engine_sealed(e))
		return;
	pdp_watch_remove(e->box.log_watch);
	pdp_timer_remove(e->box.log_timer);
	if (e->box.log >= 0)
		close(e->box.log);
	if (e->box.pidfd >= 0)
		close(e->box.pidfd);
	if (e->all->limits != NULL)
		limits_remove(e->all->limits, &e->box.groups);
	e->box = (struct box){.pidfd = -1, .log = -1};
}
