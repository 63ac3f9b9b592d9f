/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The primary's log: DPDK's, under the name "pdp" (--log-level=pdp:debug shows more). Never per
 * packet.
 */
#ifndef PDP_LOG_H
#define PDP_LOG_H

#include <rte_log.h>

extern int pdp_logtype;

#define PDP_LOG(level, format, ...) \
	rte_log(RTE_LOG_##level, pdp_logtype, "pdp: " format "\n", ##__VA_ARGS__)

#endif /* PDP_LOG_H */
