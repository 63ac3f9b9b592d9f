#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A VR of plugin ip is a router as any other to the hosts on both sides of it: ping, traceroute, path MTU discovery,
# fragments, TCP and UDP, IPv4 and IPv6, with 1 and 3 engines, kept apart as $ISOLATION says. Host b is behind a vif
# with an MTU of 1400.
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/routed.sh" || exit 1
ISOLATION=${ISOLATION:-secondary}
test_begin 128 ping iperf3 ss traceroute
ip netns add "$ROUTER"
ip -n "$ROUTER" link set dev lo up
kernel_router "$ROUTER"
# The kernel's own limits on what it sends by ICMP are no matter here.
ip netns exec "$ROUTER" sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0

host_routed a 01 10.1.0.2/24 10.1.0.1
host b 02 1400
address b 10.2.0.2/24
ip -n "$NS-b" route add default via 10.2.0.1
for h in a b; do
	ip netns exec "$NS-$h" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.eth0.disable_ipv6=0
done
ip -n "$NS-a" addr add 2001:db8:1::2/64 dev eth0 nodad
ip -n "$NS-b" addr add 2001:db8:2::2/64 dev eth0 nodad
ip -n "$NS-a" route add default via 2001:db8:1::1
ip -n "$NS-b" route add default via 2001:db8:2::1

# counter NAME: what the plugin counted, over all engines.
counter() {
	ctl vr show "$VR" --json | jq ".plugin_counters[\"$1\"]"
}

counted() {
	[ "$(counter "$1")" -gt "${2:-0}" ] || fail "plugin counter $1 is $(counter "$1"): $(ctl vr show "$VR" --json)"
}

# answers HOST ADDRESS: routes and neighbours are there.
answers() {
	on "$1" ping -q -c 1 -W 1 "$2" >/dev/null 2>&1
}

# hops HOST ADDRESS HOP...: traceroute shows these.
hops() {
	local got
	got=$(on "$1" traceroute -n -q 1 -w 2 -m 5 "$2" | awk 'NR > 1 {print $2}' | xargs)
	assert_equal "the way from $1 to $2" "$got" "${*:3}"
}

# too_big HOST ADDRESS SIZE SAYS: one that is too long is answered with the MTU, and the host remembers it.
too_big() {
	local out
	out=$(on "$1" ping -c 2 -i 0.2 -W 1 -M 'do' -s "$3" "$2" || :)
	grep -qE "$4" <<<"$out" || fail "ping with $3 bytes to $2: $out"
	on "$1" ip route get "$2" | grep -q 'mtu 1400' || fail "the MTU of the way to $2 is not known: $(on "$1" ip route get "$2")"
}

# Without DF the router fragments. (What host b answers comes to vif b in one piece: the PMD af_packet has the kernel put
# fragments together, which are then longer than the vif's MTU.)
fragments() {
	local before
	before=$(reassembled)
	on a ip route flush cache
	on a ping -q -c 5 -i 0.05 -W 0.2 -M 'dont' -s 1472 10.2.0.2 >/dev/null || :
	wait_for 5 has_reassembled "$((before + 5))" || fail "host b put $(($(reassembled) - before)) of 5 packets together"
}

has_reassembled() {
	[ "$(reassembled)" = "$1" ]
}

reassembled() {
	on b cat /proc/net/snmp | awk '$1 == "Ip:" && n++ {print $16}'
}

path_mtu() {
	too_big a 10.2.0.2 1472 'mtu ?= ?1400'
	too_big a 2001:db8:2::2 1452 'mtu ?= ?1400'
	ping_ok a 10.2.0.2 -c 10 -M 'do' -s 1372
	ping_ok a 2001:db8:2::2 -c 10 -M 'do' -s 1352
	fragments
	on a ip route flush cache
	on a ip -6 route flush cache
}

# route ENGINES
route() {
	say "$1 engines, $ISOLATION"
	node_json 2 "$(ip_vr "$VR" "$ROUTER" "$1" "$(ip_vif a 0), $(ip_vif b 1 '"mtu": 1400')" \
		"\"isolation\": \"$ISOLATION\"")" >"$WORK/node.json"
	for ns in "$NS-a" "$NS-b" "$ROUTER"; do
		ip -n "$ns" neigh flush all
	done
	start_primary a b
	router_address a 10.1.0.1/24
	router_address b 10.2.0.1/24
	ip -n "$ROUTER" addr replace 2001:db8:1::1/64 dev a nodad
	ip -n "$ROUTER" addr replace 2001:db8:2::1/64 dev b nodad
	wait_for 10 answers a 10.2.0.2 || fail "no answer through the router"
	wait_for 10 answers a 2001:db8:2::2 || fail "no answer through the router by IPv6"
	ping_ok a 10.2.0.2 -c 10
	ping_ok b 10.1.0.2 -c 10
	ping_ok a 2001:db8:2::2 -c 10
	ping_ok a 10.2.0.1 -c 10
	hops a 10.2.0.2 10.1.0.1 10.2.0.2
	hops a 2001:db8:2::2 2001:db8:1::1 2001:db8:2::2
	path_mtu
	iperf_ok a b 10.2.0.2 -t 1
	iperf_ok a b 10.2.0.2 -t 1 -u -b 50M -l 1200
	iperf_ok b a 2001:db8:1::2 -t 1
	iperf_ok b a 2001:db8:1::2 -t 1 -u -b 50M -l 1200
	counted forwarded_ip4 100
	counted forwarded_ip6 100
	counted punt_arp
	counted punt_nd
	counted punt_local
	counted punt_hop_limit
	counted punt_mtu
	assert_conserved
	stop_primary TERM
}

route 1
route 3
