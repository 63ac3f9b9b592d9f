#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""kill -9 of an engine under traffic, twenty times: the node lives, the other VR loses nothing, the pool balances, and
the engine comes back."""
import os
import signal

import harness
from harness import Node, check, ports, relay, wait_for

KILLS = 20


def kill_and_wait(node, name):
    """Kill a running engine; back when another process has its place and gets packets."""
    row = wait_for(lambda: next((r for r in [node.engines()[name]] if r["state"] == "running" and r["rx"] > 100), None),
                   f"{name} gets packets")
    os.kill(row["pid"], signal.SIGKILL)

    def back():
        now = node.engines()[name]
        return now["state"] == "running" and now["pid"] not in (0, row["pid"]) and now["deaths"] == row["deaths"] + 1
    wait_for(back, f"{name} comes back")
    return row["pid"]


def run(engines, lcores):
    vrs = [relay("red", "net_loadgen0", engines, balance="rr"), relay("blue", "net_loadgen1", balance="flow", slots=16384)]
    vdevs = ["net_loadgen0,rate=100000,flows=100", "net_loadgen1,rate=2000,flows=100,rxq=65536"]
    with Node({"ports": ports("net_loadgen0", "net_loadgen1"), "vrs": vrs}, vdevs, lcores) as node:
        for i in range(KILLS // 2):
            pid = kill_and_wait(node, f"red/{i % engines}")
            check(not harness.alive(pid), f"process {pid} is not gone")
            node.conserved()
        stats = node.quiet()
        red, blue = stats["vrs"]["red"], stats["vrs"]["blue"]
        check(blue["dropped"] == 0 and blue["tx"] == blue["rx"] > 0, f"blue: {blue}")
        sink = node.loadgen(1)
        check(sink["source_lost"] == 0 and sink["sink_reordered"] == 0, f"blue's traffic: {sink}")
        check(set(red["drops"]) <= {"engine_died", "no_engine", "engine_full"}, f"red: {red}")
        check(("no_engine" in red["drops"]) == (engines == 1), f"red with {engines} engines: {red}")
        left = [f for f in os.listdir(node.runtime) if f.startswith("fbarray_") and f.count("_") > 1]
        check(len(left) <= 4 * (engines + 1), f"files of dead engines: {left}")


def test_one_engine():
    run(1, "0@MD")


def test_two_engines_two_lcores():
    run(2, "0@MD,1@MD")


harness.main()
