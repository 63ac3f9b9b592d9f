/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Order restored, and plugins that hold packets: one or the other. Control thread.
 */
#include <errno.h>
#include <stdio.h>

#include "engine_priv.h"

#define NO_HOLDS                                                                            \
	"VR %s: its plugin holds packets to send them later (PDP_VR_HOLDS), which order "   \
	"\"restore\" would undo; use order \"none\", and balance \"flow-jsq\" to keep the " \
	"order of each flow"

void engine_ready(struct engine *e, uint32_t flags)
{
	const struct pdp_engines_vr *vr = &e->all->p.vrs[e->vr];
	char why[300];

	e->holds = flags & PDP_VR_HOLDS;
	if (!e->holds || !vr->restore) {
		engine_joined(e);
		return;
	}
	snprintf(why, sizeof(why), NO_HOLDS, vr->name);
	engine_failed(e, why);
	if (e->by_hand)
		engine_command(e, PDP_CMD_STOP);
	else
		engine_kill(e);
}

int pdp_engines_may_restore(const struct pdp_engines *all, unsigned int vr, char *err,
			    size_t err_size)
{
	for (unsigned int i = 0; i < PDP_ENGINES_MAX; i++) {
		const struct engine *e = all->by_vr[vr][i];

		if (e == NULL || e->pid == 0 || !e->holds)
			continue;
		snprintf(err, err_size, NO_HOLDS, all->p.vrs[vr].name);
		return -EINVAL;
	}
	return 0;
}
