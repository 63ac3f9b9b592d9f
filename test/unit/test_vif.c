/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every kind on every carrier over both families: what encapsulation writes, read by a parser of
 * its own, and the way back, for packets of 64 to 9000 bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "pkt.h"

struct combo {
	enum pdp_vif_kind kind;
	enum pdp_vif_carrier carrier;
	int outer;
	int inner;
};

static const uint16_t sizes[] = {64,  65,  66,	 67,   71,   100,  127,	 128,  129,  255,
				 256, 512, 1279, 1280, 1499, 1500, 1514, 2047, 8999, 9000};
#define N_SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* Calls fn for each kind, carrier, outer and inner family. @return how many */
static unsigned int for_each_combo(void (*fn)(const struct combo *c, const struct pdp_vif *vif))
{
	unsigned int i, n = 0;

	for (i = 0; i < 2 * 4 * 2 * 2; i++) {
		struct combo c = {.kind = i & 1,
				  .carrier = i >> 1 & 3,
				  .outer = i & 8 ? 6 : 4,
				  .inner = i & 16 ? 6 : 4};
		struct pdp_vif_conf conf = pkt_conf(c.kind, c.carrier, c.outer);
		struct pdp_vif vif;

		pdp_vif_init(&vif, &conf);
		fn(&c, &vif);
		n++;
	}
	return n;
}

static void make_inner(struct pkt *p, const struct combo *c, uint16_t len, uint8_t tos,
		       uint16_t src_port)
{
	struct pdp_ip src = c->inner == 4 ? pkt_ip4(192, 168, 0, 1) : pkt_ip6(7, 7, 1);
	struct pdp_ip dst = c->inner == 4 ? pkt_ip4(192, 168, 1, 1) : pkt_ip6(8, 8, 2);

	if (c->kind == PDP_VIF_IP)
		pkt_make_ip(p, &src, &dst, src_port, 5678, tos, len);
	else
		pkt_make_frame(p, &src, &dst, src_port, 5678, tos, len);
}

static const uint8_t *check_eth(const uint8_t *at, const uint8_t dst[6], const uint8_t src[6],
				uint16_t type)
{
	assert_memory_equal(at, dst, 6);
	assert_memory_equal(at + 6, src, 6);
	assert_int_equal(pkt_get16(at + 12), type);
	return at + 14;
}

static const uint8_t *check_outer_ip(const struct pdp_vif_conf *conf, const uint8_t *ip,
				     uint16_t len, uint8_t tos)
{
	if (conf->local.family == 4) {
		assert_int_equal(ip[0], 0x45);
		assert_int_equal(ip[1], tos);
		assert_int_equal(pkt_get16(ip + 2), len);
		assert_int_equal(pkt_get16(ip + 4), 0);
		assert_int_equal(pkt_get16(ip + 6), 0x4000);
		assert_int_equal(ip[8], conf->ttl);
		assert_int_equal(ip[9], 17);
		assert_int_equal(pkt_csum(ip, 20), 0);
		assert_memory_equal(ip + 12, conf->local.bytes, 4);
		assert_memory_equal(ip + 16, conf->remote.bytes, 4);
		return ip + 20;
	}
	assert_int_equal(ip[0] >> 4, 6);
	assert_int_equal((ip[0] & 15) << 4 | ip[1] >> 4, tos);
	assert_int_not_equal((ip[1] & 15) << 16 | ip[2] << 8 | ip[3], 0);
	assert_int_equal(pkt_get16(ip + 4), len - 40);
	assert_int_equal(ip[6], 17);
	assert_int_equal(ip[7], conf->ttl);
	assert_memory_equal(ip + 8, conf->local.bytes, 16);
	assert_memory_equal(ip + 24, conf->remote.bytes, 16);
	return ip + 40;
}

static const uint8_t *check_tunnel(const struct combo *c, const struct pdp_vif_conf *conf,
				   const uint8_t *frame, uint16_t len, uint8_t tos)
{
	const uint8_t *at = check_eth(frame, conf->remote_mac, conf->port_mac,
				      c->outer == 4 ? 0x0800 : 0x86dd);
	const uint8_t *end = frame + len;

	at = check_outer_ip(conf, at, (uint16_t)(end - at), tos);
	assert_true(pkt_get16(at) >= 49152);
	assert_int_equal(pkt_get16(at + 2), conf->remote_udp_port);
	assert_int_equal(pkt_get16(at + 4), end - at);
	assert_int_equal(pkt_get16(at + 6), 0);
	at += 8;
	if (c->carrier == PDP_CARRIER_VXLAN) {
		const uint8_t vxlan[8] = {0x08, 0, 0, 0, 0x12, 0x34, 0x56, 0};

		assert_memory_equal(at, vxlan, 8);
		at += 8;
	}
	return at;
}

/* @return where the inner packet begins */
static const uint8_t *check_frame(const struct combo *c, const struct pdp_vif_conf *conf,
				  const uint8_t *frame, uint16_t len, uint8_t tos)
{
	uint16_t inner_type = c->inner == 4 ? 0x0800 : 0x86dd;
	const uint8_t *at = frame;

	if (c->carrier == PDP_CARRIER_UDP || c->carrier == PDP_CARRIER_VXLAN)
		at = check_tunnel(c, conf, frame, len, tos);
	if (c->kind == PDP_VIF_ETHERNET || c->carrier == PDP_CARRIER_UDP)
		return at;
	if (c->carrier != PDP_CARRIER_VLAN)
		return check_eth(at, conf->peer_mac, conf->mac, inner_type);
	at = check_eth(at, conf->peer_mac, conf->mac, 0x8100);
	assert_int_equal(pkt_get16(at), conf->vlan);
	assert_int_equal(pkt_get16(at + 2), inner_type);
	return at + 4;
}

/* A tag stands in the middle of the frame: check it and compare both halves. */
static void check_tagged(const struct pdp_vif_conf *conf, const uint8_t *frame,
			 const struct pkt *was)
{
	assert_memory_equal(frame, was->bytes + PKT_ROOM, 12);
	assert_int_equal(pkt_get16(frame + 12), 0x8100);
	assert_int_equal(pkt_get16(frame + 14), conf->vlan);
	assert_memory_equal(frame + 16, was->bytes + PKT_ROOM + 12, was->len - 12);
}

static void round_trip(const struct combo *c, const struct pdp_vif *vif, uint16_t size, uint8_t tos)
{
	static struct pkt p, was;
	struct pdp_vif back;
	struct pdp_vif_conf conf = vif->conf;
	uint16_t len, off = 9999;
	uint8_t *frame;

	make_inner(&p, c, size, tos, 1234);
	was = p;
	len = p.len;
	assert_int_equal(pdp_vif_encap(vif, pkt_data(&p), PKT_ROOM, &len), PDP_VIF_OK);
	assert_int_equal(len, size + vif->outer_size);
	frame = pkt_data(&p) - vif->outer_size;
	if (c->kind == PDP_VIF_ETHERNET && c->carrier == PDP_CARRIER_VLAN)
		check_tagged(&conf, frame, &was);
	else
		assert_memory_equal(check_frame(c, &conf, frame, len, tos), pkt_data(&was), size);
	/* not a byte in front of the outer header, not one behind */
	assert_int_equal(frame[-1], 0xee);
	assert_int_equal(frame[len], 0xee);

	/* the far side */
	conf.local = vif->conf.remote;
	conf.remote = vif->conf.local;
	conf.udp_port = vif->conf.remote_udp_port;
	pdp_vif_init(&back, &conf);
	assert_int_equal(pdp_vif_decap(&back, frame, &len, &off), PDP_VIF_OK);
	assert_int_equal(len, size);
	assert_memory_equal(frame + off, pkt_data(&was), size);
	assert_int_equal(off, vif->outer_size);
}

static void sizes_of(const struct combo *c, const struct pdp_vif *vif)
{
	for (unsigned int i = 0; i < N_SIZES; i++)
		round_trip(c, vif, sizes[i], 0);
	/* every length, where copies of the header and of odd sums end */
	for (uint16_t size = 64; size < 200; size++)
		round_trip(c, vif, size, (uint8_t)size);
}

static void test_round_trip(void **state)
{
	assert_int_equal(for_each_combo(sizes_of), 32);
}

static void tos_of(const struct combo *c, const struct pdp_vif *vif)
{
	for (unsigned int tos = 0; tos < 256; tos++)
		round_trip(c, vif, 100, (uint8_t)tos);
}

static void test_tos_is_copied(void **state)
{
	assert_int_equal(for_each_combo(tos_of), 32);
}

static void mtu_of(const struct combo *c, const struct pdp_vif *vif)
{
	struct pdp_vif_conf conf = vif->conf;
	struct pdp_vif narrow;
	uint16_t longest, len, off;
	static struct pkt p;

	conf.mtu = 1500;
	pdp_vif_init(&narrow, &conf);
	longest = c->kind == PDP_VIF_ETHERNET ? 1514 : 1500;
	round_trip(c, &narrow, longest, 0);
	make_inner(&p, c, (uint16_t)(longest + 1), 0, 1);
	len = p.len;
	assert_int_equal(pdp_vif_encap(&narrow, pkt_data(&p), PKT_ROOM, &len), PDP_VIF_TOO_LONG);
	assert_int_equal(len, longest + 1);

	/* in: the far side has a larger MTU */
	conf.mtu = 9000;
	conf.local = vif->conf.remote;
	conf.remote = vif->conf.local;
	conf.udp_port = vif->conf.remote_udp_port;
	conf.remote_udp_port = vif->conf.udp_port;
	struct pdp_vif wide;
	pdp_vif_init(&wide, &conf);
	assert_int_equal(pdp_vif_encap(&wide, pkt_data(&p), PKT_ROOM, &len), PDP_VIF_OK);
	assert_int_equal(pdp_vif_decap(&narrow, pkt_data(&p) - wide.outer_size, &len, &off),
			 PDP_VIF_TOO_LONG);
}

static void test_mtu(void **state)
{
	assert_int_equal(for_each_combo(mtu_of), 32);
}

/* The MTU counts layer 3: tags inside an Ethernet frame come on top. */
static void tags_of(const struct combo *c, const struct pdp_vif *vif)
{
	static const unsigned int most[] = {1514, 1518, 1522, 1522};
	struct pdp_vif_conf conf = vif->conf;
	struct pdp_vif narrow;
	static struct pkt p;
	uint16_t len;

	if (c->kind != PDP_VIF_ETHERNET)
		return;
	conf.mtu = 1500;
	pdp_vif_init(&narrow, &conf);
	for (unsigned int tags = 0; tags < 4; tags++) {
		for (unsigned int extra = 0; extra < 2; extra++) {
			pkt_clear(&p);
			pkt_add_eth(&p, pkt_mac_a, pkt_mac_b, 0x0800);
			for (unsigned int t = 0; t < tags; t++)
				pkt_add_tag(&p, t == 0 ? 0x88a8 : 0x8100, 7);
			pkt_add_fill(&p, (uint16_t)(most[tags] + extra - p.len), 1);
			len = p.len;
			assert_int_equal(pdp_vif_encap(&narrow, pkt_data(&p), PKT_ROOM, &len),
					 extra == 0 ? PDP_VIF_OK : PDP_VIF_TOO_LONG);
		}
	}
}

static void test_tags_on_top_of_mtu(void **state)
{
	assert_int_equal(for_each_combo(tags_of), 32);
}

static void headroom_of(const struct combo *c, const struct pdp_vif *vif)
{
	static struct pkt p, was;
	uint16_t len;

	for (uint16_t room = 0; room <= vif->outer_size; room++) {
		make_inner(&p, c, 64, 0, 1);
		was = p;
		len = p.len;
		if (room == vif->outer_size) {
			assert_int_equal(pdp_vif_encap(vif, pkt_data(&p), room, &len), PDP_VIF_OK);
		} else {
			assert_int_equal(pdp_vif_encap(vif, pkt_data(&p), room, &len),
					 PDP_VIF_NO_HEADROOM);
			assert_memory_equal(&p, &was, sizeof(p));
		}
	}
}

static void test_headroom(void **state)
{
	assert_int_equal(for_each_combo(headroom_of), 32);
}

static void test_source_ports_spread(void **state)
{
	struct combo c = {PDP_VIF_ETHERNET, PDP_CARRIER_VXLAN, 4, 4};
	struct pdp_vif_conf conf = pkt_conf(c.kind, c.carrier, c.outer);
	unsigned int count[4] = {0};
	static struct pkt p;
	struct pdp_vif vif;
	uint16_t len, first = 0, port;

	pdp_vif_init(&vif, &conf);
	for (unsigned int flow = 0; flow < 1000; flow++) {
		for (unsigned int again = 0; again < 2; again++) {
			make_inner(&p, &c, (uint16_t)(80 + again), 0, (uint16_t)(1000 + flow));
			len = p.len;
			assert_int_equal(pdp_vif_encap(&vif, pkt_data(&p), PKT_ROOM, &len),
					 PDP_VIF_OK);
			port = pkt_get16(pkt_data(&p) - vif.outer_size + 34);
			if (again)
				assert_int_equal(port, first);
			first = port;
		}
		count[first & 3]++;
	}
	for (unsigned int i = 0; i < 4; i++)
		assert_in_range(count[i], 200, 300);
}

static void test_names(void **state)
{
	for (unsigned int i = 0; i < PDP_VIF_N_DROPS; i++) {
		assert_memory_equal(pdp_vif_drop_name(i), "vif_", 4);
		for (unsigned int j = 0; j < i; j++)
			assert_string_not_equal(pdp_vif_drop_name(i), pdp_vif_drop_name(j));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_tos_is_copied),
		cmocka_unit_test(test_mtu),	   cmocka_unit_test(test_tags_on_top_of_mtu),
		cmocka_unit_test(test_headroom),   cmocka_unit_test(test_source_ports_spread),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
