#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
The netlink mirror against the kernel, with iproute2: after each change, whatever it is, the FIB says of every address
what RTM_GETROUTE says of it.
"""
import random

from mirror_kit import BLACKHOLE, DEAD, FORWARD, GLEAN, LOCAL, PROHIBIT, UNREACHABLE, UNRESOLVED, Mirror, Space

P4 = [f"20.{i}.0.0/16" for i in range(6)] + ["20.0.0.0/8", "20.1.2.0/24", "20.1.2.3/32", "10.0.0.128/25", "10.1.0.0/16",
                                             "0.0.0.0/0", "10.0.0.2/32"]
P6 = [f"2001:db8:20:{i}::/64" for i in range(6)] + ["2001:db8:20::/48", "2001:db8:20:1::1/128", "::/0",
                                                    "2001:db8:1:0:8000::/65", "2001:db8::/32"]
NEAR4 = [f"10.{i}.0.0/24" for i in range(3)] + [f"10.{i}.0.{j}/32" for i in range(3) for j in (1, 2, 3, 77)]
NEAR6 = [f"2001:db8:{i}::/64" for i in range(3)] + [f"2001:db8:{i}::{j}/128" for i in range(3) for j in (1, 2, 3)]

# One of each kind, in an order in which each succeeds. Each is looked at.
STEPS = """
ip route add 20.0.0.0/8 via 10.0.0.2
ip route add 20.1.0.0/16 via 10.1.0.2 metric 10
ip route add 20.1.0.0/16 via 10.2.0.2
ip route append 20.1.0.0/16 via 10.0.0.3 metric 10
ip route prepend 20.1.0.0/16 via 10.0.0.2 metric 10
ip route del 20.1.0.0/16 metric 0
ip route replace 20.1.0.0/16 via 10.2.0.77 metric 10
ip route change 20.1.0.0/16 via 10.1.0.3 metric 10
ip route add blackhole 20.2.0.0/16
ip route add unreachable 20.3.0.0/16
ip route add prohibit 20.4.0.0/16
ip route add throw 20.5.0.0/16
ip route replace 20.2.0.0/16 dev v1
ip route add 20.1.2.0/24 tos 0x10 via 10.0.0.2
ip route add 20.1.2.0/24 via 10.1.0.2
ip route del 20.1.2.0/24 tos 0
ip route add 20.1.2.3/32 via 192.168.7.7 dev v0 onlink
ip route add default nexthop via 10.0.0.2 weight 3 nexthop via 10.1.0.2 nexthop via 10.2.0.2 weight 2
ip route replace default nexthop via 10.0.0.2 nexthop via 10.1.0.77
ip route del default
ip route add default via inet6 2001:db8:1::2 dev v1
ip route add 10.0.0.128/25 via 10.1.0.2
ip route add 10.0.0.2/32 via 10.2.0.2
ip route del 10.0.0.2/32
ip route add local 20.3.7.0/24 dev lo
ip neigh add 10.0.0.200 lladdr 02:00:00:00:00:99 dev v0
ip route del 10.0.0.128/25
ip neigh del 10.0.0.200 dev v0
ip addr add 10.0.0.9/24 dev v0
ip addr del 10.0.0.1/24 dev v0
ip addr replace 10.0.0.1/24 dev v0
ip addr add 20.4.0.1/32 dev v2
ip addr del 20.4.0.1/32 dev v2
ip -6 route add 2001:db8:20::/48 via 2001:db8:0::2
ip -6 route add 2001:db8:20:1::/64 via 2001:db8:1::2 metric 5
ip -6 route append 2001:db8:20:1::/64 via 2001:db8:2::2 metric 5
ip -6 route append 2001:db8:20:1::/64 via 2001:db8:0::2 metric 5
ip -6 route del 2001:db8:20:1::/64 via 2001:db8:1::2 metric 5
ip -6 route replace 2001:db8:20:1::/64 metric 5 nexthop via 2001:db8:1::3 weight 4 nexthop via 2001:db8:2::3
ip -6 route del 2001:db8:20:1::/64 metric 5
ip -6 route add blackhole 2001:db8:20:2::/64
ip -6 route add unreachable 2001:db8:20:3::/64
ip -6 route add prohibit 2001:db8:20:4::/64
ip -6 route add 2001:db8:20:5::/64 dev v1
ip -6 route append 2001:db8:20:5::/64 dev v2
ip -6 route del 2001:db8:20:5::/64 dev v1
ip -6 route add local 2001:db8:20:3:8000::/65 dev lo
ip -6 addr del 2001:db8:2::1/64 dev v2
ip -6 addr add 2001:db8:2::1/64 dev v2 nodad
ip nexthop add id 1 via 10.0.0.2 dev v0
ip nexthop add id 2 via 10.1.0.2 dev v1
ip nexthop add id 6 via 2001:db8:2::2 dev v2
ip nexthop add id 9 blackhole
ip nexthop add id 20 group 1,3/2,1
ip route add 20.1.2.4/32 nhid 1
ip route add 20.1.2.5/32 nhid 20
ip route add 20.1.2.6/32 nhid 9
ip route add 20.1.2.7/32 nhid 6
ip nexthop replace id 1 via 10.2.0.3 dev v2
ip nexthop replace id 20 group 2/6
ip nexthop del id 2
ip nexthop del id 6
ip nexthop del id 9
ip route flush 20.0.0.0/8
"""


def all_files(space):
    more = [f"20.1.2.{i}/32" for i in range(3, 9)] + ["20.3.7.0/24", "20.4.0.1/32", "127.0.0.0/8"]
    return {4: space.file("p4", P4 + NEAR4 + more), 6: space.file("p6", P6 + NEAR6 + ["2001:db8:20:3:8000::/65"])}


def each_kind():
    with Space() as space:
        files = all_files(space)
        with Mirror(space) as m:
            m.agrees(files, "at first")
            for step in STEPS.strip().splitlines():
                space.sh(step)
                m.agrees(files, step)
            stats = m.stats()
            assert stats["bad"] == 0 and stats["lost"] == 0 and stats["overruns"] == 0, stats


class Dice:
    """Commands at random; many fail, as they may."""

    def __init__(self, seed, silent):
        self.r = random.Random(seed)
        self.silent = silent

    def gateway(self, family, i):
        host = self.r.choice([2, 3, 77])
        return f"10.{i}.0.{host}" if family == 4 else f"2001:db8:{i}::{host}"

    def hops(self, family):
        i, what = self.r.randrange(3), self.r.random()
        if what < 0.1:
            return f"dev v{i}"
        if what < 0.5:
            return f"via {self.gateway(family, i)} dev v{i}"
        if what < 0.55:
            return f"via {self.gateway(family, i)} dev v{(i + 1) % 3} onlink"
        if what < 0.6 and family == 4:
            return f"via inet6 {self.gateway(6, i)} dev v{i}"
        if what < 0.75:
            return f"nhid {self.r.choice([1, 2, 3, 4, 20, 21])}"
        return " ".join(f"nexthop via {self.gateway(family, k)} dev v{k} weight {self.r.choice([1, 1, 2, 5])}"
                        for k in self.r.sample(range(3), self.r.choice([2, 3])))

    def route(self, family):
        r = self.r
        prefix, metric = r.choice(P4 if family == 4 else P6), r.choice(["", "", "metric 10", "metric 500"])
        tos = r.choice(["", "", "", "tos 0x10"]) if family == 4 else ""
        kind = r.choice(["add", "append", "prepend", "replace", "replace", "change", "del", "del", "special"])
        if kind == "special":
            kind, prefix = r.choice(["add", "replace"]), f"{r.choice(['blackhole', 'unreachable', 'prohibit'])} {prefix}"
            return f"ip -{family} route {kind} {prefix} {tos} {metric}"
        hops = self.hops(family) if kind != "del" or r.random() < 0.3 else ""
        return f"ip -{family} route {kind} {prefix} {tos} {metric} {r.choice(['', 'proto bgp'])} {hops}"

    def change_links(self):
        r, i = self.r, self.r.randrange(3)
        return r.choice([f"ip link set v{i} down", f"ip link set w{i} down", f"ip addr del 10.{i}.0.1/24 dev v{i}",
                         f"ip addr del 2001:db8:{i}::1/64 dev v{i}"] +
                        ["; ".join(f"ip link set v{k} up; ip link set w{k} up; ip addr add 10.{k}.0.1/24 dev v{k};"
                                   f"ip addr add 2001:db8:{k}::1/64 dev v{k} nodad" for k in range(3))] * 3)

    def command(self):
        r = self.r
        family, what = r.choice([4, 4, 6]), r.random()
        i = r.randrange(3)
        if what < 0.15 and self.silent:
            return self.change_links()
        if what < 0.3:
            gateway = self.gateway(family, i)
            return r.choice([f"ip neigh replace {gateway} lladdr 02:00:00:00:00:{r.randrange(256):02x} dev v{i}",
                             f"ip neigh del {gateway} dev v{i}"])
        if what < 0.42:
            return r.choice([f"ip nexthop {r.choice(['add', 'replace'])} id {r.randrange(1, 5)} via "
                             f"{self.gateway(family, i)} dev v{i}"] * 2 +
                            [f"ip nexthop {r.choice(['add', 'replace'])} id {r.choice([20, 21])} group "
                             f"{'/'.join(f'{k},{r.choice([1, 2])}' for k in r.sample(range(1, 5), 2))}",
                             f"ip nexthop del id {r.choice([1, 2, 3, 4, 20, 21])}"])
        return self.route(family)


def at_random(seed, silent, rounds):
    dice = Dice(seed, silent)
    with Space() as space:
        files = all_files(space)
        with Mirror(space) as m:
            for k in range(rounds):
                commands = [dice.command() for _ in range(dice.r.choice([1, 3, 6]))]
                space.sh("; ".join(commands), check=False)
                m.agrees(files, f"seed {seed}, round {k}: {commands}")


def said_by_nobody():
    """What the kernel changes without a message: IPv4 routes of a link, of an address, of an object."""
    with Space() as space:
        files = all_files(space)
        with Mirror(space) as m:
            space.sh("ip route add 20.1.0.0/16 via 10.1.0.2; ip route add 20.0.0.0/8 via 10.2.0.2;"
                     "ip route add 20.2.0.0/16 nexthop via 10.0.0.2 nexthop via 10.1.0.2")
            m.agrees(files, "before")
            space.sh("ip link set v1 down")
            m.ask("follow 0")
            m.agrees(files, "link down")
            assert m.route("20.1.0.0/16")["why"] == "no route"
            hops = m.best("20.2.0.0/16")[1]["hops"]
            assert sorted(h["dead"] for h in hops) == [False, True], hops
            space.sh("ip link set v1 up")
            m.agrees(files, "link up")
            assert m.types("20.2.0.0/16") == [FORWARD, UNRESOLVED], m.types("20.2.0.0/16")
            space.sh("ip route add 20.1.0.0/16 via 10.1.0.2; ip addr del 10.1.0.1/24 dev v1")
            m.agrees(files, "last address deleted")
            assert m.route("20.1.0.0/16")["why"] == "no route"
            space.sh("ip nexthop add id 1 via 10.0.0.2 dev v0; ip route add 20.3.0.0/16 nhid 1")
            m.agrees(files, "object")
            before = m.stats()["dumps"]
            space.sh("ip nexthop del id 1")
            m.agrees(files, "object deleted")
            assert m.route("20.3.0.0/16")["why"] == "no route"
            assert m.stats()["dumps"] == before, "an object's routes are known without a dump"
            space.sh("ip link set w2 down")
            m.agrees(files, "no carrier")
            assert m.types("20.0.0.0/8") == [FORWARD]
            space.sh("sysctl -qw net.ipv4.conf.v2.ignore_routes_with_linkdown=1")
            m.agrees(files, "no carrier, ignored")
            assert m.route("20.0.0.0/8")["why"] == "dead"
            space.sh("ip link del v2")
            m.agrees(files, "link deleted")
            assert m.route("20.0.0.0/8")["why"] == "no route"


def neighbours():
    with Space() as space:
        with Mirror(space) as m:
            space.sh("ip route add 20.0.0.0/8 via 10.0.0.3; ip route add 20.1.0.0/16 via 10.0.0.2")
            m.ask("settle")
            assert m.types("20.0.0.0/8") == [UNRESOLVED] and m.types("20.1.0.0/16") == [FORWARD]
            assert m.types("10.0.0.0/24") == [GLEAN] and m.types("10.0.0.1/32") == [LOCAL]
            version = m.route("20.0.0.0/8")["number"]
            for state in ("reachable", "stale", "delay", "probe", "permanent", "noarp"):
                space.sh(f"ip neigh replace 10.0.0.3 lladdr 02:00:00:00:00:33 dev v0 nud {state}")
                m.ask("settle")
                hop = m.best("20.0.0.0/8")[1]["hops"][0]
                assert hop["type"] == FORWARD and hop["mac"] == "02:00:00:00:00:33" and hop["vif"] == 0, (state, hop)
                assert m.types("10.0.0.3/32") == [FORWARD], state
            space.sh("ip neigh replace 10.0.0.3 lladdr 02:00:00:00:00:44 dev v0 nud permanent")
            m.ask("settle")
            assert m.best("20.0.0.0/8")[1]["hops"][0]["mac"] == "02:00:00:00:00:44"
            assert m.route("20.0.0.0/8")["number"] == version, "a neighbour does not touch routes"
            space.sh("ip neigh del 10.0.0.3 dev v0")
            m.ask("settle")
            assert m.types("20.0.0.0/8") == [UNRESOLVED] and m.route("10.0.0.3/32")["why"] == "no route"
            # One that is used and stale: the kernel is told, and asks it.
            space.sh("ip neigh replace 10.0.0.3 lladdr 02:00:00:00:00:33 dev v0 nud stale")
            for _ in range(40):
                m.ask("follow 100")
                if m.stats()["refreshes"] > 0:
                    break
            assert m.stats()["refreshes"] > 0
            told = space.sh("ip neigh show 10.0.0.3 dev v0")
            assert "DELAY" in told or "PROBE" in told, told


def what_is_not_mirrored():
    with Space() as space:
        space.sh("ip link add d0 type veth peer name d1; ip link set d1 up; ip link set d0 up; ip addr add 10.9.0.1/24 dev d0")
        with Mirror(space) as m:
            space.sh("ip route add 20.0.0.0/8 via 10.0.0.2 table 100; ip route add 20.1.0.0/16 tos 0x10 via 10.0.0.2;"
                     "ip rule add from 10.0.0.0/8 table 100; ip -6 route add 2001:db8:9::/64 from 2001:db8:7::/64 "
                     "via 2001:db8::2; ip route add 20.2.0.0/16 via 10.9.0.2; ip route add blackhole 20.3.0.0/16;"
                     "ip route add unreachable 20.4.0.0/16; ip route add prohibit 20.5.0.0/16;"
                     "ip -6 route add local 2001:db8:20::/48 dev lo; ip -6 route add 2001:db8:20:1::/64 via 2001:db8::2;"
                     "ip -6 route add fe80::/64 dev v0")
            m.ask("settle")
            stats = m.stats()
            assert (stats["other_tables"], stats["rules"], stats["by_source"], stats["tos"], stats["shadowed"]) == \
                (1, 1, 1, 1, 1), stats
            assert m.best("20.1.0.0/16") == ("tos", None) and m.best("2001:db8:20:1::/64") == ("shadowed", None)
            assert m.types("20.2.0.0/16") == [LOCAL], "over a device that is no vif: the kernel's business"
            assert m.types("20.3.0.0/16") + m.types("20.4.0.0/16") + m.types("20.5.0.0/16") == \
                [BLACKHOLE, UNREACHABLE, PROHIBIT]
            space.sh("ip -6 route del local 2001:db8:20::/48 dev lo; ip route flush table 100; ip rule del table 100")
            m.ask("settle")
            stats = m.stats()
            assert (stats["other_tables"], stats["rules"], stats["shadowed"]) == (0, 0, 0), stats
            assert m.types("2001:db8:20:1::/64") == [FORWARD]
            m.ask("doubt")
            m.ask("settle")
            assert m.stats()["by_source"] == 1 and m.ask("check")["different"] == 0


def main():
    assert DEAD == 8
    each_kind()
    said_by_nobody()
    neighbours()
    what_is_not_mirrored()
    at_random(1, False, 25)
    at_random(2, True, 25)
    print("the FIB says what the kernel says")


if __name__ == "__main__":
    main()
