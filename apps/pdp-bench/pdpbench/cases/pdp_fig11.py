# SPDX-License-Identifier: BSD-3-Clause
"""
pdp-fig11: the rate of a node by the number of its virtual routers, each with a namespace, a FIB and an engine of its own; all
engines share one CPU. 64-byte frames (60 and FCS) from memory, the same for each VR, told apart by source prefix.
"""
import contextlib

from ..fibs import LOADGEN_NET, RouterLoad, RouteSpace, frames, measure_rate
from ..session import medians_of, summary_row

NAME = "pdp-fig11"
ABOUT = "64-byte packets a second of 1 to 8 IP routers on one node (PdP, figure 11)"
ROUNDS = 3
WINDOW_S = 1.5
COUNTS = [1, 2, 4, 8]


def run(session):
    """The case."""
    with contextlib.ExitStack() as stack:
        spaces = [stack.enter_context(RouteSpace(session, LOADGEN_NET)) for _ in range(max(COUNTS))]
        parties = {n: RouterLoad(session, f"pdp, {n} vrs", spaces[:n], frames(n)) for n in COUNTS}
        samples = session.rounds(session.runs(ROUNDS), COUNTS, lambda n: measure_rate(session, parties[n], WINDOW_S),
                                 lambda n, s: f"{n} vrs: {s.value:.2f} Mpps")
    rows, figures = [], {}
    for n, taken in samples.items():
        row, more = summary_row(taken), medians_of(taken)
        rows.append({"vrs": n, **row, "jain": more["jain"], "dropped_pct": more["dropped_pct"]})
        figures[f"mpps_{n}"] = row["mpps"]
    return {"rows": rows, "figures": figures}
