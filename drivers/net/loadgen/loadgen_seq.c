/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets out of place: gaps, reordering, duplicates. Runs on the lcores that send to a sink. */
#include "loadgen_seq.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_pause.h>

#define FLOOR_AGE (1u << 30) /* older gaps are forgotten before their numbers wrap */

int lg_flow_table_init(struct lg_flow_table *t, uint32_t n_flows)
{
	memset(t, 0, sizeof(*t));
	t->n_flows = n_flows;
	t->n_slots = n_flows < LG_GAP_SLOTS ? n_flows : LG_GAP_SLOTS;
	t->words = calloc(n_flows, sizeof(*t->words));
	t->slots = calloc(t->n_slots, sizeof(*t->slots));
	if (t->words == NULL || t->slots == NULL) {
		lg_flow_table_fini(t);
		return -ENOMEM;
	}
	return 0;
}

void lg_flow_table_fini(struct lg_flow_table *t)
{
	free(t->words);
	free(t->slots);
	memset(t, 0, sizeof(*t));
}

void lg_flow_table_clear(struct lg_flow_table *t)
{
	if (t->words == NULL)
		return;
	memset(t->words, 0, t->n_flows * sizeof(*t->words));
	memset(t->slots, 0, t->n_slots * sizeof(*t->slots));
}

static void lock(struct lg_flow_table *t)
{
	while (__atomic_exchange_n(&t->lock, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&t->lock, __ATOMIC_RELAXED))
			rte_pause();
}

static void unlock(struct lg_flow_table *t)
{
	__atomic_store_n(&t->lock, 0, __ATOMIC_RELEASE);
}

static void drop_oldest(struct lg_gap_slot *slot)
{
	slot->floor = slot->gaps[0].first + slot->gaps[0].n;
	memmove(&slot->gaps[0], &slot->gaps[1], --slot->n * sizeof(slot->gaps[0]));
}

/* The flow's slot; one that served another flow forgets that one, and knows of this one only from
 * `next` on. */
static struct lg_gap_slot *find_slot(struct lg_flow_table *t, uint32_t flow, uint32_t next)
{
	struct lg_gap_slot *slot = &t->slots[flow % t->n_slots];

	if (slot->flow != flow + 1) {
		slot->floor = slot->flow == 0 ? 0 : next;
		slot->flow = flow + 1;
		slot->n = 0;
	}
	if (next - slot->floor > FLOOR_AGE) {
		slot->floor = next - FLOOR_AGE;
		while (slot->n > 0 && (int32_t)(slot->gaps[0].first - slot->floor) < 0)
			drop_oldest(slot);
	}
	return slot;
}

static void add_gap(struct lg_gap_slot *slot, struct lg_gap gap)
{
	if (slot->n == LG_GAPS)
		drop_oldest(slot);
	slot->gaps[slot->n++] = gap;
}

/* Take `seq` out of the gap it fills. @return false: no gap holds it; *place of the packet that
 * opened the gap */
static bool fill_gap(struct lg_gap_slot *slot, uint32_t seq, uint32_t *place)
{
	struct lg_gap *gap = slot->gaps, rest;
	uint32_t i = 0;

	while (i < slot->n && seq - gap[i].first >= gap[i].n)
		i++;
	if (i == slot->n)
		return false;
	*place = gap[i].place;
	rest = (struct lg_gap){
		.first = seq + 1, .n = gap[i].first + gap[i].n - (seq + 1), .place = gap[i].place};
	gap[i].n = seq - gap[i].first;
	if (gap[i].n == 0) {
		if (rest.n > 0)
			gap[i] = rest;
		else
			memmove(&gap[i], &gap[i + 1], (--slot->n - i) * sizeof(gap[0]));
		return true;
	}
	if (rest.n == 0)
		return true;
	if (slot->n == LG_GAPS) {
		drop_oldest(slot);
		if (i == 0) { /* it was the one just split: its rest is still known */
			slot->floor = rest.first;
			memmove(&gap[1], &gap[0], slot->n++ * sizeof(gap[0]));
			gap[0] = rest;
			return true;
		}
		i--;
	}
	memmove(&gap[i + 2], &gap[i + 1], (slot->n - (i + 1)) * sizeof(gap[0]));
	gap[i + 1] = rest;
	slot->n++;
	return true;
}

/* A number already passed: late (RFC 4737: reordered), or seen before. */
static bool judge_late(struct lg_gap_slot *slot, uint32_t seq, uint32_t received,
		       struct lg_seq_counters *c)
{
	uint32_t place;

	if (fill_gap(slot, seq, &place)) {
		c->missing--;
		c->reordered++;
		if (received - place > c->extent_max)
			c->extent_max = received - place;
		return true;
	}
	if ((int32_t)(seq - slot->floor) >= 0) {
		c->duplicates++;
		return false;
	}
	c->missing--;
	c->reordered++; /* older than what is remembered: its extent is not known */
	return true;
}

bool lg_seq_out_of_place(struct lg_flow_table *t, uint32_t flow, uint32_t seq,
			 struct lg_seq_counters *c)
{
	uint64_t *word = &t->words[flow];
	union lg_flow_state old, new;
	struct lg_gap_slot *slot;
	bool fresh = true;

	lock(t);
	old.word = __atomic_load_n(word, __ATOMIC_RELAXED);
	do {
		new = old;
		new.received++;
		if ((int32_t)(seq - old.next) >= 0)
			new.next = seq + 1;
		/* A duplicate is taken back below; only holders of the lock come here out of order.
		 */
	} while (!__atomic_compare_exchange_n(word, &old.word, new.word, false, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));

	slot = find_slot(t, flow, old.next);
	if ((int32_t)(seq - old.next) > 0) {
		c->missing += seq - old.next;
		add_gap(slot, (struct lg_gap){.first = old.next,
					      .n = seq - old.next,
					      .place = old.received});
	} else if (seq != old.next) {
		fresh = judge_late(slot, seq, old.received, c);
		if (!fresh)
			__atomic_fetch_sub(word, 1ull << 32, __ATOMIC_RELAXED);
	}
	unlock(t);
	return fresh;
}
