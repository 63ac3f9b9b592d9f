# SPDX-License-Identifier: BSD-3-Clause
"""
Processes: every one that is started here is ended here, by its pid, on every way out. They die with pdp-bench even if
it is killed (PR_SET_PDEATHSIG), and are in sessions of their own, so that Ctrl-C reaches pdp-bench alone.
"""
import contextlib
import ctypes
import glob
import os
import re
import shutil
import signal
import subprocess
import time

from . import Trouble

PR_SET_PDEATHSIG = 1
STOP_S = 4.0
_libc = ctypes.CDLL(None, use_errno=True)


def _begin_child(cpus):
    """In the child: it ends with us, and may use all CPUs even where we keep off some."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.sched_setaffinity(0, cpus)


@contextlib.contextmanager
def no_signals():
    """What must not be left half done; signals wait until it is."""
    old = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old)


class Process:
    """A running program; its output goes to a file in the scratch folder."""

    def __init__(self, name, args, log, cpus, stop_input=None):
        self.name = name
        self.log = log
        self.stop_input = stop_input
        with open(log, "wb") as out:
            self.popen = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT,
                                          preexec_fn=lambda: _begin_child(cpus), start_new_session=True)

    @property
    def pid(self):
        return self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def tail(self, lines=3):
        """The last words, for a message."""
        with open(self.log, encoding="utf-8", errors="replace") as f:
            words = [line.strip() for line in f if line.strip()]
        return " | ".join(words[-lines:])

    def check(self):
        if not self.alive():
            raise Trouble(f"{self.name} ended by itself (code {self.popen.returncode}): {self.tail(6)}")

    def ask_to_stop(self):
        """Says so, and does not wait."""
        if not self.alive():
            return
        try:
            if self.stop_input is not None:
                self.popen.stdin.write(self.stop_input)
                self.popen.stdin.flush()
            else:
                self.popen.send_signal(signal.SIGTERM)
        except OSError:
            pass

    def stop(self):
        """In order where it goes, by SIGKILL after STOP_S. @return exit code, negative: signal"""
        self.ask_to_stop()
        try:
            self.popen.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        self.popen.stdin.close()
        return self.popen.returncode


def hugetlbfs_mounts():
    """Folders where hugetlbfs is mounted."""
    with open("/proc/mounts", encoding="utf-8") as f:
        return [line.split()[1] for line in f if line.split()[2] == "hugetlbfs"]


def keepers(prefix):
    """Processes that hold the interfaces of a node's control planes over its end."""
    wanted = f"/run/pdp-keeper/{prefix}.sock".encode()
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        with contextlib.suppress(OSError), open(path, "rb") as f:
            words = f.read().split(b"\0")
            if len(words) > 1 and words[0].endswith(b"pdp-keeper") and words[1] == wanted:
                yield int(path.split("/")[2])


def forget_prefix(prefix):
    """Remove what a node with that file prefix leaves: who keeps its interfaces, hugepages, its runtime folder, its
    control groups, namespaces made for it."""
    for pid in keepers(prefix):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for path in glob.glob(f"/run/netns/{prefix}-*"):
        subprocess.run(["ip", "netns", "delete", os.path.basename(path)], check=False, timeout=30)
    shutil.rmtree(f"/var/run/dpdk/{prefix}", ignore_errors=True)
    for group in glob.glob(f"/sys/fs/cgroup/**/pdp-{prefix}", recursive=True):
        for folder in (*glob.glob(f"{group}/*/"), group):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
    files = [f"{glob.escape(mount)}/{prefix}map_*" for mount in hugetlbfs_mounts()]
    files += [f"/run/pdp-{prefix}.pid", f"/run/pdp-keeper/{prefix}.sock", f"/run/pdp-netns/{prefix}-*"]
    for path in (path for pattern in files for path in glob.glob(pattern)):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


# What our names have in common; the number is the pid of the pdp-bench that they belong to.
OUR_PREFIX = re.compile(r"(?:^|/|-)(pdpbench([0-9]+)n[0-9]+)(?=map_|[-./]|$)")
OUR_FOLDER = re.compile(r"/pdp-bench-([0-9]+)-[^/]*$")


def of_others(paths, is_alive):
    """
    What a pdp-bench left that was killed before it could clean up. @param is_alive(pid)
    @return (file prefixes, folders)
    """
    prefixes = {m[1] for m in map(OUR_PREFIX.search, paths) if m and not is_alive(int(m[2]))}
    folders = [path for path in paths if (m := OUR_FOLDER.search(path)) and not is_alive(int(m[1]))]
    return sorted(prefixes), folders


def sweep(places):
    """Remove that. @param places  where scratch folders are made"""
    patterns = ["/run/netns/*", "/run/dpdk/*", "/run/pdp-*.pid", "/run/pdp-keeper/*", "/run/pdp-netns/*"]
    patterns += [f"{glob.escape(folder)}/*" for folder in hugetlbfs_mounts()]
    patterns += [f"{glob.escape(place)}/pdp-bench-*" for place in places]
    paths = [path for pattern in patterns for path in glob.glob(pattern)]
    prefixes, folders = of_others(paths, lambda pid: os.path.exists(f"/proc/{pid}"))
    for prefix in prefixes:
        forget_prefix(prefix)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def wait_for(what, condition, timeout_s, check=None, step_s=0.02):
    """Until condition() is true. @param check  called in between; raises where waiting is in vain"""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if check is not None:
            check()
        if time.monotonic() > deadline:
            raise Trouble(f"{what}: nothing after {timeout_s:g} s")
        time.sleep(step_s)
