/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Walk an object by its section of the key table: refuse unknown keys, decode each key that is
 * there, take the default of each that is not, then run the section's own check.
 */
#include "config_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 24 /* longer names are nobody's typing error */

/* Levenshtein distance of two short words. */
static unsigned int distance(const char *a, const char *b)
{
	const size_t n = strlen(a), m = strlen(b);
	unsigned int row[WORD_MAX + 1];

	if (n > WORD_MAX || m > WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= m; j++)
		row[j] = (unsigned int)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned int diagonal = row[0];

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= m; j++) {
			const unsigned int swap = diagonal + (a[i - 1] != b[j - 1]);
			unsigned int least = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;

			diagonal = row[j];
			row[j] = swap < least ? swap : least;
		}
	}
	return row[m];
}

static int fail_unknown(const struct decoder *d, const struct section *section,
			const struct where *where)
{
	unsigned int best = 3; /* more than two letters off is another word */
	const char *meant = NULL;
	char names[320];
	size_t n = 0;

	for (unsigned int i = 0; i < section->n_keys; i++) {
		const char *name = section->keys[i].name;
		const unsigned int off = distance(where->key, name);

		if (off < best && off < strlen(name)) {
			best = off;
			meant = name;
		}
		if (n < sizeof(names))
			n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s",
					      i > 0 ? ", " : "", name);
	}
	if (meant != NULL)
		return where_fail(d, where, "unknown key; did you mean \"%s\"?", meant);
	return where_fail(d, where, "unknown key; known here: %s", names);
}

static int take_default(struct decoder *d, const struct key *key, const struct where *where,
			void *base)
{
	json_t *value;
	int rc;

	if (key->def == NULL)
		return 0;
	value = json_loads(key->def, JSON_DECODE_ANY, NULL);
	if (value == NULL)
		return where_fail(d, where, "out of memory");
	rc = config_value_fns[key->type](d, key, where, value, base);
	json_decref(value);
	return rc;
}

static int decode_key(struct decoder *d, const struct key *key, const struct where *where,
		      json_t *obj, void *base)
{
	const struct where here = {.up = where, .key = key->name};
	json_t *value = json_object_get(obj, key->name);

	if (value != NULL)
		return config_value_fns[key->type](d, key, &here, value, base);
	if (key->required && key->carriers == 0)
		return where_fail(d, &here, "it is missing; add \"%s\": ...", key->name);
	return take_default(d, key, &here, base);
}

int config_decode_section(struct decoder *d, const struct section *section,
			  const struct where *where, json_t *obj, void *base)
{
	const char *name;
	json_t *value;

	json_object_foreach (obj, name, value) {
		const struct where here = {.up = where, .key = name};

		if (config_key_find(section, name) == NULL)
			return fail_unknown(d, section, &here);
	}
	for (unsigned int i = 0; i < section->n_keys; i++) {
		if (decode_key(d, &section->keys[i], where, obj, base) != 0)
			return -1;
	}
	return section->check != NULL ? section->check(d, where, obj, base) : 0;
}

int value_section(struct decoder *d, const struct key *key, const struct where *where,
		  json_t *value, void *base)
{
	if (!json_is_object(value))
		return value_fail_type(d, where, value, "an object, {...}");
	return config_decode_section(d, key->section, where, value, base);
}

int value_list(struct decoder *d, const struct key *key, const struct where *where, json_t *value,
	       void *base)
{
	const size_t n = json_array_size(value);
	json_t *element;
	char *array;
	size_t i;

	if (!json_is_array(value))
		return value_fail_type(d, where, value, "a list of objects, [{...}]");
	if (n < key->min)
		return where_fail(d, where, "an empty list; give at least %" PRIu32 " element",
				  key->min);
	if (n > key->max)
		return where_fail(d, where, "%zu elements; at most %" PRIu32 " are possible", n,
				  key->max);
	array = calloc(n > 0 ? n : 1, key->section->size);
	if (array == NULL)
		return where_fail(d, where, "out of memory");
	memcpy((char *)base + key->offset, &array, sizeof(array));
	*(unsigned int *)((char *)base + key->count_offset) = (unsigned int)n;
	json_array_foreach (value, i, element) {
		const struct where here = {.up = where, .index = i};

		if (!json_is_object(element))
			return value_fail_type(d, &here, element, "an object, {...}");
		if (config_decode_section(d, key->section, &here, element,
					  array + i * key->section->size) != 0)
			return -1;
	}
	return 0;
}
