/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A VR that means harm. What it tries, and from where, its arguments say; else it sends every
 * packet back by the vif that it came by.
 *
 *   {"try": "kill"       one of `attempts` below
 *    "from": "process"   init, constructor, process (each burst and tick), or thread: one of its
 * own "slow_ns": 0}       CPU time that it takes for each packet
 *
 * What a call that was refused said, it tells on standard error: "hostile: kill from process: ...".
 */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "hostile.h"

#define ENDS	 "all of it was tried"
#define BEGIN_NS 300000000u /* of a constructor or init() that tries on and on */

static void spin(struct world *w)
{
	(void)w;
	for (volatile int on = 1; on;)
		;
}

/* With the crash record of one that somebody else killed. */
static void die(struct world *w)
{
	struct pdp_crash *c = &w->status->crash;

	c->own = 0;
	c->code = 0;
	c->address = 1;
	__atomic_store_n(&c->signal, 11, __ATOMIC_RELEASE);
	syscall(SYS_exit_group, 139); /* exit_group, past any handler */
}

/* All that is refused by the call itself. */
static void call_all(struct world *w)
{
	calls_trace(w);
	calls_kill(w);
	calls_open(w);
	calls_connect(w);
	calls_code(w);
	calls_fork(w);
}

static const struct attempt attempts[] = {
	{.name = "calls", .go = call_all, .once = true},
	{.name = "scan", .go = space_scan, .once = true},
	{.name = "overwrite", .go = space_overwrite, .once = true},
	{.name = "holes", .go = space_holes, .once = true},
	{.name = "allocate", .go = space_allocate, .once = true},
	{.name = "trace", .go = calls_trace, .once = true},
	{.name = "kill", .go = calls_kill, .once = true},
	{.name = "open", .go = calls_open, .once = true},
	{.name = "connect", .go = calls_connect, .once = true},
	{.name = "fork", .go = calls_fork, .once = true},
	{.name = "code", .go = calls_code, .once = true},
	{.name = "close", .go = calls_close, .once = true},
	{.name = "descriptors", .go = channel_descriptors},
	{.name = "indexes", .go = channel_indexes},
	{.name = "status", .go = channel_status},
	{.name = "death", .go = channel_death},
	{.name = "sleep", .go = channel_sleep},
	{.name = "flood", .go = channel_flood},
	{.name = "socket", .go = channel_socket},
	{.name = "originate",
	 .go = channel_blanks,
	 .packets = packets_originate,
	 .tick = packets_tick_originate},
	{.name = "punt", .packets = packets_punt, .tick = packets_tick_punt},
	{.name = "forge", .packets = packets_forge},
	{.name = "stale", .packets = packets_stale},
	{.name = "spin", .go = spin, .once = true},
	{.name = "die", .go = die, .once = true},
	{.name = "nothing"},
};

#define N_ATTEMPTS (sizeof(attempts) / sizeof(attempts[0]))

static struct world world;
static const struct attempt *attempt;
static uint64_t slow_ns;
static bool gone_at; /* one that is tried once has been */

void tell(const struct world *w, const char *format, ...)
{
	char line[400];
	va_list ap;
	int n;

	n = snprintf(line, sizeof(line), "hostile: %s from %s: ", w->try, w->from);
	va_start(ap, format);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n, format, ap);
	va_end(ap);
	n = n < (int)sizeof(line) ? n : (int)sizeof(line) - 1;
	line[n++] = '\n';
	/* Nobody reads fast enough: then it is not told. */
	if (write(STDERR_FILENO, line, (size_t)n) != n)
		return;
}

void tell_call(const struct world *w, const char *call, long rc)
{
	tell(w, "%s: %s", call, rc >= 0 ? "done" : strerrorname_np(errno));
}

/* xorshift64* */
uint64_t noise(struct world *w)
{
	uint64_t x = w->seed != 0 ? w->seed : 0x9e3779b97f4a7c15u;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	w->seed = x;
	return x * UINT64_C(2685821657736338717);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static const struct attempt *find(const char *name)
{
	for (size_t i = 0; i < N_ATTEMPTS; i++) {
		if (strcmp(attempts[i].name, name) == 0)
			return &attempts[i];
	}
	return NULL;
}

/* Again and again for so long; 0: for ever. */
static void attack(uint64_t for_ns)
{
	const uint64_t begin = now_ns();

	if (attempt->go == NULL)
		return;
	do {
		attempt->go(&world);
	} while (!attempt->once && (for_ns == 0 || now_ns() - begin < for_ns));
	tell(&world, ENDS);
}

static bool from(const char *place)
{
	return strcmp(world.from, place) == 0;
}

static int parse(void)
{
	json_error_t err;
	json_t *args = json_loads(world.args, 0, &err);
	const char *try = NULL, *place = "process";
	json_int_t slow = 0;

	if (args == NULL || json_unpack_ex(args, &err, JSON_STRICT, "{s:s, s?s, s?I}", "try", &try,
					   "from", &place, "slow_ns", &slow) != 0)
		return -EINVAL;
	slow_ns = (uint64_t)slow;
	world.try = strdup(try);
	world.from = strdup(place);
	json_decref(args);
	attempt = find(world.try);
	return attempt != NULL ? 0 : -ENOENT;
}

/* Outside of a sandbox the calls would be made, as root: nobody wants that even of a test. */
static bool safe(void)
{
	static const char *const names[] = {
		"scan",	     "descriptors", "indexes", "status",  "death", "sleep", "flood",
		"originate", "punt",	    "forge",   "nothing", "spin",  "die"};

	if (world.region->sealed)
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(world.try, names[i]) == 0)
			return true;
	}
	return false;
}

/* Before anything of the runtime's is told to a plugin. */
static __attribute__((constructor)) void begin(void)
{
	world = (struct world){.try = "?", .from = "constructor"};
	if (!space_find(&world)) {
		tell(&world, "the region of this engine is not found");
		return;
	}
	world.args = strdup((const char *)world.conf + world.conf->args_off);
	if (parse() == 0 && !safe())
		attempt = NULL;
	if (attempt != NULL && from("constructor"))
		attack(BEGIN_NS);
}

static void *thread(void *arg)
{
	(void)arg;
	attack(0);
	return NULL;
}

static int init(const struct pdp_vr_info *info, void **state)
{
	pthread_t t;

	if (world.region == NULL || attempt == NULL) {
		pdp_vr_log(info, PDP_LOG_ERR,
			   "args: {\"try\": one of its attempts, \"from\": where, \"slow_ns\": 0}");
		return -EINVAL;
	}
	world.info = info;
	*state = &world;
	if (from("init"))
		attack(BEGIN_NS);
	if (from("thread") && attempt->go != NULL) {
		int rc = pthread_create(&t, NULL, thread, NULL);

		if (rc != 0)
			tell(&world, "no thread: %s", strerrorname_np(rc));
	}
	return 0;
}

static void go(void)
{
	if (attempt->go == NULL || !from("process") || gone_at)
		return;
	gone_at = attempt->once;
	attempt->go(&world);
	if (gone_at)
		tell(&world, ENDS);
}

static void process(void *state, struct pdp_pkt *pkts, unsigned int n)
{
	const uint64_t until = now_ns() + n * slow_ns;

	(void)state;
	for (unsigned int i = 0; i < n; i++)
		pkts[i].verdict = PDP_FORWARD;
	while (now_ns() < until)
		;
	if (attempt->packets != NULL && !from("thread"))
		attempt->packets(&world, pkts, n);
	else
		go();
}

static void tick(void *state, uint64_t now)
{
	(void)state;
	(void)now;
	if (attempt->tick != NULL && !from("thread"))
		attempt->tick(&world);
}

PDP_VR_PLUGIN({
	.abi_version = PDP_VR_ABI_VERSION,
	.flags = PDP_VR_HOLDS,
	.name = "hostile",
	.tick_us = 100,
	.init = init,
	.process = process,
	.tick = tick,
});
