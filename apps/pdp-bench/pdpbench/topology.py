# SPDX-License-Identifier: BSD-3-Clause
"""Where CPUs are, seen from the MD's: what sysfs says of cores and packages."""
from dataclasses import dataclass

SYSFS = "/sys/devices/system/cpu"


@dataclass
class Place:
    """Of one CPU."""
    threads: frozenset  # CPUs that are hardware threads of the same core, itself included
    package: int


def parse_cpu_list(text):
    """CPUs of "0-2,5"."""
    cpus = []
    for part in text.strip().split(","):
        if part:
            first, _, last = part.partition("-")
            cpus += range(int(first), int(last or first) + 1)
    return cpus


def _read(cpu, name):
    with open(f"{SYSFS}/cpu{cpu}/topology/{name}", encoding="ascii") as f:
        return f.read()


def place(cpu):
    """@return Place; a machine that tells nothing is one package of single threads"""
    try:
        return Place(frozenset(parse_cpu_list(_read(cpu, "thread_siblings_list"))),
                     int(_read(cpu, "physical_package_id")))
    except (OSError, ValueError):
        return Place(frozenset([cpu]), 0)


def placements(md_cpu, cpus, place_of=place):
    """
    One CPU for each way that an engine may stand to the MD, None where this process may use no such.
    @return {"thread": of the MD's core, "sibling": another core of its package, "other": of another package}
    """
    mine = place_of(md_cpu)
    found = dict.fromkeys(("thread", "sibling", "other"))
    for cpu in cpus:
        theirs = place_of(cpu)
        kind = ("other" if theirs.package != mine.package else "thread" if cpu in mine.threads else "sibling")
        if cpu != md_cpu and found[kind] is None:
            found[kind] = cpu
    return found
