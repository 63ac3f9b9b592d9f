/* SPDX-License-Identifier: BSD-3-Clause */
/* An MD driven by hand. Knows of the MD's private state only how to start its loop again. */
#include "hand.h"

#include <rte_ethdev.h>

#include "../../lib/dispatch/dispatch_priv.h"
#include "pkt.h"

static struct hand *current;

static uint16_t rx_burst(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct hand_port *p = queue;
	uint16_t k = 0;

	if (p == &current->ports[0] && --current->turns == 0)
		pdp_md_stop(current->md);
	while (k < n && p->rx_next < p->n_rx)
		pkts[k++] = p->rx[p->rx_next++];
	if (p->rx_next == p->n_rx)
		p->rx_next = p->n_rx = 0;
	return k;
}

static uint16_t tx_burst(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct hand_port *p = queue;
	uint16_t k = 0;

	while (k < n && p->tx_room > 0 && p->n_tx < HAND_PKTS) {
		p->tx[p->n_tx++] = pkts[k++];
		p->tx_room--;
	}
	return k;
}

/* The MD calls ports by this table alone. */
static void plug(struct hand *h, uint16_t port)
{
	static void *queues[HAND_PORTS], *no_callbacks[HAND_PORTS];
	struct rte_eth_fp_ops *ops = &rte_eth_fp_ops[port];

	queues[port] = &h->ports[port];
	ops->rx_pkt_burst = rx_burst;
	ops->tx_pkt_burst = tx_burst;
	ops->rxq.data = ops->txq.data = &queues[port];
	ops->rxq.clbk = ops->txq.clbk = (void *)&no_callbacks[port];
}

static void make_classifier(struct hand *h)
{
	static struct pdp_match matches[HAND_VRS * 2];
	unsigned int other[2];
	char err[160];

	for (unsigned int i = 0; i < 2 * h->n_vrs; i++) {
		h->confs[i] = pkt_conf(PDP_VIF_ETHERNET,
				       h->n_vrs == 1 ? PDP_CARRIER_RAW : PDP_CARRIER_VLAN, 4);
		h->confs[i].port = (uint16_t)(i % 2);
		h->confs[i].vlan = (uint16_t)(10 + i);
		matches[i] = (struct pdp_match){.conf = &h->confs[i]};
	}
	h->cls = pdp_classifier_create(matches, 2 * h->n_vrs, err, sizeof(err), other);
	assert_non_null(h->cls);
}

static void open_hand(struct hand *h, unsigned int n_vrs, const char *balancer,
		      enum pdp_hash_mode hash, bool sealed, const struct hand_control *control)
{
	static const uint16_t ids[HAND_PORTS] = {0, 1}, queues[HAND_PORTS] = {1, 1};
	struct pdp_md_vr_params vrs[HAND_VRS];
	struct pdp_md_params p = {.n_md = 1,
				  .ports = ids,
				  .port_rxqs = queues,
				  .port_txqs = queues,
				  .n_ports = HAND_PORTS,
				  .vrs = vrs,
				  .n_vrs = n_vrs};

	assert_true(n_vrs <= HAND_VRS);
	memset(h, 0, sizeof(*h));
	h->n_vrs = n_vrs;
	h->pool = kit_pool("hand", HAND_POOL);
	h->base = kit_base(h->pool);
	make_classifier(h);
	for (unsigned int v = 0; v < n_vrs; v++)
		vrs[v] = (struct pdp_md_vr_params){.name = "vr",
						   .balancer = pdp_balancer_find(balancer),
						   .hash = hash,
						   .vifs = &h->confs[2 * v],
						   .n_vifs = 2,
						   .sealed = sealed,
						   .backlog = PDP_BACKLOG_MAX};
	for (unsigned int v = 0; control != NULL && v < n_vrs; v++) {
		vrs[v].control = true;
		vrs[v].direct = control->direct;
		memcpy(vrs[v].punt, control->punt, sizeof(vrs[v].punt));
	}
	p.cls = h->cls;
	p.pool = h->pool;
	for (uint16_t i = 0; i < HAND_PORTS; i++) {
		plug(h, i);
		h->ports[i].tx_room = UINT32_MAX;
	}
	assert_int_equal(pdp_md_create(&h->md, &p), 0);
	current = h;
}

void hand_open(struct hand *h, unsigned int n_vrs, const char *balancer, enum pdp_hash_mode hash)
{
	open_hand(h, n_vrs, balancer, hash, false, NULL);
}

void hand_open_control(struct hand *h, unsigned int n_vrs, const struct hand_control *control)
{
	open_hand(h, n_vrs, "rr", PDP_HASH_INNER, false, control);
}

void hand_open_sealed(struct hand *h, unsigned int n_vrs, const char *balancer)
{
	open_hand(h, n_vrs, balancer, PDP_HASH_INNER, true, NULL);
}

void hand_engine_add_sealed(struct hand *h, unsigned int vr, unsigned int engine, uint32_t n_slots,
			    uint32_t n_blanks, uint32_t window)
{
	struct hand_engine *e = &h->engines[vr][engine];
	const struct pdp_sealed_shape shape = {.n_md = 1,
					       .n_slots = n_slots,
					       .n_blanks = n_blanks,
					       .window = window,
					       .room = HAND_ROOM};

	e->region = kit_region_sealed(1, n_slots, n_blanks);
	e->packets = kit_packets(&shape);
	e->ch = pdp_chan_create(e->region, 0, e->packets, false);
	assert_non_null(e->ch);
	assert_int_equal(pdp_sealed_open(e->ch, &shape, 0, e->packets), 0);
	kit_end_open(&e->end, e->region, 0);
	e->ctl = pdp_ctl_open(e->region);
	assert_int_equal(pdp_md_engine_add(h->md, vr, engine, e->ch, &e->ctl, 1, true), 0);
}

static void engine_add(struct hand *h, unsigned int vr, unsigned int engine, uint32_t n_slots,
		       uint32_t n_blanks, uint32_t weight, bool active)
{
	struct hand_engine *e = &h->engines[vr][engine];

	e->region = kit_region(1, n_slots, n_blanks, h->base);
	e->ch = pdp_chan_create(e->region, 0, h->base, false);
	assert_non_null(e->ch);
	kit_end_open(&e->end, e->region, 0);
	e->ctl = pdp_ctl_open(e->region);
	assert_int_equal(pdp_md_engine_add(h->md, vr, engine, e->ch, &e->ctl, weight, active), 0);
}

void hand_engine_add(struct hand *h, unsigned int vr, unsigned int engine, uint32_t n_slots,
		     uint32_t n_blanks, uint32_t weight)
{
	engine_add(h, vr, engine, n_slots, n_blanks, weight, true);
}

void hand_engine_add_parked(struct hand *h, unsigned int vr, unsigned int engine, uint32_t n_slots,
			    uint32_t n_blanks)
{
	engine_add(h, vr, engine, n_slots, n_blanks, 1, false);
}

unsigned int hand_engine_remove(struct hand *h, unsigned int vr, unsigned int engine)
{
	struct hand_engine *e = &h->engines[vr][engine];
	unsigned int n_blanks, n;

	pdp_md_engine_drain(h->md, vr, engine);
	n = pdp_md_engine_remove(h->md, vr, engine, &n_blanks);
	pdp_chan_destroy(e->ch);
	free(e->region);
	free(e->packets);
	*e = (struct hand_engine){0};
	return n;
}

void hand_rx(struct hand *h, unsigned int port, struct rte_mbuf *m)
{
	struct hand_port *p = &h->ports[port];

	assert_true(p->n_rx < HAND_PKTS);
	p->rx[p->n_rx++] = m;
}

struct rte_mbuf *hand_frame(struct hand *h, unsigned int vr, unsigned int vif, uint32_t flow,
			    uint16_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(h->pool);
	struct pdp_ip src = pkt_ip4(10, (uint8_t)(flow >> 16), (uint8_t)(flow >> 8), (uint8_t)flow);
	struct pdp_ip dst = pkt_ip4(11, 0, 0, 1);
	static struct pkt p;

	assert_non_null(m);
	pkt_clear(&p);
	pkt_add_eth(&p, pkt_mac_a, pkt_mac_b, 0x0800);
	if (h->n_vrs > 1)
		pkt_add_tag(&p, 0x8100, (uint16_t)(10 + 2 * vr + vif));
	pkt_add_ip(&p, &src, &dst, 17, 0, (uint16_t)(len - p.len - 20), 0);
	pkt_add_udp(&p, 1000, 2000, (uint16_t)(len - p.len - 8));
	pkt_add_fill(&p, (uint16_t)(len - p.len), flow);
	assert_int_equal(p.len, len);
	memcpy(rte_pktmbuf_append(m, len), pkt_data(&p), len);
	return m;
}

void hand_rx_vr(struct hand *h, unsigned int vr, unsigned int vif, unsigned int n, uint32_t flow)
{
	for (unsigned int i = 0; i < n; i++)
		hand_rx(h, vif, hand_frame(h, vr, vif, flow, HAND_LEN));
}

void hand_turns(struct hand *h, unsigned int n)
{
	h->turns = n;
	h->md->stop = 0;
	pdp_md_run(h->md);
}

unsigned int hand_take(struct hand *h, unsigned int vr, unsigned int engine, struct pdp_desc *descs,
		       unsigned int n)
{
	return kit_end_take(&h->engines[vr][engine].end, descs, n);
}

void hand_give(struct hand *h, unsigned int vr, unsigned int engine, struct pdp_return r)
{
	kit_end_give(&h->engines[vr][engine].end, r);
}

void hand_give_sealed(struct hand *h, unsigned int vr, unsigned int engine,
		      struct pdp_sealed_return r)
{
	struct pdp_ring_producer *from = &h->engines[vr][engine].end.from;

	memcpy(pdp_ring_next(from, 1, sizeof(r)), &r, sizeof(r));
	pdp_ring_publish(from);
}

unsigned int hand_forward_all(struct hand *h, unsigned int vr, unsigned int engine, uint8_t vif)
{
	struct pdp_desc d;
	unsigned int n = 0;

	while (hand_take(h, vr, engine, &d, 1) != 0) {
		if (d.flags & PDP_DESC_BLANK)
			continue;
		hand_give(h, vr, engine, kit_answer(d, PDP_FORWARD, vif));
		n++;
	}
	return n;
}

struct pdp_vr_account hand_account(struct hand *h, unsigned int vr)
{
	struct pdp_vr_account a = {0};

	pdp_md_account(h->md, vr, &a);
	return a;
}

uint64_t hand_rx_count(const struct pdp_vr_account *a)
{
	return a->vifs[0].rx + a->vifs[1].rx;
}

uint64_t hand_tx_count(const struct pdp_vr_account *a)
{
	return a->vifs[0].tx + a->vifs[1].tx;
}

uint64_t hand_drops(const struct pdp_vr_account *a)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < PDP_DROP_N; i++)
		n += a->c.drops[i];
	return n;
}

void hand_check(struct hand *h)
{
	const struct pdp_md_counters *c = pdp_md_counters(h->md);
	unsigned int held = pdp_md_in_flight(h->md) + pdp_md_blanks(h->md) + pdp_md_punt_out(h->md);
	uint64_t dropped = 0, rx = 0;

	for (unsigned int v = 0; v < h->n_vrs; v++) {
		struct pdp_vr_account a = hand_account(h, v);

		assert_int_equal(hand_rx_count(&a) + a.c.originated,
				 hand_tx_count(&a) + a.c.punted + hand_drops(&a) + a.in_flight);
		rx += hand_rx_count(&a);
	}
	for (unsigned int i = 0; i < PDP_CLS_N_DROPS; i++)
		dropped += c->drops[i];
	assert_int_equal(c->rx, c->matched + dropped);
	assert_int_equal(c->matched, rx);
	for (unsigned int p = 0; p < HAND_PORTS; p++)
		held += h->ports[p].n_rx - h->ports[p].rx_next + h->ports[p].n_tx;
	assert_int_equal(rte_mempool_in_use_count(h->pool), held);
}

void hand_drop_tx(struct hand *h)
{
	for (unsigned int p = 0; p < HAND_PORTS; p++) {
		rte_pktmbuf_free_bulk(h->ports[p].tx, h->ports[p].n_tx);
		h->ports[p].n_tx = 0;
	}
}

void hand_close(struct hand *h)
{
	hand_check(h);
	for (unsigned int v = 0; v < h->n_vrs; v++) {
		for (unsigned int e = 0; e < HAND_ENGINES; e++) {
			if (h->engines[v][e].ch != NULL)
				hand_engine_remove(h, v, e);
		}
	}
	pdp_md_finish(h->md);
	hand_check(h);
	assert_int_equal(pdp_md_in_flight(h->md), 0);
	assert_int_equal(pdp_md_blanks(h->md), 0);
	pdp_md_destroy(h->md);
	pdp_classifier_destroy(h->cls);
	hand_drop_tx(h);
	assert_int_equal(rte_mempool_avail_count(h->pool), HAND_POOL);
	rte_mempool_free(h->pool);
}
