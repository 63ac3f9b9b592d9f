/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vif as the kernel sees it: a persistent TAP (kind ethernet) or TUN (kind ip) inside of its VR's
 * namespace. It outlives the primary, and the next one takes it over with its addresses.
 *
 * Thread: any, one at a time per object. Reading and writing packets is read(2) and write(2) on the
 * descriptor, which does not block; one packet each.
 */
#ifndef PDP_TAP_H
#define PDP_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pdp_netns.h>

/** What an interface is to be. */
struct pdp_tap_params {
	const char *name; /**< 1..15 characters */
	bool is_ip;	  /**< a TUN: packets begin with their IP header */
	uint8_t mac[6];	  /**< of a TAP */
	uint16_t mtu;	  /**< of layer 3 */
	int kept;	  /**< a descriptor that pdp_keep_get() gave, or -1; taken */
};

struct pdp_tap {
	int fd;	      /**< Owner: the pdp_tap */
	int ifindex;  /**< in the namespace */
	bool adopted; /**< it was there already */
	bool kept;    /**< and its carrier never went */
};

/**
 * Make an interface in a namespace, or take over the one of that name. A new one is set up; whether
 * one that was there is up stays as it is. MAC and MTU are set in either case.
 * @param tap  out
 * @param err  out, on failure: a sentence with the remedy
 * @return 0; -EBUSY: another process has it; -EEXIST: an interface of another kind has the name; or
 * -errno
 */
int pdp_tap_open(const struct pdp_netns *ns, const struct pdp_tap_params *params,
		 struct pdp_tap *tap, char *err, size_t err_size);

/** Whether packets can leave: what the kernel calls the carrier. @return 0 or -errno */
int pdp_tap_set_carrier(const struct pdp_tap *tap, bool up);

/** Let go of it. @param remove  and take it away; else it stays, without carrier */
void pdp_tap_close(struct pdp_tap *tap, bool remove);

#endif /* PDP_TAP_H */
