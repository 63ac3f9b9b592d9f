#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""1,000 configured VRs of which two have engines: the node starts and forwards, and a packet costs each stage of the MD
what it costs with two VRs (figures are printed; ten times as much fails)."""
import harness
from harness import Node, check, ports, wait_for

PACKETS = 400000
WINDOWS = 6
FACTOR = 10


def vlan_vr(i, engines):
    return {"name": f"vr{i}", "plugin": "relay", "engines": engines,
            "vifs": [{"name": "a", "port": "net_loadgen0", "carrier": "vlan", "vlan": i + 1}]}


def cycles(n_vrs):
    """Cycles a packet of each stage, with two busy VRs among n_vrs."""
    last = n_vrs - 1
    vrs = [vlan_vr(i, 1 if i in (0, last) else 0) for i in range(n_vrs)]
    vdev = f"net_loadgen0,loop=closed,flows=64,mix=vlan:1+vlan:{last + 1}"
    with Node({"ports": ports("net_loadgen0"), "vrs": vrs}, [vdev]) as node:
        def stages():
            return node.stats()["node"]["stages"]
        used = {}
        # The least of some windows: the MD is put off its CPU in others.
        for _ in range(WINDOWS):
            before, received = stages(), sum(v["rx"] for v in node.stats()["vrs"].values())
            node.wait_received(received + PACKETS, seconds=30)
            after = stages()
            for name in before:
                packets = after[name]["packets"] - before[name]["packets"]
                cost = (after[name]["tsc"] - before[name]["tsc"]) / max(1, packets)
                used[name] = min(cost, used.get(name, cost))
        check(len(node.rows("vr list")) == n_vrs, "all VRs are listed")
        for name in ("vr0", f"vr{last}"):
            vr = node.vr(name)
            check(vr["tx"] > 1000, f"{name}: {vr}")
        # What is meant for a VR without engines is dropped by name, and costs nobody else.
        node.conserved()
        node.quiet()
    return used


def test_cost():
    few, many = cycles(2), cycles(1000)
    for name in few:
        print(f"{name}: {few[name]:.0f} cycles a packet with 2 VRs, {many[name]:.0f} with 1000")
        check(many[name] <= FACTOR * max(few[name], 20), f"{name}: {few[name]:.0f} cycles with 2 VRs, {many[name]:.0f} with 1000")


def test_no_engine():
    """Traffic for VRs that nobody serves."""
    vrs = [vlan_vr(i, 1 if i == 500 else 0) for i in range(1000)]
    with Node({"ports": ports("net_loadgen0"), "vrs": vrs}, ["net_loadgen0,rate=100000,mix=vlan:1,vrs=1000,flows=4000"]) as node:
        wait_for(lambda: node.vr("vr500")["rx"] > 50, "each VR has traffic")
        stats = node.quiet()
        served = stats["vrs"].pop("vr500")
        check(served["tx"] == served["rx"], f"{served}")
        check(all(v["drops"] in ({"no_engine": v["rx"]}, {}) for v in stats["vrs"].values()), "only no_engine")


harness.main()
