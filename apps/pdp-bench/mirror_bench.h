/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of pdp-bench-mirror and pdp-bench-watch share. */
#ifndef MIRROR_BENCH_H
#define MIRROR_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include <pdp_mirror.h>

/** Prefixes of a file, one a line; of one family. */
struct prefixes {
	struct pdp_fib_prefix *at;
	unsigned int n;
};

/** @param max  0: all. @return false, said to stderr */
bool prefixes_read(const char *path, unsigned int family, unsigned int max, struct prefixes *out);

/** An address of a prefix. @param which  0: its first; 1: its last; 2: the one behind it */
void prefix_edge(const struct pdp_fib_prefix *p, unsigned int which, uint8_t *out);

/** What the kernel's lookup for a sender does not look up in its tables at all. */
bool address_is_special(unsigned int family, const uint8_t *address);

/** What is written to the kernel. */
struct write_job {
	uint16_t type;	/* RTM_NEWROUTE, RTM_DELROUTE */
	uint16_t flags; /* NLM_F_* besides REQUEST */
	int ifindex;
	uint8_t gateway[16];	 /* of the prefixes' family */
	unsigned int n_gateways; /* that many in a row, each prefix another */
	uint32_t object;	 /* in place of a gateway */
	uint32_t metric;
	uint8_t protocol;
};

/**
 * What is to be done: type, flags and protocol of a job.
 * @param word  add, replace, append or del
 * @return false: none of these
 */
bool write_kind(const char *word, struct write_job *job);

/**
 * Write routes in batches of messages.
 * @return 0, or -errno of the first that the kernel refused
 */
int write_routes(const struct prefixes *p, const struct write_job *job);

/** What probing found. */
struct probe_result {
	unsigned int n, n_different;
	unsigned int n_unknown; /* of which the kernel's answer says nothing */
};

/**
 * Ask the kernel (RTM_GETROUTE with RTM_F_FIB_MATCH) and the FIB the same, of every `step`th
 * prefix.
 * @param n_edges  1: its first address; 2: its last one too; 3: and the one behind it
 * @param show     differences that are printed
 * @return 0 or -errno
 */
int probe(struct pdp_mirror *m, const struct pdp_fib_reader *reader, const struct prefixes *p,
	  unsigned int n_edges, unsigned int step, unsigned int show, struct probe_result *out);

enum { WATCHED_VIFS_MAX = 64 };

/** What a watcher knows of a VR: its FIB, and the interfaces of its vifs in their order. */
struct watched {
	const struct pdp_fib_reader *reader;
	int ifindex[WATCHED_VIFS_MAX];
	unsigned int n_vifs;
};

/**
 * Ask the kernel of this namespace (RTM_GETROUTE) and the FIB the same, without the mirror's help:
 * where a packet to the address leaves, and for which MAC address. Parameters as of probe().
 * @return 0 or -errno
 */
int probe_watched(const struct watched *w, const struct prefixes *p, unsigned int n_edges,
		  unsigned int show, struct probe_result *out);

#endif /* MIRROR_BENCH_H */
