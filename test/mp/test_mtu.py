#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""A frame too long for its vif's MTU is a counted drop, on its way in as on its way out; one that just fits passes."""
import harness
from harness import Node, check, ports

FRAMES = 500


def run(size, mtu_in, mtu_out):
    vr = {"name": "red", "plugin": "relay", "vifs": [{"name": "a", "port": "net_loadgen0", "mtu": mtu_in},
                                                     {"name": "b", "port": "net_loadgen1", "mtu": mtu_out}]}
    vdevs = [f"net_loadgen0,size={size},rate=100000,count={FRAMES}", "net_loadgen1,start=0"]
    with Node({"ports": ports("net_loadgen0", "net_loadgen1"), "vrs": [vr]}, vdevs) as node:
        node.wait_received(FRAMES)
        return node.quiet()["vrs"]["red"]


def test_just_fits():
    red = run(1014, 1000, 1000)
    check(red["tx"] == FRAMES and red["dropped"] == 0, f"red: {red}")


def test_too_long_in():
    red = run(1015, 1000, 1500)
    check(red["drops"] == {"vif_too_long": FRAMES} and red["tx"] == 0, f"red: {red}")


def test_too_long_out():
    red = run(1015, 1500, 1000)
    check(red["drops"] == {"vif_too_long": FRAMES} and red["tx"] == 0, f"red: {red}")


harness.main()
