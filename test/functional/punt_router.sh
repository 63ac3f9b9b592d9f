#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The kernel as the router of a VR: a plugin punts every packet, the namespace's own addresses, routes and ARP do the
# rest, and what the kernel sends goes out through the vif's carrier. Both kinds of vif, all carriers; one MD lcore and
# two; a flood of one class beside pings of another, and beside another VR.
. "$(dirname "$0")/lib.sh" || exit 1
test_begin 160 ping python3
export PDP_PLUGIN_PATH=$PDP_BUILD/test/mp/plugins
RED=$NS-red
BLUE=$NS-blue

# punt_vr NAME NETNS PUNT_JSON VIF_JSON...
punt_vr() {
	printf '{"name": "%s", "plugin": "t_punt", "isolation": "%s", "netns": "%s", "punt": %s, "vifs": [%s]}' \
		"$1" "$ISOLATION" "$2" "$3" "$(IFS=,; echo "${*:4}")"
}

ISOLATION=secondary
FAST='{"other": 1000000, "other_burst": 10000}'

# What was punted reached an interface, what the kernel sent was originated, nothing is lost.
assert_punted() {
	assert_conserved
	assert_equal "punted, originated, dropped" \
		"$(node_stat '.vrs.red | "\(.punted > 0) \(.originated > 0) \(.dropped)"')" "true true 0"
	ctl vr show red punt --json >"$WORK/punt.json"
	jq -e '.punted == ([.interfaces.rows[] | .[5] + .[6]] | add) and .originated == ([.interfaces.rows[] | .[7]] | add)
		and ([.interfaces.rows[] | .[6] + .[8]] | add) == 0' "$WORK/punt.json" >/dev/null ||
		fail "the interfaces do not have what was punted: $(cat "$WORK/punt.json")"
}

# through WHAT VIF_A VIF_B: a - kernel of red - b.
through() {
	say "$1"
	node_json 2 "$(punt_vr red "$RED" "$FAST" "$2" "$3")" >"$WORK/node.json"
	start_primary a b
	ip -n "$RED" addr replace 10.1.0.1/24 dev a
	ip -n "$RED" addr replace 10.2.0.1/24 dev b
	# Kind ip has no ARP.
	ip -n "$RED" route replace 10.1.0.0/24 dev a
	ping_ok a 10.2.0.2 -c 3
	ping_ok b 10.1.0.2 -c 3 -s 1372 -M 'do'
	assert_punted
	ctl stop remove=true
	assert_stops "pdp-ctl stop remove=true"
	[ ! -e "/run/netns/$RED" ] || fail "the namespace is still there"
	[ -z "$(keeper_pid)" ] || fail "the keeper is still there"
}

host a 01
host b 02
address a 10.1.0.2/24
address b 10.2.0.2/24
ip -n "$NS-a" route add default via 10.1.0.1
ip -n "$NS-b" route add default via 10.2.0.1

through "kind ethernet, raw" '{"name": "a", "port": "net_af_packet0"}' '{"name": "b", "port": "net_af_packet1"}'
LCORES=0@0,1@0
QUEUES=2
through "kind ethernet, raw, two MD lcores" '{"name": "a", "port": "net_af_packet0"}' \
	'{"name": "b", "port": "net_af_packet1"}'
LCORES=0@0
QUEUES=1

# What is punted is the whole packet, also when the VR sees 128 bytes of it.
ISOLATION=sealed
through "kind ethernet, raw, sealed" '{"name": "a", "port": "net_af_packet0"}' '{"name": "b", "port": "net_af_packet1"}'
ISOLATION=secondary

# Kind ip sees no ARP: the hosts know the node's MACs by hand.
for side in 'a 1 01' 'b 2 02'; do
	read -r name net number <<<"$side"
	ip -n "$NS-$name" neigh replace "10.$net.0.1" lladdr "02:00:00:00:$number:01" dev eth0 nud permanent
done
through "kind ip, raw" '{"name": "a", "port": "net_af_packet0", "kind": "ip", "peer_mac": "02:00:00:00:01:02"}' \
	'{"name": "b", "port": "net_af_packet1", "kind": "ip", "peer_mac": "02:00:00:00:02:02"}'

# The same hosts by VXLAN, outer addresses 192.0.2.x; kind ethernet on one side, ip on the other.
for side in 'a 1 01' 'b 2 02'; do
	read -r name net number <<<"$side"
	ip -n "$NS-$name" neigh flush dev eth0
	ip -n "$NS-$name" addr flush dev eth0
	ip -n "$NS-$name" addr add "192.0.2.$net/24" dev eth0
	host_vxlan "$NS-$name" "$number" 7 4789 "192.0.2.$net" 192.0.2.9
	ip -n "$NS-$name" addr add "10.$net.0.2/24" dev vx
	ip -n "$NS-$name" route replace default via "10.$net.0.1"
done
vx() {
	printf '{"name": "%s", "port": "net_af_packet%s", "carrier": "vxlan", "vni": 7, "local": "192.0.2.9",
		"remote": "192.0.2.%s", "remote_mac": "02:00:00:00:0%s:02"%s}' "$1" "$2" "$3" "$3" "$4"
}
ip -n "$NS-b" neigh replace 10.2.0.1 lladdr 02:00:00:00:00:99 dev vx nud permanent
through "vxlan, kind ethernet and kind ip" "$(vx a 0 1 '')" \
	"$(vx b 1 2 ", \"kind\": \"ip\", \"mac\": \"02:00:00:00:00:99\",
		\"peer_mac\": \"$(ip -n "$NS-b" -j link show dev vx | jq -r '.[0].address')\"")"
for name in a b; do
	ip -n "$NS-$name" link del vx
	ip -n "$NS-$name" addr flush dev eth0
done

# A flood at red's own address, far above its rate: class other. BGP's port is answered in class routing
# (a connection refused is an answer), and VR blue notices nothing.
say "a flood of one class"
ip -n "$NS-a" addr add 10.1.0.2/24 dev eth0
ip -n "$NS-b" addr add 10.3.0.2/24 dev eth0
node_json 2 "$(punt_vr red "$RED" '{"other": 100, "other_burst": 10}' '{"name": "a", "port": "net_af_packet0"}')" \
	"$(punt_vr blue "$BLUE" '{}' '{"name": "b", "port": "net_af_packet1"}')" >"$WORK/node.json"
start_primary a b
ip -n "$RED" addr add 10.1.0.1/24 dev a
ip -n "$BLUE" addr add 10.3.0.1/24 dev b
ip netns exec "$NS-a" python3 - <<'PY' &
import socket, time
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    for i in range(6000):
        s.sendto(b"flood", ("10.1.0.1", 9))
        if i % 10 == 0:
            time.sleep(0.01)
PY
limited() {
	[ "$(node_stat '.vrs.red.drops.punt_limit // 0')" -gt 500 ]
}
wait_for 10 limited || fail "the flood is not limited: $(node_stat .vrs.red)"
on a python3 - <<'PY' || fail "a routing protocol's packets are lost in the flood"
import socket, time
for _ in range(50):
    with socket.socket() as s:
        s.settimeout(0.9)  # no SYN is sent twice
        try:
            s.connect(("10.1.0.1", 179))
        except ConnectionRefusedError:
            pass
PY
ping_ok b 10.3.0.1
wait $! || :
assert_conserved
jq -e '.vrs.blue.dropped == 0' "$WORK/stats.now" >/dev/null || fail "VR blue lost packets: $(cat "$WORK/stats.now")"
ctl vr show red punt --json | jq -e '.classes.rows | map({(.[0]): .}) | add
	| .routing[3] >= 50 and .routing[4] == 0 and .routing[5] == 0 and .other[4] > 500' >/dev/null ||
	fail "classes: $(ctl vr show red punt)"
ctl stop remove=true
assert_stops "pdp-ctl stop remove=true"
