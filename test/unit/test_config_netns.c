/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Configurations of control planes: namespaces, punt rates, plugin kernel, tunnels whose outer
 * neighbour a kernel finds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config_env.h"

#define NETNS(netns)  VR("'netns': '" netns "', 'vifs': [\n" VIF_A "]")
#define KERNEL(rest)  VRS("{'name': 'host', 'plugin': 'kernel'," rest "}")
#define HOST	      "{'name': 'host', 'plugin': 'kernel', 'netns': 'pid:self', 'vifs': [" VIF_A "]}"
#define TUNNEL_TO(ip) "'carrier': 'vxlan', 'vni': 7, 'local': '192.0.2.1', 'remote': '" ip "'"

static struct pdp_config *good(const char *text)
{
	const struct pdp_config_env env = test_env();
	struct pdp_config_error err;
	struct pdp_config *config = test_parse(text, &env, &err);

	if (config == NULL)
		fail_msg("%s", err.text);
	return config;
}

static void test_names(void **state)
{
	static const char *const names[] = {"red", "red-1.x_y", "/proc/7/ns/net", "pid:7",
					    "pid:self"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct pdp_config *config;
		char text[512];

		snprintf(text, sizeof(text), NETNS("%s"), names[i]);
		config = good(text);
		assert_string_equal(config->vrs[0].netns, names[i]);
		pdp_config_destroy(config);
	}
}

static void test_defaults(void **state)
{
	struct pdp_config *config = good(VIFS(VIF_A));

	assert_true(config->mh_keep);
	assert_string_equal(config->vrs[0].netns, "");
	assert_false(config->vrs[0].kernel);
	assert_int_equal(config->vrs[0].punt[PDP_PUNT_ROUTING].pps, 20000);
	assert_int_equal(config->vrs[0].punt[PDP_PUNT_ARP_ND].pps, 1000);
	assert_int_equal(config->vrs[0].punt[PDP_PUNT_OTHER].burst, 200);
	pdp_config_destroy(config);
	config = good(VR("'netns': 'red', 'punt': {'other': 7, 'routing_burst': 8}, 'vifs': [" VIF_A
			 "]"));
	assert_int_equal(config->vrs[0].punt[PDP_PUNT_OTHER].pps, 7);
	assert_int_equal(config->vrs[0].punt[PDP_PUNT_ROUTING].burst, 8);
	pdp_config_destroy(config);
}

static void test_kernel(void **state)
{
	struct pdp_config *config = good(
		VRS(HOST ",{'name': 'red', 'plugin': 'relay', 'vifs': [{'name': 't', 'port': "
			 "'p0', " TUNNEL_TO("192.0.2.2") "}]}"));

	assert_true(config->vrs[0].kernel);
	assert_int_equal(config->vrs[0].engines, 0);
	assert_int_equal(config->vrs[0].engines_total, 0);
	assert_true(config->vrs[1].vifs[0].conf.flags & PDP_VIF_NEIGHBOUR);
	pdp_config_destroy(config);
	config = good(
		VIFS("{'name': 'a', 'port': 'p0', 'remote_mac': '02:00:00:00:00:09', " TUNNEL_TO(
			"192.0.2.2") "}"));
	assert_false(config->vrs[0].vifs[0].conf.flags & PDP_VIF_NEIGHBOUR);
	pdp_config_destroy(config);
}

static void test_bad(void **state)
{
	static const struct {
		const char *text, *error;
	} bad[] = {
		{NETNS("red/blue"), "\"red/blue\" is no namespace; use a name as of ip netns"},
		{NETNS(".."), "\"..\" is no namespace"},
		{NETNS(""), "0 characters; use 1 to 127"},
		{NETNS("pid:x"), "\"pid:x\" names no process; write \"pid:1234\""},
		{NETNS("pid:0"), "names no process"},
		{VR("'netns': 7, 'vifs': [" VIF_A "]"),
		 "a number stands here; it must be a string"},
		{VR("'netns': 'red', 'vifs': [{'name': 'lo', 'port': 'p0'}]"),
		 "every namespace has an interface \"lo\" already"},
		{VRS("{'name': 'a', 'plugin': 'relay', 'netns': 'x', 'vifs': [" VIF_A "]},"
		     "{'name': 'b', 'plugin': 'relay', 'netns': 'x', 'vifs': [{'name': 'a', "
		     "'port': 'p1'}]}"),
		 "vrs[1].netns: vrs[0] (a) has namespace \"x\" too"},
		{VR("'punt': {'other': 0}, 'vifs': [" VIF_A "]"),
		 "punt.other: 0 cannot be a rate in packets a second"},
		{VR("'punt': {'bgp': 1}, 'vifs': [" VIF_A "]"), "punt.bgp: unknown key"},
		{KERNEL("'vifs': [" VIF_A "]"),
		 "netns: plugin \"kernel\" needs the namespace whose kernel is the router"},
		{KERNEL("'netns': 'x', 'engines': 1, 'vifs': [" VIF_A "]"),
		 "engines: plugin \"kernel\" has no engines"},
		{VIFS("{'name': 'a', 'port': 'p1', " TUNNEL_TO("192.0.2.2") "}"),
		 "remote_mac: carrier vxlan needs it, as no kernel finds it on port p1"},
	};
	const struct pdp_config_env env = test_env();
	struct pdp_config_error err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pdp_config *config = test_parse(bad[i].text, &env, &err);

		if (config != NULL)
			fail_msg("accepted: %s", bad[i].text);
		if (strstr(err.text, bad[i].error) == NULL)
			fail_msg("%s\n  is not in: %s", bad[i].error, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_kernel),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
