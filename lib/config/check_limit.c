/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rate limits: one rate, a burst that lets the longest frame through, and the burst where none is
 * given. Ports are decoded before VRs.
 */
#include "config_priv.h"

#include <inttypes.h>

#define L2_MAX	      (14 + 2 * 4) /* Ethernet header and two VLAN tags */
#define BURST_MS      10
#define BURST_FRAMES  16
#define BURST_PACKETS 64

/* Of all ports: a VR's packets may come by any. */
static uint32_t longest_frame(const struct pdp_config *config)
{
	uint32_t longest = 0;

	for (unsigned int i = 0; i < config->n_ports; i++) {
		const uint32_t len = config->ports[i].mtu + (uint32_t)L2_MAX;

		longest = len > longest ? len : longest;
	}
	return longest;
}

static uint32_t default_burst(const struct pdp_limit_config *limit, uint32_t longest)
{
	const uint32_t least = limit->pps != 0 ? BURST_PACKETS : BURST_FRAMES * longest;
	const uint32_t usual = limit->pps != 0 ? limit->pps / (1000 / BURST_MS)
					       : limit->kbps / 8 * BURST_MS;

	return usual > least ? usual : least;
}

static int check_limit(struct decoder *d, const struct where *where, json_t *obj,
		       struct pdp_limit_config *limit)
{
	const struct where burst = {.up = where, .key = "burst"};
	const uint32_t longest = longest_frame(d->config);

	if (json_object_size(obj) == 0)
		return 0;
	if ((limit->pps != 0) == (limit->kbps != 0))
		return where_fail(d, where,
				  limit->pps != 0 ? "two rates; give \"pps\" or \"kbps\""
						  : "no rate; give \"pps\" or \"kbps\"");
	if (limit->burst == 0)
		limit->burst = default_burst(limit, longest);
	if (limit->kbps != 0 && limit->burst < longest)
		return where_fail(d, &burst,
				  "a frame of %" PRIu32 " bytes would never pass; use %" PRIu32
				  " or more",
				  longest, longest);
	return 0;
}

int check_vr_limit(struct decoder *d, const struct where *where, json_t *obj, void *base)
{
	struct pdp_vr_config *vr = base;

	return check_limit(d, where, obj, &vr->limit);
}

int check_vif_limit(struct decoder *d, const struct where *where, json_t *obj, void *base)
{
	struct pdp_vif_config *vif = base;

	return check_limit(d, where, obj, &vif->limit);
}
