#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A node ends in order within two seconds, whatever it is doing; engines end with a primary that is killed, and the
next one starts."""
import fcntl
import glob
import os
import signal
import time

import harness
from harness import ENGINE, Node, Program, check, ports, relay, wait_for

TRAFFIC = ["net_loadgen0,rate=200000,flows=100"]


def red_node(vdevs=(), start=True, prefix=None, **keys):
    return Node({"ports": ports("net_loadgen0"), "vrs": [relay("red", "net_loadgen0", **keys)]},
                vdevs or TRAFFIC, start=start, prefix=prefix)


def test_signals():
    for sig in (signal.SIGINT, signal.SIGTERM):
        with red_node(engines=2) as node:
            node.wait_received(5000)
            node.stop(sig)


def test_stop_command():
    with red_node() as node:
        node.wait_received(5000)
        node.ctl("stop")
        check(node.program.wait_exit(harness.STOP_S + harness.slack()) == 0, f"it said:\n{node.program.said}")
        check("every packet accounted for" in node.program.said, f"it said:\n{node.program.said}")
        node.check_nothing_left()
        node.program = None


def test_one_start_at_a_time():
    """An engine's EAL waits for another one's, which would take its files away; not for ever."""
    with red_node() as node:
        with open(f"/var/run/dpdk/{node.prefix}/config", "rb") as turn:
            for held in (True, False):
                old = node.engines("red")["red/0"]["pid"]
                fcntl.flock(turn, fcntl.LOCK_EX)
                os.kill(old, signal.SIGKILL)
                pid = wait_for(lambda old=old: (node.engines("red")["red/0"]["pid"] or old) != old and
                               node.engines("red")["red/0"]["pid"], "another one")
                if held:
                    time.sleep(1)
                    check(not glob.glob(f"/var/run/dpdk/{node.prefix}/fbarray_*_{pid}*"), "it did not wait")
                    fcntl.flock(turn, fcntl.LOCK_UN)
                wait_for(lambda: node.engines("red")["red/0"]["state"] == "running", "it runs")
        node.quiet()


def test_signal_during_start():
    """At every moment of the start, with an engine whose init() takes eight seconds."""
    for delay in (0.0, 0.1, 0.3, 0.6, None):
        with red_node(start=False, plugin="t_slow_init", engines=2) as node:
            node.spawn()
            if delay is None:
                wait_for(lambda: node.program.said.count("init began") == 2, "both engines initialise")
            else:
                time.sleep(delay)  # not for a condition: any moment will do
            began = time.monotonic()
            node.program.process.send_signal(signal.SIGTERM)
            code = node.program.wait_exit(10)
            took = time.monotonic() - began
            # Before its handlers stand a signal kills it, as any program.
            check(code == 0 or (delay == 0.0 and code == -signal.SIGTERM), f"exit code {code}:\n{node.program.said}")
            check(took <= harness.STOP_S + harness.slack(), f"after {delay} s: {took:.2f} s to end:\n{node.program.said}")
            node.check_nothing_left()
            node.program = None


def end_with(how):
    """An engine that cannot be asked to leave does not hold the node up."""
    with red_node() as node:
        node.wait_received(1000)
        how(node)
        node.stop()


def test_stopped_engine():
    end_with(lambda node: os.kill(node.engines()["red/0"]["pid"], signal.SIGSTOP))


def test_hung_engine():
    vr = {"name": "red", "plugin": "t_answer", "args": {"answer": "hang"}, "vifs": [{"name": "a", "port": "net_loadgen0"}]}
    with Node({"ports": ports("net_loadgen0"), "vrs": [vr]}, TRAFFIC) as node:
        wait_for(lambda: node.vr("red")["drops"].get("engine_full"), "it hangs")
        node.stop()


def test_primary_killed():
    """Engines end with it; a primary of the same prefix finds what it left, and runs."""
    prefix = None
    for _ in range(3):
        node = red_node(engines=2, prefix=prefix)
        prefix = node.prefix
        try:
            node.start()
            hand = Program([ENGINE, "--proc-type=secondary", f"--file-prefix={prefix}", "--", "--vr", "red"])
            node.others.append(hand)
            wait_for(lambda: len(node.engines("red")) == 3 and node.engines("red")["red/2"]["rx"] > 100, "one joins by hand")
            check(len(node.pids) == 3, f"{node.pids}")
            node.program.kill()
            wait_for(lambda: not any(harness.alive(p) for p in node.pids) and hand.ended(), "engines end with their primary",
                     2 + harness.slack())
        finally:
            node.kill()
    with red_node(prefix=prefix) as node:
        node.wait_received(1000)
        node.quiet()


def test_second_primary():
    with red_node() as node:
        with red_node(prefix=node.prefix, start=False) as second:
            second.spawn()
            check(second.program.wait_exit() == 1, f"it said:\n{second.program.said}")
            check(f"process {node.program.pid} runs with file prefix" in second.program.said, second.program.said)
            second.program = None
            second.runtime = second.folder  # the first one's is not to be cleaned up
            second.prefix = "none"
        node.wait_received(1000)
        node.quiet()


harness.main()
