#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# dpdk-dumpcap captures what a running node receives and sends; the node goes on, and captures again.
. "$(dirname "$0")/lib.sh" || exit 1
test_begin 128 ping dpdk-dumpcap tcpdump

# captured ICMP_TYPE: how many of them
captured() {
	tcpdump -nr "$WORK/dump" "icmp[icmptype] == $1" 2>"$WORK/tcpdump.log" | wc -l
}

host a 01
host b 02
address a 10.2.0.1/24
address b 10.2.0.2/24
node_json 2 "$(relay_vr blue 1 flow "$(raw_vif a 0 10.2.0.1/32)" "$(raw_vif b 1 10.2.0.2/32)")" >"$WORK/node.json"
start_primary a b
ping_ok a 10.2.0.2

for round in 1 2; do
	say "capture $round"
	rm -f "$WORK/dump" # dpdk-dumpcap leaves what an earlier, longer file has behind its own
	ip netns exec "$NS-a" ping -q -i 0.02 -w 15 10.2.0.2 >/dev/null &
	pinger=$!
	timeout -k 2 15 dpdk-dumpcap --file-prefix="$PREFIX" -i net_af_packet0 -c 40 -w "$WORK/dump" \
		>"$WORK/dumpcap.log" 2>&1 </dev/null || fail "dpdk-dumpcap ends with exit code $?"
	end_process "$pinger"
	requests=$(captured icmp-echo)
	replies=$(captured icmp-echoreply)
	say "$requests requests and $replies replies captured"
	if [ "$requests" -lt 10 ] || [ "$replies" -lt 10 ]; then
		fail "the capture lacks packets: $(cat "$WORK/dumpcap.log")"
	fi
done
ping_ok a 10.2.0.2
assert_conserved
stop_primary TERM
