/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Groups: descriptors of packets that have much in common, in a quarter of the cache lines, which
 * are what a packet's way to another CPU costs.
 *
 * A group is a head, which looks like a descriptor with PDP_DESC_GROUP, and columns behind it, each
 * of which begins a new entry of the ring: where the packets lie (4 bytes each, without
 * PDP_DESC_ROW), their lengths (2 bytes, with PDP_DESC_LENS), their hashes (4 bytes, with
 * PDP_DESC_HASH). The head has the vif, the first packet's slot (the others have the next ones),
 * its offset, its length, the most that is visible of any, and, where a hash would be, how many
 * packets and lines from one to the next (PDP_DESC_ROW: a sealed engine's places lie in a row). Of
 * offsets in a column, the lowest and the highest bits are those of the first one's.
 *
 * A group lies in a row, and has no more entries than packets: so whatever holds of descriptors in
 * a ring holds of groups. Written by the MD (stage.h), read by engines with pdp_group_take().
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

/** What a head has in the place of a hash. @param stride bytes from one packet to the next, in
 * lines; 0: they do not lie in a row */
static inline uint64_t pdp_group_shape(uint32_t n, uint32_t stride)
{
	return (uint64_t)(n | stride / PDP_RING_LINE << 8) << PDP_OFF_BITS;
}

static inline uint32_t pdp_group_len(const struct pdp_desc *head)
{
	return (uint8_t)(head->off_hash >> PDP_OFF_BITS);
}

static inline uint64_t pdp_group_stride(const struct pdp_desc *head)
{
	return (head->off_hash >> (PDP_OFF_BITS + 8)) * PDP_RING_LINE;
}

/** Entries of a group. @param flags its PDP_DESC_ROW, PDP_DESC_LENS, and PDP_DESC_HASH */
static inline uint32_t pdp_group_entries(uint32_t n, uint8_t flags)
{
	return 1 + (flags & PDP_DESC_ROW ? 0 : pdp_group_column(n, sizeof(uint32_t))) +
	       (flags & PDP_DESC_LENS ? pdp_group_column(n, sizeof(uint16_t)) : 0) +
	       (flags & PDP_DESC_HASH ? pdp_group_column(n, sizeof(uint32_t)) : 0);
}

/** Where the packets of a group lie. */
static inline void pdp_group_places(const struct pdp_desc *head, uint32_t n, struct pdp_desc *out)
{
	const uint64_t first = head->off_hash & PDP_OFF_MASK, common = first & ~PDP_GROUP_COL;
	const uint32_t *off = (const uint32_t *)(head + 1);
	const uint8_t flags = head->flags & PDP_DESC_HASH, vif = head->vif;
	const uint16_t slot = head->slot, len = head->plen;

	if (head->flags & PDP_DESC_ROW) {
		const uint64_t stride = pdp_group_stride(head);
		const uint16_t shown = len < head->vlen ? len : head->vlen;

		for (uint32_t i = 0; i < n; i++)
			pdp_desc_write(&out[i], first + i * stride, (uint16_t)(slot + i), shown,
				       len, vif, flags);
		return;
	}
	for (uint32_t i = 0; i < n; i++)
		pdp_desc_write(&out[i], common | (uint64_t)off[i] << PDP_GROUP_SHIFT,
			       (uint16_t)(slot + i), len, len, vif, flags);
}

/* One descriptor for each packet of the group at `head`. */
static inline void pdp_group_expand(const struct pdp_desc *head, uint32_t n, struct pdp_desc *out)
{
	const struct pdp_desc *column =
		head + 1 + (head->flags & PDP_DESC_ROW ? 0 : pdp_group_column(n, sizeof(uint32_t)));

	pdp_group_places(head, n, out);
	if (head->flags & PDP_DESC_LENS) {
		const uint16_t *lens = (const uint16_t *)column, most = head->vlen;

		for (uint32_t i = 0; i < n; i++) {
			out[i].plen = lens[i];
			out[i].vlen = lens[i] < most ? lens[i] : most;
		}
		column += pdp_group_column(n, sizeof(lens[0]));
	}
	if (head->flags & PDP_DESC_HASH) {
		const uint32_t *hashes = (const uint32_t *)column;

		for (uint32_t i = 0; i < n; i++)
			out[i].off_hash |= (uint64_t)hashes[i] << PDP_OFF_BITS;
	}
}

/**
 * Take packets that wait, as descriptors of one packet each. Groups are taken whole: of one that is
 * served in parts slots would come back that the MD lends again, while its entries are still in the
 * ring, which has no more than there are slots.
 * @param waiting  entries: what pdp_ring_count() said; not 0
 * @param out      room for n
 * @param n        PDP_GROUP_MAX at least
 * @param entries  out: entries of the ring that are done with
 * @return how many
 */
static inline uint32_t pdp_group_take(struct pdp_ring_consumer *from, uint32_t waiting,
				      struct pdp_desc *out, uint32_t n, uint32_t *entries)
{
	const struct pdp_desc *ring = (const struct pdp_desc *)from->ring->entries;
	const uint32_t mask = from->mask, begin = from->head, end = begin + waiting;
	uint32_t head = begin, k = 0;

	while (head != end && k < n) {
		const struct pdp_desc *d = &ring[head & mask];
		uint32_t some;

		if (!(d->flags & PDP_DESC_GROUP)) {
			out[k++] = *d;
			head++;
			continue;
		}
		some = pdp_group_len(d);
		if (some > n - k)
			break;
		pdp_group_expand(d, some, out + k);
		head += pdp_group_entries(some, d->flags);
		k += some;
	}
	*entries = head - begin;
	from->head = head;
	return k;
}

#endif /* PDP_GROUP_H */
