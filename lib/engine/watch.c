/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The watchdog: engines that hang, and engines that break the protocol, are replaced and then
 * killed; those that a debugger holds or that were started by hand are by-passed and come back when
 * they run on. Control thread, a few times within `watchdog_ms`; what it reads of an engine that
 * gets on are two numbers.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "engine_priv.h"
#include "pdp_log.h"

#define LOOKS_IN_LIMIT 4
#define PERIOD_MIN_US  1000
#define PERIOD_MAX_US  25000
#define ENGINE_US      20	   /* of the period for each engine: a look at CPU time takes 2 */
#define GIVE_BACK_NS   1000000000u /* then one that runs on gets packets in spite of what it has */
#define PROC_READ      512

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* A file of its loop's thread. @return false: the process is gone */
static bool read_proc(const struct engine *e, const char *file, char *out, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", e->pid, e->pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, out, size - 1);
	close(fd);
	out[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* @return its state as ps shows it, '?': unknown */
static char thread_state(const struct engine *e)
{
	char text[PROC_READ];
	const char *end;

	/* The name before it may have brackets and spaces. */
	if (!read_proc(e, "stat", text, sizeof(text)) || (end = strrchr(text, ')')) == NULL ||
	    strlen(end) < 3)
		return '?';
	return end[2];
}

/* Whether it has not begun to end: field 9 of its stat, PF_EXITING. */
bool watch_runs(const struct engine *e)
{
	char text[PROC_READ];
	unsigned int flags;
	const char *end;

	return read_proc(e, "stat", text, sizeof(text)) && (end = strrchr(text, ')')) != NULL &&
	       sscanf(end, ") %*c %*d %*d %*d %*d %*d %u", &flags) == 1 && !(flags & 4);
}

/*
 * CPU time of all its threads, by a system call of half a microsecond. Not from /proc: the kernel
 * (6.18) may spin for seconds on a CPU that it gives to nobody else when a process is taken off the
 * process table while a file below its /proc folder is being closed.
 */
static uint64_t process_cpu_ns(const struct engine *e)
{
	struct timespec ts;
	clockid_t clock;

	if (clock_getcpuclockid(e->pid, &clock) != 0 || clock_gettime(clock, &ts) != 0)
		return e->hang.last_cpu_ns;
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t thread_cpu_ns(const struct engine *e)
{
	char text[64];

	return read_proc(e, "schedstat", text, sizeof(text)) ? strtoull(text, NULL, 10) : 0;
}

static int tracer(const struct engine *e)
{
	char text[2048];
	const char *line;

	if (!read_proc(e, "status", text, sizeof(text)))
		return 0;
	line = strstr(text, "\nTracerPid:");
	return line != NULL ? atoi(line + strlen("\nTracerPid:")) : 0;
}

static uint32_t unread(const struct engine *e)
{
	uint32_t shown = 0;

	for (unsigned int i = 0; i < e->all->p.n_md; i++)
		shown += pdp_chan_shown(e->chans[i]);
	return shown - __atomic_load_n(&e->status->taken, __ATOMIC_RELAXED);
}

static uint32_t progress(const struct engine *e)
{
	return (uint32_t)__atomic_load_n(&e->status->loops, __ATOMIC_RELAXED) +
	       __atomic_load_n(&e->status->bursts, __ATOMIC_RELAXED);
}

static unsigned int out(const struct engine *e)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < e->all->p.n_md; i++)
		n += pdp_chan_out(e->chans[i]);
	return n;
}

/* Somebody else has its traffic, or could have it. */
static bool has_others(const struct engine *e)
{
	for (unsigned int i = 0; i < e->all->pools[e->vr].top; i++) {
		const struct engine *o = e->all->by_vr[e->vr][i];

		if (o != NULL && o != e &&
		    (o->state == PDP_ENGINE_RUNNING ||
		     (o->state == PDP_ENGINE_PARKED && !e->by_hand)))
			return true;
	}
	return false;
}

/* Without others it keeps what comes: there is nobody to wait for. */
static void by_pass(struct engine *e)
{
	if (!e->by_passed && has_others(e))
		e->by_passed = mds_write_off(e, true) == 0;
}

static void debug(struct engine *e, enum hang_how how, int by)
{
	char who[48] = "started by hand";

	if (by != 0)
		snprintf(who, sizeof(who), "traced by process %d", by);
	PDP_LOG(NOTICE, "engine " ENGINE_FMT ": process %d %s (%s): by-passed until it runs on",
		ENGINE_ARG(e), e->pid, how == HANG_SPINS ? "does not get on" : "stands still", who);
	times_forget(e);
	engine_forget_timer(e);
	e->state = PDP_ENGINE_DEBUG;
	e->was_progress = progress(e);
	e->back_ns = 0;
	by_pass(e);
	resize_settle(e->all, e->vr);
}

static void replace_and_kill(struct engine *e, uint64_t since_tsc)
{
	engine_dies(e, since_tsc);
	resize_settle(e->all, e->vr);
	engine_kill(e);
}

static void hangs(struct engine *e, enum hang_how how, uint64_t ns)
{
	static const char *const words[] = {[HANG_STOPPED] = "it was stopped",
					    [HANG_BLOCKED] = "it was blocked",
					    [HANG_SPINS] = "it burnt its CPU time"};
	const int by = tracer(e);
	const uint64_t now = rte_rdtsc();
	const uint64_t silent_tsc = (ns - e->hang.alive_ns) * (rte_get_tsc_hz() / 1000000) / 1000;

	if (e->by_hand || by != 0) {
		debug(e, how, by);
		return;
	}
	snprintf(e->fault, sizeof(e->fault), "it hung with %u packets unread: %s for %u ms",
		 unread(e), words[how], e->all->p.vrs[e->vr].watchdog_ms);
	times_add(e, PDP_ENGINES_DETECT, now - silent_tsc, now);
	replace_and_kill(e, now - silent_tsc);
}

static void look_for_hang(struct engine *e, uint64_t ns)
{
	const uint64_t limit_ns = e->all->p.vrs[e->vr].watchdog_ms * 1000000ull;
	enum hang_how how;

	if (limit_ns == 0 || !hang_suspect(&e->hang, ns, progress(e), unread(e)))
		return;
	/* The MD lcore that has to wake it may be off its CPU itself. */
	if (e->hang.looks == 0 && __atomic_load_n(&e->status->sleeping, __ATOMIC_RELAXED))
		pdp_status_wake(e->status);
	how = hang_judge(&e->hang, ns, process_cpu_ns(e), limit_ns);
	if (how == HANG_SPINS)
		how = hang_thread(&e->hang, thread_cpu_ns(e), limit_ns);
	else if (how == HANG_BLOCKED)
		how = hang_state(thread_state(e));
	if (how != HANG_NO)
		hangs(e, how, ns);
}

/* It gets on again. What it had when it was by-passed is of no use to anybody by now, and is waited
 * for, so that flows which come back to it do not overtake it. */
static void look_for_return(struct engine *e, uint64_t ns)
{
	if (progress(e) == e->was_progress) {
		by_pass(e);
		return;
	}
	if (e->back_ns == 0)
		e->back_ns = ns;
	if (e->by_passed && out(e) != 0 && ns - e->back_ns < GIVE_BACK_NS)
		return;
	if (e->by_passed && mds_take_back(e) != 0)
		return;
	PDP_LOG(NOTICE, "engine " ENGINE_FMT ": process %d runs on", ENGINE_ARG(e), e->pid);
	e->state = PDP_ENGINE_RUNNING;
	e->by_passed = false;
	e->returned = true;
	e->hang = (struct hang){0};
	resize_settle(e->all, e->vr);
}

static uint64_t lies_of(const struct engine *e, char *which, size_t size)
{
	uint64_t total = 0;
	size_t used = 0;

	which[0] = '\0';
	for (unsigned int k = 0; k < PDP_LIE_N; k++) {
		uint64_t n = 0;

		for (unsigned int i = 0; i < e->all->p.n_md; i++)
			n += __atomic_load_n(&e->chans[i]->lies[k], __ATOMIC_RELAXED);
		total += n;
		if (n != 0 && used < size)
			used += (size_t)snprintf(which + used, size - used, "%s%s",
						 used != 0 ? ", " : "",
						 pdp_lie_name((enum pdp_lie)k));
	}
	return total;
}

/* @return true: it is dealt with */
static bool look_for_lies(struct engine *e)
{
	const uint32_t max = e->all->p.vrs[e->vr].lies_max;
	char which[64];
	uint64_t n;

	if (max == 0 || (n = lies_of(e, which, sizeof(which))) <= max)
		return false;
	snprintf(e->fault, sizeof(e->fault),
		 "it broke the protocol %" PRIu64 " times (%s), lies_max is %u", n, which, max);
	e->lied = true;
	replace_and_kill(e, rte_rdtsc());
	return true;
}

static void look(struct engine *e, uint64_t ns)
{
	if (e->status == NULL || !engine_had_joined(e) || look_for_lies(e))
		return;
	if (e->state == PDP_ENGINE_DEBUG)
		look_for_return(e, ns);
	else
		look_for_hang(e, ns);
}

/* Read by whatever thread EAL grows its heap on. */
static bool somebody_still;

bool pdp_engines_somebody_still(void)
{
	return __atomic_load_n(&somebody_still, __ATOMIC_RELAXED);
}

static uint64_t period_us(const struct pdp_engines *all)
{
	uint64_t us = PERIOD_MAX_US, n = 0;

	for (unsigned int v = 0; v < all->p.n_vrs; v++) {
		const uint32_t ms = all->p.vrs[v].watchdog_ms;

		n += all->pools[v].top;
		if (ms != 0)
			us = RTE_MIN(us, ms * 1000ull / LOOKS_IN_LIMIT);
	}
	return RTE_MAX(RTE_MAX(us, (uint64_t)PERIOD_MIN_US), n * ENGINE_US);
}

static void on_watch(void *arg)
{
	struct pdp_engines *all = arg;
	const uint64_t ns = now_ns();
	bool still = false;

	all->watch_timer = pdp_loop_timer(all->p.loop, period_us(all), 0, on_watch, all);
	for (unsigned int v = 0; v < all->p.n_vrs && !all->stopping; v++) {
		for (unsigned int i = 0; i < all->pools[v].top; i++) {
			struct engine *e = all->by_vr[v][i];

			if (e == NULL)
				continue;
			look(e, ns);
			still |= e->state == PDP_ENGINE_DEBUG || e->hang.looks != 0;
		}
	}
	__atomic_store_n(&somebody_still, still, __ATOMIC_RELAXED);
}

void watch_begin(struct pdp_engines *all)
{
	on_watch(all);
}

void watch_end(struct pdp_engines *all)
{
	pdp_timer_remove(all->watch_timer);
	all->watch_timer = NULL;
}
