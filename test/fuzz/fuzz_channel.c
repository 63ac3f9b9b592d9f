/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The MD with two engines of one VR that write anything into what they share with it: returns,
 * control messages, the index of their ring; and die: by turns, by turns with the order restored,
 * and by flow. Every packet stays accounted for, and in the end every buffer is back in the pool.
 *
 * Input: operations, a byte each (low 3 bits: which one, bit 3: which engine) and its arguments.
 */
#include "fuzz.h"
#include "hand.h"

enum op { RX, TAKE, RETURN_ANY, RETURN_WELL, CONTROL, TAIL, TURNS, DIE };

#define N_SLOTS	 13
#define N_BLANKS 5
#define LENT_MAX 64

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
	hand_engine_add(&h, 0, e, N_SLOTS, N_BLANKS, 1);
	lent[e].n = 0;
}

static void return_any(struct input *in, unsigned int e)
{
	struct pdp_return r;

	next_bytes(in, &r, sizeof(r));
	hand_give(&h, 0, e, r);
}

/* One that the engine has, with a verdict, length and place of the input. */
static void return_well(struct input *in, unsigned int e)
{
	struct lent *l = &lent[e];
	struct pdp_return r;
	unsigned int i;

	if (l->n == 0)
		return;
	i = next8(in) % l->n;
	r = kit_answer(l->d[i], PDP_FORWARD, next8(in));
	r.verdict = next8(in);
	r.moved = (int8_t)next8(in);
	r.len = (uint16_t)(next8(in) * 9);
	if (r.verdict == PDP_RETURN_RUN)
		r.len %= 70;
	l->d[i] = l->d[--l->n];
	hand_give(&h, 0, e, r);
}

/* Elements whose head is the input's, as many as it wants and the ring takes. */
static void control(struct input *in, unsigned int e)
{
	struct pdp_ctl_elem elems[PDP_CTL_ELEMS_MAX];
	unsigned int n = 1 + next8(in) % PDP_CTL_ELEMS_MAX;

	memset(elems, next8(in), sizeof(elems));
	next_bytes(in, elems, 8);
	pdp_ctl_ring_put(&h.engines[0][e].end.ctl_from, elems, n);
	/* The sibling reads now and then. */
	if (n & 1)
		pdp_ctl_ring_take(&h.engines[0][e ^ 1].end.ctl_to, elems, 1);
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
	case TAIL:
		next_bytes(in, &h.engines[0][e].end.from.ring->tail, sizeof(uint32_t));
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
		hand_open(&h, 1, "rr", PDP_HASH_INNER);
	}
	for (size_t i = 0; i < RTE_DIM(ways); i++) {
		FUZZ_CHECK(pdp_md_vr_set_balance(h.md, 0, pdp_balancer_find(ways[i].balancer),
						 ways[i].restore) == 0);
		run((struct input){.data = data, .size = size});
	}
	return 0;
}
