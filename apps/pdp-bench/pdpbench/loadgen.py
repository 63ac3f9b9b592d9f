# SPDX-License-Identifier: BSD-3-Clause
"""
Nodes between two loadgen ports: what the cases after the LVRM and Europa papers have in common. Traffic comes from
memory by net_loadgen0, goes through an engine, and ends in the sink of net_loadgen1, which sends nothing.
"""
import contextlib
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
    sources, sinks = (0,), (1,)  # their port ids

    def source(self, port=0, **settings):
        """Change a loadgen port: rate=, state=, profile=."""
        words = ",".join(f"{k}={v}" for k, v in settings.items())
        answer = self.counters.telemetry.ask(f"/pdp/loadgen/set,{port},{words}")
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
        waiting = sum(self.figures(port)["source_waiting"] for port in self.sources)
        vrs = self.control.ask("stats")["vrs"]
        return waiting == 0 and all(vr["in_flight"] == 0 for vr in vrs.values())

    @contextlib.contextmanager
    def playing(self, **settings):
        """
        Traffic from quiet to quiet, so that every packet can be accounted for: the sources (of start=0) run, and what is
        under way when they stop comes back. @return Play, whose end() has the figures; leaving ends it too
        """
        play = Play(self, settings)
        yield play
        play.end()

    def play(self, seconds, **settings):
        """The same for so long. @return (figures, quiet.Disturbance)"""
        start = quiet.take()
        with self.playing(**settings) as play:
            time.sleep(seconds)
            play.stop()
            disturbance = quiet.judge(start, quiet.take())
            return play.end(), disturbance


class Play:
    """Traffic through a node from its begin until end()."""

    def __init__(self, node, settings):
        self.node = node
        self.figures = None
        self.seconds = None
        node.reset()
        self.dropped = node.dropped()
        self.began = time.monotonic()
        for port in node.sources:
            node.source(port=port, state="start", **settings)

    def stop(self):
        """Nothing new comes; at least one packet has."""
        node = self.node
        if self.seconds is None:
            wait_for(f"{node.name}: no packet comes", lambda: self.sum("sink_sent", node.sinks) > 0, QUIET_S, node.check)
            for port in node.sources:
                node.source(port=port, state="stop")
            self.seconds = time.monotonic() - self.began

    def sum(self, key, of_ports):
        return sum(self.node.figures(port)[key] for port in of_ports)

    def end(self):
        """
        @return of all sources and sinks together; kpps: sent, lost: by the node, missed: by the sources' queues, as the
        MD came late; percentiles are the first sink's
        """
        if self.figures is None:
            self.stop()
            node = self.node
            wait_for(f"{node.name}: packets are still under way", node.is_quiet, QUIET_S, node.check)
            self.figures = self.count()
        return self.figures

    def count(self):
        node = self.node
        got = {name: self.sum(f"source_{name}", node.sources) for name in ("offered", "received", "missed", "lost")}
        got.update({name: self.sum(f"sink_{name}", node.sinks) for name in ("sent", "reordered")})
        received = max(got["received"], 1)
        sink = node.figures(node.sinks[0])
        got.update({"dropped": node.dropped() - self.dropped, "kpps": got["sent"] / self.seconds / 1000,
                    "loss_pct": 100 * got["lost"] / received, "out_of_order_pct": 100 * got["reordered"] / received,
                    "missed_pct": 100 * got["missed"] / max(got["offered"], 1)})
        got.update({f"{p}_us": sink[f"sink_latency_{p}_ns"] / 1000 for p in ("p50", "p99", "max")})
        return got
