# SPDX-License-Identifier: BSD-3-Clause
"""
pdp-fig13: PdP's figure 13, TCP throughput through 1, 2 and 3 engines, one flow and 16 flows: iperf3 between two
namespaces with real kernels' TCP (hosts.py). Engines are the bottleneck: 10 kfps each (relay, paced), so that one carries
about 110 Mbit/s of data and acknowledgements, and three are no work for this machine. What order is worth shows with
one flow: who keeps it on one engine gets one engine's rate, who deals it out in disorder makes TCP retransmit.
"""
from ..hosts import HostsNode
from ..session import Sample, medians_of, summary_row
from ..summary import jain

NAME = "pdp-fig13"
ABOUT = "TCP throughput through 1 to 3 engines, 1 and 16 flows, by balancer (PdP, figure 13)"
ROUNDS = 2
WINDOW_S = 5
PPS = 10000
SLOTS = 256
ENGINES = [1, 2, 3]
FLOWS = [1, 16]
WAYS = {"rr": {"balance": "rr"}, "restore": {"balance": "rr", "order": "restore"}, "flow": {"balance": "flow"},
        "flow-jsq": {"balance": "flow-jsq"}}


def measure(session, key):
    """@return Sample in Mbit/s"""
    way, engines, flows = key
    vr = {"name": "red", "plugin": "relay", "engines": engines, "slots": SLOTS, "poll": "adaptive",
          "args": {"pace_pps": PPS}, **WAYS[way]}

    def once(node):
        got = node.iperf(round(max(1, session.window_s(WINDOW_S))), flows)
        return Sample(got["mbps"], extra={"jain_flows": jain(got["flows_mbps"]), "out_of_order": got["out_of_order"],
                                          "retransmitted": got["retransmitted"]})

    with HostsNode(session, f"pdp, {way}, {engines} engines", vr) as node:
        sample, disturbance = session.least_disturbed(lambda: session.judged(lambda: once(node)))
    sample.disturbed = disturbance.disturbed
    return sample


def keys(session):
    """With one engine there is nothing to choose."""
    engines, flows = ([3], [16]) if session.options.quick else (ENGINES, FLOWS)
    return [(way, n, f) for f in flows for n in engines for way in WAYS if n > 1 or way == "rr"]


def run(session):
    """The case."""
    samples = session.rounds(session.runs(ROUNDS), keys(session), lambda key: measure(session, key),
                             lambda key, s: f"{key[0]}, {key[1]} engines, {key[2]} flows: {s.value:.0f} Mbit/s, "
                                            f"{s.extra['out_of_order']} out of order")
    rows, figures = [], {}
    for (way, n, flows), taken in samples.items():
        row, more = summary_row(taken, "mbps"), medians_of(taken)
        name = "any" if n == 1 else way
        rows.append({"way": name, "engines": n, "flows": flows, **row, **more})
        figures[f"{name.replace('-', '_')}_{n}_engines_{flows}_flows_mbps"] = row["mbps"]
    return {"rows": rows, "figures": figures}
