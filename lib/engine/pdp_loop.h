/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control thread's event loop: descriptors and timers over epoll. Nothing of it runs on MD
 * lcores.
 *
 * Thread: all calls from the loop's thread, but for pdp_loop_stop(), which is safe from any thread
 * and from a signal handler. A callback may add and remove watches and timers, its own too; what is
 * removed gets no further callback.
 */
#ifndef PDP_LOOP_H
#define PDP_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct pdp_loop;
struct pdp_watch;
struct pdp_timer;

/** @param events EPOLLIN, EPOLLOUT, EPOLLHUP, ... as epoll reports them */
typedef void (*pdp_watch_fn)(void *arg, int fd, uint32_t events);
typedef void (*pdp_timer_fn)(void *arg);

/** @return NULL with errno */
struct pdp_loop *pdp_loop_create(void);

/** Free the loop and what is still registered (descriptors are not closed). NULL: nothing. */
void pdp_loop_destroy(struct pdp_loop *loop);

/** Run callbacks until pdp_loop_stop(), or not at all if that was called before. @return 0 or
 * -errno */
int pdp_loop_run(struct pdp_loop *loop);

/** Wait up to timeout_ms (-1: for ever) for something to be due, and run what is. @return 0 (a
 * signal too) or -errno */
int pdp_loop_once(struct pdp_loop *loop, int timeout_ms);

/** End pdp_loop_run() after the callbacks of this round. */
void pdp_loop_stop(struct pdp_loop *loop);

/** Whether pdp_loop_once() has seen a pdp_loop_stop() that pdp_loop_run() has not answered yet. */
bool pdp_loop_stopped(const struct pdp_loop *loop);

/**
 * Watch a descriptor, level-triggered. Owner: the loop's; the caller keeps the fd.
 * @return NULL with errno: EEXIST (watched already), EPERM (a regular file), ENOMEM, ...
 */
struct pdp_watch *pdp_loop_watch(struct pdp_loop *loop, int fd, uint32_t events, pdp_watch_fn fn,
				 void *arg);

/** Change what is waited for. @return 0 or -errno */
int pdp_watch_events(struct pdp_watch *watch, uint32_t events);

/** Stop watching; call before closing the fd. NULL: nothing. */
void pdp_watch_remove(struct pdp_watch *watch);

/**
 * A timer.
 * @param first_us   microseconds until it fires
 * @param period_us  0: once, and it is freed after firing; else again and again on a grid: of
 * several periods that were missed one fires late, the others never
 * @return NULL with errno
 */
struct pdp_timer *pdp_loop_timer(struct pdp_loop *loop, uint64_t first_us, uint64_t period_us,
				 pdp_timer_fn fn, void *arg);

/** Not for a timer that fires once and has fired (in its own callback it does nothing). NULL:
 * nothing. */
void pdp_timer_remove(struct pdp_timer *timer);

#endif /* PDP_LOOP_H */
