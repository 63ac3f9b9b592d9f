/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The minimal VR: what comes in by one vif leaves by the next (0 -> 1, 1 -> 0; 2 -> 3, 3 -> 2; the
 * last of an odd number goes back where it came from). With a service cost, for experiments:
 *
 *   {"swap_mac": false,  exchange source and destination MAC
 *    "spin_ns": 0,       burn that much CPU time for every packet
 *    "pace_pps": 0}      serve that many packets a second, asleep in between: slow engines that
 * share a CPU
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include <pdp_vr.h>

#define PACE_BURST_US 250 /* a burst's service, so that waiting stays far below the watchdog */
#define PACE_LAG_NS   5000000ull /* an engine that was late, or idle, catches up by no more */

struct relay {
	const struct pdp_vr_info *info;
	uint8_t out[PDP_VIF_MAX];
	int swap_mac;
	uint64_t spin_ns;
	uint64_t gap_ns; /* between two packets, paced */
	uint64_t due_ns; /* when the last packet's service ends */
	uint64_t *served;
};

static int read_args(struct relay *r, const struct pdp_vr_info *info)
{
	json_error_t err;
	json_t *args = json_loads(info->args, 0, &err);
	json_int_t spin = 0, pace = 0;
	int rc = -EINVAL;

	if (args == NULL ||
	    json_unpack_ex(args, &err, JSON_STRICT, "{s?b, s?I, s?I}", "swap_mac", &r->swap_mac,
			   "spin_ns", &spin, "pace_pps", &pace) != 0) {
		pdp_vr_log(info, PDP_LOG_ERR,
			   "args: %s; known: swap_mac (bool), spin_ns, pace_pps (integers)",
			   err.text);
	} else if (spin < 0 || spin > 1000000 || pace < 0 || pace > 100000000) {
		pdp_vr_log(info, PDP_LOG_ERR, "args: spin_ns is 0..1000000, pace_pps 0..100000000");
	} else {
		r->spin_ns = (uint64_t)spin;
		r->gap_ns = pace ? 1000000000u / (uint64_t)pace : 0;
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
	if (r->gap_ns != 0)
		pdp_vr_set_burst(info, (unsigned int)(PACE_BURST_US * 1000 / r->gap_ns));
	r->served = pdp_vr_counter(info, "served");
	*state = r;
	return 0;
}

static void spin_until(const struct relay *r, uint64_t ns)
{
	while (pdp_vr_now_ns(r->info) < ns)
		;
}

/* The burst takes n times the gap, counted from the end of the last one, or from now less
 * PACE_LAG_NS. */
static void pace(struct relay *r, unsigned int n)
{
	uint64_t now = pdp_vr_now_ns(r->info);
	struct timespec ts;

	if (r->due_ns + PACE_LAG_NS < now)
		r->due_ns = now - (r->due_ns ? PACE_LAG_NS : 0);
	r->due_ns += n * r->gap_ns;
	if (r->due_ns <= now)
		return;
	ts.tv_sec = (time_t)(r->due_ns / 1000000000u);
	ts.tv_nsec = (long)(r->due_ns % 1000000000u);
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

	if (r->gap_ns != 0)
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
	.name = "relay",
	.init = init,
	.process = process,
	.fini = fini,
});
