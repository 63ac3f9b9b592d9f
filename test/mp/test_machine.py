#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Which CPUs engines take: nearest to the MD first, on a machine that a folder like sysfs describes."""
import os

import harness
from harness import CPUS, ENGINE_CPU, MD_CPU, START_S, Node, check, ports, relay, wait_for


def machine(node, online=CPUS, l3=None):
    """A folder like sysfs for a node that has not been started: two CPUs with an L3 each, or in common."""
    root = os.path.join(node.folder, "sysfs")
    files = {"online": ",".join(map(str, online))}
    for cpu in CPUS:
        files |= {f"cpu{cpu}/topology/thread_siblings_list": cpu, f"cpu{cpu}/cache/index0/level": 3,
                  f"cpu{cpu}/cache/index0/shared_cpu_list": cpu if l3 is None else l3}
    for name, text in files.items():
        path = os.path.join(root, "devices/system/cpu", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as f:
            print(text, file=f)
    if "--sysfs" not in node.args:
        node.args += ["--sysfs", root]


def test_order():
    """cpu list tells how near each CPU is; without cpus.engines the MD's own comes last."""
    config = {"cpus": {}, "ports": ports("net_loadgen0"), "vrs": [relay("red", "net_loadgen0", 2)]}
    for l3, near, share_md in ((None, "node", True), ("0-1023", "l3", False)):
        config["cpus"]["share_md"] = share_md
        node = Node(config, ["net_loadgen0,rate=1000"], start=False)
        machine(node, l3=l3)
        with node:
            node.start()
            rows = {row["cpu"]: row for row in node.rows("cpu list")}
            check(rows[MD_CPU]["near"] == "md" and rows[ENGINE_CPU]["near"] == near, f"{rows}")
            check("MD lcore 0" in rows[MD_CPU]["used_by"] and "red/0" in rows[ENGINE_CPU]["used_by"], f"{rows}")
            check(all(row["online"] for row in rows.values()), f"{rows}")
            check(node.engines()["red/0"]["cpu"] == ENGINE_CPU, "the first engine takes the nearest CPU that is not the MD's")
            check(share_md or node.engines()["red/1"]["cpu"] == ENGINE_CPU, "the MD's own CPU is left out")
            node.wait_received(500)
            node.quiet()


def allowed(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(line.split()[1] for line in f if line.startswith("Cpus_allowed_list"))


def test_offline():
    """A CPU goes offline: its engines run on another, a sentence, guarantees wait; it is used again when it is back. The
    folder says so here, the CPU goes on: PDP_TEST_OFFLINE=1 takes the real one, and whatever else is pinned to it."""
    real = f"/sys/devices/system/cpu/cpu{ENGINE_CPU}/online"
    config = {"cpus": {"engines": [ENGINE_CPU, MD_CPU], "share_md": True}, "ports": ports("net_loadgen0", "net_loadgen1"),
              "vrs": [relay("red", "net_loadgen0", slots=8192), relay("blue", "net_loadgen1", slots=8192, power=60)]}
    node = Node(config, ["net_loadgen0,rate=2000", "net_loadgen1,rate=2000"], start=False)
    takes_real = os.environ.get("PDP_TEST_OFFLINE") == "1" and os.path.exists(real)

    def set_online(online):
        if takes_real:
            with open(real, "w", encoding="ascii") as f:
                f.write("1" if online else "0")
        else:
            machine(node, CPUS if online else [MD_CPU])

    def runs_on(name, cpu):
        row = node.engines()[name]
        return row["cpu"] == cpu and row["state"] == "running" and allowed(row["pid"]) == str(cpu)
    if not takes_real:
        machine(node)
    with node:
        node.start()
        check(runs_on("blue/0", ENGINE_CPU), f"{node.engines()}")
        try:
            set_online(False)
            wait_for(lambda: runs_on("red/0", MD_CPU) and runs_on("blue/0", MD_CPU), "both on the CPU that is left", START_S)
            for words in (f"CPU {ENGINE_CPU} is offline: its engines (", "guaranteed cannot be met by the CPUs that are online"):
                wait_for(lambda said=words: said in node.program.said, f"\"{words}\" is said")
            before = node.stats()["vrs"]
            for vr in ("red", "blue"):
                wait_for(lambda name=vr: node.vr(name)["tx"] > before[name]["tx"] + 500, f"{vr} forwards", START_S)
        finally:
            set_online(True)
        wait_for(lambda: runs_on("blue/0", ENGINE_CPU), "back on its CPU", START_S)
        wait_for(lambda: f"CPU {ENGINE_CPU} is online again" in node.program.said, "that is said")
        for vr in node.quiet(30)["vrs"].values():
            check(vr["tx"] == vr["rx"], f"{vr}")


harness.main()
