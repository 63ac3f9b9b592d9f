# SPDX-License-Identifier: BSD-3-Clause
"""
europa-fig5: the rate of a router against the size of its FIB, 2 to 700,000 real routes. As pdp-fig12, without peers:
64-byte frames (60 and FCS), a destination in each of the prefixes, in random order; the traffic is that of the table.
"""
import contextlib

from ..fibs import RouterLoad, RouteSpace, frames, measure_rate, real_prefixes
from ..session import medians_of, summary_row
from .pdp_fig12 import destinations

NAME = "europa-fig5"
ABOUT = "64-byte packets a second of an IP router with 2 to 700,000 routes (Europa, figure 5)"
ROUNDS = 3
WINDOW_S = 1.5
SIZES = [2, 1000, 10000, 170000, 700000]


def run(session):
    """The case."""
    sizes = SIZES[:-1] if session.options.quick else SIZES
    with contextlib.ExitStack() as stack:
        parties = {}
        for n in sizes:
            prefixes = real_prefixes(n)
            devs = frames(flows=max(n, 64), dst_file=destinations(session, prefixes, f"destinations-{n}"))
            space = stack.enter_context(RouteSpace(session, prefixes))
            parties[n] = RouterLoad(session, f"pdp, {n} routes", [space], devs)
        samples = session.rounds(session.runs(ROUNDS), sizes, lambda n: measure_rate(session, parties[n], WINDOW_S),
                                 lambda n, s: f"{n} routes: {s.value:.2f} Mpps")
    rows, figures = [], {}
    for n, taken in samples.items():
        row = summary_row(taken)
        rows.append({"routes": n, **row, "plugin_cycles": medians_of(taken)["plugin"]})
        figures[f"mpps_{n}"] = row["mpps"]
    return {"rows": rows, "figures": figures}
