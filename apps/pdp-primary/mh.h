/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The management host inside of pdp-primary: what mh*.c share. Made by the main thread before the
 * MH thread runs (mirrors are filled by another one meanwhile) and freed after it has ended; in
 * between everything here is the MH thread's, but for counters, which any thread may read.
 */
#ifndef MH_H
#define MH_H

#include <pdp_keep.h>
#include <pdp_mirror.h>
#include <pdp_netns.h>
#include <pdp_punt.h>
#include <pdp_tap.h>

#include "node.h"

/* W:MH R:any */
struct mh_counters {
	uint64_t to_host; /* written to the interface */
	uint64_t to_host_dropped;
	uint64_t from_host; /* handed to an MD lcore */
	uint64_t from_host_dropped;
};

/* What epoll tells of; the first member of what has it. */
enum mh_source { MH_WAKE, MH_INTERFACE, MH_ROUTES };

/* A vif's interface. */
struct mh_if {
	enum mh_source source;
	struct pdp_tap tap;
	struct mh_vr *vr;
	uint16_t vif; /* in its VR */
	uint16_t gid;
	bool carrier;
	bool lost; /* somebody took it away: made again at the next look */
	bool told; /* that it cannot be made */
	struct mh_counters c;
};

/* A VR with a control plane. */
struct mh_vr {
	enum mh_source source;
	unsigned int vr;
	char netns[PDP_NETNS_SIZE]; /* as configured when it was opened */
	struct pdp_netns *ns;
	struct mh_if *ifs;
	unsigned int n_ifs;
	struct pdp_fib *fib;
	struct pdp_mirror *mirror;
	bool busy; /* the mirror has more to do */
	bool told; /* that its namespace is gone */
	/* What was said of its routes, and until when nothing more is. */
	uint64_t overruns;
	uint32_t missing;
	uint64_t said_ms;
};

/* A tunnel whose outer neighbour the kernel of a VR on its port finds. */
struct mh_tunnel {
	unsigned int vr;
	unsigned int vif;
	struct mh_vr *host;
	uint64_t asked_ms;
	uint64_t word; /* W:MH R:control, atomic: as pdp_vif_set_neighbour() takes it */
	uint64_t told; /* control thread: what engines and MD lcores know */
};

struct mh {
	struct mh_tunnel *tunnels;
	unsigned int n_tunnels;
	int news_fd; /* eventfd: a tunnel's neighbour changed */
	struct pdp_watch *news;
	struct mh_vr *vrs;
	unsigned int n_vrs;
	struct mh_if **by_gid; /* NULL: that vif's VR has no control plane */
	unsigned int n_gids;
	struct pdp_punt *punts[PDP_MD_MAX];
	struct pdp_keep *keep; /* NULL: interfaces go with the node, or their carrier does */
	int epoll_fd;
	int wake_fd; /* eventfd: MD lcores, and the control thread's calls */
	pthread_t thread;
	bool fills; /* the thread of before mh_init() runs */
	bool runs;
	uint32_t stop;
};

extern struct mh mh;

static inline void mh_count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* mh_early.c: end the thread that fills mirrors while the node starts */
void mh_early_stop(void);

/* mh.c: what this run made goes, or all of it */
void mh_take_away(bool all);

/* mh_if.c: interfaces, in step with their vifs. 0 or -1 with err filled */
int mh_if_open(struct mh_if *i, char *err, size_t err_size);
void mh_if_close(struct mh_if *i, bool remove);
void mh_look(uint64_t now_ms); /* now and then: links, and what others took away */

/* mh_fib.c: routes. 0 or -1 with err filled */
int mh_fib_make(struct mh_vr *vr, char *err, size_t err_size);
void mh_fib_free(struct mh_vr *vr);
int mh_fib_renew(struct mh_vr *vr, char *err, size_t err_size); /* another namespace */
void mh_fib_run(struct mh_vr *vr);
void mh_fib_vif(struct mh_if *i, bool there);	     /* its interface is there, or goes */
void mh_fib_look(struct mh_vr *vr, uint64_t now_ms); /* now and then: what there is to say */
struct mh_vr *mh_find(unsigned int vr);		     /* NULL: it has no control plane */

/* mh_tunnel.c: outer neighbours of tunnels */
int mh_tunnel_make(void);
void mh_tunnel_free(void);
int mh_tunnel_watch(void);    /* control thread */
void mh_tunnel_unwatch(void); /* control thread */
void mh_tunnel_look(void);    /* MH thread: when routes or neighbours may have changed */

/* mh_call.c: let the MH thread do something. @return 0; -ETIMEDOUT: it will not be done; -ESHUTDOWN
 */
int mh_call(void (*fn)(void *arg), void *arg);
void mh_answer(void); /* MH thread */

/* mh_packets.c: MH thread. @return packets moved */
unsigned int mh_deliver(void);		/* what VRs punted */
unsigned int mh_fetch(struct mh_if *i); /* what the kernel sends */
bool mh_packets_wait(void);

#endif /* MH_H */
