#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Two VRs with the same addresses, the same vif names and the same prefixes, which lead elsewhere in each, never mix: not in
# their FIBs, not in the packets that arrive, and what one's routing program withdraws stays in the other.
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/routed.sh" || exit 1
[ "$ROUTED_BY" = pdp ] || skip "one kernel in the place of two VRs tells nothing"
test_begin 160 ping

# place VR NUMBER: hosts VR-a, VR-b and VR-c of a VR, each behind a vif of the name a, b or c.
place() {
	local netns=$NS-vr-$1
	ip netns add "$netns"
	ip -n "$netns" link set dev lo up
	kernel_router "$netns"
	host_routed "$1-a" "${2}1" 10.1.0.2/24 10.1.0.1
	host_routed "$1-b" "${2}2" 10.2.0.2/24 10.2.0.1
	host_routed "$1-c" "${2}3" 10.3.0.2/24 10.3.0.1
}

# use VR: what follows is about it.
use() {
	VR=$1 ROUTER=$NS-vr-$1
}

place red 0
place blue 1
real_prefixes 4 3000 >"$WORK/prefixes"
answers_for red-b 100.64.0.0/16
answers_for blue-c 100.64.0.0/16

node_json 6 \
	"$(ip_vr red "$NS-vr-red" 1 "$(ip_vif a 0), $(ip_vif b 1), $(ip_vif c 2)")" \
	"$(ip_vr blue "$NS-vr-blue" 1 "$(ip_vif a 3), $(ip_vif b 4), $(ip_vif c 5)")" >"$WORK/node.json"
start_primary red-a red-b red-c blue-a blue-b blue-c

# routes FILE VERB WORDS: each prefix of the file, in the VR.
routes() {
	awk -v verb="$2" -v words="$3" '{print "route " verb " " $1 " " words}' "$1" | ip -n "$ROUTER" -batch -
}

for vr in red blue; do
	use "$vr"
	for link in a b c; do
		router_address "$link" "10.$((1 + $(printf '%d' "'$link") - 97)).0.1/24"
	done
done
use red
routes "$WORK/prefixes" add 'via 10.2.0.2'
ip -n "$ROUTER" route add 100.64.0.0/16 via 10.2.0.2
use blue
routes "$WORK/prefixes" add 'via 10.3.0.2'
ip -n "$ROUTER" route add 100.64.0.0/16 via 10.3.0.2

# rx HOST: ICMP echo requests that it got.
rx() {
	on "$1" nstat -asz IcmpInEchos | awk '$1 == "IcmpInEchos" {print $2}'
}

both_are_right() {
	fib_is_right red blue
	for vr in red blue; do
		probes_agree "$vr" "$NS-vr-$vr" 4 "$WORK/prefixes" a b c
	done
}

both_are_right
ping_ok red-a 100.64.0.1
ping_ok blue-a 100.64.0.1 -c 5
assert_equal "echo requests at red-b" "$(rx red-b)" 8
assert_equal "echo requests at blue-c" "$(rx blue-c)" 5
assert_equal "echo requests elsewhere" "$(($(rx red-c) + $(rx blue-b) + $(rx red-a) + $(rx blue-a)))" 0

say "one withdraws, the other goes on"
steady_begin red red-a 100.64.0.1
use blue
routes "$WORK/prefixes" del ''
ip -n "$ROUTER" route del 100.64.0.0/16
ip -n "$ROUTER" link set dev c down
both_are_right
! on blue-a ping -q -c 3 -i 0.1 -W 0.3 100.64.0.1 >/dev/null || fail "VR blue answers by a route that it has no more"
assert_equal "echo requests at blue-c" "$(rx blue-c)" 5
steady_end red
assert_equal "echo requests elsewhere" "$(($(rx red-c) + $(rx blue-b) + $(rx red-a) + $(rx blue-a)))" 0
assert_conserved
stop_primary TERM
