#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Ethernet-in-UDP and IP-in-UDP over IPv4 and IPv6. The kernel speaks neither, so two VRs of one node stand back to
# back: host a - VR left - UDP tunnel over a veth pair between two ports - VR right - host b.
. "$(dirname "$0")/lib.sh" || exit 1
test_begin 128 ping iperf3 ss

host a 01 1400
host b 02 1400
address a 10.2.0.1/24
address b 10.2.0.2/24
# A vif of kind ip sees no ARP: the hosts know each other's way by hand. Kind ethernet does not mind.
ip -n "$NODE" link add left address 02:00:00:00:0a:01 type veth \
	peer name right address 02:00:00:00:0b:01
plain_link "$NODE" left
plain_link "$NODE" right

# edge NAME PORT KIND PREFIX HOST_NUMBER
edge() {
	printf '{"name": "%s", "port": "net_af_packet%s", "kind": "%s", "carrier": "raw", "source": ["%s"]' "${@:1:4}"
	[ "$3" = ethernet ] || printf ', "peer_mac": "02:00:00:00:%s:02"' "$5"
	printf '}'
}

# tunnel PORT KIND LOCAL REMOTE REMOTE_MAC
tunnel() {
	printf '{"name": "tunnel", "port": "net_af_packet%s", "kind": "%s", "carrier": "udp", "udp_port": 5555,
		"local": "%s", "remote": "%s", "remote_mac": "%s", "mtu": 1400}' "$@"
}

through() {
	local kind=$1 left=$2 right=$3
	say "$kind in UDP, outer addresses $left and $right"
	node_json 4 \
		"$(relay_vr left 1 flow "$(edge a 0 "$kind" 10.2.0.1/32 01)" "$(tunnel 2 "$kind" "$left" "$right" 02:00:00:00:0b:01)")" \
		"$(relay_vr right 1 flow "$(tunnel 3 "$kind" "$right" "$left" 02:00:00:00:0a:01)" "$(edge b 1 "$kind" 10.2.0.2/32 02)")" \
		>"$WORK/node.json"
	start_primary a b left right
	ping_ok a 10.2.0.2
	ping_ok b 10.2.0.1 -s 1372 -M 'do'
	iperf_ok a b 10.2.0.2
	assert_conserved
	stop_primary TERM
}

through ethernet 192.0.2.1 192.0.2.2
through ethernet 2001:db8::1 2001:db8::2
ip -n "$NS-a" neigh replace 10.2.0.2 lladdr 02:00:00:00:01:01 dev eth0 nud permanent
ip -n "$NS-b" neigh replace 10.2.0.1 lladdr 02:00:00:00:02:01 dev eth0 nud permanent
through ip 192.0.2.1 192.0.2.2
through ip 2001:db8::1 2001:db8::2
