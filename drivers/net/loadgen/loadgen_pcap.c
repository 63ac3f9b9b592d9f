/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Captures (pcap, pcapng) in memory: read once at probe, by libpcap. Frames are replayed as they
 * were captured, only MAC addresses that were asked for are changed. Runs in the thread that
 * probes.
 */
#include <pcap/pcap.h>

#include "loadgen_priv.h"
#include "loadgen_segment.h"

#define MIN_FRAME 14

struct builder {
	struct lg_pcap *pcap;
	uint32_t n_read; /* packets of the file */
	uint32_t size;	 /* of packets */
	uint32_t *next;	 /* hash chains of packets that begin a flow */
	uint32_t *heads; /* LG_CHAINS */
	size_t *offsets; /* into the blob, which moves while it grows */
	size_t blob_size, blob_used;
	char *tuples; /* of packets that begin a flow, TUPLE_SIZE each */
};

#define LG_CHAINS  65536
#define TUPLE_SIZE 40
#define NO_PACKET  UINT32_MAX

/* What tells flows apart: addresses, protocol and ports of the outermost IP header; MAC addresses
 * of the rest. */
static void make_tuple(const uint8_t *frame, uint32_t len, uint8_t tuple[TUPLE_SIZE])
{
	uint32_t l3 = 14, l4 = 0, type;

	memset(tuple, 0, TUPLE_SIZE);
	if (len >= 18 && frame[12] == 0x81 && frame[13] == 0)
		l3 = 18;
	type = (uint32_t)frame[l3 - 2] << 8 | frame[l3 - 1];
	if (type == 0x0800 && len >= l3 + 20) {
		memcpy(tuple, frame + l3 + 12, 8);
		tuple[36] = frame[l3 + 9];
		if ((frame[l3 + 6] & 0x3f) == 0 && frame[l3 + 7] == 0)
			l4 = l3 + (frame[l3] & 15) * 4u;
	} else if (type == 0x86dd && len >= l3 + 40) {
		memcpy(tuple, frame + l3 + 8, 32);
		tuple[36] = frame[l3 + 6];
		l4 = l3 + 40;
	} else {
		memcpy(tuple, frame, 14);
		tuple[37] = 1;
		return;
	}
	if (l4 != 0 && len >= l4 + 4 && (tuple[36] == 6 || tuple[36] == 17 || tuple[36] == 132))
		memcpy(tuple + 32, frame + l4, 4);
}

static uint32_t chain_of(const uint8_t tuple[TUPLE_SIZE])
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (int i = 0; i < TUPLE_SIZE; i++)
		h = (h ^ tuple[i]) * 0x100000001b3ull;
	return (uint32_t)(h >> 24) % LG_CHAINS;
}

/* The flow of packet `i`, a new one if it is the first of its tuple. */
static void assign_flow(struct builder *b, uint32_t i, const uint8_t *frame, uint32_t len)
{
	uint8_t tuple[TUPLE_SIZE];
	uint32_t chain, j;

	make_tuple(frame, len, tuple);
	chain = chain_of(tuple);
	for (j = b->heads[chain]; j != NO_PACKET; j = b->next[j]) {
		if (memcmp(b->tuples + (size_t)j * TUPLE_SIZE, tuple, TUPLE_SIZE) == 0) {
			b->pcap->packets[i].flow = b->pcap->packets[j].flow;
			return;
		}
	}
	memcpy(b->tuples + (size_t)i * TUPLE_SIZE, tuple, TUPLE_SIZE);
	b->next[i] = b->heads[chain];
	b->heads[chain] = i;
	b->pcap->packets[i].flow = b->pcap->n_flows++;
}

static int grow(void *array, size_t size)
{
	void *grown = realloc(*(void **)array, size);

	if (grown == NULL)
		return -ENOMEM;
	*(void **)array = grown;
	return 0;
}

static int make_room(struct builder *b, uint32_t len)
{
	size_t room = RTE_ALIGN_CEIL((size_t)len, LG_COPY_UNIT);
	uint32_t size;

	if (b->pcap->n == b->size) {
		size = b->size == 0 ? 4096 : b->size * 2;
		if (grow(&b->pcap->packets, size * sizeof(b->pcap->packets[0])) != 0 ||
		    grow(&b->next, size * sizeof(b->next[0])) != 0 ||
		    grow(&b->offsets, size * sizeof(b->offsets[0])) != 0 ||
		    grow(&b->tuples, (size_t)size * TUPLE_SIZE) != 0)
			return -ENOMEM;
		b->size = size;
	}
	if (b->blob_used + room > b->blob_size) {
		b->blob_size = b->blob_size * 2 + room + (1 << 20);
		return grow(&b->pcap->blob, b->blob_size);
	}
	return 0;
}

static int add_packet(struct builder *b, const struct lg_class *macs, const uint8_t *bytes,
		      uint32_t len)
{
	struct lg_pcap *pcap = b->pcap;
	uint8_t *frame;

	if (make_room(b, len) != 0)
		return -ENOMEM;
	frame = pcap->blob + b->blob_used;
	memset(frame, 0, RTE_ALIGN_CEIL((size_t)len, LG_COPY_UNIT));
	memcpy(frame, bytes, len);
	if (macs->has_dst_mac)
		memcpy(frame, macs->dst_mac, 6);
	if (macs->has_src_mac)
		memcpy(frame + 6, macs->src_mac, 6);
	pcap->packets[pcap->n].len = len;
	pcap->packets[pcap->n].hash = lg_rss_hash(frame, len);
	assign_flow(b, pcap->n, frame, len);
	b->offsets[pcap->n] = b->blob_used;
	b->blob_used += RTE_ALIGN_CEIL((size_t)len, LG_COPY_UNIT);
	pcap->longest = RTE_MAX(pcap->longest, len);
	pcap->n++;
	return 0;
}

static int add_cut(struct builder *b, const struct lg_args *args, const uint8_t *bytes,
		   uint32_t len, struct lg_err *err)
{
	uint8_t segment[LG_SIZE_MAX + 18];
	uint32_t segment_len;

	if (!lg_segment_possible(bytes, len, args->mtu))
		return lg_fail(
			err, -EINVAL,
			"pcap=%s packet %u is %u bytes long and not TCP that mtu=%u could cut",
			args->pcap, b->n_read, len, args->mtu);
	b->pcap->n_cut++;
	for (uint32_t k = 0; (segment_len = lg_segment_make(bytes, args->mtu, k, segment)) != 0;
	     k++)
		if (add_packet(b, &args->base, segment, segment_len) != 0)
			return lg_fail(err, -ENOMEM, "pcap=%s: out of memory after %u packets",
				       args->pcap, b->n_read);
	return 0;
}

static bool is_long(const uint8_t *frame, uint32_t len, uint16_t mtu)
{
	bool tagged = len >= 18 && frame[12] == 0x81 && frame[13] == 0;

	return mtu != 0 && len > mtu + (tagged ? 18u : 14u);
}

static int read_file(struct builder *b, const struct lg_args *args, pcap_t *file,
		     struct lg_err *err)
{
	struct pcap_pkthdr *hdr;
	const u_char *bytes;
	int rc, status;

	if (pcap_datalink(file) != DLT_EN10MB)
		return lg_fail(err, -EINVAL, "pcap=%s holds %s frames, Ethernet ones are wanted",
			       args->pcap, pcap_datalink_val_to_name(pcap_datalink(file)));
	while ((status = pcap_next_ex(file, &hdr, &bytes)) == 1) {
		b->n_read++;
		if (hdr->caplen < MIN_FRAME || hdr->caplen > UINT16_MAX)
			return lg_fail(
				err, -EINVAL,
				"pcap=%s packet %u is %u bytes long, from %d to %d are possible",
				args->pcap, b->n_read, hdr->caplen, MIN_FRAME, UINT16_MAX);
		b->pcap->n_partial += hdr->caplen < hdr->len;
		if (is_long(bytes, hdr->caplen, args->mtu))
			rc = add_cut(b, args, bytes, hdr->caplen, err);
		else if (add_packet(b, &args->base, bytes, hdr->caplen) != 0)
			rc = lg_fail(err, -ENOMEM, "pcap=%s: out of memory after %u packets",
				     args->pcap, b->n_read);
		else
			rc = 0;
		if (rc != 0)
			return rc;
		if (b->pcap->n >= UINT32_MAX / 2 || b->pcap->n_flows >= LG_FLOWS_MAX)
			return lg_fail(err, -EINVAL, "pcap=%s has more than %u flows", args->pcap,
				       LG_FLOWS_MAX);
	}
	if (status == PCAP_ERROR)
		return lg_fail(err, -EINVAL, "pcap=%s is damaged after packet %u: %s", args->pcap,
			       b->n_read, pcap_geterr(file));
	return b->n_read > 0 ? 0 : lg_fail(err, -EINVAL, "pcap=%s holds no packet", args->pcap);
}

static int finish(struct builder *b, struct lg_err *err)
{
	struct lg_pcap *pcap = b->pcap;

	pcap->seqs = calloc(pcap->n_flows, sizeof(pcap->seqs[0]));
	if (pcap->seqs == NULL)
		return lg_fail(err, -ENOMEM, "pcap: out of memory");
	for (uint32_t i = 0; i < pcap->n; i++)
		pcap->packets[i].bytes = pcap->blob + b->offsets[i];
	return 0;
}

int lg_pcap_load(const struct lg_args *args, struct lg_pcap **out, struct lg_err *err)
{
	char reason[PCAP_ERRBUF_SIZE];
	pcap_t *file = pcap_open_offline(args->pcap, reason);
	struct builder b = {0};
	int rc = -ENOMEM;

	if (file == NULL) /* libpcap's sentence names the file itself when it cannot be opened */
		return lg_fail(err, -EINVAL, "pcap=%s cannot be read: %s", args->pcap, reason);
	b.pcap = calloc(1, sizeof(*b.pcap));
	b.heads = malloc(LG_CHAINS * sizeof(b.heads[0]));
	if (b.pcap == NULL || b.heads == NULL) {
		lg_fail(err, -ENOMEM, "pcap=%s: out of memory", args->pcap);
	} else {
		memset(b.heads, 0xff, LG_CHAINS * sizeof(b.heads[0]));
		rc = read_file(&b, args, file, err);
		if (rc == 0)
			rc = finish(&b, err);
	}
	pcap_close(file);
	free(b.heads);
	free(b.next);
	free(b.offsets);
	free(b.tuples);
	if (rc != 0)
		lg_pcap_free(b.pcap);
	else
		*out = b.pcap;
	return rc;
}

void lg_pcap_free(struct lg_pcap *pcap)
{
	if (pcap == NULL)
		return;
	free(pcap->packets);
	free(pcap->seqs);
	free(pcap->blob);
	free(pcap);
}
