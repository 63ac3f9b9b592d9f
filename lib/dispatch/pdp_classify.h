/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Classification: which vif of which VR a frame belongs to, by a shallow look at its header (PdP
 * section 3.2).
 *
 * Order (DESIGN section 6): tunnel, VLAN, source prefix (ARP by its sender address), ingress port.
 * A classifier is built once by the control thread and never changes: a new configuration is a new
 * classifier, which the MD lcores switch to between two bursts. Cost does not depend on the number
 * of VRs.
 *
 * Tunnels and source prefixes are looked for in untagged frames only; a VLAN is the outer tag of
 * type 0x8100. A UDP fragment to a tunnel endpoint's address is PDP_CLS_OUTER_FRAGMENT whatever its
 * port, as later ones have none. Neighbour discovery follows the source prefix where its source has
 * one, else (link-local, unspecified) the ingress port.
 *
 * Memory: 16 KB a port with VLANs; 32 to 64 bytes a tunnel; 256 KB a port and family with source
 * prefixes, and 1 KB for each 256 neighbouring /24 (IPv4), 1 KB for each byte of a prefix beyond 16
 * bits that it shares with no other (IPv6 /64 in /48 of their own: 2 KB each).
 */
#ifndef PDP_CLASSIFY_H
#define PDP_CLASSIFY_H

#include <stddef.h>
#include <stdint.h>

#include <pdp_vif.h>

struct rte_mbuf;
struct pdp_classifier;

#define PDP_GID_MAX  0xff00u /**< global vif numbers are below this */
#define PDP_GID_DROP 0xff00u /**< results from here on are 0xff00 + enum pdp_classify_drop */

/** Why a frame belongs to no vif. */
enum pdp_classify_drop {
	PDP_CLS_NO_MATCH = 0,	/**< nothing matches */
	PDP_CLS_TRUNCATED,	/**< ends inside a header that had to be read */
	PDP_CLS_OUTER_FRAGMENT, /**< fragment addressed to a tunnel endpoint of this port */
	PDP_CLS_TUNNEL_UNKNOWN, /**< tunnel UDP port and address are ours, but the VNI is nobody's
				 */
	PDP_CLS_N_DROPS
};

/** Name for counters: "no_match", ... */
const char *pdp_classify_drop_name(enum pdp_classify_drop drop);

/** A source prefix. */
struct pdp_prefix {
	struct pdp_ip addr; /**< host bits zero */
	uint8_t len;
};

/** What one vif matches. */
struct pdp_match {
	const struct pdp_vif_conf *conf;   /**< carrier, port, vlan, udp_port, vni, local */
	const struct pdp_prefix *prefixes; /**< raw: source prefixes; NULL: the whole port */
	unsigned int n_prefixes;
};

/** Result of one frame: gid in the low half; offset of the packet the VR sees in the high half. */
static inline uint16_t pdp_classify_gid(uint32_t result)
{
	return (uint16_t)result;
}

static inline uint16_t pdp_classify_inner_off(uint32_t result)
{
	return (uint16_t)(result >> 16);
}

/**
 * Build a classifier; match i gets gid i.
 * Overlap, within one kind of match on one port, is refused: same VLAN; same UDP port and local
 * address (and VNI, for vxlan; a udp vif and a vxlan vif on one UDP port and address); same source
 * prefix; two whole-port vifs. Nested prefixes are no overlap: the longest wins.
 * @param matches  n of them, n < PDP_GID_MAX; copied as far as needed
 * @param err      out, on failure: a sentence that names both vifs' numbers as "#i and #j" and what
 * they share
 * @param other    out, on failure with EEXIST: the two numbers, other[0] < other[1]
 * @return the classifier (Owner: caller, pdp_classifier_destroy), or NULL with errno
 *         EEXIST (overlap), EINVAL (n too large or prefix with host bits), ENOMEM
 * Thread: any.
 */
struct pdp_classifier *pdp_classifier_create(const struct pdp_match *matches, unsigned int n,
					     char *err, size_t err_size, unsigned int other[2]);

/** Free a classifier that no MD lcore uses any more. NULL: nothing. */
void pdp_classifier_destroy(struct pdp_classifier *cls);

/**
 * Classify frames that arrived on one port. Reads at most the first segment; a header that does not
 * lie within it is truncated. A port whose only match is a whole-port vif costs no look at the
 * frame.
 * @param port     ethdev port id
 * @param pkts     n mbufs, read only
 * @param results  out, n: gid and inner offset. The inner offset is where the packet the VR sees
 * begins, as far as headers tell (kind ip: the IP header); it is for the flow hash, decapsulation
 * checks again. Thread: any number of readers.
 */
void pdp_classify_burst(const struct pdp_classifier *cls, uint16_t port,
			struct rte_mbuf *const *pkts, unsigned int n, uint32_t *results);

/** Whether all frames of the port go to one vif without a look at them. @return gid, or -1 */
int pdp_classify_port_only(const struct pdp_classifier *cls, uint16_t port);

#endif /* PDP_CLASSIFY_H */
