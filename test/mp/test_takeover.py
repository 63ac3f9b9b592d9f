#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""An engine dies under traffic while a parked one stands by: that takes over at once, flows keep their order, nothing
waits for packets that are lost; and a crash says what it was and where."""
import os
import signal

import harness
from harness import Node, check, ports, relay, wait_for

KILLS = 10


def times(node, which, vr="red"):
    return node.ctl("vr times", vr=vr)[which]


def fresh(node, vr="red"):
    """The running engine of a VR, with its parked one behind it."""
    def ready():
        engines = node.engines(vr).values()
        running = [e for e in engines if e["state"] == "running" and e["rx"] > 50]
        return running if running and [e for e in engines if e["state"] == "parked"] else None
    return wait_for(ready, "one runs, one is parked")


def kill_often(balance, sig, **keys):
    vrs = [relay("red", "net_loadgen0", balance=balance, standby=1, slots=16384, **keys),
           relay("blue", "net_loadgen1", balance="flow", slots=16384)]
    vdevs = ["net_loadgen0,rate=20000,flows=100", "net_loadgen1,rate=2000,flows=100,rxq=65536"]
    with Node({"ports": ports("net_loadgen0", "net_loadgen1"), "vrs": vrs}, vdevs) as node:
        for i in range(KILLS):
            victim = fresh(node)[0]
            os.kill(victim["pid"], sig)
            wait_for(lambda i=i: len(times(node, "outage")) == i + 1, "another one serves")
            node.conserved()
        fresh(node)
        stats = node.quiet()
        red, blue = stats["vrs"]["red"], stats["vrs"]["blue"]
        check(blue["dropped"] == 0 and blue["tx"] == blue["rx"] > 0, f"blue: {blue}")
        for port, lost in ((0, red["dropped"]), (1, 0)):
            sink = {key: value for key, value in node.loadgen(port).items() if "hist" not in key}
            check(sink["sink_reordered"] == 0 and sink["source_lost"] == lost, f"{balance}: port {port}: {sink}")
        check(set(red["drops"]) <= {"engine_died"}, f"{balance}: red lost what its dead engines had, no more: {red}")
        outage = sorted(times(node, "outage"))
        print(f"{balance}, {sig.name}: outage {outage} us, lost {red['dropped']}")
        check(outage[len(outage) // 2] < 10000, f"{balance}: outage {outage} us")
        deaths = [e["last_death"] for e in node.engines("red").values() if e["deaths"]]
        check(deaths and all(f"killed by signal {int(sig)}" in d for d in deaths), f"{deaths}")
        return deaths


def test_kill():
    kill_often("flow-jsq", signal.SIGKILL)


def test_restored_order():
    kill_often("rr", signal.SIGKILL, order="restore")


def test_segv_from_outside():
    deaths = kill_often("flow-jsq", signal.SIGSEGV)
    check(all(f"sent by process {os.getpid()} in " in d for d in deaths), f"{deaths}")


def crashes(how, *words):
    """The last death tells signal, address and a backtrace that names the plugin."""
    vr = relay("red", "net_loadgen0", plugin="t_answer", args={"answer": how}, standby=1, slots=4096)
    with Node({"ports": ports("net_loadgen0"), "vrs": [vr]}, ["net_loadgen0,rate=5000"]) as node:
        row = wait_for(lambda: next((e for e in node.engines("red").values() if e["deaths"]), None), "a death")
        for word in words:
            check(word in row["last_death"], f"{how}: \"{word}\" is not in {row['last_death']}")
        wait_for(lambda: row["last_death"] in node.program.said, "the log says so too")
        check(len(times(node, "detect")) >= 1, "the crash told when it was")
        node.quiet()


def test_crash_told():
    crashes("segv", "killed by signal 11", " in ", "pdp_vr_t_answer.so+0x")
    crashes("wild", "killed by signal 11", "at address 0x1230", " in pdp_vr_t_answer.so+0x", " < pdp-engine+0x")
    crashes("die", "killed by signal 6", "pdp_vr_t_answer.so+0x")
    crashes("deep", "killed by signal 11", "in pdp_vr_t_answer.so+0x")


harness.main()
