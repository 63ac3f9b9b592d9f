/* SPDX-License-Identifier: BSD-3-Clause */
/* Which vif a frame belongs to: each kind of match alone, their order, and frames that end too
 * early. */
#include "cls.h"

static struct cls c;
static struct pkt p;
static struct pdp_classifier *cls;

/* The vifs of every test below; gids in this order. */
enum {
	UDP4_IP,
	UDP6_ETH,
	VX4_ETH,
	VX4_IP,
	VX6_ETH,
	VLAN_ETH,
	VLAN_IP,
	NET10,
	NET10_1,
	NET6,
	PORT0,
	PORT1,
	VX_OTHER
};

static int setup(void **state)
{
	memset(&c, 0, sizeof(c));
	cls_add(&c, PDP_VIF_IP, PDP_CARRIER_UDP, 4)->udp_port = 5000;
	cls_add(&c, PDP_VIF_ETHERNET, PDP_CARRIER_UDP, 6)->udp_port = 5000;
	cls_add(&c, PDP_VIF_ETHERNET, PDP_CARRIER_VXLAN, 4)->vni = 1;
	cls_add(&c, PDP_VIF_IP, PDP_CARRIER_VXLAN, 4)->vni = 2;
	cls_add(&c, PDP_VIF_ETHERNET, PDP_CARRIER_VXLAN, 6)->vni = 1;
	cls_add(&c, PDP_VIF_ETHERNET, PDP_CARRIER_VLAN, 4)->vlan = 5;
	cls_add(&c, PDP_VIF_IP, PDP_CARRIER_VLAN, 4)->vlan = 4094;
	cls_add_prefix(&c, PDP_VIF_ETHERNET, pkt_ip4(10, 0, 0, 0), 8);
	cls_add_prefix(&c, PDP_VIF_IP, pkt_ip4(10, 1, 0, 0), 16);
	cls_add_prefix(&c, PDP_VIF_IP, pkt_ip6(2, 0, 0), 48);
	cls_add(&c, PDP_VIF_ETHERNET, PDP_CARRIER_RAW, 4);
	cls_add(&c, PDP_VIF_IP, PDP_CARRIER_RAW, 4)->port = 1;
	cls_add(&c, PDP_VIF_ETHERNET, PDP_CARRIER_VXLAN, 4)->port = 2;
	c.confs[VX_OTHER].vni = 1;
	cls = cls_create(&c);
	assert_non_null(cls);
	return 0;
}

static int teardown(void **state)
{
	pdp_classifier_destroy(cls);
	return 0;
}

/* From a host to the tunnels' local address, over the family. */
static void make_tunnel(int family, uint16_t udp_port, uint32_t vni, unsigned int options)
{
	struct pdp_ip src = family == 4 ? pkt_ip4(172, 16, 0, 1) : pkt_ip6(9, 9, 9);
	struct pdp_ip dst = family == 4 ? pkt_ip4(10, 0, 0, 1) : pkt_ip6(1, 0, 1);

	pkt_clear(&p);
	pkt_add_eth(&p, pkt_mac_a, pkt_mac_b, family == 4 ? 0x0800 : 0x86dd);
	pkt_add_ip(&p, &src, &dst, 17, 0, 8 + 8 + 60, options);
	pkt_add_udp(&p, 40000, udp_port, 8 + 60);
	pkt_add_vxlan(&p, vni);
	pkt_add_eth(&p, pkt_mac_b, pkt_mac_a, 0x0800);
	pkt_add_fill(&p, 46, 1);
}

static void test_udp(void **state)
{
	uint32_t r;

	make_tunnel(4, 5000, 0, 0);
	r = cls_pkt(cls, 0, &p);
	assert_gid(r, UDP4_IP);
	assert_off(r, 42);
	make_tunnel(6, 5000, 0, 0);
	r = cls_pkt(cls, 0, &p);
	assert_gid(r, UDP6_ETH);
	assert_off(r, 62);
	make_tunnel(4, 5001, 0, 0);
	assert_gid(cls_pkt(cls, 0, &p), PORT0);
	make_tunnel(4, 0, 0, 0);
	assert_gid(cls_pkt(cls, 0, &p), PORT0);
	make_tunnel(4, 5000, 0, 0);
	pkt_data(&p)[14 + 19]++; /* not our address */
	assert_gid(cls_pkt(cls, 0, &p), PORT0);
	make_tunnel(4, 5000, 0, 0);
	pkt_data(&p)[14 + 9] = 6; /* TCP */
	assert_gid(cls_pkt(cls, 0, &p), PORT0);
	assert_drop(cls_pkt(cls, 2, &p), PDP_CLS_NO_MATCH);
}

static void test_vxlan(void **state)
{
	uint32_t r;

	make_tunnel(4, 4789, 1, 0);
	r = cls_pkt(cls, 0, &p);
	assert_gid(r, VX4_ETH);
	assert_off(r, 50);
	make_tunnel(4, 4789, 2, 0);
	r = cls_pkt(cls, 0, &p);
	assert_gid(r, VX4_IP);
	assert_off(r, 64);
	make_tunnel(6, 4789, 1, 0);
	r = cls_pkt(cls, 0, &p);
	assert_gid(r, VX6_ETH);
	assert_off(r, 70);
	make_tunnel(6, 4789, 2, 0);
	assert_drop(cls_pkt(cls, 0, &p), PDP_CLS_TUNNEL_UNKNOWN);
	make_tunnel(4, 4789, 0xffffff, 0);
	assert_drop(cls_pkt(cls, 0, &p), PDP_CLS_TUNNEL_UNKNOWN);
	/* the same VNI on another port is another vif */
	make_tunnel(4, 4789, 1, 0);
	assert_gid(cls_pkt(cls, 2, &p), VX_OTHER);
	make_tunnel(4, 4789, 2, 0);
	assert_drop(cls_pkt(cls, 2, &p), PDP_CLS_TUNNEL_UNKNOWN);
}

static void test_outer_options(void **state)
{
	for (unsigned int words = 1; words <= 10; words++) {
		uint32_t r;

		make_tunnel(4, 5000, 0, words);
		r = cls_pkt(cls, 0, &p);
		assert_gid(r, UDP4_IP);
		assert_off(r, 42 + 4 * words);
		make_tunnel(4, 4789, 2, words);
		r = cls_pkt(cls, 0, &p);
		assert_gid(r, VX4_IP);
		assert_off(r, 64 + 4 * words);
	}
}

static void test_outer_fragments4(void **state)
{
	static const uint16_t fragments[] = {0x2000, 0x2001, 0x0001, 0x1fff, 0x3fff, 0x6000};

	for (unsigned int i = 0; i < 6; i++) {
		make_tunnel(4, 5000, 0, 0);
		pkt_put16(pkt_data(&p) + 14 + 6, fragments[i]);
		assert_drop(cls_pkt(cls, 0, &p), PDP_CLS_OUTER_FRAGMENT);
		pkt_data(&p)[14 + 9] = 6; /* TCP: not a tunnel's */
		assert_gid(cls_pkt(cls, 0, &p), PORT0);
		pkt_data(&p)[14 + 9] = 17;
		pkt_data(&p)[14 + 16] = 11; /* not to us */
		assert_gid(cls_pkt(cls, 0, &p), PORT0);
	}
	make_tunnel(4, 5000, 0, 0);
	pkt_put16(pkt_data(&p) + 14 + 6, 0x4000);
	assert_gid(cls_pkt(cls, 0, &p), UDP4_IP);
}

/* A header of 8 bytes between IPv6 and UDP. */
static void make_extension6(uint8_t proto, uint16_t second_word)
{
	struct pdp_ip src = pkt_ip6(9, 9, 9), dst = pkt_ip6(1, 0, 1);

	pkt_clear(&p);
	pkt_add_eth(&p, pkt_mac_a, pkt_mac_b, 0x86dd);
	pkt_add_ip(&p, &src, &dst, proto, 0, 8 + 8 + 32, 0);
	pkt_add8(&p, 17);
	pkt_add8(&p, 0);
	pkt_add16(&p, second_word);
	pkt_add32(&p, 0);
	pkt_add_udp(&p, 1, 5000, 32);
	pkt_add_fill(&p, 32, 1);
}

static void test_outer_extensions6(void **state)
{
	uint32_t r;

	make_extension6(60, 0);
	r = cls_pkt(cls, 0, &p);
	assert_gid(r, UDP6_ETH);
	assert_off(r, 70);
	make_extension6(44, 0x0001);
	assert_drop(cls_pkt(cls, 0, &p), PDP_CLS_OUTER_FRAGMENT);
	make_extension6(44, 0x0008);
	assert_drop(cls_pkt(cls, 0, &p), PDP_CLS_OUTER_FRAGMENT);
	pkt_data(&p)[14 + 39]++; /* not to us */
	assert_gid(cls_pkt(cls, 0, &p), PORT0);
	make_extension6(44, 0); /* atomic */
	assert_gid(cls_pkt(cls, 0, &p), UDP6_ETH);
	make_extension6(60, 0);
	pkt_data(&p)[14 + 40] = 6; /* TCP behind it */
	assert_gid(cls_pkt(cls, 0, &p), PORT0);
	make_extension6(60, 0);
	pkt_data(&p)[14 + 41] = 200; /* longer than the frame */
	assert_drop(cls_pkt(cls, 0, &p), PDP_CLS_TRUNCATED);
}

static void make_ip(const struct pdp_ip *src)
{
	struct pdp_ip dst = src->family == 4 ? pkt_ip4(8, 8, 8, 8) : pkt_ip6(8, 8, 8);

	pkt_make_frame(&p, src, &dst, 1, 2, 0, 100);
}

static void test_vlan(void **state)
{
	struct pdp_ip src = pkt_ip4(10, 5, 5, 5);
	uint32_t r;

	make_ip(&src);
	memmove(pkt_data(&p) + 18, pkt_data(&p) + 14, 86);
	pkt_put16(pkt_data(&p) + 12, 0x8100);
	pkt_put16(pkt_data(&p) + 16, 0x0800);
	for (unsigned int pcp = 0; pcp < 16; pcp++) {
		pkt_put16(pkt_data(&p) + 14, (uint16_t)(pcp << 12 | 5));
		r = cls_pkt(cls, 0, &p);
		assert_gid(r, VLAN_ETH);
		assert_off(r, 0);
		pkt_put16(pkt_data(&p) + 14, (uint16_t)(pcp << 12 | 4094));
		r = cls_pkt(cls, 0, &p);
		assert_gid(r, VLAN_IP);
		assert_off(r, 18);
		/* a VLAN that nobody has: the port's, source prefixes are looked for in untagged
		 * frames only */
		pkt_put16(pkt_data(&p) + 14, (uint16_t)(pcp << 12 | 6));
		assert_gid(cls_pkt(cls, 0, &p), PORT0);
		pkt_put16(pkt_data(&p) + 14, (uint16_t)(pcp << 12));
		assert_gid(cls_pkt(cls, 0, &p), PORT0);
	}
	pkt_put16(pkt_data(&p) + 14, 5);
	assert_drop(cls_pkt(cls, 2, &p), PDP_CLS_NO_MATCH);
}

static void test_qinq(void **state)
{
	pkt_clear(&p);
	pkt_add_eth(&p, pkt_mac_a, pkt_mac_b, 0x0800);
	pkt_add_tag(&p, 0x8100, 5);
	pkt_add_tag(&p, 0x8100, 4094);
	pkt_add_fill(&p, 50, 1);
	assert_gid(cls_pkt(cls, 0, &p), VLAN_ETH); /* the outer tag */
	pkt_put16(pkt_data(&p) + 12, 0x88a8);
	assert_gid(cls_pkt(cls, 0, &p), PORT0);
}

static void test_prefix(void **state)
{
	struct pdp_ip in10 = pkt_ip4(10, 2, 0, 1), in101 = pkt_ip4(10, 1, 255, 255),
		      out = pkt_ip4(11, 0, 0, 0);
	struct pdp_ip in6 = pkt_ip6(2, 0xffff, 1), out6 = pkt_ip6(3, 0, 1);
	uint32_t r;

	make_ip(&in10);
	r = cls_pkt(cls, 0, &p);
	assert_gid(r, NET10);
	assert_off(r, 0);
	make_ip(&in101);
	r = cls_pkt(cls, 0, &p);
	assert_gid(r, NET10_1);
	assert_off(r, 14);
	make_ip(&out);
	assert_gid(cls_pkt(cls, 0, &p), PORT0);
	make_ip(&in6);
	assert_gid(cls_pkt(cls, 0, &p), NET6);
	pkt_data(&p)[14] = 0x50; /* not version 6 */
	assert_gid(cls_pkt(cls, 0, &p), PORT0);
	make_ip(&out6);
	assert_gid(cls_pkt(cls, 0, &p), PORT0);
}

static void make_arp(const struct pdp_ip *sender)
{
	static const uint8_t fixed[8] = {0, 1, 8, 0, 6, 4, 0, 1};
	static const uint8_t zero[6], target[4] = {10, 1, 0, 1};

	pkt_clear(&p);
	pkt_add_eth(&p, (const uint8_t *)"\xff\xff\xff\xff\xff\xff", pkt_mac_b, 0x0806);
	pkt_add(&p, fixed, 8);
	pkt_add(&p, pkt_mac_b, 6);
	pkt_add(&p, sender->bytes, 4);
	pkt_add(&p, zero, 6);
	pkt_add(&p, target, 4);
}

static void test_arp_by_sender(void **state)
{
	struct pdp_ip in10 = pkt_ip4(10, 2, 0, 1), in101 = pkt_ip4(10, 1, 2, 3),
		      out = pkt_ip4(11, 0, 0, 0);

	make_arp(&in10);
	assert_gid(cls_pkt(cls, 0, &p), NET10);
	make_arp(&in101);
	assert_gid(cls_pkt(cls, 0, &p), NET10_1);
	make_arp(&out);
	assert_gid(cls_pkt(cls, 0, &p), PORT0);
	make_arp(&in101);
	pkt_data(&p)[14 + 4] = 8; /* hardware addresses of another length */
	assert_gid(cls_pkt(cls, 0, &p), PORT0);
	assert_drop(cls_pkt(cls, 2, &p), PDP_CLS_NO_MATCH);
}

/* The inner offset is where the flow hash finds the flows: 1,000 in one tunnel spread over 3
 * engines within 20 %. */
static void test_flows_in_tunnel(void **state)
{
	struct pdp_ip a = pkt_ip4(192, 168, 0, 1), b = pkt_ip4(192, 168, 1, 1);
	struct pdp_ip src = pkt_ip4(172, 16, 0, 1), dst = pkt_ip4(10, 0, 0, 1);
	unsigned int count[3] = {0};
	uint32_t outer = 0;

	for (unsigned int flow = 0; flow < 1000; flow++) {
		uint32_t result, hash;
		uint16_t off;

		pkt_clear(&p);
		pkt_add_eth(&p, pkt_mac_a, pkt_mac_b, 0x0800);
		pkt_add_ip(&p, &src, &dst, 17, 0, 8 + 28, 0);
		pkt_add_udp(&p, 40000, 5000, 28);
		pkt_add_ip(&p, &a, &b, 6, 0, 8, 0);
		pkt_add_udp(&p, (uint16_t)(1234 + flow), 5678, 0);
		result = cls_pkt(cls, 0, &p);
		assert_gid(result, UDP4_IP);
		off = pdp_classify_inner_off(result);
		hash = pdp_flow_hash(pkt_data(&p) + off, (uint16_t)(p.len - off), PDP_VIF_IP,
				     false);
		count[(hash >> 14) * 3 / PDP_BUCKETS]++;
		hash = pdp_flow_hash(pkt_data(&p), p.len, PDP_VIF_ETHERNET, false);
		assert_true(flow == 0 || hash == outer);
		outer = hash;
	}
	for (unsigned int e = 0; e < 3; e++)
		assert_in_range(count[e], 334 * 8 / 10, 333 * 12 / 10);
}

/* Before and after its tag is taken away, a frame's hash is the same. */
static void test_flow_in_vlan(void **state)
{
	struct pdp_ip a = pkt_ip4(192, 168, 0, 1), b = pkt_ip4(192, 168, 1, 1);
	struct pdp_vif vif;
	uint16_t len, off;
	uint32_t result, hash;

	pdp_vif_init(&vif, &c.confs[VLAN_ETH]);
	/* one tag, two, and a frame that is not IP */
	for (unsigned int shape = 0; shape < 3; shape++) {
		pkt_clear(&p);
		pkt_add_eth(&p, pkt_mac_a, pkt_mac_b, shape == 2 ? 0x0806 : 0x0800);
		pkt_add_tag(&p, 0x8100, 5);
		if (shape == 1)
			pkt_add_tag(&p, 0x8100, 77);
		pkt_add_ip(&p, &a, &b, 6, 0, 8, 0);
		pkt_add_udp(&p, 1, 2, 0);
		result = cls_pkt(cls, 0, &p);
		assert_gid(result, VLAN_ETH);
		off = pdp_classify_inner_off(result);
		hash = pdp_flow_hash(pkt_data(&p) + off, (uint16_t)(p.len - off), PDP_VIF_ETHERNET,
				     false);
		len = p.len;
		assert_int_equal(pdp_vif_decap(&vif, pkt_data(&p), &len, &off), PDP_VIF_OK);
		assert_int_equal(pdp_flow_hash(pkt_data(&p) + off, len, PDP_VIF_ETHERNET, false),
				 hash);
	}
}

/* Neighbour solicitation from a link-local address: no prefix has it, the ingress port carries it.
 */
static void test_nd_by_port(void **state)
{
	struct pdp_ip src = {.family = 6, .bytes = {0xfe, 0x80, [15] = 1}},
		      dst = {.family = 6, .bytes = {0xff, 2, [15] = 1}};

	pkt_clear(&p);
	pkt_add_eth(&p, pkt_mac_a, pkt_mac_b, 0x86dd);
	pkt_add_ip(&p, &src, &dst, 58, 0, 24, 0);
	pkt_add_fill(&p, 24, 1);
	assert_gid(cls_pkt(cls, 0, &p), PORT0);
	/* with the global address as its source it follows the prefix */
	src = pkt_ip6(2, 1, 1);
	memcpy(pkt_data(&p) + 14 + 8, src.bytes, 16);
	assert_gid(cls_pkt(cls, 0, &p), NET6);
}

/* One frame that all four kinds of match fit: from 10.1/16, to our tunnel, then what is left when
 * each is taken away. */
static void test_order(void **state)
{
	make_tunnel(4, 5000, 0, 0);
	memcpy(pkt_data(&p) + 14 + 12, "\x0a\x01\x02\x03", 4);
	assert_gid(cls_pkt(cls, 0, &p), UDP4_IP);
	pkt_put16(pkt_data(&p) + 14 + 20 + 2, 5001);
	assert_gid(cls_pkt(cls, 0, &p), NET10_1);
	pkt_data(&p)[14 + 12] = 11;
	assert_gid(cls_pkt(cls, 0, &p), PORT0);
	/* an unknown VNI at our endpoint is not the prefix's or the port's */
	make_tunnel(4, 4789, 77, 0);
	memcpy(pkt_data(&p) + 14 + 12, "\x0a\x01\x02\x03", 4);
	assert_drop(cls_pkt(cls, 0, &p), PDP_CLS_TUNNEL_UNKNOWN);
	/* a tunnel in a VLAN is the VLAN's */
	make_tunnel(4, 5000, 0, 0);
	memmove(pkt_data(&p) + 16, pkt_data(&p) + 12, p.len - 12u);
	pkt_put16(pkt_data(&p) + 12, 0x8100);
	pkt_put16(pkt_data(&p) + 14, 5);
	assert_gid(cls_pkt(cls, 0, &p), VLAN_ETH);
	pkt_put16(pkt_data(&p) + 14, 6);
	assert_gid(cls_pkt(cls, 0, &p), PORT0);
}

static void test_port_only(void **state)
{
	uint32_t r;

	assert_int_equal(pdp_classify_port_only(cls, 1), PORT1);
	assert_int_equal(pdp_classify_port_only(cls, 0), -1);
	assert_int_equal(pdp_classify_port_only(cls, 2), -1);
	assert_int_equal(pdp_classify_port_only(cls, 3), -1);
	assert_int_equal(pdp_classify_port_only(cls, 65535), -1);
	/* no look at the frame: even one without a byte, without a buffer */
	r = cls_bytes(cls, 1, NULL, 0);
	assert_gid(r, PORT1);
	assert_off(r, 14);
	assert_drop(cls_bytes(cls, 3, NULL, 0), PDP_CLS_NO_MATCH);
	assert_drop(cls_bytes(cls, 65535, NULL, 0), PDP_CLS_NO_MATCH);
}

/* What a frame cut off at len is: truncated as long as a header is missing that decides. */
static void check_cut(uint16_t needs, unsigned int gid)
{
	for (uint16_t len = 0; len <= p.len; len++) {
		uint32_t r = cls_bytes(cls, 0, pkt_data(&p), len);

		if (len < needs)
			assert_drop(r, PDP_CLS_TRUNCATED);
		else
			assert_gid(r, gid);
	}
}

static void test_truncated(void **state)
{
	struct pdp_ip in101 = pkt_ip4(10, 1, 2, 3), in6 = pkt_ip6(2, 0xffff, 1);

	make_tunnel(4, 5000, 0, 0);
	check_cut(14 + 20 + 8, UDP4_IP);
	make_tunnel(4, 5000, 0, 10);
	check_cut(14 + 60 + 8, UDP4_IP);
	make_tunnel(4, 4789, 1, 0);
	check_cut(14 + 20 + 8 + 8, VX4_ETH);
	make_tunnel(6, 5000, 0, 0);
	check_cut(14 + 40 + 8, UDP6_ETH);
	make_tunnel(6, 4789, 1, 0);
	check_cut(14 + 40 + 8 + 8, VX6_ETH);
	make_extension6(60, 0);
	check_cut(14 + 40 + 8 + 8, UDP6_ETH);
	make_ip(&in101);
	check_cut(14 + 20, NET10_1);
	make_ip(&in6);
	check_cut(14 + 40, NET6);
	make_arp(&in101);
	check_cut(14 + 28, NET10_1);
	pkt_clear(&p);
	pkt_add_eth(&p, pkt_mac_a, pkt_mac_b, 0x0800);
	pkt_add_tag(&p, 0x8100, 5);
	check_cut(18, VLAN_ETH);
	pkt_clear(&p);
	pkt_add_eth(&p, pkt_mac_a, pkt_mac_b, 0x88cc);
	check_cut(14, PORT0);
}

/* A burst gives each frame its own answer, for every count around the prefetch distance. */
static void test_burst(void **state)
{
	static struct rte_mbuf mbufs[64];
	struct rte_mbuf *pkts[64];
	static struct pkt frames[3];
	static const unsigned int want[3] = {UDP4_IP, VX4_IP, PORT0};
	uint32_t results[65];

	make_tunnel(4, 5000, 0, 0);
	frames[0] = p;
	make_tunnel(4, 4789, 2, 0);
	frames[1] = p;
	make_tunnel(4, 9, 2, 0);
	frames[2] = p;
	for (unsigned int i = 0; i < 64; i++) {
		pkts[i] = &mbufs[i];
		mbufs[i].buf_addr = frames[i % 3].bytes;
		mbufs[i].data_off = PKT_ROOM;
		mbufs[i].data_len = frames[i % 3].len;
	}
	for (unsigned int n = 0; n <= 64; n++) {
		memset(results, 0xab, sizeof(results));
		pdp_classify_burst(cls, 0, pkts, n, results);
		for (unsigned int i = 0; i < n; i++)
			assert_gid(results[i], want[i % 3]);
		assert_int_equal(results[n], 0xabababab);
	}
}

static void test_names(void **state)
{
	assert_string_equal(pdp_classify_drop_name(PDP_CLS_NO_MATCH), "no_match");
	assert_string_equal(pdp_classify_drop_name(PDP_CLS_TUNNEL_UNKNOWN), "tunnel_unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_udp),
		cmocka_unit_test(test_vxlan),
		cmocka_unit_test(test_outer_options),
		cmocka_unit_test(test_outer_fragments4),
		cmocka_unit_test(test_outer_extensions6),
		cmocka_unit_test(test_vlan),
		cmocka_unit_test(test_qinq),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_arp_by_sender),
		cmocka_unit_test(test_flows_in_tunnel),
		cmocka_unit_test(test_flow_in_vlan),
		cmocka_unit_test(test_nd_by_port),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_port_only),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
