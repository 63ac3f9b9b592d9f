#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# scripts/quickstart as a user runs it: it ends 0, says what it should, and leaves nothing behind; with --stay it
# keeps the node until it is told to end.
. "$(dirname "$0")/lib.sh" || exit 1
test_begin 0 ping iperf3 ss

assert_clean() {
	! ip netns list | grep '^pdp-qs-' || fail "namespaces are left behind"
	[ -z "$(dpdk_leavings pdp-qs)" ] || fail "files are left behind: $(dpdk_leavings pdp-qs)"
	[ -z "$(pgrep -f 'file-prefix[= ]pdp-qs( |$)')" ] || fail "processes are left behind"
	assert_equal "number of hugepages" "$(cat /proc/sys/vm/nr_hugepages)" "$pages"
	assert_equal "interfaces of the machine" "$(ls /sys/class/net)" "$interfaces"
}

pages=$(cat /proc/sys/vm/nr_hugepages)
interfaces=$(ls /sys/class/net)
"$PDP_SOURCE/scripts/quickstart" >"$WORK/quickstart.log" 2>&1 </dev/null || fail "quickstart ends with exit code $?"
for vr in red blue; do
	grep -q "VR $vr: [0-9]* packets transmitted, 20 received, " "$WORK/quickstart.log" ||
		fail "no line about ping through $vr without loss"
	grep -qE "VR $vr: iperf3 [1-9][0-9]+ bytes" "$WORK/quickstart.log" || fail "no line about iperf3 through $vr"
done
grep -q 'every packet is accounted for, every buffer is back' "$WORK/quickstart.log" || fail "no line about conservation"
assert_clean

say "--stay, ended by SIGTERM"
"$PDP_SOURCE/scripts/quickstart" --stay >"$WORK/quickstart.log" 2>&1 </dev/null &
quickstart=$!
wait_for 60 grep -q 'SIGTERM or SIGINT to process' "$WORK/quickstart.log" || fail "quickstart --stay does not get ready"
ip netns exec pdp-qs-blue1 ping -q -c 3 -i 0.1 10.2.0.2 >/dev/null || fail "the node of quickstart --stay does not forward"
end_process "$quickstart" 10 || fail "quickstart --stay does not end 10 s after SIGTERM"
assert_clean
