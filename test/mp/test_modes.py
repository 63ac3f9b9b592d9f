#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Ways to run: an MD that sleeps when idle, MD and engines on one CPU, engines that poll or sleep; what an engine takes of
memory."""
import os
import re
import time

import harness
from harness import MD_CPU, Node, check, ports, relay, wait_for

PSS_MAX_KB = 16 * 1024


def cpu_seconds(pid, thread=None):
    with open(f"/proc/{pid}/task/{thread or pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idle_share(pid, seconds=1.0):
    """CPU time that the main thread burns while nothing happens, as a part of one CPU."""
    before = cpu_seconds(pid)
    time.sleep(seconds)  # a measurement, not a wait
    return (cpu_seconds(pid) - before) / seconds


def test_adaptive_md():
    """Idle it sleeps, and traffic is served like by a busy one."""
    config = {"md": {"poll": "adaptive"}, "ports": ports("net_loadgen0"), "vrs": [relay("red", "net_loadgen0", slots=8192)]}
    with Node(config, ["net_loadgen0,rate=20000,flows=10,start=0"]) as node:
        share = idle_share(node.program.pid)
        check(share < 0.5, f"an idle adaptive MD takes {share:.2f} of a CPU")
        node.set_loadgen("state=start")
        node.wait_received(20000)
        red = node.quiet()["vrs"]["red"]
        check(red["tx"] == red["rx"], f"{red}")
        check(node.ctl("status")["md_poll"] == "adaptive", "status tells")
        share = idle_share(node.program.pid)
        check(share < 0.5, f"an adaptive MD that is idle again takes {share:.2f} of a CPU")


def test_one_cpu():
    """Everything on the MD's CPU: slow, but nothing is lost that is not counted."""
    config = {"cpus": {"engines": [MD_CPU], "share_md": True}, "md": {"poll": "adaptive"}, "ports": ports("net_loadgen0"),
              "vrs": [relay("red", "net_loadgen0", 2, slots=8192), relay("blue", "net_loadgen1", slots=8192)]}
    config["ports"] = ports("net_loadgen0", "net_loadgen1")
    for poll in ("adaptive", "busy"):
        config["md"]["poll"] = poll
        with Node(config, ["net_loadgen0,rate=5000,flows=100", "net_loadgen1,rate=5000"]) as node:
            node.wait_received(4000, "red")
            node.wait_received(4000, "blue")
            check(all(e["cpu"] == MD_CPU and e["idle"] == "sleep" for e in node.engines().values()), f"{node.engines()}")
            for vr in node.quiet(30)["vrs"].values():
                check(vr["tx"] > 0 and set(vr["drops"]) <= {"engine_full"}, f"{vr}")
            # The engine list tells that they slept.
            check(all(e["sleeps"] > 0 for e in node.engines().values()), f"{node.engines()}")


def test_poll_modes():
    """An engine alone on its CPU polls; with another one both sleep, and the one that is left polls again."""
    def modes():
        return {name: e["idle"] for name, e in node.engines().items() if e["state"] == "running"}

    with Node({"ports": ports("net_loadgen0"), "vrs": [relay("red", "net_loadgen0", slots=8192)]},
              ["net_loadgen0,rate=5000,flows=100"]) as node:
        check(modes() == {"red/0": "poll"}, f"{modes()}")
        second = harness.Program([harness.ENGINE, "--proc-type=secondary", f"--file-prefix={node.prefix}", "--", "--vr", "red"])
        node.others.append(second)
        wait_for(lambda: modes() == {"red/0": "sleep", "red/1": "sleep"}, "two engines on one CPU sleep")
        node.wait_received(node.vr("red")["rx"] + 2000)
        second.process.terminate()
        wait_for(lambda: modes() == {"red/0": "poll"}, "the one that is left polls")
        check(second.wait_exit() == 0, f"{second.said}")
        red = node.quiet()["vrs"]["red"]
        check(red["dropped"] == 0, f"{red}")
    for poll, mode in (("busy", "poll"), ("adaptive", "sleep")):
        with Node({"ports": ports("net_loadgen0"), "vrs": [relay("red", "net_loadgen0", 2 if poll == "busy" else 1, poll=poll)]},
                  ["net_loadgen0,rate=1000"]) as node:
            check(set(modes().values()) == {mode}, f"{poll}: {modes()}")


def test_memory():
    """Proportional set size of an engine, its share of hugepages not counted (they are the node's)."""
    with Node({"ports": ports("net_loadgen0"), "vrs": [relay("red", "net_loadgen0", 2)]}, ["net_loadgen0,rate=10000"]) as node:
        node.wait_received(5000)
        for name, row in node.engines("red").items():
            with open(f"/proc/{row['pid']}/smaps_rollup", encoding="ascii") as f:
                pss = int(re.search(r"^Pss:\s+(\d+) kB", f.read(), flags=re.M).group(1))
            print(f"{name}: {pss} kB proportional set size")
            check(pss <= PSS_MAX_KB, f"{name} takes {pss} kB, {PSS_MAX_KB} are allowed")


harness.main()
