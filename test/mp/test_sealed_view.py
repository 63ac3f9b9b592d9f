#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a sealed engine can see and do: taken from one that runs, by what the kernel says of its process, and compared with
lib/engine/SEALED.md; --write puts it there. Every system call that is not on the list is made once from inside."""
import glob
import os
import re
import subprocess
import sys

import harness
from harness import Node, check, ports, wait_for

FILE = os.path.join(harness.SOURCE, "lib/engine/SEALED.md")
CALLS = os.path.join(harness.BUILD, "test/mp/sealed_calls")
BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"
UID_BASE = 1900000000
LIMITS = {"Max file size": "longest file", "Max data size": "private writable memory", "Max stack size": "stack",
          "Max core file size": "core", "Max processes": "threads", "Max open files": "open files",
          "Max locked memory": "locked memory", "Max pending signals": "pending signals",
          "Max msgqueue size": "message queues", "Max nice priority": "nice", "Max realtime priority": "real-time priority"}
NEVER_FILTERED = [335, 336]  # uretprobe and uprobe: the kernel lets them by, and ends who calls them himself (SIGILL)
ACCESS = {"r--p": "read", "r--s": "read, shared", "rw-p": "read, write", "rw-s": "read, write, shared",
          "r-xp": "read, execute", "---p": "none"}


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows] + [""]


def size(number):
    return f"{number >> 20} MB" if number and number % (1 << 20) == 0 else str(number)


def identity(pid):
    status = dict(re.findall(r"^(\w+):[ \t]*(.*)$", read(f"/proc/{pid}/status"), re.MULTILINE))
    uids, gids = set(status["Uid"].split()), set(status["Gid"].split())
    check(uids == gids == {str(UID_BASE)}, f"user {uids}, group {gids}")
    caps = {name: int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    return table(("of the process", ""), [
        ("user and group, real and effective", "`sandbox.uid_base` and the VR's number, on the machine itself"),
        ("further groups", status["Groups"].strip() or "none"),
        ("capabilities, of any set", "none" if not any(caps.values()) else str(caps)),
        ("number in its own namespace", status["NSpid"].split()[-1]),
        ("no_new_privs", status["NoNewPrivs"]),
        ("seccomp filters", status["Seccomp_filters"]),
        ("can be dumped or traced by its own user", "no" if os.stat(f"/proc/{pid}/maps").st_uid == 0 else "yes"),
        ("CPUs", str(len(os.sched_getaffinity(pid))))])


def namespaces(pid, primary):
    rows = []
    for name in sorted(os.listdir(f"/proc/{pid}/ns")):
        if not name.endswith("_for_children"):
            same = os.readlink(f"/proc/{pid}/ns/{name}") == os.readlink(f"/proc/{primary}/ns/{name}")
            rows.append((name, "the node's" if same else "its own"))
    return table(("namespace", ""), rows)


def what_file(path):
    if path.startswith("/vr/"):
        return "/vr/PLUGIN.so, the plugin"
    if path == "/engine":
        return "/engine, pdp-engine-sealed"
    if ".so" in path:
        return "the loader, and libraries that program and plugin name"
    return path


def mounts(pid):
    rows = {}
    for line in read(f"/proc/{pid}/mountinfo").splitlines():
        words = line.split()
        options = [o for o in words[5].split(",") if o in ("ro", "rw", "nosuid", "nodev", "noexec")]
        rows.setdefault(what_file(words[4]), set()).add(", ".join(options))
    return table(("mounted", ""), [(name, "; ".join(sorted(how))) for name, how in sorted(rows.items())])


def files(pid):
    """All that can be reached by a path, but the names of libraries."""
    found = subprocess.run(["find", f"/proc/{pid}/root/", "-xdev", "-mindepth", "1", "-printf", "/%P\n"],
                           capture_output=True, text=True, check=True).stdout.splitlines()
    names = sorted({what_file(f) for f in found})
    opened = [(fd, re.sub(r":.*", "", os.readlink(f"/proc/{pid}/fd/{fd}"))) for fd in sorted(os.listdir(f"/proc/{pid}/fd"), key=int)]
    return table(("reached by a path",), [(name,) for name in names]) + table(("descriptor", ""), opened)


def network(pid):
    interfaces = sorted(line.split(":")[0].strip() for line in read(f"/proc/{pid}/net/dev").splitlines()[2:])
    routes = len(read(f"/proc/{pid}/net/route").splitlines()) - 1
    sockets = [name for name in ("tcp", "udp", "unix", "raw", "packet")
               if len(read(f"/proc/{pid}/net/{name}").splitlines()) > 1]
    return table(("network", ""), [("interfaces", ", ".join(interfaces)), ("routes", str(routes)),
                                   ("sockets in its namespace", ", ".join(sockets) or "none")])


def limits(pid, node):
    found = re.findall(r"^(Max [a-z ]+?)\s{2,}(\S+)\s+(\S+)", read(f"/proc/{pid}/limits"), re.MULTILINE)
    rows = []
    for name, soft, hard in found:
        check(name not in LIMITS or soft == hard != "unlimited", f"{name}: {soft} {hard}")
        if name in LIMITS:
            rows.append((LIMITS[name], size(int(hard))))
    for what, names in (("memory of the group, with the kernel's part", ("memory.limit_in_bytes", "memory.max")),
                        ("tasks of the group, with two of bubblewrap", ("pids.max",))):
        values = [read(f) for name in names for f in glob.glob(f"/sys/fs/cgroup/**/pdp-{node.prefix}-sealed/red.0/{name}",
                                                              recursive=True)]
        check(len(values) == 1, f"{what}: {values}")
        rows.append((what, size(int(values[0]))))
    return table(("limit", ""), rows)


def what_map(name):
    if name.startswith("/memfd:"):
        return {"pdp-region": "its rings and its status page", "pdp-packets": "its packets", "pdp-fib-red": "its VR's routes",
                "pdp-fib-readers": "where its VR's engines say which routes they look at"}[name[7:].split()[0]]
    if name.startswith("[vvar"):
        return "[vvar], the kernel's clock"
    return what_file(name) if name else "anonymous: heap, stacks of threads, data"


def maps(pid):
    rows = {}
    for line in read(f"/proc/{pid}/maps").splitlines():
        words = line.split(None, 5)
        name = words[5].strip() if len(words) > 5 else ""
        if name == "[vsyscall]":  # of the machine, not of the process
            continue
        name = "" if name == "[heap]" else name
        check("w" not in words[1] or "x" not in words[1], line)
        rows.setdefault(what_map(name), set()).add(ACCESS[words[1]])
    return table(("mapped", "access"), [(name, "; ".join(sorted(how))) for name, how in sorted(rows.items())])


def allowed_calls():
    lines = subprocess.run([CALLS], capture_output=True, text=True, check=True).stdout.splitlines()
    found = [line.split(" ", 1) for line in lines]
    return sorted({int(number) for number, _ in found}), ["| system call | while the plugin is loaded | afterwards |",
                                                         "|---|---|---|", *(row for _, row in found), ""]


def look():
    """@return the generated lines"""
    numbers, calls = allowed_calls()
    vr = {"name": "red", "plugin": "t_look", "isolation": "sealed", "args": {"allowed": numbers + NEVER_FILTERED}, "vifs": [
        {"name": "a", "port": "net_loadgen0"}]}
    config = {"ports": ports("net_loadgen0"), "vrs": [vr], "mh": {"keep": False}}
    node = Node(config, ["net_loadgen0,start=0"], eal=("--no-huge", "-m", "200"), start=False)
    vr["netns"] = f"{node.prefix}-red"
    node = Node(node.config, ["net_loadgen0,start=0"], prefix=node.prefix, eal=("--no-huge", "-m", "200"))
    with node:
        wait_for(lambda: node.counters("red").get("tried"), "every call is tried")
        counters = node.counters("red")
        check(counters["refused"] + counters["passed"] + len(numbers) + len(NEVER_FILTERED) == 512, f"{counters}")
        check(counters["passed"] == 0, f"system call {counters['first_passed']} is let through, and is not on the list: {counters}")
        pid = node.engines("red")["red/0"]["pid"]
        lines = [*identity(pid), *namespaces(pid, node.program.pid), *mounts(pid), *files(pid), *network(pid),
                 *limits(pid, node), *maps(pid), *calls]
    return lines


def parts():
    text = read(FILE)
    before, rest = text.split(BEGIN + "\n", 1)
    kept, after = rest.split(END, 1)
    return before, kept, after


def test_view():
    before, kept, after = parts()
    lines = look()
    if "--write" in sys.argv:
        with open(FILE, "w", encoding="utf-8") as f:
            f.write(before + BEGIN + "\n\n" + "\n".join(lines) + END + after)
        return
    old = [line for line in kept.splitlines() if line]
    new = [line for line in lines if line]
    missing, more = [x for x in old if x not in new], [x for x in new if x not in old]
    check(old == new, f"{FILE} does not say what a sealed engine sees (it says how to write it anew).\nNot so: {missing}\n"
          f"Not told: {more}")


if __name__ == "__main__":
    if "--write" in sys.argv:
        test_view()
    else:
        harness.main()
