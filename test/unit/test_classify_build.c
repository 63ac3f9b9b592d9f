/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a classifier refuses and with which words, nested prefixes against a slow search, and 1,000
 * VRs of every carrier.
 */
#include "cls.h"

static struct cls c;
static struct pkt p;

static int setup(void **state)
{
	memset(&c, 0, sizeof(c));
	return 0;
}

static void expect_overlap(unsigned int low, unsigned int high, const char *what)
{
	char names[32];

	errno = 0;
	assert_null(cls_create(&c));
	assert_int_equal(errno, EEXIST);
	assert_int_equal(c.other[0], low);
	assert_int_equal(c.other[1], high);
	snprintf(names, sizeof(names), "#%u and #%u both match ", low, high);
	assert_memory_equal(c.err, names, strlen(names));
	assert_string_equal(c.err + strlen(names), what);
}

static void expect_fine(void)
{
	struct pdp_classifier *cls = cls_create(&c);

	assert_non_null(cls);
	pdp_classifier_destroy(cls);
}

static void test_vlan_overlap(void **state)
{
	cls_add(&c, PDP_VIF_IP, PDP_CARRIER_VLAN, 4)->vlan = 7;
	cls_add(&c, PDP_VIF_IP, PDP_CARRIER_VLAN, 4)->vlan = 8;
	cls_add(&c, PDP_VIF_ETHERNET, PDP_CARRIER_VLAN, 4)->vlan = 7;
	expect_overlap(0, 2, "VLAN 7 on port 0");
	c.confs[2].port = 1;
	expect_fine();
}

static void test_udp_overlap(void **state)
{
	cls_add(&c, PDP_VIF_IP, PDP_CARRIER_UDP, 6)->udp_port = 9;
	cls_add(&c, PDP_VIF_IP, PDP_CARRIER_UDP, 4)->udp_port = 9;
	cls_add(&c, PDP_VIF_IP, PDP_CARRIER_UDP, 4)->udp_port = 9;
	expect_overlap(1, 2, "10.0.0.1 UDP 9 on port 0");
	c.confs[2].local.bytes[3] = 77;
	expect_fine();
	c.confs[2] = c.confs[0];
	expect_overlap(0, 2, "2001:db8:1:0:0:0:0:1 UDP 9 on port 0");
	c.confs[2].udp_port = 10;
	expect_fine();
}

static void test_vxlan_overlap(void **state)
{
	cls_add(&c, PDP_VIF_IP, PDP_CARRIER_VXLAN, 4)->vni = 1;
	cls_add(&c, PDP_VIF_IP, PDP_CARRIER_VXLAN, 4)->vni = 2;
	cls_add(&c, PDP_VIF_ETHERNET, PDP_CARRIER_VXLAN, 4)->vni = 2;
	expect_overlap(1, 2, "VNI 2 at 10.0.0.1 UDP 4789 on port 0");
	c.confs[2].udp_port = 4790;
	expect_fine();
	/* a udp vif and a vxlan vif on one endpoint, in either order */
	cls_add(&c, PDP_VIF_IP, PDP_CARRIER_UDP, 4)->udp_port = 4789;
	expect_overlap(0, 3, "10.0.0.1 UDP 4789 on port 0");
	c.confs[3] = c.confs[0];
	c.confs[0] = pkt_conf(PDP_VIF_IP, PDP_CARRIER_UDP, 4);
	expect_overlap(0, 1, "10.0.0.1 UDP 4789 on port 0");
}

static void test_prefix_overlap(void **state)
{
	cls_add_prefix(&c, PDP_VIF_IP, pkt_ip4(10, 0, 0, 0), 8);
	cls_add_prefix(&c, PDP_VIF_IP, pkt_ip4(10, 1, 0, 0), 16);
	cls_add_prefix(&c, PDP_VIF_IP, pkt_ip6(1, 0, 0), 64);
	expect_fine();
	cls_add_prefix(&c, PDP_VIF_IP, pkt_ip4(10, 1, 0, 0), 16);
	expect_overlap(1, 3, "source prefix 10.1.0.0/16 on port 0");
	c.confs[3].port = 1;
	expect_fine();
	c.confs[3].port = 0;
	c.prefixes[3] = c.prefixes[2];
	expect_overlap(2, 3, "source prefix 2001:db8:1:0:0:0:0:0/64 on port 0");
	/* twice in one vif is no overlap */
	c.n = 3;
	c.matches[2].prefixes = &c.prefixes[2];
	c.matches[2].n_prefixes = 2;
	expect_fine();
}

static void test_port_overlap(void **state)
{
	cls_add(&c, PDP_VIF_IP, PDP_CARRIER_RAW, 4);
	cls_add(&c, PDP_VIF_IP, PDP_CARRIER_VLAN, 4);
	cls_add(&c, PDP_VIF_IP, PDP_CARRIER_UDP, 4);
	cls_add_prefix(&c, PDP_VIF_IP, pkt_ip4(0, 0, 0, 0), 0);
	expect_fine();
	cls_add(&c, PDP_VIF_ETHERNET, PDP_CARRIER_RAW, 4);
	expect_overlap(0, 4, "the whole of port 0");
}

static void expect_invalid(const char *part)
{
	errno = 0;
	assert_null(cls_create(&c));
	assert_int_equal(errno, EINVAL);
	assert_non_null(strstr(c.err, part));
}

static void test_invalid(void **state)
{
	cls_add_prefix(&c, PDP_VIF_IP, pkt_ip4(10, 0, 0, 1), 24);
	expect_invalid("#0: source prefix 0");
	c.prefixes[0].len = 33;
	expect_invalid("#0: source prefix 0");
	c.prefixes[0].len = 31;
	expect_invalid("#0: source prefix 0");
	c.prefixes[0].len = 32;
	expect_fine();
	c.prefixes[0].addr.family = 0;
	expect_invalid("#0: source prefix 0");
	c.n = 0;
	expect_fine();
	cls_add(&c, PDP_VIF_IP, PDP_CARRIER_VLAN, 4)->vlan = 4095;
	expect_invalid("VLAN 4095");
	c.confs[0].vlan = 0;
	expect_invalid("VLAN 0");
	c.confs[0] = pkt_conf(PDP_VIF_IP, PDP_CARRIER_UDP, 4);
	c.confs[0].local.family = 0;
	expect_invalid("#0: a tunnel");
	c.confs[0] = pkt_conf(PDP_VIF_IP, PDP_CARRIER_VXLAN, 4);
	c.confs[0].vni = 1 << 24;
	expect_invalid("#0: ");
	c.confs[0].carrier = 9;
	expect_invalid("carrier 9");
	assert_null(pdp_classifier_create(c.matches, PDP_GID_MAX, c.err, sizeof(c.err), c.other));
	assert_int_equal(errno, EINVAL);
	pdp_classifier_destroy(NULL);
}

/* A short buffer for the sentence is not overrun. */
static void test_short_err(void **state)
{
	char err[8] = "1234567";

	cls_add(&c, PDP_VIF_IP, PDP_CARRIER_VLAN, 4);
	cls_add(&c, PDP_VIF_IP, PDP_CARRIER_VLAN, 4);
	assert_null(pdp_classifier_create(c.matches, 2, err, 5, c.other));
	assert_string_equal(err, "#0 a");
	assert_memory_equal(err + 5, "67", 3);
}

static uint32_t from(const struct pdp_classifier *cls, const struct pdp_ip *src)
{
	struct pdp_ip dst = src->family == 4 ? pkt_ip4(8, 8, 8, 8) : pkt_ip6(8, 8, 8);

	pkt_make_frame(&p, src, &dst, 1, 2, 0, 100);
	return cls_pkt(cls, 0, &p);
}

static uint32_t seed = 1;

static uint32_t draw(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % below;
}

static void mask_address(struct pdp_ip *ip, unsigned int len)
{
	for (unsigned int i = len; i < 128; i++)
		ip->bytes[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
}

static bool contains(const struct pdp_prefix *prefix, const struct pdp_ip *ip)
{
	struct pdp_ip masked = *ip;

	if (prefix->addr.family != ip->family)
		return false;
	mask_address(&masked, prefix->len);
	return memcmp(masked.bytes, prefix->addr.bytes, 16) == 0;
}

/* The longest that contains it, by looking at all. @return its gid, or a drop */
static unsigned int slow_search(const struct pdp_ip *ip)
{
	int best = -1;

	for (unsigned int i = 0; i < c.n; i++) {
		if (contains(&c.prefixes[i], ip) &&
		    (best < 0 || c.prefixes[i].len > c.prefixes[best].len))
			best = (int)i;
	}
	return best < 0 ? PDP_GID_DROP + PDP_CLS_NO_MATCH : (unsigned int)best;
}

/* Addresses that differ in few bits of each byte, so that prefixes of all lengths nest. */
static struct pdp_ip draw_address(int family)
{
	struct pdp_ip ip = {.family = (uint8_t)family};

	for (unsigned int i = 0; i < (family == 4 ? 4u : 16u); i++)
		ip.bytes[i] = draw(3) == 0 ? (uint8_t)(1u << draw(8)) : 0x20;
	return ip;
}

static bool is_new(const struct pdp_ip *addr, unsigned int len)
{
	for (unsigned int i = 0; i < c.n; i++) {
		if (c.prefixes[i].len == len &&
		    memcmp(&c.prefixes[i].addr, addr, sizeof(*addr)) == 0)
			return false;
	}
	return true;
}

static void test_nested_prefixes(void **state)
{
	struct pdp_classifier *cls;
	unsigned int hits = 0;

	while (c.n < 600) {
		int family = draw(2) ? 4 : 6;
		struct pdp_ip addr = draw_address(family);
		unsigned int len = draw(family == 4 ? 33 : 129);

		mask_address(&addr, len);
		if (is_new(&addr, len) && len > 0)
			cls_add_prefix(&c, PDP_VIF_ETHERNET, addr, (uint8_t)len);
	}
	cls = cls_create(&c);
	assert_non_null(cls);
	for (unsigned int i = 0; i < 20000; i++) {
		struct pdp_ip src = draw_address(draw(2) ? 4 : 6);
		unsigned int want = slow_search(&src);

		assert_gid(from(cls, &src), want);
		hits += want < PDP_GID_DROP;
	}
	assert_in_range(hits, 2000, 19999);
	pdp_classifier_destroy(cls);
}

static void make_tunnel(uint16_t udp_port, uint32_t vni, uint8_t local)
{
	struct pdp_ip src = pkt_ip4(172, 16, 0, 1), dst = pkt_ip4(10, 0, 0, local);

	pkt_clear(&p);
	pkt_add_eth(&p, pkt_mac_a, pkt_mac_b, 0x0800);
	pkt_add_ip(&p, &src, &dst, 17, 0, 8 + 8 + 60, 0);
	pkt_add_udp(&p, 1, udp_port, 68);
	pkt_add_vxlan(&p, vni);
	pkt_add_fill(&p, 60, 1);
}

/* 1,000 VRs of each: VLAN, UDP port, VNI (two endpoints), IPv4 and IPv6 source prefix; all on one
 * port. */
static void test_thousand(void **state)
{
	enum { N = 1000, N_VLAN = 1000, UDP = 1000, VXLAN = 2000 };
	struct pdp_classifier *cls;
	static struct pdp_match matches[5 * N];
	static struct pdp_vif_conf confs[5 * N];
	static struct pdp_prefix prefixes[5 * N];

	for (unsigned int i = 0; i < N; i++) {
		confs[i] = pkt_conf(PDP_VIF_IP, PDP_CARRIER_VLAN, 4);
		confs[i].vlan = (uint16_t)(1 + i);
		confs[UDP + i] = pkt_conf(PDP_VIF_IP, PDP_CARRIER_UDP, 4);
		confs[UDP + i].udp_port = (uint16_t)(10000 + 7 * i);
		confs[VXLAN + i] = pkt_conf(PDP_VIF_IP, PDP_CARRIER_VXLAN, 4);
		confs[VXLAN + i].vni = i / 2;
		confs[VXLAN + i].local.bytes[3] = (uint8_t)(1 + i % 2);
		confs[3 * N + i] = pkt_conf(PDP_VIF_IP, PDP_CARRIER_RAW, 4);
		confs[4 * N + i] = pkt_conf(PDP_VIF_IP, PDP_CARRIER_RAW, 4);
		prefixes[3 * N + i] = (struct pdp_prefix){
			pkt_ip4(20, (uint8_t)(i >> 8), (uint8_t)i, 0), 24};
		prefixes[4 * N + i] = (struct pdp_prefix){pkt_ip6((uint16_t)i, 5, 0), 64};
	}
	for (unsigned int i = 0; i < 5 * N; i++)
		matches[i] = (struct pdp_match){&confs[i], i < 3 * N ? NULL : &prefixes[i],
						i < 3 * N ? 0 : 1};
	cls = pdp_classifier_create(matches, 5 * N, c.err, sizeof(c.err), c.other);
	assert_non_null(cls);
	for (unsigned int i = 0; i < N; i++) {
		struct pdp_ip src4 = pkt_ip4(20, (uint8_t)(i >> 8), (uint8_t)i, 9),
			      src6 = pkt_ip6((uint16_t)i, 5, 9);

		pkt_clear(&p);
		pkt_add_eth(&p, pkt_mac_a, pkt_mac_b, 0x0800);
		pkt_add_tag(&p, 0x8100, (uint16_t)(1 + i));
		assert_gid(cls_pkt(cls, 0, &p), i);
		make_tunnel((uint16_t)(10000 + 7 * i), 0, 1);
		assert_gid(cls_pkt(cls, 0, &p), UDP + i);
		make_tunnel((uint16_t)(10001 + 7 * i), 0, 1);
		assert_drop(cls_pkt(cls, 0, &p), PDP_CLS_NO_MATCH);
		make_tunnel(4789, i / 2, (uint8_t)(1 + i % 2));
		assert_gid(cls_pkt(cls, 0, &p), VXLAN + i);
		assert_gid(from(cls, &src4), 3 * N + i);
		assert_gid(from(cls, &src6), 4 * N + i);
	}
	pdp_classifier_destroy(cls);
}

/* The largest number of vifs there can be: numbers stay apart from drops. */
static void test_most(void **state)
{
	unsigned int n = PDP_GID_MAX - 1;
	struct pdp_match *matches = calloc(n, sizeof(*matches));
	struct pdp_vif_conf *confs = calloc(n, sizeof(*confs));
	struct pdp_classifier *cls;

	for (unsigned int i = 0; i < n; i++) {
		confs[i] = pkt_conf(PDP_VIF_IP, PDP_CARRIER_VXLAN, 4);
		confs[i].vni = 3 * i;
		matches[i].conf = &confs[i];
	}
	cls = pdp_classifier_create(matches, n, c.err, sizeof(c.err), c.other);
	assert_non_null(cls);
	for (unsigned int i = 0; i < n; i += 101) {
		make_tunnel(4789, 3 * i, 1);
		assert_gid(cls_pkt(cls, 0, &p), i);
	}
	make_tunnel(4789, 3 * (n - 1), 1);
	assert_gid(cls_pkt(cls, 0, &p), n - 1);
	pdp_classifier_destroy(cls);
	free(matches);
	free(confs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_vlan_overlap, setup),
		cmocka_unit_test_setup(test_udp_overlap, setup),
		cmocka_unit_test_setup(test_vxlan_overlap, setup),
		cmocka_unit_test_setup(test_prefix_overlap, setup),
		cmocka_unit_test_setup(test_port_overlap, setup),
		cmocka_unit_test_setup(test_invalid, setup),
		cmocka_unit_test_setup(test_short_err, setup),
		cmocka_unit_test_setup(test_nested_prefixes, setup),
		cmocka_unit_test_setup(test_thousand, setup),
		cmocka_unit_test_setup(test_most, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
