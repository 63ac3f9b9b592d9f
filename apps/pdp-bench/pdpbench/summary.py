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
    """The value that so many percent are not above; None of an empty list."""
    s = sorted(values)
    return s[max(0, -(-len(s) * pct // 100) - 1)] if s else None


def jain(values):
    """Jain's index of fairness: 1 where all get the same, 1/n where one gets all; None of nothing."""
    square = sum(v * v for v in values)
    return sum(values) ** 2 / (len(values) * square) if square > 0 else None


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
