# SPDX-License-Identifier: BSD-3-Clause
"""
lvrm-1d: LVRM's experiment 1d. Latency through the MD and one engine, 84 bytes on the wire, at half of saturation and at
10 % of it. Open loop: a packet's time begins when it was due by the rate, whether or not anybody was there to take it,
and ends when it is sent.

Saturation is the highest rate at which less than 2 % is lost, by the source's queue ("missed": the MD came late) or by
the node ("dropped"), in one of four undisturbed tries: a virtual machine that stands still for 2 ms now and then loses
0.5 % at any rate. Rates are doubled until one fails, then the middle is tried.
"""
import time

from .. import Trouble, quiet
from ..loadgen import WIRE_OVERHEAD, LoadgenNode, node_config, one_vr, ports
from ..session import Sample, medians_of, summary_row

NAME = "lvrm-1d"
ABOUT = "latency through one engine at half of saturation and at 10 % (LVRM 1d)"
ROUNDS = 5
WINDOW_S = 2.0
SEARCH_S = 0.4
SETTLE_S = 0.1
LOSS_MAX_PCT = 2.0
TRIES = 4
DISTURBED_TRIES = 8
FIRST_PPS = 1e6
HIGHEST_PPS = 200e6
LOWEST_PPS = FIRST_PPS / 1000
STEPS = 6
LOADS = {"half": 0.5, "tenth": 0.1}
PERCENTILES = ("p50", "p90", "p99", "p999", "max")


def search(passes, first=FIRST_PPS, highest=HIGHEST_PPS, steps=STEPS):
    """
    The highest rate that passes, within 1 / 2^steps of it. @param passes(pps) -> bool
    @return pps; 0: not even LOWEST_PPS does
    """
    low = first
    while not passes(low):
        low /= 2
        if low < LOWEST_PPS:
            return 0
    high = 2 * low
    while low >= first and high < highest and passes(high):
        low, high = high, 2 * high
    high = min(high, highest)
    for _ in range(steps):
        middle = (low + high) / 2
        if passes(middle):
            low = middle
        else:
            high = middle
    return low


def run_at(node, pps, seconds):
    """
    Offers a rate for a while.
    @return ({percentile_us: ..., missed_pct: lost by the source's queue, as the MD came late, dropped_pct: by the node},
    quiet.Disturbance)
    """
    node.source(rate=int(pps))
    time.sleep(SETTLE_S)
    node.reset()
    time.sleep(0.01)  # the queues look at it at their next burst
    start, dropped = quiet.take(), node.dropped()
    time.sleep(seconds)
    source, sink = node.figures(0), node.figures(1)
    offered = max(source["source_offered"], 1)
    figures = {f"{p}_us": sink[f"sink_latency_{p}_ns"] / 1000 for p in PERCENTILES}
    figures["missed_pct"] = 100 * source["source_missed"] / offered
    figures["dropped_pct"] = 100 * (node.dropped() - dropped) / offered
    return figures, quiet.judge(start, quiet.take())


def try_rate(session, node, pps):
    """
    A rate, tried until it passes, or failed TRIES times undisturbed, or DISTURBED_TRIES more times disturbed.
    @return row of the last try
    """
    left = {False: 1, True: 0} if session.options.quick else {False: TRIES, True: DISTURBED_TRIES}
    while True:
        got, disturbance = run_at(node, pps, 0.1 if session.options.quick else SEARCH_S)
        row = {"searched_mpps": pps / 1e6, "missed_pct": got["missed_pct"], "dropped_pct": got["dropped_pct"],
               "passes": got["missed_pct"] + got["dropped_pct"] < LOSS_MAX_PCT, "disturbed": disturbance.disturbed}
        left[disturbance.disturbed] -= 1
        if row["passes"] or left[disturbance.disturbed] <= 0 or session.late():
            return row
        if disturbance.disturbed:
            session.wait_until_quiet()


def saturation(session, node):
    """@return (the rate in pps, a row for each rate that was tried)"""
    rows = []

    def passes(pps):
        row = try_rate(session, node, pps)
        rows.append(row)
        session.say(f"{pps / 1e6:.2f} Mpps: {row['missed_pct']:.2f} % missed, {row['dropped_pct']:.2f} % dropped: "
                    + ("passes" if row["passes"] else "fails") + (" (disturbed)" if row["disturbed"] else ""))
        return row["passes"]

    top = search(passes, steps=2 if session.options.quick else STEPS)
    if top == 0 and not session.options.quick:  # which only shows that the case runs, be the machine busy or not
        raise Trouble("packets are lost at any rate; is the machine overloaded?")
    return top or LOWEST_PPS, rows


def measure(session, node, pps):
    """@return Sample of the median latency in us"""
    def once():
        got, disturbance = run_at(node, pps, session.window_s(WINDOW_S))
        return Sample(got["p50_us"], extra=got), disturbance

    sample, disturbance = session.least_disturbed(once)
    sample.disturbed = disturbance.disturbed
    return sample


def run(session):
    """The case."""
    vdevs = ports(f"loop=open,rate={int(FIRST_PPS)},flows=64,size={84 - WIRE_OVERHEAD}")
    with LoadgenNode(session, "pdp", node_config(session, [one_vr()]), vdevs) as node:
        node.wait_for_traffic()
        top, searched = saturation(session, node)
        samples = session.rounds(session.runs(ROUNDS), list(LOADS),
                                 lambda load: measure(session, node, top * LOADS[load]),
                                 lambda load, s: f"at a {load} of saturation: p50 {s.value:.2f} us, "
                                                 f"p99 {s.extra['p99_us']:.2f} us")
    rows, figures = [], {"saturation_mpps": top / 1e6}
    for load, taken in samples.items():
        row = summary_row(taken, "p50_us")
        middle = medians_of(taken)
        rows.append({"load": load, "mpps": top * LOADS[load] / 1e6, **middle,
                     **{k: row[k] for k in ("runs", "disturbed", "all")}})
        prefix = "" if load == "half" else "tenth_"
        figures.update({prefix + k: v for k, v in middle.items() if k != "p90_us"})
        figures[prefix + "worst_max_us"] = max(s.extra["max_us"] for s in taken)
    return {"rows": rows + searched, "figures": figures}
