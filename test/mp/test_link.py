#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Interfaces of a VR's namespace have carrier while their port's link is up, and `port list` says the same: a vhost port,
whose link is up while somebody is connected."""
import json
import os
import shutil
import subprocess

import harness
from harness import ENGINE_CPU, Node, Skip, check, ports, wait_for


def flags(netns):
    shown = subprocess.run(["ip", "-n", netns, "-j", "link", "show", "dev", "a"], capture_output=True, text=True, check=True)
    return json.loads(shown.stdout)[0]["flags"]


def connect(path, prefix):
    """testpmd at the other end; without a terminal it forwards until its input ends."""
    return subprocess.Popen(["dpdk-testpmd", f"--lcores=0@{ENGINE_CPU},1@{ENGINE_CPU}", "--in-memory", "--file-prefix", f"{prefix}x",
                             "--no-pci", "--single-file-segments", "-m", "64", "--vdev", f"net_virtio_user0,path={path}", "--",
                             "--total-num-mbufs=2048", "--forward-mode=rxonly"],
                            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_carrier():
    if shutil.which("dpdk-testpmd") is None:
        raise Skip("dpdk-testpmd is not installed")
    node = Node({"ports": [], "vrs": []}, start=False)
    folder, netns = node.folder, f"{node.prefix}-red"
    path = os.path.join(folder, "vhost.sock")
    vr = {"name": "red", "plugin": "ip", "netns": netns, "vifs": [{"name": "a", "port": "net_vhost0"}]}
    try:
        with Node({"ports": ports("net_vhost0"), "vrs": [vr], "mh": {"keep": False}}, [f"net_vhost0,iface={path}"],
                  prefix=node.prefix) as running:
            for _ in range(2):
                wait_for(lambda: "LOWER_UP" not in flags(netns), "no carrier")
                check("UP" in flags(netns), f"{flags(netns)}")
                check(running.rows("port list")[0]["link"] == "down", f"{running.rows('port list')}")
                with connect(path, node.prefix) as peer:
                    try:
                        wait_for(lambda: "LOWER_UP" in flags(netns), "carrier")
                        check(running.rows("port list")[0]["link"] == "up", f"{running.rows('port list')}")
                    finally:
                        peer.kill()
            wait_for(lambda: "LOWER_UP" not in flags(netns), "no carrier")
            running.conserved()
    finally:
        node.clean_up()


harness.main()
