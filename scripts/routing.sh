# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# FRR and BIRD, as Debian packages them, in network namespaces: started by hand from a folder of their own, without
# systemd and without /etc/frr, so that many run beside each other. To be sourced by root, after common.sh. A daemon
# that runs is a line in FOLDER/pids, `NAME PID`; what is left is ended with the namespace (delete_namespaces).
#
# FOLDER of an FRR router has frr.conf, one file for all daemons as vtysh writes it; of a BIRD router, bird.conf.

FRR_BIN=${FRR_BIN:-/usr/lib/frr}
ROUTING_START_S=20
# A daemon takes its routes away first.
ROUTING_END_S=${ROUTING_END_S:-5}

# routing_pid FOLDER DAEMON: its process; fails when it is not there.
routing_pid() {
	local pid
	pid=$(awk -v d="$2" '$1 == d {pid = $2} END {print pid}' "$1/pids" 2>/dev/null)
	[ -n "$pid" ] && ! process_gone "$pid" && echo "$pid"
}

# routing_run NETNS FOLDER NAME COMMAND...: a daemon in the background. Its own process, not that of a shell before it.
routing_run() {
	ip netns exec "$1" "${@:4}" </dev/null >>"$2/$3.log" 2>&1 &
	echo "$3 $!" >>"$2/pids"
	disown
}

# frr_daemon NETNS FOLDER DAEMON: start one (again) and give it its part of frr.conf.
frr_daemon() {
	local netns=$1 folder=$2 daemon=$3 arguments=()
	case $daemon in
	zebra) arguments=(-s 16777216) ;;
	bfdd) arguments=(--bfdctl "$folder/bfdd.sock") ;;
	esac
	rm -f "$folder/$daemon.vty" "$folder/$daemon.pid"
	routing_run "$netns" "$folder" "$daemon" "$FRR_BIN/$daemon" -f /dev/null -i "$folder/$daemon.pid" \
		-z "$folder/zserv.api" --vty_socket "$folder" -P 0 --log "file:$folder/$daemon.log" --log-level notifications \
		"${arguments[@]}"
	wait_for "$ROUTING_START_S" frr_answers "$folder" "$daemon" || return 1
	vtysh --vty_socket "$folder" --config_dir "$folder" -d "$daemon" -b >>"$folder/vtysh.log" 2>&1
}

frr_answers() {
	routing_pid "$1" "$2" >/dev/null && vtysh --vty_socket "$1" -d "$2" -c 'show version'
}

# frr_start NETNS FOLDER DAEMON...: zebra comes first. frr.conf must be in the folder, which becomes FRR's own.
frr_start() {
	local netns=$1 folder=$2 daemon
	chown -R frr:frr "$folder"
	chmod 755 "$folder"
	for daemon in zebra "${@:3}"; do
		frr_daemon "$netns" "$folder" "$daemon" || return 1
	done
}

# vty FOLDER COMMAND: what vtysh says to it.
vty() {
	vtysh --vty_socket "$1" -c "$2" 2>/dev/null
}

# bird_start NETNS FOLDER
bird_start() {
	bird -p -c "$2/bird.conf" || return 1
	rm -f "$2/bird.ctl"
	routing_run "$1" "$2" bird bird -f -c "$2/bird.conf" -s "$2/bird.ctl" -P "$2/bird.pid"
	wait_for "$ROUTING_START_S" birdc_to "$2" show status
}

# birdc_to FOLDER COMMAND...
birdc_to() {
	birdc -s "$1/bird.ctl" "${@:2}"
}

# routing_end FOLDER [DAEMON...]: these, or all; in the opposite order of their start, zebra last.
routing_end() {
	local daemon pid
	for daemon in "${@:2}"; do
		if pid=$(routing_pid "$1" "$daemon"); then
			end_process "$pid" "$ROUTING_END_S"
		fi
	done
	[ $# -eq 1 ] || return 0
	awk '{print $1}' "$1/pids" 2>/dev/null | tac | awk '!seen[$0]++' | while read -r daemon; do
		routing_end "$1" "$daemon"
	done
}

# A router of the kernel in the place of a VR: NETNS forwards between its interfaces, as a VR's namespace would let it.
kernel_router() {
	ip netns exec "$1" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
	ip netns exec "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 \
		net.ipv6.conf.all.forwarding=1 net.ipv6.conf.all.keep_addr_on_down=1 2>/dev/null || :
}

# routes_bird PREFIXES...: lines for a static protocol of BIRD, from prefixes on stdin.
routes_bird() {
	awk '{print "route " $1 " blackhole;"}'
}

# real_prefixes FAMILY N: prefixes of a full routing table, spread over it, if the table is there (it is no part of the
# project), else made up: N different ones of lengths 16 to 24 (IPv6: 32 to 48). Private and special ones are left out.
real_prefixes() {
	local family=$1 n=$2 data=${PDP_SOURCE:-.}/../shared/data/bgp-prefixes.txt.gz
	if [ -r "$data" ]; then
		zcat "$data" | tr -d "\r" | awk -v f="$family" '(index($1, ":") > 0) == (f == 6)' | prefixes_thin "$n"
	elif [ "$family" = 4 ]; then
		awk -v n="$n" 'BEGIN {for (i = 0; m < n; i++) {len = 24 - i % 3 * 2; a = 4194304 + i * 4; a -= a % (2 ^ (24 - len))
			p = int(a / 65536) "." int(a / 256) % 256 "." a % 256 ".0/" len; if (!(p in seen)) {seen[p]; print p; m++}}}'
	else
		awk -v n="$n" 'BEGIN {for (i = 0; i < n; i++) printf("2a00:%x:%x::/48\n", int(i / 4096), i % 4096 * 16)}'
	fi
}

prefixes_thin() {
	awk -v n="$1" '!/^(0|10|127|169\.254|192\.0\.2|198\.1[89]|198\.51\.100|203\.0\.113|22[4-9]|23[0-9]|24[0-9]|25[0-5])\./ {
		line[++m] = $1} END {step = n < m ? m / n : 1; for (i = 0; i * step < m && i < n; i++) print line[int(i * step) + 1]}'
}
