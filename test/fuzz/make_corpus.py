#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the first inputs of the vif and classify fuzz targets: one well-formed frame of each shape, and its relatives.

usage: test/fuzz/make_corpus.py

Files that a fuzzer found stand beside them under other names and are left alone.
"""
import os
import struct

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")
MAC_A, MAC_B = bytes.fromhex("02aa01020304"), bytes.fromhex("02bb05060708")
LOCAL4, REMOTE4 = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])
LOCAL6, REMOTE6 = (bytes.fromhex("20010db80001000000000000000000") + bytes([n]) for n in (1, 2))
IP4, IP6, ARP, VLAN, QINQ = 0x0800, 0x86DD, 0x0806, 0x8100, 0x88A8


def checksum(data):
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def eth(payload, kind, tags=()):
    head = MAC_A + MAC_B
    for tpid, tci in tags:
        head += struct.pack("!HH", tpid, tci)
    return head + struct.pack("!H", kind) + payload


def ip4(payload, src=REMOTE4, dst=LOCAL4, proto=17, tos=0, frag=0, options=b""):
    words = 5 + len(options) // 4
    head = struct.pack("!BBHHHBBH", 0x40 | words, tos, 4 * words + len(payload), 1, frag, 64, proto, 0)
    head += src + dst + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ip6(payload, src=REMOTE6, dst=LOCAL6, proto=17, tos=0):
    return struct.pack("!IHBB", 6 << 28 | tos << 20, len(payload), proto, 64) + src + dst + payload


def udp(payload, dport, pseudo=None):
    size = 8 + len(payload)
    data = struct.pack("!HHHH", 50000, dport, size, 0) + payload
    if pseudo is not None:
        data = data[:6] + struct.pack("!H", checksum(pseudo + struct.pack("!HH", 17, size) + data)) + data[8:]
    return data


def vxlan(payload, vni):
    return struct.pack("!II", 0x08000000, vni << 8) + payload


def extension(proto, payload, frag=0):
    """An 8-byte IPv6 extension header in front of payload, whose protocol is proto."""
    return struct.pack("!BBHI", proto, 0, frag, 0) + payload


INNER4 = ip4(udp(b"x" * 20, 2), bytes([192, 168, 0, 1]), bytes([192, 168, 1, 1]), tos=2)
INNER6 = ip6(udp(b"y" * 20, 2), bytes.fromhex("20010db8000200000000000000000001"), LOCAL6, tos=1)
ETH4, ETH6 = eth(INNER4, IP4), eth(INNER6, IP6)
TAGGED4 = eth(INNER4, IP4, [(QINQ, 3), (VLAN, 4)])
ARP_FRAME = eth(bytes.fromhex("0001080006040001") + MAC_B + bytes([10, 1, 2, 3]) + bytes(6) + LOCAL4, ARP)


def tunnels(dport, payload, tos=3):
    """The same UDP payload in outer headers of many shapes."""
    data = udp(payload, dport)
    yield "v4", eth(ip4(data, tos=tos), IP4)
    yield "v4-csum", eth(ip4(udp(payload, dport, REMOTE4 + LOCAL4)), IP4)
    yield "v4-options", eth(ip4(data, options=bytes([1] * 8)), IP4)
    yield "v4-fragment", eth(ip4(data, frag=0x2000), IP4)
    yield "v4-padded", eth(ip4(data), IP4) + bytes(6)
    yield "v6", eth(ip6(data, tos=tos), IP6)
    yield "v6-csum", eth(ip6(udp(payload, dport, REMOTE6 + LOCAL6)), IP6)
    yield "v6-options", eth(ip6(extension(60, extension(17, data)), proto=0), IP6)
    yield "v6-fragment", eth(ip6(extension(17, data, 1), proto=44), IP6)
    yield "v6-atomic", eth(ip6(extension(17, data), proto=44), IP6)


def write(target, name, data):
    folder = os.path.join(FOLDER, target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


def vif_inputs():
    """(name, selector, frame); the selector's bits are in fuzz_vif.c."""
    for kind, inners in ((0, (ETH4, ETH6, TAGGED4)), (1, (ETH4, ETH6))):
        for i, frame in enumerate(inners):
            yield f"raw-{kind}-{i}", kind, frame
            yield f"vlan-{kind}-{i}", kind | 2, eth(frame[14:], struct.unpack("!H", frame[12:14])[0], [(VLAN, 100)])
            for name, outer in tunnels(4789, vxlan(frame, 0x123456)):
                yield f"vxlan-{kind}-{i}-{name}", kind | 6 | (8 if "v6" in name else 0) | 0x40, outer
    for i, (kind, inner) in enumerate(((0, ETH4), (1, INNER4), (1, INNER6))):
        for name, outer in tunnels(4789, inner):
            yield f"udp-{i}-{name}", kind | 4 | (8 if "v6" in name else 0) | 0x40, outer
    for i, (kind, packet) in enumerate(((0, ETH4), (0, TAGGED4), (0, ARP_FRAME), (1, INNER4), (1, INNER6))):
        for carrier in range(4):
            yield f"encap-{i}-{carrier}", kind | carrier << 1 | 0x20 | (8 if i % 2 else 0), packet


def classify_inputs():
    for vni in (2, 3, 4, 5, 99):
        for name, outer in tunnels(4789, vxlan(ETH4, vni)):
            if vni == 2 or "-" not in name:
                yield f"vxlan-{vni}-{name}", outer
    for name, outer in tunnels(5000, INNER6):
        yield f"udp-{name}", outer
    for name, outer in tunnels(5001, ETH4):
        yield f"other-{name}", outer
    for vlan in (11, 12, 13):
        yield f"vlan-{vlan}", eth(INNER4, IP4, [(VLAN, vlan)])
    yield "qinq", eth(INNER4, IP4, [(VLAN, 11), (VLAN, 12)])
    yield "qinq-s", eth(INNER4, IP4, [(QINQ, 11), (VLAN, 12)])
    yield "arp", ARP_FRAME
    yield "prefix-short", eth(ip4(b"", bytes([10, 9, 9, 9])), IP4)
    yield "prefix-long", eth(ip4(b"", bytes([10, 1, 3, 9])), IP4)
    yield "prefix-none", ETH4
    yield "prefix6", ETH6
    yield "nd", eth(ip6(bytes([135]) + bytes(23), bytes.fromhex("fe80" + "00" * 13 + "01"), LOCAL6, 58), IP6)


for input_name, selector, frame_bytes in vif_inputs():
    write("vif", input_name, bytes([selector]) + frame_bytes)
for input_name, frame_bytes in classify_inputs():
    write("classify", input_name, b"\0" + frame_bytes)
