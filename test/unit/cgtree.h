/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A folder that looks like a cgroup tree, for tests of what is written where.
 */
#ifndef CGTREE_H
#define CGTREE_H

/* cmocka's setup and teardown: an empty folder. */
int cgtree_setup(void **state);
int cgtree_teardown(void **state);

/* @return its path of a name in it; valid until the next call */
char *cgtree_path(const char *name);

/* A file, and the folders it is in. */
void cgtree_put(const char *name, const char *text);

void cgtree_check(const char *name, const char *wanted);

/* proc/cgroup and proc/mountinfo: one mount a line, "root point fs options". */
void cgtree_mounts(const char *cgroup, const char *mounts);

#endif /* CGTREE_H */
