/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The open-loop clock: which packets are due by a rate profile, which of them wait in a finite
 * virtual receive queue and which overflowed. Packets exist only as runs of equally spaced due
 * times: a packet that is dropped costs nothing. Pure: time comes in as an argument. One queue
 * belongs to one lcore; control goes through loadgen_ctl.c.
 */
#ifndef LOADGEN_CLOCK_H
#define LOADGEN_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define LG_ENDLESS UINT64_MAX

/** What follows the last step of a profile. */
enum lg_profile_end {
	LG_END_LOOP = 0, /**< the first step again */
	LG_END_HOLD,	 /**< the last step's rate for ever */
	LG_END_STOP,	 /**< silence, for good */
};

struct lg_step {
	double pps;	/**< 0: silence */
	double seconds; /**< > 0 */
};

/** Immutable once published. */
struct lg_profile {
	enum lg_profile_end end;
	uint32_t n_steps;
	struct lg_step steps[];
};

/** Packets due at due, due + period, ...; both in 64.32 fixed point TSC cycles. */
struct lg_run {
	uint64_t due; /**< whole cycles */
	uint64_t period;
	uint32_t due_frac; /**< 2^-32 cycles */
	uint32_t period_frac;
	uint32_t n;
};

struct lg_clock {
	/* hot */
	struct lg_run *runs; /**< ring of the waiting packets, oldest first */
	uint32_t run_mask;
	uint32_t head, tail;  /**< free-running */
	uint32_t waiting;     /**< packets in the runs */
	uint32_t capacity;    /**< most that may wait */
	uint64_t base;	      /**< start of the step, TSC */
	uint64_t step_end;    /**< UINT64_MAX: none */
	uint64_t per_cycle;   /**< packets per cycle, 0.64 fixed point */
	uint64_t period;      /**< whole cycles per packet */
	uint32_t period_frac; /**< and 2^-32 cycles */
	uint64_t seen;	      /**< arrivals of this step accounted for */
	uint64_t left;	      /**< arrivals until the count is reached; LG_ENDLESS */
	uint64_t missed;
	bool silent; /**< no arrivals in this step */
	/* cold */
	bool poisson;
	bool ended; /**< the profile is over */
	uint32_t step;
	const struct lg_profile *profile;
	double share; /**< part of the profile's rate that this queue gets, 0..1 */
	double hz;
	uint64_t next_due; /**< Poisson: next arrival */
	double next_frac;
	uint64_t rng;
};

/**
 * Make a clock with an empty queue and no profile.
 * @param capacity packets that may wait, 1..2^20
 * @param hz       TSC frequency
 * @return 0; -ENOMEM
 */
int lg_clock_init(struct lg_clock *clock, uint32_t capacity, double hz, bool poisson,
		  uint64_t seed);

/** Free what init took; a zeroed clock is allowed. */
void lg_clock_fini(struct lg_clock *clock);

/**
 * Follow a profile from its first step, which begins at `now`. What waits stays.
 * @param profile borrowed until the next call
 * @param share   part of its rate, 0..1
 */
void lg_clock_follow(struct lg_clock *clock, const struct lg_profile *profile, double share,
		     uint64_t now);

/** Let no more packets become due after `now`; what waits stays. */
void lg_clock_pause(struct lg_clock *clock, uint64_t now);

/** Give up what waits: it counts as missed. */
void lg_clock_drop(struct lg_clock *clock);

/** The step's end was reached, or arrivals are Poisson: the slow part of lg_clock_advance(). */
void lg_clock_advance_slow(struct lg_clock *clock, uint64_t now);

/** Take `n` new equally spaced arrivals of the current step into the queue, as far as there is
 * room. */
void lg_clock_arrive(struct lg_clock *clock, uint64_t n);

/** Account for everything that became due until `now`. Budget: 10 cycles a burst when nothing is
 * new. */
static inline void lg_clock_advance(struct lg_clock *clock, uint64_t now)
{
	uint64_t total;

	if (__builtin_expect(now >= clock->step_end || clock->poisson, 0)) {
		lg_clock_advance_slow(clock, now);
		return;
	}
	if (clock->silent || now < clock->base)
		return;
	total = (uint64_t)(((unsigned __int128)(now - clock->base) * clock->per_cycle) >> 64);
	if (total != clock->seen)
		lg_clock_arrive(clock, total - clock->seen);
}

/**
 * Take the oldest packets out of the queue.
 * @param due out: their due times; n entries
 * @param n   at most clock->waiting
 */
static inline void lg_clock_take(struct lg_clock *clock, uint64_t *due, uint32_t n)
{
	clock->waiting -= n;
	while (n > 0) {
		struct lg_run *run = &clock->runs[clock->head & clock->run_mask];
		uint32_t take = run->n < n ? run->n : n;
		uint64_t whole = run->period, part = run->period_frac, frac = run->due_frac;

		for (uint32_t i = 0; i < take; i++) {
			*due++ = run->due;
			frac += part;
			run->due += whole + (frac >> 32);
			frac = (uint32_t)frac;
		}
		run->due_frac = (uint32_t)frac;
		run->n -= take;
		n -= take;
		if (run->n == 0)
			clock->head++;
	}
}

#endif /* LOADGEN_CLOCK_H */
