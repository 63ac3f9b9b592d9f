#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The VR author's guide: what it shows is what is there, compiles with its own command outside of the tree, and runs in
the node that it shows."""
import json
import os
import re
import shutil
import subprocess
import tempfile

import harness
from harness import Node, check, wait_for

GUIDE = os.path.join(harness.SOURCE, "lib/vr/README.md")


def blocks(language):
    with open(GUIDE, encoding="utf-8") as f:
        return re.findall(rf"^```{language}\n(.*?)^```$", f.read(), flags=re.M | re.S)


def build(folder, compiler=None):
    """Run the guide's command where nothing but the header and the example is."""
    os.makedirs(f"{folder}/lib/vr/example", exist_ok=True)
    for name in ("pdp_vr.h", "example/switch.c"):
        shutil.copy(f"{harness.SOURCE}/lib/vr/{name}", f"{folder}/lib/vr/{name}")
    command = blocks("sh")[0].split()
    check(command[0] == "cc", f"the first command of the guide: {command}")
    if compiler:
        command[0] = compiler
    done = subprocess.run([*command, "-Wall", "-Wextra", "-Werror"], cwd=folder, capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"{command}: {done.stderr}")
    return f"{folder}/pdp_vr_switch.so"


def test_verbatim():
    with open(f"{harness.SOURCE}/lib/vr/example/switch.c", encoding="utf-8") as f:
        check(blocks("c") == [f.read()], "the example in lib/vr/README.md differs from lib/vr/example/switch.c")


def test_compilers():
    with tempfile.TemporaryDirectory() as folder:
        for compiler in ("cc", "clang"):
            if shutil.which(compiler):
                os.unlink(build(folder, compiler))


def test_switch_runs():
    config = json.loads(blocks("json")[0])
    vdevs = re.findall(r"--vdev (\S+)", blocks("sh")[1])
    check(len(vdevs) == 3, f"the guide's ports: {vdevs}")
    with Node(config, vdevs, start=False) as node:
        build(node.folder)
        node.start()
        vr = config["vrs"][0]["name"]
        wait_for(lambda: node.counters(vr)["learnt"] >= 2 and node.vr(vr)["tx"] > 500, "hosts are learnt")
        # From now on nothing is flooded any more.
        wait_for(lambda: node.ctl("vr show", vr=vr)["control"]["relayed"] >= 2, "engines tell each other")
        before = node.counters(vr)
        node.wait_received(node.vr(vr)["rx"] + 1000)
        stats, after = node.quiet(), node.counters(vr)
        check(after["flooded"] == before["flooded"] and after["learnt"] == before["learnt"], f"{before} {after}")
        account = stats["vrs"][vr]
        check(account["dropped"] == 0 and account["tx"] == account["rx"] + account["originated"], f"{account}")
        check(account["originated"] == after["flooded"] - after["not_copied"], f"{account} {after}")
        vifs = {v["vif"]: v for v in harness.rows(node.ctl("vr show", vr=vr)["vifs"])}
        check(vifs["c"]["tx"] == after["flooded"] and vifs["c"]["rx"] == 0, f"{vifs} {after}")
        check(vifs["a"]["tx"] >= vifs["b"]["rx"] - after["flooded"], f"{vifs}")


harness.main()
