/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * EAL without hugepages, a packet pool, and the engine's end of a channel by hand: for tests of
 * lib/channel and lib/dispatch. Everything a peer can do wrong is one call away.
 */
#ifndef TEST_KIT_H
#define TEST_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include <pdp_sealed_md.h>

#define KIT_ROOM 2048 /* bytes of a packet without headroom */

/* The engine's end of one channel. */
struct kit_end {
	struct pdp_ring_consumer to;   /* from the MD: struct pdp_desc */
	struct pdp_ring_producer from; /* to the MD: struct pdp_return */
	struct pdp_ctl_end ctl_to;
	struct pdp_ctl_end ctl_from;
	struct pdp_desc taken[PDP_GROUP_MAX]; /* groups are taken whole */
	unsigned int n_taken;
	unsigned int at; /* first of them that is not given out */
};

/* A region with channel 0 at both ends. */
struct kit {
	struct rte_mempool *pool;
	const void *base;
	unsigned int pool_size;
	struct pdp_region *region;
	struct pdp_chan *ch;
	struct pdp_ctl ctl;
	struct kit_end end;
};

/* Start EAL once a process. For cmocka's group setup; 0 or -1. */
int kit_eal(void **state);

/* A pool of n packets of KIT_ROOM bytes; asserted. */
struct rte_mempool *kit_pool(const char *name, unsigned int n);
/* What offsets of its packets count from. */
const void *kit_base(struct rte_mempool *pool);

/* A region for n_md channels; free() it. */
struct pdp_region *kit_region(unsigned int n_md, uint32_t n_slots, uint32_t n_blanks,
			      const void *base);
/* The same for a sealed engine, and its packets' memory; free() both. */
struct pdp_region *kit_region_sealed(unsigned int n_md, uint32_t n_slots, uint32_t n_blanks);
uint8_t *kit_packets(const struct pdp_sealed_shape *shape);
void kit_end_open(struct kit_end *end, struct pdp_region *region, unsigned int channel);
/* Everything that waits, up to n. */
unsigned int kit_end_take(struct kit_end *end, struct pdp_desc *descs, unsigned int n);
/* Put and publish one. */
void kit_end_give(struct kit_end *end, struct pdp_return r);

/* Pool, region, both ends. kit_close() asserts that every buffer is back in the pool. */
void kit_open(struct kit *k, unsigned int pool, uint32_t n_slots, uint32_t n_blanks);
void kit_close(struct kit *k);

/* A packet of len bytes whose first byte is `mark`. */
struct rte_mbuf *kit_packet(struct rte_mempool *pool, uint16_t len, uint8_t mark);

/* One packet into the channel, and one out of what came back: by these alone tests use the bursts.
 */
static inline void kit_stage(struct pdp_chan *ch, struct rte_mbuf *m, uint32_t hash, uint8_t vif,
			     uint8_t flags)
{
	pdp_chan_stage(ch, &m, 1, &hash, vif, flags);
}

enum kit_taken { KIT_NONE, KIT_PKT, KIT_BLANK };

/* ok: offset and lengths are possible. m: the packet, or NULL with KIT_NONE. */
static inline enum kit_taken kit_chan_take(struct pdp_chan *ch, const struct pdp_return *r,
					   struct rte_mbuf **m, bool *ok)
{
	struct pdp_return returns[64];
	struct pdp_taken taken;

	pdp_chan_take(ch, r, 1, true, returns, &taken);
	*m = taken.none & 1 ? NULL : taken.m[0];
	*ok = *m != NULL && !(taken.bad & 1);
	return *m == NULL ? KIT_NONE : taken.blank & 1 ? KIT_BLANK : KIT_PKT;
}

/* What an engine returns of a packet that it was lent, unchanged, with a verdict. */
static inline struct pdp_return kit_answer(struct pdp_desc d, enum pdp_verdict verdict, uint8_t vif)
{
	return (struct pdp_return){
		.slot = d.slot, .len = d.plen, .vif = vif, .verdict = pdp_return_pack(verdict, 0)};
}

#endif /* TEST_KIT_H */
