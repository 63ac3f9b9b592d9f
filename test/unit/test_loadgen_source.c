/* SPDX-License-Identifier: BSD-3-Clause */
/* A net_loadgen port as a source, through ethdev: what comes, when it was due, what is missed, how
 * queues share. */
#include "loadgen_env.h"

#define BURST 64

static void closed_loop_gives_full_bursts(void **state)
{
	uint16_t port = port_open("net_loadgen0", "loop=closed,flows=3", 1);
	struct rte_mbuf *pkts[500];
	uint32_t seqs[3] = {0};

	for (uint16_t n = 1; n <= 500; n += 83) {
		assert_int_equal(rte_eth_rx_burst(port, 0, pkts, n), n);
		for (uint16_t i = 0; i < n; i++) {
			struct pdp_loadgen_stamp *s = stamp_of(pkts[i]);

			assert_non_null(s);
			assert_in_range(s->flow & 0xffffff, 0, 2);
			assert_int_equal(s->seq, seqs[s->flow & 0xffffff]++);
			assert_int_equal(pkts[i]->pkt_len, 64);
			assert_int_equal(pkts[i]->data_len, 64);
			assert_int_equal(pkts[i]->nb_segs, 1);
			assert_int_equal(pkts[i]->port, port);
			assert_int_equal(rte_mbuf_refcnt_read(pkts[i]), 1);
			assert_int_equal(rte_mbuf_check(pkts[i], 1, &(const char *){NULL}), 0);
		}
		rte_pktmbuf_free_bulk(pkts, n);
	}
	port_close("net_loadgen0");
}

/* One burst: the queue looks at its clock and its orders. */
static uint16_t poll_once(uint16_t port, uint16_t queue)
{
	struct rte_mbuf *pkts[BURST];
	uint16_t n = rte_eth_rx_burst(port, queue, pkts, BURST);

	rte_pktmbuf_free_bulk(pkts, n);
	return n;
}

/* Read all there is. Only for sources that end: a slow machine never empties one that goes on. */
static uint64_t drain(uint16_t port, uint16_t queue)
{
	struct rte_mbuf *pkts[BURST];
	uint64_t total = 0;
	uint16_t n;

	while ((n = rte_eth_rx_burst(port, queue, pkts, BURST)) > 0) {
		rte_pktmbuf_free_bulk(pkts, n);
		total += n;
	}
	return total;
}

static void count_is_exact(void **state)
{
	uint16_t port = port_open("net_loadgen0", "loop=closed,count=10007,flows=64", 4);
	uint64_t total = 0;

	for (int round = 0; round < 3; round++) {
		total = 0;
		assert_int_equal(pdp_loadgen_done(port), 0);
		for (uint16_t q = 0; q < 4; q++) {
			uint64_t n = drain(port, q);

			assert_in_range(n, 1000, 5000);
			total += n;
		}
		assert_int_equal(total, 10007);
		assert_int_equal(pdp_loadgen_done(port), 1);
		assert_int_equal(drain(port, 0), 0);
		assert_int_equal(pdp_loadgen_restart(port), 0);
	}
	assert_int_equal(stats_of(port).received, 3 * 10007);
	port_close("net_loadgen0");
}

static void wait_us(uint64_t us)
{
	rte_delay_us_block((unsigned int)us);
}

static void due_times_follow_the_rate(void **state)
{
	uint16_t port = port_open("net_loadgen0", "rate=1m,flows=10,count=1000,rxq=1000", 1);
	double period = (double)rte_get_tsc_hz() / 1e6;
	uint64_t begin = rte_rdtsc(), last = 0, now;
	struct rte_mbuf *pkts[1000];

	assert_int_equal(rte_eth_rx_burst(port, 0, pkts, 1), 0); /* the clock starts here */
	now = rte_rdtsc();
	receive_all(port, 0, pkts, 1000);
	for (int i = 0; i < 1000; i++) {
		struct pdp_loadgen_stamp *s = stamp_of(pkts[i]);

		assert_non_null(s);
		if (i == 0)
			assert_in_range(s->due_tsc, begin + (uint64_t)period - 1,
					now + (uint64_t)period + 1);
		else
			assert_in_range(s->due_tsc - last, (uint64_t)period - 1,
					(uint64_t)period + 2);
		assert_true(s->due_tsc <= rte_rdtsc());
		last = s->due_tsc;
		assert_int_equal(s->seq, i / 10);
	}
	rte_pktmbuf_free_bulk(pkts, 1000);
	port_close("net_loadgen0");
}

/* The rate, however this process is scheduled: what is offered follows from the time that passed.
 */
static void rates_are_met(void **state)
{
	static const uint64_t rates[] = {1000, 123457, 20000000};
	char args[64];

	for (size_t i = 0; i < RTE_DIM(rates); i++) {
		uint64_t before, after, first, last, offered, hz = rte_get_tsc_hz();
		uint16_t port;

		snprintf(args, sizeof(args), "rate=%lu", (unsigned long)rates[i]);
		port = port_open("net_loadgen0", args, 1);
		before = rte_rdtsc();
		poll_once(port, 0);
		after = rte_rdtsc();
		wait_us(50000);
		first = rte_rdtsc();
		poll_once(port, 0);
		last = rte_rdtsc();
		offered = stats_of(port).offered;
		assert_in_range(offered, (first - after) * rates[i] / hz,
				(last - before) * rates[i] / hz + 1);
		port_close("net_loadgen0");
	}
}

static void overflow_goes_to_imissed(void **state)
{
	uint16_t port = port_open("net_loadgen0", "rate=10m,count=10000,rxq=256", 1);
	struct rte_eth_stats eth;

	assert_int_equal(drain(port, 0), 0);
	wait_us(5000); /* all 10,000 are due after 1 ms */
	assert_int_equal(drain(port, 0), 256);
	assert_int_equal(drain(port, 0), 0);
	assert_int_equal(rte_eth_stats_get(port, &eth), 0);
	assert_int_equal(eth.ipackets, 256);
	assert_int_equal(eth.ibytes, 256 * 64);
	assert_int_equal(eth.imissed, 9744);
	assert_int_equal(stats_of(port).offered, 10000);
	assert_int_equal(pdp_loadgen_done(port), 1);
	assert_int_equal(pdp_loadgen_stats_reset(port), 0);
	assert_int_equal(rte_eth_stats_get(port, &eth), 0);
	assert_int_equal(eth.ipackets + eth.ibytes + eth.imissed, 0);
	port_close("net_loadgen0");

	/* Without rxq it is the number of descriptors, here 512. */
	port = port_open("net_loadgen0", "rate=10m,count=10000", 1);
	drain(port, 0);
	wait_us(5000);
	assert_int_equal(drain(port, 0), 512);
	port_close("net_loadgen0");
}

static void an_empty_pool_is_counted_and_loses_nothing(void **state)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create("small", 100, 0, 0,
							   RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	uint16_t port = port_open_pool("net_loadgen0", "rate=1m,count=300,rxq=1000", 1, pool, 0);
	struct rte_mbuf *pkts[300];
	struct rte_eth_stats eth;

	drain(port, 0);
	wait_us(1000);
	assert_int_equal(rte_eth_rx_burst(port, 0, pkts, 90), 90);
	assert_int_equal(rte_eth_rx_burst(port, 0, pkts + 90, 90), 0);
	assert_int_equal(rte_eth_stats_get(port, &eth), 0);
	assert_int_equal(eth.rx_nombuf, 64);
	assert_int_equal(eth.imissed, 0);
	rte_pktmbuf_free_bulk(pkts, 90);
	assert_int_equal(drain(port, 0), 210);
	port_close("net_loadgen0");
	rte_mempool_free(pool);
}

static void poisson_arrivals_vary(void **state)
{
	uint16_t port = port_open("net_loadgen0", "rate=1m,arrivals=poisson,rxq=100000,count=2000",
				  1);
	uint64_t period = rte_get_tsc_hz() / 1000000, last = 0, short_gaps = 0, first = 0;
	struct rte_mbuf *pkts[2000];

	receive_all(port, 0, pkts, 2000);
	for (int i = 0; i < 2000; i++) {
		uint64_t due = stamp_of(pkts[i])->due_tsc;

		first = i == 0 ? due : first;
		assert_true(due >= last);
		short_gaps += i > 0 && due - last < period / 2;
		last = due;
	}
	assert_in_range(short_gaps, 650, 920); /* 1 - exp(-1/2) of them: 787 */
	assert_in_range(last - first, 1800 * period, 2200 * period);
	rte_pktmbuf_free_bulk(pkts, 2000);
	port_close("net_loadgen0");
}

static void control_while_running(void **state)
{
	uint16_t port = port_open("net_loadgen0", "start=0,rate=1000,rxq=1000000", 1);
	uint64_t n;

	wait_us(3000);
	assert_int_equal(poll_once(port, 0), 0);
	assert_int_equal(pdp_loadgen_start(port), 0);
	poll_once(port, 0);
	assert_int_equal(pdp_loadgen_set_rate(port, 1000000), 0);
	poll_once(port, 0);
	n = stats_of(port).offered;
	wait_us(5000);
	poll_once(port, 0);
	assert_true(stats_of(port).offered - n >= 4990);
	assert_int_equal(pdp_loadgen_set_profile(port, "0:0.001+2000000:0.001+0:1000"), 0);
	poll_once(port, 0);
	n = stats_of(port).offered;
	wait_us(4000);
	poll_once(port, 0);
	assert_int_equal(stats_of(port).offered - n, 2000);
	assert_int_equal(pdp_loadgen_set_rate(port, 0), 0); /* as fast as asked */
	for (int i = 0; i < 100; i++)
		assert_int_equal(poll_once(port, 0), BURST);
	assert_int_equal(pdp_loadgen_stop(port), 0);
	assert_int_equal(poll_once(port, 0), 0);
	assert_int_equal(pdp_loadgen_set_profile(port, "never"), -EINVAL);
	assert_int_equal(pdp_loadgen_set_rate(999, 1), -ENODEV);
	assert_int_equal(pdp_loadgen_stop(RTE_MAX_ETHPORTS), -ENODEV);
	port_close("net_loadgen0");
	assert_int_equal(pdp_loadgen_start(port), -ENODEV);
}

static void weights_are_exact(void **state)
{
	uint16_t port = port_open(
		"net_loadgen0",
		"loop=closed,flows=20,mix=udp:4801@3+vlan:12@1+src:10.1.0.0/16@2+vxlan:4789:100@1",
		1);
	unsigned int udp = 0, vlan = 0, src = 0, vxlan = 0;
	struct rte_mbuf *pkts[700];

	receive_all(port, 0, pkts, 700);
	for (int i = 0; i < 700; i++) {
		const uint8_t *p = rte_pktmbuf_mtod(pkts[i], uint8_t *);

		vlan += p[12] == 0x81;
		src += p[12] == 8 && p[26] == 10 && p[27] == 1;
		udp += p[12] == 8 && p[26] == 10 && p[27] == 255 && (p[36] << 8 | p[37]) == 4801;
		vxlan += p[12] == 8 && p[26] == 10 && p[27] == 255 && (p[36] << 8 | p[37]) == 4789;
	}
	assert_int_equal(udp, 300);
	assert_int_equal(vlan, 100);
	assert_int_equal(src, 200);
	assert_int_equal(vxlan, 100);
	rte_pktmbuf_free_bulk(pkts, 700);
	port_close("net_loadgen0");
}

static void imix_is_7_4_1(void **state)
{
	uint16_t port = port_open("net_loadgen0", "loop=closed,flows=12,size=imix", 1);
	unsigned int sizes[1501] = {0}, flow0_sizes[1501] = {0};
	struct rte_mbuf *pkts[1200];

	receive_all(port, 0, pkts, 1200);
	for (int i = 0; i < 1200; i++) {
		assert_in_range(pkts[i]->pkt_len, 64, 1500);
		sizes[pkts[i]->pkt_len]++;
		flow0_sizes[pkts[i]->pkt_len] += (stamp_of(pkts[i])->flow & 0xffffff) == 0;
	}
	assert_int_equal(sizes[64], 700);
	assert_int_equal(sizes[576], 400);
	assert_int_equal(sizes[1500], 100);
	assert_true(flow0_sizes[64] > 30 && flow0_sizes[576] > 10 && flow0_sizes[1500] > 0);
	rte_pktmbuf_free_bulk(pkts, 1200);
	port_close("net_loadgen0");
}

/* Flows stay on their queue, queues get even shares, and the hash that says so is in the mbuf where
 * it was asked for. */
static void queues_share_flows(void **state)
{
	uint16_t port = port_open_pool("net_loadgen0", "loop=closed,flows=1000", 4, env_pool,
				       RTE_ETH_RX_OFFLOAD_RSS_HASH);
	struct rte_mbuf *pkts[BURST];
	uint8_t queue_of[1000];
	unsigned int n_flows[4] = {0};

	memset(queue_of, 0xff, sizeof(queue_of));
	for (uint16_t q = 0; q < 4; q++) {
		for (int round = 0; round < 20; round++) {
			receive_all(port, q, pkts, BURST);
			for (int i = 0; i < BURST; i++) {
				uint32_t flow = stamp_of(pkts[i])->flow & 0xffffff;

				assert_in_range(flow, 0, 999);
				if (queue_of[flow] == 0xff) {
					queue_of[flow] = (uint8_t)q;
					n_flows[q]++;
				}
				assert_int_equal(queue_of[flow], q);
				assert_true(pkts[i]->ol_flags & RTE_MBUF_F_RX_RSS_HASH);
				assert_int_equal(pkts[i]->hash.rss % 512 % 4, q);
			}
			rte_pktmbuf_free_bulk(pkts, BURST);
		}
		assert_in_range(n_flows[q], 180, 320);
	}
	assert_int_equal(n_flows[0] + n_flows[1] + n_flows[2] + n_flows[3], 1000);
	port_close("net_loadgen0");
}

/* By when packets are due, not by how many came: queues are not read at the same time. */
static void queues_share_the_rate(void **state)
{
	uint16_t port = port_open("net_loadgen0", "rate=1m,flows=1000,rxq=1000000", 2);
	struct rte_mbuf *pkts[1000];
	double rate[2];

	poll_once(port, 0);
	poll_once(port, 1);
	wait_us(20000); /* each queue has about 10,000 */
	for (uint16_t q = 0; q < 2; q++) {
		assert_int_equal(rte_eth_rx_burst(port, q, pkts, 1000), 1000);
		rate[q] = 999.0 * (double)rte_get_tsc_hz() /
			  (double)(stamp_of(pkts[999])->due_tsc - stamp_of(pkts[0])->due_tsc);
		rte_pktmbuf_free_bulk(pkts, 1000);
	}
	assert_in_range((uint64_t)(rate[0] + rate[1]), 999000, 1001000);
	assert_true(rate[0] > rate[1] / 2 && rate[1] > rate[0] / 2);
	port_close("net_loadgen0");
}

static void without_measuring_no_stamp(void **state)
{
	uint16_t port = port_open("net_loadgen0", "loop=closed,measure=0", 1);
	struct rte_mbuf *pkts[8];

	receive_all(port, 0, pkts, 8);
	for (int i = 0; i < 8; i++) {
		assert_null(stamp_of(pkts[i]));
		assert_int_equal(pkts[i]->ol_flags, 0);
	}
	send_all(port, 0, pkts, 8);
	assert_int_equal(stats_of(port).sent, 8);
	assert_int_equal(stats_of(port).stamped, 0);
	port_close("net_loadgen0");
}

static void what_cannot_be_is_refused(void **state)
{
	struct rte_eth_conf conf = {0};
	uint16_t port;

	assert_int_not_equal(rte_vdev_init("net_loadgen0", "colour=red"), 0);
	assert_int_not_equal(rte_vdev_init("net_loadgen0", "pcap=/nonexistent"), 0);
	assert_int_equal(rte_eth_dev_count_avail(), 0);
	/* Frames longer than the pool's mbufs. */
	assert_int_equal(rte_vdev_init("net_loadgen0", "size=9000"), 0);
	assert_int_equal(rte_eth_dev_get_port_by_name("net_loadgen0", &port), 0);
	assert_int_equal(rte_eth_dev_configure(port, 1, 1, &conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup(port, 0, 512, 0, NULL, env_pool), -EINVAL);
	assert_int_equal(rte_vdev_uninit("net_loadgen0"), 0);
}

/* The driver's interface to ethdev is declared in loadgen_dpdk.h where DPDK keeps its own to
 * itself: does it fit? */
static void ethdev_and_driver_agree(void **state)
{
	uint16_t port = port_open("net_loadgen0", "mac=02:00:00:00:00:42,loop=closed", 3), mtu;
	struct rte_eth_dev_info info;
	struct rte_ether_addr mac;
	struct rte_eth_link link;
	struct rte_eth_xstat_name names[100];
	struct rte_eth_xstat xstats[100];
	uint64_t id;
	char name[RTE_ETH_NAME_MAX_LEN];
	int n;

	assert_int_equal(rte_eth_dev_info_get(port, &info), 0);
	assert_string_equal(info.driver_name, "net_loadgen");
	assert_int_equal(info.nb_rx_queues, 3);
	assert_int_equal(info.max_rx_queues, 64);
	assert_int_equal(info.rx_desc_lim.nb_min, 1);
	assert_int_equal(rte_eth_macaddr_get(port, &mac), 0);
	assert_int_equal(mac.addr_bytes[5], 0x42);
	assert_int_equal(rte_eth_dev_get_name_by_port(port, name), 0);
	assert_string_equal(name, "net_loadgen0");
	assert_int_equal(rte_eth_link_get_nowait(port, &link), 0);
	assert_int_equal(link.link_status, RTE_ETH_LINK_UP);
	assert_int_equal(link.link_speed, RTE_ETH_SPEED_NUM_100G);
	assert_int_equal(rte_eth_promiscuous_enable(port), 0);
	assert_int_equal(rte_eth_promiscuous_get(port), 1);
	assert_int_equal(rte_eth_allmulticast_enable(port), 0);
	assert_int_equal(rte_eth_dev_set_mtu(port, 9000), 0);
	assert_int_equal(rte_eth_dev_get_mtu(port, &mtu), 0);
	assert_int_equal(mtu, 9000);
	mac.addr_bytes[5] = 0x43;
	assert_int_equal(rte_eth_dev_default_mac_addr_set(port, &mac), 0);
	n = rte_eth_xstats_get_names(port, names, 100);
	assert_in_range(n, 24, 100);
	assert_int_equal(rte_eth_xstats_get(port, xstats, 100), n);
	assert_int_equal(rte_eth_xstats_get_id_by_name(port, "sink_latency_p999_ns", &id), 0);
	assert_int_equal(rte_eth_xstats_get_id_by_name(port, "source_offered", &id), 0);
	assert_int_equal(rte_eth_xstats_reset(port), 0);
	/* Stopped, with other queues, started again: flows are shared out anew. */
	assert_int_equal(rte_eth_dev_stop(port), 0);
	assert_int_equal(rte_eth_dev_configure(port, 1, 1, &(struct rte_eth_conf){0}), 0);
	assert_int_equal(rte_eth_rx_queue_setup(port, 0, 512, 0, NULL, env_pool), 0);
	assert_int_equal(rte_eth_tx_queue_setup(port, 0, 512, 0, NULL), 0);
	assert_int_equal(rte_eth_dev_start(port), 0);
	struct rte_mbuf *m;
	receive_all(port, 0, &m, 1);
	send_all(port, 0, &m, 1);
	assert_int_equal(stats_of(port).returned, 1);
	port_close("net_loadgen0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		port_test(ethdev_and_driver_agree),
		port_test(closed_loop_gives_full_bursts),
		port_test(count_is_exact),
		port_test(due_times_follow_the_rate),
		port_test(rates_are_met),
		port_test(overflow_goes_to_imissed),
		port_test(an_empty_pool_is_counted_and_loses_nothing),
		port_test(poisson_arrivals_vary),
		port_test(control_while_running),
		port_test(weights_are_exact),
		port_test(imix_is_7_4_1),
		port_test(queues_share_flows),
		port_test(queues_share_the_rate),
		port_test(without_measuring_no_stamp),
		port_test(what_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, env_setup, env_teardown);
}
