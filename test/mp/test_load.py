#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Engines come and go with the load: steps up and down by threshold and by what engines were seen to serve; a dry run;
guarantees and exclusive CPUs that cannot be had are refused at the start."""
import json
import os

import harness
from harness import Node, check, ports, relay, wait_for

PACE = 5000  # packets a second of one engine
STEP_S = 60  # a busy machine delivers late and unevenly; what is asserted comes in the end
MONITOR = {"tau_ms": 500, "dwell_ms": 200}


def load(node, vr="red"):
    return node.ctl("vr show", vr=vr)["load"]


def running(node):
    return sum(e["state"] == "running" for e in node.engines("red").values())


def steps(node):
    """1 -> 3 -> 1 engines, and no packet lost on the books."""
    for rate, want in ((PACE * 0.4, 1), (PACE * 2.5, 3), (PACE * 0.4, 1)):
        node.set_loadgen(f"rate={int(rate)}")
        wait_for(lambda want=want: load(node)["wanted"] == want and running(node) == want, f"{want} engines at {rate:.0f}",
                 STEP_S)
    node.set_loadgen("state=stop")
    node.quiet()


def red(**keys):
    return relay("red", "net_loadgen0", engines="1..4", balance="rr", slots=256, args={"pace_pps": PACE}, **keys)


def test_threshold():
    with Node({"monitor": MONITOR, "ports": ports("net_loadgen0"),
               "vrs": [red(policy="threshold", threshold_pps=PACE)]}, ["net_loadgen0,rate=1000,flows=64"]) as node:
        steps(node)
        log = harness.rows(node.ctl("monitor log", vr="red"))
        check({"grow", "shrink"} <= {e["why"] for e in log}, f"log: {log}")
        check(all(e["done"] for e in log if e["why"] != "held"), f"log: {log}")
        grown = next(e for e in log if e["why"] == "grow")
        check(grown["reason"].startswith("threshold: ") and "engine" in grown["reason"], f"reason: {grown}")
        check(len(harness.rows(node.ctl("monitor log", last=1))) == 1, "last=1")
        times = {r["change"]: r for r in harness.rows(node.ctl("vr show", vr="red")["changes"])}
        check(times["let_in"]["count"] + times["cold_start"]["count"] >= 2, f"times: {times}")


def test_dynamic():
    """Nothing is typed in but that engines may be busy all the time."""
    with Node({"monitor": MONITOR, "ports": ports("net_loadgen0"), "vrs": [red(target_pct=100)]},
              ["net_loadgen0,rate=1000,flows=64"]) as node:
        steps(node)
        learnt = [e["capacity_pps"] for e in harness.rows(load(node)["engines"]) if e["capacity_pps"]]
        check(learnt and max(learnt) < PACE * 1.01, f"learnt {learnt}")
        held = harness.rows(node.ctl("slice list"))
        check({r["vr"] for r in held if r["vr"]} == {"red"}, f"slices: {held}")


def test_sample():
    """config/load.json as README shows it: the second step of the profile takes more than one engine."""
    with open(os.path.join(harness.SOURCE, "config/load.json"), encoding="utf-8") as f:
        config = {**json.load(f), "cpus": {"engines": [harness.ENGINE_CPU]}}
    with Node(config, ["net_loadgen0,flows=1000,profile=30000:2+130000:5,profile_end=hold", "net_loadgen1,start=0"]) as node:
        wait_for(lambda: running(node) > 1, "a second engine", STEP_S)
        node.set_loadgen("rate=10000")
        wait_for(lambda: running(node) == 1, "one engine again", STEP_S)
        node.set_loadgen("state=stop")
        node.quiet()


def test_dry_run():
    with Node({"monitor": {"dry_run": True, **MONITOR}, "ports": ports("net_loadgen0"),
               "vrs": [red(policy="threshold", threshold_pps=PACE)]},
              [f"net_loadgen0,rate={PACE * 5 // 2},flows=64"]) as node:
        wait_for(lambda: load(node)["wanted"] == 3, "3 engines would do", STEP_S)
        log = harness.rows(node.ctl("monitor log"))
        check(log and not any(e["done"] for e in log), f"log: {log}")
        check(running(node) == 1, "a dry run changes nothing")


def test_refused():
    """What cannot be had is said before anything starts, with place and remedy."""
    cpus = {"engines": [harness.ENGINE_CPU]}
    one = relay("red", "net_loadgen0", source=["10.8.0.0/16"])
    two = relay("blue", "net_loadgen0", source=["10.9.0.0/16"])
    cases = [
        ([{**one, "power": 60}, {**two, "power": 60}],
         f"vrs[1].power: 60 percent cannot be guaranteed; free: 40 on CPU {harness.ENGINE_CPU}; use less, or give "
         "cpus.engines more CPUs"),
        ([{**one, "exclusive": True, "cpus": cpus["engines"]}, {**two, "cpus": cpus["engines"]}],
         f"vrs[1].cpus: CPU {harness.ENGINE_CPU} is VR red's alone; take another, or set \"exclusive\" of that VR to "
         "false"),
        ([{**one, "exclusive": True}, two], "vrs[1].engines: every CPU is another VR's alone; give cpus.engines more"),
    ]
    for vrs, sentence in cases:
        with Node({"cpus": cpus, "ports": ports("net_loadgen0"), "vrs": vrs}, ["net_loadgen0"], start=False) as node:
            node.refuse(sentence)


harness.main()
