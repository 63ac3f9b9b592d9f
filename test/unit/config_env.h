/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of lib/config share: an environment of four CPUs, and JSON written with ' for ".
 */
#ifndef CONFIG_ENV_H
#define CONFIG_ENV_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <pdp_config.h>

static const uint16_t test_md_cpus[] = {0};

static inline bool test_balancer_known(const char *name)
{
	return strcmp(name, "flow") == 0 || strcmp(name, "flow-jsq") == 0 ||
	       strcmp(name, "rr") == 0 || strcmp(name, "weighted") == 0;
}

static inline bool test_balancer_keeps_flows(const char *name)
{
	return strncmp(name, "flow", 4) == 0;
}

/** CPUs 0..3, the MD on CPU 0; plugins are not looked up. */
static inline struct pdp_config_env test_env(void)
{
	return (struct pdp_config_env){
		.balancer_known = test_balancer_known,
		.balancer_keeps_flows = test_balancer_keeps_flows,
		.balancers = "rr, weighted, flow",
		.md_cpus = test_md_cpus,
		.n_md_cpus = 1,
		.n_cpus = 4,
	};
}

/** Parse text whose quotes are written as '. The text lies in memory of its very size, for the
 * address sanitizer. */
static inline struct pdp_config *test_parse(const char *text, const struct pdp_config_env *env,
					    struct pdp_config_error *err)
{
	const size_t size = strlen(text);
	char *json = malloc(size > 0 ? size : 1);
	struct pdp_config *config;

	if (json == NULL)
		return NULL;
	for (size_t i = 0; i < size; i++)
		json[i] = (char)(text[i] == '\'' ? '"' : text[i]);
	config = pdp_config_parse(json, size, "t.json", env, err);
	free(json);
	return config;
}

/* Ports stand in line 1, the VR begins in line 3, its vifs in line 4. */
#define PORTS	    "{'ports': [{'name': 'p0'}, {'name': 'p1', 'mtu': 9000}],\n"
#define VRS(vrs)    PORTS "'vrs': [\n" vrs "]}"
#define VR(members) VRS("{'name': 'red', 'plugin': 'relay'," members "}")
#define VIFS(vifs)  VR("'vifs': [\n" vifs "]")
#define TUNNEL	    "'local': '192.0.2.1', 'remote': '192.0.2.2', 'remote_mac': '02:00:00:00:00:02'"
#define VIF_A	    "{'name': 'a', 'port': 'p0'}"

#endif /* CONFIG_ENV_H */
