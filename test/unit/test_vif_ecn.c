/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ECN and DSCP across tunnels: the table of RFC 6040 section 4.2 (figure 4) for every kind,
 * carrier, outer and inner family; what is carried by frames that hold no IP.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "pkt.h"

enum { NOT_ECT = 0, ECT_1 = 1, ECT_0 = 2, CE = 3, GONE = -1 };

/* Figure 4, rows inner, columns outer, both in the order of the RFC: Not-ECT, ECT(0), ECT(1), CE.
 */
static const int codepoints[4] = {NOT_ECT, ECT_0, ECT_1, CE};
static const int figure4[4][4] = {
	{NOT_ECT, NOT_ECT, NOT_ECT, GONE},
	{ECT_0, ECT_0, ECT_1, CE},
	{ECT_1, ECT_1, ECT_1, CE},
	{CE, CE, CE, CE},
};

struct combo {
	enum pdp_vif_kind kind;
	enum pdp_vif_carrier carrier;
	int outer;
	int inner;
	unsigned int tags; /* of the inner frame */
};

static struct pkt p, in;

static uint8_t tos_of(const uint8_t *ip)
{
	return ip[0] >> 4 == 4 ? ip[1] : (uint8_t)(ip[0] << 4 | ip[1] >> 4);
}

/* The inner packet or frame; *l3 is where its IP header is. */
static void make_inner(const struct combo *c, uint8_t tos, uint16_t *l3)
{
	struct pdp_ip src = c->inner == 4 ? pkt_ip4(192, 168, 0, 1) : pkt_ip6(7, 7, 1);
	struct pdp_ip dst = c->inner == 4 ? pkt_ip4(192, 168, 1, 1) : pkt_ip6(8, 8, 2);

	pkt_clear(&in);
	if (c->kind == PDP_VIF_ETHERNET || c->carrier == PDP_CARRIER_VXLAN) {
		pkt_add_eth(&in, pkt_mac_a, pkt_mac_b, c->inner == 4 ? 0x0800 : 0x86dd);
		for (unsigned int t = 0; t < c->tags; t++)
			pkt_add_tag(&in, t == 0 ? 0x88a8 : 0x8100, 3);
	}
	*l3 = in.len;
	pkt_add_ip(&in, &src, &dst, 17, tos, 48, 0);
	pkt_add_udp(&in, 1, 2, 40);
	pkt_add_fill(&in, 40, 1);
}

static void make_outer(const struct combo *c, const struct pdp_vif_conf *conf, uint8_t tos)
{
	uint16_t vxlan = c->carrier == PDP_CARRIER_VXLAN ? 8 : 0;

	pkt_clear(&p);
	pkt_add_eth(&p, pkt_mac_a, pkt_mac_b, c->outer == 4 ? 0x0800 : 0x86dd);
	pkt_add_ip(&p, &conf->remote, &conf->local, 17, tos, (uint16_t)(8 + vxlan + in.len), 0);
	pkt_add_udp(&p, 50000, conf->udp_port, (uint16_t)(vxlan + in.len));
	if (vxlan > 0)
		pkt_add_vxlan(&p, conf->vni);
	pkt_add(&p, pkt_data(&in), in.len);
}

/* The inner packet leaves with `want` as its ECN field; all else as it was, its checksum right. */
static void check_out(const struct combo *c, uint8_t *inner, uint16_t l3, uint8_t inner_tos,
		      int want)
{
	static struct pkt was;
	uint8_t *ip = inner + l3;

	was = in;
	assert_int_equal(tos_of(ip), (inner_tos & ~3) | want);
	if (c->inner == 4) {
		assert_int_equal(pkt_csum(ip, 20), 0);
		ip[1] = inner_tos;
		memcpy(ip + 10, pkt_data(&was) + l3 + 10, 2);
	} else {
		ip[1] = pkt_data(&was)[l3 + 1];
	}
	assert_memory_equal(inner, pkt_data(&was), in.len);
}

static void check_cell(const struct combo *c, unsigned int row, unsigned int column, uint8_t dscp)
{
	struct pdp_vif_conf conf = pkt_conf(c->kind, c->carrier, c->outer);
	uint8_t inner_tos = (uint8_t)(dscp << 2 | codepoints[row]);
	uint8_t outer_tos = (uint8_t)((63 - dscp) << 2 | codepoints[column]);
	int want = figure4[row][column];
	uint16_t len, off, l3;
	struct pdp_vif vif;

	pdp_vif_init(&vif, &conf);
	make_inner(c, inner_tos, &l3);
	make_outer(c, &conf, outer_tos);
	len = p.len;
	if (want == GONE) {
		assert_int_equal(pdp_vif_decap(&vif, pkt_data(&p), &len, &off), PDP_VIF_ECN);
		return;
	}
	assert_int_equal(pdp_vif_decap(&vif, pkt_data(&p), &len, &off), PDP_VIF_OK);
	check_out(c, pkt_data(&p) + p.len - in.len, l3, inner_tos, want);
}

static void test_figure4(void **state)
{
	for (unsigned int i = 0; i < 2 * 2 * 2 * 2 * 3; i++) {
		struct combo c = {i & 1, i & 2 ? PDP_CARRIER_UDP : PDP_CARRIER_VXLAN, i & 4 ? 6 : 4,
				  i & 8 ? 6 : 4, i / 16};

		if (c.kind == PDP_VIF_IP && c.tags > 0)
			continue;
		for (unsigned int cell = 0; cell < 16; cell++) {
			for (uint8_t dscp = 0; dscp < 64; dscp++)
				check_cell(&c, cell / 4, cell % 4, dscp);
		}
	}
}

/* The incremental checksum is right for every checksum there is: all ids, with CE over ECT(0) and
 * ECT(1) over ECT(0). */
static void test_every_checksum(void **state)
{
	struct combo c = {PDP_VIF_IP, PDP_CARRIER_UDP, 4, 4, 0};
	struct pdp_vif_conf conf = pkt_conf(c.kind, c.carrier, c.outer);
	struct pdp_vif vif;
	uint16_t len, off, l3;

	pdp_vif_init(&vif, &conf);
	for (unsigned int id = 0; id < 65536; id++) {
		make_inner(&c, ECT_0, &l3);
		pkt_put16(pkt_data(&in) + 4, (uint16_t)id);
		pkt_fix_ip4(pkt_data(&in));
		make_outer(&c, &conf, id & 1 ? CE : ECT_1);
		len = p.len;
		assert_int_equal(pdp_vif_decap(&vif, pkt_data(&p), &len, &off), PDP_VIF_OK);
		assert_int_equal(pkt_data(&p)[off + 1], id & 1 ? CE : ECT_1);
		assert_int_equal(pkt_csum(pkt_data(&p) + off, 20), 0);
	}
}

/* Raw and VLAN have no outer IP: the packet stays as it is. */
static void test_no_outer(void **state)
{
	for (unsigned int carrier = PDP_CARRIER_RAW; carrier <= PDP_CARRIER_VLAN; carrier++) {
		struct combo c = {PDP_VIF_ETHERNET, carrier, 4, 4, 0};
		struct pdp_vif_conf conf = pkt_conf(c.kind, c.carrier, c.outer);
		struct pdp_vif vif;
		uint16_t len, off, l3;

		pdp_vif_init(&vif, &conf);
		for (unsigned int tos = 0; tos < 256; tos++) {
			make_inner(&c, (uint8_t)tos, &l3);
			len = in.len;
			assert_int_equal(pdp_vif_encap(&vif, pkt_data(&in), PKT_ROOM, &len),
					 PDP_VIF_OK);
			assert_int_equal(
				pdp_vif_decap(&vif, pkt_data(&in) - vif.outer_size, &len, &off),
				PDP_VIF_OK);
			assert_int_equal(pkt_data(&in)[l3 + 1], tos);
		}
	}
}

/* ARP, and frames that announce IP but hold none: nothing to combine with, outer DSCP and ECN 0. */
static void test_frames_without_ip(void **state)
{
	static const uint16_t types[] = {0x0806, 0x0800, 0x86dd, 0x8100};
	struct combo c = {PDP_VIF_ETHERNET, PDP_CARRIER_VXLAN, 4, 4, 0};
	struct pdp_vif_conf conf = pkt_conf(c.kind, c.carrier, c.outer);
	uint16_t len, off;
	struct pdp_vif vif;

	pdp_vif_init(&vif, &conf);
	for (unsigned int i = 0; i < 4 * 40; i++) {
		pkt_clear(&in);
		pkt_add_eth(&in, pkt_mac_a, pkt_mac_b, types[i % 4]);
		for (unsigned int n = 0; n < i / 4; n++)
			pkt_add8(&in, 0xff);
		make_outer(&c, &conf, CE);
		len = p.len;
		assert_int_equal(pdp_vif_decap(&vif, pkt_data(&p), &len, &off), PDP_VIF_OK);
		assert_memory_equal(pkt_data(&p) + off, pkt_data(&in), in.len);
		len = in.len;
		assert_int_equal(pdp_vif_encap(&vif, pkt_data(&in), PKT_ROOM, &len), PDP_VIF_OK);
		assert_int_equal(pkt_data(&in)[-50 + 14 + 1], 0);
	}
}

/* Encapsulation in normal mode: the field is copied whatever it is, from behind inner tags too. */
static void test_encap_copies(void **state)
{
	for (unsigned int i = 0; i < 2 * 2 * 2 * 3; i++) {
		struct combo c = {i & 1, PDP_CARRIER_UDP, i & 2 ? 6 : 4, i & 4 ? 6 : 4, i / 8};
		struct pdp_vif_conf conf = pkt_conf(c.kind, c.carrier, c.outer);
		struct pdp_vif vif;
		uint16_t len, l3;

		if (c.kind == PDP_VIF_IP && c.tags > 0)
			continue;
		pdp_vif_init(&vif, &conf);
		for (unsigned int tos = 0; tos < 256; tos++) {
			make_inner(&c, (uint8_t)tos, &l3);
			len = in.len;
			assert_int_equal(pdp_vif_encap(&vif, pkt_data(&in), PKT_ROOM, &len),
					 PDP_VIF_OK);
			assert_int_equal(tos_of(pkt_data(&in) - vif.outer_size + 14), tos);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_figure4),	     cmocka_unit_test(test_every_checksum),
		cmocka_unit_test(test_no_outer),     cmocka_unit_test(test_frames_without_ip),
		cmocka_unit_test(test_encap_copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
