# SPDX-License-Identifier: BSD-3-Clause
"""The machine: what it is (for the JSON), hugepages reserved and given back, which CPUs are used."""
import fcntl
import json
import os
import platform
import subprocess
import time

from . import Trouble
from .procs import hugetlbfs_mounts

NR_HUGEPAGES = "/proc/sys/vm/nr_hugepages"
HUGE_MOUNT = "/dev/hugepages"
LOCK = "/var/lock/pdp-bench.lock"
LOCK_WAIT_S = 600


def _first_line(path, start):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            for line in f:
                if line.startswith(start):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return ""


def _siblings():
    """Hardware threads of the first CPU's core: whether MD and engine share one."""
    try:
        with open("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list", encoding="ascii") as f:
            return f.read().strip()
    except OSError:
        return ""


def _output(args):
    try:
        return subprocess.run(args, capture_output=True, text=True, timeout=20, check=False).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def build_option(build, name):
    """An option of the build folder, as meson has it."""
    try:
        with open(os.path.join(build, "meson-info", "intro-buildoptions.json"), encoding="utf-8") as f:
            return next((o["value"] for o in json.load(f) if o["name"] == name), None)
    except (OSError, ValueError):
        return None


def describe(build):
    """What the JSON says of the machine and of what is measured."""
    source = os.path.dirname(os.path.realpath(__file__))
    return {
        "cpu": _first_line("/proc/cpuinfo", "model name"),
        "cpus": os.cpu_count(),
        "cpu0_core": _siblings(),
        "hypervisor": "hypervisor" in _first_line("/proc/cpuinfo", "flags").split(),
        "memory_mb": int(_first_line("/proc/meminfo", "MemTotal").split()[0]) // 1024,
        "kernel": platform.release(),
        "dpdk": _output(["pkg-config", "--modversion", "libdpdk"]),
        "pdp": _output(["git", "-C", source, "describe", "--always", "--dirty"]) or "no git",
        "build": {name: build_option(build, name) for name in ("buildtype", "optimization", "cpu")},
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def choose_cpus():
    """@return all CPUs: the first is the MD's, the second the engines'; this process moves to the others, if any."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        raise Trouble("the experiments want two CPUs, one for the MD and one for engines; this process may use one")
    if len(cpus) > 2:
        os.sched_setaffinity(0, cpus[2:])
    return cpus


def _meminfo(key):
    return int(_first_line("/proc/meminfo", key + ":").split()[0])


class Hugepages:
    """As many free hugepages as are wanted while in use; afterwards as many as there were."""

    def __init__(self, want_mb):
        self.want_mb = want_mb
        self.added = 0
        self.mounted = False

    @staticmethod
    def _total():
        with open(NR_HUGEPAGES, encoding="ascii") as f:
            return int(f.read())

    @staticmethod
    def _set_total(n):
        with open(NR_HUGEPAGES, "w", encoding="ascii") as f:
            f.write(str(n))

    def reserve(self):
        page_kb = _meminfo("Hugepagesize")
        missing = -(-self.want_mb * 1024 // page_kb) - _meminfo("HugePages_Free")
        before = self._total()
        if missing > 0:
            self._set_total(before + missing)
            self.added = self._total() - before
        if self.added < missing:
            self.give_back()
            raise Trouble(f"{self.want_mb} MB of hugepages cannot be reserved; free memory, or reboot with "
                          f"hugepages={before + missing}")
        if not hugetlbfs_mounts():
            os.makedirs(HUGE_MOUNT, exist_ok=True)
            if subprocess.run(["mount", "-t", "hugetlbfs", "nodev", HUGE_MOUNT], check=False).returncode != 0:
                self.give_back()
                raise Trouble(f"no hugetlbfs is mounted and {HUGE_MOUNT} cannot be; mount one: "
                              f"mount -t hugetlbfs nodev {HUGE_MOUNT}")
            self.mounted = True

    def give_back(self):
        """What was added goes; what somebody else changed meanwhile stays."""
        if self.mounted:
            subprocess.run(["umount", HUGE_MOUNT], check=False)
            self.mounted = False
        if self.added > 0:
            self._set_total(max(0, self._total() - self.added))
            self.added = 0


def lock(say):
    """One pdp-bench at a time on a machine. @return what has to be kept"""
    handle = open(LOCK, "w", encoding="ascii")
    deadline = time.monotonic() + LOCK_WAIT_S
    told = False
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
        except OSError as err:
            if time.monotonic() > deadline:
                raise Trouble(f"another pdp-bench has been running for {LOCK_WAIT_S} s; wait for its end") from err
        if not told:
            say("another pdp-bench runs; waiting for its end")
            told = True
        time.sleep(0.2)
