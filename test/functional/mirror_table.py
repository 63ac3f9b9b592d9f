#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
The netlink mirror with a full Internet routing table, 901,899 IPv4 and 160,147 IPv6 prefixes: followed as it is
written, moved to other gateways, half of it withdrawn, its link taken down; asked address by address the kernel and the
FIB say the same. How fast it is, is asked by pdp-bench's case pdp-fig14.
"""
import gzip
import os
import shutil

import mirror_kit as kit


def main():
    if not os.path.exists(kit.TABLE):
        kit.skip("no ../shared/data/bgp-prefixes.txt.gz")
    if int(next(line.split()[1] for line in open("/proc/meminfo", encoding="ascii") if "MemAvailable" in line)) < 2000000:
        kit.skip("wants 2 GB of free memory for the kernel's table")
    with kit.Space() as space, kit.Mirror(space) as m:
        path = os.path.join(space.scratch.name, "table")
        with gzip.open(kit.TABLE, "rb") as packed, open(path, "wb") as out:
            shutil.copyfileobj(packed, out)
        wrote = m.ask(f"write add 4 {path} 0 via 10.0.0.2 1 dev v0")
        assert wrote["refused"] == 0 and wrote["routes"] == 901899 and wrote["overruns"] == 0, wrote
        wrote = m.ask(f"write add 6 {path} 0 via 2001:db8::2 1 dev v0")
        assert wrote["refused"] == 0 and wrote["routes"] == 160147, wrote
        stats = m.stats()
        assert stats["routes"] > 1062046 and stats["dumps"] == 1, stats
        # The FIB's store and what the mirror keeps besides, of both families.
        assert stats["private_mb"] <= 64, stats
        m.agrees({4: path, 6: path}, "as written", step=20)
        m.ask(f"write replace 4 {path} 450000 via 10.1.0.2 1 dev v1")
        m.ask(f"write del 4 {path} 200000 via 10.1.0.2 1 dev v1")
        m.agrees({4: path}, "half replaced, some withdrawn", edges=1)
        space.sh("ip link set v1 down")
        m.ask("settle")
        stats = m.stats()
        assert stats["dumps"] == 2 and stats["dump_failures"] == 0, stats
        m.agrees({4: path}, "link down", step=20)
    print("1,062,046 prefixes: the FIB says what the kernel says")


if __name__ == "__main__":
    main()
