/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A VR that measures how long a message takes from engine to engine through the MD (case lvrm-1e),
 * while it forwards packets as relay does: in one vif, out the other.
 *
 *   {"out": "/path"       where fini() writes what was measured, as /path.ENGINE (required)
 *    "sibling": false,    send to the other engine instead of to itself
 *    "size": 64,          bytes of a message, 16..1024
 *    "gap_us": 50,        between two messages, 50 to 150 % of it at random
 *    "skip_ms": 200}      measured from then on
 *
 * One message at a time is under way from each engine to itself; to a sibling one leaves every gap.
 * A message carries the time at which it was sent: both ends read the same clock.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <pdp_vr.h>

#define SAMPLES_MAX (1u << 20)
#define LOST_NS	    1000000000u /* a message that is not back after that long is lost */
#define SIZE_MIN    16

struct stamp {
	uint64_t sent_ns;
	uint64_t number;
};

struct ping {
	const struct pdp_vr_info *info;
	char out[256];
	unsigned int to;
	unsigned int size;
	uint64_t gap_ns;
	uint64_t begin_ns; /* measured from then on; init() has the distance, the first tick the
			      time */
	uint64_t next_ns;  /* when the next message leaves */
	uint64_t number;   /* of the last one sent */
	uint64_t sent_ns;
	bool under_way;
	bool ticked;
	uint64_t lost;
	uint64_t full;
	uint32_t random;
	uint32_t n_samples;
	uint32_t samples_ns[SAMPLES_MAX];
};

static int read_args(struct ping *p, const struct pdp_vr_info *info)
{
	json_int_t size = 64, gap = 50, skip = 200;
	const char *out = NULL;
	int sibling = 0, rc = -EINVAL;
	json_error_t err;
	json_t *args = json_loads(info->args, 0, &err);

	if (args == NULL || json_unpack_ex(args, &err, JSON_STRICT, "{s:s, s?b, s?I, s?I, s?I}",
					   "out", &out, "sibling", &sibling, "size", &size,
					   "gap_us", &gap, "skip_ms", &skip) != 0) {
		pdp_vr_log(info, PDP_LOG_ERR,
			   "args: %s; known: out (string, required), sibling (bool), size, gap_us, "
			   "skip_ms (integers)",
			   err.text);
	} else if (size < SIZE_MIN || size > PDP_VR_MSG_SIZE || gap < 1 || gap > 1000000 ||
		   skip < 0 || skip > 60000 || strlen(out) >= sizeof(p->out)) {
		pdp_vr_log(info, PDP_LOG_ERR,
			   "args: size is %d..%d, gap_us 1..1000000, skip_ms 0..60000, out shorter "
			   "than %zu",
			   SIZE_MIN, PDP_VR_MSG_SIZE, sizeof(p->out));
	} else {
		snprintf(p->out, sizeof(p->out), "%s", out);
		p->to = sibling ? info->engine ^ 1 : info->engine;
		p->size = (unsigned int)size;
		p->gap_ns = (uint64_t)gap * 1000;
		p->begin_ns = (uint64_t)skip * 1000000;
		rc = 0;
	}
	json_decref(args);
	return rc;
}

static int init(const struct pdp_vr_info *info, void **state)
{
	struct ping *p = calloc(1, sizeof(*p));
	int rc;

	if (p == NULL)
		return -ENOMEM;
	p->info = info;
	p->random = info->engine + 1;
	rc = read_args(p, info);
	if (rc != 0) {
		free(p);
		return rc;
	}
	*state = p;
	return 0;
}

static void process(void *state, struct pdp_pkt *pkts, unsigned int n)
{
	const struct ping *p = state;

	for (unsigned int i = 0; i < n; i++) {
		unsigned int out = pkts[i].vif ^ 1u;

		pkts[i].vif = (uint8_t)(out < p->info->n_vifs ? out : pkts[i].vif);
		pkts[i].verdict = PDP_FORWARD;
	}
}

static void send_one(struct ping *p, uint64_t now_ns)
{
	unsigned char msg[PDP_VR_MSG_SIZE] = {0};
	struct stamp stamp = {.number = p->number + 1};

	/* Random gaps: a fixed one may fall into step with the MD's loop. */
	p->random = p->random * 1664525u + 1013904223u;
	p->next_ns = now_ns + p->gap_ns / 2 + (p->random >> 8) % (p->gap_ns + 1);
	stamp.sent_ns = p->sent_ns = pdp_vr_now_ns(p->info);
	memcpy(msg, &stamp, sizeof(stamp));
	if (pdp_vr_send(p->info, p->to, msg, p->size) != 0) {
		p->full++;
		return;
	}
	p->number++;
	p->under_way = p->to == p->info->engine;
}

static void tick(void *state, uint64_t now_ns)
{
	struct ping *p = state;

	if (!p->ticked) {
		p->ticked = true;
		p->begin_ns += now_ns;
	}
	if (p->under_way && now_ns - p->sent_ns > LOST_NS) {
		p->lost++;
		p->under_way = false;
	}
	if (!p->under_way && now_ns >= p->next_ns)
		send_one(p, now_ns);
}

static void control(void *state, unsigned int from, const void *msg, size_t size)
{
	struct ping *p = state;
	uint64_t now = pdp_vr_now_ns(p->info);
	struct stamp stamp;

	if (size < sizeof(stamp))
		return;
	memcpy(&stamp, msg, sizeof(stamp));
	if (from == p->info->engine && stamp.number == p->number)
		p->under_way = false;
	if (!p->ticked || stamp.sent_ns < p->begin_ns || p->n_samples == SAMPLES_MAX)
		return;
	p->samples_ns[p->n_samples++] = now - stamp.sent_ns > UINT32_MAX
						? UINT32_MAX
						: (uint32_t)(now - stamp.sent_ns);
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Nearest rank, of sorted samples. */
static uint32_t percentile(const struct ping *p, unsigned int pct)
{
	uint64_t rank = ((uint64_t)p->n_samples * pct + 99) / 100;

	return p->n_samples != 0 ? p->samples_ns[rank != 0 ? rank - 1 : 0] : 0;
}

static void fini(void *state)
{
	struct ping *p = state;
	char path[300];
	FILE *f;

	qsort(p->samples_ns, p->n_samples, sizeof(p->samples_ns[0]), compare);
	snprintf(path, sizeof(path), "%s.%u", p->out, p->info->engine);
	f = fopen(path, "w");
	if (f == NULL) {
		pdp_vr_log(p->info, PDP_LOG_ERR, "cannot write %s: %s", path, strerror(errno));
	} else {
		fprintf(f,
			"{\"n\": %" PRIu32 ", \"lost\": %" PRIu64 ", \"full\": %" PRIu64
			", \"p50_ns\": %" PRIu32 ", \"p90_ns\": %" PRIu32 ", \"p99_ns\": %" PRIu32
			", \"max_ns\": %" PRIu32 "}\n",
			p->n_samples, p->lost, p->full, percentile(p, 50), percentile(p, 90),
			percentile(p, 99), percentile(p, 100));
		fclose(f);
	}
	free(p);
}

PDP_VR_PLUGIN({
	.abi_version = PDP_VR_ABI_VERSION,
	.name = "ctlping",
	.tick_us = 10,
	.init = init,
	.process = process,
	.tick = tick,
	.control = control,
	.fini = fini,
});
