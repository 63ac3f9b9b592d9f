#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Order of packets through three engines that are slow and share a CPU: round robin disturbs it, flow-jsq does not, also
while engines are killed."""
import os
import signal

import harness
from harness import Node, check, ports, relay, wait_for

PACE = 20000
RATE = 40000
KILLS = 6


def node_of(lcores="0@MD", flows=64, **keys):
    vr = relay("red", "net_loadgen0", 3, args={"pace_pps": PACE}, **keys)
    return Node({"ports": ports("net_loadgen0"), "vrs": [vr]}, [f"net_loadgen0,rate={RATE},flows={flows}"], lcores)


def reordered(node):
    sink = node.loadgen(0)
    check(sink["sink_duplicates"] == 0, f"{sink}")
    return sink["sink_reordered"]


def kill_one(node, number):
    row = node.engines()[f"red/{number}"]
    os.kill(row["pid"], signal.SIGKILL)

    def back():
        now = node.engines()[f"red/{number}"]
        return now["state"] == "running" and now["pid"] != row["pid"] and now["rx"] > 0
    wait_for(back, f"red/{number} comes back and gets packets")


def test_rr_disturbs():
    with node_of(balance="rr") as node:
        node.wait_received(20000)
        node.quiet()
        check(reordered(node) > 0, "three engines by turns, and nothing is out of order: this measures nothing")


def test_flow_jsq():
    with node_of() as node:
        node.wait_received(20000)
        check(min(row["rx"] for row in node.engines().values()) > 1000, f"{node.engines()}")
        node.quiet()
        check(reordered(node) == 0, f"{node.loadgen(0)}")


def test_flow_jsq_killed():
    for lcores in ("0@MD", "0@MD,1@MD"):
        with node_of(lcores) as node:
            for i in range(KILLS):
                node.wait_received(node.vr("red")["rx"] + 4000)
                kill_one(node, i % 3)
                node.conserved()
            stats = node.quiet()
            check(set(stats["vrs"]["red"]["drops"]) <= {"engine_died", "engine_full", "hold_full"}, f"{stats['vrs']['red']}")
            check(reordered(node) == 0, f"{node.loadgen(0)}")


harness.main()
