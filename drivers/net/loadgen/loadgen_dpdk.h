/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK's driver-side interface: what an Ethernet vdev needs to register itself.
 *
 * DPDK installs the headers for out-of-tree drivers only when it was built with
 * -Denable_driver_sdk=true. Debian's package exports the functions but not the headers, so
 * for 22.11 this file declares the part of that interface that loadgen uses: same names, same
 * layout, nothing else. Where the real headers are installed, they are used. test_loadgen_dpdk.c
 * compares this layout with what the running ethdev library does. The tail of struct rte_eth_dev
 * and of its data is left out on purpose: both are only reached through pointers that DPDK hands
 * out. Unused operations keep their place as untyped pointers.
 */
#ifndef LOADGEN_DPDK_H
#define LOADGEN_DPDK_H

#include <rte_version.h>

#if __has_include(<ethdev_vdev.h>) && !defined(LG_OWN_DRIVER_API)
#include <ethdev_driver.h>
#include <ethdev_vdev.h>
#include <bus_vdev_driver.h>
#elif RTE_VERSION < RTE_VERSION_NUM(22, 11, 0, 0) || RTE_VERSION >= RTE_VERSION_NUM(22, 12, 0, 0)
#error "loadgen needs DPDK's driver headers here: build DPDK with -Denable_driver_sdk=true"
#else
#define LG_DECLARED_DRIVER_API 1

#include <assert.h>
#include <stddef.h>

#include <rte_bus_vdev.h>
#include <rte_common.h>
#include <rte_dev.h>
#include <rte_devargs.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_tailq.h>

struct rte_driver {
	RTE_TAILQ_ENTRY(rte_driver) next;
	const char *name;
	const char *alias;
};

struct rte_device {
	RTE_TAILQ_ENTRY(rte_device) next;
	const char *name;
	const char *bus_info;
	const struct rte_driver *driver;
	const struct rte_bus *bus;
	int numa_node;
	struct rte_devargs *devargs;
};

struct rte_vdev_device {
	RTE_TAILQ_ENTRY(rte_vdev_device) next;
	struct rte_device device;
};

struct rte_vdev_driver {
	RTE_TAILQ_ENTRY(rte_vdev_driver) next;
	struct rte_driver driver;
	int (*probe)(struct rte_vdev_device *dev);
	int (*remove)(struct rte_vdev_device *dev);
	void *dma_ops[2];
	uint32_t drv_flags;
};

struct eth_dev_ops;

/* Per process. */
struct rte_eth_dev {
	eth_rx_burst_t rx_pkt_burst;
	eth_tx_burst_t tx_pkt_burst;
	eth_tx_prep_t tx_pkt_prepare;
	eth_rx_queue_count_t rx_queue_count;
	eth_rx_descriptor_status_t rx_descriptor_status;
	eth_tx_descriptor_status_t tx_descriptor_status;
	struct rte_eth_dev_data *data;
	void *process_private;
	const struct eth_dev_ops *dev_ops;
	struct rte_device *device;
	struct rte_intr_handle *intr_handle;
	/* more follows */
};

/* Shared by all processes. */
struct rte_eth_dev_data {
	char name[RTE_ETH_NAME_MAX_LEN];
	void **rx_queues;
	void **tx_queues;
	uint16_t nb_rx_queues;
	uint16_t nb_tx_queues;
	struct rte_eth_dev_sriov sriov;
	void *dev_private;
	struct rte_eth_link dev_link;
	struct rte_eth_conf dev_conf;
	uint16_t mtu;
	uint32_t min_rx_buf_size;
	uint64_t rx_mbuf_alloc_failed;
	struct rte_ether_addr *mac_addrs;
	uint64_t mac_pool_sel[RTE_ETH_NUM_RECEIVE_MAC_ADDR];
	struct rte_ether_addr *hash_mac_addrs;
	uint16_t port_id;
	uint8_t mode_bits; /* promiscuous, scattered_rx, all_multicast, dev_started, ... */
	uint8_t rx_queue_state[RTE_MAX_QUEUES_PER_PORT];
	uint8_t tx_queue_state[RTE_MAX_QUEUES_PER_PORT];
	uint32_t dev_flags;
	int numa_node;
	/* more follows */
};

/* The driver's operations in DPDK 22.11's order; the numbers count pointers that loadgen leaves
 * NULL. */
struct eth_dev_ops {
	int (*dev_configure)(struct rte_eth_dev *dev);
	int (*dev_start)(struct rte_eth_dev *dev);
	int (*dev_stop)(struct rte_eth_dev *dev);
	int (*dev_set_link_up)(struct rte_eth_dev *dev);
	int (*dev_set_link_down)(struct rte_eth_dev *dev);
	int (*dev_close)(struct rte_eth_dev *dev);
	void *dev_reset;
	int (*link_update)(struct rte_eth_dev *dev, int wait_to_complete);
	void *is_removed;
	int (*promiscuous_enable)(struct rte_eth_dev *dev);
	int (*promiscuous_disable)(struct rte_eth_dev *dev);
	int (*allmulticast_enable)(struct rte_eth_dev *dev);
	int (*allmulticast_disable)(struct rte_eth_dev *dev);
	void *mac_addr_remove;
	void *mac_addr_add;
	int (*mac_addr_set)(struct rte_eth_dev *dev, struct rte_ether_addr *mac);
	void *set_mc_addr_list;
	int (*mtu_set)(struct rte_eth_dev *dev, uint16_t mtu);
	int (*stats_get)(struct rte_eth_dev *dev, struct rte_eth_stats *stats);
	int (*stats_reset)(struct rte_eth_dev *dev);
	int (*xstats_get)(struct rte_eth_dev *dev, struct rte_eth_xstat *xstats, unsigned int n);
	int (*xstats_reset)(struct rte_eth_dev *dev);
	int (*xstats_get_names)(struct rte_eth_dev *dev, struct rte_eth_xstat_name *names,
				unsigned int n);
	void *queue_stats_mapping_set;
	int (*dev_infos_get)(struct rte_eth_dev *dev, struct rte_eth_dev_info *info);
	void *unused_infos[5]; /* rxq_info_get .. fw_version_get */
	void *unused_ptypes[2];
	void *unused_vlan[5];
	void *unused_queue_state[4];
	int (*rx_queue_setup)(struct rte_eth_dev *dev, uint16_t queue, uint16_t nb_desc,
			      unsigned int socket, const struct rte_eth_rxconf *conf,
			      struct rte_mempool *pool);
	void (*rx_queue_release)(struct rte_eth_dev *dev, uint16_t queue);
	void *unused_rx_intr[2];
	int (*tx_queue_setup)(struct rte_eth_dev *dev, uint16_t queue, uint16_t nb_desc,
			      unsigned int socket, const struct rte_eth_txconf *conf);
	void (*tx_queue_release)(struct rte_eth_dev *dev, uint16_t queue);
	void *unused_rest[128]; /* tx_done_cleanup and all that follow, with room to spare */
};

static_assert(sizeof(struct rte_vdev_device) == 16 + sizeof(struct rte_device), "vdev layout");
static_assert(offsetof(struct eth_dev_ops, stats_get) == 18 * sizeof(void *), "eth_dev_ops layout");
static_assert(offsetof(struct eth_dev_ops, dev_infos_get) == 24 * sizeof(void *),
	      "eth_dev_ops layout");
static_assert(offsetof(struct eth_dev_ops, rx_queue_setup) == 41 * sizeof(void *),
	      "eth_dev_ops layout");
static_assert(offsetof(struct eth_dev_ops, tx_queue_setup) == 45 * sizeof(void *),
	      "eth_dev_ops layout");

void rte_vdev_register(struct rte_vdev_driver *driver);
struct rte_eth_dev *rte_eth_dev_allocate(const char *name);
struct rte_eth_dev *rte_eth_dev_allocated(const char *name);
struct rte_eth_dev *rte_eth_dev_attach_secondary(const char *name);
void rte_eth_dev_probing_finish(struct rte_eth_dev *dev);
int rte_eth_dev_release_port(struct rte_eth_dev *dev);

static inline const char *rte_vdev_device_name(const struct rte_vdev_device *dev)
{
	return dev != NULL ? dev->device.name : NULL;
}

static inline const char *rte_vdev_device_args(const struct rte_vdev_device *dev)
{
	return dev != NULL && dev->device.devargs != NULL ? dev->device.devargs->args : "";
}

static inline struct rte_eth_dev *rte_eth_vdev_allocate(struct rte_vdev_device *vdev,
							size_t private_size)
{
	const char *name = rte_vdev_device_name(vdev);
	struct rte_eth_dev *dev = rte_eth_dev_allocate(name);

	if (dev == NULL)
		return NULL;
	dev->data->dev_private = rte_zmalloc_socket(name, private_size, RTE_CACHE_LINE_SIZE,
						    vdev->device.numa_node);
	if (dev->data->dev_private == NULL) {
		rte_eth_dev_release_port(dev);
		return NULL;
	}
	dev->device = &vdev->device;
	dev->intr_handle = NULL;
	dev->data->numa_node = vdev->device.numa_node;
	return dev;
}

#define RTE_PMD_REGISTER_VDEV(nm, drv)           \
	RTE_INIT(lg_register_##drv)              \
	{                                        \
		(drv).driver.name = RTE_STR(nm); \
		rte_vdev_register(&(drv));       \
	}                                        \
	RTE_PMD_EXPORT_NAME(nm, __COUNTER__)

#endif /* own declarations */

#endif /* LOADGEN_DPDK_H */
