/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Three engines that send each other numbered messages of every size, and check what comes: order,
 * size and bytes. Counters tell.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pdp_vr.h>

#define SIBLINGS  3
#define EACH_TICK 4

struct state {
	const struct pdp_vr_info *info;
	uint32_t sent[SIBLINGS]; /* to each */
	uint32_t got[SIBLINGS];	 /* from each */
	uint64_t *n_sent;
	uint64_t *n_got;
	uint64_t *n_wrong;
	uint64_t *n_refused; /* calls that rightly say no */
};

static uint16_t size_of(uint32_t number)
{
	return (uint16_t)(4 + number * 7 % (PDP_VR_MSG_SIZE - 3));
}

static int init(const struct pdp_vr_info *info, void **state)
{
	struct state *s = calloc(1, sizeof(*s));
	uint8_t msg[PDP_VR_MSG_SIZE + 1] = {0};

	if (s == NULL)
		return -ENOMEM;
	*s = (struct state){.info = info,
			    .n_sent = pdp_vr_counter(info, "sent"),
			    .n_got = pdp_vr_counter(info, "got"),
			    .n_wrong = pdp_vr_counter(info, "wrong"),
			    .n_refused = pdp_vr_counter(info, "refused")};
	*state = s;
	*s->n_refused += pdp_vr_send(info, 0, msg, sizeof(msg)) == -EMSGSIZE;
	*s->n_refused += pdp_vr_send(info, info->n_engines, msg, 1) == -ENOENT;
	/* Names: the same twice, too long, empty, and as many as there is room for. */
	*s->n_refused += pdp_vr_counter(info, "sent") != s->n_sent;
	*s->n_refused += pdp_vr_counter(info, "") == NULL;
	*s->n_refused += pdp_vr_counter(info, "a_name_of_thirty-two_characters_") == NULL;
	return pdp_vr_counter(info, "a_name_of_thirty-one_characters") != NULL ? 0 : -EINVAL;
}

static void process(void *state, struct pdp_pkt *pkts, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		pkts[i].verdict = PDP_FORWARD;
}

static void tick(void *state, uint64_t now_ns)
{
	struct state *s = state;
	uint8_t msg[PDP_VR_MSG_SIZE];

	for (unsigned int k = 0; k < EACH_TICK; k++) {
		const unsigned int to = (s->info->engine + k) % SIBLINGS;
		const uint32_t number = s->sent[to];

		memset(msg, (int)(number & 0xff), sizeof(msg));
		memcpy(msg, &number, sizeof(number));
		if (pdp_vr_send(s->info, to, msg, size_of(number)) != 0)
			continue;
		s->sent[to]++;
		++*s->n_sent;
	}
}

static void control(void *state, unsigned int from, const void *msg, size_t size)
{
	struct state *s = state;
	const uint8_t *bytes = msg;
	uint32_t number;

	++*s->n_got;
	if (from >= SIBLINGS || size < sizeof(number)) {
		++*s->n_wrong;
		return;
	}
	memcpy(&number, msg, sizeof(number));
	/* A sibling that did not run yet missed some. */
	*s->n_wrong += number < s->got[from] || size != size_of(number);
	s->got[from] = number + 1;
	for (size_t i = sizeof(number); i < size; i++)
		*s->n_wrong += bytes[i] != (number & 0xff);
}

PDP_VR_PLUGIN({
	.abi_version = PDP_VR_ABI_VERSION,
	.name = "talk",
	.init = init,
	.process = process,
	.tick = tick,
	.control = control,
});
