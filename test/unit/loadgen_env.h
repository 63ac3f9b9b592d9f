/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports of net_loadgen for tests: one EAL without hugepages, one pool; a port is opened, read, sent
 * to, closed. */
#ifndef LOADGEN_ENV_H
#define LOADGEN_ENV_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_bus_vdev.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

#include <pdp_loadgen.h>

#define ENV_POOL_SIZE 4095

static struct rte_mempool *env_pool;

/* Group setup. */
static int env_setup(void **state)
{
	char *argv[] = {(char *)"test",
			(char *)"--no-huge",
			(char *)"--no-shconf",
			(char *)"-m",
			(char *)"256",
			(char *)"--no-pci",
			(char *)"-l",
			(char *)"0",
			(char *)"--no-telemetry",
			(char *)"--log-level=lib.eal:4"};

	if (rte_eal_init(RTE_DIM(argv), argv) < 0)
		return -1;
	env_pool = rte_pktmbuf_pool_create("env", ENV_POOL_SIZE, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					   0);
	return env_pool != NULL ? 0 : -1;
}

/* Group teardown: a test that kept an mbuf makes the group fail. */
static int env_teardown(void **state)
{
	unsigned int left = rte_mempool_in_use_count(env_pool);

	if (left != 0)
		print_error("%u mbufs were not given back\n", left);
	rte_eal_cleanup();
	return left == 0 ? 0 : -1;
}

/* A started port with n queues each way, or a failed test. */
static inline uint16_t port_open_pool(const char *name, const char *args, uint16_t n_queues,
				      struct rte_mempool *pool, uint64_t offloads)
{
	struct rte_eth_conf conf = {
		.rxmode = {.offloads = offloads,
			   .mq_mode = offloads != 0 ? RTE_ETH_MQ_RX_RSS : RTE_ETH_MQ_RX_NONE},
		.rx_adv_conf = {.rss_conf = {.rss_hf = offloads != 0 ? RTE_ETH_RSS_IP : 0}}};
	uint16_t port;

	if (rte_vdev_init(name, args) != 0)
		fail_msg("%s does not open with '%s'", name, args);
	assert_int_equal(rte_eth_dev_get_port_by_name(name, &port), 0);
	assert_int_equal(rte_eth_dev_configure(port, n_queues, n_queues, &conf), 0);
	for (uint16_t q = 0; q < n_queues; q++) {
		assert_int_equal(rte_eth_rx_queue_setup(port, q, 512, 0, NULL, pool), 0);
		assert_int_equal(rte_eth_tx_queue_setup(port, q, 512, 0, NULL), 0);
	}
	assert_int_equal(rte_eth_dev_start(port), 0);
	return port;
}

static inline uint16_t port_open(const char *name, const char *args, uint16_t n_queues)
{
	return port_open_pool(name, args, n_queues, env_pool, 0);
}

static inline void port_close(const char *name)
{
	uint16_t port;

	assert_int_equal(rte_eth_dev_get_port_by_name(name, &port), 0);
	assert_int_equal(rte_eth_dev_stop(port), 0);
	assert_int_equal(rte_vdev_uninit(name), 0);
}

/* Teardown of a test: what a failed one left open would keep the next from opening its own. */
static inline int ports_close(void **state)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	uint16_t port;

	RTE_ETH_FOREACH_DEV (port) {
		if (rte_eth_dev_get_name_by_port(port, name) != 0)
			continue;
		(void)rte_eth_dev_stop(port);
		(void)rte_vdev_uninit(name);
	}
	return 0;
}

#define port_test(fn) cmocka_unit_test_teardown(fn, ports_close)

/* The stamp of a packet, or NULL. */
static inline struct pdp_loadgen_stamp *stamp_of(struct rte_mbuf *m)
{
	int offset = rte_mbuf_dynfield_lookup(PDP_LOADGEN_STAMP_FIELD, NULL);
	int bit = rte_mbuf_dynflag_lookup(PDP_LOADGEN_STAMP_FLAG, NULL);

	if (offset < 0 || bit < 0 || !(m->ol_flags & (1ull << bit)))
		return NULL;
	return RTE_MBUF_DYNFIELD(m, offset, struct pdp_loadgen_stamp *);
}

/* Read until n packets came; fails after 5 s. */
static inline void receive_all(uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	uint64_t end = rte_rdtsc() + 5 * rte_get_tsc_hz();
	uint16_t done = 0;

	while (done < n) {
		done += rte_eth_rx_burst(port, queue, pkts + done, n - done);
		if (rte_rdtsc() > end)
			fail_msg("only %u of %u packets came", done, n);
	}
}

static inline void send_all(uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	assert_int_equal(rte_eth_tx_burst(port, queue, pkts, n), n);
}

static inline struct pdp_loadgen_stats stats_of(uint16_t port)
{
	struct pdp_loadgen_stats stats;

	assert_int_equal(pdp_loadgen_stats_get(port, &stats), 0);
	return stats;
}

#endif /* LOADGEN_ENV_H */
