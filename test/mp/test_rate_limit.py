#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Rate limits of a VR and of a vif hold within some percent, with one MD lcore and with two that receive parts of the
VR's flows; what is above them is dropped by name; who has none loses nothing; every packet is accounted for."""
import time

import harness
from harness import Node, check, ports, relay, wait_for

PPS = 20000
KBPS = 8000
SIZE = 500
WINDOW_S = 4
BURST_S = 0.2
MORE, LESS = 1.06, 0.9  # a burst within the window; an MD that was off its CPU for longer than a burst


def passed(node, vr):
    """(packets that came through the limits, seconds before and after they were counted)"""
    before = time.monotonic()
    v = node.vr(vr)
    return v["rx"] - v["drops"].get("rate_limit", 0), before, time.monotonic()


def check_rates(node, limits):
    """In one window. limits: {VR: packets a second}"""
    first = {vr: passed(node, vr) for vr in limits}
    time.sleep(WINDOW_S)
    for vr, pps in limits.items():
        n, begin, begun = first[vr]
        m, end, ended = passed(node, vr)
        print(f"{vr}: {(m - n) / (end - begin):.0f} packets a second, the limit is {pps}")
        check(m - n <= MORE * pps * (ended - begin), f"{vr}: {m - n} packets in {ended - begin:.2f} s are above {pps} a second")
        check(m - n >= LESS * pps * (end - begun), f"{vr}: {m - n} packets in {end - begun:.2f} s are below {pps} a second")


def run(lcores):
    red = relay("red", "net_loadgen0", source=["10.0.0.0/16"], rate_limit={"pps": PPS, "burst": int(PPS * BURST_S)})
    blue = relay("blue", "net_loadgen0", source=["10.1.0.0/16"])
    blue["vifs"][0]["rate_limit"] = {"kbps": KBPS, "burst": int(KBPS * 125 * BURST_S)}
    green = relay("green", "net_loadgen0", source=["10.2.0.0/16"])
    vdev = f"net_loadgen0,mix=src:10.0.0.0/16@10+src:10.1.0.0/16+src:10.2.0.0/16,flows=300,rate={6 * PPS},size={SIZE}"
    with Node({"ports": ports("net_loadgen0"), "vrs": [red, blue, green]}, [vdev], lcores=lcores) as node:
        for vr in ("red", "blue"):
            wait_for(lambda name=vr: node.vr(name)["drops"].get("rate_limit"), f"{vr} is limited", 30)
        check_rates(node, {"red": PPS, "blue": KBPS * 125 / SIZE})
        node.conserved()
        stats = node.quiet()["vrs"]
        check(stats["green"]["rx"] > 0 and "rate_limit" not in stats["green"]["drops"], f"green: {stats['green']}")
        for name in ("red", "blue"):
            check(set(stats[name]["drops"]) <= {"rate_limit", "engine_full", "port_full"}, f"{name}: {stats[name]['drops']}")


def test_one_lcore():
    run("0@MD")


def test_two_lcores():
    run("0@MD,1@MD")


harness.main()
