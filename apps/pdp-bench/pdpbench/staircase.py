# SPDX-License-Identifier: BSD-3-Clause
"""
LVRM's experiments with a load that climbs and falls by steps: VRs whose engines serve 60 kfps each (paced relays), a
monitor that looks once a second, and whether each period had the right number of engines. VR number i gets its packets
from port 2 i and sends to port 2 i + 1.
"""
import math
import time
from dataclasses import dataclass

from . import Trouble, quiet
from . import steps as of_steps
from .loadgen import ENGINE_PPS, LoadgenNode, node_config
from .sockets import table_rows
from .watch import Watch, profile_began

LEVELS = [57000, 117000, 177000, 237000, 297000, 357000]  # 3 kfps below the paper's: none is a boundary
ENGINES_MAX = 8
PERIODS_A_STEP = 5
RXQ = 16384  # packets that wait for an MD that was off its CPU, or the monitor would see a smaller load than is offered
TAU_PART = 0.25  # of a period


@dataclass
class Climb:
    """What became of one VR."""
    steps: list
    samples: list  # (seconds of the profile, engines)
    graded: list  # (seconds, pps, engines, right)

    @property
    def right(self):
        return of_steps.right_part(self.graded)


def period_s(session):
    """The papers' second; a tenth where it has to be quick."""
    return 0.1 if session.options.quick else 1.0


def up_and_down(session, levels=None):
    return of_steps.staircase(levels or LEVELS, PERIODS_A_STEP * period_s(session))


def right_count(pps, engine_pps=ENGINE_PPS):
    """The papers': c engines for more than c - 1 times what one serves."""
    return math.ceil(pps / engine_pps)


class StairNode(LoadgenNode):
    """@param climbs {VR: steps}, @param monitor  None: the papers', @param more  members of each VR's configuration"""

    def __init__(self, session, name, climbs, pace_pps=ENGINE_PPS, monitor=None, arrivals="even", **more):
        vrs, ports, vdevs = [], [], []
        for i, (vr, steps) in enumerate(climbs.items()):
            names = [f"net_loadgen{2 * i + side}" for side in range(2)]
            ports += [{"name": name} for name in names]
            vrs.append({"name": vr, "plugin": "relay", "args": {"pace_pps": pace_pps}, "engines": f"1..{ENGINES_MAX}",
                        "vifs": [{"name": side, "port": port} for side, port in zip("ab", names)], **more})
            vdevs += [f"{names[0]},start=0,flows=997,rxq={RXQ},arrivals={arrivals},profile={of_steps.profile(steps)},"
                      "profile_end=stop",
                      f"{names[1]},start=0"]
        if monitor is None:
            period_ms = round(1000 * period_s(session))
            monitor = {"period_ms": period_ms, "tau_ms": round(TAU_PART * period_ms), "dwell_ms": 0}
        super().__init__(session, name, node_config(session, vrs, ports=ports, monitor=monitor), vdevs)
        self.climbs = climbs
        self.sources, self.sinks = range(0, len(ports), 2), range(1, len(ports), 2)

    def monitor_looked(self):
        """When the monitor looked at the load, one of the times: time.monotonic()"""
        before = time.monotonic()
        uptime_s = self.control.ask("status")["uptime_s"]
        began = (before + time.monotonic()) / 2 - uptime_s
        log = table_rows(self.control.ask("monitor log"))
        if not log:
            raise Trouble(f"{self.name}: the monitor has decided nothing")
        return began + log[-1]["at_s"]


def climb(session, node, right=right_count):
    """
    All VRs of a StairNode at once.
    @return (({VR: Climb}, figures of Play), quiet.Disturbance)
    """
    start = quiet.take()
    with Watch(node) as watch, node.playing() as play:
        began = {vr: profile_began(node, port, steps)
                 for (vr, steps), port in zip(node.climbs.items(), node.sources)}
        end = max(began[vr] + of_steps.length_s(steps) for vr, steps in node.climbs.items())
        time.sleep(max(0, end - time.monotonic()))
        play.stop()
    disturbance = quiet.judge(start, quiet.take())
    looked = node.monitor_looked()
    climbs = {}
    for vr, steps in node.climbs.items():
        samples = watch.counts(vr, began[vr])
        graded = of_steps.grade(samples, steps, period_s(session), looked - began[vr], right)
        climbs[vr] = Climb(steps, samples, graded)
    return (climbs, play.end()), disturbance


def step_rows(vr, climb_of, policy):
    """A row a step: what was offered, how many engines would be right, which there were and for how many periods."""
    rows = []
    for begin, end, pps in of_steps.starts(climb_of.steps):
        counts = [(count, right) for t, _, count, right in climb_of.graded if begin <= t < end]
        rows.append({"vr": vr, "policy": policy, "at_s": begin, "offered_kpps": pps / 1000,
                     "right": counts[0][1] if counts else None, "engines": [count for count, _ in counts],
                     "right_pct": 100 * sum(c == r for c, r in counts) / len(counts) if counts else None})
    return rows
