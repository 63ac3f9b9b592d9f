/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Questions of the control thread that only the MH thread can answer: one at a time, and the
 * control thread waits, for a turn of a mirror (2 ms) as a rule and two seconds at most.
 */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "mh.h"

#define WAIT_S 2

struct call {
	void (*fn)(void *arg);
	void *arg;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;
static struct call *waiting; /* under lock */
static uint32_t any;	     /* there may be one */

int mh_call(void (*fn)(void *arg), void *arg)
{
	struct call call = {.fn = fn, .arg = arg};
	const uint64_t one = 1;
	struct timespec until;
	int rc = 0;

	if (!mh.runs)
		return -ESHUTDOWN;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	pthread_mutex_lock(&lock);
	waiting = &call;
	__atomic_store_n(&any, 1, __ATOMIC_RELEASE);
	if (write(mh.wake_fd, &one, sizeof(one)) < 0)
		rc = 0; /* full: it is awake */
	while (waiting == &call && rc == 0)
		rc = pthread_cond_timedwait(&answered, &lock, &until);
	/* Not begun: it never will. */
	rc = waiting == &call ? -ETIMEDOUT : 0;
	waiting = NULL;
	pthread_mutex_unlock(&lock);
	return rc;
}

void mh_answer(void)
{
	if (__atomic_exchange_n(&any, 0, __ATOMIC_ACQUIRE) == 0)
		return;
	pthread_mutex_lock(&lock);
	if (waiting != NULL)
		waiting->fn(waiting->arg);
	waiting = NULL;
	pthread_cond_signal(&answered);
	pthread_mutex_unlock(&lock);
}
