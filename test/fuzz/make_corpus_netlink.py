#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes corpus/netlink: datagrams of the kernel as fuzz_netlink.c takes them.

usage: test/fuzz/make_corpus_netlink.py
"""
import ipaddress
import os
import struct

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus/netlink")
PORT, SEQ = 0x1234, 7
DONE, ERROR = 3, 2
NEWLINK, DELLINK, NEWADDR, DELADDR, NEWROUTE, DELROUTE, NEWNEIGH, DELNEIGH = 16, 17, 20, 21, 24, 25, 28, 29
NEWRULE, NEWNETCONF, NEWNEXTHOP, DELNEXTHOP = 32, 80, 104, 105
MULTI, REPLACE, CREATE, APPEND = 2, 0x100, 0x400, 0x800
UNICAST, LOCAL, BLACKHOLE, UNREACHABLE, THROW = 1, 2, 6, 7, 9
MAIN, LOCAL_TABLE = 254, 255
EVENT, LINKS, ADDRESSES, OBJECTS, NEIGHS, ROUTES4, ROUTES6, RULES, MORE, TIMER = range(10)


def attr(kind, data):
    return struct.pack("=HH", len(data) + 4, kind) + data + b"\0" * (-len(data) % 4)


def u32(kind, value):
    return attr(kind, struct.pack("=I", value))


def packed(address):
    return ipaddress.ip_address(address).packed


def message(kind, body, flags=0, dump=False):
    pid, seq = (PORT, SEQ) if dump else (0, 0)
    return struct.pack("=IHHII", 16 + len(body), kind, flags | (MULTI if dump else 0), seq, pid) + body


def hop(gateway, ifindex=1, weight=1, flags=0):
    data = attr(5, packed(gateway)) if gateway else b""
    return struct.pack("=HBBi", 8 + len(data), flags, weight - 1, ifindex) + data


def route(prefix, gateway=None, ifindex=1, kind=UNICAST, table=MAIN, tos=0, metric=0, protocol=3, hops=None, nhid=0,
          via=None, new=True, flags=CREATE, dump=False, rflags=0):
    net = ipaddress.ip_network(prefix)
    body = struct.pack("=BBBBBBBBI", 2 if net.version == 4 else 10, net.prefixlen, 0, tos, table, protocol, 0, kind, rflags)
    body += u32(15, table) + attr(1, net.network_address.packed)
    if metric:
        body += u32(6, metric)
    if nhid:
        body += u32(30, nhid)
    if hops:
        body += attr(9, b"".join(hops))
    else:
        if gateway:
            body += attr(5, packed(gateway))
        if via:
            body += attr(18, struct.pack("=H", 10) + packed(via))
        body += u32(4, ifindex)
    return message(NEWROUTE if new else DELROUTE, body, flags, dump)


def link(ifindex, flags=0x10043, kind=NEWLINK, dump=False):
    return message(kind, struct.pack("=BBHiII", 0, 0, 1, ifindex, flags, 0) + attr(3, b"v%d\0" % ifindex), dump=dump)


def address(text, ifindex=1, kind=NEWADDR, dump=False):
    a = packed(text)
    return message(kind, struct.pack("=BBBBI", 2 if len(a) == 4 else 10, 24, 0, 0, ifindex) + attr(1, a) + attr(2, a), dump=dump)


def neigh(text, state=2, ifindex=1, kind=NEWNEIGH, dump=False):
    a = packed(text)
    body = struct.pack("=BBHiHBB", 2 if len(a) == 4 else 10, 0, 0, ifindex, state, 0, 1)
    return message(kind, body + attr(1, a) + attr(2, b"\x02\0\0\0\0\x09"), dump=dump)


def nexthop(number, gateway=None, group=None, kind=NEWNEXTHOP, ifindex=1, black=False, dump=False):
    body = struct.pack("=BBBBI", 10 if gateway and ":" in gateway else 2, 0, 3, 0, 0) + u32(1, number)
    if group:
        body += attr(2, b"".join(struct.pack("=IBBH", i, w - 1, 0, 0) for i, w in group)) + attr(3, b"\0\0")
    elif black:
        body += attr(4, b"")
    else:
        body += u32(5, ifindex) + (attr(6, packed(gateway)) if gateway else b"")
    return message(kind, body, dump=dump)


def done(error=0):
    return message(DONE, struct.pack("=i", error), dump=True)


def part(what, *messages):
    data = b"".join(messages)
    return bytes([what]) + struct.pack("<H", len(data)) + data


CONNECTED = part(EVENT, link(1), link(2), address("10.0.0.1"), route("10.0.0.0/24"), route("10.0.0.1/32", kind=LOCAL,
                                                                                        table=LOCAL_TABLE),
                 route("2001:db8::/64"), neigh("10.0.0.2"), neigh("2001:db8::2", 4))
MULTI4 = [hop("10.0.0.2", 1, 3), hop("10.1.0.2", 2)]
MULTI6 = [hop("2001:db8::2"), hop("2001:db8:1::2", 2)]

INPUTS = {
    "connected": CONNECTED + part(EVENT, neigh("10.0.0.2", 0x20), neigh("2001:db8::2", kind=DELNEIGH), link(1, 0x1002),
                                  address("10.0.0.1", kind=DELADDR), link(2, kind=DELLINK)),
    "order4": part(EVENT, route("20.0.0.0/8", "10.0.0.2", metric=5), route("20.0.0.0/8", "10.0.0.3", metric=5, flags=CREATE | APPEND),
                   route("20.0.0.0/8", "10.0.0.4"), route("20.0.0.0/8", "10.0.0.5", tos=16),
                   route("20.0.0.0/8", "10.0.0.6", metric=5, flags=CREATE | REPLACE),
                   route("20.0.0.0/8", "10.0.0.4", new=False), route("20.0.0.0/8", "10.0.0.3", metric=5, new=False)),
    "order6": part(EVENT, route("2001:db8:9::/64", "2001:db8::2", metric=9),
                   route("2001:db8:9::/64", metric=9, hops=MULTI6, flags=CREATE | APPEND),
                   route("2001:db8:9::/64", "2001:db8::2", metric=9, new=False), route("2001:db8:9::/64", metric=9, ifindex=2),
                   route("2001:db8:9::/64", metric=9, hops=MULTI6, flags=REPLACE), route("fe80::/64"), route("ff00::/8", table=LOCAL_TABLE, kind=5),
                   route("ff02::/16"), route("2001:db8:9::/64", metric=9, hops=MULTI6, new=False)),
    "multipath": CONNECTED + part(EVENT, route("0.0.0.0/0", hops=MULTI4), route("30.0.0.0/8", hops=[hop("10.0.0.2", 1, 1, 1), hop(None, 2)]),
                                  route("::/0", hops=MULTI6), link(1, 0x1002), link(1), route("0.0.0.0/0", hops=MULTI4[:1], flags=REPLACE)),
    "kinds": part(EVENT, *[route(f"{k + 30}.0.0.0/8", kind=k) for k in range(12)], route("20.0.0.0/8", via="2001:db8::2"),
                  route("20.0.0.0/8", "10.0.0.2", table=7), route("2001:db8::/32", kind=BLACKHOLE), route("::/0", kind=THROW)),
    "objects": CONNECTED + part(EVENT, nexthop(1, "10.0.0.2"), nexthop(2, "2001:db8::2"), nexthop(3, black=True), nexthop(9, group=[(1, 3), (2, 1)]),
                                route("20.0.0.0/8", nhid=9), route("21.0.0.0/8", nhid=1), route("2001:db8:5::/64", nhid=2),
                                nexthop(1, "10.0.0.3"), nexthop(9, group=[(2, 1)]), nexthop(2, kind=DELNEXTHOP), nexthop(1, group=[(3, 1)]),
                                nexthop(3, kind=DELNEXTHOP), route("22.0.0.0/8", nhid=77)),
    "dump": CONNECTED + part(ROUTES4, route("20.0.0.0/8", "10.0.0.2", dump=True), route("21.0.0.0/8", "10.0.0.2", dump=True))
            + part(EVENT, route("22.0.0.0/8", "10.0.0.2", new=False), route("20.0.0.0/8", "10.0.0.2", new=False))
            + part(MORE, route("20.0.0.0/8", "10.0.0.2", dump=True), route("10.0.0.0/24", dump=True), done()) + part(TIMER)
            + part(ROUTES6, route("2001:db8::/64", dump=True), done()) + part(LINKS, link(1, dump=True), done())
            + part(NEIGHS, neigh("10.0.0.2", dump=True), done()) + part(OBJECTS, nexthop(4, group=[(5, 1)], dump=True),
                                                                      nexthop(5, "10.0.0.2", dump=True), done())
            + part(ADDRESSES, done()) + part(RULES, done(-95)),
    "cut": part(EVENT, route("20.0.0.0/8", "10.0.0.2")[:-3]) + part(ROUTES4, route("20.0.0.0/8", hops=MULTI4, dump=True)[:-9], done(-4))
           + part(EVENT, message(NEWROUTE, b"\2"), message(NEWNEIGH, b""), message(NEWLINK, b"\0\0"), message(NEWNEXTHOP, b"\2"),
                  message(NEWRULE, b"\2"), message(NEWNETCONF, b"\2\0\0\0" + u32(6, 1)), message(4, b""), message(999, b"1234")),
}


def main():
    os.makedirs(FOLDER, exist_ok=True)
    for name, data in INPUTS.items():
        with open(os.path.join(FOLDER, name), "wb") as f:
            f.write(data)


if __name__ == "__main__":
    main()
