/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine's loop: control messages first, then a burst from each channel through the plugin and
 * back, tick, give way, sleep. Budget without the plugin: 25 cycles a packet.
 */
#include <linux/futex.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <rte_branch_prediction.h>
#include <rte_cycles.h>
#include <rte_pause.h>
#include <rte_prefetch.h>

#include "idle.h"
#include "runtime.h"

#define EMPTY_US       5    /* polls that long when empty, then sleeps (unless alone on its CPU) */
#define EMPTY_MORE_US  15   /* and that much longer at most, if it was busy for as long */
#define SHARE_US       50   /* had its CPU that long, and has nothing to do: others may have it */
#define CHECK_US       1000 /* looks at the socket at least that often */
#define SLEEP_MAX_NS   100000000
#define ALONE_SLICE_NS 100000000 /* the most there is */
#define PARKED_S       10	 /* a parked engine sleeps that long, unless woken */
#define SAMPLE_EVERY   64	 /* bursts between two whose process() is measured */
#define CTL_BURST      8
#define AHEAD	       64u /* entries of the ring that are asked for before they are read */

void rt_init(struct pdp_vr *vr, struct pdp_region *region, int sock)
{
	vr->region = region;
	vr->status = pdp_region_status(region);
	vr->conf = pdp_region_conf(region);
	vr->base = (char *)region + region->base_delta;
	vr->sock = sock;
	vr->tsc_hz = region->tsc_hz;
	vr->ctl_to.ring = pdp_region_ctl(region, region->ctl_to_off);
	vr->ctl_from.ring = pdp_region_ctl(region, region->ctl_from_off);
	for (unsigned int i = 0; i < region->n_md; i++) {
		const uint32_t n = region->n_slots + region->n_blanks;

		pdp_ring_consumer_init(&vr->channels[i].to,
				       pdp_region_ring(region, region->channels[i].to_off), n);
		pdp_ring_producer_init(
			&vr->channels[i].from,
			pdp_region_ring(region, region->channels[i].from_off),
			RT_SEALED ? pdp_sealed_returns(region->n_slots, region->n_blanks) : n);
	}
}

/* Leading bytes of a packet that are kept at most. */
static inline unsigned int kept_size(const struct pdp_vr *vr)
{
#if RT_SEALED
	return vr->shot_size;
#else
	(void)vr;
	return 0;
#endif
}

/*
 * The beginning of a packet is in the MD's cache. It is asked for ahead, a burst earlier where that
 * one waits already: what the plugin says that it will want, outer headers that have to be
 * unwrapped, and what will be kept of a sealed engine's packets; of that, only the first line with
 * intent to write, as few write behind it.
 */
static inline void fetch(const struct pdp_vr *vr, const struct pdp_desc *d)
{
	const char *data = vr->base + (d->off_hash & PDP_OFF_MASK);
	const bool in_place = vr->plain_max[d->vif] != 0;

	if (!RT_SEALED && in_place && !vr->wants_head)
		return;
	__builtin_prefetch(data, 1);
	if (!RT_SEALED && !in_place)
		__builtin_prefetch(data + PDP_LINE, 1);
	else if (RT_SEALED && RTE_MIN(d->vlen, kept_size(vr)) > PDP_LINE)
		__builtin_prefetch(data + PDP_LINE, 0);
}

/* Carrier headers off. @return false: dropped and given back */
static __attribute__((noinline)) bool decap(struct pdp_vr *vr, struct pdp_pkt *p)
{
	uint16_t len = p->whole_len, off = 0;
	const enum pdp_vif_drop why = pdp_vif_decap(&vr->vifs[p->vif], p->data, &len, &off);

	if (unlikely(why != PDP_VIF_OK)) {
		p->reason = (uint8_t)why;
		rt_give(vr, p, 0);
		return false;
	}
	p->data += off;
	p->len = p->whole_len = len;
	p->headroom = (uint16_t)(PDP_HEADROOM + off);
	return true;
}

/* The fields of a packet are put together as words, which are a quarter of the stores. */
static_assert(offsetof(struct pdp_pkt, len) == 8 && offsetof(struct pdp_pkt, whole_len) == 10 &&
		      offsetof(struct pdp_pkt, headroom) == 12 &&
		      offsetof(struct pdp_pkt, vif) == 14 &&
		      offsetof(struct pdp_pkt, verdict) == 15,
	      "the second word");
static_assert(offsetof(struct pdp_pkt, hash) == 16 && offsetof(struct pdp_pkt, flags) == 20 &&
		      offsetof(struct pdp_pkt, channel) == 21 &&
		      offsetof(struct pdp_pkt, slot) == 22,
	      "the third word");
static_assert(offsetof(struct pdp_pkt, in_vif) == 24 && offsetof(struct pdp_pkt, window) == 26 &&
		      offsetof(struct pdp_pkt, lent) == 30 && sizeof(struct pdp_pkt) == 32,
	      "the fourth word");
static_assert(PDP_DESC_HASH == PDP_PKT_HASH << 1, "shifted below");

/* What the wire carries becomes what the plugin sees. @return false: dropped and given back */
static inline bool unwrap(struct pdp_vr *vr, const struct pdp_desc *d, unsigned int channel,
			  struct pdp_pkt *p)
{
	const uint64_t len = d->plen, shown = RT_SEALED ? d->vlen : len, vif = d->vif;
	const uint64_t words[4] = {
		(uintptr_t)vr->base + (d->off_hash & PDP_OFF_MASK),
		shown | len << 16 | (uint64_t)PDP_HEADROOM << 32 | vif << 48,
		d->off_hash >> PDP_OFF_BITS | (uint64_t)(d->flags >> 1 & PDP_PKT_HASH) << 32 |
			(uint64_t)channel << 40 | (uint64_t)d->slot << 48,
		vif | shown << 16 | len << 48,
	};

	memcpy(p, words, sizeof(*p));
	return RT_SEALED || likely(rt_is_plain(vr, d->vif, d->plen)) || decap(vr, p);
}

#if RT_SEALED
static inline bool same16(const uint8_t *a, const uint8_t *b)
{
	uint64_t x[2], y[2];

	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

/* In whole lines: places in the packets' memory are. No line is touched that the plugin cannot have
 * changed: until it reads one, it stays in the MD's cache and costs neither side anything. */
static inline void keep(struct pdp_vr *vr, const struct pdp_pkt *pkts, unsigned int n)
{
	const unsigned int size = vr->shot_size;

	for (unsigned int i = 0; i < n; i++) {
		for (unsigned int at = 0; at < pkts[i].len && at < size; at += PDP_LINE)
			memcpy(vr->shots[i] + at, pkts[i].data + at, PDP_LINE);
	}
}

static inline uint16_t written(const struct pdp_vr *vr, const struct pdp_pkt *p, unsigned int i)
{
	unsigned int n = RTE_ALIGN_CEIL(RTE_MIN((unsigned int)p->len, vr->shot_size), 16u);

	if (unlikely(p->headroom != PDP_HEADROOM || p->len > p->window ||
		     (p->len > vr->shot_size && !(vr->ops->flags & PDP_VR_HEADER_ONLY))))
		return p->len;
	while (n != 0 && same16(vr->shots[i] + n - 16, p->data + n - 16))
		n -= 16;
	return (uint16_t)RTE_MIN(n, p->len);
}
#else
static inline void keep(struct pdp_vr *vr, const struct pdp_pkt *pkts, unsigned int n)
{
	(void)vr, (void)pkts, (void)n;
}

static inline uint16_t written(const struct pdp_vr *vr, const struct pdp_pkt *p, unsigned int i)
{
	(void)vr, (void)p, (void)i;
	return 0;
}
#endif

/* An answer that is no plain one. */
static inline void answer_other(struct pdp_vr *vr, struct pdp_pkt *p, unsigned int i)
{
	if (p->verdict >= PDP_HOLD) {
		if (p->verdict == PDP_HOLD && vr->ops->flags & PDP_VR_HOLDS) {
			vr->status->held++;
			return;
		}
		p->verdict = PDP_DROP;
		p->reason = PDP_DROP_BAD_HOLD;
	}
	rt_give(vr, p, p->verdict == PDP_FORWARD ? written(vr, p, i) : 0);
}

/* FORWARD, and its beginning where it was: bits of the second word. */
#define PLAIN_MASK UINT64_C(0xff00ffff00000000)
#define PLAIN	   ((uint64_t)PDP_FORWARD << 56 | (uint64_t)PDP_HEADROOM << 32)

/* A packet that leaves as the plugin left it, longer or shorter; the carrier of its vif puts
 * nothing in front of it here. */
static inline bool is_plain(const struct pdp_vr *vr, const struct pdp_pkt *p)
{
	uint64_t word;

	memcpy(&word, &p->len, sizeof(word));
	if ((word & PLAIN_MASK) != PLAIN)
		return false;
	return RT_SEALED ? p->whole_len == p->lent && p->vif < vr->conf->n_vifs
			 : rt_is_plain(vr, p->vif, p->whole_len);
}

#if RT_SEALED
static inline void give_resized(struct rt_channel *ch, const struct pdp_pkt *p)
{
	(void)ch, (void)p;
}
#else
static_assert(offsetof(struct pdp_return, len) == 2 && offsetof(struct pdp_return, moved) == 4 &&
		      offsetof(struct pdp_return, vif) == 6 &&
		      offsetof(struct pdp_return, verdict) == 7,
	      "whole_len, vif and verdict of a packet lie as in its return");

/* A plain packet of another length. */
static inline void give_resized(struct rt_channel *ch, const struct pdp_pkt *p)
{
	uint64_t word;

	rt_end_run(ch);
	memcpy(&word, &p->len, sizeof(word));
	word = (word & UINT64_C(0xffff0000ffff0000)) | p->slot;
	memcpy(pdp_ring_next(&ch->from, 1, sizeof(word)), &word, sizeof(word));
}
#endif

/* The plugin's answers go back, but for packets that it holds. Plain ones are all that is in most
 * bursts, and most of those run on. */
static inline void answer(struct pdp_vr *vr, struct pdp_pkt *pkts, unsigned int n)
{
	struct rt_channel *ch = &vr->channels[pkts[0].channel];
	unsigned int plain = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct pdp_pkt *p = &pkts[i];

		if (unlikely(!is_plain(vr, p))) {
			answer_other(vr, p, i);
			continue;
		}
		plain++;
		if (RT_SEALED || likely(p->whole_len == p->lent))
			rt_run_on(ch, p, written(vr, p, i));
		else
			give_resized(ch, p);
	}
	vr->n_given += plain;
}

static inline void process(struct pdp_vr *vr, struct pdp_pkt *pkts, unsigned int n)
{
	if (unlikely(vr->status->loops % SAMPLE_EVERY == 0)) {
		uint64_t t = rte_rdtsc();

		vr->ops->process(vr->state, pkts, n);
		vr->status->process_tsc += rte_rdtsc() - t;
		vr->status->cycles_pkts += n;
	} else {
		vr->ops->process(vr->state, pkts, n);
	}
}

/* For who wants to know how long it took to get here. */
static void note_first(struct pdp_vr *vr)
{
	struct pdp_status *s = vr->status;

	vr->activation = __atomic_load_n(&s->activation, __ATOMIC_ACQUIRE);
	s->first_tsc = rte_rdtsc();
	__atomic_store_n(&s->served, vr->activation, __ATOMIC_RELEASE);
}

static inline bool is_empty(const struct rt_burst *b)
{
	return b->at == b->n;
}

/* @return packets */
static inline unsigned int refill(struct rt_channel *ch, struct rt_burst *b)
{
	const unsigned int waiting = pdp_ring_count(&ch->to);

	b->at = b->n = 0;
	if (waiting == 0)
		return 0;
	pdp_ring_prefetch(&ch->to, 0, RTE_MIN(waiting, AHEAD), sizeof(b->descs[0]));
	/* Whole groups, whatever the plugin's burst is. */
	b->n = pdp_group_take(&ch->to, waiting, b->descs, PDP_BURST_MAX, &b->entries);
	return b->n;
}

/*
 * The burst to serve. When it begins, the next one starts on its way here, and the descriptors of
 * the one behind it.
 */
static inline struct rt_burst *turn_over(const struct pdp_vr *vr, struct rt_channel *ch)
{
	struct rt_burst *b = &ch->bursts[ch->now], *next;
	unsigned int n;

	if (!is_empty(b))
		return b;
	ch->now ^= 1;
	next = b;
	b = &ch->bursts[ch->now];
	if (is_empty(b)) {
		n = refill(ch, b);
		for (unsigned int i = 0; i < n; i++)
			fetch(vr, &b->descs[i]);
		if (n == 0)
			return b;
	}
	n = refill(ch, next);
	for (unsigned int i = 0; i < n; i++)
		fetch(vr, &next->descs[i]);
	return b;
}

/*
 * A CPU has only so many lines under way; what was asked for beyond that, a burst ahead, is not
 * here yet, and asked for again just before the plugin wants it.
 */
static inline void fetch_again(const struct pdp_vr *vr, const struct pdp_desc *d)
{
	if (!RT_SEALED && vr->wants_head)
		__builtin_prefetch(vr->base + (d->off_hash & PDP_OFF_MASK), 1);
}

static unsigned int serve_channel(struct pdp_vr *vr, unsigned int c)
{
	struct rt_channel *ch = &vr->channels[c];
	struct rt_burst *b = turn_over(vr, ch);
	struct pdp_pkt pkts[PDP_BURST_MAX];
	const unsigned int n = RTE_MIN(b->n - b->at, vr->max_burst);
	unsigned int k = 0;

	if (n == 0)
		return 0;
	for (const struct pdp_desc *d = b->descs + b->at, *end = d + n; d < end; d++) {
		fetch_again(vr, d);
		if (unlikely(d->flags & PDP_DESC_BLANK))
			ch->blanks[ch->n_blanks++] = *d;
		else if (likely(unwrap(vr, d, c, &pkts[k])))
			k++;
	}
	b->at += n;
	if (k != 0) {
		keep(vr, pkts, k);
		process(vr, pkts, k);
		answer(vr, pkts, k);
		if (unlikely(vr->status->activation != vr->activation))
			note_first(vr);
	}
	rt_flush(ch);
	vr->status->rx += k;
	/* Not before it is answered: what process() never comes back from is unread. */
	if (is_empty(b))
		__atomic_store_n(&vr->status->taken, vr->status->taken + b->entries,
				 __ATOMIC_RELAXED);
	__atomic_store_n(&vr->status->bursts, vr->status->bursts + 1, __ATOMIC_RELAXED);
	return n;
}

static unsigned int serve_control(struct pdp_vr *vr)
{
	struct pdp_ctl_elem elems[PDP_CTL_ELEMS_MAX];
	unsigned int n = 0;

	while (n < CTL_BURST && pdp_ctl_ring_take(&vr->ctl_to, elems, 1)) {
		unsigned int tails = pdp_ctl_elems(elems[0].size) - 1;

		if (tails != 0)
			pdp_ctl_ring_take(&vr->ctl_to, elems + 1, tails);
		vr->status->ctl_rx++;
		if (vr->ops->control != NULL)
			vr->ops->control(vr->state, elems[0].engine, elems[0].bytes, elems[0].size);
		n++;
	}
	return n;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void flush_all(struct pdp_vr *vr)
{
	for (unsigned int c = 0; c < vr->region->n_md; c++)
		rt_flush(&vr->channels[c]);
}

static bool parked(const struct pdp_vr *vr)
{
	return __atomic_load_n(&vr->status->parked, __ATOMIC_RELAXED) != 0;
}

/*
 * Alone on its CPU, it gives way to whoever wakes there, as others' slices are shorter, but never
 * to a thread of its own process that is woken to die (main.c), which it would where its slice is
 * just over. Among others it has the slice of all.
 */
static void choose_slice(struct pdp_vr *vr)
{
	const bool alone = __atomic_load_n(&vr->status->busy_poll, __ATOMIC_RELAXED) != 0;
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attr;

	if (RT_SEALED || alone == vr->alone)
		return;
	vr->alone = alone;
	if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) != 0)
		return;
	attr.runtime = alone ? ALONE_SLICE_NS : 0;
	syscall(SYS_sched_setattr, 0, &attr, 0);
}

/* What is not packets: ticks, commands, the socket. */
static void housekeeping(struct pdp_vr *vr)
{
	uint32_t cmd = __atomic_load_n(&vr->status->cmd_seq, __ATOMIC_ACQUIRE);

	if (vr->ops->tick != NULL && vr->now_tsc >= vr->next_tick_tsc && !parked(vr)) {
		vr->next_tick_tsc = vr->now_tsc + vr->tick_tsc;
		vr->ops->tick(vr->state, now_ns());
		flush_all(vr);
	}
	if (cmd != vr->cmd_seen || vr->now_tsc >= vr->next_check_tsc) {
		vr->cmd_seen = cmd;
		vr->next_check_tsc = vr->now_tsc + CHECK_US * vr->tsc_hz / 1000000;
		rt_check_socket(vr);
		choose_slice(vr);
		if (vr->leave_asked && !vr->leave_told) {
			vr->leave_told = true;
			rt_report(vr->sock, PDP_REPORT_LEAVING, 0, "");
		}
	}
}

static bool anything_there(const struct pdp_vr *vr)
{
	if (pdp_ctl_ring_count(&vr->ctl_to) != 0 ||
	    __atomic_load_n(&vr->status->cmd_seq, __ATOMIC_RELAXED) != vr->cmd_seen ||
	    __atomic_load_n(&vr->status->busy_poll, __ATOMIC_RELAXED))
		return true;
	for (unsigned int c = 0; c < vr->region->n_md; c++) {
		const struct rt_channel *ch = &vr->channels[c];

		if (!is_empty(&ch->bursts[0]) || !is_empty(&ch->bursts[1]) ||
		    pdp_ring_count(&ch->to) != 0)
			return true;
	}
	return false;
}

static struct timespec sleep_time(const struct pdp_vr *vr)
{
	const uint64_t now = rte_rdtsc();
	uint64_t left;

	if (parked(vr))
		return (struct timespec){.tv_sec = PARKED_S};
	if (vr->ops->tick == NULL)
		return (struct timespec){.tv_nsec = SLEEP_MAX_NS};
	left = vr->next_tick_tsc > now ? vr->next_tick_tsc - now : 0;
	return (struct timespec){.tv_nsec = (long)RTE_MIN(left * 1000000 / (vr->tsc_hz / 1000),
							  (uint64_t)SLEEP_MAX_NS)};
}

/*
 * Sleep until woken. wake_seq is read first, `sleeping` is set, and after a full fence (it pairs
 * with the MD's between enqueueing and reading `sleeping`) the rings are looked at once more: one
 * of the two sees the other.
 */
static void sleep_until_woken(struct pdp_vr *vr)
{
	struct pdp_status *s = vr->status;
	uint32_t seq = __atomic_load_n(&s->wake_seq, __ATOMIC_SEQ_CST);
	struct timespec ts = sleep_time(vr);

	__atomic_store_n(&s->sleeping, 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!anything_there(vr)) {
		s->sleeps++;
		rt_fib_offline(vr);
		syscall(SYS_futex, &s->wake_seq, FUTEX_WAIT, seq, &ts, NULL, 0);
		rt_fib_online(vr);
		vr->next_check_tsc = 0;
	}
	__atomic_store_n(&s->sleeping, 0, __ATOMIC_RELAXED);
}

static void count_given(struct pdp_vr *vr)
{
	vr->status->dropped += vr->n_dropped;
	vr->status->tx += vr->n_given - vr->n_dropped;
	vr->n_given = vr->n_dropped = 0;
}

/* Some tunnel's outer neighbour is another now. */
static void take_neighbours(struct pdp_vr *vr, uint32_t version)
{
	for (unsigned int i = 0; i < vr->conf->n_vifs; i++)
		pdp_vif_set_neighbour(&vr->vifs[i],
				      __atomic_load_n(&vr->conf->neighbours[i], __ATOMIC_RELAXED));
	vr->neighbours_seen = version;
}

/* One turn. @return packets and messages served */
static unsigned int turn(struct pdp_vr *vr)
{
	const uint32_t version = __atomic_load_n(&vr->conf->neighbours_version, __ATOMIC_ACQUIRE);
	unsigned int n = serve_control(vr);

	if (unlikely(version != vr->neighbours_seen))
		take_neighbours(vr, version);
	for (unsigned int c = 0; c < vr->region->n_md; c++)
		n += serve_channel(vr, c);
	if (vr->n_given != 0)
		count_given(vr);
	return n;
}

/*
 * Where others want the CPU, too, waiting for packets on it would keep theirs waiting for the rest
 * of a slice, some ms. It gives way once it has nothing to do, but keeps the CPU for long enough
 * that the change does not cost much, and short enough that the others' slots do not run out.
 */
void rt_loop(struct pdp_vr *vr)
{
	struct rt_idle idle = {
		.free = EMPTY_US * vr->tsc_hz / 1000000,
		.most = EMPTY_MORE_US * vr->tsc_hz / 1000000,
	};
	struct pdp_status *s = vr->status;
	const uint64_t share_tsc = SHARE_US * vr->tsc_hz / 1000000;
	uint64_t last = rte_rdtsc(), got_cpu = last;

	vr->now_tsc = last;
	vr->next_tick_tsc = last + vr->tick_tsc;
	rt_fib_online(vr);
	while (!vr->stop) {
		unsigned int n;
		uint64_t took;

		vr->turn_tsc = last;
		n = turn(vr);
		vr->now_tsc = rte_rdtsc();
		__atomic_store_n(&s->loops, s->loops + 1, __ATOMIC_RELAXED);
		housekeeping(vr);
		rt_fib_quiescent(vr);
		took = vr->now_tsc - last;
		last = vr->now_tsc;
		if (n != 0) {
			s->busy_tsc += took;
			rt_idle_busy(&idle, took);
			continue;
		}
		s->idle_tsc += took;
		if (__atomic_load_n(&s->busy_poll, __ATOMIC_RELAXED)) {
			rte_pause();
			continue;
		}
		if (!rt_idle_polls(&idle, took)) {
			sleep_until_woken(vr);
		} else if (last - got_cpu >= share_tsc) {
			sched_yield();
		} else {
			rte_pause();
			continue;
		}
		/* What others ran, or it slept, is nobody's time. */
		last = got_cpu = rte_rdtsc();
	}
	rt_fib_offline(vr);
	flush_all(vr);
}
