# SPDX-License-Identifier: BSD-3-Clause
"""
sim-slice: monitor and slices of a machine that this one is not: 64 engine CPUs and 200 VRs over a day. The load is made
up (a daily rhythm, bursts, VRs that come and go, guarantees, exclusive CPUs), the code that decides is the node's own
(lib/monitor, lib/slice; simslice.c). No packet moves, nothing depends on time: the same figures on every machine.
"""
import json
import subprocess

from .. import Trouble

NAME = "sim-slice"
ABOUT = "64 CPUs, 200 VRs, a day, simulated: CPUs used against the ideal, rejections, moves"
CPUS, VRS, HOURS, SEEDS = 64, 200, 24, (1, 2, 3)
QUICK_HOURS = 2
POLICIES = ("fixed", "threshold", "dynamic")


def simulate(session, policy, seed):
    """@return what simslice.c prints"""
    program = session.program("apps", "pdp-bench", "pdp-sim-slice")
    hours = QUICK_HOURS if session.options.quick else HOURS
    done = subprocess.run([program, policy, str(CPUS), str(VRS), str(hours), str(seed)], capture_output=True, text=True,
                          timeout=300, check=False)
    if done.returncode != 0:
        raise Trouble(f"pdp-sim-slice failed: {done.stderr.strip()}")
    return json.loads(done.stdout)


def mean(rows, policy, column):
    values = [row[column] for row in rows if row["policy"] == policy]
    return sum(values) / len(values)


def run(session):
    """The case."""
    rows = []
    for policy in POLICIES:
        for seed in SEEDS:
            rows.append({"policy": policy, "seed": seed, **simulate(session, policy, seed)})
            session.say(f"{policy}, seed {seed}: {rows[-1]['used']} CPUs of {CPUS}, ideal {rows[-1]['ideal']}")
    names = {"cpus_used": "used", "cpus_ideal": "ideal", "used_of_ideal": "of_ideal", "rejected": "rejected",
             "asked": "asked", "moves": "moves", "core_hours": "core_hours", "short_pct": "short_pct"}
    figures = {name: mean(rows, "dynamic", column) for name, column in names.items()}
    figures["fixed_cpus_used"] = mean(rows, "fixed", "used")
    return {"rows": rows, "figures": figures}
