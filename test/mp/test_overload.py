#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""One VR is offered far more than its engines serve, another on the same port and the same engine CPU far less: the
small one loses nothing, the surplus of the big one is dropped as its own, and the pool never runs dry."""
import harness
from harness import Node, check, ports, relay, wait_for

SMALL_PPS = 2000
PACE = 5000  # of an engine
SLOTS = 4096  # more than its part of a full receive queue, which a machine that stood still leaves
PACKETS = 6000  # of the small VR


def run(big_engines, balance):
    vrs = [relay("small", "net_loadgen0", source=["10.0.0.0/16"], slots=SLOTS, args={"pace_pps": PACE}),
           relay("big", "net_loadgen0", engines=big_engines, balance=balance, source=["10.1.0.0/16"],
                 args={"pace_pps": PACE})]
    vdev = f"net_loadgen0,mix=src:10.0.0.0/16+src:10.1.0.0/16@{9 * big_engines},rxq=4096,flows=200," \
           f"rate={SMALL_PPS * (1 + 9 * big_engines)}"
    with Node({"ports": ports("net_loadgen0"), "vrs": vrs}, [vdev]) as node:
        node.wait_received(PACKETS, "small", 60)
        wait_for(lambda: node.conserved()["vrs"]["big"]["drops"].get("engine_full"), "the big one is in overload")
        stats = node.quiet(60)
        small, big = stats["vrs"]["small"], stats["vrs"]["big"]
        check(small["drops"] == {} and small["tx"] == small["rx"], f"the small VR lost packets: {small}")
        check(set(big["drops"]) == {"engine_full"} and big["tx"] > 0, f"the big VR: {big}")
        check(stats["ports"]["net_loadgen0"]["no_buffer"] == 0, f"the pool ran dry: {stats['ports']}")


def test_one_engine():
    run(1, "flow")


def test_two_engines_by_flow():
    run(2, "flow")


def test_two_engines_in_turns():
    run(2, "rr")


harness.main()
