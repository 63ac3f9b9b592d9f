#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes corpus/sealed: operations of fuzz_sealed.c, one file for each thing a sealed engine does, right or wrong.

usage: test/fuzz/make_corpus_sealed.py
"""
import os
import struct

RX, TAKE, ANY, WELL, CONTROL, SCRIBBLE, TURNS, DIE = range(8)
FORWARD, DROP, PUNT, RUN, PAYLOAD = 1, 0, 2, 3, 7
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus/sealed")


def rx(n, e=0):
    return bytes([RX | e << 3, n])


def turns(n=1):
    return bytes([TURNS, n - 1])


def take(e=0):
    return bytes([TAKE | e << 3])


def well(index=0, verdict=FORWARD, vif=0, moved=0, grown=0, written=0, source=0, e=0):
    return bytes([WELL | e << 3, index, verdict, vif, moved & 255, grown & 255, written // 2, source])


def run_on(n, index=0, vif=0, written=0, e=0):
    return well(index, RUN, vif, written=written, e=e) + bytes([n])


def any_return(slot, length, moved, vif, verdict, written=0, source=0, e=0):
    return bytes([ANY | e << 3]) + struct.pack("<HHhBBHH", slot, length, moved, vif, verdict, written, source)


def control(n, engine, size, fill=0, e=0):
    return bytes([CONTROL | e << 3, n - 1, fill]) + struct.pack("<HHI", engine, size, 0)


def indexes(tail, head, e=0):
    return bytes([SCRIBBLE | 0x80 | e << 3]) + struct.pack("<II", tail, head)


def scribble(place, n, byte, packets=False, e=0):
    return bytes([SCRIBBLE | e << 3, place << 1 | packets, n, byte])


BLANKS = turns(4) + take()  # the first that an engine is lent: all BLANKs
INPUTS = {
    "forward": rx(10) + turns() + take() + take(1) + b"".join(well(e=e, written=w) for e in (0, 1) for w in range(0, 90, 10))
               + turns(3),
    "verdicts": rx(31) + turns() + take() + b"".join(well(verdict=v) for v in (0, 2, 3, 4 << 2, 17 << 2, 63 << 2, 2 | 1 << 2))
                + turns(),
    "grow": rx(20) + turns() + take() + b"".join(well(moved=-m, grown=m, written=w) for m, w in
                                                 ((20, 84), (20, 18), (120, 184), (128, 192), (14, 14), (4, 0))) + turns(2),
    "trim": rx(20) + turns() + take() + b"".join(well(moved=m, grown=-g, written=w) for m, g, w in
                                                 ((14, 14, 40), (40, 40, 0), (0, 20, 0), (20, 0, 0), (60, 60, 0))) + turns(2),
    "beyond": rx(20) + turns() + any_return(18, 60, 0, 0, 1) + any_return(65535, 60, 0, 0, 1, 64) + turns()
              + any_return(0, 65535, -128, 0, 1, 65535) + any_return(1, 60, 0, 0, 1, 66) + turns(),
    "twice": rx(9) + turns() + 3 * any_return(0, 60, 0, 0, 1) + any_return(12, 60, 0, 0, 1) + turns(2),
    "blanks": BLANKS + well(grown=-100, written=120) + well(grown=0, written=254) + well(written=0) + turns(2),
    "payload": BLANKS + rx(9) + turns() + take() + well(0, PAYLOAD, written=64, grown=0, source=5)
               + well(1, PAYLOAD, written=14, source=5) + any_return(13, 60, 0, 0, PAYLOAD, 40, 12) + any_return(13, 60, 0, 1, 1, 40)
               + any_return(13, 60, 0, 0, PAYLOAD, 40, 13) + turns(2) + any_return(14, 60, 0, 0, PAYLOAD, 40, 65535) + turns(3),
    "runs": rx(12) + turns() + take() + run_on(4) + turns() + run_on(5, written=30) + turns() + rx(13) + rx(13) + turns(2)
            + take() + run_on(13, written=64) + take(1) + run_on(9, e=1) + run_on(2, 3, e=1) + turns() + rx(30) + turns(),
    "run_lies": BLANKS + rx(12) + turns() + take() + any_return(0, 0, 0, 0, RUN) + any_return(0, 65, 0, 0, RUN)
                + any_return(10, 9, 0, 0, RUN, 16) + any_return(13, 2, 0, 0, RUN) + any_return(65535, 64, 0, 0, RUN) + turns(2)
                + rx(12) + turns() + any_return(0, 12, 0, 0, RUN, 65) + any_return(0, 12, -20, 9, RUN, 60)
                + any_return(0, 12, 0, 200, RUN, 16) + turns(2) + any_return(3, 4, 0, 0, RUN) + turns(),
    "vif": rx(9) + turns() + any_return(11, 60, 0, 2, 1) + any_return(10, 60, 0, 255, 1, 16) + turns(),
    "indexes": rx(9) + turns() + indexes(0x40000000, 7) + turns(4) + indexes(0xffffffff, 0xffffffff) + turns(4)
               + bytes([DIE]) + rx(5) + turns(),
    "scribble": rx(9) + turns() + b"".join(scribble(p, 255, 255) + turns() for p in (0, 1, 2, 8, 16, 40, 80, 120))
                + scribble(0, 255, 65, packets=True) + turns(2),
    "control": control(1, 1, 10) + control(18, 0, 1024) + control(3, 1, 65535) + control(2, 64, 1024) + turns(4)
               + control(1, 1, 57, e=1) + turns(4),
    "die": rx(31) + turns() + take() + well() + bytes([DIE]) + rx(31, 1) + turns(2) + bytes([DIE | 8]) + turns(),
}


def main():
    os.makedirs(FOLDER, exist_ok=True)
    for name, data in INPUTS.items():
        with open(os.path.join(FOLDER, name), "wb") as f:
            f.write(data)


if __name__ == "__main__":
    main()
