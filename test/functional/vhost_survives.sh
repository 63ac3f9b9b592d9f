#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A generator in another process drives the node through vhost as pktgen-dpdk would, with the commands of
# scripts/pktgen. It is stopped, SIGTERMed and SIGKILLed under full traffic, 20 times in all: the node lives, accounts
# for every packet and buffer each time, and forwards for the next one. With PKTGEN=/path/to/pktgen that one's
# scripts are run as well.
. "$(dirname "$0")/lib.sh" || exit 1
test_begin 160 dpdk-testpmd python3

ROUNDS=20
FORWARDED=20000 # of each direction, before the generator ends
GENERATOR=""
export PDP_BUILD PREFIX

end() {
	local rc=$?
	set +e
	[ -z "$GENERATOR" ] || kill -KILL "$GENERATOR" 2>/dev/null
	(exit "$rc")
	test_end
	rm -f "/run/pdp-$PREFIX"-*.sock "/run/pdp-$PREFIX.json"
}
trap end EXIT

start_generator() {
	"$PDP_SOURCE/scripts/pktgen/generator" --testpmd <>"$WORK/enter" >"$WORK/generator.log" 2>&1 &
	GENERATOR=$!
}

# Traffic comes in and goes out both ways: FORWARDED more frames than before this round, on each port.
flows() {
	[ "$(node_stat '[.ports[] | .tx] | min')" -ge $((before + FORWARDED)) ]
}

end_generator() {
	local rc=0
	case $1 in
	stop) echo >"$WORK/enter" ;;
	*) kill "-$1" "$GENERATOR" ;;
	esac
	wait_for 10 process_gone "$GENERATOR" || fail "round $round: the generator does not end by $1"
	wait "$GENERATOR" 2>/dev/null || rc=$?
	GENERATOR=""
	case $1:$rc in
	stop:0 | TERM:0 | TERM:143 | KILL:137) ;;
	*) fail "round $round: the generator ended by $1 with exit code $rc: $(cat "$WORK/generator.log")" ;;
	esac
}

# The ports and the VR tell the same; at most a buffer of 256 frames a port waits for the next generator. What pktgen
# sends fits the VR.
assert_ports_agree() {
	jq -e '.node.rx == ([.ports[].rx] | add) and (.vrs.red.tx - ([.ports[].tx] | add) | . >= 0 and . <= 512)
		and .node.drops == {}' "$WORK/stats.now" >/dev/null || fail "round $round: ports and VR differ"
}

"$PDP_SOURCE/scripts/pktgen/node" 03:00.0 0000:03:00.1 -- --check >"$WORK/check.log" 2>&1 || fail "real ports do not fit"
grep -q ': ok: 2 ports, 1 VRs' "$WORK/check.log" || fail "real ports do not fit"
assert_equal "the configuration's ports" "$(jq -r '[.ports[].name] | join(" ")' "/run/pdp-$PREFIX.json")" \
	"0000:03:00.0 0000:03:00.1"

mkfifo "$WORK/enter"
"$PDP_SOURCE/scripts/pktgen/node" </dev/null >"$WORK/primary.log" 2>&1 &
PRIMARY=$!
wait_for 20 node_runs || fail "the node does not run after 20 s"
! process_gone "$PRIMARY" || fail "the node did not start"
engine=$(engine_pids)

ways=(stop TERM KILL)
for ((round = 1; round <= ROUNDS; round++)); do
	way=${ways[round % 3]}
	before=$(node_stat '[.ports[] | .tx] | max')
	start_generator
	wait_for 15 flows || fail "round $round: the node does not forward: $(cat "$WORK/generator.log")"
	end_generator "$way"
	! process_gone "$PRIMARY" || fail "round $round: the node died of $way"
	assert_equal "the engine's process" "$(engine_pids)" "$engine"
	assert_conserved
	assert_ports_agree
	say "round $round, $way: $(jq -c '.vrs.red | {rx, tx, drops}' "$WORK/stats.now"), missing 0"
done

# A script of pktgen's is done when its result is there.
run_pktgen() {
	PKTGEN_SECONDS=1 PKTGEN_RESULT=$WORK/$1.csv "$PDP_SOURCE/scripts/pktgen/generator" \
		-f "$PDP_SOURCE/scripts/pktgen/$1.lua" <>"$WORK/enter" >"$WORK/pktgen.log" 2>&1 &
	GENERATOR=$!
	wait_for 60 test -s "$WORK/$1.csv" || fail "pktgen with $1.lua has no result after 60 s"
	wait_for 3 process_gone "$GENERATOR" || end_process "$GENERATOR" || :
	GENERATOR=""
	awk -F, 'NR > 1 && $3 > 0 {n++} END {exit !n}' "$WORK/$1.csv" || fail "nothing came back to pktgen: $(cat "$WORK/$1.csv")"
	say "pktgen $1.lua: $(tail -n 1 "$WORK/$1.csv")"
	assert_conserved
}

if [ -n "${PKTGEN:-}" ]; then
	for script in rates sizes latency; do
		run_pktgen "$script"
	done
fi
stop_primary TERM
