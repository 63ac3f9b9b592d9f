/* SPDX-License-Identifier: BSD-3-Clause */
/* What a router needs before its first packet: arguments, counters, vifs. */
#include <errno.h>

#include <jansson.h>

#include "ip_priv.h"

#define RATE_MAX  10000000
#define DEPTH_MIN 32 /* packets that may come at once, however low the rate */

/* Of counters, in the order of enum ip_count. */
static const char *const names[IP_COUNTS] = {
	[IP_FORWARDED4] = "forwarded_ip4",
	[IP_FORWARDED6] = "forwarded_ip6",
	[IP_NOT_TO_US] = "drop_not_to_us",
	[IP_SHORT] = "drop_short",
	[IP_HEADER] = "drop_header",
	[IP_CHECKSUM] = "drop_checksum",
	[IP_MARTIAN_SOURCE] = "drop_martian_source",
	[IP_MARTIAN_DESTINATION] = "drop_martian_destination",
	[IP_LINK_BROADCAST] = "drop_link_broadcast",
	[IP_BLACKHOLE] = "drop_blackhole",
	[IP_NO_HEADROOM] = "drop_no_headroom",
	[IP_SURPLUS_OTHER] = "drop_surplus_other",
	[IP_SURPLUS_ARP_ND] = "drop_surplus_arp_nd",
	[IP_SURPLUS_ROUTING] = "drop_surplus_routing",
	[IP_LOCAL] = "punt_local",
	[IP_ARP] = "punt_arp",
	[IP_ND] = "punt_nd",
	[IP_MULTICAST] = "punt_multicast",
	[IP_BROADCAST] = "punt_broadcast",
	[IP_HOP_LIMIT] = "punt_hop_limit",
	[IP_OPTIONS] = "punt_options",
	[IP_MTU] = "punt_mtu",
	[IP_UNRESOLVED] = "punt_unresolved",
	[IP_UNREACHABLE] = "punt_unreachable",
	[IP_SCOPE] = "punt_scope",
	[IP_WINDOW] = "punt_window",
	[IP_PROTOCOL] = "punt_protocol",
};
static_assert(IP_COUNTS <= PDP_VR_N_COUNTERS, "as many as an engine has");

static int set_rate(struct ip_bucket *b, json_int_t pps, json_int_t burst_ms)
{
	uint64_t depth;

	if (pps < 0 || pps > RATE_MAX)
		return -EINVAL;
	if (pps == 0) {
		b->gap_ns = UINT64_MAX;
		return 0;
	}
	/* Rounded up: never faster. */
	b->gap_ns = (1000000000u + (uint64_t)pps - 1) / (uint64_t)pps;
	depth = (uint64_t)pps * (uint64_t)burst_ms / 1000;
	b->depth_ns = (depth > DEPTH_MIN ? depth : DEPTH_MIN) * b->gap_ns;
	return 0;
}

static int read_args(struct ip *ip, const struct pdp_vr_info *info)
{
	json_int_t pps[PDP_PUNT_CLASSES] = {10000, 2000, 20000}, burst_ms = 100;
	json_error_t err = {.text = ""};
	json_t *args = json_loads(info->args, 0, &err);
	int rc = 0;

	if (args == NULL ||
	    json_unpack_ex(args, &err, JSON_STRICT, "{s?{s?I, s?I, s?I !}, s?I}", "punt_pps",
			   "routing", &pps[PDP_PUNT_ROUTING], "arp_nd", &pps[PDP_PUNT_ARP_ND],
			   "other", &pps[PDP_PUNT_OTHER], "punt_burst_ms", &burst_ms) != 0)
		rc = -EINVAL;
	else if (burst_ms < 1 || burst_ms > 1000)
		rc = -EINVAL;
	for (unsigned int i = 0; i < PDP_PUNT_CLASSES && rc == 0; i++)
		rc = set_rate(&ip->buckets[i], pps[i], burst_ms);
	if (rc != 0)
		pdp_vr_log(info, PDP_LOG_ERR,
			   "args: %s%sknown: punt_pps, an object of routing, arp_nd and other, "
			   "each 0..%d packets a second and engine; punt_burst_ms, 1..1000",
			   err.text, err.text[0] != '\0' ? "; " : "", RATE_MAX);
	json_decref(args);
	return rc;
}

int ip_setup(struct ip *ip, const struct pdp_vr_info *info)
{
	static uint64_t nowhere; /* the 32 counters of an engine are never used up by 27 */
	int rc = read_args(ip, info);

	if (rc != 0)
		return rc;
	if (info->fib == NULL) {
		pdp_vr_log(info, PDP_LOG_ERR,
			   "a router needs routes: give the VR a control plane (its \"netns\")");
		return -EINVAL;
	}
	ip->info = info;
	ip->fib = info->fib;
	for (unsigned int i = 0; i < IP_COUNTS; i++) {
		ip->counts[i] = pdp_vr_counter(info, names[i]);
		if (ip->counts[i] == NULL)
			ip->counts[i] = &nowhere;
	}
	for (unsigned int i = 0; i < info->n_vifs; i++) {
		struct ip_vif *vif = &ip->vifs[i];

		vif->mtu = info->vifs[i].mtu;
		if (info->vifs[i].kind != PDP_VIF_ETHERNET) {
			vif->mac = IP_NO_MAC;
			continue;
		}
		vif->l3_off = PDP_ETH_SIZE;
		memcpy(&vif->mac, info->vifs[i].mac, PDP_MAC_SIZE);
	}
	return 0;
}
