/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engines' socket: accept, check who is there, say hello and welcome, hear reports. Control
 * thread; every descriptor is non-blocking and every message is one packet, so a silent engine
 * costs nothing but its deadline.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine_priv.h"
#include "pdp_log.h"
#include "sandbox.h"

/* A connection that has not said hello yet. */
struct guest {
	struct pdp_engines *all;
	struct pdp_watch *watch;
	struct pdp_timer *timer;
	int fd;
};

#define HELLO_US 2000000

static void guest_free(struct guest *g, bool close_fd)
{
	pdp_watch_remove(g->watch);
	pdp_timer_remove(g->timer);
	if (close_fd)
		close(g->fd);
	free(g);
}

static void guest_late(void *arg)
{
	struct guest *g = arg;

	/* The timer frees itself after firing. */
	g->timer = NULL;
	guest_free(g, true);
}

void join_forget(struct engine *e)
{
	pdp_watch_remove(e->sock_watch);
	e->sock_watch = NULL;
	if (e->sock >= 0)
		close(e->sock);
	e->sock = -1;
}

/* No engine of ours says this, at least not now: it is not listened to any more, so that it cannot
 * keep the control thread busy, or the log. */
static void unexpected(struct engine *e, uint32_t kind)
{
	PDP_LOG(WARNING, "engine " ENGINE_FMT ": report %u of its is not expected in state %s%s",
		ENGINE_ARG(e), kind, pdp_engine_state_name(e->state),
		e->by_hand ? "; it is not listened to" : ": killed");
	join_forget(e);
	if (e->by_hand)
		return;
	if (e->fault[0] == '\0')
		snprintf(e->fault, sizeof(e->fault), "it said what was not expected of it");
	engine_kill(e);
}

static void on_report(void *arg, int fd, uint32_t events)
{
	struct engine *e = arg;
	struct pdp_engine_report r;
	ssize_t n = recv(fd, &r, sizeof(r), MSG_DONTWAIT);

	if (n == (ssize_t)sizeof(r)) {
		r.text[sizeof(r.text) - 1] = '\0';
		if (r.kind == PDP_REPORT_READY && e->state == PDP_ENGINE_JOINING)
			engine_ready(e, r.flags);
		else if (r.kind == PDP_REPORT_MAPPED && e->state == PDP_ENGINE_JOINING &&
			 engine_sealed(e))
			sealed_mapped(e);
		else if (r.kind == PDP_REPORT_FAILED && e->state == PDP_ENGINE_JOINING &&
			 !e->failed)
			engine_failed(e, r.text);
		else if (r.kind == PDP_REPORT_LEAVING && e->by_hand)
			engine_stop(e);
		else
			unexpected(e, r.kind);
		return;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* Closed: its pidfd tells the rest. */
	join_forget(e);
}

static int find_vr(const struct pdp_engines *all, const char *name)
{
	for (unsigned int v = 0; v < all->p.n_vrs; v++) {
		if (strncmp(all->p.vrs[v].name, name, sizeof(((struct pdp_engine_hello *)0)->vr)) ==
		    0)
			return (int)v;
	}
	return -1;
}

/* A process that the primary did not spawn: a new engine of the VR. */
static struct engine *by_hand(struct pdp_engines *all, unsigned int vr, pid_t pid,
			      const struct pdp_engine_hello *hello, struct pdp_engine_welcome *w)
{
	struct engine *e = NULL;

	if (all->p.vrs[vr].sealed) {
		snprintf(w->error, sizeof(w->error),
			 "VR %s is sealed: nobody but the node starts its engines; to try one by "
			 "hand set \"isolation\": \"secondary\"",
			 all->p.vrs[vr].name);
		w->status = -EPERM;
		return NULL;
	}
	for (unsigned int i = all->p.vrs[vr].n_max; i < PDP_ENGINES_MAX; i++) {
		if (all->by_vr[vr][i] == NULL || all->by_vr[vr][i]->state == PDP_ENGINE_NONE) {
			e = engine_make(all, vr, i);
			break;
		}
	}
	if (e == NULL) {
		snprintf(w->error, sizeof(w->error), "VR %s has %u engines already",
			 all->p.vrs[vr].name, PDP_ENGINES_MAX);
		w->status = -ENOSPC;
		return NULL;
	}
	w->status = locks_may_start(all, vr, w->error, sizeof(w->error));
	if (w->status != 0)
		return NULL;
	w->status = place_take(all, vr, hello->cpu, &e->lcore, &e->cpu);
	if (w->status != 0) {
		snprintf(w->error, sizeof(w->error),
			 w->status == -EINVAL ? "CPU %d is not among cpus.engines of the node"
					      : "no EAL lcore id is free for another engine (%d)",
			 w->status == -EINVAL ? hello->cpu : RTE_MAX_LCORE);
		return NULL;
	}
	e->by_hand = true;
	e->generation++;
	e->weight = all->p.vrs[vr].weights != NULL ? 1 : WEIGHT_DEFAULT;
	place_enter(e, e->cpu, WEIGHT_DEFAULT);
	e->moved = true;
	e->pid = pid;
	notes_process(&all->notes, &e->note, pid);
	w->status = region_make(e, w->error, sizeof(w->error));
	if (w->status == 0)
		w->status = engine_watch_pid(e);
	if (w->status != 0) {
		if (w->error[0] == '\0')
			snprintf(w->error, sizeof(w->error), "cannot watch process %d", pid);
		region_free(e);
		place_leave(e);
		place_give(all, e->lcore);
		notes_process(&all->notes, &e->note, 0);
		e->pid = 0;
		return NULL;
	}
	return e;
}

static bool same_build(const struct pdp_engine_hello *hello, struct pdp_engine_welcome *w)
{
	if (hello->magic == PDP_ENGINE_MAGIC && hello->proto == PDP_ENGINE_PROTO &&
	    hello->layout == PDP_LAYOUT_VERSION && hello->abi == PDP_VR_ABI_VERSION)
		return true;
	snprintf(w->error, sizeof(w->error),
		 "the primary speaks protocol %d, layout %d, plugin ABI %d; this engine "
		 "%u, %u, %u: use "
		 "pdp-primary and pdp-engine of one build",
		 PDP_ENGINE_PROTO, PDP_LAYOUT_VERSION, PDP_VR_ABI_VERSION, hello->proto,
		 hello->layout, hello->abi);
	w->status = -EPROTO;
	return false;
}

static struct engine *admit(struct pdp_engines *all, const struct pdp_engine_hello *hello,
			    pid_t pid, struct pdp_engine_welcome *w)
{
	int vr = find_vr(all, hello->vr);
	struct engine *e;

	if (!same_build(hello, w))
		return NULL;
	if (vr < 0 || all->stopping) {
		snprintf(w->error, sizeof(w->error),
			 vr < 0 ? "the node has no VR \"%.15s\"; pdp-ctl vr list shows those it has"
				: "the node is stopping (VR \"%.15s\")",
			 hello->vr);
		w->status = vr < 0 ? -ENOENT : -ESHUTDOWN;
		return NULL;
	}
	if (hello->engine == PDP_ENGINE_INDEX_ANY)
		return by_hand(all, (unsigned int)vr, pid, hello, w);
	e = hello->engine < PDP_ENGINES_MAX ? all->by_vr[vr][hello->engine] : NULL;
	if (e == NULL || e->pid != pid || e->state != PDP_ENGINE_STARTING) {
		snprintf(w->error, sizeof(w->error),
			 "engine %.15s/%u was not asked for; leave --engine out to join by hand",
			 hello->vr, hello->engine);
		w->status = -EPERM;
		return NULL;
	}
	return e;
}

/* @return false with errno: it did not get it, its deadline tells the rest */
static bool say_welcome(int fd, const struct engine *e, struct pdp_engine_welcome *w)
{
	int fds[PDP_FDS_MAX];
	ssize_t rc;

	if (e != NULL) {
		const struct pdp_engines_vr *vr = &e->all->p.vrs[e->vr];

		w->engine = e->index;
		w->lcore = e->lcore;
		w->cpu = e->cpu;
		if (engine_sealed(e)) {
			fds[0] = e->region_mem.fd;
			fds[1] = e->packets_mem.fd;
			w->fds[0] = PDP_FD_REGION;
			w->fds[1] = PDP_FD_PACKETS;
			w->n_fds = 2;
		} else {
			w->zone_size = e->zone->len;
			snprintf(w->zone, sizeof(w->zone), "%s", e->zone->name);
		}
		for (unsigned int i = 0; i < vr->n_fds; i++) {
			w->fds[w->n_fds] = vr->fds[i].kind;
			fds[w->n_fds++] = vr->fds[i].fd;
		}
	}
	rc = pdp_fds_send(fd, w, sizeof(*w), fds, w->n_fds);
	errno = rc < 0 ? (int)-rc : 0;
	return rc == (ssize_t)sizeof(*w);
}

static void on_hello(void *arg, int fd, uint32_t events)
{
	struct guest *g = arg;
	struct pdp_engine_welcome w = {.magic = PDP_ENGINE_MAGIC, .proto = PDP_ENGINE_PROTO};
	struct pdp_engine_hello hello;
	struct ucred cred = {0};
	socklen_t len = sizeof(cred);
	ssize_t n = recv(fd, &hello, sizeof(hello), MSG_DONTWAIT);
	struct engine *e = NULL;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != (ssize_t)sizeof(hello) ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0) {
		guest_free(g, true);
		return;
	}
	hello.vr[sizeof(hello.vr) - 1] = '\0';
	e = admit(g->all, &hello, cred.pid, &w);
	if (!say_welcome(fd, e, &w))
		PDP_LOG(WARNING, "process %d does not get its welcome: %s", cred.pid,
			strerror(errno));
	guest_free(g, e == NULL);
	if (e == NULL) {
		PDP_LOG(WARNING, "process %d may not join: %s", cred.pid, w.error);
		return;
	}
	e->state = PDP_ENGINE_JOINING;
	e->sock = fd;
	e->sock_watch = pdp_loop_watch(e->all->p.loop, fd, EPOLLIN, on_report, e);
}

/* A sealed engine's first word. Nobody else has the other end of its socket. */
static void on_sealed_hello(void *arg, int fd, uint32_t events)
{
	struct engine *e = arg;
	struct pdp_engine_welcome w = {.magic = PDP_ENGINE_MAGIC, .proto = PDP_ENGINE_PROTO};
	struct pdp_engine_hello hello;
	pid_t pid;
	uid_t uid;
	ssize_t n = sandbox_receive(fd, &hello, sizeof(hello), &pid, &uid);
	bool ok;

	if (n == -EAGAIN || n == -EINTR)
		return;
	if (n != (ssize_t)sizeof(hello) || e->state != PDP_ENGINE_STARTING) {
		join_forget(e);
		return;
	}
	if (box_met(e, pid, uid) != 0) {
		PDP_LOG(ERR, "engine " ENGINE_FMT ": process %d of user %u is not its own",
			ENGINE_ARG(e), pid, uid);
		join_forget(e);
		return;
	}
	ok = same_build(&hello, &w);
	if (!say_welcome(fd, ok ? e : NULL, &w) || !ok) {
		PDP_LOG(WARNING, "engine " ENGINE_FMT " may not join: %s", ENGINE_ARG(e),
			ok ? strerror(errno) : w.error);
		join_forget(e);
		return;
	}
	pdp_watch_remove(e->sock_watch);
	e->state = PDP_ENGINE_JOINING;
	e->sock_watch = pdp_loop_watch(e->all->p.loop, fd, EPOLLIN, on_report, e);
}

int join_expect(struct engine *e, int sock)
{
	e->sock_watch = pdp_loop_watch(e->all->p.loop, sock, EPOLLIN, on_sealed_hello, e);
	if (e->sock_watch == NULL)
		return -ENOMEM;
	e->sock = sock;
	return 0;
}

static void on_accept(void *arg, int fd, uint32_t events)
{
	struct pdp_engines *all = arg;
	int conn = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct guest *g;

	if (conn < 0)
		return;
	g = calloc(1, sizeof(*g));
	if (g == NULL) {
		close(conn);
		return;
	}
	*g = (struct guest){.all = all, .fd = conn};
	g->watch = pdp_loop_watch(all->p.loop, conn, EPOLLIN, on_hello, g);
	g->timer = pdp_loop_timer(all->p.loop, HELLO_US, 0, guest_late, g);
	if (g->watch == NULL || g->timer == NULL)
		guest_free(g, true);
}

/* A socket file that nobody listens on is what a killed primary left. */
static bool somebody_listens(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	bool yes = fd >= 0 && connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0;

	if (fd >= 0)
		close(fd);
	return yes;
}

int join_listen(struct pdp_engines *all, char *err, size_t err_size)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int rc;

	rc = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s", all->p.runtime_dir,
		      PDP_ENGINE_SOCKET);
	if (rc >= (int)sizeof(addr.sun_path)) {
		snprintf(err, err_size,
			 "%s is too long for a socket's path; use a shorter --file-prefix",
			 all->p.runtime_dir);
		return -ENAMETOOLONG;
	}
	if (somebody_listens(&addr)) {
		snprintf(err, err_size, "another primary answers on %s; use another --file-prefix",
			 addr.sun_path);
		return -EADDRINUSE;
	}
	unlink(addr.sun_path);
	all->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (all->listen_fd < 0 ||
	    bind(all->listen_fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 ||
	    chmod(addr.sun_path, 0600) != 0 || listen(all->listen_fd, 64) != 0) {
		rc = -errno;
		snprintf(err, err_size, "cannot listen on %s: %s", addr.sun_path, strerror(errno));
		return rc;
	}
	snprintf(all->socket, sizeof(all->socket), "%s", addr.sun_path);
	all->listen_watch = pdp_loop_watch(all->p.loop, all->listen_fd, EPOLLIN, on_accept, all);
	return all->listen_watch != NULL ? 0 : -errno;
}

void join_close(struct pdp_engines *all)
{
	pdp_watch_remove(all->listen_watch);
	if (all->listen_fd >= 0)
		close(all->listen_fd);
	if (all->socket[0] != '\0')
		unlink(all->socket);
	all->listen_watch = NULL;
	all->listen_fd = -1;
}

void engine_command(struct engine *e, enum pdp_engine_cmd_kind kind)
{
	struct pdp_engine_cmd cmd = {.kind = kind};
	struct pdp_status *status;

	if (e->sock < 0 || e->status == NULL)
		return;
	if (send(e->sock, &cmd, sizeof(cmd), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		PDP_LOG(WARNING, "engine " ENGINE_FMT " does not read its socket: %s",
			ENGINE_ARG(e), strerror(errno));
	status = e->status;
	__atomic_fetch_add(&status->cmd_seq, 1, __ATOMIC_SEQ_CST);
	pdp_status_wake(status);
}
