/* SPDX-License-Identifier: BSD-3-Clause */
/* An MD with numbered packets. */
#include "play.h"

#include <rte_byteorder.h>

#include "../../lib/dispatch/dispatch_priv.h"

enum { FLOW_AT = 26, NUMBER_AT = HAND_LEN - 8 }; /* source address; the frame's last bytes */

void play_open(struct play *p, const char *balancer, unsigned int n_slots, uint64_t seed)
{
	memset(p, 0, sizeof(*p));
	p->rng = seed * 2654435761u + 1;
	p->n_slots = n_slots;
	hand_open(&p->h, 1, balancer, PDP_HASH_INNER);
}

uint32_t play_random(struct play *p, uint32_t n)
{
	p->rng = p->rng * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((p->rng >> 32) * n >> 32);
}

void play_add(struct play *p, unsigned int engine, bool active)
{
	struct play_engine *e = &p->engines[engine];

	if (!e->present)
		hand_engine_add_parked(&p->h, 0, engine, p->n_slots, 0);
	if (active)
		pdp_md_engine_activate(p->h.md, 0, engine, 1);
	e->present = true;
	e->active |= active;
}

void play_drain(struct play *p, unsigned int engine)
{
	pdp_md_engine_drain(p->h.md, 0, engine);
	p->engines[engine].active = false;
}

void play_remove(struct play *p, unsigned int engine)
{
	if (!p->engines[engine].present)
		return;
	hand_engine_remove(&p->h, 0, engine);
	p->engines[engine].present = p->engines[engine].active = false;
	p->engines[engine].n_lent = 0;
	hand_check(&p->h);
}

void play_rx(struct play *p, uint32_t flow, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct rte_mbuf *m = hand_frame(&p->h, 0, 0, flow, HAND_LEN);
		const uint32_t numbers[2] = {++p->sent[flow], ++p->all};

		memcpy(rte_pktmbuf_mtod_offset(m, void *, NUMBER_AT), numbers, sizeof(numbers));
		hand_rx(&p->h, 0, m);
	}
}

static void look(struct play *p, const struct rte_mbuf *m)
{
	uint32_t flow, numbers[2];

	memcpy(&flow, rte_pktmbuf_mtod_offset(m, const void *, FLOW_AT), 4);
	memcpy(numbers, rte_pktmbuf_mtod_offset(m, const void *, NUMBER_AT), sizeof(numbers));
	flow = rte_be_to_cpu_32(flow) & 0xffffff;
	p->left++;
	p->reordered += numbers[0] <= p->seen[flow];
	p->overtaken += numbers[1] <= p->last;
	p->seen[flow] = RTE_MAX(numbers[0], p->seen[flow]);
	p->last = RTE_MAX(numbers[1], p->last);
}

void play_turns(struct play *p, unsigned int n)
{
	hand_turns(&p->h, n);
	for (unsigned int i = 0; i < p->h.ports[1].n_tx; i++)
		look(p, p->h.ports[1].tx[i]);
	hand_check(&p->h);
	hand_drop_tx(&p->h);
}

static void fetch(struct play *p, unsigned int engine)
{
	struct play_engine *e = &p->engines[engine];

	if (e->present)
		e->n_lent += hand_take(&p->h, 0, engine, e->lent + e->n_lent,
				       PLAY_SLOTS - e->n_lent);
}

void play_give(struct play *p, unsigned int engine, unsigned int n)
{
	struct play_engine *e = &p->engines[engine];

	fetch(p, engine);
	n = RTE_MIN(n, e->n_lent);
	for (unsigned int i = 0; i < n; i++)
		hand_give(&p->h, 0, engine, kit_answer(e->lent[i], PDP_FORWARD, 1));
	e->n_lent -= n;
	memmove(e->lent, e->lent + n, e->n_lent * sizeof(e->lent[0]));
}

static uint32_t flow_of(const struct play *p, const struct pdp_desc *d)
{
	const char *data = (const char *)p->h.base + (d->off_hash & PDP_OFF_MASK);
	uint32_t flow;

	memcpy(&flow, data + FLOW_AT, sizeof(flow));
	return flow;
}

void play_give_flows(struct play *p, unsigned int engine, unsigned int n)
{
	struct play_engine *e = &p->engines[engine];

	fetch(p, engine);
	while (n-- > 0 && e->n_lent != 0) {
		const uint32_t flow = flow_of(p, &e->lent[play_random(p, e->n_lent)]);
		unsigned int i = 0;

		while (flow_of(p, &e->lent[i]) != flow)
			i++;
		hand_give(&p->h, 0, engine, kit_answer(e->lent[i], PDP_FORWARD, 1));
		memmove(&e->lent[i], &e->lent[i + 1], (--e->n_lent - i) * sizeof(e->lent[0]));
	}
}

void play_give_any(struct play *p, unsigned int engine, unsigned int n, enum pdp_verdict verdict)
{
	struct play_engine *e = &p->engines[engine];

	fetch(p, engine);
	while (n-- > 0 && e->n_lent != 0) {
		const uint32_t i = play_random(p, e->n_lent);

		hand_give(&p->h, 0, engine, kit_answer(e->lent[i], verdict, 1));
		e->lent[i] = e->lent[--e->n_lent];
	}
}

void play_rest(struct play *p)
{
	for (unsigned int i = 0; i < 1000; i++) {
		for (unsigned int e = 0; e < HAND_ENGINES; e++)
			play_give(p, e, PLAY_SLOTS);
		play_turns(p, 2);
		if (p->h.ports[0].n_rx == 0 && pdp_md_in_flight(p->h.md) == 0)
			return;
	}
	fail_msg("%u packets are stuck", pdp_md_in_flight(p->h.md));
}

void play_close(struct play *p)
{
	play_rest(p);
	hand_close(&p->h);
}

unsigned int play_out(struct play *p, unsigned int engine)
{
	return pdp_md_engine_out(p->h.md, 0, engine);
}
