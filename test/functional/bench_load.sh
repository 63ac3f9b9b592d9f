#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The cases of pdp-bench that are about several engines, each in its quick form: what must hold on any machine does,
# however busy it is; figures are there.
# shellcheck source=bench.sh
. "$PDP_SOURCE/test/functional/bench.sh"

bench_begin
cases="lvrm-2a lvrm-2b lvrm-2c lvrm-2d boundary lvrm-3a lvrm-3b pdp-tab1 pdp-tab2 pdp-fig13 scale one-cpu cost"
# shellcheck disable=SC2086 # words
bench_run $cases

python3 - "$scratch/all.json" "$cases" <<'END' || fail "the JSON is not as it should be"
import json, sys
results = {r["case"]: r for r in json.load(open(sys.argv[1]))}
assert list(results) == sys.argv[2].split(), list(results)
figures = {case: r["figures"] for case, r in results.items()}
rows = {case: r["rows"] for case, r in results.items()}
for case, r in results.items():
    assert r["rows"] and all(isinstance(v, (int, float)) for v in r["figures"].values()), (case, r["figures"])

where = {row["engine on"]: "absent" in row for row in rows["lvrm-2a"]}
assert len(where) == 5 and not where["kernel's choice"] and not where["same CPU as the MD"], where
assert figures["lvrm-2a"]["kernel_mpps"] > 0 and figures["lvrm-2a"]["same_mpps"] > 0, figures["lvrm-2a"]

f = figures["lvrm-2b"]
assert 0 < f["paced_kpps_1"] and 0 < f["paced_kpps_6"] and 0 < f["paced_of_ideal_min"] <= 1.2, f
assert {row["engines"] for row in rows["lvrm-2b"]} == {1, 6}, rows["lvrm-2b"]

# Others on the CPUs keep packets away from the monitor, and engines from their packets: then it only has to have worked.
def undisturbed(case):
    return not any(row.get("disturbed") for row in rows[case])

for case in ("lvrm-2c", "lvrm-2d"):
    f = figures[case]
    assert f["steps_right"] >= 0.9 or not undisturbed(case), (case, f, rows[case])
    assert 0 <= f["dynamic_steps_right"] <= 1, f
    assert max(max(row["engines"]) for row in rows[case] if "at_s" in row and row["engines"]) >= 2, rows[case]
f = figures["lvrm-2c"]
assert f["engines"] >= 1 and f["slower_engines"] > f["engines"], f
f = figures["boundary"]
assert f["changes_max"] <= 1 or not undisturbed("boundary"), (f, rows["boundary"])

f = figures["lvrm-3a"]
for way in ("jsq", "rr", "random", "weighted", "flow", "flow_jsq"):
    assert f[way + "_kpps"] > 0 and f[way + "_p50_us"] > 0, (way, f)
assert f["rr_jain_engines"] > 0.99 and f["flow_out_of_order_pct"] == 0 == f["flow_jsq_out_of_order_pct"], f

f = figures["lvrm-3b"]
assert 0 < f["two_of_ideal"] < 1.2 and f["jain_8"] > 0.5 and f["port_jain_8"] > 0.5, f
assert 0.5 < f["small_flow_delivered_min"] <= f["small_flow_delivered"] <= 1, f

f = figures["pdp-tab1"]
for n in (1, 2, 3):
    assert f[f"rr_{n}_pct"] >= 0, f
    assert all(f[f"{way}_{n}_reordered"] == 0 for way in ("restore", "flow", "flow_jsq")), f
assert f["lost"] == 0 and f["rr_tcp_out_of_order"] > 0, f
assert all(row["tcp_mbps"] > 0 for row in rows["pdp-tab1"] if "tcp_mbps" in row)

f = figures["pdp-tab2"]
assert all(f[way + "_p99_us"] > 0 and f[way + "_loss_pct"] >= 0 for way in ("rr", "weighted", "jsq")), f

assert rows["pdp-fig13"] and all(row["mbps"] > 0 and row["engines"] == 3 for row in rows["pdp-fig13"]), rows["pdp-fig13"]

f = figures["scale"]
assert f["lost"] == 0 and 0 < f["grow_p50_us"] <= f["grow_p99_us"] and f["cycles"] == 5 and f["reordered"] == 0, f

f = figures["one-cpu"]
assert f["light_least"] > 0 and f["overload_least"] > 0 and f["light_jain"] > 0.9 and f["overload_jain"] > 0.9, f

f = figures["cost"]
assert f["full_mpps"] > 0 and f["flow_cycles"] > 0 and f["flow_jsq_cycles"] > 0 and len([k for k in f if k.endswith("_cpu_s_per_mpkt")]) == 6, f
assert f["adaptive_0_cpus"] < f["busy_0_cpus"], f
END
echo "all cases run and leave nothing"
