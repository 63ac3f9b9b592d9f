/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Captures often hold TCP segments far longer than the wire carried, because the host that captured
 * had merged them (GRO) or not yet cut them (TSO). This cuts them into what an MTU allows. Pure;
 * runs when a capture is loaded.
 */
#ifndef LOADGEN_SEGMENT_H
#define LOADGEN_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

/**
 * Whether a frame can be cut: Ethernet (one VLAN tag or none), whole unfragmented IPv4 or IPv6
 * without extension headers, TCP with payload.
 * @param mtu of the layer-3 packets to be made; must leave room for payload
 */
bool lg_segment_possible(const uint8_t *frame, uint32_t len, uint16_t mtu);

/**
 * Make segment `k` of a frame for which lg_segment_possible().
 * @param out room for mtu + 18 bytes
 * @return its length; 0: the frame has no segment k
 */
uint32_t lg_segment_make(const uint8_t *frame, uint16_t mtu, uint32_t k, uint8_t *out);

#endif /* LOADGEN_SEGMENT_H */
