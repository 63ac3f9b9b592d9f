/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Queues of packets that wait for a full port. MD lcore only, and only while there is a backlog.
 * Budget: 10 cycles a packet.
 */
#include "drr.h"

#include <errno.h>
#include <stdlib.h>

int drr_queue_init(struct drr_queue *q, uint32_t max)
{
	uint32_t size = 1;

	while (size < max)
		size *= 2;
	/* Not touched, so not there, until the first packet waits. */
	*q = (struct drr_queue){
		.items = malloc(size * sizeof(q->items[0])), .mask = size - 1, .max = max};
	return q->items != NULL ? 0 : -ENOMEM;
}

void drr_queue_fini(struct drr_queue *q)
{
	free(q->items);
	q->items = NULL;
}

static void append(struct drr *d, struct drr_queue *q)
{
	q->next = NULL;
	if (d->first == NULL)
		d->first = q;
	else
		d->last->next = q;
	d->last = q;
}

bool drr_push(struct drr *d, struct drr_queue *q, struct drr_item item)
{
	if (q->n >= q->max)
		return false;
	if (q->n == 0)
		append(d, q);
	q->items[(q->head + q->n) & q->mask] = item;
	__atomic_store_n(&q->n, q->n + 1, __ATOMIC_RELAXED);
	d->n++;
	return true;
}

/* What a queue may send of its deficit. */
static unsigned int pull_turn(struct drr_queue *q, struct drr_item *out, unsigned int n)
{
	unsigned int taken = 0;

	while (taken < n && taken < q->n) {
		const struct drr_item *item = &q->items[(q->head + taken) & q->mask];

		if (item->len + DRR_WIRE > q->deficit)
			break;
		q->deficit -= item->len + DRR_WIRE;
		out[taken++] = *item;
	}
	q->head += taken;
	__atomic_store_n(&q->n, q->n - taken, __ATOMIC_RELAXED);
	return taken;
}

unsigned int drr_pull(struct drr *d, struct drr_item *out, unsigned int n)
{
	unsigned int taken = 0;

	while (taken < n && d->first != NULL) {
		struct drr_queue *q = d->first;

		if (!q->granted)
			q->deficit += DRR_QUANTUM;
		q->granted = true;
		taken += pull_turn(q, out + taken, n - taken);
		/* Its turn goes on with the next call. */
		if (taken == n && q->n != 0)
			break;
		d->first = q->next;
		q->granted = false;
		if (q->n != 0)
			append(d, q);
		else
			q->deficit = 0;
	}
	d->n -= taken;
	return taken;
}
