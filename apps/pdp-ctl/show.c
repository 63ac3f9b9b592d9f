/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Results for people: objects as indented "key: value" lines, tables as tables.
 */
#include "ctl.h"

#include <stdlib.h>
#include <string.h>

#define STEP	   2  /* columns that what is within is moved to the right */
#define INDENT_MAX 40 /* deeper than any result should be */

static void show_object(FILE *out, const json_t *object, int indent);

static bool has_inside(const json_t *value)
{
	return json_object_size(value) > 0 ||
	       (json_is_array(value) && json_is_object(json_array_get(value, 0)));
}

/* Lists of objects, one after the other; all else in one line. */
static void show_inside(FILE *out, const json_t *value, int indent)
{
	const json_t *element;
	size_t i;

	if (indent > INDENT_MAX) {
		fprintf(out, "%*s...\n", indent, "");
	} else if (ctl_is_table(value)) {
		ctl_show_table(out, value, indent);
	} else if (json_is_object(value)) {
		show_object(out, value, indent);
	} else {
		json_array_foreach (value, i, element) {
			char *text = has_inside(element) ? NULL : ctl_text(element);

			fprintf(out, "%*s[%zu]%s%s\n", indent, "", i, text != NULL ? " " : "",
				text != NULL ? text : "");
			free(text);
			if (has_inside(element))
				show_inside(out, element, indent + STEP);
		}
	}
}

static size_t widest_key(const json_t *object)
{
	size_t widest = 0;
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)object, key, value) {
		if (!has_inside(value) && ctl_width(key) > widest)
			widest = ctl_width(key);
	}
	return widest;
}

static void show_object(FILE *out, const json_t *object, int indent)
{
	const size_t widest = widest_key(object);
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)object, key, value) {
		json_t *name = json_string(key);
		char *shown = ctl_text(name), *text;

		json_decref(name);
		if (has_inside(value)) {
			fprintf(out, "%*s%s:\n", indent, "", shown != NULL ? shown : "");
			show_inside(out, value, indent + STEP);
		} else {
			text = ctl_text(value);
			fprintf(out, "%*s%s:%*s %s\n", indent, "", shown != NULL ? shown : "",
				(int)(widest - ctl_width(key)), "", text != NULL ? text : "");
			free(text);
		}
		free(shown);
	}
}

void ctl_show(FILE *out, const json_t *result)
{
	if (has_inside(result)) {
		show_inside(out, result, 0);
	} else if (!json_is_object(result)) { /* an empty object says only that it is done */
		char *text = ctl_text(result);

		fprintf(out, "%s\n", text != NULL ? text : "");
		free(text);
	}
}
