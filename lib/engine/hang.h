/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether an engine hangs (DESIGN section 7): its loop stands still with packets unread, and it is
 * stopped or blocked for a while, or has burnt that much CPU time of its own. Waiting for the CPU
 * is not hanging, nor is holding packets. Pure.
 */
#ifndef HANG_H
#define HANG_H

#include <stdbool.h>
#include <stdint.h>

enum hang_how {
	HANG_NO,
	HANG_STOPPED, /**< by a signal or a debugger */
	HANG_BLOCKED, /**< in a system call, or by a page that does not come */
	HANG_SPINS,
};

/** What is known of one engine. All zeros: nothing yet. */
struct hang {
	uint64_t alive_ns;    /**< when it was seen to get on, or had nothing to do */
	uint64_t cpu_ns;      /**< that its process had when it was suspected */
	uint64_t last_cpu_ns; /**< that it has now */
	uint64_t ran_ns;      /**< when that was seen to grow last */
	uint64_t asked_ns;    /**< when its state was asked for last; 0: it was not */
	uint64_t thread_ns;   /**< CPU time of its loop's thread when asked first; 0: it was not */
	uint32_t progress;
	uint32_t looks; /**< since it is suspected; 0: it is not */
};

/**
 * The cheap look.
 * @param progress  another number than before: it gets on
 * @param unread    packets that it was sent and has not answered
 * @return true: look at its CPU time (hang_judge())
 */
bool hang_suspect(struct hang *h, uint64_t now_ns, uint32_t progress, uint32_t unread);

/**
 * The look at one that is suspected.
 * @param cpu_ns  CPU time of its process so far
 * @return HANG_SPINS: the process has burnt enough, ask how much of it the loop's thread
 *         (hang_thread()); HANG_BLOCKED: it has not run for so long, its state tells why
 *         (hang_state()); said again after limit_ns
 */
enum hang_how hang_judge(struct hang *h, uint64_t now_ns, uint64_t cpu_ns, uint64_t limit_ns);

/** @param thread_ns  CPU time of the loop's thread so far @return HANG_NO: others burnt it */
enum hang_how hang_thread(struct hang *h, uint64_t thread_ns, uint64_t limit_ns);

/** Why one has not run. @param state as /proc/PID/stat has it @return HANG_NO: it waits for the CPU
 */
enum hang_how hang_state(char state);

#endif /* HANG_H */
