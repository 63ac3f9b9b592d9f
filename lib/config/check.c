/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What hangs on several keys: names used twice, CPUs of engines against those of MD lcores, weights
 * against engines, buffers against MTUs, and vifs that match the same packets.
 */
#include "config_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of layer 2 that a buffer holds besides the MTU: Ethernet header and two VLAN tags. */
#define L2_MAX (14 + 2 * 4)

#define WHERE(name, parent, member) const struct where name = {.up = (parent), .key = (member)}

int check_port(struct decoder *d, const struct where *where, json_t *obj, void *base)
{
	const struct pdp_port_config *port = base;
	WHERE(name, where, "name");
	const int first = pdp_config_port(d->config, port->name);

	if (&d->config->ports[first] != port)
		return where_fail(d, &name, "ports[%d] is called \"%s\" too; list a port once",
				  first, port->name);
	return 0;
}

/* All ports and vifs are decoded: is the name of this vif new in its VR? */
static int check_vif_names(struct decoder *d, const struct where *where,
			   const struct pdp_vr_config *vr)
{
	WHERE(vifs, where, "vifs");

	for (unsigned int i = 1; i < vr->n_vifs; i++) {
		const struct where vif = {.up = &vifs, .index = i};
		WHERE(name, &vif, "name");

		for (unsigned int j = 0; j < i; j++) {
			if (strcmp(vr->vifs[i].conf.name, vr->vifs[j].conf.name) == 0)
				return where_fail(d, &name,
						  "vifs[%u] of this VR is called \"%s\" too; give "
						  "each a name of its own",
						  j, vr->vifs[j].conf.name);
		}
	}
	return 0;
}

static int check_weights(struct decoder *d, const struct where *where,
			 const struct pdp_vr_config *vr)
{
	WHERE(weights, where, "weights");

	if (vr->weights == NULL)
		return 0;
	if (strcmp(vr->balance, "weighted") != 0)
		return where_fail(d, &weights,
				  "balance \"%s\" has no weights; take them out, or use balance "
				  "\"weighted\"",
				  vr->balance);
	if (vr->n_weights != vr->engines)
		return where_fail(d, &weights,
				  "%" PRIu32 " weights for %u engines; give one for each engine",
				  vr->n_weights, vr->engines);
	return 0;
}

static int check_order(struct decoder *d, const struct where *where, const struct pdp_vr_config *vr)
{
	WHERE(order, where, "order");

	if (vr->order == PDP_ORDER_NONE || d->env->balancer_keeps_flows == NULL ||
	    !d->env->balancer_keeps_flows(vr->balance))
		return 0;
	return where_fail(d, &order,
			  "balance \"%s\" keeps the order of each flow already; take order out, or "
			  "use a balancer that goes by packets (rr, random, weighted, jsq)",
			  vr->balance);
}

/* What the policy is where none is given, and whether it goes with the engines. */
static int check_policy(struct decoder *d, const struct where *where, bool given,
			struct pdp_vr_config *vr)
{
	const bool range = vr->engines_min != vr->engines;
	WHERE(policy, where, "policy");

	if (!given && !range)
		vr->policy = PDP_POLICY_FIXED;
	if (!given && range && vr->policy == PDP_POLICY_FIXED)
		vr->policy = PDP_POLICY_DYNAMIC;
	if (vr->policy == PDP_POLICY_FIXED && range)
		return where_fail(
			d, &policy,
			"\"fixed\" goes with one number of engines and not with \"%u..%u\"; "
			"use \"threshold\" or \"dynamic\"",
			vr->engines_min, vr->engines);
	if (vr->policy != PDP_POLICY_FIXED && !range)
		return where_fail(d, &policy,
				  "\"%s\" chooses between engines and there are always %u; write a "
				  "range, \"engines\": \"1..4\"",
				  pdp_policy_name(vr->policy), vr->engines);
	return 0;
}

/* Those on standby are of the range; beside one number of engines they are so many more. */
static int check_standby(struct decoder *d, const struct where *where, bool given,
			 struct pdp_vr_config *vr)
{
	const unsigned int most = PDP_MONITOR_ENGINES_MAX - vr->engines_min;
	WHERE(standby, where, "standby");

	if (!given)
		vr->standby = vr->engines_min != vr->engines;
	if (vr->standby > most)
		return where_fail(d, &standby,
				  "%u on standby besides %u engines are more than the %u that a VR "
				  "may have; use at most %u",
				  vr->standby, vr->engines_min, PDP_MONITOR_ENGINES_MAX, most);
	vr->engines_total = (uint16_t)(vr->engines_min + vr->standby);
	if (vr->engines_total < vr->engines)
		vr->engines_total = vr->engines;
	return 0;
}

static int check_power(struct decoder *d, const struct where *where, const struct pdp_vr_config *vr)
{
	WHERE(power, where, "power");

	if (vr->power > 100u * vr->engines)
		return where_fail(
			d, &power,
			"%u engine%s cannot use %" PRIu32 " percent of one CPU; use at most %u",
			vr->engines, vr->engines == 1 ? "" : "s", vr->power, 100u * vr->engines);
	return 0;
}

int check_vr_load(struct decoder *d, const struct where *where, json_t *obj,
		  struct pdp_vr_config *vr)
{
	const bool policy = json_object_get(obj, "policy") != NULL;
	WHERE(engines, where, "engines");
	/* What is changed in a running node says nothing of a standby that it does not touch. */
	const bool standby = json_object_get(obj, "standby") != NULL ||
			     (d->text == NULL && json_object_get(obj, "engines") == NULL);

	if (vr->kernel && vr->engines != 0)
		return where_fail(d, &engines,
				  "plugin \"kernel\" has no engines, its namespace's kernel is the "
				  "router; take it out");
	if (check_policy(d, where, policy, vr) != 0 || check_standby(d, where, standby, vr) != 0 ||
	    check_power(d, where, vr) != 0 || check_order(d, where, vr) != 0)
		return -1;
	return check_weights(d, where, vr);
}

int check_vr(struct decoder *d, const struct where *where, json_t *obj, void *base)
{
	struct pdp_vr_config *vr = base;
	WHERE(name, where, "name");
	WHERE(window, where, "window");

	where_format(where, vr->path, sizeof(vr->path));
	for (const struct pdp_vr_config *other = d->config->vrs; other != vr; other++) {
		if (strcmp(other->name, vr->name) == 0)
			return where_fail(d, &name,
					  "vrs[%zu] is called \"%s\" too; give each VR a name of "
					  "its own",
					  (size_t)(other - d->config->vrs), vr->name);
	}
	if (vr->isolation != PDP_ISOLATION_SEALED && json_object_get(obj, "window") != NULL)
		return where_fail(
			d, &window,
			"only sealed engines see packets through a window; take it out, or "
			"set isolation to \"sealed\"");
	vr->kernel = strcmp(vr->plugin, PDP_PLUGIN_KERNEL) == 0;
	if (vr->kernel && json_object_get(obj, "engines") == NULL)
		vr->engines = vr->engines_min = 0;
	if (check_vr_load(d, where, obj, vr) != 0)
		return -1;
	if (check_vif_names(d, where, vr) != 0)
		return -1;
	return check_vr_netns(d, where, vr);
}

static bool is_md_cpu(const struct pdp_config_env *env, uint16_t cpu)
{
	for (unsigned int i = 0; i < env->n_md_cpus; i++) {
		if (env->md_cpus[i] == cpu)
			return true;
	}
	return false;
}

/* The CPUs of engines where the configuration names none. */
static int default_engine_cpus(struct decoder *d)
{
	const struct pdp_config_env *env = d->env;
	const unsigned int n = env->process_cpus != NULL ? env->n_process_cpus : env->n_cpus;
	struct pdp_cpu_list *list = &d->config->engine_cpus;

	list->cpus = calloc(n > 0 ? n : 1, sizeof(*list->cpus));
	if (list->cpus == NULL)
		return -1;
	for (unsigned int i = 0; i < n; i++) {
		const uint16_t cpu = env->process_cpus != NULL ? env->process_cpus[i] : (uint16_t)i;

		if (d->config->share_md || !is_md_cpu(env, cpu))
			list->cpus[list->n++] = cpu;
	}
	return 0;
}

static int check_cpus(struct decoder *d, const struct where *where)
{
	const struct pdp_config *config = d->config;
	unsigned int n_engines = 0;
	WHERE(cpus, where, "cpus");
	WHERE(engines, &cpus, "engines");

	if (config->engine_cpus.cpus == NULL && default_engine_cpus(d) != 0)
		return where_fail(d, &engines, "out of memory");
	for (unsigned int i = 0; i < config->engine_cpus.n; i++) {
		const struct where here = {.up = &engines, .index = i};

		if (!config->share_md && is_md_cpu(d->env, config->engine_cpus.cpus[i]))
			return where_fail(d, &here,
					  "CPU %u runs an MD lcore; use another, or set "
					  "cpus.share_md to true",
					  config->engine_cpus.cpus[i]);
	}
	for (unsigned int i = 0; i < config->n_vrs; i++)
		n_engines += config->vrs[i].engines;
	if (config->engine_cpus.n == 0 && n_engines > 0)
		return where_fail(d, &engines,
				  "no CPU is left for %u engines; list CPUs here, start the MD on "
				  "fewer, or set cpus.share_md to true",
				  n_engines);
	return 0;
}

static bool is_engine_cpu(const struct pdp_config *config, uint16_t cpu)
{
	for (unsigned int i = 0; i < config->engine_cpus.n; i++) {
		if (config->engine_cpus.cpus[i] == cpu)
			return true;
	}
	return false;
}

int check_vr_cpus(struct decoder *d, const struct where *where, const struct pdp_vr_config *vr)
{
	WHERE(cpus, where, "cpus");

	for (unsigned int i = 0; i < vr->cpus.n; i++) {
		const struct where here = {.up = &cpus, .index = i};

		if (!is_engine_cpu(d->config, vr->cpus.cpus[i]))
			return where_fail(d, &here,
					  "CPU %u is not among cpus.engines; take one of those, or "
					  "add it there",
					  vr->cpus.cpus[i]);
	}
	return 0;
}

static int check_all_vr_cpus(struct decoder *d, const struct where *where)
{
	WHERE(vrs, where, "vrs");

	for (unsigned int v = 0; v < d->config->n_vrs; v++) {
		const struct where vr = {.up = &vrs, .index = v};

		if (check_vr_cpus(d, &vr, &d->config->vrs[v]) != 0)
			return -1;
	}
	return 0;
}

static int check_pool(struct decoder *d, const struct where *where)
{
	const struct pdp_config *config = d->config;
	WHERE(pool, where, "pool");
	WHERE(packet_size, &pool, "packet_size");

	for (unsigned int i = 0; i < config->n_ports; i++) {
		const uint32_t needed = config->ports[i].mtu + (uint32_t)L2_MAX;

		if (config->pool_packet_size != 0 && config->pool_packet_size < needed)
			return where_fail(d, &packet_size,
					  "%" PRIu32 " bytes do not hold a packet of ports[%u] "
					  "(MTU %u); use %" PRIu32 " or more, or 0",
					  config->pool_packet_size, i, config->ports[i].mtu,
					  needed);
	}
	return 0;
}

int check_top(struct decoder *d, const struct where *where, json_t *obj, void *base)
{
	if (check_cpus(d, where) != 0 || check_all_vr_cpus(d, where) != 0 ||
	    check_pool(d, where) != 0 || check_neighbours(d) != 0)
		return -1;
	where_fill_lines(d);
	return check_overlap(d);
}
