/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the IP router costs a 64-byte packet: bursts of 64, with two routes and with those on
 * standard input, destinations at random within them.
 *
 * usage: perf_ip [PACKETS] < PREFIXES   (one "10.0.0.0/8" or "2001:db8::/32" a line; others are
 * left out)
 *
 * 4,096 packets (default) are in L2, and so are the table's entries for them: these are the
 * router's own cycles. With 262,144 each packet comes from memory, and so does what the table says
 * of it.
 */
#include <stdlib.h>
#include <string.h>

#include "fibkit.h"
#include "ipkit.h"
#include "perf.h"
#include "pkt.h"

enum { ROOM = 128, HEADROOM = 32, MAX_ROUTES = 1 << 20 };

static struct ipkit k;
static uint8_t *room;
static uint16_t frame_size;
static struct pdp_fib_prefix *prefixes;
static unsigned int n_prefixes;
static unsigned int next, bad, n_pkts = 4096;

static void fill(unsigned int family, const struct pdp_fib_prefix *p, unsigned int n)
{
	static struct pkt pkt;
	struct kit_rng rng = {1};

	for (unsigned int i = 0; i < n_pkts; i++) {
		struct pdp_ip src = family == 4 ? pkt_ip4(192, 0, 2, 1) : pkt_ip6(9, 9, 1);
		struct pdp_ip dst = {.family = (uint8_t)family};
		const struct pdp_fib_prefix *in;

		do
			in = &p[kit_draw(&rng, n)];
		while (in->family != family);
		memcpy(dst.bytes, in->bytes, 16);
		for (unsigned int bit = in->len; bit < (family == 4 ? 32u : 128u); bit++)
			dst.bytes[bit / 8] |= (uint8_t)(kit_draw(&rng, 2) << (7 - bit % 8));
		pkt_make_frame(&pkt, &src, &dst, 1, 2, 0, family == 4 ? 60 : 62);
		ipkit_vif_mac(0, pkt_data(&pkt));
		pkt_data(&pkt)[14 + (family == 4 ? 8 : 7)] = 255;
		if (family == 4)
			pkt_fix_ip4(pkt_data(&pkt) + 14);
		memcpy(room + (size_t)i * ROOM + HEADROOM, pkt_data(&pkt), pkt.len);
		frame_size = pkt.len;
	}
}

/* The checksum of one hop more. */
static void restore_sum(uint8_t *at)
{
	uint16_t sum;

	memcpy(&sum, at, sizeof(sum));
	sum = (uint16_t)(sum == 0 ? 0xfffe : sum - 1);
	memcpy(at, &sum, sizeof(sum));
}

/* One burst; the packets are as they were afterwards, for the price of two stores. */
static void burst(void *arg)
{
	const unsigned int hops_at = *(const unsigned int *)arg == 4 ? 14 + 8 : 14 + 7;
	struct pdp_pkt pkts[PDP_BURST_MAX];

	for (unsigned int i = 0; i < PDP_BURST_MAX; i++)
		pkts[i] = (struct pdp_pkt){
			.data = room + (size_t)(next + i) * ROOM + HEADROOM,
			.len = frame_size,
			.whole_len = frame_size,
			.headroom = HEADROOM,
		};
	ipkit_process(&k, pkts, PDP_BURST_MAX);
	for (unsigned int i = 0; i < PDP_BURST_MAX; i++) {
		uint8_t mac[6];

		bad += pkts[i].verdict != PDP_FORWARD;
		pkts[i].data[hops_at]++;
		if (hops_at == 14 + 8)
			restore_sum(pkts[i].data + 14 + 10);
		ipkit_vif_mac(0, mac);
		memcpy(pkts[i].data, mac, 6);
	}
	next = (next + PDP_BURST_MAX) % n_pkts;
}

static double measure(unsigned int family, const struct pdp_fib_prefix *p, unsigned int n)
{
	double cycles;

	fill(family, p, n);
	for (unsigned int i = 0; i < 1000; i++)
		burst(&family);
	cycles = perf_median(burst, &family, PDP_BURST_MAX);
	if (bad != 0)
		fprintf(stderr, "perf_ip: %u packets were not forwarded\n", bad);
	return cycles;
}

static void read_prefixes(void)
{
	char line[64];

	while (n_prefixes < MAX_ROUTES && fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, " \t\n")] = '\0';
		if (strchr(line, '/') == NULL)
			continue;
		prefixes[n_prefixes] = kit_prefix(line);
		/* What is no unicast address would not be forwarded. */
		if (prefixes[n_prefixes].bytes[0] != 0 && prefixes[n_prefixes].bytes[0] < 224 &&
		    prefixes[n_prefixes].bytes[0] != 127 && prefixes[n_prefixes].len >= 4)
			n_prefixes++;
	}
}

int main(int argc, char *argv[])
{
	static const struct pdp_fib_prefix two[2][2] = {
		{{.family = 4, .len = 3, .bytes = {32}}, {.family = 4, .len = 2, .bytes = {128}}},
		{{.family = 6, .len = 32, .bytes = {0x20, 0x01, 0x0d, 0xb8}},
		 {.family = 6, .len = 16, .bytes = {0x20, 0x02}}}};
	unsigned int n[2] = {0, 0};
	uint16_t numbers[16];

	if (argc > 1)
		n_pkts = (unsigned int)atoi(argv[1]) / PDP_BURST_MAX * PDP_BURST_MAX;
	if (n_pkts == 0)
		return 2;
	room = aligned_alloc(4096, (size_t)n_pkts * ROOM);
	prefixes = calloc(MAX_ROUTES, sizeof(*prefixes));
	if (room == NULL || prefixes == NULL || ipkit_open(&k, "{}") != 0)
		return 1;
	for (unsigned int i = 0; i < 16; i++)
		numbers[i] = ipkit_route(&k, "192.0.2.0/24", PDP_FIB_FORWARD, 1);
	for (unsigned int i = 0; i < 2; i++) {
		pdp_fib_add(k.fib, &two[i][0], numbers[0]);
		pdp_fib_add(k.fib, &two[i][1], numbers[1]);
		printf("IPv%u  %7u routes  %6.1f cycles\n", i ? 6 : 4, 2,
		       measure(i ? 6 : 4, two[i], 2));
	}
	read_prefixes();
	for (unsigned int i = 0; i < n_prefixes; i++) {
		n[prefixes[i].family == 6]++;
		pdp_fib_add(k.fib, &prefixes[i], numbers[i % 16]);
	}
	for (unsigned int i = 0; i < 2; i++) {
		if (n[i] != 0)
			printf("IPv%u  %7u routes  %6.1f cycles\n", i ? 6 : 4, n[i],
			       measure(i ? 6 : 4, prefixes, n_prefixes));
	}
	return bad != 0;
}
