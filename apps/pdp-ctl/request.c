/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the words of a command line to a request. What is known here of commands is only which take
 * positional arguments; all others go to the node as they are, and it says what it knows.
 */
#include "ctl.h"

#include <string.h>

#include <bsd/string.h>

#define NAME_SIZE 256

/* Commands whose last word is an argument. */
static const struct form {
	const char *cmd, *arg;
} forms[] = {
	{"vr show", "vr"}, {"vr resize", "vr"},	  {"vr times", "vr"},	     {"vr release", "vr"},
	{"vr set", "vr"},  {"port show", "port"}, {"engine show", "engine"},
};

/* What `vr show NAME` can be asked besides: a command of its own, and what its argument is called.
 */
static const struct view {
	const char *word, *cmd, *arg;
} views[] = {
	{"fib", "vr fib", "prefix"},
	{"neigh", "vr neigh", NULL},
	{"punt", "vr punt", NULL},
};

/* What is JSON is that; all else is a string. */
static json_t *decode_value(const char *text)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

	return value != NULL ? value : json_string(text);
}

/* Add KEY=VALUE to args. @return false: it is none */
static bool add_pair(json_t *args, const char *word)
{
	const char *equals = strchr(word, '=');
	char key[NAME_SIZE];

	if (equals == word || (size_t)(equals - word) >= sizeof(key))
		return false;
	strlcpy(key, word, (size_t)(equals - word) + 1);
	return json_object_set_new(args, key, decode_value(equals + 1)) == 0;
}

static const struct form *find_form(const char *cmd)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (strcmp(forms[i].cmd, cmd) == 0)
			return &forms[i];
	}
	return NULL;
}

/* Join words to the command's name; stop at KEY=VALUE and at a positional argument. @return words
 * used, -1: too long */
static int join_name(char *const *words, int n, char name[NAME_SIZE])
{
	int used = 0;

	name[0] = '\0';
	while (used < n && strchr(words[used], '=') == NULL && find_form(name) == NULL) {
		if (used > 0)
			strlcat(name, " ", NAME_SIZE);
		if (strlcat(name, words[used++], NAME_SIZE) >= NAME_SIZE)
			return -1;
	}
	return used;
}

/* Fill args with what stands behind the command's name. @return false with err filled */
static bool fill_args(json_t *args, const char *name, char *const *words, int n, char *err,
		      size_t err_size)
{
	const struct form *form = find_form(name);
	int i = 0;

	if (form != NULL && n > 0 && strchr(words[0], '=') == NULL) {
		if (json_object_set_new(args, form->arg, json_string(words[0])) != 0)
			goto bad;
		i++;
	}
	for (; i < n; i++) {
		if (strchr(words[i], '=') == NULL || !add_pair(args, words[i]))
			goto bad;
	}
	if (form == NULL || json_object_get(args, form->arg) != NULL)
		return true;
	snprintf(err, err_size, "\"%s\" of which %s? write: pdp-ctl %s NAME", name, form->arg,
		 name);
	return false;
bad:
	snprintf(err, err_size,
		 "\"%.60s\" is one word too many, or no text; arguments are written KEY=VALUE",
		 words[i]);
	return false;
}

static const struct view *find_view(const char *name, char *const *words, int n)
{
	if (strcmp(name, "vr show") != 0 || n < 2 || strchr(words[0], '=') != NULL)
		return NULL;
	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		if (strcmp(words[1], views[i].word) == 0)
			return &views[i];
	}
	return NULL;
}

/* "vr show NAME VIEW [ARGUMENT]" becomes the view's command; @return words used */
static int take_view(const struct view *view, json_t *args, char name[NAME_SIZE],
		     char *const *words, int n)
{
	json_object_set_new(args, "vr", json_string(words[0]));
	strlcpy(name, view->cmd, NAME_SIZE);
	if (view->arg == NULL || n < 3 || strchr(words[2], '=') != NULL)
		return 2;
	json_object_set_new(args, view->arg, json_string(words[2]));
	return 3;
}

json_t *ctl_request(char *const *words, int n, char *err, size_t err_size)
{
	char name[NAME_SIZE];
	int used = join_name(words, n, name);
	const struct view *view;
	json_t *args;

	if (used < 1) {
		snprintf(err, err_size, "%s",
			 used < 0 ? "the command is too long" : "a command is missing; try: help");
		return NULL;
	}
	args = json_object();
	view = find_view(name, words + used, n - used);
	if (view != NULL)
		used += take_view(view, args, name, words + used, n - used);
	if (fill_args(args, name, words + used, n - used, err, err_size)) {
		json_t *request = json_pack("{ssso}", "cmd", name, "args", args);

		if (request == NULL)
			snprintf(err, err_size, "the command is no text (UTF-8)");
		return request;
	}
	json_decref(args);
	return NULL;
}
