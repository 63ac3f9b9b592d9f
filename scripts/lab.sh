# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What the labs of config/ share: nodes, routing daemons and hosts in namespaces, started by one script and taken away
# when it ends, however it ends. To be sourced by root from the top folder.
. scripts/common.sh
. scripts/hosts.sh
. scripts/routing.sh

LAB=""
LAB_WORK=""
LAB_BUILD=${PDP_BUILD:-$PWD/build}
declare -A LAB_NODES # name of a node: pid of its primary

say() {
	echo "$LAB: $*"
}

die() {
	echo "$LAB: $*" >&2
	exit 1
}

# lab_begin NAME PAGES: NAME is also what its namespaces and file prefixes begin with.
lab_begin() {
	LAB=$1
	[ "$(id -u)" = 0 ] || die "network namespaces and hugepages need root: run it with sudo"
	[ "$(nproc)" -ge 2 ] || die "this needs 2 CPUs: one for the MDs, one for the engines"
	[ -x "$LAB_BUILD/apps/pdp-primary/pdp-primary" ] || die "no $LAB_BUILD: build first (scripts/quickstart does)"
	if [ ! -x "$FRR_BIN/zebra" ] || ! command -v bird >/dev/null; then
		die "FRR or BIRD is missing: run scripts/install-deps"
	fi
	if ip netns list 2>/dev/null | grep -q "^$LAB-"; then
		die "namespaces $LAB-* exist already: it runs elsewhere, or delete them with: ip netns delete NAME"
	fi
	LAB_WORK=$(mktemp -d) || exit 1
	chmod 755 "$LAB_WORK"
	trap lab_end EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	pages_reserve "$2" || die "$2 hugepages of 2 MB cannot be had; free some memory and try again"
}

lab_end() {
	local rc=$? node
	trap '' INT TERM
	if [ "$rc" != 0 ]; then
		tail -n 20 "$LAB_WORK"/*.log "$LAB_WORK"/*/*.log >&2 2>/dev/null
	fi
	for node in "${!LAB_NODES[@]}"; do
		end_process "${LAB_NODES[$node]}"
		end_keepers "$LAB-$node"
		dpdk_clean "$LAB-$node"
	done
	delete_namespaces "$LAB-"
	pages_restore
	rm -rf "$LAB_WORK"
}

on() {
	ip netns exec "$LAB-$1" "${@:2}"
}

# lab_node NODE CONFIG LINK...: a node in namespace $LAB-NODE; its ports are these links.
lab_node() {
	local node=$1 config=$2 link i=0 vdevs=()
	for link in "${@:3}"; do
		vdevs+=("--vdev=net_af_packet$i,iface=$link")
		i=$((i + 1))
	done
	say "node $node: pdp-primary --lcores 0@0 --file-prefix $LAB-$node --no-pci ${vdevs[*]} -- -c $config"
	nsenter --net="/run/netns/$LAB-$node" "$LAB_BUILD/apps/pdp-primary/pdp-primary" --lcores 0@0 --file-prefix "$LAB-$node" \
		--no-pci --log-level=lib.eal:warning "${vdevs[@]}" -- -c "$config" </dev/null \
		>"$LAB_WORK/$node.log" 2>&1 &
	LAB_NODES[$node]=$!
	disown
	wait_for 30 lab_node_runs "$node" || die "node $node does not run"
	! process_gone "${LAB_NODES[$node]}" || die "node $node did not start"
}

lab_node_runs() {
	process_gone "${LAB_NODES[$1]}" || grep -q '^pdp-primary: node .* runs' "$LAB_WORK/$1.log"
}

# lab_ctl NODE ARGUMENT...
lab_ctl() {
	"$LAB_BUILD/apps/pdp-ctl/pdp-ctl" --file-prefix "$LAB-$1" "${@:2}"
}

# lab_addresses NETNS LINK ADDRESS...
lab_addresses() {
	local address
	ip netns exec "$LAB-$1" sysctl -qw "net.ipv6.conf.$2.accept_dad=0" 2>/dev/null || :
	ip -n "$LAB-$1" link set dev "$2" up || die "$1 has no link $2"
	wait_for 10 link_has_carrier "$LAB-$1" "$2" || die "link $2 of $1 has no carrier"
	for address in "${@:3}"; do
		ip -n "$LAB-$1" addr add "$address" dev "$2"
	done
}

# lab_folder NAME FILE AS: a folder for the routing daemon of namespace $LAB-NAME, with its configuration; says where.
lab_folder() {
	mkdir -p "$LAB_WORK/$1"
	cp "$2" "$LAB_WORK/$1/$3"
	echo "$LAB_WORK/$1"
}

# lab_ping FROM ADDRESS: fails when an answer is missing; one may be late.
lab_ping() {
	on "$1" ping -i 0.1 -c 10 -w 15 "$2" >"$LAB_WORK/ping.log" 2>&1
	say "$1: ping $2: $(grep 'packets transmitted' "$LAB_WORK/ping.log")"
	ping_is_whole "$(cat "$LAB_WORK/ping.log")"
}

# lab_answers FROM ADDRESS: once.
lab_answers() {
	on "$1" ping -q -c 1 -W 2 "$2"
}

# lab_fib_right NODE VR: it is the kernel's table.
lab_fib_right() {
	lab_ctl "$1" vr show "$2" fib --check >"$LAB_WORK/check.$1.$2" 2>&1
}

lab_conserved() {
	lab_ctl "$1" stats --json >"$LAB_WORK/stats.$1" && jq -e '.conserved and .pool.missing == 0' "$LAB_WORK/stats.$1"
}

# lab_stay TEXT: until Enter or Ctrl-C.
lab_stay() {
	say "it stays; in another terminal, from this folder, as root:"
	printf '%s\n' "$@"
	say "Enter or Ctrl-C takes everything away"
	read -r _ || :
}
