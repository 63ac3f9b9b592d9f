/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which engine runs on which CPU, and with how much of it: SliceAlloc (PdP section 3.4.2, Fig. 5),
 * with guarantees, exclusive CPUs, and as few moves as possible. Pure: arrays in, plans out; nobody
 * is moved here.
 *
 * Power is in percent of one engine CPU. A VR's power becomes k whole CPUs and a remainder, which
 * goes to the CPU on which it fits best. Two kinds of it:
 *   guaranteed  reserved on certain CPUs while the VR exists, whether it uses it or not; a CPU is
 *               never sold above 100. What cannot be met is refused with what is free.
 *   wanted      what its engines would use now. Where it is more than is guaranteed, it is placed
 *               best-effort: into what running engines leave of a CPU, then on whole CPUs that
 *               nobody uses, and where there are none it shares a CPU by weight. Power that is
 *               guaranteed and not used just now is lent out that way.
 * CPUs that nobody uses are the energy saved (as in Multistage).
 *
 * Thread: one at a time per object.
 */
#ifndef PDP_SLICE_H
#define PDP_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PDP_SLICE_WHOLE	      100u /**< power of one CPU, percent */
#define PDP_SLICE_ENGINES_MAX 64   /**< engines of one VR */
#define PDP_SLICE_CPUS_MAX    1024
#define PDP_SLICE_NO_VR	      UINT32_MAX

/** A CPU that engines may run on. */
struct pdp_slice_cpu {
	uint16_t cpu; /**< number of the CPU */
	bool md;      /**< an MD lcore's own: taken last, and nothing is guaranteed on it */
};

struct pdp_slice;

struct pdp_slice_params {
	const struct pdp_slice_cpu
		*cpus;		  /**< the first is taken first: see pdp_cpus_order(); copied */
	unsigned int n_cpus;	  /**< 1..PDP_SLICE_CPUS_MAX */
	const char *const *names; /**< of the VRs, for messages; borrowed */
	unsigned int n_vrs;
};

/** @return NULL: out of memory. Owner: caller */
struct pdp_slice *pdp_slice_create(const struct pdp_slice_params *params);

/** NULL: nothing. */
void pdp_slice_destroy(struct pdp_slice *slice);

/** What a VR asks for. */
struct pdp_slice_want {
	uint16_t n_engines;	 /**< 0..PDP_SLICE_ENGINES_MAX */
	uint32_t power_pct;	 /**< of all its engines; beyond n_engines whole CPUs it is cut */
	uint32_t guaranteed_pct; /**< reserved; at most 100 * PDP_SLICE_ENGINES_MAX */
	bool exclusive;	      /**< nobody else on its CPUs: guarantees become whole CPUs, at least
				   one */
	const uint16_t *cpus; /**< numbers of the CPUs it may use; copied */
	unsigned int n_cpus;  /**< 0: any */
};

/**
 * Set what a VR wants; from nothing, or from something else. Others may have to move, for
 * guarantees only, or onto CPUs that became free.
 * @param err  out, on failure: a sentence without the VR's name, telling what is free
 * @return 0; nothing changed with -EINVAL (`cpus` names a CPU that is not engines'), -EBUSY (a CPU
 *         is another VR's exclusively), -ENOSPC (the guarantee cannot be met, or `exclusive` would
 *         leave others without a CPU)
 */
int pdp_slice_set(struct pdp_slice *slice, unsigned int vr, const struct pdp_slice_want *want,
		  char *err, size_t err_size);

/** The same with another number of engines and power only: never fails. */
void pdp_slice_want(struct pdp_slice *slice, unsigned int vr, unsigned int n_engines,
		    uint32_t power_pct);

/**
 * A CPU went offline, or came back. Engines and guarantees go to others, as far as there is room;
 * to where they were before, when it is back and that is where they fit.
 * @param cpu  number of the CPU; one that is not engines' changes nothing
 * @return 0; -ENOSPC: not all that is guaranteed can be met by the CPUs that are left, those that
 * were on it get what the others leave
 */
int pdp_slice_set_online(struct pdp_slice *slice, uint16_t cpu, bool online);

/** A VR is gone: all that it had is free. */
void pdp_slice_release(struct pdp_slice *slice, unsigned int vr);

/**
 * Use fewer CPUs: empty the least used one, if its engines fit on others that are in use and these
 * stay below `fill_pct`. At most one CPU a call.
 * @return engines moved
 */
unsigned int pdp_slice_consolidate(struct pdp_slice *slice, uint32_t fill_pct);

struct pdp_slice_place {
	uint16_t cpu;
	uint16_t pct; /**< of the CPU, 1..100: its guarantee, and its share of the rest */
};

/** Places of a VR's engines. */
struct pdp_slice_plan {
	unsigned int n;
	struct pdp_slice_place at[PDP_SLICE_ENGINES_MAX]; /**< by index of the engine */
};

/** A VR whose plan is another one than pdp_slice_plan() gave last. @return -1: none */
int pdp_slice_changed(const struct pdp_slice *slice);

/** @param plan out */
void pdp_slice_plan(struct pdp_slice *slice, unsigned int vr, struct pdp_slice_plan *plan);

/** Time goes by: what is used now counts for so long. */
void pdp_slice_advance(struct pdp_slice *slice, uint64_t us);

struct pdp_slice_totals {
	unsigned int cpus;	 /**< engine CPUs */
	unsigned int used;	 /**< of them, with engines */
	uint64_t used_us;	 /**< CPU time that engines could use so far: core-seconds, in us */
	uint64_t moves;		 /**< engines that went from one CPU to another */
	uint64_t refused;	 /**< failures of pdp_slice_set() */
	uint32_t guaranteed_pct; /**< sold */
	uint32_t free_pct;	 /**< that can still be guaranteed, in pieces */
};

void pdp_slice_totals(const struct pdp_slice *slice, struct pdp_slice_totals *totals);

/** Who has what on a CPU. */
struct pdp_slice_holding {
	uint32_t vr;
	int engine; /**< -1: reserved, no engine of the VR runs there now */
	uint16_t guaranteed_pct;
	uint16_t pct; /**< 0 with engine -1 */
};

struct pdp_slice_cpu_view {
	struct pdp_slice_cpu cpu;
	uint32_t exclusive;	 /**< the VR that has it alone; PDP_SLICE_NO_VR */
	uint16_t guaranteed_pct; /**< reserved */
	uint16_t free_pct;	 /**< that can still be guaranteed here */
	unsigned int n_holdings; /**< calls of fn */
};

/**
 * Look at the i-th CPU.
 * @param view  out
 * @param fn    called for every holding; NULL: not wanted
 */
void pdp_slice_cpu_view(const struct pdp_slice *slice, unsigned int i,
			struct pdp_slice_cpu_view *view,
			void (*fn)(const struct pdp_slice_holding *holding, void *arg), void *arg);

#endif /* PDP_SLICE_H */
