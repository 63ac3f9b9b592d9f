/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes every system call that its arguments do not name, once, and counts which were refused:
 * {"allowed": [numbers]}. The arguments are such that none does anything, were it let through.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include <pdp_vr.h>

#define N_CALLS	    512
#define CALL_CLONE3 435

struct look {
	const struct pdp_vr_info *info;
	uint64_t *refused;
	uint64_t *passed;
	uint64_t *first; /* number of the first that was let through */
	uint64_t *tried; /* 1: all were */
	unsigned char allowed[N_CALLS];
};

static int init(const struct pdp_vr_info *info, void **state)
{
	struct look *l = calloc(1, sizeof(*l));
	json_t *args = json_loads(info->args, 0, NULL), *number;
	size_t i;

	if (l == NULL)
		return -ENOMEM;
	*l = (struct look){.info = info,
			   .refused = pdp_vr_counter(info, "refused"),
			   .passed = pdp_vr_counter(info, "passed"),
			   .first = pdp_vr_counter(info, "first_passed"),
			   .tried = pdp_vr_counter(info, "tried")};
	json_array_foreach (json_object_get(args, "allowed"), i, number) {
		const json_int_t n = json_integer_value(number);

		if (n >= 0 && n < N_CALLS)
			l->allowed[n] = 1;
	}
	json_decref(args);
	*state = l;
	return 0;
}

static void try_call(struct look *l, long number)
{
	const long rc = syscall(number, -1L, -1L, -1L, -1L, -1L, -1L);

	if (rc < 0 && errno == (number == CALL_CLONE3 ? ENOSYS : EPERM)) {
		++*l->refused;
		return;
	}
	if ((*l->passed)++ == 0)
		*l->first = (uint64_t)number;
}

static void process(void *state, struct pdp_pkt *pkts, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		pkts[i].verdict = PDP_FORWARD;
}

/* The second filter is in force by now. */
static void tick(void *state, uint64_t now_ns)
{
	struct look *l = state;

	for (long number = 0; number < N_CALLS && !*l->tried; number++) {
		if (!l->allowed[number])
			try_call(l, number);
	}
	*l->tried = 1;
}

static void fini(void *state)
{
	free(state);
}

PDP_VR_PLUGIN({
	.abi_version = PDP_VR_ABI_VERSION,
	.name = "t_look",
	.init = init,
	.process = process,
	.tick = tick,
	.fini = fini,
});
