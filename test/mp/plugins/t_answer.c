/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Answers every packet in one way, right or wrong: {"answer": NAME} with a name of the table.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pdp_vr.h>

static void forward(struct pdp_pkt *p)
{
	p->verdict = PDP_FORWARD;
}

static void drop(struct pdp_pkt *p)
{
}

static void punt(struct pdp_pkt *p)
{
	p->verdict = PDP_PUNT;
}

static void hold(struct pdp_pkt *p)
{
	p->verdict = PDP_HOLD;
}

static void no_verdict(struct pdp_pkt *p)
{
	p->verdict = 200;
}

static void no_vif(struct pdp_pkt *p)
{
	p->verdict = PDP_FORWARD;
	p->vif = 63;
}

static void longer(struct pdp_pkt *p)
{
	p->verdict = PDP_FORWARD;
	p->len = p->whole_len = 60000;
}

static void shorter(struct pdp_pkt *p)
{
	p->verdict = PDP_FORWARD;
	p->len = p->whole_len = 5;
}

static void before(struct pdp_pkt *p)
{
	p->verdict = PDP_FORWARD;
	p->data -= 4096;
	p->headroom = (uint16_t)(p->headroom - 4096);
}

static void behind(struct pdp_pkt *p)
{
	p->verdict = PDP_FORWARD;
	p->data += 4096;
	p->headroom = (uint16_t)(p->headroom + 4096);
}

/* Where data points is the plugin's own matter: nobody follows it. */
static void astray(struct pdp_pkt *p)
{
	p->verdict = PDP_FORWARD;
	p->data = NULL;
}

static void die(struct pdp_pkt *p)
{
	abort();
}

static void segv(struct pdp_pkt *p)
{
	raise(SIGSEGV);
}

static void wild(struct pdp_pkt *p)
{
	*(volatile char *)0x1230 = 1;
}

static int deeper(volatile char *above)
{
	volatile char here[4096];

	here[0] = above[0];
	return above[0] == 0 ? deeper(here) + here[0] : 0;
}

/* All of the stack, so that the handler of the crash needs its own. */
static void deep(struct pdp_pkt *p)
{
	volatile char here = 0;

	p->verdict = (uint8_t)deeper(&here);
}

static void leave(struct pdp_pkt *p)
{
	_exit(3);
}

/* An end that looks like a kill from outside, as far as a sandbox lets it. */
static void pretend(struct pdp_pkt *p)
{
	raise(SIGKILL);
	raise(SIGTERM);
	_exit(128 + SIGKILL);
}

static void hang(struct pdp_pkt *p)
{
	for (volatile int i = 0;; i++)
		;
}

static const struct {
	const char *name;
	void (*fn)(struct pdp_pkt *p);
} answers[] = {
	{"forward", forward},
	{"drop", drop},
	{"punt", punt},
	{"hold", hold},
	{"no_verdict", no_verdict},
	{"no_vif", no_vif},
	{"longer", longer},
	{"shorter", shorter},
	{"before", before},
	{"behind", behind},
	{"astray", astray},
	{"die", die},
	{"segv", segv},
	{"leave", leave},
	{"pretend", pretend},
	{"wild", wild},
	{"deep", deep},
	{"hang", hang},
};

/* The wrong ones begin after that many packets, so that the engine has some of each. */
#define GOOD 500

struct state {
	void (*answer)(struct pdp_pkt *p);
	uint64_t *seen;
	uint64_t *answered;
};

static int init(const struct pdp_vr_info *info, void **state)
{
	struct state *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		char quoted[32] = "\"";

		strncat(quoted, answers[i].name, 20);
		strncat(quoted, "\"", 2);
		if (strstr(info->args, quoted) != NULL)
			s->answer = answers[i].fn;
	}
	s->seen = pdp_vr_counter(info, "seen");
	s->answered = pdp_vr_counter(info, "answered");
	*state = s;
	return s->answer != NULL && s->seen != NULL && s->answered != NULL ? 0 : -EINVAL;
}

static void process(void *state, struct pdp_pkt *pkts, unsigned int n)
{
	struct state *s = state;

	for (unsigned int i = 0; i < n; i++) {
		if (++*s->seen <= GOOD) {
			forward(&pkts[i]);
			continue;
		}
		++*s->answered;
		s->answer(&pkts[i]);
	}
}

PDP_VR_PLUGIN({
	.abi_version = PDP_VR_ABI_VERSION,
	.name = "answer",
	.init = init,
	.process = process,
});
