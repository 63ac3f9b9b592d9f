/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From args to what queues send: templates, flows shared out over the rx queues as RSS would (hash
 * of the frame, 512 entries of indirection), the order of classes by weight. Runs at probe and at
 * port start, in a control thread.
 */
#include "loadgen_priv.h"

#include <rte_malloc.h>

#define RETA_SIZE 512

struct slot {
	double at;
	uint16_t cls;
};

static uint16_t queue_of(uint32_t hash, uint16_t n_queues)
{
	return (uint16_t)(hash % RETA_SIZE % n_queues);
}

static int build_templates(struct lg_port *port)
{
	struct lg_args *args = port->args;

	port->tmpls = calloc((size_t)args->n_classes * args->n_sizes, sizeof(port->tmpls[0]));
	if (port->tmpls == NULL)
		return -ENOMEM;
	for (uint32_t c = 0; c < args->n_classes; c++) {
		for (uint32_t s = 0; s < args->n_sizes; s++) {
			struct lg_tmpl *t = &port->tmpls[c * args->n_sizes + s];

			if (lg_tmpl_build(&args->classes[c], args->sizes[s], args->payload, t) != 0)
				return -ENOMEM;
			port->max_frame = RTE_MAX(port->max_frame, t->len);
		}
	}
	return 0;
}

/* 7:4:1 in every block of 12, each block in an order of its own, so that no flow always gets the
 * same size. */
static int build_imix(struct lg_port *port)
{
	static const uint8_t block[12] = {0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2};
	uint64_t rng = port->args->seed | 1;

	port->imix = malloc(LG_IMIX_SIZE);
	if (port->imix == NULL)
		return -ENOMEM;
	for (uint32_t b = 0; b < LG_IMIX_BLOCKS; b++) {
		uint8_t *p = &port->imix[b * 12];

		memcpy(p, block, 12);
		for (uint32_t i = 11; i > 0; i--) {
			rng = rng * 6364136223846793005ull + 1442695040888963407ull;
			uint32_t j = (uint32_t)(rng >> 33) % (i + 1);
			uint8_t keep = p[i];

			p[i] = p[j];
			p[j] = keep;
		}
	}
	return 0;
}

/* Frames are for this port unless told otherwise. */
static void default_macs(struct lg_port *port)
{
	const uint8_t source[6] = {0x02, 0x50, 0x44, 0x50, 0x01, port->source};

	for (uint32_t c = 0; c < port->args->n_classes; c++) {
		struct lg_class *cls = &port->args->classes[c];

		if (!cls->has_dst_mac)
			memcpy(cls->dst_mac, port->mac.addr_bytes, 6);
		if (!cls->has_src_mac)
			memcpy(cls->src_mac, source, 6);
	}
}

int lg_port_prepare(struct lg_port *port, struct lg_err *err)
{
	struct lg_args *args = port->args;
	uint32_t n_flows = args->flows;
	int rc;

	if (args->pcap != NULL) {
		rc = lg_pcap_load(args, &port->pcap, err);
		if (rc != 0)
			return rc;
		port->max_frame = port->pcap->longest;
		n_flows = port->pcap->n_flows;
	} else {
		default_macs(port);
		if (build_templates(port) != 0 || (args->n_sizes > 1 && build_imix(port) != 0))
			return lg_fail(err, -ENOMEM, "out of memory for %u frame templates",
				       args->n_classes);
	}
	if (args->measure && lg_flow_table_init(&port->flows, n_flows) != 0)
		return lg_fail(err, -ENOMEM, "flows=%u: out of memory", n_flows);
	return 0;
}

void lg_port_unprepare(struct lg_port *port)
{
	if (port->tmpls != NULL)
		for (uint32_t i = 0; i < port->args->n_classes * port->args->n_sizes; i++)
			free((void *)(uintptr_t)port->tmpls[i].bytes);
	free(port->tmpls);
	free(port->imix);
	lg_pcap_free(port->pcap);
	lg_flow_table_fini(&port->flows);
}

void lg_flows_release(struct lg_rxq *q)
{
	for (uint32_t c = 0; c < q->n_classes; c++)
		free(q->classes[c].flows4);
	free(q->classes);
	free(q->sched);
	free(q->packets);
	q->classes = NULL;
	q->sched = NULL;
	q->packets = NULL;
	q->n_classes = q->sched_size = q->n_packets = 0;
	q->share = 0;
}

/* Make flow i of a class at `at`; returns the hash of its frames. Scratch holds the class's
 * headers. */
static uint32_t make_flow(const struct lg_port *port, const struct lg_class *cls,
			  const struct lg_tmpl *t, uint32_t i, uint32_t number, void *at,
			  uint8_t *scratch)
{
	if (cls->src.family == 4) {
		struct lg_flow4 *f = at;

		lg_flow4_make(cls, i, port->args->seed, f);
		lg_flow4_write(t, f, scratch);
		f->flow = number;
		return f->hash = lg_rss_hash(scratch, t->len);
	}
	struct lg_flow6 *f = at;

	lg_flow6_make(cls, i, port->args->seed, f);
	lg_flow6_write(t, f, scratch);
	f->flow = number;
	return f->hash = lg_rss_hash(scratch, t->len);
}

/* Copy a class's flows to the queues that their hashes choose. */
static int deal_flows(struct lg_port *port, uint32_t c, const uint8_t *records, size_t size,
		      const uint16_t *queues)
{
	const struct lg_class *cls = &port->args->classes[c];
	uint32_t counts[LG_MAX_QUEUES] = {0};

	for (uint32_t i = 0; i < cls->flows; i++)
		counts[queues[i]]++;
	for (uint16_t q = 0; q < port->n_rxq; q++) {
		struct lg_qclass *qc = &port->rxqs[q]->classes[c];

		qc->v6 = cls->src.family == 6;
		qc->tmpl = &port->tmpls[c * port->args->n_sizes];
		if (counts[q] == 0)
			continue;
		qc->flows4 = malloc(counts[q] * size);
		if (qc->flows4 == NULL)
			return -ENOMEM;
	}
	for (uint32_t i = 0; i < cls->flows; i++) {
		struct lg_qclass *qc = &port->rxqs[queues[i]]->classes[c];

		memcpy((uint8_t *)qc->flows4 + qc->n++ * size, records + i * size, size);
	}
	return 0;
}

static int share_class(struct lg_port *port, uint32_t c, uint32_t first_number)
{
	const struct lg_class *cls = &port->args->classes[c];
	size_t size = cls->src.family == 4 ? sizeof(struct lg_flow4) : sizeof(struct lg_flow6);
	uint8_t *records = malloc(cls->flows * size),
		scratch[RTE_ALIGN_CEIL(LG_HEADERS_MAX, LG_COPY_UNIT)];
	uint16_t *queues = malloc(cls->flows * sizeof(queues[0]));
	struct lg_tmpl headers;
	int rc = -ENOMEM;

	if (lg_tmpl_build(cls, 0, false, &headers) == 0) {
		if (records != NULL && queues != NULL) {
			for (uint32_t i = 0; i < cls->flows; i++)
				queues[i] = queue_of(make_flow(port, cls, &headers, i,
							       first_number + i, records + i * size,
							       scratch),
						     port->n_rxq);
			rc = deal_flows(port, c, records, size, queues);
		}
		free((void *)(uintptr_t)headers.bytes);
	}
	free(records);
	free(queues);
	return rc;
}

static int by_time(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return (x->cls > y->cls) - (x->cls < y->cls);
}

/* The order of classes: each class's packets evenly spread, in numbers that stand to each other as
 * the weights. */
static int build_schedule(struct lg_rxq *q, const double *weights)
{
	double sum = 0, scale = 1;
	bool whole = true;
	struct slot *slots;
	uint64_t size = 0;

	for (uint32_t c = 0; c < q->n_classes; c++) {
		sum += weights[c];
		whole &= weights[c] == (double)(uint64_t)weights[c];
	}
	if (!whole || sum > LG_SCHED_MAX)
		scale = RTE_MAX(LG_SCHED_MAX, (double)q->n_classes) / sum;
	for (int pass = 0; pass < 2; pass++) {
		slots = pass == 1 ? malloc(size * sizeof(slots[0])) : NULL;
		if (pass == 1 && slots == NULL)
			return -ENOMEM;
		size = 0;
		for (uint32_t c = 0; c < q->n_classes; c++) {
			uint64_t n = (uint64_t)(weights[c] * scale + 0.5);

			n = weights[c] > 0 && n == 0 ? 1 : n;
			for (uint64_t k = 0; pass == 1 && k < n; k++)
				slots[size + k] = (struct slot){.at = ((double)k + 0.5) / (double)n,
								.cls = (uint16_t)c};
			size += n;
		}
	}
	qsort(slots, size, sizeof(slots[0]), by_time);
	q->sched = malloc(size * sizeof(q->sched[0]));
	for (uint64_t i = 0; q->sched != NULL && i < size; i++)
		q->sched[i] = slots[i].cls;
	free(slots);
	q->sched_size = (uint32_t)size;
	return q->sched != NULL ? 0 : -ENOMEM;
}

static int weigh_queue(struct lg_port *port, struct lg_rxq *q)
{
	struct lg_args *args = port->args;
	double *weights = calloc(args->n_classes, sizeof(weights[0])), all = 0, mine = 0;
	int rc = -ENOMEM;

	if (weights == NULL)
		return rc;
	for (uint32_t c = 0; c < args->n_classes; c++) {
		weights[c] = (double)args->classes[c].weight * q->classes[c].n /
			     args->classes[c].flows;
		all += args->classes[c].weight;
		mine += weights[c];
	}
	q->share = mine / all;
	rc = q->share > 0 ? build_schedule(q, weights) : 0;
	q->one_class = args->n_classes == 1 && args->n_sizes == 1;
	q->imix = args->n_sizes > 1;
	free(weights);
	return rc;
}

static int share_made(struct lg_port *port)
{
	uint32_t number = (uint32_t)port->source << LG_FLOW_BITS;
	int rc = 0;

	for (uint16_t q = 0; q < port->n_rxq; q++) {
		struct lg_rxq *rxq = port->rxqs[q];

		rxq->n_classes = port->args->n_classes;
		rxq->classes = calloc(rxq->n_classes, sizeof(rxq->classes[0]));
		if (rxq->classes == NULL) {
			rxq->n_classes = 0;
			return -ENOMEM;
		}
	}
	for (uint32_t c = 0; c < port->args->n_classes && rc == 0; c++) {
		rc = share_class(port, c, number);
		number += port->args->classes[c].flows;
	}
	for (uint16_t q = 0; q < port->n_rxq && rc == 0; q++)
		rc = weigh_queue(port, port->rxqs[q]);
	return rc;
}

static int share_pcap(struct lg_port *port)
{
	struct lg_pcap *pcap = port->pcap;

	for (uint16_t q = 0; q < port->n_rxq; q++) {
		port->rxqs[q]->packets = malloc(pcap->n * sizeof(port->rxqs[q]->packets[0]));
		if (port->rxqs[q]->packets == NULL)
			return -ENOMEM;
	}
	for (uint32_t i = 0; i < pcap->n; i++) {
		struct lg_rxq *q = port->rxqs[queue_of(pcap->packets[i].hash, port->n_rxq)];

		q->packets[q->n_packets++] = &pcap->packets[i];
	}
	for (uint16_t q = 0; q < port->n_rxq; q++)
		port->rxqs[q]->share = (double)port->rxqs[q]->n_packets / pcap->n;
	return 0;
}

/* Whole packets for each queue that add up to the count; a capture's repeats exactly as they lie.
 */
static void share_count(struct lg_port *port)
{
	uint64_t total = port->args->count, rest, repeat = port->args->repeat;
	struct lg_rxq *q;

	if (port->pcap != NULL && repeat != LG_ENDLESS && total >= repeat * port->pcap->n) {
		for (uint16_t i = 0; i < port->n_rxq; i++)
			port->rxqs[i]->count = repeat * port->rxqs[i]->n_packets;
		return;
	}
	rest = total;
	for (uint16_t i = 0; i < port->n_rxq; i++) {
		q = port->rxqs[i];
		q->count = total == LG_ENDLESS
				   ? LG_ENDLESS
				   : RTE_MIN(rest, (uint64_t)((double)total * q->share));
		rest -= q->count;
	}
	for (uint16_t i = 0; total != LG_ENDLESS && rest > 0;
	     i = (uint16_t)((i + 1) % port->n_rxq)) {
		if (port->rxqs[i]->share > 0) {
			port->rxqs[i]->count++;
			rest--;
		}
	}
}

int lg_flows_share(struct lg_port *port)
{
	int rc;

	if (port->flows_for_queues == port->n_rxq)
		return 0;
	for (uint16_t q = 0; q < port->n_rxq; q++)
		lg_flows_release(port->rxqs[q]);
	lg_flow_table_clear(&port->flows); /* their numbers begin anew */
	rc = port->pcap != NULL ? share_pcap(port) : share_made(port);
	if (rc != 0)
		return rc;
	share_count(port);
	port->flows_for_queues = port->n_rxq;
	return 0;
}
