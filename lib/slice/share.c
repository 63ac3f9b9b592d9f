/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Percents: what each engine wants of its VR's power, and what it has of its CPU.
 */
#include "slice_priv.h"

/* k engines a whole CPU each and the rest to the last, where the power is for as many engines as
 * there are; else evenly. */
void share_want(struct pdp_slice *s, unsigned int vr)
{
	struct vr *v = &s->vrs[vr];
	uint32_t left = v->power_pct;
	const uint32_t n = v->n_engines;
	const bool even = n > 0 && left <= (n - 1) * PDP_SLICE_WHOLE;

	for (unsigned int i = 0; i < n; i++) {
		uint32_t want = even ? (v->power_pct + n - 1) / n : left;

		want = want < 1 ? 1 : want > PDP_SLICE_WHOLE ? PDP_SLICE_WHOLE : want;
		left -= left < want ? left : want;
		if (v->engines[i].cpu != NO_CPU)
			s->cpus[v->engines[i].cpu].load_pct += want - v->engines[i].want_pct;
		v->engines[i].want_pct = (uint16_t)want;
	}
}

/* What an engine is guaranteed where it runs. Of a CPU that is its VR's alone: with its siblings.
 */
static uint32_t floor_pct(const struct pdp_slice *s, const struct placed *e)
{
	const struct slots *slots = &s->vrs[e->vr].slots;

	return !s->vrs[e->vr].exclusive && e->index < slots->n && slots->at[e->index].cpu == e->cpu
		       ? slots->at[e->index].pct
		       : 0;
}

static uint32_t extra_pct(const struct pdp_slice *s, const struct placed *e)
{
	uint32_t floor = floor_pct(s, e);

	return e->want_pct > floor ? e->want_pct - floor : 0;
}

/* To each its guarantee, and what is not guaranteed to a running engine by what they want more. */
static void share_cpu(struct pdp_slice *s, struct cpu *c)
{
	uint32_t rest = PDP_SLICE_WHOLE, extra = 0, floors = 0;
	struct placed *e;

	LIST_FOREACH (e, &c->engines, link) {
		floors += floor_pct(s, e);
		extra += extra_pct(s, e);
	}
	rest -= floors;
	LIST_FOREACH (e, &c->engines, link) {
		uint32_t pct = floor_pct(s, e);

		/* Nobody wants more than its guarantee: then by these. */
		if (extra > 0)
			pct += rest * extra_pct(s, e) / extra;
		else
			pct += rest * pct / floors;
		if (pct < 1)
			pct = 1;
		s->vrs[e->vr].changed |= pct != e->pct;
		e->pct = (uint16_t)pct;
	}
}

void share_all(struct pdp_slice *s)
{
	for (unsigned int c = 0; c < s->n_cpus; c++)
		share_cpu(s, &s->cpus[c]);
}
