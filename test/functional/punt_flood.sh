#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A host floods VR red with what has to be punted: packets whose TTL ends, ARP, addresses that nobody has. The VR's BGP
# session, whose hold time is shorter than the flood, stays up, and VR blue, on the same MD and engine CPU and with the
# same addresses, loses no packet.
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/routed.sh"
[ "$ROUTED_BY" = pdp ] || skip "this is about the punt path"
routed_begin 160 ping vtysh birdc python3

readonly FLOOD_S=12 # hold time 9
BLUE=$NS-blue
ip netns add "$BLUE"
kernel_router "$BLUE"
ip -n "$BLUE" link set dev lo up

host_routed p1 01 10.0.1.2/24 10.0.1.1
host_routed h3 02 10.0.3.2/24 10.0.3.1
host_routed c 03 10.0.1.2/24 10.0.1.1
host_routed d 04 10.0.3.2/24 10.0.3.1
answers_for p1 100.64.0.0/16
folder=$(peer_folder p1)
cat >"$folder/bird.conf" <<'END'
router id 10.0.1.2;
protocol device { }
protocol static own { ipv4; route 100.64.0.0/16 blackhole; }
protocol bgp vr {
	local 10.0.1.2 as 65001;
	neighbor 10.0.1.1 as 65000;
	hold time 9;
	connect delay time 1;
	ipv4 { import none; export all; };
}
END
folder=$(peer_folder vr)
cat >"$folder/frr.conf" <<'END'
hostname vr
router bgp 65000
 bgp router-id 10.0.0.1
 no bgp ebgp-requires-policy
 timers bgp 3 9
 neighbor 10.0.1.2 remote-as 65001
 neighbor 10.0.1.2 timers connect 1
exit
END

node_json 4 "$(ip_vr red "$ROUTER" 1 "$(ip_vif p1 0), $(ip_vif h3 1)")" \
	"$(ip_vr blue "$BLUE" 1 "$(ip_vif c 2), $(ip_vif d 3)")" >"$WORK/node.json"
start_primary p1 h3 c d
router_address p1 10.0.1.1/24
router_address h3 10.0.3.1/24 10.0.4.1/16
ROUTER=$BLUE router_address c 10.0.1.1/24
ROUTER=$BLUE router_address d 10.0.3.1/24
bird_start "$NS-p1" "$WORK/p1"
frr_start "$ROUTER" "$folder" bgpd || fail "FRR does not start"
routes_settle 4 bgp 1
ping_ok h3 100.64.0.1
ping_ok d 10.0.1.2

# punt_class CLASS EXPRESSION: of VR red.
punt_class() {
	ctl vr show red punt --json | jq --arg class "$1" '.classes | .columns as $c | .rows[] | [$c, .] | transpose
		| map({(.[0]): .[1]}) | add | select(.class == $class) | '"$2"
}

refused() {
	punt_class "$1" '.limited + .full'
}

router_mac=$(ip netns exec "$ROUTER" cat /sys/class/net/h3/address)
sessions=$(bgp_sessions "$folder")
[ "$sessions" -gt 0 ] || fail "no BGP session is up"
steady_begin blue d 10.0.1.2
sent=$(on h3 python3 "$PDP_SOURCE/test/functional/flood.py" eth0 "$router_mac" all "$FLOOD_S")
say "$sent frames in $FLOOD_S s; refused by the punt limits: $(refused other), ARP $(refused arp_nd), routing $(refused routing)"
steady_end blue
assert_equal "number of BGP sessions so far" "$(bgp_sessions "$folder")" "$sessions"
[ "$sent" -gt 60000 ] || fail "this was no flood: $sent frames"
for class in other arp_nd; do
	[ "$(refused "$class")" -gt 0 ] || fail "the punt path took all of class $class: it has no limit"
done
assert_equal "refused packets of routing protocols" "$(refused routing)" 0
assert_conserved # when the flood has drained
ping_ok h3 100.64.0.1

rate() {
	punt_class "$1" .rate_pps
}

punted() {
	punt_class "$1" .punted
}

say "another limit while it runs"
ctl vr set red 'punt={"other": 50, "other_burst": 7}' >/dev/null || fail "the limit cannot be changed"
assert_equal "rate of class other" "$(rate other)" 50
before=$(punted other)
sent=$(on h3 python3 "$PDP_SOURCE/test/functional/flood.py" eth0 "$router_mac" ttl1 1)
say "$sent frames, $(($(punted other) - before)) punted"
[ $(($(punted other) - before)) -lt 1000 ] || fail "that is the old limit"
! out=$(ctl vr set red 'punt={"other": 0}' 2>&1) || fail "a rate of 0 is taken"
grep -q 'vrs\[0\].punt.other: 0 cannot be a rate' <<<"$out" || fail "it says: $out"
ctl vr set red 'punt={}' >/dev/null
assert_equal "rate of class other" "$(rate other)" 2000
ctl vr show red punt
router_done
