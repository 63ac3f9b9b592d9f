/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any sequence of changes to a FIB: it agrees with a plain list of routes after each, whatever runs
 * out; what is freed comes back; withdrawn to the last route it is empty.
 *
 * Input: a byte for the memory that it may take, then operations: a byte (bits 0-3 what, bit 7
 * IPv6), a length, a number, and as many address bytes as the length has.
 */
#include <errno.h>

#include <fibkit.h>

#include "fuzz.h"

enum { N_NEXTHOPS = 6, OPS_MAX = 300 };

enum op {
	ADD,
	ADD_AGAIN,
	ADD_LONG,
	DEL,
	DEL_KNOWN,
	DEL_ALL,
	QUIESCENT,
	OFFLINE,
	RETRY,
	GROUP,
	SET,
	FREE
};

struct in {
	const uint8_t *at, *end;
};

struct run {
	struct pdp_fib *fib;
	struct pdp_fib_reader r;
	struct kit_ref ref;
	bool used[PDP_FIB_NUMBERS];
};

static struct run run;

static uint8_t byte(struct in *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

static struct pdp_fib_prefix prefix(struct in *in, unsigned int family)
{
	struct pdp_fib_prefix p = {.family = (uint8_t)family};

	p.len = byte(in) % (family == 4 ? 33 : 129);
	for (unsigned int i = 0; i < p.len; i += 8)
		p.bytes[i / 8] = byte(in);
	kit_cut(&p);
	return p;
}

static void check_around(const struct pdp_fib_prefix *p)
{
	uint8_t address[16];

	for (unsigned int which = 0; which < 4; which++) {
		kit_edge(p, which, address);
		FUZZ_CHECK(kit_lookup(&run.r, p->family, address) ==
			   kit_ref_lookup(&run.ref, p->family, address));
	}
}

static void add(const struct pdp_fib_prefix *p, uint16_t nexthop)
{
	const bool known = kit_ref_find(&run.ref, p) != NULL;
	int rc;

	if (run.ref.n == KIT_ROUTES_MAX)
		return;
	rc = pdp_fib_add(run.fib, p, nexthop);
	if (nexthop == 0 || !run.used[nexthop]) {
		FUZZ_CHECK(rc == -EINVAL);
		return;
	}
	FUZZ_CHECK(rc == 0 || rc == -ENOSPC);
	FUZZ_CHECK(rc == 0 || !known || !kit_ref_find(&run.ref, p)->installed);
	kit_ref_set(&run.ref, p, nexthop, rc == 0);
}

static void del(const struct pdp_fib_prefix *p)
{
	const bool known = kit_ref_find(&run.ref, p) != NULL;

	FUZZ_CHECK(pdp_fib_del(run.fib, p) == (known ? 0 : -ENOENT));
	kit_ref_del(&run.ref, p);
}

static void retry(void)
{
	const unsigned int left = pdp_fib_retry(run.fib);
	unsigned int n = 0;

	for (unsigned int i = 0; i < run.ref.n; i++) {
		struct pdp_fib_route now;

		FUZZ_CHECK(pdp_fib_get(run.fib, &run.ref.routes[i].prefix, &now) == 0);
		FUZZ_CHECK(now.nexthop == run.ref.routes[i].nexthop);
		FUZZ_CHECK(now.installed || !run.ref.routes[i].installed);
		run.ref.routes[i].installed = now.installed;
		n += !now.installed;
	}
	FUZZ_CHECK(n == left);
}

static bool leads_to(uint16_t number)
{
	for (unsigned int i = 0; i < run.ref.n; i++) {
		if (run.ref.routes[i].nexthop == number)
			return true;
	}
	return false;
}

static void group(struct in *in)
{
	const struct pdp_fib_member members[] = {{(uint16_t)(1 + byte(in) % 3), byte(in)},
						 {(uint16_t)(1 + byte(in) % 3), byte(in)}};
	const int number = pdp_fib_group_new(run.fib, members, 1 + byte(in) % 2, 0);

	FUZZ_CHECK(number > 0 || number == -EINVAL || number == -ENOSPC);
	if (number > 0) {
		FUZZ_CHECK(!run.used[number]);
		run.used[number] = true;
		FUZZ_CHECK(pdp_fib_resolve(&run.r, (uint16_t)number, byte(in)).type ==
			   PDP_FIB_FORWARD);
	}
}

static void free_number(uint16_t number)
{
	const int rc = pdp_fib_number_free(run.fib, number);

	if (!run.used[number])
		FUZZ_CHECK(rc == -EINVAL);
	else if (leads_to(number))
		FUZZ_CHECK(rc == -EBUSY);
	else
		FUZZ_CHECK(rc == 0 || rc == -EBUSY); /* a member of a group */
	run.used[number] = run.used[number] && rc != 0;
}

/* Many long prefixes: what makes tables grow and run out. */
static void add_many(struct in *in, unsigned int family, uint16_t nexthop)
{
	struct pdp_fib_prefix p = {.family = (uint8_t)family, .len = family == 4 ? 25 : 57};
	const uint8_t first = byte(in);

	for (unsigned int i = 0; i < 32; i++) {
		p.bytes[0] = (uint8_t)(first + i);
		add(&p, nexthop);
	}
}

static void operate(struct in *in)
{
	const uint8_t what = byte(in);
	const unsigned int family = what & 0x80 ? 6 : 4;
	const uint16_t number = 1 + byte(in) % (N_NEXTHOPS + 4);
	struct pdp_fib_prefix p;

	switch (what % 16) {
	case QUIESCENT:
		pdp_fib_online(&run.r);
		pdp_fib_quiescent(&run.r);
		return;
	case OFFLINE:
		pdp_fib_offline(&run.r);
		return;
	case RETRY:
		retry();
		return;
	case GROUP:
		group(in);
		return;
	case SET:
		pdp_fib_nexthop_set(
			run.fib, number,
			&(struct pdp_fib_nexthop){.type = PDP_FIB_FORWARD, .vif = byte(in)});
		return;
	case FREE:
		free_number(number);
		return;
	case ADD_LONG:
		add_many(in, family, number);
		return;
	case DEL_ALL:
		for (unsigned int i = run.ref.n / 2; i > 0; i--) {
			p = run.ref.routes[0].prefix;
			del(&p);
		}
		return;
	case DEL_KNOWN:
		if (run.ref.n == 0)
			return;
		p = run.ref.routes[byte(in) % run.ref.n].prefix;
		del(&p);
		break;
	case DEL:
		p = prefix(in, family);
		del(&p);
		break;
	default:
		p = prefix(in, family);
		add(&p, number);
	}
	check_around(&p);
}

static void begin(uint8_t memory)
{
	const struct pdp_fib_params params = {
		.name = "fuzz", .max_bytes = 300000 + memory * 8192u, .no_huge = true};
	const struct pdp_fib_nexthop nh = {.type = PDP_FIB_FORWARD};
	char err[200];

	memset(&run, 0, sizeof(run));
	run.fib = pdp_fib_create(&params);
	FUZZ_CHECK(run.fib != NULL);
	for (int i = 1; i <= N_NEXTHOPS; i++) {
		FUZZ_CHECK(pdp_fib_nexthop_new(run.fib, &nh, (uint64_t)i) == i);
		run.used[i] = true;
	}
	pdp_fib_reader_add(run.fib, 0);
	FUZZ_CHECK(pdp_fib_attach(&run.r, pdp_fib_fd(run.fib), pdp_fib_qs_fd(run.fib), 0, err,
				  sizeof(err)) == 0);
	pdp_fib_online(&run.r);
}

static void end(void)
{
	struct pdp_fib_stats s;

	retry();
	for (unsigned int i = 0; i < run.ref.n; i++)
		check_around(&run.ref.routes[i].prefix);
	while (run.ref.n > 0) {
		const struct pdp_fib_prefix p = run.ref.routes[0].prefix;

		del(&p);
	}
	pdp_fib_stats(run.fib, &s);
	FUZZ_CHECK(s.routes4 + s.routes6 + s.not_installed + s.plies4 + s.plies6 == 0);
	FUZZ_CHECK(s.digest == 0);
	pdp_fib_detach(&run.r);
	pdp_fib_destroy(run.fib);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct in in = {data, data + size};

	if (size < 1)
		return 0;
	begin(byte(&in));
	for (unsigned int i = 0; i < OPS_MAX && in.at < in.end; i++)
		operate(&in);
	end();
	return 0;
}
