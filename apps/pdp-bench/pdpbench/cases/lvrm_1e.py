# SPDX-License-Identifier: BSD-3-Clause
"""
lvrm-1e: LVRM's experiment 1e. How long a control message takes from engine to engine through the MD, with no traffic
and at full load (loadgen, closed loop: the MD never has nothing to do, the engine's rings are full). With two CPUs two
engines share one, so the figures are of one polling engine that sends to itself, one way from send to receipt; two
engines that share the CPU and send to each other are rows besides. The plugin (ctlping.c) measures.
"""
import json
import os
import time

from .. import Trouble, quiet
from ..loadgen import LoadgenNode, node_config, one_vr, ports
from ..session import Sample, medians_of, summary_row
from ..summary import median, quiet_values

NAME = "lvrm-1e"
ABOUT = "a control message from engine to engine through the MD, idle and at full load (LVRM 1e)"
ROUNDS = 3
WINDOW_S = 1.0
SKIP_MS = 300
SIZES = [64, 128, 256, 512, 1024]
ONE, TWO = "one engine, to itself", "two engines on one CPU, to each other"


def read_result(path, engines):
    """What the plugin wrote: of the engine with the larger median, if there are several."""
    results = []
    for i in range(engines):
        try:
            with open(f"{path}.{i}", encoding="ascii") as f:
                results.append(json.load(f))
        except (OSError, ValueError) as err:
            raise Trouble(f"engine {i} left no figures: {err}") from err
    worst = max(results, key=lambda r: r["p50_ns"])
    if worst["n"] == 0:
        raise Trouble("no control message came through in time; is the machine overloaded?")
    return worst


def run_once(session, who, load, size):
    """One node's life. @return (result of the plugin, Disturbance)"""
    engines = 1 if who == ONE else 2
    out = os.path.join(session.scratch, "ctlping")
    for name in os.listdir(session.scratch):
        if name.startswith("ctlping."):
            os.unlink(os.path.join(session.scratch, name))
    args = {"out": out, "sibling": who == TWO, "size": size, "skip_ms": SKIP_MS}
    vr = one_vr(session.program("apps", "pdp-bench", "pdp_vr_ctlping.so"), engines=engines, args=args)
    vdevs = ports(f"loop=closed,measure=0,flows=64,start={int(load == 'full')}")
    with LoadgenNode(session, "pdp", node_config(session, [vr]), vdevs) as node:
        time.sleep(SKIP_MS / 1000)
        start = quiet.take()
        time.sleep(session.window_s(WINDOW_S))
        disturbance = quiet.judge(start, quiet.take())
        node.check()
    return read_result(out, engines), disturbance


def measure(session, key):
    """@return Sample of the median in us"""
    result, disturbance = session.least_disturbed(lambda: run_once(session, *key))
    extra = {f"{p}_us": result[f"{p}_ns"] / 1000 for p in ("p90", "p99", "max")}
    return Sample(result["p50_ns"] / 1000, disturbance.disturbed, {**extra, "messages": result["n"],
                                                                   "lost": result["lost"]})


def figure(samples, load):
    """The largest of all sizes of the medians: what holds for every size."""
    return max(median(quiet_values(taken)) for (who, at, _), taken in samples.items() if who == ONE and at == load)


def run(session):
    """The case."""
    sizes = [SIZES[0], SIZES[-1]] if session.options.quick else SIZES
    keys = [(who, load, size) for who in (ONE, TWO) for load in ("idle", "full") for size in sizes]
    samples = session.rounds(session.runs(ROUNDS), keys, lambda key: measure(session, key),
                             lambda key, s: f"{key[0]}, {key[1]}, {key[2]} bytes: p50 {s.value:.2f} us")
    rows = []
    for (who, load, size), taken in samples.items():
        row = summary_row(taken, "p50_us")
        rows.append({"engines": who, "load": load, "bytes": size, "p50_us": row["p50_us"], **medians_of(taken),
                     **{k: row[k] for k in ("runs", "disturbed", "all")}})
    return {"rows": rows, "figures": {"idle_p50_us": figure(samples, "idle"), "load_p50_us": figure(samples, "full")}}
