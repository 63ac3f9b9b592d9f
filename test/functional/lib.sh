# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What the functional tests share. A test sources it first, calls test_begin, makes hosts, writes a configuration,
# starts the node, and asserts. Everything it made is taken away when it ends, however it ends. A test runs by hand too:
# test/functional/relay_ping.sh tries build/.
#
# Names: $NS prefix of the namespaces, $NODE the node's namespace, $PREFIX the file prefix, $WORK a scratch folder,
# $PRIMARY the pid of pdp-primary.
set -euo pipefail

PDP_SOURCE=${PDP_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
PDP_BUILD=${PDP_BUILD:-$PDP_SOURCE/build}
. "$PDP_SOURCE/scripts/common.sh"
. "$PDP_SOURCE/scripts/hosts.sh"

NAME=$(basename "$0" .sh)
NS=${PDP_TEST_RUN:-pdp-t$$}-$NAME
PREFIX=$NS
NODE=$NS-node
PRIMARY=""
PRIMARY_BIN=$PDP_BUILD/apps/pdp-primary/pdp-primary
export PDP_TEST_RUN=${PDP_TEST_RUN:-pdp-t$$}

skip() {
	echo "skipped: $*"
	exit 77
}

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

say() {
	echo "$NAME: $*"
}

# test_begin PAGES [TOOL...]: skip where the test cannot run, take hugepages, make the node's namespace.
test_begin() {
	local tool
	[ "$(id -u)" = 0 ] || skip "needs root"
	[ "$(nproc)" -ge 2 ] || skip "needs 2 CPUs"
	for tool in jq ip ethtool "${@:2}"; do
		command -v "$tool" >/dev/null || skip "$tool is not installed"
	done
	WORK=$(mktemp -d)
	trap test_end EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	pages_reserve "$1" || skip "$1 hugepages of 2 MB cannot be had"
	node_create "$NODE"
}

# test_end [EXIT_CODE]: a test with more to end than one node does that first.
test_end() {
	local rc=${1:-$?}
	set +e
	trap '' INT TERM
	if [ "$rc" != 0 ] && [ "$rc" != 77 ]; then
		tail -n 40 "$WORK"/*.log "$WORK"/*/*.log >&2 2>/dev/null
		[ -z "$PRIMARY" ] || ctl stats --json >&2
	fi
	[ -z "$PRIMARY" ] || end_process "$PRIMARY"
	end_keepers "$PREFIX"
	delete_namespaces "$NS-"
	dpdk_clean "$PREFIX"
	dpdk_clean "$PREFIX-*" # not those of a test whose name is longer, which may run now
	pages_restore
	rm -rf "$WORK"
}

keeper_pid() {
	keeper_pids "$PREFIX"
}

ctl() {
	"$PDP_BUILD/apps/pdp-ctl/pdp-ctl" --file-prefix "$PREFIX" "$@"
}

on() {
	ip netns exec "$NS-$1" "${@:2}"
}

# host NAME NUMBER [MTU]: a host; its link ends in the node's namespace as interface NAME.
host() {
	host_create "$NS-$1" "$NODE" "$1" "${@:2}"
}

address() {
	ip -n "$NS-$1" addr add "$2" dev "${3:-eth0}"
}

node_runs() {
	process_gone "$PRIMARY" || grep -q '^pdp-primary: node .* runs' "$WORK/primary.log"
}

# node_arguments INTERFACE...: EAL's arguments, one a line, for a node whose ports are these interfaces; $LCORES
# (default 0@0) are the MD's, $QUEUES (default 1) what each port has.
node_arguments() {
	local interface i=0
	printf '%s\n' --lcores "${LCORES:-0@0}" --file-prefix "$PREFIX" --no-pci --log-level=lib.eal:warning
	for interface in "$@"; do
		echo "--vdev=net_af_packet$i,iface=$interface,qpairs=${QUEUES:-1}"
		i=$((i + 1))
	done
}

# start_primary INTERFACE...: start the node with $WORK/node.json and wait until it runs.
start_primary() {
	local arguments
	mapfile -t arguments < <(node_arguments "$@")
	start_with "${arguments[@]}"
}

# start_node EAL_ARGUMENT...: the same with other ports.
start_node() {
	local arguments
	mapfile -t arguments < <(node_arguments)
	start_with "${arguments[@]}" "$@"
}

start_with() {
	: >"$WORK/primary.log"
	nsenter --net="/run/netns/$NODE" "$PRIMARY_BIN" "$@" -- -c "$WORK/node.json" </dev/null >"$WORK/primary.log" 2>&1 &
	PRIMARY=$!
	wait_for 20 node_runs || fail "the node does not run after 20 s"
	! process_gone "$PRIMARY" || fail "the node did not start"
}

node_stopped() {
	grep -q '^pdp-primary: stopped' "$WORK/primary.log" && no_engines
}

# stop_primary SIGNAL: packets and engines have ended in order within 2 s, the process is gone when the kernel has
# closed its sockets (up to a second each on a busy machine); it says 0, and leaves nothing behind.
stop_primary() {
	kill "-$1" "$PRIMARY"
	assert_stops "SIG$1"
}

assert_stops() {
	local pid=$PRIMARY rc=0
	wait_for 2 node_stopped || fail "the node has not stopped 2 s after $1"
	wait_for 10 process_gone "$pid" || fail "pdp-primary is still there 10 s after it stopped"
	PRIMARY=""
	wait "$pid" || rc=$?
	[ "$rc" = 0 ] || fail "pdp-primary ends with exit code $rc"
	grep -q 'every packet accounted for, every buffer back' "$WORK/primary.log" || fail "it does not balance at the end"
	assert_nothing_left
}

engine_pids() {
	pgrep -f "^[^ ]*pdp-engine(: .* of| .*--file-prefix)[= ]$PREFIX( |\$)" || :
}

no_engines() {
	[ -z "$(engine_pids)" ]
}

assert_nothing_left() {
	wait_for 2 no_engines || fail "engines are still there: $(engine_pids)"
	[ -z "$(dpdk_leavings "$PREFIX")" ] || fail "files are left behind: $(dpdk_leavings "$PREFIX")"
}

# node_stat JQ_EXPRESSION: of the node's statistics.
node_stat() {
	ctl stats --json | jq -r "$1"
}

# Every packet counted once, per VR (the node says so by "conserved") and from the ports to the VRs; nothing under way;
# every buffer back in the pool.
quiet_and_conserved() {
	ctl stats --json >"$WORK/stats.now" &&
		jq -e '.conserved and .pool.missing == 0 and all(.vrs[]; .conserved and .in_flight == 0)
			and .node.rx == .node.matched + ([.node.drops[]] | add // 0)
			and .node.matched == ([.vrs[].rx] | add)
			and all(.vrs[]; .rx + .originated == .tx + .punted + ([.drops[]] | add // 0))' "$WORK/stats.now"
}

# As soon as all is quiet.
assert_conserved() {
	wait_for 5 quiet_and_conserved || fail "packets are not conserved: $(cat "$WORK/stats.now")"
}

# assert_equal WHAT GOT WANTED
assert_equal() {
	[ "$2" = "$3" ] || fail "$1 is $2, not $3"
}

# ping_ok HOST ADDRESS [-c COUNT] [PING_ARGUMENT...]: exactly 8 or COUNT packets, one after the other; each is answered, if
# late: the machine may be busy.
ping_ok() {
	local from=$1 to=$2 count=8 i out
	shift 2
	if [ "${1:-}" = -c ]; then
		count=$2
		shift 2
	fi
	for ((i = 1; i <= count; i++)); do
		out=$(on "$from" ping -c 1 -W 15 "$@" "$to") || fail "ping $i of $count from $from to $to: $out"
	done
	say "$from to $to: $count pings answered, $(sed -n 's/.* \(time=.*\)/the last with \1/p' <<<"$out")"
}

listens() {
	[ -n "$(on "$1" ss -Hltn 'sport = :5201')" ]
}

# iperf_ok FROM TO ADDRESS [IPERF3_ARGUMENT...]: data arrives.
iperf_ok() {
	ip netns exec "$NS-$2" iperf3 -s -1 >/dev/null 2>&1 </dev/null &
	wait_for 5 listens "$2" || fail "iperf3 does not start on $2"
	on "$1" iperf3 -c "$3" -t 1 -J "${@:4}" >"$WORK/iperf.json" </dev/null ||
		fail "iperf3 from $1 to $2: $(jq -r '.error // empty' "$WORK/iperf.json")"
	jq -e '(.end.sum_received // .end.sum).bytes > 100000' "$WORK/iperf.json" >/dev/null ||
		fail "iperf3 from $1 to $2 moved nothing"
	say "iperf3 ${*:4}: $(jq '(.end.sum_received // .end.sum).bits_per_second / 1e6 | floor' "$WORK/iperf.json") Mbit/s"
}

# relay_vr NAME ENGINES BALANCE VIF_JSON VIF_JSON [MORE_JSON_MEMBERS]: a VR of the plugin relay.
relay_vr() {
	printf '{"name": "%s", "plugin": "relay", "engines": %s, "balance": "%s", "vifs": [%s, %s]%s}' \
		"$1" "$2" "$3" "$4" "$5" "${6:+, $6}"
}

# raw_vif NAME PORT_NUMBER PREFIX
raw_vif() {
	printf '{"name": "%s", "port": "net_af_packet%s", "carrier": "raw", "source": ["%s"]}' "$@"
}

# node_json PORTS VR_JSON...: a whole configuration on stdout.
node_json() {
	local n=$1 i ports="" vrs
	for ((i = 0; i < n; i++)); do
		ports+="${ports:+, }{\"name\": \"net_af_packet$i\"}"
	done
	vrs=$(IFS=,; echo "${*:2}")
	printf '{"node": "test", "cpus": {"engines": [1]}, "md": {"poll": "adaptive"}, "ports": [%s], "vrs": [%s]}\n' \
		"$ports" "$vrs" | jq .
}
