#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The cases of pdp-bench without peers, each in its quick form, several in one run: figures are there and possible, and
# nothing is left. How fast it is, is not asked here. And the plugin that measures refuses what it cannot do.
# shellcheck source=bench.sh
. "$PDP_SOURCE/test/functional/bench.sh"

bench_begin
cases="memory lvrm-1c lvrm-1d lvrm-1e europa-fig8 sealed"
# shellcheck disable=SC2086 # words
bench_run $cases

python3 - "$scratch/all.json" "$cases" <<'END' || fail "the JSON is not as it should be"
import json, sys
results = {r["case"]: r for r in json.load(open(sys.argv[1]))}
assert list(results) == sys.argv[2].split(), list(results)
figures = {case: r["figures"] for case, r in results.items()}
for case, r in results.items():
    assert sorted(r) == ["case", "figures", "machine", "rows"] and r["rows"], (case, sorted(r))
    assert all(isinstance(v, (int, float)) for v in r["figures"].values()), r["figures"]

f = figures["memory"]
assert 0.5 < f["engine_pss_mb"] < 200 and f["plugin_pss_mb"] < f["engine_pss_mb"] and f["hugepages_mb"] >= 2, f
sizes = [84, 148, 276, 532, 788, 1044, 1300, 1538]
assert all(figures["lvrm-1c"][f"mpps_{n}"] > 0 for n in sizes), figures["lvrm-1c"]
f = figures["lvrm-1d"]
assert f["saturation_mpps"] > 0 and 0 < f["p50_us"] <= f["p99_us"] <= f["p999_us"] <= f["max_us"], f
assert 0 < f["tenth_p50_us"] <= f["tenth_p99_us"], f
f = figures["lvrm-1e"]
assert f["idle_p50_us"] > 0 and f["load_p50_us"] > 0, f
for row in results["lvrm-1e"]["rows"]:
    assert row["messages"] > 0 and row["p50_us"] <= row["p99_us"] <= row["max_us"], row
assert len(results["lvrm-1e"]["rows"]) == 8
f = figures["europa-fig8"]
assert all(f[f"mpps_{2 ** n}"] > 0 for n in range(1, 11)), f
for row in results["europa-fig8"]["rows"]:
    assert row["red_mpps"] > 0 and row["blue_mpps"] > 0, row
f = figures["sealed"]
for size in (64, 512, 1500, 9000):
    names = ["ratio_64" if size == 64 else f"ratio_{size}_window", f"ratio_{size}_full", f"ratio_{size}_untouched"]
    assert all(f[name] > 0 for name in names), f
END

# A plugin that does not know what to do says so, and the node does not start.
pages_reserve 40 || skip "no hugepages"
cat >"$scratch/node.json" <<END
{"cpus": {"engines": [1]}, "ports": [{"name": "net_null0"}],
 "vrs": [{"name": "red", "plugin": "$PDP_BUILD/apps/pdp-bench/pdp_vr_ctlping.so",
          "args": {"out": "$scratch/ping", "size": 15}, "vifs": [{"name": "a", "port": "net_null0"}]}]}
END
rc=0
timeout 30 "$PDP_BUILD/apps/pdp-primary/pdp-primary" --lcores 0@0 --no-pci --file-prefix "$prefix" --vdev net_null0 \
	-- -c "$scratch/node.json" >"$scratch/err" 2>&1 || rc=$?
[ "$rc" -eq 1 ] || fail "a message too small: ends with $rc"
grep -q "size is 16..1024" "$scratch/err" || fail "a message too small is not said"
echo "all cases run and leave nothing"
