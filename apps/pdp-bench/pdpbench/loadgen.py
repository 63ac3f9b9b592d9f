# SPDX-License-Identifier: BSD-3-Clause
"""
Nodes between two loadgen ports: what the cases after the LVRM and Europa papers have in common. Traffic comes from
memory by net_loadgen0, goes through an engine, and ends in the sink of net_loadgen1, which sends nothing.
"""
import time

from . import quiet
from .parties import Node
from .procs import wait_for

SRC = "198.18.0.0/16"  # loadgen's own default
WIRE_OVERHEAD = 24  # FCS, preamble, start and gap: what a frame takes on the wire beyond what loadgen calls its size
SIZES_ON_WIRE = [84, 148, 276, 532, 788, 1044, 1300, 1538]
ENGINE_PPS = 60000  # what an engine of LVRM's experiments serves a second: 1/60 ms a packet
QUIET_S = 20


def ports(source):
    """@param source  devargs of net_loadgen0. @return --vdev arguments"""
    return [f"net_loadgen0,{source}", "net_loadgen1,start=0" + (",measure=0" if "measure=0" in source else "")]


def node_config(session, vrs, **more):
    """@param more  members of the configuration, in the place of ours"""
    return {"cpus": {"engines": [session.engine_cpu]},
            "ports": [{"name": "net_loadgen0"}, {"name": "net_loadgen1"}], "vrs": vrs, **more}


def one_vr(plugin="relay", **more):
    """A VR that gets its packets by their source prefix, as in the papers."""
    return {"name": "red", "plugin": plugin, **more,
            "vifs": [{"name": "a", "port": "net_loadgen0", "source": [SRC]}, {"name": "b", "port": "net_loadgen1"}]}


def paced_vr(engines, balance, pps=ENGINE_PPS, **more):
    """A VR whose engines serve so many packets a second each, asleep in between, so that many fit on one CPU."""
    return one_vr(engines=engines, balance=balance, args={"pace_pps": pps}, **more)


class LoadgenNode(Node):
    """A node whose ports are loadgen's, controlled by telemetry."""

    def source(self, **settings):
        """Change net_loadgen0: rate=, state=."""
        words = ",".join(f"{k}={v}" for k, v in settings.items())
        answer = self.counters.telemetry.ask(f"/pdp/loadgen/set,0,{words}")
        if "error" in answer:
            raise RuntimeError(answer["error"])

    def figures(self, port):
        """Of a port, since the last reset."""
        return self.counters.telemetry.ask(f"/pdp/loadgen,{port}")

    def reset(self):
        self.counters.telemetry.ask("/pdp/loadgen/reset")

    def dropped(self):
        """Packets that the node dropped, whatever the reason."""
        stats = self.control.ask("stats")
        return (sum(vr["dropped"] for vr in stats["vrs"].values()) + sum(stats["node"]["drops"].values())
                + sum(p["tx_errors"] for p in stats["ports"].values()))

    def is_quiet(self):
        """
        Nothing waits, nothing is with an engine. Every answer about packets takes a turn of the MD: after two of them
        a source that was stopped knows it, so that what waits is all that will come.
        """
        for _ in range(2):
            self.control.ask("stats")
        waiting = self.figures(0)["source_waiting"]
        vrs = self.control.ask("stats")["vrs"]
        return waiting == 0 and all(vr["in_flight"] == 0 for vr in vrs.values())

    def play(self, seconds, **settings):
        """
        Traffic from quiet to quiet, so that every packet can be accounted for: net_loadgen0 (of start=0) runs for so
        long, and what is under way comes back.
        @return (figures, quiet.Disturbance); kpps: sent, lost: by the node, missed: by the source's queue, as the MD
        came late
        """
        self.reset()
        start, dropped = quiet.take(), self.dropped()
        self.source(state="start", **settings)
        time.sleep(seconds)
        wait_for(f"{self.name}: no packet comes", lambda: self.figures(1)["sink_sent"] > 0, QUIET_S, self.check)
        self.source(state="stop")
        end = quiet.take()
        wait_for(f"{self.name}: packets are still under way", self.is_quiet, QUIET_S, self.check)
        source, sink = self.figures(0), self.figures(1)
        received = max(source["source_received"], 1)
        got = {"offered": source["source_offered"], "received": source["source_received"],
               "missed": source["source_missed"], "sent": sink["sink_sent"], "lost": source["source_lost"],
               "dropped": self.dropped() - dropped, "reordered": sink["sink_reordered"],
               "kpps": sink["sink_sent"] / (end.time_s - start.time_s) / 1000,
               "loss_pct": 100 * source["source_lost"] / received,
               "missed_pct": 100 * source["source_missed"] / max(source["source_offered"], 1),
               "out_of_order_pct": 100 * sink["sink_reordered"] / received}
        got.update({f"{p}_us": sink[f"sink_latency_{p}_ns"] / 1000 for p in ("p50", "p99", "max")})
        return got, quiet.judge(start, end)
