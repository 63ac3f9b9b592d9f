#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The routes of a running node at their limits: more next hops than numbers, more prefixes than the table has memory for,
# messages that the kernel lost, a vif's interface that is deleted. It is counted and said, pdp-ctl shows which routes are
# not installed, all others are right, and what can be installed later is.
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/routed.sh" || exit 1
[ "$ROUTED_BY" = pdp ] || skip "these are the node's limits, not the kernel's"
test_begin 160 ping
ip netns add "$ROUTER"
ip -n "$ROUTER" link set dev lo up
kernel_router "$ROUTER"
readonly N_NUMBERS=$((32767 - 1280)) # of objects: the rest is kept for neighbours and links

host_routed a 01 10.1.0.2/24 10.1.0.1
host_routed b 02 10.2.0.2/24 10.2.0.1
answers_for b 100.64.0.0/16
router_start a b
router_address a 10.1.0.1/24 10.128.0.1/9
router_address b 10.2.0.1/24
in_router() {
	ip -n "$ROUTER" "$@"
}
in_router route add 100.64.0.0/16 via 10.2.0.2
ping_ok a 100.64.0.1 -c 3
steady_begin far a 100.64.1.1

# fib_has JQ_EXPRESSION: of the summary.
fib_has() {
	ctl vr show "$VR" fib --json >"$WORK/fib" && jq -e "$1" "$WORK/fib"
}

fib_gets() {
	wait_for 20 fib_has "$1" || fail "$2: $(jq -c 'del(.routes)' "$WORK/fib")"
}

# shown PREFIX WORDS: how pdp-ctl shows a route.
shown() {
	ctl vr show "$VR" fib "$1" | grep -q -e "$2" || fail "$1 is not shown as \"$2\": $(ctl vr show "$VR" fib "$1")"
}

said() {
	grep -q "$1" "$WORK/primary.log"
}

says() {
	wait_for 15 said "$1" || fail "the node does not say \"$1\""
}

# write add|del FILE [METRIC...]: IPv4 routes of the file's prefixes by host b, in batches of messages.
write() {
	local metric
	for metric in "${@:3}"; do
		echo "plain $1 4 $2 0 via 10.2.0.2 1 dev b metric $metric"
	done | ip netns exec "$ROUTER" "$PDP_BUILD/apps/pdp-bench/pdp-bench-mirror" >"$WORK/written"
	jq -s -e 'all(.[1:][]; .refused == 0)' "$WORK/written" >/dev/null || fail "the kernel refuses routes: $(cat "$WORK/written")"
}

say "more next hops than $N_NUMBERS"
awk -v n=$((N_NUMBERS + 100)) 'BEGIN {for (i = 1; i <= n; i++)
	printf("nexthop add id %d via 10.%d.%d.%d dev a\n", i, 129 + int(i / 65536), int(i / 256) % 256, i % 256)}' |
	ip -n "$ROUTER" -batch -
in_router route add 20.1.0.0/16 nhid $((N_NUMBERS + 100))
in_router route add 20.2.0.0/16 nhid 7
fib_gets '.not_installed["no next-hop number"] == 1' "a route without a number is not counted"
assert_equal "number of next hops" "$(jq .next_hops "$WORK/fib")" "$N_NUMBERS"
shown 20.1.0.0/16 'no next-hop number'
shown 20.2.0.0/16 'via 10.129.0.7\|10\.129\.0\.7'
says '1 for want of a next-hop number'
fib_is_right "$VR"
awk -v n=$((N_NUMBERS - 500)) 'BEGIN {for (i = 100; i < n; i++) print "nexthop del id " i}' | ip -n "$ROUTER" -batch -
fib_gets '.not_installed == {}' "numbers that came back are not used"
fib_is_right "$VR"
ctl vr show "$VR" fib 20.1.0.0/16 | grep -q 'no next-hop number' && fail "20.1.0.0/16 is still not installed"

say "more prefixes than there is table memory for"
# Of length 25, each in a /24 of its own.
awk 'BEGIN {for (i = 0; i < 34000; i++) printf("%d.%d.%d.0/25\n", 60 + int(i / 65536), int(i / 256) % 256, i % 256)}' \
	>"$WORK/prefixes"
head -n 4000 "$WORK/prefixes" >"$WORK/first"
tail -n +4001 "$WORK/prefixes" >"$WORK/left"
write add "$WORK/prefixes" 5
fib_gets '.not_installed["no table memory"] > 1000' "routes without memory are not counted"
shown "$(tail -n 1 "$WORK/prefixes")" 'no table memory'
says 'of table memory; they are tried again'
write del "$WORK/first" 5
fib_gets '.not_installed == {}' "memory that came back is not used"
says 'all prefixes are installed again'
fib_is_right "$VR"
probes_agree "$VR" "$ROUTER" 4 "$WORK/prefixes" a b

steady_end far
say "messages that are lost: nobody reads them for a while"
before=$(jq .mirror.dumps "$WORK/fib")
kill -STOP "$PRIMARY"
write add "$WORK/left" 6 7 8 9 10 11 12
kill -CONT "$PRIMARY"
fib_gets ".mirror.overruns > 0 and .mirror.dumps > $before and .state == \"in step\"" "no loss is counted"
says 'the kernel lost messages about routes'
fib_is_right "$VR"
probes_agree "$VR" "$ROUTER" 4 "$WORK/prefixes" a b

say "the interface of a next hop's vif is deleted"
in_router route add 30.0.0.0/8 nexthop via 10.1.0.2 nexthop via 10.2.0.2
in_router link del dev b
says 'interface b was taken away; it is made again'
fib_gets '.ip4_prefixes < 100' "routes over the interface that is gone are still there"
fib_is_right "$VR"
probes_agree "$VR" "$ROUTER" 4 "$WORK/prefixes" a b
router_address b 10.2.0.1/24
in_router route add 100.64.0.0/16 via 10.2.0.2
ping_ok a 100.64.0.1 -c 3
fib_is_right "$VR"
router_done
