#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""1, 2, 3 engines x all balancers x 1 and 2 MD lcores on one CPU: every packet is accounted for at any moment, every
engine has its share, and `flow` and `flow-jsq` keep the order of each flow."""
import harness
from harness import Node, check, ports, relay

BALANCERS = ("rr", "random", "weighted", "jsq")
BY_FLOW = ("flow", "flow-jsq")
RATE = 150000
PACKETS = 40000


def shares(node, vr):
    """What each engine of the VR received, as parts of 1."""
    got = [row["rx"] for row in node.engines(vr).values()]
    return [n / sum(got) for n in got]


def run(engines, lcores):
    # Four VRs told apart by source prefix share port 0; those by flow have one each, whose sink then sees no other's
    # reordering.
    vrs = [relay(name, "net_loadgen0", engines, balance=name, source=[f"10.{i}.0.0/16"])
           for i, name in enumerate(BALANCERS)]
    vrs[2]["weights"] = list(range(1, engines + 1))
    vrs += [relay(name, f"net_loadgen{i + 1}", engines, balance=name) for i, name in enumerate(BY_FLOW)]
    vdevs = [f"net_loadgen0,mix=src:10.0.0.0/16,vrs=4,flows=4000,rate={RATE}",
             *(f"net_loadgen{i + 1},flows=1000,rate={RATE // 3}" for i in range(len(BY_FLOW)))]
    with Node({"ports": ports("net_loadgen0", "net_loadgen1", "net_loadgen2"), "vrs": vrs}, vdevs, lcores) as node:
        packets = 0
        while packets < PACKETS:
            packets = min(v["rx"] for v in node.conserved()["vrs"].values())
        stats = node.quiet()
        for name, vr in stats["vrs"].items():
            check(vr["tx"] + vr["dropped"] == vr["rx"], f"{name}: {vr}")
            check(set(vr["drops"]) <= {"engine_full"}, f"{name}: {vr['drops']}")
            # All engines may have been off their CPU for most of it.
            check(vr["tx"] > vr["rx"] / 20, f"{name} forwarded {vr['tx']} of {vr['rx']}")
        for name in (*BALANCERS, *BY_FLOW):
            for i, share in enumerate(shares(node, name)):
                # An engine that was off its CPU for long hands packets over to others: no exact shares here, those are
                # the unit tests'.
                want = (i + 1) / sum(range(1, engines + 1)) if name == "weighted" else 1 / engines
                if name.endswith("jsq"):  # go by who is quick, and these share a CPU
                    check(share > 0.05, f"{name}/{i} has {share:.3f} of the packets")
                    continue
                check(0.6 * want < share < 1.5 * want, f"{name}/{i} has {share:.3f} of the packets, not {want:.3f}")
        for i, name in enumerate(BY_FLOW):
            sink, vr = node.loadgen(i + 1), stats["vrs"][name]
            check(sink["sink_reordered"] == 0 and sink["sink_duplicates"] == 0, f"{name} does not keep the order: {sink}")
            check(sink["source_lost"] == vr["dropped"], f"sink: {sink}, VR: {vr}")


def test_one_lcore():
    for engines in (1, 2, 3):
        run(engines, "0@MD")


def test_two_lcores_on_one_cpu():
    for engines in (1, 2, 3):
        run(engines, "0@MD,1@MD")


harness.main()
