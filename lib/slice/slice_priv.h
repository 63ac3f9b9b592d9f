/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of this room share. CPUs go by their index here: the order in which they are
 * taken.
 */
#ifndef SLICE_PRIV_H
#define SLICE_PRIV_H

#include <sys/queue.h>

#include "pdp_slice.h"

#define NO_CPU UINT16_MAX

/* An engine that is placed. */
struct placed {
	LIST_ENTRY(placed) link; /* of its CPU */
	uint32_t vr;
	uint16_t cpu;  /* NO_CPU: not placed */
	uint16_t last; /* where it ran before; NO_CPU: it is new */
	uint16_t want_pct;
	uint16_t pct;
	uint16_t index;
};

LIST_HEAD(placed_list, placed);

/* A reservation: engine i of a VR runs on its slot i, where it has one. */
struct slot {
	uint16_t cpu;
	uint16_t pct;
};

struct slots {
	unsigned int n;
	struct slot at[PDP_SLICE_ENGINES_MAX];
};

struct vr {
	bool set; /* it was asked for */
	bool exclusive;
	bool changed;  /* since its plan was read */
	bool *allowed; /* by CPU; NULL: all */
	uint16_t n_engines;
	uint32_t power_pct;
	uint32_t guaranteed_pct;
	struct slots slots;
	struct placed engines[PDP_SLICE_ENGINES_MAX];
};

struct cpu {
	struct pdp_slice_cpu id;
	struct placed_list engines;
	unsigned int n_engines;
	uint32_t load_pct; /* what its engines want */
	bool offline;
};

/* What is reserved, by CPU. */
struct book {
	uint16_t sold_pct[PDP_SLICE_CPUS_MAX];
	uint32_t owner[PDP_SLICE_CPUS_MAX]; /* the VR that has it alone, or PDP_SLICE_NO_VR */
};

struct pdp_slice {
	unsigned int n_cpus;
	unsigned int n_vrs;
	const char *const *names;
	struct cpu *cpus;
	struct vr *vrs;
	struct book book;
	struct book draft;    /* of a change that may still fail */
	struct slots *drafts; /* by VR */
	uint64_t used_us;
	uint64_t moves;
	uint64_t refused;
};

static inline bool allowed(const struct vr *v, unsigned int cpu)
{
	return v->allowed == NULL || v->allowed[cpu];
}

/* book.c: guarantees */

/**
 * Book what a VR is guaranteed, as vrs[vr] says now; that of others moves where it must.
 * @param err out, on failure: a sentence; nothing changed
 * @return 0 or -ENOSPC
 */
int book_vr(struct pdp_slice *s, unsigned int vr, char *err, size_t err_size);

/** Book all guarantees anew, since CPUs went or came. @return 0, or -ENOSPC: they stay as they were
 */
int book_again(struct pdp_slice *s);

/** Give back what a VR has booked. */
void book_release(struct pdp_slice *s, unsigned int vr);

/* place.c: engines on CPUs */

/** The VR whose engines alone may be on a CPU just now, or PDP_SLICE_NO_VR. */
uint32_t holder(const struct pdp_slice *s, unsigned int cpu);

/** Put all engines of a VR where they belong; those that may stay, stay. */
void place_vr(struct pdp_slice *s, unsigned int vr);

/** The same for all VRs, after the book has changed. */
void place_all(struct pdp_slice *s);

/** Move engines off CPUs that they overfill, as far as there is room elsewhere. */
void place_relieve(struct pdp_slice *s);

/** @return engines moved */
unsigned int place_consolidate(struct pdp_slice *s, uint32_t fill_pct);

/* share.c: percents */

/** What each engine of a VR wants, of a power of all. */
void share_want(struct pdp_slice *s, unsigned int vr);

/** Divide all CPUs among their engines anew. */
void share_all(struct pdp_slice *s);

#endif /* SLICE_PRIV_H */
