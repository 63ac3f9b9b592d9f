/* SPDX-License-Identifier: BSD-3-Clause */
/* What pdp_vr.h does itself: moving a packet's beginning, the hash computed once, buckets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pdp_vr.h>

static uint8_t bytes[4096];

static struct pdp_pkt packet(uint16_t headroom, uint16_t len)
{
	return (struct pdp_pkt){
		.data = bytes + headroom, .len = len, .whole_len = len, .headroom = headroom};
}

static void test_prepend(void **state)
{
	struct pdp_pkt p = packet(100, 60);

	assert_ptr_equal(pdp_pkt_prepend(&p, 0), bytes + 100);
	assert_ptr_equal(pdp_pkt_prepend(&p, 40), bytes + 60);
	assert_int_equal(p.headroom, 60);
	assert_int_equal(p.len, 100);
	assert_int_equal(p.whole_len, 100);
	assert_null(pdp_pkt_prepend(&p, 61));
	assert_int_equal(p.headroom, 60);
	assert_ptr_equal(p.data, bytes + 60);
	assert_ptr_equal(pdp_pkt_prepend(&p, 60), bytes);
	assert_int_equal(p.headroom, 0);
	assert_null(pdp_pkt_prepend(&p, 1));
	/* No length beyond 16 bits, however much room there is. */
	p = packet(1000, 60);
	p.whole_len = UINT16_MAX - 10;
	assert_null(pdp_pkt_prepend(&p, 11));
	assert_ptr_equal(pdp_pkt_prepend(&p, 10), bytes + 990);
	assert_int_equal(p.whole_len, UINT16_MAX);
}

static void test_adj(void **state)
{
	struct pdp_pkt p = packet(100, 60);

	p.whole_len = 1000; /* a header window: only 60 are visible */
	assert_null(pdp_pkt_adj(&p, 61));
	assert_ptr_equal(pdp_pkt_adj(&p, 14), bytes + 114);
	assert_int_equal(p.len, 46);
	assert_int_equal(p.whole_len, 986);
	assert_int_equal(p.headroom, 114);
	assert_ptr_equal(pdp_pkt_prepend(&p, 14), bytes + 100);
	assert_int_equal(p.whole_len, 1000);
	assert_ptr_equal(pdp_pkt_adj(&p, 60), bytes + 160);
	assert_int_equal(p.len, 0);
	assert_null(pdp_pkt_adj(&p, 1));
}

static unsigned int asked;

static uint32_t hash(struct pdp_vr *vr, const struct pdp_pkt *pkt)
{
	asked++;
	return 0xabcdef;
}

static void test_hash(void **state)
{
	static const struct pdp_vr_services services = {.hash = hash};
	const struct pdp_vr_info info = {.services = &services};
	struct pdp_pkt p = packet(100, 60);

	assert_int_equal(pdp_pkt_hash(&info, &p), 0xabcdef);
	assert_int_equal(pdp_pkt_hash(&info, &p), 0xabcdef);
	assert_int_equal(asked, 1);
	assert_int_equal(pdp_pkt_bucket(&info, &p), 0xabcdef >> 14);
	for (uint32_t h = 0; h < 1u << 24; h += 997) {
		p.hash = h;
		assert_true(pdp_pkt_bucket(&info, &p) < PDP_BUCKETS);
	}
	assert_int_equal(asked, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prepend),
		cmocka_unit_test(test_adj),
		cmocka_unit_test(test_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
