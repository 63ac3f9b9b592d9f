#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# pdp-bench's case hostile in its quick form: nobody else loses a packet, nothing forged leaves, and each attempt is
# stopped by what is there to stop it: this fails when one of the protections is taken away.
# shellcheck source=bench.sh
. "$PDP_SOURCE/test/functional/bench.sh"

bench_begin
bench_run hostile

python3 - "$scratch/all.json" <<'END' || fail "something was not stopped"
import json, sys
r = json.load(open(sys.argv[1]))
f = r["figures"]
for name in ("others_lost", "others_reordered", "forged_out", "leaked_out", "mbufs_leaked"):
    assert f[name] == 0, (name, f, r["rows"])
assert f["captured"] > 1000, f  # forged frames that lost what was forged
wanted = {("kill", "constructor"): ["EPERM: kill(1), kill(-1), tgkill"],
          ("open", "init"): ["EPERM: /proc/self/mem", "memfd_create", "ENOENT: /proc/self/maps"],
          ("connect", "thread"): ["EPERM: socket(AF_UNIX), socket(AF_INET)", "sendmsg"],
          ("fork", "process"): ["EPERM: fork, clone", "ENOSYS: clone3", "threads that spin", "then EAGAIN"],
          ("scan", "constructor"): ["0 of blue's seen", "of 10000 other addresses 0 are there"],
          ("holes", "init"): ["EPERM: madvise(MADV_REMOVE)", "by descriptor", "EACCES: the routes", "signal 7 (Bus error)"],
          ("descriptors", "thread"): ["broke the protocol", "lies_max is 1000"],
          ("sleep", "thread"): ["threads wait to be woken"],
          ("socket", "thread"): ["quarantined"],
          ("forge", "process"): ["dropped as source", "dropped as bad_vif"],
          ("stale", "process"): ["dropped as lie"],
          ("spin", "process"): ["it hung with"]}
tried = {(row["attempt"], row["from"]): row for row in r["rows"] if "attempt" in row}
assert set(tried) == set(wanted), set(tried) ^ set(wanted)
for key, words in wanted.items():
    row = tried[key]
    for word in words:
        assert word in row["stopped_by"], (key, word, row["stopped_by"])
    assert not set(row["allowed"]) - {"mremap to a second map", "mremap beyond its end"}, (key, row["allowed"])
    assert row["blue_packets"] > 10000, row
END
echo "what a hostile VR tries is stopped, and nobody else notices"
