# SPDX-License-Identifier: BSD-3-Clause
"""
lvrm-2c: LVRM's experiment 2c, engines follow the load. The load climbs by steps of 60 kfps to 357 kfps and falls again,
5 s a step, an engine serves 60 kfps. Once by the papers' rule (policy threshold), once by what the node has learnt that
its engines can do (policy dynamic, target 100 %), and then with a plugin that is three times slower, without any change
of configuration: three times the engines.
"""
import time

from ..loadgen import ENGINE_PPS
from ..procs import wait_for
from ..staircase import LEVELS, StairNode, climb, period_s, right_count, step_rows, up_and_down
from ..steps import count_during
from ..watch import Watch

NAME = "lvrm-2c"
ABOUT = "engines follow a load that climbs and falls by steps of 60 kfps (LVRM 2c)"
POLICIES = {"threshold": {"policy": "threshold", "threshold_pps": ENGINE_PPS},
            "dynamic": {"policy": "dynamic", "target_pct": 100}}
SLOWER = 3
HOLD_PPS = 110000  # in the middle of what the sixth of engines of 20 kfps is for
HOLD_PERIODS = 8


def follow(session, policy):
    """@return (rows, part of the periods that had the right number, summary row)"""
    levels = LEVELS[:3] if session.options.quick else LEVELS
    name = f"pdp, {policy}"

    def once():
        with StairNode(session, name, {"red": up_and_down(session, levels)}, **POLICIES[policy]) as node:
            return climb(session, node)

    (climbs, got), disturbance = session.least_disturbed(once)
    red = climbs["red"]
    session.say(f"{policy}: {100 * red.right:.1f} % of {len(red.graded)} periods right")
    summary = {"policy": policy, "periods": len(red.graded), "right_pct": 100 * red.right, "loss_pct": got["loss_pct"],
               "missed_pct": got["missed_pct"], "reordered": got["reordered"], "p99_us": got["p99_us"], "runs": 1,
               "disturbed": int(disturbance.disturbed)}
    return step_rows("red", red, policy), red.right, summary


def engines_for(session, pace_pps):
    """@return engines that a steady load gets"""
    steps = [(HOLD_PPS, 3600)]
    with StairNode(session, f"pdp, {pace_pps} pps an engine", {"red": steps}, pace_pps, **POLICIES["dynamic"]) as node:
        with Watch(node) as watch, node.playing():
            began = time.monotonic()
            time.sleep(HOLD_PERIODS * period_s(session))
            wait_for("engines come", lambda: len(watch.samples) > 0, 20, node.check)
        samples = watch.counts("red", began)
    return count_during(samples, samples[-1][0] / 2, samples[-1][0] + 1)


def run(session):
    """The case."""
    rows, figures, summaries = [], {}, []
    for policy, figure in (("threshold", "steps_right"), ("dynamic", "dynamic_steps_right")):
        more, figures[figure], summary = follow(session, policy)
        rows += more
        summaries.append(summary)
    for pace in (ENGINE_PPS, ENGINE_PPS // SLOWER):
        engines = engines_for(session, pace)
        session.say(f"{HOLD_PPS / 1000:g} kfps, engines of {pace / 1000:g} kfps: {engines} engines")
        summaries.append({"policy": "dynamic", "engine_kpps": pace / 1000, "offered_kpps": HOLD_PPS / 1000,
                          "right": right_count(HOLD_PPS, pace), "engines": engines})
        figures["engines" if pace == ENGINE_PPS else "slower_engines"] = engines
    return {"rows": rows + summaries, "figures": figures}
