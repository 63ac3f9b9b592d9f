/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a fuzz target is: LLVMFuzzerTestOneInput(), run by libFuzzer (meson -Dfuzz=true, clang) or
 * by replay.c in the ordinary tests. A property that does not hold ends the process.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUZZ_CHECK(property)                                                              \
	do {                                                                              \
		if (!(property)) {                                                        \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, \
				#property);                                               \
			__builtin_trap();                                                 \
		}                                                                         \
	} while (0)

/** @param data size bytes @return 0 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** An allocation of exactly n bytes, so that ASan sees each byte read too many. */
static inline uint8_t *fuzz_copy(const uint8_t *data, size_t n)
{
	uint8_t *copy = malloc(n);

	FUZZ_CHECK(copy != NULL || n == 0);
	if (n > 0)
		memcpy(copy, data, n);
	return copy;
}

#endif /* FUZZ_H */
