#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The cases of pdp-bench that no other test runs, in their quick form: figures are there, and nothing is left.
# shellcheck source=bench.sh
. "$PDP_SOURCE/test/functional/bench.sh"

bench_begin
cases="pdp-fig9 pdp-fig11 europa-fig6 europa-fig7"
# The routing table is no part of the project.
[ ! -e "$PDP_SOURCE/../shared/data/bgp-prefixes.txt.gz" ] || cases+=" europa-fig5"
# shellcheck disable=SC2086 # words
bench_run $cases

python3 - "$scratch/all.json" "$cases" <<'END' || fail "the JSON is not as it should be"
import json, sys
results = {r["case"]: r for r in json.load(open(sys.argv[1]))}
assert list(results) == sys.argv[2].split(), list(results)
figures = {case: r["figures"] for case, r in results.items()}
f = figures["pdp-fig9"]
assert all(f[name] > 0 for name in ("pdp_mpps_84", "pdp_mpps_1538", "testpmd_mac_mpps_84", "tcp_ratio_vs_kernel")), f
assert all(figures["pdp-fig11"][f"mpps_{n}"] > 0 for n in (1, 2, 4, 8)), figures["pdp-fig11"]
f = figures["europa-fig6"]
assert f["mpps_1"] > 0 and f["mpps_8"] > 0 and 0 < f["jain_8"] <= 1, f
f = figures["europa-fig7"]
assert f["full_mpps"] > 0 and 0 < f["p50_us_10"] <= f["p99_us_10"], f
if "europa-fig5" in figures:
    assert figures["europa-fig5"]["mpps_2"] > 0, figures["europa-fig5"]
END
echo "all cases run and leave nothing"
