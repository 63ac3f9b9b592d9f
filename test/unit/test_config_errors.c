/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every way in which a configuration can be wrong, with the exact message: line, path and sentence.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "config_env.h"

struct bad {
	const char *text, *error; /* the error without "t.json:" */
};

static void check_bad(const struct bad *bad, size_t n)
{
	const struct pdp_config_env env = test_env();
	struct pdp_config_error err;
	unsigned int n_wrong = 0;

	for (size_t i = 0; i < n; i++) {
		struct pdp_config *config = test_parse(bad[i].text, &env, &err);

		if (config == NULL && strncmp(err.text, "t.json:", 7) == 0 &&
		    strcmp(err.text + 7, bad[i].error) == 0)
			continue;
		n_wrong++;
		print_error("%s\n  want: t.json:%s\n  got:  %s\n", bad[i].text, bad[i].error,
			    config != NULL ? "it was accepted" : err.text);
		pdp_config_destroy(config);
	}
	assert_int_equal(n_wrong, 0);
}

#define CHECK_BAD(array) check_bad(array, sizeof(array) / sizeof((array)[0]))

static void test_syntax(void **state)
{
	static const struct bad bad[] = {
		{"", "1: not JSON: '[' or '{' expected near end of file"},
		{"[]", "1: a list stands here; it must be an object, {...}"},
		{"{\n'node': 'x',\n// why\n'md': {}}", "3: JSON has no comments; take it out"},
		{"# why\n{}", "1: JSON has no comments; take it out"},
		{"{'md': {\n'poll': 'busy' /* why */}}",
		 "2: md: JSON has no comments; take it out"},
		{"{'ports': [{'name': 'p0'},\n]}",
		 "2: ports[1]: a comma stands before ]; take it out"},
		{"{'md': {'poll': 'busy',\n}}", "2: md: a comma stands before }; take it out"},
		{"{'node': 'x'} {}", "1: not JSON: end of file expected near '{'"},
		{"{'node': yes}", "1: node: not JSON: invalid token near 'yes'"},
		{"{'vrs': [{'name': 'red'\n'plugin': 'relay'}]}",
		 "2: vrs[0]: not JSON: '}' expected near '\"plugin\"'"},
		{"{'node': 'x', 'md': {}, 'node': 'y'}",
		 "1: node: stands here a second time; keep one of them"},
		{"{'vrs': [{'vifs': [{'mtu': 1,\n'vlan': 2, 'mtu': 3}]}]}",
		 "2: vrs[0].vifs[0].mtu: stands here a second time; keep one of them"},
		{"{'n\\u006fde': 'x',\n'node': 'y'}",
		 "2: node: stands here a second time; keep one of them"},
		{"{'vrs': [{'args': {'deep': [1, {'x': 1, 'x': 2}]}}]}",
		 "1: vrs[0].args.deep[1].x: stands here a second time; keep one of them"},
		{"{'node': 'x", "1: node: not JSON: premature end of input near '\"x'"},
		{"{'md': {'poll': 99999999999999999999}}",
		 "1: md.poll: not JSON: too big integer near '99999999999999999999'"},
		{"{'node': '\xff'}", "1: node: not JSON: unable to decode byte 0xff near '\"'"},
		{"{'node': 'a\\u0000b'}", "1: node: not JSON: \\u0000 is not allowed without "
					  "JSON_ALLOW_NUL near '\"a\\u0000b\"'"},
	};

	CHECK_BAD(bad);
}

static void test_load(void **state)
{
	static const struct bad bad[] = {
		{VR("'engines': 65, 'vifs': [" VIF_A "]"),
		 "3: vrs[0].engines: 65 cannot be a number of engines; use 0..64"},
		{VR("'engines': '1..65', 'vifs': [" VIF_A "]"),
		 "3: vrs[0].engines: 65 cannot be a number of engines; use 0..64"},
		{VR("'engines': '4..1', 'vifs': [" VIF_A "]"),
		 "3: vrs[0].engines: at least 4 and at most 1 cannot be; write \"1..4\""},
		{VR("'engines': '1...4', 'vifs': [" VIF_A "]"),
		 "3: vrs[0].engines: \"1...4\" is no range of engines; write \"1..4\""},
		{VR("'engines': '4', 'vifs': [" VIF_A "]"),
		 "3: vrs[0].engines: \"4\" is no range of engines; write \"1..4\""},
		{VR("'engines': '1..4x', 'vifs': [" VIF_A "]"),
		 "3: vrs[0].engines: \"1..4x\" is no range of engines; write \"1..4\""},
		{VR("'engines': [1, 4], 'vifs': [" VIF_A "]"),
		 "3: vrs[0].engines: a list stands here; it must be a number of engines, or a "
		 "range, \"1..4\""},
		{VR("'engines': '1..4', 'policy': 'fixed', 'vifs': [" VIF_A "]"),
		 "3: vrs[0].policy: \"fixed\" goes with one number of engines and not with "
		 "\"1..4\"; use \"threshold\" or \"dynamic\""},
		{VR("'engines': 2, 'policy': 'threshold', 'vifs': [" VIF_A "]"),
		 "3: vrs[0].policy: \"threshold\" chooses between engines and there are always "
		 "2; write a range, \"engines\": \"1..4\""},
		{VR("'standby': 65, 'vifs': [" VIF_A "]"),
		 "3: vrs[0].standby: 65 cannot be a number of engines; use 0..64"},
		{VR("'engines': 4, 'standby': 61, 'vifs': [" VIF_A "]"),
		 "3: vrs[0].standby: 61 on standby besides 4 engines are more than the 64 that a "
		 "VR may have; use at most 60"},
		{VR("'policy': 'auto', 'vifs': [" VIF_A "]"),
		 "3: vrs[0].policy: \"auto\" is not known here; use one of \"fixed\", "
		 "\"threshold\", \"dynamic\""},
		{VR("'threshold_pps': 0, 'vifs': [" VIF_A "]"),
		 "3: vrs[0].threshold_pps: 0 cannot be a rate in packets a second; use "
		 "1..1000000000"},
		{VR("'target_pct': 101, 'vifs': [" VIF_A "]"),
		 "3: vrs[0].target_pct: 101 cannot be a utilization in percent; use 1..100"},
		{VR("'engines': 2, 'power': 201, 'vifs': [" VIF_A "]"),
		 "3: vrs[0].power: 2 engines cannot use 201 percent of one CPU; use at most 200"},
		{VR("'cpus': [0, 1], 'vifs': [" VIF_A "]"),
		 "3: vrs[0].cpus[0]: CPU 0 is not among cpus.engines; take one of those, or add "
		 "it there"},
		{VR("'cpus': [1, 4], 'vifs': [" VIF_A "]"),
		 "3: vrs[0].cpus[1]: there is no CPU 4; this machine has 0..3"},
		{"{'monitor':\n{'period_ms': 5}}",
		 "2: monitor.period_ms: 5 cannot be a period; use 10..60000"},
		{"{'monitor': {'hysteresis_pct': 101}}",
		 "1: monitor.hysteresis_pct: 101 cannot be a part of an engine in percent; use "
		 "0..100"},
	};

	CHECK_BAD(bad);
}

static void test_unknown_keys(void **state)
{
	static const struct bad bad[] = {
		{"{'nodes': 'x'}", "1: nodes: unknown key; did you mean \"node\"?"},
		{"{'md': {},\n'zebra': 1}", "2: zebra: unknown key; known here: node, cpus, md, "
					    "monitor, pool, mh, sandbox, ports, vrs"},
		{"{'md': {\n'pol': 'busy'}}", "2: md.pol: unknown key; did you mean \"poll\"?"},
		{VR("\n'plugn': 1, 'vifs': []"),
		 "4: vrs[0].plugn: unknown key; did you mean \"plugin\"?"},
		{VIFS("{'name': 'a', 'port': 'p0',\n 'Vlan': 5}"),
		 "5: vrs[0].vifs[0].Vlan: unknown key; did you mean \"vlan\"?"},
		{"{'\\u001b[31m': 1}", "1: ?[31m: unknown key; known here: node, cpus, md, "
				       "monitor, pool, mh, sandbox, ports, vrs"},
	};

	CHECK_BAD(bad);
}

static void test_types(void **state)
{
	static const struct bad bad[] = {
		{"{'node': 5}", "1: node: a number stands here; it must be a string"},
		{"{'node': null}", "1: node: null stands here; it must be a string"},
		{"{'cpus': []}", "1: cpus: a list stands here; it must be an object, {...}"},
		{"{'cpus': {'engines': 1}}",
		 "1: cpus.engines: a number stands here; it must be a list of CPUs, [1, 2]"},
		{"{'cpus': {'engines': ['1']}}",
		 "1: cpus.engines[0]: a string stands here; it must be the number of a CPU"},
		{"{'cpus': {'share_md': 0}}",
		 "1: cpus.share_md: a number stands here; it must be true or false"},
		{"{'md': {'poll': true}}",
		 "1: md.poll: true stands here; it must be \"busy\", \"adaptive\""},
		{"{'ports': {}}",
		 "1: ports: an object stands here; it must be a list of objects, [{...}]"},
		{"{'ports': [\n'p0']}",
		 "2: ports[0]: a string stands here; it must be an object, {...}"},
		{"{'ports': [{'name': 'p0', 'mtu': '1500'}]}",
		 "1: ports[0].mtu: a string stands here; it must be an MTU, 68..9600"},
		{"{'ports': [{'name': 'p0', 'mtu': 1500.0}]}",
		 "1: ports[0].mtu: a number with a fraction stands here; it must be an MTU, "
		 "68..9600"},
		{VR("'args': []"),
		 "3: vrs[0].args: a list stands here; it must be an object, {...}"},
		{VR("'balance': 1"),
		 "3: vrs[0].balance: a number stands here; it must be the name of a balancer"},
		{VR("'weights': 1"),
		 "3: vrs[0].weights: a number stands here; it must be a list of weights, [1, 2]"},
		{VR("'weights': ['1']"),
		 "3: vrs[0].weights[0]: a string stands here; it must be a weight"},
		{VRS("{'name': 'red', 'plugin': 1}"),
		 "3: vrs[0].plugin: a number stands here; it must be the name or path of a plugin"},
		{VIFS("{'name': 'a', 'port': 0}"), "4: vrs[0].vifs[0].port: a number stands here; "
						   "it must be the name of one of \"ports\""},
		{VIFS("{'name': 'a', 'port': 'p0', 'source': '10.0.0.0/8'}"),
		 "4: vrs[0].vifs[0].source: a string stands here; it must be a list of prefixes, "
		 "[\"10.1.0.0/16\"]"},
		{VIFS("{'name': 'a', 'port': 'p0', 'source': [10]}"),
		 "4: vrs[0].vifs[0].source[0]: a number stands here; it must be a prefix as a "
		 "string, "
		 "\"10.1.0.0/16\""},
		{VIFS("{'name': 'a', 'port': 'p0', 'mac': 2}"),
		 "4: vrs[0].vifs[0].mac: a number stands here; it must be a MAC address, "
		 "\"02:00:00:00:00:01\""},
		{VIFS("{'name': 'a', 'port': 'p0', 'local': 2}"),
		 "4: vrs[0].vifs[0].local: a number stands here; it must be an IPv4 or IPv6 "
		 "address as "
		 "a string"},
		{VIFS("{'name': 'a', 'port': 'p0', 'check_remote': 'no'}"),
		 "4: vrs[0].vifs[0].check_remote: a string stands here; it must be true or false"},
	};

	CHECK_BAD(bad);
}

static void test_values(void **state)
{
	static const struct bad bad[] = {
		{"{'node': 'Lab'}",
		 "1: node: \"Lab\" is no name; use 1 to 15 of a-z 0-9 _ -, a letter first"},
		{"{'node': '1ab'}",
		 "1: node: \"1ab\" is no name; use 1 to 15 of a-z 0-9 _ -, a letter first"},
		{"{'node': ''}", "1: node: an empty string stands here; give it a value"},
		{"{'node': 'a234567890123456'}", "1: node: 16 characters; at most 15 fit"},
		{"{'md': {'poll': 'auto'}}",
		 "1: md.poll: \"auto\" is not known here; use one of \"busy\", \"adaptive\""},
		{"{'pool': {'packet_size': 65281}}",
		 "1: pool.packet_size: 65281 cannot be a packet size; use 0..65280"},
		{"{'pool': {'packets': -1}}",
		 "1: pool.packets: -1 cannot be a number of packets; use 0..134217728"},
		{"{'ports': [{'name': 'p 0'}]}", "1: ports[0].name: it has a character that no "
						 "such name has; use letters, digits and "
						 "- _ . : /"},
		{"{'ports': [{'name': 'p0', 'mtu': 67}]}",
		 "1: ports[0].mtu: 67 cannot be an MTU; use 68..9600"},
		{VR("'slots': 1"), "3: vrs[0].slots: 1 cannot be a number of slots; use 2..32768"},
		{VR("'slots': 32769"),
		 "3: vrs[0].slots: 32769 cannot be a number of slots; use 2..32768"},
		{VR("'blank_slots': 1025"),
		 "3: vrs[0].blank_slots: 1025 cannot be a number of slots; use 0..1024"},
		{VR("'engines': 65"),
		 "3: vrs[0].engines: 65 cannot be a number of engines; use 0..64"},
		{VR("'engines': 4294967297"),
		 "3: vrs[0].engines: 4294967297 cannot be a number of engines; use 0..64"},
		{VR("'balance': 'fastest'"), "3: vrs[0].balance: no balancer is called "
					     "\"fastest\"; use one of rr, weighted, flow"},
		{VR("'weights': [0]"), "3: vrs[0].weights[0]: 0 cannot be a weight; use 1..1000"},
		{VR("'vifs': []"), "3: vrs[0].vifs: an empty list; give at least 1 element"},
		{VIFS("{'name': 'a', 'port': 'p0', 'vlan': 5000}"),
		 "4: vrs[0].vifs[0].vlan: 5000 cannot be a VLAN id; use 1..4094"},
		{VIFS("{'name': 'a', 'port': 'p0', 'vlan': 0}"),
		 "4: vrs[0].vifs[0].vlan: 0 cannot be a VLAN id; use 1..4094"},
		{VIFS("{'name': 'a', 'port': 'p0', 'kind': 'wifi'}"),
		 "4: vrs[0].vifs[0].kind: \"wifi\" is not known here; use one of \"ethernet\", "
		 "\"ip\""},
		{VIFS("{'name': 'a', 'port': 'p2'}"),
		 "4: vrs[0].vifs[0].port: no port is called \"p2\"; use one of \"ports\": p0, p1"},
		{"{'vrs': [{'name': 'red', 'plugin': 'relay', 'vifs': [{'name': 'a', 'port': "
		 "'p2'}]}]}",
		 "1: vrs[0].vifs[0].port: no port is called \"p2\"; add it to \"ports\""},
		{VIFS("{'name': 'a', 'port': 'p0', 'mac': '2:0:0:0:0:1'}"),
		 "4: vrs[0].vifs[0].mac: \"2:0:0:0:0:1\" is no MAC address; write it as "
		 "\"02:00:00:00:00:01\""},
		{VIFS("{'name': 'a', 'port': 'p0', 'mac': '02:00:00:00:00:0g'}"),
		 "4: vrs[0].vifs[0].mac: \"02:00:00:00:00:0g\" is no MAC address; write it as "
		 "\"02:00:00:00:00:01\""},
		{VIFS("{'name': 'a', 'port': 'p0', 'mac': 'ff:ff:ff:ff:ff:ff'}"),
		 "4: vrs[0].vifs[0].mac: ff:ff:ff:ff:ff:ff is a group address; use the MAC of one "
		 "interface"},
		{VIFS("{'name': 'a', 'port': 'p0', 'mac': '00:00:00:00:00:00'}"),
		 "4: vrs[0].vifs[0].mac: the MAC address is all zero; use one of an interface"},
	};

	CHECK_BAD(bad);
}

static void test_addresses(void **state)
{
	static const struct bad bad[] = {
		{VIFS("{'name': 'a', 'port': 'p0', 'source': []}"),
		 "4: vrs[0].vifs[0].source: an empty list matches nothing; leave it out"},
		{VIFS("{'name': 'a', 'port': 'p0', 'source': ['10.1.2.0/16']}"),
		 "4: vrs[0].vifs[0].source[0]: \"10.1.2.0/16\" has bits beyond its length; use "
		 "\"10.1.0.0/16\""},
		{VIFS("{'name': 'a', 'port': 'p0', 'source': ['2001:db8::1/64']}"),
		 "4: vrs[0].vifs[0].source[0]: \"2001:db8::1/64\" has bits beyond its length; use "
		 "\"2001:db8::/64\""},
		{VIFS("{'name': 'a', 'port': 'p0', 'source': ['10.0.0.0/33']}"),
		 "4: vrs[0].vifs[0].source[0]: \"10.0.0.0/33\" is no prefix; write \"10.1.0.0/16\" "
		 "or "
		 "\"2001:db8::/32\""},
		{VIFS("{'name': 'a', 'port': 'p0', 'source': ['10.0.0/8']}"),
		 "4: vrs[0].vifs[0].source[0]: \"10.0.0/8\" is no prefix; write \"10.1.0.0/16\" or "
		 "\"2001:db8::/32\""},
		{VIFS("{'name': 'a', 'port': 'p0', 'source': ['10.0.0.0/']}"),
		 "4: vrs[0].vifs[0].source[0]: \"10.0.0.0/\" is no prefix; write \"10.1.0.0/16\" "
		 "or "
		 "\"2001:db8::/32\""},
		{VIFS("{'name': 'a', 'port': 'p0', 'source': ['10.0.0.0/-1']}"),
		 "4: vrs[0].vifs[0].source[0]: \"10.0.0.0/-1\" is no prefix; write \"10.1.0.0/16\" "
		 "or "
		 "\"2001:db8::/32\""},
		{VIFS("{'name': 'a', 'port': 'p0', 'source': ['10.0.0.0/8', '11.0.0.0/8',\n"
		      "'10.0.0.0/8']}"),
		 "5: vrs[0].vifs[0].source[2]: the same prefix stands at [0]; keep one of them"},
		{VIFS("{'name': 'a', 'port': 'p0', 'local': '192.0.2'}"),
		 "4: vrs[0].vifs[0].local: \"192.0.2\" is no IP address; write \"192.0.2.1\" or "
		 "\"2001:db8::1\""},
		{VIFS("{'name': 'a', 'port': 'p0', 'local': '0.0.0.0'}"),
		 "4: vrs[0].vifs[0].local: 0.0.0.0 is unspecified; use the address of one machine"},
		{VIFS("{'name': 'a', 'port': 'p0', 'remote': '::'}"),
		 "4: vrs[0].vifs[0].remote: :: is unspecified; use the address of one machine"},
		{VIFS("{'name': 'a', 'port': 'p0', 'remote': '239.1.1.1'}"),
		 "4: vrs[0].vifs[0].remote: 239.1.1.1 is a multicast address; use the address of "
		 "one "
		 "machine"},
		{VIFS("{'name': 'a', 'port': 'p0', 'remote': 'ff02::1'}"),
		 "4: vrs[0].vifs[0].remote: ff02::1 is a multicast address; use the address of one "
		 "machine"},
		{VIFS("{'name': 'a', 'port': 'p0', 'remote': '255.255.255.255'}"),
		 "4: vrs[0].vifs[0].remote: 255.255.255.255 is the broadcast address; use the "
		 "address "
		 "of one machine"},
	};

	CHECK_BAD(bad);
}

static void test_missing_keys(void **state)
{
	static const struct bad bad[] = {
		{"{'ports': [\n{'mtu': 1500}]}",
		 "2: ports[0].name: it is missing; add \"name\": ..."},
		{VRS("{'plugin': 'relay'}"), "3: vrs[0].name: it is missing; add \"name\": ..."},
		{VRS("{'name': 'red'}"), "3: vrs[0].plugin: it is missing; add \"plugin\": ..."},
		{VR("'engines': 1"), "3: vrs[0].vifs: it is missing; add \"vifs\": ..."},
		{VIFS("{'name': 'a'}"), "4: vrs[0].vifs[0].port: it is missing; add \"port\": ..."},
		{VIFS("\n{'name': 'a', 'port': 'p0',\n'carrier': 'vlan'}"),
		 "5: vrs[0].vifs[0].vlan: carrier vlan needs it; add \"vlan\": ..."},
		{VIFS("{'name': 'a', 'port': 'p0', 'carrier': 'vxlan'}"),
		 "4: vrs[0].vifs[0].vni: carrier vxlan needs it; add \"vni\": ..."},
		{VIFS("{'name': 'a', 'port': 'p0', 'carrier': 'udp'}"),
		 "4: vrs[0].vifs[0].local: carrier udp needs it; add \"local\": ..."},
		{VIFS("{'name': 'a', 'port': 'p0', 'carrier': 'udp', 'local': '192.0.2.1'}"),
		 "4: vrs[0].vifs[0].remote: carrier udp needs it; add \"remote\": ..."},
		{VIFS("{'name': 'a', 'port': 'p0', 'carrier': 'udp', 'local': '192.0.2.1', "
		      "'remote': '192.0.2.2', 'udp_port': 5}"),
		 "4: vrs[0].vifs[0].remote_mac: carrier udp needs it, as no kernel finds it on "
		 "port p0; add \"remote_mac\": ..., or a VR of plugin \"kernel\" with a raw vif on "
		 "the port"},
		{VIFS("{'name': 'a', 'port': 'p0', 'carrier': 'udp', " TUNNEL "}"),
		 "4: vrs[0].vifs[0].udp_port: carrier udp needs it; add \"udp_port\": ..."},
		{VIFS("{'name': 'a', 'port': 'p0', 'kind': 'ip'}"),
		 "4: vrs[0].vifs[0].peer_mac: kind ip needs the MAC of the neighbour it sends to; "
		 "add "
		 "\"peer_mac\": \"02:...\", or use kind ethernet"},
		{VIFS("{'name': 'a', 'port': 'p0', 'kind': 'ip', 'carrier': 'vxlan', 'vni': "
		      "7, " TUNNEL "}"),
		 "4: vrs[0].vifs[0].peer_mac: kind ip needs the MAC of the neighbour it sends to; "
		 "add "
		 "\"peer_mac\": \"02:...\", or use kind ethernet"},
	};

	CHECK_BAD(bad);
}

static void test_keys_that_do_not_fit(void **state)
{
	static const struct bad bad[] = {
		{VIFS("{'name': 'a', 'port': 'p0',\n'vlan': 5}"),
		 "5: vrs[0].vifs[0].vlan: it does not fit carrier raw; take it out, or use carrier "
		 "vlan"},
		{VIFS("{'name': 'a', 'port': 'p0', 'carrier': 'udp', 'vni': 5}"),
		 "4: vrs[0].vifs[0].vni: it does not fit carrier udp; take it out, or use carrier "
		 "vxlan"},
		{VIFS("{'name': 'a', 'port': 'p0', 'carrier': 'vxlan', 'source': ['10.0.0.0/8']}"),
		 "4: vrs[0].vifs[0].source: it does not fit carrier vxlan; take it out, or use "
		 "carrier "
		 "raw"},
		{VIFS("{'name': 'a', 'port': 'p0', 'udp_port': 5}"),
		 "4: vrs[0].vifs[0].udp_port: it does not fit carrier raw; take it out, or use "
		 "carrier "
		 "udp or vxlan"},
		{VIFS("{'name': 'a', 'port': 'p0', 'ttl': 5}"),
		 "4: vrs[0].vifs[0].ttl: it does not fit carrier raw; take it out, or use carrier "
		 "udp "
		 "or vxlan"},
		{VIFS("{'name': 'a', 'port': 'p0', 'peer_mac': '02:00:00:00:00:01'}"),
		 "4: vrs[0].vifs[0].peer_mac: in kind ethernet the VR writes MACs itself; take it "
		 "out, "
		 "or use kind ip"},
		{VIFS("{'name': 'a', 'port': 'p0', 'kind': 'ip', 'carrier': 'udp', 'udp_port': 5, "
		      "'peer_mac': '02:00:00:00:00:01', " TUNNEL "}"),
		 "4: vrs[0].vifs[0].peer_mac: kind ip in carrier udp has no MAC; take it out"},
		{VIFS("{'name': 'a', 'port': 'p0', 'kind': 'ip', 'carrier': 'udp', 'udp_port': 5, "
		      "'mac': '02:00:00:00:00:01', " TUNNEL "}"),
		 "4: vrs[0].vifs[0].mac: kind ip in carrier udp has no MAC; take it out, or use "
		 "kind "
		 "ethernet"},
		{VIFS("{'name': 'a', 'port': 'p0', 'carrier': 'udp', 'udp_port': 5, 'remote_mac': "
		      "'02:00:00:00:00:01', 'local': '192.0.2.1',\n'remote': '2001:db8::2'}"),
		 "5: vrs[0].vifs[0].remote: it is IPv6 and local is IPv4; both must be of one "
		 "family"},
		{VR("'isolation': 'secondary', 'window': 'full', 'vifs': [" VIF_A "]"),
		 "3: vrs[0].window: only sealed engines see packets through a window; take it out, "
		 "or set isolation to \"sealed\""},
		{VR("'isolation': 'sealed', 'window': 'half', 'vifs': [" VIF_A "]"),
		 "3: vrs[0].window: \"half\" is no window; use 64..9600 bytes or \"full\""},
		{VR("'isolation': 'sealed', 'window': 63, 'vifs': [" VIF_A "]"),
		 "3: vrs[0].window: 63 cannot be a number of bytes; use 64..9600"},
		{VIFS("{'name': 'a', 'port': 'p0', 'carrier': 'vlan', 'vlan': 5,\n'allow_src': "
		      "{}}"),
		 "5: vrs[0].vifs[0].allow_src: it does not fit carrier vlan; take it out, or use "
		 "carrier raw"},
		{VR("'engines': 2, 'balance': 'weighted',\n'weights': [1], 'vifs': [" VIF_A "]"),
		 "4: vrs[0].weights: 1 weights for 2 engines; give one for each engine"},
		{VR("'order': 'restore', 'vifs': [" VIF_A "]"),
		 "3: vrs[0].order: balance \"flow-jsq\" keeps the order of each flow already; take "
		 "order out, or use a balancer that goes by packets (rr, random, weighted, jsq)"},
		{VR("'weights': [1], 'vifs': [" VIF_A "]"),
		 "3: vrs[0].weights: balance \"flow-jsq\" has no weights; take them out, or use "
		 "balance "
		 "\"weighted\""},
	};

	CHECK_BAD(bad);
}

static void test_mtus(void **state)
{
	static const struct bad bad[] = {
		{VIFS("{'name': 'a', 'port': 'p0', 'mtu': 1501}"),
		 "4: vrs[0].vifs[0].mtu: 1501 and 0 bytes of carrier raw are 1 more than the MTU "
		 "1500 of "
		 "port p0; use 1500 or less, or raise the port's to 1501"},
		{VIFS("{'name': 'a', 'port': 'p0', 'mtu': 1500, 'carrier': 'vxlan', 'vni': "
		      "1, " TUNNEL "}"),
		 "4: vrs[0].vifs[0].mtu: 1500 and 50 bytes of carrier vxlan are 50 more than the "
		 "MTU 1500 "
		 "of port p0; use 1450 or less, or raise the port's to 1550"},
		{VIFS("{'name': 'a', 'port': 'p1', 'mtu': 8953, 'kind': 'ip', 'carrier': 'udp', "
		      "'udp_port': 5, 'remote_mac': '02:00:00:00:00:01', 'local': '2001:db8::1', "
		      "'remote': '2001:db8::2'}"),
		 "4: vrs[0].vifs[0].mtu: 8953 and 48 bytes of carrier udp are 1 more than the MTU "
		 "9000 of "
		 "port p1; use 8952 or less, or raise the port's to 9001"},
		{"{'ports': [{'name': 'p0', 'mtu': 100}], 'vrs': [{'name': 'red', 'plugin': "
		 "'relay', "
		 "'vifs': [{'name': 'a', 'port': 'p0', 'carrier': 'vxlan', 'vni': 1, " TUNNEL
		 "}]}]}",
		 "1: vrs[0].vifs[0].mtu: port p0 has MTU 100, of which carrier vxlan takes 50; "
		 "raise the "
		 "port's to at least 118"},
		{"{'ports': [{'name': 'p0'}, {'name': 'p1', 'mtu': 9000}],\n'pool': "
		 "{'packet_size': "
		 "2048}}",
		 "2: pool.packet_size: 2048 bytes do not hold a packet of ports[1] (MTU 9000); use "
		 "9022 "
		 "or more, or 0"},
	};

	CHECK_BAD(bad);
}

static void test_names_twice(void **state)
{
	static const struct bad bad[] = {
		{"{'ports': [{'name': 'p0'},\n{'name': 'p0'}]}",
		 "2: ports[1].name: ports[0] is called \"p0\" too; list a port once"},
		{VIFS(VIF_A ",\n{'name': 'a', 'port': 'p1'}"),
		 "5: vrs[0].vifs[1].name: vifs[0] of this VR is called \"a\" too; give each a name "
		 "of "
		 "its own"},
		{VRS("{'name': 'red', 'plugin': 'relay', 'vifs': [" VIF_A "]},\n"
		     "{'plugin': 'relay', 'vifs': [{'name': 'b', 'port': 'p1'}],\n'name': 'red'}"),
		 "5: vrs[1].name: vrs[0] is called \"red\" too; give each VR a name of its own"},
	};

	CHECK_BAD(bad);
}

static void test_cpus(void **state)
{
	static const struct bad bad[] = {
		{"{'cpus': {'engines': [1, 2,\n1]}}",
		 "2: cpus.engines[2]: CPU 1 stands in this list twice; keep one of them"},
		{"{'cpus': {'control': [3, 3]}}",
		 "1: cpus.control[1]: CPU 3 stands in this list twice; keep one of them"},
		{"{'cpus': {'engines': [4]}}",
		 "1: cpus.engines[0]: there is no CPU 4; this machine has 0..3"},
		{"{'cpus': {'engines': [-1]}}",
		 "1: cpus.engines[0]: there is no CPU -1; this machine has 0..3"},
		{"{'cpus': {\n'engines': [1, 0]}}",
		 "2: cpus.engines[1]: CPU 0 runs an MD lcore; use another, or set cpus.share_md to "
		 "true"},
		{"{'cpus': {'engines': []}, 'ports': [{'name': 'p0'}], 'vrs': [{'name': 'red', "
		 "'engines': "
		 "3, 'plugin': 'relay', 'vifs': [" VIF_A "]}]}",
		 "1: cpus.engines: no CPU is left for 3 engines; list CPUs here, start the MD on "
		 "fewer, "
		 "or set cpus.share_md to true"},
	};

	CHECK_BAD(bad);
}

#define BLUE(vif)                                                    \
	"{'name': 'red', 'plugin': 'relay', 'vifs': [" VIF_A "]},\n" \
	"{'name': 'blue', 'plugin': 'relay', 'vifs': [{'name': 'x', 'port': 'p1'},\n" vif "]}"

static void test_overlap(void **state)
{
	static const struct bad bad[] = {
		{VRS(BLUE("{'name': 'y', 'port': 'p0'}")),
		 "5: vrs[1].vifs[1]: vrs[0].vifs[0] (line 3) and vrs[1].vifs[1] (line 5) both "
		 "match the "
		 "whole of port p0; change one of them"},
		{VIFS("{'name': 'a', 'port': 'p1', 'carrier': 'vlan', 'vlan': 7},\n"
		      "{'name': 'b', 'port': 'p0', 'carrier': 'vlan', 'vlan': 7},\n"
		      "{'name': 'c', 'port': 'p1', 'carrier': 'vlan', 'vlan': 7}"),
		 "6: vrs[0].vifs[2]: vrs[0].vifs[0] (line 4) and vrs[0].vifs[2] (line 6) both "
		 "match VLAN 7 "
		 "on port p1; change one of them"},
		{VIFS("{'name': 'a', 'port': 'p0', 'source': ['10.0.0.0/8', '10.1.0.0/16']},\n"
		      "{'name': 'b', 'port': 'p0', 'source': ['11.0.0.0/8', '10.1.0.0/16']}"),
		 "5: vrs[0].vifs[1]: vrs[0].vifs[0] (line 4) and vrs[0].vifs[1] (line 5) both "
		 "match source "
		 "prefix 10.1.0.0/16 on port p0; change one of them"},
		{VIFS("{'name': 'a', 'port': 'p0', 'carrier': 'udp', 'udp_port': 4789, " TUNNEL
		      "},\n"
		      "{'name': 'b', 'port': 'p0', 'carrier': 'vxlan', 'vni': 7, " TUNNEL "}"),
		 "5: vrs[0].vifs[1]: vrs[0].vifs[0] (line 4) and vrs[0].vifs[1] (line 5) both "
		 "match 192.0.2.1 UDP 4789 on port p0; change one of them"},
	};

	CHECK_BAD(bad);
}

/* 64 vifs fit into a VR, 65 do not; 1024 VRs with 64 vifs each are too many for the classifier. */
static void test_counts(void **state)
{
	const struct pdp_config_env env = test_env();
	struct pdp_config_error err;
	struct pdp_config *config;
	size_t size;
	char *text;
	FILE *f;

	for (unsigned int n_vrs = 1; n_vrs <= 1025; n_vrs += 512) {
		f = open_memstream(&text, &size);
		assert_non_null(f);
		fprintf(f, "{\"ports\": [{\"name\": \"p0\"}], \"vrs\": [");
		for (unsigned int i = 0; i < n_vrs; i++) {
			fprintf(f, "%s{\"name\": \"v%u\", \"plugin\": \"relay\", \"vifs\": [",
				i > 0 ? "," : "", i);
			for (unsigned int j = 0; j < 65 - (n_vrs > 1); j++)
				fprintf(f,
					"%s\n{\"name\": \"i%u\", \"port\": \"p0\", \"source\": "
					"[\"10.%u.%u.%u/32\"]}",
					j > 0 ? "," : "", j, i >> 8, i & 255, j);
			fprintf(f, "]}");
		}
		fprintf(f, "]}");
		fclose(f);
		config = pdp_config_parse(text, size, "t.json", &env, &err);
		free(text);
		if (n_vrs == 513) {
			if (config == NULL)
				fail_msg("%s", err.text);
			assert_int_equal(config->vrs[512].vifs[63].line, 1 + 513 * 64);
			pdp_config_destroy(config);
			continue;
		}
		assert_null(config);
		assert_string_equal(
			err.text, n_vrs == 1 ? "t.json:1: vrs[0].vifs: 65 elements; at most 64 are "
					       "possible"
					     : "t.json:1: vrs: 1025 elements; at most 1024 are "
					       "possible");
	}
}

static void test_limits(void **state)
{
	static const struct bad bad[] = {
		{VR("'rate_limit': {'pps': 5, 'kbps': 5},'vifs': [" VIF_A "]"),
		 "3: vrs[0].rate_limit: two rates; give \"pps\" or \"kbps\""},
		{VR("'rate_limit': {'burst': 5},'vifs': [" VIF_A "]"),
		 "3: vrs[0].rate_limit: no rate; give \"pps\" or \"kbps\""},
		{VR("'rate_limit': {'pps': 0},'vifs': [" VIF_A "]"),
		 "3: vrs[0].rate_limit.pps: 0 cannot be a rate in packets a second; use "
		 "1..1000000000"},
		{VIFS("{'name': 'a', 'port': 'p0', 'rate_limit': {'kbps': 5, 'burst': 9000}}"),
		 "4: vrs[0].vifs[0].rate_limit.burst: a frame of 9022 bytes would never pass; use "
		 "9022 or more"},
		{VIFS("{'name': 'a', 'port': 'p0', 'rate_limit': {'mbps': 5}}"),
		 "4: vrs[0].vifs[0].rate_limit.mbps: unknown key; did you mean \"kbps\"?"},
	};

	CHECK_BAD(bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_unknown_keys),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_missing_keys),
		cmocka_unit_test(test_keys_that_do_not_fit),
		cmocka_unit_test(test_mtus),
		cmocka_unit_test(test_names_twice),
		cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
