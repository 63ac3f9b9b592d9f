/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Configures and starts the ports: as many queues as there are MD lcores and the device offers, RSS
 * where it can.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_ethdev.h>

#include "node.h"

#define RSS_HF (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP)

static int fail(const struct pdp_port_config *pc, const char *what, int rc)
{
	return complain("port %s: %s: %s", pc->name, what, rte_strerror(-rc));
}

static int find(const struct pdp_port_config *pc, struct node_port *p)
{
	if (rte_eth_dev_get_port_by_name(pc->name, &p->id) == 0)
		return 0;
	return complain(
		"%s: no port is called \"%s\"; add --vdev %s,... or -a PCI to the EAL options",
		node.config_file, pc->name, pc->name);
}

static int set_mtu(const struct pdp_port_config *pc, struct node_port *p,
		   const struct rte_eth_dev_info *info)
{
	int rc = rte_eth_dev_set_mtu(p->id, pc->mtu);

	p->mtu = pc->mtu;
	if (rc == 0 || (rc == -ENOTSUP && pc->mtu <= info->max_mtu))
		return 0;
	if (rc == -ENOTSUP || rc == -EINVAL)
		return complain("port %s: cannot have an MTU of %u; it has %u..%u", pc->name,
				pc->mtu, info->min_mtu, info->max_mtu);
	return fail(pc, "MTU", rc);
}

static int queues(const struct pdp_port_config *pc, struct node_port *p)
{
	uint16_t rx_desc = pc->descriptors, tx_desc = pc->descriptors;
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &rx_desc, &tx_desc);
	int socket = rte_eth_dev_socket_id(p->id);

	for (uint16_t q = 0; rc == 0 && q < p->n_rxq; q++)
		rc = rte_eth_rx_queue_setup(p->id, q, rx_desc, (unsigned int)socket, NULL,
					    node.pool);
	for (uint16_t q = 0; rc == 0 && q < p->n_txq; q++)
		rc = rte_eth_tx_queue_setup(p->id, q, tx_desc, (unsigned int)socket, NULL);
	p->rx_desc = rx_desc;
	p->tx_desc = tx_desc;
	return rc == 0 ? 0 : fail(pc, "queues", rc);
}

static int configure(const struct pdp_port_config *pc, struct node_port *p)
{
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = {0};
	int rc = rte_eth_dev_info_get(p->id, &info);

	if (rc != 0)
		return fail(pc, "information", rc);
	p->n_rxq = (uint16_t)RTE_MIN(pc->rx_queues ? pc->rx_queues : node.n_md,
				     RTE_MIN(node.n_md, (unsigned int)info.max_rx_queues));
	p->n_txq = (uint16_t)RTE_MIN(node.n_md, (unsigned int)info.max_tx_queues);
	if (p->n_rxq == 0 || p->n_txq == 0)
		return complain("port %s: the device offers no queue", pc->name);
	conf.rxmode.mtu = (uint32_t)RTE_MIN((uint32_t)pc->mtu, (uint32_t)info.max_mtu);
	if (p->n_rxq > 1 && (info.flow_type_rss_offloads & RSS_HF) != 0) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = info.flow_type_rss_offloads & RSS_HF;
	}
	rc = rte_eth_dev_configure(p->id, p->n_rxq, p->n_txq, &conf);
	if (rc != 0)
		return fail(pc, "configuration", rc);
	if (set_mtu(pc, p, &info) != 0)
		return -1;
	return queues(pc, p);
}

static int start(const struct pdp_port_config *pc, struct node_port *p)
{
	struct rte_ether_addr mac;
	int rc = rte_eth_dev_start(p->id);

	if (rc != 0)
		return fail(pc, "start", rc);
	p->started = true;
	if (rte_eth_macaddr_get(p->id, &mac) == 0)
		memcpy(p->mac, mac.addr_bytes, sizeof(p->mac));
	rc = pc->promiscuous ? rte_eth_promiscuous_enable(p->id)
			     : rte_eth_promiscuous_disable(p->id);
	return rc == 0 || rc == -ENOTSUP ? 0 : fail(pc, "promiscuous mode", rc);
}

int ports_init(void)
{
	const struct pdp_config *c = node.config;

	node.ports = calloc(c->n_ports + 1, sizeof(*node.ports));
	if (node.ports == NULL)
		return complain("out of memory");
	for (unsigned int i = 0; i < c->n_ports; i++) {
		if (find(&c->ports[i], &node.ports[i]) != 0 ||
		    configure(&c->ports[i], &node.ports[i]) != 0 ||
		    start(&c->ports[i], &node.ports[i]) != 0) {
			ports_fini();
			return -1;
		}
	}
	/* What the drivers took from the pool at start stays with them. */
	node.pool_in_ports = (int64_t)node.pool_size - rte_mempool_avail_count(node.pool);
	return 0;
}

void ports_fini(void)
{
	for (unsigned int i = 0; node.config != NULL && i < node.config->n_ports; i++) {
		if (node.ports[i].started)
			rte_eth_dev_stop(node.ports[i].id);
		if (node.ports[i].n_rxq != 0 && !node.locks_lost)
			rte_eth_dev_close(node.ports[i].id);
	}
	free(node.ports);
	node.ports = NULL;
}
