# SPDX-License-Identifier: BSD-3-Clause
"""
lvrm-2a: LVRM's experiment 2a, core affinity. One engine on a CPU of the MD's package ("sibling"), of another package
("other"), wherever the kernel puts it, and on the MD's own CPU; besides, where there are any, on another hardware thread
of the MD's core. Throughput is of 84 bytes on the wire from memory (closed loop), latency is taken at 100 kfps (open
loop). What the machine does not have is said to be absent.
"""
import os

from ..loadgen import WIRE_OVERHEAD, LoadgenNode, node_config, one_vr, ports
from ..session import Sample, summary_row
from ..summary import median
from ..topology import placements

NAME = "lvrm-2a"
ABOUT = "throughput and latency by where the engine runs (LVRM 2a)"
ROUNDS = 3
WINDOW_S = 1.5
LATENCY_PPS = 100000
KERNEL, SAME = "kernel's choice", "same CPU as the MD"
WORDS = {"thread": "thread of the MD's core", "sibling": "sibling core, same package", "other": "other package"}
FIGURES = {"thread": "thread", "sibling": "sibling", "other": "other", KERNEL: "kernel", SAME: "same"}


class Somewhere(LoadgenNode):
    """A node whose engine may be let loose after it was pinned."""

    def __init__(self, session, where, cpu, vdevs):
        cpus = {"engines": [cpu], "share_md": cpu == session.md_cpu}
        super().__init__(session, f"pdp, {where}", node_config(session, [one_vr()], cpus=cpus), vdevs)
        self.loose = where == KERNEL

    def begin(self):
        super().begin()
        if self.loose:
            for engine in self.engines():
                for thread in os.listdir(f"/proc/{engine['pid']}/task"):
                    os.sched_setaffinity(int(thread), self.session.cpus)


def places(session):
    """@return {key: CPU, None where there is none}"""
    found = placements(session.md_cpu, session.cpus)
    return {**found, KERNEL: session.engine_cpu, SAME: session.md_cpu}


def measure(session, where, cpu):
    """@return Sample in Mpps"""
    size = 84 - WIRE_OVERHEAD
    with Somewhere(session, where, cpu, ports(f"loop=closed,measure=0,flows=64,size={size}")) as node:
        node.wait_for_traffic()
        session.warm_up()
        sample = session.measure_rate(node, session.window_s(WINDOW_S))
    with Somewhere(session, where, cpu, ports(f"start=0,rate={LATENCY_PPS},flows=64,size={size}")) as node:
        got, _ = node.play(session.window_s(WINDOW_S))
    return Sample(sample.value, sample.disturbed,
                  {"p50_us": got["p50_us"], "p99_us": got["p99_us"], "dropped_pct": sample.extra["dropped_pct"]})


def run(session):
    """The case."""
    where = places(session)
    there = [key for key, cpu in where.items() if cpu is not None]
    samples = session.rounds(session.runs(ROUNDS), there, lambda key: measure(session, key, where[key]),
                             lambda key, s: f"{WORDS.get(key, key)}: {s.value:.2f} Mpps, p50 {s.extra['p50_us']:.1f} us")
    rows, figures = [], {}
    for key, taken in samples.items():
        more = {k: median([s.extra[k] for s in taken]) for k in taken[0].extra}
        row = summary_row(taken)
        rows.append({"engine on": WORDS.get(key, key), "cpu": where[key] if key != KERNEL else None,
                     "p50_us": more["p50_us"], "p99_us": more["p99_us"], **row, "dropped_pct": more["dropped_pct"]})
        figures.update({f"{FIGURES[key]}_mpps": row["mpps"], f"{FIGURES[key]}_p50_us": more["p50_us"]})
    rows += [{"engine on": WORDS[key], "absent": "no such CPU, or this process may not use it"}
             for key, cpu in where.items() if cpu is None]
    return {"rows": rows, "figures": figures}
