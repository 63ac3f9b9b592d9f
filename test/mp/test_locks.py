#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Locks of DPDK's shared memory that a killed secondary held: traffic goes on, the node answers and ends, and what may not
start any more says why. And engines that come and go cost no memory."""
import os
import signal
import sys

import harness
from harness import Node, Program, check, ports, relay, wait_for

HOLDER = """
import ctypes, os, signal, sys
lib = ctypes.CDLL("librte_eal.so.23")
words = [b"holder", b"--proc-type=secondary", b"--file-prefix=" + sys.argv[1].encode(), b"--no-pci", b"--lcores=1@0"]
if lib.rte_eal_init(len(words), (ctypes.c_char_p * (len(words) + 1))(*words, None)) < 0:
    sys.exit(1)
lib.rte_mcfg_mem_write_lock()
os.kill(os.getpid(), signal.SIGKILL)
"""


def two():
    return Node({"ports": ports("net_loadgen0", "net_loadgen1"),
                 "vrs": [relay("red", "net_loadgen0"), relay("blue", "net_loadgen1", slots=16384)]},
                ["net_loadgen0,rate=2000", "net_loadgen1,rate=2000,rxq=65536"])


def test_lost_lock():
    with two() as node:
        holder = Program([sys.executable, "-c", HOLDER, node.prefix])
        check(holder.wait_exit(30) == -signal.SIGKILL, holder.said)
        os.kill(node.engines("red")["red/0"]["pid"], signal.SIGKILL)
        stuck = wait_for(lambda: next((e for e in [node.engines("red")["red/0"]] if e["state"] == "joining"), None), "it attaches")
        os.kill(stuck["pid"], signal.SIGKILL)
        wait_for(lambda: "is held for ever" in node.program.said, "the node knows", 30)
        had = node.vr("blue")["tx"]
        wait_for(lambda: node.vr("blue")["tx"] > had + 500, "blue goes on")
        hand = Program([harness.ENGINE, "--proc-type=secondary", f"--file-prefix={node.prefix}", "--", "--vr", "red"], env=node.env)
        check(hand.wait_exit() == 1 and "no other one can start" in hand.said, hand.said)
        wait_for(lambda: not node.engines("red")["red/0"]["pid"], "no process waits for it")
        blue = node.quiet()["vrs"]["blue"]
        check(blue["dropped"] == 0 and node.loadgen(1)["source_lost"] == 0, f"{blue}")


def heap(node):
    return node.telemetry(f"/eal/heap_info,{node.telemetry('/eal/heap_list')[0]}")["Alloc_size"]


def test_no_leak():
    """Twenty engines later the shared heap is as full as it was."""
    with two() as node:
        node.wait_received(1000)
        before = heap(node)
        for _ in range(20):
            row = wait_for(lambda: next((e for e in [node.engines("red")["red/0"]] if e["state"] == "running"), None), "red runs")
            os.kill(row["pid"], signal.SIGKILL)
            wait_for(lambda row=row: node.engines("red")["red/0"]["deaths"] == row["deaths"] + 1, "a death")
        wait_for(lambda: node.engines("red")["red/0"]["state"] == "running", "red is back")
        after = heap(node)
        print(f"heap: {before} bytes before 20 deaths, {after} after")
        check(after <= before + 20 * 4096, f"{before} and {after} bytes")
        node.quiet()


harness.main()
