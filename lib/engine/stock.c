/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory for regions of secondaries, and what may hold it up.
 *
 * EAL's heap is guarded by locks that all processes share. A secondary takes them while it
 * attaches, and nobody can release those of one that is stopped or killed then. So the primary
 * keeps away from the heap while its node runs: zones for as many engines as are configured are
 * reserved before the first of them starts, and those of engines that are gone serve the next ones
 * of their VR.
 *
 * An engine that died while it attached may have left locks. The next one that gets through
 * shows that all are free; one that does not in all the time it has shows that they are lost: no
 * engine can start any more then, while those that run go on. Control thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine_priv.h"
#include "pdp_log.h"

#define LOST                                                                                      \
	"an engine was killed while it attached, and a lock of DPDK's shared memory is held for " \
	"ever: engines that run go on, no other one can start until the node is started again"

/* In rte_eal_init(): it takes and releases locks that all processes share. */
bool engine_attaching(const struct engine *e)
{
	return !engine_sealed(e) && e->state == PDP_ENGINE_JOINING && e->status != NULL &&
	       __atomic_load_n(&e->status->phase, __ATOMIC_ACQUIRE) == PDP_PHASE_EMPTY;
}

bool pdp_engines_locks_lost(const struct pdp_engines *all)
{
	return all != NULL && all->locks != LOCKS_FREE;
}

static unsigned int n_attaching(const struct pdp_engines *all)
{
	unsigned int n = 0;

	for (unsigned int v = 0; v < all->p.n_vrs; v++) {
		for (unsigned int i = 0; i < all->pools[v].top; i++) {
			const struct engine *e = all->by_vr[v][i];

			n += e != NULL && e->zone != NULL &&
			     (e->state == PDP_ENGINE_STARTING || engine_attaching(e));
		}
	}
	return n;
}

int locks_may_start(const struct pdp_engines *all, unsigned int vr, char *err, size_t err_size)
{
	if (all->p.vrs[vr].sealed)
		return 0;
	if (all->locks == LOCKS_LOST) {
		snprintf(err, err_size, LOST);
		return -ENOLCK;
	}
	if (all->locks == LOCKS_DOUBTFUL && n_attaching(all) != 0) {
		snprintf(
			err, err_size,
			"an engine was killed while it attached; until another one has attached no "
			"further one is started");
		return -EAGAIN;
	}
	return 0;
}

void locks_died(struct engine *e)
{
	/* One that said what it failed of has come back from EAL. */
	if (engine_attaching(e) && !e->failed && e->all->locks == LOCKS_FREE)
		e->all->locks = LOCKS_DOUBTFUL;
}

void locks_attached(struct engine *e)
{
	if (e->zone != NULL && e->all->locks == LOCKS_DOUBTFUL)
		e->all->locks = LOCKS_FREE;
}

bool locks_stuck(struct engine *e)
{
	if (!engine_attaching(e))
		return false;
	if (e->all->locks == LOCKS_FREE) {
		e->all->locks = LOCKS_DOUBTFUL;
	} else if (e->all->locks == LOCKS_DOUBTFUL) {
		e->all->locks = LOCKS_LOST;
		PDP_LOG(ERR, LOST);
	}
	return true;
}

static const struct rte_memzone *reserve(struct pool *pool, unsigned int vr, size_t size)
{
	char name[RTE_MEMZONE_NAMESIZE];

	snprintf(name, sizeof(name), "pdp_%s_%u", pool->all->p.vrs[vr].name, pool->n_zones);
	return rte_memzone_reserve_aligned(name, size, SOCKET_ID_ANY, 0, PDP_LINE);
}

bool stock_may_grow(const struct pdp_engines *all)
{
	return all->locks == LOCKS_FREE && n_attaching(all) == 0;
}

int stock_fill(struct pdp_engines *all, unsigned int vr, unsigned int n, size_t size)
{
	struct pool *pool = &all->pools[vr];

	while (pool->n_zones < RTE_MIN(n, (unsigned int)STOCK_MAX)) {
		const struct rte_memzone *zone = reserve(pool, vr, size);

		if (zone == NULL)
			return -ENOMEM;
		pool->n_zones++;
		pool->stock[pool->n_stock++] = zone;
	}
	return 0;
}

const struct rte_memzone *stock_take(struct engine *e, size_t size, char *err, size_t err_size)
{
	struct pool *pool = &e->all->pools[e->vr];

	if (pool->n_stock != 0)
		return pool->stock[--pool->n_stock];
	if (!stock_may_grow(e->all)) {
		snprintf(err, err_size,
			 "no memory is reserved for one engine more, and none can be while another "
			 "one attaches; try again");
		errno = EAGAIN;
		return NULL;
	}
	if (stock_fill(e->all, e->vr, pool->n_zones + 1, size) == 0 && pool->n_stock != 0)
		return pool->stock[--pool->n_stock];
	snprintf(err, err_size,
		 "no %zu KiB of hugepage memory left for its rings; start the primary with a "
		 "larger -m, or use fewer slots",
		 size >> 10);
	errno = ENOMEM;
	return NULL;
}

void stock_give(struct engine *e, const struct rte_memzone *zone)
{
	struct pool *pool = &e->all->pools[e->vr];

	pool->stock[pool->n_stock++] = zone;
}

void stock_free(struct pdp_engines *all)
{
	for (unsigned int v = 0; v < all->p.n_vrs; v++) {
		struct pool *pool = &all->pools[v];

		while (pool->n_stock != 0 && all->locks == LOCKS_FREE)
			rte_memzone_free(pool->stock[--pool->n_stock]);
	}
}
