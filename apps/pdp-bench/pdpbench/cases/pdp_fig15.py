# SPDX-License-Identifier: BSD-3-Clause
"""
pdp-fig15: how long routes take to all engines of a VR, by the number of its engines. In the paper the control plane
sends every route to each forwarding machine; here all engines of a VR map one table, so that a route is written once,
however many they are. This is the sibling of pdp-fig14, with its programs: pdp-bench-watch writes the routes of a real
table into the VR's namespace in batches of messages and looks into the FIB until the last one leads where it should.
That it is the FIB of every engine is seen in the engines' own maps: before routes come and when they are there.
"""

from .. import Trouble
from ..routers import RouterNode
from ..session import Sample, summary_row
from ..summary import median, quiet_values, round_ratios
from .pdp_fig14 import Program, Way, make_objects, open_fib, reach, table

NAME = "pdp-fig15"
ABOUT = "routes to the FIB of all engines, by the number of engines"
ROUNDS = 3
TIMES = 3  # in a round, of which the median counts
ENGINES = [1, 2, 3, 4, 6, 8]
COUNTS = [1000, 10000, 200000]
QUICK_ENGINES, QUICK_COUNTS = [1, 8], [1000, 10000]
MAPS_NAME = "/memfd:pdp-fib-red"


def mapped(pid):
    """Files with the VR's FIB that a process maps, by inode."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as f:
        return {line.split()[4] for line in f if MAPS_NAME in line}


def check_engines(node, n):
    """All engines forward by the table that is looked at."""
    engines = node.engines()
    wanted = mapped(node.processes[0].pid)
    if len(engines) != n or len(wanted) != 1:
        raise Trouble(f"{node.name}: {len(engines)} engines, {len(wanted)} tables")
    for engine in engines:
        if mapped(engine["pid"]) != wanted:
            raise Trouble(f"{node.name}: engine {engine['engine']} maps another table")


def measure(session, n, counts, way):
    """One node with n engines. @return {routes: Sample of milliseconds}"""
    vr = {"engines": n, "slots": 128, "poll": "adaptive"}
    taken = {}
    with RouterNode(session, f"pdp, {n} engines", vr, md={"poll": "adaptive"}) as node, \
            Program(session, node.router, "pdp-bench-watch") as watch:
        open_fib(watch, node.processes[0].pid)
        check_engines(node, n)
        make_objects(node.router, ["b"])
        for count in counts:
            times = []
            for _ in range(TIMES):
                times.append(reach(watch, 1, way.words("add", count, "b")))
                check_engines(node, n)
                reach(watch, -1, way.words("del", count, "b"))
            taken[count] = Sample(1000 * median(quiet_values(times)), all(s.disturbed for s in times))
    return taken


def figures_of(samples, counts, engines):
    """Of the largest table without its size in the name."""
    figures, (fewest, most) = {}, (engines[0], engines[-1])
    for count in counts:
        size = "" if count == counts[-1] else f"{count}_routes_"
        for n in engines:
            name = f"{size}ms_{n}_engine" + ("s" if n > 1 else "")
            figures[name] = median(quiet_values(samples[count, n]))
        figures[f"{size}ratio_{most}_vs_{fewest}"] = median(round_ratios(samples[count, most], samples[count, fewest])[0])
    return {k: v for k, v in figures.items() if v is not None}


def run(session):
    """The case."""
    engines, counts = (QUICK_ENGINES, QUICK_COUNTS) if session.options.quick else (ENGINES, COUNTS)
    way = Way(table(session, counts[-1])[0])
    samples = {(count, n): [] for count in counts for n in engines}

    def once(n):
        taken = measure(session, n, counts, way)
        for count, sample in taken.items():
            samples[count, n].append(sample)
        return taken[counts[-1]]

    session.rounds(session.runs(ROUNDS), engines, once, lambda n, s: f"{n} engines: {counts[-1]} routes in {s.value:.1f} ms")
    rows = [{"routes": count, "engines": n, **summary_row(taken, "ms")} for (count, n), taken in samples.items()]
    return {"rows": rows, "figures": figures_of(samples, counts, engines)}
