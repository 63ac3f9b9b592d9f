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

/* No entry is the default route. Without a branch, as which ones are none is random. */
static inline uint16_t pdp_fib_or(uint16_t entry, uint16_t def)
{
	return entry != 0 ? entry : def;
}

static inline void pdp_fib_walk4_wide(const struct pdp_fib_reader *r, const uint32_t *ips,
				      uint16_t def, uint16_t *out, unsigned int n)
{
	const uint16_t *const root = r->wide4, *const plies = r->wide_plies4;

	for (unsigned int i = 0; i < n; i++)
		out[i] = pdp_fib_or(
			pdp_fib_branch(pdp_fib_entry(root + (ips[i] >> 8)), plies, (uint8_t)ips[i]),
			def);
}

static inline void pdp_fib_walk4_narrow(const struct pdp_fib_reader *r, const uint32_t *ips,
					uint16_t def, uint16_t *out, unsigned int n)
{
	const uint16_t *const root = r->root4, *const plies = r->plies4;

	for (unsigned int i = 0; i < n; i++)
		out[i] = pdp_fib_step(pdp_fib_entry(root + (ips[i] >> 16)), root, plies,
				      (uint8_t)(ips[i] >> 8));
	for (unsigned int i = 0; i < n; i++)
		out[i] = pdp_fib_or(pdp_fib_branch(out[i], plies, (uint8_t)ips[i]), def);
}

/*
 * Where the next entry of an address is: in a ply, which is asked for, or, for one that is done,
 * its result. Without a branch: which addresses are done is random.
 */
static inline const uint16_t *pdp_fib_next(const uint16_t *result, const uint16_t *plies,
					   uint8_t byte)
{
	const uintptr_t is_ply = (uintptr_t)(intptr_t)((int16_t)*result >> 15);
	const uintptr_t in_ply = (uintptr_t)(plies +
					     ((*result & ~PDP_FIB_IS_PLY) * PDP_FIB_PLY + byte));
	const uintptr_t at = (in_ply & is_ply) | ((uintptr_t)result & ~is_ply);

	__builtin_prefetch((const void *)at);
	return (const uint16_t *)at;
}

/* Bits 48 and on: few prefixes are that long. */
static inline uint16_t pdp_fib_deep6(uint16_t entry, const uint16_t *plies, const uint8_t *ip)
{
	for (unsigned int byte = 6; byte < 16 && (entry & PDP_FIB_IS_PLY); byte++)
		entry = pdp_fib_branch(entry, plies, ip[byte]);
	return entry;
}

/* A step of all addresses at a time: the loads of one step are asked for by the step before. */
static inline void pdp_fib_walk6(const struct pdp_fib_table6 *t, const uint8_t ips[][16],
				 uint16_t def, uint16_t *out, unsigned int n)
{
	const uint16_t *const root = t->root, *const p0 = t->plies[0], *const p1 = t->plies[1],
			      *const p2 = t->plies[2];
	const uint16_t *at[PDP_FIB_BULK];

	for (unsigned int i = 0; i < n; i++) {
		const uint16_t first = pdp_fib_entry(root + (ips[i][0] << 8 | ips[i][1]));

		out[i] = pdp_fib_branch(first, p0, ips[i][2]);
		at[i] = pdp_fib_next(&out[i], p0, ips[i][3]);
	}
	for (unsigned int i = 0; i < n; i++) {
		out[i] = pdp_fib_entry(at[i]);
		at[i] = pdp_fib_next(&out[i], p1, ips[i][4]);
	}
	for (unsigned int i = 0; i < n; i++) {
		out[i] = pdp_fib_entry(at[i]);
		at[i] = pdp_fib_next(&out[i], p2, ips[i][5]);
	}
	for (unsigned int i = 0; i < n; i++)
		out[i] = pdp_fib_or(pdp_fib_deep6(pdp_fib_entry(at[i]), t->plies[3], ips[i]), def);
}

#endif /* PDP_FIB_PORTABLE_H */
