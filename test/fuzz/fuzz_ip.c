/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes into the IP router, through a window of any size: it stays inside of what is visible,
 * counts each packet once, punts it as it came, and forwards nothing but a right IP packet with one
 * hop less whose payload is untouched.
 *
 * Input: a byte that chooses the vif and mends the frame, one for the window, one for the headroom,
 * then the packet.
 */
#include "fuzz.h"
#include "ipkit.h"
#include "pkt.h"

enum { SEL_VIF = 0x03, SEL_FIX_MAC = 0x04, SEL_FIX_CSUM = 0x08, SEL_FIX_LENGTH = 0x10 };

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
	FUZZ_CHECK(h[0] == 0x45 && pkt_csum(was, 20) == 0 && pkt_csum(h, 20) == 0);
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

/* @param window  255: all of the packet */
static void run(uint8_t sel, uint8_t window, uint8_t headroom, uint8_t *frame, uint16_t size)
{
	const uint16_t visible = window < size && window != 255 ? window : size;
	uint8_t *room = malloc((size_t)headroom + visible);
	const uint64_t before = ipkit_counted(&k);
	struct pdp_pkt p = {.data = room + headroom,
			    .len = visible,
			    .whole_len = size,
			    .headroom = headroom,
			    .vif = sel & SEL_VIF,
			    .in_vif = sel & SEL_VIF};

	FUZZ_CHECK(room != NULL || headroom + visible == 0);
	if (visible > 0)
		memcpy(p.data, frame, visible);
	ipkit_process(&k, &p, 1);
	FUZZ_CHECK(ipkit_counted(&k) == before + 1);
	FUZZ_CHECK(p.verdict <= PDP_PUNT);
	if (p.verdict == PDP_FORWARD) {
		check_forwarded(&p, frame, visible, size);
	} else {
		FUZZ_CHECK(p.data == room + headroom && p.len == visible && p.whole_len == size);
		FUZZ_CHECK(p.vif == p.in_vif && p.punt_class < PDP_PUNT_CLASSES);
		FUZZ_CHECK(visible == 0 || memcmp(p.data, frame, visible) == 0);
	}
	free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *frame;

	if (size < 3 || size > 4096)
		return 0;
	if (k.state == NULL)
		open_router();
	k.now_ns += 100000;
	frame = fuzz_copy(data + 3, size - 3);
	mend(data[0], frame, size - 3);
	if (size > 3)
		run(data[0], data[1], data[2] % 64, frame, (uint16_t)(size - 3));
	free(frame);
	return 0;
}
