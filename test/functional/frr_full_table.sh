#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# frr_bgp with the whole Internet table, 901,899 IPv4 prefixes, each of them asked at the kernel and at the FIB after every
# change. About 20 minutes; not in the suite that scripts/test runs: `meson test -C build --suite full`.
readonly FULL_TABLE=901899
table=$(dirname "$0")/../../../shared/data/bgp-prefixes.txt.gz
if [ ! -r "$table" ]; then
	echo "skipped: no $table"
	exit 77
fi
ROUTES4=$FULL_TABLE ROUTES6=1000 SETTLE_S=600 HOLD_S=90 ROUTING_END_S=120
. "$(dirname "$0")/frr_bgp.sh"
