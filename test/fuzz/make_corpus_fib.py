#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes corpus/fib: sequences of operations of fuzz_fib.c.

usage: test/fuzz/make_corpus_fib.py
"""
import ipaddress
import os

ADD, ADD_AGAIN, ADD_LONG, DEL, DEL_KNOWN, DEL_ALL, QUIESCENT, OFFLINE, RETRY, GROUP, SET, FREE = range(12)
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus/fib")


def route(op, prefix, number=1):
    net = ipaddress.ip_network(prefix)
    used = net.network_address.packed[:(net.prefixlen + 7) // 8]
    return bytes([op | (0x80 if net.version == 6 else 0), number - 1, net.prefixlen]) + used


def plain(op, *more, number=1):
    return bytes([op, number - 1, *more])


NESTED4 = ["0.0.0.0/0", "10.0.0.0/8", "10.128.0.0/9", "10.1.0.0/16", "10.1.2.0/23", "10.1.2.0/24", "10.1.2.128/25", "10.1.2.130/32"]
NESTED6 = ["::/0", "2000::/3", "2001:db8::/29", "2001:db8::/32", "2001:db8:1::/48", "2001:db8:1:2::/64", "2001:db8:1:2::1/128"]

INPUTS = {
    "nested4": b"\xff" + b"".join(route(ADD, p, i + 1) for i, p in enumerate(NESTED4[:6])) + b"".join(
        route(DEL, p) for p in NESTED4),
    "nested6": b"\xff" + b"".join(route(ADD, p, i % 6 + 1) for i, p in enumerate(NESTED6)) + b"".join(
        route(DEL, p) for p in reversed(NESTED6)),
    "replace": b"\x80" + b"".join(route(ADD, "10.1.2.128/25", n) for n in (1, 2, 3, 9)) + plain(DEL_KNOWN, 0),
    "full4": b"\x00" + b"".join(plain(ADD_LONG, 32 * i, number=i + 1) for i in range(5)) + plain(RETRY) + plain(DEL_ALL)
             + plain(QUIESCENT) + plain(RETRY) + plain(OFFLINE) + plain(DEL_ALL) + plain(RETRY),
    "full6": b"\x30" + b"".join(plain(ADD_LONG | 0x80, 32 * i, number=i + 1) for i in range(6)) + plain(DEL_ALL) + plain(RETRY)
             + plain(OFFLINE) + plain(RETRY),
    "groups": b"\xff" + plain(GROUP, 0, 1, 1, 9, 1, 7) + route(ADD, "10.0.0.0/8", 7) + plain(FREE, number=7) + plain(FREE, number=1)
              + plain(SET, 9, number=1) + route(DEL, "10.0.0.0/8") + plain(FREE, number=7) + plain(GROUP, 2, 1, 0, 0, 0, 3),
    "mixed": b"\x20" + b"".join(route(ADD, p, 2) for p in NESTED4 + NESTED6) + plain(FREE, number=2) + plain(DEL_ALL) * 3
             + plain(QUIESCENT) + b"".join(route(ADD, p, 3) for p in reversed(NESTED4)),
}


def main():
    os.makedirs(FOLDER, exist_ok=True)
    for name, data in INPUTS.items():
        with open(os.path.join(FOLDER, name), "wb") as f:
            f.write(data)


if __name__ == "__main__":
    main()
