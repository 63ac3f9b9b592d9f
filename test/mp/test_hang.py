#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Engines that hang are replaced and killed; those that wait for the CPU, hold packets or stand at a breakpoint are not
taken for hung. VRs whose engines fail in a row are quarantined, with the reason, and released."""
import os
import shutil
import signal
import subprocess
import time

import harness
from harness import Node, Program, Skip, check, ports, relay, wait_for

DETECT_US = 250000  # tenfold of what is wanted on a quiet machine
WATCHED_S = 1.5  # for what must not happen


def times(node, which, vr="red"):
    return node.ctl("vr times", vr=vr)[which]


def two(red, red_vdev="net_loadgen0,rate=10000,flows=100", blue=None, **env):
    """VR red, and blue that must not notice anything of it."""
    blue = blue or relay("blue", "net_loadgen1", balance="flow", slots=16384)
    return Node({"ports": ports("net_loadgen0", "net_loadgen1"), "vrs": [red, blue]},
                [red_vdev, "net_loadgen1,rate=2000,flows=100,rxq=65536"], **env)


def blue_unhurt(node, stats):
    blue, sink = stats["vrs"]["blue"], node.loadgen(1)
    check(blue["dropped"] == 0 and blue["tx"] == blue["rx"] > 0, f"blue: {blue}")
    check(sink["sink_reordered"] == 0 and sink["source_lost"] == 0, f"blue: {sink}")


def hangs(how, *words, after=300):
    """Engine 0 does it; engine 1, parked, has its place soon, and 0 is killed."""
    red = relay("red", "net_loadgen0", plugin="t_hang", args={"hang": how, "after": after}, standby=1, slots=4096, deaths_max=0)
    with two(red) as node:
        row = wait_for(lambda: next((e for e in [node.engines("red")["red/0"]] if e["deaths"]), None), f"{how} is found")
        for word in (*words, "it hung with", "killed by signal 9"):
            check(word in row["last_death"], f"{how}: \"{word}\" is not in {row['last_death']}")
        wait_for(lambda: node.engines("red")["red/1"]["state"] == "running" and node.engines("red")["red/1"]["rx"] > 100,
                 "the parked one has its place")
        detect, outage = times(node, "detect"), times(node, "outage")
        print(f"{how}: found after {detect} us, others serve after {outage} us")
        check(0 < detect[0] < DETECT_US, f"{how}: found after {detect} us")
        stats = node.quiet()
        check(set(stats["vrs"]["red"]["drops"]) <= {"engine_died", "engine_full", "hold_full"}, f"{how}: {stats['vrs']['red']}")
        blue_unhurt(node, stats)


def test_spin():
    hangs("spin", "burnt its CPU time")
    hangs("tick_spin", "burnt its CPU time")


def test_block():
    hangs("block", "was blocked")
    hangs("tick", "was blocked")


def test_stopped():
    with two(relay("red", "net_loadgen0", standby=1, slots=4096, deaths_max=0)) as node:
        for i in range(3):
            victim = wait_for(lambda: [e for e in node.engines("red").values() if e["state"] == "running" and e["rx"] > 50] and
                              [e for e in node.engines("red").values() if e["state"] == "parked"] and node.engines("red"), "two")
            victim = next(e for e in victim.values() if e["state"] == "running")
            os.kill(victim["pid"], signal.SIGSTOP)
            wait_for(lambda i=i: len(times(node, "outage")) == i + 1, "another one serves")
            wait_for(lambda: not harness.alive(victim["pid"]), "it is killed")
        detect = times(node, "detect")
        print(f"SIGSTOP: found after {detect} us, others serve after {times(node, 'outage')} us")
        check(max(detect) < DETECT_US, f"{detect}")
        blue_unhurt(node, node.quiet())


def unharmed(node, *engines, seconds=WATCHED_S):
    """Nobody is replaced or killed for a while."""
    before = {name: node.engines()[name]["pid"] for name in engines}
    time.sleep(seconds)  # for something that must not come
    for name, pid in before.items():
        row = node.engines()[name]
        check(row["pid"] == pid and row["deaths"] == 0 and row["state"] == "running", f"{row}\n{node.program.said}")


def test_holds():
    """A shaper that holds packets for a second."""
    red = {"name": "red", "plugin": "t_hold", "slots": 4096, "vifs": [{"name": "a", "port": "net_loadgen0"}]}
    with two(red, "net_loadgen0,rate=1000") as node:
        wait_for(lambda: node.vr("red")["tx"] > 100, "packets come out")
        unharmed(node, "red/0")
        blue_unhurt(node, node.quiet())


def test_strict():
    """Held to 20 percent of its CPU, and wanting more."""
    red = relay("red", "net_loadgen0", slots=4096, args={"spin_ns": 20000}, power=20, strict=True)
    try:
        with two(red, "net_loadgen0,rate=100000", relay("blue", "net_loadgen1", slots=16384, power=80)) as node:
            wait_for(lambda: node.vr("red")["drops"].get("engine_full", 0) > 1000, "it has too much to do")
            unharmed(node, "red/0")
            blue_unhurt(node, node.quiet(60))
    except AssertionError as why:
        if "there are no CPU shares" in str(why):
            raise Skip(str(why)) from None
        raise


def test_starved():
    """One engine with three neighbours that want all of the CPU."""
    names = [f"net_loadgen{i}" for i in range(4)]
    vrs = [relay(f"v{i}", name, slots=1024, args={"spin_ns": 5000}) for i, name in enumerate(names)]
    with Node({"ports": ports(*names), "vrs": vrs}, [f"{name},rate={1000 if i == 0 else 300000}" for i, name in enumerate(names)]) as node:
        wait_for(lambda: all(v["tx"] > 100 for v in node.stats()["vrs"].values()), "all forward", 30)
        unharmed(node, *(f"v{i}/0" for i in range(4)))
        node.quiet(60)


def attach_gdb(pid):
    if shutil.which("gdb") is None:
        raise Skip("gdb is not installed")
    return Program(["gdb", "-p", str(pid), "-batch", "-ex", "echo stopped\\n", "-ex", "shell sleep 2", "-ex", "detach"])


def test_gdb():
    """gdb stops an engine that the node started: by-passed, not killed, and back when it runs on."""
    with two(relay("red", "net_loadgen0", standby=1, slots=16384, balance="flow-jsq")) as node:
        wait_for(lambda: node.engines("red")["red/0"]["rx"] > 100, "red/0 serves")
        pid = node.engines("red")["red/0"]["pid"]
        gdb = attach_gdb(pid)
        node.others.append(gdb)
        wait_for(lambda: node.engines("red")["red/0"]["state"] == "debug", "it is by-passed", 20)
        wait_for(lambda: node.engines("red")["red/1"]["state"] == "running" and node.engines("red")["red/1"]["rx"] > 100,
                 "the other one serves")
        gdb.wait_exit(60)
        wait_for(lambda: node.engines("red")["red/0"]["state"] == "running", "it has its place again", 20)
        had = node.engines("red")["red/0"]["rx"]
        wait_for(lambda: node.engines("red")["red/0"]["rx"] > had + 100, "packets come to it")
        row = node.engines("red")["red/0"]
        check(row["pid"] == pid and row["deaths"] == 0, f"{row}")
        stats = node.quiet()
        check(set(stats["vrs"]["red"]["drops"]) <= {"engine_late"}, f"{stats['vrs']['red']}")
        check(node.loadgen(0)["sink_reordered"] == 0, f"{node.loadgen(0)}")
        blue_unhurt(node, stats)


def test_by_hand():
    """Stopped as at a breakpoint, alone and beside others; the node's own operations do not wait for it."""
    with Node({"ports": ports("net_loadgen0"), "vrs": [relay("red", "net_loadgen0", 0, slots=1024)]},
              ["net_loadgen0,rate=10000,flows=100"]) as node:
        hand = Program([harness.ENGINE, "--proc-type=secondary", f"--file-prefix={node.prefix}", "--", "--vr", "red"], env=node.env)
        node.others.append(hand)
        wait_for(lambda: (node.engines("red").get("red/0") or {"rx": 0})["rx"] > 100, "it joins")
        os.kill(hand.pid, signal.SIGSTOP)
        wait_for(lambda: node.engines("red")["red/0"]["state"] == "debug", "it is told so")
        wait_for(lambda: node.vr("red")["drops"].get("engine_full"), "its slots fill, as there is nobody else")
        # Engines come and go meanwhile, in no time.
        for n in (2, 0, 1):
            began = time.monotonic()
            node.ctl("vr resize", vr="red", engines=n)
            check(time.monotonic() - began < 1 + harness.slack(), f"{time.monotonic() - began} s to resize")
            wait_for(lambda n=n: sum(e["state"] == "running" for e in node.engines("red").values()) == n, f"{n} engines run")
        lost = node.vr("red")["dropped"]
        wait_for(lambda: node.engines("red")["red/1"]["rx"] > 500 or node.engines("red").get("red/2", {"rx": 0})["rx"] > 500,
                 "another one has the traffic")
        check(node.vr("red")["dropped"] <= lost + 1024, "it is by-passed, so nothing is lost")
        os.kill(hand.pid, signal.SIGCONT)
        wait_for(lambda: node.engines("red")["red/0"]["state"] == "running", "it runs on")
        had = node.engines("red")["red/0"]["rx"]
        wait_for(lambda: node.engines("red")["red/0"]["rx"] > had + 100, "it gets packets again")
        hand.process.send_signal(signal.SIGINT)
        check(hand.wait_exit() == 0, f"{hand.said}")
        red = node.quiet()["vrs"]["red"]
        check(set(red["drops"]) <= {"no_engine", "engine_full", "engine_late"}, f"{red}")


def state(node, vr="red"):
    return {row["vr"]: row for row in node.rows("vr list")}[vr]["state"]


def test_quarantine():
    red = {"name": "red", "plugin": "t_answer", "args": {"answer": "wild"}, "deaths_max": 3,
           "vifs": [{"name": "a", "port": "net_loadgen0"}]}
    with two(red, "net_loadgen0,rate=20000") as node:
        wait_for(lambda: state(node) == "quarantined", "red is quarantined")
        why = node.ctl("vr show", vr="red")["quarantine"]
        for word in ("red/0", "killed by signal 11", "at address 0x1230", "pdp_vr_t_answer.so+0x"):
            check(word in why, f"\"{word}\" is not in {why}")
        check("pdp-ctl vr release red" in node.program.said, node.program.said)
        check(node.engines("red")["red/0"]["deaths"] == 3, f"{node.engines('red')}")
        time.sleep(0.3)  # for an engine that must not come
        check(not any(e["pid"] for e in node.engines("red").values()), f"{node.engines('red')}")
        # Released without being mended: three more, and the end again.
        answer = node.ctl("vr release", vr="red")
        check(answer == {"was_quarantined": True}, f"{answer}")
        wait_for(lambda: node.engines("red")["red/0"]["deaths"] == 6 and state(node) == "quarantined", "it is so again")
        ctl = subprocess.run([os.path.join(harness.BUILD, "apps/pdp-ctl/pdp-ctl"), "--file-prefix", node.prefix, "vr", "release",
                              "red"], capture_output=True, text=True, check=False)
        check(ctl.returncode == 0, f"{ctl}")
        stats = node.quiet()
        check(set(stats["vrs"]["red"]["drops"]) <= {"engine_died", "engine_full", "no_engine"}, f"{stats['vrs']['red']}")
        blue_unhurt(node, stats)
        # Killing from outside is nobody's fault.
        for _ in range(4):
            blue = wait_for(lambda: next((e for e in [node.engines("blue")["blue/0"]] if e["state"] == "running"), None), "blue")
            os.kill(blue["pid"], signal.SIGKILL)
            wait_for(lambda: node.engines("blue")["blue/0"]["deaths"] == blue["deaths"] + 1, "a death")
        wait_for(lambda: node.engines("blue")["blue/0"]["state"] == "running", "blue is back")
        check(state(node, "blue") == "ok", "and not quarantined")


def test_lies():
    red = {"name": "red", "plugin": "t_answer", "args": {"answer": "shorter"}, "lies_max": 200, "slots": 4096,
           "vifs": [{"name": "a", "port": "net_loadgen0"}]}
    with two(red, "net_loadgen0,rate=20000") as node:
        wait_for(lambda: state(node) == "quarantined", "red is quarantined")
        row = wait_for(lambda: next((e for e in [node.engines("red")["red/0"]] if e["deaths"] == 1), None), "one death")
        for word in ("it broke the protocol", "(bounds)", "lies_max is 200"):
            check(word in row["last_death"], f"\"{word}\" is not in {row['last_death']}")
        stats = node.quiet()
        check(set(stats["vrs"]["red"]["drops"]) <= {"lie", "engine_died", "no_engine", "engine_full"}, f"{stats['vrs']['red']}")
        blue_unhurt(node, stats)


harness.main()
