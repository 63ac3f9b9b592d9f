/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes into the IP router, through a window of any size: it stays inside of what is visible,
 * counts each packet once, punts it as it came, and forwards nothing but a right IP packet with one
 * hop less whose payload is untouched. A plain IPv4 frame with a route it does forward, by that.
 *
 * Input: a byte that chooses the vif and mends the frame, one for the window, one for the headroom
 * and how often the packet is in the burst, each time by the next vif, then the packet.
 */
#include "fuzz.h"
#include "ipkit.h"
#include "pkt.h"

enum { SEL_VIF = 0x03, SEL_FIX_MAC = 0x04, SEL_FIX_CSUM = 0x08, SEL_FIX_LENGTH = 0x10 };

#define BURST_MAX 9

/* A packet of the burst, and what it was. */
struct one {
	uint8_t *room;
	uint8_t *frame; /* whole, mended for its vif */
	uint16_t visible;
	uint16_t size;
	uint8_t headroom;
};

static struct ipkit k;
static const uint32_t mtus[IPKIT_VIFS] = {1500, 1500, 1400, 9000};

static void open_router(void)
{
	static const char *const routes4[] = {"10.0.0.0/8", "20.0.0.0/8", "0.0.0.0/1"};
	static const char *const routes6[] = {"2001:db8::/32", "2002::/16", "2000::/4"};
	static const char *const args = "{\"punt_pps\": {\"routing\": 1000, \"arp_nd\": 1000, "
					"\"other\": 1000}}";

	FUZZ_CHECK(ipkit_open(&k, args) == 0);
	for (uint8_t i = 0; i < 3; i++) {
		ipkit_route(&k, routes4[i], PDP_FIB_FORWARD, (uint8_t)(i + 1));
		ipkit_route(&k, routes6[i], PDP_FIB_FORWARD, (uint8_t)(i + 1));
	}
	for (uint8_t type = PDP_FIB_UNRESOLVED; type <= PDP_FIB_DEAD; type++) {
		char text[64];

		snprintf(text, sizeof(text), "10.%u.0.0/16", type);
		ipkit_route(&k, text, (enum pdp_fib_type)type, 1);
		snprintf(text, sizeof(text), "2001:db8:%x::/48", type);
		ipkit_route(&k, text, (enum pdp_fib_type)type, 1);
	}
	ipkit_route(&k, "10.200.0.0/16", PDP_FIB_FORWARD, 200);
}

/* Else hardly a mutation would get past the first looks. */
static void mend(uint8_t sel, uint8_t *frame, size_t size)
{
	const size_t off = (sel & SEL_VIF) == IPKIT_IP_VIF ? 0 : 14;
	uint8_t *h = frame + off;

	if ((sel & SEL_FIX_MAC) && off != 0 && size >= 6)
		ipkit_vif_mac(sel & SEL_VIF, frame);
	if (size < off + 60)
		return;
	if ((sel & SEL_FIX_LENGTH) && h[0] >> 4 == 4)
		pkt_put16(h + 2, (uint16_t)(size - off));
	else if ((sel & SEL_FIX_LENGTH) && h[0] >> 4 == 6)
		pkt_put16(h + 4, (uint16_t)(size - off - 40));
	if (sel & SEL_FIX_CSUM)
		pkt_fix_ip4(h);
}

static void check_macs(const struct pdp_pkt *p)
{
	uint8_t mac[6];

	ipkit_far_mac(p->vif, mac);
	FUZZ_CHECK(memcmp(p->data, mac, 6) == 0);
	ipkit_vif_mac(p->vif, mac);
	FUZZ_CHECK(memcmp(p->data + 6, mac, 6) == 0);
	FUZZ_CHECK(pkt_get16(p->data + 12) == (p->data[14] >> 4 == 4 ? 0x0800 : 0x86dd));
}

/* @param was  the IP packet as it came */
static void check_ip4(const uint8_t *h, const uint8_t *was, unsigned int size, uint32_t mtu)
{
	uint8_t summed[20];

	FUZZ_CHECK(h[0] == 0x45 && pkt_csum(was, 20) == 0);
	memcpy(summed, h, sizeof(summed));
	pkt_fix_ip4(summed);
	FUZZ_CHECK(memcmp(summed, h, sizeof(summed)) == 0);
	FUZZ_CHECK(pkt_get16(h + 2) >= 20 && pkt_get16(h + 2) <= size);
	FUZZ_CHECK(pkt_get16(h + 2) <= mtu);
	FUZZ_CHECK(h[8] + 1 == was[8] && h[8] != 0);
	FUZZ_CHECK(memcmp(h, was, 8) == 0 && h[9] == was[9]);
	FUZZ_CHECK(memcmp(h + 12, was + 12, 8) == 0);
	FUZZ_CHECK(was[12] != 0 && was[12] != 127 && was[12] < 224);
	FUZZ_CHECK(was[16] != 0 && was[16] != 127 && was[16] < 224);
}

static void check_ip6(const uint8_t *h, const uint8_t *was, unsigned int size, uint32_t mtu)
{
	FUZZ_CHECK(h[0] >> 4 == 6 && pkt_get16(h + 4) + 40u <= size);
	FUZZ_CHECK(pkt_get16(h + 4) + 40u <= mtu);
	FUZZ_CHECK(h[7] + 1 == was[7] && h[7] != 0);
	FUZZ_CHECK(memcmp(h, was, 7) == 0 && memcmp(h + 8, was + 8, 32) == 0);
	FUZZ_CHECK(was[8] != 0xff && was[24] != 0xff);
	FUZZ_CHECK(was[8] != 0xfe || (was[9] & 0xc0) != 0x80);
	FUZZ_CHECK(was[24] != 0xfe || (was[25] & 0xc0) != 0x80);
}

static void check_forwarded(const struct pdp_pkt *p, const uint8_t *was, unsigned int was_visible,
			    unsigned int was_size)
{
	const unsigned int in_off = p->in_vif == IPKIT_IP_VIF ? 0 : 14;
	const unsigned int off = p->vif == IPKIT_IP_VIF ? 0 : 14;
	const uint8_t *h = p->data + off;
	unsigned int header, left;

	FUZZ_CHECK(p->vif < IPKIT_VIFS && p->len <= p->whole_len && p->len >= off + 20);
	FUZZ_CHECK(p->whole_len - off <= was_size - in_off);
	if (off != 0)
		check_macs(p);
	was += in_off;
	was_visible -= in_off;
	header = h[0] >> 4 == 4 ? 20 : 40;
	if (header == 20)
		check_ip4(h, was, p->whole_len - off, mtus[p->vif]);
	else
		check_ip6(h, was, p->whole_len - off, mtus[p->vif]);
	left = p->len - off;
	FUZZ_CHECK(left <= was_visible);
	FUZZ_CHECK(left < header || memcmp(h + header, was + header, left - header) == 0);
}

/* The vif that open_router()'s routes name, or -1: not to be forwarded, or by no vif that there is.
 */
static int route4(const uint8_t *dst)
{
	if (dst[0] == 10 &&
	    (dst[1] == 200 || (dst[1] >= PDP_FIB_UNRESOLVED && dst[1] <= PDP_FIB_DEAD)))
		return -1;
	if (dst[0] == 10)
		return 1;
	if (dst[0] == 20)
		return 2;
	return dst[0] < 128 ? 3 : -1;
}

static bool is_host4(const uint8_t *address)
{
	return address[0] != 0 && address[0] != 127 && address[0] < 224;
}

/* @return the vif that a plain IPv4 frame has to leave by, or -1: it is something else */
static int plain4(const struct one *o, uint8_t vif)
{
	const uint8_t *frame = o->frame, *h = frame + 14;
	uint8_t mac[6];
	int out;

	if (vif == IPKIT_IP_VIF || o->visible < 34 || pkt_get16(frame + 12) != 0x0800 ||
	    h[0] != 0x45)
		return -1;
	ipkit_vif_mac(vif, mac);
	if (memcmp(frame, mac, 6) != 0 || pkt_csum(h, 20) != 0 || pkt_get16(h + 2) < 20 ||
	    pkt_get16(h + 2) > o->size - 14 || !is_host4(h + 12) || !is_host4(h + 16) || h[8] <= 1)
		return -1;
	out = route4(h + 16);
	return out >= 0 && pkt_get16(h + 2) <= mtus[out] ? out : -1;
}

static void check_plain(const struct pdp_pkt *p, const struct one *o)
{
	const int vif = plain4(o, p->in_vif);
	unsigned int len;

	if (vif < 0)
		return;
	FUZZ_CHECK(p->verdict == PDP_FORWARD && p->vif == vif);
	len = pkt_get16(o->frame + 16) + (vif == IPKIT_IP_VIF ? 0u : 14u);
	/* Padding stays as far as a short frame needs it. */
	if (vif != IPKIT_IP_VIF && len < 60)
		len = o->size < 60 ? o->size : 60;
	FUZZ_CHECK(p->whole_len == len);
}

static void check(const struct pdp_pkt *p, const struct one *o)
{
	FUZZ_CHECK(p->verdict <= PDP_PUNT);
	check_plain(p, o);
	if (p->verdict == PDP_FORWARD) {
		check_forwarded(p, o->frame, o->visible, o->size);
		return;
	}
	FUZZ_CHECK(p->data == o->room + o->headroom && p->len == o->visible &&
		   p->whole_len == o->size);
	FUZZ_CHECK(p->vif == p->in_vif && p->punt_class < PDP_PUNT_CLASSES);
	FUZZ_CHECK(o->visible == 0 || memcmp(p->data, o->frame, o->visible) == 0);
}

/* @param window  255: all of the packet */
static void lend(struct one *o, struct pdp_pkt *p, uint8_t sel, uint8_t window, uint8_t headroom,
		 const uint8_t *bytes, uint16_t size)
{
	o->headroom = headroom;
	o->size = size;
	o->visible = window < size && window != 255 ? window : size;
	o->frame = fuzz_copy(bytes, size);
	mend(sel, o->frame, size);
	o->room = malloc((size_t)headroom + o->visible);
	FUZZ_CHECK(o->room != NULL || headroom + o->visible == 0);
	if (o->visible > 0)
		memcpy(o->room + headroom, o->frame, o->visible);
	*p = (struct pdp_pkt){.data = o->room + headroom,
			      .len = o->visible,
			      .whole_len = size,
			      .headroom = headroom,
			      .vif = sel & SEL_VIF,
			      .in_vif = sel & SEL_VIF};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t bursts[4] = {1, 2, 4, BURST_MAX};
	struct pdp_pkt pkts[BURST_MAX];
	struct one ones[BURST_MAX];
	unsigned int n;
	uint64_t before;

	if (size <= 3 || size > 4096)
		return 0;
	if (k.state == NULL)
		open_router();
	k.now_ns += 100000;
	n = bursts[data[2] / 64];
	for (unsigned int i = 0; i < n; i++)
		lend(&ones[i], &pkts[i],
		     (uint8_t)((data[0] & ~SEL_VIF) | ((data[0] + i) & SEL_VIF)), data[1],
		     data[2] % 64, data + 3, (uint16_t)(size - 3));
	before = ipkit_counted(&k);
	ipkit_process(&k, pkts, n);
	FUZZ_CHECK(ipkit_counted(&k) == before + n);
	for (unsigned int i = 0; i < n; i++) {
		check(&pkts[i], &ones[i]);
		free(ones[i].room);
		free(ones[i].frame);
	}
	return 0;
}
