# SPDX-License-Identifier: BSD-3-Clause
"""
europa-fig8: Europa's experiment of figure 8, throughput against the number of slots, here packets that may be with an
engine at a time. Two VRs, one engine each on the same CPU, half of the packets (84 bytes on the wire, from memory,
closed loop) for each VR by source prefix.
"""
from ..loadgen import WIRE_OVERHEAD, LoadgenNode, node_config, ports
from ..session import medians_of, summary_row

NAME = "europa-fig8"
ABOUT = "throughput of two VRs against 2..1024 slots (Europa, figure 8)"
ROUNDS = 3
WINDOW_S = 1.5
SLOTS = [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
MIX = "src:10.1.0.0/16:flows=32+src:10.2.0.0/16:flows=32"
PREFIXES = {"red": ("10.1.0.0/16", "10.3.0.0/16"), "blue": ("10.2.0.0/16", "10.4.0.0/16")}


class TwoVrs(LoadgenNode):
    """Tells of each VR what it sent."""

    def after(self, state):
        row = super().after(state)
        old, new = state[0], self.control.ask("stats")
        seconds = new["node"]["uptime_s"] - old["node"]["uptime_s"]
        for name in PREFIXES:
            row[f"{name}_mpps"] = (new["vrs"][name]["tx"] - old["vrs"][name]["tx"]) / seconds / 1e6
        return row


def config(session, slots):
    vrs = [{"name": name, "plugin": "relay", "slots": slots,
            "vifs": [{"name": side, "port": f"net_loadgen{i}", "source": [prefixes[i]]}
                     for i, side in enumerate(("a", "b"))]} for name, prefixes in PREFIXES.items()]
    return node_config(session, vrs)


def measure(session, slots):
    """@return Sample in Mpps of both VRs together"""
    vdevs = ports(f"loop=closed,measure=0,size={84 - WIRE_OVERHEAD},mix={MIX}")
    with TwoVrs(session, f"pdp, {slots} slots", config(session, slots), vdevs) as node:
        node.wait_for_traffic()
        session.warm_up()
        return session.measure_rate(node, session.window_s(WINDOW_S))


def run(session):
    """The case."""
    samples = session.rounds(session.runs(ROUNDS), SLOTS, lambda slots: measure(session, slots),
                             lambda slots, s: f"{slots} slots: {s.value:.2f} Mpps")
    rows, figures = [], {}
    for slots, taken in samples.items():
        row, more = summary_row(taken), medians_of(taken)
        rows.append({"slots": slots, **{f"{name}_mpps": more[f"{name}_mpps"] for name in PREFIXES}, **row,
                     "dropped_pct": more["dropped_pct"]})
        figures[f"mpps_{slots}"] = row["mpps"]
    return {"rows": rows, "figures": figures}
