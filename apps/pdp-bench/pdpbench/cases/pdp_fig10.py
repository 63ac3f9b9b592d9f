# SPDX-License-Identifier: BSD-3-Clause
"""
pdp-fig10: the rate of one router by the number of its engines, plugin ip, 64-byte frames (60 and FCS) of 64 flows
from memory. With two CPUs all engines share one, so this says what dealing out to several costs, not what it brings;
with more it is the other way round. What more engines bring where the engine is the bottleneck is lvrm-2b.
"""
import contextlib

from ..fibs import LOADGEN_NET, RouterLoad, RouteSpace, frames, measure_rate
from ..session import medians_of, summary_row

NAME = "pdp-fig10"
ABOUT = "64-byte packets a second of an IP router with 1 to 3 engines (PdP, figure 10)"
ROUNDS = 3
WINDOW_S = 1.5
COUNTS = [1, 2, 3]


def run(session):
    """The case."""
    with contextlib.ExitStack() as stack:
        spaces = [stack.enter_context(RouteSpace(session, LOADGEN_NET)) for _ in range(1)]
        parties = {n: RouterLoad(session, f"pdp, {n} engines", spaces, frames(), engines=n) for n in COUNTS}
        samples = session.rounds(session.runs(ROUNDS), COUNTS, lambda n: measure_rate(session, parties[n], WINDOW_S),
                                 lambda n, s: f"{n} engines: {s.value:.2f} Mpps")
    rows, figures = [], {}
    for n, taken in samples.items():
        row, more = summary_row(taken), medians_of(taken)
        rows.append({"engines": n, **row, "dropped_pct": more["dropped_pct"]})
        figures[f"mpps_{n}"] = row["mpps"]
    return {"rows": rows, "figures": figures}
