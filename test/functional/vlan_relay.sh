#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Two VRs on the same two ports, told apart by VLAN: each relays from its VLAN on one port to its VLAN on the other,
# frames of 60 to 1514 bytes, unchanged but for the tag. What has a tag of nobody is a counted drop.
. "$(dirname "$0")/lib.sh" || exit 1
test_begin 128 python3

frames() {
	on "$1" python3 "$PDP_SOURCE/test/functional/frames.py" "${@:2}"
}

# vlan_vif NAME PORT_NUMBER VLAN
vlan_vif() {
	printf '{"name": "%s", "port": "net_af_packet%s", "carrier": "vlan", "vlan": %s}' "$@"
}

has_line() {
	[ -s "$1" ]
}

# relayed FROM FROM_VLAN TO TO_VLAN
relayed() {
	local receiver
	say "from $1 with tag $2 to $3 with tag $4"
	: >"$WORK/ready"
	ip netns exec "$NS-$3" python3 "$PDP_SOURCE/test/functional/frames.py" receive eth0 "$4" 5 "${SIZES[@]}" \
		>"$WORK/ready" &
	receiver=$!
	wait_for 5 has_line "$WORK/ready" || fail "the receiver does not start"
	frames "$1" send eth0 "$2" "${SIZES[@]}"
	wait "$receiver" || fail "frames from $1 with tag $2 do not arrive at $3 with tag $4"
}

SIZES=(60 64 127 512 1499 1514)
host a 01 1600
host b 02 1600
node_json 2 "$(relay_vr red 1 flow "$(vlan_vif a 0 10)" "$(vlan_vif b 1 20)")" \
	"$(relay_vr blue 1 flow "$(vlan_vif a 0 11)" "$(vlan_vif b 1 4094)")" >"$WORK/node.json"
start_primary a b
relayed a 10 b 20
relayed b 20 a 10
relayed a 11 b 4094
relayed b 4094 a 11
assert_conserved
before=$(node_stat ".node.drops.no_match // 0")
frames a send eth0 12 60 60 60
frames a send eth0 0 60
frames b send eth0 10 60
five_dropped() {
	[ "$(node_stat ".node.drops.no_match // 0")" = $((before + 5)) ]
}
wait_for 5 five_dropped || fail "5 frames with a tag of nobody are not counted as no_match: $(node_stat .node)"
assert_conserved
stop_primary TERM
