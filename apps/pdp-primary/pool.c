/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packet pool: one for all ports; engines reach its bytes by offsets from `node.base`.
 */
#include <rte_errno.h>
#include <rte_mbuf.h>

#include "node.h"

#define CACHE 512

struct range {
	uintptr_t low;
	uintptr_t high;
};

static void on_chunk(struct rte_mempool *mp, void *arg, struct rte_mempool_memhdr *chunk,
		     unsigned int index)
{
	struct range *r = arg;

	r->low = RTE_MIN(r->low, (uintptr_t)chunk->addr);
	r->high = RTE_MAX(r->high, (uintptr_t)chunk->addr + chunk->len);
}

int pool_init(void)
{
	struct range r = {.low = UINTPTR_MAX};

	node.pool_size = memory_packets();
	node.pool = rte_pktmbuf_pool_create("pdp_packets", node.pool_size, CACHE, 0,
					    (uint16_t)memory_packet_room(), SOCKET_ID_ANY);
	if (node.pool == NULL)
		return complain("no memory for %u packets of %u bytes: %s; reserve more hugepages, "
				"give a larger -m, "
				"or set pool.packets in %s",
				node.pool_size, memory_packet_room(), rte_strerror(rte_errno),
				node.config_file);
	rte_mempool_mem_iter(node.pool, on_chunk, &r);
	if (r.high - r.low > PDP_OFF_MASK)
		return complain("the packet pool spans more than 1 TB of addresses; use a smaller "
				"pool.packets");
	node.base = (void *)r.low;
	return 0;
}

void pool_fini(void)
{
	if (!node.locks_lost)
		rte_mempool_free(node.pool);
}
