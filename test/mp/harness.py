# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of whole nodes share: a pdp-primary with its own file prefix, its control and telemetry sockets,
waiting for conditions, and what must hold after every scenario.

A script defines functions test_*() and ends with harness.main(); each runs its nodes in `with Node(...) as node:`. Left
without an exception, a node is stopped in order, and then has to have ended in time, with exit code 0, every packet
accounted for, every buffer back in the pool, and no process, socket, hugepage or control group left. Needs root and
hugepages (else the script exits 77 with a reason). Standard library only.
"""
import contextlib
import glob
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

SOURCE = os.environ.get("PDP_SOURCE", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.environ.get("PDP_BUILD", os.path.join(SOURCE, "build"))
PRIMARY = os.path.join(BUILD, "apps/pdp-primary/pdp-primary")
ENGINE = os.path.join(BUILD, "apps/pdp-engine/pdp-engine")
PLUGINS = os.path.join(BUILD, "test/mp/plugins")
RUN = os.environ.get("PDP_TEST_RUN", "pdp-mp")
CPUS = sorted(os.sched_getaffinity(0))
MD_CPU, ENGINE_CPU = CPUS[0], CPUS[-1]
NO_HUGE = "PDP_NO_HUGE" in os.environ  # nodes of sealed VRs alone are started without hugepages
NO_HUGE_EAL = ("--no-huge", "-m", "1024")
PAGES_MIN = 80  # of 2 MB: what the largest node here takes
STOP_S = 2.0  # a node ends within this (issue: 2 s)
# Another load on the machine may keep a finished process off its CPU: how much is forgiven, by load average.
SLACK_S = 0.25
START_S = 30
WAIT_S = 10


class Skip(Exception):
    """The scenario cannot be run here; says why."""


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def wait_for(condition, what, seconds=WAIT_S):
    """Until condition() is true; returns what it said. Polls every 10 ms."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        check(time.monotonic() < deadline, f"{what}: not within {seconds} s")
        time.sleep(0.01)


def alive(pid):
    """Whether the process exists and has not ended (a zombie has)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def where(pid):
    """What each thread of a process is doing, for a report of one that does not answer."""
    lines = []
    for task in sorted(glob.glob(f"/proc/{pid}/task/*")):
        try:
            with open(f"{task}/stat", encoding="ascii") as f:
                name, state = f.read().split("(", 1)[1].rsplit(")", 1)
            with open(f"{task}/stack", encoding="ascii") as f:
                stack = " < ".join(line.split()[-1].split("+")[0] for line in f)
            lines.append(f"  {name}: {state.split()[0]} {stack}")
        except OSError:
            pass
    gdb = shutil.which("gdb") and subprocess.run(
        ["gdb", "-p", str(pid), "-batch", "-ex", "thread apply all bt 12"], capture_output=True, text=True, timeout=60,
        check=False).stdout
    lines += [line for line in (gdb or "").splitlines() if line.startswith(("#", "Thread"))]
    return "\n".join(lines)


def slack():
    """Seconds more than allowed that a loaded machine is forgiven."""
    return SLACK_S * (1 + max(0.0, os.getloadavg()[0] - len(CPUS)))


def _pages_free():
    with open("/proc/meminfo", encoding="ascii") as f:
        words = {line.split(":")[0]: line.split()[1] for line in f}
    return int(words["HugePages_Free"]) if words.get("Hugepagesize") == "2048" else 0


def _prefixes():
    number = 0
    while True:
        number += 1
        yield f"{RUN}-{os.getpid()}-{number}"


_prefix = _prefixes()


class Output(threading.Thread):
    """Reads what a process says, so that it never blocks; keeps it."""

    def __init__(self, pipe):
        super().__init__(daemon=True)
        self.pipe = pipe
        self.text = ""
        self.start()

    def run(self):
        for line in self.pipe:
            self.text += line


class Program:
    """A process whose output is kept."""

    def __init__(self, args, **kwargs):
        self.process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, errors="replace", **kwargs)
        self.output = Output(self.process.stdout)
        self.pid = self.process.pid

    @property
    def said(self):
        return self.output.text

    def ended(self):
        return self.process.poll() is not None

    def wait_exit(self, seconds=WAIT_S):
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"process {self.pid} still runs after {seconds} s; it said:\n{self.said}\n"
                                 f"it does:\n{where(self.pid)}") from None
        self.output.join(2)
        return code

    def kill(self):
        if not self.ended():
            self.process.kill()
            self.process.wait()


class Node:
    """A pdp-primary and what it started.

    config: the node's JSON as a dictionary; cpus.engines is filled in. vdevs: EAL's --vdev values.
    lcores: EAL's --lcores with MD for the MD's CPU. start=False: to start it by hand with start().
    """

    def __init__(self, config, vdevs=(), lcores="0@MD", prefix=None, start=True, env=None, eal=()):
        self.prefix = prefix or next(_prefix)
        self.folder = tempfile.mkdtemp(prefix=self.prefix)
        self.runtime = f"/var/run/dpdk/{self.prefix}"
        config = dict(config)
        config.setdefault("cpus", {"engines": [ENGINE_CPU]})
        self.config = config
        if NO_HUGE and not eal and all(vr.get("isolation") == "sealed" for vr in config["vrs"]):
            eal = NO_HUGE_EAL
        self.file = os.path.join(self.folder, "node.json")
        with open(self.file, "w", encoding="utf-8") as f:
            json.dump(config, f)
        self.args = [PRIMARY, "--lcores", lcores.replace("MD", str(MD_CPU)), "--file-prefix", self.prefix, "--no-pci",
                     *eal, *(word for vdev in vdevs for word in ("--vdev", vdev)), "--", "-c", self.file]
        self.env = {**os.environ, "PDP_PLUGIN_PATH": PLUGINS, **(env or {})}
        self.program = None
        self.pids = set()  # engines that were seen
        self.others = []  # Programs that a test started with it
        self.start_on_enter = start

    # -- life

    def spawn(self):
        """Start the primary and do not wait for anything."""
        self.program = Program(self.args, env=self.env)

    def start(self, seconds=START_S):
        """Start, and wait until every engine runs."""
        self.spawn()
        wait_for(lambda: "runs:" in self.program.said or self.program.ended(), "start", seconds)
        check("runs:" in self.program.said, f"the node does not start:\n{self.program.said}")
        self.engines()

    def refuse(self, *words, code=1, seconds=START_S):
        """Start a node that has to say no: exit code and words of its sentence; nothing stays."""
        self.spawn()
        got = self.program.wait_exit(seconds)
        for word in words:
            check(word in self.program.said, f"\"{word}\" is not in what it said:\n{self.program.said}")
        check(got == code, f"exit code {got} instead of {code}:\n{self.program.said}")
        self.check_nothing_left()
        self.program = None

    def stop(self, sig=signal.SIGINT, counted=True):
        """End in order; returns the seconds it took."""
        self.engines()
        began = time.monotonic()
        self.program.process.send_signal(sig)
        code = self.program.wait_exit(10)
        took = time.monotonic() - began
        check(code == 0, f"exit code {code}:\n{self.program.said}")
        if counted:
            check("every packet accounted for, every buffer back in the pool" in self.program.said,
                  f"not all is accounted for:\n{self.program.said}")
        check(took <= STOP_S + slack(), f"the node took {took:.2f} s to end, {STOP_S} are allowed")
        self.check_nothing_left()
        self.program = None
        return took

    def kill(self):
        """Whatever is left of it, at the end of a test."""
        if self.program is not None:
            self.program.kill()
            self.program.output.join(1)
        for other in self.others:
            other.kill()
        for pid in self.pids:
            if alive(pid) and "pdp-engine" in _executable(pid):
                os.kill(pid, signal.SIGKILL)

    def end_keeper(self):
        """What holds the interfaces of control planes over a restart."""
        sock = f"/run/pdp-keeper/{self.prefix}.sock"
        found = subprocess.run(["pgrep", "-f", f"pdp-keeper {sock}$"], capture_output=True, text=True, check=False)
        for pid in found.stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(sock)

    def clean_up(self):
        self.kill()
        self.end_keeper()
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.runtime, ignore_errors=True)
        for path in glob.glob(f"/dev/hugepages/{self.prefix}map_*") + glob.glob(f"/var/run/pdp-{self.prefix}.pid"):
            os.unlink(path)
        for group in reversed(self.groups()):
            with contextlib.suppress(OSError):
                os.rmdir(group)
        for path in self.namespaces():
            if path.startswith("/run/netns/"):
                subprocess.run(["ip", "netns", "delete", os.path.basename(path)], check=False)
            else:
                os.unlink(path)

    def namespaces(self):
        """Those of its control planes, and PdP's notes that it made them."""
        return glob.glob(f"/run/netns/{self.prefix}-*") + glob.glob(f"/run/pdp-netns/{self.prefix}-*")

    def groups(self):
        """Folders of the node's control groups, its own first."""
        return sorted(glob.glob(f"/sys/fs/cgroup/**/pdp-{self.prefix}", recursive=True) +
                      glob.glob(f"/sys/fs/cgroup/**/pdp-{self.prefix}/*/", recursive=True))

    def check_nothing_left(self):
        wait_for(lambda: not any(alive(p) for p in self.pids), f"engines {self.pids} end with their primary", 2 + slack())
        left = glob.glob(self.runtime) + glob.glob(f"/dev/hugepages/{self.prefix}map_*")
        left += glob.glob(f"/var/run/pdp-{self.prefix}.pid") + self.groups() + self.namespaces()
        check(not left, f"left behind: {left}")

    def __enter__(self):
        if self.start_on_enter:
            try:
                self.start()
            except BaseException:
                self.clean_up()
                raise
        return self

    def __exit__(self, kind, value, trace):
        try:
            if kind is None and self.program is not None:
                self.stop()
            elif kind is not None and self.program is not None:
                print(f"---- what the primary said:\n{self.program.said}----")
        finally:
            self.clean_up()

    # -- asking

    def request(self, cmd, **args):
        """The whole answer of the control socket."""
        try:
            return self._request(cmd, args)
        except TimeoutError:
            raise AssertionError(f"no answer to {cmd} within {WAIT_S} s; the primary:\n{where(self.program.pid)}") from None

    def _request(self, cmd, args):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.settimeout(WAIT_S)
            s.connect(f"{self.runtime}/pdp.sock")
            s.sendall(json.dumps({"cmd": cmd, "args": args}).encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                part = s.recv(1 << 20)
                check(part, f"the control socket was closed in the middle of an answer to {cmd}; the primary "
                      f"{'ended: ' + str(self.program.wait_exit(3)) if self.program.ended() else 'runs'}")
                answer += part
        return json.loads(answer)

    def ctl(self, cmd, **args):
        answer = self.request(cmd, **args)
        check(answer["ok"], f"{cmd}: {answer.get('error')}")
        return answer["result"]

    def rows(self, cmd, **args):
        """A table as dictionaries."""
        return rows(self.ctl(cmd, **args))

    def stats(self):
        return self.ctl("stats")

    def vr(self, name):
        return self.stats()["vrs"][name]

    def engines(self, vr=None):
        """Rows of `engine list`, by name ("red/0"); of one VR, or all."""
        found = {row["engine"]: row for row in self.rows("engine list")}
        self.pids |= {row["pid"] for row in found.values() if row["pid"]}
        return {name: row for name, row in found.items() if vr is None or name.split("/")[0] == vr}

    def counters(self, vr):
        """The plugin's named counters, summed over the VR's engines."""
        return self.ctl("vr show", vr=vr)["plugin_counters"]

    def telemetry(self, command):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.settimeout(WAIT_S)
            s.connect(f"{self.runtime}/dpdk_telemetry.v2")
            s.recv(1 << 16)
            s.sendall(command.encode())
            return json.loads(s.recv(1 << 20))[command.split(",")[0]]

    # -- traffic

    def loadgen(self, port=0):
        return self.telemetry(f"/pdp/loadgen,{port}")

    def loadgens(self):
        return self.telemetry("/pdp/loadgen") or []

    def set_loadgen(self, words, port=None):
        """words as "rate=1000,state=start"; all ports if none is given."""
        for p in self.loadgens() if port is None else [port]:
            answer = self.telemetry(f"/pdp/loadgen/set,{p},{words}")
            check(answer == {"set": "ok"}, f"loadgen {p} {words}: {answer}")

    def wait_received(self, packets, vr=None, seconds=WAIT_S):
        """Until a VR (or all together) received so many packets."""
        def received():
            vrs = self.stats()["vrs"]
            return sum(v["rx"] for name, v in vrs.items() if vr in (None, name)) >= packets
        wait_for(received, f"{packets} packets received", seconds)

    def conserved(self):
        """Exact at any moment, traffic or not."""
        stats = self.stats()
        for name, v in stats["vrs"].items():
            have = v["tx"] + v["punted"] + v["dropped"] + v["in_flight"]
            check(v["rx"] + v["originated"] == have and v["conserved"], f"VR {name} does not balance: {v}")
            check(sum(v["drops"].values()) == v["dropped"], f"VR {name} has drops without a name: {v}")
        return stats

    def quiet(self, seconds=WAIT_S):
        """Stop all sources and wait until nothing is in flight: then all must balance. Returns the statistics."""
        self.set_loadgen("state=stop")

        def still():
            before = self.stats()
            if any(v["in_flight"] for v in before["vrs"].values()):
                return None
            if any(self.loadgen(p)["source_waiting"] for p in self.loadgens()):
                return None
            after = self.stats()
            same = all(before["vrs"][n][k] == v[k] for n, v in after["vrs"].items() for k in ("rx", "tx", "dropped"))
            return after if same and after["pool"]["missing"] == 0 else None
        try:
            stats = wait_for(still, "quiet", seconds)
        except AssertionError:
            check(False, f"it does not come to rest, or buffers are missing: {self.stats()}")
        self.conserved()
        node = stats["node"]
        check(node["rx"] == node["matched"] + sum(node["drops"].values()), f"the node does not balance: {node}")
        check(node["matched"] == sum(v["rx"] for v in stats["vrs"].values()), f"matched is not rx: {stats}")
        return stats


def rows(table):
    """A control answer's table as dictionaries."""
    return [dict(zip(table["columns"], row)) for row in table["rows"]]


def _executable(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""


def relay(name, port, engines=1, **keys):
    """A VR of one vif: what comes in goes back."""
    vif = {"name": "a", "port": port}
    if "source" in keys:
        vif["source"] = keys.pop("source")
    return {"name": name, "plugin": keys.pop("plugin", "relay"), "engines": engines, "vifs": [vif], **keys}


def ports(*names, **keys):
    return [{"name": name, **keys} for name in names]


def main():
    """Run the test_* functions of the calling script (those named on the command line, or all) and exit."""
    module = sys.modules["__main__"]
    tests = {name: fn for name, fn in vars(module).items() if name.startswith("test_") and callable(fn)}
    wanted = sys.argv[1:] or list(tests)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if os.getuid() != 0:
        print("needs root")
        sys.exit(77)
    if _pages_free() < PAGES_MIN:
        print(f"needs {PAGES_MIN} free hugepages of 2 MB, {_pages_free()} are free")
        sys.exit(77)
    if len(CPUS) < 2:
        print("needs two CPUs")
        sys.exit(77)
    passed, skipped, failed = 0, [], 0
    for name in wanted:
        began = time.monotonic()
        try:
            tests[name]()
            passed += 1
            result = "ok"
        except Skip as why:
            skipped.append(str(why))
            result = f"skipped: {why}"
        except Exception:  # whatever it is, the other scenarios are tried too
            failed += 1
            result = "FAILED\n" + traceback.format_exc()
        print(f"{name}: {result} ({time.monotonic() - began:.1f} s)", flush=True)
    if failed == 0 and passed == 0 and skipped:
        print(skipped[0])
        sys.exit(77)
    sys.exit(1 if failed else 0)
