# SPDX-License-Identifier: BSD-3-Clause
"""
pdp-fig16: PdP's figure 16, TCP while routes are replaced. One connection from host a to host b (hosts.py), paced at the
paper's 300 Mbit/s, through a VR of plugin ip and one engine (MD and engine sleep when idle, as the two CPUs serve the
hosts and the writer too); then the same while 200,000 routes, the connection's own among them, are replaced over and over
as fast as the kernel takes them: tcp_ratio. And with 50,000 a second, which is what BIRD does and more than FRR (the
paper's took 90 s for all of them): tcp_ratio_daemon. The kernel as router stands beside it.

Marked packets (probes.py) go to random ones of these prefixes meanwhile. Every route has two next hops that take turns,
prefixes of even number other ones than those of odd number, each with a MAC address of its own; a shorter prefix over all
of them leads to a trap. A packet with another MAC than its prefix's two was forwarded by a half-written route.
"""
import json
import time

from ..hosts import command
from ..procs import wait_for
from ..routers import KernelRouter, RouterNode
from ..session import Sample, medians_of, summary_row
from ..summary import median, quiet_values, round_ratios

NAME = "pdp-fig16"
ABOUT = "TCP paced at 300 Mbit/s while 200,000 routes are being replaced (PdP, figure 16)"
ROUNDS = 3
WINDOW_S = 6
ROUTES = 200000
RATE = 50000  # routes a second, of a daemon
PAPER_RATIO = 0.80
TCP_PPS = 300_000_000 // 8 // 1448
PROBE_PPS = 2000
TCP_TO = "20.0.0.9"  # in prefix number 0
# Next hops: of the connection, of prefixes with an even and with an odd number, the trap.
HOPS = {"tcp": ("10.2.0.2", "10.2.0.12"), 0: ("10.2.0.20", "10.2.0.21"), 1: ("10.2.0.30", "10.2.0.31"),
        "trap": ("10.2.0.99",)}
START_S = 60


def mac(gateway):
    return f"02:bb:00:00:00:{int(gateway.rsplit('.', 1)[1]):02x}"


def prefix(number):
    return f"{20 + (number >> 16)}.{number >> 8 & 255}.{number & 255}.0/24"


def routes(n):
    """What routewriter.py reads."""
    lines = [f"{prefix(0)} {','.join(HOPS['tcp'])}"]
    lines += [f"{prefix(i)} {','.join(HOPS[i % 2])}" for i in range(1, n)]
    return "\n".join(lines) + "\n"


class Router:
    """What both parties do besides."""

    def prepare(self, n):
        """Neighbours and routes, and host b that takes the connection's prefix as its own."""
        self.n_routes = n
        own = command(*self.within("b", "cat", "/sys/class/net/eth0/address")).strip()
        for gateways in HOPS.values():
            for gateway in gateways:
                lladdr = own if gateway in HOPS["tcp"] else mac(gateway)
                command("ip", "-n", self.router, "neigh", "replace", gateway, "lladdr", lladdr, "dev", self.link("b"),
                        "nud", "permanent")
        command("ip", "-n", self.router, "route", "add", "20.0.0.0/6", "via", HOPS["trap"][0])
        command("ip", "-n", self.namespace("b"), "route", "add", "local", prefix(0), "dev", "lo")
        self.file = self.session.file(f"{self.prefix}.routes", routes(n))
        self.finish(self.write_routes(0))

    def script(self, who, name, *args):
        """One of our programs in a namespace."""
        file = __file__.rsplit("/", 2)[0] + f"/{name}.py"
        return self.run(f"{name}-{who}-{args[0].rsplit('/', 1)[-1]}",
                        ["ip", "netns", "exec", who, "python3", file, *map(str, args)])

    def write_routes(self, seconds, rate=None):
        writer = self.script(self.router, "routewriter", self.file, seconds, *([rate] if rate else []))
        wait_for("routes are not prepared", lambda: "ready" in writer.tail(), START_S)
        return writer

    def finish(self, process):
        """@return what it says at its end"""
        wait_for(f"{process.name} does not end", lambda: not process.alive(), START_S)
        said = process.tail(1)
        self.processes.remove(process)
        self.session.end(process)
        return json.loads(said)

    def probe(self, seconds):
        """Begins. @return what probed() takes"""
        watch = self.script(self.namespace("b"), "probes", "watch", "eth0")
        wait_for("nobody watches for probes", lambda: "ready" in watch.tail(), START_S, watch.check)
        return watch, self.script(self.namespace("a"), "probes", "send", self.n_routes, PROBE_PPS, seconds)

    def probed(self, watch, send):
        """@return {"probes": sent, "probes_lost", "wrong_hop": arrived by a next hop that its route never had}"""
        sent = self.finish(send)["sent"]
        time.sleep(0.2)
        watch.ask_to_stop()
        seen = self.finish(watch)
        right = {(mac(g), str(kind)) for kind in (0, 1) for g in HOPS[kind]}
        arrived = sum(n for kinds in seen.values() for n in kinds.values())
        wrong = sum(n for m, kinds in seen.items() for kind, n in kinds.items() if (m, kind) not in right)
        return {"probes": sent, "probes_lost": sent - arrived, "wrong_hop": wrong}


class PdpRouter(Router, RouterNode):
    """A node."""


class LinuxRouter(Router, KernelRouter):
    """The kernel."""


def window(session, party, seconds, replace=False, rate=None):
    """@return Sample in Mbit/s"""
    def once():
        probes = party.probe(seconds + 0.5)
        writer = party.write_routes(seconds + 0.5, rate) if replace else None
        got = party.iperf(seconds, pps=TCP_PPS, to=TCP_TO)
        written = party.finish(writer) if writer else {"routes": 0, "seconds": 1}
        return Sample(got["mbps"], extra={"retransmitted": got["retransmitted"],
                                          "routes_per_s": written["routes"] / written["seconds"],
                                          **party.probed(*probes)})

    sample, disturbance = session.judged(once)
    sample.disturbed = disturbance.disturbed
    return sample


def measure(session, kind, n, seconds):
    """@return Sample of the ratio, all windows beside it"""
    maker = {"pdp": lambda: PdpRouter(session, "pdp", {"poll": "adaptive"}, md={"poll": "adaptive"}), "kernel": lambda: LinuxRouter(session, "kernel")}[kind]
    with maker() as party:
        party.prepare(n)
        calm = window(session, party, seconds)
        busy = window(session, party, seconds, True)
        daemon = window(session, party, seconds, True, RATE)
    extra = {"calm_mbps": calm.value, "busy_mbps": busy.value, "daemon_ratio": daemon.value / calm.value,
             "daemon_routes_per_s": daemon.extra["routes_per_s"], **busy.extra}
    for key in ("probes", "probes_lost", "wrong_hop"):
        extra[key] += daemon.extra[key]
    return Sample(busy.value / calm.value, any(w.disturbed for w in (calm, busy, daemon)), extra)


def run(session):
    """The case."""
    seconds = max(session.window_s(WINDOW_S), 1)
    n = 20000 if session.options.quick else ROUTES
    kinds = ["pdp", "kernel"]
    samples = session.rounds(session.runs(ROUNDS), kinds, lambda kind: measure(session, kind, n, seconds),
                             lambda kind, s: f"{kind}: {s.extra['busy_mbps']:.0f} of {s.extra['calm_mbps']:.0f} Mbit/s, "
                             f"at {s.extra['routes_per_s']:.0f} routes a second, "
                             f"{100 * s.extra['daemon_ratio']:.0f} % at {s.extra['daemon_routes_per_s']:.0f}; "
                             f"{s.extra['probes_lost']} of "
                             f"{s.extra['probes']} probes lost, {s.extra['wrong_hop']} by a wrong next hop")
    rows = [{"router": kind, **medians_of(taken), **summary_row(taken, "ratio"), "paper": PAPER_RATIO}
            for kind, taken in samples.items()]
    figures = {"tcp_ratio": median(quiet_values(samples["pdp"])),
               "tcp_ratio_kernel": median(quiet_values(samples["kernel"])),
               "tcp_ratio_daemon": medians_of(samples["pdp"])["daemon_ratio"],
               "tcp_ratio_vs_kernel": median(round_ratios(samples["pdp"], samples["kernel"])[0]),
               "wrong_hop": sum(s.extra["wrong_hop"] for s in samples["pdp"]),
               "probes_lost": sum(s.extra["probes_lost"] for s in samples["pdp"]),
               "probes": sum(s.extra["probes"] for s in samples["pdp"]),
               "routes_per_s": medians_of(samples["pdp"])["routes_per_s"]}
    return {"rows": rows, "figures": figures}
