#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A sealed VR that means harm: what it calls is refused from its constructor on, with hugepages and without; what it says
of itself does not make the node forget it, and its log is its own."""
import os
import re

import harness
from harness import Node, check, ports, relay, wait_for

PLUGIN = os.path.join(harness.BUILD, "apps/pdp-bench/pdp_vr_hostile.so")
NO_HUGE = ("--no-huge", "-m", "200")
PROBES = 50  # calls that are told of at least


def node_of(attempt, place, eal=(), **keys):
    """Red, which tries, and blue, which must not notice; nothing of this node wants hugepages."""
    red = relay("red", "net_loadgen0", 0, plugin=PLUGIN, isolation="sealed", args={"try": attempt, "from": place}, slots=4096, **keys)
    blue = relay("blue", "net_loadgen1", isolation="sealed", balance="flow", slots=16384)
    return Node({"ports": ports("net_loadgen0", "net_loadgen1"), "vrs": [red, blue]},
                ["net_loadgen0,rate=10000,flows=100", "net_loadgen1,rate=2000,flows=100,rxq=65536"], eal=eal)


def let_in(node):
    node.ctl("vr resize", vr="red", engines=1)


def told(node, attempt, place):
    """Lines of the plugin, which begin with the engine's name."""
    return re.findall(rf"^red/0\| hostile: {attempt} from {place}: (.*)$", node.program.said, re.MULTILINE)


def unhurt(node):
    stats = node.quiet()
    blue, sink = stats["vrs"]["blue"], node.loadgen(1)
    check(blue["dropped"] == 0 and blue["tx"] == blue["rx"] > 0, f"blue: {blue}")
    check(sink["sink_reordered"] == 0 and sink["source_lost"] == 0, f"blue: {sink}")


def calls(place, eal):
    with node_of("calls", place, eal) as node:
        let_in(node)
        wait_for(lambda: any(line.startswith("threads that spin") for line in told(node, "calls", place)), "the last call", 30)
        results = dict(line.rpartition(": ")[::2] for line in told(node, "calls", place)
                       if ": " in line and "threads" not in line)
        check(len(results) >= PROBES, f"{len(results)} calls are told of: {results}")
        for call, what in results.items():
            ways = {"EPERM"} | ({"ENOSYS"} if call == "clone3" else set())
            if place in ("constructor", "init"):  # files may be read while it is loaded, and there are none
                ways |= {"ENOENT"} if call.startswith("/") else {"EFAULT"} if call.startswith("seccomp") else set()
            check(what in ways, f"{call} from {place}: {what}")
        threads = int(re.search(r"threads that spin: (\d+), then EAGAIN", node.program.said).group(1))
        check(threads < 16, f"{threads} threads")
        wait_for(lambda: node.loadgen(1)["source_received"] > 500, "blue's packets")
        unhurt(node)


def test_calls():
    calls("constructor", ())
    calls("process", NO_HUGE)


def test_death():
    """Its status page says now and then that it is dead."""
    with node_of("death", "thread", NO_HUGE, deaths_max=2) as node:
        let_in(node)
        why = wait_for(lambda: node.ctl("vr show", vr="red")["quarantine"], "red is quarantined")
        check("it said that its loop had ended, and ran on" in why, why)
        unhurt(node)


def test_noise():
    """Status page and region of noise: the control socket answers, the VR ends in quarantine or goes on."""
    with node_of("status", "thread", NO_HUGE) as node:
        let_in(node)
        for _ in range(50):
            for cmd in ("vr show", "vr times"):
                node.ctl(cmd, vr="red")
            node.engines("red")
        unhurt(node)


def test_own_error():
    """An attempt that does not exist is refused."""
    with node_of("nonsense", "process", NO_HUGE) as node:
        let_in(node)
        wait_for(lambda: "init() of plugin" in node.program.said, "it is refused", 20)
        check("one of its attempts" in node.program.said, node.program.said)
        unhurt(node)


harness.main()
