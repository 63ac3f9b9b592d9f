/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What each balancer costs a packet: a turn of the MD's loop that receives, balances and sends 64
 * packets, two flows a bucket, and collects and transmits 64. Ports are arrays and
 * engines the program itself, so these are the MD's own cycles, with all that it touches in its
 * caches; what a balancer costs is the difference between two rows.
 *
 * usage: perf_balance
 */
#include "hand.h"
#include "perf.h"

enum { BURST = 64, FRAMES = 2048, TURNS = 8001 };

static struct hand h;
static double cycles[TURNS];

/* Frames of as many flows, that go round. */
static struct rte_mbuf *frames[FRAMES];
static unsigned int next_rx, next_tx;

static void receive(void)
{
	for (unsigned int i = 0; i < BURST; i++)
		hand_rx(&h, 0, frames[next_rx++ % FRAMES]);
}

static void recycle(void)
{
	struct hand_port *out = &h.ports[1];

	for (unsigned int i = 0; i < out->n_tx; i++)
		frames[next_tx++ % FRAMES] = out->tx[i];
	out->n_tx = 0;
}

static double turn_cycles(const char *balancer, bool restore, unsigned int engines)
{
	next_rx = next_tx = 0;
	hand_open(&h, 1, balancer, PDP_HASH_INNER);
	if (pdp_md_vr_set_balance(h.md, 0, pdp_balancer_find(balancer), restore) != 0)
		abort();
	for (unsigned int e = 0; e < engines; e++)
		hand_engine_add(&h, 0, e, 1024, 0, 1);
	for (uint32_t i = 0; i < FRAMES; i++)
		frames[i] = hand_frame(&h, 0, 0, i * 7919, HAND_LEN);
	for (unsigned int t = 0; t < TURNS; t++) {
		uint64_t start;

		receive();
		start = rte_rdtsc_precise();
		hand_turns(&h, 1);
		cycles[t] = (double)(rte_rdtsc_precise() - start) / BURST;
		for (unsigned int e = 0; e < engines; e++)
			hand_forward_all(&h, 0, e, 1);
		recycle();
	}
	hand_turns(&h, 2);
	recycle();
	rte_pktmbuf_free_bulk(frames, FRAMES);
	hand_close(&h);
	qsort(cycles, TURNS, sizeof(cycles[0]), perf_compare);
	return cycles[TURNS / 2];
}

static void row(const char *name, const char *balancer, bool restore)
{
	printf("%-28s", name);
	for (unsigned int engines = 1; engines <= 3; engines++)
		printf(" %10.1f", turn_cycles(balancer, restore, engines));
	printf("\n");
}

int main(void)
{
	if (kit_eal(NULL) != 0)
		return 1;
	printf("cycles a packet and turn       1 engine  2 engines  3 engines\n");
	row("rr", "rr", false);
	row("rr, order restored", "rr", true);
	row("weighted", "weighted", false);
	row("jsq", "jsq", false);
	row("flow", "flow", false);
	row("flow-jsq", "flow-jsq", false);
	return 0;
}
