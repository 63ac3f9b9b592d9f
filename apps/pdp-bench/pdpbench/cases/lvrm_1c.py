# SPDX-License-Identifier: BSD-3-Clause
"""
lvrm-1c: LVRM's experiment 1c. Frames come from memory (loadgen, closed loop: as fast as they are taken), go through the
MD and one engine, and are discarded by the sink. Sizes as on the wire: what a frame takes of a link, with FCS, preamble
and gap. VR by source prefix, as LVRM's. Stamping is off: it is throughput that is measured.
"""
from ..loadgen import SIZES_ON_WIRE, WIRE_OVERHEAD, LoadgenNode, node_config, one_vr, ports
from ..session import medians_of, summary_row

NAME = "lvrm-1c"
ABOUT = "throughput of one engine by frame size, from memory to discard (LVRM 1c)"
ROUNDS = 5
WINDOW_S = 1.5


def measure(session, wire):
    """@return Sample in Mpps"""
    vdevs = ports(f"loop=closed,measure=0,flows=64,size={wire - WIRE_OVERHEAD}")
    with LoadgenNode(session, f"pdp, {wire} bytes", node_config(session, [one_vr()]), vdevs) as node:
        node.wait_for_traffic()
        session.warm_up()
        return session.measure_rate(node, session.window_s(WINDOW_S))


def run(session):
    """The case."""
    samples = session.rounds(session.runs(ROUNDS), SIZES_ON_WIRE, lambda wire: measure(session, wire),
                             lambda wire, s: f"{wire} bytes on the wire: {s.value:.2f} Mpps")
    rows, cycles, figures = [], [], {}
    for wire, taken in samples.items():
        row = summary_row(taken)
        rows.append({"wire_bytes": wire, "gbps": row["mpps"] * wire * 8 / 1000, **row})
        cycles.append({"cycles at wire_bytes": wire, **medians_of(taken)})
        figures[f"mpps_{wire}"] = row["mpps"]
    return {"rows": rows + cycles, "figures": figures}
