/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Groups: descriptors of packets that have much in common, in a quarter of the cache lines, which
 * are what a packet's way to another CPU costs.
 *
 * A group is a head, which looks like a descriptor with PDP_DESC_GROUP, and columns behind it, each
 * of which begins a new entry of the ring: where the packets lie (4 bytes each), their lengths (2
 * bytes, with PDP_DESC_LENS), their hashes (4 bytes, with PDP_DESC_HASH). The head has the vif, the
 * first packet's slot (the others have the next ones), its offset, and its length. Of offsets, the
 * lowest and the highest bits are those of the first one's.
 *
 * A group lies in a row, and has no more entries than packets: so whatever holds of descriptors in
 * a ring holds of groups. Written by the MD (stage.c), read by engines with pdp_reader_take().
 */
#ifndef PDP_GROUP_H
#define PDP_GROUP_H

#include <pdp_desc.h>
#include <pdp_ring.h>

#define PDP_GROUP_MAX	PDP_BURST_MAX
#define PDP_GROUP_MIN	8 /**< packets: with fewer it may have more entries than that */
#define PDP_GROUP_SHIFT 6 /**< of an offset: bits below its column's */
#define PDP_GROUP_COL	(UINT64_C(0xffffffff) << PDP_GROUP_SHIFT)

/** Entries of a column of n packets. */
static inline uint32_t pdp_group_column(uint32_t n, size_t bytes)
{
	return (uint32_t)((n * bytes + sizeof(struct pdp_desc) - 1) / sizeof(struct pdp_desc));
}

/** Entries of a group. @param flags its PDP_DESC_LENS and PDP_DESC_HASH */
static inline uint32_t pdp_group_entries(uint32_t n, uint8_t flags)
{
	return 1 + pdp_group_column(n, sizeof(uint32_t)) +
	       (flags & PDP_DESC_LENS ? pdp_group_column(n, sizeof(uint16_t)) : 0) +
	       (flags & PDP_DESC_HASH ? pdp_group_column(n, sizeof(uint32_t)) : 0);
}

/** The engine's end of a ring with groups; private. */
struct pdp_reader {
	struct pdp_ring_consumer ring;
	uint32_t skip; /**< packets of the group at its head that were taken before */
};

/* n packets of the group at `head`, from the skip-th on. */
static inline void pdp_group_expand(const struct pdp_desc *head, uint32_t skip, uint32_t n,
				    struct pdp_desc *out)
{
	const uint32_t all = (uint32_t)(head->off_hash >> PDP_OFF_BITS);
	const struct pdp_desc *lens = head + 1 + pdp_group_column(all, sizeof(uint32_t));
	const struct pdp_desc *hashes = lens;
	const uint32_t *off = (const uint32_t *)(head + 1) + skip;
	const uint64_t common = head->off_hash & PDP_OFF_MASK & ~PDP_GROUP_COL;
	const uint8_t flags = head->flags & PDP_DESC_HASH, vif = head->vif;
	const uint16_t slot = (uint16_t)(head->slot + skip), len = head->plen;

	for (uint32_t i = 0; i < n; i++)
		pdp_desc_write(&out[i], common | (uint64_t)off[i] << PDP_GROUP_SHIFT,
			       (uint16_t)(slot + i), len, vif, flags);
	if (head->flags & PDP_DESC_LENS) {
		for (uint32_t i = 0; i < n; i++)
			out[i].vlen = out[i].plen = ((const uint16_t *)lens)[skip + i];
		hashes += pdp_group_column(all, sizeof(uint16_t));
	}
	if (flags & PDP_DESC_HASH) {
		for (uint32_t i = 0; i < n; i++)
			out[i].off_hash |= (uint64_t)((const uint32_t *)hashes)[skip + i]
					   << PDP_OFF_BITS;
	}
}

/**
 * Take up to n packets that wait, as descriptors of one packet each.
 * @param waiting  entries: what pdp_ring_count() said; not 0
 * @param n        1 or more
 * @param entries  out: entries of the ring that are done with
 * @return how many
 */
static inline uint32_t pdp_reader_take(struct pdp_reader *r, uint32_t waiting, struct pdp_desc *out,
				       uint32_t n, uint32_t *entries)
{
	const struct pdp_desc *ring = (const struct pdp_desc *)r->ring.ring->entries;
	const uint32_t mask = r->ring.mask, begin = r->ring.head, end = begin + waiting;
	uint32_t head = begin, k = 0;

	while (head != end && k < n) {
		const struct pdp_desc *d = &ring[head & mask];
		uint32_t all, some;

		if (!(d->flags & PDP_DESC_GROUP)) {
			out[k++] = *d;
			head++;
			continue;
		}
		all = (uint32_t)(d->off_hash >> PDP_OFF_BITS) - r->skip;
		/* A group is not torn without need. */
		if (all > n - k && k != 0)
			break;
		some = all < n ? all : n;
		pdp_group_expand(d, r->skip, some, out + k);
		k += some;
		if (some < all) {
			r->skip += some;
			break;
		}
		head += pdp_group_entries(r->skip + all, d->flags);
		r->skip = 0;
	}
	*entries = head - begin;
	r->ring.head = head;
	return k;
}

#endif /* PDP_GROUP_H */
