/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A folder that looks like a cgroup tree. See cgtree.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cgtree.h"

static char root[64];

char *cgtree_path(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

/* A file, and the folders it is in. */
void cgtree_put(const char *name, const char *text)
{
	char *path = cgtree_path(name);
	FILE *f;

	for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		mkdir(path, 0700);
		*p = '/';
	}
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

void cgtree_check(const char *name, const char *wanted)
{
	char text[256] = "";
	FILE *f = fopen(cgtree_path(name), "r");

	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	assert_string_equal(text, wanted);
}

int cgtree_setup(void **state)
{
	snprintf(root, sizeof(root), "/tmp/pdp-test-cgtree-XXXXXX");
	assert_non_null(mkdtemp(root));
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path);
}

int cgtree_teardown(void **state)
{
	return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* /proc/self: one mount a line, "root point fs options". */
void cgtree_mounts(const char *cgroup, const char *mounts)
{
	char text[2048] = "24 1 0:22 / /proc rw shared:5 - proc proc rw\n", *save;
	char *copy = strdup(mounts);

	for (char *m = strtok_r(copy, "\n", &save); m; m = strtok_r(NULL, "\n", &save)) {
		char from[64], point[64], fs[16], options[64];
		size_t used = strlen(text);

		assert_int_equal(sscanf(m, "%63s %63s %15s %63s", from, point, fs, options), 4);
		snprintf(text + used, sizeof(text) - used,
			 "31 24 0:26 %s %s/%s rw,nosuid shared:9 - %s %s %s\n", from, root, point,
			 fs, fs, options);
	}
	free(copy);
	cgtree_put("proc/mountinfo", text);
	cgtree_put("proc/cgroup", cgroup);
}
