#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Notes when a CPU stood still: when a thread that goes before all ordinary ones (SCHED_FIFO) had to wait for it, as on a
virtual machine whose host has more to do. What a test of time or rates says of such a moment is no news of PdP.

usage: test/stalls.py FILE   until a signal ends it; a line each: CPU, begin (seconds since 1970), length (seconds)
"""
import os
import sys
import time

PERIOD_S = 0.02
LONG_S = 0.1  # less is a busy kernel


def watch(cpu, fd):
    os.sched_setaffinity(0, {cpu})
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    before = time.monotonic()
    while True:
        time.sleep(PERIOD_S)
        now = time.monotonic()
        length = now - before - PERIOD_S
        if length >= LONG_S:
            os.write(fd, f"{cpu} {time.time() - length:.3f} {length:.3f}\n".encode())
        before = now


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    cpus = sorted(os.sched_getaffinity(0))
    for cpu in cpus[1:]:
        if os.fork() == 0:
            watch(cpu, fd)
    watch(cpus[0], fd)


main()
