#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""An engine started by hand joins, takes traffic and leaves without loss; one that may not join says why in a sentence."""
import signal

import harness
from harness import Node, Program, check, ports, relay, wait_for


def by_hand(node, *words, prefix=None, eal=("--proc-type=secondary",)):
    program = Program([harness.ENGINE, *eal, f"--file-prefix={prefix or node.prefix}", "--", *words], env=node.env)
    node.others.append(program)
    return program


def join(node, *words, count=1):
    """Start one and wait until it gets packets. Returns it and its name."""
    program = by_hand(node, "--vr", "red", *words)

    def joined():
        check(not program.ended(), f"it does not join:\n{program.said}")
        return [name for name, row in node.engines("red").items()
                if row["by"] == "hand" and row["pid"] == program.pid and row["rx"] > 100]
    return program, wait_for(joined, f"engine {count} joins")[0]


def red_node(**keys):
    return Node({"ports": ports("net_loadgen0"), "vrs": [relay("red", "net_loadgen0", **{"slots": 8192, **keys})]},
                ["net_loadgen0,rate=10000,flows=1000"])


def test_join_and_leave():
    with red_node(balance="flow") as node:
        for sig in (signal.SIGINT, signal.SIGTERM):
            program, name = join(node)
            check(name == "red/1", f"it is {name}")
            program.process.send_signal(sig)
            check(program.wait_exit() == 0, f"it leaves with {program.process.returncode}:\n{program.said}")
            wait_for(lambda: node.engines("red")["red/1"]["state"] == "none", "its place is free")
            check(node.engines("red")["red/1"]["deaths"] == 0, "leaving is no death")
        red = node.quiet()["vrs"]["red"]
        check(red["dropped"] == 0 and node.loadgen()["source_lost"] == 0, f"packets were lost: {red}")


def test_several_and_killed():
    with red_node(balance="rr") as node:
        programs = [join(node, count=i)[0] for i in (1, 2, 3)]
        programs[0].kill()
        wait_for(lambda: node.engines("red")["red/1"]["state"] == "none", "the killed one is gone")
        check(node.engines("red")["red/1"]["deaths"] == 1, f"{node.engines('red')}")
        program, name = join(node, "--cpu", str(harness.ENGINE_CPU))
        check(name == "red/1", f"the free place is taken again, not {name}")
        red = node.quiet()["vrs"]["red"]
        check(set(red["drops"]) <= {"engine_died", "engine_full"}, f"{red}")
    # The node ended with three of them: they leave with it.
    for left in (*programs[1:], program):
        check(left.wait_exit(2 + harness.slack()) == 0, f"it ends with {left.process.returncode}:\n{left.said}")


def test_first_engine_by_hand():
    """A VR that is configured without engines gets its first one by hand."""
    with red_node(engines=0) as node:
        wait_for(lambda: node.vr("red")["drops"].get("no_engine"), "no engine is there")
        join(node)
        wait_for(lambda: node.vr("red")["tx"] > 1000, "packets are forwarded")
        red = node.quiet()["vrs"]["red"]
        check(set(red["drops"]) == {"no_engine"}, f"{red}")


def refused(node, program, *words, code=1):
    got = program.wait_exit()
    for word in words:
        check(word in program.said, f"\"{word}\" is not in what it said:\n{program.said}")
    check(got == code, f"exit code {got}, not {code}:\n{program.said}")
    if code == 1:
        said = [line for line in program.said.splitlines() if line.startswith("pdp-engine: ")]
        check(len(said) == 1, f"one sentence is wanted:\n{program.said}")
    check([e["state"] for e in node.engines().values() if e["pid"] or e["state"] != "none"] == ["running"],
          f"something is left of it: {node.engines()}")


def test_refused():
    with red_node() as node:
        refused(node, by_hand(node, "--vr", "red", prefix=node.prefix + "x"), "no primary answers", "--file-prefix")
        refused(node, by_hand(node, "--vr", "green"), "the node has no VR \"green\"")
        refused(node, by_hand(node, "--vr", "red", "--cpu", str(harness.MD_CPU)), "is not among cpus.engines")
        refused(node, by_hand(node, "--vr", "red", "--engine", "0"), "was not asked for")
        for words in (["--lcores", "5@0"], ["--lcores=5@0"], ["-l", "1"], ["-c", "1"]):
            refused(node, by_hand(node, "--vr", "red", eal=("--proc-type=secondary", *words)), "leave --lcores")
        refused(node, by_hand(node), "usage:", code=2)
        refused(node, by_hand(node, "--vr", "red", "more"), "usage:", code=2)
        refused(node, by_hand(node, "--vr", "red", "--cpu", "x"), "is no number", code=2)
        node.conserved()


harness.main()
