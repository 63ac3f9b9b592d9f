/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a plugin may ask of the runtime (struct pdp_vr_services), and the way of a packet back to
 * the MD. Engine thread only.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <rte_branch_prediction.h>
#include <rte_cycles.h>

#include "runtime.h"

/* Out through the vif: its carrier's headers go in front. @return the verdict byte */
static inline uint8_t forward(struct pdp_vr *vr, const struct pdp_pkt *p, int *moved, uint16_t *len)
{
	const struct pdp_vif *vif;
	enum pdp_vif_drop why;

	if (unlikely(p->vif >= vr->conf->n_vifs))
		return pdp_return_pack(PDP_DROP, PDP_DROP_BAD_VIF);
	if (RT_SEALED)
		return pdp_return_pack(PDP_FORWARD, 0);
	vif = &vr->vifs[p->vif];
	if (likely(vif->in_place && *len <= vif->frame_max))
		return pdp_return_pack(PDP_FORWARD, 0);
	why = pdp_vif_encap(vif, p->data, p->headroom, len);
	if (unlikely(why != PDP_VIF_OK))
		return pdp_return_pack(PDP_DROP, (uint8_t)why);
	*moved -= vif->outer_size;
	return pdp_return_pack(PDP_FORWARD, 0);
}

/* What the reason bits say of a packet that is not forwarded. */
static inline uint8_t other(const struct pdp_pkt *p)
{
	if (p->verdict != PDP_PUNT)
		return pdp_return_pack((enum pdp_verdict)p->verdict, p->reason);
	return pdp_return_pack(PDP_PUNT,
			       p->punt_class < PDP_PUNT_CLASSES ? p->punt_class : PDP_PUNT_OTHER);
}

void rt_give(struct pdp_vr *vr, const struct pdp_pkt *p, uint16_t written)
{
	struct rt_channel *ch = &vr->channels[p->channel];
	/* Headroom tells how far the first byte moved: whoever moves it keeps the two in step. */
	int moved = (int)p->headroom - PDP_HEADROOM;
	uint16_t len = p->whole_len;
	rt_return *r;
	uint8_t verdict;

	if (likely(p->verdict == PDP_FORWARD))
		verdict = forward(vr, p, &moved, &len);
	else
		verdict = other(p);
	if (unlikely((verdict & 3) == PDP_DROP))
		vr->n_dropped++;
	vr->n_given++;
	written = RTE_MIN(written, len);
	if (verdict == PDP_FORWARD && moved == 0 && len == p->lent) {
		rt_run_on(ch, p, written);
		return;
	}
	rt_end_run(ch);
	r = pdp_ring_next(&ch->from, 1, sizeof(*r));
	*r = (rt_return)
	{
		.slot = p->slot, .len = len, .moved = (int16_t)moved, .vif = p->vif,
#if RT_SEALED
		.written = written,
#endif
		.verdict = verdict
	};
}

static void take_blank(struct pdp_vr *vr, unsigned int c, struct pdp_pkt *pkt)
{
	struct rt_channel *ch = &vr->channels[c];
	const struct pdp_desc d = ch->blanks[--ch->n_blanks];

	*pkt = (struct pdp_pkt){
		.data = (uint8_t *)vr->base + (d.off_hash & PDP_OFF_MASK),
		.len = d.plen,
		.whole_len = d.plen,
		.headroom = PDP_HEADROOM,
		.channel = (uint8_t)c,
		.slot = d.slot,
	};
}

static int originate(struct pdp_vr *vr, struct pdp_pkt *pkt)
{
	for (unsigned int i = 0; i < vr->region->n_md; i++) {
		unsigned int c = (vr->next_blank + i) % vr->region->n_md;

		if (vr->channels[c].n_blanks == 0)
			continue;
		vr->next_blank = c + 1;
		take_blank(vr, c, pkt);
		return 0;
	}
	vr->status->no_blank++;
	return -ENOBUFS;
}

/* The MD puts behind the copy what this engine does not see of the packet. */
static void ask_payload(struct pdp_vr *vr, const struct pdp_pkt *from, const struct pdp_pkt *to)
{
	const struct pdp_sealed_return r = {.slot = to->slot,
					    .len = from->whole_len,
					    .verdict = PDP_SEALED_PAYLOAD,
					    .written = from->len,
					    .from = from->slot};

	/* Nothing is behind that was given back before. */
	rt_end_run(&vr->channels[to->channel]);
	memcpy(pdp_ring_next(&vr->channels[to->channel].from, 1, sizeof(r)), &r, sizeof(r));
}

static int copy(struct pdp_vr *vr, const struct pdp_pkt *from, struct pdp_pkt *to)
{
	const bool hidden = RT_SEALED && from->whole_len > from->len;

	/* Its payload is with the MD lcore that the packet came from. */
	if (hidden && vr->channels[from->channel].n_blanks != 0) {
		take_blank(vr, from->channel, to);
	} else if (hidden || originate(vr, to) != 0) {
		vr->status->no_blank += hidden;
		return -ENOBUFS;
	}
	if (from->whole_len > to->len || (hidden && from->len == 0)) {
		to->verdict = PDP_DROP;
		rt_give(vr, to, 0);
		return -EMSGSIZE;
	}
	memcpy(to->data, from->data, RT_SEALED ? from->len : from->whole_len);
	if (hidden)
		ask_payload(vr, from, to);
	to->len = from->len;
	to->whole_len = from->whole_len;
	to->vif = from->vif;
	to->in_vif = from->in_vif;
	to->hash = from->hash;
	to->flags = from->flags;
	return 0;
}

static int release(struct pdp_vr *vr, const struct pdp_pkt *pkts, unsigned int n)
{
	int rc = 0;

	for (unsigned int i = 0; i < n; i++) {
		const struct pdp_pkt *p = &pkts[i];

		if (p->channel >= vr->region->n_md || p->verdict >= PDP_HOLD) {
			rc = -EINVAL;
			continue;
		}
		if (p->slot < vr->region->n_slots && vr->status->held > 0)
			vr->status->held--;
		rt_give(vr, p, p->len);
	}
	for (unsigned int c = 0; c < vr->region->n_md; c++)
		rt_flush(&vr->channels[c]);
	return rc;
}

static int send_message(struct pdp_vr *vr, unsigned int engine, const void *msg, size_t size)
{
	struct pdp_ctl_elem elems[PDP_CTL_ELEMS_MAX];
	unsigned int n = pdp_ctl_elems((unsigned int)size);

	if (size > PDP_VR_MSG_SIZE)
		return -EMSGSIZE;
	if (engine >= vr->region->n_engines)
		return -ENOENT;
	elems[0].engine = (uint16_t)engine;
	elems[0].size = (uint16_t)size;
	elems[0].pad = 0;
	/* The tails follow the head's bytes without a gap: elements are an array of lines. */
	memcpy((char *)elems + offsetof(struct pdp_ctl_elem, bytes), msg, size);
	if (!pdp_ctl_ring_put(&vr->ctl_from, elems, n))
		return -ENOBUFS;
	vr->status->ctl_tx++;
	return 0;
}

static uint64_t *counter(struct pdp_vr *vr, const char *name)
{
	struct pdp_status *s = vr->status;
	uint32_t n = s->n_counters;

	if (name[0] == '\0' || strlen(name) >= sizeof(s->counters[0].name))
		return NULL;
	for (uint32_t i = 0; i < n; i++) {
		if (strcmp(s->counters[i].name, name) == 0)
			return &s->counters[i].value;
	}
	if (n == PDP_VR_N_COUNTERS)
		return NULL;
	snprintf(s->counters[n].name, sizeof(s->counters[n].name), "%s", name);
	/* Readers load n_counters (acquire) before they look at names. */
	__atomic_store_n(&s->n_counters, n + 1, __ATOMIC_RELEASE);
	return &s->counters[n].value;
}

static uint64_t now_ns(struct pdp_vr *vr)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t busy_ns(struct pdp_vr *vr)
{
	const uint64_t tsc = vr->status->busy_tsc + (rte_rdtsc() - vr->turn_tsc);

	return (uint64_t)((double)tsc * 1e9 / (double)vr->tsc_hz);
}

static uint32_t hash(struct pdp_vr *vr, const struct pdp_pkt *pkt)
{
	enum pdp_vif_kind kind = vr->conf->vifs[pkt->in_vif].kind;

	return pdp_flow_hash(pkt->data, pkt->len, kind, vr->conf->symmetric);
}

static void burst(struct pdp_vr *vr, unsigned int n)
{
	vr->max_burst = n < 1 ? 1 : n > PDP_BURST_MAX ? PDP_BURST_MAX : n;
}

static void say(struct pdp_vr *vr, int level, const char *format, ...)
{
	static const char *const names[] = {"error", "warning", "notice", "debug"};
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	fprintf(stderr, "%s/%u: %s: %s\n", vr->conf->vr, vr->region->engine,
		names[level >= 0 && level < 4 ? level : 3], text);
}

const struct pdp_vr_services rt_services = {
	.originate = originate,
	.copy = copy,
	.release = release,
	.send = send_message,
	.counter = counter,
	.now_ns = now_ns,
	.hash = hash,
	.burst = burst,
	.log = say,
	.busy_ns = busy_ns,
};
