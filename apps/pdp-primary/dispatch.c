/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Turns the configuration into what the MD works with: vifs with ports and MACs resolved, the
 * classifier, one MD a lcore.
 */
#include <stdlib.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_jhash.h>

#include "node.h"

/* A locally administered MAC that is the same at every start: from the names of node, VR and vif.
 */
static void local_mac(uint8_t *mac, const char *vr, const char *vif)
{
	char text[64];
	uint32_t h[2];

	snprintf(text, sizeof(text), "%s/%s/%s", node.config->node, vr, vif);
	h[0] = rte_jhash(text, (uint32_t)strlen(text), 1);
	h[1] = rte_jhash(text, (uint32_t)strlen(text), 2);
	memcpy(mac, h, RTE_ETHER_ADDR_LEN);
	mac[0] = 0x02;
}

static void resolve_vif(struct pdp_vif_conf *conf, const struct pdp_vif_config *vc, const char *vr)
{
	const struct node_port *port = &node.ports[vc->conf.port];

	*conf = vc->conf;
	conf->port = port->id;
	memcpy(conf->port_mac, port->mac, sizeof(conf->port_mac));
	if (vc->has_mac)
		return;
	if (conf->carrier == PDP_CARRIER_UDP || conf->carrier == PDP_CARRIER_VXLAN)
		local_mac(conf->mac, vr, conf->name);
	else
		memcpy(conf->mac, port->mac, sizeof(conf->mac));
}

/* Another VR has a vif with a carrier there, which this one could write the headers of. */
static bool shares_port(unsigned int vr, uint16_t port)
{
	for (unsigned int v = 0; v < node.config->n_vrs; v++) {
		const struct pdp_vr_config *c = &node.config->vrs[v];

		for (unsigned int i = 0; i < c->n_vifs && v != vr; i++) {
			if (c->vifs[i].conf.port == port &&
			    c->vifs[i].conf.carrier != PDP_CARRIER_RAW)
				return true;
		}
	}
	return false;
}

/* What may leave by a raw vif: what allow_src says; of a sealed VR no other VR's VLAN, anyway. */
static void resolve_guard(struct pdp_md_guard *g, unsigned int vr, const struct pdp_vif_config *vc)
{
	static const uint8_t any[6];
	const bool sealed = node.config->vrs[vr].isolation == PDP_ISOLATION_SEALED;

	*g = (struct pdp_md_guard){
		.on = vc->allow || (sealed && vc->conf.carrier == PDP_CARRIER_RAW &&
				    shares_port(vr, vc->conf.port)),
		.any_mac = memcmp(vc->allow_mac, any, sizeof(any)) == 0,
		.prefixes = vc->allow_prefixes,
		.n_prefixes = vc->n_allow_prefixes,
	};
	memcpy(g->mac, vc->allow_mac, sizeof(g->mac));
}

static int make_classifier(void)
{
	unsigned int n = 0, other[2];
	struct pdp_match *matches;
	char err[256] = "";

	for (unsigned int v = 0; v < node.config->n_vrs; v++)
		n += node.config->vrs[v].n_vifs;
	matches = calloc(n + 1, sizeof(*matches));
	if (matches == NULL)
		return complain("out of memory");
	n = 0;
	for (unsigned int v = 0; v < node.config->n_vrs; v++) {
		const struct pdp_vr_config *vc = &node.config->vrs[v];

		node.vrs[v].first_gid = n;
		for (unsigned int i = 0; i < vc->n_vifs; i++)
			matches[n++] = (struct pdp_match){.conf = &node.vrs[v].vifs[i],
							  .prefixes = vc->vifs[i].prefixes,
							  .n_prefixes = vc->vifs[i].n_prefixes};
	}
	node.cls = pdp_classifier_create(matches, n, err, sizeof(err), other);
	free(matches);
	return node.cls != NULL ? 0 : complain("%s: vifs %s", node.config_file, err);
}

static bool mds_share_cpu(void)
{
	for (unsigned int i = 0; i < node.n_md; i++) {
		for (unsigned int k = i + 1; k < node.n_md; k++) {
			if (node.md_cpus[i] == node.md_cpus[k])
				return true;
		}
	}
	return false;
}

bool dispatch_engines_here(void)
{
	for (unsigned int i = 0; i < node.n_md; i++) {
		for (unsigned int k = 0; k < node.config->engine_cpus.n; k++) {
			if (node.md_cpus[i] == node.config->engine_cpus.cpus[k])
				return true;
		}
	}
	return false;
}

struct pdp_rate_limit dispatch_limit(const struct pdp_limit_config *limit)
{
	const bool bytes = limit->kbps != 0;

	return (struct pdp_rate_limit){.rate = bytes ? limit->kbps * UINT64_C(125) : limit->pps,
				       .burst = limit->burst,
				       .bytes = bytes};
}

struct pdp_rate_limit dispatch_punt_limit(const struct pdp_punt_config *limit)
{
	return (struct pdp_rate_limit){.rate = limit->pps, .burst = limit->burst};
}

/* Before the loops start. */
static void set_limits(struct pdp_md *md)
{
	for (unsigned int v = 0; v < node.config->n_vrs; v++) {
		const struct pdp_vr_config *vc = &node.config->vrs[v];
		struct pdp_rate_limit limit = dispatch_limit(&vc->limit);

		pdp_md_vr_set_limit(md, v, -1, &limit);
		for (unsigned int i = 0; i < vc->n_vifs; i++) {
			limit = dispatch_limit(&vc->vifs[i].limit);
			pdp_md_vr_set_limit(md, v, (int)i, &limit);
		}
	}
}

static int make_mds(struct pdp_md_vr_params *vrs, uint16_t *ids, uint16_t *rxqs, uint16_t *txqs)
{
	const struct pdp_config *c = node.config;
	struct pdp_md_params p = {
		.n_md = node.n_md,
		.ports = ids,
		.port_rxqs = rxqs,
		.port_txqs = txqs,
		.n_ports = c->n_ports,
		.vrs = vrs,
		.n_vrs = c->n_vrs,
		.cls = node.cls,
		.pool = node.pool,
		.adaptive = c->md_poll == PDP_POLL_ADAPTIVE,
		.shares_cpu = mds_share_cpu(),
		.engines_here = dispatch_engines_here(),
	};

	for (unsigned int i = 0; i < c->n_ports; i++) {
		ids[i] = node.ports[i].id;
		rxqs[i] = node.ports[i].n_rxq;
		txqs[i] = node.ports[i].n_txq;
	}
	for (unsigned int v = 0; v < c->n_vrs; v++) {
		vrs[v] = (struct pdp_md_vr_params){.name = c->vrs[v].name,
						   .balancer = pdp_balancer_find(c->vrs[v].balance),
						   .restore = c->vrs[v].order == PDP_ORDER_RESTORE,
						   .hash = c->vrs[v].hash,
						   .vifs = node.vrs[v].vifs,
						   .guards = node.vrs[v].guards,
						   .n_vifs = c->vrs[v].n_vifs,
						   .sealed = c->vrs[v].isolation ==
							     PDP_ISOLATION_SEALED,
						   .control = c->vrs[v].netns[0] != '\0',
						   .direct = c->vrs[v].kernel,
						   .backlog = memory_backlog(&c->vrs[v])};
		for (unsigned int k = 0; k < PDP_PUNT_CLASSES; k++)
			vrs[v].punt[k] = dispatch_punt_limit(&c->vrs[v].punt[k]);
	}
	if (pdp_md_create(node.mds, &p) != 0)
		return complain("out of memory");
	for (unsigned int i = 0; i < node.n_md; i++)
		set_limits(node.mds[i]);
	return 0;
}

int dispatch_init(void)
{
	const struct pdp_config *c = node.config;
	uint16_t ids[PORTS_MAX], rxqs[PORTS_MAX], txqs[PORTS_MAX];
	struct pdp_md_vr_params *vrs = calloc(c->n_vrs + 1, sizeof(*vrs));
	int rc = -1;

	node.vrs = calloc(c->n_vrs + 1, sizeof(*node.vrs));
	if (vrs == NULL || node.vrs == NULL) {
		complain("out of memory");
		goto out;
	}
	for (unsigned int v = 0; v < c->n_vrs; v++) {
		for (unsigned int i = 0; i < c->vrs[v].n_vifs; i++) {
			resolve_vif(&node.vrs[v].vifs[i], &c->vrs[v].vifs[i], c->vrs[v].name);
			resolve_guard(&node.vrs[v].guards[i], v, &c->vrs[v].vifs[i]);
		}
	}
	if (make_classifier() == 0)
		rc = make_mds(vrs, ids, rxqs, txqs);
out:
	free(vrs);
	if (rc != 0)
		dispatch_fini();
	return rc;
}

void dispatch_fini(void)
{
	for (unsigned int i = 0; i < PDP_MD_MAX; i++) {
		pdp_md_destroy(node.mds[i]);
		node.mds[i] = NULL;
	}
	pdp_classifier_destroy(node.cls);
	node.cls = NULL;
	free(node.vrs);
	node.vrs = NULL;
}
