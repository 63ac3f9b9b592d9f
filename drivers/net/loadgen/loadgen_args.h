/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a loadgen port was asked to do: devargs, decoded and checked. Pure: no EAL, no port.
 * Every error is one sentence with the key, the value and what would be right.
 */
#ifndef LOADGEN_ARGS_H
#define LOADGEN_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loadgen_clock.h"

#define LG_SIZE_MIN	60 /* a frame of 64 bytes with its FCS */
#define LG_SIZE_MAX	9000
#define LG_FLOWS_MAX	(1u << 24)
#define LG_CLASSES_MAX	65535
#define LG_SIZES_MAX	3
#define LG_WEIGHT_MAX	65535
#define LG_OUTER_SRC4	"10.255.0.2"
#define LG_OUTER_DST4	"10.255.0.1"
#define LG_OUTER_SRC6	"fd00:255::2"
#define LG_OUTER_DST6	"fd00:255::1"
#define LG_SRC_DEFAULT	"198.18.0.0/16" /* RFC 2544: benchmarks */
#define LG_DST_DEFAULT	"198.19.0.0/16"
#define LG_SRC6_DEFAULT "2001:2:0:1::/64" /* RFC 5180 */
#define LG_DST6_DEFAULT "2001:2:0:2::/64"

/** An address, or the network part of a prefix, network byte order. */
struct lg_addr {
	uint8_t family; /**< 4, 6; 0: not given */
	uint8_t len;	/**< prefix length */
	uint8_t bytes[16];
};

/** A list of prefixes that several classes may share. */
struct lg_prefixes {
	struct lg_prefixes *next; /**< all lists of these args, for freeing */
	uint32_t n4, n6;
	struct lg_addr v[]; /**< n4 of IPv4, then n6 of IPv6 */
};

enum lg_carrier { LG_RAW, LG_VLAN, LG_UDP, LG_VXLAN };

/** One kind of packet in the mix. */
struct lg_class {
	enum lg_carrier carrier;
	bool inner_ip;	   /**< LG_UDP: IP directly in UDP, not Ethernet */
	uint32_t weight;   /**< 1..LG_WEIGHT_MAX */
	uint32_t flows;	   /**< 0: an equal part of what `flows` leaves; after the parse never 0 */
	uint16_t udp_port; /**< tunnels: outer destination port */
	uint16_t vlan;
	uint32_t vni;
	uint32_t outer_sport; /**< tunnels: fixed outer source port; 0: by flow (RFC 7348 section 5)
			       */
	struct lg_addr outer_src, outer_dst;
	struct lg_addr src;
	const struct lg_prefixes *dst;
	uint8_t dst_mac[6], src_mac[6];		    /**< of the frame on the wire */
	uint8_t inner_dst_mac[6], inner_src_mac[6]; /**< of an Ethernet frame in a tunnel */
	bool has_dst_mac, has_src_mac;
};

struct lg_args {
	uint64_t rate_pps;	    /**< 0: as fast as asked */
	uint64_t tx_rate;	    /**< of the line behind the sink; 0: takes everything */
	bool tx_rate_bits;	    /**< tx_rate counts bits on the wire, not packets */
	struct lg_profile *profile; /**< NULL: constant rate */
	enum lg_profile_end profile_end;
	bool closed, poisson, measure, payload, start;
	uint16_t sizes[LG_SIZES_MAX];
	uint8_t n_sizes; /**< 1, or 3 for imix */
	uint32_t flows;	 /**< over all classes */
	uint64_t count;	 /**< LG_ENDLESS: no end */
	uint32_t rxq;	 /**< virtual receive queue, packets; 0: as many as descriptors */
	uint64_t seed;
	uint64_t repeat; /**< of the pcap; LG_ENDLESS */
	char *pcap;	 /**< NULL: made frames */
	uint16_t mtu;	 /**< of the pcap's packets, longer TCP ones are cut; 0: as captured */
	char *mix;
	uint32_t vrs; /**< every class of the mix so often */
	uint8_t mac[6];
	bool has_mac;
	struct lg_class base;	  /**< defaults of all classes */
	struct lg_class *classes; /**< n_classes */
	uint32_t n_classes;
	struct lg_prefixes *lists;
};

/** Where an error sentence goes. */
struct lg_err {
	char text[320];
};

/**
 * Decode devargs.
 * @param str  "key=value,..."; NULL or empty: all defaults
 * @param args out; lg_args_free() in any case
 * @return 0; -EINVAL, -ENOMEM, or -errno of a file, with a sentence in err
 */
int lg_args_parse(const char *str, struct lg_args *args, struct lg_err *err);

/** Free what parse took; a zeroed args is allowed. */
void lg_args_free(struct lg_args *args);

/**
 * Decode rate steps "pps:seconds+pps:seconds".
 * @return a profile for free(), or NULL with errno EINVAL or ENOMEM and a sentence
 */
struct lg_profile *lg_profile_parse(const char *value, enum lg_profile_end end, struct lg_err *err);

/** A profile of one step without end. @return for free(); NULL: no memory */
struct lg_profile *lg_profile_constant(double pps);

/* Between loadgen_args.c, loadgen_mix.c and loadgen_parse.c. */

/** Set one key of a class (see README.md). @return 0; LG_NO_KEY: no such key; else as
 * lg_args_parse() */
#define LG_NO_KEY 1
int lg_class_set(struct lg_args *args, struct lg_class *cls, const char *key, const char *value,
		 struct lg_err *err);

/** Expand args->mix and args->vrs into args->classes and share the flows out. @return as
 * lg_args_parse() */
int lg_mix_expand(struct lg_args *args, struct lg_err *err);

/** Write the sentence and return code. */
__attribute__((format(printf, 3, 4))) int lg_fail(struct lg_err *err, int code, const char *fmt,
						  ...);

/** Decimal or 0x number within min..max; k, m, g multiply by 1000s. @return 0; -EINVAL with a
 * sentence */
int lg_parse_number(const char *key, const char *value, uint64_t min, uint64_t max, uint64_t *out,
		    struct lg_err *err);

/** 0 or 1. */
int lg_parse_bool(const char *key, const char *value, bool *out, struct lg_err *err);

/** "02:00:00:00:00:01" */
int lg_parse_mac(const char *key, const char *value, uint8_t mac[6], struct lg_err *err);

/** An address of either family. */
int lg_parse_addr(const char *key, const char *value, struct lg_addr *out, struct lg_err *err);

/** "10.0.0.0/8"; host bits must be 0; a bare address is a prefix of full length. */
int lg_parse_prefix(const char *key, const char *value, struct lg_addr *out, struct lg_err *err);

/** One prefix a line; empty lines and # comments skipped. @param out owned by args->lists */
int lg_parse_prefix_file(struct lg_args *args, const char *key, const char *path,
			 const struct lg_prefixes **out, struct lg_err *err);

/** A list of one prefix. */
int lg_parse_prefix_list(struct lg_args *args, const char *key, const char *value,
			 const struct lg_prefixes **out, struct lg_err *err);

#endif /* LOADGEN_ARGS_H */
