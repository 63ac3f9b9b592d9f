/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The FIB's walks for CPUs with AVX-512, 16 addresses at a time: entries come by gathers, as many
 * cache misses under way as the CPU can have. Included by pdp_fib.h where the compiler is told of
 * such a CPU. An entry is read as half of an aligned 4-byte word, which is one access.
 */
#ifndef PDP_FIB_AVX512_H
#define PDP_FIB_AVX512_H

#if defined(__AVX512F__) && defined(__AVX512BW__)

#include <immintrin.h>

#include <pdp_fib_layout.h>

/* Entries of a table for the chosen lanes; the others keep `rest`. */
static inline __m512i pdp_fib_gather(const uint16_t *table, __m512i index, __mmask16 lanes,
				     __m512i rest)
{
	const __m512i words = _mm512_mask_i32gather_epi32(rest, lanes, _mm512_srli_epi32(index, 1),
							  (const void *)table, 4);
	const __m512i shift = _mm512_slli_epi32(_mm512_and_si512(index, _mm512_set1_epi32(1)), 4);

	return _mm512_mask_and_epi32(rest, lanes, _mm512_srlv_epi32(words, shift),
				     _mm512_set1_epi32(0xffff));
}

static inline __mmask16 pdp_fib_are_plies(__m512i entries)
{
	return _mm512_test_epi32_mask(entries, _mm512_set1_epi32(PDP_FIB_IS_PLY));
}

/* One ply down, for the lanes that name one. @param bytes  next byte of each address */
static inline __m512i pdp_fib_gather_ply(const uint16_t *plies, __m512i entries, __m512i bytes)
{
	const __m512i number = _mm512_and_si512(entries, _mm512_set1_epi32(0x7fff));

	return pdp_fib_gather(plies, _mm512_or_si512(_mm512_slli_epi32(number, 8), bytes),
			      pdp_fib_are_plies(entries), entries);
}

static inline __m512i pdp_fib_byte(__m512i words, unsigned int shift)
{
	return _mm512_and_si512(_mm512_srli_epi32(words, shift), _mm512_set1_epi32(0xff));
}

static inline __mmask16 pdp_fib_lanes(unsigned int left)
{
	return left >= 16 ? 0xffff : (__mmask16)((1u << left) - 1);
}

/*
 * 32 numbers by one store, 0 as the default route. One, because the caller's next loads are of
 * these bytes, and wait for the cache where they are wider than what was stored.
 */
static inline void pdp_fib_emit(uint16_t *out, unsigned int left, __m512i low, __m512i high,
				uint16_t def)
{
	const __m512i all = _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi32_epi16(low)),
					       _mm512_cvtepi32_epi16(high), 1);
	const __mmask32 lanes = left >= 32 ? UINT32_MAX : (1u << left) - 1;

	_mm512_mask_storeu_epi16(
		out, lanes,
		_mm512_mask_set1_epi16(all, _mm512_testn_epi16_mask(all, all), (short)def));
}

static inline __m512i pdp_fib_wide4(const struct pdp_fib_reader *r, const uint32_t *ips,
				    unsigned int left)
{
	const __mmask16 lanes = pdp_fib_lanes(left);
	const __m512i ip = _mm512_maskz_loadu_epi32(lanes, ips);
	const __m512i e = pdp_fib_gather(r->wide4, _mm512_srli_epi32(ip, 8), lanes,
					 _mm512_setzero_si512());

	if (__builtin_expect(pdp_fib_are_plies(e), 0))
		return pdp_fib_gather_ply(r->wide_plies4, e, pdp_fib_byte(ip, 0));
	return e;
}

static inline void pdp_fib_walk4_wide(const struct pdp_fib_reader *r, const uint32_t *ips,
				      uint16_t def, uint16_t *out, unsigned int n)
{
	for (unsigned int i = 0; i < n; i += 32) {
		const __m512i low = pdp_fib_wide4(r, ips + i, n - i);
		const __m512i high = n - i > 16 ? pdp_fib_wide4(r, ips + i + 16, n - i - 16)
						: _mm512_setzero_si512();

		pdp_fib_emit(out + i, n - i, low, high, def);
	}
}

static inline __m512i pdp_fib_narrow4(const struct pdp_fib_reader *r, const uint32_t *ips,
				      unsigned int left)
{
	const __mmask16 lanes = pdp_fib_lanes(left);
	const __m512i ip = _mm512_maskz_loadu_epi32(lanes, ips);
	__m512i e = pdp_fib_gather(r->root4, _mm512_srli_epi32(ip, 16), lanes,
				   _mm512_setzero_si512());

	e = pdp_fib_gather_ply(r->plies4, e, pdp_fib_byte(ip, 8));
	if (__builtin_expect(pdp_fib_are_plies(e), 0))
		e = pdp_fib_gather_ply(r->plies4, e, pdp_fib_byte(ip, 0));
	return e;
}

static inline void pdp_fib_walk4_narrow(const struct pdp_fib_reader *r, const uint32_t *ips,
					uint16_t def, uint16_t *out, unsigned int n)
{
	for (unsigned int i = 0; i < n; i += 32) {
		const __m512i low = pdp_fib_narrow4(r, ips + i, n - i);
		const __m512i high = n - i > 16 ? pdp_fib_narrow4(r, ips + i + 16, n - i - 16)
						: _mm512_setzero_si512();

		pdp_fib_emit(out + i, n - i, low, high, def);
	}
}

/* Bytes byte..byte+3 of 16 addresses. */
static inline __m512i pdp_fib_words6(const uint8_t ips[][16], unsigned int byte, __mmask16 lanes)
{
	const __m512i at = _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52,
					     56, 60);

	return _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), lanes, at,
					   (const void *)(ips[0] + byte), 4);
}

/** 16 addresses and where they are. */
struct pdp_fib_group6 {
	__m512i high, low; /* the first 8 bytes of each address */
	__m512i e;
	__mmask16 lanes;
};

/* A level of all groups, so that the misses of all are under way at once. */
static inline __attribute__((always_inline)) void pdp_fib_level6(struct pdp_fib_group6 *g,
								 unsigned int n_groups,
								 const uint16_t *plies,
								 unsigned int byte)
{
	for (unsigned int i = 0; i < n_groups; i++)
		g[i].e = pdp_fib_gather_ply(
			plies, g[i].e,
			pdp_fib_byte(byte < 4 ? g[i].high : g[i].low, 8 * (byte & 3)));
}

/* Bits 48 and on: few prefixes are that long. */
static inline __m512i pdp_fib_deep6(const uint16_t *plies, const uint8_t ips[][16], __mmask16 lanes,
				    __m512i e)
{
	for (unsigned int byte = 6; byte < 16 && pdp_fib_are_plies(e); byte++)
		e = pdp_fib_gather_ply(
			plies, e,
			pdp_fib_byte(pdp_fib_words6(ips, byte & ~3u, lanes), 8 * (byte & 3)));
	return e;
}

/* @param n_groups  a constant: the groups are in registers */
static inline __attribute__((always_inline)) void pdp_fib_groups6(const struct pdp_fib_table6 *t,
								  const uint8_t ips[][16],
								  uint16_t def, uint16_t *out,
								  unsigned int n,
								  unsigned int n_groups)
{
	struct pdp_fib_group6 g[PDP_FIB_BULK / 16];

	for (unsigned int i = 0; i < n_groups; i++) {
		__m512i first;

		g[i].lanes = pdp_fib_lanes(n > 16 * i ? n - 16 * i : 0);
		g[i].high = pdp_fib_words6(ips + 16 * i, 0, g[i].lanes);
		g[i].low = pdp_fib_words6(ips + 16 * i, 4, g[i].lanes);
		first = _mm512_or_si512(_mm512_slli_epi32(pdp_fib_byte(g[i].high, 0), 8),
					pdp_fib_byte(g[i].high, 8));
		g[i].e = pdp_fib_gather(t->root, first, g[i].lanes, _mm512_setzero_si512());
	}
	pdp_fib_level6(g, n_groups, t->plies[0], 2);
	pdp_fib_level6(g, n_groups, t->plies[0], 3);
	pdp_fib_level6(g, n_groups, t->plies[1], 4);
	pdp_fib_level6(g, n_groups, t->plies[2], 5);
	for (unsigned int i = 0; i < n_groups; i++) {
		if (__builtin_expect(pdp_fib_are_plies(g[i].e), 0))
			g[i].e = pdp_fib_deep6(t->plies[3], ips + 16 * i, g[i].lanes, g[i].e);
	}
	for (unsigned int i = 0; i < n_groups; i += 2)
		pdp_fib_emit(out + 16 * i, n > 16 * i ? n - 16 * i : 0, g[i].e,
			     i + 1 < n_groups ? g[i + 1].e : _mm512_setzero_si512(), def);
}

static inline void pdp_fib_walk6(const struct pdp_fib_table6 *t, const uint8_t ips[][16],
				 uint16_t def, uint16_t *out, unsigned int n)
{
	if (n <= 16)
		pdp_fib_groups6(t, ips, def, out, n, 1);
	else
		pdp_fib_groups6(t, ips, def, out, n, PDP_FIB_BULK / 16);
}

#endif /* __AVX512F__ */

#endif /* PDP_FIB_AVX512_H */
