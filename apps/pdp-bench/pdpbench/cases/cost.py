# SPDX-License-Identifier: BSD-3-Clause
"""
cost: what the node itself costs. Cycles that the MD spends on a packet, all its stages together, with `flow` and with
`flow-jsq`: two engines, 997 flows, as much as the MD can do (closed loop), so that bursts are full; in turns, and medians
of short windows, as one that somebody interrupts is far off. Then CPU time of the primary and the engine for a million packets, at 0, 10, 50 and 100 %
of what one engine carries, where both poll without end and where both sleep when there is nothing to do
(md.poll, vrs[].poll). A load of 0 has no packets: CPUs in use instead.
"""
import time

from .. import quiet
from ..loadgen import WIRE_OVERHEAD, LoadgenNode, node_config, one_vr, ports
from ..parties import stage_cycles
from ..session import Sample, medians_of, summary_row
from ..summary import median

NAME = "cost"
ABOUT = "cycles a packet of flow-jsq over flow; CPU time a million packets by load, polling and adaptive"
ROUNDS = 3
WINDOW_S = 2.0
LOADS_PCT = [0, 10, 50, 100]
POLLS = ["busy", "adaptive"]
BALANCERS = ["flow", "flow-jsq"]
BALANCED_SLOTS = 16384
BALANCED_ROUNDS = 7
SHORT_S = 0.1
SHORT_WINDOWS = 15
STAGES = ("receive", "classify", "send", "collect", "transmit")


def cycles(session, balance):
    """@return Sample: cycles a packet of all stages of the MD"""
    vr = one_vr(engines=2, balance=balance, slots=BALANCED_SLOTS)
    vdevs = ports(f"loop=closed,flows=997,measure=0,size={84 - WIRE_OVERHEAD}")
    windows = []
    with LoadgenNode(session, f"pdp, {balance}", node_config(session, [vr]), vdevs) as node:
        node.wait_for_traffic()
        session.warm_up()
        begin = quiet.take()
        old = node.control.ask("stats")["node"]["stages"]
        for _ in range(3 if session.options.quick else SHORT_WINDOWS):
            time.sleep(SHORT_S)
            new = node.control.ask("stats")["node"]["stages"]
            windows.append(stage_cycles(old, new))
            old = new
        disturbed = quiet.judge(begin, quiet.take()).disturbed
    of_stage = {s: median([w[s] for w in windows if w[s] is not None]) for s in STAGES}
    return Sample(sum(of_stage.values()), disturbed, of_stage)


def balancers(session):
    """@return (rows, figures)"""
    samples = session.rounds(session.runs(BALANCED_ROUNDS), BALANCERS, lambda balance: cycles(session, balance),
                             lambda balance, s: f"{balance}: {s.value:.1f} cycles a packet")
    rows = [{"balance": balance, **medians_of(taken), **summary_row(taken, "cycles")}
            for balance, taken in samples.items()]
    figures = {f"{balance.replace('-', '_')}_cycles": summary_row(taken, "cycles")["cycles"]
               for balance, taken in samples.items()}
    figures["flow_jsq_over_flow_cycles"] = median([b.value - a.value for a, b in zip(*samples.values())])
    return rows, figures


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
    of_balancers, of_cpus = balancers(session), cpu_seconds(session)
    return {"rows": of_balancers[0] + of_cpus[0], "figures": {**of_balancers[1], **of_cpus[1]}}
