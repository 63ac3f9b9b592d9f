/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CPU shares by control groups version 1, controller `cpu`: cpu.shares (1024 for an ordinary group)
 * and cpu.cfs_quota_us. Control thread.
 */
#include "shares_priv.h"

#define V1_ORDINARY 1024u
#define V1_MIN	    2u
#define V1_MAX	    262144u

static bool has_cpu(const char *options)
{
	return shares_has_word(options, ",", "cpu");
}

static int weight(struct shares_dir group, unsigned int weight)
{
	unsigned int shares = weight * V1_ORDINARY / SHARES_ORDINARY;

	shares = shares < V1_MIN ? V1_MIN : shares > V1_MAX ? V1_MAX : shares;
	return shares_write(group, "cpu.shares", "%u", shares);
}

static int quota(struct shares_dir group, unsigned int quota_us, unsigned int period_us)
{
	int rc;

	if (quota_us == 0)
		return shares_write(group, "cpu.cfs_quota_us", "-1");
	rc = shares_write(group, "cpu.cfs_period_us", "%u", period_us);
	return rc != 0 ? rc : shares_write(group, "cpu.cfs_quota_us", "%u", quota_us);
}

const struct shares_ops shares_v1 = {
	.name = "cgroup v1",
	.fs = "cgroup",
	.members = "cgroup.procs",
	.hierarchy = "cpu",
	.options_match = has_cpu,
	.weight = weight,
	.quota = quota,
};
