# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Network namespaces as hosts, joined by veth to the namespace in which the node runs. To be sourced, by root.
# Everything lives in namespaces, so that deleting them (delete_namespaces in common.sh) leaves nothing behind.

quiet_ipv6() {
	ip netns exec "$1" sysctl -qw net.ipv6.conf.all.accept_ra=0 net.ipv6.conf.default.accept_ra=0 \
		net.ipv6.conf.default.addr_gen_mode=1 net.ipv6.conf.default.accept_dad=0 2>/dev/null || :
}

# node_create NODE: a namespace for pdp-primary.
node_create() {
	ip netns add "$1"
	ip netns exec "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 \
		2>/dev/null || :
	ip -n "$1" link set dev lo up
}

# One end of a link as a packet program needs it: no offloads, or frames without checksums and longer than the MTU
# would reach it.
plain_link() {
	ip netns exec "$1" ethtool -K "$2" tx off rx off tso off gso off gro off >/dev/null
	ip -n "$1" link set dev "$2" promisc on
	ip -n "$1" link set dev "$2" up
}

# host_create HOST NODE PORT NUMBER [MTU]: a host whose eth0 is a veth to the node's interface PORT. MAC addresses are
# 02:00:00:00:NUMBER:02 (host) and 02:00:00:00:NUMBER:01 (node), NUMBER two hex digits.
host_create() {
	local host=$1 node=$2 port=$3 number=$4 mtu=${5:-1500}
	ip netns add "$host"
	quiet_ipv6 "$host"
	ip -n "$host" link set dev lo up
	ip -n "$host" link add eth0 mtu "$mtu" address "02:00:00:00:$number:02" type veth \
		peer name "$port" mtu "$mtu" address "02:00:00:00:$number:01" netns "$node"
	plain_link "$node" "$port"
	plain_link "$host" eth0
	wait_for 5 link_is_up "$host" eth0
}

link_is_up() {
	ip -n "$1" -o link show dev "$2" | grep -q 'state UP'
}

# Also of a TAP, whose state stays unknown.
link_has_carrier() {
	ip -n "$1" -o link show dev "$2" | grep -q '[<,]LOWER_UP[,>]'
}

# host_vxlan HOST NUMBER VNI UDP_PORT LOCAL REMOTE [MTU]: the host's VXLAN interface `vx` to the PdP, whose outer
# address REMOTE is a permanent neighbour (PdP answers no ARP).
host_vxlan() {
	local host=$1 number=$2 vni=$3 udp_port=$4 local=$5 remote=$6 mtu=${7:-1450}
	ip -n "$host" neigh replace "$remote" lladdr "02:00:00:00:$number:01" dev eth0 nud permanent
	ip -n "$host" link add vx mtu "$mtu" type vxlan id "$vni" dstport "$udp_port" local "$local" remote "$remote" \
		dev eth0 nolearning udp6zerocsumrx
	ip netns exec "$host" ethtool -K vx tx off tso off gso off gro off >/dev/null
	ip -n "$host" link set dev vx up
}
