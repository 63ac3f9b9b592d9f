/* SPDX-License-Identifier: BSD-3-Clause */
/* Merged TCP segments of a capture, cut to an MTU: the stream stays the same, every header is
 * right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loadgen_segment.h"

#define PAYLOAD 10000
#define OPTIONS 12

static unsigned int be16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

static unsigned int ones_sum(const uint8_t *p, unsigned int len, unsigned int sum)
{
	for (unsigned int i = 0; i < len; i++)
		sum += i % 2 == 0 ? (unsigned int)p[i] << 8 : p[i];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* A frame of PAYLOAD bytes of TCP; returns its length. */
static uint32_t make_frame(uint8_t *f, bool v6, bool vlan)
{
	uint32_t l3 = vlan ? 18 : 14, l4 = l3 + (v6 ? 40 : 20), len = l4 + 20 + OPTIONS + PAYLOAD;
	uint8_t *ip = f + l3, *tcp = f + l4;

	memset(f, 0, len);
	if (vlan)
		f[12] = 0x81;
	memcpy(ip - 2, v6 ? "\x86\xdd" : "\x08\x00", 2);
	if (v6) {
		ip[0] = 0x60;
		ip[4] = (uint8_t)((len - l4) >> 8);
		ip[5] = (uint8_t)(len - l4);
		ip[6] = 6;
	} else {
		ip[0] = 0x45;
		ip[2] = (uint8_t)((len - l3) >> 8);
		ip[3] = (uint8_t)(len - l3);
		ip[4] = ip[5] = 0xff; /* the identification wraps */
		ip[9] = 6;
	}
	memset(ip + (v6 ? 8 : 12), 0x0a, v6 ? 32 : 8);
	memcpy(tcp + 4, "\xff\xff\xff\x00", 4); /* so does the sequence number */
	tcp[12] = (20 + OPTIONS) / 4 << 4;
	tcp[13] = 0x80 | 0x10 | 0x08 | 0x01; /* CWR ACK PSH FIN */
	for (uint32_t i = 0; i < PAYLOAD; i++)
		tcp[20 + OPTIONS + i] = (uint8_t)(i * 31 + i / 256);
	return len;
}

static void check_frame(bool v6, bool vlan, uint16_t mtu)
{
	uint8_t frame[PAYLOAD + 200], out[9100];
	uint32_t l3 = vlan ? 18 : 14, l4 = l3 + (v6 ? 40 : 20), head = l4 + 20 + OPTIONS, done = 0,
		 len, k;
	uint32_t frame_len = make_frame(frame, v6, vlan);

	assert_true(lg_segment_possible(frame, frame_len, mtu));
	for (k = 0; (len = lg_segment_make(frame, mtu, k, out)) != 0; k++) {
		uint32_t n = len - head, seq = 0xffffff00u + done;
		bool last = done + n == PAYLOAD;

		assert_true(last || len - l3 == mtu);
		assert_memory_equal(out, frame, l3);
		assert_memory_equal(out + head, frame + head + done, n);
		if (v6) {
			assert_int_equal(be16(out + l3 + 4), len - l4);
		} else {
			assert_int_equal(be16(out + l3 + 2), len - l3);
			assert_int_equal(be16(out + l3 + 4), (0xffff + k) & 0xffff);
			assert_int_equal(ones_sum(out + l3, 20, 0), 0xffff);
		}
		assert_int_equal(be16(out + l4 + 4) << 16 | be16(out + l4 + 6), seq);
		assert_int_equal(out[l4 + 13], 0x10 | (k == 0 ? 0x80 : 0) | (last ? 0x09 : 0));
		assert_int_equal(
			ones_sum(out + l4, len - l4,
				 ones_sum(out + l3 + (v6 ? 8 : 12), v6 ? 32 : 8, 6 + len - l4)),
			0xffff);
		done += n;
	}
	assert_int_equal(done, PAYLOAD);
	assert_int_equal(k, (PAYLOAD + mtu - (head - l3) - 1) / (mtu - (head - l3)));
}

static void streams_stay_the_same(void **state)
{
	static const uint16_t mtus[] = {576, 1500, 1501, 9000};

	for (int i = 0; i < 16; i++)
		check_frame(i & 1, i & 2, mtus[i / 4]);
}

static void what_cannot_be_cut(void **state)
{
	uint8_t frame[PAYLOAD + 200], good[PAYLOAD + 200];
	uint32_t len = make_frame(good, false, false);
	static const struct {
		uint32_t at;
		uint8_t value;
	} changes[] = {{23, 17}, {20, 0x20}, {13, 0x06}, {46, 0x40}, {46, 0xf0}};

	assert_true(lg_segment_possible(good, len, 1500));
	assert_false(lg_segment_possible(good, len - 1, 1500)); /* captured in part */
	assert_false(lg_segment_possible(good, len, 52));	/* no room for payload */
	for (uint32_t cut = 0; cut < 60; cut++)
		assert_false(lg_segment_possible(good, cut, 1500));
	/* UDP, a fragment, ARP, a TCP header too short; the last is allowed: 60 bytes of header */
	for (int i = 0; i < 5; i++) {
		memcpy(frame, good, len);
		frame[changes[i].at] = changes[i].value;
		assert_int_equal(lg_segment_possible(frame, len, 1500), i == 4);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_stay_the_same),
		cmocka_unit_test(what_cannot_be_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
