#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# One VR between two hosts that reach it through the kernel's VXLAN interfaces, over IPv4 and over IPv6 outside:
# found by UDP port, address and VNI; what another VNI or sender sends is a counted drop.
. "$(dirname "$0")/lib.sh" || exit 1
test_begin 128 ping iperf3 ss

# vxlan_vif NAME PORT_NUMBER LOCAL REMOTE HOST_NUMBER
vxlan_vif() {
	printf '{"name": "%s", "port": "net_af_packet%s", "carrier": "vxlan", "vni": 10, "udp_port": 4801, "local": "%s",
		"remote": "%s", "remote_mac": "02:00:00:00:%s:02", "mtu": 1430}' "$@"
}

host a 01
host b 02
address a 192.0.2.2/30
address b 198.51.100.2/30
address a 2001:db8:1::2/64
address b 2001:db8:2::2/64

through() {
	local family=$1 local_a=$2 remote_a=$3 local_b=$4 remote_b=$5
	say "outer $family"
	host_vxlan "$NS-a" 01 10 4801 "$remote_a" "$local_a" 1430
	host_vxlan "$NS-b" 02 10 4801 "$remote_b" "$local_b" 1430
	address a 10.1.0.1/24 vx
	address b 10.1.0.2/24 vx
	node_json 2 "$(relay_vr red 1 flow "$(vxlan_vif a 0 "$local_a" "$remote_a" 01)" \
		"$(vxlan_vif b 1 "$local_b" "$remote_b" 02)")" >"$WORK/node.json"
	start_primary a b
	ping_ok a 10.1.0.2
	ping_ok b 10.1.0.1 -s 1402 -M 'do'
	iperf_ok a b 10.1.0.2
	iperf_ok b a 10.1.0.1 -u -b 50M -l 1400
	assert_conserved
	stop_primary TERM
	ip -n "$NS-a" link delete dev vx
	ip -n "$NS-b" link delete dev vx
}

through IPv4 192.0.2.1 192.0.2.2 198.51.100.1 198.51.100.2
through IPv6 2001:db8:1::1 2001:db8:1::2 2001:db8:2::1 2001:db8:2::2
