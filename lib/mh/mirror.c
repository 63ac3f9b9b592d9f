/* SPDX-License-Identifier: BSD-3-Clause */
/* The mirror's life, and its turns in the MH thread. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "mirror_priv.h"

enum {
	RUN_NS = 2000000,
	HOLD_NS = 1000000,
	HOLD_PART = 32, /* of how long it has lasted */
	HOLD_MAX_NS = 8000000,
	TICK_MS = 1000,
};

uint64_t mirror_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int init_pools(struct pdp_mirror *m)
{
	int rc = mirror_pool_init(&m->hops, sizeof(struct mirror_hop));

	rc = rc != 0 ? rc : mirror_pool_init(&m->targets, sizeof(struct mirror_target));
	rc = rc != 0 ? rc : mirror_pool_init(&m->paths, sizeof(struct mirror_path));
	rc = rc != 0 ? rc : mirror_pool_init(&m->objects, sizeof(struct mirror_object));
	return rc != 0 ? rc : mirror_pool_init(&m->lists, sizeof(struct mirror_list));
}

/* Whether the FIB keeps notes shows when one is written. */
static int try_fib(struct pdp_mirror *m)
{
	const struct pdp_fib_prefix any = {.family = 4};
	const struct mirror_hop_key local = {.kind = MIRROR_LOCAL};

	if (pdp_fib_put(m->fib, &any, 0, 0) == -EINVAL)
		return -EINVAL;
	m->local_hop = mirror_hop_get(m, &local);
	if (m->local_hop == 0)
		return -ENOMEM;
	return mirror_hop_at(m, m->local_hop)->number != 0 ? 0 : -ENOSPC;
}

static int init(struct pdp_mirror *m)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int rc = init_pools(m);

	rc = rc != 0 ? rc : try_fib(m);
	if (rc != 0)
		return rc;
	m->buffers = mmap(NULL, MIRROR_BUFFERS, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m->buffers == MAP_FAILED) {
		m->buffers = NULL;
		return -ENOMEM;
	}
	m->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	m->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (m->epoll_fd < 0 || m->timer_fd < 0 ||
	    epoll_ctl(m->epoll_fd, EPOLL_CTL_ADD, m->timer_fd, &ev) != 0)
		return -errno;
	return 0;
}

struct pdp_mirror *mirror_new(const struct pdp_mirror_params *params)
{
	struct pdp_mirror *m = calloc(1, sizeof(*m));
	int rc;

	if (m == NULL)
		return NULL;
	snprintf(m->name, sizeof(m->name), "%s", params->name);
	m->fib = params->fib;
	m->epoll_fd = m->timer_fd = m->sock = m->dumping = -1;
	rc = init(m);
	if (rc == 0)
		return m;
	pdp_mirror_destroy(m);
	errno = -rc;
	return NULL;
}

static void arm(struct pdp_mirror *m, uint64_t at_ns)
{
	const struct itimerspec when = {.it_value = {.tv_sec = (time_t)(at_ns / 1000000000),
						     .tv_nsec = (long)(at_ns % 1000000000)}};

	timerfd_settime(m->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

struct pdp_mirror *pdp_mirror_create(const struct pdp_mirror_params *params)
{
	struct pdp_mirror *m = mirror_new(params);
	int rc;

	if (m == NULL)
		return NULL;
	rc = mirror_socket_open(m, params->netns_fd, true);
	if (rc != 0) {
		pdp_mirror_destroy(m);
		errno = -rc;
		return NULL;
	}
	mirror_want(m, MIRROR_DUMP_ALL);
	arm(m, 1); /* at once */
	return m;
}

void pdp_mirror_destroy(struct pdp_mirror *m)
{
	if (m == NULL)
		return;
	mirror_check_cancel(m);
	if (m->nl != NULL)
		mnl_socket_close(m->nl);
	if (m->timer_fd >= 0)
		close(m->timer_fd);
	if (m->epoll_fd >= 0)
		close(m->epoll_fd);
	if (m->buffers != NULL)
		munmap(m->buffers, MIRROR_BUFFERS);
	for (uint32_t i = 1; i < m->targets.n_touched; i++) {
		if (mirror_target_at(m, i)->item.refs != UINT32_MAX)
			free(mirror_target_at(m, i)->members);
	}
	mirror_pool_fini(&m->hops);
	mirror_pool_fini(&m->targets);
	mirror_pool_fini(&m->paths);
	mirror_objects_fini(m);
	mirror_rib_fini(m);
	mirror_neighs_fini(m);
	mirror_links_fini(m);
	free(m);
}

int pdp_mirror_fd(const struct pdp_mirror *m)
{
	return m->epoll_fd;
}

void mirror_retry(struct pdp_mirror *m)
{
	struct pdp_fib_stats s;
	bool any;

	pdp_fib_stats(m->fib, &s);
	if (s.not_installed > 0)
		pdp_fib_retry(m->fib);
	if (m->n_unnumbered == 0 && m->stats.why[PDP_MIRROR_NO_NUMBER] == 0)
		return;
	any = mirror_hops_retry(m);
	any |= mirror_objects_retry(m);
	any |= mirror_targets_retry(m);
	if (!any)
		return;
	mirror_rib_reinstall(m, 4, NULL);
	mirror_rib_reinstall(m, 6, NULL);
}

static void tick(struct pdp_mirror *m, uint64_t now_ms)
{
	if (now_ms < m->tick_ms)
		return;
	m->tick_ms = now_ms + TICK_MS;
	mirror_retry(m);
	if (!m->only_dump)
		mirror_neighs_refresh(m, now_ms);
}

/* @return false: the time was up before everything was read */
static bool read_all(struct pdp_mirror *m, uint64_t until_ns, bool *any)
{
	while (mirror_socket_read(m)) {
		*any = true;
		if (mirror_now_ns() >= until_ns)
			return false;
	}
	return true;
}

/*
 * Events that follow one another are read every millisecond, not one by one; the longer it lasts,
 * the more seldom: whoever writes a full table may run on this CPU too, and finds its caches
 * changed after each of our turns.
 */
static uint64_t hold_ns(struct pdp_mirror *m, uint64_t now_ns, bool any)
{
	uint64_t hold;

	if (!any)
		m->stream_ns = now_ns;
	hold = HOLD_NS + (now_ns - m->stream_ns) / HOLD_PART;
	return hold < HOLD_MAX_NS ? hold : HOLD_MAX_NS;
}

static uint64_t next_ns(struct pdp_mirror *m, uint64_t now_ns, bool any)
{
	const uint64_t round_ms = mirror_round_ms(m);
	uint64_t at = m->tick_ms * 1000000;
	const bool hold = any && m->dumping < 0 && m->complete;
	const uint64_t until_ns = now_ns + hold_ns(m, now_ns, any);

	mirror_socket_listen(m, !hold);
	if (hold && until_ns < at)
		at = until_ns;
	if (round_ms != UINT64_MAX && round_ms * 1000000 < at)
		at = round_ms * 1000000;
	return at > 0 ? at : 1;
}

bool pdp_mirror_run(struct pdp_mirror *m)
{
	const uint64_t began_ns = mirror_now_ns();
	uint64_t expirations, now_ns;
	bool any = false, all;

	while (read(m->timer_fd, &expirations, sizeof(expirations)) > 0)
		;
	all = read_all(m, began_ns + RUN_NS, &any);
	now_ns = mirror_now_ns();
	if (mirror_round_ms(m) <= now_ns / 1000000)
		mirror_round_begin(m);
	tick(m, now_ns / 1000000);
	if (m->changed) {
		m->changed = false;
		pdp_fib_publish(m->fib);
	}
	if (m->check != NULL && mirror_check_run(m))
		all = false;
	if (all)
		arm(m, next_ns(m, now_ns, any));
	else
		arm(m, 1);
	return !all;
}
