/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An MD driven by hand: its ports are two arrays, its engines are the test, and the loop runs as
 * many turns as it is told. No thread, no vdev, no time: every run is the same.
 */
#ifndef TEST_HAND_H
#define TEST_HAND_H

#include <pdp_dispatch.h>
#include <pdp_sealed_md.h>

#include "kit.h"

#define HAND_PORTS   2
#define HAND_PKTS    2048
#define HAND_VRS     4
#define HAND_ENGINES 4
#define HAND_POOL    4096
#define HAND_LEN     60
#define HAND_ROOM    1536 /* bytes of the longest packet of a sealed engine */

struct hand_port {
	struct rte_mbuf *rx[HAND_PKTS]; /* what the MD will receive */
	unsigned int n_rx;
	unsigned int rx_next;
	struct rte_mbuf *tx[HAND_PKTS]; /* what it sent */
	unsigned int n_tx;
	unsigned int tx_room; /* how many more it takes */
};

struct hand_engine {
	struct pdp_region *region;
	struct pdp_chan *ch;
	struct pdp_ctl ctl;
	struct kit_end end;
	uint8_t *packets; /* sealed: where descriptors' offsets count from */
};

struct hand {
	struct rte_mempool *pool;
	const void *base;
	struct pdp_md *md;
	struct pdp_classifier *cls;
	struct pdp_vif_conf confs[HAND_VRS * 2];
	unsigned int n_vrs;
	struct hand_port ports[HAND_PORTS];
	struct hand_engine engines[HAND_VRS][HAND_ENGINES];
	unsigned int turns;
	unsigned int dead; /* packets freed with engines that were removed */
};

/*
 * A node of n_vrs VRs; VR v has vifs 0 and 1 in VLANs 10 + 2 v and 11 + 2 v of ports 0 and 1.
 * n_vrs == 1: they are the whole ports.
 */
void hand_open(struct hand *h, unsigned int n_vrs, const char *balancer, enum pdp_hash_mode hash);
/* Sweeps the engines that are left; asserts that every VR balances and every buffer is back. */
void hand_close(struct hand *h);

void hand_engine_add(struct hand *h, unsigned int vr, unsigned int engine, uint32_t n_slots,
		     uint32_t n_blanks, uint32_t weight);
/* VRs with a control plane. */
struct hand_control {
	bool direct; /* all packets go there */
	struct pdp_rate_limit punt[PDP_PUNT_CLASSES];
};
void hand_open_control(struct hand *h, unsigned int n_vrs, const struct hand_control *control);
/* The same of a node whose VRs' engines are sealed. */
void hand_open_sealed(struct hand *h, unsigned int n_vrs, const char *balancer);
void hand_engine_add_sealed(struct hand *h, unsigned int vr, unsigned int engine, uint32_t n_slots,
			    uint32_t n_blanks, uint32_t window);
void hand_give_sealed(struct hand *h, unsigned int vr, unsigned int engine,
		      struct pdp_sealed_return r);
/* Known to the MD, but without packets. */
void hand_engine_add_parked(struct hand *h, unsigned int vr, unsigned int engine, uint32_t n_slots,
			    uint32_t n_blanks);
/* @return packets that were lost with it */
unsigned int hand_engine_remove(struct hand *h, unsigned int vr, unsigned int engine);

/* Let the MD receive a packet. */
void hand_rx(struct hand *h, unsigned int port, struct rte_mbuf *m);
/* n packets of flow `flow` for a VR's vif. */
void hand_rx_vr(struct hand *h, unsigned int vr, unsigned int vif, unsigned int n, uint32_t flow);
struct rte_mbuf *hand_frame(struct hand *h, unsigned int vr, unsigned int vif, uint32_t flow,
			    uint16_t len);

/* Turns of the MD's loop. */
void hand_turns(struct hand *h, unsigned int n);

/* The engine's side. */
unsigned int hand_take(struct hand *h, unsigned int vr, unsigned int engine, struct pdp_desc *descs,
		       unsigned int n);
void hand_give(struct hand *h, unsigned int vr, unsigned int engine, struct pdp_return r);
/* Take everything and forward it to `vif`. @return how many packets */
unsigned int hand_forward_all(struct hand *h, unsigned int vr, unsigned int engine, uint8_t vif);

struct pdp_vr_account hand_account(struct hand *h, unsigned int vr);
uint64_t hand_rx_count(const struct pdp_vr_account *a);
uint64_t hand_tx_count(const struct pdp_vr_account *a);
uint64_t hand_drops(const struct pdp_vr_account *a);
/* Packets and buffers balance at this moment. */
void hand_check(struct hand *h);
/* Free what was sent. */
void hand_drop_tx(struct hand *h);

#endif /* TEST_HAND_H */
