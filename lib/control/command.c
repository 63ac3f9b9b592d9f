/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands of the control socket: the list of them, and from one request line to its answer
 * line.
 *
 * Runs on the control thread; knows nothing of sockets.
 */
#include "control_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ERR_SIZE 512

static const struct command *find(const struct pdp_control *ctl, const char *name)
{
	for (size_t i = 0; i < ctl->n_commands; i++) {
		if (strcmp(ctl->commands[i].name, name) == 0)
			return &ctl->commands[i];
	}
	return NULL;
}

int pdp_control_register(struct pdp_control *ctl, const char *cmd, const char *help,
			 pdp_control_fn fn, void *arg)
{
	struct command *commands, *c;

	if (find(ctl, cmd) != NULL)
		return -EEXIST;
	commands = reallocarray(ctl->commands, ctl->n_commands + 1, sizeof(*commands));
	if (commands == NULL)
		return -ENOMEM;
	ctl->commands = commands;
	c = &commands[ctl->n_commands];
	*c = (struct command){.name = strdup(cmd), .help = strdup(help), .fn = fn, .arg = arg};
	if (c->name == NULL || c->help == NULL) {
		free(c->name);
		free(c->help);
		return -ENOMEM;
	}
	ctl->n_commands++;
	return 0;
}

static int run_help(void *arg, const json_t *args, json_t **result, char *err, size_t err_size)
{
	const struct pdp_control *ctl = arg;
	json_t *rows = json_array();

	for (size_t i = 0; i < ctl->n_commands; i++)
		json_array_append_new(
			rows, json_pack("[ss]", ctl->commands[i].name, ctl->commands[i].help));
	*result = json_pack("{s[ss]so}", "columns", "command", "does", "rows", rows);
	return 0;
}

int control_register_help(struct pdp_control *ctl)
{
	return pdp_control_register(ctl, "help", "list the commands of this node", run_help, ctl);
}

/* Messages may quote what a client or a plugin sent: JSON takes UTF-8 only. */
static json_t *text_or_ascii(const char *text)
{
	json_t *value = json_string(text);
	char ascii[ERR_SIZE];
	size_t n;

	if (value != NULL)
		return value;
	for (n = 0; n + 1 < sizeof(ascii) && text[n] != '\0'; n++)
		ascii[n] = (unsigned char)text[n] < 0x80 ? text[n] : '?';
	ascii[n] = '\0';
	return json_string(ascii);
}

/* An answer as a line. Takes the reference. @return NULL: it cannot be written as JSON, or there is
 * no memory */
static char *to_line(json_t *answer, size_t *size)
{
	char *line = answer != NULL ? json_dumps(answer, JSON_COMPACT) : NULL, *longer;

	json_decref(answer);
	if (line == NULL)
		return NULL;
	*size = strlen(line) + 1;
	longer = *size <= CONTROL_ANSWER_MAX ? realloc(line, *size) : NULL;
	if (longer == NULL) {
		free(line);
		return NULL;
	}
	longer[*size - 1] = '\n'; /* where the NUL was */
	return longer;
}

char *control_refuse(size_t *answer_size, const char *format, ...)
{
	char err[ERR_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(err, sizeof(err), format, args);
	va_end(args);
	return to_line(json_pack("{sbso}", "ok", 0, "error", text_or_ascii(err)), answer_size);
}

static char *refuse_unknown(const struct pdp_control *ctl, const char *name, size_t *answer_size)
{
	char names[ERR_SIZE - 120];
	size_t n = 0;

	for (size_t i = 0; i < ctl->n_commands && n < sizeof(names); i++)
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s", i > 0 ? ", " : "",
				      ctl->commands[i].name);
	return control_refuse(answer_size, "no command \"%.40s\"; there are: %s", name, names);
}

static char *run(const struct command *c, const json_t *args, size_t *answer_size)
{
	json_t *result = NULL;
	char err[ERR_SIZE] = "";
	char *line;
	int rc = c->fn(c->arg, args, &result, err, sizeof(err));

	if (rc != 0) {
		json_decref(result);
		return control_refuse(answer_size, "%s", err[0] != '\0' ? err : strerror(-rc));
	}
	if (result == NULL)
		result = json_object();
	line = to_line(json_pack("{sbso}", "ok", 1, "result", result), answer_size);
	if (line != NULL)
		return line;
	return control_refuse(answer_size,
			      "the answer to \"%s\" is too long or no valid text; ask for less",
			      c->name);
}

/* What is wrong with a request besides its command and its JSON, or NULL. */
static const char *request_fault(const json_t *request)
{
	const char *key;
	json_t *value;

	if (!json_is_string(json_object_get(request, "cmd")))
		return "\"cmd\" must be there and a string";
	value = json_object_get(request, "args");
	if (value != NULL && !json_is_object(value))
		return "\"args\" must be an object";
	json_object_foreach ((json_t *)request, key, value) {
		if (strcmp(key, "cmd") != 0 && strcmp(key, "args") != 0)
			return "it has keys besides \"cmd\" and \"args\"";
	}
	return NULL;
}

char *control_answer(struct pdp_control *ctl, const char *line, size_t size, size_t *answer_size)
{
	json_error_t error;
	json_t *request = json_loadb(line, size, JSON_REJECT_DUPLICATES, &error), *args;
	const struct command *c;
	const char *name, *fault;
	char *answer;

	if (request == NULL)
		return control_refuse(answer_size,
				      "the request is not JSON: %s; write "
				      "{\"cmd\": \"help\"}",
				      error.text);
	fault = request_fault(request);
	if (fault != NULL) {
		answer = control_refuse(answer_size,
					"the request is wrong: %s; write {\"cmd\": \"vr show\", "
					"\"args\": {\"vr\": \"red\"}}",
					fault);
		json_decref(request);
		return answer;
	}
	name = json_string_value(json_object_get(request, "cmd"));
	c = find(ctl, name);
	args = json_object_get(request, "args");
	args = args != NULL ? json_incref(args) : json_object();
	answer = c != NULL ? run(c, args, answer_size) : refuse_unknown(ctl, name, answer_size);
	json_decref(args);
	json_decref(request);
	return answer;
}
