/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Decoders of lists of single values: CPUs, source prefixes, weights. Each makes a new array, which
 * pdp_config_destroy() frees.
 */
#include "config_priv.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUOTE_SIZE 64

/* Make the array of a list and write its pointer and count; d->config owns it. @return the array,
 * or NULL */
static void *make_array(struct decoder *d, const struct key *key, const struct where *where,
			const json_t *value, void *base, size_t element_size)
{
	const size_t n = json_array_size(value);
	void *array = calloc(n > 0 ? n : 1, element_size);

	if (array == NULL) {
		where_fail(d, where, "out of memory");
		return NULL;
	}
	memcpy((char *)base + key->offset, &array, sizeof(array));
	*(unsigned int *)((char *)base + key->count_offset) = (unsigned int)n;
	return array;
}

static int one_cpu(struct decoder *d, const struct where *where, const json_t *value, uint16_t *cpu)
{
	const unsigned int n_cpus = d->env->n_cpus < PDP_CPU_MAX ? d->env->n_cpus : PDP_CPU_MAX;
	json_int_t n;

	if (!json_is_integer(value))
		return value_fail_type(d, where, value, "the number of a CPU");
	n = json_integer_value(value);
	if (n < 0 || n >= (json_int_t)n_cpus)
		return where_fail(d, where,
				  "there is no CPU %" JSON_INTEGER_FORMAT
				  "; this machine has 0..%u",
				  n, n_cpus - 1);
	*cpu = (uint16_t)n;
	return 0;
}

int value_cpus(struct decoder *d, const struct key *key, const struct where *where, json_t *value,
	       void *base)
{
	uint16_t *cpus;
	json_t *element;
	size_t i;

	if (!json_is_array(value))
		return value_fail_type(d, where, value, "a list of CPUs, [1, 2]");
	cpus = make_array(d, key, where, value, base, sizeof(*cpus));
	if (cpus == NULL)
		return -1;
	json_array_foreach (value, i, element) {
		const struct where here = {.up = where, .index = i};

		if (one_cpu(d, &here, element, &cpus[i]) != 0)
			return -1;
		for (size_t j = 0; j < i; j++) {
			if (cpus[j] == cpus[i])
				return where_fail(
					d, &here,
					"CPU %u stands in this list twice; keep one of them",
					cpus[i]);
		}
	}
	return 0;
}

/* Clear the host bits. @return whether there were any */
static bool clear_host_bits(struct pdp_prefix *prefix)
{
	const unsigned int n = prefix->addr.family == 4 ? 4 : 16;
	bool any = false;

	for (unsigned int i = 0; i < n; i++) {
		const unsigned int bits = prefix->len > 8 * i ? prefix->len - 8 * i : 0;
		const uint8_t mask = bits >= 8 ? 0xff : (uint8_t)(0xff << (8 - bits));

		any = any || (prefix->addr.bytes[i] & ~mask) != 0;
		prefix->addr.bytes[i] &= mask;
	}
	return any;
}

static bool parse_prefix(const char *text, struct pdp_prefix *prefix)
{
	const char *slash = strchr(text, '/');
	char addr[INET6_ADDRSTRLEN];
	const size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);
	unsigned int len = 0, max;

	if (n >= sizeof(addr))
		return false;
	memcpy(addr, text, n);
	addr[n] = '\0';
	if (inet_pton(AF_INET, addr, prefix->addr.bytes) == 1)
		prefix->addr.family = 4;
	else if (inet_pton(AF_INET6, addr, prefix->addr.bytes) == 1)
		prefix->addr.family = 6;
	else
		return false;
	max = prefix->addr.family == 4 ? 32 : 128;
	prefix->len = (uint8_t)max;
	if (slash == NULL)
		return true;
	if (strlen(slash + 1) < 1 || strlen(slash + 1) > 3 ||
	    strspn(slash + 1, "0123456789") != strlen(slash + 1))
		return false;
	len = (unsigned int)strtoul(slash + 1, NULL, 10);
	prefix->len = (uint8_t)len;
	return len <= max;
}

static int one_prefix(struct decoder *d, const struct where *where, const json_t *value,
		      struct pdp_prefix *prefix)
{
	char quote[QUOTE_SIZE], addr[INET6_ADDRSTRLEN] = "";

	if (!json_is_string(value))
		return value_fail_type(d, where, value, "a prefix as a string, \"10.1.0.0/16\"");
	if (!parse_prefix(json_string_value(value), prefix))
		return where_fail(d, where,
				  "\"%s\" is no prefix; write \"10.1.0.0/16\" or \"2001:db8::/32\"",
				  where_quote(json_string_value(value), quote, sizeof(quote)));
	if (clear_host_bits(prefix)) {
		inet_ntop(prefix->addr.family == 4 ? AF_INET : AF_INET6, prefix->addr.bytes, addr,
			  sizeof(addr));
		return where_fail(d, where, "\"%s\" has bits beyond its length; use \"%s/%u\"",
				  json_string_value(value), addr, prefix->len);
	}
	return 0;
}

struct sorted_prefix {
	const struct pdp_prefix *prefix;
	size_t index;
};

static int compare_prefixes(const void *a, const void *b)
{
	const struct sorted_prefix *x = a, *y = b;
	int diff = memcmp(&x->prefix->addr, &y->prefix->addr, sizeof(x->prefix->addr));

	if (diff == 0)
		diff = (int)x->prefix->len - (int)y->prefix->len;
	return diff != 0 ? diff : x->index < y->index ? -1 : 1;
}

static int refuse_doubles(struct decoder *d, const struct where *where,
			  const struct pdp_prefix *prefixes, size_t n)
{
	struct sorted_prefix *sorted = calloc(n, sizeof(*sorted));
	int rc = 0;

	if (sorted == NULL)
		return where_fail(d, where, "out of memory");
	for (size_t i = 0; i < n; i++)
		sorted[i] = (struct sorted_prefix){&prefixes[i], i};
	qsort(sorted, n, sizeof(*sorted), compare_prefixes);
	for (size_t i = 1; i < n && rc == 0; i++) {
		const struct where here = {.up = where, .index = sorted[i].index};

		if (memcmp(sorted[i - 1].prefix, sorted[i].prefix, sizeof(*prefixes)) == 0)
			rc = where_fail(d, &here,
					"the same prefix stands at [%zu]; keep one of them",
					sorted[i - 1].index);
	}
	free(sorted);
	return rc;
}

int value_prefixes(struct decoder *d, const struct key *key, const struct where *where,
		   json_t *value, void *base)
{
	struct pdp_prefix *prefixes;
	json_t *element;
	size_t i;

	if (!json_is_array(value))
		return value_fail_type(d, where, value, "a list of prefixes, [\"10.1.0.0/16\"]");
	if (json_array_size(value) == 0)
		return where_fail(d, where, "an empty list matches nothing; leave it out");
	if (json_array_size(value) > key->max)
		return where_fail(d, where, "%zu elements; at most %" PRIu32 " are possible",
				  json_array_size(value), key->max);
	prefixes = make_array(d, key, where, value, base, sizeof(*prefixes));
	if (prefixes == NULL)
		return -1;
	json_array_foreach (value, i, element) {
		const struct where here = {.up = where, .index = i};

		if (one_prefix(d, &here, element, &prefixes[i]) != 0)
			return -1;
	}
	return refuse_doubles(d, where, prefixes, json_array_size(value));
}

int value_weights(struct decoder *d, const struct key *key, const struct where *where,
		  json_t *value, void *base)
{
	uint32_t *weights;
	json_t *element;
	size_t i;

	if (!json_is_array(value))
		return value_fail_type(d, where, value, "a list of weights, [1, 2]");
	weights = make_array(d, key, where, value, base, sizeof(*weights));
	if (weights == NULL)
		return -1;
	json_array_foreach (value, i, element) {
		const struct where here = {.up = where, .index = i};
		const json_int_t n = json_integer_value(element);

		if (!json_is_integer(element))
			return value_fail_type(d, &here, element, key->noun);
		if (n < (json_int_t)key->min || n > (json_int_t)key->max)
			return where_fail(d, &here,
					  "%" JSON_INTEGER_FORMAT " cannot be %s; use %" PRIu32
					  "..%" PRIu32,
					  n, key->noun, key->min, key->max);
		weights[i] = (uint32_t)n;
	}
	return 0;
}
