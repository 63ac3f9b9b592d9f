/* SPDX-License-Identifier: BSD-3-Clause */
/* Takes eight seconds to start. */
#include <time.h>

#include <pdp_vr.h>

static int init(const struct pdp_vr_info *info, void **state)
{
	struct timespec ts = {.tv_sec = 8};

	pdp_vr_log(info, PDP_LOG_NOTICE, "init began");
	while (nanosleep(&ts, &ts) != 0)
		;
	return 0;
}

static void process(void *state, struct pdp_pkt *pkts, unsigned int n)
{
}

PDP_VR_PLUGIN({
	.abi_version = PDP_VR_ABI_VERSION,
	.name = "slow_init",
	.init = init,
	.process = process,
});
