/* SPDX-License-Identifier: BSD-3-Clause */
/* The FIB's walks in plain C, for every CPU. Included by pdp_fib.h. */
#ifndef PDP_FIB_PORTABLE_H
#define PDP_FIB_PORTABLE_H

#include <pdp_fib_layout.h>

/*
 * One ply down, without a branch: which addresses need it is random. An entry that is no ply reads
 * root[0] instead, which is always there and in the cache.
 */
static inline uint16_t pdp_fib_step(uint16_t entry, const uint16_t *root, const uint16_t *plies,
				    uint8_t byte)
{
	const uintptr_t is_ply = (uintptr_t)(intptr_t)((int16_t)entry >> 15);
	const uintptr_t at = (uintptr_t)(plies + ((entry & ~PDP_FIB_IS_PLY) * PDP_FIB_PLY + byte));
	const uintptr_t from = (at & is_ply) | ((uintptr_t)root & ~is_ply);
	const uint16_t next = pdp_fib_entry((const uint16_t *)from);

	return (uint16_t)((next & is_ply) | (entry & ~is_ply));
}

/* One ply down, where nearly all or nearly no addresses need it. */
static inline uint16_t pdp_fib_branch(uint16_t entry, const uint16_t *plies, uint8_t byte)
{
	if (entry & PDP_FIB_IS_PLY)
		entry = pdp_fib_entry(plies + (entry & ~PDP_FIB_IS_PLY) * PDP_FIB_PLY + byte);
	return entry;
}

static inline void pdp_fib_walk4_wide(const struct pdp_fib_reader *r, const uint32_t *ips,
				      uint16_t *out, unsigned int n)
{
	const uint16_t *const root = r->wide4, *const plies = r->wide_plies4;

	for (unsigned int i = 0; i < n; i++)
		out[i] = pdp_fib_branch(pdp_fib_entry(root + (ips[i] >> 8)), plies,
					(uint8_t)ips[i]);
}

static inline void pdp_fib_walk4_narrow(const struct pdp_fib_reader *r, const uint32_t *ips,
					uint16_t *out, unsigned int n)
{
	const uint16_t *const root = r->root4, *const plies = r->plies4;

	for (unsigned int i = 0; i < n; i++)
		out[i] = pdp_fib_step(pdp_fib_entry(root + (ips[i] >> 16)), root, plies,
				      (uint8_t)(ips[i] >> 8));
	for (unsigned int i = 0; i < n; i++)
		out[i] = pdp_fib_branch(out[i], plies, (uint8_t)ips[i]);
}

static inline void pdp_fib_walk6(const struct pdp_fib_table6 *t, const uint8_t ips[][16],
				 uint16_t *out, unsigned int n)
{
	const uint16_t *const root = t->root, *const p0 = t->plies[0], *const p1 = t->plies[1],
			      *const p2 = t->plies[2], *const p3 = t->plies[3];
	unsigned int more = 0;

	/* What is near in the cache at once; then a step at a time, so that misses overlap. */
	for (unsigned int i = 0; i < n; i++) {
		const uint16_t first = pdp_fib_entry(root + (ips[i][0] << 8 | ips[i][1]));

		out[i] = pdp_fib_branch(pdp_fib_branch(first, p0, ips[i][2]), p0, ips[i][3]);
	}
	for (unsigned int i = 0; i < n; i++)
		out[i] = pdp_fib_step(out[i], root, p1, ips[i][4]);
	for (unsigned int i = 0; i < n; i++) {
		out[i] = pdp_fib_step(out[i], root, p2, ips[i][5]);
		more |= out[i];
	}
	for (unsigned int byte = 6; byte < 16 && (more & PDP_FIB_IS_PLY); byte++) {
		more = 0;
		for (unsigned int i = 0; i < n; i++) {
			out[i] = pdp_fib_branch(out[i], p3, ips[i][byte]);
			more |= out[i];
		}
	}
}

#endif /* PDP_FIB_PORTABLE_H */
