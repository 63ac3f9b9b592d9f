#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What plugins do, right and wrong, and what the node makes of it: refused ones, wrong answers, crashes, packets made,
copied and held, messages, counters."""
import os

import harness
from harness import Node, check, ports, relay, wait_for

GOOD = 500  # t_answer forwards so many before it begins to answer its way


def node_of(plugin, args=None, vdev="net_loadgen0,rate=20000,flows=100", **keys):
    """VR red with the plugin on net_loadgen0; so many slots that an engine may be off its CPU for long."""
    keys.setdefault("slots", 16384)
    vr = {"name": "red", "plugin": plugin, "args": args or {}, "vifs": [{"name": "a", "port": "net_loadgen0"}], **keys}
    return Node({"ports": ports("net_loadgen0"), "vrs": [vr]}, [vdev])


def refused(plugin, *words):
    vr = {"name": "red", "plugin": plugin, "vifs": [{"name": "a", "port": "net_loadgen0"}]}
    with Node({"ports": ports("net_loadgen0"), "vrs": [vr]}, ["net_loadgen0"], start=False) as node:
        node.refuse(*words)


def test_refused():
    refused("t_refused_init", "red/0: error: the licence of red has expired", "init() of plugin", "Permission denied")
    refused("t_refused_abi", "was built for plugin ABI 4, this engine has 3")
    refused("t_refused_no_process", "has no process()")
    refused(os.path.join(harness.BUILD, "apps/pdp-ctl/pdp-ctl"), "cannot load the plugin")


def test_no_plugin():
    vr = {"name": "red", "plugin": "nobody", "vifs": [{"name": "a", "port": "net_loadgen0"}]}
    with Node({"ports": ports("net_loadgen0"), "vrs": [vr]}, ["net_loadgen0"], start=False) as node:
        node.refuse("vrs[0].plugin", "nobody")


def answers(how, drops=None, lies=None):
    """All packets but the first GOOD ones are dropped for that reason, and the engine is said to lie so."""
    with node_of("t_answer", {"answer": how}) as node:
        wait_for(lambda: node.counters("red")["answered"] > 2000, "2,000 answers")
        stats = node.quiet()
        red, counters = stats["vrs"]["red"], node.counters("red")
        check(counters["seen"] == red["rx"], f"seen {counters}, VR {red}")
        if drops is None:
            check(red["dropped"] == 0 and red["tx"] == red["rx"], f"{how}: {red}")
        else:
            check(red["drops"] == {drops: counters["answered"]} and red["tx"] == GOOD, f"{how}: {counters} {red}")
        told = node.engines("red")["red/0"]["lies"]
        check(told == ({lies: counters["answered"]} if lies else {}), f"{how}: lies {told}, {counters}")


def test_answers():
    answers("forward")
    answers("drop", "vr")
    answers("punt", "punt_no_control_plane")


def test_wrong_answers():
    answers("hold", "bad_hold")
    answers("no_verdict", "bad_hold")
    answers("no_vif", "bad_vif")
    answers("longer", "vif_too_long")


def test_wild_answers():
    """Bytes that are not the packet's: the engine drops them, or the MD finds out."""
    for how in ("shorter", "before", "behind"):
        with node_of("t_answer", {"answer": how}, lies_max=0) as node:
            wait_for(lambda: node.counters("red")["answered"] > 2000, "2,000 answers")
            red, counters = node.quiet()["vrs"]["red"], node.counters("red")
            check(red["dropped"] == counters["answered"] and red["tx"] == GOOD, f"{how}: {counters} {red}")
            check(set(red["drops"]) <= {"lie"}, f"{how}: {red}")
    answers("astray")


def dies(how, words):
    """An engine that dies again and again costs its own packets and nobody else's."""
    vrs = [{"name": "red", "plugin": "t_answer", "args": {"answer": how}, "vifs": [{"name": "a", "port": "net_loadgen0"}]},
           relay("blue", "net_loadgen1", slots=16384)]
    vdevs = ["net_loadgen0,rate=20000", "net_loadgen1,rate=2000,rxq=65536"]
    with Node({"ports": ports("net_loadgen0", "net_loadgen1"), "vrs": vrs}, vdevs) as node:
        row = wait_for(lambda: next((e for e in [node.engines("red")["red/0"]] if e["deaths"] >= 3), None), "3 deaths")
        check(words in row["last_death"], f"{how}: {row}")
        node.conserved()
        stats = node.quiet()
        check(stats["vrs"]["blue"]["dropped"] == 0, f"{how}: blue lost {stats['vrs']['blue']}")
        check(node.loadgen(1)["source_lost"] == 0, f"{how}: {node.loadgen(1)}")
        drops = stats["vrs"]["red"]["drops"]
        check(set(drops) <= {"engine_died", "no_engine", "engine_full"} and drops["engine_died"] >= 3, f"{how}: {drops}")


def test_deaths():
    dies("segv", "killed by signal 11")
    dies("die", "killed by signal 6")
    dies("leave", "exited with code 3")


def test_make():
    """Originated and copied packets leave, are counted once, and a BLANK given back unused is not."""
    names = ["net_loadgen0", "net_loadgen1", "net_loadgen2"]
    vr = {"name": "red", "plugin": "t_make", "vifs": [{"name": n[-1:] + "x", "port": n} for n in names]}
    for i, vif in enumerate(vr["vifs"]):
        vif["name"] = f"v{i}"
    vdevs = [f"{n},size=700," + ("rate=1000" if i == 0 else "start=0") for i, n in enumerate(names)]
    with Node({"ports": ports(*names), "vrs": [vr]}, vdevs) as node:
        wait_for(lambda: node.counters("red")["copied"] > 1000 and node.counters("red")["originated"] > 1000, "packets made")
        node.conserved()
        node.set_loadgen("state=stop")
        wait_for(lambda: node.loadgen(0)["source_waiting"] == 0 and node.vr("red")["in_flight"] == 0, "nothing in flight")
        before, counters = node.vr("red"), node.counters("red")
        stats = node.conserved()
        after = stats["vrs"]["red"]
        # It goes on making packets: what it counted lies between two looks.
        made = counters["copied"] + counters["originated"]
        check(before["originated"] - 64 <= made <= after["originated"], f"{counters}, before {before}, after {after}")
        check(counters["unused"] > 100, f"{counters}")
        check(after["rx"] + after["originated"] == after["tx"] + after["in_flight"] and after["dropped"] == 0, f"{after}")
        vifs = {v["vif"]: v for v in harness.rows(node.ctl("vr show", vr="red")["vifs"])}
        check(vifs["v1"]["tx"] > 500 and vifs["v2"]["tx"] > 500, f"{vifs}")
        check(counters["copied"] + counters["no_room"] >= 2 * after["rx"], f"{counters} {after}")


def test_no_blanks():
    """Without BLANKs nothing can be made, and everything else works."""
    with node_of("t_make", blank_slots=0, vdev="net_loadgen0,rate=1000") as node:
        wait_for(lambda: node.counters("red")["no_room"] > 100, "refused packets")
        red = node.quiet()["vrs"]["red"]
        check(red["originated"] == 0 and red["tx"] == red["rx"] > 0, f"{red}")


def test_hold():
    """Held packets are in flight, not lost; they come a second late, in order."""
    with node_of("t_hold", vdev="net_loadgen0,rate=500,flows=1") as node:
        wait_for(lambda: node.vr("red")["tx"] > 300, "packets released", 5)
        red = node.conserved()["vrs"]["red"]
        check(300 < red["in_flight"] < 900, f"about 500 of them are held: {red}")
        sink = node.loadgen()
        check(sink["sink_latency_min_ns"] >= 0.99e9 and sink["sink_reordered"] == 0, f"{sink}")
        red = node.quiet()["vrs"]["red"]
        check(red["dropped"] == 0 and red["tx"] == red["rx"], f"{red}")
        # Stopped with packets in its hands: they are dropped by a name, and the pool is whole.
        node.set_loadgen("state=start")
        wait_for(lambda: node.vr("red")["in_flight"] > 50, "held again")
    with node_of("t_hold", slots=64, vdev="net_loadgen0,rate=1000") as node:
        wait_for(lambda: node.vr("red")["drops"].get("engine_full", 0) > 100, "all slots held")
        red = node.quiet()["vrs"]["red"]
        check(set(red["drops"]) == {"engine_full"} and red["tx"] > 0, f"{red}")


def test_talk():
    """Messages between three siblings come whole and in order, also when the data path is full."""
    with node_of("t_talk", engines=3, balance="rr", vdev="net_loadgen0,rate=300000,flows=100") as node:
        wait_for(lambda: node.counters("red")["got"] > 20000, "20,000 messages", 30)
        counters, control = node.counters("red"), node.ctl("vr show", vr="red")["control"]
        check(counters["wrong"] == 0, f"{counters}")
        check(counters["refused"] == 3 * 4, f"{counters}")
        check("a_name_of_thirty-one_characters" in counters, f"{counters}")
        check(control["relayed"] >= counters["got"], f"{control} {counters}")
        node.quiet()


harness.main()
