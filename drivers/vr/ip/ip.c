/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An IP router as a VR (RFC 1812, RFC 8200): forwards by the routes of the VR's control plane, and
 * punts to it what a kernel has to answer. Budget: 45 cycles a packet with its header in the cache,
 * the lookup's misses apart.
 */
#include <errno.h>
#include <stdlib.h>

#include "ip_priv.h"

static void process(void *state, struct pdp_pkt *pkts, unsigned int n)
{
	uint16_t numbers[PDP_BURST_MAX];
	struct ip *ip = state;
	struct ip_burst b;

	b.n4 = b.n6 = 0;
	b.fetch4 = pdp_fib_is_wide4(ip->fib) ? ip->fib : NULL;
	ip->now_ns = 0;
	ip_receive(ip, pkts, n, &b);
	if (b.n4 != 0) {
		pdp_fib_lookup4(ip->fib, b.dst4, numbers, b.n4);
		ip_forward4(ip, &b, numbers);
	}
	if (b.n6 != 0) {
		pdp_fib_lookup6(ip->fib, (const uint8_t(*)[16])b.dst6, numbers, b.n6);
		ip_forward6(ip, &b, numbers);
	}
}

static int init(const struct pdp_vr_info *info, void **state)
{
	struct ip *ip = calloc(1, sizeof(*ip));
	int rc;

	if (ip == NULL)
		return -ENOMEM;
	rc = ip_setup(ip, info);
	if (rc != 0) {
		free(ip);
		return rc;
	}
	*state = ip;
	return 0;
}

static void fini(void *state)
{
	free(state);
}

PDP_VR_PLUGIN({
	.abi_version = PDP_VR_ABI_VERSION,
	.flags = PDP_VR_HEADER_ONLY | PDP_VR_WANTS_HEAD,
	.name = "ip",
	.init = init,
	.process = process,
	.fini = fini,
});
