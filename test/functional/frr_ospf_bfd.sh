#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# OSPF adjacencies with BFD, IPv4 and IPv6 (ospf6d), of FRR in the VR's namespace with FRR on two hosts: multicast and
# BFD's UDP through the punt path. A host falls silent: BFD says so long before OSPF's dead interval, routes move to the
# other one, and come back.
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/routed.sh"
routed_begin 160 ping vtysh

host_routed p1 01 10.0.1.2/24 10.0.1.1
host_routed p2 02 10.0.2.2/24 10.0.2.1
host_routed h3 03 10.0.3.2/24 10.0.3.1
for n in 1 2; do
	kernel_router "$NS-p$n"
	address "p$n" "2001:db8:$n::2/64"
	address "p$n" fe80::2/64
	ip -n "$NS-p$n" route del default
	# Both have the anycast network; the way over p2 is the longer one.
	ip -n "$NS-p$n" addr add 172.16.0.1/24 dev lo
	ip -n "$NS-p$n" addr add 2001:db8:16::1/64 dev lo
done
address h3 2001:db8:3::2/64
ip -n "$NS-h3" -6 route add default via 2001:db8:3::1

# ospf_config NAME ROUTER_ID COST LINK...: of an FRR router; fast timers of BFD, slow ones of OSPF.
ospf_config() {
	local link
	# Also zebra's: ospfd takes that until it has read its own, and neighbours remember who said hello.
	printf 'hostname %s\nip router-id %s\n' "$1" "$2"
	for link in "${@:4}"; do
		cat <<END
interface $link
 ip ospf area 0
 ip ospf bfd
 ip ospf network point-to-point
 ip ospf hello-interval 1
 ip ospf dead-interval 20
 ip ospf cost $3
 ipv6 ospf6 area 0
 ipv6 ospf6 bfd
 ipv6 ospf6 network point-to-point
 ipv6 ospf6 hello-interval 1
 ipv6 ospf6 dead-interval 20
 ipv6 ospf6 cost $3
exit
END
	done
	cat <<END
interface lo
 ip ospf area 0
 ipv6 ospf6 area 0
exit
router ospf
 ospf router-id $2
 timers throttle spf 10 50 200
exit
router ospf6
 ospf6 router-id $2
 timers throttle spf 10 50 200
exit
END
}

folder=$(peer_folder vr)
{
	ospf_config vr 10.0.0.1 10 p1
	ospf_config vr 10.0.0.1 20 p2
	printf 'interface h3\n ip ospf area 0\n ip ospf passive\n ipv6 ospf6 area 0\n ipv6 ospf6 passive\nexit\n'
} >"$folder/frr.conf"
for n in 1 2; do
	ospf_config "p$n" "10.0.0.1$n" 10 eth0 >"$(peer_folder "p$n")/frr.conf"
done

router_start p1 p2 h3
for n in 1 2 3; do
	link=p$n
	[ "$n" != 3 ] || link=h3
	router_address "$link" "10.0.$n.1/24" "2001:db8:$n::1/64" fe80::1/64
done
frr_start "$ROUTER" "$folder" bfdd ospfd ospf6d || fail "FRR of the VR does not start"
for n in 1 2; do
	frr_start "$NS-p$n" "$WORK/p$n" bfdd ospfd ospf6d || fail "FRR of p$n does not start"
done

# way FAMILY PREFIX LINK: the router's route goes there.
way() {
	ip -n "$ROUTER" "-$1" route show "$2" | grep -q "dev $3 "
}

sessions_up() {
	[ "$(vty "$folder" 'show bfd peers json' | jq '[.[] | select(.status == "up")] | length')" = "$1" ]
}

way_is() {
	wait_for "$2" way 4 172.16.0.1 "$1" || fail "the way to 172.16.0.1 is not over $1: $(ip -n "$ROUTER" route show)"
	wait_for "$2" way 6 2001:db8:16::/64 "$1" || fail "the way to 2001:db8:16::1 is not over $1: $(ip -n "$ROUTER" -6 route show)"
	wait_for "$2" way_back "$1" || fail "$1 has no way back to h3: $(ip -n "$NS-$1" route show)"
	fib_is_right "$VR"
}

way_back() {
	ip -n "$NS-$1" route show 10.0.3.0/24 | grep -q 'dev eth0 ' && ip -n "$NS-$1" -6 route show 2001:db8:3::/64 | grep -q 'dev eth0 '
}

way_is p1 20
wait_for 20 sessions_up 4 || fail "BFD: $(vty "$folder" 'show bfd peers brief')"
say "4 BFD sessions are up, OSPF and OSPFv3 have routes"
ping_ok h3 172.16.0.1
ping_ok h3 2001:db8:16::1

start=${EPOCHREALTIME/[.,]/}
ip -n "$NS-p1" link set dev eth0 down
way_is p2 20
say "p1 fell silent: routes moved after $(((${EPOCHREALTIME/[.,]/} - start) / 1000)) ms"
ping_ok h3 172.16.0.1
ip -n "$NS-p1" link set dev eth0 up
ip -n "$NS-p1" addr replace fe80::2/64 dev eth0
way_is p1 30
wait_for 20 sessions_up 4 || fail "BFD comes not back: $(vty "$folder" 'show bfd peers brief')"
ping_ok h3 172.16.0.1
ping_ok h3 2001:db8:16::1
router_done
