/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine's loop and a FIB: the plugin finds the routes, the loop says that it is quiescent
 * between bursts and never within one, and that it is offline while it sleeps.
 */
#include "kit.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <pdp_fib_writer.h>

#include "../../apps/pdp-engine/runtime.h"

static struct kit k;
static struct pdp_vr vr;
static struct pdp_fib *fib;
static const struct pdp_fib_qs *line; /* of this engine, as the writer sees it */
static uint32_t gate;		      /* 1: process() waits */
static uint32_t inside;

static void process(void *state, struct pdp_pkt *pkts, unsigned int n)
{
	const uint32_t ip = 0x0a000001;
	uint16_t number;

	__atomic_store_n(&inside, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&gate, __ATOMIC_ACQUIRE))
		sched_yield();
	pdp_fib_lookup4(&vr.fib, &ip, &number, 1);
	for (unsigned int i = 0; i < n; i++) {
		pkts[i].verdict = number != 0 ? PDP_FORWARD : PDP_PUNT;
		pkts[i].punt_class = PDP_PUNT_ROUTING;
		pkts[i].vif = pdp_fib_resolve(&vr.fib, number, 0).vif;
	}
	__atomic_store_n(&inside, 0, __ATOMIC_RELEASE);
}

static const struct pdp_vr_ops ops = {
	.abi_version = PDP_VR_ABI_VERSION, .name = "test", .process = process};

static void *engine(void *arg)
{
	rt_loop(&vr);
	return NULL;
}

static uint64_t now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec;
}

static void wait_seen(uint64_t epoch)
{
	const uint64_t end = now_s() + 20;

	while (__atomic_load_n(&line->seen, __ATOMIC_ACQUIRE) != epoch) {
		assert_true(now_s() < end);
		sched_yield();
	}
}

static void lend(void)
{
	kit_stage(k.ch, kit_packet(k.pool, 60, 1), 0, 0, 0);
	pdp_chan_flush(k.ch);
	pdp_chan_notify(k.ch);
}

static struct pdp_return receive(void)
{
	const uint64_t end = now_s() + 20;
	struct pdp_return r;
	struct rte_mbuf *m;
	bool ok;

	while (pdp_ring_take(&k.ch->from, &r, 1, sizeof(r)) == 0) {
		pdp_chan_notify(k.ch);
		sched_yield();
		assert_true(now_s() < end);
	}
	assert_int_equal(kit_chan_take(k.ch, &r, &m, &ok), KIT_PKT);
	rte_pktmbuf_free(m);
	return r;
}

/* A route that comes and goes takes a ply with it, which has to rest: a new epoch each time. */
static uint64_t change(void)
{
	const struct pdp_fib_prefix p = {.family = 4, .len = 32, .bytes = {192, 0, 2, 1}};

	assert_int_equal(pdp_fib_add(fib, &p, 1), 0);
	assert_int_equal(pdp_fib_del(fib, &p), 0);
	return vr.fib.head->epoch;
}

static void open_engine(int sock)
{
	const struct pdp_fib_params params = {.name = "test", .no_huge = true};
	struct pdp_engine_conf *conf;
	void *page;
	char err[256];

	kit_open(&k, 64, 8, 0);
	k.ch->may_sleep = true;
	conf = pdp_region_conf(k.region);
	conf->n_vifs = 8;
	conf->vifs[0] = (struct pdp_vif_conf){.name = "a", .kind = PDP_VIF_ETHERNET, .mtu = 1500};
	for (unsigned int i = 0; i < conf->n_vifs; i++)
		pdp_vif_init(&vr.vifs[i], &conf->vifs[0]);
	rt_init(&vr, k.region, sock);
	vr.ops = &ops;
	vr.max_burst = PDP_BURST_MAX;
	vr.tick_tsc = vr.tsc_hz;
	fib = pdp_fib_create(&params);
	assert_non_null(fib);
	pdp_fib_reader_add(fib, k.region->engine);
	assert_int_equal(rt_fib_attach(&vr, pdp_fib_fd(fib), pdp_fib_qs_fd(fib), err, sizeof(err)),
			 0);
	page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, pdp_fib_qs_fd(fib), 0);
	assert_ptr_not_equal(page, MAP_FAILED);
	line = (const struct pdp_fib_qs *)page + k.region->engine;
}

static void close_engine(void)
{
	pdp_fib_detach(&vr.fib);
	pdp_fib_destroy(fib);
	munmap((void *)(uintptr_t)(line - k.region->engine), 4096);
	kit_close(&k);
}

static void test_quiescent_and_offline(void **state)
{
	const struct pdp_fib_nexthop nh = {.type = PDP_FIB_FORWARD, .vif = 5};
	const struct pdp_fib_prefix ten = {.family = 4, .len = 8, .bytes = {10}};
	uint64_t before, after;
	struct pdp_return r;
	pthread_t thread;
	int socks[2], number;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, socks), 0);
	open_engine(socks[0]);
	number = pdp_fib_nexthop_new(fib, &nh, 1);
	assert_true(number > 0);
	assert_int_equal(line->seen, 0);
	vr.status->busy_poll = 1;
	assert_int_equal(pthread_create(&thread, NULL, engine, NULL), 0);
	/* Polling: what the writer frees is free at once. */
	wait_seen(change());
	lend();
	r = receive();
	assert_int_equal(pdp_return_verdict(&r), PDP_PUNT);
	assert_int_equal(pdp_return_reason(&r), PDP_PUNT_ROUTING);
	/* Within a burst it is not, however long that takes. */
	__atomic_store_n(&gate, 1, __ATOMIC_RELEASE);
	before = vr.fib.head->epoch;
	wait_seen(before);
	lend();
	while (!__atomic_load_n(&inside, __ATOMIC_ACQUIRE))
		sched_yield();
	assert_int_equal(pdp_fib_add(fib, &ten, (uint16_t)number), 0);
	after = change();
	assert_true(after > before);
	usleep(20000);
	assert_int_equal(__atomic_load_n(&line->seen, __ATOMIC_ACQUIRE), before);
	__atomic_store_n(&gate, 0, __ATOMIC_RELEASE);
	r = receive();
	assert_int_equal(pdp_return_verdict(&r), PDP_FORWARD);
	assert_int_equal(r.vif, 5);
	wait_seen(after);
	/* Asleep: the writer waits for nobody; awake it sees what is new. */
	__atomic_store_n(&vr.status->busy_poll, 0, __ATOMIC_RELAXED);
	wait_seen(0);
	assert_int_equal(pdp_fib_del(fib, &ten), 0);
	change();
	assert_int_equal(__atomic_load_n(&line->seen, __ATOMIC_ACQUIRE), 0);
	lend();
	r = receive();
	assert_int_equal(pdp_return_verdict(&r), PDP_PUNT);
	wait_seen(0);
	vr.stop = true;
	pdp_status_wake(vr.status);
	pthread_join(thread, NULL);
	assert_int_equal(line->seen, 0);
	close_engine();
	close(socks[0]);
	close(socks[1]);
}

/* A descriptor that is no FIB is refused in a sentence, and the engine has none. */
static void test_refused(void **state)
{
	struct pdp_region region = {0};
	char err[256] = "";

	vr.region = &region;
	assert_true(rt_fib_attach(&vr, -1, -1, err, sizeof(err)) < 0);
	assert_true(err[0] != '\0');
	assert_false(vr.has_fib);
	rt_fib_online(&vr);
	rt_fib_quiescent(&vr);
	rt_fib_offline(&vr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_quiescent_and_offline),
					   cmocka_unit_test(test_refused)};

	return cmocka_run_group_tests(tests, kit_eal, NULL);
}
