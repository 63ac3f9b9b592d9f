#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""pdp-bench's arithmetic: medians, ratios by rounds, whether a window was disturbed, tables, sources of the sample."""
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import types
import unittest

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "apps", "pdp-bench"))

from pdpbench import Trouble, hosts, machine, main, parties, procs, quiet, sample, session, steps, summary, table, topology  # noqa: E402
from pdpbench.cases import lvrm_1d, memory  # noqa: E402
from pdpbench.session import Sample  # noqa: E402


class Leavings(unittest.TestCase):
    def test_of_killed_ones_and_of_no_others(self):
        paths = ["/run/netns/pdpbench12n1-vr", "/run/dpdk/pdpbench12n3", "/run/pdp-pdpbench12n4.pid",
                 "/run/pdp-keeper/pdpbench12n1.sock", "/run/pdp-netns/pdpbench12n5-red",
                 "/dev/hugepages/pdpbench12n2map_17", "/run/pdp-bench-12-abc", "/tmp/pdp-bench-12-def",
                 "/run/pdp-bench-13-abc", "/run/netns/pdpbench13n1-vr", "/run/dpdk/rte", "/run/pdp-t12.pid",
                 "/run/netns/mypdpbench12n9-vr", "/run/netns/pdpbench12", "/tmp/pdp-bench-12.json"]
        prefixes, folders = procs.of_others(paths, lambda pid: pid == 13)
        self.assertEqual(prefixes, [f"pdpbench12n{n}" for n in (1, 2, 3, 4, 5)])
        self.assertEqual(folders, ["/run/pdp-bench-12-abc", "/tmp/pdp-bench-12-def"])


class Summary(unittest.TestCase):
    def test_median(self):
        self.assertIsNone(summary.median([]))
        self.assertEqual(summary.median([3, 1, 2]), 2)
        self.assertEqual(summary.median([4, 1, 3, 2]), 2.5)

    def test_ratios_are_of_the_same_round(self):
        # The machine is twice as fast in the second round; both parties are. Medians would say 1.5, 1 or 2.
        mine = [Sample(10), Sample(20), Sample(10)]
        other = [Sample(20), Sample(40), Sample(20)]
        self.assertEqual(summary.round_ratios(mine, other), ([0.5, 0.5, 0.5], True))

    def test_disturbed_rounds_count_only_where_there_are_no_others(self):
        mine = [Sample(10), Sample(1, disturbed=True), None]
        other = [Sample(20), Sample(20), Sample(20)]
        self.assertEqual(summary.round_ratios(mine, other), ([0.5], True))
        self.assertEqual(summary.round_ratios(mine[1:], other[1:]), ([0.05], False))
        self.assertEqual(summary.round_ratios([], other), ([], False))
        self.assertEqual(summary.round_ratios([Sample(1)], [Sample(0)]), ([], False))

    def test_quiet_values(self):
        self.assertEqual(summary.quiet_values([Sample(1), None, Sample(9, disturbed=True)]), [1])
        self.assertEqual(summary.quiet_values([Sample(9, disturbed=True)]), [9])

    def test_percentile(self):
        self.assertEqual(summary.percentile(range(1, 101), 99), 99)
        self.assertEqual(summary.percentile([5, 1], 99), 5)
        self.assertEqual(summary.percentile([5], 1), 5)
        self.assertIsNone(summary.percentile([], 50))

    def test_jain(self):
        self.assertEqual(summary.jain([5, 5, 5]), 1)
        self.assertEqual(summary.jain([9, 0, 0]), 1 / 3)
        self.assertIsNone(summary.jain([0, 0]))
        self.assertIsNone(summary.jain([]))

    def test_rounding_keeps_what_is_no_fraction(self):
        self.assertEqual(summary.rounded(1234567), 1234567)
        self.assertEqual(summary.rounded(0.123456), 0.1235)
        self.assertIs(summary.rounded(True), True)

    def test_row(self):
        row = session.summary_row([Sample(2.0), Sample(4.0), Sample(100.0, disturbed=True)])
        self.assertEqual((row["mpps"], row["min"], row["max"]), (3.0, 2.0, 4.0))
        self.assertEqual((row["runs"], row["disturbed"], row["all"]), (3, 1, [2.0, 4.0, 100.0]))


STAT = """cpu  1000 50 500 9000 10 20 30 40 0 0
cpu0 500 25 250 4500 5 10 15 20 0 0
cpu1 500 25 250 4500 5 10 15 20 0 0
intr 12345
"""


class Quiet(unittest.TestCase):
    @staticmethod
    def judge(window_s, busy_s, own_s, steal_s=0.0, n_cpus=2):
        return quiet.judge(quiet.Snapshot(10, 100, 1, 50, n_cpus),
                           quiet.Snapshot(10 + window_s, 100 + busy_s, 1 + steal_s, 50 + own_s, n_cpus))

    def test_proc_stat(self):
        self.assertEqual(quiet.parse_proc_stat(STAT, 100), (0.4, 2))

    def test_parent_of_a_process_with_an_odd_name(self):
        self.assertEqual(quiet.parse_stat("12 (a) b (c)) S 7 12 12 0 -1 0 0 0 0 0 400 300 200 100 20", 100), (7, 3.0))

    def test_family(self):
        parents = {1: 0, 10: 1, 11: 10, 12: 11, 20: 1}
        self.assertEqual(quiet.family([10], parents), {10, 11, 12})

    def test_own_time_disturbs_nobody(self):
        d = self.judge(2.0, busy_s=4.0, own_s=4.0)
        self.assertFalse(d.disturbed)
        self.assertEqual(d.others_pct, 0)

    def test_others_disturb(self):
        d = self.judge(2.0, busy_s=4.0, own_s=3.0)
        self.assertTrue(d.disturbed)
        self.assertAlmostEqual(d.others_pct, 48)

    def test_ticks_are_tolerated(self):
        self.assertFalse(self.judge(0.3, busy_s=0.64, own_s=0.6).disturbed)
        self.assertTrue(self.judge(0.3, busy_s=0.70, own_s=0.6).disturbed)

    def test_steal_disturbs(self):
        self.assertFalse(self.judge(2.0, 4.0, 4.0, steal_s=0.03).disturbed)
        self.assertTrue(self.judge(2.0, 4.0, 4.0, steal_s=0.05).disturbed)

    def test_a_process_that_ended_meanwhile_was_ours(self):
        """Against the real /proc: its time does not go with it."""
        before = quiet.take()
        subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass"], check=True)
        self.assertGreater(quiet.take().own_s - before.own_s, 0.25)

    def test_a_spinning_stranger_is_seen(self):
        """Against the real /proc: what we burn is ours, wherever it runs."""
        before = quiet.take()
        x = 0
        while quiet.time.monotonic() < before.time_s + 0.3:
            x += 1
        after = quiet.take()
        self.assertGreater(after.own_s - before.own_s, 0.01)
        self.assertGreater(after.busy_s, before.busy_s)
        self.assertGreaterEqual(after.n_cpus, 1)


class FakeSession:
    """A session whose windows are disturbed as told."""

    def __init__(self, disturbances, quick=False):
        self.session = session.Session(session.Options(quick=quick))
        self.session.say = lambda text: None
        self.session.wait_until_quiet = lambda: None
        self.disturbances = list(disturbances)
        self.windows = 0

    def run(self):
        def end(_state):
            self.windows += 1
            return self.windows

        saved = quiet.take, quiet.judge
        quiet.take = lambda: None
        quiet.judge = lambda a, b: self.disturbances.pop(0)
        try:
            return self.session.window(0, lambda: None, end)
        finally:
            quiet.take, quiet.judge = saved


class Windows(unittest.TestCase):
    CALM, LOUD, LOUDER = quiet.Disturbance(1, 0), quiet.Disturbance(20, 0), quiet.Disturbance(50, 5)

    def test_calm_window_is_taken_at_once(self):
        self.assertEqual(FakeSession([self.CALM]).run(), (1, self.CALM))

    def test_disturbed_window_is_repeated(self):
        self.assertEqual(FakeSession([self.LOUD, self.LOUDER, self.CALM]).run(), (3, self.CALM))

    def test_repeats_are_bounded_and_the_calmest_counts(self):
        fake = FakeSession([self.LOUDER, self.LOUD] + [self.LOUDER] * 20)
        self.assertEqual(fake.run(), (2, self.LOUD))
        self.assertEqual(fake.windows, 1 + session.WINDOW_REPEATS)

    def test_quick_repeats_nothing(self):
        self.assertEqual(FakeSession([self.LOUD] * 2, quick=True).run(), (1, self.LOUD))

    def test_a_late_case_repeats_nothing(self):
        fake = FakeSession([self.LOUD] * 2)
        fake.session.case_start -= session.CASE_MAX_S + 1
        self.assertEqual(fake.run(), (1, self.LOUD))


class Tables(unittest.TestCase):
    def test_columns_are_aligned(self):
        text = table.table([{"party": "a", "mpps": 1.5}, {"party": "long", "mpps": None}])
        self.assertEqual(text, "party  mpps\na       1.5\nlong      -")

    def test_rows_of_other_shape_are_a_table_of_their_own(self):
        text = table.tables([{"a": 1}, {"b": True}, {"a": 2}])
        self.assertEqual(text, "a\n1\n2\n\nb\nyes")


class Accounts(unittest.TestCase):
    def test_stage_cycles_are_of_the_window(self):
        old = {"send": {"tsc": 100, "packets": 10}, "idle": {"tsc": 5, "packets": 0}}
        new = {"send": {"tsc": 400, "packets": 20}, "idle": {"tsc": 9, "packets": 0}}
        self.assertEqual(parties.stage_cycles(old, new), {"send": 30, "idle": None})

    def test_engine_cycles_sum_over_vrs(self):
        old = [{"busy_tsc": 0, "packets": 0, "process_tsc": 0, "process_packets": 0}] * 2
        new = [{"busy_tsc": 300, "packets": 10, "process_tsc": 8, "process_packets": 2},
               {"busy_tsc": 100, "packets": 10, "process_tsc": 0, "process_packets": 0}]
        self.assertEqual(parties.engine_cycles(old, new), {"engine": 20, "plugin": 4})

    def test_dropped(self):
        self.assertEqual(parties.dropped_pct({"r": {"dropped": 1, "rx": 10}}, {"r": {"dropped": 6, "rx": 110}}), 5)


class Sources(unittest.TestCase):
    def test_sources_of_debian_only_and_once(self):
        targets = ("Debian|http://m/debian/|bookworm|main|/usr/share/k.gpg\n"
                   "Debian|http://m/debian/|bookworm|main|/usr/share/k.gpg\n"
                   "Debian|http://m/debian/|bookworm|contrib|/usr/share/k.gpg\n"
                   "Other|http://o/|bookworm|main|\n"
                   "Debian|http://s/|bookworm-security|main|\n")
        self.assertEqual(sample.source_list(targets),
                         "deb-src [signed-by=/usr/share/k.gpg] http://m/debian/ bookworm main\n"
                         "deb-src http://s/ bookworm-security main\n")


class Search(unittest.TestCase):
    """The search for saturation, of a machine that saturates at a known rate."""

    def search(self, top, **limits):
        self.asked = []

        def passes(pps):
            self.asked.append(pps)
            return pps <= top

        return lvrm_1d.search(passes, **limits)

    def test_finds_it_above_the_first_rate(self):
        for top in (1e6, 1.5e6, 3.3e6, 42e6):
            found = self.search(top)
            self.assertLessEqual(found, top)
            self.assertGreater(found, 0.98 * top)

    def test_finds_it_below_the_first_rate(self):
        found = self.search(3e5)
        self.assertTrue(0.98 * 3e5 < found <= 3e5, found)

    def test_never_asks_beyond_the_highest(self):
        self.search(1e12, highest=2e8)
        self.assertLess(max(self.asked), 2e8)

    def test_nothing_passes(self):
        self.assertEqual(self.search(0), 0)
        self.assertLess(len(self.asked), 12)


SMAPS = """55d0a000-55d0b000 r-xp 00000000 08:01 17                         /b/pdp-engine
Size:                  4 kB
Pss:                 100 kB
Pss_Dirty:             7 kB
7f0000000000-7f0000001000 r-xp 00000000 08:01 18                 /b/relay/pdp_vr_relay.so
Pss:                  20 kB
7f0000001000-7f0000002000 rw-p 00000000 00:00 0
Pss:                   3 kB
"""


class Placements(unittest.TestCase):
    """Two packages of two cores of two threads: threads of core c are c and c + 4, package is c / 2."""

    @staticmethod
    def place_of(cpu):
        return topology.Place(frozenset([cpu % 4, cpu % 4 + 4]), cpu % 4 // 2)

    def test_one_of_each_kind(self):
        found = topology.placements(0, range(8), self.place_of)
        self.assertEqual(found, {"thread": 4, "sibling": 1, "other": 2})

    def test_what_may_not_be_used_is_not_there(self):
        found = topology.placements(1, [0, 1], self.place_of)
        self.assertEqual(found, {"thread": None, "sibling": 0, "other": None})

    def test_lists_of_cpus(self):
        self.assertEqual(topology.parse_cpu_list("0-2,5\n"), [0, 1, 2, 5])
        self.assertEqual(topology.parse_cpu_list(""), [])


class Steps(unittest.TestCase):
    """57 and 117 kpps, 5 s each, up and down; somebody looks once a second."""

    STEPS = [(57000, 5), (117000, 5), (57000, 5)]

    @staticmethod
    def right(pps):
        return -(-pps // 60000)

    def follow(self, late_s, phase_s=0.4):
        """Counts that are right so long after each step, seen ten times a second."""
        seen = []
        for i in range(150):
            t = i / 10
            before = max(0.0, t - late_s)
            seen.append((t, 2 if 5 <= before < 10 else 1))
        return steps.grade(seen, self.STEPS, 1, phase_s, self.right)

    def test_staircase(self):
        self.assertEqual(steps.staircase([57000, 117000], 5), self.STEPS)
        self.assertEqual(steps.profile(self.STEPS), "57000:5+117000:5+57000:5")
        self.assertEqual(steps.length_s(self.STEPS), 15)

    def test_clock_from_what_was_due(self):
        self.assertEqual(steps.time_of(self.STEPS, 28500), 0.5)
        self.assertEqual(steps.time_of(self.STEPS, 57000 * 5 + 117000), 6)
        self.assertEqual(steps.time_of(self.STEPS, 10**9), 15)
        self.assertEqual(steps.time_of([(0, 2), (100, 1)], 50), 2.5)

    def test_a_step_has_a_period_of_grace(self):
        ticks = steps.graded_ticks(self.STEPS, 1, 0.4)
        self.assertEqual([round(t, 3) for t, _ in ticks], [1.4, 2.4, 3.4, 4.4, 6.4, 7.4, 8.4, 9.4, 11.4, 12.4, 13.4, 14.4])
        self.assertEqual([pps for _, pps in ticks], [57000] * 4 + [117000] * 4 + [57000] * 4)
        self.assertEqual([t for t, _ in steps.graded_ticks([(1, 3)], 1, 7)], [1, 2])

    def test_the_look_after_a_whole_period_has_to_be_right(self):
        self.assertEqual(steps.right_part(self.follow(1.4)), 1)
        self.assertEqual(steps.right_part(self.follow(2.4)), 10 / 12)
        self.assertEqual(steps.right_part(self.follow(100)), 8 / 12)

    def test_periods_that_nobody_saw_do_not_count(self):
        self.assertEqual(steps.grade([(1.5, 1)], self.STEPS, 1, 0.4, self.right), [(1.4, 57000, 1, 1)])
        self.assertIsNone(steps.right_part([]))

    def test_changes(self):
        self.assertEqual(steps.changes([(0, 1), (1, 1), (2, 2), (3, 1)]), 2)
        self.assertEqual(steps.changes([]), 0)


NETSTAT = """TcpExt: SyncookiesSent TCPOFOQueue TCPChallengeACK
TcpExt: 0 17 3
IpExt: InNoRoutes
IpExt: 1
Tcp: RetransSegs InErrs
Tcp: 4 0
"""


class Hosts(unittest.TestCase):
    def test_counters(self):
        self.assertEqual(hosts.parse_counters(NETSTAT, hosts.COUNTERS), {"TCPOFOQueue": 17, "RetransSegs": 4})


class Memory(unittest.TestCase):
    def test_smaps(self):
        self.assertEqual(memory.parse_smaps(SMAPS, "/b/relay/pdp_vr_relay.so"), (123, 20))


class Running(unittest.TestCase):
    """Several cases in one run, with cases that need nothing."""

    def run_fakes(self, **fakes):
        class Nothing:
            def __init__(self, _options):
                self.said = []

            def __enter__(self):
                return self

            def __exit__(self, *_):
                pass

            def begin_case(self, name):
                self.case = name

            def say(self, text):
                self.said.append(text)

        def fails(_session):
            raise Trouble("no such thing; get one")

        modules = {name: types.SimpleNamespace(NAME=name, ABOUT="about", run=run or fails)
                   for name, run in fakes.items()}
        saved = main.ALL, main.Session, main.find_build
        main.ALL, main.Session, main.find_build = modules, Nothing, lambda script, given: "/b"
        try:
            with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
                file = os.path.join(folder, "out.json")
                code = main.run_cases(main.parse(["run", *fakes, "--json", file]), "/b/apps/pdp-bench/pdp-bench")
                with open(file, encoding="utf-8") as f:
                    return code, json.load(f)
        finally:
            main.ALL, main.Session, main.find_build = saved

    @staticmethod
    def good(_session):
        return {"rows": [{"n": 1.23456}], "figures": {"mpps": 2.0}}

    def test_one_case_is_an_object(self):
        code, result = self.run_fakes(good=self.good)
        self.assertEqual(code, 0)
        self.assertEqual(sorted(result), ["case", "figures", "machine", "rows"])
        self.assertEqual((result["case"], result["rows"], result["figures"]), ("good", [{"n": 1.235}], {"mpps": 2.0, "disturbed_pct": 0}))

    def test_a_case_that_cannot_run_says_so_and_others_go_on(self):
        code, results = self.run_fakes(bad=None, good=self.good)
        self.assertEqual(code, 1)
        self.assertEqual([r["case"] for r in results], ["bad", "good"])
        self.assertEqual(results[0]["rows"], [{"error": "no such thing; get one"}])
        self.assertEqual((results[0]["figures"], results[1]["figures"]), ({}, {"mpps": 2.0, "disturbed_pct": 0}))

    def test_how_much_was_disturbed(self):
        rows = [{"runs": 5, "disturbed": 1}, {"runs": 3, "disturbed": 1}, {"passes": True, "disturbed": True}]
        self.assertEqual(main.disturbed_pct(rows), 25)
        self.assertEqual(main.disturbed_pct([{"n": 1}]), 0)


class Build(unittest.TestCase):
    def test_folder_without_programs_is_refused_with_the_remedy(self):
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaisesRegex(Trouble, "ninja -C build"):
                session.find_build("/nowhere/apps/pdp-bench/pdp-bench", folder)

    def test_hugepages_that_were_not_added_are_not_taken(self):
        pages = machine.Hugepages(0)
        pages.reserve()
        self.assertEqual(pages.added, 0)
        pages.give_back()


if __name__ == "__main__":
    unittest.main()
