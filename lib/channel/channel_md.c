/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The MD's end of a channel, all that is not done for every packet: life, waking, BLANKs, sweeping,
 * control messages.
 */
#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "pdp_sealed_md.h"

#define WAKE_GAP_US 50

struct pdp_chan *pdp_chan_create(struct pdp_region *region, unsigned int index, const void *base,
				 bool may_sleep)
{
	const uint32_t n = region->n_slots + region->n_blanks;
	struct pdp_chan *ch;

	assert(index < region->n_md);
	ch = aligned_alloc(PDP_LINE, RTE_ALIGN_CEIL(sizeof(*ch), PDP_LINE));
	if (ch == NULL)
		return NULL;
	*ch = (struct pdp_chan){
		.ledger = calloc(n, sizeof(*ch->ledger)),
		.free = calloc(pdp_ring_entries(region->n_slots), sizeof(*ch->free)),
		.free_mask = pdp_ring_entries(region->n_slots) - 1,
		.blank_free = calloc(region->n_blanks + 1, sizeof(*ch->blank_free)),
		.base = (uintptr_t)base,
		.n_slots = region->n_slots,
		.n_free = region->n_slots,
		.n_blanks = region->n_blanks,
		.n_blank_free = region->n_blanks,
		.may_sleep = may_sleep,
		.status = pdp_region_status(region),
	};
	if (ch->ledger == NULL || ch->free == NULL || ch->blank_free == NULL) {
		ch->n_blanks = ch->n_blank_free = 0;
		pdp_chan_destroy(ch);
		errno = ENOMEM;
		return NULL;
	}
	pdp_ring_producer_init(&ch->to, pdp_region_ring(region, region->channels[index].to_off), n);
	pdp_ring_consumer_init(
		&ch->from, pdp_region_ring(region, region->channels[index].from_off),
		region->sealed ? pdp_sealed_returns(region->n_slots, region->n_blanks) : n);
	for (uint32_t i = 0; i < ch->n_slots; i++)
		ch->free[i] = (uint16_t)i;
	for (uint32_t i = 0; i < ch->n_blanks; i++)
		ch->blank_free[i] = (uint16_t)(ch->n_slots + i);
	return ch;
}

void pdp_chan_destroy(struct pdp_chan *ch)
{
	if (ch == NULL)
		return;
	assert(ch->n_free == ch->n_slots && ch->n_blank_free == ch->n_blanks);
	free(ch->ledger);
	free(ch->free);
	free(ch->blank_free);
	pdp_sealed_close(ch->sealed);
	free(ch);
}

void pdp_status_wake(struct pdp_status *status)
{
	/* The engine read wake_seq before its last look at the rings: a change makes its FUTEX_WAIT
	 * return. One thread is waiting; each more that a VR has sent to wait there would cost the
	 * caller another half a microsecond. */
	__atomic_fetch_add(&status->wake_seq, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &status->wake_seq, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void pdp_chan_wake(struct pdp_chan *ch)
{
	const uint64_t now = rte_rdtsc();

	if (now - ch->last_wake_tsc < WAKE_GAP_US * rte_get_tsc_hz() / 1000000) {
		ch->wake_pending = true;
		return;
	}
	ch->wake_pending = false;
	ch->last_wake_tsc = now;
	ch->wakes++;
	pdp_status_wake(ch->status);
}

unsigned int pdp_chan_top_up(struct pdp_chan *ch, struct rte_mempool *pool, unsigned int max)
{
	unsigned int n = RTE_MIN(RTE_MIN(ch->n_blank_free, max), (unsigned int)PDP_BLANK_BURST);
	struct rte_mbuf *pkts[PDP_BLANK_BURST];
	struct pdp_desc *d;

	if (n == 0 || rte_pktmbuf_alloc_bulk(pool, pkts, n) != 0)
		return 0;
	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		uint16_t slot = ch->blank_free[--ch->n_blank_free];
		uint16_t room = rte_pktmbuf_tailroom(m);
		uintptr_t at = (uintptr_t)m->buf_addr + m->data_off;

		if (ch->sealed != NULL) {
			room = (uint16_t)RTE_MIN(room, ch->sealed->room);
			at = (uintptr_t)pdp_sealed_at(ch, slot);
			ch->sealed->shown[slot - ch->n_slots] = 0;
		}
		ch->ledger[slot] = (struct pdp_ledger){.m = m, .start = m->data_off};
		d = pdp_ring_next(&ch->to, 1, sizeof(*d));
		pdp_desc_write(d, at - ch->base, slot, room, room, 0, PDP_DESC_BLANK);
	}
	pdp_ring_publish(&ch->to);
	ch->n_staged = 0;
	return n;
}

unsigned int pdp_chan_sweep(struct pdp_chan *ch, unsigned int *n_blanks)
{
	unsigned int n = 0;

	*n_blanks = 0;
	for (uint32_t slot = 0; slot < ch->n_slots + ch->n_blanks; slot++) {
		struct rte_mbuf *m = ch->ledger[slot].m;

		if (m == NULL)
			continue;
		ch->ledger[slot].m = NULL;
		rte_pktmbuf_free(m);
		if (slot < ch->n_slots) {
			pdp_chan_free_put(ch, (uint16_t)slot);
			n++;
		} else {
			ch->blank_free[ch->n_blank_free++] = (uint16_t)slot;
			(*n_blanks)++;
		}
	}
	return n;
}

int pdp_ctl_take(struct pdp_chan *ch, struct pdp_ctl *ctl, uint16_t *engine,
		 struct pdp_ctl_elem *msg)
{
	unsigned int n;

	if (!pdp_ctl_ring_take(&ctl->from, msg, 1))
		return 0;
	*engine = msg->engine;
	if (msg->size > PDP_VR_MSG_SIZE)
		goto lie;
	n = pdp_ctl_elems(msg->size);
	if (n > 1 && !pdp_ctl_ring_take(&ctl->from, msg + 1, n - 1))
		goto lie;
	return (int)n;
lie:
	ch->lies[PDP_LIE_CONTROL]++;
	return -1;
}

bool pdp_ctl_put(struct pdp_chan *ch, struct pdp_ctl *ctl, uint16_t from_engine,
		 struct pdp_ctl_elem *msg, unsigned int n_elems)
{
	msg->engine = from_engine;
	if (!pdp_ctl_ring_put(&ctl->to, msg, n_elems))
		return false;
	pdp_chan_notify(ch);
	return true;
}
