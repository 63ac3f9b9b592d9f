/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an engine can do: packets per busy second, from counters that count up. Sums forget by busy
 * time, so that an idle engine forgets nothing and a short sample weighs little.
 */
#include <math.h>

#include "monitor_priv.h"

#define FORGET_S	3.0  /* busy seconds after which a third is left of what was learnt */
#define KNOWN_S		0.01 /* busy seconds before it is believed at all */
#define KNOWN_PACKETS	10
#define OTHER_PROCESS_S 0.05 /* what is left of it when the engine is another process */

double ewma_weight(double dt_s, uint32_t tau_ms)
{
	return tau_ms != 0 ? 1 - exp(-dt_s * 1000 / tau_ms) : 1;
}

/* Another process serves from now on: what the last one did tells little, but better than nothing.
 */
static void begin(struct learnt *l, const struct pdp_monitor_engine *engine)
{
	if (l->busy_s > OTHER_PROCESS_S) {
		l->packets *= OTHER_PROCESS_S / l->busy_s;
		l->busy_s = OTHER_PROCESS_S;
	}
	l->begun = true;
	l->generation = engine->generation;
	l->queue = engine->queue;
	l->busy = 0;
}

static void advance(struct learnt *l, const struct pdp_monitor_engine *engine, double dt_s,
		    uint32_t tau_ms)
{
	const double packets = (double)(engine->served - l->served);
	const double busy_s = (double)(engine->busy_ns - l->busy_ns) / NS_PER_S;
	const double keep = exp(-busy_s / FORGET_S);
	const double weight = ewma_weight(dt_s, tau_ms);

	l->packets = l->packets * keep + packets;
	l->busy_s = l->busy_s * keep + busy_s;
	l->queue += weight * (engine->queue - l->queue);
	if (dt_s > 0)
		l->busy += weight * (fmin(busy_s / dt_s, 1) - l->busy);
}

void learn(struct learnt *l, const struct pdp_monitor_engine *engine, uint64_t now_ns,
	   uint32_t tau_ms)
{
	if (!l->begun || engine->generation != l->generation || engine->served < l->served ||
	    engine->busy_ns < l->busy_ns)
		begin(l, engine);
	else
		advance(l, engine, (double)(now_ns - l->at_ns) / NS_PER_S, tau_ms);
	l->at_ns = now_ns;
	l->served = engine->served;
	l->busy_ns = engine->busy_ns;
}

double learnt_capacity(const struct learnt *l)
{
	return l->busy_s >= KNOWN_S && l->packets >= KNOWN_PACKETS ? l->packets / l->busy_s : 0;
}

double mean_capacity(const struct vr *vr)
{
	double packets = 0, busy_s = 0;

	for (unsigned int i = 0; i < PDP_MONITOR_ENGINES_MAX; i++) {
		if (learnt_capacity(&vr->engines[i]) == 0)
			continue;
		packets += vr->engines[i].packets;
		busy_s += vr->engines[i].busy_s;
	}
	return busy_s > 0 ? packets / busy_s : 0;
}
