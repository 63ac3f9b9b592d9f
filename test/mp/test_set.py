#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""vr set: keys of running VRs changed under traffic, several at once, all or none; every refusal is a sentence with path
and remedy, and the node goes on as it was."""
import os
import subprocess

import harness
from harness import Node, check, ports, relay, wait_for

CTL = os.path.join(harness.BUILD, "apps/pdp-ctl/pdp-ctl")
CPU = harness.ENGINE_CPU


def node():
    vrs = [relay("red", "net_loadgen0", balance="rr", slots=256, source=["10.0.0.0/16"]),
           relay("blue", "net_loadgen0", slots=256, source=["10.1.0.0/16"])]
    return Node({"cpus": {"engines": [CPU]}, "ports": ports("net_loadgen0"), "vrs": vrs},
                ["net_loadgen0,rate=20000,flows=64,mix=src:10.0.0.0/16,vrs=2"])


def ctl(n, *words):
    return subprocess.run([CTL, "--file-prefix", n.prefix, *words], capture_output=True, text=True, timeout=60,
                          check=False)


def good(n, *words):
    done = ctl(n, "vr", "set", "red", *words)
    check(done.returncode == 0, f"{words}: {done.stderr}")


def bad(n, sentence, *words):
    before = n.ctl("vr show", vr="red"), harness.rows(n.ctl("slice list"))
    done = ctl(n, "vr", "set", "red", *words)
    check(done.returncode == 1 and sentence in done.stderr, f"{words}: {done.returncode} {done.stderr}")
    after = n.ctl("vr show", vr="red"), harness.rows(n.ctl("slice list"))
    for key in ("balance", "standby"):
        check(after[0][key] == before[0][key], f"{words} changed {key}")
    for key in ("policy", "min", "max"):
        check(after[0]["load"][key] == before[0]["load"][key], f"{words} changed {key}")
    guaranteed = [[(r["cpu"], r["vr"], r["guaranteed_pct"]) for r in rows] for _, rows in (before, after)]
    check(guaranteed[0] == guaranteed[1], f"{words}: {guaranteed}")


def running(n):
    return sum(e["state"] == "running" for e in n.engines("red").values())


def test_good():
    with node() as n:
        good(n, "engines=3", "balance=flow")
        wait_for(lambda: running(n) == 3, "three engines", 30)
        check(n.ctl("vr show", vr="red")["balance"] == "flow", "the balancer is another one")
        good(n, "engines=1..4", "policy=threshold", "threshold_pps=1000000", "standby=1")
        wait_for(lambda: running(n) == 1, "one engine", 60)
        shown = n.ctl("vr show", vr="red")
        check((shown["load"]["policy"], shown["load"]["min"], shown["load"]["max"]) == ("threshold", 1, 4), f"{shown}")
        good(n, "threshold_pps=50")
        wait_for(lambda: running(n) > 1, "more engines", 60)
        good(n, "engines=2", "balance=weighted", "weights=[1,3]")
        wait_for(lambda: running(n) == 2, "two engines", 60)
        check(n.ctl("vr show", vr="red")["load"]["policy"] == "fixed", "a number of engines is fixed")
        good(n, "power=70", f"cpus=[{CPU}]")
        held = [r for r in harness.rows(n.ctl("slice list")) if r["guaranteed_pct"]]
        check([(r["vr"], r["guaranteed_pct"], r["free_pct"]) for r in held] == [("red", 70, 30)], f"{held}")
        good(n, "rate_limit={\"pps\":1000,\"burst\":10}")
        wait_for(lambda: n.vr("red")["drops"].get("rate_limit", 0) > 100, "the limit", 30)
        good(n, "rate_limit={}", "power=0")
        n.set_loadgen("state=stop")
        n.quiet()


def test_bad():
    with node() as n:
        check(ctl(n, "vr", "set", "blue", "power=60").returncode == 0, "60 percent are to be had")
        bad(n, f"vrs[0].power: 50 percent cannot be guaranteed; free: 40 on CPU {CPU}; use less", "power=50")
        bad(n, "vrs[0].power: 1 engine cannot use 150 percent of one CPU; use at most 100", "power=150")
        bad(n, "vrs[0].engines: at least 4 and at most 1 cannot be; write \"1..4\"", "engines=4..1")
        bad(n, "vrs[0].engines: 65 cannot be a number of engines; use 0..64", "engines=65")
        bad(n, "vrs[0].cpus[0]: there is no CPU 1023; this machine has 0..", "cpus=[1023]")
        bad(n, f"vrs[0].cpus[0]: CPU {harness.MD_CPU} is not among cpus.engines", f"cpus=[{harness.MD_CPU}]")
        bad(n, "vrs[0].policy: \"dynamic\" chooses between engines", "policy=dynamic")
        bad(n, "vrs[0].plugin: it cannot be changed while the node runs; these can: engines, standby, policy",
            "plugin=relay")
        bad(n, "vrs[0]: nothing is to be changed; write KEY=VALUE with one of engines")
        # All or nothing: what stands before the mistake is not done either.
        bad(n, "vrs[0].balance: ", "engines=1..4", "standby=3", "balance=best")
        bad(n, "vrs[0].exclusive: 1 CPU for itself alone cannot be had; free in whole: nothing", "exclusive=true")
        done = ctl(n, "vr", "set", "green", "engines=2")
        check(done.returncode == 1 and "no VR is called \"green\"; there are: red blue" in done.stderr, done.stderr)
        n.conserved()
        check(running(n) == 1, "the node goes on as it was")


def test_exclusive():
    """A CPU that another VR has for itself is not to be had."""
    vrs = [relay("red", "net_loadgen0", engines=0, source=["10.0.0.0/16"]),
           relay("blue", "net_loadgen0", engines=0, exclusive=True, source=["10.1.0.0/16"])]
    with Node({"cpus": {"engines": [CPU]}, "ports": ports("net_loadgen0"), "vrs": vrs}, ["net_loadgen0,rate=100"]) as n:
        done = ctl(n, "vr", "set", "blue", "engines=1")
        check("VR red would be left without a CPU" in done.stderr, done.stderr)
        check(n.ctl("vr show", vr="blue")["load"]["max"] == 0, "nothing changed")


harness.main()
