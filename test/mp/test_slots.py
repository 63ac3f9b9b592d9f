#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Few and many slots, with and without BLANKs: an engine that does not keep up never has more packets than slots, the
rest is counted as engine_full."""
import harness
from harness import Node, check, ports, relay, wait_for

PACE = 20000
SLOTS = (2, 64, 1024)


def check_vr(node, name, slots, vr):
    check(vr["drops"].get("engine_full", 0) > 0, f"{name} was never full: {vr}")
    check(set(vr["drops"]) == {"engine_full"}, f"{name}: {vr['drops']}")
    check(vr["tx"] > slots, f"{name} forwarded {vr['tx']}")
    check(node.engines(name)[f"{name}/0"]["lies"] == {}, f"{name} lies: {node.engines(name)}")


def run(slots, rate):
    vrs = [relay(f"s{n}", "net_loadgen0", slots=n, blank_slots=0 if i % 2 else 32, args={"pace_pps": PACE},
                 source=[f"10.{i}.0.0/16"]) for i, n in enumerate(slots)]
    vdev = f"net_loadgen0,mix=src:10.0.0.0/16,vrs={len(slots)},rate={rate}"
    with Node({"ports": ports("net_loadgen0"), "vrs": vrs}, [vdev]) as node:
        for n in slots:
            def full(name=f"s{n}"):
                vr = node.conserved()["vrs"][name]
                check(vr["in_flight"] <= n, f"{name} has {vr['in_flight']} packets in flight, and {n} slots")
                return vr["drops"].get("engine_full")
            wait_for(full, f"s{n} is full")
        stats = node.quiet()
        for n in slots:
            check_vr(node, f"s{n}", n, stats["vrs"][f"s{n}"])


def test_few():
    run(SLOTS, len(SLOTS) * PACE * 3)


def test_most():
    run((32768,), 400000)


harness.main()
