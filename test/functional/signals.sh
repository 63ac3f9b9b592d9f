#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# SIGINT, SIGTERM and `pdp-ctl stop` end the node in order within 2 s, under traffic, with nothing left behind.
. "$(dirname "$0")/lib.sh" || exit 1
test_begin 128 ping

host a 01
host b 02
address a 10.2.0.1/24
address b 10.2.0.2/24
node_json 2 "$(relay_vr blue 2 rr "$(raw_vif a 0 10.2.0.1/32)" "$(raw_vif b 1 10.2.0.2/32)")" >"$WORK/node.json"

begin() {
	start_primary a b
	ping_ok a 10.2.0.2
	ip netns exec "$NS-a" ping -q -f 10.2.0.2 >/dev/null &
	PINGER=$!
}

end() {
	kill -KILL "$PINGER"
	wait "$PINGER" 2>/dev/null || :
}

for signal in TERM INT; do
	say "SIG$signal"
	begin
	stop_primary "$signal"
	end
done

say "pdp-ctl stop"
begin
ctl stop
assert_stops "pdp-ctl stop"
end

say "kill -9 of the primary: its engines end too, and the same prefix starts again"
begin
kill -KILL "$PRIMARY"
wait_for 2 no_engines || fail "engines outlive their primary: $(engine_pids)"
wait "$PRIMARY" 2>/dev/null || :
end
begin
stop_primary TERM
end
