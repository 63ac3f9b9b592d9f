# SPDX-License-Identifier: BSD-3-Clause
"""
Two hosts with the kernel's TCP on both sides of a node: network namespaces, each with a veth whose other end is a port
(net_af_packet) of the node, which has a namespace too. Links carry what is on a wire: no offloads, and what arrives is
taken by one CPU alone, because a link whose packets two CPUs take reorders by itself.

  host a --veth-- [net_af_packet0  VR red  net_af_packet1] --veth-- host b        10.1.0.1, 10.1.0.2
"""
import json
import subprocess
import time

from . import Trouble
from .parties import Node
from .procs import wait_for

ADDRESS = {"a": "10.1.0.1", "b": "10.1.0.2"}
PORTS = ["net_af_packet0,iface=port-a", "net_af_packet1,iface=port-b"]
IPERF_PORT = 5201
START_S = 20
END_S = 30
COUNTERS = ("TCPOFOQueue", "RetransSegs")


def command(*args, timeout_s=END_S):
    """Runs one, which has to do it. @return what it said"""
    try:
        done = subprocess.run(args, capture_output=True, text=True, timeout=timeout_s, check=False)
    except FileNotFoundError as err:
        raise Trouble(f"{args[0]} is not installed; apt-get install iproute2 ethtool iperf3") from err
    except subprocess.TimeoutExpired as err:
        raise Trouble(f"{' '.join(args)}: not done after {timeout_s} s") from err
    if done.returncode != 0:
        raise Trouble(f"{' '.join(args)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def parse_counters(text, names):
    """Of /proc/net/netstat or /proc/net/snmp: pairs of lines, names and values. @return {name: value}"""
    found = {}
    lines = text.splitlines()
    for keys, values in zip(lines[::2], lines[1::2]):
        found.update((k, int(v)) for k, v in zip(keys.split()[1:], values.split()[1:]) if k in names)
    return found


def hosts_config(session, vr):
    """A node's configuration: one VR, a vif for each host."""
    vifs = [{"name": side, "port": f"net_af_packet{i}"} for i, side in enumerate(ADDRESS)]
    return {"cpus": {"engines": [session.engine_cpu]}, "vrs": [{**vr, "vifs": vifs}],
            "ports": [{"name": f"net_af_packet{i}"} for i in range(2)]}


class Hosts:
    """What a Party gets that stands between two hosts: their namespaces and that of the party, and traffic."""
    addresses = ADDRESS  # of the hosts, without prefix length

    def namespace(self, who):
        return f"{self.prefix}-{who}"

    def within(self, who, *args):
        """A command line in a namespace."""
        return ["ip", "netns", "exec", self.namespace(who), *args]

    def wrap(self, args):
        return self.within("node", *args)

    def make_hosts(self):
        command("ip", "netns", "add", self.namespace("node"))
        for side in self.addresses:
            self.make_host(side)

    def make_host(self, side):
        host, node, port = self.namespace(side), self.namespace("node"), f"port-{side}"
        command("ip", "netns", "add", host)
        command("ip", "-n", host, "link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", node)
        for namespace, link in ((host, "eth0"), (node, port)):
            inside = ("ip", "netns", "exec", namespace)
            command(*inside, "sysctl", "-qw", f"net.ipv6.conf.{link}.disable_ipv6=1")
            command(*inside, "ethtool", "-K", link, "tx", "off", "rx", "off", "tso", "off", "gso", "off", "gro", "off")
            command(*inside, "sh", "-c",
                    f"echo {1 << self.session.engine_cpu:x} >/sys/class/net/{link}/queues/rx-0/rps_cpus")
            command("ip", "-n", namespace, "link", "set", link, "up")
        command("ip", "-n", node, "link", "set", port, "promisc", "on")
        command("ip", "-n", host, "addr", "add", f"{self.addresses[side]}/24", "dev", "eth0")

    def counters_of(self, side):
        """TCP's counters of a host since it was made."""
        text = command(*self.within(side, "cat", "/proc/net/netstat", "/proc/net/snmp"))
        return parse_counters(text, COUNTERS)

    def iperf(self, seconds, flows=1, pps=None, size=1448, to=None):
        """
        TCP from a to b. @param pps  segments a second, all flows together, paced by the sender; None: what goes
        @param to  address of b; None: of its link
        @return {"mbps", "flows_mbps": [], "out_of_order": segments that came after a later one, "retransmitted"}
        """
        cpus = [c for c in self.session.cpus if c != self.session.md_cpu]
        server = self.run("iperf3-server", self.within("b", "iperf3", "-s", "-1"), cpus=cpus)
        wait_for("iperf3 does not listen", lambda: f":{IPERF_PORT}" in command(
            *self.within("b", "ss", "-Hltn", f"sport = :{IPERF_PORT}")), START_S, server.check)
        before = self.counters_of("b"), self.counters_of("a")
        pace = ["--fq-rate", str(pps * size * 8 // flows)] if pps else []
        report = self.session.file(f"{self.prefix}.iperf.json", "")
        client = self.run("iperf3-client", self.within(
            "a", "iperf3", "-c", to or self.addresses["b"], "-t", str(seconds), "-P", str(flows), "-C", "cubic", "-J", "--logfile",
            report, *pace), cpus=cpus)
        deadline = time.monotonic() + seconds + END_S
        while client.alive() and time.monotonic() < deadline:
            time.sleep(0.05)
        after = self.counters_of("b"), self.counters_of("a")
        for process in (client, server):
            self.processes.remove(process)
            self.session.end(process)
        return self.iperf_result(report, before, after)

    @staticmethod
    def iperf_result(report, before, after):
        with open(report, encoding="utf-8") as f:
            text = f.read()
        try:
            got = json.loads(text)
            flows = [stream["receiver"]["bits_per_second"] / 1e6 for stream in got["end"]["streams"]]
        except (ValueError, KeyError) as err:
            raise Trouble(f"iperf3 gave no result: {text.strip()[-200:]}") from err
        return {"mbps": sum(flows), "flows_mbps": flows,
                "out_of_order": after[0]["TCPOFOQueue"] - before[0]["TCPOFOQueue"],
                "retransmitted": after[1]["RetransSegs"] - before[1]["RetransSegs"]}



class HostsNode(Hosts, Node):
    """A node between two hosts."""

    def __init__(self, session, name, vr):
        super().__init__(session, name, hosts_config(session, vr), PORTS)

    def begin(self):
        self.make_hosts()
        super().begin()
