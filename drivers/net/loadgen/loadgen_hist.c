/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading side of the latency histogram. Pure; runs in the control thread that asks for figures. */
#include "loadgen_hist.h"

#include <math.h>

uint64_t lg_hist_low(uint32_t index)
{
	uint32_t shift;

	if (index < 2 * LG_HIST_SUB)
		return index;
	shift = index / LG_HIST_SUB - 1;
	return (uint64_t)(LG_HIST_SUB + index % LG_HIST_SUB) << shift;
}

uint64_t lg_hist_mid(uint32_t index)
{
	if (index < 2 * LG_HIST_SUB)
		return index;
	return lg_hist_low(index) + (1ull << (index / LG_HIST_SUB - 1)) / 2;
}

void lg_hist_merge(struct lg_hist *dst, const struct lg_hist *src)
{
	for (uint32_t i = 0; i < LG_HIST_SIZE; i++)
		dst->buckets[i] += __atomic_load_n(&src->buckets[i], __ATOMIC_RELAXED);
}

uint64_t lg_hist_count(const struct lg_hist *hist)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < LG_HIST_SIZE; i++)
		n += hist->buckets[i];
	return n;
}

double lg_hist_sum(const struct lg_hist *hist)
{
	double sum = 0;

	for (uint32_t i = 0; i < LG_HIST_SIZE; i++)
		sum += (double)hist->buckets[i] * (double)lg_hist_mid(i);
	return sum;
}

uint64_t lg_hist_percentile(const struct lg_hist *hist, double pct)
{
	uint64_t n = lg_hist_count(hist), seen = 0, rank;

	if (n == 0)
		return 0;
	rank = (uint64_t)ceil((double)n * pct / 100.0);
	if (rank == 0)
		rank = 1;
	for (uint32_t i = 0; i < LG_HIST_SIZE; i++) {
		seen += hist->buckets[i];
		if (seen >= rank)
			return lg_hist_mid(i);
	}
	return lg_hist_mid(LG_HIST_SIZE - 1);
}
