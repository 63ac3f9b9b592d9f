/* SPDX-License-Identifier: BSD-3-Clause */
/* A net_loadgen port as a sink: loss, reordering, duplicates, latency with known answers; mbufs of
 * every kind go back. */
#include "loadgen_env.h"

#define N 100

static struct rte_mbuf *pkts[N];

static void loss_shows_on_both_ends(void **state)
{
	uint16_t source = port_open("net_loadgen0", "loop=closed,flows=4", 1);
	uint16_t sink = port_open("net_loadgen1", "start=0", 1);
	struct pdp_loadgen_stats s;

	receive_all(source, 0, pkts, N);
	send_all(sink, 0, pkts, 20);
	rte_pktmbuf_free_bulk(pkts + 20, 6); /* lost */
	send_all(sink, 0, pkts + 26, N - 26 - 8);
	rte_pktmbuf_free_bulk(pkts + N - 8, 8); /* lost, and nothing after it tells */
	s = stats_of(sink);
	assert_int_equal(s.sent, N - 14);
	assert_int_equal(s.sent_bytes, (N - 14) * 64);
	assert_int_equal(s.missing, 6);
	assert_int_equal(s.reordered + s.duplicates + s.unstamped, 0);
	assert_int_equal(s.latency_samples, N - 14);
	s = stats_of(source);
	assert_int_equal(s.stamped, N);
	assert_int_equal(s.returned, N - 14);
	assert_int_equal(s.lost, 14);
	assert_int_equal(pdp_loadgen_stats_reset(sink), 0);
	s = stats_of(sink);
	assert_int_equal(s.sent + s.missing + s.latency_samples + s.latency_max_ns, 0);
	port_close("net_loadgen0");
	port_close("net_loadgen1");
}

/* An outage is the longest time in which nothing came; what was before a reset is forgotten. */
static void the_longest_gap(void **state)
{
	uint16_t port = port_open("net_loadgen0", "loop=closed", 1);
	const uint64_t before = rte_rdtsc();

	receive_all(port, 0, pkts, 30);
	send_all(port, 0, pkts, 10);
	assert_int_equal(stats_of(port).gap_max_ns, 0);
	rte_delay_us_block(2000);
	send_all(port, 0, pkts + 10, 10);
	assert_in_range(stats_of(port).gap_max_ns, 2000000, 500000000);
	assert_int_equal(stats_of(port).gap_early_ns, stats_of(port).gap_max_ns);
	assert_in_range(stats_of(port).gap_early_end_tsc, before, rte_rdtsc());
	rte_delay_us_block(50000);
	send_all(port, 0, pkts + 20, 1);
	assert_true(stats_of(port).gap_max_ns >= 50000000);
	assert_true(stats_of(port).gap_early_ns < stats_of(port).gap_max_ns);
	assert_int_equal(pdp_loadgen_stats_reset(port), 0);
	rte_delay_us_block(2000);
	send_all(port, 0, pkts + 21, 9);
	assert_int_equal(stats_of(port).gap_max_ns + stats_of(port).gap_early_ns, 0);
	port_close("net_loadgen0");
}

static void reordering_and_duplicates(void **state)
{
	uint16_t port = port_open("net_loadgen0", "loop=closed", 1);
	struct pdp_loadgen_stats s;
	struct rte_mbuf *late, *copies[2];

	receive_all(port, 0, pkts, N);
	copies[0] = rte_pktmbuf_copy(pkts[3], env_pool, 0, UINT32_MAX);
	copies[1] = rte_pktmbuf_copy(pkts[90], env_pool, 0, UINT32_MAX);
	assert_true(copies[0] != NULL && copies[1] != NULL);
	late = pkts[10]; /* 17 packets overtake number 10 */
	memmove(&pkts[10], &pkts[11], 17 * sizeof(pkts[0]));
	pkts[27] = late;
	send_all(port, 0, pkts, N);
	send_all(port, 0, copies, 2);
	s = stats_of(port);
	assert_int_equal(s.missing, 0);
	assert_int_equal(s.reordered, 1);
	assert_int_equal(s.reorder_extent_max, 17);
	assert_int_equal(s.duplicates, 2);
	assert_int_equal(s.sent, N + 2);
	assert_int_equal(s.returned, N);
	assert_int_equal(s.lost, 0);
	port_close("net_loadgen0");
}

/* Flow numbers of two sources are told apart, whichever sink they come out of. */
static void two_sources_one_sink(void **state)
{
	uint16_t a = port_open("net_loadgen0", "loop=closed,flows=7", 1);
	uint16_t b = port_open("net_loadgen1", "loop=closed,flows=7", 1);

	for (int round = 0; round < 20; round++) {
		receive_all(a, 0, pkts, 31);
		receive_all(b, 0, pkts + 31, 37);
		send_all(b, 0, pkts, 68);
	}
	assert_int_equal(stats_of(a).returned, 620);
	assert_int_equal(stats_of(b).returned, 740);
	assert_int_equal(stats_of(b).sent, 1360);
	assert_int_equal(stats_of(b).reordered + stats_of(b).missing + stats_of(b).duplicates, 0);
	port_close("net_loadgen0");
	/* A stamp of a source that is gone is no stamp. */
	receive_all(b, 0, pkts, 1);
	stamp_of(pkts[0])->flow = 0;
	send_all(b, 0, pkts, 1);
	assert_int_equal(stats_of(b).unstamped, 1);
	port_close("net_loadgen1");
}

static uint64_t to_ns(uint64_t cycles)
{
	return (uint64_t)((double)cycles * 1e9 / (double)rte_get_tsc_hz());
}

/* A percentile is within 1 % of a latency between low and high. */
static void expect_percentile(uint64_t is_ns, uint64_t low_ns, uint64_t high_ns)
{
	assert_in_range(is_ns, low_ns - low_ns / 100, high_ns + high_ns / 100);
}

/* Latency put in by hand: 90 packets of 1 ms, 9 of 10 ms, one of 100 ms. Time passes besides: only
 * upwards. */
static void latency_has_known_percentiles(void **state)
{
	uint16_t port = port_open("net_loadgen0", "loop=closed,flows=100", 1);
	uint64_t ms = rte_get_tsc_hz() / 1000, begin, slack_ns;
	struct pdp_loadgen_stats s;

	receive_all(port, 0, pkts, N);
	begin = rte_rdtsc();
	for (int i = 0; i < N; i++)
		stamp_of(pkts[i])->due_tsc = begin - (i < 90 ? ms : i < 99 ? 10 * ms : 100 * ms);
	send_all(port, 0, pkts, N);
	slack_ns = to_ns(rte_rdtsc() - begin) + 1;
	s = stats_of(port);
	assert_int_equal(s.latency_samples, N);
	assert_in_range(s.latency_min_ns, 1000000 - 1, 1000000 + slack_ns);
	expect_percentile(s.latency_p50_ns, 1000000, 1000000 + slack_ns);
	expect_percentile(s.latency_p90_ns, 1000000, 1000000 + slack_ns);
	expect_percentile(s.latency_p99_ns, 10000000, 10000000 + slack_ns);
	expect_percentile(s.latency_p999_ns, 100000000, 100000000 + slack_ns);
	assert_in_range(s.latency_max_ns, 100000000 - 10, 100000000 + slack_ns);
	expect_percentile(s.latency_mean_ns, 2800000, 2800000 + slack_ns);
	port_close("net_loadgen0");
}

/* Time spent waiting for a late reader is latency, too: that is what open loop is for. Packet i is
 * due 100 (i + 1) us after the clock's start, which lies within the first burst; all 50 leave at
 * one moment, within the sending. The 25th latency from below is that of packet 25. */
static void waiting_counts_as_latency(void **state)
{
	uint16_t port = port_open("net_loadgen0", "rate=10k,count=50,rxq=50", 1);
	uint64_t begin = rte_rdtsc(), started, sending, least_ns, most_ns;
	struct pdp_loadgen_stats s;

	assert_int_equal(rte_eth_rx_burst(port, 0, pkts, 1), 0);
	started = rte_rdtsc();
	rte_delay_us_block(5000);
	receive_all(port, 0, pkts, 50);
	sending = rte_rdtsc();
	send_all(port, 0, pkts, 50);
	least_ns = to_ns(sending - started);
	most_ns = to_ns(rte_rdtsc() - begin);
	assert_true(least_ns >= 4999000); /* the delay was one */
	s = stats_of(port);
	assert_in_range(s.latency_max_ns, least_ns - 100000 - 10, most_ns - 100000 + 10);
	expect_percentile(s.latency_p50_ns, least_ns - 2600000, most_ns - 2600000);
	port_close("net_loadgen0");
}

/* A line of 1000 packets a second with room for 64: the rest stays the sender's. */
static void a_line_has_a_rate(void **state)
{
	uint16_t sink, source = port_open("net_loadgen1", "loop=closed", 1);
	uint64_t begin, opened, end, sent = 0;
	struct pdp_loadgen_stats s;

	sink = port_open("net_loadgen0", "start=0,tx_rate=1000", 1);
	assert_int_equal(rte_eth_dev_stop(sink), 0);
	assert_int_equal(rte_eth_tx_queue_setup(sink, 0, 64, 0, NULL), 0);
	assert_int_equal(rte_eth_dev_start(sink), 0);
	receive_all(source, 0, pkts, N);
	begin = rte_rdtsc();
	for (int i = 0; i < N; i++)
		stamp_of(pkts[i])->due_tsc = begin;
	sent = rte_eth_tx_burst(sink, 0, pkts, N);
	opened = rte_rdtsc();
	assert_int_equal(sent, 64);
	rte_delay_us_block(10000);
	sent += rte_eth_tx_burst(sink, 0, pkts + sent, (uint16_t)(N - sent));
	end = rte_rdtsc();
	assert_in_range(sent, 64 + RTE_MIN(10u, N - 64u),
			64 + (end - begin) * 1000 / rte_get_tsc_hz() + 1);
	s = stats_of(sink);
	assert_int_equal(s.sent, sent);
	/* The 64th leaves 64 ms after the line began. */
	assert_true(s.latency_max_ns >= 63999000);
	assert_true(s.latency_min_ns <= to_ns(opened - begin) + 1000010);
	assert_true(s.latency_min_ns >= 999990);
	rte_pktmbuf_free_bulk(pkts + sent, (unsigned int)(N - sent));
	port_close("net_loadgen0");
	port_close("net_loadgen1");
}

static void packets_of_others_are_unstamped(void **state)
{
	uint16_t port = port_open("net_loadgen0", "start=0", 1);

	assert_int_equal(rte_pktmbuf_alloc_bulk(env_pool, pkts, 10), 0);
	for (int i = 0; i < 10; i++)
		assert_non_null(rte_pktmbuf_append(pkts[i], 100));
	send_all(port, 0, pkts, 10);
	assert_int_equal(stats_of(port).unstamped, 10);
	assert_int_equal(stats_of(port).sent_bytes, 1000);
	assert_int_equal(stats_of(port).latency_samples, 0);
	port_close("net_loadgen0");
}

/* Shared, chained, cloned, of another pool: all are freed, none twice. */
static void every_kind_of_mbuf_goes_back(void **state)
{
	struct rte_mempool *other = rte_pktmbuf_pool_create("other", 63, 0, 0,
							    RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	uint16_t port = port_open("net_loadgen0", "loop=closed", 1);
	unsigned int used = rte_mempool_in_use_count(env_pool);
	struct rte_mbuf *clone, *shared;

	assert_non_null(other);
	for (int kind = 0; kind < 5; kind++) {
		receive_all(port, 0, pkts, 8);
		shared = pkts[2];
		if (kind == 0) {
			rte_mbuf_refcnt_update(shared, 1);
		} else if (kind == 1) {
			assert_int_equal(rte_pktmbuf_chain(pkts[3], rte_pktmbuf_alloc(env_pool)),
					 0);
		} else if (kind == 2) {
			clone = rte_pktmbuf_clone(pkts[4], env_pool);
			rte_pktmbuf_free(pkts[4]);
			pkts[4] = clone;
		} else if (kind == 3) {
			rte_pktmbuf_free(pkts[5]);
			pkts[5] = rte_pktmbuf_alloc(other);
		}
		send_all(port, 0, pkts, 8);
		if (kind == 0) {
			assert_int_equal(rte_mempool_in_use_count(env_pool), used + 1);
			assert_int_equal(rte_mbuf_refcnt_read(shared), 1);
			rte_pktmbuf_free(shared);
		}
		assert_int_equal(rte_mempool_in_use_count(env_pool), used);
		assert_int_equal(rte_mempool_in_use_count(other), 0);
	}
	/* What went back is fit to be given out again. */
	receive_all(port, 0, pkts, N);
	for (int i = 0; i < N; i++)
		assert_int_equal(rte_mbuf_check(pkts[i], 1, &(const char *){NULL}), 0);
	rte_pktmbuf_free_bulk(pkts, N);
	port_close("net_loadgen0");
	rte_mempool_free(other);
}

/* Several tx queues: a flow may leave by any of them. */
static void several_tx_queues(void **state)
{
	uint16_t port = port_open("net_loadgen0", "loop=closed,flows=16", 2);
	struct pdp_loadgen_stats s;

	for (int round = 0; round < 100; round++) {
		receive_all(port, round & 1, pkts, N);
		send_all(port, 0, pkts, N / 2);
		send_all(port, 1, pkts + N / 2, N / 2);
	}
	s = stats_of(port);
	assert_int_equal(s.sent, 100 * N);
	assert_int_equal(s.returned, 100 * N);
	assert_int_equal(s.lost + s.missing + s.reordered + s.duplicates, 0);
	port_close("net_loadgen0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		port_test(loss_shows_on_both_ends),
		port_test(the_longest_gap),
		port_test(reordering_and_duplicates),
		port_test(two_sources_one_sink),
		port_test(latency_has_known_percentiles),
		port_test(waiting_counts_as_latency),
		port_test(a_line_has_a_rate),
		port_test(packets_of_others_are_unstamped),
		port_test(every_kind_of_mbuf_goes_back),
		port_test(several_tx_queues),
	};

	return cmocka_run_group_tests(tests, env_setup, env_teardown);
}
