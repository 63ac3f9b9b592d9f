#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Two MD lcores that share CPU 0, two queues a port, three engines: every packet is accounted for.
. "$(dirname "$0")/lib.sh" || exit 1
test_begin 128 ping iperf3 ss

host a 01
host b 02
address a 10.2.0.1/24
address b 10.2.0.2/24
LCORES=0@0,1@0
QUEUES=2
for balance in flow rr; do
	say "balance $balance"
	node_json 2 "$(relay_vr blue 3 "$balance" "$(raw_vif a 0 10.2.0.1/32)" "$(raw_vif b 1 10.2.0.2/32)")" \
		>"$WORK/node.json"
	start_primary a b
	ping_ok a 10.2.0.2
	iperf_ok a b 10.2.0.2 -P 8
	iperf_ok b a 10.2.0.1 -u -b 20M -P 4
	assert_conserved
	stop_primary TERM
done
