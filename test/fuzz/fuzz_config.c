/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any bytes as a configuration: it is decoded with every value in its range, or refused with one
 * line that says where.
 */
#include <ctype.h>

#include <pdp_config.h>

#include "fuzz.h"

static bool balancer_known(const char *name)
{
	return strcmp(name, "flow") == 0 || strcmp(name, "flow-jsq") == 0 ||
	       strcmp(name, "weighted") == 0;
}

static void check_vif(const struct pdp_config *config, const struct pdp_vif_config *vif)
{
	const struct pdp_vif_conf *conf = &vif->conf;
	const bool tunnel = conf->carrier >= PDP_CARRIER_UDP;

	FUZZ_CHECK(memchr(conf->name, '\0', sizeof(conf->name)) != NULL && conf->name[0] != '\0');
	FUZZ_CHECK(conf->port < config->n_ports && vif->line > 0 && vif->path[0] != '\0');
	FUZZ_CHECK(conf->kind <= PDP_VIF_IP && conf->carrier <= PDP_CARRIER_VXLAN);
	FUZZ_CHECK(conf->mtu >= 68 && conf->mtu <= config->ports[conf->port].mtu);
	FUZZ_CHECK((conf->carrier == PDP_CARRIER_VLAN) == (conf->vlan > 0 && conf->vlan < 4095));
	FUZZ_CHECK(tunnel == (conf->udp_port != 0 && conf->remote_udp_port != 0 && conf->ttl != 0));
	FUZZ_CHECK(tunnel == (conf->local.family != 0));
	FUZZ_CHECK(conf->local.family == conf->remote.family && conf->vni < 1u << 24);
	FUZZ_CHECK((vif->n_prefixes > 0) == (vif->prefixes != NULL));
	for (unsigned int i = 0; i < vif->n_prefixes; i++)
		FUZZ_CHECK(vif->prefixes[i].len <= (vif->prefixes[i].addr.family == 4 ? 32 : 128));
}

static void check_config(const struct pdp_config *config)
{
	FUZZ_CHECK(config->n_ports <= PDP_PORTS_MAX && config->n_vrs <= PDP_VRS_MAX);
	for (unsigned int i = 0; i < config->engine_cpus.n; i++)
		FUZZ_CHECK(config->engine_cpus.cpus[i] < 4);
	for (unsigned int i = 0; i < config->n_vrs; i++) {
		const struct pdp_vr_config *vr = &config->vrs[i];

		FUZZ_CHECK(vr->line > 0 && vr->n_vifs >= 1 && vr->n_vifs <= PDP_VIF_MAX);
		FUZZ_CHECK(vr->engines <= 64 && vr->slots >= 2 && vr->slots <= 32768);
		FUZZ_CHECK(vr->weights == NULL || vr->n_weights == vr->engines);
		FUZZ_CHECK(vr->args[0] == '{');
		for (unsigned int j = 0; j < vr->n_vifs; j++)
			check_vif(config, &vr->vifs[j]);
	}
}

/* "fuzz.json:LINE: ...", in one line without control characters. */
static void check_error(const char *text, const uint8_t *data, size_t size)
{
	unsigned long line = strtoul(text + 10, NULL, 10), lines = 1;

	FUZZ_CHECK(strncmp(text, "fuzz.json:", 10) == 0);
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	FUZZ_CHECK(line >= 1 && line <= lines);
	for (; *text != '\0'; text++)
		FUZZ_CHECK(isprint((unsigned char)*text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t md_cpus[] = {0};
	const struct pdp_config_env env = {
		.balancer_known = balancer_known,
		.balancers = "weighted, flow",
		.md_cpus = md_cpus,
		.n_md_cpus = 1,
		.n_cpus = 4,
	};
	struct pdp_config_error err;
	struct pdp_config *config = pdp_config_parse((const char *)data, size, "fuzz.json", &env,
						     &err);

	if (config != NULL)
		check_config(config);
	else
		check_error(err.text, data, size);
	pdp_config_destroy(config);
	return 0;
}
