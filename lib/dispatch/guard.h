/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a raw vif may send (`allow_src`): source addresses within prefixes, one source MAC, no VLAN
 * tag. Frames as they leave, so that it holds for whatever a VR writes.
 *
 * Checked are IPv4 and IPv6 source addresses, the sender of ARP (RFC 826) and the target of
 * neighbour advertisements (RFC 4861). Pure, but for create and destroy.
 */
#ifndef GUARD_H
#define GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "pdp_dispatch.h"

struct guard;
struct pdp_md_guard;

/** @return NULL with errno ENOMEM. Owner: caller. @param from copied */
struct guard *guard_create(const struct pdp_md_guard *from);
/** NULL: nothing. */
void guard_destroy(struct guard *g);

/** Whether a frame may leave. Budget: 10 cycles and 2 a prefix. */
bool guard_passes(const struct guard *g, const uint8_t *frame, uint16_t len);

#endif /* GUARD_H */
