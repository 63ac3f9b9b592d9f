/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Good configurations: what is decoded, defaults, files, plugin folders; and config/README.md
 * against the table of keys.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_env.h"
#include "config_priv.h"

static struct pdp_config *parse_good(const char *text, const struct pdp_config_env *env)
{
	struct pdp_config_error err;
	struct pdp_config *config = test_parse(text, env, &err);

	if (config == NULL)
		fail_msg("%s", err.text);
	return config;
}

static void test_defaults(void **state)
{
	const struct pdp_config_env env = test_env();
	struct pdp_config *config = parse_good("{}", &env);

	assert_string_equal(config->node, "pdp");
	assert_string_equal(config->file, "t.json");
	assert_int_equal(config->n_ports, 0);
	assert_int_equal(config->n_vrs, 0);
	assert_int_equal(config->md_poll, PDP_POLL_BUSY);
	assert_int_equal(config->engine_cpus.n, 3);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(config->engine_cpus.cpus[i], i + 1);
	assert_int_equal(config->control_cpus.n, 0);
	assert_false(config->share_md);
	pdp_config_destroy(config);
	pdp_config_destroy(NULL);

	config = parse_good(VIFS("{'name': 'a', 'port': 'p1'}"), &env);
	assert_int_equal(config->ports[0].mtu, 1500);
	assert_int_equal(config->ports[0].descriptors, 1024);
	assert_int_equal(config->ports[0].rx_queues, 0);
	assert_true(config->ports[0].promiscuous);
	assert_int_equal(config->ports[1].mtu, 9000);
	assert_string_equal(config->vrs[0].plugin, "relay");
	assert_string_equal(config->vrs[0].args, "{}");
	assert_string_equal(config->vrs[0].balance, "flow-jsq");
	assert_int_equal(config->vrs[0].engines, 1);
	assert_int_equal(config->vrs[0].isolation, PDP_ISOLATION_SECONDARY);
	assert_int_equal(config->vrs[0].hash, PDP_HASH_INNER);
	assert_int_equal(config->vrs[0].slots, 1024);
	assert_int_equal(config->vrs[0].blank_slots, 32);
	assert_int_equal(config->vrs[0].poll, PDP_POLL_AUTO);
	assert_null(config->vrs[0].weights);
	assert_string_equal(config->vrs[0].path, "vrs[0]");
	assert_int_equal(config->vrs[0].line, 3);
	assert_int_equal(config->ports[1].line, 1);
	assert_string_equal(config->vrs[0].vifs[0].path, "vrs[0].vifs[0]");
	assert_int_equal(config->vrs[0].vifs[0].line, 4);
	assert_int_equal(config->vrs[0].vifs[0].conf.port, 1);
	assert_int_equal(config->vrs[0].vifs[0].conf.kind, PDP_VIF_ETHERNET);
	assert_int_equal(config->vrs[0].vifs[0].conf.carrier, PDP_CARRIER_RAW);
	assert_int_equal(config->vrs[0].vifs[0].conf.mtu, 9000);
	assert_int_equal(config->vrs[0].vifs[0].conf.flags, 0);
	assert_int_equal(config->vrs[0].vifs[0].n_prefixes, 0);
	assert_false(config->vrs[0].vifs[0].has_mac);
	pdp_config_destroy(config);
}

/* Bursts where none is given: 10 ms, and no less than 64 packets or 16 frames of the largest port.
 */
static void test_limits(void **state)
{
	const struct pdp_config_env env = test_env();
	struct pdp_config *config;

	config = parse_good(VIFS("{'name': 'a', 'port': 'p0', 'rate_limit': {'kbps': 1000}},"
				 "{'name': 'b', 'port': 'p1', 'rate_limit': {'kbps': 10000000}},"
				 "{'name': 'c', 'port': 'p1', 'vlan': 5, 'carrier': 'vlan',"
				 " 'rate_limit': {'pps': 1000, 'burst': 7}},"
				 "{'name': 'd', 'port': 'p1', 'vlan': 6, 'carrier': 'vlan'}"),
			    &env);
	assert_int_equal(config->vrs[0].limit.pps, 0);
	assert_int_equal(config->vrs[0].limit.burst, 0);
	assert_int_equal(config->vrs[0].vifs[0].limit.kbps, 1000);
	assert_int_equal(config->vrs[0].vifs[0].limit.burst, 16 * 9022);
	assert_int_equal(config->vrs[0].vifs[1].limit.burst, 12500000);
	assert_int_equal(config->vrs[0].vifs[2].limit.burst, 7);
	assert_int_equal(config->vrs[0].vifs[3].limit.kbps, 0);
	pdp_config_destroy(config);
	config = parse_good(VR("'rate_limit': {'pps': 5000},'vifs': [" VIF_A "]"), &env);
	assert_int_equal(config->vrs[0].limit.pps, 5000);
	assert_int_equal(config->vrs[0].limit.burst, 64);
	pdp_config_destroy(config);
	config = parse_good(VR("'rate_limit': {'pps': 1000000},'vifs': [" VIF_A "]"), &env);
	assert_int_equal(config->vrs[0].limit.burst, 10000);
	pdp_config_destroy(config);
}

/* All that can be given, given. */
static void test_everything(void **state)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0xab, 0xCD};
	static const uint8_t remote[4] = {192, 0, 2, 2};
	const struct pdp_config_env env = test_env();
	const struct pdp_vif_config *vif;
	const struct pdp_vr_config *vr;
	struct pdp_config *config;

	config = parse_good(
		"{'node': 'lab1', 'cpus': {'engines': [3, 0, 1], 'control': [0], 'share_md': "
		"true},\n"
		"'md': {'poll': 'adaptive'}, 'pool': {'packets': 8192, 'packet_size': 9022},\n"
		"'ports': [{'name': 'net_null0', 'mtu': 9000, 'rx_queues': 2, 'descriptors': 512,\n"
		"'promiscuous': false}], 'vrs': [{'name': 'red', 'plugin': 'relay',\n"
		"'args': {'spin_ns': 5, 'list': [1, {}]}, 'engines': 2, 'isolation': 'sealed', "
		"'window': 'full',\n"
		"'balance': 'weighted', 'hash': 'symmetric', 'weights': [1, 1000], 'slots': "
		"32768,\n"
		"'blank_slots': 0, 'poll': 'adaptive', 'vifs': [\n"
		"{'name': 'a', 'port': 'net_null0', 'kind': 'ip', 'carrier': 'vxlan', 'mtu': "
		"1500,\n"
		"'mac': '02:00:00:00:aB:Cd', 'peer_mac': '02:00:00:00:00:02', 'udp_port': 4801,\n"
		"'remote_udp_port': 4802, 'vni': 16777215, 'local': '192.0.2.1',\n"
		"'remote': '192.0.2.2', 'remote_mac': '02:00:00:00:00:03', 'ttl': 255,\n"
		"'check_remote': false},\n"
		"{'name': 'b', 'port': 'net_null0', 'source': ['10.1.0.0/16', '2001:db8::/32',\n"
		"'10.2.3.4', '0.0.0.0/0'], 'allow_src': {'prefixes': ['10.1.0.0/16'],\n"
		"'mac': '02:00:00:00:00:04'}}]}]}",
		&env);
	assert_string_equal(config->node, "lab1");
	assert_int_equal(config->engine_cpus.n, 3);
	assert_int_equal(config->engine_cpus.cpus[0], 3);
	assert_int_equal(config->engine_cpus.cpus[1], 0);
	assert_int_equal(config->control_cpus.n, 1);
	assert_true(config->share_md);
	assert_int_equal(config->md_poll, PDP_POLL_ADAPTIVE);
	assert_int_equal(config->pool_packets, 8192);
	assert_int_equal(config->pool_packet_size, 9022);
	assert_int_equal(config->ports[0].rx_queues, 2);
	assert_int_equal(config->ports[0].descriptors, 512);
	assert_false(config->ports[0].promiscuous);
	vr = &config->vrs[0];
	assert_int_equal(config->ports[0].line, 3);
	assert_int_equal(vr->line, 4);
	assert_int_equal(vr->engines, 2);
	assert_string_equal(vr->args, "{\"spin_ns\":5,\"list\":[1,{}]}");
	assert_int_equal(vr->hash, PDP_HASH_SYMMETRIC);
	assert_int_equal(vr->n_weights, 2);
	assert_int_equal(vr->weights[1], 1000);
	assert_int_equal(vr->slots, 32768);
	assert_int_equal(vr->blank_slots, 0);
	assert_int_equal(vr->poll, PDP_POLL_ADAPTIVE);
	vif = &vr->vifs[0];
	assert_int_equal(vif->line, 8);
	assert_true(vif->has_mac);
	assert_memory_equal(vif->conf.mac, mac, 6);
	assert_int_equal(vif->conf.peer_mac[5], 2);
	assert_int_equal(vif->conf.remote_mac[5], 3);
	assert_int_equal(vif->conf.udp_port, 4801);
	assert_int_equal(vif->conf.remote_udp_port, 4802);
	assert_int_equal(vif->conf.vni, 16777215);
	assert_int_equal(vif->conf.ttl, 255);
	assert_int_equal(vif->conf.flags, 0);
	assert_int_equal(vif->conf.remote.family, 4);
	assert_memory_equal(vif->conf.remote.bytes, remote, 4);
	vif = &vr->vifs[1];
	assert_int_equal(vif->n_prefixes, 4);
	assert_int_equal(vif->prefixes[0].len, 16);
	assert_int_equal(vif->prefixes[1].addr.family, 6);
	assert_int_equal(vif->prefixes[2].len, 32);
	assert_int_equal(vif->prefixes[3].len, 0);
	assert_int_equal(vif->conf.mtu, 9000);
	pdp_config_destroy(config);
}

static void test_tunnel_defaults(void **state)
{
	const struct pdp_config_env env = test_env();
	struct pdp_config *config;

	config = parse_good(VIFS("{'name': 'a', 'port': 'p0', 'carrier': 'vxlan', 'vni': 0, " TUNNEL
				 "}, {'name': 'b', 'port': 'p0', 'carrier': 'udp', 'kind': 'ip', "
				 "'udp_port': 5000, " TUNNEL "}, {'name': 'c', 'port': 'p0', "
				 "'carrier': 'vlan', 'vlan': 4094}"),
			    &env);
	assert_int_equal(config->vrs[0].vifs[0].conf.udp_port, 4789);
	assert_int_equal(config->vrs[0].vifs[0].conf.remote_udp_port, 4789);
	assert_int_equal(config->vrs[0].vifs[0].conf.mtu, 1450);
	assert_int_equal(config->vrs[0].vifs[0].conf.ttl, 64);
	assert_int_equal(config->vrs[0].vifs[0].conf.flags, PDP_VIF_CHECK_REMOTE);
	assert_int_equal(config->vrs[0].vifs[1].conf.remote_udp_port, 5000);
	assert_int_equal(config->vrs[0].vifs[1].conf.mtu, 1472);
	assert_int_equal(config->vrs[0].vifs[2].conf.mtu, 1500);
	assert_int_equal(config->vrs[0].vifs[2].conf.ttl, 0);
	pdp_config_destroy(config);
}

static void test_process_cpus(void **state)
{
	static const uint16_t mine[] = {0, 2};
	struct pdp_config_env env = test_env();
	struct pdp_config_error err;
	struct pdp_config *config;

	env.process_cpus = mine;
	env.n_process_cpus = 2;
	config = parse_good("{}", &env);
	assert_int_equal(config->engine_cpus.n, 1);
	assert_int_equal(config->engine_cpus.cpus[0], 2);
	pdp_config_destroy(config);
	config = parse_good("{'cpus': {'share_md': true}}", &env);
	assert_int_equal(config->engine_cpus.n, 2);
	pdp_config_destroy(config);

	/* A machine with one CPU, and the MD on it. */
	env.process_cpus = NULL;
	env.n_cpus = 1;
	assert_null(test_parse(VIFS(VIF_A), &env, &err));
	assert_string_equal(err.text,
			    "t.json:1: cpus.engines: no CPU is left for 1 engines; list CPUs here, "
			    "start the MD on fewer, or set cpus.share_md to true");
	config = parse_good("{'cpus': {'share_md': true, 'engines': [0]}}", &env);
	pdp_config_destroy(config);
}

static void write_file(const char *folder, const char *name, const char *text)
{
	char path[PATH_MAX + 64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

#define NODE(plugin)                                                                              \
	"{\"ports\": [{\"name\": \"p0\"}], \"vrs\": [\n{\"name\": \"red\", \"plugin\": \"" plugin \
	"\",\n\"vifs\": [{\"name\": \"a\", \"port\": \"p0\"}]}]}"

/* Load `text` as folder/node.json. @return the plugin's path without the folder, or the message
 * without it */
static const char *load(const char *folder, const char *text, const struct pdp_config_env *env)
{
	static char answer[512];
	struct pdp_config_error err;
	struct pdp_config *config;
	char path[PATH_MAX];

	write_file(folder, "node.json", text);
	snprintf(path, sizeof(path), "%s/node.json", folder);
	config = pdp_config_load(path, env, &err);
	snprintf(answer, sizeof(answer), "%s",
		 (config != NULL ? config->vrs[0].plugin : err.text) + strlen(folder) + 1);
	pdp_config_destroy(config);
	return answer;
}

static void test_plugin_folders(void **state)
{
	struct pdp_config_env env = test_env();
	char folder[PATH_MAX] = "/tmp/test_config.XXXXXX", path[PATH_MAX + 16],
	     folders[2 * PATH_MAX];
	char want[2 * PATH_MAX + 128];

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/built", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	write_file(path, "pdp_vr_built.so", "");
	write_file(folder, "pdp_vr_flat.so", "");
	snprintf(folders, sizeof(folders), "/nowhere::%s", folder);
	env.plugin_path = folders;

	assert_string_equal(load(folder, NODE("flat"), &env), "pdp_vr_flat.so");
	assert_string_equal(load(folder, NODE("built"), &env), "built/pdp_vr_built.so");
	assert_string_equal(load(folder, NODE("./pdp_vr_flat.so"), &env), "pdp_vr_flat.so");
	assert_string_equal(load(folder, NODE("built/../pdp_vr_flat.so"), &env), "pdp_vr_flat.so");
	snprintf(want, sizeof(want),
		 "node.json:2: vrs[0].plugin: no plugin pdp_vr_none.so in %s; build it, or give "
		 "its path, "
		 "with a slash",
		 folders);
	assert_string_equal(load(folder, NODE("none"), &env), want);
	assert_string_equal(load(folder, NODE("./none.so"), &env),
			    "node.json:2: vrs[0].plugin: there is no plugin ./none.so (a path goes "
			    "from the configuration's folder on); build it, or correct the path");
	/* A folder is no plugin. */
	assert_string_equal(
		load(folder, NODE("./built"), &env),
		"node.json:2: vrs[0].plugin: there is no plugin ./built (a path goes from "
		"the configuration's folder on); build it, or correct the path");

	snprintf(path, sizeof(path), "%s/built/pdp_vr_built.so", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/built", folder);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/pdp_vr_flat.so", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/node.json", folder);
	unlink(path);
	rmdir(folder);
}

static void test_files(void **state)
{
	const struct pdp_config_env env = test_env();
	struct pdp_config_error err;

	assert_null(pdp_config_load("/nowhere/node.json", &env, &err));
	assert_string_equal(err.text,
			    "/nowhere/node.json: cannot read the configuration: No such file "
			    "or directory");
	assert_null(pdp_config_load("/tmp", &env, &err));
	assert_string_equal(err.text,
			    "/tmp: cannot read the configuration: it is a folder; name a file");
	assert_null(pdp_config_load("/dev/zero", &env, &err));
	assert_string_equal(err.text,
			    "/dev/zero: cannot read the configuration: it is longer than 16 MiB");
	assert_null(pdp_config_parse("{\"md\":\n{}\0}", 11, "t.json", &env, &err));
	assert_string_equal(err.text, "t.json:2: a zero byte stands here; the file is no text");
	assert_null(pdp_config_load("/dev/null", &env, &err));
	assert_string_equal(err.text,
			    "/dev/null:1: not JSON: '[' or '{' expected near end of file");
}

/* All node files of config/ are good, apart from their plugins, which need not be built here. */
static void test_samples(void **state)
{
	struct pdp_config_env env = test_env();
	struct pdp_config_error err;
	struct pdp_config *config;
	glob_t files;

	env.balancer_known = NULL;
	assert_int_equal(glob(SOURCE_ROOT "/config/*.json", 0, NULL, &files), 0);
	assert_true(files.gl_pathc > 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		config = pdp_config_load(files.gl_pathv[i], &env, &err);
		if (config == NULL)
			fail_msg("%s", err.text);
		pdp_config_destroy(config);
	}
	globfree(&files);
}

static void test_load(void **state)
{
	const struct pdp_config_env env = test_env();
	struct pdp_config *c = parse_good(VR("'vifs': [" VIF_A "]"), &env);
	const struct pdp_vr_config *vr = c->vrs;

	assert_int_equal(c->monitor.period_ms, 100);
	assert_int_equal(c->monitor.params.tau_ms, 1000);
	assert_int_equal(c->monitor.params.dwell_ms, 1000);
	assert_int_equal(c->monitor.params.hysteresis_pct, 10);
	assert_false(c->monitor.dry_run);
	assert_int_equal(vr->policy, PDP_POLICY_FIXED);
	assert_true(vr->engines == 1 && vr->engines_min == 1);
	assert_true(vr->standby == 0 && vr->engines_total == 1);
	assert_int_equal(vr->threshold_pps, 60000);
	assert_int_equal(vr->target_pct, 80);
	assert_true(vr->power == 0 && !vr->exclusive && vr->cpus.n == 0);
	pdp_config_destroy(c);

	c = parse_good(VR("'engines': '1..4', 'vifs': [" VIF_A
			  "], 'power': 250, 'exclusive': true, "
			  "'cpus': [3, 1]"),
		       &env);
	vr = c->vrs;
	assert_int_equal(vr->policy, PDP_POLICY_DYNAMIC);
	assert_true(vr->engines == 4 && vr->engines_min == 1);
	assert_true(vr->standby == 1 && vr->engines_total == 4);
	assert_true(vr->power == 250 && vr->exclusive);
	assert_true(vr->cpus.n == 2 && vr->cpus.cpus[0] == 3 && vr->cpus.cpus[1] == 1);
	pdp_config_destroy(c);

	c = parse_good(VR("'engines': '0..64', 'policy': 'threshold', 'threshold_pps': 1, "
			  "'vifs': [" VIF_A "]"),
		       &env);
	assert_int_equal(c->vrs[0].policy, PDP_POLICY_THRESHOLD);
	assert_true(c->vrs[0].standby == 1 && c->vrs[0].engines_total == 64);
	pdp_config_destroy(c);

	c = parse_good(VR("'engines': 2, 'standby': 62, 'vifs': [" VIF_A "]"), &env);
	assert_true(c->vrs[0].standby == 62 && c->vrs[0].engines_total == 64);
	pdp_config_destroy(c);

	c = parse_good(VR("'engines': '2..4', 'standby': 0, 'vifs': [" VIF_A "]"), &env);
	assert_true(c->vrs[0].standby == 0 && c->vrs[0].engines_total == 4);
	pdp_config_destroy(c);
}

/* @return the change, or NULL with err filled */
static struct pdp_vr_config *change(struct pdp_config *c, const char *text,
				    struct pdp_config_error *err)
{
	const struct pdp_config_env env = test_env();
	json_t *changes = json_loads(text, 0, NULL);
	struct pdp_vr_config *changed = pdp_config_vr_change(c, 0, changes, &env, err);

	json_decref(changes);
	return changed;
}

static void test_change(void **state)
{
	const struct pdp_config_env env = test_env();
	struct pdp_config *c = parse_good(
		VR("'engines': 2, 'balance': 'weighted', 'weights': [1, 2],"
		   "'cpus': [3], 'power': 50, 'vifs': [" VIF_A "]"),
		&env);
	struct pdp_config_error err;
	struct pdp_vr_config *changed = change(c, "{\"power\": 150}", &err);

	/* What is not named stays. */
	assert_non_null(changed);
	assert_true(changed->power == 150 && changed->engines == 2 && changed->n_weights == 2);
	assert_true(changed->cpus.n == 1 && changed->cpus.cpus[0] == 3);
	assert_int_equal(c->vrs[0].power, 50);
	pdp_config_vr_discard(changed);

	/* Policy and standby follow the engines, weights their balancer. */
	changed = change(c, "{\"engines\": \"1..4\", \"balance\": \"rr\", \"cpus\": [1, 2]}", &err);
	assert_non_null(changed);
	pdp_config_vr_adopt(c, 0, changed);
	assert_int_equal(c->vrs[0].policy, PDP_POLICY_DYNAMIC);
	assert_true(c->vrs[0].standby == 1 && c->vrs[0].engines_total == 4);
	assert_true(c->vrs[0].weights == NULL && c->vrs[0].n_weights == 0);
	assert_true(c->vrs[0].cpus.n == 2 && c->vrs[0].cpus.cpus[1] == 2);
	changed = change(c, "{\"target_pct\": 100}", &err);
	assert_non_null(changed);
	assert_int_equal(changed->policy, PDP_POLICY_DYNAMIC);
	pdp_config_vr_discard(changed);
	changed = change(c, "{\"engines\": 3}", &err);
	assert_non_null(changed);
	assert_true(changed->policy == PDP_POLICY_FIXED && changed->standby == 0);
	pdp_config_vr_discard(changed);

	/* All or none, with the path and without a line. */
	assert_null(change(c, "{\"engines\": 2, \"power\": 201}", &err));
	assert_string_equal(err.text, "vrs[0].power: 2 engines cannot use 201 percent of one CPU; "
				      "use at most 200");
	assert_null(change(c, "{\"cpus\": [1, 0]}", &err));
	assert_string_equal(err.text,
			    "vrs[0].cpus[1]: CPU 0 is not among cpus.engines; take one of "
			    "those, or add it there");
	assert_null(change(c, "{\"slots\": 4}", &err));
	assert_non_null(strstr(err.text, "vrs[0].slots: it cannot be changed while the node runs"));
	assert_null(change(c, "{}", &err));
	assert_non_null(strstr(err.text, "vrs[0]: nothing is to be changed; write KEY=VALUE"));
	assert_true(c->vrs[0].engines == 4 && c->vrs[0].power == 50);
	pdp_config_destroy(c);
}

/* One line for each key, as the table has it and as the reference has it. */
static void tell_key(void *arg, const char *path, const char *type, const char *def,
		     const char *range)
{
	fprintf(arg, "| `%s` | %s | %s |%s%s |", path, type, def, range[0] != '\0' ? " " : "",
		range);
	fputc('\n', arg);
}

static void test_reference(void **state)
{
	char line[1024], want[1024], *table;
	size_t size;
	FILE *out = open_memstream(&table, &size), *readme;
	char *at;

	assert_non_null(out);
	config_keys_each(tell_key, out);
	fclose(out);
	readme = fopen(SOURCE_ROOT "/config/README.md", "r");
	assert_non_null(readme);
	/* The reference goes by sections and not in depth, so each row is searched for and crossed
	 * out. */
	while (fgets(line, sizeof(line), readme) != NULL) {
		if (strncmp(line, "| `", 3) != 0)
			continue;
		for (at = table; *at != '\0'; at = strchr(at, '\n') + 1) {
			size = (size_t)(strchr(at, '\n') - at);
			if (strncmp(line, at, size) == 0)
				break;
		}
		if (*at == '\0')
			fail_msg("config/README.md has a row that the table of keys does not have: "
				 "%s",
				 line);
		/* A meaning stands behind. */
		assert_true(strlen(line) > size + 8);
		memmove(at, at + size + 1, strlen(at + size + 1) + 1);
	}
	fclose(readme);
	snprintf(want, sizeof(want), "%s", table);
	free(table);
	if (want[0] != '\0')
		fail_msg("config/README.md lacks these keys:\n%s", want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),     cmocka_unit_test(test_limits),
		cmocka_unit_test(test_everything),   cmocka_unit_test(test_tunnel_defaults),
		cmocka_unit_test(test_process_cpus), cmocka_unit_test(test_plugin_folders),
		cmocka_unit_test(test_files),	     cmocka_unit_test(test_samples),
		cmocka_unit_test(test_reference),    cmocka_unit_test(test_load),
		cmocka_unit_test(test_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
