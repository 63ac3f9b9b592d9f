/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What encapsulation, decapsulation and the flow hash cost a 64-byte packet, for each kind and
 * carrier.
 *
 * usage: perf_vif
 * 256 packets in buffers of 2 KB: all in L1 and L2, so these are the functions' own cycles.
 */
#include <string.h>

#include "perf.h"
#include "pkt.h"

enum { N_PKTS = 256, ROOM = 2048, HEADROOM = 128 };

struct run {
	struct pdp_vif vif;
	struct pdp_vif back;
	uint8_t *room;
	uint16_t len;
	uint32_t sum;
	unsigned int bad;
};

static void encap_all(void *arg)
{
	struct run *run = arg;

	for (unsigned int i = 0; i < N_PKTS; i++) {
		uint8_t *data = run->room + (size_t)i * ROOM + HEADROOM;
		uint16_t len = run->len;

		run->bad += pdp_vif_encap(&run->vif, data, HEADROOM, &len) != PDP_VIF_OK;
	}
}

/* Taking a tag out of an Ethernet frame changes it: put it back, which is in the price. */
static void decap_all(void *arg)
{
	struct run *run = arg;

	for (unsigned int i = 0; i < N_PKTS; i++) {
		uint8_t *frame = run->room + (size_t)i * ROOM + HEADROOM - run->vif.outer_size;
		uint16_t len = (uint16_t)(run->len + run->vif.outer_size), off = 0;

		run->bad += pdp_vif_decap(&run->back, frame, &len, &off) != PDP_VIF_OK;
		if (run->vif.outer_size == 4) {
			memmove(frame, frame + 4, 12);
			memcpy(frame + 12, run->vif.outer, 4);
		}
		run->sum += off;
	}
}

static void hash_all(void *arg)
{
	struct run *run = arg;

	for (unsigned int i = 0; i < N_PKTS; i++)
		run->sum += pdp_flow_hash(run->room + (size_t)i * ROOM + HEADROOM, run->len,
					  (enum pdp_vif_kind)run->vif.conf.kind, false);
}

static void fill_packets(struct run *run, int family)
{
	static struct pkt p;

	for (unsigned int i = 0; i < N_PKTS; i++) {
		struct pdp_ip src = pkt_ip4(192, 168, 0, (uint8_t)i), dst = pkt_ip4(192, 168, 1, 1);

		if (family == 6) {
			src = pkt_ip6(7, 7, (uint16_t)i);
			dst = pkt_ip6(8, 8, 2);
		}
		if (run->vif.conf.kind == PDP_VIF_IP)
			pkt_make_ip(&p, &src, &dst, 1234, 5678, 0, 64);
		else
			pkt_make_frame(&p, &src, &dst, 1234, 5678, 0, 64);
		memcpy(run->room + (size_t)i * ROOM + HEADROOM, pkt_data(&p), p.len);
		run->len = p.len;
	}
}

static unsigned int measure(enum pdp_vif_kind kind, enum pdp_vif_carrier carrier, int family,
			    uint8_t *room)
{
	static const char *const carriers[] = {"raw", "vlan", "udp", "vxlan"};
	struct pdp_vif_conf conf = pkt_conf(kind, carrier, family);
	struct run run = {.room = room};
	double encap, decap, hash;

	pdp_vif_init(&run.vif, &conf);
	conf.local = run.vif.conf.remote;
	conf.remote = run.vif.conf.local;
	conf.udp_port = run.vif.conf.remote_udp_port;
	pdp_vif_init(&run.back, &conf);
	fill_packets(&run, family);
	hash = perf_median(hash_all, &run, N_PKTS);
	encap = perf_median(encap_all, &run, N_PKTS);
	/* encapsulating again and again moves the MAC addresses in front of themselves; begin anew
	 */
	fill_packets(&run, family);
	encap_all(&run);
	decap = perf_median(decap_all, &run, N_PKTS);
	printf("%-8s %-5s IPv%d  encap %5.1f  decap %5.1f  hash %5.1f cycles\n",
	       kind == PDP_VIF_IP ? "ip" : "ethernet", carriers[carrier], family, encap, decap,
	       hash);
	return run.bad;
}

int main(void)
{
	uint8_t *room = aligned_alloc(4096, (size_t)N_PKTS * ROOM);
	unsigned int bad = room == NULL;

	for (unsigned int i = 0; i < 2 * 2 * 4 && bad == 0; i++)
		bad = measure(i & 1 ? PDP_VIF_IP : PDP_VIF_ETHERNET, (enum pdp_vif_carrier)(i >> 2),
			      i & 2 ? 6 : 4, room);
	free(room);
	return bad != 0;
}
