# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What the tests of routed VRs share; to be sourced after lib.sh. A VR of plugin ip stands between hosts; its namespace
# $ROUTER has one TAP a vif, of the vif's name, and runs FRR or BIRD. ROUTED_BY=kernel puts the kernel in the VR's place,
# on the same links: what fails with it too is the fault of a script or of a daemon, not of PdP.
. "$PDP_SOURCE/scripts/routing.sh"

ROUTED_BY=${ROUTED_BY:-pdp}
ROUTER=$NS-vr
VR=red
BEGAN_S=$(date +%s.%3N)

# routed_begin PAGES [TOOL...]
routed_begin() {
	test_begin "$@"
	command -v bird >/dev/null || skip "bird is not installed"
	[ -x "$FRR_BIN/zebra" ] || skip "frr is not installed"
	chmod 755 "$WORK"
	if [ "$ROUTED_BY" = kernel ]; then
		ROUTER=$NODE
	else
		ip netns add "$ROUTER"
		ip -n "$ROUTER" link set dev lo up
	fi
	kernel_router "$ROUTER"
}

# ip_vif NAME PORT_NUMBER [MORE_JSON_MEMBERS]: a vif that has its port for itself.
ip_vif() {
	printf '{"name": "%s", "port": "net_af_packet%s"%s}' "$1" "$2" "${3:+, $3}"
}

# ip_vr NAME NETNS ENGINES VIFS_JSON [MORE_JSON_MEMBERS]
ip_vr() {
	printf '{"name": "%s", "plugin": "ip", "netns": "%s", "engines": %s, "vifs": [%s]%s}' "$1" "$2" "$3" "$4" "${5:+, $5}"
}

# router_start LINK...: the node with one VR between these hosts' links (or, with the kernel in its place, nothing).
router_start() {
	local vifs="" i=0 link
	[ "$ROUTED_BY" = pdp ] || return 0
	for link in "$@"; do
		vifs+="${vifs:+, }$(ip_vif "$link" "$i")"
		i=$((i + 1))
	done
	node_json "$#" "$(ip_vr "$VR" "$ROUTER" "${ENGINES:-1}" "$vifs" "${VR_MORE:-}")" >"$WORK/node.json"
	start_primary "$@"
}

# router_address LINK ADDRESS...: of the router, on a vif. A link-local one is the only one then: OSPFv3 and BFD of
# the other side have to mean the same.
router_address() {
	local a
	case " ${*:2}" in
	*" fe80:"*)
		ip -n "$ROUTER" link set dev "$1" addrgenmode none
		ip -n "$ROUTER" -6 addr flush dev "$1" scope link
		;;
	esac
	ip -n "$ROUTER" link set dev "$1" up || fail "the router has no link $1"
	wait_for 10 link_has_carrier "$ROUTER" "$1" || fail "link $1 of the router has no carrier"
	for a in "${@:2}"; do
		ip -n "$ROUTER" addr replace "$a" dev "$1" || fail "address $a on $1"
	done
}

# host_routed NAME NUMBER ADDRESS GATEWAY: a host with everything behind the router, checksums by the kernel itself.
host_routed() {
	host "$1" "$2"
	address "$1" "$3"
	ip -n "$NS-$1" route add default via "$4"
}

# n_routes NETNS FAMILY PROTO: in the kernel's main table.
n_routes() {
	ip -n "$1" "-$2" route show proto "$3" | grep -c -v '^[[:space:]]'
}

has_routes() {
	mirrored_about "$2" "$4" || return 1
	[ "$(n_routes "$1" "$2" "$3")" = "$4" ]
}

# To list a large table takes seconds: the node is asked first, which counts other routes too. (The kernel in its place is
# asked at once.)
mirrored_about() {
	[ "$ROUTED_BY" = pdp ] || return 0
	ctl vr show "$VR" fib --json |
		jq -e --arg f "ip$1_prefixes" --argjson n "$2" '.mirror.dumps > 0 and .[$f] - $n > -100 and .[$f] - $n < 100'
}

# routes_settle FAMILY PROTO N [SECONDS]: the kernel's table of the router has so many routes.
routes_settle() {
	wait_for "${4:-30}" has_routes "$ROUTER" "$1" "$2" "$3" ||
		fail "the router has $(n_routes "$ROUTER" "$1" "$2") IPv$1 routes of $2, not $3"
}

# fib_is_right [VR...]: what engines forward by is the kernel's table, once the mirror has read all. (The kernel itself
# needs no such look.)
fib_is_right() {
	local vr
	[ "$ROUTED_BY" = pdp ] || return 0
	for vr in "${@:-$VR}"; do
		wait_for "${SETTLE_S:-10}" fib_equal "$vr" || fail "FIB of VR $vr: $(cat "$WORK/check.$vr")"
	done
}

fib_equal() {
	ctl vr show "$1" fib --check >"$WORK/check.$1" 2>&1
}

# vr_fib NAME: the file of the VR's FIB, as its engines map it.
vr_fib() {
	local fd
	for fd in "/proc/$PRIMARY/fd"/*; do
		case $(readlink "$fd") in
		"/memfd:pdp-fib-$1 "*)
			echo "$fd"
			return
			;;
		esac
	done
	fail "the node has no FIB for VR $1"
}

# probes_agree VR NETNS FAMILY FILE VIF...: the first and the last address of every prefix of the file lead, by the FIB,
# where the kernel of the namespace says (RTM_GETROUTE); all vifs of the VR in their order.
probes_agree() {
	[ "$ROUTED_BY" = pdp ] || return 0
	wait_for "${SETTLE_S:-10}" probed "$@" || fail "FIB of VR $1, IPv$3: $(cat "$WORK/probe.$1")"
	say "IPv$3, VR $1: $(jq -s -r '.[-1] | "\(.addresses) addresses asked, \(.different) differ"' "$WORK/probe.$1")"
}

probed() {
	printf 'open %s\nprobe %s %s 0 2 %s\n' "$(vr_fib "$1")" "$3" "$4" "${*:5}" |
		ip netns exec "$2" "$PDP_BUILD/apps/pdp-bench/pdp-bench-watch" >"$WORK/probe.$1" 2>"$WORK/probe.$1.log"
	jq -s -e '.[-1] | .addresses > 0 and .different == 0' "$WORK/probe.$1"
}

# peer_folder NAME: folder of the routing daemon of a host or of the router.
peer_folder() {
	mkdir -p "$WORK/$1"
	echo "$WORK/$1"
}

# answers_for HOST PREFIX...: the host takes packets to all addresses of these prefixes as its own.
answers_for() {
	local prefix
	for prefix in "${@:2}"; do
		ip -n "$NS-$1" route replace local "$prefix" dev lo
	done
}

# steady_begin NAME FROM ADDRESS: a ping every 10 ms, until steady_end.
steady_begin() {
	ip netns exec "$NS-$2" ping -D -i 0.01 -W 2 "$3" >"$WORK/steady.$1" 2>&1 </dev/null &
	echo $! >"$WORK/steady.$1.pid"
}

# steady_end NAME [LOST]: it lost nothing, or at most so many. What was under way when it was ended is not lost.
steady_end() {
	local pid last answered
	pid=$(cat "$WORK/steady.$1.pid")
	wait_for 5 steady_goes_on "$1" "$(steady_last "$1")" || fail "ping $1 gets no answers any more"
	kill -INT "$pid"
	wait_for 10 process_gone "$pid" || fail "ping $1 does not end"
	last=$(steady_last "$1")
	answered=$(grep -o 'icmp_seq=[0-9]* ttl' "$WORK/steady.$1" | sort -u | wc -l)
	say "steady ping $1: $last sent, $((last - answered)) lost"
	[ $((last - answered)) -le "${2:-0}" ] ||
		fail "ping $1 lost $((last - answered)) of $last packets: $(steady_lost "$1" | head -n 20 | xargs)"
}

# steady_lost NAME: those that were lost in a row, and the seconds into the test, FIRST-LAST@SECONDS a line.
steady_lost() {
	sed -n 's/^\[\([0-9.]*\)\] .*icmp_seq=\([0-9]*\) ttl.*/\2 \1/p' "$WORK/steady.$1" | sort -n | awk -v began="$BEGAN_S" '
		$1 > next_one {printf "%d-%d@%.1f\n", next_one, $1 - 1, $2 - began}
		{next_one = $1 + 1}
		BEGIN {next_one = 1}'
}

# steady_last NAME: the last packet that was answered.
steady_last() {
	grep -o 'icmp_seq=[0-9]* ttl' "$WORK/steady.$1" | tr -dc '0-9\n' | sort -n | tail -n 1
}

steady_goes_on() {
	[ "$(steady_last "$1")" -gt "${2:-0}" ]
}

# bgp_sessions FOLDER: how often the sessions that are up now were established; it stays as it is while they stay up.
bgp_sessions() {
	vty "$1" 'show bgp neighbors json' |
		jq -r '[.[] | select(.bgpState == "Established") | .connectionsEstablished] | add // 0'
}

# router_done: every packet is accounted for, the node ends in order. What is steady must have ended.
router_done() {
	[ "$ROUTED_BY" = pdp ] || return 0
	local folder
	for folder in "$WORK"/*/; do
		[ ! -e "$folder/pids" ] || routing_end "${folder%/}"
	done
	assert_conserved
	stop_primary TERM
}

# lab_test NAME PATTERN...: config/NAME/run says these things, ends well, and leaves nothing.
lab_test() {
	local lab=$1 pattern
	[ "$(id -u)" = 0 ] || skip "needs root"
	[ "$(nproc)" -ge 2 ] || skip "needs 2 CPUs"
	[ -x "$FRR_BIN/zebra" ] || skip "frr is not installed"
	command -v bird >/dev/null || skip "bird is not installed"
	! ip netns list | grep -q "^$lab-" || skip "$lab runs already on this machine"
	WORK=$(mktemp -d)
	trap 'end_group; rm -rf "$WORK"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	PDP_BUILD=$PDP_BUILD run_group "$PDP_SOURCE/config/$lab/run" >"$WORK/lab.log" 2>&1 ||
		fail "config/$lab/run fails: $(cat "$WORK/lab.log")"
	for pattern in "${@:2}"; do
		grep -q -e "$pattern" "$WORK/lab.log" || fail "it does not say \"$pattern\": $(cat "$WORK/lab.log")"
	done
	grep -e "$2" "$WORK/lab.log"
	! ip netns list | grep -q "^$lab-" || fail "namespaces are left: $(ip netns list)"
	[ -z "$(dpdk_leavings "$lab-*")" ] || fail "files are left: $(dpdk_leavings "$lab-*")"
}
