/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A VR's control plane: how its namespace may be named, that it is one VR's, and that its vifs can
 * be interfaces there.
 */
#include "config_priv.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#define PID "pid:"

#define WHERE(name, parent, member) const struct where name = {.up = (parent), .key = (member)}

static bool is_pid(const char *text)
{
	return strcmp(text, "self") == 0 || (strspn(text, "0123456789") == strlen(text) &&
					     strlen(text) <= 9 && strtoul(text, NULL, 10) > 0);
}

static bool is_netns_name(const char *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		if (!isalnum((unsigned char)*c) && strchr("_-.", *c) == NULL)
			return false;
	}
	return text[0] != '.';
}

int value_netns(struct decoder *d, const struct key *key, const struct where *where, json_t *value,
		void *base)
{
	char quote[48];
	const char *text;

	if (!json_is_string(value))
		return value_fail_type(d, where, value,
				       "a string: a namespace's name, path, or \"pid:N\"");
	text = json_string_value(value);
	if (text[0] == '\0' || strlen(text) >= key->size)
		return where_fail(d, where, "%zu characters; use 1 to %u", strlen(text),
				  key->size - 1u);
	where_quote(text, quote, sizeof(quote));
	if (strncmp(text, PID, strlen(PID)) == 0) {
		if (!is_pid(text + strlen(PID)))
			return where_fail(d, where, "\"%s\" names no process; write \"pid:1234\"",
					  quote);
	} else if (text[0] != '/' && !is_netns_name(text)) {
		return where_fail(d, where,
				  "\"%s\" is no namespace; use a name as of ip netns (letters, "
				  "digits, _ - .), a path from / on, or \"pid:1234\"",
				  quote);
	}
	strlcpy((char *)base + key->offset, text, key->size);
	return 0;
}

int check_vr_netns(struct decoder *d, const struct where *where, const struct pdp_vr_config *vr)
{
	WHERE(netns, where, "netns");
	WHERE(vifs, where, "vifs");

	if (vr->netns[0] == '\0' && !vr->kernel)
		return 0;
	if (vr->netns[0] == '\0')
		return where_fail(
			d, &netns,
			"plugin \"kernel\" needs the namespace whose kernel is the router; "
			"add \"netns\": \"NAME\", or \"pid:self\" for the node's own");
	for (const struct pdp_vr_config *other = d->config->vrs; other != vr; other++) {
		if (strcmp(other->netns, vr->netns) == 0)
			return where_fail(
				d, &netns,
				"vrs[%zu] (%s) has namespace \"%s\" too; give each VR one "
				"of its own",
				(size_t)(other - d->config->vrs), other->name, vr->netns);
	}
	for (unsigned int i = 0; i < vr->n_vifs; i++) {
		const struct where vif = {.up = &vifs, .index = i};
		WHERE(name, &vif, "name");

		if (strcmp(vr->vifs[i].conf.name, "lo") == 0)
			return where_fail(d, &name,
					  "every namespace has an interface \"lo\" already; give "
					  "the vif another name");
	}
	return 0;
}

/* Whether a kernel gets what belongs to no VR on a port: its ARP, and so its neighbours. */
static bool has_substrate(const struct pdp_config *config, uint16_t port)
{
	for (unsigned int v = 0; v < config->n_vrs; v++) {
		const struct pdp_vr_config *vr = &config->vrs[v];

		for (unsigned int i = 0; vr->kernel && i < vr->n_vifs; i++) {
			const struct pdp_vif_conf *conf = &vr->vifs[i].conf;

			if (conf->port == port && conf->carrier == PDP_CARRIER_RAW &&
			    conf->kind == PDP_VIF_ETHERNET)
				return true;
		}
	}
	return false;
}

static int check_neighbour(struct decoder *d, const struct where *where,
			   const struct pdp_vif_conf *conf)
{
	char carrier[CARRIER_NAMES_SIZE];
	WHERE(remote_mac, where, "remote_mac");

	if (!(conf->flags & PDP_VIF_NEIGHBOUR) || has_substrate(d->config, conf->port))
		return 0;
	return where_fail(d, &remote_mac,
			  "carrier %s needs it, as no kernel finds it on port %s; add "
			  "\"remote_mac\": ..., or a VR of plugin \"kernel\" with a raw vif on the "
			  "port",
			  config_carrier_names(ON(conf->carrier), "", carrier),
			  d->config->ports[conf->port].name);
}

int check_neighbours(struct decoder *d)
{
	const struct where vrs = {.key = "vrs"};

	for (unsigned int v = 0; v < d->config->n_vrs; v++) {
		const struct where vr = {.up = &vrs, .index = v};
		WHERE(vifs, &vr, "vifs");

		for (unsigned int i = 0; i < d->config->vrs[v].n_vifs; i++) {
			const struct where vif = {.up = &vifs, .index = i};

			if (check_neighbour(d, &vif, &d->config->vrs[v].vifs[i].conf) != 0)
				return -1;
		}
	}
	return 0;
}
