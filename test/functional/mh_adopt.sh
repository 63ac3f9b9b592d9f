#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Namespaces and interfaces outlive the node: after SIGTERM and kill -9 the next one takes them over, with addresses,
# and their carrier has never gone. Namespaces that exist, by name, path and process; what is taken away while the node
# runs is made again; what cannot be is refused in a sentence.
. "$(dirname "$0")/lib.sh" || exit 1
test_begin 160 ping
export PDP_PLUGIN_PATH=$PDP_BUILD/test/mp/plugins
RED=$NS-red

# vr NETNS [MORE_JSON_MEMBERS]
write_node() {
	node_json 1 "$(printf '{"name": "red", "plugin": "t_punt", "netns": "%s",
		"vifs": [{"name": "%s", "port": "net_af_packet0"}]}' "$1" "${2:-a}")" >"$WORK/node.json"
}

carrier_changes() {
	ip netns exec "$RED" cat /sys/class/net/a/carrier_changes
}

said() {
	grep -q "$1" "$WORK/primary.log"
}

host a 01
address a 10.1.0.2/24

say "made anew"
write_node "$RED"
start_primary a
ip -n "$RED" addr add 10.1.0.1/24 dev a
ping_ok a 10.1.0.1 -c 3
ctl vr show red punt --json | jq -e '.made_by_pdp and .interfaces.rows[0][4] == false' >/dev/null ||
	fail "it is not said to be made: $(ctl vr show red punt)"
before=$(carrier_changes)

say "SIGTERM and a new start"
stop_primary TERM
ip -n "$RED" -o link show dev a | grep -q 'LOWER_UP' || fail "the interface lost its carrier: $(ip -n "$RED" link)"
start_primary a
ping_ok a 10.1.0.1 -c 3
ctl vr show red punt --json | jq -e '.made_by_pdp and .interfaces.rows[0][4]' >/dev/null ||
	fail "it is not taken over: $(ctl vr show red punt)"

say "kill -9 and a new start"
kill -KILL "$PRIMARY"
wait "$PRIMARY" || :
ip -n "$RED" -o link show dev a | grep -q 'LOWER_UP' || fail "the interface lost its carrier: $(ip -n "$RED" link)"
start_primary a
ping_ok a 10.1.0.1 -c 3
assert_equal "carrier changes" "$(carrier_changes)" "$before"

say "without a keeper, the interface is taken over all the same"
kill -KILL "$(keeper_pid)"
stop_primary TERM
start_primary a
ping_ok a 10.1.0.1 -c 3

say "the interface is deleted"
ip -n "$RED" link del dev a
there() {
	ip -n "$RED" link show dev a
}
wait_for 5 there || fail "the interface is not made again"
said 'interface a was taken away' || fail "nothing is said of it"
ip -n "$RED" addr add 10.1.0.1/24 dev a
ping_ok a 10.1.0.1 -c 3

say "the namespace is deleted, and another of PdP's was"
echo 1 >"/run/pdp-netns/$RED-gone"
ip netns del "$RED"
wait_for 5 there || fail "the namespace is not made again"
[ ! -e "/run/pdp-netns/$RED-gone" ] || fail "the note of a namespace that is gone stays"
said "namespace $RED was taken away" || fail "nothing is said of it"
ip -n "$RED" addr add 10.1.0.1/24 dev a
ping_ok a 10.1.0.1 -c 3
ctl vr show red fib --check || fail "the routes of the new namespace are not followed"

say "the port's link and the interface's carrier; down and up by the admin"
ip -n "$RED" link set dev a down
ip -n "$RED" link set dev a up
ping_ok a 10.1.0.1 -c 3
assert_conserved
ctl stop remove=true
assert_stops "pdp-ctl stop remove=true"
[ ! -e "/run/netns/$RED" ] || fail "the namespace is still there"

say "namespaces that are somebody's"
ip netns add "$RED"
ip -n "$RED" link set dev lo up
ip netns exec "$RED" sleep 600 &
sleeper=$!
in_red() {
	[ "$(readlink "/proc/$sleeper/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}
wait_for 5 in_red
for netns in "$RED" "/proc/$sleeper/ns/net" "pid:$sleeper"; do
	write_node "$netns"
	start_primary a
	ip -n "$RED" addr add 10.1.0.1/24 dev a
	ping_ok a 10.1.0.1 -c 3
	ctl vr show red punt --json | jq -e '.made_by_pdp | not' >/dev/null || fail "$netns is said to be made by PdP"
	ctl stop remove=true
	assert_stops "pdp-ctl stop remove=true"
	[ -e "/run/netns/$RED" ] || fail "somebody's namespace was taken away"
	! there 2>/dev/null || fail "the interface is still there"
done

# refused WORDS NETNS [VIF]: in a sentence, and nothing is left.
refused() {
	write_node "${@:2}"
	mapfile -t arguments < <(node_arguments a)
	! nsenter --net="/run/netns/$NODE" "$PRIMARY_BIN" "${arguments[@]}" -- -c "$WORK/node.json" >"$WORK/primary.log" 2>&1 ||
		fail "it starts with $2"
	said "$1" || fail "\"$1\" is not said"
	assert_nothing_left
	[ -z "$(keeper_pid)" ] || fail "the keeper is still there"
}

say "what cannot be"
kill "$sleeper"
wait "$sleeper" || :
refused "there is no namespace pid:$sleeper" "pid:$sleeper"
refused 'is no network namespace' /etc/passwd
ip -n "$RED" link add name a type veth peer name b
refused 'interface a is there and no TAP; take it away' "$RED"
ip -n "$RED" link del dev a
refused 'every namespace has an interface "lo"' "$RED" lo
refused 'a path from / on' 'red/blue'
