/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control socket: one JSON object a line in, one JSON object a line out, over a Unix stream
 * socket that only its owner can open (mode 0600; the peer's uid is checked too). Runs on the
 * primary's control thread; never blocks it.
 *
 *   request:  {"cmd": "vr show", "args": {"vr": "red"}}
 *   answer:   {"ok": true, "result": {...}}  or  {"ok": false, "error": "no VR is called \"rad\";
 * there are: red, blue"}
 *
 * A line longer than 64 KiB, bad JSON or an unknown command gets an error answer; a client that
 * does not read is dropped. Thread: the loop's.
 */
#ifndef PDP_CONTROL_H
#define PDP_CONTROL_H

#include <stddef.h>

#include <jansson.h>

#include <pdp_loop.h>

struct pdp_control;

/**
 * A command.
 * @param arg     as registered
 * @param args    the request's "args" object, borrowed; {} where it had none
 * @param result  out: new reference of what the answer's "result" will be; NULL counts as {}
 * @param err     out: a sentence with the remedy, where it fails
 * @return 0 or -errno (err filled)
 */
typedef int (*pdp_control_fn)(void *arg, const json_t *args, json_t **result, char *err,
			      size_t err_size);

/**
 * Listen.
 * @param path  socket to create; a stale one (nobody listens) is replaced
 * @return NULL with errno: EADDRINUSE (somebody listens), ENAMETOOLONG, EACCES, ...
 */
struct pdp_control *pdp_control_create(struct pdp_loop *loop, const char *path);

/** Register a command, e.g. "engine list". @param help one line for `help` */
int pdp_control_register(struct pdp_control *ctl, const char *cmd, const char *help,
			 pdp_control_fn fn, void *arg);

/** Close all connections and remove the socket. NULL: nothing. */
void pdp_control_destroy(struct pdp_control *ctl);

#endif /* PDP_CONTROL_H */
