# SPDX-License-Identifier: BSD-3-Clause
"""
pdp-tab3: how long a packet takes. ping between two hosts (namespaces, veth) through a VR of plugin ip, and through
the Linux kernel in its place, 100 a second without other traffic: round trip times as ping says them.
"""
import re

from ..hosts import command
from ..routers import KernelRouter, RouterNode
from ..session import Sample, medians_of, summary_row
from ..summary import median, round_ratios

NAME = "pdp-tab3"
ABOUT = "round trip time through an IP router, beside the kernel's (PdP, table 3)"
ROUNDS = 5
PING_S = 3
OURS, ADAPTIVE, KERNEL = "pdp", "pdp, adaptive", "kernel"
WORDS = r"= ([\d.]+)/([\d.]+)/([\d.]+)/([\d.]+) ms"


def party(session, name):
    if name == KERNEL:
        return KernelRouter(session, name)
    return RouterNode(session, name, {"poll": "adaptive"} if name == ADAPTIVE else {})


def measure(session, name):
    """@return Sample in us"""
    def once(node):
        n = round(100 * max(0.5, session.window_s(PING_S)))
        said = command(*node.within("a", "ping", "-q", "-i", "0.01", "-c", str(n), node.addresses["b"]))
        low, mean, high, mdev = (float(word) * 1000 for word in re.search(WORDS, said).groups())
        return Sample(mean, extra={"min_us": low, "max_us": high, "mdev_us": mdev})

    with party(session, name) as node:
        sample, disturbance = session.least_disturbed(lambda: session.judged(lambda: once(node)))
    sample.disturbed = disturbance.disturbed
    return sample


def run(session):
    """The case."""
    samples = session.rounds(session.runs(ROUNDS), [OURS, ADAPTIVE, KERNEL], lambda name: measure(session, name),
                             lambda name, s: f"{name}: {s.value:.0f} us")
    rows = [{"through": name, **summary_row(taken, "rtt_us"), **medians_of(taken)} for name, taken in samples.items()]
    figures = {"rtt_us": rows[0]["rtt_us"], "adaptive_rtt_us": rows[1]["rtt_us"], "kernel_rtt_us": rows[2]["rtt_us"],
               "rtt_ratio_vs_kernel": median(round_ratios(samples[OURS], samples[KERNEL])[0])}
    return {"rows": rows, "figures": figures}
