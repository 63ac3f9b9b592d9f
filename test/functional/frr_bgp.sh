#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# FRR's bgpd in the VR's namespace learns routes from two peers (BIRD) through the VR: real prefixes where a full table is
# there. Half is withdrawn and comes back, FRR is restarted, zebra is killed, a link goes down and up, a peer is deleted
# and made again: the FIB is the kernel's table after each, and what none of it touches goes on without a lost packet.
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/routed.sh"
routed_begin 160 ping vtysh birdc

readonly N4=${ROUTES4:-3000} N6=${ROUTES6:-1000}
readonly HALF4=$(((N4 + 1) / 2)) HALF6=$(((N6 + 1) / 2))
readonly SETTLE_S=${SETTLE_S:-30}
# A peer that reads a full table as its configuration is silent meanwhile.
readonly HOLD_S=${HOLD_S:-9}

host_routed p1 01 10.0.1.2/24 10.0.1.1
host_routed p2 02 10.0.2.2/24 10.0.2.1
host_routed h3 03 10.0.3.2/24 10.0.3.1
address p1 2001:db8:1::2/64
address p2 2001:db8:2::2/64
answers_for p2 100.64.0.0/16 100.70.0.0/16

real_prefixes 4 "$N4" >"$WORK/all4"
real_prefixes 6 "$N6" >"$WORK/all6"
awk 'NR % 2' "$WORK/all4" >"$WORK/half4"
awk 'NR % 2' "$WORK/all6" >"$WORK/half6"

# peer_config NAME NUMBER ROUTES4 ROUTES6 [PREPEND]: BIRD of a peer, AS 6500NUMBER; its routes are files of prefixes.
peer_config() {
	routes_bird <"$WORK/$3" >"$WORK/$1/routes4"
	routes_bird <"$WORK/$4" >"$WORK/$1/routes6"
	cat >"$WORK/$1/bird.conf" <<END
router id 10.0.$2.2;
protocol device { }
protocol static s4 {
	ipv4;
	include "routes4";
}
protocol static s6 {
	ipv6;
	include "routes6";
}
protocol static own { ipv4; route 100.6$((2 + $2)).0.0/16 blackhole; }
template bgp vr {
	local 10.0.$2.2 as 6500$2;
	hold time $HOLD_S;
	connect delay time 1;
	error wait time 1, 2;
	ipv4 { import none; export filter { ${5:-} accept; }; };
	ipv6 { import none; export filter { ${5:-} accept; }; };
}
protocol bgp vr4 from vr { neighbor 10.0.$2.1 as 65000; ipv6 { next hop address 2001:db8:$2::2; }; }
END
}

reconfigure() {
	peer_config "$@"
	birdc_to "$WORK/$1" configure | grep -q -E 'Reconfigured|progress' || fail "BIRD of $1 takes no new configuration"
}

since_s=$SECONDS

settled() {
	routes_settle 4 bgp "$1" "$SETTLE_S"
	routes_settle 6 bgp "$2" "$SETTLE_S"
	fib_is_right "$VR"
	probes_agree "$VR" "$ROUTER" 4 "$WORK/all4" p1 p2 h3
	probes_agree "$VR" "$ROUTER" 6 "$WORK/all6" p1 p2 h3
	say "$3: $1 + $2 routes, after $((SECONDS - since_s)) s"
	since_s=$SECONDS
}

peer_folder p1 >/dev/null
peer_folder p2 >/dev/null
folder=$(peer_folder vr)
peer_config p1 1 all4 all6
peer_config p2 2 half4 half6 "bgp_path.prepend(65002); bgp_path.prepend(65002);"
cat >"$folder/frr.conf" <<END
hostname vr
router bgp 65000
 bgp router-id 10.0.0.1
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 timers bgp $((HOLD_S / 3)) $HOLD_S
 neighbor 10.0.1.2 remote-as 65001
 neighbor 10.0.2.2 remote-as 65002
 neighbor 10.0.1.2 timers connect 1
 neighbor 10.0.2.2 timers connect 1
 address-family ipv4 unicast
  neighbor 10.0.1.2 activate
  neighbor 10.0.2.2 activate
 exit-address-family
 address-family ipv6 unicast
  neighbor 10.0.1.2 activate
  neighbor 10.0.2.2 activate
 exit-address-family
exit
END

router_start p1 p2 h3
router_address p1 10.0.1.1/24 2001:db8:1::1/64
router_address p2 10.0.2.1/24 2001:db8:2::1/64
router_address h3 10.0.3.1/24
bird_start "$NS-p1" "$WORK/p1"
bird_start "$NS-p2" "$WORK/p2"
frr_start "$ROUTER" "$folder" bgpd || fail "FRR does not start"

settled $((N4 + 2)) "$N6" "BGP is up"
! probed "$VR" "$ROUTER" 4 "$WORK/all4" p2 p1 h3 || fail "the question where addresses lead finds no wrong vif"
ping_ok h3 100.64.0.1
# Two things that none of what follows touches: a route of p2's that only p2 has, and one that no daemon knows.
ip -n "$ROUTER" route add 100.70.0.0/16 via 10.0.2.2 proto static
steady_begin bgp h3 100.64.1.1
steady_begin static h3 100.70.1.1

reconfigure p1 1 half4 half6
settled $((HALF4 + 2)) $HALF6 "half is withdrawn"
reconfigure p1 1 all4 all6
settled $((N4 + 2)) "$N6" "it is back"
if [ -n "${BGP_QUICK:-}" ]; then
	steady_end bgp
	steady_end static
	router_done
	exit 0
fi
for ((i = 0; i < 5; i++)); do
	reconfigure p1 1 half4 half6
	reconfigure p1 1 all4 all6
done
settled $((N4 + 2)) "$N6" "after 10 flaps"

ip -n "$ROUTER" link set dev p1 down
settled $((HALF4 + 1)) $HALF6 "link p1 is down"
ip -n "$ROUTER" link set dev p1 up
settled $((N4 + 2)) "$N6" "and up"

vtysh --vty_socket "$folder" -c 'configure terminal' -c 'router bgp 65000' -c 'no neighbor 10.0.1.2'
settled $((HALF4 + 1)) $HALF6 "the peer is deleted"
vtysh --vty_socket "$folder" --config_dir "$folder" -d bgpd -b >/dev/null 2>&1
settled $((N4 + 2)) "$N6" "and made again"
steady_end bgp

kill -KILL "$(routing_pid "$folder" zebra)"
settled $((N4 + 2)) "$N6" "zebra is killed"
ping_ok h3 100.64.0.1
# What FRR's own watchdog does then: everything anew.
routing_end "$folder" bgpd
frr_start "$ROUTER" "$folder" bgpd || fail "FRR does not start after zebra was killed"
settled $((N4 + 2)) "$N6" "FRR is restarted"
routing_end "$folder"
settled 0 0 "FRR has ended"
frr_start "$ROUTER" "$folder" bgpd || fail "FRR does not start again"
settled $((N4 + 2)) "$N6" "and runs again"
steady_end static
ping_ok h3 100.64.0.1
router_done
