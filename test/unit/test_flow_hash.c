/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The flow hash: what it looks at, what it must not see, how well it spreads. No value is fixed: an
 * other hash function may take its place.
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

static uint32_t hash_of(const struct pkt *packet, enum pdp_vif_kind kind, bool symmetric)
{
	uint32_t hash = pdp_flow_hash(packet->bytes + PKT_ROOM, packet->len, kind, symmetric);

	assert_true(hash < 1u << 24);
	return hash;
}

/* A packet of protocol proto with these ports; kind ip. */
static void make(const struct pdp_ip *src, const struct pdp_ip *dst, uint8_t proto, uint16_t sport,
		 uint16_t dport)
{
	pkt_clear(&p);
	pkt_add_ip(&p, src, dst, proto, 0, 20, 0);
	pkt_add16(&p, sport);
	pkt_add16(&p, dport);
	pkt_add_fill(&p, 16, 5);
}

static uint32_t hash_flow(const struct pdp_ip *src, const struct pdp_ip *dst, uint8_t proto,
			  uint16_t sport, uint16_t dport, bool symmetric)
{
	make(src, dst, proto, sport, dport);
	return hash_of(&p, PDP_VIF_IP, symmetric);
}

/* Every bit of the 5-tuple counts, nothing else does. */
static void fields_of(int family)
{
	struct pdp_ip a = family == 4 ? pkt_ip4(10, 1, 2, 3) : pkt_ip6(1, 2, 3);
	struct pdp_ip b = family == 4 ? pkt_ip4(10, 9, 8, 7) : pkt_ip6(4, 5, 6);
	uint32_t base = hash_flow(&a, &b, 6, 1000, 2000, false),
		 sym = hash_flow(&a, &b, 6, 1000, 2000, true);
	unsigned int bits = family == 4 ? 32 : 128, i;

	for (i = 0; i < bits; i++) {
		struct pdp_ip c = a, d = b;

		c.bytes[i / 8] ^= 1 << i % 8;
		d.bytes[i / 8] ^= 1 << i % 8;
		assert_int_not_equal(hash_flow(&c, &b, 6, 1000, 2000, false), base);
		assert_int_not_equal(hash_flow(&a, &d, 6, 1000, 2000, false), base);
		assert_int_not_equal(hash_flow(&c, &b, 6, 1000, 2000, true), sym);
		assert_int_not_equal(hash_flow(&a, &d, 6, 1000, 2000, true), sym);
	}
	for (i = 0; i < 16; i++) {
		assert_int_not_equal(hash_flow(&a, &b, 6, 1000 ^ 1 << i, 2000, false), base);
		assert_int_not_equal(hash_flow(&a, &b, 6, 1000, 2000 ^ 1 << i, false), base);
	}
	assert_int_not_equal(hash_flow(&a, &b, 17, 1000, 2000, false), base);
	assert_int_not_equal(hash_flow(&b, &a, 6, 2000, 1000, false), base);

	make(&a, &b, 6, 1000, 2000);
	pkt_data(&p)[family == 4 ? 8 : 7] = 1; /* TTL */
	pkt_data(&p)[1] ^= 0x20;
	memset(pkt_data(&p) + (family == 4 ? 24 : 44), 0, 16);
	assert_int_equal(hash_of(&p, PDP_VIF_IP, false), base);
}

static void test_fields(void **state)
{
	fields_of(4);
	fields_of(6);
}

static void test_symmetric(void **state)
{
	static const uint8_t protos[] = {1, 6, 17, 47, 132};

	for (unsigned int i = 0; i < 2000; i++) {
		int family = i & 1 ? 4 : 6;
		struct pdp_ip a = family == 4 ? pkt_ip4(10, (uint8_t)i, 2, 3)
					      : pkt_ip6((uint16_t)i, 2, 3);
		struct pdp_ip b = family == 4 ? pkt_ip4(10, 9, 8, (uint8_t)(i >> 3))
					      : pkt_ip6(4, (uint16_t)i, 6);
		uint8_t proto = protos[i % 5];

		assert_int_equal(hash_flow(&a, &b, proto, 80, (uint16_t)i, true),
				 hash_flow(&b, &a, proto, (uint16_t)i, 80, true));
		assert_int_equal(hash_flow(&a, &a, proto, 80, (uint16_t)i, true),
				 hash_flow(&a, &a, proto, (uint16_t)i, 80, true));
	}
}

static void test_ports_only_where_there_are_ports(void **state)
{
	struct pdp_ip a = pkt_ip4(1, 2, 3, 4), b = pkt_ip4(5, 6, 7, 8);

	for (unsigned int proto = 0; proto < 256; proto++) {
		bool same = hash_flow(&a, &b, (uint8_t)proto, 1, 2, false) ==
			    hash_flow(&a, &b, (uint8_t)proto, 3, 4, false);

		assert_int_equal(same, proto != 6 && proto != 17 && proto != 132);
	}
}

static void test_ip4_fragments(void **state)
{
	struct pdp_ip a = pkt_ip4(1, 2, 3, 4), b = pkt_ip4(5, 6, 7, 8);
	uint32_t first, later, whole = hash_flow(&a, &b, 17, 1, 2, false);

	pkt_put16(pkt_data(&p) + 6, 0x2000);
	first = hash_of(&p, PDP_VIF_IP, false);
	make(&a, &b, 17, 0xabcd, 0xef01); /* payload where the ports were */
	pkt_put16(pkt_data(&p) + 6, 0x2003);
	later = hash_of(&p, PDP_VIF_IP, false);
	assert_int_equal(first, later);
	pkt_put16(pkt_data(&p) + 6, 0x0007); /* the last one */
	assert_int_equal(hash_of(&p, PDP_VIF_IP, false), first);
	assert_int_not_equal(first, whole);
	make(&a, &b, 17, 1, 2);
	pkt_put16(pkt_data(&p) + 6, 0x4000); /* do not fragment: not a fragment */
	assert_int_equal(hash_of(&p, PDP_VIF_IP, false), whole);
}

static void test_ip4_options(void **state)
{
	struct pdp_ip a = pkt_ip4(1, 2, 3, 4), b = pkt_ip4(5, 6, 7, 8);
	uint32_t without = hash_flow(&a, &b, 17, 1, 2, false);

	for (unsigned int words = 1; words <= 10; words++) {
		pkt_clear(&p);
		pkt_add_ip(&p, &a, &b, 17, 0, 8, words);
		pkt_add_udp(&p, 1, 2, 0);
		assert_int_equal(hash_of(&p, PDP_VIF_IP, false), without);
	}
}

/* Header chains of one of each kind; `next` is the transport. */
static void add_extensions(const uint8_t *kinds, unsigned int n, uint8_t next, uint16_t fragment)
{
	pkt_data(&p)[6] = n > 0 ? kinds[0] : next;
	for (unsigned int i = 0; i < n; i++) {
		uint8_t follows = i + 1 < n ? kinds[i + 1] : next;

		pkt_add8(&p, follows);
		if (kinds[i] == 44) {
			pkt_add8(&p, 0);
			pkt_add16(&p, fragment);
			pkt_add32(&p, 77);
		} else if (kinds[i] == 51) {
			pkt_add8(&p, 4); /* in 4-byte units, minus 2 */
			pkt_add_fill(&p, 22, 1);
		} else {
			pkt_add8(&p, 1);
			pkt_add_fill(&p, 14, 1);
		}
	}
}

static uint32_t hash_chain(const uint8_t *kinds, unsigned int n, uint16_t fragment, uint16_t sport)
{
	struct pdp_ip a = pkt_ip6(1, 2, 3), b = pkt_ip6(4, 5, 6);

	pkt_clear(&p);
	pkt_add_ip(&p, &a, &b, 0, 0, 500, 0);
	add_extensions(kinds, n, 17, fragment);
	pkt_add_udp(&p, sport, 2, 0);
	return hash_of(&p, PDP_VIF_IP, false);
}

static void test_ip6_extensions(void **state)
{
	static const uint8_t all[] = {0, 60, 43, 51, 135, 139, 140};
	static const uint8_t nine[] = {60, 60, 60, 60, 60, 60, 60, 60, 60};
	uint32_t without = hash_chain(NULL, 0, 0, 1);

	for (unsigned int i = 0; i < sizeof(all); i++) {
		assert_int_equal(hash_chain(all, i + 1, 0, 1), without);
		assert_int_equal(hash_chain(all + i, 1, 0, 1), without);
		assert_int_not_equal(hash_chain(all, i + 1, 0, 3), without);
	}
	/* more than eight are not followed, so that ports do not count */
	assert_int_equal(hash_chain(nine, 8, 0, 1), without);
	assert_int_equal(hash_chain(nine, 9, 0, 1), hash_chain(nine, 9, 0, 3));
}

static void test_ip6_fragments(void **state)
{
	static const uint8_t kinds[] = {0, 44};
	uint32_t first = hash_chain(kinds, 2, 0x0001, 1);

	assert_int_equal(hash_chain(kinds, 2, 0x0009, 0xabcd), first);
	assert_int_equal(hash_chain(kinds, 2, 0x0108, 0x1234), first);
	/* an atomic fragment is a whole packet (RFC 6946) */
	assert_int_equal(hash_chain(kinds, 2, 0, 1), hash_chain(NULL, 0, 0, 1));
}

static void test_tags(void **state)
{
	struct pdp_ip a = pkt_ip4(1, 2, 3, 4), b = pkt_ip4(5, 6, 7, 8);
	uint32_t bare = hash_flow(&a, &b, 17, 1, 2, false);

	for (unsigned int tags = 0; tags <= 3; tags++) {
		pkt_clear(&p);
		pkt_add_eth(&p, pkt_mac_a, pkt_mac_b, 0x0800);
		for (unsigned int t = 0; t < tags; t++)
			pkt_add_tag(&p, t & 1 ? 0x88a8 : 0x8100, (uint16_t)(5 + t));
		pkt_add_ip(&p, &a, &b, 17, 0, 8, 0);
		pkt_add_udp(&p, 1, 2, 0);
		assert_int_equal(hash_of(&p, PDP_VIF_ETHERNET, false), bare);
	}
}

static void test_other_frames_by_mac(void **state)
{
	uint32_t base, sym;

	pkt_clear(&p);
	pkt_add_eth(&p, pkt_mac_a, pkt_mac_b, 0x0806);
	pkt_add_fill(&p, 28, 1);
	base = hash_of(&p, PDP_VIF_ETHERNET, false);
	sym = hash_of(&p, PDP_VIF_ETHERNET, true);
	pkt_data(&p)[20] ^= 1;
	assert_int_equal(hash_of(&p, PDP_VIF_ETHERNET, false), base);
	for (unsigned int i = 0; i < 14; i++) {
		pkt_data(&p)[i] ^= 0x10;
		assert_int_not_equal(hash_of(&p, PDP_VIF_ETHERNET, false), base);
		assert_int_not_equal(hash_of(&p, PDP_VIF_ETHERNET, true), sym);
		pkt_data(&p)[i] ^= 0x10;
	}
	memcpy(pkt_data(&p), pkt_mac_b, 6);
	memcpy(pkt_data(&p) + 6, pkt_mac_a, 6);
	assert_int_not_equal(hash_of(&p, PDP_VIF_ETHERNET, false), base);
	assert_int_equal(hash_of(&p, PDP_VIF_ETHERNET, true), sym);
}

/* Ethernet padding is not a port: what the IP length leaves out does not count, as it is gone after
 * decapsulation. */
static void test_padding(void **state)
{
	struct pdp_ip a4 = pkt_ip4(1, 2, 3, 4), b4 = pkt_ip4(5, 6, 7, 8);
	struct pdp_ip a6 = pkt_ip6(1, 2, 3), b6 = pkt_ip6(4, 5, 6);

	for (int family = 4; family <= 6; family += 2) {
		uint32_t bare;

		pkt_clear(&p);
		pkt_add_eth(&p, pkt_mac_a, pkt_mac_b, family == 4 ? 0x0800 : 0x86dd);
		pkt_add_ip(&p, family == 4 ? &a4 : &a6, family == 4 ? &b4 : &b6, 17, 0, 3, 0);
		pkt_add_fill(&p, 3, 1);
		bare = hash_of(&p, PDP_VIF_ETHERNET, false);
		pkt_add_fill(&p, 20, 2);
		assert_int_equal(hash_of(&p, PDP_VIF_ETHERNET, false), bare);
		if (family == 4) { /* shorter than its own header */
			pkt_put16(pkt_data(&p) + 14 + 2, 7);
			assert_int_equal(hash_of(&p, PDP_VIF_ETHERNET, false), bare);
		}
	}
}

/* Whatever the length: no byte behind it is read (ASan), and the hash does not depend on what is
 * there. */
static void test_truncated(void **state)
{
	struct pdp_ip a = pkt_ip6(1, 2, 3), b = pkt_ip6(4, 5, 6);
	static const uint8_t kinds[] = {0, 43};

	pkt_clear(&p);
	pkt_add_eth(&p, pkt_mac_a, pkt_mac_b, 0x86dd);
	pkt_add_tag(&p, 0x8100, 1);
	pkt_add_ip(&p, &a, &b, 0, 0, 40, 0);
	pkt_data(&p)[18 + 6] = 0;
	add_extensions(kinds, 2, 17, 0);
	pkt_add_udp(&p, 1, 2, 0);
	for (uint16_t len = 0; len <= p.len; len++) {
		uint8_t *copy = malloc(len + 1u), *other = malloc(len + 1u);

		memcpy(copy, pkt_data(&p), len);
		memcpy(other, pkt_data(&p), len);
		copy[len] = 0x55;
		other[len] = 0xaa;
		assert_int_equal(pdp_flow_hash(copy, len, PDP_VIF_ETHERNET, false),
				 pdp_flow_hash(other, len, PDP_VIF_ETHERNET, false));
		assert_int_equal(pdp_flow_hash(copy, len, PDP_VIF_IP, true),
				 pdp_flow_hash(other, len, PDP_VIF_IP, true));
		free(copy);
		free(other);
	}
}

/* 1,000 flows over 3 engines by bucket: within 20 % of a third each, whatever differs between the
 * flows. */
static void spread(uint32_t (*flow)(unsigned int i, bool symmetric), bool symmetric)
{
	unsigned int count[3] = {0};

	for (unsigned int i = 0; i < 1000; i++)
		count[(flow(i, symmetric) >> 14) * 3 / PDP_BUCKETS]++;
	for (unsigned int e = 0; e < 3; e++)
		assert_in_range(count[e], 334 * 8 / 10, 333 * 12 / 10);
}

static uint32_t by_source_port(unsigned int i, bool symmetric)
{
	struct pdp_ip a = pkt_ip4(192, 168, 0, 1), b = pkt_ip4(192, 168, 1, 1);

	return hash_flow(&a, &b, 17, (uint16_t)(1234 + i), 5678, symmetric);
}

static uint32_t by_host(unsigned int i, bool symmetric)
{
	struct pdp_ip a = pkt_ip4(10, 0, (uint8_t)(i >> 8), (uint8_t)i), b = pkt_ip4(10, 1, 0, 1);

	return hash_flow(&a, &b, 6, 80, 80, symmetric);
}

static uint32_t by_pair(unsigned int i, bool symmetric)
{
	struct pdp_ip a = pkt_ip6(0, 0, (uint16_t)(i % 32)), b = pkt_ip6(1, 0, (uint16_t)(i / 32));

	return hash_flow(&a, &b, 58, 0, 0, symmetric);
}

static uint32_t by_mac(unsigned int i, bool symmetric)
{
	uint8_t mac[6] = {2, 0, 0, 0, (uint8_t)(i >> 8), (uint8_t)i};

	pkt_clear(&p);
	pkt_add_eth(&p, pkt_mac_a, mac, 0x88cc);
	return hash_of(&p, PDP_VIF_ETHERNET, symmetric);
}

static void test_spread(void **state)
{
	for (unsigned int symmetric = 0; symmetric < 2; symmetric++) {
		spread(by_source_port, symmetric);
		spread(by_host, symmetric);
		spread(by_pair, symmetric);
		spread(by_mac, symmetric);
	}
}

/* Each input bit turns each output bit about half of the time. */
static void test_avalanche(void **state)
{
	enum { ROUNDS = 2000, BITS = 96 };
	static unsigned int turned[BITS][24];
	uint64_t seed = 1;

	for (unsigned int r = 0; r < ROUNDS; r++) {
		uint8_t tuple[12]; /* source, destination, ports: consecutive in the packet */
		struct pdp_ip a = pkt_ip4(0, 0, 0, 0);
		uint32_t base;

		for (unsigned int i = 0; i < 12; i++) {
			seed = seed * 6364136223846793005 + 1442695040888963407;
			tuple[i] = (uint8_t)(seed >> 56);
		}
		make(&a, &a, 6, 0, 0);
		memcpy(pkt_data(&p) + 12, tuple, 12);
		base = hash_of(&p, PDP_VIF_IP, false);
		for (unsigned int i = 0; i < BITS; i++) {
			uint32_t diff;

			pkt_data(&p)[12 + i / 8] ^= 1 << i % 8;
			diff = hash_of(&p, PDP_VIF_IP, false) ^ base;
			pkt_data(&p)[12 + i / 8] ^= 1 << i % 8;
			for (unsigned int o = 0; o < 24; o++)
				turned[i][o] += diff >> o & 1;
		}
	}
	for (unsigned int i = 0; i < BITS; i++) {
		for (unsigned int o = 0; o < 24; o++)
			assert_in_range(turned[i][o], ROUNDS * 44 / 100, ROUNDS * 56 / 100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_symmetric),
		cmocka_unit_test(test_ports_only_where_there_are_ports),
		cmocka_unit_test(test_ip4_fragments),
		cmocka_unit_test(test_ip4_options),
		cmocka_unit_test(test_ip6_extensions),
		cmocka_unit_test(test_ip6_fragments),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_other_frames_by_mac),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_avalanche),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
