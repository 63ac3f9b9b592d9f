/* SPDX-License-Identifier: BSD-3-Clause */
/* The plugin ip's runtime (ipkit.h). */
#include "ipkit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fibkit.h"

extern const struct pdp_vr_ops pdp_vr_plugin;

static uint64_t *counter(struct pdp_vr *vr, const char *name)
{
	struct ipkit *k = (struct ipkit *)vr;

	if (k->n_counters == PDP_VR_N_COUNTERS || strlen(name) >= sizeof(k->names[0]))
		return NULL;
	snprintf(k->names[k->n_counters], sizeof(k->names[0]), "%s", name);
	return &k->values[k->n_counters++];
}

static uint64_t now_ns(struct pdp_vr *vr)
{
	return ((struct ipkit *)vr)->now_ns;
}

static uint32_t hash(struct pdp_vr *vr, const struct pdp_pkt *pkt)
{
	struct ipkit *k = (struct ipkit *)vr;

	k->n_hashed++;
	return k->hash;
}

static void say(struct pdp_vr *vr, int level, const char *format, ...)
{
	struct ipkit *k = (struct ipkit *)vr;
	va_list args;

	va_start(args, format);
	vsnprintf(k->said, sizeof(k->said), format, args);
	va_end(args);
}

static const struct pdp_vr_services services = {
	.counter = counter, .now_ns = now_ns, .hash = hash, .log = say};

void ipkit_vif_mac(unsigned int vif, uint8_t mac[6])
{
	memcpy(mac, (const uint8_t[6]){0x02, 0, 0, 0, 0, (uint8_t)vif}, 6);
}

void ipkit_far_mac(unsigned int vif, uint8_t mac[6])
{
	memcpy(mac, (const uint8_t[6]){0x02, 0xfa, 0, 0, 0, (uint8_t)vif}, 6);
}

int ipkit_open(struct ipkit *k, const char *args)
{
	static const uint32_t mtus[IPKIT_VIFS] = {1500, 1500, 1400, 9000};
	const struct pdp_fib_params params = {.name = "test"};
	char err[256];
	int rc;

	memset(k, 0, sizeof(*k));
	k->now_ns = 1000000000;
	k->fib = pdp_fib_create(&params);
	if (k->fib == NULL)
		abort();
	pdp_fib_reader_add(k->fib, 0);
	if (pdp_fib_attach(&k->reader, pdp_fib_fd(k->fib), pdp_fib_qs_fd(k->fib), 0, err,
			   sizeof(err)) != 0)
		abort();
	pdp_fib_online(&k->reader);
	for (unsigned int i = 0; i < IPKIT_VIFS; i++) {
		k->vifs[i] = (struct pdp_vr_vif){.kind = PDP_VIF_ETHERNET, .mtu = mtus[i]};
		ipkit_vif_mac(i, k->vifs[i].mac);
	}
	k->vifs[IPKIT_IP_VIF].kind = PDP_VIF_IP;
	k->info = (struct pdp_vr_info){.vr = (struct pdp_vr *)k,
				       .services = &services,
				       .node = "n",
				       .name = "v",
				       .args = args,
				       .n_engines = 1,
				       .n_vifs = IPKIT_VIFS,
				       .vifs = k->vifs,
				       .fib = &k->reader};
	rc = pdp_vr_plugin.init(&k->info, &k->state);
	return rc;
}

void ipkit_close(struct ipkit *k)
{
	if (k->state != NULL)
		pdp_vr_plugin.fini(k->state);
	pdp_fib_detach(&k->reader);
	pdp_fib_destroy(k->fib);
}

uint16_t ipkit_route(struct ipkit *k, const char *prefix, enum pdp_fib_type type, uint8_t vif)
{
	struct pdp_fib_nexthop nh = {.type = (uint8_t)type, .vif = vif};
	const struct pdp_fib_prefix p = kit_prefix(prefix);
	static uint64_t id;
	int number;

	ipkit_far_mac(vif, nh.mac);
	number = pdp_fib_nexthop_new(k->fib, &nh, ++id);
	if (number <= 0 || pdp_fib_add(k->fib, &p, (uint16_t)number) != 0)
		abort();
	return (uint16_t)number;
}

uint64_t ipkit_count(const struct ipkit *k, const char *name)
{
	for (unsigned int i = 0; i < k->n_counters; i++) {
		if (strcmp(k->names[i], name) == 0)
			return k->values[i];
	}
	fprintf(stderr, "no counter %s\n", name);
	abort();
}

uint64_t ipkit_counted(const struct ipkit *k)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < k->n_counters; i++)
		sum += k->values[i];
	return sum;
}

void ipkit_process(struct ipkit *k, struct pdp_pkt *pkts, unsigned int n)
{
	pdp_vr_plugin.process(k->state, pkts, n);
	pdp_fib_quiescent(&k->reader);
}
