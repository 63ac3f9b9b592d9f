#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""An endless init() of one VR keeps nobody else's engines from starting, and is ended after its ten seconds."""
import os
import signal

import harness
from harness import Node, check, ports, relay, wait_for


def test_endless():
    red = relay("red", "net_loadgen0", 0, plugin="t_hang", args={"hang": "init", "after": 0})
    blue = relay("blue", "net_loadgen1", balance="flow", slots=16384)
    with Node({"ports": ports("net_loadgen0", "net_loadgen1"), "vrs": [red, blue]},
              ["net_loadgen0,rate=10000,flows=100", "net_loadgen1,rate=2000,flows=100,rxq=65536"]) as node:
        node.ctl("vr resize", vr="red", engines=1)
        wait_for(lambda: node.engines("red") and node.engines("red")["red/0"]["state"] == "joining", "it spins in init")
        pid = node.engines("blue")["blue/0"]["pid"]
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: node.engines("blue")["blue/0"]["state"] == "running" and node.engines("blue")["blue/0"]["pid"] != pid,
                 "blue is back meanwhile")
        check(node.engines("red")["red/0"]["deaths"] == 0, "red still spins then")
        wait_for(lambda: "init() took longer than" in node.program.said, "and it is killed", 20)
        wait_for(lambda: node.engines("red")["red/0"]["deaths"] == 1, "and gone")
        node.quiet()


harness.main()
