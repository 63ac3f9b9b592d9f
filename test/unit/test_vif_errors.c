/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each reason why a vif drops, and frames cut off at every byte. Frames stand in allocations of
 * exactly their length, so that ASan sees each byte read or written too many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "pkt.h"

static struct pkt p;
static struct pdp_vif vif;

/* The frame of a far side that sends an inner packet of 100 bytes (of the outer family) to this
 * vif. */
static uint8_t *make(enum pdp_vif_kind kind, enum pdp_vif_carrier carrier, int family,
		     unsigned int options)
{
	struct pdp_vif_conf conf = pkt_conf(kind, carrier, family);
	struct pdp_ip src = family == 4 ? pkt_ip4(192, 168, 0, 1) : pkt_ip6(7, 7, 1);
	struct pdp_ip dst = family == 4 ? pkt_ip4(192, 168, 1, 1) : pkt_ip6(8, 8, 2);
	uint16_t type = family == 4 ? 0x0800 : 0x86dd;
	uint16_t inner = kind == PDP_VIF_IP && carrier != PDP_CARRIER_UDP ? 114 : 100;
	static struct pkt in;

	pdp_vif_init(&vif, &conf);
	if (kind == PDP_VIF_IP && carrier == PDP_CARRIER_UDP)
		pkt_make_ip(&in, &src, &dst, 1, 2, 0, inner);
	else
		pkt_make_frame(&in, &src, &dst, 1, 2, 0, inner);
	pkt_clear(&p);
	if (carrier == PDP_CARRIER_UDP || carrier == PDP_CARRIER_VXLAN) {
		unsigned int vxlan = carrier == PDP_CARRIER_VXLAN ? 8 : 0;

		pkt_add_eth(&p, pkt_mac_a, pkt_mac_b, type);
		pkt_add_ip(&p, &conf.remote, &conf.local, 17, 0, (uint16_t)(8 + vxlan + inner),
			   options);
		pkt_add_udp(&p, 50000, conf.udp_port, (uint16_t)(vxlan + inner));
		if (vxlan > 0)
			pkt_add_vxlan(&p, conf.vni);
		pkt_add(&p, pkt_data(&in), inner);
	} else {
		pkt_add(&p, pkt_data(&in), 14);
		if (carrier == PDP_CARRIER_VLAN)
			pkt_add_tag(&p, 0x8100, conf.vlan);
		pkt_add(&p, pkt_data(&in) + 14, (uint16_t)(inner - 14));
	}
	return pkt_data(&p);
}

/* Decapsulates a copy of the first len bytes. */
static enum pdp_vif_drop decap_cut(uint16_t len, uint16_t *inner_len, uint16_t *off)
{
	uint8_t *copy = malloc(len);
	enum pdp_vif_drop drop;

	if (len > 0)
		memcpy(copy, pkt_data(&p), len);
	*inner_len = len;
	drop = pdp_vif_decap(&vif, copy, inner_len, off);
	if (drop == PDP_VIF_OK)
		assert_in_range(*off + *inner_len, 0, len);
	free(copy);
	return drop;
}

static enum pdp_vif_drop decap(void)
{
	uint16_t len, off;

	return decap_cut(p.len, &len, &off);
}

static enum pdp_vif_drop encap_bytes(const void *bytes, uint16_t len)
{
	uint8_t *room = malloc(128u + len);
	enum pdp_vif_drop drop;

	memcpy(room + 128, bytes, len);
	drop = pdp_vif_encap(&vif, room + 128, 128, &len);
	free(room);
	return drop;
}

static bool is_tunnel(unsigned int carrier)
{
	return carrier == PDP_CARRIER_UDP || carrier == PDP_CARRIER_VXLAN;
}

/* What the whole is, then each shorter one: truncated, or (raw and VLAN Ethernet) a shorter frame.
 */
static void test_truncated_everywhere(void **state)
{
	for (unsigned int i = 0; i < 2 * 4 * 2; i++) {
		unsigned int kind = i & 1, carrier = i >> 1 & 3,
			     header = carrier == PDP_CARRIER_VLAN ? 18 : 14;
		uint16_t len, off;

		make(kind, carrier, i & 8 ? 6 : 4, 0);
		assert_int_equal(decap_cut(p.len, &len, &off), PDP_VIF_OK);
		for (uint16_t cut = 0; cut < p.len; cut++) {
			enum pdp_vif_drop drop = decap_cut(cut, &len, &off);

			if (kind == PDP_VIF_ETHERNET && !is_tunnel(carrier) && cut >= header) {
				assert_int_equal(drop, PDP_VIF_OK);
				assert_int_equal(len, cut - (header - 14));
			} else {
				assert_int_equal(drop, PDP_VIF_TRUNCATED);
			}
		}
	}
}

static void test_padding_is_cut(void **state)
{
	uint16_t len, off, whole;

	for (unsigned int i = 0; i < 2 * 4 * 2; i++) {
		unsigned int kind = i & 1, carrier = i >> 1 & 3;

		make(kind, carrier, i & 8 ? 6 : 4, 0);
		assert_int_equal(decap_cut(p.len, &whole, &off), PDP_VIF_OK);
		pkt_add_fill(&p, 18, 1);
		assert_int_equal(decap_cut(p.len, &len, &off), PDP_VIF_OK);
		assert_int_equal(len, kind == PDP_VIF_ETHERNET && !is_tunnel(carrier) ? whole + 18
										      : whole);
	}
}

/* A UDP length shorter than the IP payload cuts as well; kind ip: the inner IP length. */
static void test_inner_length(void **state)
{
	uint16_t len, off;
	uint8_t *frame = make(PDP_VIF_IP, PDP_CARRIER_UDP, 4, 0), *inner = frame + 42;

	pkt_put16(inner + 2, 60);
	assert_int_equal(decap_cut(p.len, &len, &off), PDP_VIF_OK);
	assert_int_equal(len, 60);
	pkt_put16(inner + 2, 101);
	assert_int_equal(decap(), PDP_VIF_TRUNCATED);
	pkt_put16(inner + 2, 19);
	assert_int_equal(decap(), PDP_VIF_BAD_HEADER);
	pkt_put16(inner + 2, 100);
	inner[0] = 0x44;
	assert_int_equal(decap(), PDP_VIF_BAD_HEADER);
	inner[0] = 0x4f; /* 60 bytes of header in 100 */
	assert_int_equal(decap(), PDP_VIF_OK);
	pkt_put16(inner + 2, 59);
	assert_int_equal(decap(), PDP_VIF_BAD_HEADER);

	frame = make(PDP_VIF_ETHERNET, PDP_CARRIER_UDP, 4, 0);
	pkt_put16(frame + 14 + 20 + 4, 8 + 70);
	assert_int_equal(decap_cut(p.len, &len, &off), PDP_VIF_OK);
	assert_int_equal(len, 70);

	frame = make(PDP_VIF_IP, PDP_CARRIER_RAW, 6, 0);
	pkt_put16(frame + 14 + 4, 0);
	assert_int_equal(decap_cut(p.len, &len, &off), PDP_VIF_OK);
	assert_int_equal(len, 40);
	pkt_put16(frame + 14 + 4, 61);
	assert_int_equal(decap(), PDP_VIF_TRUNCATED);
}

static void test_bad_header4(void **state)
{
	uint8_t *ip = make(PDP_VIF_ETHERNET, PDP_CARRIER_VXLAN, 4, 0) + 14;

	for (unsigned int i = 0; i < 20 * 8;
	     i++) { /* any bit of the header: the checksum says so, or something before it */
		enum pdp_vif_drop drop;

		ip[i / 8] ^= 1 << i % 8;
		drop = decap();
		assert_true(drop == PDP_VIF_BAD_HEADER || drop == PDP_VIF_TRUNCATED);
		ip[i / 8] ^= 1 << i % 8;
	}
	assert_int_equal(decap(), PDP_VIF_OK);
	ip[0] = 0x55;
	pkt_fix_ip4(ip);
	assert_int_equal(decap(), PDP_VIF_BAD_HEADER);
	ip[0] = 0x44;
	pkt_fix_ip4(ip);
	assert_int_equal(decap(), PDP_VIF_BAD_HEADER);
	ip[0] = 0x45;
	pkt_put16(ip + 2, 19);
	pkt_fix_ip4(ip);
	assert_int_equal(decap(), PDP_VIF_BAD_HEADER);
}

static void test_bad_header_rest(void **state)
{
	uint8_t *frame = make(PDP_VIF_ETHERNET, PDP_CARRIER_VXLAN, 6, 0), *udp = frame + 54;

	frame[14] = 0x40;
	assert_int_equal(decap(), PDP_VIF_BAD_HEADER);
	frame[14] = 0x60;
	for (uint16_t size = 0; size < 8; size++) {
		pkt_put16(udp + 4, size);
		assert_int_equal(decap(), PDP_VIF_BAD_HEADER);
	}
	pkt_put16(udp + 4, 8 + 8 + 100 + 1); /* one more than the IP packet has */
	assert_int_equal(decap(), PDP_VIF_TRUNCATED);
	pkt_put16(udp + 4, 8);
	assert_int_equal(decap(), PDP_VIF_TRUNCATED); /* no room for VXLAN */
	pkt_put16(udp + 4, 8 + 8 + 13);
	assert_int_equal(decap(), PDP_VIF_TRUNCATED); /* none for the frame inside */
	pkt_put16(udp + 4, 8 + 8 + 100);
	udp[8] = 0xf7; /* all flags but I */
	assert_int_equal(decap(), PDP_VIF_BAD_HEADER);
	memset(udp + 8, 0xff, 4); /* reserved bits are ignored */
	udp[15] = 0xff;
	assert_int_equal(decap(), PDP_VIF_OK);
}

static void test_fragments(void **state)
{
	static const uint16_t fragments[] = {0x2000, 0x2001, 0x0001, 0x1fff,
					     0x3fff, 0x6000, 0xa000};
	uint8_t *ip = make(PDP_VIF_IP, PDP_CARRIER_UDP, 4, 0) + 14;

	for (unsigned int i = 0; i < 7; i++) {
		pkt_put16(ip + 6, fragments[i]);
		pkt_fix_ip4(ip);
		assert_int_equal(decap(), PDP_VIF_FRAGMENT);
	}
	pkt_put16(ip + 6, 0x4000);
	pkt_fix_ip4(ip);
	assert_int_equal(decap(), PDP_VIF_OK);
}

/* A header of n bytes between the outer IPv6 header and UDP. */
static void insert_extension6(uint8_t proto, const uint8_t *bytes, uint16_t n)
{
	uint8_t *ip = pkt_data(&p) + 14;

	memmove(ip + 40 + n, ip + 40, p.len - 54u);
	memcpy(ip + 40, bytes, n);
	ip[40] = ip[6];
	ip[6] = proto;
	p.len = (uint16_t)(p.len + n);
	pkt_put16(ip + 4, (uint16_t)(pkt_get16(ip + 4) + n));
}

static void test_extensions6(void **state)
{
	static const uint8_t options[16] = {0, 1, 1, 12}, first[8] = {0, 0, 0, 1},
			     later[8] = {0, 0, 0, 8}, atomic[8];
	uint16_t len, off;

	make(PDP_VIF_IP, PDP_CARRIER_UDP, 6, 0);
	insert_extension6(60, options, 16);
	insert_extension6(0, options, 16);
	assert_int_equal(decap_cut(p.len, &len, &off), PDP_VIF_OK);
	assert_int_equal(off, 62 + 32);
	assert_int_equal(len, 100);
	for (uint16_t cut = 0; cut < p.len; cut++)
		assert_int_equal(decap_cut(cut, &len, &off), PDP_VIF_TRUNCATED);
	pkt_data(&p)[14 + 41] = 255;
	assert_int_equal(decap(), PDP_VIF_TRUNCATED);

	make(PDP_VIF_IP, PDP_CARRIER_UDP, 6, 0);
	insert_extension6(44, first, 8);
	assert_int_equal(decap(), PDP_VIF_FRAGMENT);
	make(PDP_VIF_IP, PDP_CARRIER_UDP, 6, 0);
	insert_extension6(44, later, 8);
	assert_int_equal(decap(), PDP_VIF_FRAGMENT);
	make(PDP_VIF_IP, PDP_CARRIER_UDP, 6, 0);
	insert_extension6(44, atomic, 8);
	assert_int_equal(decap(), PDP_VIF_OK);
	pkt_data(&p)[14 + 40 + 3] = 0x06; /* reserved bits do not make a fragment */
	assert_int_equal(decap(), PDP_VIF_OK);
	for (unsigned int i = 0; i < 8; i++)
		insert_extension6(60, options, 16);
	assert_int_equal(decap(), PDP_VIF_TRUNCATED); /* nine headers */
}

static void test_ip4_options(void **state)
{
	uint16_t len, off;

	for (unsigned int words = 1; words <= 10; words++) {
		make(PDP_VIF_IP, PDP_CARRIER_VXLAN, 4, words);
		assert_int_equal(decap_cut(p.len, &len, &off), PDP_VIF_OK);
		assert_int_equal(off, 64 + 4 * words);
		assert_int_equal(len, 100);
		pkt_data(&p)[14 + 20]++; /* options are under the checksum */
		assert_int_equal(decap(), PDP_VIF_BAD_HEADER);
	}
}

static void test_sender(void **state)
{
	for (int family = 4; family <= 6; family += 2) {
		uint8_t *ip = make(PDP_VIF_ETHERNET, PDP_CARRIER_UDP, family, 0) + 14;
		uint8_t *src = ip + (family == 4 ? 12 : 8);

		for (unsigned int i = 0; i < (family == 4 ? 4u : 16u); i++) {
			src[i] ^= 0x80;
			if (family == 4)
				pkt_fix_ip4(ip);
			assert_int_equal(decap(), PDP_VIF_BAD_SENDER);
			vif.conf.flags = 0;
			assert_int_equal(decap(), PDP_VIF_OK);
			vif.conf.flags = PDP_VIF_CHECK_REMOTE;
			src[i] ^= 0x80;
		}
	}
}

static void csum_of(int family, enum pdp_vif_kind kind, enum pdp_vif_carrier carrier,
		    uint16_t extra)
{
	uint8_t *ip = make(kind, carrier, family, 0) + 14, *udp = ip + (family == 4 ? 20 : 40);
	uint16_t size;

	pkt_add_fill(&p, extra, 3);
	size = (uint16_t)(pkt_data(&p) + p.len - udp);
	pkt_put16(udp + 4, size);
	pkt_put16(ip + (family == 4 ? 2 : 4), (uint16_t)(family == 4 ? size + 20 : size));
	if (family == 4)
		pkt_fix_ip4(ip);
	pkt_put16(udp + 6, pkt_udp_csum(&vif.conf.local, &vif.conf.remote, udp, size));
	assert_int_equal(decap(), PDP_VIF_OK);
	pkt_put16(udp + 6, (uint16_t)(pkt_get16(udp + 6) ^ 1));
	assert_int_equal(decap(), PDP_VIF_BAD_CSUM);
	pkt_put16(udp + 6, (uint16_t)(pkt_get16(udp + 6) ^ 1));
	udp[size - 1] ^= 0x40;
	assert_int_equal(decap(), PDP_VIF_BAD_CSUM);
	udp[size - 1] ^= 0x40;
	udp[0] ^= 0x40;
	assert_int_equal(decap(), PDP_VIF_BAD_CSUM);
	udp[0] ^= 0x40;
	assert_int_equal(decap(), PDP_VIF_OK);
	pkt_put16(udp + 6, 0);
	udp[size - 1] ^= 0x40;
	assert_int_equal(decap(), PDP_VIF_OK); /* 0: none to verify, over IPv6 too */
}

static void test_udp_csum(void **state)
{
	for (uint16_t extra = 0; extra < 20; extra++) {
		for (int family = 4; family <= 6; family += 2) {
			csum_of(family, PDP_VIF_ETHERNET, PDP_CARRIER_VXLAN, extra);
			csum_of(family, PDP_VIF_IP, PDP_CARRIER_UDP, extra);
			csum_of(family, PDP_VIF_IP, PDP_CARRIER_UDP, (uint16_t)(8800 + extra));
		}
	}
}

static void test_not_ours(void **state)
{
	uint8_t *frame = make(PDP_VIF_ETHERNET, PDP_CARRIER_VXLAN, 4, 0), *ip = frame + 14;

	ip[19]++; /* another address */
	pkt_fix_ip4(ip);
	assert_int_equal(decap(), PDP_VIF_NOT_OURS);
	ip[19]--;
	ip[9] = 6;
	pkt_fix_ip4(ip);
	assert_int_equal(decap(), PDP_VIF_NOT_OURS);
	ip[9] = 17;
	pkt_fix_ip4(ip);
	ip[20 + 3]++; /* another UDP port */
	assert_int_equal(decap(), PDP_VIF_NOT_OURS);
	ip[20 + 3]--;
	for (unsigned int i = 0; i < 3; i++) { /* another VNI */
		ip[28 + 4 + i] ^= 0x10;
		assert_int_equal(decap(), PDP_VIF_NOT_OURS);
		ip[28 + 4 + i] ^= 0x10;
	}
	assert_int_equal(decap(), PDP_VIF_OK);
	pkt_put16(frame + 12, 0x86dd);
	assert_int_equal(decap(), PDP_VIF_NOT_OURS);

	frame = make(PDP_VIF_IP, PDP_CARRIER_UDP, 6, 0);
	frame[14 + 39]++;
	assert_int_equal(decap(), PDP_VIF_NOT_OURS);
	frame[14 + 39]--;
	frame[14 + 6] = 58;
	assert_int_equal(decap(), PDP_VIF_NOT_OURS);
	pkt_put16(frame + 12, 0x0800);
	assert_int_equal(decap(), PDP_VIF_NOT_OURS);
}

static void test_vlan_not_ours(void **state)
{
	for (unsigned int kind = 0; kind < 2; kind++) {
		uint8_t *frame = make(kind, PDP_CARRIER_VLAN, 4, 0);

		pkt_put16(frame + 14, 101);
		assert_int_equal(decap(), PDP_VIF_NOT_OURS);
		pkt_put16(frame + 14, 0xf000 | 100); /* priority and DEI do not count */
		assert_int_equal(decap(), PDP_VIF_OK);
		pkt_put16(frame + 12, 0x88a8);
		assert_int_equal(decap(), PDP_VIF_NOT_OURS);
		pkt_put16(frame + 12, 0x0800);
		assert_int_equal(decap(), PDP_VIF_NOT_OURS);
	}
}

/* Two tags: the outer one goes, the inner one stays where the type is. Kind ip has no use for a
 * second. */
static void test_qinq(void **state)
{
	static struct pkt was;
	uint16_t len, off;

	make(PDP_VIF_ETHERNET, PDP_CARRIER_RAW, 4, 0);
	was = p;
	make(PDP_VIF_ETHERNET, PDP_CARRIER_VLAN, 4, 0);
	pkt_clear(&p);
	pkt_add(&p, pkt_data(&was), 14);
	pkt_add_tag(&p, 0x8100, 100);
	pkt_add_tag(&p, 0x8100, 0x2007);
	pkt_add(&p, pkt_data(&was) + 14, 86);
	len = p.len;
	assert_int_equal(pdp_vif_decap(&vif, pkt_data(&p), &len, &off), PDP_VIF_OK);
	assert_int_equal(off, 4);
	assert_int_equal(len, 104);
	assert_memory_equal(pkt_data(&p) + 4, pkt_data(&was), 12);
	assert_int_equal(pkt_get16(pkt_data(&p) + 16), 0x8100);
	assert_int_equal(pkt_get16(pkt_data(&p) + 18), 0x2007);
	assert_memory_equal(pkt_data(&p) + 20, pkt_data(&was) + 12, 88);

	pdp_vif_init(&vif, &(struct pdp_vif_conf){.kind = PDP_VIF_IP,
						  .carrier = PDP_CARRIER_VLAN,
						  .vlan = 7,
						  .mtu = 1500});
	memmove(pkt_data(&p) + 16, pkt_data(&p) + 12, 100);
	pkt_put16(pkt_data(&p) + 12, 0x8100);
	pkt_put16(pkt_data(&p) + 14, 7);
	assert_int_equal(decap(), PDP_VIF_NOT_IP);
}

static void test_not_ip(void **state)
{
	static const uint16_t types[] = {0x0806, 0x8100, 0x88cc, 0x0801, 0x0600, 0};
	static const uint8_t carriers[] = {PDP_CARRIER_RAW, PDP_CARRIER_VLAN, PDP_CARRIER_VXLAN};
	static const uint8_t type_at[] = {12, 16, 62};

	for (unsigned int c = 0; c < 3; c++) {
		uint8_t *frame = make(PDP_VIF_IP, carriers[c], 4, 0);

		for (unsigned int i = 0; i < 6; i++) {
			pkt_put16(frame + type_at[c], types[i]);
			assert_int_equal(decap(), PDP_VIF_NOT_IP);
		}
		pkt_put16(frame + type_at[c], 0x86dd); /* the version says IPv4 */
		assert_int_equal(decap(), PDP_VIF_NOT_IP);
		pkt_put16(frame + type_at[c], 0x0800);
		for (unsigned int version = 0; version < 16; version++) {
			frame[type_at[c] + 2] = (uint8_t)(version << 4 | 5);
			assert_int_equal(decap(), version == 4 ? PDP_VIF_OK : PDP_VIF_NOT_IP);
		}
	}
	make(PDP_VIF_IP, PDP_CARRIER_UDP, 4, 0)[42] = 0x75;
	assert_int_equal(decap(), PDP_VIF_NOT_IP);
}

/* What a plugin may hand out wrongly. */
static void test_encap_refuses(void **state)
{
	uint8_t bytes[64] = {0x45};

	for (unsigned int carrier = 0; carrier < 4; carrier++) {
		make(PDP_VIF_IP, carrier, 4, 0);
		for (uint16_t len = 0; len < 64; len++) {
			bytes[0] = 0x45;
			assert_int_equal(encap_bytes(bytes, len),
					 len < 20 ? PDP_VIF_TRUNCATED : PDP_VIF_OK);
			bytes[0] = 0x60;
			assert_int_equal(encap_bytes(bytes, len),
					 len < 40 ? PDP_VIF_TRUNCATED : PDP_VIF_OK);
			bytes[0] = 0x50;
			assert_int_equal(encap_bytes(bytes, len),
					 len < 20 ? PDP_VIF_TRUNCATED : PDP_VIF_NOT_IP);
		}
		make(PDP_VIF_ETHERNET, carrier, 4, 0);
		/* a frame may announce IP and end: it is carried as it is */
		pkt_put16(bytes + 12, 0x0800);
		for (uint16_t len = 0; len < 64; len++)
			assert_int_equal(encap_bytes(bytes, len),
					 len < 14 ? PDP_VIF_TRUNCATED : PDP_VIF_OK);
		pkt_put16(bytes + 12, 0x8100);
		for (uint16_t len = 0; len < 64; len++)
			assert_int_equal(encap_bytes(bytes, len),
					 len < 14 ? PDP_VIF_TRUNCATED : PDP_VIF_OK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truncated_everywhere),
		cmocka_unit_test(test_padding_is_cut),
		cmocka_unit_test(test_inner_length),
		cmocka_unit_test(test_bad_header4),
		cmocka_unit_test(test_bad_header_rest),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_extensions6),
		cmocka_unit_test(test_ip4_options),
		cmocka_unit_test(test_sender),
		cmocka_unit_test(test_udp_csum),
		cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_vlan_not_ours),
		cmocka_unit_test(test_qinq),
		cmocka_unit_test(test_not_ip),
		cmocka_unit_test(test_encap_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
