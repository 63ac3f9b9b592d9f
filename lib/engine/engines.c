/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All engines of the node: create, start them at the beginning, list them. Control thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "engine_priv.h"
#include "pdp_log.h"

static int make_pools(struct pdp_engines *all)
{
	all->pools = calloc(all->p.n_vrs + 1, sizeof(*all->pools));
	if (all->pools == NULL)
		return -ENOMEM;
	for (unsigned int v = 0; v < all->p.n_vrs; v++)
		all->pools[v].all = all;
	return 0;
}

struct pdp_engines *pdp_engines_create(const struct pdp_engines_params *params, char *err,
				       size_t err_size)
{
	struct pdp_engines *all = calloc(1, sizeof(*all));
	int rc;

	if (all == NULL) {
		snprintf(err, err_size, "out of memory");
		return NULL;
	}
	all->p = *params;
	all->listen_fd = all->death_fd = -1;
	if (make_pools(all) != 0) {
		snprintf(err, err_size, "out of memory");
		free(all);
		errno = ENOMEM;
		return NULL;
	}
	/* Without notes all works the same, but for the case that this primary is killed. */
	rc = notes_open(&all->notes, all->p.runtime_dir);
	if (rc != 0)
		PDP_LOG(WARNING,
			"cannot note in %s what is to be ended if this primary is killed: %s",
			all->p.runtime_dir, strerror(-rc));
	rc = join_listen(all, err, err_size);
	if (rc == 0)
		rc = weigh_open(all, err, err_size);
	if (rc == 0) {
		rc = deaths_open(all);
		if (rc != 0)
			snprintf(err, err_size, "no eventfd: %s", strerror(-rc));
	}
	if (rc == 0)
		rc = boxes_open(all, err, err_size);
	if (rc != 0) {
		deaths_close(all);
		join_close(all);
		weigh_close(all);
		notes_close(&all->notes);
		free(all->pools);
		free(all);
		errno = -rc;
		return NULL;
	}
	return all;
}

void pdp_engines_destroy(struct pdp_engines *all)
{
	if (all == NULL)
		return;
	deaths_close(all);
	join_close(all);
	boxes_close(all);
	weigh_close(all);
	stock_free(all);
	notes_close(&all->notes);
	for (unsigned int v = 0; v < all->p.n_vrs; v++) {
		for (unsigned int i = 0; i < PDP_ENGINES_MAX; i++)
			free(all->by_vr[v][i]);
	}
	pool_forget(all);
	free(all->pools);
	free(all);
}

/* @return an engine that did not start, or NULL */
static const struct engine *one_failed(const struct pdp_engines *all)
{
	for (unsigned int v = 0; v < all->p.n_vrs; v++) {
		for (unsigned int i = 0; i < all->pools[v].top; i++) {
			const struct engine *e = all->by_vr[v][i];

			if (e != NULL && (e->failed || e->state == PDP_ENGINE_WAITING))
				return e;
		}
	}
	return NULL;
}

static int wait_ready(struct pdp_engines *all, char *err, size_t err_size)
{
	const uint64_t patience = 2ull * PDP_ENGINE_START_MS * rte_get_tsc_hz() / 1000;
	uint64_t since = rte_rdtsc();
	unsigned int n_joined = 0;

	while (!pool_ready(all)) {
		const struct engine *bad = one_failed(all);
		int rc;

		if (bad != NULL) {
			snprintf(err, err_size, "%s", bad->failed ? bad->error : bad->last_death);
			return bad->failed ? -EPROTO : -ECHILD;
		}
		rc = pdp_loop_once(all->p.loop, 100);
		if (rc != 0)
			return rc;
		if (pdp_loop_stopped(all->p.loop))
			return -EINTR;
		if (n_joined != all->n_joined) {
			n_joined = all->n_joined;
			since = rte_rdtsc();
		}
		if (rte_rdtsc() - since > patience) {
			snprintf(err, err_size, "%u engines did not start in time",
				 all->n_starting);
			return -ETIMEDOUT;
		}
	}
	return 0;
}

/* Until somebody knows better: what is guaranteed, in equal parts. */
static uint16_t first_pct(const struct pdp_engines_vr *vr)
{
	if (vr->power != 0)
		return (uint16_t)RTE_MAX(1u, RTE_MIN(100u, vr->power / vr->n_engines));
	return WEIGHT_DEFAULT;
}

int pdp_engines_start(struct pdp_engines *all, char *err, size_t err_size)
{
	int rc;

	for (unsigned int v = 0; v < all->p.n_vrs; v++) {
		const struct pdp_engines_vr *vr = &all->p.vrs[v];
		struct pdp_engines_plan *plan = &all->pools[v].plan;

		plan->n = vr->n_engines;
		for (unsigned int i = 0; i < plan->n; i++)
			plan->at[i] = (struct pdp_engines_place){
				.cpu = PDP_ENGINES_ANY_CPU,
				.pct = first_pct(vr),
				.weight = vr->weights != NULL ? (uint16_t)vr->weights[i] : 0,
			};
	}
	rc = regions_reserve(all, err, err_size);
	if (rc != 0)
		return rc;
	all->booting = true;
	pool_refill(all);
	rc = wait_ready(all, err, err_size);
	all->booting = false;
	if (rc == 0)
		watch_begin(all);
	/* With all there, the first of each VR get packets, whichever came first. */
	for (unsigned int v = 0; v < all->p.n_vrs && rc == 0; v++)
		resize_settle(all, v);
	return rc;
}

unsigned int pdp_engines_loads(const struct pdp_engines *all, unsigned int vr,
			       struct pdp_engine_load *loads)
{
	const unsigned int n = all->pools[vr].top;

	for (unsigned int i = 0; i < n; i++) {
		const struct engine *e = all->by_vr[vr][i];
		const struct pdp_status *status;

		loads[i] = (struct pdp_engine_load){0};
		if (e == NULL || e->status == NULL)
			continue;
		status = e->status;
		loads[i].generation = e->generation;
		loads[i].served = __atomic_load_n(&status->rx, __ATOMIC_RELAXED);
		loads[i].busy_tsc = __atomic_load_n(&status->busy_tsc, __ATOMIC_RELAXED);
		for (unsigned int k = 0; k < all->p.n_md; k++) {
			if (e->chans[k] != NULL)
				loads[i].queue += pdp_chan_out(e->chans[k]);
		}
	}
	return n;
}

static void info_of(const struct engine *e, struct pdp_engine_info *info)
{
	*info = (struct pdp_engine_info){
		.vr = e->vr,
		.index = e->index,
		.state = e->state,
		.pid = e->pid,
		.lcore = e->lcore,
		.cpu = e->cpu,
		.pct = e->pct,
		.by_hand = e->by_hand,
		.busy_poll = e->busy_poll,
		.generation = e->generation,
		.deaths = e->deaths,
		.status = e->status,
	};
	snprintf(info->last_death, sizeof(info->last_death), "%s", e->last_death);
	for (unsigned int i = 0; i < e->all->p.n_md; i++) {
		const struct pdp_chan *ch = e->chans[i];

		if (ch == NULL)
			continue;
		for (unsigned int k = 0; k < PDP_LIE_N; k++)
			info->lies[k] += __atomic_load_n(&ch->lies[k], __ATOMIC_RELAXED);
		info->wakes += ch->wakes;
		info->out += pdp_chan_out(ch);
	}
}

void pdp_engines_each(struct pdp_engines *all,
		      void (*fn)(const struct pdp_engine_info *info, void *arg), void *arg)
{
	for (unsigned int v = 0; v < all->p.n_vrs; v++) {
		for (unsigned int i = 0; i < all->pools[v].top; i++) {
			struct pdp_engine_info info;

			if (all->by_vr[v][i] == NULL)
				continue;
			info_of(all->by_vr[v][i], &info);
			fn(&info, arg);
		}
	}
}
