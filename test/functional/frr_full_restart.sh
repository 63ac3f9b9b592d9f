#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# frr_restart with the whole Internet table, 901,899 prefixes. Some minutes; not in the suite that scripts/test runs: `meson test -C build --suite full`.
readonly FULL_TABLE=901899
table=$(dirname "$0")/../../../shared/data/bgp-prefixes.txt.gz
if [ ! -r "$table" ]; then
	echo "skipped: no $table"
	exit 77
fi
ROUTES4=$FULL_TABLE SETTLE_S=300 HOLD_S=90 ROUTING_END_S=120
. "$(dirname "$0")/frr_restart.sh"
