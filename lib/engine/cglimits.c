/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Limits of memory and threads: trees of groups as CPU shares have them (shares.h), with other
 * controllers. Control thread.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cglimits.h"
#include "shares_priv.h"

#define REASON_SIZE 512
#define REMEDY                                                                                    \
	"give the node a writable cgroup tree with the memory and pids controllers (as root; in " \
	"a container a writable /sys/fs/cgroup), or set sandbox.limits to \"process\", where "    \
	"only "                                                                                   \
	"the limits of single processes hold"

struct limits {
	unsigned int n;
	struct shares *trees[LIMITS_TREES]; /* version 1: memory, pids */
	char where[2 * PATH_MAX];
};

static bool has_memory(const char *options)
{
	return shares_has_word(options, ",", "memory");
}

static bool has_pids(const char *options)
{
	return shares_has_word(options, ",", "pids");
}

static int no_weight(struct shares_dir group, unsigned int weight)
{
	return 0;
}

static int no_quota(struct shares_dir group, unsigned int quota_us, unsigned int period_us)
{
	return 0;
}

static const struct shares_ops memory_v1 = {
	.name = "cgroup v1 (memory)",
	.fs = "cgroup",
	.members = "cgroup.procs",
	.hierarchy = "memory",
	.options_match = has_memory,
	.weight = no_weight,
	.quota = no_quota,
};

static const struct shares_ops pids_v1 = {
	.name = "cgroup v1 (pids)",
	.fs = "cgroup",
	.members = "cgroup.procs",
	.hierarchy = "pids",
	.options_match = has_pids,
	.weight = no_weight,
	.quota = no_quota,
};

static bool gives(const char *path)
{
	char list[512], file[PATH_MAX + 32];
	FILE *f;

	snprintf(file, sizeof(file), "%s/cgroup.subtree_control", path);
	f = fopen(file, "re");
	if (f == NULL)
		return false;
	if (fgets(list, sizeof(list), f) == NULL)
		list[0] = '\0';
	fclose(f);
	return shares_has_word(list, " \n", "memory") && shares_has_word(list, " \n", "pids");
}

/* From the primary's own group up to the first that gives both on, as far as the tree goes. */
static int place_v2(char own[PATH_MAX], char *why, size_t why_size)
{
	char path[PATH_MAX], file[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s", own);
	for (;;) {
		char *slash;

		snprintf(file, sizeof(file), "%s/cgroup.procs", path);
		if (access(file, F_OK) != 0)
			break;
		if (gives(path)) {
			memcpy(own, path, sizeof(path));
			return 0;
		}
		slash = strrchr(path, '/');
		if (slash == NULL || slash == path)
			break;
		*slash = '\0';
	}
	snprintf(why, why_size,
		 "cgroup v2: no group from %.300s upwards gives memory and pids to groups below it",
		 own);
	return -ENOENT;
}

/* Engines' groups get all three; shares are worth less than limits, and may be missing. */
static int made_node_v2(struct shares_dir node)
{
	int rc = shares_write(node, "cgroup.subtree_control", "+memory +pids");

	if (rc == 0)
		shares_write(node, "cgroup.subtree_control", "+cpu");
	return rc;
}

static int weight_v2(struct shares_dir group, unsigned int weight)
{
	int rc = shares_v2.weight(group, weight);

	/* The node's own group, in a tree that gives no cpu: as all others there. */
	return rc == -ENOENT && strcmp(group.name, ".") == 0 ? 0 : rc;
}

static int quota_v2(struct shares_dir group, unsigned int quota_us, unsigned int period_us)
{
	int rc = shares_v2.quota(group, quota_us, period_us);

	return rc == -ENOENT && quota_us == 0 ? 0 : rc;
}

static const struct shares_ops limits_v2 = {
	.name = "cgroup v2",
	.fs = "cgroup2",
	.members = "cgroup.procs",
	.hierarchy = "",
	.place = place_v2,
	.made_node = made_node_v2,
	.weight = weight_v2,
	.quota = quota_v2,
};

static bool is_v2(const struct limits *l)
{
	return l->trees[0]->ops == &limits_v2;
}

static int open_v2(struct limits *l, const char *proc, const char *name, char *why, size_t size)
{
	l->trees[0] = shares_open_in(&limits_v2, proc, name, 1, why, size);
	if (l->trees[0] == NULL)
		return -errno;
	l->n = 1;
	snprintf(l->where, sizeof(l->where), "%s", shares_where(l->trees[0]));
	return 0;
}

static int open_v1(struct limits *l, const char *proc, const char *name, char *why, size_t size)
{
	int rc;

	l->trees[0] = shares_open_in(&memory_v1, proc, name, 1, why, size);
	if (l->trees[0] == NULL)
		return -errno;
	l->trees[1] = shares_open_in(&pids_v1, proc, name, 1, why, size);
	if (l->trees[1] == NULL) {
		rc = -errno;
		shares_close(l->trees[0]);
		return rc;
	}
	l->n = 2;
	snprintf(l->where, sizeof(l->where), "%s and %s", shares_where(l->trees[0]),
		 shares_where(l->trees[1]));
	return 0;
}

struct limits *limits_open(const char *proc, const char *name, char *why, size_t why_size)
{
	struct limits *l = calloc(1, sizeof(*l));
	char reasons[2][REASON_SIZE];
	int rcs[2];

	snprintf(why, why_size, "out of memory");
	if (l == NULL)
		return NULL;
	rcs[0] = open_v2(l, proc, name, reasons[0], sizeof(reasons[0]));
	if (rcs[0] == 0)
		return l;
	rcs[1] = open_v1(l, proc, name, reasons[1], sizeof(reasons[1]));
	if (rcs[1] == 0)
		return l;
	free(l);
	snprintf(why, why_size, "%s; %s; " REMEDY, reasons[0], reasons[1]);
	errno = rcs[1] != -ENOENT ? -rcs[1] : -rcs[0];
	return NULL;
}

void limits_close(struct limits *l)
{
	if (l == NULL)
		return;
	for (unsigned int i = 0; i < l->n; i++)
		shares_close(l->trees[i]);
	free(l);
}

const char *limits_where(const struct limits *l)
{
	return l->where;
}

static struct shares_dir dir_of(const struct limits *l, const struct limits_group *g,
				unsigned int tree)
{
	return (struct shares_dir){l->trees[tree]->node, g->groups[tree].name};
}

static int set_memory(const struct limits *l, const struct limits_group *g, unsigned int mb)
{
	static const char *const files[2][2] = {
		{"memory.limit_in_bytes", "memory.memsw.limit_in_bytes"},
		{"memory.max", "memory.swap.max"},
	};
	const struct shares_dir dir = dir_of(l, g, 0);
	const unsigned long bytes = (unsigned long)mb << 20;
	int rc = shares_write(dir, files[is_v2(l)][0], "%lu", bytes), swap_rc;

	/* Swap is another file, of a kernel that counts it; version 1 counts both together. */
	swap_rc = shares_write(dir, files[is_v2(l)][1], "%lu", is_v2(l) ? 0 : bytes);
	return rc != 0 ? rc : swap_rc == -ENOENT || swap_rc == -EOPNOTSUPP ? 0 : swap_rc;
}

int limits_make(struct limits *l, struct limits_group *g, const char *name, unsigned int memory_mb,
		unsigned int tasks)
{
	int rc = 0;

	*g = (struct limits_group){.groups[0].name = ""};
	for (unsigned int i = 0; i < l->n && rc == 0; i++)
		rc = shares_make(l->trees[i], &g->groups[i], name);
	if (rc == 0)
		rc = set_memory(l, g, memory_mb);
	if (rc == 0)
		rc = shares_write(dir_of(l, g, l->n - 1), "pids.max", "%u", tasks);
	if (rc != 0)
		limits_remove(l, g);
	return rc;
}

const char *limits_members(const struct limits *l, const struct limits_group *g, unsigned int i,
			   char out[PATH_MAX])
{
	const struct shares *tree;

	if (i >= l->n || g->groups[i].name[0] == '\0')
		return NULL;
	tree = l->trees[i];
	return snprintf(out, PATH_MAX, "%s/%s/%s/cgroup.procs", tree->own_path, tree->name,
			g->groups[i].name) < PATH_MAX
		       ? out
		       : NULL;
}

const char *limits_path(const struct limits *l, unsigned int i, char out[PATH_MAX])
{
	return i < l->n && snprintf(out, PATH_MAX, "%s/%s", l->trees[i]->own_path,
				    l->trees[i]->name) < PATH_MAX
		       ? out
		       : NULL;
}

bool limits_memory_hit(const struct limits *l, const struct limits_group *g)
{
	char text[1024];
	const char *at;

	if (g->groups[0].name[0] == '\0' ||
	    shares_read(dir_of(l, g, 0), is_v2(l) ? "memory.events" : "memory.oom_control", text,
			sizeof(text)) != 0)
		return false;
	at = strstr(text, "oom_kill ");
	return at != NULL && atoi(at + strlen("oom_kill ")) > 0;
}

static bool is_member(const char *members, int pid)
{
	FILE *f = fopen(members, "re");
	int other = 0;

	while (f != NULL && other != pid && fscanf(f, "%d", &other) == 1)
		;
	if (f != NULL)
		fclose(f);
	return other == pid;
}

/* The descriptor comes first, then the look: the number cannot become another's in between. */
static void end_member(const char *members, int pid)
{
	const int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0)
		return;
	if (is_member(members, pid))
		syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
	close(fd);
}

static void end_members(const struct limits *l, const struct limits_group *g)
{
	char members[PATH_MAX];
	FILE *f = NULL;
	int pid;

	if (limits_members(l, g, 0, members) != NULL)
		f = fopen(members, "re");
	while (f != NULL && fscanf(f, "%d", &pid) == 1)
		end_member(members, pid);
	if (f != NULL)
		fclose(f);
}

void limits_remove(struct limits *l, struct limits_group *g)
{
	end_members(l, g);
	for (unsigned int i = 0; i < l->n; i++)
		shares_remove(l->trees[i], &g->groups[i]);
}

struct shares *limits_shares(struct limits *l)
{
	return l != NULL && is_v2(l) ? l->trees[0] : NULL;
}
