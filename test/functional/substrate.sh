#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The ports' own addresses: what belongs to no VR goes to a kernel (plugin kernel), which answers ARP and ping for the
# tunnel endpoints and finds the outer neighbours of tunnels, on the link and behind a gateway, for engines of both
# levels; tunnels follow when a neighbour's MAC changes.
. "$(dirname "$0")/lib.sh" || exit 1
test_begin 160 ping
UNDER=$NS-under

vx() {
	printf '{"name": "%s", "port": "net_af_packet%s", "carrier": "vxlan", "vni": 7, "local": "%s", "remote": "%s",
		"mtu": 1430}' "$@"
}

KERNEL=$(printf '{"name": "host", "plugin": "kernel", "netns": "%s", "vifs": [
	{"name": "up0", "port": "net_af_packet0"}, {"name": "up1", "port": "net_af_packet1"}]}' "$UNDER")

# tunnel_host NAME OUTER REMOTE INNER
tunnel_host() {
	ip -n "$NS-$1" link add vx mtu 1430 type vxlan id 7 dstport 4789 local "$2" remote "$3" dev eth0 nolearning
	ip netns exec "$NS-$1" ethtool -K vx tx off tso off gso off gro off >/dev/null
	ip -n "$NS-$1" addr add "$4/24" dev vx
	ip -n "$NS-$1" link set dev vx up
}

# a is a neighbour; b's endpoint is behind its own address 192.0.3.2, the gateway.
host a 01
host b 02
address a 192.0.2.1/24
address b 192.0.3.2/24
address b 198.51.100.2/32
ip -n "$NS-b" route add 192.0.2.0/24 via 192.0.3.9
tunnel_host a 192.0.2.1 192.0.2.9 10.5.0.1
tunnel_host b 198.51.100.2 192.0.3.9 10.5.0.2

answers() {
	on "$1" ping -q -c 1 -W 1 "$2"
}

for isolation in secondary sealed; do
	say "$isolation"
	node_json 2 "$KERNEL" "$(relay_vr red 1 flow "$(vx a 0 192.0.2.9 192.0.2.1)" "$(vx b 1 192.0.3.9 198.51.100.2)" \
		"\"isolation\": \"$isolation\"")" >"$WORK/node.json"
	start_primary a b
	# Nobody knows the way yet: dropped by name.
	on a ip neigh replace 192.0.2.9 lladdr 02:00:00:00:01:01 dev eth0 nud reachable
	! answers a 10.5.0.2 || fail "there is an answer before there is a way"
	unresolved() {
		[ "$(node_stat '.vrs.red.drops.vif_unresolved // 0')" -gt 0 ]
	}
	wait_for 5 unresolved || fail "not counted as vif_unresolved: $(node_stat .vrs.red)"
	on a ip neigh flush dev eth0
	on b ip neigh flush dev eth0

	ip -n "$UNDER" addr add 192.0.2.9/24 dev up0
	ip -n "$UNDER" addr add 192.0.3.9/24 dev up1
	ip -n "$UNDER" route add 198.51.100.0/24 via 192.0.3.2
	ping_ok a 192.0.2.9 -c 3
	ping_ok b 192.0.3.9 -c 3
	wait_for 10 answers a 10.5.0.2 || fail "no way through the tunnels: $(ctl vr show host neigh)"
	ping_ok a 10.5.0.2 -s 1402 -M 'do'

	say "$isolation: the gateway's MAC changes"
	before=$(ip -n "$NS-b" -j link show dev eth0 | jq -r '.[0].address')
	ip -n "$NS-b" link set dev eth0 address 02:00:00:00:02:42
	ip -n "$UNDER" neigh flush dev up1
	wait_for 10 answers a 10.5.0.2 || fail "the tunnel does not follow: $(ctl vr show host neigh)"
	ping_ok a 10.5.0.2 -c 3
	ip -n "$NS-b" link set dev eth0 address "$before"

	assert_conserved
	ctl stop remove=true
	assert_stops "pdp-ctl stop remove=true"
done

say "without a kernel on the port"
node_json 2 "$(relay_vr red 1 flow "$(vx a 0 192.0.2.9 192.0.2.1)" "$(vx b 1 192.0.3.9 198.51.100.2)")" >"$WORK/node.json"
mapfile -t arguments < <(node_arguments a b)
! nsenter --net="/run/netns/$NODE" "$PRIMARY_BIN" "${arguments[@]}" -- -c "$WORK/node.json" >"$WORK/primary.log" 2>&1 ||
	fail "it starts without a kernel that finds neighbours"
grep -q 'remote_mac: carrier vxlan needs it, as no kernel finds it on port net_af_packet0' "$WORK/primary.log" ||
	fail "it does not say what is missing"
