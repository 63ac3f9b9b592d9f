# SPDX-License-Identifier: BSD-3-Clause
"""
pdp-tab1: PdP's table 1, packets out of order with 1, 2 and 3 engines: round robin as in the paper, the same with its
order restored, and by flow. Engines serve 60 kfps each (relay, paced) and two thirds of that are offered, so that
nothing is lost; every packet's place in its flow is known (RFC 4737), from the first packet of the run to the last. Then
TCP, iperf3 between two namespaces (hosts.py) through three engines, paced by the sender so that nothing is lost: how
many segments the receiver's kernel had to queue because they came after a later one.
"""
from ..hosts import HostsNode
from ..loadgen import ENGINE_PPS, LoadgenNode, node_config, paced_vr, ports
from ..session import Sample, medians_of, summary_row

NAME = "pdp-tab1"
ABOUT = "packets out of order with 1, 2 and 3 engines (PdP, table 1)"
ROUNDS = 3
WINDOW_S = 3.0
LOAD = 2 / 3
FLOWS = 13  # flows take turns: a number that no number of engines divides
ENGINES = [1, 2, 3]
PAPER_PCT = {("rr", 1): 0.31, ("rr", 2): 10.19, ("rr", 3): 13.02}
TCP_S = 5
TCP_PPS = 10000
TCP_FLOWS = 4
TCP_TRIES = 4
WAYS = {"rr": {"balance": "rr"}, "restore": {"balance": "rr", "order": "restore"}, "flow": {"balance": "flow"},
        "flow-jsq": {"balance": "flow-jsq"}}


def measure(session, key):
    """@return Sample of packets out of order, percent"""
    way, engines = key
    vdevs = ports(f"start=0,rate={int(engines * ENGINE_PPS * LOAD)},flows={FLOWS}")

    def once():
        vr = paced_vr(engines, slots=8192, **WAYS[way])
        with LoadgenNode(session, f"pdp, {way}, {engines} engines", node_config(session, [vr]), vdevs) as node:
            return node.play(session.window_s(WINDOW_S))

    got, disturbance = session.least_disturbed(once)
    return Sample(got["out_of_order_pct"], disturbance.disturbed,
                  {k: got[k] for k in ("reordered", "lost", "kpps", "p50_us", "p99_us")})


def tcp(session, way):
    """Until nothing was lost, a few times: a link lost it then, and what follows a loss is out of order by nature."""
    vr = {"name": "red", "plugin": "relay", "engines": ENGINES[-1], "slots": 8192, "poll": "adaptive",
          "args": {"pace_pps": ENGINE_PPS}, **WAYS[way]}
    with HostsNode(session, f"pdp, {way}", vr) as node:
        for _ in range(1 if session.options.quick else TCP_TRIES):
            got = node.iperf(round(max(1, session.window_s(TCP_S))), TCP_FLOWS, pps=TCP_PPS)
            session.say(f"{way}, TCP: {got['mbps']:.0f} Mbit/s, {got['out_of_order']} segments out of order, "
                        f"{got['retransmitted']} retransmitted")
            if got["retransmitted"] == 0 or got["out_of_order"] == 0:
                break
    return {"way": way, "engines": ENGINES[-1], "tcp_mbps": got["mbps"], "tcp_out_of_order": got["out_of_order"],
            "tcp_retransmitted": got["retransmitted"]}


def run(session):
    """The case."""
    keys = [(way, n) for way in WAYS for n in ENGINES]
    samples = session.rounds(session.runs(ROUNDS), keys, lambda key: measure(session, key),
                             lambda key, s: f"{key[0]}, {key[1]} engines: {s.value:.2f} % out of order, "
                                            f"{s.extra['lost']} lost")
    rows, figures = [], {}
    for (way, n), taken in samples.items():
        row, more = summary_row(taken, "out_of_order_pct"), medians_of(taken)
        worst = {k: max(s.extra[k] for s in taken) for k in ("reordered", "lost")}
        rows.append({"way": way, "engines": n, "paper_pct": PAPER_PCT.get((way, n)), **row, **more, **worst})
        figures[f"{way.replace('-', '_')}_{n}_pct"] = row["out_of_order_pct"]
        figures[f"{way.replace('-', '_')}_{n}_reordered"] = worst["reordered"]
    figures["lost"] = max(row["lost"] for row in rows)
    of_tcp = [tcp(session, way) for way in WAYS]
    figures.update({f"{row['way'].replace('-', '_')}_tcp_out_of_order": row["tcp_out_of_order"] for row in of_tcp})
    rows += of_tcp
    return {"rows": rows, "figures": figures}
