# SPDX-License-Identifier: BSD-3-Clause
"""
A session: what all cases of one pdp-bench call share. Options, programs, scratch folder, processes, and measuring in
windows that nobody disturbed. Everything it started is ended, and everything it left is removed, by close().
"""
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field

from . import Trouble, machine, procs, quiet
from .summary import median, quiet_values, rounded

HUGEPAGES_MB = 448
CASE_MAX_S = 400  # a case repeats nothing any more after that long, so that it ends within 10 minutes
WINDOW_REPEATS = 4  # of a disturbed window, at once
QUIET_WAIT_S = 2.0  # between two, while others are at work


@dataclass
class Options:
    """Of the command line; None: the case's own default."""
    duration_s: float = None
    runs: int = None
    quick: bool = False
    build: str = ""


@dataclass
class Sample:
    """One measured value."""
    value: float
    disturbed: bool = False
    extra: dict = field(default_factory=dict)


def find_build(script, given):
    """The build folder: named, or the one the script stands in, or build/ of its source tree."""
    here = os.path.dirname(script)
    source = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(script))))
    candidates = [given] if given else [os.path.dirname(os.path.dirname(here)), os.path.join(source, "build")]
    for folder in candidates:
        if os.access(os.path.join(folder, "apps", "pdp-primary", "pdp-primary"), os.X_OK):
            return os.path.abspath(folder)
    raise Trouble(f"no pdp-primary in {' or '.join(candidates)}; build first (ninja -C build), or name the folder: "
                  "--build FOLDER")


class Session:
    """See above. Use as a context."""

    def __init__(self, options):
        self.options = options
        self.build = options.build
        self.scratch = None
        self.private = None  # no folder above it is open to all: EAL loads drivers from such places only
        self.processes = []
        self.prefixes = []
        self.n_prefixes = 0
        self.hugepages = machine.Hugepages(HUGEPAGES_MB)
        self.lock = None
        self.cpus = []
        self.md_cpu = self.engine_cpu = 0
        self.case = ""
        self.case_start = time.monotonic()

    def __enter__(self):
        if os.geteuid() != 0:
            raise Trouble("hugepages and DPDK want root; use sudo")
        self.lock = machine.lock(self.say)
        try:
            self.cpus = machine.choose_cpus()
            self.md_cpu, self.engine_cpu = self.cpus[:2]
            procs.sweep((tempfile.gettempdir(), "/run"))
            with procs.no_signals():
                self.hugepages.reserve()
                name = f"pdp-bench-{os.getpid()}-"  # procs.sweep() knows by it whose it is
                self.scratch = tempfile.mkdtemp(prefix=name)
                self.private = tempfile.mkdtemp(prefix=name, dir="/run")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends and removes all, whatever state it is in."""
        with procs.no_signals():
            for p in reversed(self.processes):
                p.ask_to_stop()
            while self.processes:
                self.processes.pop().stop()
            while self.prefixes:
                procs.forget_prefix(self.prefixes.pop())
            self.hugepages.give_back()
            for folder in (self.scratch, self.private):
                if folder is not None:
                    shutil.rmtree(folder, ignore_errors=True)
            if self.lock is not None:
                self.lock.close()

    # what is there

    def say(self, text):
        """Progress."""
        print(f"pdp-bench: {self.case}{': ' if self.case else ''}{text}", file=sys.stderr, flush=True)

    def program(self, *path):
        """A file of the build folder."""
        file = os.path.join(self.build, *path)
        if not os.path.exists(file):
            raise Trouble(f"{file} is not there; build it (ninja -C {self.build})")
        return file

    def driver(self, *path):
        """Copies a DPDK driver of the build folder to where EAL accepts it. @return its path"""
        return shutil.copy(self.program(*path), self.private)

    def file(self, name, text):
        """Writes a file into the scratch folder. @return its path"""
        path = os.path.join(self.scratch, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    # processes

    def new_prefix(self):
        """A DPDK file prefix of its own."""
        self.n_prefixes += 1
        prefix = f"pdpbench{os.getpid()}n{self.n_prefixes}"
        self.prefixes.append(prefix)
        return prefix

    def start(self, name, args, stop_input=None, cpus=None):
        """@param cpus  that it may use; None: all"""
        log = os.path.join(self.scratch, f"{name.replace(' ', '-')}.log")
        process = procs.Process(name, args, log, cpus or self.cpus, stop_input)
        self.processes.append(process)
        return process

    def end(self, process):
        process.stop()
        self.processes.remove(process)

    # how long and how often

    def begin_case(self, name):
        self.case = name
        self.case_start = time.monotonic()

    def late(self):
        """The case has used up its time: no more repeating."""
        return time.monotonic() - self.case_start > CASE_MAX_S

    def window_s(self, default):
        return self.options.duration_s or (min(default, 0.3) if self.options.quick else default)

    def runs(self, default):
        return self.options.runs or (1 if self.options.quick else default)

    def warm_up(self, default=0.5):
        time.sleep(0.1 if self.options.quick else default)

    # measuring

    @staticmethod
    def judged(once):
        """@return (what once() returns, quiet.Disturbance of the time it took)"""
        start = quiet.take()
        result = once()
        return result, quiet.judge(start, quiet.take())

    def window(self, seconds, before, after):
        """
        One window, repeated while others disturb it.
        @param before  called at its begin, @param after(what before returned) at its end
        @return (what after returned, quiet.Disturbance) of the least disturbed window
        """
        def once():
            state = before()
            time.sleep(seconds)
            return after(state)

        return self.least_disturbed(lambda: self.judged(once))

    def least_disturbed(self, once):
        """
        Calls once() -> (result, quiet.Disturbance), and again (a bounded number of times) while it was disturbed.
        @return the least disturbed pair
        """
        repeats = 0 if self.options.quick else WINDOW_REPEATS
        best = None
        while True:
            result, disturbance = once()
            total = disturbance.others_pct + disturbance.steal_pct
            if best is None or total < best[0]:
                best = (total, result, disturbance)
            if not disturbance.disturbed or repeats == 0 or self.late():
                return best[1], best[2]
            repeats -= 1
            self.say(f"disturbed ({disturbance.text()}), again")
            self.wait_until_quiet()

    def wait_until_quiet(self):
        """A moment, until others are gone; not for long."""
        deadline = time.monotonic() + QUIET_WAIT_S
        while time.monotonic() < deadline:
            before = quiet.take()
            time.sleep(0.25)
            if not quiet.judge(before, quiet.take()).disturbed:
                return

    def measure_rate(self, party, seconds):
        """
        Packets a second that leave a party (parties.py).
        @return Sample in Mpps
        """
        def begin():
            return party.before(), party.sent()

        def end(state):
            details, (t0, n0) = state
            t1, n1 = party.sent()
            return Sample((n1 - n0) / (t1 - t0) / 1e6, extra=party.after(details))

        sample, disturbance = self.window(seconds, begin, end)
        sample.disturbed = disturbance.disturbed
        return sample

    def rounds(self, n, things, measure, label):
        """
        A B C, C B A, ...: every thing in every round, anew. @param measure(thing) -> Sample
        @return {thing: [Sample of each round]}
        """
        samples = {thing: [] for thing in things}
        for r in range(n):
            for thing in things if r % 2 == 0 else things[::-1]:
                s = measure(thing)
                samples[thing].append(s)
                self.say(f"round {r + 1} of {n}: {label(thing, s)}" + (" (disturbed)" if s.disturbed else ""))
                time.sleep(0 if self.options.quick else 0.2)  # the kernel cleans up after the last one
        return samples


def medians_of(samples):
    """{what else was measured: its median over the undisturbed samples, or over all}."""
    quiet_ones = [s for s in samples if not s.disturbed] or samples
    return {key: median([s.extra[key] for s in quiet_ones if s.extra[key] is not None]) for key in samples[0].extra}


def summary_row(samples, unit="mpps"):
    """Columns of a row that tell of repeated samples: median, spread, all of them, how many were disturbed."""
    taken = [s for s in samples if s is not None]
    values = quiet_values(samples)
    return {unit: median(values), "min": min(values, default=None), "max": max(values, default=None),
            "runs": len(taken), "disturbed": sum(s.disturbed for s in taken),
            "all": [rounded(float(s.value)) for s in taken]}
