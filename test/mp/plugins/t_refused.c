/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A plugin that no engine takes; which way is chosen when it is built: init() fails, another ABI
 * version, no process().
 */
#include <errno.h>

#include <pdp_vr.h>

#ifdef REFUSED_NO_PROCESS
#define PROCESS NULL
#else
#define PROCESS process
static void process(void *state, struct pdp_pkt *pkts, unsigned int n)
{
}
#endif

static int init(const struct pdp_vr_info *info, void **state)
{
#ifdef REFUSED_INIT
	pdp_vr_log(info, PDP_LOG_ERR, "the licence of %s has expired", info->name);
	return -EACCES;
#else
	return 0;
#endif
}

PDP_VR_PLUGIN({
#ifdef REFUSED_ABI
	.abi_version = PDP_VR_ABI_VERSION + 1,
#else
	.abi_version = PDP_VR_ABI_VERSION,
#endif
	.name = "refused",
	.init = init,
	.process = PROCESS,
});
