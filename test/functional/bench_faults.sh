#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The cases of pdp-bench in which engines are killed or hang, in their quick form: 200 kills beside a VR that must not
# notice.
# What must hold on any machine does; how long an outage is, is not asked.
# shellcheck source=bench.sh
. "$PDP_SOURCE/test/functional/bench.sh"

bench_begin
cases="kill hang failover"
# shellcheck disable=SC2086 # words
bench_run $cases

python3 - "$scratch/all.json" "$cases" <<'END' || fail "the JSON is not as it should be"
import json, sys
results = {r["case"]: r for r in json.load(open(sys.argv[1]))}
assert list(results) == sys.argv[2].split(), list(results)
figures = {case: r["figures"] for case, r in results.items()}

f = figures["kill"]
assert f["kills"] == 200 and f["others_lost"] == 0 and f["others_reordered"] == 0 and f["mbufs_leaked"] == 0, f
assert 0 < f["outage_p50_ms"] <= f["outage_p99_ms"], f
blue = [row for row in results["kill"]["rows"] if "packets" in row]
assert blue[0]["packets"] > 100000, blue
f = figures["hang"]
assert f["false_alarms"] == 0 and f["others_lost"] == 0 and f["others_reordered"] == 0 and f["mbufs_leaked"] == 0, f
assert 0 < f["detect_p50_ms"] <= f["detect_p99_ms"] < 250, f
f = figures["failover"]
assert f["kills"] == 20 and 0 < f["p50_us"] <= f["p99_us"] and f["mbufs_leaked"] == 0, f
END
grep "seed" "$scratch/err"
echo "engines die, nobody else notices"
