# SPDX-License-Identifier: BSD-3-Clause
"""
hostile: a sealed VR that means harm (plugin hostile), beside one that must not notice. Each attempt from each place, in
a node of its own: red is offered more than its engine does, blue is paced and shares its CPU. Red's engine starts while
blue's packets flow. What stopped it is read from what happened: what refused calls said (the plugin tells), what the
node's ledger refused, how the engine ended. What leaves red's ports is captured and looked at: nobody else's VLAN, VNI
or address, no byte of blue's.
"""
import re
import time
from collections import Counter

from .. import captures, quiet
from ..faults import BLUE, RED, FaultNode, Toll, blue, vr
from ..procs import wait_for

NAME = "hostile"
ABOUT = "what a sealed VR that means harm can do to others, and what stops it"
RED_PPS = 60000
SLOW_NS = 30000  # an engine's whole CPU serves half of that
SIZE = 512  # more than the header window shows
ATTACK_S = 1.0
QUICK_S = 0.6
AGAIN_S = 20
TRIES = 4
OVER_S = 5
DONE = "all of it was tried"  # says the plugin
START_S = 10  # that an engine may take to start
RED_MAC, BLUE_MAC = "02:50:44:50:01:00", "02:b1:0e:b1:0e:b1"
RED_SRC = "198.18.0.0/16"
FAR = {"local": "192.0.2.1", "remote": "192.0.2.2", "remote_mac": "02:00:00:00:00:09"}
CARRIERS, GUARDED = "net_pcap0", "net_pcap1"

CALLS = ["scan", "holes", "allocate", "trace", "kill", "open", "connect", "fork", "code", "close"]
SHARED = ["descriptors", "indexes", "status", "death", "sleep", "flood", "socket", "originate"]
PACKETS = ["forge", "stale", "punt"]  # with packets only
ENDS = ["overwrite", "spin", "die"]
PLACES = ["process", "init", "constructor", "thread"]
WHOLE = [(name, place) for name in CALLS + SHARED + ENDS for place in PLACES] + [(name, "process") for name in PACKETS]
QUICK = [("kill", "constructor"), ("open", "init"), ("connect", "thread"), ("fork", "process"), ("scan", "constructor"), ("holes", "init"),
         ("descriptors", "thread"), ("sleep", "thread"), ("socket", "thread"), ("forge", "process"),
         ("stale", "process"), ("spin", "process")]
PLAIN_DROPS = {"engine_full", "no_engine", "engine_died", "vr", "engine_late", "hold_full"}


class HostileNode(FaultNode):
    """Red, blue, the owner of what red would forge, and two ports that keep what leaves them."""

    def __init__(self, session, name, place, level="sealed", huge=True):
        self.session = session
        self.attempt, self.place, self.level, self.huge = name, place, level, huge
        keys = {} if huge else {"isolation": "sealed"}
        super().__init__(session, f"{name} from {place}", [self.red_vr(), blue(**keys)], [RED_PPS, 0])
        self.config["ports"] = [{"name": name} for name in ("net_loadgen0", "net_loadgen1", CARRIERS, GUARDED)]
        self.config["vrs"].append({"name": "green", "plugin": "relay", "engines": 0, **keys, "vifs": [
            {"name": "a", "port": CARRIERS, "carrier": "vlan", "vlan": 20},
            {"name": "b", "port": CARRIERS, "carrier": "vxlan", "vni": 8, **FAR}]})
        self.ports = [f"net_loadgen0,start=0,rate={RED_PPS},flows=61,size={SIZE},src_mac={RED_MAC}",
                      "net_loadgen1,start=0,rate=50000,rxq=65536,flows=61,"
                      f"src=198.19.0.0/16,src_mac={BLUE_MAC},dst_mac={BLUE_MAC}"]
        self.left = []

    def red_vr(self):
        args = {"try": self.attempt, "from": self.place, "slow_ns": SLOW_NS}
        red = vr("red", RED, self.session.program("apps", "pdp-bench", "pdp_vr_hostile.so"), isolation=self.level, args=args, engines=0)
        red["vifs"] += [{"name": "b", "port": CARRIERS, "carrier": "vlan", "vlan": 10},
                        {"name": "c", "port": CARRIERS, "carrier": "vxlan", "vni": 7, **FAR},
                        {"name": "d", "port": GUARDED, "allow_src": {"prefixes": [RED_SRC], "mac": RED_MAC}}]
        return red

    def begin(self):
        empty = self.session.file("empty.pcap", "")
        captures.write(empty, [])
        self.left = [self.session.file(f"{self.prefix}-{port}.pcap", "") for port in (CARRIERS, GUARDED)]
        if self.attempt in ("holes", "punt"):  # routes to write to, and somebody to punt to
            self.config["vrs"][0]["netns"] = f"{self.prefix}-red"
        self.ports = self.ports[:2] + [f"{port},rx_pcap={empty},tx_pcap={file}"
                                       for port, file in zip((CARRIERS, GUARDED), self.left)]
        super().begin()

    def eal(self, lcores, ports):
        return [*super().eal(lcores, ports), *([] if self.huge else ["--no-huge", "-m", "256"])]

    def engines_run(self):
        return all(e["state"] == "running" for e in self.engines())

    def is_out(self):
        """Red's engine is gone or parked, which it is when it has no packet any more: nothing is taken from it then."""
        return all(not e["pid"] or e["state"] == "parked" for e in self.red())

    def quarantine(self):
        return self.control.ask("vr show", vr="red")["quarantine"]

    def told(self):
        """What the plugin said, in order."""
        with open(self.processes[0].log, encoding="utf-8", errors="replace") as f:
            return re.findall(rf"hostile: {self.attempt} from {self.place}: (.*)", f.read())


def last_death(node):
    rows = [e["last_death"] for e in node.red() if e["last_death"]]
    return re.sub(r"^process \d+ ", "", rows[0]) if rows else ""


def refused(told):
    """{what came of calls: which calls}, of lines that tell of one."""
    found = {}
    for line in dict.fromkeys(told):
        call, _, what = line.rpartition(": ")
        if call and re.fullmatch(r"E[A-Z0-9]+|done", what):
            found.setdefault(what, []).append(call)
    return found


def is_over(node):
    """What is tried once was, or the engine is gone."""
    once = node.attempt in CALLS + ["overwrite"]
    return not once or DONE in node.told() or any(e["deaths"] for e in node.red())


def stopped_by(node, told):
    """What kept it from doing harm, as it was seen."""
    stats = node.control.ask("stats")["vrs"]["red"]
    calls = refused(told)
    parts = [f"{what}: {', '.join(which)}" for what, which in calls.items()]
    parts += [line for line in dict.fromkeys(told) if line != DONE and not re.search(r": (E[A-Z0-9]+|done)$", line)]
    parts += [f"dropped as {why}: {n}" for why, n in stats["drops"].items() if why not in PLAIN_DROPS]
    relayed = node.control.ask("vr show", vr="red")["control"]
    if relayed["dropped"] or relayed["relayed"]:
        parts.append(f"messages: {relayed['relayed']} relayed, {relayed['dropped']} dropped")
    death = node.quarantine() or last_death(node)
    if death:
        parts.append(re.sub(r"^engine red/0: (process \d+ )?", "quarantined: " if node.quarantine() else "", death))
    return "; ".join(parts) or "nothing to stop: it harms only itself"


def attack(session, node, toll):
    """@return a row"""
    seconds = QUICK_S if session.options.quick else session.window_s(ATTACK_S)
    if node.attempt == "spin" and node.place in ("init", "constructor"):
        seconds = START_S + 1
    with node.playing() as play:
        node.control.ask("vr resize", vr="red", engines=1)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline or (not is_over(node) and time.monotonic() < deadline + OVER_S):
            node.check()
            time.sleep(0.02)
        told = node.told()
        red = node.control.ask("stats")["vrs"]["red"]
        stopped = stopped_by(node, told)
        starts = Counter(e["state"] for e in node.red())
        play.stop()
        node.control.ask("vr resize", vr="red", engines=0)
        wait_for(f"{node.name}: red's engine does not leave", node.is_out, AGAIN_S, node.check)
        wait_for(f"{node.name}: packets are still under way", node.is_quiet, AGAIN_S, node.check)
        toll.add(node)
        sink = node.figures(BLUE)
    return {"attempt": node.attempt, "from": node.place, "stopped_by": stopped, "engine": next(iter(starts), ""), "red_tx": red["tx"],
            "blue_packets": toll.packets, "lost": toll.lost + toll.missed, "reordered": toll.reordered, "gap_max_ms": sink["sink_gap_max_ns"] / 1e6,
            "allowed": refused(told).get("done", [])}


def run_one(session, name, place, toll, **how):
    """Where blue lost packets while others used its CPU, once more: a hole in the node is there every time."""
    lost_before = 0
    for tries in range(TRIES, 0, -1):
        taken = Toll()
        begin = quiet.take()
        row = try_one(session, name, place, taken, **how)
        disturbance = quiet.judge(begin, quiet.take())
        if row["lost"] == 0 or not disturbance.disturbed or tries == 1:
            break
        lost_before += row["lost"]
        session.say(f"{name} from {place}: {row['lost']} lost, but disturbed ({disturbance.text()}), again")
        session.wait_until_quiet()
    toll.join(taken)
    row.update(tries=TRIES + 1 - tries, lost_before=lost_before)
    return row


def try_one(session, name, place, toll, **how):
    with HostileNode(session, name, place, **how) as node:
        row = attack(session, node, toll)
    own = captures.Own(vlan=10, vni=7, mac=RED_MAC, prefix=RED_SRC, others=BLUE_MAC)
    row.update(captures.judge(own, *node.left))
    return row


def run(session):
    """The case."""
    todo = QUICK if session.options.quick else WHOLE
    toll, rows = Toll(), []
    begin = quiet.take()
    for name, place in todo:
        row = run_one(session, name, place, toll)
        rows.append(row)
        session.say(f"{name} from {place}: {row['lost']} lost, {row['forged']} forged, {row['leaked']} leaked; {row['stopped_by']}")
    # A lab without hugepages; blue is sealed then, too.
    for name, place in todo[:1 if session.options.quick else 2]:
        rows.append({**run_one(session, name, place, toll, huge=False), "huge": "no"})
    disturbance = quiet.judge(begin, quiet.take())
    rows.append({"blue": "all the time", "packets": toll.packets, "lost": toll.lost, "missed": toll.missed,
                 "reordered": toll.reordered, "disturbed": int(disturbance.disturbed)})
    tried = [row for row in rows if "attempt" in row]
    return {"rows": rows, "figures": {
        "attempts": len(tried), "others_lost": toll.lost + toll.missed, "others_reordered": toll.reordered,
        "others_lost_disturbed": sum(row["lost_before"] for row in tried),
        "forged_out": sum(row["forged"] for row in tried), "leaked_out": sum(row["leaked"] for row in tried),
        "captured": sum(row["captured"] for row in tried), "mbufs_leaked": toll.leaked_mbufs,
        "others_gap_max_ms": max(row["gap_max_ms"] for row in tried)}}
