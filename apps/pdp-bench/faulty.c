/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A VR that goes wrong when told, or looks as if it had (case hang); else it sends every packet
 * back by the vif that it came by.
 *
 *   {"hang": "/path"    an engine that finds and removes this file never returns from process()
 *    "hold_ms": 0}      holds each packet for so long
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include <pdp_vr.h>

#define N_HELD 4096

struct faulty {
	const struct pdp_vr_info *info;
	char hang[256];
	int hangs;
	uint64_t hold_ns;
	unsigned int first;
	unsigned int n;
	struct {
		struct pdp_pkt pkt;
		uint64_t until_ns;
	} held[N_HELD];
};

static int read_args(struct faulty *f)
{
	json_int_t hold = 0;
	const char *hang = "";
	json_error_t err;
	json_t *args = json_loads(f->info->args, 0, &err);
	int rc = -EINVAL;

	if (args == NULL || json_unpack_ex(args, &err, JSON_STRICT, "{s?s, s?I}", "hang", &hang,
					   "hold_ms", &hold) != 0)
		pdp_vr_log(f->info, PDP_LOG_ERR, "args: %s; known: hang, hold_ms", err.text);
	else if (strlen(hang) >= sizeof(f->hang) || hold < 0 || hold > 10000)
		pdp_vr_log(f->info, PDP_LOG_ERR, "args: hang is a path, hold_ms is 0..10000");
	else
		rc = 0;
	if (rc == 0) {
		snprintf(f->hang, sizeof(f->hang), "%s", hang);
		f->hold_ns = (uint64_t)hold * 1000000;
	}
	json_decref(args);
	return rc;
}

static int init(const struct pdp_vr_info *info, void **state)
{
	struct faulty *f = calloc(1, sizeof(*f));
	int rc;

	if (f == NULL)
		return -ENOMEM;
	f->info = info;
	rc = read_args(f);
	if (rc != 0) {
		free(f);
		return rc;
	}
	*state = f;
	return 0;
}

static void hold(struct faulty *f, struct pdp_pkt *p, uint64_t until_ns)
{
	const unsigned int at = (f->first + f->n) % N_HELD;

	if (f->n == N_HELD)
		return; /* the verdict is PDP_DROP already */
	f->n++;
	f->held[at].pkt = *p;
	f->held[at].until_ns = until_ns;
	p->verdict = PDP_HOLD;
}

static void process(void *state, struct pdp_pkt *pkts, unsigned int n)
{
	struct faulty *f = state;
	uint64_t until = 0;

	for (volatile int on = f->hangs; on;)
		;
	if (f->hold_ns != 0)
		until = pdp_vr_now_ns(f->info) + f->hold_ns;
	for (unsigned int i = 0; i < n; i++) {
		if (until != 0)
			hold(f, &pkts[i], until);
		else
			pkts[i].verdict = PDP_FORWARD;
	}
}

static void tick(void *state, uint64_t now_ns)
{
	struct faulty *f = state;

	if (f->hang[0] != '\0' && unlink(f->hang) == 0)
		f->hangs = 1;
	while (f->n > 0 && f->held[f->first].until_ns <= now_ns) {
		f->held[f->first].pkt.verdict = PDP_FORWARD;
		pdp_vr_release(f->info, &f->held[f->first].pkt, 1);
		f->first = (f->first + 1) % N_HELD;
		f->n--;
	}
}

static void fini(void *state)
{
	free(state);
}

PDP_VR_PLUGIN({
	.abi_version = PDP_VR_ABI_VERSION,
	.flags = PDP_VR_HOLDS,
	.name = "faulty",
	.tick_us = 1000,
	.init = init,
	.process = process,
	.tick = tick,
	.fini = fini,
});
