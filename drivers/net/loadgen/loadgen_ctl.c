/* SPDX-License-Identifier: BSD-3-Clause */
/* Control of running ports: rate, profile, start, stop, restart, reset. Control threads only; see
 * loadgen_priv.h. */
#include "pdp_loadgen.h"

#include "loadgen_priv.h"

#include <errno.h>

#include <rte_eal.h>

pthread_mutex_t lg_lock = PTHREAD_MUTEX_INITIALIZER;
struct lg_port *lg_ports[RTE_MAX_ETHPORTS];

void lg_ctl_publish(struct lg_port *port)
{
	__atomic_store_n(&port->ctl.gen, port->ctl.gen + 1,
			 __ATOMIC_RELEASE); /* pairs with take_orders() */
}

int lg_ctl_set_profile(struct lg_port *port, struct lg_profile *profile)
{
	struct lg_profile **grown;

	/* Queues may still look at the old one, so it stays until the port is closed. */
	grown = realloc(port->profiles, (port->n_profiles + 1) * sizeof(*grown));
	if (grown == NULL) {
		free(profile);
		return -ENOMEM;
	}
	port->profiles = grown;
	grown[port->n_profiles++] = profile;
	port->ctl.profile = profile;
	port->ctl.closed = false;
	port->ctl.rate_gen++;
	lg_ctl_publish(port);
	return 0;
}

void lg_ctl_free_profiles(struct lg_port *port)
{
	for (uint32_t i = 0; i < port->n_profiles; i++)
		free(port->profiles[i]);
	free(port->profiles);
	port->profiles = NULL;
	port->n_profiles = 0;
}

bool lg_ctl_done(const struct lg_port *port)
{
	for (uint16_t i = 0; i < port->n_rxq; i++) {
		const struct lg_rxq *q = port->rxqs[i];
		bool over;

		if (q == NULL ||
		    __atomic_load_n(&q->restart_gen, __ATOMIC_ACQUIRE) != port->ctl.restart_gen)
			return false; /* did not see its orders yet */
		if (q->share <= 0)
			continue;
		over = __atomic_load_n(&q->clock.left, __ATOMIC_RELAXED) == 0 ||
		       (!q->closed && q->clock.ended);
		if (!over || __atomic_load_n(&q->clock.waiting, __ATOMIC_RELAXED) != 0)
			return false;
	}
	return port->n_rxq > 0;
}

/* The port, with the lock held; NULL: not ours, lock not held. */
static struct lg_port *lock_port(uint16_t port_id)
{
	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return NULL;
	pthread_mutex_lock(&lg_lock);
	if (port_id < RTE_MAX_ETHPORTS && lg_ports[port_id] != NULL)
		return lg_ports[port_id];
	pthread_mutex_unlock(&lg_lock);
	return NULL;
}

static int set_profile(uint16_t port_id, struct lg_profile *profile)
{
	struct lg_port *port;
	int rc;

	if (profile == NULL)
		return -ENOMEM;
	port = lock_port(port_id);
	if (port == NULL) {
		free(profile);
		return -ENODEV;
	}
	rc = lg_ctl_set_profile(port, profile);
	pthread_mutex_unlock(&lg_lock);
	return rc;
}

int pdp_loadgen_set_rate(uint16_t port_id, uint64_t pps)
{
	struct lg_port *port;

	if (pps != 0)
		return set_profile(port_id, lg_profile_constant((double)pps));
	port = lock_port(port_id);
	if (port == NULL)
		return -ENODEV;
	port->ctl.closed = true;
	port->ctl.rate_gen++;
	lg_ctl_publish(port);
	pthread_mutex_unlock(&lg_lock);
	return 0;
}

int pdp_loadgen_set_profile(uint16_t port_id, const char *text)
{
	struct lg_port *port = lock_port(port_id);
	struct lg_profile *profile;
	struct lg_err err;
	int rc;

	if (port == NULL)
		return -ENODEV;
	profile = lg_profile_parse(text, port->args->profile_end, &err);
	if (profile == NULL) {
		rc = -errno;
		LG_LOG(ERR, "port %u: %s", port_id, err.text);
	} else {
		rc = lg_ctl_set_profile(port, profile);
	}
	pthread_mutex_unlock(&lg_lock);
	return rc;
}

static int set_running(uint16_t port_id, bool running, bool restart)
{
	struct lg_port *port = lock_port(port_id);

	if (port == NULL)
		return -ENODEV;
	if (port->ctl.running != running || restart)
		port->ctl.rate_gen++;
	port->ctl.restart_gen += restart;
	port->ctl.running = running;
	lg_ctl_publish(port);
	pthread_mutex_unlock(&lg_lock);
	return 0;
}

int pdp_loadgen_start(uint16_t port_id)
{
	return set_running(port_id, true, false);
}

int pdp_loadgen_stop(uint16_t port_id)
{
	return set_running(port_id, false, false);
}

int pdp_loadgen_restart(uint16_t port_id)
{
	return set_running(port_id, true, true);
}

int pdp_loadgen_done(uint16_t port_id)
{
	struct lg_port *port = lock_port(port_id);
	int done;

	if (port == NULL)
		return -ENODEV;
	done = lg_ctl_done(port);
	pthread_mutex_unlock(&lg_lock);
	return done;
}

int pdp_loadgen_stats_get(uint16_t port_id, struct pdp_loadgen_stats *stats)
{
	struct lg_port *port = lock_port(port_id);

	if (port == NULL)
		return -ENODEV;
	lg_stats_collect(port, stats, NULL);
	pthread_mutex_unlock(&lg_lock);
	return 0;
}

int pdp_loadgen_stats_reset(uint16_t port_id)
{
	struct lg_port *port = lock_port(port_id);

	if (port == NULL)
		return -ENODEV;
	__atomic_store_n(&port->ctl.reset_gen, port->ctl.reset_gen + 1, __ATOMIC_RELEASE);
	lg_ctl_publish(port);
	pthread_mutex_unlock(&lg_lock);
	return 0;
}
