# SPDX-License-Identifier: BSD-3-Clause
"""
failover: how long a VR serves nothing when its engine is killed under traffic and a parked one stands by: from just
before kill() (strike.c) to the first packet of the other engine at the sink (REINFORCE, CoNEXT 2018, on OpenNetVM: 100
us). The killer runs on the MD's CPU, so the MD's absence while the kernel kills is in the figure.
"""
import signal
import time

from .. import quiet
from ..faults import RED, FaultNode, Striker, Toll, vr
from ..procs import wait_for
from ..summary import median, percentile

NAME = "failover"
ABOUT = "outage of a VR whose engine is killed while a parked one stands by"
KILLS = 400
QUICK_KILLS = 20
NODE_MB = 200
PPS = 500000  # 2 us between two packets
PAUSE_S = 0.02


def fail_over(session, kills, toll):
    """@return outages in us"""
    outages = []
    red = vr("red", RED, engines=1, standby=1)
    with FaultNode(session, "pdp", [red], [PPS], NODE_MB) as node, Striker(session) as striker, node.playing() as play:
        while len(outages) < kills:
            rows = node.ready(1, 1)
            pid = next(row["pid"] for row in rows if row["state"] == "running")
            time.sleep(PAUSE_S)
            us = node.outage(striker, pid, signal.SIGKILL)
            node.wait_back(pid)
            if us is not None:
                outages.append(us)
        play.stop()
        wait_for("packets are still under way", node.is_quiet, 20, node.check)
        toll.add(node)
    return outages


def run(session):
    """The case."""
    kills = QUICK_KILLS if session.options.quick else KILLS
    toll = Toll()
    begin = quiet.take()
    us = fail_over(session, kills, toll)
    disturbance = quiet.judge(begin, quiet.take())
    row = {"kills": len(us), "min_us": min(us), "p50_us": median(us), "p90_us": percentile(us, 90),
           "p99_us": percentile(us, 99), "max_us": max(us), "disturbed": int(disturbance.disturbed)}
    return {"rows": [row], "figures": {"p50_us": row["p50_us"], "p99_us": row["p99_us"], "kills": row["kills"],
                                       "mbufs_leaked": toll.leaked_mbufs}}
