#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# One VR between two hosts on plain veth, found by source prefix: ping, TCP and UDP with 1 and 3 engines and each
# balancer; every packet is accounted for and the pool gets its buffers back.
. "$(dirname "$0")/lib.sh" || exit 1
test_begin 128 ping iperf3 ss

host a 01
host b 02
address a 10.2.0.1/24
address b 10.2.0.2/24

# forward ENGINES BALANCE [MORE_JSON]
forward() {
	say "$1 engines, balance $2"
	node_json 2 "$(relay_vr blue "$1" "$2" "$(raw_vif a 0 10.2.0.1/32)" "$(raw_vif b 1 10.2.0.2/32)" "${3:-}")" \
		>"$WORK/node.json"
	start_primary a b
	assert_equal "number of engine processes" "$(engine_pids | wc -l)" "$1"
	ping_ok a 10.2.0.2
	ping_ok b 10.2.0.1 -s 1472 -M 'do'
	iperf_ok a b 10.2.0.2
	iperf_ok b a 10.2.0.1 -u -b 50M
	assert_conserved
	stop_primary TERM
}

forward 1 flow
forward 3 flow
forward 3 rr
forward 3 random
forward 3 weighted '"weights": [1, 2, 3]'
