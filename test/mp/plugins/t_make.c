/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes packets: originates some at every tick, and sends a copy of each packet that comes in out
 * of every other vif.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pdp_vr.h>

#define EACH_TICK 4

struct state {
	const struct pdp_vr_info *info;
	uint64_t *originated;
	uint64_t *copied;
	uint64_t *no_room;
	uint64_t *unused;
};

static int init(const struct pdp_vr_info *info, void **state)
{
	struct state *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	*s = (struct state){.info = info,
			    .originated = pdp_vr_counter(info, "originated"),
			    .copied = pdp_vr_counter(info, "copied"),
			    .no_room = pdp_vr_counter(info, "no_room"),
			    .unused = pdp_vr_counter(info, "unused")};
	*state = s;
	return 0;
}

static void process(void *state, struct pdp_pkt *pkts, unsigned int n)
{
	struct state *s = state;

	for (unsigned int i = 0; i < n; i++) {
		struct pdp_pkt *p = &pkts[i];

		for (uint8_t vif = 0; vif < s->info->n_vifs; vif++) {
			struct pdp_pkt copy;

			if (vif == p->in_vif)
				continue;
			if (pdp_vr_copy(s->info, p, &copy) != 0) {
				++*s->no_room;
				continue;
			}
			copy.vif = vif;
			copy.verdict = PDP_FORWARD;
			if (pdp_vr_release(s->info, &copy, 1) == 0)
				++*s->copied;
		}
		p->verdict = PDP_FORWARD;
	}
}

/* Packets of every length; the last of a tick is given back unused. */
static void tick(void *state, uint64_t now_ns)
{
	struct state *s = state;
	struct pdp_pkt p;

	for (unsigned int i = 0; i < EACH_TICK; i++) {
		if (pdp_vr_originate(s->info, &p) != 0) {
			++*s->no_room;
			return;
		}
		if (i == EACH_TICK - 1) {
			p.verdict = PDP_DROP;
			++*s->unused;
		} else {
			p.len = p.whole_len = (uint16_t)(60 + now_ns / 1000 % 1400);
			memset(p.data, 0x11 * (int)i, p.len);
			p.vif = (uint8_t)(i % s->info->n_vifs);
			p.verdict = PDP_FORWARD;
			++*s->originated;
		}
		pdp_vr_release(s->info, &p, 1);
	}
}

PDP_VR_PLUGIN({
	.abi_version = PDP_VR_ABI_VERSION,
	.name = "make",
	.init = init,
	.process = process,
	.tick = tick,
});
