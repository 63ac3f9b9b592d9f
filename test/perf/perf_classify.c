/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What classification costs a packet, by kind of match and number of VRs, in bursts of 32.
 *
 * usage: perf_classify
 * 2,048 frames, each in a buffer of 2 KB, spread over the VRs at random. Their headers lie in L2,
 * not in L3 or memory as after a NIC wrote them: these are the classifier's own cycles.
 */
#include <malloc.h>
#include <string.h>

#include <rte_mbuf.h>

#include <pdp_classify.h>

#include "perf.h"
#include "pkt.h"

enum { N_FRAMES = 2048, BURST = 32, FRAME_ROOM = 2048, MAX_VRS = 1000 };

enum match { PORT, VLAN, UDP, VXLAN, VXLAN6, PREFIX, PREFIX6, N_MATCHES };

static const char *const names[N_MATCHES] = {
	"port", "vlan", "udp", "vxlan", "vxlan over IPv6", "prefix /24", "prefix6 /64",
};
static const enum pdp_vif_carrier carriers[N_MATCHES] = {
	[VLAN] = PDP_CARRIER_VLAN,
	[UDP] = PDP_CARRIER_UDP,
	[VXLAN] = PDP_CARRIER_VXLAN,
	[VXLAN6] = PDP_CARRIER_VXLAN,
};

struct run {
	struct pdp_classifier *cls;
	struct rte_mbuf *pkts[N_FRAMES];
	uint32_t results[N_FRAMES];
};

static struct rte_mbuf mbufs[N_FRAMES];
static struct pdp_vif_conf confs[MAX_VRS];
static struct pdp_prefix prefixes[MAX_VRS];
static struct pdp_match matches[MAX_VRS];

static struct pdp_prefix prefix_of(enum match match, unsigned int vr)
{
	if (match == PREFIX)
		return (struct pdp_prefix){pkt_ip4(10, (uint8_t)(vr >> 8), (uint8_t)vr, 0), 24};
	return (struct pdp_prefix){pkt_ip6((uint16_t)vr, 5, 0), 64};
}

static void add_vr(enum match match, unsigned int vr)
{
	confs[vr] = pkt_conf(PDP_VIF_ETHERNET, carriers[match], match == VXLAN6 ? 6 : 4);
	confs[vr].vlan = (uint16_t)(1 + vr);
	confs[vr].vni = vr;
	if (match == UDP)
		confs[vr].udp_port = (uint16_t)(10000 + vr);
	matches[vr] = (struct pdp_match){.conf = &confs[vr]};
	if (match >= PREFIX) {
		prefixes[vr] = prefix_of(match, vr);
		matches[vr].prefixes = &prefixes[vr];
		matches[vr].n_prefixes = 1;
	}
}

static void make_frame(struct pkt *p, enum match match, unsigned int vr)
{
	struct pdp_ip src = match >= PREFIX ? prefix_of(match, vr).addr : confs[vr].remote;
	struct pdp_ip dst = match >= PREFIX ? src : confs[vr].local;

	src.bytes[src.family == 4 ? 3 : 15] = 9;
	pkt_clear(p);
	pkt_add_eth(p, pkt_mac_a, pkt_mac_b, src.family == 4 ? 0x0800 : 0x86dd);
	if (match == VLAN)
		pkt_add_tag(p, 0x8100, confs[vr].vlan);
	pkt_add_ip(p, &src, &dst, 17, 0, 8 + 8 + 64, 0);
	pkt_add_udp(p, 1, confs[vr].udp_port, 8 + 64);
	pkt_add_vxlan(p, confs[vr].vni);
	pkt_add_fill(p, 64, 1);
}

static void make_frames(struct run *run, enum match match, unsigned int n_vrs, uint8_t *room)
{
	static struct pkt p;

	for (unsigned int i = 0; i < N_FRAMES; i++) {
		make_frame(&p, match, (unsigned int)rand() % n_vrs);
		mbufs[i].buf_addr = room + (size_t)i * FRAME_ROOM;
		mbufs[i].data_off = 128;
		mbufs[i].data_len = p.len;
		memcpy(rte_pktmbuf_mtod(&mbufs[i], uint8_t *), pkt_data(&p), p.len);
		run->pkts[i] = &mbufs[i];
	}
}

static void classify_all(void *arg)
{
	struct run *run = arg;

	for (unsigned int i = 0; i < N_FRAMES; i += BURST)
		pdp_classify_burst(run->cls, 0, run->pkts + i, BURST, run->results + i);
}

static size_t allocated(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static int measure(enum match match, unsigned int n_vrs, uint8_t *room)
{
	static struct run run;
	unsigned int other[2];
	size_t before, size;
	char err[160];
	double cycles;

	for (unsigned int vr = 0; vr < n_vrs; vr++)
		add_vr(match, vr);
	before = allocated();
	run.cls = pdp_classifier_create(matches, n_vrs, err, sizeof(err), other);
	if (run.cls == NULL) {
		fprintf(stderr, "perf_classify: %s\n", err);
		return -1;
	}
	size = allocated() - before;
	make_frames(&run, match, n_vrs, room);
	cycles = perf_median(classify_all, &run, N_FRAMES);
	for (unsigned int i = 0; i < N_FRAMES; i++) {
		if (pdp_classify_gid(run.results[i]) >= n_vrs)
			return -1;
	}
	printf("%-16s %5u VRs %6.1f cycles %8zu bytes\n", names[match], n_vrs, cycles, size);
	pdp_classifier_destroy(run.cls);
	return 0;
}

int main(void)
{
	static const unsigned int counts[] = {1, 2, 100, MAX_VRS};
	uint8_t *room = aligned_alloc(4096, (size_t)N_FRAMES * FRAME_ROOM);
	int ret = room == NULL;

	for (unsigned int m = 0; m < N_MATCHES && ret == 0; m++) {
		for (unsigned int i = 0; i < 4 && ret == 0; i++) {
			if (m != PORT || counts[i] == 1)
				ret = measure((enum match)m, counts[i], room);
		}
	}
	free(room);
	return ret != 0;
}
