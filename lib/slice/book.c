/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guarantees: SliceAlloc. k whole CPUs, the nearest, and the remainder by best fit. A draft of the
 * book becomes the book when all of it fits.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slice_priv.h"

/* What a VR needs in the book: guarantees of one that shares no CPU are whole CPUs. */
static uint32_t needed_pct(const struct vr *v)
{
	uint32_t whole = (v->guaranteed_pct + PDP_SLICE_WHOLE - 1) / PDP_SLICE_WHOLE;

	if (!v->set)
		return 0;
	if (!v->exclusive)
		return v->guaranteed_pct;
	return (whole > 0 ? whole : 1) * PDP_SLICE_WHOLE;
}

/* Whether another VR names this CPU: then an exclusive one should rather take another. */
static bool named_by_others(const struct pdp_slice *s, unsigned int cpu, unsigned int vr)
{
	for (unsigned int i = 0; i < s->n_vrs; i++) {
		if (i != vr && s->vrs[i].allowed != NULL && s->vrs[i].allowed[cpu])
			return true;
	}
	return false;
}

static bool fits(const struct pdp_slice *s, unsigned int cpu, unsigned int vr, uint32_t pct)
{
	return allowed(&s->vrs[vr], cpu) && !s->cpus[cpu].id.md && !s->cpus[cpu].offline &&
	       s->draft.owner[cpu] == PDP_SLICE_NO_VR &&
	       s->draft.sold_pct[cpu] + pct <= PDP_SLICE_WHOLE;
}

/* One of the CPUs that the VR had before, or NO_CPU. */
static uint16_t same_cpu(const struct pdp_slice *s, unsigned int vr, const struct slots *old,
			 uint32_t pct)
{
	for (unsigned int i = 0; i < old->n; i++) {
		if (fits(s, old->at[i].cpu, vr, pct))
			return old->at[i].cpu;
	}
	return NO_CPU;
}

/* The CPU that is fullest with it, the nearest of those: a whole one goes to a free CPU. */
static uint16_t best_fit(const struct pdp_slice *s, unsigned int vr, uint32_t pct)
{
	const bool exclusive = s->vrs[vr].exclusive;
	uint16_t best = NO_CPU;
	bool best_named = false;

	for (uint16_t c = 0; c < s->n_cpus; c++) {
		bool named;

		if (!fits(s, c, vr, pct))
			continue;
		named = exclusive && named_by_others(s, c, vr);
		if (best == NO_CPU || (best_named && !named) ||
		    (best_named == named && s->draft.sold_pct[c] > s->draft.sold_pct[best])) {
			best = c;
			best_named = named;
		}
	}
	return best;
}

/* Book a VR in the draft. @param old where it would like to stay; n 0: anywhere */
static bool draft_vr(struct pdp_slice *s, unsigned int vr, const struct slots *old)
{
	struct slots *out = &s->drafts[vr];
	uint32_t left = needed_pct(&s->vrs[vr]);

	out->n = 0;
	while (left > 0) {
		uint32_t pct = left < PDP_SLICE_WHOLE ? left : PDP_SLICE_WHOLE;
		uint16_t cpu = same_cpu(s, vr, old, pct);

		if (cpu == NO_CPU)
			cpu = best_fit(s, vr, pct);
		if (cpu == NO_CPU || out->n == PDP_SLICE_ENGINES_MAX)
			return false;
		s->draft.sold_pct[cpu] = (uint16_t)(s->draft.sold_pct[cpu] + pct);
		if (s->vrs[vr].exclusive)
			s->draft.owner[cpu] = vr;
		out->at[out->n++] = (struct slot){.cpu = cpu, .pct = (uint16_t)pct};
		left -= pct;
	}
	return true;
}

/* The draft with all VRs but one as the book has them. */
static void draft_others(struct pdp_slice *s, unsigned int vr)
{
	const struct slots *slots = &s->vrs[vr].slots;

	s->draft = s->book;
	for (unsigned int i = 0; i < s->n_vrs; i++)
		s->drafts[i] = s->vrs[i].slots;
	for (unsigned int i = 0; i < slots->n; i++) {
		uint16_t cpu = slots->at[i].cpu;

		s->draft.sold_pct[cpu] = (uint16_t)(s->draft.sold_pct[cpu] - slots->at[i].pct);
		s->draft.owner[cpu] = PDP_SLICE_NO_VR;
	}
}

struct rank {
	unsigned int vr;
	unsigned int n_allowed;
	uint32_t pct;
};

/* Those that fit in few places first, the large before the small. */
static int by_rank(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;

	if (x->n_allowed != y->n_allowed)
		return x->n_allowed < y->n_allowed ? -1 : 1;
	if (x->pct != y->pct)
		return x->pct > y->pct ? -1 : 1;
	return x->vr < y->vr ? -1 : 1;
}

static unsigned int rank_all(const struct pdp_slice *s, struct rank *ranks)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < s->n_vrs; i++) {
		const struct vr *v = &s->vrs[i];
		struct rank r = {.vr = i, .pct = needed_pct(v)};

		if (r.pct == 0)
			continue;
		for (unsigned int c = 0; c < s->n_cpus; c++)
			r.n_allowed += allowed(v, c);
		ranks[n++] = r;
	}
	qsort(ranks, n, sizeof(*ranks), by_rank);
	return n;
}

/* All of them anew. @param stay where they are now, if that is free when their turn comes */
static bool draft_all(struct pdp_slice *s, const struct rank *ranks, unsigned int n, bool stay)
{
	static const struct slots nowhere;

	for (unsigned int c = 0; c < s->n_cpus; c++) {
		s->draft.sold_pct[c] = 0;
		s->draft.owner[c] = PDP_SLICE_NO_VR;
	}
	for (unsigned int i = 0; i < s->n_vrs; i++)
		s->drafts[i].n = 0;
	for (unsigned int i = 0; i < n; i++) {
		if (!draft_vr(s, ranks[i].vr, stay ? &s->vrs[ranks[i].vr].slots : &nowhere))
			return false;
	}
	return true;
}

static bool draft_anew(struct pdp_slice *s)
{
	struct rank *ranks = calloc(s->n_vrs, sizeof(*ranks));
	unsigned int n;
	bool ok;

	if (ranks == NULL)
		return false;
	n = rank_all(s, ranks);
	ok = draft_all(s, ranks, n, true) || draft_all(s, ranks, n, false);
	free(ranks);
	return ok;
}

/* A VR that would have no CPU at all by the draft, or PDP_SLICE_NO_VR. */
static uint32_t left_without(const struct pdp_slice *s)
{
	for (unsigned int i = 0; i < s->n_vrs; i++) {
		const struct vr *v = &s->vrs[i];
		unsigned int c = 0;

		if (!v->set || v->exclusive || s->n_cpus == 0)
			continue;
		while (c < s->n_cpus && !(allowed(v, c) && s->draft.owner[c] == PDP_SLICE_NO_VR))
			c++;
		if (c == s->n_cpus)
			return i;
	}
	return PDP_SLICE_NO_VR;
}

/* "100 on CPU 1, 40 on CPU 2" */
static void say_free(const struct pdp_slice *s, unsigned int vr, char *out, size_t size)
{
	size_t n = 0;

	for (unsigned int c = 0; c < s->n_cpus && n < size; c++) {
		if (fits(s, c, vr, s->vrs[vr].exclusive ? PDP_SLICE_WHOLE : 1))
			n += (size_t)snprintf(
				out + n, size - n, "%s%u on CPU %u", n > 0 ? ", " : "",
				PDP_SLICE_WHOLE - s->draft.sold_pct[c], s->cpus[c].id.cpu);
	}
	if (n == 0)
		snprintf(out, size, "nothing");
}

static int refuse(struct pdp_slice *s, unsigned int vr, char *err, size_t err_size)
{
	const struct vr *v = &s->vrs[vr];
	char what[200];

	draft_others(s, vr);
	say_free(s, vr, what, sizeof(what));
	if (v->exclusive)
		snprintf(err, err_size,
			 "%u CPU%s for itself alone cannot be had; free in whole: %s; use less "
			 "power, or give cpus.engines more CPUs",
			 needed_pct(v) / PDP_SLICE_WHOLE,
			 needed_pct(v) > PDP_SLICE_WHOLE ? "s" : "", what);
	else
		snprintf(err, err_size,
			 "%u percent cannot be guaranteed; free: %s; use less, or give "
			 "cpus.engines more CPUs",
			 v->guaranteed_pct, what);
	return -ENOSPC;
}

static void adopt(struct pdp_slice *s)
{
	s->book = s->draft;
	for (unsigned int i = 0; i < s->n_vrs; i++)
		s->vrs[i].slots = s->drafts[i];
}

int book_vr(struct pdp_slice *s, unsigned int vr, char *err, size_t err_size)
{
	uint32_t without;

	draft_others(s, vr);
	if (!draft_vr(s, vr, &s->vrs[vr].slots) && !draft_anew(s))
		return refuse(s, vr, err, err_size);
	without = left_without(s);
	if (without != PDP_SLICE_NO_VR) {
		snprintf(err, err_size,
			 "VR %s would be left without a CPU; leave one that is nobody's alone, or "
			 "give cpus.engines more CPUs",
			 s->names[without]);
		return -ENOSPC;
	}
	adopt(s);
	return 0;
}

int book_again(struct pdp_slice *s)
{
	if (!draft_anew(s))
		return -ENOSPC;
	adopt(s);
	return 0;
}

void book_release(struct pdp_slice *s, unsigned int vr)
{
	draft_others(s, vr);
	s->drafts[vr].n = 0;
	adopt(s);
}
