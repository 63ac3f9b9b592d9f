/* SPDX-License-Identifier: BSD-3-Clause */
/* Replay of captures: every packet as it was captured, exactly as often as asked, the same again,
 * over several queues. */
#include <pcap/pcap.h>
#include <unistd.h>

#include "loadgen_env.h"

#define N_PACKETS 1000
#define N_FLOWS	  50

static char path[] = "/tmp/loadgen_pcap_XXXXXX";

/* Packet i: of flow i % N_FLOWS, its number in its payload, of a length of its own. */
static uint32_t make_packet(uint32_t i, uint8_t *frame)
{
	uint32_t len = 60 + i * 7 % 1400;

	memset(frame, 0, len);
	memset(frame, 0x02, 12);
	frame[12] = 0x08;
	frame[14] = 0x45;
	frame[23] = 17;
	frame[26] = 10;
	frame[29] = (uint8_t)(i % N_FLOWS);
	frame[30] = 11;
	frame[35] = (uint8_t)(i % N_FLOWS);
	memcpy(frame + 42, &i, sizeof(i));
	return len;
}

static int setup(void **state)
{
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, 65535);
	pcap_dumper_t *dump;
	uint8_t frame[2000];
	int fd = mkstemp(path);

	if (fd < 0 || env_setup(state) != 0)
		return -1;
	close(fd);
	dump = pcap_dump_open(dead, path);
	if (dump == NULL)
		return -1;
	for (uint32_t i = 0; i < N_PACKETS; i++) {
		struct pcap_pkthdr hdr = {.len = make_packet(i, frame)};

		hdr.caplen = hdr.len;
		pcap_dump((u_char *)dump, &hdr, frame);
	}
	pcap_dump_close(dump);
	pcap_close(dead);
	return 0;
}

static int teardown(void **state)
{
	unlink(path);
	return env_teardown(state);
}

static uint16_t open_pcap(const char *more, uint16_t n_queues)
{
	char args[200];

	snprintf(args, sizeof(args), "pcap=%s%s", path, more);
	return port_open("net_loadgen0", args, n_queues);
}

static void every_packet_as_it_was(void **state)
{
	uint16_t port = open_pcap(",loop=closed", 1);
	struct rte_mbuf *pkts[N_PACKETS + 10];
	uint8_t want[2000];

	for (uint32_t round = 0; round < 2; round++) { /* twice the same */
		receive_all(port, 0, pkts, N_PACKETS);
		assert_int_equal(rte_eth_rx_burst(port, 0, pkts + N_PACKETS, 10), 0);
		for (uint32_t i = 0; i < N_PACKETS; i++) {
			assert_int_equal(pkts[i]->pkt_len, make_packet(i, want));
			assert_memory_equal(rte_pktmbuf_mtod(pkts[i], void *), want,
					    pkts[i]->pkt_len);
			assert_int_equal(stamp_of(pkts[i])->flow & 0xffffff, i % N_FLOWS);
			assert_int_equal(stamp_of(pkts[i])->seq, (round * N_PACKETS + i) / N_FLOWS);
		}
		send_all(port, 0, pkts, N_PACKETS);
		assert_int_equal(pdp_loadgen_done(port), 1);
		assert_int_equal(pdp_loadgen_restart(port), 0);
	}
	assert_int_equal(stats_of(port).returned, 2 * N_PACKETS);
	assert_int_equal(
		stats_of(port).reordered + stats_of(port).missing + stats_of(port).duplicates, 0);
	port_close("net_loadgen0");
}

static void repeats_over_queues(void **state)
{
	uint16_t port = open_pcap(",loop=closed,repeat=3", 3);
	struct rte_mbuf *pkts[64];
	unsigned int seen[N_PACKETS] = {0};
	uint8_t queue_of[N_FLOWS];
	uint32_t total = 0, number;
	uint16_t n;

	memset(queue_of, 0xff, sizeof(queue_of));
	for (uint16_t q = 0; q < 3; q++) {
		while ((n = rte_eth_rx_burst(port, q, pkts, 64)) > 0) {
			for (uint16_t i = 0; i < n; i++) {
				memcpy(&number, rte_pktmbuf_mtod_offset(pkts[i], uint8_t *, 42),
				       sizeof(number));
				assert_in_range(number, 0, N_PACKETS - 1);
				seen[number]++;
				if (queue_of[number % N_FLOWS] == 0xff)
					queue_of[number % N_FLOWS] = (uint8_t)q;
				assert_int_equal(queue_of[number % N_FLOWS], q);
			}
			total += n;
			send_all(port, q, pkts, n);
		}
	}
	assert_int_equal(total, 3 * N_PACKETS);
	for (uint32_t i = 0; i < N_PACKETS; i++)
		assert_int_equal(seen[i], 3);
	assert_int_equal(stats_of(port).reordered + stats_of(port).missing, 0);
	port_close("net_loadgen0");
}

static void at_a_rate(void **state)
{
	uint16_t port = open_pcap(",rate=1m,rxq=2000,repeat=2,dst_mac=02:00:00:00:00:77", 1);
	uint64_t period = rte_get_tsc_hz() / 1000000;
	struct rte_mbuf *pkts[2 * N_PACKETS];
	uint64_t span;

	receive_all(port, 0, pkts, 2 * N_PACKETS);
	span = stamp_of(pkts[2 * N_PACKETS - 1])->due_tsc - stamp_of(pkts[0])->due_tsc;
	assert_in_range(span, (2 * N_PACKETS - 1) * period, (2 * N_PACKETS - 1) * (period + 1));
	assert_int_equal(rte_pktmbuf_mtod(pkts[7], uint8_t *)[5], 0x77);
	send_all(port, 0, pkts, 2 * N_PACKETS);
	rte_delay_us_block(2000);
	assert_int_equal(rte_eth_rx_burst(port, 0, pkts, 64), 0);
	assert_int_equal(stats_of(port).offered, 2 * N_PACKETS);
	port_close("net_loadgen0");
}

static void what_is_no_capture_is_refused(void **state)
{
	char broken[] = "/tmp/loadgen_broken_XXXXXX", args[100];
	uint8_t bytes[500];
	FILE *from = fopen(path, "r");
	int fd = mkstemp(broken);

	assert_non_null(from);
	assert_true(fd >= 0);
	assert_int_equal(fread(bytes, 1, sizeof(bytes), from),
			 sizeof(bytes)); /* ends inside a packet */
	assert_int_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	fclose(from);
	snprintf(args, sizeof(args), "pcap=%s", broken);
	assert_int_not_equal(rte_vdev_init("net_loadgen0", args), 0);
	assert_int_equal(ftruncate(fd, 24), 0); /* a header and nothing else */
	assert_int_not_equal(rte_vdev_init("net_loadgen0", args), 0);
	assert_int_equal(ftruncate(fd, 3), 0);
	assert_int_not_equal(rte_vdev_init("net_loadgen0", args), 0);
	close(fd);
	unlink(broken);
}

/* Real traffic, where it is at hand: replayed whole, twice the same. */
static void real_capture(void **state)
{
	static const char file[] = SOURCE_ROOT "/../shared/data/traffic-1kxun.pcap";
	struct rte_mbuf *pkts[64];
	uint64_t packets[2] = {0}, bytes[2] = {0};
	uint16_t port, n;
	char args[500];

	if (access(file, R_OK) != 0) {
		print_message("%s is not there\n", file);
		skip();
	}
	snprintf(args, sizeof(args), "pcap=%s,mtu=1500,loop=closed", file);
	port = port_open("net_loadgen0", args, 2);
	for (int round = 0; round < 2; round++) {
		for (uint16_t q = 0; q < 2; q++) {
			while ((n = rte_eth_rx_burst(port, q, pkts, 64)) > 0) {
				packets[round] += n;
				for (uint16_t i = 0; i < n; i++)
					bytes[round] += pkts[i]->pkt_len;
				send_all(port, q, pkts, n);
			}
		}
		assert_int_equal(pdp_loadgen_restart(port), 0);
	}
	assert_int_equal(packets[0], 2602); /* 1723 captured, 283 of them merged ones */
	assert_int_equal(packets[1], packets[0]);
	assert_int_equal(bytes[1], bytes[0]);
	assert_int_equal(stats_of(port).returned, 2 * packets[0]);
	assert_int_equal(stats_of(port).reordered + stats_of(port).missing, 0);
	port_close("net_loadgen0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		port_test(every_packet_as_it_was),
		port_test(repeats_over_queues),
		port_test(at_a_rate),
		port_test(what_is_no_capture_is_refused),
		port_test(real_capture),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
