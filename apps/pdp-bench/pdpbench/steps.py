# SPDX-License-Identifier: BSD-3-Clause
"""
Loads that go up and down by steps, and how well something followed them. Pure. Steps are (pps, seconds) pairs; time
counts in seconds from the first of them, which is the clock of a loadgen profile.
"""


def staircase(levels, seconds):
    """Up through all levels and down again."""
    return [(pps, seconds) for pps in list(levels) + list(levels)[-2::-1]]


def profile(steps):
    """As loadgen wants it."""
    return "+".join(f"{pps}:{seconds:g}" for pps, seconds in steps)


def length_s(steps):
    return sum(seconds for _, seconds in steps)


def time_of(steps, packets):
    """When so many packets were due."""
    t = 0
    for pps, seconds in steps:
        if packets <= pps * seconds:
            return t + (packets / pps if pps else 0)
        packets -= pps * seconds
        t += seconds
    return t


def starts(steps):
    """@return [(begin, end, pps)]"""
    t, found = 0, []
    for pps, seconds in steps:
        found.append((t, t + seconds, pps))
        t += seconds
    return found


def graded_ticks(steps, period_s, phase_s):
    """
    When something that looks at the load once a period could know it: looks at a whole period of one and the same step,
    which is the grace of one period that each step has.
    @param phase_s  when it looks: at this time and any number of periods before and after it
    @return [(time, pps)]
    """
    ticks = []
    for begin, end, pps in starts(steps):
        k = -(-(begin + period_s - phase_s) // period_s)
        while phase_s + k * period_s < end:
            ticks.append((phase_s + k * period_s, pps))
            k += 1
    return ticks


def count_during(samples, begin, end):
    """What was seen most often. @param samples  [(time, count)]; None: nothing was seen"""
    seen = [count for t, count in samples if begin <= t < end]
    return max(set(seen), key=seen.count) if seen else None


def grade(samples, steps, period_s, phase_s, right):
    """
    Every period between two looks has the count that the former led to.
    @param samples   [(time, count)]
    @param right(pps) -> count
    @return [(time, pps, count, right count)] for every period that counts and was seen
    """
    graded = []
    for t, pps in graded_ticks(steps, period_s, phase_s):
        count = count_during(samples, t, t + period_s)
        if count is not None:
            graded.append((t, pps, count, right(pps)))
    return graded


def right_part(graded):
    """Of the graded periods, 0..1; None of none."""
    return sum(count == right for _, _, count, right in graded) / len(graded) if graded else None


def changes(samples):
    """How often the count changed."""
    counts = [count for _, count in samples]
    return sum(a != b for a, b in zip(counts, counts[1:]))
