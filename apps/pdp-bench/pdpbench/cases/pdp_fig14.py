# SPDX-License-Identifier: BSD-3-Clause
"""
pdp-fig14: PdP's figure 14, how long routes take from the kernel's table to the FIB of all engines of a VR.

A node with a VR of plugin ip; pdp-bench-watch, in the VR's namespace, writes routes in batches of messages and looks into
the FIB that the engines map until the last one leads where it should: as zebra writes them, which name next-hop objects,
in no order (a BGP session's routes come by what they have in common, not by prefix). For 200,000 also in the order of their
prefixes with a gateway in each, where the kernel's trie grows and shrinks all the while. The same writers in a namespace
whose routes nobody follows say what of the time is the kernel's own. Then BIRD, with the full table as static routes, in
the VR's namespace, and in a namespace beside it whose routes nobody mirrors: what the mirror costs the same running node.
Both times it keeps off the MD's CPU, which a router gives to nobody else; the mirror's it shares.
The dump of a standing table is taken by the mirror alone (pdp-bench-mirror), in the namespace where no other follows it.
"""
import gzip
import json
import os
import random
import time
from dataclasses import dataclass

from .. import Trouble, quiet
from ..hosts import command
from ..procs import forget_prefix, wait_for
from ..routers import RouterNode
from ..session import Sample, summary_row
from ..summary import median, quiet_values, round_ratios

NAME = "pdp-fig14"
ABOUT = "routes from the kernel's table to the FIB of all engines (PdP, figure 14)"
ROUNDS = 5
BIRD_ROUNDS = 5
COUNTS = {1000: 0.4, 200000: 90}  # routes: the paper's seconds
FULL = 901899
QUICK = 20000
DATA = os.path.join("..", "shared", "data", "bgp-prefixes.txt.gz")
START_S = 120
SEED = 14
GATEWAYS = {"a": "10.1.0.2", "b": "10.2.0.2"}  # by link
OBJECTS = {"a": 1, "b": 2}  # the same as next-hop objects
QUIET_MS = 1000  # BIRD pauses while it reads its configuration


def table(session, n):
    """@return (file of n IPv4 prefixes in no order, file of them in the table's order, which is by prefix, their lines)"""
    source = os.path.realpath(__file__)
    for _ in range(5):
        source = os.path.dirname(source)
    path = os.path.join(source, DATA)
    if not os.path.exists(path):
        raise Trouble(f"the routing table {os.path.normpath(path)} is not here; it is no part of the project")
    with gzip.open(path, "rt", encoding="ascii") as packed:
        lines = [line for line in packed if ":" not in line][:n]
    mixed = random.Random(SEED).sample(lines, len(lines))
    return session.file("prefixes", "".join(mixed)), session.file("prefixes.sorted", "".join(lines)), lines


def make_objects(namespace, links):
    """Next-hop objects, as zebra makes them for its routes."""
    for link in links:
        command("ip", "-n", namespace, "nexthop", "replace", "id", str(OBJECTS[link]), "via", GATEWAYS[link], "dev", link)


@dataclass
class Way:
    """How routes are written: the first of a file, by objects or with a gateway in each."""
    file: str
    objects: bool = True

    def words(self, what, n, link):
        hop = f"nhid {OBJECTS[link]}" if self.objects else f"{GATEWAYS[link]} {link}"
        return f"{what} {self.file} {n} {hop}"


class Program:
    """A program that answers lines by lines of JSON; use as a context."""

    def __init__(self, session, namespace, name):
        self.session = session
        file = session.program("apps", "pdp-bench", name)
        self.process = session.start(f"{name}-{namespace}", ["ip", "netns", "exec", namespace, file])
        self.log = open(self.process.log, encoding="utf-8", errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.log.close()
        self.session.end(self.process)

    def line(self):
        while True:
            at = self.log.tell()
            line = self.log.readline()
            if not line.endswith("\n"):
                self.log.seek(at)
                return None
            if line.startswith("{"):
                return json.loads(line)

    def answer(self):
        answer = wait_for(f"{self.process.name} says nothing", self.line, START_S, self.process.check, 0.002)
        if "error" in answer:
            raise Trouble(f"{self.process.name}: {answer['error']}")
        return answer

    def tell(self, line):
        self.process.popen.stdin.write(line.encode() + b"\n")
        self.process.popen.stdin.flush()

    def ask(self, line):
        self.tell(line)
        return self.answer()


def open_fib(watch, pid):
    """The VR's FIB among the primary's files, as an engine gets it: readable, not writable."""
    for fd in os.listdir(f"/proc/{pid}/fd"):
        path = f"/proc/{pid}/fd/{fd}"
        if os.readlink(path).startswith("/memfd:pdp-fib-red") and "ok" in watch.ask(f"open {path}"):
            return
    raise Trouble("the node has no FIB for its VR")


def judged(program, line, value):
    """@return Sample of an answer's value"""
    start = quiet.take()
    got = program.ask(line)
    if got["refused"] or got.get("wrong"):
        raise Trouble(f"{line}: {got.get('wrong', 0)} of {got['routes']} routes are wrong, first refusal {got['refused']}")
    return Sample(got[value], quiet.judge(start, quiet.take()).disturbed, got)


def reach(watch, vif, words):
    """@return Sample of seconds until the FIB has it"""
    return judged(watch, f"reach {vif} {words}", "seen_s")


def write(beside, words):
    """@return Sample of seconds until the kernel has it"""
    return judged(beside, f"write {words}", "written_s")


def live(session, watch, beside, way, n):
    """Routes written, moved to another link, withdrawn; written where nobody follows. @return {what: Samples}"""
    taken = {"add": [], "replace": [], "del": [], "kernel": []}
    for _ in range(session.runs(ROUNDS)):
        taken["add"].append(reach(watch, 1, way.words("add", n, "b")))
        taken["replace"].append(reach(watch, 0, way.words("replace", n, "a")))
        taken["del"].append(reach(watch, -1, way.words("del", n, "a")))
        taken["kernel"].append(write(beside, way.words("add", n, "b")))
        write(beside, way.words("del", n, "b"))
        session.say(f"{n} routes: {taken['add'][-1].value * 1000:.1f} ms, written in "
                    f"{taken['add'][-1].extra['written_s'] * 1000:.1f} ms, alone in {taken['kernel'][-1].value * 1000:.1f} ms")
    return taken


def bird_config(session, lines):
    static = "".join(f"  route {line.strip()} via 10.2.0.2;\n" for line in lines)
    return session.file("bird.conf", "log stderr { error, fatal };\nrouter id 10.2.0.1;\nprotocol device { }\n"
                        "protocol kernel { scan time 3600; ipv4 { import none; export all; }; }\n"
                        f"protocol static {{\n  ipv4;\n{static}}}\n")


def n_routes(namespace):
    """Of the kernel, without asking for each."""
    words = command("ip", "netns", "exec", namespace, "cat", "/proc/net/fib_triestat")
    return max(int(line.split()[1]) for line in words.splitlines() if line.strip().startswith("Prefixes:"))


def cpu_ticks(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def until_written(process, namespace, n):
    """When BIRD last used its CPU, once it has not for a second and the kernel has n routes. The kernel is asked seldom: to
    count, it walks its table."""
    last, at, deadline = -1, time.monotonic(), time.monotonic() + START_S
    while True:
        process.check()
        now, ticks = time.monotonic(), cpu_ticks(process.pid)
        if ticks != last:
            last, at = ticks, now
        elif now - at > QUIET_MS / 1000:
            have = n_routes(namespace)
            if have >= n:
                return at
            if now > deadline:
                raise Trouble(f"BIRD: the kernel has {have} of {n} routes: {process.tail()}")
            time.sleep(QUIET_MS / 1000)
        time.sleep(0.01)


def bird(session, namespace, config, n, watch):
    """BIRD from its start until the kernel, and the FIB where one follows, has all routes. @return Sample of seconds"""
    control = os.path.join(session.scratch, f"bird-{namespace}.ctl")
    before, start, began = n_routes(namespace), quiet.take(), time.monotonic()
    if watch is not None:
        watch.tell(f"arrive {session.scratch}/prefixes {n} 1")
    process = session.start(f"bird-{namespace}", ["ip", "netns", "exec", namespace, "bird", "-f", "-c", config, "-s", control],
                            cpus=[c for c in session.cpus if c != session.md_cpu])
    try:
        ended = until_written(process, namespace, before + n)
        disturbed = quiet.judge(start, quiet.take()).disturbed
        extra = {"bird_cpu_s": cpu_ticks(process.pid) / os.sysconf("SC_CLK_TCK")}
        if watch is not None:
            arrived = watch.answer()
            extra["fib_behind_s"] = arrived["at_s"] - ended
            ended = max(ended, arrived["at_s"])
            if not arrived["all"] or watch.ask(f"verify {session.scratch}/prefixes {n} 1")["wrong"]:
                raise Trouble("BIRD's routes are not all in the FIB a second after the kernel had them")
    finally:
        process.ask_to_stop()
        wait_for("BIRD does not end", lambda: not process.alive(), START_S)
        session.end(process)
    wait_for("BIRD left routes behind", lambda: n_routes(namespace) <= before, START_S)
    if watch is not None:
        wait_for("BIRD's routes stay in the FIB",
                 lambda: watch.ask(f"verify {session.scratch}/prefixes {n} -1")["wrong"] == 0, START_S)
    return Sample(ended - began, disturbed, extra)


def dumps(session, namespace, file, n):
    """A standing table, dumped by a mirror that begins. @return Samples of routes a second"""
    taken = []
    with Program(session, namespace, "pdp-bench-mirror") as mirror:
        mirror.answer()
        mirror.ask("vif b 1 ethernet")
        if mirror.ask(f"plain add 4 {file} {n} via 10.2.0.2 1 dev b")["refused"]:
            raise Trouble("the kernel refuses routes")
        for _ in range(session.runs(ROUNDS)):
            start = quiet.take()
            got = mirror.ask("redump")
            taken.append(Sample(got["routes"] / got["seconds"], quiet.judge(start, quiet.take()).disturbed, got))
            session.say(f"{got['routes']} routes dumped in {got['seconds']:.2f} s")
        mirror.ask(f"plain del 4 {file} {n} via 10.2.0.2 1 dev b")
    return taken


class Plain:
    """A namespace like the VR's, whose routes nobody follows; use as a context."""

    def __init__(self, session):
        self.session = session
        self.prefix = session.new_prefix()
        self.name = f"{self.prefix}-plain"

    def __enter__(self):
        command("ip", "netns", "add", self.name)
        command("ip", "-n", self.name, "link", "add", "name", "b", "type", "veth", "peer", "name", "far")
        for link in ("far", "b", "lo"):
            command("ip", "-n", self.name, "link", "set", "dev", link, "up")
        command("ip", "-n", self.name, "addr", "add", "10.2.0.1/24", "dev", "b")
        return self.name

    def __exit__(self, *_):
        forget_prefix(self.prefix)
        self.session.prefixes.remove(self.prefix)


def lives(session, watch, beside, n, files):
    """All of live(). @return (rows, figures)"""
    rows, figures = [], {}
    ways = [("", Way(files[0]), count) for count in COUNTS if count <= n]
    for suffix, way, count in [*ways, ("_sorted", Way(files[1], objects=False), ways[-1][2])]:
        for what, taken in live(session, watch, beside, way, count).items():
            rows.append({"routes": count, "what": what + suffix, "paper_s": COUNTS[count], **summary_row(taken, "s")})
            name = "" if what == "add" else f"_{what}"
            figures[f"routes_{count}{suffix}{name}_ms"] = 1000 * median(quiet_values(taken))
    return rows, figures


def run(session):
    """The case."""
    n = QUICK if session.options.quick else FULL
    *files, lines = table(session, n)
    config = bird_config(session, lines)
    with RouterNode(session, "pdp", {"poll": "adaptive"}, md={"poll": "adaptive"}) as node, Plain(session) as plain, \
            Program(session, node.router, "pdp-bench-watch") as watch, \
            Program(session, plain, "pdp-bench-watch") as beside:
        open_fib(watch, node.processes[0].pid)
        make_objects(node.router, ["a", "b"])
        make_objects(plain, ["b"])
        rows, figures = lives(session, watch, beside, n, files)
        rounds = session.rounds(session.runs(BIRD_ROUNDS), ["mirrored", "plain"],
                                lambda who: bird(session, node.router, config, n, watch) if who == "mirrored" else
                                bird(session, plain, config, n, None),
                                lambda who, s: f"BIRD, {who}: {s.value:.2f} s, {s.extra}")
        for who, taken in rounds.items():
            rows.append({"routes": n, "what": f"BIRD, {who}", **summary_row(taken, "s")})
            figures[f"bird_{who}_s"] = median(quiet_values(taken))
        figures["mirror_overhead"] = median(round_ratios(rounds["mirrored"], rounds["plain"])[0]) - 1
        taken = dumps(session, plain, files[1], n)
    rows.append({"routes": n, "what": "dump", **summary_row(taken, "per_s")})
    figures["dump_routes_per_s"] = median(quiet_values(taken))
    figures["private_mb"] = taken[0].extra["private_mb"]
    return {"rows": rows, "figures": figures}
