/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control thread's event loop: level-triggered epoll, one eventfd for stop, and one timerfd set
 * to the earliest timer of a binary heap (a thousand VRs may have several timers each).
 *
 * Runs on one thread. What a callback removes is only marked then and freed when the batch is over,
 * since the batch may still hold events of it.
 */
#include "pdp_loop.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define BATCH	    64
#define NOT_IN_HEAP UINT32_MAX

struct pdp_watch {
	LIST_ENTRY(pdp_watch) link; /* in loop->watches, or in loop->removed_watches */
	struct pdp_loop *loop;
	pdp_watch_fn fn; /* NULL: removed */
	void *arg;
	int fd;
};

struct pdp_timer {
	LIST_ENTRY(pdp_timer) link; /* in loop->removed_timers */
	struct pdp_loop *loop;
	pdp_timer_fn fn;
	void *arg;
	uint64_t due_ns;
	uint64_t seq; /* timers due at the same time fire in the order they were made */
	uint64_t period_ns;
	unsigned int index; /* in the heap, or NOT_IN_HEAP: fired for the last time, or removed */
};

LIST_HEAD(watch_list, pdp_watch);
LIST_HEAD(timer_list, pdp_timer);

struct pdp_loop {
	int epoll_fd;
	int stop_fd;
	int timer_fd;
	bool stopping;
	unsigned int depth; /* of pdp_loop_once() calls on the stack */
	uint64_t armed_ns;  /* what timer_fd is set to; 0: nothing */
	uint64_t next_seq;
	struct pdp_timer **heap;
	unsigned int n_timers;
	unsigned int heap_size;
	struct watch_list watches;
	struct watch_list removed_watches;
	struct timer_list removed_timers;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int add_fd(struct pdp_loop *loop, int fd, int *marker)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = marker};

	return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev);
}

struct pdp_loop *pdp_loop_create(void)
{
	struct pdp_loop *loop = calloc(1, sizeof(*loop));
	int saved;

	if (loop == NULL)
		return NULL;
	LIST_INIT(&loop->watches);
	LIST_INIT(&loop->removed_watches);
	LIST_INIT(&loop->removed_timers);
	loop->stop_fd = -1;
	loop->timer_fd = -1;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		goto err;
	loop->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->stop_fd < 0 || add_fd(loop, loop->stop_fd, &loop->stop_fd) != 0)
		goto err;
	loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (loop->timer_fd < 0 || add_fd(loop, loop->timer_fd, &loop->timer_fd) != 0)
		goto err;
	return loop;
err:
	saved = errno;
	pdp_loop_destroy(loop);
	errno = saved;
	return NULL;
}

/* Free what was removed while callbacks ran. */
static void bury(struct pdp_loop *loop)
{
	struct pdp_watch *watch;
	struct pdp_timer *timer;

	while ((watch = LIST_FIRST(&loop->removed_watches)) != NULL) {
		LIST_REMOVE(watch, link);
		free(watch);
	}
	while ((timer = LIST_FIRST(&loop->removed_timers)) != NULL) {
		LIST_REMOVE(timer, link);
		free(timer);
	}
}

void pdp_loop_destroy(struct pdp_loop *loop)
{
	if (loop == NULL)
		return;
	assert(loop->depth == 0);
	while (!LIST_EMPTY(&loop->watches))
		pdp_watch_remove(LIST_FIRST(&loop->watches));
	while (loop->n_timers > 0)
		pdp_timer_remove(loop->heap[0]);
	bury(loop);
	free(loop->heap);
	if (loop->timer_fd >= 0)
		close(loop->timer_fd);
	if (loop->stop_fd >= 0)
		close(loop->stop_fd);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	free(loop);
}

void pdp_loop_stop(struct pdp_loop *loop)
{
	const uint64_t one = 1;
	int saved = errno; /* may run in a signal handler */
	/* Fails only when the counter is at its end, and then the loop has been told often enough.
	 */
	ssize_t n = write(loop->stop_fd, &one, sizeof(one));

	(void)n;
	errno = saved;
}

struct pdp_watch *pdp_loop_watch(struct pdp_loop *loop, int fd, uint32_t events, pdp_watch_fn fn,
				 void *arg)
{
	struct pdp_watch *watch = calloc(1, sizeof(*watch));
	struct epoll_event ev = {.events = events, .data.ptr = watch};
	int saved;

	if (watch == NULL)
		return NULL;
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0) {
		saved = errno;
		free(watch);
		errno = saved;
		return NULL;
	}
	watch->loop = loop;
	watch->fd = fd;
	watch->fn = fn;
	watch->arg = arg;
	LIST_INSERT_HEAD(&loop->watches, watch, link);
	return watch;
}

int pdp_watch_events(struct pdp_watch *watch, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = watch};

	return epoll_ctl(watch->loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &ev) != 0 ? -errno : 0;
}

void pdp_watch_remove(struct pdp_watch *watch)
{
	struct pdp_loop *loop;

	if (watch == NULL)
		return;
	assert(watch->fn != NULL);
	loop = watch->loop;
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
	watch->fn = NULL;
	LIST_REMOVE(watch, link);
	LIST_INSERT_HEAD(&loop->removed_watches, watch, link);
	if (loop->depth == 0)
		bury(loop);
}

static bool earlier(const struct pdp_timer *a, const struct pdp_timer *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->seq < b->seq;
}

/* Find the place of a timer from index on, upward first, then downward; every index is kept right.
 */
static void heap_place(struct pdp_loop *loop, struct pdp_timer *timer, unsigned int i)
{
	unsigned int child;

	for (; i > 0 && earlier(timer, loop->heap[(i - 1) / 2]); i = (i - 1) / 2) {
		loop->heap[i] = loop->heap[(i - 1) / 2];
		loop->heap[i]->index = i;
	}
	while ((child = 2 * i + 1) < loop->n_timers) {
		if (child + 1 < loop->n_timers && earlier(loop->heap[child + 1], loop->heap[child]))
			child++;
		if (!earlier(loop->heap[child], timer))
			break;
		loop->heap[i] = loop->heap[child];
		loop->heap[i]->index = i;
		i = child;
	}
	loop->heap[i] = timer;
	timer->index = i;
}

static int heap_grow(struct pdp_loop *loop)
{
	unsigned int size = loop->heap_size == 0 ? 16 : 2 * loop->heap_size;
	struct pdp_timer **heap = reallocarray(loop->heap, size, sizeof(*heap));

	if (heap == NULL)
		return -ENOMEM;
	loop->heap = heap;
	loop->heap_size = size;
	return 0;
}

struct pdp_timer *pdp_loop_timer(struct pdp_loop *loop, uint64_t first_us, uint64_t period_us,
				 pdp_timer_fn fn, void *arg)
{
	struct pdp_timer *timer;

	if (loop->n_timers == loop->heap_size && heap_grow(loop) != 0)
		return NULL;
	timer = calloc(1, sizeof(*timer));
	if (timer == NULL)
		return NULL;
	timer->loop = loop;
	timer->fn = fn;
	timer->arg = arg;
	timer->due_ns = now_ns() + first_us * 1000;
	timer->seq = loop->next_seq++;
	timer->period_ns = period_us * 1000;
	heap_place(loop, timer, loop->n_timers++);
	return timer;
}

/* Take a timer out of the heap, to be freed when the batch is over. */
static void retire(struct pdp_timer *timer)
{
	struct pdp_loop *loop = timer->loop;
	struct pdp_timer *last = loop->heap[--loop->n_timers];

	if (last != timer)
		heap_place(loop, last, timer->index);
	timer->index = NOT_IN_HEAP;
	LIST_INSERT_HEAD(&loop->removed_timers, timer, link);
}

void pdp_timer_remove(struct pdp_timer *timer)
{
	struct pdp_loop *loop;

	if (timer == NULL || timer->index == NOT_IN_HEAP)
		return;
	loop = timer->loop;
	retire(timer);
	if (loop->depth == 0)
		bury(loop);
}

/* Set the timerfd to the earliest timer, if it is not yet. */
static int arm(struct pdp_loop *loop)
{
	uint64_t due = loop->n_timers > 0 ? loop->heap[0]->due_ns : 0;
	struct itimerspec spec = {.it_value = {.tv_sec = (time_t)(due / 1000000000),
					       .tv_nsec = (long)(due % 1000000000)}};

	if (due == loop->armed_ns)
		return 0;
	if (timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) != 0)
		return -errno;
	loop->armed_ns = due;
	return 0;
}

static void fire_timers(struct pdp_loop *loop)
{
	const uint64_t now = now_ns();
	struct pdp_timer *timer;

	loop->armed_ns = UINT64_MAX; /* expired: set it again, which takes its readiness away */
	while (loop->n_timers > 0 && (timer = loop->heap[0])->due_ns <= now) {
		if (timer->period_ns == 0) {
			retire(timer);
		} else {
			timer->due_ns += timer->period_ns *
					 ((now - timer->due_ns) / timer->period_ns + 1);
			timer->seq = loop->next_seq++;
			heap_place(loop, timer, 0);
		}
		timer->fn(timer->arg);
	}
}

static void handle(struct pdp_loop *loop, const struct epoll_event *ev)
{
	struct pdp_watch *watch = ev->data.ptr;
	uint64_t count;

	if (ev->data.ptr == &loop->stop_fd) {
		loop->stopping = read(loop->stop_fd, &count, sizeof(count)) > 0 || loop->stopping;
		return;
	}
	if (ev->data.ptr == &loop->timer_fd) {
		fire_timers(loop);
		return;
	}
	if (watch->fn != NULL)
		watch->fn(watch->arg, watch->fd, ev->events);
}

int pdp_loop_once(struct pdp_loop *loop, int timeout_ms)
{
	struct epoll_event evs[BATCH];
	int n = arm(loop);

	if (n != 0)
		return n;
	n = epoll_wait(loop->epoll_fd, evs, BATCH, timeout_ms);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	loop->depth++;
	for (int i = 0; i < n; i++)
		handle(loop, &evs[i]);
	if (--loop->depth == 0)
		bury(loop);
	return 0;
}

bool pdp_loop_stopped(const struct pdp_loop *loop)
{
	return loop->stopping;
}

int pdp_loop_run(struct pdp_loop *loop)
{
	int rc = 0;

	while (rc == 0 && !loop->stopping)
		rc = pdp_loop_once(loop, -1);
	loop->stopping = false;
	return rc;
}
