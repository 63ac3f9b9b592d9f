/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which CPU an engine runs on: its reservation, where it has one; else into what others leave of a
 * CPU, then a CPU of its own, then with others. Engines stay where they are unless they must go, or
 * it gets better for both sides.
 */
#include <string.h>

#include "slice_priv.h"

#define OVERFULL_PCT 120 /* less is not worth a move: who wants power wants some in reserve */

/* A CPU that an MD lcore keeps busy counts as full. */
static uint32_t load_of(const struct cpu *c)
{
	return c->load_pct + (c->id.md ? PDP_SLICE_WHOLE : 0);
}

uint32_t holder(const struct pdp_slice *s, unsigned int cpu)
{
	const struct placed *e = LIST_FIRST(&s->cpus[cpu].engines);

	if (s->book.owner[cpu] != PDP_SLICE_NO_VR)
		return s->book.owner[cpu];
	return e != NULL && s->vrs[e->vr].exclusive ? e->vr : PDP_SLICE_NO_VR;
}

/* A VR that shares with nobody takes a CPU only if it leaves each of the others one. */
static bool spares_others(const struct pdp_slice *s, unsigned int cpu)
{
	for (unsigned int i = 0; i < s->n_vrs; i++) {
		const struct vr *v = &s->vrs[i];
		unsigned int c = 0;

		if (!v->set || v->exclusive)
			continue;
		while (c < s->n_cpus &&
		       (c == cpu || !allowed(v, c) || holder(s, c) != PDP_SLICE_NO_VR))
			c++;
		if (c == s->n_cpus)
			return false;
	}
	return true;
}

static bool usable(const struct pdp_slice *s, unsigned int cpu, unsigned int vr)
{
	const uint32_t alone = holder(s, cpu);

	if (s->cpus[cpu].offline || !allowed(&s->vrs[vr], cpu) ||
	    (alone != PDP_SLICE_NO_VR && alone != vr))
		return false;
	if (!s->vrs[vr].exclusive || s->book.owner[cpu] == vr)
		return true;
	return (s->cpus[cpu].n_engines == 0 || alone == vr) && s->book.sold_pct[cpu] == 0 &&
	       spares_others(s, cpu);
}

static void unplace(struct pdp_slice *s, struct placed *e)
{
	struct cpu *c = &s->cpus[e->cpu];

	LIST_REMOVE(e, link);
	c->n_engines--;
	c->load_pct -= e->want_pct;
	e->cpu = NO_CPU;
	s->vrs[e->vr].changed = true;
}

static void put(struct pdp_slice *s, struct placed *e, uint16_t cpu)
{
	struct cpu *c = &s->cpus[cpu];

	if (e->cpu == cpu)
		return;
	if (e->cpu != NO_CPU)
		unplace(s, e);
	s->moves += e->last != NO_CPU && e->last != cpu;
	LIST_INSERT_HEAD(&c->engines, e, link);
	c->n_engines++;
	c->load_pct += e->want_pct;
	e->cpu = e->last = cpu;
	s->vrs[e->vr].changed = true;
}

/* The fullest CPU in use on which it still fits. */
static uint16_t find_gap(const struct pdp_slice *s, const struct placed *e, uint32_t fill_pct)
{
	uint16_t best = NO_CPU;

	for (uint16_t c = 0; c < s->n_cpus; c++) {
		const struct cpu *cpu = &s->cpus[c];

		if (c == e->cpu || cpu->n_engines == 0 || cpu->id.md ||
		    cpu->load_pct + e->want_pct > fill_pct || !usable(s, c, e->vr))
			continue;
		if (best == NO_CPU || cpu->load_pct > s->cpus[best].load_pct)
			best = c;
	}
	return best;
}

/* The nearest CPU that nobody uses; one that nobody has a guarantee on before the others. */
static uint16_t find_free(const struct pdp_slice *s, const struct placed *e)
{
	uint16_t lent = NO_CPU;

	for (uint16_t c = 0; c < s->n_cpus; c++) {
		const struct cpu *cpu = &s->cpus[c];

		if (cpu->n_engines != 0 || cpu->id.md || !usable(s, c, e->vr))
			continue;
		if (s->book.sold_pct[c] == 0)
			return c;
		if (lent == NO_CPU)
			lent = c;
	}
	return lent;
}

static uint16_t find_least(const struct pdp_slice *s, const struct placed *e)
{
	uint16_t best = NO_CPU;

	for (uint16_t c = 0; c < s->n_cpus; c++) {
		if (usable(s, c, e->vr) &&
		    (best == NO_CPU || load_of(&s->cpus[c]) < load_of(&s->cpus[best])))
			best = c;
	}
	return best;
}

static uint16_t find_room(const struct pdp_slice *s, const struct placed *e)
{
	uint16_t c = find_gap(s, e, PDP_SLICE_WHOLE);

	return c != NO_CPU ? c : find_free(s, e);
}

void place_vr(struct pdp_slice *s, unsigned int vr)
{
	struct vr *v = &s->vrs[vr];

	for (unsigned int i = v->n_engines; i < PDP_SLICE_ENGINES_MAX; i++) {
		if (v->engines[i].cpu != NO_CPU)
			unplace(s, &v->engines[i]);
		v->engines[i].last = NO_CPU;
	}
	for (unsigned int i = 0; i < v->n_engines; i++) {
		struct placed *e = &v->engines[i];
		uint16_t c;

		if (i < v->slots.n && !s->cpus[v->slots.at[i].cpu].offline) {
			put(s, e, v->slots.at[i].cpu);
			continue;
		}
		if (e->cpu != NO_CPU && usable(s, e->cpu, vr))
			continue;
		c = e->last != NO_CPU && usable(s, e->last, vr) ? e->last : find_room(s, e);
		if (c == NO_CPU)
			c = find_least(s, e);
		if (c != NO_CPU)
			put(s, e, c);
	}
}

/* What shares with nobody and has no reservation makes room for all others first. */
void place_all(struct pdp_slice *s)
{
	for (unsigned int v = 0; v < s->n_vrs; v++) {
		for (unsigned int i = s->vrs[v].slots.n;
		     s->vrs[v].exclusive && i < s->vrs[v].n_engines; i++) {
			if (s->vrs[v].engines[i].cpu != NO_CPU)
				unplace(s, &s->vrs[v].engines[i]);
		}
	}
	for (unsigned int v = 0; v < s->n_vrs; v++) {
		if (!s->vrs[v].exclusive)
			place_vr(s, v);
	}
	for (unsigned int v = 0; v < s->n_vrs; v++)
		place_vr(s, v);
	place_relieve(s);
}

/* Where it gets better for an engine of an overfull CPU, by half a CPU at least. */
static uint16_t find_better(const struct pdp_slice *s, const struct placed *e)
{
	uint16_t c = find_room(s, e);

	if (c != NO_CPU)
		return c;
	c = find_least(s, e);
	return c != NO_CPU && load_of(&s->cpus[c]) + e->want_pct + PDP_SLICE_WHOLE / 2 <=
				       load_of(&s->cpus[e->cpu])
		       ? c
		       : NO_CPU;
}

/* The engine whose move helps most with the least: the smallest that is enough, or the largest. */
static struct placed *choose(struct pdp_slice *s, struct cpu *c)
{
	const uint32_t excess = load_of(c) - PDP_SLICE_WHOLE;
	struct placed *e, *best = NULL;

	LIST_FOREACH (e, &c->engines, link) {
		const bool enough = e->want_pct >= excess;
		const bool larger = best != NULL && e->want_pct > best->want_pct;

		if (e->index < s->vrs[e->vr].slots.n || find_better(s, e) == NO_CPU)
			continue;
		if (best == NULL ||
		    (enough != (best->want_pct >= excess) ? enough : larger != enough))
			best = e;
	}
	return best;
}

void place_relieve(struct pdp_slice *s)
{
	for (unsigned int i = 0; i < s->n_cpus; i++) {
		struct cpu *c = &s->cpus[i];

		while (load_of(c) > OVERFULL_PCT && c->n_engines > 0) {
			struct placed *e = choose(s, c);

			if (e == NULL)
				break;
			put(s, e, find_better(s, e));
		}
	}
}

/* Whether all engines of a CPU find gaps on others; they are moved one by one, and back if not. */
static unsigned int empty(struct pdp_slice *s, uint16_t from, uint32_t fill_pct)
{
	struct placed *moved[PDP_SLICE_WHOLE];
	const uint64_t moves = s->moves;
	unsigned int n = 0;
	struct placed *e;

	if (s->cpus[from].n_engines > PDP_SLICE_WHOLE)
		return 0;
	while ((e = LIST_FIRST(&s->cpus[from].engines)) != NULL) {
		uint16_t c = NO_CPU;

		if (e->index >= s->vrs[e->vr].slots.n)
			c = find_gap(s, e, fill_pct);
		if (c == NO_CPU)
			break;
		put(s, e, c);
		moved[n++] = e;
	}
	if (e == NULL)
		return n;
	while (n > 0)
		put(s, moved[--n], from);
	s->moves = moves;
	return 0;
}

unsigned int place_consolidate(struct pdp_slice *s, uint32_t fill_pct)
{
	bool tried[PDP_SLICE_CPUS_MAX] = {false};

	/* The least used first, of equals the farthest. */
	for (unsigned int k = 0; k < s->n_cpus; k++) {
		uint16_t least = NO_CPU;
		unsigned int n;

		for (uint16_t c = 0; c < s->n_cpus; c++) {
			if (!tried[c] && s->cpus[c].n_engines != 0 && !s->cpus[c].id.md &&
			    (least == NO_CPU || s->cpus[c].load_pct <= s->cpus[least].load_pct))
				least = c;
		}
		if (least == NO_CPU || s->cpus[least].load_pct >= fill_pct)
			return 0;
		tried[least] = true;
		n = empty(s, least, fill_pct);
		if (n != 0)
			return n;
	}
	return 0;
}
