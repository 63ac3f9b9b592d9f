/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The MD with two sealed engines of one VR that write anything anywhere into what they share with
 * it: returns, payload references, control messages, rings' indexes, the status page, the region's
 * header and their packets; and die. By turns, with the order restored, and by flow; in VLANs, so
 * that carriers' headers go off and on. Every packet stays accounted for, every buffer comes back,
 * and what leaves has the VLAN of its vif and no byte of an outer header in it.
 *
 * Input: operations, a byte each (low 3 bits: which one, bit 3: which engine) and its arguments.
 */
#include "fuzz.h"
#include "hand.h"

enum op { RX, TAKE, RETURN_ANY, RETURN_WELL, CONTROL, SCRIBBLE, TURNS, DIE };

#define N_SLOTS	 13 /* groups have 8 and more */
#define N_BLANKS 5
#define LENT_MAX 64
#define WINDOW	 64

struct input {
	const uint8_t *data;
	size_t size;
};

struct lent {
	struct pdp_desc d[LENT_MAX];
	unsigned int n;
};

static struct hand h;
static struct lent lent[2];

static uint8_t next8(struct input *in)
{
	if (in->size == 0)
		return 0;
	in->size--;
	return *in->data++;
}

static void next_bytes(struct input *in, void *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)out)[i] = next8(in);
}

static void add_engine(unsigned int e)
{
	hand_engine_add_sealed(&h, 0, e, N_SLOTS, N_BLANKS, WINDOW);
	lent[e].n = 0;
}

static void return_any(struct input *in, unsigned int e)
{
	struct pdp_sealed_return r;

	next_bytes(in, &r, sizeof(r) - sizeof(r.pad));
	hand_give_sealed(&h, 0, e, r);
}

/* Not the engine's any more: those of a run, or one. */
static void forget(struct lent *l, const struct pdp_sealed_return *r)
{
	const unsigned int n = r->verdict == PDP_RETURN_RUN ? r->len : 1;

	for (unsigned int i = 0; i < l->n;) {
		if (l->d[i].slot >= r->slot && l->d[i].slot < r->slot + n)
			l->d[i] = l->d[--l->n];
		else
			i++;
	}
}

/* One that the engine has, or a payload for it, or a run from there on, with all else of the input.
 */
static void return_well(struct input *in, unsigned int e)
{
	struct lent *l = &lent[e];
	struct pdp_sealed_return r = {0};
	unsigned int i;

	if (l->n == 0)
		return;
	i = next8(in) % l->n;
	r.slot = l->d[i].slot;
	r.verdict = next8(in);
	r.vif = next8(in) % 3;
	r.moved = (int8_t)next8(in);
	r.len = (uint16_t)(l->d[i].plen + (int8_t)next8(in));
	r.written = (uint16_t)(next8(in) * 2);
	r.from = l->d[next8(in) % l->n].slot;
	if (r.verdict == PDP_RETURN_RUN)
		r.len = next8(in);
	if (r.verdict != PDP_SEALED_PAYLOAD)
		forget(l, &r);
	hand_give_sealed(&h, 0, e, r);
}

/* Elements whose head is the input's, as many as it wants and the ring takes. */
static void control(struct input *in, unsigned int e)
{
	struct pdp_ctl_elem elems[PDP_CTL_ELEMS_MAX];
	unsigned int n = 1 + next8(in) % PDP_CTL_ELEMS_MAX;

	memset(elems, next8(in), sizeof(elems));
	next_bytes(in, elems, 8);
	pdp_ctl_ring_put(&h.engines[0][e].end.ctl_from, elems, n);
	if (n & 1)
		pdp_ctl_ring_take(&h.engines[0][e ^ 1].end.ctl_to, elems, 1);
}

/* Anywhere in the region: header, status page, rings; or in the packets. */
static void scribble(struct input *in, unsigned int e)
{
	static size_t sizes[2]; /* of the region, before anybody wrote to it; of the packets */
	const struct pdp_sealed_shape shape = {.n_md = 1,
					       .n_slots = N_SLOTS,
					       .n_blanks = N_BLANKS,
					       .window = WINDOW,
					       .room = HAND_ROOM};
	const struct pdp_region_params params = {.n_md = 1,
						 .n_slots = N_SLOTS,
						 .n_blanks = N_BLANKS,
						 .conf_size = 256,
						 .sealed = true};
	struct hand_engine *he = &h.engines[0][e];
	const uint8_t where = next8(in);
	uint8_t *to = where & 1 ? he->packets : (uint8_t *)he->region;
	size_t at, n;

	sizes[0] = pdp_region_size(&params);
	sizes[1] = pdp_sealed_size(&shape);
	at = (where >> 1) * (sizes[where & 1] / 128);
	n = RTE_MIN((size_t)next8(in), sizes[where & 1] - at);
	memset(to + at, next8(in), n);
}

/* Indexes that take a while to be hit by chance. */
static void indexes(struct input *in, unsigned int e)
{
	struct hand_engine *he = &h.engines[0][e];

	next_bytes(in, &he->end.from.ring->tail, sizeof(uint32_t));
	next_bytes(in, &he->end.ctl_to.ring->head, sizeof(uint32_t));
}

/* Nobody but the MD writes tags: those of the VR's two vifs, on their ports. */
static void check_sent(void)
{
	for (unsigned int p = 0; p < HAND_PORTS; p++) {
		for (unsigned int i = 0; i < h.ports[p].n_tx; i++) {
			const struct rte_mbuf *m = h.ports[p].tx[i];
			const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);

			FUZZ_CHECK(m->data_len == m->pkt_len && m->data_len >= 18);
			FUZZ_CHECK(frame[12] == 0x81 && frame[13] == 0 && (frame[14] & 15) == 0 &&
				   frame[15] == 10 + p);
		}
	}
}

static void operate(struct input *in)
{
	const uint8_t op = next8(in);
	const unsigned int e = op >> 3 & 1;
	struct lent *l = &lent[e];

	switch ((enum op)(op & 7)) {
	case RX:
		hand_rx_vr(&h, 0, e, next8(in) % 32, op);
		break;
	case TAKE:
		l->n += hand_take(&h, 0, e, l->d + l->n, LENT_MAX - l->n);
		break;
	case RETURN_ANY:
		return_any(in, e);
		break;
	case RETURN_WELL:
		return_well(in, e);
		break;
	case CONTROL:
		control(in, e);
		break;
	case SCRIBBLE:
		if (op & 0x80)
			indexes(in, e);
		else
			scribble(in, e);
		break;
	case TURNS:
		hand_turns(&h, 1 + next8(in) % 4);
		hand_check(&h);
		break;
	case DIE:
		hand_engine_remove(&h, 0, e);
		add_engine(e);
		hand_check(&h);
		break;
	}
	/* What ports hold is bounded here as it is by drivers. */
	if (h.ports[0].n_tx + h.ports[1].n_tx + h.ports[0].n_rx + h.ports[1].n_rx > 512) {
		hand_turns(&h, 8);
		check_sent();
		hand_drop_tx(&h);
	}
}

static void run(struct input in)
{
	add_engine(0);
	add_engine(1);
	while (in.size > 0)
		operate(&in);
	hand_turns(&h, 20);
	hand_engine_remove(&h, 0, 0);
	hand_engine_remove(&h, 0, 1);
	hand_turns(&h, 2);
	check_sent();
	hand_drop_tx(&h);
	hand_check(&h);
	FUZZ_CHECK(rte_mempool_in_use_count(h.pool) == 0);
	FUZZ_CHECK(pdp_md_in_flight(h.md) == 0 && pdp_md_blanks(h.md) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		const char *balancer;
		bool restore;
	} ways[] = {{"rr", false}, {"rr", true}, {"flow-jsq", false}};

	if (h.md == NULL) {
		FUZZ_CHECK(kit_eal(NULL) == 0);
		hand_open_sealed(&h, 2, "rr");
	}
	for (size_t i = 0; i < RTE_DIM(ways); i++) {
		FUZZ_CHECK(pdp_md_vr_set_balance(h.md, 0, pdp_balancer_find(ways[i].balancer),
						 ways[i].restore) == 0);
		run((struct input){.data = data, .size = size});
	}
	return 0;
}
