/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames of net_loadgen, read back by a parser of the test's own: lengths, checksums, addresses,
 * ports of every kind of encapsulation and size.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "loadgen_frame.h"

static unsigned int be16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

/* RFC 1071, byte by byte: 0xffff when a sum that includes its checksum is right. */
static unsigned int ones_sum(const uint8_t *p, unsigned int len, unsigned int sum)
{
	for (unsigned int i = 0; i < len; i++)
		sum += i % 2 == 0 ? (unsigned int)p[i] << 8 : p[i];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

struct datagram {
	const uint8_t *ip, *udp, *end;
	int family;
};

/* Check an IP header with UDP in it that fills the packet to `end`. */
static struct datagram read_udp(const uint8_t *ip, const uint8_t *end, bool may_lack_csum)
{
	struct datagram d = {.ip = ip, .end = end, .family = ip[0] >> 4};
	unsigned int sum, len = (unsigned int)(end - ip), csum;

	if (d.family == 4) {
		assert_int_equal(ip[0], 0x45);
		assert_int_equal(be16(ip + 2), len);
		assert_int_equal(ones_sum(ip, 20, 0), 0xffff);
		assert_int_equal(ip[9], 17);
		assert_true(ip[8] > 1);
		d.udp = ip + 20;
		sum = ones_sum(ip + 12, 8, 17 + (len - 20));
	} else {
		assert_int_equal(d.family, 6);
		assert_int_equal(be16(ip + 4), len - 40);
		assert_int_equal(ip[6], 17);
		assert_true(ip[7] > 1);
		d.udp = ip + 40;
		sum = ones_sum(ip + 8, 32, 17 + (len - 40));
	}
	assert_int_equal(be16(d.udp + 4), end - d.udp);
	csum = be16(d.udp + 6);
	if (csum == 0)
		assert_true(may_lack_csum);
	else
		assert_int_equal(ones_sum(d.udp, (unsigned int)(end - d.udp), sum), 0xffff);
	return d;
}

static const uint8_t *skip_eth(const uint8_t *frame, const struct lg_class *c, const uint8_t dst[6])
{
	const uint8_t *p = frame + 12;

	assert_memory_equal(frame, dst, 6);
	if (c->carrier == LG_VLAN && frame != NULL && be16(p) == 0x8100) {
		assert_int_equal(be16(p + 2), c->vlan);
		p += 4;
	}
	assert_true(be16(p) == 0x0800 || be16(p) == 0x86dd);
	assert_int_equal(p[2] >> 4, be16(p) == 0x0800 ? 4 : 6);
	return p + 2;
}

/* Read a whole frame of a class; returns the inner datagram. */
static struct datagram read_frame(const struct lg_class *c, const uint8_t *frame, unsigned int len,
				  bool payload)
{
	const uint8_t *p = skip_eth(frame, c, c->dst_mac), *end = frame + len;
	struct datagram outer;

	if (c->carrier == LG_UDP || c->carrier == LG_VXLAN) {
		outer = read_udp(p, end, true);
		assert_int_equal(be16(outer.udp + 6), 0);
		assert_int_equal(be16(outer.udp + 2), c->udp_port);
		if (c->outer_sport != 0)
			assert_int_equal(be16(outer.udp), c->outer_sport);
		else
			assert_true(be16(outer.udp) >= 49152);
		assert_int_equal(outer.family, c->outer_dst.family);
		assert_memory_equal(p + (outer.family == 4 ? 16 : 24), c->outer_dst.bytes,
				    outer.family == 4 ? 4 : 16);
		assert_memory_equal(p + (outer.family == 4 ? 12 : 8), c->outer_src.bytes,
				    outer.family == 4 ? 4 : 16);
		p = outer.udp + 8;
		if (c->carrier == LG_VXLAN) {
			assert_int_equal(p[0], 8);
			assert_int_equal((unsigned int)p[4] << 16 | be16(p + 5), c->vni);
			p += 8;
		}
		if (c->carrier == LG_VXLAN || !c->inner_ip)
			p = skip_eth(p, c, c->inner_dst_mac);
	} else if (c->carrier == LG_VLAN) {
		assert_int_equal(be16(frame + 12), 0x8100);
	}
	return read_udp(p, end, !payload && c->src.family == 4);
}

static bool in_prefix(const struct lg_addr *prefix, const uint8_t *addr)
{
	for (unsigned int b = 0; b < prefix->len; b++)
		if ((addr[b / 8] ^ prefix->bytes[b / 8]) & (0x80 >> b % 8))
			return false;
	return true;
}

static void check_flow(const struct lg_class *c, uint16_t size, bool payload, uint32_t i)
{
	uint8_t frame[LG_SIZE_MAX + 2 * LG_COPY_UNIT];
	struct lg_tmpl t;
	struct datagram d;
	bool v6 = c->src.family == 6;

	assert_int_equal(lg_tmpl_build(c, size, payload, &t), 0);
	assert_int_equal(t.len, size > lg_frame_min(c) ? size : lg_frame_min(c));
	memset(frame, 0xee, sizeof(frame));
	if (v6) {
		struct lg_flow6 f;

		lg_flow6_make(c, i, 1, &f);
		lg_flow6_write(&t, &f, frame);
	} else {
		struct lg_flow4 f;

		lg_flow4_make(c, i, 1, &f);
		lg_flow4_write(&t, &f, frame);
	}
	d = read_frame(c, frame, t.len, payload);
	assert_int_equal(d.family, c->src.family);
	assert_true(in_prefix(&c->src, d.ip + (v6 ? 8 : 12)));
	assert_true(in_prefix(&c->dst->v[v6 ? c->dst->n4 + i % c->dst->n6 : i % c->dst->n4],
			      d.ip + (v6 ? 24 : 16)));
	/* Nothing is written past the unit that the frame ends in. */
	assert_int_equal(frame[(t.len + LG_COPY_UNIT - 1) / LG_COPY_UNIT * LG_COPY_UNIT], 0xee);
	free((void *)(uintptr_t)t.bytes);
}

static const char *const mixes[] = {
	"mix=raw",
	"mix=vlan:4094",
	"mix=udp:4801",
	"mix=udp:4801:inner=ethernet:outer_sport=77",
	"mix=udp:4801:outer_dst=fd00::1",
	"mix=vxlan:4789:16777215",
	"mix=vxlan:4789:5:outer_src=fd00::7",
	"mix=raw:src=fd00::/16",
	"mix=vlan:1:src=fd00::/64:dst=2001:db8::1",
	"mix=udp:9:src=fd00::/64",
	"mix=udp:9:src=fd00::/127:outer_dst=fd00::1:inner=ethernet",
	"mix=vxlan:4789:5:src=fd00::/64:outer_src=fd00::7",
	"src=0.0.0.0/0,dst=10.0.0.0/31",
	"src=1.2.3.4,dst=10.0.0.0/30",
};

static void all_kinds_and_sizes(void **state)
{
	static const uint16_t sizes[] = {60,  61,  64,	 65,   127,  128,
					 129, 512, 1499, 1500, 8999, 9000};

	for (size_t m = 0; m < sizeof(mixes) / sizeof(mixes[0]); m++) {
		struct lg_err err = {""};
		struct lg_args a;

		if (lg_args_parse(mixes[m], &a, &err) != 0)
			fail_msg("%s", err.text);
		for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
			for (uint32_t i = 0; i < 50; i++) {
				check_flow(&a.classes[0], sizes[s], true, i * 7919);
				check_flow(&a.classes[0], sizes[s], false, i * 7919);
			}
		}
		lg_args_free(&a);
	}
}

/* With a sum that happens to be 0 the checksum is 0xffff, not "none" (RFC 768): among 70,000 flows
 * there is one. */
static void no_checksum_by_chance(void **state)
{
	uint8_t frame[2 * LG_COPY_UNIT];
	struct lg_err err;
	struct lg_args a;
	struct lg_tmpl t;
	unsigned int n_ones = 0;

	assert_int_equal(lg_args_parse("", &a, &err), 0);
	assert_int_equal(lg_tmpl_build(&a.classes[0], 60, true, &t), 0);
	for (uint32_t i = 0; i < 500000; i++) {
		struct lg_flow4 f;

		lg_flow4_make(&a.classes[0], i, 1, &f);
		lg_flow4_write(&t, &f, frame);
		assert_int_not_equal(be16(frame + 40), 0);
		n_ones += be16(frame + 40) == 0xffff;
	}
	assert_true(n_ones > 0);
	free((void *)(uintptr_t)t.bytes);
	lg_args_free(&a);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void flows_differ_and_repeat(void **state)
{
	enum { N = 100000 };
	uint64_t *keys = malloc(N * sizeof(*keys));
	struct lg_flow4 f, again;
	struct lg_err err;
	struct lg_args a;

	assert_non_null(keys);
	assert_int_equal(lg_args_parse("src=10.0.0.1,dst=10.0.0.2", &a, &err), 0);
	for (uint32_t i = 0; i < N; i++) {
		lg_flow4_make(&a.classes[0], i, 1, &f);
		lg_flow4_make(&a.classes[0], i, 1, &again);
		assert_memory_equal(&f, &again, sizeof(f));
		keys[i] = f.ports;
	}
	qsort(keys, N, sizeof(*keys), by_value);
	for (uint32_t i = 1; i < N; i++)
		assert_true(keys[i] != keys[i - 1]);
	free(keys);
	lg_args_free(&a);
}

/* The verification suite of Microsoft's RSS specification. */
static void rss_known_answers(void **state)
{
	uint8_t frame[64] = {0};
	uint16_t port;

	frame[12] = 0x08;
	frame[14] = 0x45;
	frame[23] = 6;
	assert_int_equal(inet_pton(AF_INET, "66.9.149.187", frame + 26), 1);
	assert_int_equal(inet_pton(AF_INET, "161.142.100.80", frame + 30), 1);
	port = htons(2794);
	memcpy(frame + 34, &port, 2);
	port = htons(1766);
	memcpy(frame + 36, &port, 2);
	assert_int_equal(lg_rss_hash(frame, 54), 0x51ccc178);
	frame[20] = 0x20; /* a fragment: addresses only */
	assert_int_equal(lg_rss_hash(frame, 54), 0x323e8fc2);
	frame[13] = 0x06; /* ARP */
	assert_int_equal(lg_rss_hash(frame, 54), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_kinds_and_sizes),
		cmocka_unit_test(no_checksum_by_chance),
		cmocka_unit_test(flows_differ_and_repeat),
		cmocka_unit_test(rss_known_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
