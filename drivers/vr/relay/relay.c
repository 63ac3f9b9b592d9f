/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The minimal VR: what comes in by one vif leaves by the next (0 -> 1, 1 -> 0; 2 -> 3, 3 -> 2; the
 * last of an odd number goes back where it came from). With a service cost, for experiments:
 *
 *   {"swap_mac": false,  exchange source and destination MAC
 *    "spin_ns": 0,       burn that much CPU time for every packet
 *    "pace_pps": 0}      serve that many packets a second, asleep in between: slow engines that
 *                        share a CPU
 *
 * The latter two may be lists, [75000, 50000]: one for each engine, the last for all further ones.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include <pdp_vr.h>

#define PACE_BURST_US 250      /* a burst's service, so that waiting stays far below the watchdog */
#define PACE_LAG_NS   20000000 /* an engine that is later than that does not catch up */

struct relay {
	const struct pdp_vr_info *info;
	uint8_t out[PDP_VIF_MAX];
	int swap_mac;
	uint64_t spin_ns;
	double gap_ns;	 /* service of a packet, paced; 0: not paced */
	double paced_ns; /* busy time that all packets so far should have taken */
	uint64_t *served;
};

/* An integer, or this engine's of a list. @return 0, or -1: neither */
static int number_of(const struct pdp_vr_info *info, const json_t *value, json_int_t max,
		     json_int_t *out)
{
	if (json_is_array(value) && json_array_size(value) > 0) {
		size_t last = json_array_size(value) - 1;

		value = json_array_get(value, info->engine < last ? info->engine : last);
	}
	*out = json_integer_value(value);
	return value != NULL && (!json_is_integer(value) || *out < 0 || *out > max) ? -1 : 0;
}

static int read_args(struct relay *r, const struct pdp_vr_info *info)
{
	json_error_t err;
	json_t *args = json_loads(info->args, 0, &err), *spins = NULL, *paces = NULL;
	json_int_t spin = 0, pace = 0;
	int rc = -EINVAL;

	if (args == NULL ||
	    json_unpack_ex(args, &err, JSON_STRICT, "{s?b, s?o, s?o}", "swap_mac", &r->swap_mac,
			   "spin_ns", &spins, "pace_pps", &paces) != 0) {
		pdp_vr_log(
			info, PDP_LOG_ERR,
			"args: %s; known: swap_mac (bool), spin_ns, pace_pps (integers or lists)",
			err.text);
	} else if (number_of(info, spins, 1000000, &spin) != 0 ||
		   number_of(info, paces, 100000000, &pace) != 0) {
		pdp_vr_log(info, PDP_LOG_ERR,
			   "args: spin_ns is 0..1000000, pace_pps 0..100000000, or a list of such, "
			   "one for each engine");
	} else {
		r->spin_ns = (uint64_t)spin;
		r->gap_ns = pace ? 1e9 / (double)pace : 0;
		rc = 0;
	}
	json_decref(args);
	return rc;
}

static int init(const struct pdp_vr_info *info, void **state)
{
	struct relay *r = calloc(1, sizeof(*r));
	int rc;

	if (r == NULL)
		return -ENOMEM;
	r->info = info;
	rc = read_args(r, info);
	if (rc != 0) {
		free(r);
		return rc;
	}
	for (unsigned int i = 0; i < info->n_vifs; i++)
		r->out[i] = (uint8_t)((i ^ 1) < info->n_vifs ? i ^ 1 : i);
	if (r->gap_ns > 0)
		pdp_vr_set_burst(info, (unsigned int)(PACE_BURST_US * 1000 / r->gap_ns + 0.5));
	r->served = pdp_vr_counter(info, "served");
	*state = r;
	return 0;
}

static void spin_until(const struct relay *r, uint64_t ns)
{
	while (pdp_vr_now_ns(r->info) < ns)
		;
}

/*
 * Wait until the time in which there were packets to serve is what their service takes. So whatever
 * delays the engine (the timer, the loop's own work, others on its CPU) is made up for, and time in
 * which it had nothing to do gives no credit.
 */
static void pace(struct relay *r, unsigned int n)
{
	const double late_ns = (double)pdp_vr_busy_ns(r->info) - r->paced_ns;
	struct timespec ts;
	uint64_t until_ns;

	if (late_ns > PACE_LAG_NS)
		r->paced_ns += late_ns - PACE_LAG_NS;
	r->paced_ns += n * r->gap_ns;
	if (n * r->gap_ns <= late_ns)
		return;
	until_ns = pdp_vr_now_ns(r->info) + (uint64_t)(n * r->gap_ns - late_ns);
	ts.tv_sec = (time_t)(until_ns / 1000000000u);
	ts.tv_nsec = (long)(until_ns % 1000000000u);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

static void swap_macs(struct pdp_pkt *p)
{
	uint8_t mac[6];

	if (p->len < 14)
		return;
	memcpy(mac, p->data, 6);
	memcpy(p->data, p->data + 6, 6);
	memcpy(p->data + 6, mac, 6);
}

static void process(void *state, struct pdp_pkt *pkts, unsigned int n)
{
	struct relay *r = state;

	if (r->gap_ns > 0)
		pace(r, n);
	for (unsigned int i = 0; i < n; i++) {
		struct pdp_pkt *p = &pkts[i];

		if (r->swap_mac && r->info->vifs[p->vif].kind == PDP_VIF_ETHERNET)
			swap_macs(p);
		if (r->spin_ns != 0)
			spin_until(r, pdp_vr_now_ns(r->info) + r->spin_ns);
		p->vif = r->out[p->vif];
		p->verdict = PDP_FORWARD;
	}
	*r->served += n;
}

static void fini(void *state)
{
	free(state);
}

PDP_VR_PLUGIN({
	.abi_version = PDP_VR_ABI_VERSION,
	.flags = PDP_VR_HEADER_ONLY,
	.name = "relay",
	.init = init,
	.process = process,
	.fini = fini,
});
