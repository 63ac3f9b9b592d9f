#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""kill -9 of the primary at any moment: the next one of its prefix, started at once, just works.

PDP_KILLS=N makes it so many kills (default: 24); PDP_SEED=N repeats a run whose failure named it."""
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time

import harness
from harness import ENGINE, Node, Program, alive, check, ports, relay, wait_for

KILLS = int(os.environ.get("PDP_KILLS", "24"))
SEED = int(os.environ.get("PDP_SEED", str(random.SystemRandom().randrange(1 << 32))))
START_S = 0.6  # about what a start takes: the moments of half of the kills
STOP_S = 0.1


def node_of(prefix=None, **keys):
    vrs = [relay("red", "net_loadgen0", engines=2, standby=1), relay("blue", "net_loadgen1")]
    vdevs = ["net_loadgen0,rate=50000,flows=100", "net_loadgen1,rate=5000,flows=10"]
    return Node({"ports": ports("net_loadgen0", "net_loadgen1"), "vrs": vrs}, vdevs, prefix=prefix, start=False, **keys)


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            direct = f.read().split()
        tasks = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    for task in tasks:
        try:
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as f:
                direct += f.read().split()
        except OSError:
            pass
    return [int(p) for p in set(direct)]


def one_life(node, rng):
    """Start, and kill at a random moment; engines that were seen. The primary is not waited for."""
    how = rng.choice(("start", "start", "traffic", "stop"))
    node.spawn()
    if how == "start":
        time.sleep(rng.uniform(0, START_S))  # any moment will do
    else:
        wait_for(lambda: "runs:" in node.program.said or node.program.ended(), "start", harness.START_S)
        check("runs:" in node.program.said, f"the next one does not start:\n{node.program.said}")
        time.sleep(rng.uniform(0, 0.05))
    if how == "stop":
        node.program.process.send_signal(signal.SIGTERM)
        time.sleep(rng.uniform(0, STOP_S))
    engines = children(node.program.pid)
    # What ended before by itself must have ended in order; what was killed, by the kill.
    node.program.process.kill()
    return how, engines


def test_any_moment():
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    node = node_of()
    ended = {"start": 0, "traffic": 0, "stop": 0}
    engines = []
    try:
        for i in range(KILLS):
            try:
                how, pids = one_life(node, rng)
                ended[how] += 1
                engines += pids
                before = node.program
            except AssertionError as err:
                raise AssertionError(f"seed {SEED}, kill {i} of {KILLS}: {err}") from err
            code = before.wait_exit()
            check(code == -signal.SIGKILL or (how == "stop" and code == 0),
                  f"seed {SEED}, kill {i} ({how}): it ended with {code}:\n{before.said}")
        print(ended)
        # The last one lives: all of the earlier ones' is gone, and at its end its own is, too.
        node.start()
        check(not any(alive(p) and os.readlink(f"/proc/{p}/exe").endswith("pdp-engine") for p in engines),
              "engines of killed primaries live")
        node.wait_received(1000, "red")
        node.wait_received(100, "blue")
        node.quiet()
        node.stop()
    finally:
        node.clean_up()


def test_at_once():
    """The next one is started before the kernel has taken down the one that was killed."""
    node = node_of()
    try:
        node.start()
        old = node.program
        os.kill(old.pid, signal.SIGKILL)
        node.spawn()
        old.wait_exit()
        wait_for(lambda: "runs:" in node.program.said or node.program.ended(), "start", harness.START_S)
        node.engines()
        node.quiet()
        node.stop()
    finally:
        node.clean_up()


def test_stubborn():
    """Engines that cannot hear of it: one by hand that is stopped, one of a primary's that is stopped, too."""
    node = node_of()
    try:
        node.start()
        hand = Program([ENGINE, "--proc-type=secondary", f"--file-prefix={node.prefix}", "--", "--vr", "red"])
        node.others.append(hand)
        wait_for(lambda: any(e["pid"] == hand.pid and e["rx"] > 0 for e in node.engines("red").values()), "one joins by hand")
        for pid in (hand.pid, node.engines("red")["red/0"]["pid"]):
            os.kill(pid, signal.SIGSTOP)
        node.program.kill()
        check(alive(hand.pid), "the stopped one has left")
        node.start()
        check(not alive(hand.pid), "an engine of the killed primary is still there")
        check("1 engines of its ended" in node.program.said, node.program.said)
        node.quiet()
        node.stop()
    finally:
        node.clean_up()


def test_vhost_socket():
    """A port that listens leaves its socket's file."""
    folder = tempfile.mkdtemp(prefix="pdp-mp-")
    path = f"{folder}/vhost.sock"
    config = {"ports": ports("net_vhost0"), "vrs": [relay("red", "net_vhost0")]}
    node = Node(config, [f"net_vhost0,iface={path}"], start=False)
    try:
        for _ in range(2):
            node.start()
            check(os.path.exists(path), "there is no socket")
            node.program.kill()
        node.start()
        node.stop()
    finally:
        node.clean_up()
        shutil.rmtree(folder)


def test_not_parent():
    """An engine whose primary died before it could ask to end with it, and now another answers, leaves."""
    with node_of() as node:
        node.start()
        done = subprocess.run([ENGINE, "--proc-type=secondary", f"--file-prefix={node.prefix}", "--", "--vr=red",
                               "--engine=0"], capture_output=True, text=True, timeout=20, check=False)
        check(done.returncode == 1, f"{done}")
        check("was not asked for" in done.stderr, f"{done}")


harness.main()
