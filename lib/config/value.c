/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Decoders of single values, one a type of key. Each checks the type and the range and writes the
 * value into the section's structure; what hangs on other keys is for check.c.
 */
#include "config_priv.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bsd/string.h>

#define QUOTE_SIZE 48

static void *field(const struct key *key, void *base)
{
	return (char *)base + key->offset;
}

static const char *const json_names[] = {
	[JSON_OBJECT] = "an object",
	[JSON_ARRAY] = "a list",
	[JSON_STRING] = "a string",
	[JSON_INTEGER] = "a number",
	[JSON_REAL] = "a number with a fraction",
	[JSON_TRUE] = "true",
	[JSON_FALSE] = "false",
	[JSON_NULL] = "null",
};

int value_fail_type(const struct decoder *d, const struct where *where, const json_t *value,
		    const char *wanted)
{
	return where_fail(d, where, "%s stands here; it must be %s", json_names[json_typeof(value)],
			  wanted);
}

static void store_uint(void *to, uint16_t size, uint32_t value)
{
	if (size == 1)
		*(uint8_t *)to = (uint8_t)value;
	else if (size == 2)
		*(uint16_t *)to = (uint16_t)value;
	else
		memcpy(to, &value, sizeof(value));
}

static int value_uint(struct decoder *d, const struct key *key, const struct where *where,
		      json_t *value, void *base)
{
	char wanted[64];
	json_int_t n;

	if (!json_is_integer(value)) {
		snprintf(wanted, sizeof(wanted), "%s, %" PRIu32 "..%" PRIu32, key->noun, key->min,
			 key->max);
		return value_fail_type(d, where, value, wanted);
	}
	n = json_integer_value(value);
	if (n < (json_int_t)key->min || n > (json_int_t)key->max)
		return where_fail(d, where,
				  "%" JSON_INTEGER_FORMAT " cannot be %s; use %" PRIu32
				  "..%" PRIu32,
				  n, key->noun, key->min, key->max);
	store_uint(field(key, base), key->size, (uint32_t)n);
	return 0;
}

/* "1..4". @return whether it is one */
static bool parse_range(const char *text, unsigned int *min, unsigned int *max)
{
	char rest;

	return strspn(text, "0123456789.") == strlen(text) && strlen(text) < 12 &&
	       sscanf(text, "%u..%u%c", min, max, &rest) == 2;
}

static int value_engines(struct decoder *d, const struct key *key, const struct where *where,
			 json_t *value, void *base)
{
	uint16_t *least = (uint16_t *)((char *)base + key->count_offset);
	char quote[QUOTE_SIZE];
	unsigned int min, max;

	if (!json_is_string(value)) {
		if (!json_is_integer(value))
			return value_fail_type(d, where, value,
					       "a number of engines, or a range, \"1..4\"");
		if (value_uint(d, key, where, value, base) != 0)
			return -1;
		*least = *(uint16_t *)field(key, base);
		return 0;
	}
	if (!parse_range(json_string_value(value), &min, &max))
		return where_fail(d, where, "\"%s\" is no range of engines; write \"1..4\"",
				  where_quote(json_string_value(value), quote, sizeof(quote)));
	if (max > key->max)
		return where_fail(d, where, "%u cannot be %s; use %" PRIu32 "..%" PRIu32, max,
				  key->noun, key->min, key->max);
	if (min > max)
		return where_fail(d, where,
				  "at least %u and at most %u cannot be; write \"%u..%u\"", min,
				  max, max, min);
	*least = (uint16_t)min;
	*(uint16_t *)field(key, base) = (uint16_t)max;
	return 0;
}

static int value_window(struct decoder *d, const struct key *key, const struct where *where,
			json_t *value, void *base)
{
	char quote[QUOTE_SIZE];

	if (!json_is_string(value))
		return value_uint(d, key, where, value, base);
	if (strcmp(json_string_value(value), "full") != 0)
		return where_fail(d, where,
				  "\"%s\" is no window; use %" PRIu32 "..%" PRIu32 " bytes or "
				  "\"full\"",
				  where_quote(json_string_value(value), quote, sizeof(quote)),
				  key->min, key->max);
	store_uint(field(key, base), key->size, 0);
	return 0;
}

static int value_bool(struct decoder *d, const struct key *key, const struct where *where,
		      json_t *value, void *base)
{
	if (!json_is_boolean(value))
		return value_fail_type(d, where, value, "true or false");
	*(bool *)field(key, base) = json_is_true(value);
	return 0;
}

static int value_flag(struct decoder *d, const struct key *key, const struct where *where,
		      json_t *value, void *base)
{
	uint8_t *flags = field(key, base);

	if (!json_is_boolean(value))
		return value_fail_type(d, where, value, "true or false");
	*flags = (uint8_t)(json_is_true(value) ? *flags | key->max : *flags & ~key->max);
	return 0;
}

static int value_choice(struct decoder *d, const struct key *key, const struct where *where,
			json_t *value, void *base)
{
	char wanted[96], quote[QUOTE_SIZE];
	size_t n = 0;

	for (unsigned int i = 0; i < key->n_choices; i++) {
		if (key->choices[i] == NULL)
			continue;
		if (json_is_string(value) &&
		    strcmp(json_string_value(value), key->choices[i]) == 0) {
			store_uint(field(key, base), key->size, i);
			return 0;
		}
		n += (size_t)snprintf(wanted + n, sizeof(wanted) - n, "%s\"%s\"", n > 0 ? ", " : "",
				      key->choices[i]);
	}
	if (!json_is_string(value))
		return value_fail_type(d, where, value, wanted);
	return where_fail(d, where, "\"%s\" is not known here; use one of %s",
			  where_quote(json_string_value(value), quote, sizeof(quote)), wanted);
}

/* A string that fits its field, for the text types. @return NULL with d->err filled */
static const char *get_text(struct decoder *d, const struct key *key, const struct where *where,
			    json_t *value)
{
	if (!json_is_string(value)) {
		value_fail_type(d, where, value, "a string");
		return NULL;
	}
	if (json_string_length(value) == 0) {
		where_fail(d, where, "an empty string stands here; give it a value");
		return NULL;
	}
	if (key->size > 0 && json_string_length(value) >= key->size) {
		where_fail(d, where, "%zu characters; at most %u fit", json_string_length(value),
			   key->size - 1u);
		return NULL;
	}
	return json_string_value(value);
}

static int value_text(struct decoder *d, const struct key *key, const struct where *where,
		      json_t *value, void *base)
{
	const char *text = get_text(d, key, where, value);

	if (text == NULL)
		return -1;
	for (const char *c = text; *c != '\0'; c++) {
		if (!isgraph((unsigned char)*c) || *c == '"' || *c == '\\')
			return where_fail(d, where,
					  "it has a character that no such name has; use "
					  "letters, digits and - _ . : /");
	}
	strlcpy(field(key, base), text, key->size);
	return 0;
}

static int value_name(struct decoder *d, const struct key *key, const struct where *where,
		      json_t *value, void *base)
{
	const char *text = get_text(d, key, where, value);
	char quote[QUOTE_SIZE];

	if (text == NULL)
		return -1;
	if (strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(text) ||
	    !isalpha((unsigned char)text[0]))
		return where_fail(d, where,
				  "\"%s\" is no name; use 1 to %u of a-z 0-9 _ -, a letter first",
				  where_quote(text, quote, sizeof(quote)), key->size - 1u);
	strlcpy(field(key, base), text, key->size);
	return 0;
}

static bool parse_mac(const char *text, uint8_t mac[6])
{
	if (strlen(text) != 17)
		return false;
	for (unsigned int i = 0; i < 6; i++, text += 3) {
		const char pair[3] = {text[0], text[1], '\0'};

		if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]) ||
		    text[2] != (i < 5 ? ':' : '\0'))
			return false;
		mac[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return true;
}

static int value_mac(struct decoder *d, const struct key *key, const struct where *where,
		     json_t *value, void *base)
{
	static const uint8_t zero[6];
	uint8_t *mac = field(key, base);
	char quote[QUOTE_SIZE];

	if (!json_is_string(value))
		return value_fail_type(d, where, value, "a MAC address, \"02:00:00:00:00:01\"");
	if (!parse_mac(json_string_value(value), mac))
		return where_fail(d, where,
				  "\"%s\" is no MAC address; write it as \"02:00:00:00:00:01\"",
				  where_quote(json_string_value(value), quote, sizeof(quote)));
	if (mac[0] & 1)
		return where_fail(d, where, "%s is a group address; use the MAC of one interface",
				  json_string_value(value));
	if (memcmp(mac, zero, sizeof(zero)) == 0)
		return where_fail(d, where, "the MAC address is all zero; use one of an interface");
	return 0;
}

/* Why an address cannot be an end of a tunnel, or NULL. */
static const char *ip_fault(const struct pdp_ip *ip)
{
	static const uint8_t zero[16], ones[4] = {255, 255, 255, 255};
	const bool v4 = ip->family == 4;

	if (memcmp(ip->bytes, zero, v4 ? 4 : 16) == 0)
		return "unspecified";
	if (v4 ? (ip->bytes[0] & 0xf0) == 0xe0 : ip->bytes[0] == 0xff)
		return "a multicast address";
	if (v4 && memcmp(ip->bytes, ones, 4) == 0)
		return "the broadcast address";
	return NULL;
}

static int value_ip(struct decoder *d, const struct key *key, const struct where *where,
		    json_t *value, void *base)
{
	struct pdp_ip *ip = field(key, base);
	const char *text, *fault;
	char quote[QUOTE_SIZE];

	if (!json_is_string(value))
		return value_fail_type(d, where, value, "an IPv4 or IPv6 address as a string");
	text = json_string_value(value);
	memset(ip, 0, sizeof(*ip));
	if (inet_pton(AF_INET, text, ip->bytes) == 1)
		ip->family = 4;
	else if (inet_pton(AF_INET6, text, ip->bytes) == 1)
		ip->family = 6;
	else
		return where_fail(d, where,
				  "\"%s\" is no IP address; write \"192.0.2.1\" or \"2001:db8::1\"",
				  where_quote(text, quote, sizeof(quote)));
	fault = ip_fault(ip);
	if (fault != NULL)
		return where_fail(d, where, "%s is %s; use the address of one machine", text,
				  fault);
	return 0;
}

static int value_args(struct decoder *d, const struct key *key, const struct where *where,
		      json_t *value, void *base)
{
	char **args = field(key, base);

	if (!json_is_object(value))
		return value_fail_type(d, where, value, "an object, {...}");
	*args = json_dumps(value, JSON_COMPACT);
	if (*args == NULL)
		return where_fail(d, where, "out of memory");
	if (strlen(*args) > CONFIG_ARGS_MAX)
		return where_fail(d, where,
				  "%zu bytes; at most %u fit: put the rest into a file and name it",
				  strlen(*args), CONFIG_ARGS_MAX);
	return 0;
}

/* The names of all ports, for a message. */
static const char *list_ports(const struct pdp_config *config, char *out, size_t size)
{
	size_t n = 0;

	for (unsigned int i = 0; i < config->n_ports && n < size; i++)
		n += (size_t)snprintf(out + n, size - n, "%s%s", i > 0 ? ", " : "",
				      config->ports[i].name);
	return out;
}

static int value_port(struct decoder *d, const struct key *key, const struct where *where,
		      json_t *value, void *base)
{
	char quote[QUOTE_SIZE], names[160];
	int i;

	if (!json_is_string(value))
		return value_fail_type(d, where, value, "the name of one of \"ports\"");
	i = pdp_config_port(d->config, json_string_value(value));
	if (i >= 0) {
		store_uint(field(key, base), key->size, (uint32_t)i);
		return 0;
	}
	where_quote(json_string_value(value), quote, sizeof(quote));
	if (d->config->n_ports == 0)
		return where_fail(d, where, "no port is called \"%s\"; add it to \"ports\"", quote);
	return where_fail(d, where, "no port is called \"%s\"; use one of \"ports\": %s", quote,
			  list_ports(d->config, names, sizeof(names)));
}

static int value_balance(struct decoder *d, const struct key *key, const struct where *where,
			 json_t *value, void *base)
{
	char quote[QUOTE_SIZE];
	const char *text;

	if (!json_is_string(value))
		return value_fail_type(d, where, value, "the name of a balancer");
	text = json_string_value(value);
	if (strlen(text) >= key->size ||
	    (d->env->balancer_known != NULL && !d->env->balancer_known(text)))
		return where_fail(d, where, "no balancer is called \"%s\"; use one of %s",
				  where_quote(text, quote, sizeof(quote)),
				  d->env->balancers != NULL ? d->env->balancers : "the known ones");
	strlcpy(field(key, base), text, key->size);
	return 0;
}

const value_fn config_value_fns[KEY_N_TYPES] = {
	[KEY_UINT] = value_uint,       [KEY_ENGINES] = value_engines,
	[KEY_WINDOW] = value_window,   [KEY_BOOL] = value_bool,
	[KEY_FLAG] = value_flag,       [KEY_CHOICE] = value_choice,
	[KEY_NAME] = value_name,       [KEY_TEXT] = value_text,
	[KEY_MAC] = value_mac,	       [KEY_IP] = value_ip,
	[KEY_SECTION] = value_section, [KEY_LIST] = value_list,
	[KEY_CPUS] = value_cpus,       [KEY_PREFIXES] = value_prefixes,
	[KEY_WEIGHTS] = value_weights, [KEY_ARGS] = value_args,
	[KEY_PLUGIN] = value_plugin,   [KEY_PORT] = value_port,
	[KEY_BALANCE] = value_balance, [KEY_NETNS] = value_netns,
};
