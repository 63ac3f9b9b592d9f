#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Cases of pdp-bench whose nodes have a control plane, in their quick form: figures are there, and no namespace, keeper of
# interfaces or note is left. One that is killed cannot clean up: the next one does.
# shellcheck source=bench.sh
. "$PDP_SOURCE/test/functional/bench.sh"

bench_begin
cases="pdp-fig10 pdp-tab3"
# The routing table is no part of the project.
[ ! -e "$PDP_SOURCE/../shared/data/bgp-prefixes.txt.gz" ] || cases+=" pdp-fig12 pdp-fig14 pdp-fig15 pdp-fig16"

keeper_of() {
	[ -n "$(keeper_pids "pdpbench$1n[0-9]*")" ]
}

"$bench" run pdp-fig10 --quick >"$scratch/out" 2>"$scratch/err" &
pid=$!
wait_for 60 keeper_of "$pid" || fail "no node with a control plane comes"
kill -KILL "$pid"
wait "$pid" || :
killed=$pid
[ -n "$(bench_left "$killed")" ] || fail "one that was killed left nothing: this test has no sense"

# shellcheck disable=SC2086 # words
bench_run memory $cases
left=$(bench_left "$killed")
[ -z "$left" ] || fail "still there of one that was killed: $left"

python3 - "$scratch/all.json" <<'END' || fail "the JSON is not as it should be"
import json, sys
figures = {r["case"]: r["figures"] for r in json.load(open(sys.argv[1]))}
assert all(figures["pdp-fig10"][f"mpps_{n}"] > 0 for n in (1, 2, 3)), figures
f = figures["pdp-tab3"]
assert all(f[name] > 0 for name in ("rtt_us", "adaptive_rtt_us", "kernel_rtt_us", "rtt_ratio_vs_kernel")), f
if "pdp-fig15" in figures:
    f = figures["pdp-fig12"]
    assert all(f[name] > 0 for name in ("large_fib_ratio", "mpps_170k", "mpps_2", "ratio_170k_vs_testpmd_mac")), f
    f = figures["pdp-fig14"]
    assert f["routes_1000_ms"] > 0 and f["dump_routes_per_s"] > 0 and f["mirror_overhead"] > -1 and f["private_mb"] > 0, f
    f = figures["pdp-fig16"]
    assert all(f[name] > 0 for name in ("tcp_ratio", "tcp_ratio_kernel", "tcp_ratio_daemon", "routes_per_s", "probes")), f
    assert f["wrong_hop"] == 0, f
    f = figures["pdp-fig15"]
    assert all(f[name] > 0 for name in ("ms_1_engine", "ms_8_engines", "ratio_8_vs_1", "1000_routes_ms_8_engines")), f
END
echo "all cases run and leave nothing"
