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
	return strspn(text, "0123456789") == strlen(text) && strlen(text) <= 9 &&
	       strtoul(text, NULL, 10) > 0;
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

	if (vr->netns[0] == '\0')
		return 0;
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
