/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A high dynamic range histogram: exact below 128, then 64 buckets per power of two, so that a
 * bucket's middle is within 0.8 % of every value in it. Pure; one writer, readers may look at any
 * time.
 */
#ifndef LOADGEN_HIST_H
#define LOADGEN_HIST_H

#include <stdint.h>

#define LG_HIST_SUB_BITS 6
#define LG_HIST_SUB	 (1u << LG_HIST_SUB_BITS)
#define LG_HIST_BITS \
	42 /* values from 2^42 on (half an hour of TSC cycles) are counted in the last bucket */
#define LG_HIST_SIZE ((LG_HIST_BITS - LG_HIST_SUB_BITS + 1) * LG_HIST_SUB)

struct lg_hist {
	uint64_t buckets[LG_HIST_SIZE];
};

/** Bucket of a value: two shifts and an addition, no branch that data can mislead. */
static inline uint32_t lg_hist_index(uint64_t value)
{
	uint32_t top, shift;

	if (__builtin_expect(value >> LG_HIST_BITS, 0))
		return LG_HIST_SIZE - 1;
	top = 63u - (uint32_t)__builtin_clzll(value | LG_HIST_SUB);
	shift = top - LG_HIST_SUB_BITS;
	return shift * LG_HIST_SUB + (uint32_t)(value >> shift);
}

/** Lowest value of a bucket. @param index below LG_HIST_SIZE */
uint64_t lg_hist_low(uint32_t index);

/** Middle of a bucket: what it stands for. */
uint64_t lg_hist_mid(uint32_t index);

/** Add the buckets of src to dst. */
void lg_hist_merge(struct lg_hist *dst, const struct lg_hist *src);

/** Number of values. */
uint64_t lg_hist_count(const struct lg_hist *hist);

/** Sum of the values, within 0.8 %. */
double lg_hist_sum(const struct lg_hist *hist);

/**
 * The value that `pct` percent of all values do not exceed, within 0.8 %.
 * @param pct 0..100
 * @return 0 if there are no values
 */
uint64_t lg_hist_percentile(const struct lg_hist *hist, double pct);

#endif /* LOADGEN_HIST_H */
