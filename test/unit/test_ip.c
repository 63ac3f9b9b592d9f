/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plugin ip: what becomes of packets of every kind, with a real FIB. Every packet is in an
 * allocation of its own, of exactly its visible bytes behind the headroom, and is counted once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipkit.h"
#include "pkt.h"

enum { HEADROOM = 64 };

static struct ipkit k;
static struct pkt made; /* the packet under construction */
static const char *const all = "{\"punt_pps\": {\"routing\": 10000000, \"arp_nd\": 10000000, "
			       "\"other\": 10000000}, \"punt_burst_ms\": 1000}";

/* What came out; bytes of the last packet stay until the next one. */
static struct {
	struct pdp_pkt p;
	uint8_t *room;
} out;

static int open_router(void **state)
{
	assert_int_equal(ipkit_open(&k, all), 0);
	ipkit_route(&k, "10.0.0.0/8", PDP_FIB_FORWARD, 1);
	ipkit_route(&k, "10.2.0.0/16", PDP_FIB_FORWARD, IPKIT_IP_VIF);
	ipkit_route(&k, "10.3.0.0/16", PDP_FIB_FORWARD, 3);
	ipkit_route(&k, "10.255.0.1/32", PDP_FIB_LOCAL, 0);
	ipkit_route(&k, "10.255.0.255/32", PDP_FIB_LOCAL, 0);
	ipkit_route(&k, "2001:db8:1::/48", PDP_FIB_FORWARD, 1);
	ipkit_route(&k, "2001:db8:2::/48", PDP_FIB_FORWARD, IPKIT_IP_VIF);
	ipkit_route(&k, "2001:db8:3::/48", PDP_FIB_FORWARD, 3);
	ipkit_route(&k, "2001:db8:ff::1/128", PDP_FIB_LOCAL, 0);
	return 0;
}

static int close_router(void **state)
{
	free(out.room);
	out.room = NULL;
	ipkit_close(&k);
	return 0;
}

static struct pdp_ip ip_of(const char *text)
{
	struct pdp_ip ip = {.family = strchr(text, ':') != NULL ? 6 : 4};

	assert_int_equal(inet_pton(ip.family == 4 ? AF_INET : AF_INET6, text, ip.bytes), 1);
	return ip;
}

/* Into `made`: an IP packet, in a frame to vif's MAC address where its kind is ethernet. */
static void make_proto(unsigned int vif, const char *src, const char *dst, uint8_t proto,
		       uint16_t payload, unsigned int n_words)
{
	const struct pdp_ip s = ip_of(src), d = ip_of(dst);
	uint8_t mac[6];

	pkt_clear(&made);
	if (vif != IPKIT_IP_VIF) {
		ipkit_vif_mac(vif, mac);
		pkt_add_eth(&made, mac, pkt_mac_b, s.family == 4 ? 0x0800 : 0x86dd);
	}
	pkt_add_ip(&made, &s, &d, proto, 0, payload, n_words);
	pkt_add_fill(&made, payload, payload);
}

static void make(unsigned int vif, const char *src, const char *dst)
{
	make_proto(vif, src, dst, 17, 40, 0);
}

static uint8_t *ip_header(unsigned int vif)
{
	return pkt_data(&made) + (vif == IPKIT_IP_VIF ? 0 : 14);
}

static void run_window(unsigned int vif, uint16_t visible)
{
	const uint64_t before = ipkit_counted(&k);

	free(out.room);
	out.room = malloc((size_t)HEADROOM + visible);
	memset(out.room, 0xaa, HEADROOM);
	memcpy(out.room + HEADROOM, pkt_data(&made), visible);
	out.p = (struct pdp_pkt){.data = out.room + HEADROOM,
				 .len = visible,
				 .whole_len = made.len,
				 .headroom = HEADROOM,
				 .vif = (uint8_t)vif,
				 .in_vif = (uint8_t)vif};
	ipkit_process(&k, &out.p, 1);
	assert_int_equal(ipkit_counted(&k), before + 1);
}

static void run(unsigned int vif)
{
	run_window(vif, made.len);
}

/* The packet in `made` has that verdict, for that reason; if it did not leave it is as it came. */
static void expect_from(unsigned int vif, enum pdp_verdict verdict, const char *why,
			enum pdp_punt_class class)
{
	const uint64_t before = ipkit_count(&k, why);

	run(vif);
	if (out.p.verdict != verdict || ipkit_count(&k, why) != before + 1) {
		for (unsigned int i = 0; i < k.n_counters; i++)
			print_message("%s %lu\n", k.names[i], k.values[i]);
		fail_msg("verdict %u, not %u for %s", out.p.verdict, verdict, why);
	}
	if (verdict == PDP_FORWARD)
		return;
	assert_int_equal(out.p.punt_class, class);
	assert_int_equal(out.p.vif, vif);
	assert_ptr_equal(out.p.data, out.room + HEADROOM);
	assert_int_equal(out.p.whole_len, made.len);
	assert_memory_equal(out.p.data, pkt_data(&made), made.len);
}

static void expect_drop(const char *why)
{
	expect_from(0, PDP_DROP, why, PDP_PUNT_OTHER);
}

static void expect_punt(const char *why, enum pdp_punt_class class)
{
	expect_from(0, PDP_PUNT, why, class);
}

static void expect_forward(unsigned int in, unsigned int vif)
{
	expect_from(in, PDP_FORWARD,
		    pkt_data(&made)[in == IPKIT_IP_VIF ? 0 : 14] >> 4 == 4 ? "forwarded_ip4"
									   : "forwarded_ip6",
		    PDP_PUNT_OTHER);
	assert_int_equal(out.p.vif, vif);
}

/* Behind a forwarded packet's link header: one hop less, and nothing else changed. */
static void check_aged(unsigned int in)
{
	const unsigned int off = out.p.vif == IPKIT_IP_VIF ? 0 : 14;
	uint8_t *sent = ip_header(in);
	const uint8_t *h = out.p.data + off;
	const unsigned int size = made.len - (in == IPKIT_IP_VIF ? 0 : 14);

	assert_int_equal(out.p.whole_len, off + size);
	sent[sent[0] >> 4 == 4 ? 8 : 7]--;
	if (sent[0] >> 4 == 4)
		pkt_fix_ip4(sent);
	assert_memory_equal(h, sent, size);
}

static void check_link(unsigned int in)
{
	uint8_t mac[6];

	if (out.p.vif == IPKIT_IP_VIF)
		return;
	ipkit_far_mac(out.p.vif, mac);
	assert_memory_equal(out.p.data, mac, 6);
	ipkit_vif_mac(out.p.vif, mac);
	assert_memory_equal(out.p.data + 6, mac, 6);
	assert_int_equal(pkt_get16(out.p.data + 12), out.p.data[14] >> 4 == 4 ? 0x0800 : 0x86dd);
}

static void test_forward(void **state)
{
	static const char *const to[2][IPKIT_VIFS] = {
		{NULL, "10.1.0.9", "10.2.0.9", "10.3.0.9"},
		{NULL, "2001:db8:1::9", "2001:db8:2::9", "2001:db8:3::9"}};

	for (unsigned int in = 0; in < IPKIT_VIFS; in++) {
		for (unsigned int vif = 1; vif < IPKIT_VIFS; vif++) {
			for (unsigned int six = 0; six < 2; six++) {
				make(in, six ? "2001:db8:9::1" : "192.0.2.1", to[six][vif]);
				expect_forward(in, vif);
				check_link(in);
				check_aged(in);
				assert_int_equal(out.p.headroom, out.p.data - out.room);
			}
		}
	}
}

/* Every checksum there is, and so every carry of the incremental update. */
static void test_every_checksum(void **state)
{
	for (unsigned int id = 0; id < 65536; id++) {
		make(0, "192.0.2.1", "10.1.0.9");
		pkt_put16(ip_header(0) + 4, (uint16_t)id);
		ip_header(0)[8] = (uint8_t)(2 + id % 254);
		pkt_fix_ip4(ip_header(0));
		run(0);
		assert_int_equal(out.p.verdict, PDP_FORWARD);
		assert_int_equal(pkt_csum(out.p.data + 14, 20), 0);
		assert_int_equal(out.p.data[14 + 8], 1 + id % 254);
		/* Never the other zero: what computes it anew must agree. */
		assert_int_not_equal(pkt_get16(out.p.data + 14 + 10), 0xffff);
	}
}

static void test_no_headroom(void **state)
{
	make(IPKIT_IP_VIF, "192.0.2.1", "10.1.0.9");
	for (uint16_t room = 0; room <= 14; room++) {
		const uint64_t before = ipkit_count(&k, "drop_no_headroom");
		struct pdp_pkt p = {.data = pkt_data(&made),
				    .len = made.len,
				    .whole_len = made.len,
				    .headroom = room,
				    .vif = IPKIT_IP_VIF,
				    .in_vif = IPKIT_IP_VIF};

		ipkit_process(&k, &p, 1);
		assert_int_equal(p.verdict, room < 14 ? PDP_DROP : PDP_FORWARD);
		assert_int_equal(ipkit_count(&k, "drop_no_headroom"), before + (room < 14));
	}
}

static void test_frames(void **state)
{
	static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	static const uint8_t llc_isis[3] = {0xfe, 0xfe, 0x03};

	make(0, "192.0.2.1", "10.1.0.9");
	pkt_data(&made)[5] ^= 0x80;
	expect_drop("drop_not_to_us");
	make(0, "192.0.2.1", "10.1.0.9");
	memcpy(pkt_data(&made), everybody, 6);
	expect_drop("drop_link_broadcast");
	make(0, "2001:db8:9::1", "2001:db8:1::9");
	memcpy(pkt_data(&made), everybody, 6);
	expect_drop("drop_link_broadcast");
	/* The broadcast address of a net of ours, in a frame to all. */
	make(0, "192.0.2.1", "10.255.0.255");
	memcpy(pkt_data(&made), everybody, 6);
	expect_punt("punt_broadcast", PDP_PUNT_OTHER);
	make(0, "2001:db8:9::1", "2001:db8:ff::1");
	memcpy(pkt_data(&made), everybody, 6);
	expect_punt("punt_local", PDP_PUNT_OTHER);
	make(0, "192.0.2.1", "10.1.0.9");
	pkt_put16(pkt_data(&made) + 12, 0x0806);
	expect_punt("punt_arp", PDP_PUNT_ARP_ND);
	memcpy(pkt_data(&made), everybody, 6);
	expect_punt("punt_arp", PDP_PUNT_ARP_ND);
	pkt_put16(pkt_data(&made) + 12, 0x88cc);
	expect_punt("punt_protocol", PDP_PUNT_OTHER);
	pkt_put16(pkt_data(&made) + 12, 40);
	expect_punt("punt_protocol", PDP_PUNT_OTHER);
	memcpy(pkt_data(&made) + 14, llc_isis, 3);
	expect_punt("punt_protocol", PDP_PUNT_ROUTING);
	made.len = 13;
	expect_drop("drop_short");
}

static void test_header4(void **state)
{
	uint8_t *h = ip_header(0);

	make(0, "192.0.2.1", "10.1.0.9");
	made.len = 14 + 19;
	expect_drop("drop_short");
	for (unsigned int version = 0; version < 16; version++) {
		if (version == 4)
			continue;
		make(0, "192.0.2.1", "10.1.0.9");
		h[0] = (uint8_t)(version << 4 | 5);
		pkt_fix_ip4(h);
		expect_drop("drop_header");
	}
	for (unsigned int ihl = 0; ihl < 5; ihl++) {
		make(0, "192.0.2.1", "10.1.0.9");
		h[0] = (uint8_t)(0x40 | ihl);
		expect_drop("drop_header");
	}
	/* Header longer than the packet; total length below the header and beyond the frame. */
	make(0, "192.0.2.1", "10.1.0.9");
	h[0] = 0x4f;
	pkt_put16(h + 2, 56);
	pkt_fix_ip4(h);
	expect_drop("drop_header");
	make(0, "192.0.2.1", "10.1.0.9");
	pkt_put16(h + 2, 19);
	pkt_fix_ip4(h);
	expect_drop("drop_header");
	make(0, "192.0.2.1", "10.1.0.9");
	pkt_put16(h + 2, 61);
	pkt_fix_ip4(h);
	expect_drop("drop_header");
	/* Each bit of the header, flipped. */
	for (unsigned int bit = 8 * 4; bit < 20 * 8; bit++) {
		make(0, "192.0.2.1", "10.1.0.9");
		h[bit / 8] ^= (uint8_t)(1 << bit % 8);
		expect_drop("drop_checksum");
	}
	/* On a vif of kind ip the version says what it is. */
	make(IPKIT_IP_VIF, "192.0.2.1", "10.1.0.9");
	pkt_data(&made)[0] = 0x55;
	expect_from(IPKIT_IP_VIF, PDP_DROP, "drop_header", 0);
	made.len = 0;
	expect_from(IPKIT_IP_VIF, PDP_DROP, "drop_short", 0);
}

static void test_header6(void **state)
{
	uint8_t *h = ip_header(0);

	make(0, "2001:db8:9::1", "2001:db8:1::9");
	made.len = 14 + 39;
	expect_drop("drop_short");
	make(0, "2001:db8:9::1", "2001:db8:1::9");
	h[0] = 0x45;
	expect_drop("drop_header");
	make(0, "2001:db8:9::1", "2001:db8:1::9");
	pkt_put16(h + 4, 41);
	expect_drop("drop_header");
	pkt_put16(h + 4, 65535);
	expect_drop("drop_header");
	/* Extension headers are the destination's, also hop-by-hop ones. */
	make_proto(0, "2001:db8:9::1", "2001:db8:1::9", 0, 40, 0);
	expect_forward(0, 1);
}

static void test_martians(void **state)
{
	static const char *const sources[] = {
		"0.0.0.0",   "0.1.2.3",		"127.0.0.1", "224.0.0.1",
		"240.0.0.1", "255.255.255.255", "::1",	     "ff02::1",
		"::",	     "::ffff:10.0.0.1", "ff01::1"};
	static const char *const destinations[] = {
		"0.0.0.0", "0.1.2.3", "127.0.0.1", "240.0.0.1",	     "::1",
		"::",	   "ff00::1", "ff01::1",   "::ffff:10.0.0.1"};

	for (unsigned int i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		make(0, sources[i], strchr(sources[i], ':') ? "2001:db8:1::9" : "10.1.0.9");
		expect_drop("drop_martian_source");
	}
	for (unsigned int i = 0; i < sizeof(destinations) / sizeof(destinations[0]); i++) {
		make(0, strchr(destinations[i], ':') ? "2001:db8:9::1" : "192.0.2.1",
		     destinations[i]);
		expect_drop("drop_martian_destination");
	}
	/* A source that is no address yet may ask groups and all, and nobody else. */
	make(0, "0.0.0.0", "255.255.255.255");
	expect_punt("punt_broadcast", PDP_PUNT_OTHER);
	make(0, "0.0.0.0", "224.0.0.22");
	expect_punt("punt_multicast", PDP_PUNT_OTHER);
	make(0, "::", "ff02::16");
	expect_punt("punt_multicast", PDP_PUNT_OTHER);
	make(0, "::", "2001:db8:ff::1");
	expect_drop("drop_martian_source");
}

static void test_punts(void **state)
{
	make(0, "192.0.2.1", "10.255.0.1");
	expect_punt("punt_local", PDP_PUNT_OTHER);
	ip_header(0)[8] = 1; /* to us: hops do not matter */
	pkt_fix_ip4(ip_header(0));
	expect_punt("punt_local", PDP_PUNT_OTHER);
	make(0, "2001:db8:9::1", "2001:db8:ff::1");
	expect_punt("punt_local", PDP_PUNT_OTHER);
	make(0, "192.0.2.1", "224.0.0.251");
	expect_punt("punt_multicast", PDP_PUNT_OTHER);
	for (uint8_t hops = 0; hops < 2; hops++) {
		make(0, "192.0.2.1", "10.1.0.9");
		ip_header(0)[8] = hops;
		pkt_fix_ip4(ip_header(0));
		expect_punt("punt_hop_limit", PDP_PUNT_OTHER);
		make(0, "2001:db8:9::1", "2001:db8:1::9");
		ip_header(0)[7] = hops;
		expect_punt("punt_hop_limit", PDP_PUNT_OTHER);
	}
	for (unsigned int words = 1; words <= 10; words++) {
		make_proto(0, "192.0.2.1", "10.1.0.9", 17, 40, words);
		expect_punt("punt_options", PDP_PUNT_OTHER);
		make_proto(0, "192.0.2.1", "10.255.0.1", 89, 40, words);
		expect_punt("punt_local", PDP_PUNT_ROUTING);
	}
	make(0, "fe80::1", "2001:db8:1::9");
	expect_punt("punt_scope", PDP_PUNT_OTHER);
	make(0, "fe80::1", "2001:db8:ff::1");
	expect_punt("punt_local", PDP_PUNT_OTHER);
	make(0, "fe80::1", "fe80::2");
	expect_punt("punt_local", PDP_PUNT_OTHER);
	make(0, "2001:db8:9::1", "fe80::2");
	expect_punt("punt_local", PDP_PUNT_OTHER);
}

static void test_mtu(void **state)
{
	for (unsigned int six = 0; six < 2; six++) {
		const uint16_t header = six ? 40 : 20;
		const char *src = six ? "2001:db8:9::1" : "192.0.2.1";

		make_proto(3, src, six ? "2001:db8:1::9" : "10.1.0.9", 17,
			   (uint16_t)(1500 - header), 0);
		expect_forward(3, 1);
		make_proto(3, src, six ? "2001:db8:1::9" : "10.1.0.9", 17,
			   (uint16_t)(1501 - header), 0);
		expect_from(3, PDP_PUNT, "punt_mtu", PDP_PUNT_OTHER);
		make_proto(0, src, six ? "2001:db8:2::9" : "10.2.0.9", 17,
			   (uint16_t)(1401 - header), 0);
		expect_punt("punt_mtu", PDP_PUNT_OTHER);
	}
}

static void test_next_hops(void **state)
{
	static const struct {
		enum pdp_fib_type type;
		enum pdp_verdict verdict;
		const char *why;
	} cases[] = {{PDP_FIB_UNRESOLVED, PDP_PUNT, "punt_unresolved"},
		     {PDP_FIB_GLEAN, PDP_PUNT, "punt_unresolved"},
		     {PDP_FIB_LOCAL, PDP_PUNT, "punt_local"},
		     {PDP_FIB_BLACKHOLE, PDP_DROP, "drop_blackhole"},
		     {PDP_FIB_UNREACHABLE, PDP_PUNT, "punt_unreachable"},
		     {PDP_FIB_PROHIBIT, PDP_PUNT, "punt_unreachable"},
		     {PDP_FIB_DEAD, PDP_PUNT, "punt_unreachable"}};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ipkit_route(&k, "10.7.0.0/16", cases[i].type, 1);
		ipkit_route(&k, "2001:db8:7::/48", cases[i].type, 1);
		make(0, "192.0.2.1", "10.7.0.1");
		expect_from(0, cases[i].verdict, cases[i].why, 0);
		make(0, "2001:db8:9::1", "2001:db8:7::1");
		expect_from(0, cases[i].verdict, cases[i].why, 0);
	}
	/* No route at all. */
	make(0, "192.0.2.1", "11.0.0.1");
	expect_punt("punt_unreachable", PDP_PUNT_OTHER);
	make(0, "2001:db8:9::1", "2001:db9::1");
	expect_punt("punt_unreachable", PDP_PUNT_OTHER);
	/* A next hop on a vif that is not there. */
	ipkit_route(&k, "10.7.0.0/16", PDP_FIB_FORWARD, IPKIT_VIFS);
	make(0, "192.0.2.1", "10.7.0.1");
	expect_punt("punt_unreachable", PDP_PUNT_OTHER);
	ipkit_route(&k, "10.7.0.0/16", PDP_FIB_FORWARD, 255);
	expect_punt("punt_unreachable", PDP_PUNT_OTHER);
}

/* A group's member is the flow's, and hashes are asked for only where there is a choice. */
static void test_ecmp(void **state)
{
	const struct pdp_fib_prefix prefix = {.family = 4, .len = 8, .bytes = {20}};
	struct pdp_fib_member m[2] = {{ipkit_route(&k, "20.0.0.0/8", PDP_FIB_FORWARD, 1), 1},
				      {ipkit_route(&k, "20.0.0.0/8", PDP_FIB_FORWARD, 3), 3}};
	const int group = pdp_fib_group_new(k.fib, m, 2, 99);
	unsigned int n[IPKIT_VIFS] = {0};

	assert_true(group > 0);
	assert_int_equal(pdp_fib_add(k.fib, &prefix, (uint16_t)group), 0);
	make(0, "192.0.2.1", "10.1.0.9");
	expect_forward(0, 1);
	assert_int_equal(k.n_hashed, 0);
	for (unsigned int i = 0; i < 4096; i++) {
		uint8_t vif;

		k.hash = i * 2654435761u >> 8;
		make(0, "192.0.2.1", "20.1.0.9");
		run(0);
		assert_int_equal(out.p.verdict, PDP_FORWARD);
		vif = out.p.vif;
		n[vif]++;
		check_link(0);
		run(0);
		assert_int_equal(out.p.vif, vif);
	}
	assert_int_equal(k.n_hashed, 2 * 4096);
	assert_int_equal(n[1] + n[3], 4096);
	assert_in_range(n[1], 4096 / 4 - 200, 4096 / 4 + 200);
	/* One member dies: all go by the other, and the packet's own hash is used if it has one. */
	assert_int_equal(pdp_fib_nexthop_set(k.fib, m[0].nexthop,
					     &(struct pdp_fib_nexthop){.type = PDP_FIB_DEAD}),
			 0);
	for (unsigned int i = 0; i < 256; i++) {
		k.hash = i << 16;
		make(0, "192.0.2.1", "20.1.0.9");
		expect_forward(0, 3);
	}
}

static void ports(uint16_t src, uint16_t dst, unsigned int header)
{
	pkt_put16(ip_header(0) + header, src);
	pkt_put16(ip_header(0) + header + 2, dst);
}

static void test_classes(void **state)
{
	static const struct {
		uint8_t proto;
		uint16_t port;
		bool routing;
	} cases[] = {{6, 179, true},   {17, 179, false}, {17, 3784, true}, {17, 4784, true},
		     {6, 3784, false}, {17, 520, true},	 {17, 521, true},  {6, 646, true},
		     {17, 646, true},  {17, 698, true},	 {17, 6696, true}, {6, 22, false},
		     {89, 0, true},    {88, 0, true},	 {103, 0, true},   {112, 0, true},
		     {1, 179, false},  {2, 0, false},	 {58, 0, false}};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const enum pdp_punt_class class = cases[i].routing ? PDP_PUNT_ROUTING
								   : PDP_PUNT_OTHER;

		make_proto(0, "192.0.2.1", "10.255.0.1", cases[i].proto, 40, 0);
		ports(50000, cases[i].port, 20);
		expect_punt("punt_local", class);
		ports(cases[i].port, 50000, 20);
		expect_punt("punt_local", class);
		make_proto(0, "192.0.2.1", "224.0.0.5", cases[i].proto, 40, 0);
		ports(50000, cases[i].port, 20);
		expect_punt("punt_multicast", class);
		make_proto(0, "fe80::1", "fe80::2", cases[i].proto, 40, 0);
		ports(50000, cases[i].port, 40);
		expect_punt("punt_local", class);
		/* Of a later fragment no ports are seen. */
		make_proto(0, "192.0.2.1", "10.255.0.1", cases[i].proto, 40, 0);
		ports(50000, cases[i].port, 20);
		pkt_put16(ip_header(0) + 6, 100);
		pkt_fix_ip4(ip_header(0));
		expect_punt("punt_local", cases[i].port == 0 ? class : PDP_PUNT_OTHER);
		/* On its way elsewhere it is no routing protocol of ours. */
		make_proto(0, "192.0.2.1", "10.1.0.9", cases[i].proto, 40, 0);
		ports(50000, cases[i].port, 20);
		ip_header(0)[8] = 1;
		pkt_fix_ip4(ip_header(0));
		expect_punt("punt_hop_limit", PDP_PUNT_OTHER);
	}
	/* No port within the packet. */
	make_proto(0, "192.0.2.1", "10.255.0.1", 6, 3, 0);
	expect_punt("punt_local", PDP_PUNT_OTHER);
}

static void test_neighbour_discovery(void **state)
{
	for (unsigned int type = 0; type < 256; type++) {
		const bool nd = type >= 133 && type <= 137;

		make_proto(0, "fe80::1", "ff02::1:ff00:1", 58, 24, 0);
		ip_header(0)[40] = (uint8_t)type;
		expect_punt("punt_multicast", PDP_PUNT_OTHER); /* from beyond the link */
		ip_header(0)[7] = 255;
		expect_punt(nd ? "punt_nd" : "punt_multicast",
			    nd ? PDP_PUNT_ARP_ND : PDP_PUNT_OTHER);
		make_proto(0, "2001:db8:9::1", "2001:db8:ff::1", 58, 24, 0);
		ip_header(0)[40] = (uint8_t)type;
		ip_header(0)[7] = 255;
		expect_punt(nd ? "punt_nd" : "punt_local", nd ? PDP_PUNT_ARP_ND : PDP_PUNT_OTHER);
	}
	/* MLD, behind a hop-by-hop header. */
	make_proto(0, "fe80::1", "ff02::16", 0, 32, 0);
	memcpy(ip_header(0) + 40, (const uint8_t[]){58, 0, 5, 2, 0, 0, 1, 0, 143}, 9);
	expect_punt("punt_multicast", PDP_PUNT_OTHER);
	/* OSPFv3 behind one. */
	ip_header(0)[40] = 89;
	expect_punt("punt_multicast", PDP_PUNT_ROUTING);
}

/* With k visible bytes it is forwarded as ever, or punted, and nothing else is read or written. */
static void test_window(void **state)
{
	static const char *const to[2] = {"10.1.0.9", "2001:db8:1::9"};

	for (unsigned int six = 0; six < 2; six++) {
		const unsigned int need = six ? 54 : 34;

		make_proto(0, six ? "2001:db8:9::1" : "192.0.2.1", to[six], 17, 1000, 0);
		for (uint16_t visible = 0; visible < 128; visible++) {
			run_window(0, visible);
			assert_int_equal(out.p.whole_len, made.len);
			assert_int_equal(out.p.len, visible);
			assert_int_equal(out.p.verdict, visible >= need ? PDP_FORWARD : PDP_PUNT);
		}
	}
	assert_int_equal(ipkit_count(&k, "punt_window"), 34 + 54);
	/* Options that do not fit; ports of a local one that are not seen. */
	make_proto(0, "192.0.2.1", "10.1.0.9", 17, 1000, 10);
	run_window(0, 14 + 59);
	assert_int_equal(out.p.verdict, PDP_PUNT);
	assert_int_equal(ipkit_count(&k, "punt_window"), 34 + 54 + 1);
	make_proto(0, "192.0.2.1", "10.255.0.1", 6, 1000, 0);
	ports(179, 179, 20);
	for (uint16_t visible = 34; visible < 42; visible++) {
		run_window(0, visible);
		assert_int_equal(out.p.punt_class,
				 visible < 38 ? PDP_PUNT_OTHER : PDP_PUNT_ROUTING);
	}
}

/* Padding of short frames stays on Ethernet and goes elsewhere; longer trailers go. */
static void test_padding(void **state)
{
	static const struct {
		uint16_t payload, trailer, to_ethernet, to_ip;
	} cases[] = {{4, 22, 60, 24}, {4, 4, 42, 24}, {4, 40, 60, 24}, {40, 10, 74, 60}};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (unsigned int to_ip = 0; to_ip < 2; to_ip++) {
			make_proto(0, "192.0.2.1", to_ip ? "10.2.0.9" : "10.1.0.9", 17,
				   cases[i].payload, 0);
			pkt_add_fill(&made, cases[i].trailer, 1);
			expect_forward(0, to_ip ? IPKIT_IP_VIF : 1);
			assert_int_equal(out.p.whole_len,
					 to_ip ? cases[i].to_ip : cases[i].to_ethernet);
			assert_int_equal(out.p.len, out.p.whole_len);
		}
	}
}

/* Bursts of all kinds at once: every packet has what it has alone. */
static void test_bursts(void **state)
{
	static const char *const dsts[] = {"10.1.0.9",	      "10.2.0.9",      "10.255.0.1",
					   "2001:db8:1::9",   "2001:db8:2::9", "224.0.0.5",
					   "2001:db8:ff::1",  "fe80::2",       "127.0.0.1",
					   "255.255.255.255", "11.0.0.1",      "10.3.0.9"};
	static uint8_t rooms[PDP_BURST_MAX][256];
	struct pdp_pkt pkts[PDP_BURST_MAX];
	uint8_t verdicts[PDP_BURST_MAX], vifs[PDP_BURST_MAX];

	for (unsigned int round = 0; round < 200; round++) {
		const unsigned int n = 1 + round % PDP_BURST_MAX;

		for (unsigned int i = 0; i < n; i++) {
			const char *dst = dsts[(round * 7 + i * 5 + i / 3) % 12];
			const unsigned int in = (round + i) % IPKIT_VIFS;

			make(in, strchr(dst, ':') ? "2001:db8:9::1" : "192.0.2.1", dst);
			run(in);
			verdicts[i] = out.p.verdict;
			vifs[i] = out.p.vif;
			memcpy(rooms[i] + HEADROOM, pkt_data(&made), made.len);
			pkts[i] = (struct pdp_pkt){.data = rooms[i] + HEADROOM,
						   .len = made.len,
						   .whole_len = made.len,
						   .headroom = HEADROOM,
						   .vif = (uint8_t)in,
						   .in_vif = (uint8_t)in};
		}
		ipkit_process(&k, pkts, n);
		for (unsigned int i = 0; i < n; i++) {
			assert_int_equal(pkts[i].verdict, verdicts[i]);
			assert_int_equal(pkts[i].vif, vifs[i]);
		}
	}
}

/* Offers n packets of a kind, gap_ns apart. @return how many were punted */
static unsigned int offer(const char *dst, uint8_t proto, unsigned int n, uint64_t gap_ns)
{
	unsigned int punted = 0;

	make_proto(0, "192.0.2.1", dst, proto, 40, 0);
	for (unsigned int i = 0; i < n; i++) {
		run(0);
		punted += out.p.verdict == PDP_PUNT;
		k.now_ns += gap_ns;
	}
	return punted;
}

static void test_rates(void **state)
{
	ipkit_close(&k);
	assert_int_equal(ipkit_open(&k, "{\"punt_pps\": {\"routing\": 3000, \"arp_nd\": 0, "
					"\"other\": 700}, \"punt_burst_ms\": 50}"),
			 0);
	ipkit_route(&k, "10.255.0.1/32", PDP_FIB_LOCAL, 0);
	/* At once: what the burst allows, 3000 / 20 and, as 700 / 20 are enough, 35. */
	assert_int_equal(offer("10.255.0.1", 89, 1000, 0), 150);
	assert_int_equal(offer("10.255.0.1", 17, 1000, 0), 35);
	assert_int_equal(ipkit_count(&k, "drop_surplus_routing"), 850);
	assert_int_equal(ipkit_count(&k, "drop_surplus_other"), 965);
	/* A second of flood: the rate, and not one more; the other class has its own. */
	assert_in_range(offer("10.255.0.1", 89, 100000, 10000), 2999, 3000);
	assert_in_range(offer("10.255.0.1", 17, 100000, 10000), 35 + 699, 35 + 700);
	/* Slower than the rate: all. */
	assert_int_equal(offer("10.255.0.1", 89, 1000, 400000), 1000);
	/* None at all. */
	make(0, "192.0.2.1", "10.1.0.9");
	pkt_put16(pkt_data(&made) + 12, 0x0806);
	expect_drop("drop_surplus_arp_nd");
	/* A long rest gives no more than a burst. */
	k.now_ns += 3600 * 1000000000ull;
	assert_int_equal(offer("10.255.0.1", 89, 1000, 0), 150);
}

static void test_args(void **state)
{
	static const char *const wrong[] = {"{\"punt_pps\": 5}",
					    "{\"punt_pps\": {\"routing\": -1}}",
					    "{\"punt_pps\": {\"routing\": 10000001}}",
					    "{\"punt_pps\": {\"bgp\": 1}}",
					    "{\"punt_pps\": {\"other\": 1.5}}",
					    "{\"punt_burst_ms\": 0}",
					    "{\"punt_burst_ms\": 1001}",
					    "{\"routes\": []}"};
	static const char *const right[] = {"{}", "{\"punt_pps\": {}}", "{\"punt_burst_ms\": 1}",
					    "{\"punt_pps\": {\"other\": 0}}"};
	struct ipkit other;

	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(ipkit_open(&other, wrong[i]), -22);
		assert_non_null(strstr(other.said, "known: punt_pps, an object of routing"));
		ipkit_close(&other);
	}
	for (unsigned int i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		assert_int_equal(ipkit_open(&other, right[i]), 0);
		ipkit_close(&other);
	}
}

static void test_no_routes(void **state)
{
	extern const struct pdp_vr_ops pdp_vr_plugin;
	struct pdp_vr_info info = k.info;
	void *router;

	info.fib = NULL;
	assert_int_equal(pdp_vr_plugin.init(&info, &router), -22);
	assert_non_null(strstr(k.said, "give the VR a control plane"));
}

#define router_test(fn) cmocka_unit_test_setup_teardown(fn, open_router, close_router)

int main(void)
{
	const struct CMUnitTest tests[] = {
		router_test(test_forward),
		router_test(test_every_checksum),
		router_test(test_no_headroom),
		router_test(test_frames),
		router_test(test_header4),
		router_test(test_header6),
		router_test(test_martians),
		router_test(test_punts),
		router_test(test_mtu),
		router_test(test_next_hops),
		router_test(test_ecmp),
		router_test(test_classes),
		router_test(test_window),
		router_test(test_padding),
		router_test(test_bursts),
		router_test(test_rates),
		router_test(test_neighbour_discovery),
		router_test(test_args),
		router_test(test_no_routes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
