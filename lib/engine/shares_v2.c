/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CPU shares by control groups version 2: cpu.weight and cpu.max. Control thread.
 *
 * A group other than the real root must not both have processes and give controllers to groups
 * below it, and the primary is in its own. `cpu` is one of the controllers that are exempt where
 * the groups below are of type "threaded"; the kernel offers it by calling a new group "domain
 * invalid". So nobody is moved out of the way: not a shell in the same session, not the rest of a
 * container.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "shares_priv.h"

#define CONTROLLERS_SIZE 512

static int enable_cpu(struct shares_dir group)
{
	return shares_write(group, "cgroup.subtree_control", "+cpu");
}

static int made(struct shares_dir group)
{
	char type[64];
	int rc = shares_read(group, "cgroup.type", type, sizeof(type));

	if (rc == 0 && strncmp(type, "domain invalid", 14) == 0)
		rc = shares_write(group, "cgroup.type", "threaded");
	return rc;
}

static int prepare(struct shares *s, char *why, size_t why_size)
{
	const struct shares_dir own = {s->own, "."};
	char list[CONTROLLERS_SIZE];
	int rc = shares_read(own, "cgroup.controllers", list, sizeof(list));

	if (rc != 0 || !shares_has_word(list, " \n", "cpu")) {
		snprintf(why, why_size, "cgroup v2 at %s has no cpu controller", s->own_path);
		return -ENOENT;
	}
	rc = shares_read(own, "cgroup.subtree_control", list, sizeof(list));
	if (rc == 0 && shares_has_word(list, " \n", "cpu"))
		return 0;
	rc = enable_cpu(own);
	s->enabled = rc == 0;
	if (rc != 0)
		snprintf(why, why_size, "cgroup v2: %s/cgroup.subtree_control takes no +cpu: %s",
			 s->own_path, strerror(-rc));
	return rc;
}

/* The node's group gives the controller on; an engine's has nothing below. */
static int made_node(struct shares_dir node)
{
	int rc = made(node);

	return rc != 0 ? rc : enable_cpu(node);
}

static void undo(struct shares *s)
{
	if (s->enabled)
		shares_write((struct shares_dir){s->own, "."}, "cgroup.subtree_control", "-cpu");
	s->enabled = false;
}

static int weight(struct shares_dir group, unsigned int weight)
{
	return shares_write(group, "cpu.weight", "%u", weight);
}

static int quota(struct shares_dir group, unsigned int quota_us, unsigned int period_us)
{
	return quota_us == 0 ? shares_write(group, "cpu.max", "max")
			     : shares_write(group, "cpu.max", "%u %u", quota_us, period_us);
}

const struct shares_ops shares_v2 = {
	.name = "cgroup v2",
	.fs = "cgroup2",
	.members = "cgroup.threads",
	.hierarchy = "",
	.prepare = prepare,
	.made_node = made_node,
	.made = made,
	.undo = undo,
	.weight = weight,
	.quota = quota,
};
