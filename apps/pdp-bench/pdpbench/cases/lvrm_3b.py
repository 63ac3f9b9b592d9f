# SPDX-License-Identifier: BSD-3-Clause
"""
lvrm-3b: who gets what in overload (LVRM's experiment 3b, Multistage's Table I). The engines are the bottleneck, one of
each VR, paced: two VRs that are offered twice what they serve get the same, T = 2 min(T1, T2), and so do eight; of two
that are offered 10 and 90 % of twice what both serve, the small one loses nothing (Multistage gave it 13 %). And a port
is the bottleneck: eight VRs send into a line that takes a third of it, one of them eight times as much as the others.

A rate is a difference of two statistics of the node, a packet delivered is one sent of those that were offered, those
included that the receive queue lost as the MD came late.
"""
import time

from .. import quiet
from ..loadgen import ENGINE_PPS, LoadgenNode, node_config, ports
from ..session import Sample, summary_row
from ..summary import jain

NAME = "lvrm-3b"
ABOUT = "who gets what in overload: two VRs, eight VRs, a small one beside a big one, a full port (LVRM 3b)"
ROUNDS = 5
WINDOW_S = 2.0
EIGHT_PPS = ENGINE_PPS // 2  # each of eight: all their engines share one CPU
LINE_PPS = 200000
SURPLUS = 3  # of what the line takes
GREEDY = 8
SMALL_PCT = 10
RXQ = 32768  # packets that wait for an MD that was off its CPU: 0.1 s of all
SLOTS = 4096  # hold the small VR's part of them
TWO, SMALL, EIGHT, PORT = "two VRs", "a small VR", "eight VRs", "a full port"


def config(session, n, pps, **more):
    args = {"pace_pps": pps} if pps else {}
    vrs = [{"name": f"vr{i}", "plugin": "relay", "args": args, **more,
            "vifs": [{"name": "a", "port": "net_loadgen0", "source": [f"10.{i}.0.0/16"]},
                     {"name": "b", "port": "net_loadgen1", "source": [f"11.{i}.0.0/16"]}]} for i in range(n)]
    return node_config(session, vrs)


def vdevs(pps, weights, line=""):
    mix = "+".join(f"src:10.{i}.0.0/16@{w}" for i, w in enumerate(weights))
    source, sink = ports(f"start=0,rate={pps},rxq={RXQ},flows={8 * len(weights)},mix={mix}")
    return [source, sink + line]


def sent(node):
    vrs = node.control.ask("stats")["vrs"]
    return [vrs[f"vr{i}"]["tx"] for i in range(len(vrs))], time.monotonic()


def rates(session, node):
    """@return (packets a second of each VR in the middle of an overload, quiet.Disturbance)"""
    with node.playing():
        session.warm_up()
        start = quiet.take()
        before, began = sent(node)
        time.sleep(session.window_s(WINDOW_S))
        after, ended = sent(node)
        disturbance = quiet.judge(start, quiet.take())
    return [(b - a) / (ended - began) for a, b in zip(before, after)], disturbance


def delivered(session, node):
    """@return (part of the small VR's packets that was sent, quiet.Disturbance)"""
    got, disturbance = node.play(session.window_s(WINDOW_S))
    small = node.control.ask("stats")["vrs"]["vr0"]
    return small["tx"] / (small["rx"] + got["missed"] * SMALL_PCT / 100), disturbance


def measure(session, kind):
    """@return Sample: of the ideal for two VRs, delivered of the small one, Jain's index of eight"""
    if kind == TWO:
        node = config(session, 2, ENGINE_PPS), vdevs(4 * ENGINE_PPS, [1, 1])
    elif kind == SMALL:
        node = config(session, 2, ENGINE_PPS, slots=SLOTS), vdevs(4 * ENGINE_PPS, [SMALL_PCT, 100 - SMALL_PCT])
    elif kind == EIGHT:
        node = config(session, 8, EIGHT_PPS), vdevs(16 * EIGHT_PPS, [1] * 8)
    else:
        node = config(session, 8, 0), vdevs(SURPLUS * LINE_PPS, [GREEDY] + [1] * 7, f",tx_rate={LINE_PPS}")

    def once():
        with LoadgenNode(session, f"pdp, {kind}", *node) as running:
            return (delivered if kind == SMALL else rates)(session, running)

    got, disturbance = session.least_disturbed(once)
    if kind == SMALL:
        return Sample(got, disturbance.disturbed, {"kpps": None})
    value = 2 * min(got) / (2 * ENGINE_PPS) if kind == TWO else jain(got)
    return Sample(value or 0.0, disturbance.disturbed, {"kpps": [round(pps / 1000, 1) for pps in got]})


def run(session):
    """The case."""
    samples = session.rounds(session.runs(ROUNDS), [TWO, SMALL, EIGHT, PORT], lambda kind: measure(session, kind),
                             lambda kind, s: f"{kind}: {s.value:.4f} {s.extra['kpps'] or ''}")
    names = {TWO: "two_of_ideal", SMALL: "small_flow_delivered", EIGHT: "jain_8", PORT: "port_jain_8"}
    rows, figures = [], {}
    for kind, taken in samples.items():
        row = summary_row(taken, "value")
        rows.append({"overload of": kind, "figure": names[kind], **row, "kpps of the last": taken[-1].extra["kpps"]})
        figures[names[kind]] = row["value"]
    figures["small_flow_delivered_min"] = min(s.value for s in samples[SMALL])
    return {"rows": rows, "figures": figures}
