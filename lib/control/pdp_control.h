/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control socket: one JSON object a line in, one JSON object a line out, over a Unix stream
 * socket that only its owner can open (mode 0600; the peer's uid is checked too: the owner's, or
 * root). Runs on the primary's control thread; never blocks it.
 *
 *   request:  {"cmd": "vr show", "args": {"vr": "red"}}
 *   answer:   {"ok": true, "result": {...}}
 *        or:  {"ok": false, "error": "no VR is called \"rad\"; there are: red, blue"}
 *
 * Requests may come several at a time; answers keep their order. A line longer than 64 KiB, bad
 * JSON or an unknown command gets an error answer. At most 32 clients; one that does not read is
 * not served further, and dropped after 5 seconds.
 *
 * Shapes of a result, by which pdp-ctl shows any of them without knowing the command:
 *   table:   {"columns": ["vr", "engines"], "rows": [["red", 1], ["blue", 2]]}, and optionally
 *            "note": a sentence shown below. What a `list` command answers. A row has as many cells
 *            as there are columns; a cell is a string, a number, a boolean or null ("-").
 *   object:  {"node": "lab1", "uptime_s": 12, "md": {...}, "vifs": {table}}: what `show` and
 *            `status` answer: values, objects within, tables within, lists of values.
 * Names of keys and columns carry their units (_pps, _bytes, _us); rates are the primary's to
 * compute.
 *
 * Thread: the loop's.
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
 * Write the path of the control socket of the primary with an EAL --file-prefix: pdp.sock in DPDK's
 * runtime folder, which is RUNTIME_FOLDER/dpdk/PREFIX/ with RUNTIME_FOLDER = $RUNTIME_DIRECTORY,
 * else /var/run for root, else $XDG_RUNTIME_DIR, else /tmp. The folder need not exist.
 * @param out     at least 108 bytes are useful: no socket's path is longer
 * @param prefix  NULL: EAL's default, "rte"
 * @return 0, -EINVAL (an empty prefix or one with a slash) or -ENAMETOOLONG (out may be cut off)
 * Thread: any.
 */
int pdp_control_path(char *out, size_t size, const char *prefix);

/**
 * Listen.
 * @param path  socket to create; a stale one (nobody listens) is replaced
 * @return NULL with errno: EADDRINUSE (somebody listens), EEXIST (something that is no socket is
 *         there), ENAMETOOLONG, EACCES, ENOENT (no such folder), ENOMEM, ...
 */
struct pdp_control *pdp_control_create(struct pdp_loop *loop, const char *path);

/**
 * Register a command, "engine list": words with one space between. "help", which lists all, is
 * there from the beginning.
 * @param cmd   copied
 * @param help  one line for `help`, copied
 * @return 0, -EEXIST or -ENOMEM
 */
int pdp_control_register(struct pdp_control *ctl, const char *cmd, const char *help,
			 pdp_control_fn fn, void *arg);

/** Close all connections and remove the socket. Not from a command. NULL: nothing. */
void pdp_control_destroy(struct pdp_control *ctl);

#endif /* PDP_CONTROL_H */
