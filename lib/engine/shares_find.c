/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the primary's own control group is: /proc/self/mountinfo tells where a hierarchy is mounted
 * and which part of it, /proc/self/cgroup which group of it the process is in. In a container both
 * begin somewhere below the real root. Control thread, at the start.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shares_priv.h"

static FILE *open_proc(const char *proc, const char *file)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", proc, file);
	return fopen(path, "re");
}

/* "2:cpu,cpuacct:/user" or "0::/user": the group of a hierarchy. */
static int own_path(const struct shares_ops *ops, const char *proc, char out[PATH_MAX])
{
	FILE *f = open_proc(proc, "cgroup");
	char line[PATH_MAX + 128];
	int rc = -ENOENT;

	if (f == NULL)
		return -errno;
	while (rc != 0 && fgets(line, sizeof(line), f) != NULL) {
		char *controllers = strchr(line, ':');
		char *path = controllers != NULL ? strchr(controllers + 1, ':') : NULL;

		if (path == NULL)
			continue;
		*path++ = '\0';
		path[strcspn(path, "\n")] = '\0';
		controllers++;
		/* Version 2 has one hierarchy, which names no controllers here. */
		if (strcmp(controllers, ops->hierarchy) != 0 &&
		    !shares_has_word(controllers, ",", ops->hierarchy))
			continue;
		snprintf(out, PATH_MAX, "%s", path);
		rc = 0;
	}
	fclose(f);
	return rc;
}

struct mount {
	char *root;
	char *point;
	char *fs;
	char *options;
};

/* "31 25 0:26 /root /point rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate" */
static bool parse_mount(char *line, struct mount *m)
{
	char *save, *dash = strstr(line, " - ");

	if (dash == NULL)
		return false;
	*dash = '\0';
	strtok_r(line, " ", &save);
	strtok_r(NULL, " ", &save);
	strtok_r(NULL, " ", &save);
	m->root = strtok_r(NULL, " ", &save);
	m->point = strtok_r(NULL, " ", &save);
	m->fs = strtok_r(dash + 3, " ", &save);
	strtok_r(NULL, " ", &save);
	m->options = strtok_r(NULL, " \n", &save);
	return m->point != NULL && m->options != NULL;
}

/* @return what is left of a group's path below the root of a mount, or NULL: it is not below */
static const char *below(const char *path, const char *root)
{
	const size_t len = strcmp(root, "/") == 0 ? 0 : strlen(root);

	if (strncmp(path, root, len) != 0 || (path[len] != '/' && path[len] != '\0') ||
	    strncmp(path + len, "/..", 3) == 0)
		return NULL;
	return strcmp(path + len, "/") == 0 ? "" : path + len;
}

int shares_find(const struct shares_ops *ops, const char *proc, char own[PATH_MAX], char *why,
		size_t why_size)
{
	char path[PATH_MAX], line[2 * PATH_MAX];
	int rc = own_path(ops, proc, path);
	FILE *f = rc == 0 ? open_proc(proc, "mountinfo") : NULL;

	snprintf(why, why_size, "%s is not mounted", ops->name);
	if (f == NULL)
		return rc != 0 ? rc : -errno;
	rc = -ENOENT;
	while (rc != 0 && fgets(line, sizeof(line), f) != NULL) {
		const char *rest;
		struct mount m;

		if (!parse_mount(line, &m) || strcmp(m.fs, ops->fs) != 0 ||
		    (ops->options_match != NULL && !ops->options_match(m.options)))
			continue;
		rest = below(path, m.root);
		if (rest == NULL) {
			snprintf(why, why_size,
				 "%s at %s does not show the group %s of this process", ops->name,
				 m.point, path);
			continue;
		}
		snprintf(own, PATH_MAX, "%s%s", m.point, rest);
		rc = access(own, X_OK) == 0 ? 0 : -errno;
		if (rc != 0)
			snprintf(why, why_size, "%s: %s: %s", ops->name, own, strerror(-rc));
	}
	fclose(f);
	return rc;
}
