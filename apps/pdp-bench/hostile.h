/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hostile plugin (case hostile, test_hostile): what its files share. It knows all that this
 * source tree says, as its author would, and looks for the rest itself: no service and no argument
 * tells it where anything is.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pdp_channel.h>
#include <pdp_engine_proto.h>
#include <pdp_sealed.h>
#include <pdp_vr.h>

/* What an attack knows. */
struct world {
	const char *try;  /* name of the attempt */
	const char *from; /* init, constructor, process, thread */
	char *args;	  /* private copy of the VR's, as text */
	struct pdp_region *region;
	struct pdp_status *status;
	const struct pdp_engine_conf *conf;
	const struct pdp_vr_info *info; /* NULL: not yet told (a constructor) */
	uint64_t seed;
};

/* One page range that is mapped. */
struct range {
	uintptr_t at;
	size_t size;
	bool readable;
	bool writable;
};

struct attempt {
	const char *name;
	/* One go at it. Called once, or again and again. */
	void (*go)(struct world *w);
	bool once;
	/* What is done with packets, and at ticks, instead of sending them back; NULL: nothing. */
	void (*packets)(struct world *w, struct pdp_pkt *pkts, unsigned int n);
	void (*tick)(struct world *w);
};

/* hostile.c. A line to standard error, which is all that is left to report by. */
void tell(const struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A call and what came of it: "done", or the name of errno. */
void tell_call(const struct world *w, const char *call, long rc);
uint64_t noise(struct world *w);

/* hostile_space.c */
/* All that is mapped, by asking the kernel to map something else there. @return ranges, n_max at
 * most */
unsigned int space_map(struct range *ranges, unsigned int n_max);
/* Find the region of this engine, and with it everything else. @return whether it was found */
bool space_find(struct world *w);
void space_scan(struct world *w);
void space_overwrite(struct world *w);
void space_holes(struct world *w);
void space_allocate(struct world *w);

/* hostile_calls.c */
void calls_trace(struct world *w);
void calls_kill(struct world *w);
void calls_open(struct world *w);
void calls_connect(struct world *w);
void calls_fork(struct world *w);
void calls_code(struct world *w);
void calls_close(struct world *w);

/* hostile_channel.c */
void channel_descriptors(struct world *w);
void channel_indexes(struct world *w);
void channel_status(struct world *w);
void channel_death(struct world *w);
void channel_sleep(struct world *w);
void channel_flood(struct world *w);
void channel_socket(struct world *w);
void channel_blanks(struct world *w);

/* hostile_packets.c */
void packets_forge(struct world *w, struct pdp_pkt *pkts, unsigned int n);
void packets_stale(struct world *w, struct pdp_pkt *pkts, unsigned int n);
void packets_originate(struct world *w, struct pdp_pkt *pkts, unsigned int n);
void packets_punt(struct world *w, struct pdp_pkt *pkts, unsigned int n);
void packets_tick_originate(struct world *w);
void packets_tick_punt(struct world *w);

#endif /* HOSTILE_H */
