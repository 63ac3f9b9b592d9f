/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the name of a plugin to its shared object: NAME is looked up in the folders of the
 * environment, as pdp_vr_NAME.so and NAME/pdp_vr_NAME.so (a build folder); what has a slash is a
 * path, from the folder of the configuration file on.
 */
#include "config_priv.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bsd/string.h>

#define QUOTE_SIZE 96

static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, R_OK) == 0;
}

/* Look into one folder. @return whether `out` is the plugin now */
static bool try_folder(const char *folder, int folder_size, const char *name, char out[PATH_MAX])
{
	return (snprintf(out, PATH_MAX, "%.*s/pdp_vr_%s.so", folder_size, folder, name) <
			PATH_MAX &&
		is_file(out)) ||
	       (snprintf(out, PATH_MAX, "%.*s/%s/pdp_vr_%s.so", folder_size, folder, name, name) <
			PATH_MAX &&
		is_file(out));
}

static bool find(const char *folders, const char *name, char out[PATH_MAX])
{
	for (const char *folder = folders; *folder != '\0';) {
		const size_t size = strcspn(folder, ":");

		if (size > 0 && size < PATH_MAX && try_folder(folder, (int)size, name, out))
			return true;
		folder += size + (folder[size] == ':');
	}
	return false;
}

static int find_path(struct decoder *d, const struct where *where, const char *text,
		     char out[PATH_MAX])
{
	const char *slash = strrchr(d->name, '/');
	char quote[QUOTE_SIZE];
	int n;

	if (text[0] == '/' || slash == NULL)
		n = snprintf(out, PATH_MAX, "%s", text);
	else
		n = snprintf(out, PATH_MAX, "%.*s/%s", (int)(slash - d->name), d->name, text);
	if (n >= PATH_MAX || !is_file(out))
		return where_fail(d, where,
				  "there is no plugin %s (a path goes from the configuration's "
				  "folder on); build it, or correct the path",
				  where_quote(text, quote, sizeof(quote)));
	return 0;
}

int value_plugin(struct decoder *d, const struct key *key, const struct where *where, json_t *value,
		 void *base)
{
	char *to = (char *)base + key->offset, found[PATH_MAX], real[PATH_MAX], quote[QUOTE_SIZE];
	const char *text = json_string_value(value);

	if (text == NULL)
		return value_fail_type(d, where, value, "the name or path of a plugin");
	if (text[0] == '\0')
		return where_fail(d, where, "an empty string stands here; give it a value");
	where_quote(text, quote, sizeof(quote));
	if (d->env->plugin_path == NULL || strcmp(text, PDP_PLUGIN_KERNEL) == 0) {
		if (strlcpy(to, text, key->size) >= key->size)
			return where_fail(d, where, "%s: too long a name", quote);
		return 0;
	}
	if (strchr(text, '/') != NULL) {
		if (find_path(d, where, text, found) != 0)
			return -1;
	} else if (!find(d->env->plugin_path, text, found)) {
		return where_fail(
			d, where,
			"no plugin pdp_vr_%s.so in %s; build it, or give its path, with a slash",
			quote, d->env->plugin_path[0] != '\0' ? d->env->plugin_path : "any folder");
	}
	if (realpath(found, real) == NULL)
		return where_fail(d, where, "%s: %s", quote, strerror(errno));
	if (strlcpy(to, real, key->size) >= key->size)
		return where_fail(d, where, "%s: its path has %zu characters; at most %u fit",
				  quote, strlen(real), key->size - 1u);
	return 0;
}
