# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What the scripts and the functional tests share: hugepages taken and given back, waiting for conditions, processes
# and namespaces ended. To be sourced; does nothing by itself. Needs bash.

PDP_PAGES_TAKEN=0
PDP_HUGE_MOUNTED=""
PDP_GROUP=""

# pages_reserve N: have at least N free hugepages of 2 MB. pages_restore gives back what this took, no more, so that
# scripts that run at the same time do not take each other's.
pages_reserve() {
	local want=$1
	pages_locked pages_fill "$want" || return 1
	if ! awk '$3 == "hugetlbfs" {found = 1} END {exit !found}' /proc/mounts; then
		mkdir -p /dev/hugepages
		mount -t hugetlbfs none /dev/hugepages || return 1
		PDP_HUGE_MOUNTED=/dev/hugepages
	fi
	[ "$(pages_free)" -ge "$want" ]
}

pages_restore() {
	[ "$PDP_PAGES_TAKEN" = 0 ] || pages_locked pages_return
	if [ -n "$PDP_HUGE_MOUNTED" ]; then
		umount "$PDP_HUGE_MOUNTED"
		PDP_HUGE_MOUNTED=
	fi
}

# pages_locked FUNCTION...: one script at a time reads and writes their number.
pages_locked() {
	local lock rc=0
	mkdir -p /run/lock
	exec {lock}>/run/lock/pdp-pages || return 1
	flock "$lock"
	"$@" || rc=$?
	exec {lock}>&-
	return "$rc"
}

pages_fill() {
	local free have
	free=$(pages_free)
	have=$(cat /proc/sys/vm/nr_hugepages) || return 1
	[ "$free" -lt "$1" ] || return 0
	echo $((have + $1 - free)) >/proc/sys/vm/nr_hugepages || return 1
	PDP_PAGES_TAKEN=$((PDP_PAGES_TAKEN + $(cat /proc/sys/vm/nr_hugepages) - have))
}

pages_return() {
	echo $(($(cat /proc/sys/vm/nr_hugepages) - PDP_PAGES_TAKEN)) >/proc/sys/vm/nr_hugepages
	PDP_PAGES_TAKEN=0
}

pages_free() {
	awk '/^HugePages_Free/ {print $2}' /proc/meminfo
}

# run_group COMMAND...: runs it in a process group of its own, with no input; a signal to this shell is dealt with at
# once, and end_group in the trap ends the command with all that it started.
run_group() {
	local rc
	set -m
	"$@" </dev/null &
	PDP_GROUP=$!
	set +m
	wait "$PDP_GROUP"
	rc=$?
	PDP_GROUP=""
	return "$rc"
}

end_group() {
	[ -n "$PDP_GROUP" ] || return 0
	kill -TERM -- "-$PDP_GROUP" 2>/dev/null || return 0
	wait_for 5 group_gone "$PDP_GROUP" || kill -KILL -- "-$PDP_GROUP" 2>/dev/null
}

group_gone() {
	! kill -0 -- "-$1" 2>/dev/null
}

# wait_for SECONDS COMMAND...: until the command succeeds; fails when it has not in time.
wait_for() {
	local deadline=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "${EPOCHREALTIME/[.,]/}" -lt "$deadline" ] || return 1
		sleep 0.05
	done
}

process_gone() {
	local state
	[ -e "/proc/$1" ] || return 0
	state=$(sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) || return 0
	[ "$state" = Z ]
}

# end_process PID [SECONDS]: SIGTERM, and SIGKILL if it is still there after that time (default 5 s; then fails).
end_process() {
	process_gone "$1" && return 0
	kill -TERM "$1" 2>/dev/null || return 0
	wait_for "${2:-5}" process_gone "$1" && return 0
	kill -KILL "$1" 2>/dev/null || :
	wait_for 5 process_gone "$1"
	return 1
}

# delete_namespaces PREFIX: end what runs in the namespaces of that name and delete them (their veths go with them), and
# with them the notes of PdP that they are its own.
delete_namespaces() {
	local netns pid
	ip netns list 2>/dev/null | awk -v p="$1" 'index($1, p) == 1 {print $1}' | while read -r netns; do
		ip netns pids "$netns" 2>/dev/null | while read -r pid; do
			kill -KILL "$pid" 2>/dev/null || :
		done
		ip netns delete "$netns" || :
	done
	rm -f "/run/pdp-netns/$1"*
}

# keeper_pids FILE_PREFIX: the processes that hold the interfaces of control planes for nodes of that prefix (a pattern).
keeper_pids() {
	pgrep -f "pdp-keeper /run/pdp-keeper/${1//\*/.*}.sock\$" || :
}

# end_keepers FILE_PREFIX: end them, and remove their sockets.
end_keepers() {
	local pid socket
	for pid in $(keeper_pids "$1"); do
		end_process "$pid"
	done
	compgen -G "/run/pdp-keeper/$1.sock" | while read -r socket; do
		rm -f "$socket"
	done
}

# dpdk_leavings FILE_PREFIX: the files and control groups that a primary of that prefix left behind, one a line.
dpdk_leavings() {
	local mount
	compgen -G "/run/dpdk/$1" || :
	compgen -G "/run/pdp-$1.pid" || :
	awk '$3 == "hugetlbfs" {print $2}' /proc/mounts | while read -r mount; do
		compgen -G "$mount/$1map_*" || :
	done
	find /sys/fs/cgroup -depth -type d \( -name "pdp-$1" -o -path "*/pdp-$1/*" \) 2>/dev/null || :
}

dpdk_clean() {
	local file
	dpdk_leavings "$1" | while read -r file; do
		case $file in
		/sys/*) rmdir "$file" || : ;;
		*) rm -rf "$file" ;;
		esac
	done
}

# ping_is_whole OUTPUT: ping was answered, and of the answers none is missing before the last.
ping_is_whole() {
	local numbers
	numbers=$(grep -o 'icmp_seq=[0-9]* ttl' <<<"$1" | tr -dc '0-9\n' | sort -nu)
	[ -n "$numbers" ] && [ "$(wc -l <<<"$numbers")" = "$(tail -n 1 <<<"$numbers")" ]
}
