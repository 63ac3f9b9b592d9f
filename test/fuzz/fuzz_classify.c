/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any frame into a classifier that has every kind of match: it stays inside the frame, and agrees
 * with decapsulation. A tunnel or VLAN vif that is chosen never says "not ours"; one that would
 * take the frame is chosen.
 *
 * Input: a byte for the port, then the frame.
 */
#include <rte_mbuf.h>

#include <pdp_classify.h>

#include "fuzz.h"
#include "pkt.h"

enum { N_VIFS = 12, N_PORTS = 4 };

static struct pdp_vif vifs[N_VIFS];
static struct pdp_vif_conf confs[N_VIFS];
static struct pdp_classifier *cls;

static void make_classifier(void)
{
	static struct pdp_prefix prefixes[3];
	static struct pdp_match matches[N_VIFS];
	char err[160];
	unsigned int other[2], i;

	for (i = 0; i < N_VIFS; i++) {
		static const uint8_t carriers[N_VIFS] = {2, 2, 3, 3, 3, 3, 1, 1, 0, 0, 0, 0};

		confs[i] = pkt_conf(i & 1 ? PDP_VIF_IP : PDP_VIF_ETHERNET,
				    (enum pdp_vif_carrier)carriers[i],
				    i == 1 || i == 4 || i == 5 ? 6 : 4);
		confs[i].flags = 0;
		confs[i].vlan = (uint16_t)(5 + i);
		confs[i].vni = i;
		if (carriers[i] == PDP_CARRIER_UDP)
			confs[i].udp_port = 5000;
		matches[i].conf = &confs[i];
		if (i >= 8 && i < 11) {
			matches[i].prefixes = &prefixes[i - 8];
			matches[i].n_prefixes = 1;
		}
		pdp_vif_init(&vifs[i], &confs[i]);
	}
	prefixes[0] = (struct pdp_prefix){pkt_ip4(10, 0, 0, 0), 8};
	prefixes[1] = (struct pdp_prefix){pkt_ip4(10, 1, 2, 0), 23};
	prefixes[2] = (struct pdp_prefix){pkt_ip6(2, 0, 0), 48};
	confs[11].port = 1;
	cls = pdp_classifier_create(matches, N_VIFS, err, sizeof(err), other);
	FUZZ_CHECK(cls != NULL);
}

static enum pdp_vif_drop decap(unsigned int vif, const uint8_t *data, uint16_t size, uint32_t *hash)
{
	uint8_t *frame = fuzz_copy(data, size);
	uint16_t len = size, off = 0;
	enum pdp_vif_drop drop = pdp_vif_decap(&vifs[vif], frame, &len, &off);

	if (drop == PDP_VIF_OK)
		*hash = pdp_flow_hash(frame + off, len, (enum pdp_vif_kind)vifs[vif].conf.kind,
				      false);
	free(frame);
	return drop;
}

/* The hash taken before decapsulation is the one of the packet that the VR sees. */
static void check_hash(uint32_t result, const uint8_t *frame, uint16_t len)
{
	unsigned int gid = pdp_classify_gid(result), off = pdp_classify_inner_off(result);
	uint32_t before, after = 0;

	if (off > len)
		return;
	before = pdp_flow_hash(frame + off, (uint16_t)(len - off),
			       (enum pdp_vif_kind)confs[gid].kind, false);
	if (confs[gid].kind == PDP_VIF_IP && decap(gid, frame, len, &after) == PDP_VIF_OK)
		FUZZ_CHECK(before == after);
}

static void check(unsigned int port, uint32_t result, const uint8_t *frame, uint16_t len)
{
	unsigned int gid = pdp_classify_gid(result);
	uint32_t hash;

	if (gid >= N_VIFS) {
		FUZZ_CHECK(gid >= PDP_GID_DROP && gid < PDP_GID_DROP + PDP_CLS_N_DROPS);
	} else {
		FUZZ_CHECK(confs[gid].port == port);
		if (confs[gid].carrier != PDP_CARRIER_RAW)
			FUZZ_CHECK(decap(gid, frame, len, &hash) != PDP_VIF_NOT_OURS);
		check_hash(result, frame, len);
	}
	for (unsigned int i = 0; i < N_VIFS; i++) {
		if (confs[i].carrier == PDP_CARRIER_RAW || confs[i].port != port || i == gid)
			continue;
		FUZZ_CHECK(decap(i, frame, len, &hash) != PDP_VIF_OK);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rte_mbuf *pkt;
	uint32_t result = 0;
	uint8_t *frame;

	if (size < 1 || size > 4096)
		return 0;
	if (cls == NULL)
		make_classifier();
	pkt = calloc(1, sizeof(*pkt));
	frame = fuzz_copy(data + 1, size - 1);
	FUZZ_CHECK(pkt != NULL);
	pkt->buf_addr = frame;
	pkt->data_len = (uint16_t)(size - 1);
	pdp_classify_burst(cls, data[0] % N_PORTS, &pkt, 1, &result);
	check(data[0] % N_PORTS, result, frame, pkt->data_len);
	free(frame);
	free(pkt);
	return 0;
}
