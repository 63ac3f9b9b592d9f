/* SPDX-License-Identifier: BSD-3-Clause */
/* Which route the kernel of this namespace would take: what both probes of a FIB ask. */
#ifndef KERNEL_ASK_H
#define KERNEL_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include <pdp_fib_writer.h>

struct mnl_socket;
struct nlmsghdr;

enum { KERNEL_ASK_MAX = 128 };

/** An address. */
struct kernel_question {
	uint8_t family;	     /**< 4 or 6 */
	uint8_t address[16]; /**< network byte order */
	int error;	     /**< out: what the kernel says in place of a route; 0: none */
};

/** Questions of one who asks, by number, and what takes the route that answers one. */
struct kernel_asking {
	struct kernel_question *(*question)(unsigned int i);
	void (*answer)(unsigned int i, const struct nlmsghdr *route);
};

/**
 * Ask (RTM_GETROUTE, for IPv4 with RTM_F_FIB_MATCH) the first n questions at once.
 * @param n  1..KERNEL_ASK_MAX
 * @return 0, -errno of sendto(2), -EPROTO: an answer to nothing
 */
int kernel_ask(struct mnl_socket *nl, const struct kernel_asking *a, unsigned int n);

/** A FIB that says `type` does what the kernel does when it answers with the error. */
bool kernel_error_means(int error, enum pdp_fib_type type);

#endif /* KERNEL_ASK_H */
