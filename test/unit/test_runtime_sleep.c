/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sleep and wake between the engine's real loop and the MD's channel: hundreds of thousands of
 * hand-overs at every phase of falling asleep, and no wake is ever lost. And one that is awake
 * gives way to others on its CPU.
 *
 * The linker puts __wrap_syscall() under the loop (--wrap=syscall): FUTEX_WAIT gets a deadline that
 * no hand-over comes near, and one that ends by it while a packet waits is a lost wake. Likewise
 * __wrap_sched_yield() counts.
 */
#include "kit.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "../../apps/pdp-engine/runtime.h"

#define HANDOVERS   200000
#define SECONDS_MAX 5 /* on a loaded machine it may be fewer hand-overs */
#define DEADLINE_S  3
#define WORK_US	    100

static struct kit k;
static struct pdp_vr vr;
static uint64_t sleeps, lost, ticks, yields;
static __thread bool is_engine;
static long asked_s; /* deadline of the last sleep */

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

long __wrap_syscall(long number, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, number);
	for (unsigned int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (number == SYS_futex && a[1] == FUTEX_WAIT) {
		struct timespec ts = {.tv_sec = DEADLINE_S};
		long rc;

		__atomic_store_n(&asked_s, ((struct timespec *)a[3])->tv_sec, __ATOMIC_RELAXED);
		__atomic_fetch_add(&sleeps, 1, __ATOMIC_RELAXED);
		rc = __real_syscall(number, a[0], a[1], a[2], &ts, a[4], a[5]);
		if (rc != 0 && errno == ETIMEDOUT && pdp_ring_count(&vr.channels[0].to) != 0)
			lost++;
		return rc;
	}
	return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int __real_sched_yield(void);
int __wrap_sched_yield(void);

int __wrap_sched_yield(void)
{
	if (is_engine)
		__atomic_fetch_add(&yields, 1, __ATOMIC_RELAXED);
	return __real_sched_yield();
}

static void process(void *state, struct pdp_pkt *pkts, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		pkts[i].verdict = PDP_FORWARD;
}

static void tick(void *state, uint64_t now)
{
	__atomic_fetch_add(&ticks, 1, __ATOMIC_RELAXED);
}

static const struct pdp_vr_ops ops = {
	.abi_version = PDP_VR_ABI_VERSION, .name = "test", .process = process};
static const struct pdp_vr_ops ticking = {
	.abi_version = PDP_VR_ABI_VERSION, .name = "test", .process = process, .tick = tick};

/* Has the CPU for longer than it may keep it with nothing to do, and may poll for a while then. */
static void work(void *state, struct pdp_pkt *pkts, unsigned int n)
{
	const uint64_t until = rte_rdtsc() + rte_get_tsc_hz() / 1000000 * WORK_US;

	while (rte_rdtsc() < until)
		;
	process(state, pkts, n);
}

static const struct pdp_vr_ops working = {
	.abi_version = PDP_VR_ABI_VERSION, .name = "test", .process = work};

static void *engine(void *arg)
{
	is_engine = true;
	rt_loop(&vr);
	return NULL;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void open_engine(int sock)
{
	static struct pdp_vif_conf *conf;

	kit_open(&k, 64, 8, 0);
	k.ch->may_sleep = true;
	conf = ((struct pdp_engine_conf *)pdp_region_conf(k.region))->vifs;
	((struct pdp_engine_conf *)pdp_region_conf(k.region))->n_vifs = 1;
	*conf = (struct pdp_vif_conf){.name = "a", .kind = PDP_VIF_ETHERNET, .mtu = 1500};
	rt_init(&vr, k.region, sock);
	pdp_vif_init(&vr.vifs[0], conf);
	vr.ops = &ops;
	vr.max_burst = PDP_BURST_MAX;
	vr.tick_tsc = vr.tsc_hz;
}

/* One packet there and back. The MD's part of the loop: collect, and the wake that is owed. */
static void hand_over(uint64_t end_ns)
{
	struct pdp_return r;
	struct rte_mbuf *m;
	bool ok;

	kit_stage(k.ch, kit_packet(k.pool, 60, 1), 0, 0, 0);
	pdp_chan_flush(k.ch);
	while (pdp_ring_take(&k.ch->from, &r, 1, sizeof(r)) == 0) {
		if (k.ch->wake_pending)
			pdp_chan_notify(k.ch);
		sched_yield();
		assert_true(now_ns() < end_ns);
	}
	assert_int_equal(kit_chan_take(k.ch, &r, &m, &ok), KIT_PKT);
	assert_true(ok);
	rte_pktmbuf_free(m);
}

static void test_no_lost_wake(void **state)
{
	const uint64_t end = now_ns() + SECONDS_MAX * 1000000000ull;
	uint64_t n = 0, random = 1;
	pthread_t thread;
	int socks[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, socks), 0);
	open_engine(socks[0]);
	assert_int_equal(pthread_create(&thread, NULL, engine, NULL), 0);
	for (; n < HANDOVERS && now_ns() < end; n++) {
		/* The engine polls some 5 us before it goes to sleep: meet it before, while and
		 * after. */
		const uint64_t pause = (random = random * 6364136223846793005u + 1) >> 32;
		const uint64_t until = rte_rdtsc() + pause % 12000 * rte_get_tsc_hz() / 1000000000;

		while (rte_rdtsc() < until)
			;
		hand_over(end + 2 * DEADLINE_S * 1000000000ull);
	}
	vr.stop = true;
	pdp_status_wake(vr.status);
	pthread_join(thread, NULL);
	print_message("%lu hand-overs, %lu sleeps, %lu wakes\n", n, sleeps, k.ch->wakes);
	assert_int_equal(lost, 0);
	assert_true(n >= 100);
	assert_true(sleeps > n / 100);
	assert_int_equal(vr.status->rx, n);
	kit_close(&k);
	close(socks[0]);
	close(socks[1]);
}

static void wait_sleeps(uint64_t n)
{
	const uint64_t end = now_ns() + 20000000000ull;

	while (__atomic_load_n(&sleeps, __ATOMIC_RELAXED) < n) {
		assert_true(now_ns() < end);
		usleep(1000);
	}
}

/* Parked: asleep without ticks until it is let in; then it says when its first packet was served.
 */
static void test_parked(void **state)
{
	const uint64_t end = now_ns() + 20000000000ull;
	struct pdp_status *s;
	uint64_t decided, n;
	pthread_t thread;
	int socks[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, socks), 0);
	memset(&vr, 0, sizeof(vr));
	sleeps = 0;
	open_engine(socks[0]);
	vr.ops = &ticking;
	vr.tick_tsc = vr.tsc_hz / 1000;
	s = vr.status;
	s->parked = 1;
	assert_int_equal(pthread_create(&thread, NULL, engine, NULL), 0);
	wait_sleeps(1);
	usleep(50000);
	assert_true(asked_s >= 1);
	assert_true(__atomic_load_n(&sleeps, __ATOMIC_RELAXED) <= 2);
	assert_int_equal(__atomic_load_n(&ticks, __ATOMIC_RELAXED), 0);
	/* Messages and BLANKs reach it as ever. */
	pdp_status_wake(s);
	wait_sleeps(2);
	assert_int_equal(s->served, 0);
	decided = rte_rdtsc();
	__atomic_store_n(&s->parked, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&s->activation, 1, __ATOMIC_RELEASE);
	pdp_status_wake(s);
	n = __atomic_load_n(&sleeps, __ATOMIC_RELAXED);
	hand_over(end);
	assert_int_equal(__atomic_load_n(&s->served, __ATOMIC_ACQUIRE), 1);
	assert_true(s->first_tsc > decided && s->first_tsc < rte_rdtsc());
	decided = s->first_tsc;
	hand_over(end);
	assert_int_equal(s->first_tsc, decided);
	wait_sleeps(n + 2);
	assert_int_equal(__atomic_load_n(&asked_s, __ATOMIC_RELAXED), 0);
	vr.stop = true;
	pdp_status_wake(s);
	pthread_join(thread, NULL);
	assert_true(ticks > 0);
	kit_close(&k);
	close(socks[0]);
	close(socks[1]);
}

/* After work it yields, unless it is alone on its CPU. */
static void test_gives_way(void **state)
{
	const uint64_t end = now_ns() + 20000000000ull;
	uint64_t n;
	pthread_t thread;
	int socks[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, socks), 0);
	memset(&vr, 0, sizeof(vr));
	open_engine(socks[0]);
	vr.ops = &working;
	assert_int_equal(pthread_create(&thread, NULL, engine, NULL), 0);
	while (__atomic_load_n(&yields, __ATOMIC_RELAXED) < 10)
		hand_over(end);
	__atomic_store_n(&vr.status->busy_poll, 1, __ATOMIC_SEQ_CST);
	/* It may have looked at that just before. */
	hand_over(end);
	hand_over(end);
	n = __atomic_load_n(&yields, __ATOMIC_RELAXED);
	for (unsigned int i = 0; i < 200; i++)
		hand_over(end);
	assert_int_equal(__atomic_load_n(&yields, __ATOMIC_RELAXED), n);
	vr.stop = true;
	pthread_join(thread, NULL);
	kit_close(&k);
	close(socks[0]);
	close(socks[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_lost_wake),
					   cmocka_unit_test(test_parked),
					   cmocka_unit_test(test_gives_way)};

	return cmocka_run_group_tests(tests, kit_eal, NULL);
}
