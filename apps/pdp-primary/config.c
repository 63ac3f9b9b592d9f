/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loads the configuration: before EAL starts, so that a mistake costs nothing, and once more when
 * the MD's CPUs are known. Checks here what is not the file's alone: programs, ports, memory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pdp_elf.h>
#include <pdp_vr.h>

#include "node.h"

static bool balancer_known(const char *name)
{
	return pdp_balancer_find(name) != NULL;
}

static bool balancer_keeps_flows(const char *name)
{
	return pdp_balancer_find(name)->keeps_flows;
}

/* @param process_cpus out: CPU_SETSIZE */
static struct pdp_config_env environment(uint16_t *process_cpus)
{
	return (struct pdp_config_env){
		.plugin_path = node.plugin_path,
		.balancer_known = balancer_known,
		.balancer_keeps_flows = balancer_keeps_flows,
		.balancers = pdp_balancer_names(),
		.md_cpus = node.md_cpus,
		.n_md_cpus = node.n_md,
		.process_cpus = process_cpus,
		.n_process_cpus = cpus_of_process(process_cpus),
		.n_cpus = (unsigned int)sysconf(_SC_NPROCESSORS_CONF),
	};
}

static struct pdp_config *load(void)
{
	uint16_t process_cpus[CPU_SETSIZE];
	const struct pdp_config_env env = environment(process_cpus);
	struct pdp_config_error err = {.text = ""};
	struct pdp_config *config = pdp_config_load(node.config_file, &env, &err);

	if (config == NULL)
		complain("%s", err.text);
	return config;
}

struct pdp_vr_config *config_change(unsigned int vr, json_t *changes, struct pdp_config_error *err)
{
	uint16_t process_cpus[CPU_SETSIZE];
	const struct pdp_config_env env = environment(process_cpus);

	return pdp_config_vr_change(node.config, vr, changes, &env, err);
}

/* A vdev has to be on the command line; a PCI device has a name with colons. */
static int check_port(const char *name)
{
	const char *at = strstr(node.eal_vdevs, name);
	size_t len = strlen(name);

	if (strchr(name, ':') != NULL)
		return 0;
	while (at != NULL && !((at == node.eal_vdevs || at[-1] == ',') && at[len] == ','))
		at = strstr(at + 1, name);
	return at != NULL ? 0 : -1;
}

static int check_ports(void)
{
	for (unsigned int i = 0; i < node.config->n_ports; i++) {
		const char *name = node.config->ports[i].name;

		if (check_port(name) != 0)
			return complain("%s: ports[%u].name: no device \"%s\" is on the command "
					"line; add --vdev "
					"%s,... to the EAL options, or give a PCI address",
					node.config_file, i, name, name);
	}
	return 0;
}

/* What can be said of a plugin without running it: its file is read, not loaded. */
static int check_plugin(const struct pdp_vr_config *vr)
{
	char why[128] = "it exports no " PDP_VR_PLUGIN_SYMBOL "; use PDP_VR_PLUGIN()";
	uint32_t abi_version;
	struct pdp_elf elf;
	int rc = pdp_elf_open(&elf, vr->plugin, why, sizeof(why));

	if (rc == 0)
		rc = pdp_elf_symbol(&elf, PDP_VR_PLUGIN_SYMBOL, &abi_version, sizeof(abi_version));
	pdp_elf_close(&elf);
	if (rc != 0)
		return complain("%s: %s.plugin: %s: %s", node.config_file, vr->path, vr->plugin,
				why);
	if (abi_version != PDP_VR_ABI_VERSION)
		return complain("%s: %s.plugin: %s is built for plugin ABI %u, this node has %u",
				node.config_file, vr->path, vr->plugin, abi_version,
				PDP_VR_ABI_VERSION);
	return 0;
}

/* What takes control groups that may be written. */
static int check_strict(const struct pdp_vr_config *vr)
{
	char why[1024];

	if (!vr->strict || pdp_engines_check_shares(why, sizeof(why)) == 0)
		return 0;
	return complain("%s: %s.strict: there are no CPU shares: %s; or leave strict out",
			node.config_file, vr->path, why);
}

static int check(void)
{
	unsigned int need_mb, secondaries = 0, sealed = 0;

	for (unsigned int i = 0; i < node.config->n_vrs; i++) {
		if (node.config->vrs[i].isolation == PDP_ISOLATION_SECONDARY)
			secondaries += node.config->vrs[i].engines_total;
		else
			sealed += node.config->vrs[i].engines_total;
		if (node.check_only &&
		    ((!node.config->vrs[i].kernel && check_plugin(&node.config->vrs[i]) != 0) ||
		     check_strict(&node.config->vrs[i]) != 0))
			return -1;
	}
	if (secondaries != 0 && node.in_memory)
		return complain("--no-huge and --in-memory exclude secondary engines, and %u are "
				"wanted; leave the "
				"option out, or set \"isolation\": \"sealed\" or \"engines\": 0",
				secondaries);
	if (access(node.engine_program, X_OK) != 0)
		return complain("pdp-engine is not where it should be: %s", node.engine_program);
	if (sealed != 0 && access(node.sealed_program, X_OK) != 0)
		return complain("pdp-engine-sealed is not where it should be: %s",
				node.sealed_program);
	if (check_ports() != 0 || slices_check() != 0)
		return -1;
	return memory_check(&need_mb);
}

int config_init(void)
{
	node.config = load();
	if (node.config == NULL)
		return -1;
	if (check() != 0) {
		config_fini();
		return -1;
	}
	if (node.check_only)
		printf("%s: ok: %u ports, %u VRs; the node would start\n", node.config_file,
		       node.config->n_ports, node.config->n_vrs);
	return 0;
}

int config_again(void)
{
	struct pdp_config *config = load();

	if (config == NULL)
		return -1;
	pdp_config_destroy(node.config);
	node.config = config;
	return 0;
}

void config_fini(void)
{
	pdp_config_destroy(node.config);
	node.config = NULL;
	free(node.eal_argv);
}
