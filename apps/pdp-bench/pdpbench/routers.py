# SPDX-License-Identifier: BSD-3-Clause
"""
A router between two hosts (hosts.py), each in a subnet of its own: a VR of plugin ip, or the Linux kernel, which forwards
in a namespace between the same veth ports and is what a VR is compared with. Both have a namespace "router" where routes
are put by ip(8) or by a routing program: the VR's, or the one where the kernel forwards.

  host a --veth-- port-a [VR red | kernel] port-b --veth-- host b        10.1.0.2, 10.2.0.2; the router is .1
"""
import os
import time

from .hosts import PORTS, Hosts, command, hosts_config
from .parties import Node, Party
from .procs import wait_for

ADDRESS = {"a": "10.1.0.2", "b": "10.2.0.2"}
GATEWAY = {"a": "10.1.0.1", "b": "10.2.0.1"}
LINK_S = 10


class LinkCounters:
    """What links of a namespace sent, as the kernel counts it; in the place of PortCounters."""

    def __init__(self, namespace, links):
        self.command = ["ip", "netns", "exec", namespace, "cat",
                        *(f"/sys/class/net/{link}/statistics/tx_packets" for link in links)]

    def sent(self):
        before = time.monotonic()
        n = sum(int(word) for word in command(*self.command).split())
        return (before + time.monotonic()) / 2, n

    def close(self):
        pass


class RoutedHosts(Hosts):
    """Two hosts whose default routes lead to a router."""
    addresses = ADDRESS

    @property
    def router(self):
        """The namespace with the router's routes."""
        raise NotImplementedError

    def link(self, side):
        """Its interface towards a host."""
        raise NotImplementedError

    def make_hosts(self):
        super().make_hosts()
        for side, gateway in GATEWAY.items():
            command("ip", "-n", self.namespace(side), "route", "add", "default", "via", gateway)

    def make_router(self):
        """Forwarding and addresses."""
        inside = ("ip", "netns", "exec", self.router)
        command(*inside, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0",
                "net.ipv4.conf.default.rp_filter=0")
        for side, gateway in GATEWAY.items():
            wait_for(f"{self.router} has no link {self.link(side)}", lambda s=side: self.has_link(s), LINK_S)
            command("ip", "-n", self.router, "addr", "replace", f"{gateway}/24", "dev", self.link(side))
            command("ip", "-n", self.router, "link", "set", "dev", self.link(side), "up")

    def has_link(self, side):
        words = command("ip", "-n", self.router, "-o", "link", "show")
        return f" {self.link(side)}:" in words or f" {self.link(side)}@" in words

    def wait_for_answer(self):
        """Until host b answers host a through the router."""
        ping = " ".join(self.within("a", "ping", "-q", "-c", "1", "-W", "1", self.addresses["b"]))
        wait_for(f"{self.name} forwards nothing", lambda: os.system(f"{ping} >/dev/null 2>&1") == 0, LINK_S, self.check)


class RouterNode(RoutedHosts, Node):
    """A node with one VR of plugin ip."""

    def __init__(self, session, name, vr=None, **more):
        """@param vr, more  members of the VR's and of the node's configuration, in the place of ours"""
        self.vr, self.more = {"name": "red", "plugin": "ip", **(vr or {})}, {"mh": {"keep": False}, **more}
        super().__init__(session, name, {}, PORTS)

    @property
    def router(self):
        return self.namespace("vr")

    def link(self, side):
        return side

    def begin(self):
        command("ip", "netns", "add", self.router)
        self.config = {**hosts_config(self.session, {**self.vr, "netns": self.router}), **self.more}
        self.make_hosts()
        super().begin()
        self.make_router()
        self.wait_for_answer()


class KernelRouter(RoutedHosts, Party):
    """The kernel forwards. Packets are taken by the CPU where a VR's engine would be (make_host() says so)."""

    @property
    def router(self):
        return self.namespace("node")

    def link(self, side):
        return f"port-{side}"

    def open_counters(self):
        return LinkCounters(self.router, [self.link(side) for side in ADDRESS])

    def begin(self):
        self.make_hosts()
        self.make_router()
        self.wait_for_answer()
