/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Control messages: every size comes through whole, malformed ones are refused without blocking
 * what follows, full rings say so.
 */
#include "kit.h"

#include <pdp_channel_md.h>

static struct kit k;

static int open_kit(void **state)
{
	kit_open(&k, 8, 2, 0);
	return 0;
}

static int close_kit(void **state)
{
	kit_close(&k);
	return 0;
}

/* What the runtime's send service does. @return elements, 0: no room */
static unsigned int put(struct pdp_ctl_end *ring, uint16_t engine, uint16_t size, uint8_t seed)
{
	struct pdp_ctl_elem elems[PDP_CTL_ELEMS_MAX] = {{.engine = engine, .size = size}};
	uint8_t *bytes = (uint8_t *)elems + offsetof(struct pdp_ctl_elem, bytes);

	for (unsigned int i = 0; i < size; i++)
		bytes[i] = (uint8_t)(seed + i * 31);
	return pdp_ctl_ring_put(ring, elems, pdp_ctl_elems(size)) ? pdp_ctl_elems(size) : 0;
}

static void test_elems(void **state)
{
	assert_int_equal(pdp_ctl_elems(0), 1);
	assert_int_equal(pdp_ctl_elems(PDP_CTL_HEAD_BYTES), 1);
	assert_int_equal(pdp_ctl_elems(PDP_CTL_HEAD_BYTES + 1), 2);
	assert_int_equal(pdp_ctl_elems(PDP_CTL_HEAD_BYTES + 64), 2);
	assert_int_equal(pdp_ctl_elems(PDP_CTL_HEAD_BYTES + 65), 3);
	assert_true(pdp_ctl_elems(PDP_VR_MSG_SIZE) <= PDP_CTL_ELEMS_MAX);
}

static void test_every_size(void **state)
{
	struct pdp_ctl_elem msg[PDP_CTL_ELEMS_MAX], out[PDP_CTL_ELEMS_MAX];
	const uint8_t *bytes = (uint8_t *)out + offsetof(struct pdp_ctl_elem, bytes);

	for (unsigned int size = 0; size <= PDP_VR_MSG_SIZE; size++) {
		const uint16_t to = (uint16_t)(size % 64);
		const int n = (int)pdp_ctl_elems(size);
		uint16_t dst = UINT16_MAX;

		assert_int_equal(put(&k.end.ctl_from, to, (uint16_t)size, (uint8_t)size), n);
		assert_int_equal(pdp_ctl_take(k.ch, &k.ctl, &dst, msg), n);
		assert_int_equal(dst, to);
		assert_true(pdp_ctl_put(k.ch, &k.ctl, 9, msg, (unsigned int)n));
		assert_true(pdp_ctl_ring_take(&k.end.ctl_to, out, (unsigned int)n));
		assert_int_equal(out[0].engine, 9);
		assert_int_equal(out[0].size, size);
		for (unsigned int i = 0; i < size; i++)
			assert_int_equal(bytes[i], (uint8_t)(size + i * 31));
		assert_int_equal(pdp_ctl_ring_count(&k.end.ctl_to), 0);
	}
	assert_int_equal(pdp_ctl_take(k.ch, &k.ctl, &(uint16_t){0}, msg), 0);
	assert_int_equal(k.ch->lies[PDP_LIE_CONTROL], 0);
}

/* A size beyond the limit, and one that has fewer elements than it says. */
static void test_malformed(void **state)
{
	static const uint16_t sizes[] = {PDP_VR_MSG_SIZE + 1, 2000, 32768, UINT16_MAX};
	struct pdp_ctl_elem msg[PDP_CTL_ELEMS_MAX], head = {.engine = 1};
	uint16_t dst;
	int n;

	for (unsigned int i = 0; i < RTE_DIM(sizes); i++) {
		head.size = sizes[i];
		pdp_ctl_ring_put(&k.end.ctl_from, &head, 1);
		put(&k.end.ctl_from, 2, 10, 0);
		assert_int_equal(pdp_ctl_take(k.ch, &k.ctl, &dst, msg), -1);
		assert_int_equal(k.ch->lies[PDP_LIE_CONTROL], i + 1);
		assert_int_equal(pdp_ctl_take(k.ch, &k.ctl, &dst, msg), 1);
		assert_int_equal(dst, 2);
	}
	for (unsigned int have = 1; have < pdp_ctl_elems(PDP_VR_MSG_SIZE); have++) {
		const uint64_t before = k.ch->lies[PDP_LIE_CONTROL];

		head.size = PDP_VR_MSG_SIZE;
		for (unsigned int i = 0; i < have; i++)
			pdp_ctl_ring_put(&k.end.ctl_from, &head, 1);
		while ((n = pdp_ctl_take(k.ch, &k.ctl, &dst, msg)) != 0)
			assert_int_equal(n, -1);
		assert_int_equal(k.ch->lies[PDP_LIE_CONTROL], before + have);
	}
	assert_int_equal(put(&k.end.ctl_from, 3, 200, 0), pdp_ctl_elems(200));
	assert_int_equal(pdp_ctl_take(k.ch, &k.ctl, &dst, msg), pdp_ctl_elems(200));
	assert_int_equal(dst, 3);
}

static void test_full(void **state)
{
	struct pdp_ctl_elem msg[PDP_CTL_ELEMS_MAX];
	const unsigned int n = pdp_ctl_elems(PDP_VR_MSG_SIZE);
	unsigned int messages = 0;
	uint16_t dst;

	while (put(&k.end.ctl_from, 0, PDP_VR_MSG_SIZE, 0) != 0)
		messages++;
	assert_int_equal(messages, PDP_CTL_RING_ELEMS / n);
	for (unsigned int i = 0; i < messages; i++) {
		assert_int_equal(pdp_ctl_take(k.ch, &k.ctl, &dst, msg), n);
		assert_true(pdp_ctl_put(k.ch, &k.ctl, 0, msg, n));
	}
	assert_false(pdp_ctl_put(k.ch, &k.ctl, 0, msg, n));
	/* Nothing of the refused one went in: what is there is whole messages. */
	assert_int_equal(pdp_ctl_ring_count(&k.end.ctl_to), messages * n);
}

/* Whatever a peer writes into its word: nothing outside of the ring is touched, and it hangs
 * nobody. */
static void test_wild_indexes(void **state)
{
	static const uint32_t words[] = {1, 255, 256, 257, 0x7fffffff, 0x80000000, UINT32_MAX};
	struct pdp_ctl_elem msg[PDP_CTL_ELEMS_MAX];
	uint16_t dst;

	for (unsigned int i = 0; i < RTE_DIM(words); i++) {
		unsigned int taken = 0;

		k.ctl.from.ring->tail = words[i];
		k.ctl.to.ring->head = words[i];
		memset(msg, 0, sizeof(msg));
		while (taken < 2 * PDP_CTL_RING_ELEMS && pdp_ctl_take(k.ch, &k.ctl, &dst, msg) != 0)
			taken++;
		pdp_ctl_put(k.ch, &k.ctl, 0, msg, 1);
	}
}

#define control_test(fn) cmocka_unit_test_setup_teardown(fn, open_kit, close_kit)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_elems),	 control_test(test_every_size),
		control_test(test_malformed),	 control_test(test_full),
		control_test(test_wild_indexes),
	};

	return cmocka_run_group_tests(tests, kit_eal, NULL);
}
