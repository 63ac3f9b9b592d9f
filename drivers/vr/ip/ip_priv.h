/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The IP router: what its stages share. A burst goes through receive.c (frame and header checks),
 * one lookup for all of a family (pdp_fib.h), and forward.c; whatever is not plain leaves that way
 * for odd4.c, odd6.c and punt.c.
 *
 * Nothing is written to a packet before it is sure to be forwarded: one that is punted is as it
 * arrived. Nothing is read beyond the visible bytes.
 */
#ifndef IP_PRIV_H
#define IP_PRIV_H

#include <stdbool.h>
#include <string.h>

#include <pdp_fib.h>
#include <pdp_hdr.h>
#include <pdp_vr.h>

/** What is counted; a packet counts once, under one of these. */
enum ip_count {
	IP_FORWARDED4,
	IP_FORWARDED6,
	/* drops */
	IP_NOT_TO_US,		/* a frame to another MAC address */
	IP_SHORT,		/* ends inside its header */
	IP_HEADER,		/* version, header or total length wrong */
	IP_CHECKSUM,		/* of the IPv4 header */
	IP_MARTIAN_SOURCE,	/* no address that may send */
	IP_MARTIAN_DESTINATION, /* no address that may be sent to */
	IP_LINK_BROADCAST,	/* to one address, in a frame to all */
	IP_BLACKHOLE,
	IP_NO_HEADROOM,	  /* no room for an Ethernet header */
	IP_SURPLUS_OTHER, /* would have been punted, but came too fast; in the order of the classes
			   */
	IP_SURPLUS_ARP_ND,
	IP_SURPLUS_ROUTING,
	/* punts */
	IP_LOCAL,
	IP_ARP,
	IP_ND,
	IP_MULTICAST,
	IP_BROADCAST,
	IP_HOP_LIMIT,	/* TTL or hop limit used up */
	IP_OPTIONS,	/* of IPv4 */
	IP_MTU,		/* longer than the MTU of the vif that it would leave by */
	IP_UNRESOLVED,	/* the neighbour's MAC address is not known yet */
	IP_UNREACHABLE, /* by an unreachable or prohibit route, or none */
	IP_SCOPE,	/* from a link-local address to one that is not */
	IP_WINDOW,	/* header longer than what is visible */
	IP_PROTOCOL,	/* frames of other protocols */
	IP_COUNTS
};

/** A rate: at most `depth_ns / gap_ns` at once, and one every gap_ns. */
struct ip_bucket {
	uint64_t gap_ns; /* UINT64_MAX: none at all */
	uint64_t depth_ns;
	uint64_t next_ns; /* when the last one's time would be, had they come evenly */
};

/** A vif, by number. */
struct ip_vif {
	uint64_t mac;	/* as its bytes lie in memory; kind ip: IP_NO_MAC */
	uint32_t mtu;	/* 0: no such vif */
	uint8_t l3_off; /* bytes of the Ethernet header; kind ip: 0 */
};

/** One engine's router. */
struct ip {
	const struct pdp_vr_info *info;
	const struct pdp_fib_reader *fib;
	uint64_t now_ns; /* 0: not read in this burst yet */
	struct ip_bucket buckets[PDP_PUNT_CLASSES];
	uint64_t *counts[IP_COUNTS];
	struct ip_vif vifs[256]; /* a next hop may name any */
};

/** The plain packets of a burst, by family. */
struct ip_burst {
	unsigned int n4, n6;
	const struct pdp_fib_reader *fetch4; /* its entries are asked for at once; or NULL */
	struct pdp_pkt *pkts4[PDP_BURST_MAX], *pkts6[PDP_BURST_MAX];
	uint32_t dst4[PDP_BURST_MAX];
	uint8_t dst6[PDP_BURST_MAX][16];
};

/** The bytes from the IP header on. */
struct ip_view {
	const uint8_t *h;
	unsigned int visible; /* that may be read */
	unsigned int whole;   /* that there are */
	bool group;	      /* the frame was to many */
};

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "MAC addresses are the low 48 bits");
#define IP_MAC_MASK UINT64_C(0xffffffffffff)
#define IP_NO_MAC   UINT64_MAX

static inline void ip_count(struct ip *ip, enum ip_count what)
{
	++*ip->counts[what];
}

/** The verdict is PDP_DROP already. */
static inline void ip_drop(struct ip *ip, enum ip_count why)
{
	ip_count(ip, why);
}

static inline void ip_add4(struct ip_burst *b, struct pdp_pkt *p, const uint8_t *h)
{
	b->dst4[b->n4] = pdp_get32(h + 16);
	if (b->fetch4 != NULL)
		pdp_fib_prefetch4(b->fetch4, b->dst4[b->n4]);
	b->pkts4[b->n4++] = p;
}

static inline void ip_add6(struct ip_burst *b, struct pdp_pkt *p, const uint8_t *h)
{
	memcpy(b->dst6[b->n6], h + 24, 16);
	b->pkts6[b->n6++] = p;
}

/** Nonzero for the first byte of addresses that are not unicast in the whole Internet: 0/8, 127/8,
 * 224/4, 240/4. */
static inline unsigned int ip_special4(uint8_t first)
{
	return first == 0 || first == 127 || first >= 224;
}

/** The same of IPv6: ::/8, fe00::/8, ff00::/8 have such, and need a closer look. */
static inline unsigned int ip_special6(uint8_t first)
{
	return first == 0 || first >= 0xfe;
}

/* setup.c */
int ip_setup(struct ip *ip, const struct pdp_vr_info *info);

/* receive.c: sort a burst out. What is plain is in b, all else has its verdict. */
void ip_receive(struct ip *ip, struct pdp_pkt *pkts, unsigned int n, struct ip_burst *b);

/* forward.c: plain packets, with what the lookups gave */
void ip_forward4(struct ip *ip, struct ip_burst *b, const uint16_t *numbers);
void ip_forward6(struct ip *ip, struct ip_burst *b, const uint16_t *numbers);

/* odd4.c, odd6.c: a packet that is not plain. @return true: it is fit to be forwarded */
bool ip_odd4(struct ip *ip, struct pdp_pkt *p, const struct ip_view *v);
bool ip_odd6(struct ip *ip, struct pdp_pkt *p, const struct ip_view *v);

/* punt.c */
void ip_punt(struct ip *ip, struct pdp_pkt *p, enum pdp_punt_class class, enum ip_count why);
/* To an address of ours, or a group: its class is told by its protocol. */
void ip_punt4(struct ip *ip, struct pdp_pkt *p, const struct ip_view *v, enum ip_count why);
void ip_punt6(struct ip *ip, struct pdp_pkt *p, const struct ip_view *v, enum ip_count why);

#endif /* IP_PRIV_H */
