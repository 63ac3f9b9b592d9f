/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory and the process of an engine. posix_spawn, never fork: copy-on-write faults would
 * stall the MD. Control thread.
 */
#include <errno.h>
#include <glob.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "engine_priv.h"
#include "sandbox.h"

extern char **environ;

static void conf_write(struct engine *e, struct pdp_engine_conf *conf)
{
	const struct pdp_engines_vr *vr = &e->all->p.vrs[e->vr];

	snprintf(conf->node, sizeof(conf->node), "%s", e->all->p.node);
	snprintf(conf->vr, sizeof(conf->vr), "%s", vr->name);
	/* A sealed engine finds it elsewhere, by the same name. */
	snprintf(conf->plugin, sizeof(conf->plugin), "%s%s", vr->sealed ? SANDBOX_PLUGINS : "",
		 vr->sealed && strrchr(vr->plugin, '/') != NULL ? strrchr(vr->plugin, '/')
								: vr->plugin);
	conf->symmetric = vr->symmetric;
	conf->n_vifs = vr->n_vifs;
	memcpy(conf->vifs, vr->vifs, vr->n_vifs * sizeof(*vr->vifs));
	memcpy(conf->neighbours, e->all->pools[e->vr].neighbours, sizeof(conf->neighbours));
	conf->neighbours_version = 1;
	conf->args_off = sizeof(*conf);
	conf->args_size = (uint32_t)strlen(vr->args) + 1;
	memcpy((char *)conf + conf->args_off, vr->args, conf->args_size);
}

void pdp_engines_set_neighbour(struct pdp_engines *all, unsigned int vr, unsigned int vif,
			       uint64_t word)
{
	all->pools[vr].neighbours[vif] = word;
	/* Sealed engines can write their memory: the MD knows their neighbours, they do not. */
	for (unsigned int i = 0; i < PDP_ENGINES_MAX && !all->p.vrs[vr].sealed; i++) {
		const struct engine *e = all->by_vr[vr][i];
		struct pdp_engine_conf *conf;

		if (e == NULL || e->region == NULL)
			continue;
		conf = pdp_region_conf(e->region);
		__atomic_store_n(&conf->neighbours[vif], word, __ATOMIC_RELAXED);
		__atomic_store_n(&conf->neighbours_version, conf->neighbours_version + 1,
				 __ATOMIC_RELEASE);
	}
}

int region_open(struct engine *e, void *mem, const struct pdp_region_params *rp, const void *base)
{
	e->region = pdp_region_create(mem, rp, base);
	conf_write(e, pdp_region_conf(e->region));
	e->status = pdp_region_status(e->region);
	e->status->generation = e->generation;
	e->status->parked = 1;
	e->ctl = pdp_ctl_open(e->region);
	for (unsigned int i = 0; i < rp->n_md; i++) {
		e->chans[i] = pdp_chan_create(e->region, i, base, true);
		if (e->chans[i] == NULL)
			return -ENOMEM;
	}
	return 0;
}

static struct pdp_region_params region_params(const struct pdp_engines *all, unsigned int v)
{
	const struct pdp_engines_vr *vr = &all->p.vrs[v];

	return (struct pdp_region_params){
		.n_md = all->p.n_md,
		.n_slots = vr->slots,
		.n_blanks = vr->blanks,
		.n_engines = PDP_ENGINES_MAX,
		.conf_size = (uint32_t)(sizeof(struct pdp_engine_conf) + strlen(vr->args) + 1),
		.sealed = vr->sealed,
		.tsc_hz = rte_get_tsc_hz(),
	};
}

int regions_reserve(struct pdp_engines *all, char *err, size_t err_size)
{
	for (unsigned int v = 0; v < all->p.n_vrs; v++) {
		const struct pdp_region_params rp = region_params(all, v);

		if (rp.sealed || stock_fill(all, v, all->p.vrs[v].n_max, pdp_region_size(&rp)) == 0)
			continue;
		snprintf(
			err, err_size,
			"VR %s: no hugepage memory left for the rings of %u engines, %zu KiB each; "
			"start the primary with a larger -m, or use fewer slots",
			all->p.vrs[v].name, all->p.vrs[v].n_max, pdp_region_size(&rp) >> 10);
		return -ENOMEM;
	}
	return 0;
}

void regions_more(struct pdp_engines *all, unsigned int vr, unsigned int n)
{
	const struct pdp_region_params rp = region_params(all, vr);

	if (!rp.sealed && n > all->pools[vr].n_zones && stock_may_grow(all))
		stock_fill(all, vr, n, pdp_region_size(&rp));
}

/* In hugepages that all secondaries map. */
static int zone_make(struct engine *e, const struct pdp_region_params *rp, char *err,
		     size_t err_size)
{
	e->zone = stock_take(e, pdp_region_size(rp), err, err_size);
	if (e->zone == NULL)
		return -errno;
	if (region_open(e, e->zone->addr, rp, e->all->p.base) == 0)
		return 0;
	snprintf(err, err_size, "out of memory");
	return -ENOMEM;
}

int region_make(struct engine *e, char *err, size_t err_size)
{
	struct pdp_region_params rp = region_params(e->all, e->vr);
	int rc;

	rp.engine = e->index;
	rc = rp.sealed ? sealed_region_make(e, &rp, err, err_size)
		       : zone_make(e, &rp, err, err_size);
	if (rc != 0)
		region_free(e);
	return rc;
}

void region_free(struct engine *e)
{
	for (unsigned int i = 0; i < e->all->p.n_md; i++) {
		pdp_chan_destroy(e->chans[i]);
		e->chans[i] = NULL;
	}
	if (e->zone != NULL)
		stock_give(e, e->zone);
	sealed_memory_free(&e->region_mem);
	sealed_memory_free(&e->packets_mem);
	join_forget(e);
	e->zone = NULL;
	e->region = NULL;
	e->status = NULL;
}

int spawn(struct engine *e, char *err, size_t err_size)
{
	const struct pdp_engines_params *p = &e->all->p;
	char prefix[128], vr[32], index[16];
	char *argv[] = {(char *)(uintptr_t)p->program,
			(char *)"--proc-type=secondary",
			prefix,
			(char *)"--",
			vr,
			index,
			NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	int rc;

	if (engine_sealed(e))
		return sealed_spawn(e, err, err_size);
	snprintf(prefix, sizeof(prefix), "--file-prefix=%s", p->file_prefix);
	snprintf(vr, sizeof(vr), "--vr=%s", p->vrs[e->vr].name);
	snprintf(index, sizeof(index), "--engine=%u", e->index);
	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	/* An own process group: Ctrl-C in the primary's terminal is the primary's to handle. */
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
	rc = posix_spawn(&e->pid, p->program, &actions, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	if (rc != 0) {
		e->pid = 0;
		snprintf(err, err_size, "cannot start %s: %s", p->program, strerror(rc));
		return -rc;
	}
	return 0;
}

/* What EAL made for a process that is gone, and nobody else removes: its message socket, and 388 KB
 * for each of its memory lists. */
static void remove_files(const struct pdp_engines *all, pid_t pid)
{
	static const char *const patterns[] = {"%s/mp_socket_%d_*", "%s/fbarray_*_%d"};

	for (size_t k = 0; k < RTE_DIM(patterns); k++) {
		char pattern[256];
		glob_t found;

		snprintf(pattern, sizeof(pattern), patterns[k], all->p.runtime_dir, pid);
		if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
			continue;
		for (size_t i = 0; i < found.gl_pathc; i++)
			unlink(found.gl_pathv[i]);
		globfree(&found);
	}
}

#define TAKE_OFF_NS 200000000

static void *take_off(void *arg)
{
	nanosleep(&(struct timespec){.tv_nsec = TAKE_OFF_NS}, NULL);
	while (waitpid((pid_t)(intptr_t)arg, NULL, 0) < 0 && errno == EINTR)
		;
	return NULL;
}

/*
 * Take a dead child off the process table, a little later, on a thread that nobody waits for. A
 * pidfd fires while the last of the process's other threads is still taking its own entry out of
 * /proc. Who waits for the process then has the kernel (6.18) spin in d_walk() for that thread, on
 * the very CPU that it needs: engines there stood still for more than 10 s, once in 20 deaths.
 */
static void take_off_later(pid_t pid)
{
	void *arg = (void *)(intptr_t)pid;
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attr, take_off, arg) != 0)
		take_off(arg);
	pthread_attr_destroy(&attr);
}

void reap(struct engine *e, char *how, size_t size)
{
	const bool sealed = engine_sealed(e);
	siginfo_t si = {0};

	if (!sealed)
		remove_files(e->all, e->pid);
	e->end_code = e->end_status = 0;
	if (waitid(P_PIDFD, (id_t)e->pidfd, &si, WEXITED | WNOHANG | WNOWAIT) != 0 ||
	    si.si_pid == 0) {
		snprintf(how, size, "left");
		return;
	}
	e->end_code = si.si_code;
	e->end_status = si.si_status;
	if (sealed)
		box_how(e, how, size);
	else if (si.si_code == CLD_EXITED)
		snprintf(how, size, "exited with code %d", si.si_status);
	else
		snprintf(how, size, "killed by signal %d (%s)", si.si_status,
			 strsignal(si.si_status));
	take_off_later(sealed ? e->box.launcher : e->pid);
}
