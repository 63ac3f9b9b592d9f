# SPDX-License-Identifier: BSD-3-Clause
"""Rows as a text table. Pure."""
from .summary import rounded


def cell(value):
    """One value as it is shown."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{rounded(value):g}"
    if isinstance(value, list):
        return " ".join(cell(v) for v in value)
    return str(value)


def tables(rows):
    """Rows (dicts) as text, one table for all rows that have the same columns."""
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row), []).append(row)
    return "\n\n".join(table(group) for group in groups.values())


def table(rows):
    """Rows with the same keys as aligned columns; numbers to the right."""
    columns = list(rows[0]) if rows else []
    cells = [[cell(row.get(c)) for c in columns] for row in rows]
    widths = [max([len(c)] + [len(r[i]) for r in cells]) for i, c in enumerate(columns)]
    right = [all(type(row.get(c)) in (int, float, type(None)) for row in rows) for c in columns]
    lines = []
    for r in [columns] + cells:
        lines.append("  ".join(t.rjust(w) if right[i] else t.ljust(w)
                               for i, (t, w) in enumerate(zip(r, widths))).rstrip())
    return "\n".join(lines)
