/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The routes of VRs with a control plane: a FIB that their engines map, and the mirror of the
 * namespace's routes that fills it. Main thread at the start, then the MH thread; what says so, any
 * thread.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <pdp_engine_proto.h>
#include <pdp_log.h>

#include "mh.h"

#define SAY_MS 2000

static int make_mirror(struct mh_vr *vr, char *err, size_t err_size)
{
	const struct pdp_mirror_params p = {.name = node.config->vrs[vr->vr].name,
					    .netns_fd = pdp_netns_fd(vr->ns),
					    .fib = vr->fib};
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = &vr->source};

	vr->mirror = pdp_mirror_create(&p);
	if (vr->mirror != NULL &&
	    epoll_ctl(mh.epoll_fd, EPOLL_CTL_ADD, pdp_mirror_fd(vr->mirror), &event) == 0)
		return 0;
	snprintf(err, err_size, "its routes cannot be followed: %s", strerror(errno));
	return -1;
}

int mh_fib_make(struct mh_vr *vr, char *err, size_t err_size)
{
	const struct pdp_fib_params p = {.name = node.config->vrs[vr->vr].name, .notes = true};

	vr->source = MH_ROUTES;
	vr->fib = pdp_fib_create(&p);
	if (vr->fib == NULL) {
		snprintf(err, err_size, "no memory for its routes: %s", strerror(errno));
		return -1;
	}
	/* An engine that is not there is not online either. */
	for (unsigned int e = 0; e < PDP_FIB_READERS_MAX; e++)
		pdp_fib_reader_add(vr->fib, e);
	return make_mirror(vr, err, err_size);
}

void mh_fib_free(struct mh_vr *vr)
{
	pdp_mirror_destroy(vr->mirror);
	pdp_fib_destroy(vr->fib);
	vr->mirror = NULL;
	vr->fib = NULL;
}

struct prefixes {
	struct pdp_fib_prefix *at;
	uint32_t n, max;
};

static bool note_prefix(void *arg, const struct pdp_fib_route *route)
{
	struct prefixes *p = arg;

	p->at[p->n++] = route->prefix;
	return p->n < p->max;
}

/* Everything out, held prefixes too. */
static void clear_family(struct pdp_fib *fib, unsigned int family, struct prefixes *p)
{
	do {
		p->n = 0;
		pdp_fib_walk(fib, family, note_prefix, p);
		for (uint32_t i = 0; i < p->n; i++)
			pdp_fib_put(fib, &p->at[i], 0, 0);
	} while (p->n == p->max);
}

static void clear(struct pdp_fib *fib)
{
	struct prefixes p = {.max = 1u << 20};

	p.at = malloc(p.max * sizeof(*p.at));
	if (p.at == NULL)
		return;
	clear_family(fib, 4, &p);
	clear_family(fib, 6, &p);
	pdp_fib_publish(fib);
	free(p.at);
	/* Groups first: a member is in use as long as they are. */
	for (unsigned int pass = 0; pass < 2; pass++) {
		for (uint32_t n = 1; n < PDP_FIB_NUMBERS; n++)
			pdp_fib_number_free(fib, (uint16_t)n);
	}
}

/* The engines keep the FIB that they have: it begins anew, empty. */
int mh_fib_renew(struct mh_vr *vr, char *err, size_t err_size)
{
	pdp_mirror_destroy(vr->mirror);
	vr->mirror = NULL;
	vr->overruns = 0;
	clear(vr->fib);
	return make_mirror(vr, err, err_size);
}

void mh_fib_run(struct mh_vr *vr)
{
	if (vr->mirror != NULL)
		vr->busy = pdp_mirror_run(vr->mirror);
}

void mh_fib_vif(struct mh_if *i, bool there)
{
	const struct pdp_vif_conf *conf = &node.vrs[i->vr->vr].vifs[i->vif];

	if (i->vr->mirror == NULL || i->tap.ifindex == 0)
		return;
	if (!there)
		pdp_mirror_vif_unset(i->vr->mirror, i->tap.ifindex);
	else if (pdp_mirror_vif_set(i->vr->mirror, i->tap.ifindex, (uint8_t)i->vif,
				    conf->kind == PDP_VIF_ETHERNET) != 0)
		PDP_LOG(ERR, "VR %s: no memory for vif %s: routes over it are punted",
			node.config->vrs[i->vr->vr].name, conf->name);
}

/* A long trouble is said once and its end once; what flickers, once in 2 s. */
void mh_fib_look(struct mh_vr *vr, uint64_t now_ms)
{
	const char *name = node.config->vrs[vr->vr].name;
	struct pdp_mirror_stats s;
	uint32_t missing;

	if (vr->mirror == NULL)
		return;
	pdp_mirror_stats(vr->mirror, &s);
	missing = s.why[PDP_MIRROR_NO_NUMBER] + s.why[PDP_MIRROR_NO_MEMORY];
	if (now_ms < vr->said_ms)
		return;
	if (s.overruns > vr->overruns)
		PDP_LOG(WARNING,
			"VR %s: the kernel lost messages about routes (%" PRIu64
			" times so far); all of them are read anew",
			name, s.overruns);
	if (missing != 0 && vr->missing == 0)
		PDP_LOG(ERR,
			"VR %s: prefixes are not installed: %u for want of a next-hop number, %u "
			"of table memory; they are tried again (pdp-ctl vr show %s fib)",
			name, s.why[PDP_MIRROR_NO_NUMBER], s.why[PDP_MIRROR_NO_MEMORY], name);
	if (missing == 0 && vr->missing != 0)
		PDP_LOG(NOTICE, "VR %s: all prefixes are installed again", name);
	if (s.overruns > vr->overruns || (missing == 0) != (vr->missing == 0))
		vr->said_ms = now_ms + SAY_MS;
	vr->overruns = s.overruns;
	vr->missing = missing;
}

struct mh_vr *mh_find(unsigned int vr)
{
	for (unsigned int v = 0; v < mh.n_vrs; v++) {
		if (mh.vrs[v].vr == vr)
			return &mh.vrs[v];
	}
	return NULL;
}

void mh_fds(unsigned int vr, struct pdp_engines_vr *engines)
{
	const struct mh_vr *m = mh_find(vr);

	if (m == NULL)
		return;
	engines->fds[engines->n_fds++] = (struct pdp_engines_fd){PDP_FD_FIB, pdp_fib_fd(m->fib)};
	engines->fds[engines->n_fds++] = (struct pdp_engines_fd){PDP_FD_FIB_QS,
								 pdp_fib_qs_fd(m->fib)};
}

void mh_engine_gone(unsigned int vr, unsigned int engine)
{
	const struct mh_vr *m = mh_find(vr);

	if (m != NULL)
		pdp_fib_reader_gone(m->fib, engine);
}
