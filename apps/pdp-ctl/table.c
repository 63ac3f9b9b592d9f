/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tables: columns as wide as their longest cell, numbers to the right.
 */
#include "ctl.h"

#include <stdlib.h>
#include <string.h>

#define GAP 2 /* spaces between columns */

bool ctl_is_table(const json_t *value)
{
	return json_is_array(json_object_get(value, "columns")) &&
	       json_is_array(json_object_get(value, "rows"));
}

size_t ctl_width(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80; /* not the rest of a UTF-8 character */
	return n;
}

/* What a node or a plugin says goes to a terminal: nothing in it may command the terminal. */
static void harmless(char *text)
{
	unsigned char *c = (unsigned char *)text;

	for (; *c != '\0'; c++) {
		const bool c1 = c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0;

		if (*c < 0x20 || *c == 0x7f || c1)
			*c = '?';
		if (c1)
			*++c = '?';
	}
}

static void write_value(FILE *out, const json_t *value);

/* Several values in one line; of an object with their names. */
static void write_values(FILE *out, const json_t *value)
{
	const char *key, *between = "";
	json_t *inner;
	size_t i;

	json_array_foreach (value, i, inner) {
		fputs(between, out);
		write_value(out, inner);
		between = ", ";
	}
	json_object_foreach ((json_t *)value, key, inner) {
		fprintf(out, "%s%s=", between, key);
		write_value(out, inner);
		between = ", ";
	}
	if (between[0] == '\0')
		fputc('-', out);
}

static void write_value(FILE *out, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_NULL:
		fputc('-', out);
		break;
	case JSON_TRUE:
		fputs("yes", out);
		break;
	case JSON_FALSE:
		fputs("no", out);
		break;
	case JSON_STRING:
		fputs(json_string_value(value), out);
		break;
	case JSON_INTEGER:
		fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_REAL:
		fprintf(out, "%.2f", json_real_value(value));
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		write_values(out, value);
		break;
	}
}

char *ctl_text(const json_t *value)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return NULL;
	if (value != NULL)
		write_value(out, value);
	if (fclose(out) != 0)
		return NULL;
	harmless(text);
	return text;
}

static bool is_number(const json_t *value)
{
	return json_is_number(value) || json_is_null(value) || value == NULL;
}

/* Whether there is a number in a column, and nothing but numbers and nulls. */
static bool is_right(const json_t *rows, size_t column)
{
	const json_t *row;
	bool any = false;
	size_t i;

	json_array_foreach (rows, i, row) {
		const json_t *cell = json_array_get(row, column);

		if (!is_number(cell))
			return false;
		any = any || json_is_number(cell);
	}
	return any;
}

static size_t width_of(const json_t *value)
{
	char *text = ctl_text(value);
	const size_t width = text != NULL ? ctl_width(text) : 0;

	free(text);
	return width;
}

static size_t column_width(const json_t *table, size_t column)
{
	const json_t *rows = json_object_get(table, "rows"), *row;
	size_t widest = width_of(json_array_get(json_object_get(table, "columns"), column)), i;

	json_array_foreach (rows, i, row) {
		const size_t width = width_of(json_array_get(row, column));

		widest = width > widest ? width : widest;
	}
	return widest;
}

struct column {
	size_t width;
	bool right;
};

static void show_row(FILE *out, const json_t *row, const struct column *columns, size_t n,
		     int indent)
{
	int spaces = indent;

	for (size_t i = 0; i < n; i++) {
		char *text = ctl_text(json_array_get(row, i));
		const int rest = (int)(columns[i].width - (text != NULL ? ctl_width(text) : 0));

		spaces += columns[i].right ? rest : 0;
		/* Spaces are written before the next text, so that no line ends with some. */
		if (text != NULL && text[0] != '\0') {
			fprintf(out, "%*s%s", spaces, "", text);
			spaces = 0;
		}
		spaces += GAP + (columns[i].right ? 0 : rest);
		free(text);
	}
	fputc('\n', out);
}

void ctl_show_table(FILE *out, const json_t *table, int indent)
{
	const json_t *names = json_object_get(table, "columns");
	const json_t *rows = json_object_get(table, "rows"), *row;
	const json_t *note = json_object_get(table, "note");
	const size_t n = json_array_size(names);
	struct column *columns = calloc(n + 1, sizeof(*columns));
	size_t i;
	char *text;

	if (columns == NULL)
		return;
	for (i = 0; i < n; i++)
		columns[i] = (struct column){column_width(table, i), is_right(rows, i)};
	show_row(out, names, columns, n, indent);
	json_array_foreach (rows, i, row)
		show_row(out, row, columns, n, indent);
	free(columns);
	if (note == NULL)
		return;
	text = ctl_text(note);
	fprintf(out, "%*s%s\n", indent, "", text != NULL ? text : "");
	free(text);
}
