#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes corpus/channel: operations of fuzz_channel.c, one file for each thing an engine does, right or wrong.

usage: test/fuzz/make_corpus_channel.py
"""
import os
import struct

RX, TAKE, ANY, WELL, CONTROL, TAIL, TURNS, DIE = range(8)
FORWARD, DROP, PUNT, HOLD = 1, 0, 2, 3
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus/channel")


def rx(n, e=0):
    return bytes([RX | e << 3, n])


def turns(n=1):
    return bytes([TURNS, n - 1])


def take(e=0):
    return bytes([TAKE | e << 3])


def well(index=0, vif=0, verdict=FORWARD, moved=0, length=60, e=0):
    return bytes([WELL | e << 3, index, vif, verdict, moved & 255, length // 9])


def any_return(slot, length, moved, vif, verdict, e=0):
    return bytes([ANY | e << 3]) + struct.pack("<HHhBB", slot, length, moved, vif, verdict)


def control(n, engine, size, fill=0, e=0):
    return bytes([CONTROL | e << 3, n - 1, fill]) + struct.pack("<HHI", engine, size, 0)


def tail(value, e=0):
    return bytes([TAIL | e << 3]) + struct.pack("<I", value)


INPUTS = {
    "forward": rx(10) + turns() + take() + take(1) + b"".join(well(e=e) for e in (0, 1) for _ in range(9)) + turns(3),
    "verdicts": rx(31) + turns() + take() + b"".join(well(verdict=v) for v in (0, 2, 3, 4 << 2, 17 << 2, 63 << 2)) + turns(),
    "bounds": rx(20) + turns() + take() + well(moved=-128, length=2295) + well(moved=127) + well(length=9) + turns(2),
    "beyond": rx(20) + turns() + any_return(18, 60, 0, 0, 1) + any_return(65535, 60, 0, 0, 1) + turns(),
    "twice": rx(9) + turns() + 3 * any_return(0, 60, 0, 0, 1) + any_return(12, 60, 0, 0, 1) + turns(2),
    "blanks": turns(4) + any_return(13, 100, 0, 1, 1) + any_return(14, 0, 0, 1, 1) + any_return(17, 65535, 0, 1, 1) + turns(2),
    "vif": rx(9) + turns() + any_return(11, 60, 0, 2, 1) + any_return(10, 60, 0, 255, 1) + turns(),
    "tail": rx(9) + turns() + tail(0x40000000) + turns(4) + tail(0xffffffff) + turns(4) + bytes([DIE]) + rx(5) + turns(),
    "control": control(1, 1, 10) + control(18, 0, 1024) + control(3, 1, 65535) + control(2, 64, 1024) + turns(4)
               + control(1, 1, 57, e=1) + turns(4),
    "die": rx(31) + turns() + take() + well() + bytes([DIE]) + rx(31, 1) + turns(2) + bytes([DIE | 8]) + turns(),
    "full": b"".join(rx(31, i % 2) + turns() for i in range(6)),
}


def main():
    os.makedirs(FOLDER, exist_ok=True)
    for name, data in INPUTS.items():
        with open(os.path.join(FOLDER, name), "wb") as f:
            f.write(data)


if __name__ == "__main__":
    main()
