# SPDX-License-Identifier: BSD-3-Clause
"""
A node watched while its load changes: how many engines each VR has, by a thread that asks the control socket, and when
the steps of its loadgen ports' profiles began. All times are time.monotonic().
"""
import threading
import time

from . import steps as of_steps
from .procs import wait_for
from .sockets import Control, table_rows

EVERY_S = 0.02
CLOCK_LOOKS = 20
START_S = 20


class Watch(threading.Thread):
    """Engines of every VR over time. A context: watches while inside."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.control = Control(node.prefix, node.check)
        self.samples = []  # (time, {VR: engines that get packets})
        self.over = threading.Event()
        self.error = None

    def run(self):
        try:
            while not self.over.wait(EVERY_S):
                before = time.monotonic()
                rows = table_rows(self.control.ask("vr list"))
                self.samples.append(((before + time.monotonic()) / 2, {row["vr"]: row["running"] for row in rows}))
        except Exception as err:  # whatever it is, the thread that waits says it
            self.error = err

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        self.over.set()
        self.join()
        self.control.close()
        if self.error is not None and kind is None:
            raise self.error

    def counts(self, vr, begin):
        """@return [(seconds since begin, engines)]"""
        return [(t - begin, counts[vr]) for t, counts in self.samples]


def profile_began(node, port, steps):
    """
    When a profile that has just been started began, by the packets that were due since: whatever is seen is late, never
    early, so the earliest of some looks is right.
    """
    wait_for(f"{node.name}: nothing is due", lambda: node.figures(port)["source_offered"] > 0, START_S, node.check)
    began = []
    for _ in range(CLOCK_LOOKS):
        due = node.figures(port)["source_offered"]
        began.append(time.monotonic() - of_steps.time_of(steps, due))
        time.sleep(0.005)
    return min(began)
