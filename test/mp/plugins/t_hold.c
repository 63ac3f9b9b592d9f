/* SPDX-License-Identifier: BSD-3-Clause */
/* Holds every packet for a second and forwards it then: a delay line. */
#include <errno.h>
#include <stdlib.h>

#include <pdp_vr.h>

#define HOLD_NS 1000000000u
#define N_HELD	4096

struct state {
	const struct pdp_vr_info *info;
	unsigned int first;
	unsigned int n;
	struct {
		struct pdp_pkt pkt;
		uint64_t until_ns;
	} held[N_HELD];
};

static int init(const struct pdp_vr_info *info, void **state)
{
	struct state *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->info = info;
	*state = s;
	return 0;
}

static void process(void *state, struct pdp_pkt *pkts, unsigned int n)
{
	struct state *s = state;
	const uint64_t until = pdp_vr_now_ns(s->info) + HOLD_NS;

	for (unsigned int i = 0; i < n && s->n < N_HELD; i++) {
		unsigned int at = (s->first + s->n++) % N_HELD;

		s->held[at].pkt = pkts[i];
		s->held[at].until_ns = until;
		pkts[i].verdict = PDP_HOLD;
	}
}

static void tick(void *state, uint64_t now_ns)
{
	struct state *s = state;

	while (s->n > 0 && s->held[s->first].until_ns <= now_ns) {
		s->held[s->first].pkt.verdict = PDP_FORWARD;
		pdp_vr_release(s->info, &s->held[s->first].pkt, 1);
		s->first = (s->first + 1) % N_HELD;
		s->n--;
	}
}

PDP_VR_PLUGIN({
	.abi_version = PDP_VR_ABI_VERSION,
	.flags = PDP_VR_HOLDS,
	.name = "hold",
	.init = init,
	.process = process,
	.tick = tick,
});
