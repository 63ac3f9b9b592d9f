/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Goes wrong in one of many ways after some packets, {"hang": NAME, "after": N}; its engine of
 * index 0 only, and there every time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include <pdp_vr.h>

struct state {
	const struct pdp_vr_info *info;
	char how[16];
	uint64_t after;
	uint64_t *seen;
};

static void spin(void)
{
	for (volatile int i = 0;; i++)
		;
}

static void block(void)
{
	struct timespec ts = {.tv_sec = 600};

	while (nanosleep(&ts, &ts) != 0)
		;
}

static int due(const struct state *s, const char *how)
{
	return strcmp(s->how, how) == 0 && s->info->engine == 0 && *s->seen >= s->after;
}

static int init(const struct pdp_vr_info *info, void **state)
{
	struct state *s = calloc(1, sizeof(*s));
	json_t *args = json_loads(info->args, 0, NULL);
	json_int_t after = 0;
	const char *how;

	if (s == NULL || json_unpack(args, "{s:s, s?I}", "hang", &how, "after", &after) != 0)
		return -EINVAL;
	s->info = info;
	strncpy(s->how, how, sizeof(s->how) - 1);
	s->after = (uint64_t)after;
	s->seen = pdp_vr_counter(info, "seen");
	*state = s;
	json_decref(args);
	if (due(s, "init"))
		spin();
	return 0;
}

static void process(void *state, struct pdp_pkt *pkts, unsigned int n)
{
	struct state *s = state;

	*s->seen += n;
	if (due(s, "spin"))
		spin();
	if (due(s, "block"))
		block();
	for (unsigned int i = 0; i < n; i++)
		pkts[i].verdict = PDP_FORWARD;
}

static void tick(void *state, uint64_t now_ns)
{
	struct state *s = state;

	if (due(s, "tick"))
		block();
	if (due(s, "tick_spin"))
		spin();
}

static void control(void *state, unsigned int from, const void *msg, size_t size)
{
}

PDP_VR_PLUGIN({
	.abi_version = PDP_VR_ABI_VERSION,
	.name = "hang",
	.init = init,
	.process = process,
	.tick = tick,
	.control = control,
});
