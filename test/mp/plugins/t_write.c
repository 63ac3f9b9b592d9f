/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sends every packet back after changing one of its bytes: {"at": N}; packets that show fewer leave
 * as they came. With -DWRITE_HEADER_ONLY it says that it changes nothing behind the header.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pdp_vr.h>

static unsigned long at;

static int init(const struct pdp_vr_info *info, void **state)
{
	const char *value = strchr(info->args, ':');

	if (value == NULL)
		return -EINVAL;
	at = strtoul(value + 1, NULL, 10);
	*state = &at;
	return 0;
}

static void process(void *state, struct pdp_pkt *pkts, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		if (pkts[i].len > at)
			pkts[i].data[at] ^= 0xff;
		pkts[i].verdict = PDP_FORWARD;
	}
}

PDP_VR_PLUGIN({
	.abi_version = PDP_VR_ABI_VERSION,
#ifdef WRITE_HEADER_ONLY
	.flags = PDP_VR_HEADER_ONLY,
#endif
	.name = "write",
	.init = init,
	.process = process,
});
