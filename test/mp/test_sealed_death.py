#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The end of a sealed engine: one that somebody kills is back at once, however often; one that ends itself is quarantined,
whatever it makes its end look like; and nothing of its sandbox outlives it."""
import contextlib
import glob
import os
import random
import signal
import subprocess
import time

import harness
from harness import Node, check, ports, relay, wait_for

KILLS = 12  # more than deaths_max
STARTS = 30


def sealed(**keys):
    return relay("red", "net_loadgen0", isolation="sealed", **keys)


def running(node, but=0):
    return wait_for(lambda: next((e for e in node.engines("red").values() if e["state"] == "running" and e["rx"] > 20 and
                                  e["pid"] != but), None), "an engine that gets packets")


def both(node):
    wait_for(lambda: sorted(e["state"] for e in node.engines("red").values()) == ["parked", "running"], "one runs, one is parked")


def sandboxed(node):
    """Processes in the groups of the node's sealed engines, or that left them, by their user."""
    found = []
    for status in glob.glob("/proc/[0-9]*/status"):
        try:
            with open(status, encoding="utf-8") as f:
                text = f.read()
        except OSError:
            continue
        if f"\nUid:\t{node.uid}\t" in text and "\nState:\tZ" not in text:
            found.append(int(status.split("/")[2]))
    return found


def node_of(uid, vr):
    node = Node({"ports": ports("net_loadgen0"), "vrs": [vr], "sandbox": {"uid_base": uid}}, ["net_loadgen0,rate=5000,flows=100"])
    node.uid = uid
    return node


def test_killed_often():
    """More kills than `deaths_max` in a row, by bubblewrap's own end and the engine's: no fault of the VR's."""
    with node_of(1900001000, sealed(standby=1)) as node:
        pid = 0
        for sig in (signal.SIGKILL, signal.SIGTERM) * (KILLS // 2):
            pid = running(node, but=pid)["pid"]
            os.kill(pid, sig)
        running(node, but=pid)
        check(not node.ctl("vr show", vr="red")["quarantine"], "quarantined, though it was killed from outside")
        node.quiet()


def test_pretended():
    """One that ends itself so that it looks like a kill."""
    vr = {"name": "red", "plugin": "t_answer", "args": {"answer": "pretend"}, "isolation": "sealed", "deaths_max": 3,
          "vifs": [{"name": "a", "port": "net_loadgen0"}]}
    with node_of(1900002000, vr) as node:
        wait_for(lambda: node.ctl("vr show", vr="red")["quarantine"], "the VR is quarantined")
        node.quiet()


def test_left_in_group():
    """Whatever is left in an engine's control group ends with it."""
    with node_of(1900003000, sealed()) as node:
        groups = glob.glob(f"/sys/fs/cgroup/**/pdp-{node.prefix}-sealed/red.0", recursive=True)
        check(groups, "the engine has a group")
        with subprocess.Popen(["sleep", "1000"]) as left:
            for group in groups:
                with open(f"{group}/cgroup.procs", "w", encoding="ascii") as f:
                    f.write(str(left.pid))
            pid = running(node)["pid"]
            os.kill(pid, signal.SIGKILL)
            try:
                wait_for(lambda: left.poll() is not None, "what was left in the group ends")
            finally:
                left.kill()
        running(node, but=pid)
        node.quiet()


def test_bubblewrap_killed():
    """The process around a running engine is killed, not the engine: that follows, and another one comes."""
    with node_of(1900005000, sealed(deaths_max=0)) as node:
        pid = 0
        for _ in range(KILLS):
            pid = running(node, but=pid)["pid"]
            with open(f"/proc/{pid}/status", encoding="utf-8") as f:
                init = int(next(line for line in f if line.startswith("PPid:")).split()[1])
            with open(f"/proc/{init}/status", encoding="utf-8") as f:
                outer = int(next(line for line in f if line.startswith("PPid:")).split()[1])
            os.kill(outer, signal.SIGKILL)
        running(node, but=pid)
        node.quiet()


def test_killed_while_it_starts():
    """Its launcher is killed at some moment of its start, again and again: nobody of the VR's user is left in the end."""
    rng = random.Random(1)
    with node_of(1900004000, sealed(standby=1, deaths_max=0)) as node:
        pid = 0
        for _ in range(STARTS):
            both(node)
            known = {e["pid"] for e in node.engines("red").values()}
            pid = running(node, but=pid)["pid"]
            os.kill(pid, signal.SIGKILL)
            deadline = time.monotonic() + harness.WAIT_S
            while not (fresh := {e["pid"] for e in node.engines("red").values()} - known - {0}):
                check(time.monotonic() < deadline, "another one starts")
                time.sleep(0.0005)
            time.sleep(rng.uniform(0, 0.008))
            with contextlib.suppress(ProcessLookupError):
                os.kill(fresh.pop(), signal.SIGKILL)
        both(node)
        # Each of the two is a process that waits, the init of a namespace, and the engine.
        wait_for(lambda: len(sandboxed(node)) == 6, f"two sandboxes are left, of {sandboxed(node)}")
        node.quiet()
    wait_for(lambda: not sandboxed(node), "nothing of them outlives the node")


harness.main()
