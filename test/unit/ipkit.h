/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plugin ip with a program of its own as its runtime: a FIB that the program writes, its clock,
 * its hashes. For unit tests, fuzzing and measuring; a failure of the set-up itself ends the
 * program.
 */
#ifndef TEST_IPKIT_H
#define TEST_IPKIT_H

#include <pdp_fib_writer.h>
#include <pdp_vr.h>

enum { IPKIT_VIFS = 4, IPKIT_IP_VIF = 2 }; /* the others are of kind ethernet */

struct ipkit {
	struct pdp_vr_info info;
	struct pdp_vr_vif vifs[IPKIT_VIFS];
	struct pdp_fib *fib;
	struct pdp_fib_reader reader;
	void *state;
	unsigned int n_counters;
	char names[PDP_VR_N_COUNTERS][32];
	uint64_t values[PDP_VR_N_COUNTERS];
	uint64_t now_ns;
	uint32_t hash; /* of every packet that is asked for */
	unsigned int n_hashed;
	char said[512];
};

/* vif i has the MAC address 02:00:00:00:00:i; MTUs are 1500, 1500, 1400, 9000.
 * @return what init() said; `said` is its line */
int ipkit_open(struct ipkit *k, const char *args);
void ipkit_close(struct ipkit *k);

void ipkit_vif_mac(unsigned int vif, uint8_t mac[6]);
/* Of the next hop of a route out of vif. */
void ipkit_far_mac(unsigned int vif, uint8_t mac[6]);

/* @param prefix  "10.0.0.0/8". @return the next hop's number */
uint16_t ipkit_route(struct ipkit *k, const char *prefix, enum pdp_fib_type type, uint8_t vif);

/* Of a packet that was never counted so it is 0. */
uint64_t ipkit_count(const struct ipkit *k, const char *name);
/* All packets that were counted, under any name. */
uint64_t ipkit_counted(const struct ipkit *k);

void ipkit_process(struct ipkit *k, struct pdp_pkt *pkts, unsigned int n);

#endif /* TEST_IPKIT_H */
