/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A message with file descriptors beside it, over a Unix socket of packets (SCM_RIGHTS). Both ends
 * of an engine's socket; any thread.
 */
#ifndef PDP_FDS_H
#define PDP_FDS_H

#include <stddef.h>
#include <sys/types.h>

#define PDP_FDS_MAX 8 /**< descriptors of one message */

/**
 * Send one message; never blocks.
 * @param fds  n descriptors, borrowed; n <= PDP_FDS_MAX
 * @return size, or -errno: EAGAIN (the other end does not read), EPIPE (it is gone), EMFILE, ...
 */
ssize_t pdp_fds_send(int sock, const void *msg, size_t size, const int *fds, unsigned int n);

/**
 * Receive one message; blocks unless the socket does not.
 * @param fds  out: room for PDP_FDS_MAX; close-on-exec (Owner: caller)
 * @param n    out: how many came
 * @return bytes of the message, 0: closed; -errno: EAGAIN, EINTR, ...; EMSGSIZE: the message or its
 * descriptors were more than there is room for. Nothing is left open then.
 */
ssize_t pdp_fds_recv(int sock, void *msg, size_t size, int *fds, unsigned int *n);

#endif /* PDP_FDS_H */
