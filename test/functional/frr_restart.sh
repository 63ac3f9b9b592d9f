#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The primary and FRR come and go without each other: FRR first, then the node; the node stopped in order, and killed by
# SIGKILL, and started again under FRR, which notices nothing: its BGP session is the same one. How long packets did not
# get through is said (restart_outage_ms), and how long it took until engines have all routes: in between what they have no
# route for is punted, and the kernel forwards it.
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/routed.sh"
[ "$ROUTED_BY" = pdp ] || skip "there is no primary to restart with the kernel in its place"
routed_begin 160 ping vtysh birdc

readonly N4=${ROUTES4:-3000}
readonly HOLD_S=${HOLD_S:-15}

host_routed p1 01 10.0.1.2/24 10.0.1.1
host_routed h3 02 10.0.3.2/24 10.0.3.1
folder=$(peer_folder p1)
real_prefixes 4 "$N4" >"$WORK/all4"
routes_bird <"$WORK/all4" >"$folder/routes4"
# The kernel dumps its table in the order of addresses: what gets through to the last prefix gets through to all.
LAST=$(sort -t . -k 1,1n -k 2,2n -k 3,3n "$WORK/all4" | tail -n 1)
FAR=${LAST%.*}.1
answers_for p1 "$LAST"
cat >"$folder/bird.conf" <<END
router id 10.0.1.2;
protocol device { }
protocol static s4 {
	ipv4;
	include "routes4";
}
protocol bgp vr {
	local 10.0.1.2 as 65001;
	neighbor 10.0.1.1 as 65000;
	hold time $HOLD_S;
	connect delay time 1;
	error wait time 1, 2;
	ipv4 { import none; export all; };
}
END
folder=$(peer_folder vr)
cat >"$folder/frr.conf" <<END
hostname vr
interface p1
 ip address 10.0.1.1/24
exit
interface h3
 ip address 10.0.3.1/24
exit
router bgp 65000
 bgp router-id 10.0.0.1
 no bgp ebgp-requires-policy
 timers bgp $((HOLD_S / 3)) $HOLD_S
 neighbor 10.0.1.2 remote-as 65001
 neighbor 10.0.1.2 timers connect 1
exit
END

mirror_in_step() {
	ctl vr show "$VR" fib --json | jq -e '.state == "in step"'
}

# restart WORD COMMAND...: the command ends the node; then it comes again under FRR and a ping.
restart() {
	local sent received began
	ip netns exec "$NS-h3" ping -q -i 0.01 -W 2 "$FAR" >"$WORK/outage" 2>&1 </dev/null &
	local pinger=$!
	began=${EPOCHREALTIME/[.,]/}
	"${@:2}"
	start_primary p1 h3
	wait_for 20 mirror_in_step || fail "the routes are not all there after the node was $1"
	began=$(((${EPOCHREALTIME/[.,]/} - began) / 1000))
	wait_for 20 on h3 ping -q -c 1 -W 1 "$FAR" || fail "nothing gets through after the node was $1"
	kill -INT "$pinger"
	wait_for 10 process_gone "$pinger" || fail "ping does not end"
	read -r sent received < <(sed -n 's/^\([0-9]*\) packets transmitted, \([0-9]*\) received.*time \([0-9]*\)ms/\1 \2 \3/p' \
		"$WORK/outage" | awk '{print int(($1 - $2) * $3 / $1), $2}')
	say "the node was $1: restart_outage_ms $sent, with $N4 routes; all of them in the FIB after $began ms ($received pings were answered)"
	routes_settle 4 bgp "$N4"
	fib_is_right "$VR"
	probes_agree "$VR" "$ROUTER" 4 "$WORK/all4" p1 h3
	assert_equal "number of BGP sessions so far" "$(bgp_sessions "$folder")" "$sessions"
}

stop_in_order() {
	kill -TERM "$PRIMARY"
	wait_for 10 process_gone "$PRIMARY" || fail "pdp-primary does not end"
	wait "$PRIMARY" || fail "pdp-primary ends with exit code $?"
}

kill_it() {
	kill -KILL "$PRIMARY"
	wait "$PRIMARY" 2>/dev/null || :
}

say "FRR starts first: it has no interfaces yet"
bird_start "$NS-p1" "$WORK/p1"
frr_start "$ROUTER" "$folder" bgpd || fail "FRR does not start"
router_start p1 h3
routes_settle 4 bgp "$N4" "${SETTLE_S:-30}"
fib_is_right "$VR"
ping_ok h3 "$FAR"
sessions=$(bgp_sessions "$folder")
[ "$sessions" -gt 0 ] || fail "no BGP session is up"

restart "stopped in order" stop_in_order
restart "killed by SIGKILL" kill_it
ping_ok h3 "$FAR"
router_done
