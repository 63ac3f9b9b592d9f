/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A learning Ethernet switch as a VR: a frame goes out of the vif behind which its destination was
 * last seen, or out of all others when nobody knows. Engines tell each other what they learn.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pdp_vr.h>

#define N_HOSTS 4096		      /* a power of two */
#define AGE_NS	(300 * 1000000000ull) /* IEEE 802.1Q: five minutes */

struct host {
	uint8_t mac[6];
	uint8_t vif;
	uint64_t until_ns; /* 0: free */
};

/* One engine's state. Nothing is shared with other engines, so nothing needs a lock. */
struct sw {
	const struct pdp_vr_info *info;
	uint64_t now_ns;
	uint64_t *learnt;
	uint64_t *flooded;
	uint64_t *not_copied;
	struct host hosts[N_HOSTS]; /* by hash of the MAC; who comes later takes the place */
};

static struct host *place(struct sw *s, const uint8_t *mac)
{
	uint32_t h = 2166136261u;

	for (int i = 0; i < 6; i++)
		h = (h ^ mac[i]) * 16777619u;
	return &s->hosts[(h ^ h >> 16) & (N_HOSTS - 1)];
}

/* What a message between engines holds. */
struct news {
	uint8_t mac[6];
	uint8_t vif;
};

/* @return 1: the host is new or has moved */
static int learn(struct sw *s, const uint8_t *mac, uint8_t vif)
{
	struct host *h = place(s, mac);
	int is_news = h->until_ns < s->now_ns || h->vif != vif || memcmp(h->mac, mac, 6) != 0;

	memcpy(h->mac, mac, 6);
	h->vif = vif;
	h->until_ns = s->now_ns + AGE_NS;
	return is_news;
}

/* A message that is lost, for want of room or of a running engine, costs a flooded frame. */
static void tell_siblings(struct sw *s, const uint8_t *mac, uint8_t vif)
{
	struct news news = {.vif = vif};

	memcpy(news.mac, mac, 6);
	++*s->learnt;
	for (unsigned int e = 0; e < s->info->n_engines; e++) {
		if (e != s->info->engine)
			pdp_vr_send(s->info, e, &news, sizeof(news));
	}
}

/* Copies for all vifs but the one it came by and one more, by which the frame itself leaves. */
static void flood(struct sw *s, struct pdp_pkt *p)
{
	unsigned int n = s->info->n_vifs, last = p->in_vif == n - 1 ? n - 2 : n - 1;
	struct pdp_pkt copy;

	if (n < 2)
		return;
	++*s->flooded;
	for (uint8_t vif = 0; vif < last; vif++) {
		if (vif == p->in_vif)
			continue;
		if (pdp_vr_copy(s->info, p, &copy) != 0) {
			++*s->not_copied;
			continue;
		}
		copy.vif = vif;
		copy.verdict = PDP_FORWARD;
		pdp_vr_release(s->info, &copy, 1);
	}
	p->vif = (uint8_t)last;
	p->verdict = PDP_FORWARD;
}

static void process(void *state, struct pdp_pkt *pkts, unsigned int n)
{
	struct sw *s = state;

	s->now_ns = pdp_vr_now_ns(s->info);
	for (unsigned int i = 0; i < n; i++) {
		struct pdp_pkt *p = &pkts[i];
		const uint8_t *dst = p->data, *src = p->data + 6;
		const struct host *h;

		if (p->len < 14)
			continue; /* the verdict is PDP_DROP already */
		if (!(src[0] & 1) && learn(s, src, p->in_vif))
			tell_siblings(s, src, p->in_vif);
		h = place(s, dst);
		if ((dst[0] & 1) || h->until_ns < s->now_ns || memcmp(h->mac, dst, 6) != 0) {
			flood(s, p);
		} else if (h->vif != p->in_vif) {
			p->vif = h->vif;
			p->verdict = PDP_FORWARD;
		}
	}
}

static void control(void *state, unsigned int from, const void *msg, size_t size)
{
	const struct news *news = msg;
	struct sw *s = state;

	(void)from;
	s->now_ns = pdp_vr_now_ns(s->info);
	if (size == sizeof(*news) && news->vif < s->info->n_vifs)
		learn(s, news->mac, news->vif);
}

static int init(const struct pdp_vr_info *info, void **state)
{
	struct sw *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; i < info->n_vifs; i++) {
		if (info->vifs[i].kind != PDP_VIF_ETHERNET) {
			pdp_vr_log(info, PDP_LOG_ERR, "vif %s is not of kind ethernet",
				   info->vifs[i].name);
			free(s);
			return -EINVAL;
		}
	}
	s->info = info;
	s->learnt = pdp_vr_counter(info, "learnt");
	s->flooded = pdp_vr_counter(info, "flooded");
	s->not_copied = pdp_vr_counter(info, "not_copied");
	*state = s;
	return 0;
}

static void fini(void *state)
{
	free(state);
}

PDP_VR_PLUGIN({
	.abi_version = PDP_VR_ABI_VERSION,
	.name = "switch",
	.init = init,
	.process = process,
	.control = control,
	.fini = fini,
});
