#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# pdp-sim-slice: the same seed gives the same day, another seed another one; CPUs that follow the load are fewer than
# CPUs for the peak, and hardly any load is left over.
set -euo pipefail

sim=$PDP_BUILD/apps/pdp-bench/pdp-sim-slice

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

rc=0
"$sim" dynamic 64 2>/dev/null || rc=$?
[ "$rc" = 2 ] || fail "too few arguments end with $rc"
once=$("$sim" dynamic 64 200 6 1)
[ "$once" = "$("$sim" dynamic 64 200 6 1)" ] || fail "the same seed gives another day"
[ "$once" != "$("$sim" dynamic 64 200 6 2)" ] || fail "another seed gives the same day"
fixed=$("$sim" fixed 64 200 6 1)
jq -e --argjson fixed "$fixed" '.used >= .ideal and .used < 0.9 * $fixed.used and .used_max <= 64 and .short_pct < 1
	and .moves > 0 and .asked > .rejected' <<<"$once" >/dev/null || fail "dynamic $once, fixed $fixed"
# A machine that is too small refuses some, and never uses more than it has.
small=$("$sim" dynamic 8 200 6 1)
jq -e '.rejected > 0 and .used_max <= 8' <<<"$small" >/dev/null || fail "8 CPUs: $small"
echo "days are repeatable, and load-aware slices take fewer CPUs"
