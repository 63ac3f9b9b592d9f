# SPDX-License-Identifier: BSD-3-Clause
"""
kill: engines of VR red are killed, 10,000 times, by SIGKILL, SIGSEGV and abort, at random instants, a part of them while
they are woken, drained and parked, and, of sealed ones, while they start. red is offered more than its engine does, and
VR blue, paced at 50 kpps, shares its CPU: blue must not lose a packet, nothing may leak, nothing hang, and red has to be
back each time.

Each attach of a `secondary` leaks some 152 KB of EAL's heap, in DPDK: so the kills are spread over several primaries.
"""
import os
import random
import threading
import time

from .. import quiet
from ..faults import BLUE_PPS, RED, SIGNALS, FaultNode, Toll, blue, ended, strike, vr
from ..procs import wait_for
from ..summary import median, percentile

NAME = "kill"
ABOUT = "engines are killed 10,000 times beside a VR that must not notice"
KILLS = 10000
QUICK_KILLS = 200
NODE_KILLS = 500  # of one primary
NODE_MB = 200
STANDBY = 3
RED_PPS = 60000
RED_SPIN_NS = 30000  # an engine's whole CPU serves half of that
WHEN = {"while it runs": 5, "while it is woken": 2, "while it is drained": 2, "while it is parked": 1}
# Before it has joined, a secondary could hold the lock of EAL's heap: of sealed ones only.
WHEN_SEALED = {**WHEN, "while it starts": 2}
SEALED_PART = 0.1


class Killer:
    """Kills, one after the other."""

    def __init__(self, node, rng, when):
        self.node, self.rng, self.when = node, rng, when
        self.outages_us = {}  # by when and signal

    def victim(self, state):
        """@return a process in a state, or None"""
        rows = self.node.in_state(state)
        return self.rng.choice(rows)["pid"] if rows else None

    def soon(self, pid, sig, most_s):
        """Another thread kills within that time."""
        delay = self.rng.uniform(0, most_s)

        def late():
            time.sleep(delay)
            strike(pid, sig)
        thread = threading.Thread(target=late)
        thread.start()
        return thread

    def resize(self, engines):
        self.node.control.ask("vr resize", vr="red", engines=engines)

    def woken(self, sig):
        """The parked one that is let in next is killed about when it is."""
        pid = self.node.in_state("parked")[0]["pid"]
        thread = self.soon(pid, sig, 0.002)
        self.resize(2)
        thread.join()
        return pid

    def drained(self, sig):
        self.resize(2)
        rows = self.node.ready(2, 0)
        pid = [row for row in rows if row["state"] == "running"][-1]["pid"]
        thread = self.soon(pid, sig, 0.004)
        self.resize(1)
        thread.join()
        return pid

    def plain(self, state, sig):
        pid = self.victim(state)
        time.sleep(self.rng.uniform(0, 0.003))
        strike(pid, sig)
        return pid

    def started(self, sig):
        """One is killed, and the one that comes for it while it starts."""
        self.plain("running", sig)
        pid = wait_for("no engine starts", lambda: next((e["pid"] for e in self.node.in_state("starting", "joining")), 0),
                       20, self.node.check, 0.0005)
        time.sleep(self.rng.uniform(0, 0.004))
        strike(pid, sig)
        return pid

    def once(self):
        when = self.rng.choices(list(self.when), self.when.values())[0]
        sig = self.rng.choice(SIGNALS)
        self.node.ready(1, 1)
        self.node.arm(RED)
        if when == "while it is woken":
            pid = self.woken(sig)
        elif when == "while it is drained":
            pid = self.drained(sig)
        elif when == "while it starts":
            pid = self.started(sig)
        else:
            pid = self.plain("running" if when == "while it runs" else "parked", sig)
        self.node.wait_back(pid)
        wait_for(f"process {pid} is not gone", lambda: ended(pid), 20, self.node.check, 0.002)
        self.resize(1)
        self.outages_us.setdefault((when, sig.name), []).append(self.node.gap_us(RED))


def spree(session, rng, isolation, kills, toll):
    """A primary, and so many kills. @return ({(when, signal): outages in us}, KB of heap leaked)"""
    red = vr("red", RED, engines=1, standby=STANDBY, args={"spin_ns": RED_SPIN_NS}, isolation=isolation, deaths_max=0)
    when = WHEN_SEALED if isolation == "sealed" else WHEN
    with FaultNode(session, "pdp", [red, blue()], [RED_PPS, BLUE_PPS], NODE_MB) as node, node.playing() as play:
        killer = Killer(node, rng, when)
        before = node.leaked_kb()
        for _ in range(kills):
            killer.once()
        leaked = node.leaked_kb() - before
        play.stop()
        wait_for("packets are still under way", node.is_quiet, 20, node.check)
        toll.add(node)
    return killer.outages_us, leaked


def plan(kills):
    """@return [(isolation, kills)], one a primary"""
    sealed = int(kills * SEALED_PART)
    sprees = []
    for isolation, n in (("secondary", kills - sealed), ("sealed", sealed)):
        sprees += [(isolation, min(NODE_KILLS, n - done)) for done in range(0, n, NODE_KILLS)]
    return sprees


def run(session):
    """The case."""
    kills = int(os.environ.get("PDP_KILLS", QUICK_KILLS if session.options.quick else KILLS))
    seed = int(os.environ.get("PDP_SEED", random.SystemRandom().randrange(1 << 32)))
    session.say(f"seed {seed}")
    rng, toll, outages, leaked, done = random.Random(seed), Toll(), {}, 0, {"secondary": 0, "sealed": 0}
    begin = quiet.take()
    for isolation, some in plan(kills):
        got, kb = spree(session, rng, isolation, some, toll)
        for key, us in got.items():
            outages.setdefault((isolation, *key), []).extend(us)
        leaked += kb
        done[isolation] += some
        session.say(f"{sum(done.values())} of {kills} kills, {toll.lost + toll.missed} of blue's {toll.packets} packets lost")
    disturbance = quiet.judge(begin, quiet.take())
    rows = [{"killed": isolation, "when": when, "by": sig, "kills": len(us), "outage_p50_ms": median(us) / 1000,
             "outage_p99_ms": percentile(us, 99) / 1000, "outage_max_ms": max(us) / 1000}
            for (isolation, when, sig), us in sorted(outages.items())]
    all_us = [us for some in outages.values() for us in some]
    rows.append({"blue": "all the time", "packets": toll.packets, "lost": toll.lost, "missed": toll.missed,
                 "reordered": toll.reordered, "disturbed": int(disturbance.disturbed)})
    return {"rows": rows, "figures": {
        "kills": len(all_us), "secondary_kills": done["secondary"], "others_lost": toll.lost + toll.missed,
        "others_reordered": toll.reordered, "mbufs_leaked": toll.leaked_mbufs,
        "outage_p50_ms": median(all_us) / 1000, "outage_p99_ms": percentile(all_us, 99) / 1000,
        "heap_leaked_kb_per_kill": leaked / done["secondary"]}}
