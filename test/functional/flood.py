#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Sends what a router has to punt, as fast as this process can: flood.py LINK ROUTER_MAC KIND SECONDS, with KIND

  ttl1        UDP through the router whose TTL ends there
  arp         requests for the router's own address and for others, by broadcast, from ever other senders
  unresolved  UDP to addresses on the router's other link (10.0.4.0/16) that nobody has
  all         the three in turn

Says how many frames it sent.
"""
import socket
import struct
import sys
import time

SOURCE, ROUTER, BEHIND = "10.0.3.9", "10.0.3.1", "100.64.0.1"
N = 4096


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def udp(to, router, own, ttl, number):
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 46, number, 0, ttl, 17, 0, socket.inet_aton(SOURCE),
                         socket.inet_aton(to))
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return router + own + b"\x08\x00" + header + struct.pack("!HHHH", 1024 + number, 9, 26, 0) + bytes(18)


def arp(own, number):
    sender = f"10.0.3.{10 + number % 200}"
    target = ROUTER if number % 2 else f"10.0.3.{10 + number // 2 % 200}"
    return (b"\xff" * 6 + own + b"\x08\x06" + struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + own + socket.inet_aton(sender)
            + bytes(6) + socket.inet_aton(target) + bytes(18))


def frames(kind, router, own):
    if kind == "ttl1":
        return [udp(BEHIND, router, own, 1, i) for i in range(N)]
    if kind == "arp":
        return [arp(own, i) for i in range(N)]
    if kind == "all":
        return [frame for three in zip(*(frames(k, router, own) for k in ("ttl1", "arp", "unresolved"))) for frame in three]
    return [udp(f"10.0.{4 + i // 200 % 20}.{10 + i % 200}", router, own, 64, i) for i in range(N)]


def main(link, router, kind, seconds):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((link, 0))
        batch = frames(kind, mac(router), sock.getsockname()[4])
        end, sent = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            for frame in batch:
                try:
                    sock.send(frame)
                except OSError:  # no buffers: the link is full
                    continue
                sent += 1
    print(sent)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]))
