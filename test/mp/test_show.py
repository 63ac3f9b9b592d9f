#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a user is shown: the commands that pdp-ctl and the README name, as text and as JSON, against one another; the names
of processes; and who may leave a core."""
import json
import os
import resource
import subprocess
import time

import harness
from harness import Node, check, ports, relay, wait_for

CTL = os.path.join(harness.BUILD, "apps/pdp-ctl/pdp-ctl")
RATE = 20000
# Prometheus's own reader, of Debian's package for Debian's Python.
READER = ["/usr/bin/python3", "-c", """
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
print(json.dumps([[s.name, s.labels, s.value] for f in text_string_to_metric_families(sys.stdin.read()) for s in f.samples]))
"""]
# By command: the column that names its rows, the rows, and columns that its documents speak of.
TABLES = {
    "port list": ("port", ["net_loadgen0", "net_loadgen1"], ["link", "rx", "tx", "missed", "errors"]),
    "vr list": ("vr", ["red", "blue"], ["plugin", "isolation", "engines", "rx_pps", "tx_pps", "drop_pps"]),
    "engine list": ("engine", ["red/0", "red/1", "blue/0"], ["state", "pid", "cpu", "rx", "tx", "lies", "deaths", "last_death"]),
    "cpu list": ("cpu", harness.CPUS, ["near", "used_by"]),
    "slice list": ("vr", ["red", "blue"], ["cpu", "engine", "pct", "guaranteed_pct", "free_pct"]),
}


def ctl(node, *words):
    done = subprocess.run([CTL, "--file-prefix", node.prefix, *words], capture_output=True, text=True, timeout=20, check=False)
    check(done.returncode == 0 and not done.stderr, f"{words}: {done.returncode} {done.stderr}")
    return done.stdout


def tables(node):
    for command, (key, names, columns) in TABLES.items():
        answer = json.loads(ctl(node, "--json", *command.split()))
        rows = harness.rows(answer)
        check({row[key] for row in rows} == set(names), f"{command}: {rows}")
        check(set(columns) <= set(answer["columns"]), f"{command}: {answer['columns']}")
        text = ctl(node, *command.split()).splitlines()
        check(text[0].split() == answer["columns"], f"{command}: {text[0]}")
        for name in names:
            check(any(str(name) in line.split() for line in text[1:]), f"{command}: {name} is not in {text}")


def test_tables():
    vrs = [relay("red", "net_loadgen0", 2), relay("blue", "net_loadgen1", core_dumps=True)]
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    try:
        with Node({"node": "lab", "ports": ports("net_loadgen0", "net_loadgen1"), "vrs": vrs},
                  [f"net_loadgen0,rate={RATE}", f"net_loadgen1,rate={RATE}"]) as node:
            shown(node)
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)


def shown(node):
    tables(node)
    rate = wait_for(lambda: next((r["rx_pps"] for r in node.rows("vr list") if r["rx_pps"] > RATE / 2), 0), "a rate")
    check(rate < RATE * 2, f"{rate} packets a second of {RATE}")
    status = ctl(node, "status")
    for word in ("lab", node.prefix, node.file):
        check(word in status, f"\"{word}\" is not in {status}")
    stats = json.loads(ctl(node, "--json", "stats"))
    check({"ports", "vrs", "node", "pool"} <= set(stats) and stats["vrs"]["red"]["rx"] > 0, f"{list(stats)}")
    check("red" in ctl(node, "stats"), "stats as text")
    red = json.loads(ctl(node, "--json", "vr", "show", "red"))
    check([v["vif"] for v in harness.rows(red["vifs"])] == ["a"] and set(red["counters"]["drops"]) <= {"engine_full"}, f"{red}")
    check("engine list" in ctl(node, "help"), "help names the commands")
    names(node)
    cores(node)
    node.quiet()
    metrics(node)


def metrics(node):
    """At rest a monitoring system reads what `stats` and `engine list` say."""
    read = subprocess.run(READER, input=ctl(node, "metrics"), capture_output=True, text=True, timeout=20, check=False)
    check(read.returncode == 0, read.stderr)
    samples = {(name, *sorted(labels.items())): value for name, labels, value in json.loads(read.stdout)}
    stats = node.stats()
    for vr in ("red", "blue"):
        want = stats["vrs"][vr]
        for name, key in (("received", "rx"), ("sent", "tx")):
            got = samples[f"pdp_vr_{name}_packets_total", ("vr", vr)]
            check(got == want[key] > 0, f"{vr}: {name} {got}, {want}")
        check(samples["pdp_vr_conserved", ("vr", vr)] == 1, f"{vr}: conserved")
    for name, row in node.engines().items():
        vr, number = name.split("/")
        owner = (("engine", number), ("vr", vr))
        check(samples["pdp_engine_received_packets_total", *owner] == row["rx"] > 0, f"{name}: {row}")
        check(samples["pdp_engine_running", *owner] == 1, f"{name}: {row}")
    port = samples["pdp_port_received_packets_total", ("port", "net_loadgen0")]
    check(port == stats["ports"]["net_loadgen0"]["rx"], f"port: {port}")
    check(samples["pdp_node_info", ("node", "lab")] == 1 and samples["pdp_pool_missing_buffers",] == 0, f"{samples}")


def names(node):
    """ps tells what a process is."""
    for pid, words in ((node.program.pid, ("pdp-primary", "lab", node.prefix)),
                       (node.engines()["red/1"]["pid"], ("pdp-engine", "red/1", node.prefix))):
        with open(f"/proc/{pid}/cmdline", encoding="utf-8") as f:
            title = f.read()
        for word in words:
            check(word in title, f"\"{word}\" is not in the title {title!r}")


def cores(node):
    """Engines leave no core, but where the VR wants it."""
    for name, want in (("red/0", 0), ("blue/0", resource.getrlimit(resource.RLIMIT_CORE)[0])):
        got = resource.prlimit(node.engines()[name]["pid"], resource.RLIMIT_CORE)[0]
        check(got == want, f"{name} may leave a core of {got} bytes, not {want}")


def test_ever_later():
    """An engine that dies of itself at once is started again after 10 ms, 20, 40 and so on."""
    vr = {"name": "red", "plugin": "t_answer", "args": {"answer": "die"}, "deaths_max": 0,
          "vifs": [{"name": "a", "port": "net_loadgen0"}]}
    with Node({"ports": ports("net_loadgen0"), "vrs": [vr]}, ["net_loadgen0,rate=100000"]) as node:
        wait_for(lambda: node.engines("red")["red/0"]["deaths"] > 0, "a death")
        began = time.monotonic()
        wait_for(lambda: node.engines("red")["red/0"]["deaths"] >= 8, "seven more", 60)
        took = time.monotonic() - began
        print(f"seven deaths more after {took:.2f} s")
        check(took > 1.2, f"seven starts within {took:.2f} s")
        check(not node.ctl("vr show", vr="red")["quarantine"], "quarantined, though deaths_max is 0")
        node.quiet()


harness.main()
