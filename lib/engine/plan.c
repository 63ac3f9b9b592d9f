/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which engine gets which place of a plan: those that run stay where they are, as far as the plan
 * has a place there. Pure.
 */
#include "engine_priv.h"

enum pass {
	OWN,	  /* the place that has the engine's number, if it need not move */
	SAME,	  /* its CPU and its share */
	SAME_CPU, /* its CPU */
	N_PASSES, /* what is left */
};

static bool fits(const struct pdp_engines_place *at, const struct plan_engine *e, enum pass pass)
{
	const bool stays = at->cpu == e->cpu || at->cpu == PDP_ENGINES_ANY_CPU;

	return pass == N_PASSES || (stays && (pass != SAME || at->pct == e->pct));
}

/* @return the first free place that fits, or plan->n */
static unsigned int find(const struct pdp_engines_plan *plan, const bool *taken,
			 const struct plan_engine *e, enum pass pass)
{
	unsigned int first = pass == OWN ? e->index : 0;
	unsigned int end = pass == OWN ? RTE_MIN(e->index + 1, plan->n) : plan->n;

	for (unsigned int i = first; i < end; i++) {
		if (!taken[i] && fits(&plan->at[i], e, pass))
			return i;
	}
	return plan->n;
}

struct match {
	const struct pdp_engines_plan *plan;
	const struct plan_engine *engines;
	unsigned int n;
	uint8_t *places;
	bool taken[PDP_ENGINES_MAX];
	bool done[PDP_ENGINES_MAX];
};

static void match(struct match *m, enum pass pass, bool settled)
{
	for (unsigned int k = 0; k < m->n; k++) {
		unsigned int place;

		if (m->done[k] || m->engines[k].settled != settled)
			continue;
		place = find(m->plan, m->taken, &m->engines[k], pass);
		if (place == m->plan->n)
			continue;
		m->taken[place] = m->done[k] = true;
		m->places[k] = (uint8_t)place;
	}
}

void plan_match(const struct pdp_engines_plan *plan, const struct plan_engine *engines,
		unsigned int n, uint8_t *places)
{
	struct match m = {.plan = plan, .engines = engines, .n = n, .places = places};

	for (unsigned int settled = 2; settled-- > 0;) {
		for (enum pass pass = OWN; pass < N_PASSES; pass++)
			match(&m, pass, settled);
	}
	match(&m, N_PASSES, true);
	match(&m, N_PASSES, false);
}
