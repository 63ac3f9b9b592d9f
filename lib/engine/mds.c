/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the MD lcores are told of engines: one call for each lcore, between two turns of its loop.
 * Every call may be made again when an lcore that was kept off its CPU did not take it. Control
 * thread.
 */
#include "engine_priv.h"

struct call {
	struct pdp_engines *all;
	bool late;
	int heir;
	struct engine *e; /* or a list of them */
	unsigned int vr;
	unsigned int md;
	int rc;
	unsigned int n;
};

static int on_all(struct pdp_engines *all, void (*fn)(struct pdp_md *, void *), struct call *c)
{
	c->all = all;
	for (c->md = 0; c->md < all->p.n_md; c->md++) {
		int rc = pdp_md_call(all->p.mds[c->md], fn, c);

		if (rc != 0)
			return rc;
	}
	return c->rc;
}

static void on_add(struct pdp_md *md, void *arg)
{
	struct call *c = arg;
	struct engine *e = c->e;
	int rc;

	if (pdp_md_engine_chan(md, e->vr, e->index) != NULL)
		return;
	/* The first MD lcore relays control messages. */
	rc = pdp_md_engine_add(md, e->vr, e->index, e->chans[c->md], c->md == 0 ? &e->ctl : NULL, 0,
			       false);
	c->rc = rc != 0 ? rc : c->rc;
}

int mds_add(struct engine *e)
{
	struct call c = {.e = e};

	return on_all(e->all, on_add, &c);
}

/* Packets go on to it, though it does not run. */
static bool stays(const struct pdp_md *md, const struct engine *e)
{
	switch (e->state) {
	case PDP_ENGINE_RUNNING:
		return true;
	case PDP_ENGINE_PARKED:
		/* Let in by a death that the control thread has not heard of yet. */
		return pdp_md_engine_inherited(md, e->vr, e->index);
	case PDP_ENGINE_DEBUG:
		return !e->by_passed;
	default:
		return false;
	}
}

/* Those that come are there before others go, so that packets always find one. */
static void on_apply(struct pdp_md *md, void *arg)
{
	const struct call *c = arg;
	const unsigned int top = c->all->pools[c->vr].top;

	for (unsigned int i = 0; i < top; i++) {
		const struct engine *e = c->all->by_vr[c->vr][i];

		if (e != NULL && e->state == PDP_ENGINE_RUNNING)
			pdp_md_engine_activate(md, c->vr, i, e->weight);
		if (e != NULL)
			pdp_md_engine_set_local(md, c->vr, i, e->cpu == c->all->p.md_cpus[c->md]);
	}
	for (unsigned int i = 0; i < top; i++) {
		const struct engine *e = c->all->by_vr[c->vr][i];

		if (e != NULL && !stays(md, e))
			pdp_md_engine_drain(md, c->vr, i);
	}
	pdp_md_vr_set_heir(md, c->vr, c->heir);
}

int mds_apply(struct pdp_engines *all, unsigned int vr)
{
	struct call c = {.vr = vr, .heir = heir_choose(all, vr)};

	return on_all(all, on_apply, &c);
}

static void on_drain(struct pdp_md *md, void *arg)
{
	struct call *c = arg;

	pdp_md_engine_drain(md, c->e->vr, c->e->index);
	c->n += pdp_md_engine_out(md, c->e->vr, c->e->index);
}

int mds_drain(struct engine *e, unsigned int *n_out)
{
	struct call c = {.e = e};
	int rc = on_all(e->all, on_drain, &c);

	*n_out = c.n;
	return rc;
}

static void on_remove(struct pdp_md *md, void *arg)
{
	struct call *c = arg;
	unsigned int n_blanks;

	c->n += pdp_md_engine_remove(md, c->e->vr, c->e->index, &n_blanks);
}

int mds_remove(struct engine *e, unsigned int *n_lost)
{
	struct call c = {.e = e};
	int rc = on_all(e->all, on_remove, &c);

	*n_lost += c.n;
	return rc;
}

static void on_write_off(struct pdp_md *md, void *arg)
{
	const struct call *c = arg;

	pdp_md_engine_write_off(md, c->e->vr, c->e->index, c->late);
}

int mds_write_off(struct engine *e, bool late)
{
	struct call c = {.e = e, .late = late};

	return on_all(e->all, on_write_off, &c);
}

static void on_take_back(struct pdp_md *md, void *arg)
{
	const struct call *c = arg;

	pdp_md_engine_take_back(md, c->e->vr, c->e->index);
}

int mds_take_back(struct engine *e)
{
	struct call c = {.e = e};

	return on_all(e->all, on_take_back, &c);
}

static void on_may_sleep(struct pdp_md *md, void *arg)
{
	const struct call *c = arg;

	for (const struct engine *e = c->e; e != NULL; e = e->next_change)
		e->chans[c->md]->may_sleep = !e->busy_poll;
}

int mds_may_sleep(struct pdp_engines *all, struct engine *changes)
{
	struct call c = {.e = changes};

	return on_all(all, on_may_sleep, &c);
}
