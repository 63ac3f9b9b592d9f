# SPDX-License-Identifier: BSD-3-Clause
"""
lvrm-2b: LVRM's experiment 2b, throughput against the number of engines, fixed. An engine serves 60 kfps, so the papers'
line is 60 kfps an engine up to 360 with six. Ours are paced (relay, pace_pps), which needs no CPU of its own; more is
offered than all can serve. Engines that burn the CPU for as long a packet (spin_ns) follow, one a CPU, as far as this
machine has CPUs.
"""
from ..loadgen import ENGINE_PPS, LoadgenNode, node_config, one_vr, paced_vr, ports
from ..session import Sample, summary_row
from ..summary import median

NAME = "lvrm-2b"
ABOUT = "throughput of 1 to 6 engines of 60 kfps each, fixed (LVRM 2b)"
ROUNDS = 3
WINDOW_S = 2.0
ENGINES = [1, 2, 3, 4, 5, 6]
SURPLUS = 1.1
PACED, SPINNING = "paced", "burning a CPU each"


def config(session, kind, engines):
    if kind == PACED:
        return node_config(session, [paced_vr(engines, "rr")])
    vr = one_vr(engines=engines, balance="rr", args={"spin_ns": 10**9 // ENGINE_PPS})
    return node_config(session, [vr], cpus={"engines": session.cpus[1:engines + 1]})


def measure(session, key):
    """@return Sample in kpps"""
    kind, engines = key
    vdevs = ports(f"start=0,rate={int(ENGINE_PPS * engines * SURPLUS)},flows=64")

    def once():
        with LoadgenNode(session, f"pdp, {engines} engines", config(session, kind, engines), vdevs) as node:
            return node.play(session.window_s(WINDOW_S))

    got, disturbance = session.least_disturbed(once)
    return Sample(got["kpps"], disturbance.disturbed, {k: got[k] for k in ("loss_pct", "p99_us")})


def run(session):
    """The case."""
    n_cpus = len(session.cpus) - 1
    engines = [1, 6] if session.options.quick else ENGINES
    keys = [(PACED, n) for n in engines] + [(SPINNING, n) for n in engines if n <= n_cpus]
    samples = session.rounds(session.runs(ROUNDS), keys, lambda key: measure(session, key),
                             lambda key, s: f"{key[1]} engines, {key[0]}: {s.value:.1f} kpps")
    rows, figures = [], {}
    for (kind, n), taken in samples.items():
        row = summary_row(taken, "kpps")
        rows.append({"engines": n, "kind": kind, "paper_kpps": ENGINE_PPS * n / 1000, **row,
                     "loss_pct": median([s.extra["loss_pct"] for s in taken]),
                     "p99_us": median([s.extra["p99_us"] for s in taken])})
        figures[f"{'paced' if kind == PACED else 'spinning'}_kpps_{n}"] = row["kpps"]
    figures["paced_of_ideal_min"] = min(row["kpps"] / row["paper_kpps"] for row in rows if row["kind"] == PACED)
    rows += [{"engines": n, "kind": SPINNING, "absent": f"this process has {n_cpus} CPUs for engines"}
             for n in engines if n > n_cpus]
    return {"rows": rows, "figures": figures}
