# SPDX-License-Identifier: BSD-3-Clause
"""
europa-fig6: several routers on one node, as pdp-fig11, with frames of 1538 bytes on the wire: their rate together, and how
evenly they get it (Jain's index over what the VRs sent).
"""
import contextlib

from ..fibs import LOADGEN_NET, RouterLoad, RouteSpace, frames, measure_rate
from ..session import medians_of, summary_row

NAME = "europa-fig6"
ABOUT = "1500-byte frames through 1 to 8 IP routers on one node, and how evenly (Europa, figure 6)"
ROUNDS = 3
WINDOW_S = 1.5
COUNTS = [1, 2, 4, 8]


def run(session):
    """The case."""
    with contextlib.ExitStack() as stack:
        spaces = [stack.enter_context(RouteSpace(session, LOADGEN_NET)) for _ in range(max(COUNTS))]
        parties = {n: RouterLoad(session, f"pdp, {n} vrs", spaces[:n], frames(n, size=1514, payload="none")) for n in COUNTS}
        samples = session.rounds(session.runs(ROUNDS), COUNTS, lambda n: measure_rate(session, parties[n], WINDOW_S),
                                 lambda n, s: f"{n} vrs: {s.value:.2f} Mpps")
    rows, figures = [], {}
    for n, taken in samples.items():
        row, more = summary_row(taken), medians_of(taken)
        rows.append({"vrs": n, **row, "jain": more["jain"], "dropped_pct": more["dropped_pct"]})
        figures[f"mpps_{n}"] = row["mpps"]
        figures[f"jain_{n}"] = more["jain"]
    return {"rows": rows, "figures": figures}
