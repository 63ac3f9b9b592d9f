# SPDX-License-Identifier: BSD-3-Clause
"""
Nodes whose engines are killed and stopped: what kill, hang and failover have in common. VR red is the victim, VR blue
the one that must not notice. Each has a loadgen port of its own, which is source and sink: what an outage is, is
measured outside of the node, as the longest time between two bursts that come back.
"""
import os
import select
import signal
import subprocess
import time
from dataclasses import dataclass

from . import Trouble
from .loadgen import LoadgenNode
from .procs import wait_for

RED, BLUE = 0, 1  # ports
BLUE_PPS = 50000
BLUE_SLOTS = 8192  # more than 100 ms of its packets
RXQ = 65536  # packets that wait for an MD that was off its CPU
BACK_S = 20
STRIKE_US = 900  # after telling the striker; less than a millisecond after the reset, which is early for loadgen
SETTLE_S = 0.02
JOINED = ("running", "parked", "draining")  # killed before, one could hold locks of EAL's shared heap


def vr(name, port, plugin="relay", **more):
    """A VR of one vif that sends everything back."""
    return {"name": name, "plugin": plugin, **more, "vifs": [{"name": "a", "port": f"net_loadgen{port}"}]}


def blue(**more):
    return vr("blue", BLUE, slots=BLUE_SLOTS, **more)


def config(session, vrs, **more):
    ports = [{"name": vif["port"]} for one in vrs for vif in one["vifs"]]
    return {"cpus": {"engines": [session.engine_cpu]}, "ports": ports, "vrs": vrs, **more}


def source(pps, flows=61):
    return f"start=0,rate={pps},rxq={RXQ},flows={flows}"


class FaultNode(LoadgenNode):
    """A node with red and, where it has two ports, blue."""
    heap_mb = 0  # more than the node takes for itself: every attach of a secondary leaks some

    def __init__(self, session, name, vrs, rates, heap_mb=0, **more):
        super().__init__(session, name, config(session, vrs, **more),
                         [f"net_loadgen{i},{source(pps)}" for i, pps in enumerate(rates)])
        self.sources = self.sinks = tuple(range(len(rates)))
        self.heap_mb = heap_mb

    def eal(self, lcores, ports):
        return [*super().eal(lcores, ports), *(["-m", str(self.heap_mb)] if self.heap_mb else [])]

    def red(self):
        """Rows of red's engines."""
        return [e for e in self.engines() if e["engine"].startswith("red/")]

    def in_state(self, *states):
        return [e for e in self.red() if e["state"] in states and e["pid"]]

    def ready(self, running, parked):
        """@return the rows once so many run and so many are parked"""
        def look():
            rows = self.red()
            states = [row["state"] for row in rows]
            return rows if states.count("running") == running and states.count("parked") >= parked else None
        return wait_for(f"{self.name}: {running} running and {parked} parked engines", look, BACK_S, self.check, 0.002)

    def gap_us(self, port=RED):
        return self.figures(port)["sink_gap_max_ns"] / 1000

    def outage(self, striker, pid, sig, port=RED):
        """
        Has a process killed so soon after a reset that the outage is the longest early gap. What the node does
        afterwards on the same CPU, starting a new process, makes gaps too, which are not the outage.
        @return us from the signal to the end of the gap; None: the reset came late, or a longer gap came before the
        signal, and there is no figure
        """
        began = time.monotonic()
        striker.strike(pid, sig, STRIKE_US)
        self.counters.telemetry.ask(f"/pdp/loadgen/reset,{port}")
        in_time = time.monotonic() - began < STRIKE_US / 1e6
        time.sleep(SETTLE_S)  # looking would take the CPU that the node needs now
        us = striker.us_to(self.figures(port)["sink_gap_early_end_tsc"])
        return us if in_time and us > 0 else None

    def arm(self, port=RED):
        """The longest gap is measured from now on; packets flow."""
        self.counters.telemetry.ask(f"/pdp/loadgen/reset,{port}")
        wait_for(f"{self.name}: no packet comes back", lambda: self.figures(port)["sink_sent"] > 0, BACK_S, self.check,
                 0.001)

    def served_again(self, pid):
        """The process is taken for dead, another one has its place, and packets come back."""
        rows = self.red()
        if any(row["pid"] == pid and row["state"] in JOINED for row in rows):
            return False
        if not any(row["state"] == "running" for row in rows):
            return False
        sent = self.figures(RED)["sink_sent"]
        wait_for(f"{self.name}: nothing of red's comes back", lambda: self.figures(RED)["sink_sent"] > sent, BACK_S,
                 self.check, 0.0005)
        return True

    def wait_back(self, pid):
        wait_for(f"{self.name}: red is not back", lambda: self.served_again(pid), BACK_S, self.check, 0.001)

    def leaked_kb(self):
        """Of EAL's heap, in use."""
        heaps = self.counters.telemetry.ask("/eal/heap_list")
        return sum(self.counters.telemetry.ask(f"/eal/heap_info,{h}")["Alloc_size"] for h in heaps) / 1024

    def times(self, which):
        """Of red, us, as the node measured them."""
        return self.control.ask("vr times", vr="red").get(which, [])


class Striker:
    """
    Sends signals while we sleep (strike.c), from the MD's CPU: from the engine's own it would have to leave that before
    the engine could die.
    """

    def __init__(self, session):
        self.process = subprocess.Popen([session.program("apps", "pdp-bench", "pdp-bench-strike"),
                                         str(session.md_cpu)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.first = None  # (tsc, ns)

    def __enter__(self):
        self.strike(self.process.pid, 0, 0)
        self.first = self.answer()
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def strike(self, pid, sig, delay_us):
        self.process.stdin.write(f"{pid} {int(sig)} {delay_us}\n".encode())
        self.process.stdin.flush()

    def answer(self):
        """@return (TSC, CLOCK_MONOTONIC in ns) of the last strike"""
        rc, tsc, ns = map(int, self.process.stdout.readline().split())
        if rc != 0:
            raise OSError(rc, os.strerror(rc))
        return tsc, ns

    def us_to(self, end_tsc):
        """From the last strike; the TSC's rate is what it did since the first one."""
        tsc, ns = self.answer()
        return (end_tsc - tsc) * (ns - self.first[1]) / (tsc - self.first[0]) / 1000


def strike(pid, sig):
    """@return whether the process was there"""
    try:
        os.kill(pid, sig)
        return True
    except ProcessLookupError:
        return False


def ended(pid):
    """
    Gone, or a zombie that its parent will take off. Not from /proc: the kernel (6.18) may spin for long on a CPU that it
    gives to nobody else when a process ends while a file below its /proc folder is being closed.
    """
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([fd], [], [], 0)[0])
    finally:
        os.close(fd)


@dataclass
class Toll:
    """What a node's traffic suffered in all."""
    lost: int = 0
    reordered: int = 0
    missed: int = 0
    packets: int = 0
    leaked_mbufs: int = 0

    def join(self, other):
        for name in ("lost", "reordered", "missed", "packets", "leaked_mbufs"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def add(self, node):
        """At the end, with all sources stopped and nothing under way."""
        stats = wait_for(f"{node.name}: buffers are missing", lambda: settled(node), BACK_S, node.check)
        if not stats["conserved"]:
            raise Trouble(f"{node.name}: packets are missing (stats: conserved is false)")
        self.leaked_mbufs += stats["pool"]["missing"]
        if len(node.sources) > 1:
            got = node.figures(BLUE)
            self.lost += got["source_lost"]
            self.missed += got["source_missed"]
            self.reordered += got["sink_reordered"] + got["sink_duplicates"]
            self.packets += got["source_received"]


def settled(node):
    """@return statistics without missing buffers; the last ones where that takes too long"""
    deadline = time.monotonic() + BACK_S / 2
    while True:
        stats = node.control.ask("stats")
        if stats["pool"]["missing"] == 0 or time.monotonic() > deadline:
            return stats
        time.sleep(0.05)


SIGNALS = (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT)
