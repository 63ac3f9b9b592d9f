# SPDX-License-Identifier: BSD-3-Clause
"""
lvrm-3a: LVRM's experiment 3a, which engine a packet goes to. Six engines of 60 kfps each (relay, paced), 90 % of what
they serve is offered in 251 flows. LVRM balances frame by frame (jsq, rr, random) or flow by flow; ours are rows of the
same name, `flow` is its flow-based random choice, `flow-jsq` its flow-based jsq. Throughput, loss, latency, how evenly
the engines are used (Jain), and what order costs: percent of the packets that leave after a later one of their flow.
"""
from ..loadgen import ENGINE_PPS, LoadgenNode, node_config, paced_vr, ports
from ..session import Sample, medians_of, summary_row
from ..summary import jain

NAME = "lvrm-3a"
ABOUT = "balancers side by side: throughput, loss, latency, evenness, order (LVRM 3a)"
ROUNDS = 3
WINDOW_S = 2.0
ENGINES = 6
LOAD = 0.9
FLOWS = 251  # flows take turns: a number that no number of engines divides
SCHEMES = ["jsq", "rr", "random", "weighted", "flow", "flow-jsq"]
COLUMNS = ("loss_pct", "out_of_order_pct", "p50_us", "p99_us", "jain_engines")


def measure(session, balance):
    """@return Sample in kpps"""
    vdevs = ports(f"start=0,rate={int(ENGINES * ENGINE_PPS * LOAD)},flows={FLOWS}")

    def once():
        config = node_config(session, [paced_vr(ENGINES, balance)])
        with LoadgenNode(session, f"pdp, {balance}", config, vdevs) as node:
            got, disturbance = node.play(session.window_s(WINDOW_S))
            got["jain_engines"] = jain([engine["rx"] for engine in node.engines()])
            return got, disturbance

    got, disturbance = session.least_disturbed(once)
    return Sample(got["kpps"], disturbance.disturbed, {k: got[k] for k in COLUMNS})


def run(session):
    """The case."""
    samples = session.rounds(session.runs(ROUNDS), SCHEMES, lambda balance: measure(session, balance),
                             lambda balance, s: f"{balance}: {s.value:.1f} kpps, {s.extra['loss_pct']:.2f} % lost, "
                                                f"{s.extra['out_of_order_pct']:.2f} % out of order")
    rows, figures = [], {}
    for balance, taken in samples.items():
        row, more = summary_row(taken, "kpps"), medians_of(taken)
        rows.append({"balance": balance, **more, **row})
        name = balance.replace("-", "_")
        figures.update({f"{name}_kpps": row["kpps"], **{f"{name}_{k}": v for k, v in more.items()}})
    return {"rows": rows, "figures": figures}
