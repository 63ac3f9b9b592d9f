/* SPDX-License-Identifier: BSD-3-Clause */
/* A line of finite rate: making it. Control threads, while nobody sends. */
#include "loadgen_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int lg_line_init(struct lg_line *line, uint32_t capacity)
{
	uint32_t size = 1;

	while (size < capacity)
		size *= 2;
	memset(line, 0, sizeof(*line));
	line->leaves = calloc(size, sizeof(*line->leaves));
	if (line->leaves == NULL)
		return -ENOMEM;
	line->mask = size - 1;
	line->capacity = capacity;
	return 0;
}

void lg_line_fini(struct lg_line *line)
{
	free(line->leaves);
	line->leaves = NULL;
}

void lg_line_set_rate(struct lg_line *line, double rate, bool by_bits, double share, double hz)
{
	line->by_bits = by_bits;
	line->cost = (uint64_t)(hz * (by_bits ? 8 : 1) / (rate * share) * 0x1p32);
}
