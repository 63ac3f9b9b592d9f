#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# kill -9 of an engine under traffic: the node lives, the other VR loses nothing, every packet of the killed engine's
# VR is accounted for, and the pool has its buffers back.
. "$(dirname "$0")/lib.sh" || exit 1
test_begin 128 ping

host a 01
host b 02
host c 03
host d 04
address a 10.1.0.1/24
address b 10.1.0.2/24
address c 10.2.0.1/24
address d 10.2.0.2/24
node_json 4 "$(relay_vr red 2 rr "$(raw_vif a 0 10.1.0.1/32)" "$(raw_vif b 1 10.1.0.2/32)")" \
	"$(relay_vr blue 1 flow "$(raw_vif c 2 10.2.0.1/32)" "$(raw_vif d 3 10.2.0.2/32)")" >"$WORK/node.json"
start_primary a b c d
ping_ok a 10.1.0.2
ping_ok c 10.2.0.2

engine_of() {
	ctl engine list --json | jq -r --arg vr "$1" '[.rows[] | select((.[0] | startswith($vr + "/")) and .[1] == "running")][0][3]'
}

ip netns exec "$NS-a" ping -q -f -w 60 10.1.0.2 >/dev/null &
flood=$!
for round in first second; do
	victim=$(engine_of red)
	say "$round kill -9, of engine process $victim of VR red"
	ip netns exec "$NS-c" ping -q -i 0.01 -c 200 -W 2 10.2.0.2 >"$WORK/ping.blue" &
	pinger=$!
	kill -KILL "$victim"
	wait "$pinger" || fail "VR blue stopped forwarding: $(cat "$WORK/ping.blue")"
	grep -q ' 0% packet loss' "$WORK/ping.blue" || fail "VR blue lost packets: $(cat "$WORK/ping.blue")"
	ctl status >/dev/null || fail "the node does not answer any more"
	process_gone "$victim" || fail "process $victim is still there"
done
kill -KILL "$flood"
red_runs() {
	[ "$(ctl engine list --json | jq '[.rows[] | select(.[1] == "running")] | length')" = 3 ]
}
wait_for 10 red_runs || fail "the killed engine of VR red is not replaced"
ping_ok a 10.1.0.2
assert_conserved
say "drops of VR red: $(node_stat '.vrs.red.drops | tojson')"
stop_primary TERM
