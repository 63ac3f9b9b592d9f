# SPDX-License-Identifier: BSD-3-Clause
"""
Routers between two loadgen ports: VRs of plugin ip whose namespaces have so many routes, and dpdk-testpmd with the same
traffic. Frames come from memory by net_loadgen0, with destinations spread over the routes, are routed out of vif b, and
end in the sink of net_loadgen1.
"""
import gzip
import os

from . import Trouble, procs
from .hosts import command
from .loadgen import LoadgenNode, node_config, ports
from .procs import wait_for
from .summary import jain

DATA = os.path.join("..", "shared", "data", "bgp-prefixes.txt.gz")
N_GATEWAYS = 16
GATEWAY_NET = "198.51.100"  # of vif b
ROUTES_S = 120
READY_S = 30
TWO = ["0.0.0.0/1", "128.0.0.0/1"]
LOADGEN_NET = ["198.18.0.0/15"]  # loadgen's own default of destinations


def real_prefixes(n):
    """So many of a full IPv4 routing table, evenly over it, in its order. Trouble: it is not here."""
    source = os.path.realpath(__file__)
    for _ in range(4):
        source = os.path.dirname(source)
    path = os.path.normpath(os.path.join(source, DATA))
    if not os.path.exists(path):
        raise Trouble(f"the routing table {path} is not here; it is no part of the project")
    with gzip.open(path, "rt", encoding="ascii") as f:
        usable = [line.strip() for line in f if is_usable(line)]
    if len(usable) < n:
        raise Trouble(f"{path} has {len(usable)} IPv4 prefixes, not {n}")
    return [usable[i * len(usable) // n] for i in range(n)]


def is_usable(line):
    """An IPv4 prefix whose addresses a router forwards, and not of our own nets."""
    if ":" in line or "/" not in line or line.startswith(GATEWAY_NET):
        return False
    first = int(line.split(".")[0])
    return 0 < first < 224 and first not in (10, 127)


def route_lines(prefixes, dev):
    """For `ip -batch`: the gateways take turns."""
    return "".join(f"route replace {p} via {GATEWAY_NET}.{2 + i % N_GATEWAYS} dev {dev}\n" for i, p in enumerate(prefixes))


class RouteSpace:
    """
    A VR's namespace, which outlives the nodes of a case, so that routes are written once. Use as a context; ready() when
    a node has made the interfaces.
    """

    def __init__(self, session, prefixes):
        self.session, self.prefixes = session, prefixes
        self.prefix = session.new_prefix()
        self.name = f"{self.prefix}-vr"
        self.filled = False

    def __enter__(self):
        command("ip", "netns", "add", self.name)
        return self

    def __exit__(self, *_):
        procs.forget_prefix(self.prefix)
        self.session.prefixes.remove(self.prefix)

    def ready(self, dev="b"):
        """Address, neighbours and routes of vif `dev`, once."""
        if self.filled:
            return
        inside = ("ip", "netns", "exec", self.name)
        command(*inside, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0")
        lines = f"addr replace {GATEWAY_NET}.1/24 dev {dev}\n" + "".join(
            f"neigh replace {GATEWAY_NET}.{2 + i} lladdr 02:50:44:50:02:{i:02x} dev {dev} nud permanent\n"
            for i in range(N_GATEWAYS)) + route_lines(self.prefixes, dev)
        file = self.session.file(f"{self.name}.routes", lines)
        command("ip", "-n", self.name, "-batch", file, timeout_s=ROUTES_S)
        self.filled = True


class RouterLoad(LoadgenNode):
    """A node with one VR of plugin ip for each RouteSpace, between two loadgen ports; several get packets by source."""

    def __init__(self, session, name, spaces, vdevs, **vr):
        vrs = [{"name": f"vr{i}", "plugin": "ip", "netns": space.name, "vifs": self.vifs(i, len(spaces)), **vr}
               for i, space in enumerate(spaces)]
        super().__init__(session, name, node_config(session, vrs), vdevs)
        self.spaces = spaces
        self.seen = None

    @staticmethod
    def vifs(i, n):
        """What comes from 10.i.0.0/16 is VR i's, if there are several."""
        vifs = [{"name": "a", "port": "net_loadgen0"}, {"name": "b", "port": "net_loadgen1"}]
        if n > 1:
            vifs[0]["source"] = [f"10.{i}.0.0/16"]
            vifs[1]["source"] = [f"172.16.{i}.0/24"]
        return vifs

    def begin(self):
        super().begin()
        for space in self.spaces:
            wait_for(f"{space.name} has no vif b", lambda s=space: self.has_vif(s), READY_S, self.check)
            space.ready()

    def wait_for_traffic(self):
        """And until all of it has a route."""
        super().wait_for_traffic()
        wait_for(f"{self.name}: packets have no route", self.all_forwarded, READY_S, self.check, 0.2)

    @staticmethod
    def has_vif(space):
        return " b:" in command("ip", "-n", space.name, "-o", "link", "show")

    def plugin_counters(self):
        return [self.control.ask("vr show", vr=vr["name"])["plugin_counters"] for vr in self.config["vrs"]]

    def all_forwarded(self):
        """Since the last look every packet was forwarded, and each VR had some."""
        now = self.plugin_counters()
        before, self.seen = self.seen or now, now
        grown = [{k: n[k] - b.get(k, 0) for k in n} for n, b in zip(now, before)]
        return all(0 < g["forwarded_ip4"] == sum(g.values()) for g in grown)

    def after(self, state):
        row = super().after(state)
        old, new = state[0], self.control.ask("stats")
        rates = [new["vrs"][vr["name"]]["tx"] - old["vrs"][vr["name"]]["tx"] for vr in self.config["vrs"]]
        row["jain"] = jain(rates)
        return row


def frames(n_vrs=1, size=60, **more):
    """Of a closed loop, all to 198.19.0.0/16, for each VR as many. @return --vdev arguments"""
    args = {"loop": "closed", "measure": 0, "flows": 64 * n_vrs, "size": size, **more}
    if n_vrs > 1:
        args["mix"] = "+".join(f"src:10.{i}.0.0/16" for i in range(n_vrs))
    return ports(",".join(f"{k}={v}" for k, v in args.items()))


def measure_rate(session, party, window_s):
    """One party of one round. @return Sample in Mpps"""
    with party:
        party.wait_for_traffic()
        session.warm_up()
        return session.measure_rate(party, session.window_s(window_s))
