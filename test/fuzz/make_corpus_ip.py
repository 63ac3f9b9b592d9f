#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the first inputs of the ip fuzz target: packets that are forwarded, punted and dropped, for every reason.

usage: test/fuzz/make_corpus_ip.py

Files that a fuzzer found stand beside them under other names and are left alone.
"""
import ipaddress
import os
import struct

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus/ip")
FIX = 0x04 | 0x08 | 0x10  # the selector's bits are in fuzz_ip.c
IP4, IP6, ARP = 0x0800, 0x86DD, 0x0806
ALL = bytes([255] * 6)


def ip4(dst, src="192.0.2.1", proto=17, ttl=64, options=b"", frag=0, payload=bytes(40)):
    words = 5 + len(options) // 4
    return (struct.pack("!BBHHHBBH", 0x40 | words, 0, 4 * words + len(payload), 1, frag, ttl, proto, 0)
            + ipaddress.IPv4Address(src).packed + ipaddress.IPv4Address(dst).packed + options + payload)


def ip6(dst, src="2001:db9::1", proto=17, hops=64, payload=bytes(40)):
    return (struct.pack("!IHBB", 6 << 28, len(payload), proto, hops) + ipaddress.IPv6Address(src).packed
            + ipaddress.IPv6Address(dst).packed + payload)


def summed(packet):
    total = sum(struct.unpack("!10H", packet[:20]))
    return packet[:10] + struct.pack("!H", 0xFFFF - total % 0xFFFF) + packet[12:]


def packets():
    ports = struct.pack("!HH", 50000, 179) + bytes(36)
    for dst in ["10.100.0.1", "20.0.0.1", "1.1.1.1", "10.200.0.1", "224.0.0.5", "255.255.255.255", "127.0.0.1", "240.0.0.1",
                "0.0.0.1", "200.0.0.1"] + [f"10.{i}.0.1" for i in range(2, 9)]:
        yield f"v4-{dst}", IP4, ip4(dst, payload=ports)
    for src in ["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"]:
        yield f"v4-from-{src}", IP4, ip4("10.100.0.1", src)
    yield "v4-ttl", IP4, ip4("10.100.0.1", ttl=1)
    yield "v4-options", IP4, ip4("10.100.0.1", options=bytes([1] * 40))
    yield "v4-fragment", IP4, ip4("10.4.0.1", proto=6, frag=100)
    yield "v4-long", IP4, ip4("10.100.0.1", payload=bytes(1490))
    yield "v4-ospf", IP4, ip4("224.0.0.5", proto=89, ttl=1)
    for dst in ["2001:db8:ffff::1", "2002::1", "2003::1", "ff02::1", "ff01::1", "fe80::1", "::1", "::", "::ffff:1.2.3.4",
                "4000::1"] + [f"2001:db8:{i}::1" for i in range(2, 9)]:
        yield f"v6-{dst.replace(':', '_')}", IP6, ip6(dst, payload=ports)
    for src in ["::", "::1", "ff02::1", "fe80::1"]:
        yield f"v6-from-{src.replace(':', '_')}", IP6, ip6("2001:db8:ffff::1", src)
    yield "v6-hops", IP6, ip6("2001:db8:ffff::1", hops=1)
    yield "v6-long", IP6, ip6("2001:db8:ffff::1", payload=bytes(1470))
    yield "v6-nd", IP6, ip6("ff02::1:ff00:1", "fe80::2", 58, 255, bytes([135]) + bytes(23))
    yield "v6-mld", IP6, ip6("ff02::16", "fe80::2", 0, 1, bytes([58, 0, 5, 2, 0, 0, 1, 0, 143]) + bytes(27))
    yield "v6-fragment", IP6, ip6("2001:db8:4::1", proto=44, payload=struct.pack("!BBHI", 6, 0, 8, 1) + bytes(40))


def write(name, selector, data, window=255, headroom=32):
    with open(os.path.join(FOLDER, name), "wb") as f:
        f.write(bytes([selector, window, headroom]) + data)


os.makedirs(FOLDER, exist_ok=True)
for name, kind, packet in packets():
    frame = bytes(12) + struct.pack("!H", kind) + packet
    write(f"{name}-eth", FIX, frame)
    write(f"{name}-ip", FIX | 2, packet)
    if len(packet) > 1000:
        write(f"{name}-window", FIX | 3, frame, 128)
# Checksums for which one hop less carries, or gives 0.
for wanted in (0xFEFF, 0xFFFE, 0xFEFE, 0xFFFF, 0x0000):
    packet = summed(ip4("10.100.0.1"))
    packet = packet[:4] + struct.pack("!H", (1 + struct.unpack("!H", packet[10:12])[0] - wanted) % 0xFFFF) + packet[6:]
    write(f"sum-{wanted:04x}", 4, bytes(12) + struct.pack("!H", IP4) + packet[:10] + struct.pack("!H", wanted) + packet[12:])
# In bursts; with padding that stays, that goes, and none.
for dst in ("10.100.0.1", "20.0.0.1", "1.1.1.1"):
    for size in (10, 26, 400):
        frame = bytes(12) + struct.pack("!H", IP4) + summed(ip4(dst, payload=bytes(size)))
        write(f"burst-{dst}-{size}", 4, frame, 255, 32 | 0xC0)
        write(f"padded-{dst}-{size}", 4, frame + bytes(8), 255, 32 | 0x80)
write("burst-v6", FIX, bytes(12) + struct.pack("!H", IP6) + ip6("2001:db8:ffff::1"), 255, 32 | 0xC0)
write("arp", 4, ALL + bytes(6) + struct.pack("!H", ARP) + bytes(28))
write("isis", 4, ALL + bytes(6) + struct.pack("!H", 40) + bytes([0xFE, 0xFE, 3]) + bytes(37))
write("broadcast", 8, ALL + bytes(6) + struct.pack("!H", IP4) + ip4("10.4.0.1"))
write("no-headroom", FIX | 2, ip4("10.100.0.1"), 255, 13)
