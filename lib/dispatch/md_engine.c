/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Engines joining and leaving a running MD lcore, and its account of packets. Runs on the MD lcore
 * between two turns of its loop (pdp_md_call), so nothing here needs a lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dispatch_priv.h"

#define MOVE_MIN 32 /* packets by which a queue has to be longer for a bucket to leave it */

/*
 * The lists can hold every engine, so that the loop never has to ask for room; and twice, because
 * one that collect takes off the active list may be put on it again before the pass ends, by held
 * packets that another one's returns let go to it.
 */
static int lists_grow(struct pdp_md *md)
{
	unsigned int max = md->max_engines ? 2 * md->max_engines : 8;
	struct md_engine ***lists[] = {&md->dirty, &md->active, &md->engines};

	if (md->n_engines < md->max_engines)
		return 0;
	for (unsigned int i = 0; i < RTE_DIM(lists); i++) {
		void *p = realloc(*lists[i], 2 * max * sizeof(struct md_engine *));

		if (p == NULL)
			return -ENOSPC;
		*lists[i] = p;
	}
	md->max_engines = max;
	return 0;
}

static void list_remove(struct md_engine **list, unsigned int *n, const struct md_engine *e)
{
	for (unsigned int i = 0; i < *n; i++) {
		if (list[i] != e)
			continue;
		list[i] = list[--*n];
		return;
	}
}

int pdp_md_engine_add(struct pdp_md *md, unsigned int vr_index, unsigned int engine,
		      struct pdp_chan *ch, struct pdp_ctl *ctl, uint32_t weight, bool active)
{
	struct md_vr *vr = &md->vrs[vr_index];
	struct md_engine *e;

	if (engine >= PDP_ENGINES_MAX || vr->all[engine] != NULL || lists_grow(md) != 0)
		return -ENOSPC;
	e = malloc(sizeof(*e));
	if (e == NULL)
		return -ENOSPC;
	*e = (struct md_engine){.ch = ch, .ctl = ctl, .vr = vr, .index = (uint16_t)engine};
	vr->all[engine] = e;
	if (md_order_fit(vr) != 0) {
		vr->all[engine] = NULL;
		free(e);
		return -ENOSPC;
	}
	vr->n_all++;
	md->engines[md->n_engines++] = e;
	if (active)
		pdp_md_engine_activate(md, vr_index, engine, weight);
	md_vr_settle(md, vr);
	return 0;
}

/* A bucket moves for so many packets, and for fewer where an engine holds few. */
static void set_move_min(struct md_vr *vr)
{
	uint32_t packets = MOVE_MIN;

	for (unsigned int p = 0; p < vr->n_engines; p++)
		packets = RTE_MIN(packets, vr->engines[p]->ch->n_slots / 4 + 1);
	vr->balance->move_min = packets * PDP_COST;
}

unsigned int md_place_of(const struct md_vr *vr, const struct md_engine *e)
{
	unsigned int place = 0;

	while (place < vr->n_engines && vr->engines[place] != e)
		place++;
	return place;
}

void pdp_md_engine_activate(struct pdp_md *md, unsigned int vr_index, unsigned int engine,
			    uint32_t weight)
{
	struct md_vr *vr = &md->vrs[vr_index];
	struct pdp_balance *b = vr->balance;
	struct md_engine *e = vr->all[engine];
	unsigned int place;

	if (e == NULL || e->off != MD_ENGINE_ON)
		return;
	e->inherited = false;
	place = md_place_of(vr, e);
	if (place == vr->n_engines) {
		vr->engines[vr->n_engines++] = e;
		pdp_balance_join(b, weight);
		set_move_min(vr);
		md_vr_settle(md, vr);
	} else if (b->weights[place] != weight) {
		b->weights[place] = weight;
		pdp_balance_shares(b);
	}
}

void pdp_md_engine_set_local(struct pdp_md *md, unsigned int vr, unsigned int engine, bool local)
{
	struct md_engine *e = md->vrs[vr].all[engine];

	if (e == NULL || e->local == local)
		return;
	e->local = local;
	md->n_local += local ? 1 : -1u;
}

void pdp_md_engine_drain(struct pdp_md *md, unsigned int vr_index, unsigned int engine)
{
	struct md_vr *vr = &md->vrs[vr_index];
	struct md_engine *e = vr->all[engine];
	unsigned int place;

	if (e == NULL)
		return;
	place = md_place_of(vr, e);
	if (place == vr->n_engines)
		return;
	md_send_flush(md, true);
	/* The last one takes the free place. */
	vr->engines[place] = vr->engines[--vr->n_engines];
	pdp_balance_leave(vr->balance, place, pdp_chan_out(e->ch) == e->counted);
	set_move_min(vr);
	if (vr->balance->sticky)
		md_hold_barrier(e);
	md_vr_settle(md, vr);
}

static void use_balancer(struct md_vr *vr, const struct pdp_balancer *balancer)
{
	vr->balancer = balancer;
	vr->next_balancer = NULL;
	vr->tag = balancer->sticky ? TAG_COUNTED : 0;
	pdp_balance_set_sticky(vr->balance, balancer->sticky);
	for (unsigned int i = 0; i < PDP_ENGINES_MAX && !balancer->sticky; i++) {
		if (vr->all[i] != NULL)
			vr->all[i]->barrier = false;
	}
	vr->n_barriers = balancer->sticky ? vr->n_barriers : 0;
}

int pdp_md_vr_set_balance(struct pdp_md *md, unsigned int vr_index,
			  const struct pdp_balancer *balancer, bool restore)
{
	struct md_vr *vr = &md->vrs[vr_index];
	int rc;

	if (restore && balancer->keeps_flows)
		return -EINVAL;
	rc = md_order_set(md, vr, restore);
	if (rc != 0)
		return rc;
	if (vr->balance->sticky && !balancer->keeps_flows)
		md_hold_release(md, vr, true);
	vr->next_balancer = balancer;
	md_vr_settle(md, vr);
	return 0;
}

static bool any_counted(const struct md_vr *vr)
{
	for (unsigned int i = 0; i < PDP_ENGINES_MAX; i++) {
		if (vr->all[i] != NULL && vr->all[i]->counted != 0)
			return true;
	}
	return false;
}

void md_vr_settle(struct pdp_md *md, struct md_vr *vr)
{
	const struct pdp_balance *b = vr->balance;
	bool counts;

	if (vr->next_balancer != NULL && b->n_held == 0)
		use_balancer(vr, vr->next_balancer);
	/* A second engine, even a parked one, may get packets at any time: flows can go to it at
	 * once if their buckets' counts are known. */
	vr->single = vr->n_engines == 1 && vr->order == NULL &&
		     (!b->sticky || (vr->n_all == 1 && b->n_held == 0));
	counts = b->sticky && !vr->single;
	vr->track = counts || any_counted(vr);
	vr->unsure = vr->next_balancer != NULL || vr->track != counts ||
		     (b->n_held != 0 && vr->n_all == 1);
}

void pdp_md_vr_set_shares(struct pdp_md *md, unsigned int vr_index, const struct pdp_shares *shares)
{
	struct md_vr *vr = &md->vrs[vr_index];
	struct pdp_balance *b = vr->balance;

	for (unsigned int p = 0; p < vr->n_engines; p++) {
		const unsigned int i = vr->engines[p]->index;

		if (shares->weights[i] != 0)
			b->weights[p] = shares->weights[i];
		if (shares->rates[i] != 0)
			b->rates[p] = shares->rates[i];
	}
	pdp_balance_shares(b);
}

unsigned int pdp_md_engine_out(const struct pdp_md *md, unsigned int vr, unsigned int engine)
{
	const struct md_engine *e = md->vrs[vr].all[engine];

	return e != NULL ? pdp_chan_out(e->ch) : 0;
}

unsigned int pdp_md_engine_remove(struct pdp_md *md, unsigned int vr_index, unsigned int engine,
				  unsigned int *n_blanks)
{
	struct md_vr *vr = &md->vrs[vr_index];
	struct md_engine *e = vr->all[engine];
	unsigned int n;

	*n_blanks = 0;
	if (e == NULL)
		return 0;
	pdp_md_engine_set_local(md, vr_index, engine, false);
	md_write_off(md, e, MD_ENGINE_DEAD);
	n = pdp_chan_sweep(e->ch, n_blanks);
	count(&vr->c.drops[PDP_DROP_ENGINE_DIED], n);
	list_remove(md->active, &md->n_active, e);
	list_remove(md->dirty, &md->n_dirty, e);
	list_remove(md->engines, &md->n_engines, e);
	vr->all[engine] = NULL;
	vr->n_all--;
	if (vr->heir == (int)engine)
		vr->heir = -1;
	md_vr_settle(md, vr);
	md_load_forget(e);
	free(e);
	return n;
}

void pdp_md_pause(struct pdp_md *md, bool pause)
{
	md->paused = pause;
}

unsigned int pdp_md_in_flight(const struct pdp_md *md)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < md->n_engines; i++)
		n += pdp_chan_out(md->engines[i]->ch);
	for (unsigned int i = 0; i < md->n_tx_dirty; i++)
		n += md->tx_dirty[i]->n + md->tx_dirty[i]->backlog.n;
	for (unsigned int v = 0; v < md->n_vrs; v++)
		n += md->vrs[v].n_waiting + md->vrs[v].n_ordered;
	return n;
}

unsigned int pdp_md_blanks(const struct pdp_md *md)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < md->n_engines; i++)
		n += md->engines[i]->ch->n_blanks - md->engines[i]->ch->n_blank_free;
	return n;
}

static uint64_t load(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

uint64_t pdp_md_vr_arrived(const struct pdp_md *md, unsigned int vr_index)
{
	const struct md_vr *vr = &md->vrs[vr_index];
	uint64_t limited = load(&vr->c.drops[PDP_DROP_RATE_LIMIT]), n = 0;

	for (unsigned int i = 0; i < vr->n_vifs; i++)
		n += load(&vr->vifs[i].c.rx);
	return n > limited ? n - limited : 0;
}

void pdp_md_account(const struct pdp_md *md, unsigned int vr_index, struct pdp_vr_account *sum)
{
	const struct md_vr *vr = &md->vrs[vr_index];

	sum->c.originated += load(&vr->c.originated);
	sum->c.punted += load(&vr->c.punted);
	for (unsigned int i = 0; i < PDP_PUNT_CLASSES; i++) {
		sum->c.punt[i].punted += load(&vr->c.punt[i].punted);
		sum->c.punt[i].limited += load(&vr->c.punt[i].limited);
		sum->c.punt[i].full += load(&vr->c.punt[i].full);
	}
	sum->c.ctl_relayed += load(&vr->c.ctl_relayed);
	sum->c.ctl_dropped += load(&vr->c.ctl_dropped);
	for (unsigned int i = 0; i < PDP_DROP_N; i++)
		sum->c.drops[i] += load(&vr->c.drops[i]);
	for (unsigned int i = 0; i < vr->n_vifs; i++) {
		sum->vifs[i].rx += load(&vr->vifs[i].c.rx);
		sum->vifs[i].rx_bytes += load(&vr->vifs[i].c.rx_bytes);
		sum->vifs[i].tx += load(&vr->vifs[i].c.tx);
		sum->vifs[i].tx_bytes += load(&vr->vifs[i].c.tx_bytes);
	}
	for (unsigned int i = 0; i < vr->n_lines; i++)
		sum->in_flight += __atomic_load_n(&vr->lines[i].n, __ATOMIC_RELAXED);
	sum->in_flight += vr->n_waiting + vr->n_ordered;
	for (unsigned int i = 0; i < PDP_ENGINES_MAX; i++) {
		if (vr->all[i] == NULL)
			continue;
		sum->in_flight += pdp_chan_out(vr->all[i]->ch);
		sum->blanks += vr->all[i]->ch->n_blanks - vr->all[i]->ch->n_blank_free;
	}
}

const struct pdp_md_counters *pdp_md_counters(const struct pdp_md *md)
{
	return &md->c;
}

struct pdp_chan *pdp_md_engine_chan(const struct pdp_md *md, unsigned int vr, unsigned int engine)
{
	const struct md_engine *e = md->vrs[vr].all[engine];

	return e != NULL ? e->ch : NULL;
}
