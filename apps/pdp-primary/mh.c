/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The management host: a namespace for each VR with a control plane, an interface for each of its
 * vifs, and the MH thread that carries packets between them and the MD lcores.
 *
 * Namespaces and interfaces outlive the node, so that the routing programs in them notice no
 * restart; what an unsuccessful start made goes away again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <pdp_log.h>

#include "mh.h"

#define EVENTS	    64
#define LOOK_MS	    250 /* between two looks at links and namespaces */
#define BACK_OFF_NS 50000

struct mh mh = {.epoll_fd = -1, .wake_fd = -1, .news_fd = -1};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int make_ifs(struct mh_vr *vr)
{
	const struct pdp_vr_config *config = &node.config->vrs[vr->vr];
	char err[256];

	vr->ifs = calloc(config->n_vifs, sizeof(*vr->ifs));
	if (vr->ifs == NULL)
		return complain("out of memory");
	for (uint16_t k = 0; k < config->n_vifs; k++) {
		struct mh_if *i = &vr->ifs[k];

		*i = (struct mh_if){.source = MH_INTERFACE,
				    .tap.fd = -1,
				    .vr = vr,
				    .vif = k,
				    .gid = (uint16_t)(node.vrs[vr->vr].first_gid + k)};
		vr->n_ifs++;
		mh.by_gid[i->gid] = i;
		if (mh_if_open(i, err, sizeof(err)) != 0)
			return complain("%s:%d: %s: VR %s, namespace %s: %s", node.config_file,
					config->vifs[k].line, config->vifs[k].path, config->name,
					config->netns, err);
	}
	return 0;
}

/* The file may have been written anew since mh_early_init(). */
static int is_as_before(const struct mh_vr *vr)
{
	if (vr->vr < node.config->n_vrs && strcmp(node.config->vrs[vr->vr].netns, vr->netns) == 0)
		return 0;
	return complain("%s changed while the node started; start it again", node.config_file);
}

/* Holds what outlives the node. */
static int find_keeper(void)
{
	char err[256];

	/* One that an earlier run left has the interfaces, whatever is wanted now. */
	mh.keep = pdp_keep_open(node.file_prefix, node.config->mh_keep ? node.keeper_program : NULL,
				err, sizeof(err));
	return mh.keep != NULL || !node.config->mh_keep ? 0 : complain("%s", err);
}

void mh_take_away(bool all)
{
	for (unsigned int v = 0; v < mh.n_vrs; v++) {
		struct mh_vr *vr = &mh.vrs[v];

		for (unsigned int k = 0; k < vr->n_ifs; k++)
			mh_if_close(&vr->ifs[k], all || !vr->ifs[k].tap.adopted);
		if (all || pdp_netns_is_new(vr->ns))
			pdp_netns_remove(vr->ns);
	}
}

int mh_init(void)
{
	const struct pdp_config *c = node.config;
	int rc = 0;

	mh_early_stop();
	if (mh.n_vrs == 0)
		return 0;
	for (unsigned int v = 0; v < c->n_vrs; v++)
		mh.n_gids += c->vrs[v].n_vifs;
	mh.by_gid = calloc(mh.n_gids, sizeof(struct mh_if *));
	if (mh.by_gid == NULL)
		rc = complain("out of memory");
	if (rc == 0)
		rc = find_keeper();
	for (unsigned int v = 0; v < mh.n_vrs && rc == 0; v++) {
		rc = is_as_before(&mh.vrs[v]);
		if (rc == 0)
			rc = make_ifs(&mh.vrs[v]);
	}
	if (rc != 0) {
		mh_take_away(false);
		mh_fini();
		return -1;
	}
	if (mh.keep != NULL && !node.config->mh_keep) {
		pdp_keep_end(mh.keep);
		pdp_keep_close(mh.keep);
		mh.keep = NULL;
	}
	if (mh.keep != NULL)
		pdp_keep_sweep(mh.keep);
	if (mh_tunnel_make() != 0) {
		mh_take_away(false);
		mh_fini();
		return -1;
	}
	for (unsigned int i = 0; i < node.n_md; i++) {
		mh.punts[i] = pdp_md_punt(node.mds[i]);
		pdp_punt_set_wake(mh.punts[i], mh.wake_fd);
	}
	return 0;
}

void mh_fini(void)
{
	for (unsigned int v = 0; v < mh.n_vrs; v++) {
		for (unsigned int k = 0; k < mh.vrs[v].n_ifs; k++)
			mh_if_close(&mh.vrs[v].ifs[k], false);
		mh_fib_free(&mh.vrs[v]);
		pdp_netns_close(mh.vrs[v].ns);
		free(mh.vrs[v].ifs);
	}
	mh_tunnel_free();
	free(mh.vrs);
	free(mh.by_gid);
	pdp_keep_close(mh.keep);
	if (mh.epoll_fd >= 0)
		close(mh.epoll_fd);
	if (mh.wake_fd >= 0)
		close(mh.wake_fd);
	mh = (struct mh){.epoll_fd = -1, .wake_fd = -1, .news_fd = -1};
}

/* @param stuck  out: an interface has something that could not be taken. @return packets */
static unsigned int serve(const struct epoll_event *events, int n, bool *stuck)
{
	unsigned int moved = 0, ready = 0;
	uint64_t wakes;

	for (int e = 0; e < n; e++) {
		switch (*(enum mh_source *)events[e].data.ptr) {
		case MH_WAKE:
			while (read(mh.wake_fd, &wakes, sizeof(wakes)) > 0)
				;
			break;
		case MH_INTERFACE:
			ready++;
			moved += mh_fetch(events[e].data.ptr);
			break;
		case MH_ROUTES:
			mh_fib_run(events[e].data.ptr);
			mh_tunnel_look();
			/* Routing protocols' packets wait no longer than one turn of a mirror. */
			moved += mh_deliver();
			break;
		}
	}
	*stuck = ready != 0 && moved == 0;
	return moved;
}

/* Asleep until a packet comes, or something is due; who punts sees that, or is seen. */
static int sleep_until(struct epoll_event *events, uint64_t due_ms)
{
	const uint64_t now = now_ms();
	const int timeout = due_ms > now ? (int)(due_ms - now) : 0;
	int n;

	for (unsigned int i = 0; i < node.n_md; i++)
		pdp_punt_sleep(mh.punts[i]);
	n = epoll_wait(mh.epoll_fd, events, EVENTS, mh_packets_wait() ? 0 : timeout);
	for (unsigned int i = 0; i < node.n_md; i++)
		pdp_punt_awake(mh.punts[i]);
	return n;
}

/* Mirrors that have more to do than one turn's worth. @return how many still have */
static unsigned int run_busy(void)
{
	unsigned int n = 0;

	for (unsigned int v = 0; v < mh.n_vrs; v++) {
		if (mh.vrs[v].busy)
			mh_fib_run(&mh.vrs[v]);
		n += mh.vrs[v].busy;
	}
	return n;
}

static void *mh_main(void *arg)
{
	struct epoll_event events[EVENTS];
	uint64_t look_ms = now_ms();
	unsigned int moved = 0;

	while (!__atomic_load_n(&mh.stop, __ATOMIC_ACQUIRE)) {
		bool stuck;
		int n = moved != 0 ? epoll_wait(mh.epoll_fd, events, EVENTS, 0)
				   : sleep_until(events, look_ms);

		moved = serve(events, n, &stuck);
		moved += mh_deliver() + run_busy();
		mh_answer();
		/* No buffers, or an interface that only says that it is gone. */
		if (stuck && moved == 0)
			nanosleep(&(struct timespec){.tv_nsec = BACK_OFF_NS}, NULL);
		if (now_ms() >= look_ms) {
			mh_look(now_ms());
			mh_tunnel_look();
			look_ms = now_ms() + LOOK_MS;
		}
	}
	return NULL;
}

int mh_start(void)
{
	int rc;

	if (mh.n_vrs == 0)
		return 0;
	if (mh_tunnel_watch() != 0)
		return -1;
	rc = pthread_create(&mh.thread, NULL, mh_main, NULL);
	if (rc != 0)
		return complain("no MH thread: %s", strerror(rc));
	pthread_setname_np(mh.thread, "pdp-mh");
	mh.runs = true;
	return 0;
}

static void reclaim(struct pdp_md *md, void *arg)
{
	*(unsigned int *)arg += pdp_md_punt_reclaim(md);
}

void mh_stop(void)
{
	const uint64_t one = 1;
	unsigned int lost = 0;

	if (mh.runs) {
		__atomic_store_n(&mh.stop, 1, __ATOMIC_RELEASE);
		if (write(mh.wake_fd, &one, sizeof(one)) < 0)
			PDP_LOG(DEBUG, "the MH thread is awake already");
		pthread_join(mh.thread, NULL);
		mh_tunnel_unwatch();
		mh.runs = false;
	}
	for (unsigned int i = 0; i < node.n_md; i++)
		pdp_md_call(node.mds[i], reclaim, &lost);
	if (node.config->mh_keep && !node.mh_remove)
		return;
	mh_take_away(true);
	if (mh.keep != NULL)
		pdp_keep_end(mh.keep);
}
