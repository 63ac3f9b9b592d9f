/* SPDX-License-Identifier: BSD-3-Clause */
/* EAL, a pool, and the engine's end of a channel, for tests. */
#include "kit.h"

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_log.h>

int kit_eal(void **state)
{
	/* --no-huge alone leaves files; with --in-memory it is refused (it implies --legacy-mem).
	 */
	static char *args[] = {"test",	   "--no-huge", "--no-shconf",	  "-m", "256", "--no-pci",
			       "--lcores", "0@0",	"--no-telemetry", NULL};
	static bool started;

	if (started)
		return 0;
	rte_log_set_global_level(RTE_LOG_ERR);
	started = rte_eal_init((int)RTE_DIM(args) - 1, args) >= 0;
	return started ? 0 : -1;
}

struct rte_mempool *kit_pool(const char *name, unsigned int n)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create(
		name, n, 0, 0, RTE_PKTMBUF_HEADROOM + KIT_ROOM, SOCKET_ID_ANY);

	assert_non_null(pool);
	return pool;
}

static void lowest(struct rte_mempool *mp, void *arg, struct rte_mempool_memhdr *chunk,
		   unsigned int index)
{
	uintptr_t *low = arg;

	*low = RTE_MIN(*low, (uintptr_t)chunk->addr);
}

const void *kit_base(struct rte_mempool *pool)
{
	uintptr_t low = UINTPTR_MAX;

	rte_mempool_mem_iter(pool, lowest, &low);
	return (const void *)low;
}

static struct pdp_region *make_region(unsigned int n_md, uint32_t n_slots, uint32_t n_blanks,
				      const void *base, bool sealed)
{
	const struct pdp_region_params params = {
		.n_md = n_md,
		.sealed = sealed,
		.n_slots = n_slots,
		.n_blanks = n_blanks,
		.n_engines = 64,
		.conf_size = 256,
		.tsc_hz = rte_get_tsc_hz(),
	};
	const size_t size = pdp_region_size(&params);
	void *mem;

	assert_int_not_equal(size, 0);
	mem = aligned_alloc(PDP_LINE, RTE_ALIGN_CEIL(size, PDP_LINE));
	assert_non_null(mem);
	assert_non_null(pdp_region_create(mem, &params, base));
	return mem;
}

struct pdp_region *kit_region(unsigned int n_md, uint32_t n_slots, uint32_t n_blanks,
			      const void *base)
{
	return make_region(n_md, n_slots, n_blanks, base, false);
}

struct pdp_region *kit_region_sealed(unsigned int n_md, uint32_t n_slots, uint32_t n_blanks)
{
	return make_region(n_md, n_slots, n_blanks, NULL, true);
}

uint8_t *kit_packets(const struct pdp_sealed_shape *shape)
{
	const size_t size = RTE_ALIGN_CEIL(pdp_sealed_size(shape), PDP_LINE);
	uint8_t *mem = aligned_alloc(PDP_LINE, size);

	assert_non_null(mem);
	memset(mem, 0, size);
	return mem;
}

void kit_end_open(struct kit_end *end, struct pdp_region *region, unsigned int channel)
{
	const uint32_t n = region->n_slots + region->n_blanks;

	end->n_taken = end->at = 0;
	pdp_ring_consumer_init(&end->to, pdp_region_ring(region, region->channels[channel].to_off),
			       n);
	pdp_ring_producer_init(
		&end->from, pdp_region_ring(region, region->channels[channel].from_off),
		region->sealed ? pdp_sealed_returns(region->n_slots, region->n_blanks) : n);
	end->ctl_to = (struct pdp_ctl_end){.ring = pdp_region_ctl(region, region->ctl_to_off)};
	end->ctl_from = (struct pdp_ctl_end){.ring = pdp_region_ctl(region, region->ctl_from_off)};
}

/* Entries of the ring that the next descriptor or group has; 0: somebody wrote over it. */
static uint32_t next_entries(const struct pdp_ring_consumer *to, uint32_t waiting)
{
	const struct pdp_desc *d = (const struct pdp_desc *)to->ring->entries +
				   (to->head & to->mask);
	uint32_t n;

	if (!(d->flags & PDP_DESC_GROUP))
		return 1;
	n = pdp_group_entries(pdp_group_len(d), d->flags);
	return pdp_group_len(d) <= PDP_GROUP_MAX && n <= waiting &&
			       pdp_ring_run(to->head, to->mask, n) == n
		       ? n
		       : 0;
}

unsigned int kit_end_take(struct kit_end *end, struct pdp_desc *descs, unsigned int n)
{
	uint32_t waiting, entries;
	unsigned int k = 0;

	while (k < n) {
		if (end->at < end->n_taken) {
			descs[k++] = end->taken[end->at++];
			continue;
		}
		waiting = pdp_ring_count(&end->to);
		if (waiting == 0)
			break;
		entries = next_entries(&end->to, waiting);
		end->at = end->n_taken = 0;
		if (entries == 0)
			end->to.head += waiting;
		else
			end->n_taken = pdp_group_take(&end->to, entries, end->taken, PDP_GROUP_MAX,
						      &entries);
	}
	return k;
}

void kit_end_give(struct kit_end *end, struct pdp_return r)
{
	memcpy(pdp_ring_next(&end->from, 1, sizeof(r)), &r, sizeof(r));
	pdp_ring_publish(&end->from);
}

void kit_open(struct kit *k, unsigned int pool, uint32_t n_slots, uint32_t n_blanks)
{
	*k = (struct kit){.pool = kit_pool("kit", pool), .pool_size = pool};
	k->base = kit_base(k->pool);
	k->region = kit_region(1, n_slots, n_blanks, k->base);
	k->ch = pdp_chan_create(k->region, 0, k->base, false);
	assert_non_null(k->ch);
	k->ctl = pdp_ctl_open(k->region);
	kit_end_open(&k->end, k->region, 0);
}

void kit_close(struct kit *k)
{
	pdp_chan_destroy(k->ch);
	assert_int_equal(rte_mempool_avail_count(k->pool), k->pool_size);
	rte_mempool_free(k->pool);
	free(k->region);
}

struct rte_mbuf *kit_packet(struct rte_mempool *pool, uint16_t len, uint8_t mark)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	char *data;

	assert_non_null(m);
	data = rte_pktmbuf_append(m, len);
	assert_non_null(data);
	memset(data, mark, len);
	return m;
}
