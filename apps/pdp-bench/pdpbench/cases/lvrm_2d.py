# SPDX-License-Identifier: BSD-3-Clause
"""
lvrm-2d: LVRM's experiment 2d, two VRs at once. The load of the one climbs while that of the other falls, and back, by
steps of 60 kfps between 57 and 357 kfps, so that every step takes an engine from one VR and gives the other one.
"""
from ..loadgen import ENGINE_PPS
from ..staircase import LEVELS, PERIODS_A_STEP, StairNode, climb, period_s, step_rows, up_and_down

NAME = "lvrm-2d"
ABOUT = "engines of two VRs follow two loads at once (LVRM 2d)"
POLICIES = {"threshold": {"policy": "threshold", "threshold_pps": ENGINE_PPS},
            "dynamic": {"policy": "dynamic", "target_pct": 100}}
FIGURES = {"threshold": "steps_right", "dynamic": "dynamic_steps_right"}


def loads(session):
    """{VR: steps}, the one the other's mirror image."""
    levels = LEVELS[:3] if session.options.quick else LEVELS
    seconds = PERIODS_A_STEP * period_s(session)
    return {"red": up_and_down(session, levels),
            "blue": [(pps, seconds) for pps in levels[::-1] + levels[1:]]}


def follow(session, policy):
    """@return what climb() does"""
    with StairNode(session, f"pdp, {policy}", loads(session), **POLICIES[policy]) as node:
        return climb(session, node)


def run(session):
    """The case."""
    rows, summaries, figures = [], [], {}
    for policy, figure in FIGURES.items():
        (climbs, got), disturbance = session.least_disturbed(lambda: follow(session, policy))
        for vr, of_vr in climbs.items():
            rows += step_rows(vr, of_vr, policy)
            session.say(f"{policy}, {vr}: {100 * of_vr.right:.1f} % of {len(of_vr.graded)} periods right")
            summaries.append({"policy": policy, "vr": vr, "periods": len(of_vr.graded), "right_pct": 100 * of_vr.right})
        figures[figure] = min(of_vr.right for of_vr in climbs.values())
        summaries.append({"policy": policy, "loss_pct": got["loss_pct"], "reordered": got["reordered"],
                          "p99_us": got["p99_us"], "runs": 1, "disturbed": int(disturbance.disturbed)})
    return {"rows": rows + summaries, "figures": figures}
