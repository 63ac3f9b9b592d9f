/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets between MD lcores and the kernel's interfaces. Routing protocols' packets are written
 * before others, whatever else waits: after each burst of another class they are looked at again.
 * MH thread. Budget: a system call a packet, 1.1 to 1.4 us.
 */
#include <errno.h>
#include <unistd.h>

#include <rte_mbuf.h>

#include "mh.h"

#define BURST  32
#define ROUNDS 8 /* bursts of a class before interfaces are looked at */

static void write_one(const struct pdp_punt_pkt *p)
{
	struct mh_if *i = mh.by_gid[p->gid];
	const void *data = rte_pktmbuf_mtod(p->m, const void *);

	/* An interface that is down, or just gone. */
	if (i->tap.fd < 0 || write(i->tap.fd, data, p->m->data_len) != (ssize_t)p->m->data_len) {
		mh_count(&i->c.to_host_dropped, 1);
		i->lost |= i->tap.fd >= 0 && errno == EBADFD;
		return;
	}
	mh_count(&i->c.to_host, 1);
}

static unsigned int deliver_burst(struct pdp_punt *punt, unsigned int cls)
{
	struct pdp_punt_pkt pkts[BURST];
	struct rte_mbuf *done[BURST];
	unsigned int n = pdp_punt_take(punt, cls, pkts, BURST);

	for (unsigned int i = 0; i < n; i++) {
		write_one(&pkts[i]);
		done[i] = pkts[i].m;
	}
	if (n != 0)
		pdp_punt_done(punt, done, n);
	return n;
}

/* A burst of each MD lcore's. */
static unsigned int deliver_class(unsigned int cls)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < node.n_md; i++)
		n += deliver_burst(mh.punts[i], cls);
	return n;
}

unsigned int mh_deliver(void)
{
	unsigned int total = 0;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		unsigned int n = deliver_class(PDP_PUNT_ROUTING);

		if (n == 0)
			n = deliver_class(PDP_PUNT_ARP_ND);
		if (n == 0)
			n = deliver_class(PDP_PUNT_OTHER);
		if (n == 0)
			break;
		total += n;
	}
	return total;
}

bool mh_packets_wait(void)
{
	for (unsigned int i = 0; i < node.n_md; i++) {
		for (unsigned int c = 0; c < PDP_PUNT_CLASSES; c++) {
			if (pdp_punt_count(mh.punts[i], c) != 0)
				return true;
		}
	}
	return false;
}

/* One packet. @return 1; 0: there is none, or no buffer for it */
static unsigned int fetch_one(struct mh_if *i, struct pdp_punt *punt)
{
	struct rte_mbuf *m = pdp_punt_empty(punt);
	ssize_t n;

	/* It stays in the kernel's queue, whose senders notice when that is full. */
	if (m == NULL)
		return 0;
	n = read(i->tap.fd, rte_pktmbuf_mtod(m, void *), rte_pktmbuf_tailroom(m));
	if (n <= 0) {
		i->lost |= n < 0 && errno == EBADFD;
		pdp_punt_done(punt, &m, 1);
		return 0;
	}
	m->data_len = (uint16_t)n;
	m->pkt_len = (uint32_t)n;
	if (pdp_punt_send(punt, m, i->gid)) {
		mh_count(&i->c.from_host, 1);
	} else {
		pdp_punt_done(punt, &m, 1);
		mh_count(&i->c.from_host_dropped, 1);
	}
	return 1;
}

/* A VR's packets leave by one MD lcore, in their order. */
unsigned int mh_fetch(struct mh_if *i)
{
	struct pdp_punt *punt = mh.punts[i->vr->vr % node.n_md];
	unsigned int n = 0;

	while (n < BURST && i->tap.fd >= 0 && fetch_one(i, punt) != 0)
		n++;
	return n;
}
