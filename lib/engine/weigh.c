/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Holds every engine to its slice of its CPU, by the kernel's CPU shares (shares.h): a group for
 * each, weight by percent, a quota besides where its VR is `strict`. Where shares cannot be had the
 * node runs without, and says so when first two engines have to share a CPU. Control thread.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine_priv.h"
#include "pdp_log.h"
#include "shares.h"

/* Slices of one CPU add up to 100 percent where none is lent out twice: weight 1000. */
#define WEIGHT_PER_PCT 10
/* While it starts: with a small slice that would take longer than is waited for it. */
#define START_PCT 25u

static const char *strict_vr(const struct pdp_engines *all)
{
	for (unsigned int v = 0; v < all->p.n_vrs; v++) {
		if (all->p.vrs[v].strict)
			return all->p.vrs[v].name;
	}
	return NULL;
}

static void complain(const struct engine *e, const char *what, int rc)
{
	int policy = sched_getscheduler(e->pid);

	if (policy == SCHED_FIFO || policy == SCHED_RR)
		PDP_LOG(WARNING,
			"engine " ENGINE_FMT " has a real-time policy, to which CPU shares do not "
			"apply; start the primary without chrt",
			ENGINE_ARG(e));
	else
		PDP_LOG(WARNING, "engine " ENGINE_FMT ": %s in %s: %s", ENGINE_ARG(e), what,
			shares_where(e->all->shares), strerror(-rc));
}

/* The primary outweighs all engines of its CPUs together: it works for all of them, and what it
 * does not need it gives away by sleeping (lib/dispatch/md.c). */
static void outweigh(struct pdp_engines *all)
{
	int rc = shares_make(all->shares, &all->md_group, "md");

	if (rc == 0)
		rc = shares_weight(all->shares, &all->md_group, SHARES_WEIGHT_MAX);
	if (rc == 0)
		rc = shares_move(all->shares, &all->md_group, getpid());
	if (rc != 0)
		PDP_LOG(WARNING, "the MD does not outweigh the engines on its CPU: %s: %s",
			shares_where(all->shares), strerror(-rc));
}

int weigh_open(struct pdp_engines *all, char *err, size_t err_size)
{
	char name[64], why[sizeof(all->no_shares)];
	const char *strict = strict_vr(all);

	snprintf(name, sizeof(name), "pdp-%.50s", all->p.file_prefix);
	all->shares = shares_open(SHARES_PROC, name, 1, why, sizeof(why));
	if (all->shares == NULL && strict != NULL) {
		snprintf(err, err_size,
			 "VR %s is strict, which takes CPU shares: %s; or leave strict out", strict,
			 why);
		return -errno;
	}
	if (all->shares == NULL) {
		snprintf(all->no_shares, sizeof(all->no_shares), "%s", why);
		return 0;
	}
	notes_group(&all->notes, shares_folder(all->shares));
	if (all->p.shares_md_cpu)
		outweigh(all);
	return 0;
}

int pdp_engines_check_shares(char *why, size_t why_size)
{
	struct shares *s;
	char name[64];

	snprintf(name, sizeof(name), "pdp-check-%d", getpid());
	s = shares_open(SHARES_PROC, name, 1, why, why_size);
	shares_close(s);
	return s != NULL ? 0 : -errno;
}

void weigh_close(struct pdp_engines *all)
{
	shares_close(all->shares);
	all->shares = NULL;
}

/* The node weighs as much as one ordinary task on every CPU that it uses. */
static void weigh_node(struct pdp_engines *all)
{
	shares_cpus(all->shares, RTE_MAX(all->n_cpus_used, 1u));
}

static void tell_missing(struct engine *e)
{
	struct pdp_engines *all = e->all;

	if (all->no_shares[0] == '\0' || (all->cpu_engines[e->cpu] < 2 && !all->p.shares_md_cpu))
		return;
	PDP_LOG(WARNING,
		"engines that share a CPU get equal parts of it, whatever their slices: %s",
		all->no_shares);
	all->no_shares[0] = '\0';
}

static unsigned int weight(const struct engine *e)
{
	return WEIGHT_PER_PCT *
	       (e->state < PDP_ENGINE_PARKED ? RTE_MAX(e->pct, START_PCT) : e->pct);
}

/* Where its processes are: in version 2 a process is in one group only, and that of a sealed engine
 * is its limits'. */
static struct shares *shares_of(const struct engine *e)
{
	struct shares *limits = engine_sealed(e) ? limits_shares(e->all->limits) : NULL;

	return limits != NULL ? limits : e->all->shares;
}

static int enter(struct engine *e)
{
	struct shares *shares = shares_of(e);
	char name[32];
	int rc;

	snprintf(name, sizeof(name), "%s.%u", e->all->p.vrs[e->vr].name, e->index);
	rc = shares_make(shares, &e->group, name);
	if (rc == 0)
		rc = shares_weight(shares, &e->group, weight(e));
	if (rc == 0)
		rc = shares_move(shares, &e->group, e->pid);
	return rc;
}

void weigh_apply(struct engine *e)
{
	struct pdp_engines *all = e->all;
	int rc;

	if (e->pid == 0)
		return;
	if (all->shares == NULL) {
		tell_missing(e);
		return;
	}
	weigh_node(all);
	if (e->group.name[0] == '\0')
		rc = enter(e);
	else
		rc = shares_weight(shares_of(e), &e->group, weight(e));
	if (rc != 0)
		complain(e, "no CPU share", rc);
	/* Not while it starts: it holds locks of EAL then that all processes share. */
	if (rc != 0 || !all->p.vrs[e->vr].strict || e->state < PDP_ENGINE_PARKED)
		return;
	rc = shares_quota(shares_of(e), &e->group, e->pct);
	if (rc != 0)
		complain(e, "no quota", rc);
}

void weigh_again(struct engine *e)
{
	int rc = 0;

	if (e->all->shares != NULL && e->group.name[0] != '\0')
		rc = shares_move(shares_of(e), &e->group, e->pid);
	if (rc != 0)
		complain(e, "no CPU share", rc);
}

void weigh_leave(struct engine *e)
{
	if (e->all->shares == NULL)
		return;
	shares_remove(shares_of(e), &e->group);
	weigh_node(e->all);
}
