#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Which CPUs engines take: nearest to the MD first, on a machine that a folder like sysfs describes."""
import os

import harness
from harness import CPUS, ENGINE_CPU, MD_CPU, Node, check, ports, relay


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


harness.main()
