# SPDX-License-Identifier: BSD-3-Clause
"""
hang: the engine of VR red is stopped (SIGSTOP), or never returns from process(), 10,000 packets a second coming, and
shares its CPU with the engine of VR blue, which must not notice. How long until the node knows, and until the parked
engine has red's traffic. Then what only looks like it, and must not be taken for it: an engine held to 20 % of its CPU,
one starved by three busy neighbours, a shaper that holds each packet for a second, one at a breakpoint of gdb.
"""
import os
import shutil
import signal
import time

from .. import quiet
from ..faults import BACK_S, BLUE_PPS, RED, FaultNode, Toll, blue, ended, vr
from ..procs import wait_for
from ..summary import median, percentile

NAME = "hang"
ABOUT = "engines that hang are replaced at once, those that only look like it are not"
HANGS = 100  # of each kind
QUICK_HANGS = 3
WATCHED_S = 10  # for what must not happen
QUICK_WATCHED_S = 1
PPS = 10000
NODE_MB = 200
SLOTS = 8192
BUSY_NS = 20000  # of CPU time a packet
HOLD_MS = 1000
TAKEN_FOR_HUNG = {"debug", "dying", "waiting", "none"}
SHAPED_PPS = 3000  # what the plugin can hold of a second


def flag(session):
    """What an engine that finds it removes, and hangs at."""
    return os.path.join(session.scratch, "hang")


def faulty(session, args, **more):
    """VR red, with our own plugin."""
    return vr("red", RED, plugin=session.program("apps", "pdp-bench", "pdp_vr_faulty.so"), args=args, slots=SLOTS, **more)


def end(node, play, toll):
    play.stop()
    wait_for("packets are still under way", node.is_quiet, 60, node.check)
    toll.add(node)


class Found:
    """Of one kind of hang, in us: when the node knew, when others had served as it says, and as the sink saw it."""

    def __init__(self):
        self.detect, self.outage, self.gap = [], [], []


def hang_once(session, kind, node, found):
    """One more engine hangs, is replaced, and is gone."""
    rows = node.ready(1, 1)
    pid = next(row["pid"] for row in rows if row["state"] == "running")
    before = {which: len(node.times(which)) for which in ("detect", "outage")}
    node.arm(RED)
    if kind == "stopped":
        os.kill(pid, signal.SIGSTOP)
    else:
        with open(flag(session), "w", encoding="ascii"):
            pass
    wait_for(f"process {pid} hangs and is not gone", lambda: ended(pid), BACK_S, node.check, 0.002)
    node.wait_back(pid)
    for which, us in (("detect", found.detect), ("outage", found.outage)):
        wait_for(f"{node.name}: no time of {which}", lambda w=which: len(node.times(w)) > before[w], BACK_S, node.check)
        us.append(node.times(which)[-1])
    found.gap.append(node.gap_us(RED))


def hang_often(session, kind, n, toll):
    """@return Found"""
    found = Found()
    red = faulty(session, {"hang": flag(session)}, engines=1, standby=1, deaths_max=0)
    with FaultNode(session, "pdp", [red, blue()], [PPS, BLUE_PPS], NODE_MB) as node, node.playing() as play:
        for _ in range(n):
            hang_once(session, kind, node, found)
        end(node, play, toll)
    return found


def watch(session, node, seconds, but=()):
    """@return how many engines were taken for hung meanwhile; states of `but` are no alarm"""
    before = {row["engine"]: row["pid"] for row in node.engines() if row["pid"]}
    alarms, deadline = set(), time.monotonic() + seconds
    while time.monotonic() < deadline:
        for row in node.engines():
            pid = before.get(row["engine"])
            if pid and (row["pid"] != pid or row["deaths"] or row["state"] in TAKEN_FOR_HUNG - set(but)):
                alarms.add(row["engine"])
        time.sleep(0.05)
    return len(alarms)


def held(session, seconds, toll):
    """Held to 20 percent of its CPU by a quota, and wanting more."""
    red = vr("red", RED, args={"spin_ns": BUSY_NS}, power=20, strict=True)
    with FaultNode(session, "pdp", [red, blue(power=80)], [100000, BLUE_PPS], NODE_MB) as node, node.playing() as play:
        wait_for("red has not too much to do", lambda: drops(node, "red", "engine_full") > 1000, BACK_S, node.check)
        alarms = watch(session, node, seconds)
        end(node, play, toll)
    return alarms


def starved(session, seconds, toll):
    """Three neighbours want all of its CPU."""
    vrs = [vr("red", 0), blue()] + [vr(f"busy{i}", i, args={"spin_ns": BUSY_NS}) for i in (2, 3, 4)]
    with FaultNode(session, "pdp", vrs, [PPS, BLUE_PPS] + 3 * [200000], NODE_MB) as node, node.playing() as play:
        for i in (2, 3, 4):
            wait_for(f"busy{i} has not too much to do", lambda n=f"busy{i}": drops(node, n, "engine_full") > 100, BACK_S,
                     node.check)
        alarms = watch(session, node, seconds)
        end(node, play, toll)
    return alarms


def shaper(session, seconds, toll):
    """Holds each packet for a second."""
    red = faulty(session, {"hold_ms": HOLD_MS})
    with FaultNode(session, "pdp", [red, blue()], [SHAPED_PPS, BLUE_PPS], NODE_MB) as node, node.playing() as play:
        wait_for("nothing comes out", lambda: node.figures(RED)["sink_sent"] > 0, BACK_S, node.check)
        alarms = watch(session, node, seconds)
        end(node, play, toll)
    return alarms


def breakpoint_(session, seconds, toll):
    """gdb stops it at a breakpoint in its loop, and lets it go on."""
    red = vr("red", RED, engines=1, standby=1)
    with FaultNode(session, "pdp", [red, blue()], [PPS, BLUE_PPS], NODE_MB) as node, node.playing() as play:
        pid = next(row["pid"] for row in node.ready(1, 1) if row["state"] == "running")
        gdb = session.start("gdb", ["gdb", "-p", str(pid), "-batch", "-ex", "break rt_check_socket", "-ex", "continue",
                                    "-ex", f"shell sleep {seconds}", "-ex", "delete", "-ex", "detach"])
        wait_for("gdb's engine is not by-passed", lambda: state_of(node, pid) == "debug", BACK_S, node.check)
        alarms = watch(session, node, seconds, but=("debug",))
        wait_for("gdb does not end", lambda: not gdb.alive(), BACK_S + seconds, node.check)
        wait_for("red's engine has its place again", lambda: state_of(node, pid) == "running", BACK_S, node.check)
        end(node, play, toll)
    return alarms


def state_of(node, pid):
    return next((row["state"] for row in node.red() if row["pid"] == pid), None)


def drops(node, name, reason):
    return node.control.ask("stats")["vrs"][name]["drops"].get(reason, 0)


NOT_HUNG = {"held to 20 % by strict": held, "starved by three neighbours": starved,
            "holds packets for a second": shaper, "at a breakpoint of gdb": breakpoint_}


def run(session):
    """The case."""
    quick = session.options.quick
    toll, rows, detect, alarms = Toll(), [], [], 0
    begin = quiet.take()
    for kind, what in (("stopped", "SIGSTOP"), ("spins", "endless loop in process")):
        found = hang_often(session, kind, QUICK_HANGS if quick else HANGS, toll)
        detect += found.detect
        rows.append({"hung": what, "times": len(found.detect), "detect_p50_ms": median(found.detect) / 1000,
                     "detect_p99_ms": percentile(found.detect, 99) / 1000,
                     "outage_p50_ms": median(found.outage) / 1000, "outage_p99_ms": percentile(found.outage, 99) / 1000,
                     "sink_gap_p50_ms": median(found.gap) / 1000, "sink_gap_p99_ms": percentile(found.gap, 99) / 1000})
        session.say(f"{what}: found after {median(detect) / 1000:.1f} ms")
    for what, check in NOT_HUNG.items():
        if check is breakpoint_ and shutil.which("gdb") is None:
            rows.append({"not_hung": what, "note": "gdb is not installed"})
            continue
        seconds = QUICK_WATCHED_S if quick else WATCHED_S
        n = check(session, seconds, toll)
        rows.append({"not_hung": what, "seconds": seconds, "false_alarms": n})
        alarms += n
        session.say(f"{what}: {n} false alarms")
    disturbance = quiet.judge(begin, quiet.take())
    rows.append({"blue": "all the time", "packets": toll.packets, "lost": toll.lost, "missed": toll.missed,
                 "reordered": toll.reordered, "disturbed": int(disturbance.disturbed)})
    return {"rows": rows, "figures": {
        "detect_p50_ms": median(detect) / 1000, "detect_p99_ms": percentile(detect, 99) / 1000,
        "others_lost": toll.lost + toll.missed, "others_reordered": toll.reordered, "mbufs_leaked": toll.leaked_mbufs,
        "false_alarms": alarms}}
