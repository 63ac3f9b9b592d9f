/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The node's groups: found or made at the start, one more for each engine, removed with it, all
 * gone at the end. Control thread.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shares_priv.h"

#define QUOTA_MIN_US 1000u /* the kernel's */
#define BUSY_TIMES   1000 /* one that was killed leaves its group soon; less so where all is busy */
#define BUSY_NS	     1000000
#define REASON_SIZE  512
#define REMEDY                                                                                 \
	"give the node a writable cgroup tree with the cpu controller (as root; in a service " \
	"Delegate=yes; in a container a writable /sys/fs/cgroup)"

static unsigned int cut(unsigned int weight)
{
	return weight < SHARES_WEIGHT_MIN   ? SHARES_WEIGHT_MIN
	       : weight > SHARES_WEIGHT_MAX ? SHARES_WEIGHT_MAX
					    : weight;
}

static unsigned int node_weight(unsigned int n_cpus)
{
	return cut(SHARES_ORDINARY * n_cpus);
}

/* Whatever is in a group goes to where the primary was. */
static void move_out(const struct shares *s, const char *name)
{
	const struct shares_dir own = {s->own, "."};
	char path[128];
	FILE *f = NULL;
	int fd, pid;

	snprintf(path, sizeof(path), "%s/%s", name, s->ops->members);
	fd = openat(s->node, path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		f = fdopen(fd, "r");
	while (f != NULL && fscanf(f, "%d", &pid) == 1)
		shares_write(own, "cgroup.procs", "%d", pid);
	if (f != NULL)
		fclose(f);
	else if (fd >= 0)
		close(fd);
}

static void remove_dir(int at, const char *name, unsigned int times)
{
	const struct timespec pause = {.tv_nsec = BUSY_NS};

	while (unlinkat(at, name, AT_REMOVEDIR) != 0 && errno == EBUSY && --times > 0)
		nanosleep(&pause, NULL);
}

/* Every group below the node's. */
static void remove_groups(const struct shares *s, bool with_members)
{
	int fd = openat(s->node, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	while (d != NULL && (entry = readdir(d)) != NULL) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (with_members)
			move_out(s, entry->d_name);
		remove_dir(s->node, entry->d_name, with_members ? BUSY_TIMES : 1);
	}
	if (d != NULL)
		closedir(d);
	else if (fd >= 0)
		close(fd);
}

static int make_node(struct shares *s, unsigned int n_cpus)
{
	struct shares_dir node = {.name = "."};
	int rc = 0;

	if (mkdirat(s->own, s->name, 0755) != 0 && errno != EEXIST)
		return -errno;
	s->node = openat(s->own, s->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->node < 0)
		return -errno;
	node.at = s->node;
	if (s->ops->made_node != NULL)
		rc = s->ops->made_node(node);
	/* What a killed primary left; engines of its that are just leaving stay for now. */
	if (rc == 0)
		remove_groups(s, false);
	s->n_cpus = n_cpus;
	return rc == 0 ? s->ops->weight(node, node_weight(n_cpus)) : rc;
}

/* Groups gone, folders closed, the primary's group as it was. */
static void close_in(struct shares *s)
{
	if (s->node >= 0) {
		remove_groups(s, true);
		close(s->node);
		remove_dir(s->own, s->name, BUSY_TIMES);
	}
	if (s->own >= 0) {
		if (s->ops->undo != NULL)
			s->ops->undo(s);
		close(s->own);
	}
	s->own = s->node = -1;
}

static int open_in(struct shares *s, const char *proc, unsigned int n_cpus, char *why,
		   size_t why_size)
{
	int rc = shares_find(s->ops, proc, s->own_path, why, why_size);

	if (rc == 0 && s->ops->place != NULL)
		rc = s->ops->place(s->own_path, why, why_size);
	if (rc != 0)
		return rc;
	s->own = open(s->own_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->own < 0) {
		rc = -errno;
		snprintf(why, why_size, "%s: %.300s: %s", s->ops->name, s->own_path, strerror(-rc));
		return rc;
	}
	if (s->ops->prepare != NULL)
		rc = s->ops->prepare(s, why, why_size);
	if (rc == 0) {
		rc = make_node(s, n_cpus);
		if (rc != 0)
			snprintf(why, why_size, "%s: cannot make %.300s/%s: %s", s->ops->name,
				 s->own_path, s->name, strerror(-rc));
	}
	if (rc != 0)
		close_in(s);
	return rc;
}

struct shares *shares_open_in(const struct shares_ops *ops, const char *proc, const char *name,
			      unsigned int n_cpus, char *why, size_t why_size)
{
	struct shares *s = calloc(1, sizeof(*s));
	int rc;

	snprintf(why, why_size, "out of memory");
	if (s == NULL)
		return NULL;
	s->ops = ops;
	s->own = s->node = -1;
	snprintf(s->name, sizeof(s->name), "%s", name);
	rc = open_in(s, proc, n_cpus, why, why_size);
	if (rc != 0) {
		free(s);
		errno = -rc;
		return NULL;
	}
	snprintf(s->where, sizeof(s->where), "%s at %s/%s", s->ops->name, s->own_path, s->name);
	return s;
}

struct shares *shares_open(const char *proc, const char *name, unsigned int n_cpus, char *why,
			   size_t why_size)
{
	static const struct shares_ops *const versions[] = {&shares_v2, &shares_v1};
	char reasons[2][REASON_SIZE];
	struct shares *s;
	int errors[2];

	for (unsigned int i = 0; i < 2; i++) {
		s = shares_open_in(versions[i], proc, name, n_cpus, reasons[i], sizeof(reasons[i]));
		if (s != NULL)
			return s;
		errors[i] = errno;
	}
	snprintf(why, why_size, "%s; %s; " REMEDY, reasons[0], reasons[1]);
	errno = errors[1] != ENOENT ? errors[1] : errors[0];
	return NULL;
}

void shares_close(struct shares *s)
{
	if (s == NULL)
		return;
	close_in(s);
	free(s);
}

const char *shares_where(const struct shares *s)
{
	return s->where;
}

const char *shares_folder(const struct shares *s)
{
	/* "cgroup v1 at /sys/..." */
	return strchr(s->where, '/');
}

void shares_cpus(struct shares *s, unsigned int n_cpus)
{
	if (n_cpus == s->n_cpus)
		return;
	s->n_cpus = n_cpus;
	s->ops->weight((struct shares_dir){s->node, "."}, node_weight(n_cpus));
}

int shares_make(struct shares *s, struct shares_group *g, const char *name)
{
	const struct shares_dir dir = {s->node, name};
	int rc = 0;

	*g = (struct shares_group){.weight = 0};
	/* One that was left over may have a quota. */
	if (mkdirat(s->node, name, 0755) != 0)
		rc = errno == EEXIST ? s->ops->quota(dir, 0, 0) : -errno;
	if (rc == 0 && s->ops->made != NULL)
		rc = s->ops->made(dir);
	if (rc == 0)
		snprintf(g->name, sizeof(g->name), "%s", name);
	return rc;
}

int shares_move(struct shares *s, const struct shares_group *g, pid_t pid)
{
	return shares_write((struct shares_dir){s->node, g->name}, "cgroup.procs", "%d", pid);
}

int shares_weight(struct shares *s, struct shares_group *g, unsigned int weight)
{
	int rc;

	weight = cut(weight);
	if (weight == g->weight)
		return 0;
	rc = s->ops->weight((struct shares_dir){s->node, g->name}, weight);
	if (rc == 0)
		g->weight = weight;
	return rc;
}

int shares_quota(struct shares *s, struct shares_group *g, unsigned int pct)
{
	unsigned int quota_us, period_us = SHARES_PERIOD_US;
	int rc;

	pct = pct >= 100 ? 0 : pct;
	if (pct == g->quota_pct)
		return 0;
	quota_us = period_us * pct / 100;
	if (pct != 0 && quota_us < QUOTA_MIN_US) {
		quota_us = QUOTA_MIN_US;
		period_us = QUOTA_MIN_US * 100 / pct;
	}
	rc = s->ops->quota((struct shares_dir){s->node, g->name}, quota_us, period_us);
	if (rc == 0)
		g->quota_pct = pct;
	return rc;
}

void shares_remove(struct shares *s, struct shares_group *g)
{
	if (g->name[0] == '\0')
		return;
	move_out(s, g->name);
	remove_dir(s->node, g->name, 1);
	g->name[0] = '\0';
}
