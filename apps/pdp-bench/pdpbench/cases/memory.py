# SPDX-License-Identifier: BSD-3-Clause
"""
memory: what a VR with one `secondary` engine costs, idle. Proportional set size (what is shared counts by its share) of
the engine, and of that what the plugin's own file takes; hugepages of the node, which all share, apart.
"""
import os
import re

from ..parties import Node
from ..procs import hugetlbfs_mounts
from ..session import medians_of, Sample
from ..summary import median

NAME = "memory"
ABOUT = "memory of a VR with one engine (proportional set size), and hugepages of the node"
ROUNDS = 3
ENGINES = [1, 4]


def parse_smaps(text, plugin):
    """@return (Pss of all mappings, Pss of the plugin's own file) in KB, of /proc/PID/smaps"""
    total = own = 0
    of_plugin = False
    for line in text.splitlines():
        head = re.match(r"[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \S+\s*(.*)", line)
        if head:
            of_plugin = head.group(1) == plugin
        elif line.startswith("Pss:"):
            kb = int(line.split()[1])
            total += kb
            own += kb if of_plugin else 0
    return total, own


def smaps(pid):
    with open(f"/proc/{pid}/smaps", encoding="utf-8", errors="replace") as f:
        return f.read()


def huge_mb(prefix):
    """Of hugepage files of a DPDK primary."""
    total = 0
    for mount in hugetlbfs_mounts():
        total += sum(e.stat().st_blocks * 512 for e in os.scandir(mount) if e.name.startswith(f"{prefix}map_"))
    return total / 2**20


def measure(session, engines):
    """@return Sample of one engine's Pss in MB"""
    ports = ["net_null0,no-rx=1", "net_null1,no-rx=1"]
    config = {"cpus": {"engines": [session.engine_cpu]}, "ports": [{"name": "net_null0"}, {"name": "net_null1"}],
              "vrs": [{"name": "red", "plugin": "relay", "engines": engines,
                       "vifs": [{"name": "a", "port": "net_null0"}, {"name": "b", "port": "net_null1"}]}]}
    plugin = session.program("drivers", "vr", "relay", "pdp_vr_relay.so")
    with Node(session, "pdp", config, ports) as node:
        session.warm_up()
        of_engines = [parse_smaps(smaps(e["pid"]), plugin) for e in node.engines()]
        primary, _ = parse_smaps(smaps(node.processes[0].pid), plugin)
        return Sample(median([total for total, _ in of_engines]) / 1024,
                      extra={"plugin_pss_mb": median([own for _, own in of_engines]) / 1024,
                             "primary_pss_mb": primary / 1024, "hugepages_mb": huge_mb(node.prefix)})


def run(session):
    """The case. Nothing here depends on time, so nothing disturbs it."""
    samples = session.rounds(session.runs(ROUNDS), ENGINES, lambda n: measure(session, n),
                             lambda n, s: f"{n} engines: {s.value:.2f} MB each")
    rows = [{"engines": n, "engine_pss_mb": median([s.value for s in taken]), **medians_of(taken)}
            for n, taken in samples.items()]
    return {"rows": rows, "figures": {k: rows[0][k] for k in ("engine_pss_mb", "plugin_pss_mb", "hugepages_mb")}}
