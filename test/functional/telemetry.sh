#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# dpdk-telemetry.py speaks to a running node.
. "$(dirname "$0")/lib.sh" || exit 1
test_begin 128 ping dpdk-telemetry.py

ask() {
	echo "$1" | dpdk-telemetry.py -f "$PREFIX" | grep -m 1 "^{\"${1%%,*}\"" || fail "no answer to $1"
}

host a 01
host b 02
address a 10.2.0.1/24
address b 10.2.0.2/24
node_json 2 "$(relay_vr blue 1 flow "$(raw_vif a 0 10.2.0.1/32)" "$(raw_vif b 1 10.2.0.2/32)")" >"$WORK/node.json"
start_primary a b
ping_ok a 10.2.0.2
assert_equal "the list of ports" "$(ask /ethdev/list | jq -c '.["/ethdev/list"]')" "[0,1]"
received=$(ask /ethdev/stats,0 | jq '.["/ethdev/stats"].ipackets')
[ "$received" -ge 8 ] || fail "telemetry says that port 0 received $received packets; at least 8 came"
say "port 0 received $received packets"
assert_equal "the list of VRs" "$(ask /pdp/vrs | jq -c '.["/pdp/vrs"]')" '["blue"]'
forwarded() {
	[ "$(ask /pdp/vr,blue | jq '.["/pdp/vr"] | .rx == .tx and .tx >= 8')" = true ]
}
wait_for 5 forwarded || fail "telemetry does not count what VR blue forwarded"
assert_conserved
stop_primary TERM
