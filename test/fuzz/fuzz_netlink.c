/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any datagrams into the netlink mirror, as events and as parts of dumps: what it counts adds up,
 * and when all routes are withdrawn nothing of them is left.
 *
 * Input: parts of one byte (0: events; 1..7: a dump of enum mirror_dump begins, and this is part of
 * it; 8: more of it; others: what the timer does), two bytes of length, low one first, and that
 * many bytes of datagram. Messages of a dump have the port and sequence number below.
 */
#include <errno.h>

#include "mirror_priv.h"

#include "fuzz.h"

enum { PORT = 0x1234, SEQ = 7, PARTS_MAX = 64 };

static void play(struct pdp_mirror *m, uint8_t what, const uint8_t *data, size_t size)
{
	/* As aligned as the kernel's, and not a byte longer than it says. */
	uint8_t *copy = fuzz_copy(data, size);

	if (what >= 1 && what <= MIRROR_N_DUMPS) {
		if (m->dumping < 0)
			mirror_dump_begin(m, (enum mirror_dump)(what - 1));
		m->dump_seq = SEQ;
	}
	if (what <= MIRROR_N_DUMPS + 1) {
		mirror_datagram(m, copy, size);
		mirror_batch_flush(m);
	} else {
		mirror_retry(m);
	}
	free(copy);
}

static void adds_up(const struct pdp_mirror *m)
{
	struct pdp_mirror_stats s;
	uint32_t sum = 0;

	pdp_mirror_stats(m, &s);
	for (unsigned int i = 0; i < PDP_MIRROR_WHYS; i++)
		sum += s.why[i];
	FUZZ_CHECK(sum == s.prefixes4 + s.prefixes6);
	FUZZ_CHECK(s.routes + s.adjacent >= sum);
}

static bool any(struct pdp_mirror *m, uint32_t route, uint64_t arg)
{
	(void)arg;
	return mirror_path_at(m, route)->key.table != MIRROR_TABLE_NEIGH;
}

static void nothing_is_left(struct pdp_mirror *m)
{
	struct pdp_mirror_stats s;

	mirror_memo_drop(m);
	mirror_rib_remove(m, 4, any, 0);
	mirror_rib_remove(m, 6, any, 0);
	pdp_mirror_stats(m, &s);
	FUZZ_CHECK(s.prefixes4 == 0 && s.prefixes6 == 0 && s.routes == 0 && s.adjacent == 0);
	FUZZ_CHECK(m->paths.n_used == 0 && m->targets.n_used == 0 && m->lists.n_used == 0);
	FUZZ_CHECK(m->n_wide == 0 && m->list_bytes == 0);
	/* What a next-hop object is, and LOCAL. */
	FUZZ_CHECK(m->hops.n_used <= 1 + m->objects.n_used);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pdp_fib_params fib_params = {
		.name = "fuzz", .max_bytes = 2 << 20, .no_huge = true, .notes = true};
	struct pdp_mirror_params params = {.name = "fuzz", .netns_fd = -1};
	struct pdp_mirror *m;
	unsigned int parts = 0;

	params.fib = pdp_fib_create(&fib_params);
	FUZZ_CHECK(params.fib != NULL);
	m = mirror_new(&params);
	FUZZ_CHECK(m != NULL);
	m->port = PORT;
	FUZZ_CHECK(pdp_mirror_vif_set(m, 1, 0, true) == 0);
	FUZZ_CHECK(pdp_mirror_vif_set(m, 2, 1, false) == 0);
	while (size >= 3 && parts++ < PARTS_MAX) {
		const size_t wanted = data[1] | (size_t)data[2] << 8;
		const size_t n = wanted < size - 3 ? wanted : size - 3;

		play(m, data[0], data + 3, n);
		adds_up(m);
		data += 3 + n;
		size -= 3 + n;
	}
	nothing_is_left(m);
	pdp_mirror_destroy(m);
	pdp_fib_destroy(params.fib);
	return 0;
}
