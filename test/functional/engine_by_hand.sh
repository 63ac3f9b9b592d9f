#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A VR author starts an engine by hand, under gdb too: it joins the running node, forwards, and leaves again without
# taking packets with it.
. "$(dirname "$0")/lib.sh" || exit 1
test_begin 128 ping gdb

host a 01
host b 02
address a 10.2.0.1/24
address b 10.2.0.2/24
node_json 2 "$(relay_vr blue 1 rr "$(raw_vif a 0 10.2.0.1/32)" "$(raw_vif b 1 10.2.0.2/32)")" >"$WORK/node.json"
start_primary a b
ping_ok a 10.2.0.2

# running N: that many engines run, one of them by hand if N is 2; $HAND is then its pid
running() {
	[ "$(ctl --json engine list | jq '[.rows[] | select(.[1] == "running")] | length')" = "$1" ]
}

by_hand() {
	ctl --json engine list | jq -r ".rows[] | select(.[2] == \"hand\" and .[1] == \"running\") | .[$1]"
}

joined_and_left() {
	local starter hand
	"$@" "$PDP_BUILD/apps/pdp-engine/pdp-engine" --proc-type=secondary --file-prefix "$PREFIX" -- --vr blue \
		</dev/null >"$WORK/engine.log" 2>&1 &
	starter=$!
	wait_for 20 running 2 || fail "the engine does not join"
	hand=$(by_hand 3)
	ping_ok a 10.2.0.2
	[ "$(by_hand 7)" -gt 0 ] || fail "the engine by hand got no packets"
	kill -TERM "$hand"
	wait_for 5 running 1 || fail "the engine by hand does not leave"
	wait_for 5 process_gone "$starter" || fail "its process is still there"
	ping_ok a 10.2.0.2
	assert_conserved
}

say "plain"
joined_and_left env
say "under gdb"
joined_and_left gdb -q -batch -ex 'handle SIGTERM nostop pass' -ex run --args
stop_primary TERM
