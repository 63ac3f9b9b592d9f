/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The event loop: order of timers, removal from within callbacks, stop from a thread and from a
 * signal handler.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <pdp_loop.h>

struct fixture {
	struct pdp_loop *loop;
	struct pdp_watch *watches[2];
	struct pdp_timer *timer;
	unsigned int n_calls;
	char order[16];
};

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->loop = pdp_loop_create();
	assert_non_null(f->loop);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	pdp_loop_destroy(f->loop);
	free(f);
	return 0;
}

struct letter {
	struct fixture *f;
	char c;
};

static void write_letter(void *arg)
{
	struct letter *l = arg;

	l->f->order[strlen(l->f->order)] = l->c;
}

static void stop(void *arg)
{
	struct fixture *f = arg;

	pdp_loop_stop(f->loop);
}

static void test_timer_order(void **state)
{
	struct fixture *f = *state;
	struct letter l[] = {{f, 'c'}, {f, 'a'}, {f, 'b'}, {f, 'd'}, {f, 'x'}};
	struct pdp_timer *gone;
	uint64_t begin = now_us();

	assert_non_null(pdp_loop_timer(f->loop, 3000, 0, write_letter, &l[0]));
	assert_non_null(pdp_loop_timer(f->loop, 0, 0, write_letter, &l[1]));
	gone = pdp_loop_timer(f->loop, 1000, 0, write_letter, &l[4]);
	assert_non_null(pdp_loop_timer(f->loop, 2000, 0, write_letter, &l[2]));
	assert_non_null(pdp_loop_timer(f->loop, 4000, 0, write_letter, &l[3]));
	assert_non_null(pdp_loop_timer(f->loop, 5000, 0, stop, f));
	pdp_timer_remove(gone);
	assert_int_equal(pdp_loop_run(f->loop), 0);
	assert_string_equal(f->order, "abcd");
	assert_true(now_us() - begin >= 5000);
}

/* A heap of many timers, some taken out of its middle, fires the rest in order and nothing else. */
#define MANY 1000
struct many {
	unsigned int delay;
	bool removed;
	unsigned int *n_fired;
	uint64_t *last;
	uint64_t made_us;
	struct pdp_timer *timer;
};

static void fire_one_of_many(void *arg)
{
	struct many *m = arg;

	assert_false(m->removed);
	/* made_us was read just before the timer was made, so the order by it may be off by what
	 * passed between. */
	assert_true(m->made_us + m->delay + 1000 >= *m->last);
	*m->last = m->made_us + m->delay;
	(*m->n_fired)++;
}

static void test_many_timers(void **state)
{
	static struct many many[MANY];
	struct fixture *f = *state;
	unsigned int n_fired = 0, seed = 1, n_removed = 0;
	uint64_t last = 0;

	for (unsigned int i = 0; i < MANY; i++) {
		seed = seed * 1103515245 + 12345;
		many[i] = (struct many){.delay = (seed >> 16) % 100000,
					.n_fired = &n_fired,
					.last = &last,
					.made_us = now_us()};
		many[i].timer = pdp_loop_timer(f->loop, many[i].delay, 0, fire_one_of_many,
					       &many[i]);
		assert_non_null(many[i].timer);
	}
	for (unsigned int i = 0; i < MANY; i += 3) {
		many[i].removed = true;
		pdp_timer_remove(many[i].timer);
		n_removed++;
	}
	assert_non_null(pdp_loop_timer(f->loop, 101000, 0, stop, f));
	assert_int_equal(pdp_loop_run(f->loop), 0);
	assert_int_equal(n_fired, MANY - n_removed);
}

static void count_to_three(void *arg)
{
	struct fixture *f = arg;

	if (++f->n_calls == 3) {
		pdp_timer_remove(f->timer);
		assert_non_null(pdp_loop_timer(f->loop, 5000, 0, stop, f));
	}
}

static void test_periodic_removes_itself(void **state)
{
	struct fixture *f = *state;

	f->timer = pdp_loop_timer(f->loop, 1000, 1000, count_to_three, f);
	assert_non_null(f->timer);
	assert_int_equal(pdp_loop_run(f->loop), 0);
	assert_int_equal(f->n_calls, 3);
}

static void count_and_dawdle(void *arg)
{
	struct fixture *f = arg;

	if (f->n_calls++ == 0)
		usleep(10500);
}

static void test_missed_periods_are_left_out(void **state)
{
	struct fixture *f = *state;
	uint64_t begin = now_us();

	f->timer = pdp_loop_timer(f->loop, 1000, 1000, count_and_dawdle, f);
	while (f->n_calls < 3)
		assert_int_equal(pdp_loop_once(f->loop, 1000), 0);
	/* Due at 1 ms, busy till 11.5: one comes late then, and the next on the grid, at 12. */
	assert_true(now_us() - begin >= 12000);
	assert_int_equal(f->n_calls, 3);
}

static void remove_own_once(void *arg)
{
	struct fixture *f = arg;

	f->n_calls++;
	pdp_timer_remove(f->timer);
}

static void test_single_removes_itself(void **state)
{
	struct fixture *f = *state;

	f->timer = pdp_loop_timer(f->loop, 0, 0, remove_own_once, f);
	assert_int_equal(pdp_loop_once(f->loop, 1000), 0);
	assert_int_equal(pdp_loop_once(f->loop, 0), 0);
	assert_int_equal(f->n_calls, 1);
}

static void test_once_times_out(void **state)
{
	struct fixture *f = *state;
	uint64_t begin = now_us();

	assert_int_equal(pdp_loop_once(f->loop, 20), 0);
	assert_true(now_us() - begin >= 19000);
}

/* Both descriptors are ready in one batch; whichever callback is first removes both. */
static void remove_both(void *arg, int fd, uint32_t events)
{
	struct fixture *f = arg;

	assert_true(events & EPOLLIN);
	f->n_calls++;
	for (unsigned int i = 0; i < 2; i++)
		pdp_watch_remove(f->watches[i]);
}

static void test_removed_in_same_batch(void **state)
{
	struct fixture *f = *state;
	int fds[2];

	for (unsigned int i = 0; i < 2; i++) {
		fds[i] = eventfd(1, EFD_CLOEXEC);
		f->watches[i] = pdp_loop_watch(f->loop, fds[i], EPOLLIN, remove_both, f);
		assert_non_null(f->watches[i]);
	}
	assert_int_equal(pdp_loop_once(f->loop, 1000), 0);
	assert_int_equal(pdp_loop_once(f->loop, 0), 0);
	assert_int_equal(f->n_calls, 1);
	close(fds[0]);
	close(fds[1]);
}

static void count_event(void *arg, int fd, uint32_t events)
{
	struct fixture *f = arg;

	f->n_calls++;
}

static void test_watch_events(void **state)
{
	struct fixture *f = *state;
	int fd = eventfd(0, EFD_CLOEXEC);
	struct pdp_watch *watch = pdp_loop_watch(f->loop, fd, EPOLLIN, count_event, f);

	assert_non_null(watch);
	assert_int_equal(pdp_loop_once(f->loop, 0), 0);
	assert_int_equal(f->n_calls, 0);
	assert_int_equal(pdp_watch_events(watch, EPOLLIN | EPOLLOUT), 0);
	assert_int_equal(pdp_loop_once(f->loop, 1000), 0);
	assert_int_equal(f->n_calls, 1);
	assert_int_equal(pdp_watch_events(watch, 0), 0);
	assert_int_equal(pdp_loop_once(f->loop, 0), 0);
	assert_int_equal(f->n_calls, 1);
	errno = 0;
	assert_null(pdp_loop_watch(f->loop, fd, EPOLLIN, count_event, f));
	assert_int_equal(errno, EEXIST);
	errno = 0;
	assert_null(pdp_loop_watch(f->loop, -1, EPOLLIN, count_event, f));
	assert_int_equal(errno, EBADF);
	pdp_watch_remove(watch);
	close(fd);
}

static void *stop_from_thread(void *arg)
{
	usleep(5000);
	stop(arg);
	return NULL;
}

static void test_stop_from_thread(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, stop_from_thread, f), 0);
	assert_int_equal(pdp_loop_run(f->loop), 0);
	pthread_join(thread, NULL);
	/* Stopped before it runs: returns at once; and then it can run again. */
	pdp_loop_stop(f->loop);
	assert_int_equal(pdp_loop_once(f->loop, 1000), 0);
	assert_int_equal(pdp_loop_run(f->loop), 0);
	f->timer = pdp_loop_timer(f->loop, 0, 0, remove_own_once, f);
	assert_non_null(f->timer);
	assert_non_null(pdp_loop_timer(f->loop, 1000, 0, stop, f));
	assert_int_equal(pdp_loop_run(f->loop), 0);
	assert_int_equal(f->n_calls, 1);
}

static struct pdp_loop *signal_loop;

static void stop_by_signal(int sig)
{
	pdp_loop_stop(signal_loop);
}

static void raise_signal(void *arg)
{
	raise(SIGUSR1);
}

static void test_stop_from_signal(void **state)
{
	struct fixture *f = *state;
	struct sigaction act = {.sa_handler = stop_by_signal};

	signal_loop = f->loop;
	assert_int_equal(sigaction(SIGUSR1, &act, NULL), 0);
	assert_non_null(pdp_loop_timer(f->loop, 1000, 0, raise_signal, f));
	assert_int_equal(pdp_loop_run(f->loop), 0);
}

static void test_destroy_with_everything(void **state)
{
	struct fixture *f = *state;
	int fd = eventfd(0, EFD_CLOEXEC);

	/* The leak checker of the sanitizer build is the judge; the teardown destroys the loop. */
	assert_non_null(pdp_loop_watch(f->loop, fd, EPOLLIN, count_event, f));
	assert_non_null(pdp_loop_timer(f->loop, 1000000, 0, stop, f));
	assert_non_null(pdp_loop_timer(f->loop, 1000000, 1000, stop, f));
	close(fd);
	pdp_loop_destroy(NULL);
	pdp_watch_remove(NULL);
	pdp_timer_remove(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_timer_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_timers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_periodic_removes_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missed_periods_are_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_single_removes_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(test_once_times_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_removed_in_same_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_watch_events, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop_from_thread, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stop_from_signal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_destroy_with_everything, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
