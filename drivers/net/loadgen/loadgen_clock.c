/* SPDX-License-Identifier: BSD-3-Clause */
/* The open-loop clock: steps of a profile, overflow, Poisson arrivals. Runs on the lcore that polls
 * the queue. */
#include "loadgen_clock.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint64_t next_random(struct lg_clock *c)
{
	uint64_t z = (c->rng += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* In (0, 1]. */
static double uniform(struct lg_clock *c)
{
	return ((double)(next_random(c) >> 11) + 1.0) * 0x1p-53;
}

int lg_clock_init(struct lg_clock *c, uint32_t capacity, double hz, bool poisson, uint64_t seed)
{
	uint32_t size = 1;

	assert(capacity >= 1 && capacity <= 1u << 20);
	memset(c, 0, sizeof(*c));
	/* A run holds at least one packet, and one more run may be in front, partly read. */
	while (size < capacity + 1)
		size *= 2;
	c->runs = calloc(size, sizeof(*c->runs));
	if (c->runs == NULL)
		return -ENOMEM;
	c->run_mask = size - 1;
	c->capacity = capacity;
	c->hz = hz;
	c->poisson = poisson;
	c->rng = seed;
	c->left = LG_ENDLESS;
	c->step_end = UINT64_MAX;
	c->silent = true;
	c->ended = true;
	return 0;
}

void lg_clock_fini(struct lg_clock *c)
{
	free(c->runs);
	c->runs = NULL;
}

static void push_run(struct lg_clock *c, uint64_t due, uint32_t due_frac, uint32_t n)
{
	struct lg_run *run = &c->runs[c->tail++ & c->run_mask];

	*run = (struct lg_run){.due = due,
			       .due_frac = due_frac,
			       .period = c->period,
			       .period_frac = c->period_frac,
			       .n = n};
	c->waiting += n;
}

void lg_clock_arrive(struct lg_clock *c, uint64_t n)
{
	uint32_t room = c->capacity - c->waiting;
	unsigned __int128 due, period = ((unsigned __int128)c->period << 32) + c->period_frac;
	uint64_t first = c->seen;

	c->seen += n;
	if (n > c->left)
		n = c->left;
	if (c->left != LG_ENDLESS)
		c->left -= n;
	if (n > room) {
		c->missed += n - room;
		n = room;
	}
	if (n == 0)
		return;
	/* Packet k of a step is due at the end of its period, at base + (k + 1) * period. */
	due = ((unsigned __int128)c->base << 32) + (first + 1) * period;
	push_run(c, (uint64_t)(due >> 32), (uint32_t)due, (uint32_t)n);
}

static void exp_gap(struct lg_clock *c, uint64_t from)
{
	double pps = c->profile->steps[c->step].pps * c->share;
	double gap = -log(uniform(c)) * c->hz / pps + c->next_frac;

	c->next_due = from + (uint64_t)gap;
	c->next_frac = gap - floor(gap);
}

static void enter_step(struct lg_clock *c, uint32_t step, uint64_t start)
{
	const struct lg_step *s = &c->profile->steps[step];
	double pps = s->pps * c->share;
	long double per_cycle, period;

	c->step = step;
	c->base = start;
	c->seen = 0;
	c->silent = pps <= 0;
	if (c->profile->end == LG_END_HOLD && step == c->profile->n_steps - 1)
		c->step_end = UINT64_MAX;
	else
		c->step_end = start + (uint64_t)(s->seconds * c->hz);
	if (c->silent)
		return;
	/* Rounded so that a packet is counted no earlier than it is due, and a whole step holds all
	 * its packets. */
	per_cycle = (long double)pps / c->hz;
	c->per_cycle = per_cycle >= 1 ? UINT64_MAX : (uint64_t)(per_cycle * 0x1p64L) + 1;
	period = (long double)c->hz / pps;
	c->period = (uint64_t)period;
	c->period_frac = (uint32_t)((period - (long double)c->period) * 0x1p32L);
	c->next_frac = 0;
	if (c->poisson)
		exp_gap(c, start);
}

void lg_clock_follow(struct lg_clock *c, const struct lg_profile *profile, double share,
		     uint64_t now)
{
	c->profile = profile;
	c->share = share;
	c->ended = false;
	enter_step(c, 0, now);
}

/* How many Poisson arrivals fall into `mean` expected ones; by the normal distribution where it is
 * as good. */
static uint64_t poisson_count(struct lg_clock *c, double mean)
{
	double sum = 0, n;
	uint64_t k = 0;

	if (mean < 64) {
		while ((sum -= log(uniform(c))) < mean)
			k++;
		return k;
	}
	n = mean + sqrt(mean) * sqrt(-2 * log(uniform(c))) * cos(2 * M_PI * uniform(c)) + 0.5;
	return n > 0 ? (uint64_t)n : 0;
}

/* All Poisson arrivals before `until`. Once the queue is full the rest is a number, drawn, not
 * walked through. */
static void arrive_poisson(struct lg_clock *c, uint64_t until)
{
	double pps = c->profile->steps[c->step].pps * c->share;
	uint64_t n;

	while (c->next_due < until && c->left > 0) {
		if (c->waiting == c->capacity) {
			n = 1 + poisson_count(c, (double)(until - c->next_due) * pps / c->hz);
			if (n > c->left)
				n = c->left;
			if (c->left != LG_ENDLESS)
				c->left -= n;
			c->missed += n;
			c->seen += n;
			exp_gap(c, until); /* the process has no memory */
			return;
		}
		push_run(c, c->next_due, 0, 1);
		c->seen++;
		if (c->left != LG_ENDLESS)
			c->left--;
		exp_gap(c, c->next_due);
	}
}

static void arrive_until(struct lg_clock *c, uint64_t until)
{
	uint64_t total;

	if (c->silent || until <= c->base)
		return;
	if (c->poisson) {
		arrive_poisson(c, until);
		return;
	}
	total = (uint64_t)(((unsigned __int128)(until - c->base) * c->per_cycle) >> 64);
	if (total > c->seen)
		lg_clock_arrive(c, total - c->seen);
}

void lg_clock_advance_slow(struct lg_clock *c, uint64_t now)
{
	while (now >= c->step_end) {
		uint32_t next = c->step + 1;
		uint64_t end = c->step_end;

		arrive_until(c, end);
		if (next == c->profile->n_steps && c->profile->end == LG_END_STOP) {
			c->silent = true;
			c->ended = true;
			c->step_end = UINT64_MAX;
			return;
		}
		enter_step(c, next % c->profile->n_steps, end);
	}
	arrive_until(c, now);
}

void lg_clock_pause(struct lg_clock *c, uint64_t now)
{
	lg_clock_advance(c, now);
	c->silent = true;
	c->step_end = UINT64_MAX;
}

void lg_clock_drop(struct lg_clock *c)
{
	c->missed += c->waiting;
	c->waiting = 0;
	c->head = c->tail;
}
