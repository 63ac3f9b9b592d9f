# SPDX-License-Identifier: BSD-3-Clause
"""
pdp-tab2: PdP's table 2, two engines that are not alike: slices of 60 and 40 % of a CPU, here relays paced to 75 and 50
kfps. Who takes turns gives both the same, and the slower one runs over; who weighs gives each what it can do. Traffic
comes in waves: 160 % of what both serve together for 10 ms, 80 % for 45 ms, 95 % in the mean. What a wave leaves behind
fits into the slots of both engines, but not into those of one whose neighbour is always full: where half of 80 % is for
an engine that serves 40 %, it is.
"""
from ..loadgen import LoadgenNode, node_config, one_vr, ports
from ..session import Sample, medians_of, summary_row
from ..steps import profile
from ..summary import median

NAME = "pdp-tab2"
ABOUT = "two unequal engines: order, loss and latency of rr, weighted and jsq (PdP, table 2)"
ROUNDS = 3
WINDOW_S = 5.0
LEARN_S = 3.0
PACES = [75000, 50000]
WEIGHTS = [60, 40]
WAVE = [(1.6, 0.010), (0.8, 0.045)]  # load, seconds
FLOWS = 61
SLOTS = 512
PAPER_PCT = {"rr": 12.27, "weighted": 10.02}
WAYS = {"rr": {}, "weighted": {"weights": WEIGHTS}, "jsq": {}}
COLUMNS = ("loss_pct", "p50_us", "p99_us", "kpps")


def measure(session, way):
    """@return Sample of packets out of order, percent"""
    vr = one_vr(engines=len(PACES), balance=way, slots=SLOTS, args={"pace_pps": PACES}, **WAYS[way])
    waves = profile([(int(sum(PACES) * load), seconds) for load, seconds in WAVE])
    vdevs = ports(f"start=0,rxq=16384,profile={waves},flows={FLOWS}")

    def once():
        with LoadgenNode(session, f"pdp, {way}", node_config(session, [vr]), vdevs) as node:
            node.play(session.window_s(LEARN_S))  # the node learns what each engine can do
            return node.play(session.window_s(WINDOW_S))

    got, disturbance = session.least_disturbed(once)
    return Sample(got["out_of_order_pct"], disturbance.disturbed, {k: got[k] for k in COLUMNS})


def run(session):
    """The case."""
    samples = session.rounds(session.runs(ROUNDS), list(WAYS), lambda way: measure(session, way),
                             lambda way, s: f"{way}: {s.value:.2f} % out of order, {s.extra['loss_pct']:.3f} % lost, "
                                            f"p99 {s.extra['p99_us']:.0f} us")
    rows, figures = [], {}
    for way, taken in samples.items():
        row, more = summary_row(taken, "out_of_order_pct"), medians_of(taken)
        rows.append({"balance": way, "paper_pct": PAPER_PCT.get(way), **row, **more})
        figures.update({f"{way}_out_of_order_pct": row["out_of_order_pct"], f"{way}_loss_pct": more["loss_pct"],
                        f"{way}_p99_us": more["p99_us"]})
    for way in ("weighted", "jsq"):
        for what in ("loss_pct", "p99_us"):
            below = [mine.extra[what] - theirs.extra[what] for mine, theirs in zip(samples[way], samples["rr"])]
            figures[f"{way}_below_rr_{what}"] = int(median(below) < 0)
    return {"rows": rows, "figures": figures}
