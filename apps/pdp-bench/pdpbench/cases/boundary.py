# SPDX-License-Identifier: BSD-3-Clause
"""
boundary: no flapping. Two VRs whose load stays for 60 s exactly where the number of engines changes, one coming from
below, one from above, with Poisson arrivals; once by threshold, once by what the node has learnt. How often each VR's
number of engines changes while the load is held.
"""
import time

from .. import quiet
from ..loadgen import ENGINE_PPS
from ..staircase import StairNode
from ..steps import changes
from ..watch import Watch, profile_began

NAME = "boundary"
ABOUT = "a load that stays on the boundary between two numbers of engines: does it flap?"
HOLD_S = 60
LEAD_S = 3
OFF = 0.25  # of an engine: where the load comes from
TARGET_PCT = 80
BOUNDARY = 2  # engines below it
POLICIES = {"threshold": ({"policy": "threshold", "threshold_pps": ENGINE_PPS}, ENGINE_PPS),
            "dynamic": ({"policy": "dynamic", "target_pct": TARGET_PCT}, ENGINE_PPS * TARGET_PCT // 100)}


def hold_on(session, policy):
    """@return ([(VR, engines seen, changes)], quiet.Disturbance)"""
    more, an_engine = POLICIES[policy]
    hold_s, lead_s = (2, 1) if session.options.quick else (HOLD_S, LEAD_S)
    at = BOUNDARY * an_engine
    loads = {"below": [(round(at - OFF * an_engine), lead_s), (at, hold_s)],
             "above": [(round(at + OFF * an_engine), lead_s), (at, hold_s)]}
    found = []
    with StairNode(session, f"pdp, {policy}", loads, monitor={}, arrivals="poisson", **more) as node:
        start = quiet.take()
        with Watch(node) as watch, node.playing() as play:
            began = {vr: profile_began(node, port, loads[vr]) for vr, port in zip(loads, node.sources)}
            time.sleep(max(0, max(began.values()) + lead_s + hold_s - time.monotonic()))
            play.stop()
        disturbance = quiet.judge(start, quiet.take())
        for vr, began_s in began.items():
            samples = [(t, n) for t, n in watch.counts(vr, began_s) if lead_s <= t < lead_s + hold_s]
            found.append((vr, sorted({n for _, n in samples}), changes(samples)))
    return found, disturbance


def run(session):
    """The case."""
    rows, figures = [], {}
    for policy, (_, an_engine) in POLICIES.items():
        found, disturbance = session.least_disturbed(lambda: hold_on(session, policy))
        for vr, engines, n in found:
            session.say(f"{policy}, from {vr}: {n} changes, engines {engines}")
            rows.append({"policy": policy, "comes from": vr, "held_kpps": BOUNDARY * an_engine / 1000,
                         "engines": engines, "changes": n, "runs": 1, "disturbed": int(disturbance.disturbed)})
            figures[f"{policy}_from_{vr}_changes"] = n
    figures["changes_max"] = max(figures.values())
    return {"rows": rows, "figures": figures}
