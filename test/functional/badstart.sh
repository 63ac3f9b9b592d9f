#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What cannot start says so in a sentence, with an exit code that is not 0, and leaves nothing behind.
. "$(dirname "$0")/lib.sh" || exit 1
test_begin 128 unshare

host a 01
host b 02

good_node() {
	node_json 2 "$(relay_vr blue 1 flow "$(raw_vif a 0 10.2.0.1/32)" "$(raw_vif b 1 10.2.0.2/32)" "${1:-}")"
}

# refused WHAT WORDS COMMAND...: it ends by itself, not with 0 and not by a signal, and a line of its own says why.
refused() {
	local what=$1 words=$2 rc=0 why
	shift 2
	timeout -k 1 20 ip netns exec "$NODE" "$@" >"$WORK/bad.log" 2>&1 </dev/null || rc=$?
	[ "$rc" != 0 ] || fail "$what: it ends with 0"
	[ "$rc" -lt 124 ] || fail "$what: it does not end by itself (exit code $rc)"
	why=$(grep -E "^pdp-(primary|engine): .*($words)" "$WORK/bad.log") || fail "$what: no line of its own has \"$words\""
	say "$what: $(head -n 1 <<<"$why")"
}

# refused_node WHAT WORDS [EAL_ARGUMENT...]: pdp-primary with $WORK/node.json.
refused_node() {
	local arguments
	mapfile -t arguments < <(node_arguments a b)
	refused "$1" "$2" "$PRIMARY_BIN" "${arguments[@]}" "${@:3}" -- -c "$WORK/node.json"
	assert_nothing_left
}

good_node | jq '.vrs[0].colour = "red"' >"$WORK/node.json"
refused_node "unknown key" 'vrs\[0\]\.colour'
good_node | jq '.vrs[0].engines = "one"' >"$WORK/node.json"
refused_node "wrong type" 'vrs\[0\]\.engines'
good_node | jq '.vrs += .vrs' >"$WORK/node.json"
refused_node "duplicate VR" 'vrs\[1\]'
good_node | jq '.vrs[0].vifs[1].source = ["10.2.0.1/32"] | .vrs[0].vifs[1].port = "net_af_packet0"' >"$WORK/node.json"
refused_node "overlapping match" 'vifs'
good_node | jq '.vrs[0].vifs[1].port = "eth9"' >"$WORK/node.json"
refused_node "vif on no port" 'eth9'
good_node | jq '.ports += [{"name": "eth9"}]' >"$WORK/node.json"
refused_node "port that does not exist" 'eth9'
good_node | jq '.cpus.engines = [1, 1]' >"$WORK/node.json"
refused_node "CPU used twice" 'cpus'
good_node | jq '.cpus.engines = [0]' >"$WORK/node.json"
refused_node "CPU of the MD" 'cpus'
good_node | jq '.vrs[0].plugin = "nosuch"' >"$WORK/node.json"
refused_node "missing plugin" 'nosuch'
good_node '"args": {"spin_ns": "much"}' >"$WORK/node.json"
refused_node "plugin that fails init" 'blue'
echo '{"node": "x",' >"$WORK/node.json"
refused_node "no JSON" 'node.json:[0-9]+'
rm "$WORK/node.json"
refused_node "no file" 'node.json'

good_node >"$WORK/node.json"
refused_node "more memory than there is" 'EAL did not start' -m 1000000
good_node | jq '.pool.packets = 100000000' >"$WORK/node.json"
refused_node "too few hugepages" 'hugepages'
good_node >"$WORK/node.json"
mapfile -t arguments < <(node_arguments a b)
# shellcheck disable=SC2016 # for the shell inside
refused "no hugepages" 'hugepages' unshare -m sh -c 'mount -t tmpfs none /sys/kernel/mm/hugepages && exec "$0" "$@"' \
	"$PRIMARY_BIN" "${arguments[@]}" -- -c "$WORK/node.json"
assert_nothing_left
refused "engine without a primary" 'primary' "$PDP_BUILD/apps/pdp-engine/pdp-engine" --proc-type=secondary \
	--file-prefix "$PREFIX" --no-pci -- --vr blue
assert_nothing_left

ctl_refused() {
	local rc=0
	ctl "$@" >"$WORK/bad.log" 2>&1 || rc=$?
	[ "$rc" != 0 ] || fail "pdp-ctl $*: it ends with 0"
	say "pdp-ctl $*: $(tail -n 1 "$WORK/bad.log")"
}
ctl_refused status

start_primary a b
refused "a second primary with the same prefix" "$PREFIX" "$PRIMARY_BIN" "${arguments[@]}" -- -c "$WORK/node.json"
refused "an engine of a VR that does not exist" 'green' "$PDP_BUILD/apps/pdp-engine/pdp-engine" --proc-type=secondary \
	--file-prefix "$PREFIX" --no-pci -- --vr green
refused "an engine with another prefix" 'primary' "$PDP_BUILD/apps/pdp-engine/pdp-engine" --proc-type=secondary \
	--file-prefix "$PREFIX-other" --no-pci -- --vr blue
ctl_refused vr show green
ctl_refused nonsense
ctl status >/dev/null || fail "the node does not answer any more"
assert_conserved
stop_primary TERM
