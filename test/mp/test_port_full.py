#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A port that takes less than its VRs send: they share it by bytes on the wire, whatever each offers and however long
its packets are; who offers less than its share loses nothing; a node ends in order with its ports full."""
import harness
from harness import Node, check, ports, wait_for

VRS = 8  # half of them send short packets, half long ones; the first of each half five times as much as the others
LINE = "10mbps"
SMALL_PPS = 50  # of a ninth VR: a part of its share
WINDOW = 1200000  # bytes on the line, over which shares are compared: a slow machine takes longer
BACKLOG = 256  # PDP_BACKLOG_MAX


def jain(values):
    """Jain's index: 1 if all have the same, 1/n if one has everything."""
    return sum(values) ** 2 / (len(values) * sum(v * v for v in values))


def vr(i, port):
    """Takes VLAN i + 1 of a port to the same VLAN of the full one."""
    vifs = [{"name": name, "port": p, "carrier": "vlan", "vlan": i + 1} for name, p in (("in", port), ("out", "net_loadgen1"))]
    return {"name": f"vr{i}", "plugin": "relay", "slots": 512, "vifs": vifs}


def node(**more):
    vrs = [vr(i, "net_loadgen0" if i < VRS // 2 else "net_loadgen2") for i in range(VRS)] + [vr(VRS, "net_loadgen3")]
    mixes = ["+".join(f"vlan:{i + 1}@{5 if i % 4 == 0 else 1}" for i in half) for half in (range(4), range(4, VRS))]
    vdevs = [f"net_loadgen0,size=64,rate=40k,mix={mixes[0]}", f"net_loadgen1,start=0,tx_rate={LINE}",
             f"net_loadgen2,size=1500,rate=2k,mix={mixes[1]}", f"net_loadgen3,size=64,rate={SMALL_PPS},mix=vlan:{VRS + 1}"]
    return Node({"ports": ports(*(f"net_loadgen{i}" for i in range(4)), descriptors=64), "vrs": vrs}, vdevs, **more)


def sent(n):
    """Bytes on the wire that each VR has sent."""
    outs = [{row["vif"]: row for row in harness.rows(n.ctl("vr show", vr=f"vr{i}")["vifs"])} for i in range(VRS)]
    return [vifs["out"]["tx_bytes"] + 24 * vifs["out"]["tx"] for vifs in outs]


def wait_full(n):
    """Until every VR but the small one has lost packets for want of room."""
    wait_for(lambda: all(n.vr(f"vr{i}")["drops"].get("port_full") for i in range(VRS)), "all VRs have a backlog", 30)


def test_shares():
    with node() as n:
        wait_full(n)
        before = sent(n)
        wait_for(lambda: sum(sent(n)) - sum(before) >= WINDOW, "the line moves", 60)
        shares = [b - a for a, b in zip(before, sent(n))]
        print("bytes on the wire:", shares)
        check(jain(shares) >= 0.99, f"Jain's index of {shares} is {jain(shares):.4f}")
        stats = n.conserved()["vrs"]
        for i in range(VRS):
            check(stats[f"vr{i}"]["in_flight"] <= BACKLOG + 512, f"vr{i} holds {stats[f'vr{i}']['in_flight']} packets")
        stats = n.quiet()["vrs"]
        for i in range(VRS):
            check(set(stats[f"vr{i}"]["drops"]) <= {"port_full", "engine_full"}, f"vr{i}: {stats[f'vr{i}']['drops']}")
        small = stats[f"vr{VRS}"]
        check(small["rx"] > 0 and small["tx"] == small["rx"], f"the one within its share lost packets: {small}")
        sent_all = sum(v["tx"] for v in stats.values())
        wait_for(lambda: n.loadgen(1)["sink_sent"] == sent_all, "the sink gets what was sent")
        check(n.loadgen(1)["sink_reordered"] == 0, "no packet was overtaken")


def test_ends_while_full():
    with node() as n:
        wait_full(n)
        n.conserved()


def test_two_lcores():
    """Each lcore has its own queue of the port, and its own backlogs."""
    with node(lcores="0@MD,1@MD") as n:
        wait_full(n)
        n.conserved()
        small = n.quiet()["vrs"][f"vr{VRS}"]
        check(small["rx"] > 0 and small["tx"] == small["rx"], f"the one within its share lost packets: {small}")


harness.main()
