/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The slices of a node: what VRs ask for, plans, and what is shown of them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slice_priv.h"

struct pdp_slice *pdp_slice_create(const struct pdp_slice_params *p)
{
	struct pdp_slice *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->n_cpus = p->n_cpus;
	s->n_vrs = p->n_vrs;
	s->names = p->names;
	s->cpus = calloc(p->n_cpus + 1, sizeof(*s->cpus));
	s->vrs = calloc(p->n_vrs + 1, sizeof(*s->vrs));
	s->drafts = calloc(p->n_vrs + 1, sizeof(*s->drafts));
	if (s->cpus == NULL || s->vrs == NULL || s->drafts == NULL) {
		pdp_slice_destroy(s);
		return NULL;
	}
	for (unsigned int c = 0; c < p->n_cpus; c++) {
		s->cpus[c].id = p->cpus[c];
		s->book.owner[c] = PDP_SLICE_NO_VR;
	}
	for (unsigned int v = 0; v < p->n_vrs; v++) {
		for (unsigned int i = 0; i < PDP_SLICE_ENGINES_MAX; i++)
			s->vrs[v].engines[i] = (struct placed){
				.vr = v, .index = (uint16_t)i, .cpu = NO_CPU, .last = NO_CPU};
	}
	return s;
}

void pdp_slice_destroy(struct pdp_slice *s)
{
	if (s == NULL)
		return;
	for (unsigned int v = 0; s->vrs != NULL && v < s->n_vrs; v++)
		free(s->vrs[v].allowed);
	free(s->cpus);
	free(s->vrs);
	free(s->drafts);
	free(s);
}

/* @return index, or NO_CPU */
static uint16_t find_cpu(const struct pdp_slice *s, uint16_t number)
{
	for (uint16_t c = 0; c < s->n_cpus; c++) {
		if (s->cpus[c].id.cpu == number)
			return c;
	}
	return NO_CPU;
}

/* The CPUs that a VR may use. @param out Owner: caller; NULL: all @return 0 or -errno */
static int read_cpus(const struct pdp_slice *s, unsigned int vr, const struct pdp_slice_want *want,
		     bool **out, char *err, size_t err_size)
{
	const struct vr *v = &s->vrs[vr];
	bool *list;

	*out = NULL;
	if (want->n_cpus == 0)
		return 0;
	list = calloc(s->n_cpus + 1, sizeof(*list));
	if (list == NULL) {
		snprintf(err, err_size, "out of memory");
		return -ENOMEM;
	}
	*out = list;
	for (unsigned int i = 0; i < want->n_cpus; i++) {
		uint16_t c = find_cpu(s, want->cpus[i]);
		uint32_t alone = c != NO_CPU ? holder(s, c) : PDP_SLICE_NO_VR;

		if (c == NO_CPU) {
			snprintf(err, err_size,
				 "CPU %u is not among cpus.engines; take one of those",
				 want->cpus[i]);
			return -EINVAL;
		}
		/* What it may use already, and another holds just now, it need not give up. */
		if (alone != PDP_SLICE_NO_VR && alone != vr &&
		    !(v->allowed != NULL && v->allowed[c])) {
			snprintf(err, err_size,
				 "CPU %u is VR %s's alone; take another, or set \"exclusive\" of "
				 "that VR to false",
				 want->cpus[i], s->names[alone]);
			return -EBUSY;
		}
		list[c] = true;
	}
	return 0;
}

static bool has_a_cpu(const struct pdp_slice *s, unsigned int vr)
{
	for (unsigned int c = 0; c < s->n_cpus; c++) {
		uint32_t alone = holder(s, c);

		if (allowed(&s->vrs[vr], c) && (alone == PDP_SLICE_NO_VR || alone == vr))
			return true;
	}
	return false;
}

int pdp_slice_set(struct pdp_slice *s, unsigned int vr, const struct pdp_slice_want *want,
		  char *err, size_t err_size)
{
	struct vr *v = &s->vrs[vr];
	const bool was_set = v->set, was_exclusive = v->exclusive;
	const uint32_t was_guaranteed = v->guaranteed_pct;
	bool *was_allowed = v->allowed, *list;
	int rc = read_cpus(s, vr, want, &list, err, err_size);

	if (rc != 0)
		goto refused;
	v->set = true;
	v->exclusive = want->exclusive;
	v->guaranteed_pct = want->guaranteed_pct;
	v->allowed = list;
	if (s->n_cpus != 0 && !has_a_cpu(s, vr)) {
		snprintf(err, err_size,
			 "every CPU is another VR's alone; give cpus.engines more CPUs, or set "
			 "\"exclusive\" of a VR to false");
		rc = -ENOSPC;
	} else {
		rc = book_vr(s, vr, err, err_size);
	}
	if (rc != 0) {
		v->set = was_set;
		v->exclusive = was_exclusive;
		v->guaranteed_pct = was_guaranteed;
		v->allowed = was_allowed;
		goto refused;
	}
	free(was_allowed);
	v->n_engines = want->n_engines;
	v->power_pct = want->power_pct;
	v->changed = true;
	share_want(s, vr);
	place_all(s);
	share_all(s);
	return 0;
refused:
	free(list);
	s->refused++;
	return rc;
}

void pdp_slice_want(struct pdp_slice *s, unsigned int vr, unsigned int n_engines,
		    uint32_t power_pct)
{
	struct vr *v = &s->vrs[vr];

	v->n_engines = (uint16_t)n_engines;
	v->power_pct = power_pct;
	share_want(s, vr);
	place_vr(s, vr);
	place_relieve(s);
	share_all(s);
}

void pdp_slice_release(struct pdp_slice *s, unsigned int vr)
{
	struct vr *v = &s->vrs[vr];

	v->set = false;
	v->exclusive = false;
	v->guaranteed_pct = 0;
	free(v->allowed);
	v->allowed = NULL;
	v->n_engines = 0;
	book_release(s, vr);
	place_all(s);
	share_all(s);
}

int pdp_slice_set_online(struct pdp_slice *s, uint16_t cpu, bool online)
{
	const uint16_t c = find_cpu(s, cpu);
	int rc;

	if (c == NO_CPU || s->cpus[c].offline != online)
		return 0;
	s->cpus[c].offline = !online;
	rc = book_again(s);
	place_all(s);
	share_all(s);
	return rc;
}

unsigned int pdp_slice_consolidate(struct pdp_slice *s, uint32_t fill_pct)
{
	unsigned int n = place_consolidate(s, fill_pct);

	if (n != 0)
		share_all(s);
	return n;
}

int pdp_slice_changed(const struct pdp_slice *s)
{
	for (unsigned int v = 0; v < s->n_vrs; v++) {
		if (s->vrs[v].changed)
			return (int)v;
	}
	return -1;
}

void pdp_slice_plan(struct pdp_slice *s, unsigned int vr, struct pdp_slice_plan *plan)
{
	struct vr *v = &s->vrs[vr];

	/* Without any engine CPU nothing is placed. */
	for (plan->n = 0; plan->n < v->n_engines && v->engines[plan->n].cpu != NO_CPU; plan->n++)
		plan->at[plan->n] = (struct pdp_slice_place){
			.cpu = s->cpus[v->engines[plan->n].cpu].id.cpu,
			.pct = v->engines[plan->n].pct};
	v->changed = false;
}

static unsigned int used_cpus(const struct pdp_slice *s)
{
	unsigned int n = 0;

	for (unsigned int c = 0; c < s->n_cpus; c++)
		n += s->cpus[c].n_engines != 0;
	return n;
}

void pdp_slice_advance(struct pdp_slice *s, uint64_t us)
{
	s->used_us += used_cpus(s) * us;
}

static uint16_t free_pct(const struct pdp_slice *s, unsigned int cpu)
{
	if (s->cpus[cpu].id.md || s->book.owner[cpu] != PDP_SLICE_NO_VR)
		return 0;
	return (uint16_t)(PDP_SLICE_WHOLE - s->book.sold_pct[cpu]);
}

void pdp_slice_totals(const struct pdp_slice *s, struct pdp_slice_totals *totals)
{
	*totals = (struct pdp_slice_totals){.cpus = s->n_cpus,
					    .used = used_cpus(s),
					    .used_us = s->used_us,
					    .moves = s->moves,
					    .refused = s->refused};
	for (unsigned int c = 0; c < s->n_cpus; c++) {
		totals->guaranteed_pct += s->book.sold_pct[c];
		totals->free_pct += free_pct(s, c);
	}
}

void pdp_slice_cpu_view(const struct pdp_slice *s, unsigned int i, struct pdp_slice_cpu_view *view,
			void (*fn)(const struct pdp_slice_holding *holding, void *arg), void *arg)
{
	struct pdp_slice_holding h;
	const struct placed *e;

	*view = (struct pdp_slice_cpu_view){.cpu = s->cpus[i].id,
					    .exclusive = holder(s, i),
					    .guaranteed_pct = s->book.sold_pct[i],
					    .free_pct = free_pct(s, i)};
	LIST_FOREACH (e, &s->cpus[i].engines, link) {
		const struct slots *slots = &s->vrs[e->vr].slots;

		h = (struct pdp_slice_holding){.vr = e->vr, .engine = e->index, .pct = e->pct};
		if (e->index < slots->n)
			h.guaranteed_pct = slots->at[e->index].pct;
		view->n_holdings++;
		if (fn != NULL)
			fn(&h, arg);
	}
	for (unsigned int v = 0; v < s->n_vrs && s->book.sold_pct[i] != 0; v++) {
		for (unsigned int k = s->vrs[v].n_engines; k < s->vrs[v].slots.n; k++) {
			if (s->vrs[v].slots.at[k].cpu != i)
				continue;
			h = (struct pdp_slice_holding){
				.vr = v, .engine = -1, .guaranteed_pct = s->vrs[v].slots.at[k].pct};
			view->n_holdings++;
			if (fn != NULL)
				fn(&h, arg);
		}
	}
}
