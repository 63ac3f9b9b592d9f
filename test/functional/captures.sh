#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Captures of real traffic, replayed through two VRs that are told apart by source prefix: every packet is accounted
# for, and a second replay gives the same counts.
. "$(dirname "$0")/lib.sh" || exit 1
DATA=$PDP_SOURCE/../shared/data
[ -d "$DATA" ] || skip "there are no captures: $DATA is absent"
test_begin 128 tcpdump dpdk-telemetry.py

# raw_to NAME PORT: a vif that sends out of a port and gets all that comes from it
raw_to() {
	printf '{"name": "%s", "port": "%s"}' "$@"
}

# from NAME PREFIXES_JSON: a vif on the port that replays
from() {
	printf '{"name": "%s", "port": "net_loadgen0", "source": %s}' "$@"
}

# replay CAPTURE: counts of one replay, in $WORK/counts
replay() {
	start_node --vdev "net_loadgen0,pcap=$1,mtu=1500,rate=20k,rxq=1000000" --vdev net_loadgen1,start=0 \
		--vdev net_loadgen2,start=0
	wait_for 30 all_received || fail "the replay of $1 does not end: $(node_stat .ports)"
	assert_conserved
	jq -cS '{rx: .node.rx, matched: .node.matched, drops: .node.drops, vrs: (.vrs | map_values({rx, tx, drops})),
		sent: [.ports.net_loadgen1.tx, .ports.net_loadgen2.tx]}' "$WORK/stats.now" >"$WORK/counts"
	stop_primary TERM
}

# Done: the source has offered all and nothing waits.
all_received() {
	[ "$(echo /pdp/loadgen,0 | dpdk-telemetry.py -f "$PREFIX" | grep -m 1 '^{"/pdp/loadgen"' |
		jq -r '.["/pdp/loadgen"].state')" = "done" ]
}

red=$(relay_vr red 1 flow "$(from a '["192.168.0.0/16"]')" "$(raw_to b net_loadgen1)")
blue=$(relay_vr blue 1 flow "$(from a '["0.0.0.0/0", "::/0"]')" "$(raw_to b net_loadgen2)")
node_json 0 "$red" "$blue" |
	jq '.ports = [{"name": "net_loadgen0"}, {"name": "net_loadgen1"}, {"name": "net_loadgen2"}]' >"$WORK/node.json"
for capture in "$DATA"/*.pcap; do
	packets=$(tcpdump -nr "$capture" 2>/dev/null | wc -l)
	replay "$capture"
	first=$(cat "$WORK/counts")
	say "$(basename "$capture"), $packets packets: $first"
	jq -e --argjson n "$packets" '.rx >= $n and .vrs.red.tx > 0 and .vrs.blue.tx > 0 and
		.sent == [.vrs.red.tx, .vrs.blue.tx]' "$WORK/counts" >/dev/null || fail "counts of $capture"
	replay "$capture"
	assert_equal "the count of the second replay" "$(cat "$WORK/counts")" "$first"
done
