#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Engines of a VR come and go with packets under way: parked ones are let in and parked again, nothing is lost, and a
parked or a running one that is killed has a successor."""
import ctypes
import os
import signal
import time

import harness
from harness import ENGINE_CPU, MD_CPU, Node, check, ports, relay, wait_for

PORT = "net_loadgen0"
PTRACE_ATTACH, PTRACE_DETACH, WALL = 16, 17, 0x40000000
TRAFFIC = "net_loadgen0,rate={rate},flows={flows},rxq=16384"  # a pause of 3 s loses nothing


def node_of(rate=5000, flows=1000, lcores="0@MD", cpus=None, **keys):
    keys = {"slots": 16384, "balance": "flow", **keys}
    if "vr_cpus" in keys:
        keys["cpus"] = keys.pop("vr_cpus")
    config = {"ports": ports(PORT), "vrs": [relay("red", PORT, **keys)], "pool": {"packets": 24000}}
    if cpus:
        config["cpus"] = cpus
    return Node(config, [TRAFFIC.format(rate=rate, flows=flows)], lcores)


def in_state(node, state):
    return {name: row for name, row in node.engines("red").items() if row["state"] == state}


def resize(node, n, **args):
    node.ctl("vr resize", vr="red", engines=n, **args)


def settled(node, running, parked):
    """Until so many run, so many are parked, and none is on its way."""
    def right():
        counts = [len(in_state(node, state)) for state in ("running", "parked", "draining", "starting", "joining", "waiting")]
        return counts == [running, parked, 0, 0, 0, 0]
    wait_for(right, f"{running} running and {parked} parked", 30)


def changes(node):
    return {row["change"]: row for row in harness.rows(node.ctl("vr show", vr="red")["changes"])}


def nothing_lost(node):
    red = node.quiet(30)["vrs"]["red"]
    check(red["dropped"] == 0 and red["tx"] == red["rx"] > 0, f"red: {red}")
    sink = node.loadgen(0)
    check(sink["source_lost"] == 0, f"lost: {sink}")
    return red


def breathe(times, ordered=False, **keys):
    with node_of(standby=3, args={"pace_pps": 50000}, **keys) as node:
        settled(node, 1, 3)
        pids = {row["pid"] for row in node.engines("red").values()}
        for i in range(times):
            before = node.vr("red")["rx"]
            resize(node, 4)
            check(len(in_state(node, "running")) == 4, f"{node.engines()}")
            node.wait_received(before + 100, "red")
            resize(node, 1)
            check(set(in_state(node, "running")) == {"red/0"}, f"the highest go first: {node.engines()}")
            if i % 2 == 0:  # else it grows again while some drain: those are taken back
                settled(node, 1, 3)
            node.conserved()
        settled(node, 1, 3)
        check({row["pid"] for row in node.engines("red").values()} == pids, "parked engines are used again")
        now = changes(node)
        kept = node.ctl("vr times", vr="red")
        check(now["let_in"]["count"] >= 3 * (times // 2) and now["cold_start"]["count"] == 0, f"{now}")
        check(now["drain"]["count"] >= 3 * (times // 2), f"{now}")
        check(0 < now["reaction"]["count"] <= now["let_in"]["count"], f"{now}")
        check(len(kept["let_in"]) == min(256, now["let_in"]["count"]), f"{kept}")
        told = node.telemetry("/pdp/vr,red")
        check({"engines_running", "engines_parked", "reaction_p99_us"} <= set(told), f"{told}")
        nothing_lost(node)
        check(not ordered or node.loadgen(0)["sink_reordered"] == 0, f"reordered: {node.loadgen(0)}")
        print(" ".join(f"{name}: {row['count']} p50 {row['p50_us']} p99 {row['p99_us']} max {row['max_us']} us;"
                       for name, row in now.items()))


def test_breathe():
    breathe(20, ordered=True, balance="flow-jsq")


def test_breathe_per_packet():
    breathe(10, balance="rr")


def test_breathe_flow():
    breathe(10, balance="flow")


def test_breathe_two_lcores():
    breathe(10, ordered=True, balance="flow-jsq", lcores="0@MD,1@MD")


def switches(pid):
    """How often a process gave up its CPU, and the CPU ticks that it used."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        n = next(int(line.split()[1]) for line in f if line.startswith("voluntary"))
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        words = f.read().rsplit(")", 1)[1].split()
    return n, int(words[11]) + int(words[12])


def test_parked_costs_nothing():
    with node_of(standby=1) as node:
        parked = in_state(node, "parked")["red/1"]
        node.wait_received(1000)
        first = switches(parked["pid"])
        node.wait_received(node.vr("red")["rx"] + 5000, "red")  # a second
        second = switches(parked["pid"])
        check(second[0] - first[0] <= 2 and second[1] - first[1] <= 1, f"a parked engine does something: {first} {second}")
        check(parked["idle"] == "sleep" and parked["rx"] == 0, f"{parked}")
        nothing_lost(node)


def test_cold():
    """None is parked: one is started, and let in when it is ready; the next time it is there."""
    with node_of() as node:
        resize(node, 2)
        settled(node, 2, 0)
        check(changes(node)["cold_start"]["count"] == 1, f"{changes(node)}")
        pids = {row["pid"] for row in node.engines("red").values()}
        for _ in range(3):
            resize(node, 1)
            settled(node, 1, 1)
            resize(node, 2)
            settled(node, 2, 0)
        check({row["pid"] for row in node.engines("red").values()} == pids, f"{node.engines()}")
        check(changes(node)["cold_start"]["count"] == 1, f"{changes(node)}")
        resize(node, 0)
        settled(node, 0, 2)
        wait_for(lambda: node.vr("red")["drops"].get("no_engine"), "nobody gets packets")
        resize(node, 1)
        settled(node, 1, 1)
        node.quiet()


def test_kill_parked():
    with node_of(standby=1) as node:
        old = in_state(node, "parked")["red/1"]
        os.kill(old["pid"], signal.SIGKILL)
        wait_for(lambda: any(row["pid"] != old["pid"] for row in in_state(node, "parked").values()), "another one is parked")
        settled(node, 1, 1)
        resize(node, 2)
        settled(node, 2, 0)
        nothing_lost(node)


def test_kill_running():
    """The parked one takes over at once, and another stands by behind it."""
    with node_of(standby=1) as node:
        for _ in range(3):
            node.wait_received(node.vr("red")["rx"] + 1000, "red")
            (name, row), = in_state(node, "running").items()
            (heir, _), = in_state(node, "parked").items()
            os.kill(row["pid"], signal.SIGKILL)
            wait_for(lambda heir=heir: heir in in_state(node, "running"), f"{heir} takes over from {name}")
            settled(node, 1, 1)
        check(changes(node)["let_in"]["count"] == 3 and changes(node)["cold_start"]["count"] == 0, f"{changes(node)}")
        red = node.quiet()["vrs"]["red"]
        check(set(red["drops"]) <= {"engine_died", "no_engine", "engine_full"}, f"{red}")


def test_kill_draining():
    with node_of(standby=1, plugin="t_hold", rate=500) as node:  # it holds 4096 packets at most
        resize(node, 2)
        settled(node, 2, 0)
        wait_for(lambda: node.engines()["red/1"]["out"] > 0, "it holds packets")
        resize(node, 1)
        pid = node.engines()["red/1"]["pid"]
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: node.engines()["red/1"]["pid"] != pid, "it is gone")
        settled(node, 1, 1)
        red = node.quiet()["vrs"]["red"]
        check(set(red["drops"]) <= {"engine_died"}, f"{red}")


def cpus_of(pid):
    return {frozenset(os.sched_getaffinity(int(task))) for task in os.listdir(f"/proc/{pid}/task")}


def test_places():
    """A plan with CPUs moves engines there, and nobody else."""
    with node_of(cpus={"engines": [MD_CPU, ENGINE_CPU], "share_md": True}, standby=2) as node:
        def on(cpus):
            resize(node, len(cpus), cpus=cpus)
            wait_for(lambda: len(in_state(node, "running")) == len(cpus), f"{len(cpus)} run")
            rows = in_state(node, "running")
            check(sorted(row["cpu"] for row in rows.values()) == sorted(cpus), f"{cpus}: {rows}")
            for row in rows.values():
                check(frozenset({row["cpu"]}) in cpus_of(row["pid"]), f"{row}: {cpus_of(row['pid'])}")
            return {name: row["cpu"] for name, row in rows.items()}
        for cpu in (ENGINE_CPU, MD_CPU, ENGINE_CPU):
            on([cpu])
        two = on([MD_CPU, ENGINE_CPU])
        check(two["red/0"] == ENGINE_CPU, f"who runs stays where it is: {two}")
        on([ENGINE_CPU, ENGINE_CPU, MD_CPU])
        on([MD_CPU])
        nothing_lost(node)


def test_own_cpus():
    """`cpus` of a VR holds without a plan, too."""
    for cpu in (MD_CPU, ENGINE_CPU):
        with node_of(cpus={"engines": [MD_CPU, ENGINE_CPU], "share_md": True}, engines=2, vr_cpus=[cpu]) as node:
            check({row["cpu"] for row in node.engines("red").values()} == {cpu}, f"{node.engines()}")
            resize(node, 3)
            settled(node, 3, 0)
            check({row["cpu"] for row in node.engines("red").values()} == {cpu}, f"{node.engines()}")


def test_surplus():
    """Parked engines that nobody needs are stopped after a while; the standby stays."""
    with node_of(standby=1) as node:
        resize(node, 4)
        settled(node, 4, 0)
        resize(node, 1)
        settled(node, 1, 3)
        wait_for(lambda: len([row for row in node.engines("red").values() if row["pid"]]) == 2, "two are stopped", 60)
        settled(node, 1, 1)
        check(set(in_state(node, "parked")) == {"red/1"}, f"the highest go first: {node.engines()}")
        nothing_lost(node)


class Stopped:
    """One thread of a process kept from running, as by a busy machine."""

    def __init__(self, pid, name):
        def name_of(task):
            with open(f"/proc/{pid}/task/{task}/comm", encoding="ascii") as f:
                return f.read().strip()
        self.tid = next(int(task) for task in os.listdir(f"/proc/{pid}/task") if name_of(task) == name)
        self.ptrace = ctypes.CDLL(None, use_errno=True).ptrace
        self.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]

    def __enter__(self):
        check(self.ptrace(PTRACE_ATTACH, self.tid, None, None) == 0, f"ptrace: {ctypes.get_errno()}")
        os.waitpid(self.tid, WALL)

    def __exit__(self, *_):
        self.ptrace(PTRACE_DETACH, self.tid, None, None)


def test_lcore_off_its_cpu():
    """What an MD lcore is not there to hear, it is told later; nothing is lost by that."""
    with node_of(standby=1, lcores="0@MD,1@MD", rate=1000) as node:
        settled(node, 1, 1)
        lcore = "rte-worker-1"
        with Stopped(node.program.pid, lcore):
            resize(node, 2)
            check(node.ctl("vr times", vr="red")["let_in"] == [], "not all MD lcores know")
        wait_for(lambda: changes(node)["let_in"]["count"] == 1, "they know")
        settled(node, 2, 0)
        with Stopped(node.program.pid, lcore):
            resize(node, 1)
            time.sleep(1.2)  # one call at least gives up
            check(not in_state(node, "parked"), f"{node.engines()}")
        settled(node, 1, 1)
        nothing_lost(node)
        node.set_loadgen("state=start")
        with Stopped(node.program.pid, lcore):
            old = in_state(node, "parked")["red/1"]["pid"]
            os.kill(old, signal.SIGKILL)
            time.sleep(1.2)
        wait_for(lambda: {row["pid"] for row in in_state(node, "parked").values()} - {old}, "another one is parked")
        nothing_lost(node)


def test_bad_input():
    with node_of() as node:
        for args, words in (({"engines": 65}, "0 to 64"), ({"engines": "2"}, "engines=N"), ({}, "engines=N"),
                            ({"engines": 1, "cpus": [9999]}, "cpus.engines"), ({"engines": 2, "cpus": [ENGINE_CPU]}, "2 CPUs"),
                            ({"engines": 1, "cpus": ENGINE_CPU}, "a list")):
            answer = node.request("vr resize", vr="red", **args)
            check(not answer["ok"] and words in answer["error"], f"{args}: {answer}")
        check("no VR is called" in node.request("vr resize", vr="green", engines=1)["error"], "an unknown VR")
        check("no VR is called" in node.request("vr times", vr="green")["error"], "an unknown VR")
        settled(node, 1, 0)
        nothing_lost(node)


harness.main()
