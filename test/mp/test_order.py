#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Order of packets through three engines that are slow and share a CPU: round robin disturbs it; flow-jsq does not, nor
does round robin with order restored, also while engines are killed."""
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
    # Packets of one flow, 25 us apart: engines that share a CPU differ by more than that sooner or later.
    with node_of(flows=1, balance="rr") as node:
        wait_for(lambda: reordered(node) > 0, "three engines by turns put something out of order", 30)
        node.quiet()


def test_flow_jsq():
    with node_of() as node:
        node.wait_received(20000)
        check(min(row["rx"] for row in node.engines().values()) > 1000, f"{node.engines()}")
        node.quiet()
        check(reordered(node) == 0, f"{node.loadgen(0)}")


def killed(lcores, **keys):
    with node_of(lcores, **keys) as node:
        for i in range(KILLS):
            node.wait_received(node.vr("red")["rx"] + 4000)
            kill_one(node, i % 3)
            node.conserved()
        vr = node.quiet()["vrs"]["red"]
        check(set(vr["drops"]) <= {"engine_died", "engine_full", "hold_full", "order_full"}, f"{vr}")
        check(vr["tx"] > vr["rx"] / 4, f"{vr}")
        check(reordered(node) == 0, f"{node.loadgen(0)}")


def test_flow_jsq_killed():
    killed("0@MD")
    killed("0@MD,1@MD")


def test_rr_restored():
    with node_of(balance="rr", order="restore") as node:
        node.wait_received(20000)
        stats = node.quiet()
        check(reordered(node) == 0, f"{node.loadgen(0)}")
        check(stats["vrs"]["red"]["tx"] > 10000, f"{stats['vrs']['red']}")


def test_rr_restored_killed():
    killed("0@MD", balance="rr", order="restore")
    killed("0@MD,1@MD", balance="jsq", order="restore")


def test_switched():
    with node_of(balance="rr", order="restore") as node:
        for balance, order in (("jsq", "restore"), ("flow-jsq", "none"), ("flow", "none"), ("flow-jsq", "none")):
            node.ctl("vr set", vr="red", balance=balance, order=order)
            node.wait_received(node.vr("red")["rx"] + 8000)
            node.conserved()
        node.quiet()
        # From jsq with its order restored to flow-jsq: what was under way then had no bucket.
        check(reordered(node) < 1000, f"{node.loadgen(0)}")
        refused = node.request("vr set", vr="red", order="restore")
        check(not refused["ok"] and "keeps the order of each flow already" in refused["error"], f"{refused}")


def test_plugin_that_holds():
    vr = relay("red", "net_loadgen0", plugin="t_hold", balance="rr", order="restore")
    node = Node({"ports": ports("net_loadgen0"), "vrs": [vr]}, ["net_loadgen0,rate=1000"], start=False)
    with node:
        node.refuse("engine red/0: VR red: its plugin holds packets", "use order \"none\"")
    vr = relay("red", "net_loadgen0", plugin="t_hold", balance="rr")
    with Node({"ports": ports("net_loadgen0"), "vrs": [vr]}, ["net_loadgen0,rate=1000"]) as node:
        refused = node.request("vr set", vr="red", order="restore")
        check(not refused["ok"] and "its plugin holds packets" in refused["error"], f"{refused}")
        check(node.ctl("vr show", vr="red")["order"] == "none", "the order changed")


harness.main()
