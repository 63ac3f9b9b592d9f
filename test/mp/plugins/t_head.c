/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sends packets on with another beginning or end: {"grow": N} puts N bytes of value N in front,
 * {"trim": N} cuts N bytes off there, {"cut": N} off the end. Every third packet keeps its length.
 * Of all the 11th byte is another one afterwards.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pdp_vr.h>

#define CHANGED 10

static char what;
static uint16_t by;

static int init(const struct pdp_vr_info *info, void **state)
{
	const char *name = strchr(info->args, '"'), *value = strchr(info->args, ':');

	if (name == NULL || value == NULL)
		return -EINVAL;
	what = name[1];
	by = (uint16_t)strtoul(value + 1, NULL, 10);
	*state = &by;
	return 0;
}

static void change(struct pdp_pkt *p)
{
	if (what == 'g' && pdp_pkt_prepend(p, by) != NULL) {
		memset(p->data, by, by);
	} else if (what == 't') {
		pdp_pkt_adj(p, by);
	} else if (what == 'c') {
		p->whole_len -= by;
		p->len = p->len < p->whole_len ? p->len : p->whole_len;
	}
}

static void process(void *state, struct pdp_pkt *pkts, unsigned int n)
{
	static unsigned int turn;

	for (unsigned int i = 0; i < n; i++, turn++) {
		if (turn % 3 != 0)
			change(&pkts[i]);
		pkts[i].data[CHANGED] ^= 0xff;
		pkts[i].verdict = PDP_FORWARD;
	}
}

PDP_VR_PLUGIN({
	.abi_version = PDP_VR_ABI_VERSION,
	.name = "head",
	.init = init,
	.process = process,
});
