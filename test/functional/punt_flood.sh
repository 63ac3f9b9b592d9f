#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A host floods VR red with what has to be punted: packets whose TTL ends, ARP, addresses that nobody has. The VR's BGP
# session, whose hold time is shorter than each flood, stays up, and VR blue, on the same MD and engine CPU and with the
# same addresses, loses no packet.
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/routed.sh"
[ "$ROUTED_BY" = pdp ] || skip "this is about the punt path"
routed_begin 160 ping vtysh birdc python3

readonly FLOOD_S=4
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
	hold time 3;
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
 timers bgp 1 3
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

established() {
	vty "$folder" 'show bgp neighbors json' | jq -r '[.[] | select(.bgpState == "Established") | .connectionsEstablished] | add // 0'
}

# refused CLASS: packets of VR red that its punt limits refused.
refused() {
	node_stat '.vrs.red.drops | (.punt_limit // 0) + (.punt_full // 0)'
}

router_mac=$(ip netns exec "$ROUTER" cat /sys/class/net/h3/address)
for kind in ttl1 arp unresolved; do
	before=$(refused)
	steady_begin blue d 10.0.1.2
	sent=$(on h3 python3 "$PDP_SOURCE/test/functional/flood.py" eth0 "$router_mac" "$kind" "$FLOOD_S")
	after=$(refused)
	say "$kind: $sent frames in $FLOOD_S s, $((after - before)) refused by the punt limits"
	steady_end blue
	assert_equal "number of BGP sessions so far" "$(established)" 1
	[ "$sent" -gt 20000 ] || fail "this was no flood: $sent frames"
	[ "$after" -gt "$before" ] || fail "the punt path took all of it: it has no limit"
done
ping_ok h3 100.64.0.1
ctl vr show red punt
router_done
