/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the hostile plugin makes of packets: forged senders, tags and tunnels, bytes that it was
 * never shown, and more of its own than anybody wants.
 *
 * The vifs are the bench's (case hostile): 0 raw, where packets come from; 1 VLAN 10 and 2 VXLAN
 * VNI 7 on a port where blue has VLAN 20 and VNI 8; 3 raw with allow_src.
 */
#include <string.h>

#include "hostile.h"

#define FORGED_MAX   20000u /* then it is quiet: all of them are captured */
#define STALE_MAX    20000u
#define MADE_AT_ONCE 256

enum { OUT = 0, VLAN = 1, VXLAN = 2, GUARDED = 3 };

static const uint8_t blue_mac[6] = {0x02, 0xb1, 0x0e, 0xb1, 0x0e, 0xb1};

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* As if it came from blue: MAC, and IPv4 source 198.19.0.1. */
static void as_blue(struct pdp_pkt *p)
{
	memcpy(p->data + 6, blue_mac, sizeof(blue_mac));
	if (p->len >= 34)
		memcpy(p->data + 26, (const uint8_t[]){198, 19, 0, 1}, 4);
}

static void with_tag(struct pdp_pkt *p, uint16_t type, uint16_t vlan)
{
	uint8_t macs[12];

	memcpy(macs, p->data, sizeof(macs));
	if (pdp_pkt_prepend(p, 4) == NULL)
		return;
	memcpy(p->data, macs, sizeof(macs));
	put16(p->data + 12, type);
	put16(p->data + 14, vlan);
}

/* What says whose an address is: ARP, and IPv6 neighbour advertisement. */
static void as_arp(struct pdp_pkt *p)
{
	static const uint8_t arp[] = {0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 2};

	if (p->len < 42)
		return;
	memcpy(p->data + 12, arp, sizeof(arp));
	memcpy(p->data + 22, blue_mac, sizeof(blue_mac));
	memcpy(p->data + 28, (const uint8_t[]){198, 19, 0, 1}, 4);
}

/* The outer headers of blue's tunnel, as far as the headroom goes. */
static void in_tunnel(struct pdp_pkt *p)
{
	uint8_t *d = pdp_pkt_prepend(p, 50);

	if (d == NULL)
		return;
	memset(d, 0, 50);
	memcpy(d + 6, (const uint8_t[]){0x02, 0, 0, 0, 0, 9}, 6);
	put16(d + 12, 0x0800);
	d[14] = 0x45;
	put16(d + 16, (uint16_t)(p->whole_len - 14));
	d[22] = 64;
	d[23] = 17;
	memcpy(d + 26, (const uint8_t[]){192, 0, 2, 1, 192, 0, 2, 2}, 8);
	put16(d + 34, 50000);
	put16(d + 36, 4789);
	put16(d + 38, (uint16_t)(p->whole_len - 34));
	d[42] = 8;
	d[48] = 8; /* VNI 8 */
}

static void forge(struct pdp_pkt *p, unsigned int how)
{
	switch (how % 9) {
	case 0:
		p->vif = GUARDED;
		as_blue(p);
		break;
	case 1:
		p->vif = GUARDED;
		with_tag(p, 0x8100, 20);
		break;
	case 2:
		p->vif = GUARDED;
		with_tag(p, 0x88a8, 20);
		break;
	case 3:
		p->vif = GUARDED;
		as_arp(p);
		break;
	case 4:
		p->vif = GUARDED;
		in_tunnel(p);
		break;
	case 5:
		p->vif = VLAN;
		with_tag(p, 0x8100, 20);
		break;
	case 6:
		p->vif = VXLAN;
		in_tunnel(p);
		break;
	case 7:
		/* Over what the MD wrote in front, were it there. */
		p->vif = VLAN;
		memset(p->data - p->headroom, 0x14, p->headroom);
		break;
	default:
		p->vif = (uint8_t)(4 + how % 200); /* blue's, if they counted on */
		break;
	}
}

void packets_forge(struct world *w, struct pdp_pkt *pkts, unsigned int n)
{
	static unsigned int made;

	for (unsigned int i = 0; i < n; i++) {
		pkts[i].verdict = PDP_DROP;
		if (made == FORGED_MAX)
			continue;
		pkts[i].verdict = PDP_FORWARD;
		forge(&pkts[i], made++);
		if (made == FORGED_MAX)
			tell(w, "%u frames forged", made);
	}
}

/*
 * A copy whose first bytes are never written: what was in the MD's buffer before would leave. And a
 * packet of which it says that more was shown than was.
 */
void packets_stale(struct world *w, struct pdp_pkt *pkts, unsigned int n)
{
	static unsigned int made;

	for (unsigned int i = 0; i < n; i++) {
		struct pdp_pkt from = pkts[i], copy;

		pkts[i].verdict = PDP_DROP;
		if (made == STALE_MAX || from.whole_len <= from.len + 1)
			continue;
		if (made % 2 != 0)
			from.len = (uint16_t)(from.whole_len - 1);
		if (pdp_vr_copy(w->info, &from, &copy) != 0)
			continue;
		copy.len = 0; /* written, says the runtime then, was nothing */
		copy.vif = VLAN;
		copy.verdict = PDP_FORWARD;
		pdp_vr_release(w->info, &copy, 1);
		if (++made == STALE_MAX)
			tell(w, "%u copies without their heads", made);
	}
}

static void make(struct world *w, uint8_t verdict)
{
	for (unsigned int i = 0; i < MADE_AT_ONCE; i++) {
		struct pdp_pkt p;

		if (pdp_vr_originate(w->info, &p) != 0)
			return;
		memset(p.data, 0x5a, 64);
		p.vif = OUT;
		p.verdict = verdict;
		pdp_vr_release(w->info, &p, 1);
	}
}

void packets_tick_originate(struct world *w)
{
	make(w, PDP_FORWARD);
}

void packets_tick_punt(struct world *w)
{
	make(w, PDP_PUNT);
}

void packets_originate(struct world *w, struct pdp_pkt *pkts, unsigned int n)
{
	(void)pkts;
	(void)n;
	make(w, PDP_FORWARD);
}

void packets_punt(struct world *w, struct pdp_pkt *pkts, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		pkts[i].verdict = PDP_PUNT;
		pkts[i].punt_class = (uint8_t)i;
	}
	make(w, PDP_PUNT);
}
