/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Network namespaces of VRs' control planes: made by name as ip-netns(8) does, or found by name,
 * path or process. What has to happen inside of one happens on a helper thread that enters it and
 * ends; threads of the primary stay where they are.
 *
 * A namespace that PdP made is marked in /run/pdp-netns, so that a restarted primary knows it as
 * its own. Thread: any, one at a time per object.
 */
#ifndef PDP_NETNS_H
#define PDP_NETNS_H

#include <stdbool.h>
#include <stddef.h>

struct pdp_netns;

/**
 * Find or make a namespace.
 * @param spec  a name (made when there is none; forwarding on, lo up), a path that begins with '/',
 *              or "pid:N"
 * @param err   out, on failure: a sentence with the remedy
 * @return the namespace (Owner: caller, pdp_netns_close()), or NULL with errno
 */
struct pdp_netns *pdp_netns_open(const char *spec, char *err, size_t err_size);

/** Forget it; it stays. NULL: nothing. */
void pdp_netns_close(struct pdp_netns *ns);

/** Take away the name of a namespace that PdP made; others stay as they are. It ends when nobody
 * uses it any more. @return 0 or -errno */
int pdp_netns_remove(struct pdp_netns *ns);

/** Its descriptor, as setns(2) wants it. Owner: ns. */
int pdp_netns_fd(const struct pdp_netns *ns);

/** Whether PdP made it, now or in an earlier run. */
bool pdp_netns_is_own(const struct pdp_netns *ns);

/** Whether this pdp_netns_open() made it. */
bool pdp_netns_is_new(const struct pdp_netns *ns);

/**
 * Whether its name or path still leads to it.
 * @return 0; -ENOENT: to nothing; -ESTALE: to another one
 */
int pdp_netns_check(const struct pdp_netns *ns);

/** Run a function inside, on a helper thread, and wait for it. @return what it returns (0 or
 * -errno), or -errno of the way there */
int pdp_netns_run(const struct pdp_netns *ns, int (*fn)(void *arg), void *arg);

#endif /* PDP_NETNS_H */
