/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Virtual interfaces: what a VR's packets are wrapped in on the wire, and how to wrap and unwrap
 * them.
 *
 * Used by the engine runtime (secondary: on the packet in place) and by the MD (sealed: while it
 * copies). No DPDK object is touched: plain bytes in, plain bytes out. All functions are pure but
 * for the packet bytes they are given, and may be called from any thread; a struct pdp_vif is
 * read-only after pdp_vif_init(), but for its outer neighbour.
 */
#ifndef PDP_VIF_H
#define PDP_VIF_H

#include <stdbool.h>
#include <stdint.h>

#include <pdp_vr.h>

/** How a vif is carried by its port. */
enum pdp_vif_carrier {
	PDP_CARRIER_RAW = 0,  /**< the port's frames as they are */
	PDP_CARRIER_VLAN = 1, /**< IEEE 802.1Q, one tag (TPID 0x8100) */
	PDP_CARRIER_UDP =
		2, /**< IP-in-UDP (kind ip) or Ethernet-in-UDP (kind ethernet), no header between */
	PDP_CARRIER_VXLAN = 3, /**< RFC 7348 */
};

/** An address of either family; an IPv4 address is in bytes[0..3]. Network byte order. */
struct pdp_ip {
	uint8_t family; /**< 4, 6, or 0: none */
	uint8_t bytes[16];
};

/** Bits of pdp_vif_conf.flags. */
#define PDP_VIF_CHECK_REMOTE \
	0x01 /**< a tunnel packet of another sender than `remote` is dropped (default) */

#define PDP_VIF_NEIGHBOUR \
	0x02 /**< the outer neighbour is found while the vif runs: remote_mac is not used */

/**
 * One vif, as configured, all defaults filled in. Fixed-width and without pointers: it stands in
 * the shared region of each engine (W: primary, R: engine).
 */
struct pdp_vif_conf {
	char name[16];	   /**< unique in its VR, NUL-terminated */
	uint8_t kind;	   /**< enum pdp_vif_kind */
	uint8_t carrier;   /**< enum pdp_vif_carrier */
	uint8_t flags;	   /**< PDP_VIF_* */
	uint8_t ttl;	   /**< tunnels: outer TTL or hop limit, default 64 */
	uint16_t port;	   /**< ethdev port id of the primary */
	uint16_t mtu;	   /**< longest layer-3 packet inside, bytes */
	uint16_t vlan;	   /**< carrier vlan: 1..4094 */
	uint16_t udp_port; /**< tunnels: UDP port that packets to us are sent to; host byte order */
	uint16_t remote_udp_port; /**< tunnels: UDP port that we send to; host byte order; default:
				     udp_port */
	uint32_t vni;		  /**< carrier vxlan: 0..2^24-1 */
	uint8_t mac[6]; /**< the vif's own MAC (inner); default: the port's, tunnels: a local one */
	uint8_t peer_mac[6];   /**< kind ip inside Ethernet (raw, vlan, vxlan): destination MAC to
				  write */
	uint8_t port_mac[6];   /**< the port's MAC: source of outer frames of tunnels */
	uint8_t remote_mac[6]; /**< tunnels: destination of outer frames (the outer neighbour) */
	struct pdp_ip local;   /**< tunnels: outer address of this side */
	struct pdp_ip remote;  /**< tunnels: outer address of the far side; same family as local */
};

/** Most bytes that encapsulation puts in front of a packet: Ethernet, IPv6, UDP, VXLAN, inner
 * Ethernet. */
#define PDP_VIF_OVERHEAD_MAX (14 + 40 + 8 + 8 + 14)

#define PDP_VIF_MTU_MIN 64 /**< smallest mtu of a vif */
#define PDP_VIF_MTU_MAX \
	(65535 - PDP_VIF_OVERHEAD_MAX - 8) /**< so that no length overflows, two tags inside */

/** A vif made ready for packets: its configuration and the outer header as a template. */
struct pdp_vif {
	struct pdp_vif_conf conf;
	uint8_t in_place; /**< neither end changes the packet (ethernet, raw): nothing to do but the
			     MTU check */
	uint8_t outer_size; /**< bytes of header that encapsulation writes */
	uint8_t l3_off;	    /**< offset of the outer IP header in `outer` (tunnels) */
	uint8_t outer_v6;   /**< outer family is IPv6 */
	uint8_t unresolved; /**< its outer neighbour is not known: nothing can be sent */
	uint16_t frame_max; /**< longest packet without VLAN tags inside: mtu, + 14 for kind
			       ethernet */
	uint16_t ip4_sum; /**< one's complement sum of the outer IPv4 header without TOS and length
			   */
	uint8_t outer[PDP_VIF_OVERHEAD_MAX]; /**< template; lengths, checksum and DSCP/ECN are
						patched in */
};

/**
 * Why a vif drops a packet. Same numbers in `enum pdp_drop` from PDP_DROP_VIF_BASE on
 * (pdp_channel.h).
 */
enum pdp_vif_drop {
	PDP_VIF_OK = 0,
	PDP_VIF_TRUNCATED,  /**< shorter than its own headers say */
	PDP_VIF_BAD_HEADER, /**< outer: version, header length, IPv4 checksum or VXLAN flags wrong;
			       kind ip: inner lengths */
	PDP_VIF_FRAGMENT,   /**< an outer fragment */
	PDP_VIF_BAD_SENDER, /**< outer source is not the vif's remote */
	PDP_VIF_BAD_CSUM,   /**< outer UDP checksum not zero and wrong */
	PDP_VIF_NOT_OURS,   /**< headers do not belong to this vif at all */
	PDP_VIF_NOT_IP, /**< kind ip, but the packet is neither IPv4 nor IPv6 (by Ethernet type and
			   version) */
	PDP_VIF_ECN,	/**< RFC 6040: outer CE on a not-ECN-capable inner packet */
	PDP_VIF_TOO_LONG,    /**< longer than the vif's MTU */
	PDP_VIF_NO_HEADROOM, /**< no room in front for the outer header */
	PDP_VIF_UNRESOLVED,  /**< the MAC of the outer neighbour is not known */
	PDP_VIF_N_DROPS
};

/** Name of a reason for counters: "vif_truncated", ...; @param drop below PDP_VIF_N_DROPS */
const char *pdp_vif_drop_name(enum pdp_vif_drop drop);

/**
 * Make a vif ready from its configuration.
 * @param vif  out
 * @param conf copied; must be valid (lib/config checks it); asserted
 */
void pdp_vif_init(struct pdp_vif *vif, const struct pdp_vif_conf *conf);

/** An outer neighbour as one word, for one atomic store: the MAC in the low 48 bits, first byte
 * lowest; 0: not known. */
#define PDP_VIF_NEIGHBOUR_KNOWN (UINT64_C(1) << 63)

/** Let a vif with PDP_VIF_NEIGHBOUR send to another outer neighbour. Thread: the vif's. @param word
 * MAC | PDP_VIF_NEIGHBOUR_KNOWN, or 0 */
void pdp_vif_set_neighbour(struct pdp_vif *vif, uint64_t word);

/**
 * Take the carrier's headers off a frame as it came from the port, in place: VLAN tag (the MAC
 * header moves up by 4), tunnel headers; for kind ip also the Ethernet header. Combines ECN as RFC
 * 6040 section 4.2 (writes the inner header); the inner DSCP stays as it is. IPv4 options and IPv6
 * extension headers outside are stepped over; an outer UDP checksum of 0 is accepted over IPv6 too
 * (RFC 6936), any other is verified. Destination MAC addresses are not checked. Priority bits of a
 * removed tag are lost.
 * @param frame  len bytes, all contiguous
 * @param len    frame length; on success: inner length (trailing padding beyond the outer UDP
 * length cut off; kind ip: beyond the inner IP length)
 * @return PDP_VIF_OK and *off = bytes to skip from `frame` to the inner packet; else why to drop
 * (frame unspecified)
 */
enum pdp_vif_drop pdp_vif_decap(const struct pdp_vif *vif, uint8_t *frame, uint16_t *len,
				uint16_t *off);

/**
 * Put the carrier's headers in front of a packet. Tunnels: DSCP and ECN are copied from the inner
 * packet (RFC 6040 normal mode), 0 when it is not IP; the UDP source port comes from the flow hash
 * (49152..65535, RFC 7348), UDP checksum 0 (RFC 6935); IPv4: DF set and id 0 (an atomic datagram,
 * RFC 6864); IPv6: flow label from the flow hash (RFC 6438). VLAN: priority 0. Frames are never
 * padded.
 * @param data      the packet's first byte; outer_size bytes before it are written
 * @param headroom  bytes available before data
 * @param len       packet length; on success: frame length
 * @return PDP_VIF_OK (the frame begins at data - vif->outer_size; kind ethernet in a VLAN: at data
 * - 4), or why to drop
 */
enum pdp_vif_drop pdp_vif_encap(const struct pdp_vif *vif, uint8_t *data, uint16_t headroom,
				uint16_t *len);

/** What pdp_flow_hash() looks at. */
enum pdp_hash_mode {
	PDP_HASH_INNER = 0,	/**< 5-tuple of the packet the VR sees */
	PDP_HASH_OUTER = 1,	/**< 5-tuple of the frame on the wire */
	PDP_HASH_SYMMETRIC = 2, /**< inner, the same for both directions of a flow */
};

/**
 * Flow hash: protocol, addresses and (TCP, UDP, SCTP; not fragments) ports; other packets by their
 * MAC addresses and Ethernet type. Steps over up to three VLAN tags and IPv6 extension headers.
 * @param data       first byte; len bytes may be read
 * @param kind       PDP_VIF_ETHERNET: data begins with an Ethernet header; PDP_VIF_IP: with IP
 * @param symmetric  swap-invariant
 * @return 24 bits, well spread in all of them
 */
uint32_t pdp_flow_hash(const uint8_t *data, uint16_t len, enum pdp_vif_kind kind, bool symmetric);

#endif /* PDP_VIF_H */
