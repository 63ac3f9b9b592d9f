/* SPDX-License-Identifier: BSD-3-Clause */
/* Which engines hang; pure. */
#include "hang.h"

/* Two looks that are far apart, because the control thread was kept off its CPU, show nothing of
 * what was in between. */
#define LOOKS_MIN 3

bool hang_suspect(struct hang *h, uint64_t now_ns, uint32_t progress, uint32_t unread)
{
	if (unread == 0 || progress != h->progress || h->alive_ns == 0) {
		h->progress = progress;
		h->alive_ns = now_ns;
		h->looks = 0;
		return false;
	}
	return true;
}

enum hang_how hang_judge(struct hang *h, uint64_t now_ns, uint64_t cpu_ns, uint64_t limit_ns)
{
	if (h->looks++ == 0) {
		h->cpu_ns = cpu_ns;
		h->asked_ns = h->thread_ns = 0;
	}
	if (h->looks == 1 || cpu_ns != h->last_cpu_ns) {
		h->last_cpu_ns = cpu_ns;
		h->ran_ns = now_ns;
	}
	if (h->looks < LOOKS_MIN)
		return HANG_NO;
	if (cpu_ns - h->cpu_ns >= limit_ns)
		return HANG_SPINS;
	if (now_ns - h->ran_ns < limit_ns || now_ns - h->asked_ns < limit_ns)
		return HANG_NO;
	h->asked_ns = now_ns;
	return HANG_BLOCKED;
}

enum hang_how hang_thread(struct hang *h, uint64_t thread_ns, uint64_t limit_ns)
{
	/* All that other threads ever had; most engines have none that do anything. */
	const uint64_t others_ns = h->last_cpu_ns > thread_ns ? h->last_cpu_ns - thread_ns : 0;

	if (h->last_cpu_ns - h->cpu_ns >= limit_ns + others_ns)
		return HANG_SPINS;
	if (h->thread_ns == 0)
		h->thread_ns = thread_ns;
	return thread_ns - h->thread_ns >= limit_ns ? HANG_SPINS : HANG_NO;
}

enum hang_how hang_state(char state)
{
	switch (state) {
	case 'T':
	case 't':
		return HANG_STOPPED;
	case 'S':
	case 'D':
		/* To get there it would have had to run since: it has been there all the time. */
		return HANG_BLOCKED;
	default:
		return HANG_NO;
	}
}
