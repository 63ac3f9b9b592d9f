# SPDX-License-Identifier: BSD-3-Clause
"""
Whether somebody else used the machine while something was measured: CPU time of all processes less that of our own, and
time that the hypervisor took (steal). What the kernel does in interrupts and in threads of its own it does for whoever made
it: where our packets are, that is us.

The time of a process that ended is its parent's who waited for it, in ticks of 10 ms: a short window has a tolerance of some.
"""
import os
import time
from dataclasses import dataclass

OTHERS_MAX_PCT = 4.0  # of one CPU
STEAL_MAX_PCT = 2.0
TICKS_TOLERATED = 2  # for each CPU and window
KTHREADD = 2  # parent of the kernel's threads


@dataclass
class Snapshot:
    """CPU time used up to now, seconds."""
    time_s: float
    busy_s: float
    steal_s: float
    own_s: float
    n_cpus: int = 1


@dataclass
class Disturbance:
    """What others took during a window, percent of one CPU."""
    others_pct: float
    steal_pct: float

    @property
    def disturbed(self):
        return self.others_pct > OTHERS_MAX_PCT or self.steal_pct > STEAL_MAX_PCT

    def text(self):
        return f"others used {self.others_pct:.0f} % of a CPU, steal {self.steal_pct:.0f} %"


def parse_proc_stat(text, hz):
    """@return (steal seconds, number of CPUs) of /proc/stat's lines."""
    steal = 0.0
    n_cpus = 0
    for line in text.splitlines():
        words = line.split()
        if words and words[0] == "cpu":
            steal = int(words[8]) / hz if len(words) > 8 else 0.0
        elif words and words[0].startswith("cpu"):
            n_cpus += 1
    return steal, max(n_cpus, 1)


def parse_stat(stat, hz):
    """@return (parent, CPU seconds of ended children) of /proc/PID/stat; its name may hold anything, so from the last ')' on."""
    words = stat.rsplit(")", 1)[1].split()
    return int(words[1]), (int(words[13]) + int(words[14])) / hz


def family(roots, parents):
    """The given pids and all their descendants. @param parents  {pid: parent pid}"""
    children = {}
    for pid, parent in parents.items():
        children.setdefault(parent, []).append(pid)
    seen, todo = set(), list(roots)
    while todo:
        pid = todo.pop()
        if pid not in seen:
            seen.add(pid)
            todo += children.get(pid, [])
    return seen


def _read(path):
    try:
        with open(path, encoding="ascii", errors="replace") as f:
            return f.read()
    except OSError:
        return ""


def cpu_s(pid):
    """CPU time of all threads of a process, seconds."""
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return 0.0
    return sum(int((_read(f"/proc/{pid}/task/{t}/schedstat") or "0").split()[0]) for t in tasks) / 1e9


def take():
    """Snapshot of now; ours is this process with all its descendants."""
    hz = os.sysconf("SC_CLK_TCK")
    parents, used = {}, {}
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        stat = _read(f"/proc/{pid}/stat")
        if stat:
            parents[pid], ended_s = parse_stat(stat, hz)
            used[pid] = cpu_s(pid) + ended_s
    kernel, own = family([KTHREADD], parents), family([os.getpid()], parents)
    steal, n_cpus = parse_proc_stat(_read("/proc/stat"), hz)
    return Snapshot(time.monotonic(), sum(s for pid, s in used.items() if pid not in kernel), steal,
                    sum(s for pid, s in used.items() if pid in own), n_cpus)


def judge(before, after, tick_s=0.01):
    """@return Disturbance between two snapshots."""
    window = max(after.time_s - before.time_s, 1e-9)
    tolerance = TICKS_TOLERATED * tick_s * after.n_cpus
    others = (after.busy_s - before.busy_s) - (after.own_s - before.own_s) - tolerance
    return Disturbance(max(0.0, 100 * others / window), 100 * max(0.0, after.steal_s - before.steal_s) / window)
