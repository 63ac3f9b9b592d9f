#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# pdp-bench run hop --quick: the JSON has its shape, the node's packets balance, and nothing is left: no hugepage, no
# process, no file, be it at the end or when it is stopped in the middle. How fast it is, is not asked here.
set -euo pipefail
# shellcheck source=../../scripts/common.sh
. "$PDP_SOURCE/scripts/common.sh"

bench=$PDP_BUILD/apps/pdp-bench/pdp-bench
scratch=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || end_process "$pid" 30; pages_restore; rm -rf "$scratch"' EXIT
export TMPDIR=$scratch

skip() {
	echo "SKIP: $*"
	exit 77
}

fail() {
	echo "FAIL: $*" >&2
	cat "$scratch/err" >&2
	exit 1
}

[ "$(id -u)" -eq 0 ] || skip "wants root"
[ "$(nproc)" -ge 2 ] || skip "wants two CPUs"

# What is left of bench process $1.
leavings() {
	local prefix=pdpbench$1
	compgen -G "/run/dpdk/${prefix}n*" || :
	dpdk_leavings "${prefix}n[0-9]*"
	compgen -G "$scratch/pdp-bench-*" || :
	pgrep -af -- "--file-prefix[= ]${prefix}n" || :
}

no_process() {
	! pgrep -f -- "--file-prefix[= ]pdpbench${1}n" >/dev/null
}

nothing_left() {
	local left
	left=$(leavings "$1")
	[ -z "$left" ] || fail "left behind: $left"
}

pages=$(cat /proc/sys/vm/nr_hugepages)
"$bench" run hop --quick --json "$scratch/hop.json" >"$scratch/out" 2>"$scratch/err" &
pid=$!
wait "$pid" || fail "ends with $?"
nothing_left "$pid"
[ "$(cat /proc/sys/vm/nr_hugepages)" -eq "$pages" ] || fail "hugepages: $pages before, now $(cat /proc/sys/vm/nr_hugepages)"

python3 - "$scratch/hop.json" <<'END' || fail "the JSON is not as it should be"
import json, sys
r = json.load(open(sys.argv[1]))
assert sorted(r) == ["case", "figures", "machine", "rows"], sorted(r)
assert r["case"] == "hop" and r["machine"]["cpus"] >= 2 and r["machine"]["dpdk"], r["machine"]
rates = {(x["ports"], x["party"]): x for x in r["rows"] if "mpps" in x}
for ports in ("net_null", "net_loadgen"):
    for party in ("testpmd io", "testpmd mac", "pdp", "pdp, 2 engines on 1 CPU"):
        row = rates[ports, party]
        assert row["mpps"] > 0 and row["runs"] == 1 and len(row["all"]) == 1, row
cycles = [x for x in r["rows"] if "cycles of" in x]
assert len(cycles) == 4, cycles
for row in cycles:
    assert all(row[stage] > 0 for stage in ("receive", "classify", "send", "collect", "transmit", "engine")), row
figures = r["figures"]
assert all(isinstance(v, (int, float)) for v in figures.values()), figures
assert 1 < figures["line_round_trip_ns"] < 1e6, figures
assert {"ratio_vs_testpmd_mac", "two_engines_one_cpu_ratio", "pdp_mpps", "testpmd_mac_mpps"} <= set(figures), figures
absent = [x for x in r["rows"] if "absent" in x]
assert ("ratio_vs_client_server_mp" in figures) != bool(absent), (figures, absent)
END
grep -q "^ratio_vs_testpmd_mac" "$scratch/out" || fail "the table lacks a figure"

# Stopped in the middle, with processes running.
start_long() {
	"$bench" run hop --duration 30 --runs 1 >"$scratch/out" 2>"$scratch/err" &
	pid=$!
	wait_for 60 pgrep -f -- "dpdk-testpmd.*--file-prefix pdpbench${pid}n" || fail "nothing was started"
}

start_long
kill -TERM "$pid"
rc=0
wait "$pid" || rc=$?
[ "$rc" -eq 143 ] || fail "SIGTERM: ends with $rc, not 143"
nothing_left "$pid"
[ "$(cat /proc/sys/vm/nr_hugepages)" -eq "$pages" ] || fail "hugepages after SIGTERM: $(cat /proc/sys/vm/nr_hugepages)"

# Killed: its processes end with it, files of theirs stay. The pages are ours here, so that it has none to give back.
pages_reserve 300 || fail "no hugepages"
start_long
kill -KILL "$pid"
wait_for 10 no_process "$pid" || fail "processes survive: $(pgrep -af -- "--file-prefix[= ]pdpbench${pid}n")"
dpdk_clean "pdpbench${pid}n1"
pid=
echo "hop runs and leaves nothing"
