/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hostile plugin at the memory that it shares with the MD: descriptors, indexes, status page,
 * wake words, control ring, and the socket. It writes to the shared words themselves; the runtime's
 * own, private indexes do not follow.
 */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "hostile.h"

#define SOCK	    3
#define AT_ONCE	    64
#define MADE_LEN    1400 /* of frames that are made of nothing */
#define WAITERS_MAX 64

struct ring {
	struct pdp_ring *ring;
	uint32_t entries;
	size_t elem;
};

static struct ring returns(const struct world *w, unsigned int channel)
{
	const struct pdp_region *r = w->region;
	const uint32_t n = r->n_slots + r->n_blanks;

	return (struct ring){
		.ring = pdp_region_ring(w->region, r->channels[channel].from_off),
		.entries = pdp_ring_entries(r->sealed ? pdp_sealed_returns(r->n_slots, r->n_blanks)
						      : n),
		.elem = r->sealed ? sizeof(struct pdp_sealed_return) : sizeof(struct pdp_return),
	};
}

static void give(const struct ring *r, const struct pdp_sealed_return *what)
{
	const uint32_t tail = __atomic_load_n(&r->ring->tail, __ATOMIC_RELAXED);

	memcpy(r->ring->entries + (tail & (r->entries - 1)) * r->elem, what, r->elem);
	__atomic_store_n(&r->ring->tail, tail + 1, __ATOMIC_RELEASE);
}

/* Any content; then such as might be true, but for one field. Most come more than once. */
static struct pdp_sealed_return forged(struct world *w)
{
	const struct pdp_region *region = w->region;
	const uint64_t x = noise(w);
	struct pdp_sealed_return r = {
		.slot = (uint16_t)(x % (region->n_slots + region->n_blanks)),
		.len = (uint16_t)(60 + (x >> 16) % 1400),
		.moved = 0,
		.vif = (uint8_t)((x >> 32) % w->conf->n_vifs),
		.verdict = (uint8_t)(x >> 40 & 3),
		.written = (uint16_t)((x >> 42) % 129),
		.from = (uint16_t)((x >> 50) % region->n_slots),
	};
	const uint64_t y = noise(w);

	switch (y % 10) {
	case 0:
		memcpy(&r, &x, sizeof(x));
		memcpy((char *)&r + 8, &y, sizeof(y));
		break;
	case 1:
		r.slot = (uint16_t)(y >> 8);
		break;
	case 2:
		r.len = (uint16_t)(y >> 8);
		break;
	case 3:
		r.moved = (int16_t)(y >> 8);
		break;
	case 4:
		r.vif = (uint8_t)(y >> 8);
		break;
	case 5:
		r.verdict = (uint8_t)(y >> 8);
		break;
	case 6:
		r.written = (uint16_t)(y >> 8);
		break;
	case 7:
		r.verdict = PDP_RETURN_RUN;
		r.len = (uint16_t)((y >> 8) % 70);
		break;
	case 8:
		r.verdict = PDP_SEALED_PAYLOAD;
		r.slot = (uint16_t)(region->n_slots + (y >> 8) % (region->n_blanks + 1));
		break;
	default:
		break;
	}
	return r;
}

void channel_descriptors(struct world *w)
{
	for (unsigned int c = 0; c < w->region->n_md; c++) {
		const struct ring r = returns(w, c);

		for (unsigned int i = 0; i < AT_ONCE; i++) {
			const struct pdp_sealed_return what = forged(w);

			give(&r, &what);
		}
	}
}

void channel_indexes(struct world *w)
{
	struct pdp_region *r = w->region;
	struct pdp_ctl_ring *to = pdp_region_ctl(r, r->ctl_to_off);
	struct pdp_ctl_ring *from = pdp_region_ctl(r, r->ctl_from_off);

	for (unsigned int c = 0; c < r->n_md; c++) {
		pdp_region_ring(r, r->channels[c].from_off)->tail = (uint32_t)noise(w);
		pdp_region_ring(r, r->channels[c].to_off)->tail = (uint32_t)noise(w);
	}
	to->tail = (uint32_t)noise(w);
	to->head = (uint32_t)noise(w);
	from->tail = (uint32_t)noise(w);
	from->head = (uint32_t)noise(w);
}

/* All of the page but the word that says that it is dead; the header of the region, too. */
void channel_status(struct world *w)
{
	const size_t life = offsetof(struct pdp_status, life) / sizeof(uint32_t);
	volatile uint32_t *p = (volatile uint32_t *)w->status;
	static struct pdp_region own;

	if (own.magic == 0)
		own = *w->region;
	for (size_t i = 0; i < sizeof(*w->status) / sizeof(*p); i++) {
		if (i != life)
			p[i] = (uint32_t)noise(w);
	}
	p = (volatile uint32_t *)w->region;
	for (size_t i = 0; i < sizeof(own) / sizeof(*p); i++)
		p[i] = (uint32_t)noise(w);
	/* Its own runtime goes by it. */
	*w->region = own;
}

void channel_death(struct world *w)
{
	uint32_t life = __atomic_load_n(&w->status->life, __ATOMIC_RELAXED);

	__atomic_store_n(&w->status->life, life | PDP_LIFE_DIED, __ATOMIC_RELEASE);
	__atomic_store_n(&w->status->life, life & ~PDP_LIFE_DIED, __ATOMIC_RELEASE);
}

static void *wait_for_wakes(void *arg)
{
	uint32_t *word = arg;

	for (;;)
		syscall(SYS_futex, word, FUTEX_WAIT, __atomic_load_n(word, __ATOMIC_RELAXED), NULL,
			NULL, 0);
	return NULL;
}

/* As many sleepers as it can have on the word that the MD wakes by, and always asleep, it says. */
void channel_sleep(struct world *w)
{
	static unsigned int waiters;
	static bool full;
	pthread_t t;

	while (!full && waiters < WAITERS_MAX) {
		full = pthread_create(&t, NULL, wait_for_wakes, &w->status->wake_seq) != 0;
		waiters += !full;
		if (full)
			tell(w, "%u threads wait to be woken", waiters);
	}
	for (unsigned int i = 0; i < 1000; i++)
		__atomic_store_n(&w->status->sleeping, i % 4 != 0, __ATOMIC_RELAXED);
}

/* Messages to its siblings, as they should be and as they should not. */
void channel_flood(struct world *w)
{
	struct pdp_region *region = w->region;
	struct pdp_ctl_ring *ring = pdp_region_ctl(region, region->ctl_from_off);
	uint32_t tail = __atomic_load_n(&ring->tail, __ATOMIC_RELAXED);

	for (unsigned int i = 0; i < PDP_CTL_RING_ELEMS; i++, tail++) {
		const uint64_t x = noise(w);
		struct pdp_ctl_elem e = {
			.engine = (uint16_t)(x & 1 ? x >> 8 : region->engine),
			.size = (uint16_t)(x & 6 ? 40 : x >> 24),
		};

		memcpy(ring->elems[tail % PDP_CTL_RING_ELEMS], &e, sizeof(e));
	}
	__atomic_store_n(&ring->tail, tail, __ATOMIC_RELEASE);
}

/* What an engine may say to the control thread, too often; then what it may not. */
void channel_socket(struct world *w)
{
	struct pdp_engine_report r = {.text = "hostile"};
	static unsigned int n;

	for (unsigned int i = 0; i < AT_ONCE; i++) {
		r.kind = (uint32_t)(n++ < 1000 ? PDP_REPORT_READY : noise(w) % 6);
		send(SOCK, &r, n % 7 == 6 ? noise(w) % sizeof(r) : sizeof(r),
		     MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	if (n == AT_ONCE)
		tell(w, "begins");
}

/* Every BLANK that the MD may have lent, again and again, as a packet to go out. */
void channel_blanks(struct world *w)
{
	const struct pdp_region *region = w->region;
	const struct ring r = returns(w, 0);

	for (uint32_t i = 0; i < region->n_blanks; i++) {
		const struct pdp_sealed_return what = {
			.slot = (uint16_t)(region->n_slots + i),
			.len = MADE_LEN,
			.verdict = PDP_FORWARD,
			.written = MADE_LEN,
		};

		give(&r, &what);
	}
}
