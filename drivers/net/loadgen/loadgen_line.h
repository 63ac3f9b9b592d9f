/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The line behind a transmit queue: so many packets or bits a second, one frame after the other,
 * and a queue of so many descriptors in front of it. What it was given leaves when its turn comes;
 * what finds the queue full is not taken. Frames are gone, only the times at which they leave are
 * kept. Pure: time comes in as an argument. One queue belongs to one lcore.
 */
#ifndef LOADGEN_LINE_H
#define LOADGEN_LINE_H

#include <stdbool.h>
#include <stdint.h>

#define LG_WIRE 24 /* what a frame takes of the line besides: FCS, preamble, gap */

struct lg_line {
	uint64_t *leaves; /* ring of the times at which queued frames leave, TSC */
	uint32_t mask;
	uint32_t capacity;   /* frames that may be queued; 0: no line */
	uint32_t head, tail; /* free-running */
	bool by_bits;
	uint64_t cost;	    /* of a packet, or of a byte on the wire, 32.32 fixed point cycles */
	uint64_t free_at;   /* when the last one has left */
	uint32_t free_frac; /* and 2^-32 cycles */
};

/**
 * Make an idle line without a rate.
 * @param capacity frames that may be queued, 1..65536
 * @return 0; -ENOMEM
 */
int lg_line_init(struct lg_line *line, uint32_t capacity);

/** Free what init took; a zeroed line is allowed. */
void lg_line_fini(struct lg_line *line);

/**
 * Set the rate.
 * @param rate    packets a second, at least 1; or bits, at least 10^6
 * @param by_bits what it counts
 * @param share   part of it that this queue gets, 0..1
 * @param hz      TSC frequency, below 2^32
 */
void lg_line_set_rate(struct lg_line *line, double rate, bool by_bits, double share, double hz);

/** Frames that the queue takes at `now`. Budget: 5 cycles, and 1 for each that has left since. */
static inline uint32_t lg_line_room(struct lg_line *line, uint64_t now)
{
	while (line->head != line->tail &&
	       (int64_t)(now - line->leaves[line->head & line->mask]) >= 0)
		line->head++;
	return line->capacity - (line->tail - line->head);
}

/**
 * Queue a frame; there is room.
 * @param len  without FCS
 * @return when it leaves, TSC
 */
static inline uint64_t lg_line_put(struct lg_line *line, uint64_t now, uint32_t len)
{
	uint64_t cost = line->by_bits ? line->cost * (len + LG_WIRE) : line->cost;

	if ((int64_t)(now - line->free_at) > 0) {
		line->free_at = now;
		line->free_frac = 0;
	}
	line->free_at += cost >> 32;
	line->free_at += ((cost & UINT32_MAX) + line->free_frac) >> 32;
	line->free_frac += (uint32_t)cost;
	line->leaves[line->tail++ & line->mask] = line->free_at;
	return line->free_at;
}

#endif /* LOADGEN_LINE_H */
