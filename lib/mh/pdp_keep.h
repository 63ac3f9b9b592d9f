/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Somebody who holds the interfaces' descriptors while no primary runs. The kernel takes an
 * interface's carrier away when nobody has it open, and a routing program then drops the sessions
 * over it: so a small process of its own, pdp-keeper, has a copy of each descriptor, and the next
 * primary gets it back. Packets wait in the interface's queue meanwhile.
 *
 * Both ends speak packets over a Unix socket: a request with at most one descriptor, an answer with
 * at most one. Thread: any, one at a time per object; each call waits for at most a second.
 */
#ifndef PDP_KEEP_H
#define PDP_KEEP_H

#include <stddef.h>
#include <stdint.h>

#define PDP_KEEP_MAGIC UINT32_C(0x5045454b) /* "KEEP" */
#define PDP_KEEP_DIR   "/run/pdp-keeper"    /* PREFIX.sock */
#define PDP_KEEP_NAME  64
#define PDP_KEEP_MAX   16384 /* descriptors */

enum pdp_keep_op {
	PDP_KEEP_GET = 1, /**< a copy of the descriptor of that name, if there is one */
	PDP_KEEP_PUT,	  /**< keep this one by that name, in place of what it was */
	PDP_KEEP_DROP,	  /**< close it */
	PDP_KEEP_SWEEP,	  /**< close what was neither got nor put since this primary connected */
	PDP_KEEP_END,	  /**< close all, and end */
};

struct pdp_keep_msg {
	uint32_t magic;
	int32_t op; /**< request: enum pdp_keep_op; answer: 0 or -errno */
	char name[PDP_KEEP_NAME];
};

struct pdp_keep;

/**
 * Find the keeper of a node, or start it.
 * @param prefix   the node's file prefix
 * @param program  path of pdp-keeper; NULL: only find it
 * @param err      out, on failure: a sentence
 * @return NULL with errno: ENOENT or ECONNREFUSED: there is none, ...
 */
struct pdp_keep *pdp_keep_open(const char *prefix, const char *program, char *err, size_t err_size);

/** The keeper goes on. NULL: nothing. */
void pdp_keep_close(struct pdp_keep *keep);

/** @return a descriptor (Owner: caller); -ENOENT: none of that name; -errno: the keeper is gone */
int pdp_keep_get(struct pdp_keep *keep, const char *name);

/** @param fd  copied @return 0 or -errno */
int pdp_keep_put(struct pdp_keep *keep, const char *name, int fd);

/** @return 0 or -errno */
int pdp_keep_drop(struct pdp_keep *keep, const char *name);

/** Let go of what nobody asked for: the configuration has it no more. @return 0 or -errno */
int pdp_keep_sweep(struct pdp_keep *keep);

/** End the keeper: nothing is kept any more. @return 0 or -errno */
int pdp_keep_end(struct pdp_keep *keep);

#endif /* PDP_KEEP_H */
