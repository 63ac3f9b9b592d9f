# SPDX-License-Identifier: BSD-3-Clause
"""
failover: how long a VR serves nothing when its engine is killed under traffic and a parked one stands by: from the last
packet of the dead one to the first of the other, as the sink sees it (REINFORCE, CoNEXT 2018, on OpenNetVM: 100 us).
"""
import signal
import time

from .. import quiet
from ..faults import RED, FaultNode, Toll, strike, vr
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
    with FaultNode(session, "pdp", [red], [PPS], NODE_MB) as node, node.playing() as play:
        for _ in range(kills):
            rows = node.ready(1, 1)
            pid = next(row["pid"] for row in rows if row["state"] == "running")
            time.sleep(PAUSE_S)
            node.arm(RED)
            quietest = node.gap_us(RED)
            strike(pid, signal.SIGKILL)
            node.wait_back(pid)
            outages.append(max(node.gap_us(RED), quietest))
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
