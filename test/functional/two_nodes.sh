#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Two nodes with the same two VRs, which have the same addresses; all four kinds of tunnel stand between them over one
# link: red has UDP over IPv4 and VXLAN over IPv6 and runs OSPF, blue, sealed, has VXLAN over IPv4 and UDP over IPv6 and
# runs BGP, both for IPv4 and IPv6. Each tunnel carries, and no packet of one VR comes out in the other.
. "$(dirname "$0")/lib.sh" || exit 1
. "$(dirname "$0")/routed.sh"
declare -A PRIMARIES

end_both() {
	local rc=$? n
	for n in 1 2; do
		[ -z "${PRIMARIES[$n]:-}" ] || end_process "${PRIMARIES[$n]}"
		end_keepers "$NS-n$n"
	done
	WORK=$BASE PRIMARY="" PREFIX=$NS
	test_end "$rc"
}

test_begin 256 ping nstat birdc
command -v bird >/dev/null || skip "bird is not installed"
BASE=$WORK
chmod 755 "$BASE"
trap end_both EXIT

# at N COMMAND...: of lib.sh, for node N.
at() {
	local PREFIX=$NS-n$1 NODE=$NS-n$1 WORK=$BASE/$1 PRIMARY=${PRIMARIES[$1]:-} node=$1
	"${@:2}"
	PRIMARIES[$node]=$PRIMARY
}

# tunnel NAME NODE KIND FAMILY NUMBER: NUMBER keeps VRs apart.
tunnel() {
	local other=$((3 - $2)) net=192.0.2. more
	[ "$4" = 4 ] || net=2001:db8:fff::
	[ "$3" = udp ] && more="\"udp_port\": 48$5" || more="\"vni\": $5"
	printf '{"name": "%s", "port": "net_af_packet2", "carrier": "%s", %s, "local": "%s", "remote": "%s",
		"remote_mac": "02:00:00:00:12:0%s", "mac": "02:00:00:%s:%s:0%s", "mtu": 1400}' \
		"$1" "$3" "$more" "$net$2" "$net$other" "$other" "$4$4" "$5" "$2"
}

# routers NODE: their configuration.
routers() {
	node_json 3 \
		"$(ip_vr red "$NS-red-r$1" 1 "$(ip_vif host 0), $(tunnel t1 "$1" udp 4 10), $(tunnel t2 "$1" vxlan 6 10)")" \
		"$(ip_vr blue "$NS-blue-r$1" 1 "$(ip_vif host 1), $(tunnel t1 "$1" vxlan 4 20), $(tunnel t2 "$1" udp 6 20)" \
			'"isolation": "sealed"')"
}

bird_begin() {
	cat <<END
router id 10.0.0.$1;
protocol device { }
protocol direct { ipv4; ipv6; }
protocol kernel { ipv4 { import none; export where source != RTS_DEVICE; }; }
protocol kernel { ipv6 { import none; export where source != RTS_DEVICE; }; }
END
}

bird_red() {
	local v
	bird_begin "$1"
	for v in 2:4 3:6; do
		cat <<END
protocol ospf v${v%:*} {
	tick 1;
	ipv${v#*:} { import all; export none; };
	area 0 {
		interface "t1" { type ptp; cost 10; hello 1; dead 15; };
		interface "t2" { type ptp; cost 20; hello 1; dead 15; };
		interface "host" { stub; };
	};
}
END
	done
}

# bgp NODE FAMILY NAME NET PREFERENCE
bgp() {
	cat <<END
protocol bgp $3 {
	local $4$1 as 6500$1;
	neighbor $4$((3 - $1)) as 6500$((3 - $1));
	connect delay time 1;
	connect retry time 2;
	error wait time 1, 2;
	ipv$2 { import filter { preference = $5; accept; }; export where proto = "direct1" && ifname = "host"; };
}
END
}

bird_blue() {
	bird_begin "$1"
	bgp "$1" 4 t1v4 10.0.12. 120
	bgp "$1" 4 t2v4 10.0.22. 110
	bgp "$1" 6 t1v6 2001:db8:12:: 120
	bgp "$1" 6 t2v6 2001:db8:22:: 110
}

for n in 1 2; do
	mkdir "$BASE/$n"
	node_create "$NS-n$n"
done
ip -n "$NS-n1" link add under address 02:00:00:00:12:01 type veth peer name under address 02:00:00:00:12:02 netns "$NS-n2"
for n in 1 2; do
	plain_link "$NS-n$n" under
	routers "$n" >"$BASE/$n/node.json"
	for vr in red blue; do
		at "$n" host "$vr$n" "$n$([ "$vr" = red ] && echo 0 || echo 1)"
		address "$vr$n" "10.$n.0.2/24"
		address "$vr$n" "2001:db8:$n::2/64"
		address "$vr$n" fe80::2/64
		ip -n "$NS-$vr$n" route add default via "10.$n.0.1"
		ip -n "$NS-$vr$n" -6 route add default via "2001:db8:$n::1"
		ip netns add "$NS-$vr-r$n"
		ip -n "$NS-$vr-r$n" link set dev lo up
		kernel_router "$NS-$vr-r$n"
	done
	at "$n" start_primary "red$n" "blue$n" under
done

for n in 1 2; do
	for vr in red blue; do
		ROUTER=$NS-$vr-r$n
		ip netns exec "$ROUTER" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
		router_address host "10.$n.0.1/24" "2001:db8:$n::1/64"
		router_address t1 "10.0.12.$n/24" "2001:db8:12::$n/64" "fe80::$n/64"
		router_address t2 "10.0.22.$n/24" "2001:db8:22::$n/64" "fe80::$n/64"
		"bird_$vr" "$n" >"$(peer_folder "$vr$n")/bird.conf"
		bird_start "$ROUTER" "$BASE/$vr$n" || fail "BIRD of $vr does not start at node $n"
	done
done

# ways LINK: both VRs of both nodes go there, by both families.
ways() {
	local vr n
	for vr in red blue; do
		for n in 1 2; do
			ip -n "$NS-$vr-r$n" route get "10.$((3 - n)).0.2" | grep -q "dev $1 " || return 1
			ip -n "$NS-$vr-r$n" -6 route get "2001:db8:$((3 - n))::2" | grep -q "dev $1 " || return 1
		done
	done
}

# echoes HOST: requests that it got, IPv4 and IPv6.
echoes() {
	on "$1" nstat -asz IcmpMsgInType8 Icmp6InEchos | awk '$1 ~ /InType8|InEchos/ {n += $2} END {print n + 0}'
}

answers() {
	on "$1" ping -q -c 1 -W 2 "$2"
}

# carries LINK: both VRs over it, each its own packets.
carries() {
	local vr other before
	wait_for 40 ways "$1" || fail "no ways over $1: $(for r in red-r1 red-r2 blue-r1 blue-r2; do
		echo "$r"; ip -n "$NS-$r" route; ip -n "$NS-$r" -6 route; done)"
	for n in 1 2; do
		at "$n" fib_is_right red blue
	done
	for vr in red blue; do
		other=$([ "$vr" = red ] && echo blue || echo red)
		wait_for 10 answers "${vr}1" 10.2.0.2 || fail "VR $vr forwards nothing over $1"
		wait_for 10 answers "${vr}1" 2001:db8:2::2 || fail "VR $vr forwards no IPv6 over $1"
		before=$(echoes "${other}2")
		ping_ok "${vr}1" 10.2.0.2 -c 4 -s 1372 -M 'do'
		ping_ok "${vr}2" 10.1.0.2 -c 4
		ping_ok "${vr}1" 2001:db8:2::2 -c 4 -s 1352 -M 'do'
		assert_equal "number of packets of VR $vr that came out in VR $other" $(($(echoes "${other}2") - before)) 0
	done
}

carries t1
say "the first tunnels are taken down: UDP over IPv4 of red, VXLAN over IPv4 of blue"
for n in 1 2; do
	for vr in red blue; do
		ip -n "$NS-$vr-r$n" link set dev t1 down
	done
done
carries t2
for folder in "$BASE"/{red,blue}[12]; do
	routing_end "$folder"
done
for n in 1 2; do
	at "$n" assert_conserved
	at "$n" stop_primary TERM
done
