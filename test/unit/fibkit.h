/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For tests of lib/fib: a FIB with next hops and a reader, and a reference to compare it with, a
 * plain list of routes searched from end to end.
 */
#ifndef FIBKIT_H
#define FIBKIT_H

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pdp_fib_writer.h>

enum { KIT_ROUTES_MAX = 4096 };

struct kit_ref {
	struct pdp_fib_route routes[KIT_ROUTES_MAX];
	unsigned int n;
};

struct kit_rng {
	uint64_t state;
};

static inline uint32_t kit_draw(struct kit_rng *r, uint32_t below)
{
	r->state ^= r->state << 13;
	r->state ^= r->state >> 7;
	r->state ^= r->state << 17;
	return (uint32_t)(r->state >> 32) % below;
}

/** "10.0.0.0/8" or "2001:db8::/32"; a mistake ends the test. */
static inline struct pdp_fib_prefix kit_prefix(const char *text)
{
	struct pdp_fib_prefix p = {.family = strchr(text, ':') != NULL ? 6 : 4};
	char copy[64];
	char *slash;

	snprintf(copy, sizeof(copy), "%s", text);
	slash = strchr(copy, '/');
	if (slash != NULL) {
		*slash = '\0';
		p.len = (uint8_t)atoi(slash + 1);
	}
	if (slash == NULL || inet_pton(p.family == 4 ? AF_INET : AF_INET6, copy, p.bytes) != 1)
		abort();
	return p;
}

static inline void kit_cut(struct pdp_fib_prefix *p)
{
	for (unsigned int bit = p->len; bit < 128; bit++)
		p->bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
}

static inline bool kit_covers(const struct pdp_fib_prefix *p, const uint8_t *address)
{
	for (unsigned int i = 0; i < p->len; i += 8) {
		const unsigned int left = p->len - i;
		const uint8_t mask = left >= 8 ? 0xff : (uint8_t)(0xff00 >> left);

		if ((address[i / 8] ^ p->bytes[i / 8]) & mask)
			return false;
	}
	return true;
}

static inline struct pdp_fib_route *kit_ref_find(struct kit_ref *ref,
						 const struct pdp_fib_prefix *p)
{
	for (unsigned int i = 0; i < ref->n; i++) {
		if (memcmp(&ref->routes[i].prefix, p, sizeof(*p)) == 0)
			return &ref->routes[i];
	}
	return NULL;
}

static inline void kit_ref_set(struct kit_ref *ref, const struct pdp_fib_prefix *p,
			       uint16_t nexthop, bool installed)
{
	struct pdp_fib_route *r = kit_ref_find(ref, p);

	if (r == NULL && ref->n == KIT_ROUTES_MAX)
		abort();
	if (r == NULL)
		r = &ref->routes[ref->n++];
	*r = (struct pdp_fib_route){*p, nexthop, installed};
}

static inline void kit_ref_del(struct kit_ref *ref, const struct pdp_fib_prefix *p)
{
	struct pdp_fib_route *r = kit_ref_find(ref, p);

	if (r != NULL)
		*r = ref->routes[--ref->n];
}

/** @return the number of the longest installed route that covers the address, or 0 */
static inline uint16_t kit_ref_lookup(const struct kit_ref *ref, unsigned int family,
				      const uint8_t *address)
{
	const struct pdp_fib_route *best = NULL;

	for (unsigned int i = 0; i < ref->n; i++) {
		const struct pdp_fib_route *r = &ref->routes[i];

		if (r->prefix.family == family && r->installed &&
		    (best == NULL || r->prefix.len > best->prefix.len) &&
		    kit_covers(&r->prefix, address))
			best = r;
	}
	return best != NULL ? best->nexthop : 0;
}

/** One address, among others in a bulk of n, which must not matter. */
static inline uint16_t kit_lookup_bulk(const struct pdp_fib_reader *r, unsigned int family,
				       const uint8_t *address, unsigned int n)
{
	uint8_t ips6[PDP_FIB_BULK][16];
	uint32_t ips4[PDP_FIB_BULK];
	uint16_t out[PDP_FIB_BULK + 1];

	for (unsigned int i = 0; i < n; i++) {
		memset(ips6[i], (int)(i * 37), 16);
		ips4[i] = i * 0x12345678u;
	}
	memcpy(ips6[n - 1], address, 16);
	memcpy(&ips4[n - 1], address, 4);
	ips4[n - 1] = ntohl(ips4[n - 1]);
	out[n] = 0xabcd;
	if (family == 4)
		pdp_fib_lookup4(r, ips4, out, n);
	else
		pdp_fib_lookup6(r, (const uint8_t(*)[16])ips6, out, n);
	if (out[n] != 0xabcd)
		abort();
	return out[n - 1];
}

static inline uint16_t kit_lookup(const struct pdp_fib_reader *r, unsigned int family,
				  const uint8_t *address)
{
	return kit_lookup_bulk(r, family, address, 1);
}

/** The address before or behind a prefix, or its first or last one. @param which  0..3 */
static inline void kit_edge(const struct pdp_fib_prefix *p, unsigned int which, uint8_t out[16])
{
	const unsigned int bits = p->family == 4 ? 32 : 128;
	const uint8_t step = which == 0 ? 0xff : 1;

	memcpy(out, p->bytes, 16);
	if (which >= 2) {
		for (unsigned int bit = p->len; bit < bits; bit++)
			out[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	}
	if (which == 1 || which == 2)
		return;
	for (int i = (int)bits / 8 - 1; i >= 0; i--) {
		out[i] = (uint8_t)(out[i] + step);
		if (out[i] != (step == 1 ? 0 : 0xff))
			break;
	}
}

#endif /* FIBKIT_H */
