/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lays out and checks the region that the MD and one engine share.
 * The primary's control thread creates, engines check; nothing here runs per packet.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>

#include "pdp_sealed.h"

static bool params_ok(const struct pdp_region_params *p)
{
	return p->n_md >= 1 && p->n_md <= PDP_MD_MAX && p->n_slots >= PDP_SLOTS_MIN &&
	       p->n_slots <= PDP_SLOTS_MAX && p->n_blanks <= PDP_BLANKS_MAX &&
	       p->n_slots + p->n_blanks <= UINT16_MAX && p->conf_size <= (1u << 20);
}

/* One walk for size and layout, so that they cannot differ. */
static size_t lay_out(const struct pdp_region_params *p, struct pdp_region *r)
{
	const uint32_t n = p->n_slots + p->n_blanks;
	const size_t to = RTE_ALIGN_CEIL(pdp_ring_size(n, sizeof(struct pdp_desc)), PDP_LINE);
	const size_t from = RTE_ALIGN_CEIL(
		p->sealed ? pdp_ring_size(pdp_sealed_returns(p->n_slots, p->n_blanks),
					  sizeof(struct pdp_sealed_return))
			  : pdp_ring_size(n, sizeof(struct pdp_return)),
		PDP_LINE);
	const size_t ctl = sizeof(struct pdp_ctl_ring);
	size_t off = RTE_ALIGN_CEIL(sizeof(*r), PDP_LINE);

	r->status_off = off;
	off += RTE_ALIGN_CEIL(sizeof(struct pdp_status), PDP_LINE);
	r->conf_off = off;
	off += RTE_ALIGN_CEIL(p->conf_size, PDP_LINE);
	r->ctl_to_off = off;
	off += ctl;
	r->ctl_from_off = off;
	off += ctl;
	for (unsigned int i = 0; i < p->n_md; i++) {
		r->channels[i].to_off = off;
		off += to;
		r->channels[i].from_off = off;
		off += from;
	}
	return off;
}

size_t pdp_region_size(const struct pdp_region_params *params)
{
	struct pdp_region r;

	return params_ok(params) ? lay_out(params, &r) : 0;
}

struct pdp_region *pdp_region_create(void *mem, const struct pdp_region_params *params,
				     const void *base)
{
	struct pdp_region *r = mem;
	size_t size = pdp_region_size(params);

	if (size == 0) {
		errno = EINVAL;
		return NULL;
	}
	memset(mem, 0, size);
	lay_out(params, r);
	r->version = PDP_LAYOUT_VERSION;
	r->header_size = sizeof(*r);
	r->size = size;
	r->base_delta = (intptr_t)base - (intptr_t)mem;
	r->n_md = params->n_md;
	r->n_slots = params->n_slots;
	r->n_blanks = params->n_blanks;
	r->engine = params->engine;
	r->n_engines = params->n_engines;
	r->conf_size = params->conf_size;
	r->sealed = params->sealed;
	r->tsc_hz = params->tsc_hz;
	/* Pairs with the acquire load in pdp_region_check(). */
	__atomic_store_n(&r->magic, PDP_REGION_MAGIC, __ATOMIC_RELEASE);
	return r;
}

int pdp_region_check(const void *mem, size_t size, char *err, size_t err_size)
{
	const struct pdp_region *r = mem;

	if (size < sizeof(*r) || __atomic_load_n(&r->magic, __ATOMIC_ACQUIRE) != PDP_REGION_MAGIC) {
		snprintf(err, err_size,
			 "the shared memory is not a PdP region; is the primary another program?");
		return -EPROTO;
	}
	if (r->version != PDP_LAYOUT_VERSION || r->header_size != sizeof(*r)) {
		snprintf(err, err_size,
			 "the primary lays shared memory out as version %u, this engine as version "
			 "%u; "
			 "use pdp-primary and pdp-engine of one build",
			 r->version, PDP_LAYOUT_VERSION);
		return -EPROTO;
	}
	if (r->size > size || r->n_md < 1 || r->n_md > PDP_MD_MAX) {
		snprintf(err, err_size, "the shared memory is %zu bytes, its header says %zu", size,
			 (size_t)r->size);
		return -EPROTO;
	}
	return 0;
}
