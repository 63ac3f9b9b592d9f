# SPDX-License-Identifier: BSD-3-Clause
"""
scale: engines come and go under load, 1 -> 4 -> 1 a hundred times. How long it takes from the decision until a parked
engine has served its first packets (LVRM: within 1 ms), until all MD lcores send to it, and until one that is to go has
nothing left and is parked; and that no packet is lost and no flow reordered. Engines are paced relays of 60 kfps, so
that four do not fill their CPU, under 45 kfps: half of them in 1,000,000 flows, half in 61, whose packets follow each
other so closely that a wrong order would show.
"""
import time

from .. import quiet
from ..loadgen import LoadgenNode, node_config, paced_vr, ports
from ..procs import wait_for
from ..summary import median, percentile

NAME = "scale"
ABOUT = "engines come and go 100 times under load: reaction times, loss, order"
CYCLES = 100
PPS = 45000
QUICK_PPS = 5000  # an engine's slots hold more than a second's packets: nothing is lost on a busy machine either
MANY, FEW = 1000000, 61
SLOTS = 8192
ENGINES = 4
BALANCE = "flow-jsq"
STAY_S = 0.05
CHANGE_S = 30
LVRM_US = {"reaction": 1000}
PREFIXES = ("10.1.0.0/16", "10.2.0.0/16")


class Breathing(LoadgenNode):
    """A node whose VR red changes its number of engines when told."""

    def states(self):
        """{state: number of engines}"""
        states = [engine["state"] for engine in self.engines()]
        return {state: states.count(state) for state in set(states)}

    def settled(self, running):
        """@return whether so many engines run, and all others are parked"""
        states = self.states()
        return states.get("running") == running and set(states) <= {"running", "parked"}

    def engines_run(self):
        return self.settled(1) and self.states().get("parked", 0) >= ENGINES - 1

    def resize(self, engines):
        self.control.ask("vr resize", vr="red", engines=engines)
        wait_for(f"{engines} running engines", lambda: self.settled(engines), CHANGE_S, self.check)

    def breathe(self):
        """Once up and down, with time for packets to come."""
        self.resize(ENGINES)
        time.sleep(STAY_S)
        self.resize(1)


def start(session):
    quick = session.options.quick
    vr = paced_vr(1, BALANCE, standby=ENGINES - 1, slots=SLOTS)
    vr["vifs"][0]["source"] = list(PREFIXES)
    mix = f"src:{PREFIXES[0]}:flows={MANY // 100 if quick else MANY}+src:{PREFIXES[1]}:flows={FEW}"
    source = f"start=0,rate={QUICK_PPS if quick else PPS},rxq=65536,mix={mix}"
    return Breathing(session, "pdp", node_config(session, [vr]), ports(source))


def breathe_often(session, cycles):
    """@return ((times of changes in us by kind, figures of Play), quiet.Disturbance)"""
    with start(session) as node, node.playing() as play:
        begin = quiet.take()
        for cycle in range(cycles):
            node.breathe()
            if (cycle + 1) % 20 == 0:
                session.say(f"{cycle + 1} of {cycles} times up and down")
        disturbance = quiet.judge(begin, quiet.take())
        return (node.control.ask("vr times", vr="red"), play.end()), disturbance


def run(session):
    """The case."""
    cycles = 5 if session.options.quick else CYCLES
    (times, got), disturbance = session.least_disturbed(lambda: breathe_often(session, cycles))
    rows = [{"from the decision until": what, "n": len(us), "p50_us": median(us), "p99_us": percentile(us, 99),
             "max_us": max(us, default=None), "lvrm_us": LVRM_US.get(what)} for what, us in times.items()]
    counts = {k: got[k] for k in ("received", "missed", "lost", "reordered", "dropped")}
    rows.append({"cycles": cycles, "engines": ENGINES, "kpps": got["kpps"], **counts, "runs": 1,
                 "disturbed": int(disturbance.disturbed)})
    figures = {"grow_p50_us": median(times["reaction"]), "grow_p99_us": percentile(times["reaction"], 99),
               "let_in_p99_us": percentile(times["let_in"], 99), "drain_p99_us": percentile(times["drain"], 99),
               "lost": got["lost"], "reordered": got["reordered"], "cycles": cycles}
    return {"rows": rows, "figures": figures}
