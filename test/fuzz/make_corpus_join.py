#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes corpus/join: operations of fuzz_join.c, one file for each way an engine may join, or try to.

usage: test/fuzz/make_corpus_join.py
"""
import os
import struct

CONNECT, HELLO, RAW, REPORT, CLOSE, SPAWN, RUN, DIE, STOP, COMMAND = range(10)
READY, FAILED, LEAVING, MAPPED = 1, 2, 3, 4
ANY, RED, BLUE, GREEN = 7, 0, 1, 2
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus/join")


def op(number, who=0, *arguments):
    return bytes([number + 10 * who, *arguments])


def raw(data, who=0):
    return op(RAW, who) + struct.pack("<H", len(data)) + data


RUNS = op(RUN)
JOIN = op(SPAWN) + op(CONNECT) + op(HELLO, 0, 0, RED) + RUNS
READIES = JOIN + op(REPORT, 0, READY, 0) + RUNS
BY_HAND = op(CONNECT) + op(HELLO, 0, ANY, RED) + RUNS + op(REPORT, 0, READY, 0) + RUNS
SEALED = op(SPAWN, 1) + op(HELLO, 1, 1, BLUE) + RUNS

INPUTS = {
    "joins": READIES + op(COMMAND) + op(CLOSE) + RUNS + op(DIE),
    "joins_twice": READIES + op(CONNECT, 1) + op(HELLO, 1, 0, RED) + RUNS,
    "by_hand": BY_HAND + op(REPORT, 0, LEAVING, 0) + RUNS,
    "by_hand_on_no_cpu": op(CONNECT) + op(HELLO, 0, ANY | 3 << 3, RED) + RUNS,
    "by_hand_many": b"".join(op(CONNECT, w) + op(HELLO, w, ANY, RED) for w in range(4)) + RUNS,
    "fails": JOIN + op(REPORT, 0, FAILED, 1) + RUNS + op(DIE) + op(SPAWN),
    "fails_running": READIES + op(REPORT, 0, FAILED, 1) * 3 + RUNS,
    "leaves_unasked": READIES + op(REPORT, 0, LEAVING, 0) + RUNS,
    "ready_twice": READIES + op(REPORT, 0, READY, 0) + RUNS,
    "no_such_report": READIES + op(REPORT, 0, 5, 0) + RUNS,
    "not_asked_for": op(CONNECT) + op(HELLO, 0, 0, RED) + RUNS,
    "no_such_vr": op(CONNECT) + op(HELLO, 0, ANY, GREEN) + RUNS,
    "name_without_end": op(CONNECT) + op(HELLO, 0, ANY, 128) + RUNS,
    "another_version": op(SPAWN) + op(CONNECT) + op(HELLO, 0, 0, RED | 15 << 2) + RUNS,
    "stopping": op(SPAWN) + op(CONNECT) + op(STOP) + op(HELLO, 0, 0, RED) + RUNS,
    "short_hello": op(CONNECT) + raw(b"\x45\x50\x44\x50") + RUNS,
    "long_hello": op(CONNECT) + raw(bytes(600)) + RUNS,
    "empty_message": op(CONNECT) + raw(b"") + RUNS,
    "silent": op(CONNECT) + RUNS + op(CLOSE) + RUNS,
    "short_report": JOIN + raw(b"\x01\x00\x00\x00") + RUNS,
    "dies_joining": JOIN + op(DIE) + op(REPORT, 0, READY, 0) + RUNS + op(SPAWN) + RUNS,
    "sealed": SEALED + op(REPORT, 1, MAPPED, 0) + RUNS + op(REPORT, 1, READY, 0) + RUNS + op(COMMAND, 1) + op(CLOSE, 1) + RUNS,
    "sealed_fails": SEALED + op(REPORT, 1, FAILED, 1) + RUNS + op(DIE, 1) + op(SPAWN, 1) + RUNS,
    "sealed_floods": SEALED + op(REPORT, 1, FAILED, 1) * 8 + RUNS,
    "sealed_says_nonsense": op(SPAWN, 1) + raw(bytes(40), 1) + RUNS,
    "sealed_of_another_version": op(SPAWN, 1) + op(HELLO, 1, 1, BLUE | 15 << 2) + RUNS,
    "sealed_by_hand": op(CONNECT) + op(HELLO, 0, ANY, BLUE) + RUNS,
    "mapped_but_not_sealed": JOIN + op(REPORT, 0, MAPPED, 0) + RUNS,
}


def main():
    os.makedirs(FOLDER, exist_ok=True)
    for name, data in INPUTS.items():
        with open(os.path.join(FOLDER, name), "wb") as f:
            f.write(data)


if __name__ == "__main__":
    main()
