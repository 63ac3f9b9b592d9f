/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the management host does before EAL: namespaces, and the mirrors of their routes, which a
 * thread begins to fill while EAL, ports and engines start. A node that is started again under a
 * full table forwards by it that much sooner.
 *
 * Interfaces come later (mh_init()): until then routes over them are known and lead to the kernel.
 * The thread uses nothing of the node but the mirrors, and ends before anybody else does.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <pdp_log.h>

#include "mh.h"

#define EVENTS 16

static int make_waits(void)
{
	static enum mh_source wake = MH_WAKE;
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &wake};

	mh.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	mh.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (mh.epoll_fd < 0 || mh.wake_fd < 0 ||
	    epoll_ctl(mh.epoll_fd, EPOLL_CTL_ADD, mh.wake_fd, &event) != 0)
		return complain("the MH cannot wait: %s", strerror(errno));
	return 0;
}

static int make_vr(unsigned int v)
{
	const struct pdp_vr_config *config = &node.config->vrs[v];
	struct mh_vr *vr = &mh.vrs[mh.n_vrs];
	char err[256];

	if (config->netns[0] == '\0')
		return 0;
	vr->vr = v;
	snprintf(vr->netns, sizeof(vr->netns), "%s", config->netns);
	vr->ns = pdp_netns_open(config->netns, err, sizeof(err));
	if (vr->ns == NULL)
		return complain("%s:%d: %s.netns: %s", node.config_file, config->line, config->path,
				err);
	mh.n_vrs++;
	if (mh_fib_make(vr, err, sizeof(err)) != 0)
		return complain("%s:%d: %s.netns: %s", node.config_file, config->line, config->path,
				err);
	return 0;
}

static void fill(struct epoll_event *events, int n)
{
	for (int e = 0; e < n; e++) {
		if (*(enum mh_source *)events[e].data.ptr == MH_ROUTES)
			mh_fib_run(events[e].data.ptr);
	}
}

static void *early_main(void *arg)
{
	struct epoll_event events[EVENTS];

	(void)arg;
	while (!__atomic_load_n(&mh.stop, __ATOMIC_ACQUIRE))
		fill(events, epoll_wait(mh.epoll_fd, events, EVENTS, -1));
	return NULL;
}

static int start(void)
{
	int rc = pthread_create(&mh.thread, NULL, early_main, NULL);

	if (rc != 0)
		return complain("no MH thread: %s", strerror(rc));
	pthread_setname_np(mh.thread, "pdp-mh");
	mh.fills = true;
	return 0;
}

int mh_early_init(void)
{
	const struct pdp_config *c = node.config;
	int rc = 0;

	mh.vrs = calloc(c->n_vrs + 1, sizeof(*mh.vrs));
	if (mh.vrs == NULL)
		return complain("out of memory");
	rc = make_waits();
	for (unsigned int v = 0; v < c->n_vrs && rc == 0; v++)
		rc = make_vr(v);
	if (rc == 0 && mh.n_vrs != 0)
		rc = start();
	if (rc != 0)
		mh_early_fini();
	return rc;
}

void mh_early_stop(void)
{
	const uint64_t one = 1;
	uint64_t wakes;

	if (!mh.fills)
		return;
	__atomic_store_n(&mh.stop, 1, __ATOMIC_RELEASE);
	if (write(mh.wake_fd, &one, sizeof(one)) < 0)
		PDP_LOG(DEBUG, "the MH thread is awake already");
	pthread_join(mh.thread, NULL);
	while (read(mh.wake_fd, &wakes, sizeof(wakes)) > 0)
		;
	mh.stop = 0;
	mh.fills = false;
}

/* Nothing is left to do where mh_init() came, and mh_fini(). */
void mh_early_fini(void)
{
	mh_early_stop();
	mh_take_away(false);
	mh_fini();
}
