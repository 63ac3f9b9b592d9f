# SPDX-License-Identifier: BSD-3-Clause
"""
europa-fig7: the latency of a router against its load. One MD, one engine, plugin ip, 84 bytes on the wire, open loop:
a packet's time begins when it is due, so one that waits because the node is late is late. Loads are parts of what the
node was seen to forward in a closed loop.
"""
from ..fibs import LOADGEN_NET, RouterLoad, RouteSpace, frames, measure_rate
from ..loadgen import ports
from ..session import Sample, medians_of, summary_row

NAME = "europa-fig7"
ABOUT = "latency of an IP router at 10 to 80 % of its rate (Europa, figure 7)"
ROUNDS = 3
WINDOW_S = 1.5
LOADS_PCT = [10, 20, 40, 60, 80]
FIGURES = ("p50_us", "p99_us", "max_us", "loss_pct", "missed_pct")


def measure(session, space, pct, full_mpps):
    """@return Sample in us, the median latency"""
    rate = int(full_mpps * 1e6 * pct / 100)
    devs = ports(f"start=0,rate={rate},flows=64,size=60,rxq=4096")
    with RouterLoad(session, f"pdp, {pct} %", [space], devs) as node:
        node.play(0.3)
        got, disturbance = node.play(session.window_s(WINDOW_S))
        return Sample(got["p50_us"], disturbance.disturbed, {k: got[k] for k in FIGURES} | {"kpps": got["kpps"]})


def run(session):
    """The case."""
    with RouteSpace(session, LOADGEN_NET) as space:
        full = measure_rate(session, RouterLoad(session, "pdp, closed loop", [space], frames(measure=1)), WINDOW_S)
        session.say(f"closed loop: {full.value:.2f} Mpps")
        samples = session.rounds(session.runs(ROUNDS), LOADS_PCT, lambda pct: measure(session, space, pct, full.value),
                                 lambda pct, s: f"{pct} %: p50 {s.value:.1f} us, p99 {s.extra['p99_us']:.1f} us")
    rows, figures = [{"load_pct": 100, "kpps": full.value * 1000}], {"full_mpps": full.value}
    for pct, taken in samples.items():
        more = medians_of(taken)
        rows.append({"load_pct": pct, **more, "runs": len(taken), "disturbed": summary_row(taken)["disturbed"]})
        figures.update({f"p50_us_{pct}": more["p50_us"], f"p99_us_{pct}": more["p99_us"]})
    return {"rows": rows, "figures": figures}
