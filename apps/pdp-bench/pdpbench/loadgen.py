# SPDX-License-Identifier: BSD-3-Clause
"""
Nodes between two loadgen ports: what the cases after the LVRM and Europa papers have in common. Traffic comes from
memory by net_loadgen0, goes through an engine, and ends in the sink of net_loadgen1, which sends nothing.
"""
from .parties import Node

SRC = "198.18.0.0/16"  # loadgen's own default
WIRE_OVERHEAD = 24  # FCS, preamble, start and gap: what a frame takes on the wire beyond what loadgen calls its size
SIZES_ON_WIRE = [84, 148, 276, 532, 788, 1044, 1300, 1538]


def ports(source):
    """@param source  devargs of net_loadgen0. @return --vdev arguments"""
    return [f"net_loadgen0,{source}", "net_loadgen1,start=0" + (",measure=0" if "measure=0" in source else "")]


def node_config(session, vrs):
    return {"cpus": {"engines": [session.engine_cpu]},
            "ports": [{"name": "net_loadgen0"}, {"name": "net_loadgen1"}], "vrs": vrs}


def one_vr(plugin="relay", **more):
    """A VR that gets its packets by their source prefix, as in the papers."""
    return {"name": "red", "plugin": plugin, **more,
            "vifs": [{"name": "a", "port": "net_loadgen0", "source": [SRC]}, {"name": "b", "port": "net_loadgen1"}]}


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
