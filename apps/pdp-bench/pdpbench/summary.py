# SPDX-License-Identifier: BSD-3-Clause
"""What becomes of measured values: medians, spread, ratios of what was measured in the same round. Pure."""


def median(values):
    """Median of a list; None of an empty one."""
    s = sorted(values)
    n = len(s)
    if n == 0:
        return None
    return s[n // 2] if n % 2 else (s[n // 2 - 1] + s[n // 2]) / 2


def percentile(values, pct):
    """Nearest rank: the smallest value that at least pct percent are not above; None of an empty list."""
    s = sorted(values)
    if not s:
        return None
    rank = -(-len(s) * pct // 100)
    return s[int(min(max(rank, 1), len(s))) - 1]


def spread_pct(values):
    """(largest - smallest) / median in percent; None where that says nothing."""
    mid = median(values)
    return None if not mid else 100 * (max(values) - min(values)) / mid


def rounded(value, digits=4):
    """Significant digits, for tables and JSON; what is no number stays as it is."""
    if isinstance(value, float):
        return float(f"{value:.{digits}g}")
    return value


def round_ratios(mine, other):
    """
    Ratios of two parties round by round. Each argument is a list over rounds of Sample or None (not measured).
    Only rounds in which both were measured count, and of those the undisturbed ones, where there are any.
    @return (ratios, whether they are of undisturbed rounds)
    """
    pairs = [(a, b) for a, b in zip(mine, other) if a is not None and b is not None and b.value > 0]
    quiet = [(a, b) for a, b in pairs if not a.disturbed and not b.disturbed]
    return [a.value / b.value for a, b in quiet or pairs], bool(quiet)


def quiet_values(samples):
    """Values of the undisturbed samples; of all, where every one was disturbed."""
    taken = [s for s in samples if s is not None]
    return [s.value for s in taken if not s.disturbed] or [s.value for s in taken]


def steady_highest(rates_ok):
    """The highest of (rate, passed) that passed; 0 where none did."""
    return max((rate for rate, passed in rates_ok if passed), default=0)
