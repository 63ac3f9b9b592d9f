/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The processes and control groups of a primary that was killed.
 */
#ifndef PDP_ENGINE_OLD_H
#define PDP_ENGINE_OLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What was found and ended. */
struct pdp_engines_old {
	unsigned int n_processes;
	unsigned int n_groups;
};

/**
 * End the processes that a primary of this file prefix left, and remove its control groups. Those
 * that it wrote down are killed if they are still the same (start time), those in its groups
 * whoever they are; engines that somebody started by hand are among them: without their primary
 * they are of no use. Waits until they are gone.
 *
 * @param runtime_dir  of the prefix
 * @param found        out
 * @param err          out, on failure: a sentence
 * @return 0 (nothing found included), or -EBUSY: one of them was not gone in time
 * Thread: any, before pdp_engines_create(), while no primary of the prefix runs (pid file).
 */
int pdp_engines_end_old(const char *runtime_dir, const char *prefix, unsigned int deadline_ms,
			struct pdp_engines_old *found, char *err, size_t err_size);

#endif /* PDP_ENGINE_OLD_H */
