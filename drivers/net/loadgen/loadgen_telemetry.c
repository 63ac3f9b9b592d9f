/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Telemetry: /pdp/loadgen, /pdp/loadgen/set, /pdp/loadgen/reset (primary only, as DPDK's telemetry
 * is). Runs in the telemetry thread of EAL. Formats are in README.md.
 */
#include "loadgen_priv.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_telemetry.h>

#define HIST_LINES_MAX 160 /* a reply has at most 16 KB */

#if RTE_VERSION >= RTE_VERSION_NUM(23, 3, 0, 0)
#define LG_TEL_UINT RTE_TEL_UINT_VAL
#define add_uint    rte_tel_data_add_dict_uint
#define push_uint   rte_tel_data_add_array_uint
#else
#define LG_TEL_UINT RTE_TEL_U64_VAL
#define add_uint    rte_tel_data_add_dict_u64
#define push_uint   rte_tel_data_add_array_u64
#endif

static int say(struct rte_tel_data *d, const char *key, const char *text)
{
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_string(d, key, text);
	return 0;
}

/* "3,rest": the port, and where the rest begins. */
static int parse_port(const char *params, uint16_t *port, const char **rest)
{
	unsigned long n;
	char *end;

	if (params == NULL || !isdigit((unsigned char)*params))
		return -EINVAL;
	n = strtoul(params, &end, 10);
	if (n >= RTE_MAX_ETHPORTS || (*end != '\0' && *end != ','))
		return -EINVAL;
	*port = (uint16_t)n;
	*rest = *end == ',' ? end + 1 : end;
	return 0;
}

static int list_ports(struct rte_tel_data *d)
{
	rte_tel_data_start_array(d, RTE_TEL_INT_VAL);
	pthread_mutex_lock(&lg_lock);
	for (uint16_t p = 0; p < RTE_MAX_ETHPORTS; p++)
		if (lg_ports[p] != NULL)
			rte_tel_data_add_array_int(d, p);
	pthread_mutex_unlock(&lg_lock);
	return 0;
}

static uint64_t sum_group(const struct lg_hist *hist, uint32_t first, uint32_t width)
{
	uint64_t n = 0;

	for (uint32_t i = first; i < first + width && i < LG_HIST_SIZE; i++)
		n += hist->buckets[i];
	return n;
}

/* Neighbours are put together until few enough are left; each line stands for values from low_ns
 * on. */
static void add_hist(struct rte_tel_data *d, const struct lg_hist *hist)
{
	struct rte_tel_data *all = rte_tel_data_alloc(), *lows = rte_tel_data_alloc(),
			    *counts = rte_tel_data_alloc();
	double ns = 1e9 / (double)rte_get_tsc_hz();
	uint32_t width, lines = UINT32_MAX;

	if (all == NULL || lows == NULL || counts == NULL) {
		rte_tel_data_free(all);
		rte_tel_data_free(lows);
		rte_tel_data_free(counts);
		return;
	}
	for (width = 1; lines > HIST_LINES_MAX; width *= 2) {
		lines = 0;
		for (uint32_t i = 0; i < LG_HIST_SIZE; i += width)
			lines += sum_group(hist, i, width) != 0;
	}
	width /= 2;
	rte_tel_data_start_dict(all);
	rte_tel_data_start_array(lows, LG_TEL_UINT);
	rte_tel_data_start_array(counts, LG_TEL_UINT);
	for (uint32_t i = 0; i < LG_HIST_SIZE; i += width) {
		uint64_t n = sum_group(hist, i, width);

		if (n == 0)
			continue;
		push_uint(lows, (uint64_t)((double)lg_hist_low(i) * ns));
		push_uint(counts, n);
	}
	rte_tel_data_add_dict_container(all, "low_ns", lows, 0);
	rte_tel_data_add_dict_container(all, "count", counts, 0);
	rte_tel_data_add_dict_container(d, "latency_hist", all, 0);
}

static int show(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct pdp_loadgen_stats stats;
	struct lg_hist hist;
	const char *rest, *name;
	uint16_t port;
	uint64_t value;

	if (params == NULL || *params == '\0')
		return list_ports(d);
	if (parse_port(params, &port, &rest) != 0)
		return -EINVAL;
	pthread_mutex_lock(&lg_lock);
	if (lg_ports[port] == NULL) {
		pthread_mutex_unlock(&lg_lock);
		return -ENODEV;
	}
	lg_stats_collect(lg_ports[port], &stats, &hist);
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_int(d, "port", port);
	rte_tel_data_add_dict_string(d, "state",
				     lg_ctl_done(lg_ports[port])   ? "done"
				     : lg_ports[port]->ctl.running ? "running"
								   : "stopped");
	pthread_mutex_unlock(&lg_lock);
	for (unsigned int i = 0; (name = lg_stats_field(&stats, i, &value)) != NULL; i++)
		add_uint(d, name, value);
	add_hist(d, &hist);
	return 0;
}

static int reset(const char *cmd, const char *params, struct rte_tel_data *d)
{
	const char *rest;
	uint16_t port;

	if (params != NULL && *params != '\0') {
		if (parse_port(params, &port, &rest) != 0)
			return -EINVAL;
		return pdp_loadgen_stats_reset(port) == 0 ? say(d, "reset", "ok") : -ENODEV;
	}
	for (port = 0; port < RTE_MAX_ETHPORTS; port++)
		pdp_loadgen_stats_reset(port);
	return say(d, "reset", "ok");
}

static int set_state(uint16_t port, const char *value, struct lg_err *err)
{
	if (strcmp(value, "start") == 0)
		return pdp_loadgen_start(port);
	if (strcmp(value, "stop") == 0)
		return pdp_loadgen_stop(port);
	if (strcmp(value, "restart") == 0)
		return pdp_loadgen_restart(port);
	return lg_fail(err, -EINVAL, "state=%s is not one of start, stop, restart", value);
}

static int set_one(uint16_t port, char *pair, struct lg_err *err)
{
	char *value = strchr(pair, '=');
	struct lg_profile *profile;
	uint64_t pps;
	int rc;

	if (value == NULL)
		return lg_fail(err, -EINVAL, "'%s' is not key=value", pair);
	*value++ = '\0';
	if (strcmp(pair, "state") == 0)
		return set_state(port, value, err);
	if (strcmp(pair, "rate") == 0) {
		if (strcmp(value, "max") == 0)
			return pdp_loadgen_set_rate(port, 0);
		rc = lg_parse_number(pair, value, 0, 1000000000000ull, &pps, err);
		return rc != 0 ? rc : pdp_loadgen_set_rate(port, pps);
	}
	if (strcmp(pair, "profile") == 0) {
		profile = lg_profile_parse(value, LG_END_LOOP, err); /* for its sentence */
		if (profile == NULL)
			return -errno;
		free(profile);
		return pdp_loadgen_set_profile(port, value);
	}
	return lg_fail(err, -EINVAL, "%s=%s: there is no key %s; keys are rate, profile, state",
		       pair, value, pair);
}

static int set(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct lg_err err = {""};
	const char *rest;
	char *text, *save = NULL;
	uint16_t port;
	int rc = 0;

	if (parse_port(params, &port, &rest) != 0)
		return say(d, "error",
			   "a port number and key=value pairs are wanted, as "
			   "0,rate=1000000,state=start");
	text = strdup(rest);
	if (text == NULL)
		return -ENOMEM;
	for (char *pair = strtok_r(text, ",", &save); pair != NULL && rc == 0;
	     pair = strtok_r(NULL, ",", &save))
		rc = set_one(port, pair, &err);
	free(text);
	if (rc == -ENODEV)
		lg_fail(&err, rc, "port %u is not a loadgen port", port);
	return rc == 0 ? say(d, "set", "ok")
		       : say(d, "error", err.text[0] != '\0' ? err.text : strerror(-rc));
}

RTE_INIT(lg_telemetry_init)
{
	rte_telemetry_register_cmd("/pdp/loadgen", show,
				   "Figures of a loadgen port. Parameters: port; none: list ports");
	rte_telemetry_register_cmd("/pdp/loadgen/reset", reset,
				   "Zero the figures. Parameters: port; none: all");
	rte_telemetry_register_cmd(
		"/pdp/loadgen/set", set,
		"Control a loadgen port. Parameters: port,rate=pps|max,profile=steps,"
		"state=start|stop|restart");
}
