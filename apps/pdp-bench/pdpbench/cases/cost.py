# SPDX-License-Identifier: BSD-3-Clause
"""
cost: what the node itself costs. CPU time of the primary and the engine for a million packets, at 0, 10, 50 and 100 %
of what one engine carries, where both poll without end and where both sleep when there is nothing to do
(md.poll, vrs[].poll). A load of 0 has no packets: CPUs in use instead.
"""
import time

from .. import quiet
from ..loadgen import WIRE_OVERHEAD, LoadgenNode, node_config, one_vr, ports
from ..session import Sample, summary_row

NAME = "cost"
ABOUT = "CPU time a million packets by load, polling and adaptive"
ROUNDS = 3
WINDOW_S = 2.0
LOADS_PCT = [0, 10, 50, 100]
POLLS = ["busy", "adaptive"]


def start(session, poll):
    config = node_config(session, [one_vr(poll=poll)], md={"poll": poll})
    vdevs = ports(f"rate=max,flows=64,size={84 - WIRE_OVERHEAD}")
    return LoadgenNode(session, f"pdp, {poll}", config, vdevs)


def node_cpu_s(node):
    """CPU time of the primary and its engines up to now, seconds."""
    return sum(quiet.cpu_s(pid) for pid in [node.processes[0].pid] + [engine["pid"] for engine in node.engines()])


def full_load(session):
    """What is carried when as much as can be is offered, packets a second."""
    with start(session, POLLS[0]) as node:
        node.wait_for_traffic()
        session.warm_up()
        return session.measure_rate(node, session.window_s(WINDOW_S)).value * 1e6


def measure(session, poll, pps):
    """@return Sample: CPU seconds a million packets, or CPUs in use where there are none"""
    with start(session, poll) as node:
        node.source(**({"rate": int(pps)} if pps > 0 else {"state": "stop"}))
        session.warm_up()

        def begin():
            return node_cpu_s(node), node.sent(), time.monotonic()

        def end(state):
            cpu_s, (_, sent), now = node_cpu_s(node), node.sent(), time.monotonic()
            seconds = now - state[2]
            packets = sent - state[1][1]
            cpus = (cpu_s - state[0]) / seconds
            return Sample(1e6 * cpus * seconds / packets if pps > 0 and packets > 0 else cpus,
                          extra={"cpus": cpus, "mpps": packets / seconds / 1e6})

        sample, disturbance = session.window(session.window_s(WINDOW_S), begin, end)
    sample.disturbed = disturbance.disturbed
    return sample


def cpu_seconds(session):
    """@return (rows, figures)"""
    top = full_load(session)
    keys = [(poll, load) for load in LOADS_PCT for poll in POLLS]
    samples = session.rounds(session.runs(ROUNDS), keys, lambda key: measure(session, key[0], top * key[1] / 100),
                             lambda key, s: f"{key[0]} at {key[1]} %: {s.extra['cpus']:.2f} CPUs, "
                                            f"{s.extra['mpps']:.3f} Mpps")
    rows, figures = [], {"full_mpps": top / 1e6}
    for (poll, load), taken in samples.items():
        row = summary_row(taken, "cpu_s_per_mpkt" if load else "cpus")
        more = {"cpus": summary_row([Sample(s.extra["cpus"], s.disturbed) for s in taken], "cpus")["cpus"],
                "mpps": summary_row([Sample(s.extra["mpps"], s.disturbed) for s in taken])["mpps"]}
        rows.append({"poll": poll, "load_pct": load, **more, **row})
        figures[f"{poll}_{load}_{'cpu_s_per_mpkt' if load else 'cpus'}"] = row["cpu_s_per_mpkt" if load else "cpus"]
    return rows, figures


def run(session):
    """The case."""
    rows, figures = cpu_seconds(session)
    return {"rows": rows, "figures": figures}
