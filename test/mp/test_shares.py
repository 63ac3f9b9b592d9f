#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""CPU shares: engines on one CPU get their slices by the kernel's control groups, may use what others leave, and with
`strict` no more than their own; MD and engines on one CPU; nodes that may not write there."""
import os
import time

import harness
from harness import MD_CPU, START_S, Node, Skip, check, ports, relay, wait_for

COMPARED_S = 0.6  # of CPU time
N = 8  # VRs on the MD's CPU


def tree():
    """Where the cpu controller is mounted and may be written, or Skip."""
    with open("/proc/self/mountinfo", encoding="ascii") as f:
        for line in f:
            point, kind, options = line.split()[4], *line.split(" - ")[1].split()[::2]
            if (kind == "cgroup" and "cpu" in options.split(",") or os.path.exists(f"{point}/cgroup.controllers") and
                    "cpu" in open(f"{point}/cgroup.controllers", encoding="ascii").read().split()) and os.access(point, os.W_OK):
                if not os.statvfs(point).f_flag & os.ST_RDONLY:
                    return point
    raise Skip("no cgroup tree with a cpu controller may be written here")


def spinner(name, port, **keys):
    """A VR that burns all CPU time it gets; enough in its rings for when the MD is kept off its CPU."""
    return relay(name, port, slots=4096, args={"spin_ns": 100000}, **keys)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def spent(node, *names):
    """CPU seconds of engines, from now until they had enough together to compare; and the time it took."""
    pids = [node.engines()[name]["pid"] for name in names]
    before = [cpu_seconds(pid) for pid in pids]
    began = time.monotonic()

    def enough():
        now = [cpu_seconds(pid) - had for pid, had in zip(pids, before)]
        return now if sum(now) > COMPARED_S else None
    return wait_for(enough, f"{names} run", 40), time.monotonic() - began


def two(red, blue, red_rate, blue_rate):
    return Node({"ports": ports("net_loadgen0", "net_loadgen1"),
                 "vrs": [spinner("red", "net_loadgen0", **red), spinner("blue", "net_loadgen1", **blue)]},
                [f"net_loadgen0,rate={red_rate}", f"net_loadgen1,rate={blue_rate}"])


def test_slices():
    """60 and 40 percent of one CPU, both wanting all of it."""
    tree()
    with two({"power": 60}, {"power": 40}, 100000, 100000) as node:
        check(len(node.groups()) == 3, f"{node.groups()}")
        node.wait_received(5000, "red", START_S)
        (red, blue), _ = spent(node, "red/0", "blue/0")
        print(f"60/40: {red:.2f} s and {blue:.2f} s of CPU time, {100 * red / (red + blue):.1f} %")
        check(0.54 < red / (red + blue) < 0.66, f"{red} s and {blue} s")
        # A group goes and comes with its engine.
        pid = node.engines()["red/0"]["pid"]
        os.kill(pid, 9)

        def back():
            now = node.engines()["red/0"]
            return now["state"] == "running" and now["pid"] != pid
        wait_for(back, "red is back", START_S)
        (red, blue), _ = spent(node, "red/0", "blue/0")
        check(0.54 < red / (red + blue) < 0.66, f"after a death: {red} s and {blue} s")
        node.quiet(60)


def test_weights():
    """How a VR divides its packets among its engines is no claim to the CPU that it shares with others."""
    tree()
    red = {"engines": 2, "balance": "weighted", "weights": [500, 1000], "slots": 4096, "args": {"spin_ns": 100000}}
    with Node({"ports": ports("net_loadgen0", "net_loadgen1"),
               "vrs": [relay("red", "net_loadgen0", **red), spinner("blue", "net_loadgen1")]},
              ["net_loadgen0,rate=100000,flows=100", "net_loadgen1,rate=100000"]) as node:
        node.wait_received(5000, "red", START_S)
        seconds, _ = spent(node, "red/0", "red/1", "blue/0")
        print(f"weights 500 and 1000, and a VR without: {seconds} s of CPU time")
        check(min(seconds) > 0.25 * sum(seconds), f"{seconds} s")
        node.quiet(60)


def test_work_conserving():
    """A slice of 5 percent is not all that one gets beside an idle engine."""
    tree()
    with two({"power": 5}, {"power": 95}, 100000, 10) as node:
        node.wait_received(5000, "red", START_S)
        (red, blue), took = spent(node, "red/0", "blue/0")
        print(f"5 % beside an idle engine: {red:.2f} s of {took:.2f} s")
        check(red > 0.9 * (red + blue), f"{red} s, {blue} s of {took} s")
        node.quiet(60)


def test_strict():
    """20 percent, though the CPU is idle else."""
    tree()
    with two({"power": 20, "strict": True}, {"power": 80}, 100000, 10) as node:
        node.wait_received(5000, "red", START_S)
        (red,), took = spent(node, "red/0")
        print(f"strict 20 %: {red:.2f} s of {took:.2f} s")
        check(red < 0.25 * took, f"{red} s of {took} s")
        node.quiet(60)


def test_share_md():
    """MD and eight engines on one CPU, more offered than they can do: all forward alike, and the MD leaves them the CPU."""
    tree()
    names = [f"net_loadgen{i}" for i in range(N)]
    config = {"cpus": {"engines": [MD_CPU], "share_md": True}, "ports": ports(*names),
              "vrs": [relay(f"v{i}", name, slots=256, args={"spin_ns": 5000}) for i, name in enumerate(names)]}
    with Node(config, [f"{name},rate=100000,flows=10" for name in names]) as node:
        check(any(group.endswith("/md/") for group in node.groups()), f"{node.groups()}")
        engines = [f"v{i}/0" for i in range(N)]
        wait_for(lambda: all(v["tx"] > 200 for v in node.stats()["vrs"].values()), "all forward", 30)
        before = {name: v["tx"] for name, v in node.stats()["vrs"].items()}
        md = cpu_seconds(node.program.pid)
        busy, _ = spent(node, *engines)
        md = cpu_seconds(node.program.pid) - md
        done = [v["tx"] - before[name] for name, v in node.stats()["vrs"].items()]
        jain = sum(done) ** 2 / (N * sum(x * x for x in done))
        print(f"{N} VRs on the MD's CPU: {done} packets, Jain {jain:.3f}; MD {md:.2f} s, engines {sum(busy):.2f} s")
        check(min(done) > 0 and jain >= 0.95, f"{done}, Jain {jain}")
        check(md < sum(busy) / 2, f"the MD had {md} s, its engines {busy}")
        node.quiet(60)


def read_only(node, point):
    """The node will see the tree and may not write it."""
    node.args = ["unshare", "--mount", "sh", "-c", f"mount -o remount,bind,ro {point} && exec \"$@\"", "sh", *node.args]


def test_not_writable():
    """A sentence, when two engines share a CPU first, and the node goes on; where a VR is strict, it does not start."""
    point = tree()
    config = {"ports": ports("net_loadgen0"), "vrs": [relay("red", "net_loadgen0", 2, slots=8192)]}
    node = Node(config, ["net_loadgen0,rate=5000,flows=100"], start=False)
    read_only(node, point)
    with node:
        node.start()
        for words in ("engines that share a CPU get equal parts of it", point, "Read-only file system", "give the node a writable"):
            check(words in node.program.said, f"\"{words}\" is not in: {node.program.said}")
        check(node.program.said.count("equal parts") == 1, f"said once: {node.program.said}")
        check(not node.groups(), f"{node.groups()}")
        node.wait_received(5000, seconds=START_S)
        red = node.quiet()["vrs"]["red"]
        check(red["tx"] == red["rx"], f"{red}")
    config["vrs"][0] |= {"strict": True, "power": 50}
    node = Node(config, ["net_loadgen0,rate=5000"], start=False)
    read_only(node, point)
    with node:
        node.refuse("VR red is strict", "Read-only file system", "give the node a writable")
    node = Node(config, ["net_loadgen0,rate=5000"], start=False)
    node.args.append("--check")
    read_only(node, point)
    with node:
        node.refuse("vrs[0].strict: there are no CPU shares", "Read-only file system")


def test_killed_primary():
    """The next primary removes the groups that a killed one left."""
    tree()
    config = {"ports": ports("net_loadgen0"), "vrs": [relay("red", "net_loadgen0"), relay("blue", "net_loadgen1")]}
    config["ports"] = ports("net_loadgen0", "net_loadgen1")
    vdevs = ["net_loadgen0,rate=5000", "net_loadgen1,rate=5000"]
    with Node(config, vdevs) as first:
        pids = [row["pid"] for row in first.engines().values()]
        first.program.kill()
        first.program = None
        wait_for(lambda: not any(harness.alive(pid) for pid in pids), "engines end with their primary")
        check(len(first.groups()) == 3, f"{first.groups()}")
        config["vrs"].pop()
        with Node(config, vdevs, prefix=first.prefix) as second:
            check(len(second.groups()) == 2, f"{second.groups()}")
            second.wait_received(500, seconds=START_S)
            second.quiet()


harness.main()
