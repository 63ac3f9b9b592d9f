/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a classifier is made of: per port a VLAN table, a hash map of tunnel endpoints and VNIs, a
 * trie of source prefixes for each family, and the whole-port vif.
 *
 * Written by the control thread before any MD lcore sees it, read-only from then on.
 */
#ifndef CLASSIFY_PRIV_H
#define CLASSIFY_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pdp_classify.h>
#include <pdp_hdr.h>

/* A result: gid in bits 0-15, inner offset (below 4096) from 16 on; CLS_SET tells it from an empty
 * table entry (0). */
#define CLS_SET		0x40000000u
#define CLS_RESULT_MASK 0x3fffffffu

static inline uint32_t cls_entry(uint16_t gid, unsigned int inner_off)
{
	return CLS_SET | inner_off << 16 | gid;
}

#define CLS_DROP(drop) ((uint32_t)PDP_GID_DROP + (drop))

/* --- exact match: tunnel endpoints, their addresses, VNIs --- */

/* What a key of the map is. Stands in its upper half of `what`; the lower half is the UDP port or
 * 0. */
enum {
	CLS_KEY_UDP4 = 1 << 16,
	CLS_KEY_UDP6 = 2 << 16,
	CLS_KEY_ADDR4 = 3 << 16, /* UDP port 0: an address that some endpoint has */
	CLS_KEY_ADDR6 = 4 << 16,
	CLS_KEY_VNI = 5 << 16
}; /* address[0]: VNI, address[1]: value of the endpoint */

struct cls_key {
	uint64_t address[2]; /* raw bytes; IPv4 in the first 4 of the first word */
	uint32_t what;
};

/* Two in a cache line. value 0: empty. Endpoints of VXLAN: CLS_ENDPOINT | gid of the endpoint's
 * first vif. */
struct cls_slot {
	struct cls_key key;
	uint32_t value;
};

#define CLS_ENDPOINT 0x80000000u

/* Open addressing, at most half full. */
struct cls_map {
	struct cls_slot *slots;
	uint64_t mask;
	uint32_t n;
};

static inline uint64_t cls_map_hash(const struct cls_key *key)
{
	uint64_t h = key->address[0] ^ (uint64_t)key->what << 32;

	h = (h ^ h >> 29) * 0x9e3779b97f4a7c15;
	h = (h ^ h >> 32 ^ key->address[1]) * 0xd6e8feb86659fd93;
	return h ^ h >> 32;
}

/* @return the value, or 0 */
static inline uint32_t cls_map_get(const struct cls_map *map, const struct cls_key *key)
{
	uint64_t i = cls_map_hash(key);

	for (;; i++) {
		const struct cls_slot *slot = &map->slots[i & map->mask];

		if (slot->value == 0)
			return 0;
		if (slot->key.address[0] == key->address[0] &&
		    slot->key.address[1] == key->address[1] && slot->key.what == key->what)
			return slot->value;
	}
}

/* @return 0 or -ENOMEM. The key must not be there yet. */
int cls_map_put(struct cls_map *map, const struct cls_key *key, uint32_t value);
void cls_map_free(struct cls_map *map);

/* --- longest prefix: a root of 2^16 entries, 8-bit plies below --- */

#define CLS_PLY		  0x80000000u /* the entry is the number of a ply */
#define CLS_TRIE_ROOT	  65536u
#define CLS_TRIE_PLY_SIZE 256u

struct cls_trie {
	uint32_t *root; /* NULL: no prefix of this family */
	uint32_t *plies;
	uint32_t n_plies, max_plies;
};

/* @return the entry of the longest prefix that matches, or 0 */
static inline uint32_t cls_trie_get(const struct cls_trie *trie, const uint8_t *address)
{
	uint32_t entry = trie->root[address[0] << 8 | address[1]];

	for (address += 2; entry & CLS_PLY; address++)
		entry = trie->plies[(entry & ~CLS_PLY) * CLS_TRIE_PLY_SIZE + *address];
	return entry;
}

/* Prefixes must come shortest first. @return 0 or -ENOMEM */
int cls_trie_put(struct cls_trie *trie, const uint8_t *address, unsigned int len, uint32_t entry);
void cls_trie_free(struct cls_trie *trie);

/* --- the whole --- */

/* What there is to look at on a port, so that nothing else is. */
enum {
	CLS_HAS_TUNNEL4 = 1,
	CLS_HAS_TUNNEL6 = 2,
	CLS_HAS_VLAN = 4,
	CLS_HAS_PREFIX4 = 8,
	CLS_HAS_PREFIX6 = 16
};

struct cls_port {
	uint32_t has;	    /* CLS_HAS_* */
	uint32_t otherwise; /* the whole-port vif's result or PDP_CLS_NO_MATCH */
	uint32_t *vlans;    /* 4096 entries, or NULL */
	struct cls_map map;
	struct cls_trie trie4;
	struct cls_trie trie6;
};

struct pdp_classifier {
	struct cls_port *ports;
	unsigned int n_ports;
};

#endif /* CLASSIFY_PRIV_H */
