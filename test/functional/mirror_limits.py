#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
The netlink mirror at its limits: messages lost, more next hops than numbers, no table memory. It is counted and said,
the route is not installed, all others are right, and what can be installed later is.
"""
import sys
import time

from mirror_kit import FORWARD, GLEAN, UNRESOLVED, Mirror, Space

N_NUMBERS = 32767
FOR_NEIGHBOURS = 1280  # the last numbers, that next-hop objects and groups do not get


def prefixes24(n, first=60):
    return [f"{first + i // 65536}.{i // 256 % 256}.{i % 256}.0/24" for i in range(n)]


def wait_for(what, holds, seconds=30):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def messages_lost():
    with Space() as space:
        table = space.file("table", prefixes24(20000))
        with Mirror(space) as m:
            m.ask("buffer 4096")
            # Nobody reads meanwhile.
            assert m.ask(f"plain add 4 {table} 0 via 10.0.0.2 1 dev v0")["refused"] == 0
            m.ask("settle")
            stats = m.stats()
            assert stats["overruns"] > 0 and stats["state"] == "in step" and stats["dumps"] > 1, stats
            m.agrees({4: table}, "after a loss")
            assert m.ask(f"plain del 4 {table} 15000 via 10.0.0.2 1 dev v0")["refused"] == 0
            m.agrees({4: table}, "after a loss of withdrawals")
            m.ask("buffer 0")
            assert m.ask(f"write add 4 {table} 15000 via 10.1.0.2 1 dev v1")["overruns"] == 0
            m.agrees({4: table}, "after all")


def numbers_used_up():
    """Next-hop objects take a number each, many plain gateways would take the kernel half a minute."""
    n = N_NUMBERS + 100
    lines = "".join(f"nexthop add id {i} via 10.{129 + i // 65536}.{i // 256 % 256}.{i % 256} dev v0\n" for i in range(1, n))
    few = prefixes24(500)
    with Space() as space:
        batch, table = space.file("batch", [lines]), space.file("table", few)
        space.sh("ip addr add 10.128.0.1/9 dev v0; ip route add 20.0.0.0/8 via 10.0.0.2")
        with Mirror(space) as m:
            space.sh(f"ip -batch {batch}; ip route add 20.1.0.0/16 nhid {n - 1}; ip route add 20.2.0.0/16 via 10.128.0.9;"
                     f"ip route add 20.3.0.0/16 nhid 7")
            m.ask("settle")
            stats = m.stats()
            assert stats["numbers"] >= N_NUMBERS - FOR_NEIGHBOURS and stats["no_number"] == 1, stats
            assert stats["no_number"] + stats["installed"] == stats["prefixes4"] + stats["prefixes6"], stats
            answer = m.route("20.1.0.0/16")
            assert answer["why"] == "no next-hop number" and answer["number"] == 0, answer
            assert m.types("20.2.0.0/16") == [UNRESOLVED]
            # Begun anew, objects come before routes and neighbours: they do not take these numbers away.
            m.ask("redump")
            assert m.stats()["no_number"] == 1, m.stats()
            assert m.types("10.1.0.0/24") == m.types("10.128.0.0/9") == [GLEAN]
            assert m.types("10.1.0.2/32") == [FORWARD]
            # What has a number is not concerned.
            m.ask(f"write add 4 {table} 0 via 10.0.0.2 1 dev v0")
            assert m.ask(f"probe 4 {table} 0 3 1")["different"] == 0
            assert m.types("20.3.0.0/16") == [UNRESOLVED] and m.types("20.0.0.0/8") == [FORWARD]
            space.sh("for i in $(seq 1000 2600); do echo nexthop del id $i; done | ip -batch -")

            def all_installed():
                m.ask("follow 100")
                return m.stats()["no_number"] == 0

            wait_for("numbers that came back are not used", all_installed)
            assert m.types("20.1.0.0/16") == m.types("20.2.0.0/16") == [UNRESOLVED]
            m.agrees({4: table}, "with numbers again")


def memory_used_up():
    with Space() as space:
        table = space.file("table", prefixes24(8000) + [f"90.{i // 256}.{i % 256}.128/25" for i in range(8000)])
        with Mirror(space, str(2 << 20)) as m:
            m.ask(f"write add 4 {table} 0 via 10.0.0.2 1 dev v0")
            stats = m.stats()
            assert stats["no_memory"] > 0 and stats["lost"] == 0 and stats["state"] == "in step", stats
            assert stats["no_memory"] + stats["installed"] == stats["prefixes4"] + stats["prefixes6"], stats
            missing = "90.31.63.128/25"
            assert m.route(missing)["why"] == "no table memory"
            assert m.types("60.0.7.0/24") == [FORWARD]
            m.ask(f"write del 4 {table} 8000 via 10.0.0.2 1 dev v0")
            left = space.file("left", [f"90.{i // 256}.{i % 256}.128/25" for i in range(2000)])
            gone = space.file("gone", [f"90.{i // 256}.{i % 256}.128/25" for i in range(2000, 8000)])
            m.ask(f"write del 4 {gone} 0 via 10.0.0.2 1 dev v0")

            def all_installed():
                m.ask("follow 100")
                return m.stats()["no_memory"] == 0

            wait_for("memory that came back is not used", all_installed)
            m.agrees({4: left}, "with memory again")


def main():
    for part in (messages_lost, numbers_used_up, memory_used_up):
        part()
        print(f"{part.__name__}: as it should be")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
