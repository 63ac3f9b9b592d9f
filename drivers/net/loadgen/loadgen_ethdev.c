/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The net_loadgen PMD towards DPDK: probe, queues, start, stop, close. Control threads only.
 * In a secondary process a port is attached for its name, infos and statistics; it neither receives
 * nor sends there.
 */
#include "loadgen_priv.h"

#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_mbuf_dyn.h>

RTE_LOG_REGISTER(lg_logtype, pmd.net.loadgen, NOTICE);

int lg_stamp_offset = -1;
uint64_t lg_stamp_flag;
struct lg_flow_table *lg_sources[LG_MAX_SOURCES];
static bool source_used[LG_MAX_SOURCES];

static int stamp_register(struct lg_err *err)
{
	static const struct rte_mbuf_dynfield field = {.name = PDP_LOADGEN_STAMP_FIELD,
						       .size = sizeof(struct pdp_loadgen_stamp),
						       .align = sizeof(uint64_t)};
	static const struct rte_mbuf_dynflag flag = {.name = PDP_LOADGEN_STAMP_FLAG};
	int offset, bit;

	if (lg_stamp_offset >= 0)
		return 0;
	offset = rte_mbuf_dynfield_register(&field);
	bit = offset >= 0 ? rte_mbuf_dynflag_register(&flag) : -1;
	if (bit < 0)
		return lg_fail(err, -rte_errno,
			       "no room in the mbuf for the %zu-byte stamp, give measure=0: %s",
			       field.size, rte_strerror(rte_errno));
	lg_stamp_offset = offset;
	lg_stamp_flag = 1ull << bit;
	return 0;
}

static int dev_configure(struct rte_eth_dev *dev)
{
	return 0;
}

static void mark_shared(void)
{
	bool shared = false;

	for (uint16_t p = 0; p < RTE_MAX_ETHPORTS; p++)
		shared |= lg_ports[p] != NULL && lg_ports[p]->n_txq > 1;
	for (uint16_t p = 0; p < RTE_MAX_ETHPORTS; p++)
		for (uint16_t i = 0; lg_ports[p] != NULL && i < lg_ports[p]->n_txq; i++)
			if (lg_ports[p]->txqs[i] != NULL)
				lg_ports[p]->txqs[i]->shared = shared;
}

/* The queues share the line evenly. */
static void set_tx_rate(struct lg_port *port)
{
	const struct lg_args *a = port->args;

	for (uint16_t i = 0; a->tx_rate != 0 && i < port->n_txq; i++)
		lg_line_set_rate(&port->txqs[i]->line, (double)a->tx_rate, a->tx_rate_bits,
				 1.0 / port->n_txq, (double)rte_get_tsc_hz());
}

static int dev_start(struct rte_eth_dev *dev)
{
	struct lg_port *port = dev->data->dev_private;
	int rc;

	pthread_mutex_lock(&lg_lock);
	port->n_rxq = dev->data->nb_rx_queues;
	port->n_txq = dev->data->nb_tx_queues;
	rc = lg_flows_share(port);
	if (rc == 0) {
		mark_shared();
		set_tx_rate(port);
		for (uint16_t i = 0; i < port->n_rxq; i++)
			port->rxqs[i]->with_hash = dev->data->dev_conf.rxmode.offloads &
						   RTE_ETH_RX_OFFLOAD_RSS_HASH;
		for (uint16_t i = 0; i < port->n_rxq; i++)
			port->rxqs[i]->ol_flags = (port->measure ? lg_stamp_flag : 0) |
						  (port->rxqs[i]->with_hash ? RTE_MBUF_F_RX_RSS_HASH
									    : 0);
		port->ctl.restart_gen++;
		port->ctl.rate_gen++;
		lg_ctl_publish(port);
		dev->data->dev_link.link_status = RTE_ETH_LINK_UP;
	}
	pthread_mutex_unlock(&lg_lock);
	if (rc != 0)
		LG_LOG(ERR, "%s: out of memory for %u flows on %u queues", dev->data->name,
		       port->args->flows, port->n_rxq);
	return rc;
}

static int dev_stop(struct rte_eth_dev *dev)
{
	dev->data->dev_link.link_status = RTE_ETH_LINK_DOWN;
	return 0;
}

static void rx_queue_release(struct rte_eth_dev *dev, uint16_t id)
{
	struct lg_port *port = dev->data->dev_private;
	struct lg_rxq *q = id < LG_MAX_QUEUES ? port->rxqs[id] : NULL;

	if (q == NULL)
		return;
	pthread_mutex_lock(&lg_lock);
	port->rxqs[id] = NULL;
	port->flows_for_queues = 0;
	pthread_mutex_unlock(&lg_lock);
	lg_flows_release(q);
	lg_clock_fini(&q->clock);
	rte_free(q);
}

static void tx_queue_release(struct rte_eth_dev *dev, uint16_t id)
{
	struct lg_port *port = dev->data->dev_private;
	struct lg_txq *q = id < LG_MAX_QUEUES ? port->txqs[id] : NULL;

	if (q == NULL)
		return;
	pthread_mutex_lock(&lg_lock);
	port->txqs[id] = NULL;
	pthread_mutex_unlock(&lg_lock);
	lg_line_fini(&q->line);
	rte_free(q);
}

/* What a fresh mbuf of this queue begins with, as one word. */
static uint64_t make_rearm(uint16_t port_id)
{
	struct rte_mbuf m = {.data_off = RTE_PKTMBUF_HEADROOM, .nb_segs = 1, .port = port_id};
	uint64_t word;

	rte_mbuf_refcnt_set(&m, 1);
	memcpy(&word, (const uint8_t *)&m + offsetof(struct rte_mbuf, rearm_data), sizeof(word));
	return word;
}

/* Frames are one segment, and copied in units. */
static int check_pool(const struct rte_eth_dev *dev, const struct lg_port *port,
		      struct rte_mempool *pool)
{
	uint32_t room = rte_pktmbuf_data_room_size(pool);
	uint32_t need = RTE_PKTMBUF_HEADROOM + RTE_MAX(port->max_frame, (uint32_t)LG_COPY_UNIT);

	if (rte_pktmbuf_priv_flags(pool) & RTE_PKTMBUF_POOL_F_PINNED_EXT_BUF) {
		LG_LOG(ERR,
		       "%s: pool %s has pinned external buffers, a pool with its own is wanted",
		       dev->data->name, pool->name);
		return -EINVAL;
	}
	if (room < need) {
		LG_LOG(ERR,
		       "%s: frames of %u bytes need mbufs with %u bytes of room, pool %s has %u: "
		       "make the pool's mbufs "
		       "larger or the frames smaller (size=, or mtu=1500 for a pcap)",
		       dev->data->name, port->max_frame, need, pool->name, room);
		return -EINVAL;
	}
	return 0;
}

static int rx_queue_setup(struct rte_eth_dev *dev, uint16_t id, uint16_t n_desc,
			  unsigned int socket, const struct rte_eth_rxconf *conf,
			  struct rte_mempool *pool)
{
	struct lg_port *port = dev->data->dev_private;
	uint32_t capacity = port->rxq_size != 0 ? port->rxq_size : n_desc;
	struct lg_rxq *q;

	if (check_pool(dev, port, pool) != 0)
		return -EINVAL;
	rx_queue_release(dev, id);
	q = rte_zmalloc_socket("loadgen_rxq", sizeof(*q), RTE_CACHE_LINE_SIZE, (int)socket);
	if (q == NULL)
		return -ENOMEM;
	if (lg_clock_init(&q->clock, capacity, (double)rte_get_tsc_hz(), port->poisson,
			  port->args->seed + id) != 0) {
		rte_free(q);
		return -ENOMEM;
	}
	q->port = port;
	q->pool = pool;
	q->id = id;
	q->rearm = make_rearm(dev->data->port_id);
	q->stamp = port->measure;
	q->ctl_gen = port->ctl.gen - 1;
	q->rate_gen = port->ctl.rate_gen - 1;
	q->restart_gen = port->ctl.restart_gen - 1;
	q->reset_gen = port->ctl.reset_gen;
	dev->data->rx_queues[id] = q;
	port->rxqs[id] = q;
	port->flows_for_queues = 0;
	return 0;
}

static int tx_queue_setup(struct rte_eth_dev *dev, uint16_t id, uint16_t n_desc,
			  unsigned int socket, const struct rte_eth_txconf *conf)
{
	struct lg_port *port = dev->data->dev_private;
	struct lg_txq *q;

	tx_queue_release(dev, id);
	q = rte_zmalloc_socket("loadgen_txq", sizeof(*q), RTE_CACHE_LINE_SIZE, (int)socket);
	if (q == NULL)
		return -ENOMEM;
	if (port->args->tx_rate != 0 && lg_line_init(&q->line, n_desc) != 0) {
		rte_free(q);
		return -ENOMEM;
	}
	q->port = port;
	q->id = id;
	q->measure = port->measure;
	q->early_tsc = rte_get_tsc_hz() / 1000;
	q->counters.latency_min = UINT64_MAX;
	q->reset_gen = port->ctl.reset_gen;
	dev->data->tx_queues[id] = q;
	port->txqs[id] = q;
	return 0;
}

static int dev_infos_get(struct rte_eth_dev *dev, struct rte_eth_dev_info *info)
{
	info->max_mac_addrs = 1;
	info->min_mtu = RTE_ETHER_MIN_MTU;
	info->max_mtu = UINT16_MAX - RTE_ETHER_HDR_LEN - RTE_ETHER_CRC_LEN - 2 * RTE_VLAN_HLEN;
	info->max_rx_pktlen = UINT16_MAX;
	info->min_rx_bufsize = 0;
	info->max_rx_queues = LG_MAX_QUEUES;
	info->max_tx_queues = LG_MAX_QUEUES;
	info->rx_offload_capa = RTE_ETH_RX_OFFLOAD_RSS_HASH;
	info->tx_offload_capa = RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	info->flow_type_rss_offloads = RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP;
	info->rx_desc_lim = (struct rte_eth_desc_lim){
		.nb_max = UINT16_MAX, .nb_min = 1, .nb_align = 1};
	info->tx_desc_lim = info->rx_desc_lim;
	info->default_rxportconf = (struct rte_eth_dev_portconf){
		.burst_size = 32, .ring_size = 1024, .nb_queues = 1};
	info->default_txportconf = info->default_rxportconf;
	return 0;
}

static int link_update(struct rte_eth_dev *dev, int wait)
{
	return 0;
}

static int set_nothing(struct rte_eth_dev *dev)
{
	return 0;
}

static int mtu_set(struct rte_eth_dev *dev, uint16_t mtu)
{
	return 0;
}

static int mac_addr_set(struct rte_eth_dev *dev, struct rte_ether_addr *mac)
{
	return 0;
}

static void port_free(struct lg_port *port)
{
	lg_ctl_free_profiles(port);
	if (port->args != NULL) {
		lg_port_unprepare(port);
		lg_args_free(port->args);
		free(port->args);
		port->args = NULL;
	}
	lg_sources[port->source] = NULL;
	source_used[port->source] = false;
}

static int dev_close(struct rte_eth_dev *dev)
{
	struct lg_port *port = dev->data->dev_private;

	if (rte_eal_process_type() != RTE_PROC_PRIMARY || port == NULL || port->args == NULL)
		return 0;
	for (uint16_t i = 0; i < LG_MAX_QUEUES; i++) {
		rx_queue_release(dev, i);
		tx_queue_release(dev, i);
	}
	pthread_mutex_lock(&lg_lock);
	lg_ports[port->port_id] = NULL;
	port_free(port);
	pthread_mutex_unlock(&lg_lock);
	dev->data->mac_addrs = NULL; /* stands in dev_private */
	return 0;
}

static const struct eth_dev_ops ops = {
	.dev_configure = dev_configure,
	.dev_start = dev_start,
	.dev_stop = dev_stop,
	.dev_close = dev_close,
	.link_update = link_update,
	.promiscuous_enable = set_nothing,
	.promiscuous_disable = set_nothing,
	.allmulticast_enable = set_nothing,
	.allmulticast_disable = set_nothing,
	.mac_addr_set = mac_addr_set,
	.mtu_set = mtu_set,
	.stats_get = lg_stats_get,
	.stats_reset = lg_stats_reset,
	.xstats_get = lg_xstats_get,
	.xstats_reset = lg_stats_reset,
	.xstats_get_names = lg_xstats_get_names,
	.dev_infos_get = dev_infos_get,
	.rx_queue_setup = rx_queue_setup,
	.rx_queue_release = rx_queue_release,
	.tx_queue_setup = tx_queue_setup,
	.tx_queue_release = tx_queue_release,
};

static const struct eth_dev_ops secondary_ops = {
	.dev_close = dev_close,
	.link_update = link_update,
	.stats_get = lg_stats_get,
	.xstats_get = lg_xstats_get,
	.xstats_get_names = lg_xstats_get_names,
	.dev_infos_get = dev_infos_get,
};

static int port_init(struct lg_port *port, struct lg_args *args, struct lg_err *err)
{
	const uint8_t mac[6] = {0x02, 0x50, 0x44, 0x50, 0x00, port->source};
	int rc;

	port->args = args;
	port->measure = args->measure;
	port->payload = args->payload;
	port->poisson = args->poisson;
	port->rxq_size = args->rxq;
	port->ctl.running = args->start;
	port->ctl.closed = args->closed || (args->profile == NULL && args->rate_pps == 0);
	memcpy(port->mac.addr_bytes, args->has_mac ? args->mac : mac, 6);
	rc = args->measure ? stamp_register(err) : 0;
	if (rc == 0)
		rc = lg_port_prepare(port, err);
	if (rc != 0 || port->ctl.closed)
		return rc;
	if (args->profile == NULL)
		args->profile = lg_profile_constant((double)args->rate_pps);
	if (args->profile == NULL || lg_ctl_set_profile(port, args->profile) != 0) {
		args->profile = NULL;
		return lg_fail(err, -ENOMEM, "out of memory");
	}
	args->profile = NULL; /* the port's now */
	return 0;
}

static int take_source(struct lg_err *err)
{
	for (int i = 0; i < LG_MAX_SOURCES; i++) {
		if (!source_used[i]) {
			source_used[i] = true;
			return i;
		}
	}
	return lg_fail(err, -ENOSPC, "there are %d loadgen ports already", LG_MAX_SOURCES);
}

static int port_create(struct rte_vdev_device *vdev, struct lg_args *args, struct lg_err *err)
{
	struct rte_eth_dev *dev = rte_eth_vdev_allocate(vdev, sizeof(struct lg_port));
	struct lg_port *port;
	int rc;

	if (dev == NULL)
		return lg_fail(err, -ENOMEM, "no ethdev port or memory left");
	port = dev->data->dev_private;
	port->port_id = dev->data->port_id;
	rc = take_source(err);
	if (rc < 0) {
		rte_eth_dev_release_port(dev);
		return rc;
	}
	port->source = (uint8_t)rc;
	rc = port_init(port, args, err);
	if (rc != 0) {
		lg_port_unprepare(port);
		port->args = NULL; /* the caller's still */
		port_free(port);
		rte_eth_dev_release_port(dev);
		return rc;
	}
	lg_sources[port->source] = args->measure ? &port->flows : NULL;
	lg_ports[port->port_id] = port;
	dev->data->mac_addrs = &port->mac;
	dev->data->dev_flags |= RTE_ETH_DEV_AUTOFILL_QUEUE_XSTATS;
	dev->data->dev_link = (struct rte_eth_link){.link_speed = RTE_ETH_SPEED_NUM_100G,
						    .link_duplex = RTE_ETH_LINK_FULL_DUPLEX,
						    .link_autoneg = RTE_ETH_LINK_FIXED};
	dev->dev_ops = &ops;
	dev->rx_pkt_burst = args->pcap != NULL ? lg_rx_pcap : lg_rx_made;
	dev->tx_pkt_burst = args->tx_rate != 0 ? lg_tx_line : lg_tx;
	if (port->pcap != NULL)
		LG_LOG(INFO,
		       "%s: %s: %u packets (%u longer ones cut to the MTU, %u captured only in "
		       "part), %u flows, longest %u "
		       "bytes",
		       dev->data->name, args->pcap, port->pcap->n, port->pcap->n_cut,
		       port->pcap->n_partial, port->pcap->n_flows, port->pcap->longest);
	rte_eth_dev_probing_finish(dev);
	return 0;
}

static int attach_secondary(struct rte_vdev_device *vdev)
{
	struct rte_eth_dev *dev = rte_eth_dev_attach_secondary(rte_vdev_device_name(vdev));

	if (dev == NULL)
		return -ENODEV;
	dev->dev_ops = &secondary_ops;
	dev->device = &vdev->device;
	dev->rx_pkt_burst = lg_no_burst;
	dev->tx_pkt_burst = lg_no_burst;
	lg_ports[dev->data->port_id] = dev->data->dev_private;
	rte_eth_dev_probing_finish(dev);
	return 0;
}

static int probe(struct rte_vdev_device *vdev)
{
	struct lg_args *args;
	struct lg_err err = {""};
	int rc;

	if (rte_eal_process_type() != RTE_PROC_PRIMARY)
		return attach_secondary(vdev);
	args = calloc(1, sizeof(*args));
	if (args == NULL)
		return -ENOMEM;
	rc = lg_args_parse(rte_vdev_device_args(vdev), args, &err);
	if (rc == 0) {
		pthread_mutex_lock(&lg_lock);
		rc = port_create(vdev, args, &err);
		pthread_mutex_unlock(&lg_lock);
	}
	if (rc != 0) {
		LG_LOG(ERR, "%s: %s", rte_vdev_device_name(vdev), err.text);
		lg_args_free(args);
		free(args);
	}
	return rc;
}

static int remove_port(struct rte_vdev_device *vdev)
{
	struct rte_eth_dev *dev = rte_eth_dev_allocated(rte_vdev_device_name(vdev));

	if (dev == NULL)
		return 0;
	dev_close(dev);
	lg_ports[dev->data->port_id] = NULL;
	return rte_eth_dev_release_port(dev);
}

static struct rte_vdev_driver driver = {.probe = probe, .remove = remove_port};

RTE_PMD_REGISTER_VDEV(net_loadgen, driver);
RTE_PMD_REGISTER_PARAM_STRING(
	net_loadgen,
	"rate=<pps>|max size=<60..9000>|imix flows=<n> src=<prefix> dst=<prefix> dst_file=<path> "
	"mix=<entries> vrs=<n> profile=<steps> profile_end=loop|hold|stop pcap=<path> mtu=<n> "
	"repeat=<n> "
	"count=<n> loop=open|closed arrivals=even|poisson rxq=<n> payload=full|none measure=0|1 "
	"start=0|1 seed=<n> tx_rate=<pps>|<bits>bps mac=<mac>");
