#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# pdp-bench's case fib in its quick form, with the full routing table: lib/fib says what DPDK's rte_fib says, and takes
# the memory that it may. How fast it is, is not asked here. Without the table it says so.
set -euo pipefail

bench=$PDP_BUILD/apps/pdp-bench/pdp-bench
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export TMPDIR=$scratch

skip() {
	echo "SKIP: $*"
	exit 77
}

fail() {
	echo "FAIL: $*" >&2
	tail -20 "$scratch/err" >&2
	exit 1
}

[ "$(id -u)" -eq 0 ] || skip "wants root"
[ "$(nproc)" -ge 2 ] || skip "wants two CPUs"
[ "$(awk '/MemAvailable/ {print $2}' /proc/meminfo)" -gt 2000000 ] || skip "wants 2 GB of free memory for rte_fib"

rc=0
timeout 200 "$bench" run fib --quick --json "$scratch/fib.json" >"$scratch/out" 2>"$scratch/err" || rc=$?
if [ ! -e "$PDP_SOURCE/../shared/data/bgp-prefixes.txt.gz" ]; then
	[ "$rc" -eq 1 ] || fail "without the table it ends with $rc"
	grep -q "bgp-prefixes.txt.gz is not here" "$scratch/err" || fail "it does not say that the table is missing"
	skip "no ../shared/data/bgp-prefixes.txt.gz"
fi
if grep -q "hugepages cannot be reserved" "$scratch/err"; then
	skip "no hugepages for rte_fib"
fi
[ "$rc" -eq 0 ] || fail "ends with $rc"

python3 - "$scratch/fib.json" <<'END' || fail "the figures are not as they should be"
import json, sys
result = json.load(open(sys.argv[1]))
f = result["figures"]
assert f["full_table_mb"] <= 40 and f["small_mb"] <= 1 and f["full_table6_mb"] < 64, f
assert f["private_mb"] <= 64 and f["private6_mb"] <= 64, f
for six, rte in (("", "rte_fib"), ("6", "rte_fib6")):
    assert f[f"load{six}_ratio_vs_{rte}"] > 0 and f[f"lookup{six}_ratio_vs_{rte}"] > 0, f
    assert 0 < f[f"update{six}_p50_us"] <= f[f"update{six}_p99_us"], f
END
echo "lib/fib and rte_fib agree"
