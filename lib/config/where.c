/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where in the text a value stands: jansson keeps no lines of values, so the text is walked once
 * more when a message or the line of a VR is wanted. The walk also serves text that jansson
 * refused, up to where it did: it trusts nothing.
 *
 * Runs on the thread that decodes; allocates one key name at a time.
 */
#include "config_priv.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 2048 /* as jansson's own */

/** One walk over the text. */
struct walk {
	const char *text;
	size_t size;
	size_t pos;
	int line;
	unsigned int depth;
	/** Called for each member (at its name) and each element; @param where valid during the
	 * call */
	void (*visit)(void *arg, const struct where *where, int line);
	void *arg;
	char *stopped_path; /* out, where the walk failed: the innermost place; NULL: not wanted */
	size_t stopped_size;
	bool stopped;
};

static bool walk_value(struct walk *w, const struct where *where);

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Of a number, true, false or null; jansson has judged it or will. */
static bool is_literal(char c)
{
	return isalnum((unsigned char)c) || c == '+' || c == '-' || c == '.';
}

/* Step over white space. @return the character there, or -1 at the end */
static int peek(struct walk *w)
{
	while (w->pos < w->size && is_space(w->text[w->pos]))
		w->line += w->text[w->pos++] == '\n';
	return w->pos < w->size ? (unsigned char)w->text[w->pos] : -1;
}

static bool stop_at(struct walk *w, const struct where *where)
{
	if (!w->stopped && w->stopped_path != NULL)
		where_format(where, w->stopped_path, w->stopped_size);
	w->stopped = true;
	return false;
}

/* Step over a string. @return its first byte (a quote), or NULL where it does not end */
static const char *walk_string(struct walk *w)
{
	const char *begin = w->text + w->pos;

	for (w->pos++; w->pos < w->size; w->pos++) {
		if (w->text[w->pos] == '\\' && w->pos + 1 < w->size) {
			w->pos++;
		} else if (w->text[w->pos] == '\n') {
			return NULL;
		} else if (w->text[w->pos] == '"') {
			w->pos++;
			return begin;
		}
	}
	return NULL;
}

/* The text of a name, unescaped. Owner: caller. @return NULL where it is none */
static char *decode_name(const char *token, size_t size)
{
	json_t *value;
	char *name = NULL;

	if (memchr(token, '\\', size) == NULL)
		return strndup(token + 1, size - 2);
	value = json_loadb(token, size, JSON_DECODE_ANY, NULL);
	if (json_is_string(value))
		name = strdup(json_string_value(value));
	json_decref(value);
	return name;
}

/* One member of an object, its name first. */
static bool walk_member(struct walk *w, const struct where *up)
{
	struct where here = {.up = up};
	const int line = w->line;
	const char *token;
	char *name;
	bool ok;

	if (w->text[w->pos] != '"' || (token = walk_string(w)) == NULL)
		return stop_at(w, up);
	name = decode_name(token, (size_t)(w->text + w->pos - token));
	if (name == NULL)
		return stop_at(w, up);
	here.key = name;
	if (w->visit != NULL)
		w->visit(w->arg, &here, line);
	ok = peek(w) == ':';
	if (ok) {
		w->pos++;
		ok = walk_value(w, &here);
	} else {
		stop_at(w, &here);
	}
	free(name);
	return ok;
}

static bool walk_element(struct walk *w, const struct where *up, size_t index)
{
	const struct where here = {.up = up, .index = index};

	if (w->visit != NULL)
		w->visit(w->arg, &here, w->line);
	return walk_value(w, &here);
}

/* The inside of an object or a list, its opening character already read. */
static bool walk_inside(struct walk *w, const struct where *where, char end)
{
	size_t n = 0;

	if (peek(w) == end) {
		w->pos++;
		return true;
	}
	for (;;) {
		int c = peek(w);

		if (c < 0 || !(end == '}' ? walk_member(w, where) : walk_element(w, where, n)))
			return stop_at(w, where);
		n++;
		c = peek(w);
		if (c != end && c != ',')
			return stop_at(w, where);
		w->pos++;
		if (c == end)
			return true;
	}
}

static bool walk_value(struct walk *w, const struct where *where)
{
	const int c = peek(w);
	bool ok;

	if (c == '{' || c == '[') {
		if (w->depth == DEPTH_MAX)
			return stop_at(w, where);
		w->depth++;
		w->pos++;
		ok = walk_inside(w, where, c == '{' ? '}' : ']');
		w->depth--;
		return ok;
	}
	if (c == '"') {
		ok = walk_string(w) != NULL;
	} else {
		ok = c >= 0 && is_literal((char)c);
		while (w->pos < w->size && is_literal(w->text[w->pos]))
			w->pos++;
	}
	/* An object or a list is around it: a value that ends with the text is what was stopped at.
	 */
	return (ok && w->pos < w->size) || stop_at(w, where);
}

static struct walk walk_begin(const struct decoder *d)
{
	return (struct walk){.text = d->text, .size = d->size, .line = 1};
}

static bool same(const struct where *a, const struct where *b)
{
	for (; a != NULL && b != NULL; a = a->up, b = b->up) {
		if ((a->key == NULL) != (b->key == NULL))
			return false;
		if (a->key != NULL ? strcmp(a->key, b->key) != 0 : a->index != b->index)
			return false;
	}
	return a == b;
}

static unsigned int depth_of(const struct where *where)
{
	unsigned int n = 0;

	for (; where != NULL; where = where->up)
		n++;
	return n;
}

struct search {
	const struct where *wanted;
	unsigned int depth; /* of what was found so far */
	int line;
};

/* Find the wanted place, or the innermost that there is on the way to it (a key that is missing has
 * no line). */
static void visit_search(void *arg, const struct where *where, int line)
{
	struct search *s = arg;
	const unsigned int depth = depth_of(where);
	const struct where *wanted = s->wanted;

	if (depth <= s->depth)
		return;
	for (unsigned int i = depth_of(wanted); i > depth; i--)
		wanted = wanted->up;
	if (!same(where, wanted))
		return;
	s->depth = depth;
	s->line = line;
}

static int line_of(const struct decoder *d, const struct where *where)
{
	struct walk w = walk_begin(d);
	struct search s = {.wanted = where};

	peek(&w);
	s.line = w.line;
	w.visit = visit_search;
	w.arg = &s;
	walk_value(&w, NULL);
	return s.line;
}

/* Element of a list at the top, "vrs" or "ports"? */
static bool is_element_of(const struct where *where, const char *list)
{
	return where->key == NULL && depth_of(where) == 2 && where->up->key != NULL &&
	       strcmp(where->up->key, list) == 0;
}

static void visit_lines(void *arg, const struct where *where, int line)
{
	struct pdp_config *config = arg;
	const struct where *vr;

	if (is_element_of(where, "ports") && where->index < config->n_ports)
		config->ports[where->index].line = line;
	if (is_element_of(where, "vrs") && where->index < config->n_vrs)
		config->vrs[where->index].line = line;
	if (depth_of(where) != 4 || where->key != NULL || where->up->key == NULL ||
	    strcmp(where->up->key, "vifs") != 0)
		return;
	vr = where->up->up;
	if (is_element_of(vr, "vrs") && vr->index < config->n_vrs &&
	    where->index < config->vrs[vr->index].n_vifs)
		config->vrs[vr->index].vifs[where->index].line = line;
}

void where_fill_lines(const struct decoder *d)
{
	struct walk w = walk_begin(d);

	w.visit = visit_lines;
	w.arg = d->config;
	walk_value(&w, NULL);
}

const char *where_quote(const char *text, char *out, size_t size)
{
	size_t n = 0;

	for (; text[n] != '\0' && n + 4 < size; n++)
		out[n] = isprint((unsigned char)text[n]) ? text[n] : '?';
	snprintf(out + n, size - n, "%s", text[n] != '\0' ? "..." : "");
	return out;
}

void where_format(const struct where *where, char *out, size_t size)
{
	char name[48];
	size_t n;

	if (where == NULL) {
		snprintf(out, size, "%s", "");
		return;
	}
	where_format(where->up, out, size);
	n = strlen(out);
	if (where->key == NULL)
		snprintf(out + n, size - n, "[%zu]", where->index);
	else
		snprintf(out + n, size - n, "%s%s", n > 0 ? "." : "",
			 where_quote(where->key, name, sizeof(name)));
}

static void write_error(const struct decoder *d, int line, const char *path, const char *format,
			va_list args)
{
	char file[128], *out = d->err->text;
	const size_t size = sizeof(d->err->text);
	int n;

	if (d->text == NULL)
		n = snprintf(out, size, "%s%s", path, path[0] != '\0' ? ": " : "");
	else
		n = snprintf(out, size, "%s:%d: %s%s", where_quote(d->name, file, sizeof(file)),
			     line, path, path[0] != '\0' ? ": " : "");
	vsnprintf(out + n, size - (size_t)n, format, args);
}

static void write_error_at(const struct decoder *d, int line, const char *path, const char *format,
			   ...) __attribute__((format(printf, 4, 5)));

static void write_error_at(const struct decoder *d, int line, const char *path, const char *format,
			   ...)
{
	va_list args;

	va_start(args, format);
	write_error(d, line, path, format, args);
	va_end(args);
}

int where_fail(const struct decoder *d, const struct where *where, const char *format, ...)
{
	char path[192];
	va_list args;

	where_format(where, path, sizeof(path));
	va_start(args, format);
	write_error(d, d->text != NULL ? line_of(d, where) : 0, path, format, args);
	va_end(args);
	return -1;
}

/* Whether the last character before pos that is no white space is a comma. */
static bool after_comma(const char *text, size_t pos)
{
	while (pos > 0 && is_space(text[pos - 1]))
		pos--;
	return pos > 0 && text[pos - 1] == ',';
}

int where_fail_zero(const struct decoder *d, const char *at)
{
	int line = 1;

	for (const char *c = d->text; c < at; c++)
		line += *c == '\n';
	write_error_at(d, line, "", "a zero byte stands here; the file is no text");
	return -1;
}

int where_fail_syntax(const struct decoder *d, const json_error_t *error)
{
	const size_t error_pos = error->position > 0 ? (size_t)error->position : 0;
	struct walk w = walk_begin(d);
	char path[192] = "", text[160];
	int c;

	w.stopped_path = path;
	w.stopped_size = sizeof(path);
	walk_value(&w, NULL);
	c = peek(&w);
	if (w.pos <= error_pos && (c == '/' || c == '#')) {
		write_error_at(d, w.line, path, "JSON has no comments; take it out");
		return -1;
	}
	if (w.pos <= error_pos && (c == '}' || c == ']') && after_comma(d->text, w.pos)) {
		write_error_at(d, w.line, path, "a comma stands before %c; take it out", c);
		return -1;
	}
	/* Walk again, up to what jansson stopped at, for the innermost place there. */
	w = walk_begin(d);
	w.size = error_pos < d->size ? error_pos : d->size;
	path[0] = '\0';
	w.stopped_path = path;
	w.stopped_size = sizeof(path);
	walk_value(&w, NULL);
	if (json_error_code(error) == json_error_duplicate_key)
		write_error_at(d, error->line, path, "stands here a second time; keep one of them");
	else
		write_error_at(d, error->line > 0 ? error->line : 1, path, "not JSON: %s",
			       where_quote(error->text, text, sizeof(text)));
	return -1;
}
