#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A VR without any routing program: ip-route(8) in its namespace says where packets go, IPv4 and IPv6. A route is added,
# replaced, hidden by a longer prefix, divided over two next hops, and taken away.
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/routed.sh"
test_begin 160 ping
ip netns add "$ROUTER"
ip -n "$ROUTER" link set dev lo up
kernel_router "$ROUTER"

host_routed p1 01 10.0.1.2/24 10.0.1.1
host_routed p2 02 10.0.2.2/24 10.0.2.1
host_routed h3 03 10.0.3.2/24 10.0.3.1
for n in 1 2; do
	address "p$n" "2001:db8:$n::2/64"
	address "p$n" fe80::2/64
	ip -n "$NS-p$n" -6 route add default via "2001:db8:$n::1"
	answers_for "p$n" 100.64.0.0/16 2001:db8:64::/48
done
address h3 2001:db8:3::2/64
address h3 fe80::2/64
ip -n "$NS-h3" -6 route add default via 2001:db8:3::1
router_start p1 p2 h3
router_address p1 10.0.1.1/24 2001:db8:1::1/64
router_address p2 10.0.2.1/24 2001:db8:2::1/64
router_address h3 10.0.3.1/24 2001:db8:3::1/64

# route COMMAND NUMBER [MORE...]: of both families, by host pNUMBER.
route() {
	ip -n "$ROUTER" route "$1" 100.64.0.0/16 via "10.0.$2.2" "${@:3}"
	ip -n "$ROUTER" -6 route "$1" 2001:db8:64::/48 via "2001:db8:$2::2" "${@:3}"
}

# echoes HOST: requests that it got, IPv4 and IPv6.
echoes() {
	on "$1" nstat -asz IcmpMsgInType8 Icmp6InEchos | awk '$1 ~ /InType8|InEchos/ {n += $2} END {print n + 0}'
}

# all_arrive_at HOST: what h3 sends to both prefixes.
all_arrive_at() {
	local before other
	fib_is_right "$VR"
	before=$(echoes "$1") other=$(echoes "$2")
	ping_ok h3 100.64.0.1 -c 4
	ping_ok h3 2001:db8:64::1 -c 4
	[ $(($(echoes "$1") - before)) -ge 8 ] || fail "$1 got $(($(echoes "$1") - before)) of 8 packets"
	assert_equal "number of packets at $2" $(($(echoes "$2") - other)) 0
}

unreachable() {
	local out
	out=$(on h3 ping -c 1 -W 2 "$1" || :)
	grep -q "$2" <<<"$out"
}

all_unreachable() {
	fib_is_right "$VR"
	wait_for 10 unreachable 100.64.0.1 'From 10.0.3.1 .*Destination Net Unreachable' || fail "nobody says that there is no route"
	wait_for 10 unreachable 2001:db8:64::1 'From 2001:db8:3::1 .*No route' || fail "nobody says that there is no IPv6 route"
}

say "no route yet"
all_unreachable
say "a route, and another one in its place"
route add 1
all_arrive_at p1 p2
route replace 2
all_arrive_at p2 p1

# neigh_shown ADDRESS HOST: `vr show neigh` has it, with the host's MAC address, and engines know it.
neigh_shown() {
	local mac
	mac=$(ip -n "$NS-$2" -j link show dev eth0 | jq -r '.[0].address')
	ctl vr show red neigh --json | jq -e --arg address "$1" --arg interface "$2" --arg mac "$mac" '.rows
		| any(.[0] == $address and .[1] == $interface and .[2] == $mac and .[4])' >/dev/null
}

say "its neighbours"
for ((n = 1; n <= 2; n++)); do
	wait_for 5 neigh_shown "10.0.$n.2" "p$n" || fail "10.0.$n.2 is not shown: $(ctl vr show red neigh)"
	wait_for 5 neigh_shown "2001:db8:$n::2" "p$n" || fail "2001:db8:$n::2 is not shown: $(ctl vr show red neigh)"
done
ctl vr show red neigh | grep -q '^address *interface *mac *state *in_fib$' || fail "neighbours as text: $(ctl vr show red neigh)"

say "a longer prefix to nowhere"
ip -n "$ROUTER" route add blackhole 100.64.7.0/24
ip -n "$ROUTER" -6 route add blackhole 2001:db8:64:7::/64
fib_is_right "$VR"
dropped=$(ctl vr show red --json | jq '.plugin_counters.drop_blackhole // 0')
! on h3 ping -q -i 0.1 -c 2 -W 1 100.64.7.1 >/dev/null || fail "the blackhole answers"
! on h3 ping -q -i 0.1 -c 2 -W 1 2001:db8:64:7::1 >/dev/null || fail "the IPv6 blackhole answers"
[ $(($(ctl vr show red --json | jq '.plugin_counters.drop_blackhole // 0') - dropped)) = 4 ] ||
	fail "4 packets to nowhere are not counted: $(ctl vr show red --json | jq .plugin_counters)"
all_arrive_at p2 p1

say "two next hops: each has its flows"
ip -n "$ROUTER" route replace 100.64.0.0/16 nexthop via 10.0.1.2 nexthop via 10.0.2.2
ip -n "$ROUTER" -6 route replace 2001:db8:64::/48 nexthop via 2001:db8:1::2 nexthop via 2001:db8:2::2
fib_is_right "$VR"
before1=$(echoes p1) before2=$(echoes p2)
for ((i = 1; i <= 24; i++)); do
	ping_ok h3 "100.64.1.$i" -c 1
	ping_ok h3 "2001:db8:64:1::$i" -c 1
done >/dev/null
got1=$(($(echoes p1) - before1)) got2=$(($(echoes p2) - before2))
say "48 flows: $got1 by p1, $got2 by p2"
[ "$((got1 + got2))" = 48 ] || fail "$((got1 + got2)) of 48 packets came"
if [ "$got1" -le 4 ] || [ "$got2" -le 4 ]; then
	fail "they are not divided: $got1 and $got2"
fi

say "and none again"
ip -n "$ROUTER" route del 100.64.0.0/16
ip -n "$ROUTER" -6 route del 2001:db8:64::/48
all_unreachable
router_done
