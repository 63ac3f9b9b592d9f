# SPDX-License-Identifier: BSD-3-Clause
"""
fib: lib/fib beside DPDK's rte_fib and rte_fib6, on a full Internet routing table. One program (pdp-bench-fib) has the
tables of both, and is told what to do by lines: load, look up. Times are CPU time of its one thread: what others take of
the CPU does not count, what they take of the caches does. So lookups take turns every few milliseconds, and ratios are
medians of the ratios of turns.

Routes are added in random order, with 256 next hops. Addresses are random ones within random prefixes, 1,048,576 of
them, 64 at a time; both parties must give the same number for each. rte_fib: DIR-24-8 with 2-byte entries; rte_fib6:
4-byte entries, as 15 bits number too few of its tables; both with the lookup functions they have by default, and with
their AVX-512 ones besides.
"""
import gzip
import json
import os
import shutil

from .. import Trouble, machine, quiet
from ..procs import wait_for
from ..session import Sample, medians_of, summary_row
from ..summary import median, quiet_values, round_ratios

NAME = "fib"
ABOUT = "load, lookup, change and memory of a full table, beside DPDK's rte_fib and rte_fib6"
ROUNDS = 5
WINDOW_S = 1.5
UPDATES = 20000
HUGEPAGES_MB = 700  # rte_rib takes most of it
DATA = os.path.join("..", "shared", "data", "bgp-prefixes.txt.gz")
LOADS = {"pdp": "pdp", "rte": "rte_fib"}


def prefixes(session):
    """Unpacks the routing table. @return its path"""
    source = os.path.realpath(__file__)
    for _ in range(5):
        source = os.path.dirname(source)
    path = os.path.join(source, DATA)
    if not os.path.exists(path):
        raise Trouble(f"the routing table {os.path.normpath(path)} is not here; it is no part of the project")
    out = os.path.join(session.scratch, "prefixes")
    with gzip.open(path, "rb") as packed, open(out, "wb") as f:
        shutil.copyfileobj(packed, f)
    return out


class Program:
    """pdp-bench-fib; use as a context."""

    def __init__(self, session, file):
        self.session = session
        prefix = session.new_prefix()
        args = [session.program("apps", "pdp-bench", "pdp-bench-fib"), "--lcores", f"0@{session.md_cpu}", "--no-pci",
                "--in-memory", "--file-prefix", prefix, "--force-max-simd-bitwidth=512", "--", file,
                str(session.engine_cpu)]
        self.process = session.start(f"pdp-bench-fib-{prefix}", args)
        self.log = open(self.process.log, encoding="utf-8", errors="replace")
        self.routes = self.answer()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.log.close()
        self.session.end(self.process)

    def line(self):
        """The next whole line of JSON; EAL's words are passed over."""
        while True:
            at = self.log.tell()
            line = self.log.readline()
            if not line.endswith("\n"):
                self.log.seek(at)
                return None
            if line.startswith("{"):
                return json.loads(line)

    def answer(self):
        answer = wait_for("pdp-bench-fib says nothing", self.line, 120, self.process.check, 0.002)
        if "error" in answer:
            raise Trouble(f"pdp-bench-fib: {answer['error']}; {self.process.tail(1)}")
        return answer

    def ask(self, command):
        self.process.popen.stdin.write(command.encode() + b"\n")
        self.process.popen.stdin.flush()
        return self.answer()

    def measure(self, command, key):
        """@return Sample of one figure of the answer, the others beside it"""
        def once():
            start = quiet.take()
            got = self.ask(command)
            return Sample(got[key], extra=got), quiet.judge(start, quiet.take())

        sample, disturbance = self.session.least_disturbed(once)
        sample.disturbed = disturbance.disturbed
        return sample


def measure_family(session, program, family):
    """@return ({party: samples of seconds to load}, samples of lookups, Sample of changes)"""
    for party in LOADS:
        program.ask(f"load {family} {party}")
    same = program.ask(f"compare {family}")
    if same["different"] != 0:
        raise Trouble(f"IPv{family}: rte_fib says other than lib/fib of {same['different']} of {same['addresses']} addresses")
    runs = session.runs(ROUNDS)
    loads = session.rounds(runs, list(LOADS), lambda party: program.measure(f"load {family} {party}", "seconds"),
                           lambda party, s: f"IPv{family}: {LOADS[party]}: {s.value:.3f} s to load")
    command = f"lookup {family} {session.window_s(WINDOW_S)}"
    lookups = session.rounds(runs, ["lookup"], lambda _: program.measure(command, "ratio"),
                             lambda _, s: f"IPv{family}: {s.extra['pdp_mlps']:.0f} M lookups/s, {s.value:.2f} times rte_fib")
    n = 2000 if session.options.quick else UPDATES
    return loads, lookups["lookup"], program.measure(f"update {family} {n}", "p99_us")


def rows_of(family, loads, lookups, update):
    rows = [{"family": f"IPv{family}", "load": LOADS[party], **summary_row(taken, "s")} for party, taken in loads.items()]
    rows.append({"family": f"IPv{family}", **medians_of(lookups), **summary_row(lookups, "ratio")})
    rows.append({"family": f"IPv{family}", "change": "seen", "disturbed": update.disturbed, **update.extra})
    return rows


def figures_of(family, loads, lookups, update):
    """Names without a number are IPv4's."""
    six, rte = ("6", "rte_fib6") if family == 6 else ("", "rte_fib")
    looked, pdp = medians_of(lookups), loads["pdp"][0].extra
    figures = {f"load{six}_ratio_vs_{rte}": median(round_ratios(loads["rte"], loads["pdp"])[0]),
               f"load{six}_s": median(quiet_values(loads["pdp"])), f"{rte}_load_s": median(quiet_values(loads["rte"])),
               f"lookup{six}_ratio_vs_{rte}": median(quiet_values(lookups)),
               f"lookup{six}_mlps": looked["pdp_mlps"], f"{rte}_mlps": looked["rte_mlps"],
               f"full_table{six}_mb": pdp["shared_mb"], f"private{six}_mb": pdp["private_mb"],
               f"{rte}_memory_mb": loads["rte"][0].extra["memory_mb"],
               f"update{six}_p50_us": update.extra["p50_us"], f"update{six}_p99_us": update.extra["p99_us"]}
    if looked["rte_avx512_mlps"] > 0:
        figures[f"lookup{six}_ratio_vs_{rte}_avx512"] = looked["ratio_avx512"]
        figures[f"{rte}_avx512_mlps"] = looked["rte_avx512_mlps"]
    return figures


def run(session):
    """The case."""
    file = prefixes(session)
    pages = machine.Hugepages(HUGEPAGES_MB)
    pages.reserve()
    rows, figures = [], {}
    try:
        for family in (4, 6):
            with Program(session, file) as program:
                rows.append({"family": f"IPv{family}", "routes": program.routes[f"routes{family}"]})
                measured = measure_family(session, program, family)
                rows += rows_of(family, *measured)
                figures.update(figures_of(family, *measured))
                if family == 4:
                    figures["small_mb"] = program.ask("small")["shared_mb"]
    finally:
        pages.give_back()
    return {"rows": rows, "figures": figures}
