# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What the tests of pdp-bench's cases share; to be sourced. A test calls bench_begin, then bench_run CASE..., which
# runs the cases in their quick form, fails if they leave anything, and puts their JSON into $scratch/all.json.
# How fast anything is, is not asked: other load on the machine would answer.
set -euo pipefail
# shellcheck source=../../scripts/common.sh
. "$PDP_SOURCE/scripts/common.sh"

bench=$PDP_BUILD/apps/pdp-bench/pdp-bench

skip() {
	echo "SKIP: $*"
	exit 77
}

fail() {
	echo "FAIL: $*" >&2
	cat "$scratch/err" >&2
	exit 1
}

bench_begin() {
	scratch=$(mktemp -d)
	prefix=benchcases$$
	pid=
	trap 'bench_end' EXIT
	export TMPDIR=$scratch
	[ "$(id -u)" -eq 0 ] || skip "wants root"
	[ "$(nproc)" -ge 2 ] || skip "wants two CPUs"
}

bench_end() {
	[ -z "$pid" ] || end_process "$pid" 30
	dpdk_clean "$prefix"
	pages_restore
	rm -rf "$scratch"
}

# bench_left PID: what a pdp-bench left behind, one a line.
bench_left() {
	compgen -G "/run/dpdk/pdpbench$1n*" || :
	dpdk_leavings "pdpbench$1n[0-9]*"
	compgen -G "$scratch/pdp-bench-*" || :
	compgen -G "/run/pdp-bench-$1-*" || :
	compgen -G "/run/pdp-keeper/pdpbench$1n*" || :
	compgen -G "/run/pdp-netns/pdpbench$1n*" || :
	keeper_pids "pdpbench$1n[0-9]*"
	ip netns list | grep "^pdpbench$1n" || :
}

bench_run() {
	local pages left
	pages=$(cat /proc/sys/vm/nr_hugepages)
	"$bench" run "$@" --quick --json "$scratch/all.json" >"$scratch/out" 2>"$scratch/err" &
	pid=$!
	wait "$pid" || fail "ends with $?"
	left=$(bench_left "$pid")
	[ -z "$left" ] || fail "left behind: $left"
	pid=
	[ "$(cat /proc/sys/vm/nr_hugepages)" -eq "$pages" ] ||
		fail "hugepages: $pages before, now $(cat /proc/sys/vm/nr_hugepages)"
}
